"""Many clients at once: one loop over all their sockets.

Each client is a generator. It does what it can without waiting and yields "read" or "write" for what it waits for, so
its code reads top-down as if it were alone, and a client that is slow or silent holds up nobody. When a generator
returns, or raises, the loop says goodbye to the socket: FIN, half a second to take what is under way, close.
"""

from __future__ import annotations

import errno
import os
import selectors
import time

from tlsdeck.net import sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tlsdeck.net.sockets import Listener

    # What serves one client: descriptor and peer's address in, a generator of waits out.
    Service = Callable[[int, str], Generator[str]]

_EVENTS = {"read": selectors.EVENT_READ, "write": selectors.EVENT_WRITE}
_LINGER = 0.5  # seconds
_BACK_OFF = 0.1  # seconds without accepting after the system ran out of something
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Crowd:
    """Serves the clients of a listener.

    `limit`: accept that many and return when the last is done; None for no end. `short` is told, once per shortage,
    when the system has no descriptor for another client.
    """

    def __init__(
        self, listener: Listener, service: Service, *, limit: int | None, short: Callable[[OSError], None]
    ) -> None:
        self._listener = listener
        self._service = service
        self._left = limit
        self._short = short
        self._selector = selectors.DefaultSelector()
        self._clients: dict[int, Generator[str]] = {}
        self._leaving: dict[int, float] = {}  # descriptor to deadline, the earliest first
        self._resume: float | None = None  # when to accept again after a shortage
        self._in_shortage = False

    def run(self) -> None:
        """Serves until the limit is reached."""
        self._listener.socket.setblocking(False)
        self._selector.register(self._listener.socket, selectors.EVENT_READ)
        try:
            while self._left != 0 or self._clients or self._leaving:
                self._turn()
        finally:
            self._close()

    def _turn(self) -> None:
        for key, _ in self._selector.select(self._timeout()):
            if key.fd in self._clients:
                self._advance(key.fd, key.events)
            elif key.fileobj is self._listener.socket:
                self._accept()
            elif not sockets.take_all(key.fd):
                self._drop(key.fd)
        self._pass_time()

    # --- coming --------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        try:
            descriptor, peer = self._listener.accept()
        except OSError as error:
            # Anything else, such as a client that is gone again, concerns nobody here.
            if error.errno in _SHORTAGES:
                self._pause(error)
            return
        self._in_shortage = False
        if self._left is not None:
            self._left -= 1
            if not self._left:
                self._selector.unregister(self._listener.socket)
        self._clients[descriptor] = self._service(descriptor, peer)
        self._advance(descriptor, 0)

    def _pause(self, error: OSError) -> None:
        if not self._in_shortage:
            self._in_shortage = True
            self._short(error)
        self._selector.unregister(self._listener.socket)
        self._resume = time.monotonic() + _BACK_OFF

    # --- staying -------------------------------------------------------------------------------------------

    def _advance(self, descriptor: int, registered: int) -> None:
        """Lets a client go on, and waits for what it asks for; `registered` is what was waited for."""
        wanted = _EVENTS.get(next(self._clients[descriptor], ""), 0)
        if not wanted:
            self._leave(descriptor, registered)
        elif not registered:
            self._selector.register(descriptor, wanted)
        elif wanted != registered:
            self._selector.modify(descriptor, wanted)

    # --- leaving -------------------------------------------------------------------------------------------

    def _leave(self, descriptor: int, registered: int) -> None:
        del self._clients[descriptor]
        sockets.stop_sending(descriptor)
        if not sockets.take_all(descriptor):
            if registered:
                self._selector.unregister(descriptor)
            os.close(descriptor)
            return
        if not registered:
            self._selector.register(descriptor, selectors.EVENT_READ)
        elif registered != selectors.EVENT_READ:
            self._selector.modify(descriptor, selectors.EVENT_READ)
        self._leaving[descriptor] = time.monotonic() + _LINGER

    def _drop(self, descriptor: int) -> None:
        del self._leaving[descriptor]
        self._selector.unregister(descriptor)
        os.close(descriptor)

    # --- time ----------------------------------------------------------------------------------------------

    def _timeout(self) -> float | None:
        """Seconds until something is due."""
        due = next(iter(self._leaving.values()), None)
        if self._resume is not None:
            due = self._resume if due is None else min(due, self._resume)
        return None if due is None else max(0.0, due - time.monotonic())

    def _pass_time(self) -> None:
        if not self._leaving and self._resume is None:
            return
        now = time.monotonic()
        for descriptor in [descriptor for descriptor, deadline in self._leaving.items() if deadline <= now]:
            self._drop(descriptor)
        if self._resume is not None and self._resume <= now:
            self._resume = None
            self._selector.register(self._listener.socket, selectors.EVENT_READ)

    def _close(self) -> None:
        for client in self._clients.values():
            client.close()
        for descriptor in (*self._clients, *self._leaving):
            os.close(descriptor)
        self._selector.close()
