"""Waiting for descriptors, signals and moments, and calling whom it concerns: all the supervisor ever waits for.

Calls are made one after the other. A signal is no exception: all that its handler does is to write its number to a pipe
(signal.set_wakeup_fd), and the call is made when the pipe is read, never in the middle of another.

Timers of one delay are due in the order in which they were set. So there is a row for each delay, of which only the
first needs a look: setting and cancelling cost the same whether ten programs are waited for or ten thousand.
"""

from __future__ import annotations

import os
import select
import signal
import time

from tlsdeck.ucspi.channel import close_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

READ, WRITE = select.EPOLLIN, select.EPOLLOUT
_LONGEST_WAIT = 86400.0  # seconds; epoll_wait(2) cannot count many more


class Timer:
    """A call that is due at a moment, unless it is cancelled before."""

    __slots__ = ("call", "due", "row")

    def __init__(self, call: Callable[[], object], due: float, row: dict[Timer, None]) -> None:
        self.call = call
        self.due = due
        self.row = row
        row[self] = None

    def cancel(self) -> None:
        """Nothing happens to one whose call has been made."""
        self.row.pop(self, None)


class Dispatcher:
    """Makes the calls it was asked to make."""

    def __init__(self) -> None:
        self._poll = select.epoll()  # poll(2) takes no more descriptors than there may be
        self._watched: dict[int, tuple[int, Callable[[], object]]] = {}
        self._rows: dict[float, dict[Timer, None]] = {}
        self._signals: dict[int, Callable[[], object]] = {}
        self._wakeup = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        self.watch(self._wakeup[0], READ, self._signalled)

    def watch(self, number: int, events: int, call: Callable[[], object]) -> None:
        """Makes a call whenever one of these events comes to a descriptor, until they are 0; always the same call."""
        before, _ = self._watched.get(number, (0, None))
        if events == before:
            return
        if not events:
            self.forget(number)
            return
        (self._poll.modify if before else self._poll.register)(number, events)
        self._watched[number] = events, call

    def forget(self, number: int) -> None:
        """Makes no more calls about a descriptor; said before it is closed."""
        del self._watched[number]
        self._poll.unregister(number)

    def on_signal(self, number: signal.Signals, call: Callable[[], object]) -> None:
        """From now on makes a call when this signal comes; it may have come more than once."""
        self._signals[number] = call
        signal.signal(number, _noticed)

    def after(self, delay: float, call: Callable[[], object]) -> Timer:
        """Makes a call in so many seconds. Different delays should be few."""
        return Timer(call, time.monotonic() + delay, self._rows.setdefault(delay, {}))

    def turn(self) -> None:
        """Waits until something comes or is due, and makes all calls about it."""
        for number, _ in self._poll.poll(self._patience()):
            if number in self._watched:  # an earlier call may have ended that
                self._watched[number][1]()
        now = time.monotonic()
        for row in list(self._rows.values()):
            while row and (timer := next(iter(row))).due <= now:
                timer.cancel()
                timer.call()

    def close(self) -> None:
        """Makes no more calls. In a child this leaves the parent's signals alone."""
        signal.set_wakeup_fd(-1)
        close_all(self._wakeup)
        self._poll.close()

    def _patience(self) -> float:
        due = [next(iter(row)).due for row in self._rows.values() if row]
        return min(max(0.0, min(due) - time.monotonic()), _LONGEST_WAIT) if due else _LONGEST_WAIT

    def _signalled(self) -> None:
        for number in set(os.read(self._wakeup[0], 256)) & self._signals.keys():
            self._signals[number]()


def _noticed(_number: int, _frame: object) -> None:
    """A signal has come; `turn` reads which from the pipe."""
