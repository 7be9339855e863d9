"""A socket with which a task of the loop asks another machine something. Whatever it waits for ends at a deadline."""

from __future__ import annotations

import errno
import os
import socket
import time

from tlsdeck.ucspi.loop import READ, WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from tlsdeck.ucspi.loop import Loop, Steps


class Peer:
    """A socket for one address, for use in a `with`. `deadline` is a moment on the monotonic clock.

    Every step raises OSError when it fails, and TimeoutError, which is one, when the deadline has passed.
    """

    def __init__(
        self, loop: Loop, kind: socket.SocketKind, address: tuple[str, int], deadline: float
    ) -> None:
        found = socket.getaddrinfo(*address, type=kind, flags=socket.AI_NUMERICHOST)
        family, _, protocol, _, where = found[0]
        self._address = where
        self._loop = loop
        self._deadline = deadline
        self._socket = socket.socket(family, kind, protocol)
        self._socket.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.forget(self._socket.fileno())
        self._socket.close()

    def connect(self, local: str | None = None) -> Steps[None]:
        """Connects, from an address of ours if one is given."""
        self._check_time()
        if local is not None:
            self._socket.bind((local, 0))
        failure = self._socket.connect_ex(self._address)
        if failure == errno.EINPROGRESS:
            yield from self._until(WRITE)
            failure = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failure:
            raise OSError(failure, os.strerror(failure))

    def send(self, data: bytes) -> Steps[None]:
        """Sends all of it."""
        while data:
            yield from self._until(WRITE)
            data = data[self._socket.send(data) :]

    def receive(self, size: int) -> Steps[bytes]:
        """Up to so many bytes, or one datagram; nothing at the end of a stream."""
        while True:
            yield from self._until(READ)
            try:
                return self._socket.recv(size)
            except BlockingIOError:
                pass  # a datagram with a wrong checksum, for instance

    def _until(self, what: int) -> Steps[None]:
        yield {self._socket.fileno(): what}, self._deadline
        self._check_time()

    def _check_time(self) -> None:
        if time.monotonic() >= self._deadline:
            raise TimeoutError
