"""Dialling and listening: from what the command line says to a descriptor."""

from __future__ import annotations

import os
import select
import time

from tlsdeck.errors import NetworkError, TimeLimitError
from tlsdeck.net.limits import Clock, seconds_left
from tlsdeck.record import Record
from tlsdeck.tls import endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tlsdeck.tls.endpoint import Address

LINGER = 0.5  # seconds a connection stays open for the peer to take what was sent last
_KINDS = {endpoint.IPV4: "IPv4 ", endpoint.IPV6: "IPv6 "}
_DRAIN_SIZE = 16384  # bytes


class Place(Record):
    """One end of a connection: host and service, or a UNIX path as `host`. None stands for any."""

    host: str | None
    service: str | None
    family: int = endpoint.ANY
    socktype: int = endpoint.STREAM
    protocol: int = 0  # endpoint.SCTP, or the usual one of the type

    def addresses(self, *, passive: bool = False) -> list[Address]:
        """What the resolver makes of it; `passive`: to listen on.

        Raises:
            NetworkError: unknown host or service.
        """
        return endpoint.look_up(
            self.host, self.service, self.family, self.socktype, passive=passive, protocol=self.protocol
        )


def dial(place: Place, local: Place | None = None, clock: Clock | None = None) -> tuple[int, Address]:
    """Connects to the first address of `place` that answers: a descriptor, non-blocking, and that address.

    Raises:
        NetworkError: with the stack of every attempt; `errno` is the last attempt's.
        TimeLimitError: it took longer than the clock allows.
    """
    clock = clock or Clock()
    addresses = _look_up(place, place.family, clock)
    sources = None
    if local is not None:
        sources = _look_up(local, place.family, clock)
    stack: list[str] = []
    errno = 0
    for address in addresses:
        source = _matching(sources, address)
        if sources is not None and source is None:
            continue
        try:
            return _attempt(address, source, clock), address
        except TimeLimitError:
            raise
        except NetworkError as error:
            stack += error.stack
            errno = error.errno
    message = "" if stack or local is None else _no_source(local, addresses)
    raise NetworkError(message, tuple(stack), errno)


def _look_up(place: Place, family: int, clock: Clock) -> list[Address]:
    if clock.end is None:
        return place.replace(family=family).addresses()
    return _look_up_in_time(place, family, clock)


def _look_up_in_time(place: Place, family: int, clock: Clock) -> list[Address]:
    """As `_look_up`, in a thread: getaddrinfo(3) knows no limit. One that never answers is left behind."""
    import queue
    import threading

    answers: queue.SimpleQueue[list[Address] | NetworkError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_look_up(place, family, Clock()))
        except NetworkError as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds_left(clock.end))
    except queue.Empty:
        raise clock.over() from None
    if isinstance(answer, NetworkError):
        raise answer
    return answer


def _matching(sources: list[Address] | None, address: Address) -> Address | None:
    return next((source for source in sources or () if source.family == address.family), None)


def _no_source(local: Place, addresses: list[Address]) -> str:
    kind = _KINDS.get(addresses[0].family, "")
    service = "" if local.service is None else f":{local.service}"
    return f"Can't bind {kind}address for {local.host or ''}{service}"


def _attempt(address: Address, source: Address | None, clock: Clock) -> int:
    number = endpoint.new_socket(address)
    try:
        if source is not None:
            endpoint.bind(number, source)
        if not endpoint.connect(number, address):
            ready = _outcome(number, clock)
            # After a failure the second call tells what it was; a socket that is connected needs none.
            if ready & (select.POLLERR | select.POLLHUP):
                endpoint.connect(number, address)
    except BaseException:
        os.close(number)
        raise
    return number


def _outcome(number: int, clock: Clock) -> int:
    """Waits until a connection is made or refused; poll(2)'s events."""
    ready = wait(number, select.POLLOUT, clock.end)
    if not ready:
        raise clock.over()
    return ready


class Listener:
    """A listening socket. `address` is where clients find it: `127.0.0.1:4433`, `[::]:4433`, `localhost:/path`."""

    def __init__(self, place: Place, *, unlink: bool = False) -> None:
        """Binds and listens.

        `unlink` removes a UNIX socket's path first.

        Raises:
            NetworkError: unknown address, or one that is in use or not ours.
        """
        self._path = place.host if place.family == endpoint.UNIX else None
        if self._path is not None and unlink:
            _remove(self._path)
        addresses = place.addresses(passive=True)
        address, only_v6 = _dual(addresses)
        self.descriptor = endpoint.new_socket(address)
        try:
            endpoint.listen(self.descriptor, address, only_v6=only_v6)
        except BaseException:
            os.close(self.descriptor)
            raise

    @property
    def address(self) -> str:
        """The bound address, numeric."""
        return endpoint.local_address(self.descriptor) if self._path is None else f"localhost:{self._path}"

    def accept(self) -> int:
        """The next connection's descriptor, non-blocking; waits for one.

        Raises:
            NetworkError: no descriptor left.
        """
        while True:
            wait(self.descriptor, select.POLLIN, None)
            try:
                return endpoint.accept(self.descriptor)
            except (BlockingIOError, ConnectionError):
                pass  # the client is gone again
            except OSError as error:
                message = f"cannot accept a connection: {error.strerror}"
                raise NetworkError(message, errno=error.errno or 0) from None

    def close(self) -> None:
        """Stops listening; a UNIX socket's path is removed."""
        os.close(self.descriptor)
        if self._path is not None:
            _remove(self._path)


def _dual(addresses: list[Address]) -> tuple[Address, bool]:
    """The address to bind, and whether it is to take IPv6 only: one socket serves both families where it can."""
    first = addresses[0]
    second = addresses[1] if len(addresses) > 1 else None
    if second is not None and second.socktype == first.socktype:
        families = first.family, second.family
        if families == (endpoint.IPV4, endpoint.IPV6):
            return second, False
        if families == (endpoint.IPV6, endpoint.IPV4):
            return first, False
    return first, first.family == endpoint.IPV6


def hang_up(number: int, take: Callable[[], bool], linger: float = LINGER) -> None:
    """Sends FIN, gives the peer `linger` seconds to take what is on its way, and closes.

    Closing with unread data would reset the connection, and the peer could lose what we sent last. `take` reads and
    forgets what has arrived, False at the end of the stream.
    """
    endpoint.stop_sending(number)
    end = time.monotonic() + linger
    while wait(number, select.POLLIN, end) and take() and time.monotonic() < end:
        pass
    os.close(number)


def take_all(number: int) -> bool:
    """Reads and forgets what has arrived; False at the end of the stream."""
    try:
        return os.read(number, _DRAIN_SIZE) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def wait(number: int, events: int, end: float | None) -> int:
    """Waits for poll(2) events until `end` on the monotonic clock; what happened, 0 when the time is over."""
    poll = select.poll()
    poll.register(number, events)
    left = seconds_left(end)
    ready = poll.poll(None if left is None else left * 1000)
    return ready[0][1] if ready else 0


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
