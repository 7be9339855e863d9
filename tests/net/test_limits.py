from __future__ import annotations

import errno
import time

import pytest

from tlsdeck.errors import TimeLimitError
from tlsdeck.net.limits import Clock, Limits


def over(clock: Clock) -> str:
    with pytest.raises(TimeLimitError) as raised:
        clock.check()
    assert raised.value.errno == errno.ETIMEDOUT
    return raised.value.message


def test_clock_without_limits_never_ends() -> None:
    clock = Clock()
    for phase in ("connect", "handshake", "idle"):
        clock.enter(phase)
        clock.check()
        assert clock.end is None
        assert clock.left() is None


@pytest.mark.parametrize(
    "phase, message",
    [
        ("connect", "not connected after 0.01 seconds (-connect_timeout)"),
        ("handshake", "handshake not complete after 0.01 seconds (-handshake_timeout)"),
        ("idle", "no data for 0.01 seconds (-idle_timeout)"),
    ],
)
def test_phase_ends_at_its_own_limit(phase: str, message: str) -> None:
    clock = Clock(Limits(connect=0.01, handshake=0.01, idle=0.01, total=100))
    clock.enter(phase)
    clock.check()
    time.sleep(0.01)
    assert over(clock) == message
    assert clock.left() == 0


def test_total_goes_on_through_the_phases() -> None:
    clock = Clock(Limits(connect=100, total=0.01))
    time.sleep(0.01)
    clock.enter("connect")
    assert over(clock) == "not finished after 0.01 seconds (-total_timeout)"


def test_phase_that_is_entered_again_begins_anew() -> None:
    clock = Clock(Limits(idle=100))
    clock.enter("idle")
    first = clock.end
    time.sleep(0.001)
    clock.enter("idle")
    assert first is not None
    assert clock.end is not None
    assert clock.end > first
    assert 0 < (clock.left() or 0) <= 100_000


def test_next_phase_leaves_the_limit_of_the_last_one_behind() -> None:
    clock = Clock(Limits(connect=0.001))
    clock.enter("connect")
    clock.enter("handshake")
    time.sleep(0.002)
    clock.check()
