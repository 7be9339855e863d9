"""Time limits: how long each phase of a connection, and all of it, may take.

A `Clock` is asked before every wait. It gives the moment at which to stop waiting, and it raises once that moment has
passed, also when the peer keeps a connection busy without getting anywhere, a byte a second.
"""

from __future__ import annotations

import errno
import time

from tlsdeck.errors import TimeLimitError
from tlsdeck.record import Record


def seconds_left(end: float | None) -> float | None:
    """Until a moment on the monotonic clock, not below 0; None for never."""
    return None if end is None else max(0.0, end - time.monotonic())


class Limits(Record):
    """The longest time, in seconds, for each phase; None for no limit.

    `connect`: name resolution and connecting; `handshake`: what comes before TLS, and the handshake; `idle`: no
    application data in either direction after that; `total`: from the making of the clock to the end.
    """

    connect: float | None = None
    handshake: float | None = None
    idle: float | None = None
    total: float | None = None


_COMPLAINTS = {
    "connect": "not connected after {} seconds (-connect_timeout)",
    "handshake": "handshake not complete after {} seconds (-handshake_timeout)",
    "idle": "no data for {} seconds (-idle_timeout)",
    "total": "not finished after {} seconds (-total_timeout)",
}


class Clock:
    """The limits of one run, and the phase it is in. `end` is on the monotonic clock, None for no limit."""

    __slots__ = ("_limits", "_phase", "_total_end", "end")

    def __init__(self, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._limits = limits
        self._phase = "total"
        self._total_end = None if limits.total is None else time.monotonic() + limits.total
        self.end = self._total_end

    def enter(self, phase: str) -> None:
        """Begins a phase ("connect", "handshake", "idle"), or begins it anew."""
        limit: float | None = getattr(self._limits, phase)
        self._phase, self.end = "total", self._total_end
        if limit is None:
            return
        end = time.monotonic() + limit
        if self.end is None or end < self.end:
            self._phase, self.end = phase, end

    def check(self) -> None:
        """Raises TimeLimitError when the time is over."""
        if self.end is not None and time.monotonic() >= self.end:
            raise self.over()

    def left(self) -> float | None:
        """Milliseconds until the end, for poll(2); None for no limit."""
        left = seconds_left(self.end)
        return None if left is None else left * 1000

    def over(self) -> TimeLimitError:
        """The error that says which limit it is."""
        limit = getattr(self._limits, self._phase)
        return TimeLimitError(_COMPLAINTS[self._phase].format(f"{limit:g}"), errno=errno.ETIMEDOUT)
