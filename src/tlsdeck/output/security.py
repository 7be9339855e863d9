"""-security_debug and -security_debug_verbose: what the security level allows and forbids."""

from __future__ import annotations

from tlsdeck import events, names
from tlsdeck.output.printer import Printer
from tlsdeck.wire.names import SIGNATURE_SCHEMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tlsdeck.events import SecurityChecked
    from tlsdeck.output.stream import Stream


class SecurityLevel(Printer):
    """A line for each decision."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, {events.SecurityChecked: _security_checked})


def _security_checked(event: SecurityChecked) -> str:
    words = _WORDS.get(event.operation, _named)(event)
    return f"Security callback: {words}: {'yes' if event.allowed else 'no'}\n"


def _nothing(_event: SecurityChecked) -> str:
    """The original does not say what it was about."""
    return ""


def _version(event: SecurityChecked) -> str:
    return f"Version={names.VERSIONS.get(event.code, '???')}"


def _named(event: SecurityChecked) -> str:
    return f"{event.operation}={event.item}, security bits={event.bits}"


def _key(event: SecurityChecked) -> str:
    """In front of the comma the original means to name the algorithm, and fails to."""
    comma = ", " if event.item.startswith("bits=") else ""
    return f"{event.operation}={comma}{event.item}, security bits={event.bits}"


def _signature(event: SecurityChecked) -> str:
    return f"{event.operation} {_scheme(event.code)}, security bits={event.bits}"


def _scheme(code: int) -> str:
    """A signature scheme of TLS 1.3, or else the digest and algorithm that TLS 1.2 composes it of."""
    digest, algorithm = _DIGESTS.get(code >> 8), _ALGORITHMS.get(code & 0xFF)
    only_tls12 = digest == "SHA224" or algorithm == "DSA"
    if code in SIGNATURE_SCHEMES and not only_tls12:
        return f"scheme={SIGNATURE_SCHEMES[code]}"
    if digest and algorithm:
        return f"digest={digest}, algorithm={algorithm}"
    return f"scheme=unknown(0x{code:04x})"


# HashAlgorithm and SignatureAlgorithm (RFC 5246 section 7.4.1.4.1)
_DIGESTS = {0: "none", 1: "MD5", 2: "SHA1", 3: "SHA224", 4: "SHA256", 5: "SHA384", 6: "SHA512"}
_ALGORITHMS = {0: "anonymous", 1: "RSA", 2: "DSA", 3: "ECDSA"}

_WORDS: dict[str, Callable[[SecurityChecked], str]] = {
    "Version": _version,
    "Session ticket": _nothing,
    "SSL compression": _nothing,
    "Supported Signature Algorithm": _signature,
    "Shared Signature Algorithm": _signature,
    "Check Signature Algorithm": _signature,
    "Signature Algorithm mask": _signature,
    "Certificate chain EE key": _key,
    "Certificate chain CA key": _key,
    "Peer Chain EE key": _key,
    "Peer Chain CA key": _key,
}
