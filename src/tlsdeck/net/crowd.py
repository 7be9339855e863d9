"""Many clients at once: one loop over all their sockets.

Each client is a generator. It does what it can without waiting and yields "read" or "write" for what it waits for, so
its code reads top-down as if it were alone, and a client that is slow or silent holds up nobody. What it cannot do
without waiting it has done elsewhere, and yields a descriptor that is readable when that is over. When a generator
returns, the loop says goodbye to the socket: FIN, half a second to take what is under way, close.

Each client has a clock, which its generator sets to the phase it is in. When its time is over, TimeLimitError is raised
in the generator where it waits, so that it ends as after any other failure of its client's.

An exception that nobody foresaw ends the one client in whose generator it came up, and is told. Only what concerns all
clients ends the loop and closes every one of them: that nobody reads what we show, or an interrupt.
"""

from __future__ import annotations

import errno
import heapq
import os
import selectors
import time

from tlsdeck.errors import OutputError
from tlsdeck.net import sockets
from tlsdeck.net.limits import Clock, Limits
from tlsdeck.tls import endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tlsdeck.errors import TimeLimitError
    from tlsdeck.net.sockets import Listener

    # "read" and "write" are about the client's descriptor, a number is another descriptor to read from.
    Waits = Generator[str | int]
    # What serves one client: its descriptor and its clock in, a generator of waits out.
    Service = Callable[[int, Clock], Waits]

_EVENTS = {"read": selectors.EVENT_READ, "write": selectors.EVENT_WRITE}
_BACK_OFF = 0.1  # seconds without accepting after the system ran out of something
_NEVER = float("inf")
_SPARE = 100  # moments that are out of date, before they are cleared away
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Deadlines:
    """The moments at which something is due, by the descriptor it is about. The earliest one counts for each."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []
        self._ends: dict[int, float] = {}  # the others in the heap are out of date

    def set(self, descriptor: int, end: float | None) -> None:
        """It is due then; one that is set to later is asked again when the first is due."""
        if end is not None and end < self._ends.get(descriptor, _NEVER):
            self._ends[descriptor] = end
            heapq.heappush(self._heap, (end, descriptor))
            if len(self._heap) > 2 * len(self._ends) + _SPARE:
                self._heap = sorted((end, descriptor) for descriptor, end in self._ends.items())

    def drop(self, descriptor: int) -> None:
        """It is not due any more."""
        self._ends.pop(descriptor, None)

    def next(self) -> float:
        """The earliest moment."""
        while self._heap and self._ends.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else _NEVER

    def pop(self, now: float) -> int | None:
        """A descriptor that is due."""
        if self.next() > now:
            return None
        _, descriptor = heapq.heappop(self._heap)
        del self._ends[descriptor]
        return descriptor


class Crowd:
    """Serves the clients of a listener.

    `limit`: accept that many and return when the last is done; None for no end. `most` are served at once, further ones
    wait in the listener's queue. `limits`: those of "handshake" and "idle" are each client's. `short` is told, once per
    shortage, when the system has no descriptor for another client; `broken` what a service raised that it should not.
    """

    def __init__(
        self,
        listener: Listener,
        service: Service,
        *,
        limit: int | None,
        short: Callable[[OSError], None],
        broken: Callable[[Exception], None],
        most: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._listener = listener
        self._service = service
        self._left = limit
        self._short = short
        self._broken = broken
        self._most = _NEVER if most is None else most
        self._limits = limits
        self._selector = selectors.DefaultSelector()
        self._clients: dict[int, Waits] = {}
        self._clocks: dict[int, Clock] = {}
        self._deadlines = Deadlines()
        self._elsewhere: dict[int, int] = {}  # a descriptor that is waited for, and whose
        self._leaving: dict[int, float] = {}  # to deadline, the earliest first
        self._accepting = False
        self._resume: float | None = None  # when to accept again after a shortage
        self._in_shortage = False

    def run(self) -> None:
        """Serves until the limit is reached."""
        try:
            while self._left != 0 or self._clients or self._leaving:
                self._listen()
                self._turn()
        finally:
            self._close()

    def _listen(self) -> None:
        """Accepts or does not, as it is now."""
        room = len(self._clients) + len(self._leaving) < self._most
        wanted = room and self._left != 0 and self._resume is None
        if wanted and not self._accepting:
            self._selector.register(self._listener.descriptor, selectors.EVENT_READ)
        elif self._accepting and not wanted:
            self._selector.unregister(self._listener.descriptor)
        self._accepting = wanted

    def _turn(self) -> None:
        for key, _ in self._selector.select(self._timeout()):
            if key.fd in self._clients:
                self._advance(key.fd, key.events)
            elif key.fd in self._elsewhere:
                self._selector.unregister(key.fd)
                self._advance(self._elsewhere.pop(key.fd), 0)
            elif key.fd == self._listener.descriptor:
                self._accept()
            elif not sockets.take_all(key.fd):
                self._drop(key.fd)
        self._pass_time()

    # --- coming --------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        try:
            client = endpoint.accept(self._listener.descriptor)
        except OSError as error:
            # Anything else, such as a client that is gone again, concerns nobody here.
            if error.errno in _SHORTAGES:
                self._pause(error)
            return
        self._in_shortage = False
        if self._left is not None:
            self._left -= 1
        clock = Clock(self._limits)
        clock.enter("handshake")
        try:
            self._clients[client] = self._service(client, clock)
        except OutputError:
            os.close(client)
            raise
        except Exception as problem:
            os.close(client)
            self._broken(problem)
            return
        self._clocks[client] = clock
        self._advance(client, 0)

    def _pause(self, error: OSError) -> None:
        if not self._in_shortage:
            self._in_shortage = True
            self._short(error)
        self._resume = time.monotonic() + _BACK_OFF

    # --- staying -------------------------------------------------------------------------------------------

    def _advance(self, client: int, registered: int, over: TimeLimitError | None = None) -> None:
        """Lets a client go on, and waits for what it asks for; `registered` is what was waited for."""
        wait = self._next_wait(self._clients[client], over)
        if isinstance(wait, int):
            self._await_elsewhere(client, registered, wait)
        elif wait in _EVENTS:
            self._await(client, registered, _EVENTS[wait])
        else:
            self._leave(client, registered)
            return
        self._deadlines.set(client, self._clocks[client].end)

    def _next_wait(self, service: Waits, over: TimeLimitError | None) -> str | int:
        try:
            return next(service) if over is None else service.throw(over)
        except StopIteration:
            pass
        except OutputError:
            raise
        except Exception as problem:
            self._broken(problem)
        return ""

    def _await_elsewhere(self, client: int, registered: int, descriptor: int) -> None:
        if registered:
            self._selector.unregister(client)
        self._selector.register(descriptor, selectors.EVENT_READ)
        self._elsewhere[descriptor] = client

    def _await(self, client: int, registered: int, wanted: int) -> None:
        if not registered:
            self._selector.register(client, wanted)
        elif wanted != registered:
            self._selector.modify(client, wanted)

    # --- leaving -------------------------------------------------------------------------------------------

    def _leave(self, client: int, registered: int) -> None:
        del self._clients[client], self._clocks[client]
        self._deadlines.drop(client)
        endpoint.stop_sending(client)
        if sockets.take_all(client):
            self._await(client, registered, selectors.EVENT_READ)
            self._leaving[client] = time.monotonic() + sockets.LINGER
            return
        if registered:
            self._selector.unregister(client)
        os.close(client)

    def _drop(self, client: int) -> None:
        del self._leaving[client]
        self._selector.unregister(client)
        os.close(client)

    # --- time ----------------------------------------------------------------------------------------------

    def _timeout(self) -> float | None:
        """Seconds until something is due; None for never."""
        leaving = next(iter(self._leaving.values()), _NEVER)
        due = min(leaving, self._resume or _NEVER, self._deadlines.next())
        return None if due == _NEVER else max(0.0, due - time.monotonic())

    def _pass_time(self) -> None:
        now = time.monotonic()
        while self._leaving and next(iter(self._leaving.values())) <= now:
            self._drop(next(iter(self._leaving)))
        if self._resume is not None and self._resume <= now:
            self._resume = None
        while (client := self._deadlines.pop(now)) is not None:
            self._check(client, now)

    def _check(self, client: int, now: float) -> None:
        """Its time may be over. What it has done elsewhere comes to its end by itself, and is waited for."""
        clock = self._clocks[client]
        if client in self._elsewhere.values():
            return
        if clock.end is not None and clock.end <= now:
            self._advance(client, self._selector.get_key(client).events, clock.over())
        else:
            self._deadlines.set(client, clock.end)

    def _close(self) -> None:
        for service in self._clients.values():
            service.close()
        for client in (*self._clients, *self._leaving):
            os.close(client)
        self._selector.close()
