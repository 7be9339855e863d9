"""Host and port, looked up, connected and listened on with libcrypto's BIO_lookup_ex(3), BIO_connect(3) and
BIO_listen(3).

The system's calls under them are Python's too. They are libcrypto's here so that what goes wrong is said in the same
lines of the error queue, function names included, that scripts have learned to look for.
"""

from __future__ import annotations

import os

from tlsdeck.errors import NetworkError, ResolutionError, UsageError
from tlsdeck.native import encoded, error_stack, ffi, lib, own, taken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tlsdeck.native import Pointer


ANY: int = lib.AF_UNSPEC
IPV4: int = lib.AF_INET
IPV6: int = lib.AF_INET6
UNIX: int = lib.AF_UNIX
STREAM: int = lib.SOCK_STREAM
DATAGRAM: int = lib.SOCK_DGRAM
SCTP: int = lib.IPPROTO_SCTP


class Address:
    """One result of a look-up: an address with the kind of socket that fits it."""

    __slots__ = ("_list", "family", "pointer", "protocol", "socktype")

    def __init__(self, info: Pointer, whole: Pointer) -> None:
        self._list = whole  # keeps the memory under `pointer`
        self.pointer = lib.BIO_ADDRINFO_address(info)
        self.family: int = lib.BIO_ADDRINFO_family(info)
        self.socktype: int = lib.BIO_ADDRINFO_socktype(info)
        self.protocol: int = lib.BIO_ADDRINFO_protocol(info)

    def __str__(self) -> str:
        """`host:port`, numeric, IPv6 in brackets; nothing for a UNIX socket."""
        return address_text(self.pointer)


def parse_host_port(value: str, error: str, *, port_first: bool = False) -> tuple[str | None, str | None]:
    """Host and service of `host`, `host:port`, `:port`, `[v6]:port`; with `port_first` a bare word is the service.

    Either is None when absent, empty or `*`.

    Raises:
        UsageError: with the message `error`, when it cannot be told apart.
    """
    host, service = ffi.new("char **"), ffi.new("char **")
    priority = lib.BIO_PARSE_PRIO_SERV if port_first else lib.BIO_PARSE_PRIO_HOST
    parsed = lib.BIO_parse_hostserv(encoded(value), host, service, priority)
    found = taken(host[0]), taken(service[0])
    lib.ERR_clear_error()
    if not parsed:
        raise UsageError(error, hint=False)
    return found


def look_up(
    host: str | None, service: str | None, family: int, socktype: int, *, passive: bool, protocol: int = 0
) -> list[Address]:
    """The addresses of a host and service (or of a UNIX path, as `host`), in the resolver's order.

    `protocol` tells kinds of socket with the same type apart, 0 for the usual one.

    Raises:
        ResolutionError: unknown host or service; errno is 0, the stack says which.
    """
    lib.ERR_clear_error()
    result = ffi.new("BIO_ADDRINFO **")
    kind = lib.BIO_LOOKUP_SERVER if passive else lib.BIO_LOOKUP_CLIENT
    if not lib.BIO_lookup_ex(_c(host), _c(service), kind, family, socktype, protocol, result):
        raise ResolutionError("", error_stack())
    whole = own(result[0], lib.BIO_ADDRINFO_free)
    return [Address(info, whole) for info in _each(result[0])]


def _each(info: Pointer) -> Iterator[Pointer]:
    while info != ffi.NULL:
        yield info
        info = lib.BIO_ADDRINFO_next(info)


def _c(value: str | None) -> Pointer | bytes:
    return ffi.NULL if value is None else encoded(value)


def new_socket(address: Address) -> int:
    """A socket's descriptor of the kind an address needs.

    Raises:
        NetworkError: the system has none.
    """
    number: int = lib.BIO_socket(address.family, address.socktype, address.protocol, 0)
    errno = ffi.errno
    if number < 0:
        raise NetworkError("", error_stack(), errno)
    return number


def bind(number: int, address: Address) -> None:
    """Binds a client's socket to a local address.

    Raises:
        NetworkError: not this machine's address, or taken.
    """
    if not lib.BIO_bind(number, address.pointer, lib.BIO_SOCK_REUSEADDR):
        errno = ffi.errno
        raise NetworkError("", error_stack(), errno)


def connect(number: int, address: Address) -> bool:
    """Starts connecting without waiting; False while it is under way. Called again it tells how that ended.

    Raises:
        NetworkError: refused, unreachable...
    """
    no_delay = lib.BIO_SOCK_NODELAY if address.protocol == lib.IPPROTO_TCP else 0
    if lib.BIO_connect(number, address.pointer, lib.BIO_SOCK_NONBLOCK | no_delay):
        return True
    errno = ffi.errno
    stack = error_stack()
    if stack:
        raise NetworkError("", stack, errno)
    return False


def listen(number: int, address: Address, *, only_v6: bool) -> None:
    """Binds and listens, without blocking; accepted sockets inherit TCP_NODELAY.

    Raises:
        NetworkError: the address is in use or not allowed.
    """
    options = lib.BIO_SOCK_NONBLOCK
    if address.socktype != DATAGRAM:  # there it would let two servers share a port, and one of them starve
        options |= lib.BIO_SOCK_REUSEADDR
    if only_v6:
        options |= lib.BIO_SOCK_V6_ONLY
    if address.protocol == lib.IPPROTO_TCP:
        options |= lib.BIO_SOCK_NODELAY
    if not lib.BIO_listen(number, address.pointer, options):
        errno = ffi.errno
        raise NetworkError("", error_stack(), errno)


def accept(listener: int) -> int:
    """A new connection's descriptor, non-blocking.

    Raises:
        OSError: nothing there (BlockingIOError), or no descriptor left.
    """
    number: int = lib.tlsdeck_accept(listener)
    if number < 0:
        raise OSError(ffi.errno, os.strerror(ffi.errno))
    return number


def stop_sending(number: int) -> None:
    """Sends FIN; whether the peer is still there does not matter."""
    lib.shutdown(number, lib.SHUT_WR)


def local_address(number: int) -> str:
    """The address a socket is bound to, as `Address` shows one."""
    address = new_address()
    info = ffi.new("union BIO_sock_info_u *", {"addr": address})
    return address_text(address) if lib.BIO_sock_info(number, lib.BIO_SOCK_INFO_ADDRESS, info) else ""


def peer_address(number: int) -> str:
    """The address at the other end of a socket, as `Address` shows one; empty for none, and for a UNIX socket's."""
    address = new_address()
    return address_text(address) if lib.tlsdeck_peer_address(number, address) else ""


def new_address() -> Pointer:
    """A BIO_ADDR to be filled."""
    return own(lib.BIO_ADDR_new(), lib.BIO_ADDR_free)


def address_text(address: Pointer) -> str:
    """A BIO_ADDR as `Address` shows one."""
    host = taken(lib.BIO_ADDR_hostname_string(address, 1)) or ""
    service = taken(lib.BIO_ADDR_service_string(address, 1)) or ""
    family = lib.BIO_ADDR_family(address)
    if family == UNIX:
        return ""
    return f"[{host}]:{service}" if family == IPV6 else f"{host}:{service}"
