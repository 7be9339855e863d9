"""The variables a program finds: a row each.

An item is `NAME=VALUE`, or `NAME` alone for a variable that has no value and is removed, also when it was inherited.
Items are applied in order, so a later one replaces an earlier one: what the server inherited, then who is connected,
then what a rule says, then the facts of TLS, which nothing can forge.

Source: sslserver(1), tcp-environ(5); names and forms of the SSL_... variables are those of mod_ssl.
"""

from __future__ import annotations

from tlsdeck.record import Record
from tlsdeck.tls.verify import UNKNOWN_ISSUER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tlsdeck.tls.facts import CertificateFacts, ConnectionFacts

INTERFACE = "ucspi-ssl"  # what SSL_VERSION_INTERFACE has always said
_WEAK_BITS = 56
# Bytes of one variable, and of all about TLS. execve(2) has limits too, and no client must get there.
_MOST_VALUE = 65536
_MOST_TLS = 131072

CONTROL, READING, WRITING = "SSLCTLFD", "SSLREADFD", "SSLWRITEFD"  # UCSPI-TLS
UCSPI_TLS = (CONTROL, READING, WRITING)


class Ends(Record):
    """Both ends of a connection. IPv4 addresses in IPv6 form count as IPv4. Names are None when not known."""

    local_ip: str
    local_port: int
    remote_ip: str
    remote_port: int
    local_host: str | None = None
    remote_host: str | None = None
    remote_info: str | None = None
    interface: str | None = None

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.remote_ip


class _Row(Record):
    """A variable, and its value; None when there is none."""

    name: str
    value: Callable[[Ends], str | None]


def _rows(prefix: str) -> tuple[_Row, ...]:
    return (
        _Row(prefix + "LOCALIP", lambda ends: ends.local_ip),
        _Row(prefix + "LOCALPORT", lambda ends: str(ends.local_port)),
        _Row(prefix + "LOCALHOST", lambda ends: ends.local_host),
        _Row(prefix + "REMOTEIP", lambda ends: ends.remote_ip),
        _Row(prefix + "REMOTEPORT", lambda ends: str(ends.remote_port)),
        _Row(prefix + "REMOTEHOST", lambda ends: ends.remote_host),
    )


def _info(prefix: str) -> _Row:
    return _Row(prefix + "REMOTEINFO", lambda ends: ends.remote_info)


SSL_ROWS = (_Row("PROTO", lambda _: "TLS"), *_rows("SSL"), _info("SSL"))
TCP_ROWS = (
    _Row("PROTO", lambda ends: "TCP6" if ends.is_ipv6 else "TCP"),
    *_rows("TCP"),
    _info("TCP"),
)
TCP6_ROWS = (*_rows("TCP6"), _Row("TCP6INTERFACE", lambda ends: ends.interface))


def connection_items(ends: Ends, *, tcp: bool) -> Iterator[str]:
    """Who is connected. `tcp`: tcpserver's variables as well."""
    for row in SSL_ROWS:
        yield item(row.name, row.value(ends))
    for rows, wanted in ((TCP_ROWS, tcp), (TCP6_ROWS, tcp and ends.is_ipv6)):
        if wanted:
            for row in rows:
                yield item(row.name, row.value(ends))


def item(name: str, value: str | None) -> str:
    """A variable; without a value, or one that cannot be a value, its removal."""
    return name if value is None or "\0" in value else f"{name}={value}"


# --- TLS -------------------------------------------------------------------------------------------------------

_CONNECTION: tuple[tuple[str, Callable[[ConnectionFacts], str | None]], ...] = (
    ("SSL_PROTOCOL", lambda facts: facts.protocol),
    ("SSL_SESSION_ID", lambda facts: facts.session_id),
    ("SSL_CIPHER", lambda facts: facts.cipher),
    ("SSL_CIPHER_EXPORT", lambda facts: "true" if facts.used_bits < _WEAK_BITS else "false"),
    ("SSL_CIPHER_USEKEYSIZE", lambda facts: str(facts.used_bits)),
    ("SSL_CIPHER_ALGKEYSIZE", lambda facts: str(facts.possible_bits)),
    ("SSL_TLS_SNI", lambda facts: facts.server_name),
    ("SSL_ALPN", lambda facts: facts.alpn),
)

# Parts of a distinguished name: their names here, and the library's for the type.
DN_PARTS = (
    ("C", "C"),
    ("ST", "ST"),
    ("L", "L"),
    ("O", "O"),
    ("OU", "OU"),
    ("CN", "CN"),
    ("T", "title"),
    ("I", "initials"),
    ("G", "GN"),
    ("S", "SN"),
    ("D", "description"),
    ("UID", "x500UniqueIdentifier"),
    ("Email", "emailAddress"),
)


def tls_items(facts: ConnectionFacts, library: str) -> Iterator[str]:
    """What is known of TLS and of both certificates, without removals. `library`: its name and version."""
    values = [(name, value(facts)) for name, value in _CONNECTION]
    values += [("SSL_VERSION_INTERFACE", INTERFACE), ("SSL_VERSION_LIBRARY", library)]
    values.append(("SSL_CLIENT_VERIFY", _verified(facts)))
    if facts.own is not None:
        values += _certificate("SSL_SERVER", facts.own)
    if facts.peer is not None:
        values += _certificate("SSL_CLIENT", facts.peer)
        values += [(f"SSL_CLIENT_CERT_CHAIN_{number}", pem) for number, pem in enumerate(facts.chain)]
    room = _MOST_TLS
    for name, value in values:
        size = 0 if value is None else len(_encoded(value))
        if value is not None and "\0" not in value and size <= min(room, _MOST_VALUE):
            room -= size
            yield f"{name}={value}"


def _certificate(prefix: str, facts: CertificateFacts) -> Iterator[tuple[str, str | None]]:
    yield prefix + "_M_VERSION", str(facts.version)
    yield prefix + "_M_SERIAL", facts.serial
    yield prefix + "_S_DN", facts.subject
    yield from _name_parts(prefix + "_S_DN_", facts.subject_parts)
    yield prefix + "_I_DN", facts.issuer
    yield from _name_parts(prefix + "_I_DN_", facts.issuer_parts)
    yield prefix + "_A_SIG", facts.signature
    yield prefix + "_A_KEY", facts.key
    yield prefix + "_V_START", facts.start
    yield prefix + "_V_END", facts.end
    yield prefix + "_CERT", facts.pem


def _name_parts(prefix: str, parts: tuple[tuple[str, bytes], ...]) -> Iterator[tuple[str, str | None]]:
    for name, kind in DN_PARTS:
        for found, value in parts:
            if found == kind:
                yield prefix + name, value.decode("utf-8", "surrogateescape")


def _verified(facts: ConnectionFacts) -> str:
    """In mod_ssl's words. GENEROUS: let in though we do not know who issued the certificate."""
    if facts.peer is None:
        return "NONE"
    if facts.verify_code in UNKNOWN_ISSUER:
        return "GENEROUS"
    return f"FAILED:{facts.verify_text}" if facts.verify_code else "SUCCESS"


# --- the whole -------------------------------------------------------------------------------------------------

_OURS = frozenset(
    [row.name for row in (*SSL_ROWS, *TCP_ROWS, *TCP6_ROWS)]
    + [name for name, _ in _CONNECTION]
    + ["SSL_VERSION_INTERFACE", "SSL_VERSION_LIBRARY", *UCSPI_TLS]
    + ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET"]
)
_OUR_PREFIXES = ("SSL_CLIENT_", "SSL_SERVER_")


def inherited(environ: Mapping[str, str]) -> dict[bytes, bytes]:
    """What a program inherits: nothing that only we may say."""
    return {
        _encoded(name): _encoded(f"{name}={value}")
        for name, value in environ.items()
        if name not in _OURS and not name.startswith(_OUR_PREFIXES)
    }


def with_items(base: Mapping[bytes, bytes], items: Iterable[bytes]) -> list[bytes]:
    """The environment `base`, changed by items in order."""
    result = dict(base)
    for each in items:
        name, assigned, _ = each.partition(b"=")
        if assigned:
            result[name] = each
        else:
            result.pop(name, None)
    return list(result.values())


def block(items: Iterable[str]) -> bytes:
    """Items as UCSPI-TLS sends them: each with a NUL behind it, and one more at the end."""
    content = b"".join([_encoded(each) + b"\0" for each in items])
    return (content or b"\0") + b"\0"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
