"""What a client offers, gathered from its ClientHello: lists of code points with their names."""

from __future__ import annotations

from tlsdeck.errors import DecodeError
from tlsdeck.names import HANDSHAKE
from tlsdeck.record import Record
from tlsdeck.wire.content import decode
from tlsdeck.wire.handshake import Context
from tlsdeck.wire.names import SIGNATURE_SCHEMES
from tlsdeck.wire.reader import Reader
from tlsdeck.wire.tree import UNKNOWN, Code, Node, greased

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    T = TypeVar("T")


class KeyShare(Record):
    """A group for which a client has sent its key already (RFC 8446 section 4.2.8), of `length` bytes."""

    group: Code
    length: int


class OfferedExtension(Record):
    """An extension of `length` bytes."""

    type: Code
    length: int


class ClientOffer(Record):
    """What a ClientHello says, lists in the client's order. GREASE (RFC 8701) is named so, what nobody knows UNKNOWN.

    `versions`: those of the extension, or the one of the hello, which stands for all below it too.
    """

    legacy_version: Code
    versions: tuple[Code, ...]
    session_id: bytes
    suites: tuple[Code, ...]
    compression_methods: tuple[Code, ...]
    extensions: tuple[OfferedExtension, ...]
    server_name: str | None  # SNI (RFC 6066 section 3)
    alpn: tuple[str, ...]  # RFC 7301
    groups: tuple[Code, ...]
    point_formats: tuple[Code, ...]
    signature_schemes: tuple[Code, ...]
    certificate_signature_schemes: tuple[
        Code, ...
    ]  # where a client wants others there (RFC 8446 section 4.2.3)
    key_shares: tuple[KeyShare, ...]
    psk_modes: tuple[Code, ...]
    psk_identities: int  # sessions or keys to resume with (RFC 8446 section 4.2.11)
    session_ticket: int | None  # bytes; 0: it wants one; None: it does not know them (RFC 5077)
    problem: str | None  # why the rest could not be decoded


def client_offer(version: int, message: bytes) -> ClientOffer:
    """The offer in a ClientHello with its header, which came in a message of this version. Never raises."""
    decoded = decode(HANDSHAKE, message, Context(version))
    hello = decoded.nodes[0].children if decoded.nodes else ()
    listed = [node for node in _below(hello, "extensions") if isinstance(node.value, Code)]
    extensions = {
        node.value.number: node.children for node in reversed(listed) if isinstance(node.value, Code)
    }
    legacy = next(_codes(hello, "client_version"), Code(0, UNKNOWN))

    def inside(kind: int) -> tuple[Node, ...]:
        return extensions.get(kind, ())

    return ClientOffer(
        legacy_version=legacy,
        versions=tuple(_codes(inside(43), "ProtocolVersion")) or (legacy,),
        session_id=_data(hello, "session_id"),
        suites=tuple(_codes(_below(hello, "cipher_suites"), "CipherSuite")),
        compression_methods=tuple(_codes(_below(hello, "compression_methods"), "CompressionMethod")),
        extensions=tuple(
            OfferedExtension(node.value, node.length or 0) for node in listed if isinstance(node.value, Code)
        ),
        server_name=_understood(_server_name, inside(0)),
        alpn=tuple(_text(node.value) for node in inside(16) if isinstance(node.value, bytes)),
        groups=tuple(_codes(inside(10), "NamedGroup")),
        point_formats=tuple(_codes(inside(11), "ECPointFormat")),
        signature_schemes=tuple(_codes(inside(13), "SignatureScheme")),
        certificate_signature_schemes=_understood(_schemes, inside(50)) or (),
        key_shares=tuple(_key_shares(inside(51))),
        psk_modes=tuple(_codes(inside(45), "PskKeyExchangeMode")),
        psk_identities=_understood(_psk_identities, inside(41)) or 0,
        session_ticket=len(_data(inside(35), "ticket")) if 35 in extensions else None,
        problem=decoded.problem,
    )


def _below(nodes: tuple[Node, ...], label: str) -> tuple[Node, ...]:
    return next((node.children for node in nodes if node.label == label), ())


def _codes(nodes: tuple[Node, ...], label: str) -> Iterator[Code]:
    return (node.value for node in nodes if node.label == label and isinstance(node.value, Code))


def _data(nodes: tuple[Node, ...], label: str) -> bytes:
    return next((node.value for node in nodes if node.label == label and isinstance(node.value, bytes)), b"")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _key_shares(nodes: tuple[Node, ...]) -> Iterator[KeyShare]:
    keys = [len(node.value) for node in nodes if isinstance(node.value, bytes)]
    return (KeyShare(group, length) for group, length in zip(_codes(nodes, "group"), keys, strict=False))


# --- extensions that the trace shows as bytes ------------------------------------------------------------------


def _understood(read: Callable[[Reader], T], nodes: tuple[Node, ...]) -> T | None:
    """What `read` makes of an opaque extension; None without it, or if it is malformed."""
    try:
        return read(Reader(_data(nodes, "data"))) if nodes else None
    except DecodeError:
        return None


def _server_name(reader: Reader) -> str | None:
    """RFC 6066 section 3: the first name of type host_name."""
    names = reader.vector(2)
    while names.left:
        kind, name = names.pull_u8(), names.pull_vector(2)
        if kind == 0:
            return _text(name)
    return None


def _schemes(reader: Reader) -> tuple[Code, ...]:
    """RFC 8446 section 4.2.3."""
    schemes = reader.vector(2)
    return tuple(greased(SIGNATURE_SCHEMES, schemes.pull_u16()) for _ in range(schemes.left // 2))


def _psk_identities(reader: Reader) -> int:
    """RFC 8446 section 4.2.11."""
    identities = reader.vector(2)
    count = 0
    while identities.left:
        identities.pull_vector(2)
        identities.pull_u32()
        count += 1
    return count
