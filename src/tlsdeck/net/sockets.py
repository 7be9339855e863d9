"""Dialling and listening: from what the command line says to a descriptor."""

from __future__ import annotations

import os
import select
import socket
import time

from tlsdeck.errors import NetworkError
from tlsdeck.record import Record
from tlsdeck.tls import endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.tls.endpoint import Address

LINGER = 0.5  # seconds a connection stays open for the peer to take what was sent last
_KINDS: dict[int, str] = {socket.AF_INET: "IPv4 ", socket.AF_INET6: "IPv6 "}
_DRAIN_SIZE = 16384  # bytes


class Place(Record):
    """One end of a connection: host and service, or a UNIX path as `host`. None stands for any."""

    host: str | None
    service: str | None
    family: int = socket.AF_UNSPEC


def dial(place: Place, local: Place | None = None) -> socket.socket:
    """Connects to the first address of `place` that answers; the socket is non-blocking.

    Raises:
        NetworkError: with the stack of every attempt; `errno` is the last attempt's.
    """
    addresses = endpoint.look_up(place.host, place.service, place.family, socket.SOCK_STREAM, passive=False)
    sources = None
    if local is not None:
        sources = endpoint.look_up(local.host, local.service, place.family, socket.SOCK_STREAM, passive=False)
    stack: list[str] = []
    errno = 0
    for address in addresses:
        source = _matching(sources, address)
        if sources is not None and source is None:
            continue
        try:
            return _attempt(address, source)
        except NetworkError as error:
            stack += error.stack
            errno = error.errno
    message = "" if stack or local is None else _no_source(local, addresses)
    raise NetworkError(message, tuple(stack), errno)


def _matching(sources: list[Address] | None, address: Address) -> Address | None:
    return next((source for source in sources or () if source.family == address.family), None)


def _no_source(local: Place, addresses: list[Address]) -> str:
    kind = _KINDS.get(addresses[0].family, "")
    service = "" if local.service is None else f":{local.service}"
    return f"Can't bind {kind}address for {local.host or ''}{service}"


def _attempt(address: Address, source: Address | None) -> socket.socket:
    connecting = socket.socket(fileno=endpoint.new_socket(address))
    try:
        if source is not None:
            endpoint.bind(connecting.fileno(), source)
        if not endpoint.connect(connecting.fileno(), address):
            _wait(connecting, select.POLLOUT, None)
            # The second call tells how the first one ended; for a connected socket that is an error of its own.
            if not _connected(connecting):
                endpoint.connect(connecting.fileno(), address)
    except BaseException:
        connecting.close()
        raise
    connecting.setblocking(False)
    return connecting


def _connected(connecting: socket.socket) -> bool:
    try:
        connecting.getpeername()
    except OSError:
        return False
    return True


class Listener:
    """A listening socket. `address` is where clients find it: `127.0.0.1:4433`, `[::]:4433`, `localhost:/path`."""

    def __init__(self, place: Place, *, unlink: bool = False) -> None:
        """Binds and listens.

        `unlink` removes a UNIX socket's path first.

        Raises:
            NetworkError: unknown address, or one that is in use or not ours.
        """
        self._path = place.host if place.family == socket.AF_UNIX else None
        if self._path is not None and unlink:
            _remove(self._path)
        addresses = endpoint.look_up(
            place.host, place.service, place.family, socket.SOCK_STREAM, passive=True
        )
        address, only_v6 = _dual(addresses)
        number = endpoint.new_socket(address)
        try:
            endpoint.listen(number, address, only_v6=only_v6)
        except BaseException:
            os.close(number)
            raise
        self.socket = socket.socket(fileno=number)
        if self._path is None:
            # Accepted sockets inherit it: one system call less for each.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def address(self) -> str:
        """The bound address, numeric."""
        if self._path is not None:
            return f"localhost:{self._path}"
        return address_text(self.socket.getsockname())

    def accept(self) -> socket.socket:
        """A new connection, non-blocking.

        Raises:
            OSError: nothing there, or no descriptor left.
        """
        connection, _peer = self.socket.accept()
        connection.setblocking(False)
        return connection

    def close(self) -> None:
        """Stops listening; a UNIX socket's path is removed."""
        self.socket.close()
        if self._path is not None:
            _remove(self._path)


def _dual(addresses: list[Address]) -> tuple[Address, bool]:
    """The address to bind, and whether it is to take IPv6 only: one socket serves both families where it can."""
    first = addresses[0]
    second = addresses[1] if len(addresses) > 1 else None
    if second is not None and second.socktype == first.socktype:
        families = first.family, second.family
        if families == (socket.AF_INET, socket.AF_INET6):
            return second, False
        if families == (socket.AF_INET6, socket.AF_INET):
            return first, False
    return first, first.family == socket.AF_INET6


def address_text(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """A socket address as `host:port`, IPv6 in brackets."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def endpoints(connected: socket.socket) -> tuple[str, str]:
    """The local and the peer's address of a connected socket; empty for a UNIX socket's."""
    if connected.family == socket.AF_UNIX:
        return "", ""
    return address_text(connected.getsockname()), address_text(connected.getpeername())


def stop_sending(connected: socket.socket) -> None:
    """Sends FIN."""
    try:
        connected.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the peer was quicker


def hang_up(connected: socket.socket) -> None:
    """Sends FIN, gives the peer half a second to take what is on its way, and closes.

    Closing with unread data would reset the connection, and the peer could lose what we sent last.
    """
    stop_sending(connected)
    end = time.monotonic() + LINGER
    while _wait(connected, select.POLLIN, end) and take_all(connected):
        pass
    connected.close()


def take_all(connected: socket.socket) -> bool:
    """Reads and forgets what has arrived; False at the end of the stream."""
    try:
        return connected.recv(_DRAIN_SIZE) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def _wait(connected: socket.socket, events: int, end: float | None) -> bool:
    """Waits for poll(2) events until `end` on the monotonic clock; False when the time is over."""
    poll = select.poll()
    poll.register(connected, events)
    timeout = None if end is None else max(0, int((end - time.monotonic()) * 1000))
    return bool(poll.poll(timeout))


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
