"""Many clients at once: one loop over all their sockets.

Each client is a generator. It does what it can without waiting and yields "read" or "write" for what it waits for, so
its code reads top-down as if it were alone, and a client that is slow or silent holds up nobody. What it cannot do
without waiting it has done elsewhere, and yields a descriptor that is readable when that is over. When a generator
returns, the loop says goodbye to the socket: FIN, half a second to take what is under way, close. What a generator
raises ends the loop and closes every client; a service keeps to itself what concerns its own client only.
"""

from __future__ import annotations

import errno
import os
import selectors
import time

from tlsdeck.net import sockets
from tlsdeck.tls import endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tlsdeck.net.sockets import Listener

    # "read" and "write" are about the client's descriptor, a number is another descriptor to read from.
    Waits = Generator[str | int]
    # What serves one client: its descriptor in, a generator of waits out.
    Service = Callable[[int], Waits]

_EVENTS = {"read": selectors.EVENT_READ, "write": selectors.EVENT_WRITE}
_BACK_OFF = 0.1  # seconds without accepting after the system ran out of something
_NEVER = float("inf")
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
        self._clients: dict[int, Waits] = {}
        self._elsewhere: dict[int, int] = {}  # a descriptor that is waited for, and whose
        self._leaving: dict[int, float] = {}  # to deadline, the earliest first
        self._resume: float | None = None  # when to accept again after a shortage
        self._in_shortage = False

    def run(self) -> None:
        """Serves until the limit is reached."""
        self._selector.register(self._listener.descriptor, selectors.EVENT_READ)
        try:
            while self._left != 0 or self._clients or self._leaving:
                self._turn()
        finally:
            self._close()

    def _turn(self) -> None:
        pending = bool(self._leaving) or self._resume is not None
        for key, _ in self._selector.select(self._timeout() if pending else None):
            if key.fd in self._clients:
                self._advance(key.fd, key.events)
            elif key.fd in self._elsewhere:
                self._selector.unregister(key.fd)
                self._advance(self._elsewhere.pop(key.fd), 0)
            elif key.fd == self._listener.descriptor:
                self._accept()
            elif not sockets.take_all(key.fd):
                self._drop(key.fd)
        if pending:
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
            if not self._left:
                self._selector.unregister(self._listener.descriptor)
        try:
            self._clients[client] = self._service(client)
        except BaseException:
            os.close(client)
            raise
        self._advance(client, 0)

    def _pause(self, error: OSError) -> None:
        if not self._in_shortage:
            self._in_shortage = True
            self._short(error)
        self._selector.unregister(self._listener.descriptor)
        self._resume = time.monotonic() + _BACK_OFF

    # --- staying -------------------------------------------------------------------------------------------

    def _advance(self, client: int, registered: int) -> None:
        """Lets a client go on, and waits for what it asks for; `registered` is what was waited for."""
        wait = next(self._clients[client], "")
        if isinstance(wait, int):
            self._await_elsewhere(client, registered, wait)
        elif wait in _EVENTS:
            self._await(client, registered, _EVENTS[wait])
        else:
            self._leave(client, registered)

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
        del self._clients[client]
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

    def _timeout(self) -> float:
        """Seconds until something is due."""
        due = min(next(iter(self._leaving.values()), _NEVER), self._resume or _NEVER)
        return max(0.0, due - time.monotonic())

    def _pass_time(self) -> None:
        now = time.monotonic()
        while self._leaving and next(iter(self._leaving.values())) <= now:
            self._drop(next(iter(self._leaving)))
        if self._resume is not None and self._resume <= now:
            self._resume = None
            self._selector.register(self._listener.descriptor, selectors.EVENT_READ)

    def _close(self) -> None:
        for service in self._clients.values():
            service.close()
        for client in (*self._clients, *self._leaving):
            os.close(client)
        self._selector.close()
