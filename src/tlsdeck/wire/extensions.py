"""Decoders of extensions, one row of `EXTENSIONS` each; what has no row is opaque.

A decoder gets the extension's own bytes and the type of the message it stands in, for some extensions look
different there: a list in a ClientHello, the choice in a ServerHello.
"""

from __future__ import annotations

from tlsdeck.errors import DecodeError
from tlsdeck.wire import names
from tlsdeck.wire.tree import Node, code, greased

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from tlsdeck.wire.reader import Reader
    from tlsdeck.wire.tree import Steps

    Decode: TypeAlias = Callable[[Reader, int], Steps]

SERVER_HELLO, NEW_SESSION_TICKET, ENCRYPTED_EXTENSIONS, CERTIFICATE_REQUEST = 2, 4, 8, 13
_FROM_SERVER = (SERVER_HELLO, ENCRYPTED_EXTENSIONS, CERTIFICATE_REQUEST)


def extensions(reader: Reader, message: int, label: str = "extensions") -> Steps:
    """A message's extensions (RFC 8446 section 4.2). Before TLS 1.3 there need not even be their length."""
    length = reader.pull_u16() if reader.left else 0
    block = reader.block(length)
    yield Node(label, length=length), _each(block, message)


def _each(block: Reader, message: int) -> Steps:
    while block.left:
        start = block.pull(4)
        kind, length = int.from_bytes(start[:2], "big"), int.from_bytes(start[2:], "big")
        if length > block.left:
            yield Node("cut_extension", kind, length), _rest(start + block.pull_rest())
        content = block.block(length)
        decode = EXTENSIONS.get(kind, opaque)
        yield Node("extension", greased(names.EXTENSIONS, kind), length), decode(content, message)


def _rest(data: bytes) -> Steps:
    yield Node("data", data)
    raise DecodeError("an extension is longer than all extensions")


def codes(label: str, table: Mapping[int, str], reader: Reader, size: int) -> Steps:
    """Code points of `size` bytes each, up to the end. That they fill the block is checked at once."""
    if reader.left % size:
        raise DecodeError(f"{reader.left} bytes are no whole number of {label}s")
    return _codes(label, table, reader, size)


def _codes(label: str, table: Mapping[int, str], reader: Reader, size: int) -> Steps:
    while reader.left:
        yield Node(label, greased(table, reader.pull_uint(size), size))


# --- one function per extension --------------------------------------------------------------------------------


def opaque(reader: Reader, _message: int) -> Steps:
    """What nobody looks into here."""
    if reader.left:
        yield Node("data", reader.pull_rest())


def max_fragment_length(reader: Reader, _message: int) -> Steps:
    """RFC 6066 section 4."""
    if not reader.left:
        raise DecodeError("no length")
    while reader.left:
        yield Node("MaxFragmentLength", code(names.FRAGMENT_LENGTHS, reader.pull_u8()))


def supported_groups(reader: Reader, _message: int) -> Steps:
    """RFC 8446 section 4.2.7."""
    yield from codes("NamedGroup", names.GROUPS, reader.last_vector(2), 2)


def ec_point_formats(reader: Reader, _message: int) -> Steps:
    """RFC 8422 section 5.1.2."""
    formats = reader.last_vector(1)
    while formats.left:
        yield Node("ECPointFormat", code(names.POINT_FORMATS, formats.pull_u8()))


def signature_algorithms(reader: Reader, _message: int) -> Steps:
    """RFC 8446 section 4.2.3."""
    yield from codes("SignatureScheme", names.SIGNATURE_SCHEMES, reader.last_vector(2), 2)


def application_layer_protocol_negotiation(reader: Reader, _message: int) -> Steps:
    """RFC 7301 section 3.1."""
    protocols = reader.last_vector(2)
    while protocols.left:
        yield Node("ProtocolName", protocols.pull_vector(1))


def session_ticket(reader: Reader, _message: int) -> Steps:
    """RFC 5077 section 3.2."""
    if reader.left:
        yield Node("ticket", reader.pull_rest())


def early_data(reader: Reader, message: int) -> Steps:
    """RFC 8446 section 4.2.10."""
    if message == NEW_SESSION_TICKET:
        yield from _max_early_data(reader)


def _max_early_data(reader: Reader) -> Steps:
    size = reader.pull_u32()
    reader.finish()
    yield Node("max_early_data_size", size)


def supported_versions(reader: Reader, message: int) -> Steps:
    """RFC 8446 section 4.2.1."""
    if message in _FROM_SERVER:
        version = reader.pull_u16()
        reader.finish()
        yield Node("selected_version", code(names.VERSIONS, version))
    else:
        yield from codes("ProtocolVersion", names.VERSIONS, reader.last_vector(1), 2)


def psk_key_exchange_modes(reader: Reader, _message: int) -> Steps:
    """RFC 8446 section 4.2.9."""
    yield from codes("PskKeyExchangeMode", names.PSK_KEY_EXCHANGE_MODES, reader.last_vector(1), 1)


def key_share(reader: Reader, message: int) -> Steps:
    """RFC 8446 section 4.2.8: a list of shares, one share, or in a HelloRetryRequest only its group."""
    from_server = message in _FROM_SERVER
    if from_server and reader.left == 2:
        yield Node("group", greased(names.GROUPS, reader.pull_u16()))
        return
    shares = reader if from_server else reader.last_vector(2)
    if from_server and not shares.left:
        raise DecodeError("no share")
    while shares.left:
        group, key = shares.pull_u16(), shares.pull_vector(2)
        yield Node("group", greased(names.GROUPS, group))
        yield Node("key_exchange", key)


def renegotiation_info(reader: Reader, message: int) -> Steps:
    """RFC 5746 section 3.2: the client's verify_data, from a server its own as well."""
    verify_data = reader.last_vector(1)
    if not verify_data.left:
        yield Node("renegotiated_connection", length=0)
    elif message not in _FROM_SERVER:
        yield Node("client_verify_data", verify_data.pull_rest())
    elif verify_data.left % 2:
        raise DecodeError("halves of different length")
    else:
        yield Node("client_verify_data", verify_data.pull(verify_data.left // 2))
        yield Node("server_verify_data", verify_data.pull_rest())


EXTENSIONS: dict[int, Decode] = {
    1: max_fragment_length,
    10: supported_groups,
    11: ec_point_formats,
    13: signature_algorithms,
    16: application_layer_protocol_negotiation,
    35: session_ticket,
    42: early_data,
    43: supported_versions,
    45: psk_key_exchange_modes,
    51: key_share,
    65281: renegotiation_info,
}
