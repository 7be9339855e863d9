"""One printer for each debugging option: -msg, -debug, -state, -tlsextdebug, -timeout."""

from __future__ import annotations

from tlsdeck import events, names
from tlsdeck.output.printer import Printer, always

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.output.stream import Stream

_ROW = 16  # bytes a line of a dump shows


class Messages(Printer):
    """-msg: every protocol message in hex."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, {events.MessageSeen: _message_seen})


class Transport(Printer):
    """-debug: what is read from and written to the transport."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, {events.TransportUsed: _transport_used})


class States(Printer):
    """-state: the handshake's states, and alerts."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, {events.StateChanged: _state_changed, events.AlertSeen: _alert_seen})


class Extensions(Printer):
    """-tlsextdebug: the peer's extensions."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, {events.ExtensionSeen: _extension_seen})


class Retransmissions(Printer):
    """-timeout: that something was sent again because no answer came in time."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, {events.Retransmitted: always("TIMEOUT occurred\n")})


# --- messages --------------------------------------------------------------------------------------------------


def _message_seen(event: events.MessageSeen) -> str:
    direction = ">>>" if event.sent else "<<<"
    kind, detail = _kind(event)
    rows = (event.data[at : at + _ROW].hex(" ") for at in range(0, len(event.data), _ROW))
    dump = "".join(f"    {row}\n" for row in rows)
    return f"{direction} {kind} [length {len(event.data):04x}]{detail}\n{dump}"


def _kind(event: events.MessageSeen) -> tuple[str, str]:
    """What stands before and behind the length."""
    version = names.VERSIONS.get(event.version)
    if version is None:
        return (
            f"Not TLS data or unknown version (version={event.version}, content_type={event.content_type})",
            "",
        )
    content = names.CONTENT_TYPES.get(event.content_type, f"Unknown (content_type={event.content_type})")
    if event.content_type == names.ALERT:
        return f"{version}, {content}", _alert(event.data)
    if event.content_type == names.HANDSHAKE:
        return f"{version}, {content}", _handshake(event.data)
    return f"{version}, {content}", ""


def _alert(data: bytes) -> str:
    if len(data) != 2:
        return ", ???"
    level, description = data
    return f", {names.ALERT_LEVELS.get(level, '???')} {names.ALERT_DESCRIPTIONS.get(description, '???')}"


def _handshake(data: bytes) -> str:
    name = names.HANDSHAKE_TYPES.get(data[0]) if data else None
    return f", {name}" if name else "???"


# --- transport and extensions ----------------------------------------------------------------------------------


def _transport_used(event: events.TransportUsed) -> str:
    action = "write to" if event.sent else "read from"
    start = f"{action} 0x{event.bio:x} [0x{event.buffer:x}] ({event.wanted} bytes => {event.result}"
    if event.result <= 0:
        return f"{start})\n"
    return f"{start} (0x{event.result:X}))\n{hex_dump(event.data)}"


def _extension_seen(event: events.ExtensionSeen) -> str:
    sender = "server" if event.from_server else "client"
    name = names.EXTENSIONS.get(event.type, "unknown")
    return f'TLS {sender} extension "{name}" (id={event.type}), len={len(event.data)}\n{hex_dump(event.data)}'


def hex_dump(data: bytes, indent: int = 0) -> str:
    """Offset, hex and ASCII of bytes, as BIO_dump_indent(3) writes them: from column 6 on in shorter rows."""
    width = _ROW - (max(indent - 6, 0) + 3) // 4
    rows = (_dump_row(at, data[at : at + width], 3 * width) for at in range(0, len(data), width))
    return "".join(" " * indent + row for row in rows)


def _dump_row(offset: int, row: bytes, columns: int) -> str:
    left = row[:8].hex(" ") + ("-" if len(row) >= 8 else "")
    characters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
    return f"{offset:04x} - {left + row[8:].hex(' '):<{columns}}  {characters}\n"


# --- states ----------------------------------------------------------------------------------------------------

_OUTCOMES = {"step": "", "failed": "failed in ", "error": "error in "}


def _state_changed(event: events.StateChanged) -> str:
    return f"{event.operation}:{_OUTCOMES[event.outcome]}{event.state}\n"


def _alert_seen(event: events.AlertSeen) -> str:
    return f"SSL3 alert {'write' if event.sent else 'read'}:{event.level}:{event.description}\n"
