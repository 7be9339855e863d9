"""-trace: every protocol message decoded, in the words and columns of SSL_trace(3).

Where a field stands follows from the tree: two columns for each level. How its line reads is a row of `_LINES`; a
field without a row is written by the kind of its value. A template names what it shows: `label`, `value`, `length`,
`number` and `name` of a code point, or a child that has its place in this line.
"""

from __future__ import annotations

from tlsdeck import events, names
from tlsdeck.output.debug import hex_dump
from tlsdeck.output.printer import Printer
from tlsdeck.wire import Code, Context, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tlsdeck.events import MessageSeen
    from tlsdeck.output.stream import Stream
    from tlsdeck.wire import Decoded, Node


class Trace(Printer):
    """-trace: every protocol message, decoded."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, {events.MessageSeen: lines})


def lines(event: MessageSeen) -> str:
    """What is written of a message or of a record's header."""
    decoded = decode(event.content_type, event.data, Context(event.version, event.suite))
    return _CONTENTS.get(event.content_type, _message)(event, decoded)


# --- by content type -------------------------------------------------------------------------------------------


def _header(event: MessageSeen, decoded: Decoded) -> str:
    start = "Sent" if event.sent else "Received"
    if decoded.problem:
        return f"{start} too short message (len={len(event.data)}): {event.data.hex().upper()}\n\n"
    return f"{start} {_tree(decoded.nodes, 0, event)}"


def _inner_content_type(event: MessageSeen, decoded: Decoded) -> str:
    return _tree(decoded.nodes, 2, event)


def _alert(event: MessageSeen, decoded: Decoded) -> str:
    line = f"    {decoded.problem}\n" if decoded.problem else _tree(decoded.nodes, 4, event)
    return f"{line}\n"


def _message(event: MessageSeen, decoded: Decoded) -> str:
    problem = "Message length parse error!\n" if decoded.problem else ""
    return f"{_tree(decoded.nodes, 4, event)}{problem}\n"


_CONTENTS: dict[int, Callable[[MessageSeen, Decoded], str]] = {
    names.HEADER: _header,
    names.INNER_CONTENT_TYPE: _inner_content_type,
    names.ALERT: _alert,
}


# --- trees -----------------------------------------------------------------------------------------------------


def _tree(nodes: tuple[Node, ...], indent: int, event: MessageSeen) -> str:
    texts = iter(event.texts)
    return "".join(text for node in nodes for text in _node(node, indent, texts))


def _node(node: Node, indent: int, texts: Iterator[str]) -> Iterator[str]:
    """The node's line and those of its children. `texts`: those of the X.509 parts that are still to come."""
    indent += _SHIFTS.get(node.label, 0)
    yield _SPECIAL.get(node.label, _line)(node, indent, texts)
    if node.label not in _IN_ONE_LINE:
        for child in node.children:
            yield from _node(child, indent + 2, texts)


def _line(node: Node, indent: int, _texts: Iterator[str]) -> str:
    template = _EMPTY.get(node.label) if node.length == 0 else None
    template = template or _LINES.get(node.label) or _DEFAULTS[type(node.value)]
    return " " * indent + template.format(**_fields(node)) + "\n"


def _fields(node: Node) -> dict[str, object]:
    """What a template can name."""
    fields: dict[str, object] = {"label": node.label, "value": node.value, "length": node.length}
    fields |= {child.label: child.value for child in node.children}
    if isinstance(node.value, Code):
        number = node.value.number
        fields |= {"number": number, "high": number >> 8, "low": number & 0xFF, "name": node.value.name}
    if isinstance(node.value, bytes):
        fields |= {"length": len(node.value), "hex": node.value.hex().upper()}
        fields["text"] = node.value.decode("utf-8", "surrogateescape")
    return fields


_DEFAULTS: dict[type, str] = {
    type(None): "{label}",
    bytes: "{label} (len={length}): {hex}",
    Code: "{name} ({number})",
    int: "{label}={value}",
    str: "{label}={value}",
}
_HEADER = "Record\nHeader:\n  Version = {version.name} (0x{version.number:x})\n"
_HEADER_END = "  Content Type = {type.name} ({type.number})\n  Length = {length}"
_LINES = {
    # records
    "TLSPlaintext": _HEADER + _HEADER_END,
    "DTLSPlaintext": f"{_HEADER}  epoch={{epoch}}, sequence_number={{sequence_number:012x}}\n{_HEADER_END}",
    "content_type": "Inner Content Type = {name} ({number})",
    "change_cipher_spec": "change_cipher_spec (1)",
    "alert": "Level={level.name}({level.number}), description={description.name}({description.number})",
    # handshake messages
    "handshake": "{name}, Length={length}",
    "fragment": "message_seq={message_seq}, fragment_offset={fragment_offset}, "
    "fragment_length={fragment_length}",
    "client_version": "{label}=0x{number:x} ({name})",
    "server_version": "{label}=0x{number:x} ({name})",
    "random": "Random:",
    "gmt_unix_time": "{label}=0x{value:08X}",
    "cipher_suites": "{label} (len={length})",
    "CipherSuite": "{{0x{high:02X}, 0x{low:02X}}} {name}",
    "cipher_suite": "{label} {{0x{high:02X}, 0x{low:02X}}} {name}",
    "compression_methods": "{label} (len={length})",
    "CompressionMethod": "{name} (0x{number:02X})",
    "compression_method": "{label}: {name} (0x{number:02X})",
    "certificate_list": "{label}, length={length}",
    "certificate_types": "{label} (len={length})",
    "signature_algorithms": "{label} (len={length})",
    "certificate_authorities": "{label} (len={length})",
    "algorithm": "Signature Algorithm: {name} (0x{number:04x})",
    "signature": "Signature (len={length}): {hex}",
    "named_curve": "{label}: {name} ({number})",
    "curve_type": "UNKNOWN CURVE PARAMETER TYPE {value}",
    "unsupported": "Unsupported, hex dump follows:",
    # extensions
    "extensions": "extensions, length = {length}",
    "ticket_extensions": "extensions, length = {length}",
    "extension": "extension_type={name}({number}), length={length}",
    "SignatureScheme": "{name} (0x{number:04x})",
    "ProtocolName": "{text}",
    "max_early_data_size": "max_early_data={value}",
    "group": "NamedGroup: {name} ({number})",
    "key_exchange": "key_exchange:  (len={length}): {hex}",
}
# The line instead when the length is 0.
_EMPTY = {
    "extensions": "No extensions",
    "ticket_extensions": "No extensions",
    "renegotiated_connection": "<EMPTY>",
    "ticket": "No Ticket",
}
# Fields whose children have no lines of their own.
_IN_ONE_LINE = {"TLSPlaintext", "DTLSPlaintext", "alert", "fragment"}
# Where fields stand, with all below them, beside the column that their level gives them.
_SHIFTS = {
    "fragment": -2,
    "cut_extension": -2,
    "renegotiated_connection": 2,
    "client_verify_data": 2,
    "server_verify_data": 2,
    "selected_version": 2,
    "group": 2,
    "key_exchange": 2,
    "ticket_lifetime_hint": 2,
    "ticket_age_add": 2,
    "ticket_nonce": 2,
    "ticket": 2,
    "ticket_extensions": 2,
}


# --- lines of a special kind -----------------------------------------------------------------------------------


def _data(node: Node, indent: int, _texts: Iterator[str]) -> str:
    assert isinstance(node.value, bytes)
    return hex_dump(node.value, indent)


def _cut_extension(node: Node, _indent: int, _texts: Iterator[str]) -> str:
    assert isinstance(node.value, int)
    return f"extensions, extype = {node.value}, extlen = {node.length}\n"


def _certificate(node: Node, indent: int, texts: Iterator[str]) -> str:
    assert isinstance(node.value, bytes)
    start, text = f"{' ' * indent}ASN.1Cert, length={len(node.value)}", next(texts, "")
    if not text:
        return f"{start}<UNPARSABLE CERTIFICATE>\n<TRAILING GARBAGE AFTER CERTIFICATE>\n"
    return f"{start}\n------details-----\n{text}------------------\n"


def _name(node: Node, indent: int, texts: Iterator[str]) -> str:
    assert isinstance(node.value, bytes)
    text = next(texts, "") or "<UNPARSABLE DN>"
    return f"{' ' * indent}DistinguishedName (len={len(node.value)}): {text}\n"


_SPECIAL: dict[str, Callable[[Node, int, Iterator[str]], str]] = {
    "data": _data,
    "cut_extension": _cut_extension,
    "ASN.1Cert": _certificate,
    "DistinguishedName": _name,
}
