"""The few lines of -brief on standard error; -rev has them always."""

from __future__ import annotations

from tlsdeck import events
from tlsdeck.output import blocks
from tlsdeck.output.printer import Printer, always, stack_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.events import Summary
    from tlsdeck.output.stream import Stream


class ClientBrief(Printer):
    """s_client -brief."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, {events.HandshakeCompleted: _client_established})


class ServerBrief(Printer):
    """s_server -brief."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, {events.HandshakeCompleted: _accepted})


class ReverseBrief(Printer):
    """s_server -rev. `quiet`: not why reading failed."""

    def __init__(self, stream: Stream, *, quiet: bool = False) -> None:
        super().__init__(
            stream,
            {
                events.HandshakeCompleted: _server_established,
                events.HandshakeFailed: _handshake_failed,
                events.ConnectionFailed: always("") if quiet else _connection_failed,
                events.ConnectionDropped: always("CONNECTION CLOSED\n"),
                events.PeerClosed: always("CONNECTION CLOSED\n"),
            },
        )


def _client_established(event: events.HandshakeCompleted) -> str:
    return "CONNECTION ESTABLISHED\n" + client_summary(event.summary)


def _server_established(event: events.HandshakeCompleted) -> str:
    return "CONNECTION ESTABLISHED\n" + server_summary(event.summary)


def _accepted(event: events.HandshakeCompleted) -> str:
    return server_summary(event.summary)


def _handshake_failed(event: events.HandshakeFailed) -> str:
    return f"CONNECTION FAILURE\n{_message(event)}{stack_lines(event.stack)}"


def _connection_failed(event: events.ConnectionFailed) -> str:
    return _message(event) + stack_lines(event.stack)


def _message(event: events.HandshakeFailed | events.ConnectionFailed) -> str:
    return f"{event.message}\n" if event.message else ""


def client_summary(summary: Summary) -> str:
    """A client's connection in brief."""
    return (
        f"Protocol version: {summary.version}\n"
        f"Ciphersuite: {summary.cipher}\n"
        + _algorithms("Requested Signature Algorithms", summary)
        + _peer(summary)
        + blocks.point_formats(summary)
        + blocks.temporary_key(summary)
    )


def server_summary(summary: Summary) -> str:
    """A server's connection in brief."""
    return (
        f"Protocol version: {summary.version}\n"
        f"Client cipher list: {':'.join(summary.offered_ciphers)}\n"
        f"Ciphersuite: {summary.cipher}\n"
        + _algorithms("Signature Algorithms", summary)
        + _peer(summary)
        + blocks.point_formats(summary)
        + blocks.supported_groups(summary)
    )


def _algorithms(label: str, summary: Summary) -> str:
    return f"{label}: {':'.join(summary.signature_algorithms)}\n" if summary.signature_algorithms else ""


def _peer(summary: Summary) -> str:
    if summary.peer is None:
        return "No peer certificate\n"
    return f"Peer certificate: {summary.peer.subject}\n{_signature(summary)}{blocks.verification(summary)}"


def _signature(summary: Summary) -> str:
    """Nothing if the peer signed nothing (RSA key exchange). Ed25519 and Ed448 sign without a digest of their own."""
    if summary.peer_signature_type is None:
        return ""
    return f"Hash used: {summary.peer_digest or 'UNDEF'}\nSignature type: {summary.peer_signature_type}\n"
