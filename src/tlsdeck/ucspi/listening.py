"""The socket that a server listens on, from host and port of its command line, or from whoever started it.

    0           all IPv4 addresses; with -6 all IPv6 addresses
    0.0.0.0     all IPv4 addresses
    ::          all IPv6 addresses
    :0          all addresses of both kinds, in one socket
    other       an address, or a name that is qualified and looked up

Source: sslserver(1), BINDINGS; for a socket that is handed over sd_listen_fds(3).
"""

from __future__ import annotations

import os
import socket
import time

from tlsdeck.errors import ConfigurationError, NetworkError, UsageError
from tlsdeck.record import Record
from tlsdeck.ucspi.addresses import packed, written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn, TypeVar

    T = TypeVar("T")

_ANY = {"0": "0.0.0.0", ":0": "::"}
_DUAL = ":0"
_LINK_LOCAL = (b"\xfe\x80", b"\xff\xc0")  # fe80::/10: value, mask
_PATIENCE = 60.0  # seconds for name servers
_FIRST_HANDED = 3  # SD_LISTEN_FDS_START
_LONGEST_BACKLOG = 65535  # a C int takes more, and the system much less
_LARGEST_PORT = 65535


class Place(Record):
    """Where to listen. Both families, or none, asked for: whichever the host has."""

    host: str
    port: str
    ipv4: bool = False
    ipv6: bool = False
    interface: str | None = None
    backlog: int = 20
    delay: bool = False


def open_listener(place: Place, environ: Mapping[str, str]) -> socket.socket:
    """The socket that was handed over, if one was, or a new one.

    Raises:
        UsageError: as `port_number`.
        NetworkError, ConfigurationError: it cannot be had; the message is complete.
    """
    port = port_number(place.port)
    listener = _handed(environ) or _bound(place, port, environ)
    # Accepted sockets inherit it.
    if not place.delay:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setblocking(False)
    return listener


def _handed(environ: Mapping[str, str]) -> socket.socket | None:
    """Descriptor 3, when a service manager says that it is for us."""
    if environ.get("LISTEN_PID") != str(os.getpid()) or environ.get("LISTEN_FDS", "0") == "0":
        return None
    if environ["LISTEN_FDS"] != "1":
        _refuse("unable to use LISTEN_FDS: one socket is needed, not " + environ["LISTEN_FDS"])
    listener = _try("unable to use LISTEN_FDS", lambda: socket.socket(fileno=_FIRST_HANDED))
    if listener.family not in (socket.AF_INET, socket.AF_INET6):
        _refuse("unable to use LISTEN_FDS: not a TCP socket")
    return listener


def _bound(place: Place, port: int, environ: Mapping[str, str]) -> socket.socket:
    ip = address(place, environ)
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    listener = _try("unable to create socket", lambda: socket.socket(family, socket.SOCK_STREAM))
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        where: tuple[object, ...] = (ip, port)
        if family == socket.AF_INET6:
            only = place.host != _DUAL
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
            where = (ip, port, 0, _scope(place, ip))
        _try(f"unable to bind to: {ip} port: {port}", lambda: listener.bind(where))
        _try("unable to listen", lambda: listener.listen(min(place.backlog, _LONGEST_BACKLOG)))
    except BaseException:
        listener.close()
        raise
    return listener


def port_number(text: str) -> int:
    """A port, from its number or its name in services(5).

    Raises:
        UsageError: a number that is none of a port.
        ConfigurationError: not known there.
    """
    if text.isascii() and text.isdecimal():
        if len(text) <= len(str(_LARGEST_PORT)) and int(text) <= _LARGEST_PORT:
            return int(text)
        raise UsageError(f"port {text} is more than {_LARGEST_PORT}")
    try:
        return socket.getservbyname(text, "tcp")
    except (OSError, ValueError):
        _refuse(f"unable to figure out port number for: {text}")


def address(place: Place, environ: Mapping[str, str]) -> str:
    """The IP address of the host.

    Raises:
        ConfigurationError: it has none, or none of the kind that is asked for.
        NetworkError: no name server could tell.
    """
    word = "::" if place.host == "0" and _only(place) == 6 else _ANY.get(place.host, place.host)
    literal = packed(word)
    found = (written(literal),) if literal is not None else _look_up(word, environ)
    wanted = [ip for ip in found if _only(place) in (0, 6 if ":" in ip else 4)]
    if not wanted:
        _refuse(f"no IP address for: {place.host}")
    return wanted[0]


def _only(place: Place) -> int:
    """The IP version that must be, 0 for any."""
    if place.ipv4 == place.ipv6:
        return 0
    return 4 if place.ipv4 else 6


def _look_up(name: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    from tlsdeck.ucspi.loop import Loop
    from tlsdeck.ucspi.naming import read_naming
    from tlsdeck.ucspi.resolver import Resolver

    loop = Loop()
    found = loop.result(Resolver(read_naming(environ), loop).find(name, time.monotonic() + _PATIENCE))
    if found is None:
        raise NetworkError(f"temporarily unable to figure out IP address for: {name}")
    return found.addresses


def _scope(place: Place, ip: str) -> int:
    """The number of the interface, for an address that needs one."""
    first = (packed(ip) or b"")[:2]
    value, mask = _LINK_LOCAL
    if bytes(a & b for a, b in zip(first, mask, strict=True)) != value:
        return 0
    name = place.interface
    if name is None:
        _refuse(f"unable to bind to: {ip}: a link-local address needs the name of an interface (-I)")
    try:
        return socket.if_nametoindex(name)
    except OSError:
        _refuse(f"unable to use interface {name}: there is none of that name")


def _try(what: str, action: Callable[[], T]) -> T:
    try:
        return action()
    except OSError as error:
        _fail(what, error)


def _refuse(text: str) -> NoReturn:
    raise ConfigurationError(text)


def _fail(what: str, error: OSError) -> NoReturn:
    raise NetworkError(f"{what}: {error.strerror}", errno=error.errno or 0) from error
