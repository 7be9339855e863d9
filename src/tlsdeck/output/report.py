"""The classic reports on standard output: what scripts have parsed for decades."""

from __future__ import annotations

from tlsdeck import events
from tlsdeck.output import blocks
from tlsdeck.output.printer import Printer, always

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.events import Summary
    from tlsdeck.output.printer import Table
    from tlsdeck.output.stream import Stream

# --- the client ------------------------------------------------------------------------------------------------


class ClientReport(Printer):
    """s_client's report. The first connection is told in full, later ones in short.

    `show_certificates`: -showcerts; `quiet`: not what NPN offers (-quiet with -debug leaves the rest).
    """

    def __init__(self, stream: Stream, *, show_certificates: bool = False, quiet: bool = False) -> None:
        self._show_certificates = show_certificates
        self._quiet = quiet
        self._told_in_full = False
        self._next_protocol = ""
        super().__init__(
            stream,
            {
                events.Connected: _connected,
                events.NonBlockingSet: always("Turned on non blocking io\n"),
                events.Blocked: _client_blocked,
                events.StapleReceived: _staple_received,
                events.NextProtocolsOffered: self._next_protocols_offered,
                events.NextProtocolSelected: self._next_protocol_selected,
                events.HandshakeCompleted: self._handshake_completed,
                events.HandshakeFailed: self._handshake_failed,
                events.ReportRequested: self._report_requested,
                events.TicketReceived: _ticket_received,
                events.ServerInfoReceived: _server_info_received,
                events.PeerClosed: always("closed\n"),
                events.ReconnectStarted: always("drop connection and then reconnect\n"),
            },
        )

    def _handshake_completed(self, event: events.HandshakeCompleted) -> str:
        return self._next(event.summary)

    def _handshake_failed(self, event: events.HandshakeFailed) -> str:
        return self._next(event.summary)

    def _report_requested(self, event: events.ReportRequested) -> str:
        return self._in_full(event.summary)

    def _next_protocols_offered(self, event: events.NextProtocolsOffered) -> str:
        return "" if self._quiet else f"Protocols advertised by server: {', '.join(event.protocols)}\n"

    def _next_protocol_selected(self, event: events.NextProtocolSelected) -> str:
        """Kept for the report: the number is what SSL_select_next_proto(3) returned."""
        self._next_protocol = f"Next protocol: ({1 if event.common else 2}) {event.protocol}\n"
        return ""

    def _next(self, summary: Summary) -> str:
        if self._told_in_full:
            return self._in_short(summary)
        self._told_in_full = True
        return self._in_full(summary)

    def _in_full(self, summary: Summary) -> str:
        return (
            blocks.certificate_chain(summary.chain, pem=self._show_certificates)
            + self._server_certificate(summary)
            + blocks.acceptable_ca_names(summary)
            + blocks.requested_signature_algorithms(summary)
            + blocks.temporary_key(summary)
            + blocks.timestamps(summary)
            + "---\n"
            + f"SSL handshake has read {summary.bytes_read} bytes and written {summary.bytes_written} bytes\n"
            + self._in_short(summary, _public_key(summary))
        )

    def _in_short(self, summary: Summary, public_key: str = "") -> str:
        return (
            blocks.verification(summary)
            + blocks.cipher(summary)
            + public_key
            + blocks.secure_renegotiation(summary)
            + f"Compression: {summary.compression or 'NONE'}\n"
            + f"Expansion: {summary.expansion or 'NONE'}\n"
            + self._next_protocol
            + (f"ALPN protocol: {summary.alpn}\n" if summary.alpn else "No ALPN negotiated\n")
            + blocks.srtp_profile(summary)
            + _client_session(summary)
            + (blocks.keying_material(summary) if summary.session else "")
            + "---\n"
        )

    def _server_certificate(self, summary: Summary) -> str:
        peer = summary.peer
        if peer is None:
            return "---\nno peer certificate available\n"
        already_shown = self._show_certificates and summary.chain
        pem = "" if already_shown else peer.pem
        return f"---\nServer certificate\n{pem}{blocks.certificate_names(peer)}"


def _public_key(summary: Summary) -> str:
    return f"Server public key is {summary.peer.public_key_bits} bit\n" if summary.peer else ""


def _client_session(summary: Summary) -> str:
    """A TLS 1.3 session comes with a ticket only, and is printed then."""
    if summary.version != "TLSv1.3":
        return blocks.session(summary)
    return (
        f"Early data was {summary.early_data}\n"
        f"Verify return code: {summary.verify_code} ({summary.verify_text})\n"
    )


def _connected(event: events.Connected) -> str:
    return f"CONNECTED({event.descriptor:08X})\n"


_WANTS = {"read": "R", "write": "W", "x509": "X", "async": "A"}


def _client_blocked(event: events.Blocked) -> str:
    """The original carries a handshake on with writes of nothing."""
    operation = "read" if event.operation == "read" else "write"
    return f"{operation} {_WANTS[event.want]} BLOCK\n"


_STAPLE_RULER = "=" * 38


def _staple_received(event: events.StapleReceived) -> str:
    if event.staple is not None:
        return f"OCSP response: \n{_STAPLE_RULER}\n{event.staple.text}{_STAPLE_RULER}\n"
    if not event.der:
        return "OCSP response: no response sent\n"
    from tlsdeck.output.debug import hex_dump

    return f"OCSP response: response parse error\n{hex_dump(event.der, 4)}"


def _ticket_received(event: events.TicketReceived) -> str:
    if not event.after_handshake:
        return ""
    return f"---\nPost-Handshake New Session Ticket arrived:\n{event.session.text}---\n"


def _server_info_received(event: events.ServerInfoReceived) -> str:
    """With type and length as they stand before the data in the handshake, which is what s_server -serverinfo reads."""
    header = event.type.to_bytes(2) + len(event.data).to_bytes(2)
    return blocks.pem(f"SERVERINFO FOR EXTENSION {event.type}", header + event.data)


# --- the server ------------------------------------------------------------------------------------------------


class ServerReport(Printer):
    """What s_server reports in every mode. `quiet`: not the ALPN lines (-quiet with -debug leaves the others)."""

    def __init__(self, stream: Stream, *, quiet: bool = False) -> None:
        super().__init__(stream, _SERVER if quiet else {**_SERVER, **_ALPN})


def _temporary_dh_set(event: events.TemporaryDhSet) -> str:
    return "Setting temp DH parameters\n" if event.from_file else "Using default temp DH parameters\n"


def _listening(event: events.Listening) -> str:
    return f"ACCEPT {event.address}\n" if event.chosen else "ACCEPT\n"


def _server_name_received(event: events.ServerNameReceived) -> str:
    name = event.name.encode("utf-8", "surrogateescape")
    shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in name)
    return f'Hostname in TLS extension: "{shown}"\n'


def _statistics_taken(event: events.StatisticsTaken) -> str:
    return blocks.statistics(event.statistics)


def _alpn_offered(event: events.AlpnOffered) -> str:
    return f"ALPN protocols advertised by the client: {', '.join(event.protocols)}\n"


def _alpn_selected(event: events.AlpnSelected) -> str:
    return f"ALPN protocols selected: {event.protocol}\n"


_SERVER: Table = {
    events.SecondContextSet: always("Setting secondary ctx parameters\n"),
    events.TemporaryDhSet: _temporary_dh_set,
    events.Listening: _listening,
    events.ServerNameReceived: _server_name_received,
    events.ContextSwitched: always("Switching server context.\n"),
    events.StatisticsTaken: _statistics_taken,
}
_ALPN: Table = {
    events.AlpnOffered: _alpn_offered,
    events.AlpnSelected: _alpn_selected,
}


class ServerConnectionReport(Printer):
    """What s_server reports of each connection when it is a terminal for it: without -www, -WWW, -HTTP and -rev."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(
            stream,
            {
                events.CookieRequested: always("DELAY\n"),
                events.EarlyDataReceived: _early_data_received,
                events.EarlyDataEnded: _early_data_ended,
                events.Blocked: _server_blocked,
                events.HandshakeCompleted: _server_handshake_completed,
                events.HandshakeRepeated: _handshake_repeated,
                events.CertificateRequestFailed: always("Failed to initiate request\n"),
                events.InputEnded: always("DONE\n"),
                events.ConnectionDropped: always("DONE\n"),
                events.PeerClosed: always("DONE\n"),
                events.ConnectionFailed: always("ERROR\n"),
                events.ShuttingDown: always("shutting down SSL\n"),
                events.Closed: always("CONNECTION CLOSED\n"),
            },
        )


class RequestReport(Printer):
    """What s_server reports of a connection in the modes -www, -WWW and -HTTP."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(
            stream,
            {
                events.Blocked: always("read R BLOCK\n"),
                events.RenegotiationStarted: _renegotiation_started,
            },
        )


def _early_data_received(event: events.EarlyDataReceived) -> str:
    """The data itself is not the report's to show."""
    return "Early data received:\n" if event.first else ""


def _early_data_ended(event: events.EarlyDataEnded) -> str:
    if event.size:
        return "\nEnd of early data\n"
    return "Early data was rejected\n" if event.outcome == "rejected" else "No early data received\n"


_OPERATIONS = {"handshake": "DELAY", "read": "Read BLOCK", "write": "Write BLOCK"}


def _server_blocked(event: events.Blocked) -> str:
    suspended = event.want == "async" and event.operation != "handshake"
    return f"{_OPERATIONS[event.operation]}{' (Async)' if suspended else ''}\n"


def _handshake_repeated(event: events.HandshakeRepeated) -> str:
    return f"SSL_do_handshake -> {event.result}\n"


def _renegotiation_started(event: events.RenegotiationStarted) -> str:
    return f"SSL_renegotiate -> {event.result}\n"


def _server_handshake_completed(event: events.HandshakeCompleted) -> str:
    summary = event.summary
    return (
        event.session_pem
        + _client_certificate(summary)
        + (f"Shared ciphers:{':'.join(summary.shared_ciphers)}\n" if summary.shared_ciphers else "")
        + blocks.signature_algorithms(summary)
        + blocks.point_formats(summary)
        + blocks.groups(summary)
        + blocks.ca_names(summary)
        + f"CIPHER is {summary.cipher}\n"
        + (f"NEXTPROTO is {summary.next_protocol}\n" if summary.next_protocol else "")
        + blocks.srtp_profile(summary)
        + ("Reused session-id\n" if summary.reused else "")
        + blocks.secure_renegotiation(summary)
        + ("Renegotiation is DISABLED\n" if summary.renegotiation_disabled else "")
        + blocks.keying_material(summary)
    )


def _client_certificate(summary: Summary) -> str:
    if summary.peer is None:
        return ""
    return f"Client certificate\n{summary.peer.pem}{blocks.certificate_names(summary.peer)}"
