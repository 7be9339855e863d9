"""Where s_client connects to, and whom it expects there."""

from __future__ import annotations

from tlsdeck.commands.common import socket_kind
from tlsdeck.errors import UsageError
from tlsdeck.net import sockets
from tlsdeck.record import Record
from tlsdeck.tls import endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.commands.s_client_options import ClientOptions

_PROGRAM = "s_client"
_DEFAULT_HOST = "localhost"
_DEFAULT_SERVICE = "4433"


class Destination(Record):
    """Where to connect to, where from, the name to ask for by SNI, and who is at the other end.

    Through a proxy `place` is the proxy's, while `host` and `service` are still the server's.
    """

    place: sockets.Place
    local: sockets.Place | None
    server_name: str | None
    host: str
    service: str


def parse_destination(options: ClientOptions) -> Destination:
    """The destination of -connect, -host, -port, -unix, -proxy, -bind, -4, -6 and the SNI options.

    Raises:
        UsageError: malformed.
    """
    host, service = options.host, None if options.port is None else str(options.port)
    if options.connect is not None:
        # What -connect leaves out is not taken from -host and -port: it has its own defaults.
        host, service = endpoint.parse_host_port(
            options.connect, f"{_PROGRAM}: -connect argument or target parameter malformed or ambiguous"
        )
    if options.unix is not None:
        host = options.unix
        place = sockets.Place(host, None, endpoint.UNIX)
    else:
        place = _place(options, host, service)
    if options.proxy is not None:
        place = _proxy(options, options.proxy, host)
    return Destination(
        place, _local(options, place.family), _server_name(options, host),
        host or _DEFAULT_HOST, service or _DEFAULT_SERVICE,
    )  # fmt: skip


def _proxy(options: ClientOptions, proxy: str, host: str | None) -> sockets.Place:
    """Where the proxy is. It has to be told a host: there is none in `:443`, and a UNIX path is none."""
    if not host or options.unix is not None:
        raise UsageError(f"{_PROGRAM}: -proxy requires use of -connect or target parameter")
    proxy_host, service = endpoint.parse_host_port(
        proxy, f"{_PROGRAM}: -proxy argument malformed or ambiguous"
    )
    return _place(options, proxy_host, service)


def _place(options: ClientOptions, host: str | None, service: str | None) -> sockets.Place:
    return sockets.Place(
        host or _DEFAULT_HOST, service or _DEFAULT_SERVICE, _family(options), *socket_kind(options)
    )


def _family(options: ClientOptions) -> int:
    if options.ipv4:
        return endpoint.IPV4
    return endpoint.IPV6 if options.ipv6 else endpoint.ANY


def _local(options: ClientOptions, family: int) -> sockets.Place | None:
    if options.bind is None:
        return None
    host, service = endpoint.parse_host_port(
        options.bind, f"{_PROGRAM}: -bind argument parameter malformed or ambiguous"
    )
    return sockets.Place(host, service, family, *socket_kind(options))


def _server_name(options: ClientOptions, host: str | None) -> str | None:
    if options.noservername:
        return None
    if options.servername is not None or options.dane_tlsa_domain is not None:
        return options.servername  # DANE asks for its domain by itself
    if not host:
        return _DEFAULT_HOST
    # A host that a proxy is to look up is a name in any case.
    return host if options.proxy is not None or is_dns_name(host) else None


_LONGEST_LABEL = 63  # octets (RFC 1035 section 2.3.4)


def is_dns_name(host: str) -> bool:
    """Whether a host is a DNS name that may be sent by SNI: labels with a dot between, not all digits."""
    labels = host.removesuffix(".").split(".")
    return len(labels) > 1 and all(map(_is_label, labels)) and not host.replace(".", "").isdecimal()


def _is_label(label: str) -> bool:
    inner = label.replace("_", "").replace("-", "")
    if not 0 < len(label) <= _LONGEST_LABEL or label.startswith("-") or label.endswith("-"):
        return False
    return label.isascii() and (inner.isalnum() or not inner)


# --- whom -------------------------------------------------------------------------------------------------------


class Expected(Record):
    """The name the server's certificate must be for: a host's, or an IP address."""

    host: str | None = None
    address: str | None = None

    @property
    def checks(self) -> tuple[tuple[str, str], ...]:
        """As options of the validation group, with their values."""
        given = (("verify_hostname", self.host), ("verify_ip", self.address))
        return tuple((option, value) for option, value in given if value is not None)


def expected_peer(options: ClientOptions, destination: Destination) -> Expected | None:
    """What -strict demands of the certificate's names; None when the command line names it already.

    Raises:
        UsageError: nobody knows a name.
    """
    if options.was_given("verify_hostname", "verify_email", "verify_ip", "dane_tlsa_domain"):
        return None
    if options.servername is not None:
        return Expected(host=options.servername)
    if options.unix is not None:
        raise UsageError(f"{_PROGRAM}: -strict with -unix needs -servername or -verify_hostname", hint=False)
    host = destination.host
    return Expected(address=host) if _is_address(host) else Expected(host=host)


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdecimal()
