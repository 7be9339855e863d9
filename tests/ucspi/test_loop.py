"""Many tasks in one thread."""

from __future__ import annotations

import os
import time

import pytest

from tlsdeck.ucspi.loop import NEVER, READ, Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.ucspi.loop import Steps


def test_tasks_are_resumed_when_their_descriptors_are_ready() -> None:
    loop, said = Loop(), []
    first, second = os.pipe(), os.pipe()

    def listen(name: str, pipe: tuple[int, int]) -> Steps[None]:
        yield {pipe[0]: READ}, NEVER
        said.append((name, os.read(pipe[0], 10)))

    def speak() -> Steps[None]:
        os.write(second[1], b"2")
        yield {}, time.monotonic() + 0.05
        os.write(first[1], b"1")

    for task in (listen("first", first), listen("second", second), speak()):
        loop.start(task)
    loop.run()
    assert said == [("second", b"2"), ("first", b"1")]
    for number in (*first, *second):
        os.close(number)


def test_a_deadline_that_is_put_off() -> None:
    loop, times = Loop(), []
    reading, writing = os.pipe()
    start = time.monotonic()

    def task() -> Steps[None]:
        os.write(writing, b"x")
        ready = yield {reading: READ}, start + 0.05
        assert ready
        os.read(reading, 1)
        ready = yield {reading: READ}, start + 0.2
        assert not ready
        times.append(time.monotonic() - start)

    loop.start(task())
    loop.run()
    assert 0.19 <= times[0] < 2
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("fails", [False, True])
def test_what_blocks_runs_beside_the_others(fails: bool) -> None:
    loop, said = Loop(), []

    def slow() -> str:
        time.sleep(0.2)
        if fails:
            raise OSError("no")
        return "slow"

    def asks() -> Steps[None]:
        try:
            said.append((yield from loop.in_thread(slow)))
        except OSError as error:
            said.append(str(error))

    def quick() -> Steps[None]:
        yield {}, time.monotonic() + 0.01
        said.append("quick")

    loop.start(asks())
    loop.start(quick())
    loop.run()
    assert said == ["quick", "no" if fails else "slow"]
