"""Decoding what a connection sends and receives, by content type.

Messages up to TLS 1.2 cannot be decoded on their own. A ServerKeyExchange is a row of numbers whose meaning depends
on the cipher suite, which a ServerHello chose before; a Certificate has other fields since TLS 1.3. So a `Context`
comes with each message: no decoder remembers anything, and messages of many connections may come in any order.

From here it goes down `handshake` -> `extensions`. Each decoder is a generator of steps (see `tree`) and one row
of its table.
"""

from __future__ import annotations

from tlsdeck import names as protocol
from tlsdeck.errors import DecodeError
from tlsdeck.wire import names
from tlsdeck.wire.handshake import handshake
from tlsdeck.wire.reader import Reader
from tlsdeck.wire.tree import Code, Decoded, Node, code, grow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from tlsdeck.wire.handshake import Context
    from tlsdeck.wire.tree import Steps

    Decode: TypeAlias = Callable[[Reader, Context], Steps]

_DTLS_HEADER = 13  # bytes


def decode(content_type: int, data: bytes, context: Context) -> Decoded:
    """The tree of one message, or of a record's header. Never raises: what goes wrong is in the result."""
    return grow(CONTENTS.get(content_type, _nothing)(Reader(data), context))


def header(reader: Reader, _context: Context) -> Steps:
    """A record's header (RFC 8446 section 5.1, RFC 6347 section 4.1)."""
    dtls = reader.left == _DTLS_HEADER
    parts = [
        Node("type", code(protocol.CONTENT_TYPES, reader.pull_u8())),
        Node("version", code(names.VERSIONS, reader.pull_u16())),
    ]
    if dtls:
        parts += [Node("epoch", reader.pull_u16()), Node("sequence_number", reader.pull_uint(6))]
    parts.append(Node("length", reader.pull_u16()))
    yield Node("DTLSPlaintext" if dtls else "TLSPlaintext", children=tuple(parts))


def inner_content_type(reader: Reader, _context: Context) -> Steps:
    """What a protected record really holds (RFC 8446 section 5.2)."""
    yield Node("content_type", code(protocol.CONTENT_TYPES, reader.pull_u8()))


def change_cipher_spec(reader: Reader, _context: Context) -> Steps:
    """RFC 5246 section 7.1."""
    data = reader.pull_rest()
    yield Node("change_cipher_spec", 1) if data == b"\x01" else Node("unknown value", data)


def alert(reader: Reader, _context: Context) -> Steps:
    """RFC 8446 section 6."""
    if reader.left != 2:
        raise DecodeError("Illegal Alert Length")
    level, description = reader.pull_u8(), reader.pull_u8()
    parts = (
        Node("level", Code(level, protocol.ALERT_LEVELS.get(level, "unknown"))),
        Node("description", Code(description, names.ALERT_DESCRIPTIONS.get(description, "unknown"))),
    )
    yield Node("alert", children=parts)


def _nothing(_reader: Reader, _context: Context) -> Steps:
    yield from ()


CONTENTS: dict[int, Decode] = {
    protocol.CHANGE_CIPHER_SPEC: change_cipher_spec,
    protocol.ALERT: alert,
    protocol.HANDSHAKE: handshake,
    protocol.HEADER: header,
    protocol.INNER_CONTENT_TYPE: inner_content_type,
}
