"""What goes to standard error whatever is asked for, also with -quiet."""

from __future__ import annotations

from tlsdeck import events
from tlsdeck.output.printer import Printer, always, stack_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.output.printer import Table
    from tlsdeck.output.stream import Stream

# --- both ------------------------------------------------------------------------------------------------------


def _mtu_refused(event: events.MtuRefused) -> str:
    return f"MTU too small. Must be at least {event.least}\n"


# --- the client ------------------------------------------------------------------------------------------------


class ClientDiagnostics(Printer):
    """s_client's. `brief`: -brief, which says in words that the server is gone."""

    def __init__(self, stream: Stream, *, brief: bool = False) -> None:
        self._brief = brief
        super().__init__(
            stream,
            {
                events.ExtensionsRefused: _extensions_refused,
                events.TlsaRecordRefused: _tlsa_record_refused,
                events.ConnectFailed: _connect_failed,
                events.PreambleNoted: _text,
                events.PreambleFailed: _text,
                events.ServerNameChecked: _server_name_checked,
                events.MtuRefused: _mtu_refused,
                events.HandshakeFailed: _handshake_failed,
                events.RenegotiationRequested: always("RENEGOTIATING\n"),
                events.KeyUpdateRequested: always("KEYUPDATE\n"),
                events.InputEnded: always("DONE\n"),
                events.ConnectionFailed: self._connection_failed,
            },
        )

    def _connection_failed(self, event: events.ConnectionFailed) -> str:
        if event.stack or event.message:
            return _line(event.message) + stack_lines(event.stack)
        if self._brief and event.operation == "read":
            return "CONNECTION CLOSED BY SERVER\n"
        return f"{event.operation}:errno={event.errno}\n"


class PreambleReply(Printer):
    """s_client's after a report: what the server said last before TLS, for -starttls."""

    def __init__(self, stream: Stream) -> None:
        self._reply = ""
        super().__init__(
            stream,
            {
                events.PreambleCompleted: self._keep,
                events.HandshakeCompleted: self._tell,
            },
        )

    def _keep(self, event: events.PreambleCompleted) -> str:
        self._reply = event.reply
        return ""

    def _tell(self, _event: events.HandshakeCompleted) -> str:
        """With the line end it came with."""
        return f"{self._reply}\r\n" if self._reply else ""


def _extensions_refused(event: events.ExtensionsRefused) -> str:
    return "".join([f"Warning: Unable to add custom extension {kind}, skipping\n" for kind in event.types])


def _tlsa_record_refused(event: events.TlsaRecordRefused) -> str:
    return f"{stack_lines(event.stack)}s_client: warning: {event.problem}: {event.record}\n"


def _text(event: events.PreambleNoted | events.PreambleFailed) -> str:
    return f"{event.text}\n"


def _server_name_checked(event: events.ServerNameChecked) -> str:
    return "" if event.sent else "Can't use SSL_get_servername\n"


def _connect_failed(event: events.ConnectFailed) -> str:
    return f"{_line(event.message)}{stack_lines(event.stack)}connect:errno={event.errno}\n"


def _handshake_failed(event: events.HandshakeFailed) -> str:
    return _line(event.message) + stack_lines(event.stack) or f"write:errno={event.errno}\n"


def _line(message: str) -> str:
    return f"{message}\n" if message else ""


# --- the server ------------------------------------------------------------------------------------------------


class ServerDiagnostics(Printer):
    """s_server's for the connections it is a terminal for."""

    def __init__(self, stream: Stream, *, quiet: bool = False) -> None:
        super().__init__(stream, _SERVER if quiet else {**_SERVER, **_NON_BLOCKING})


class RequestDiagnostics(Printer):
    """s_server's in the modes -www, -WWW and -HTTP. Nothing of it is shown with -quiet."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, _REQUESTS)


class ListenerDiagnostics(Printer):
    """What s_server says in every mode, also with -quiet: of its listening socket, its own errors, -ext_cache and -sendfile."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, _LISTENER)


def _shortage_met(event: events.ShortageMet) -> str:
    return f"s_server: cannot accept more clients for now: {event.reason}\n"


def _accept_failed(event: events.HandshakeFailed) -> str:
    if event.message:
        return f"{event.message}\n{stack_lines(event.stack)}"
    verification = f"verify error:{event.verify_error}\n" if event.verify_error else ""
    return f"ERROR\n{verification}{stack_lines(event.stack)}"


def _stack(event: events.CertificateRequestFailed | events.RequestRefused) -> str:
    return stack_lines(event.stack)


def _failure(event: events.HandshakeFailed | events.ConnectionFailed) -> str:
    return _line(event.message) + stack_lines(event.stack)


def _service_broken(event: events.ServiceBroken) -> str:
    return f"s_server: internal error: {event.problem}; please report it. TLSDECK_TRACEBACK=1 shows where it is.\n"


def _session_sought(event: events.SessionSought) -> str:
    return f"Lookup session: cache {'hit' if event.found else 'miss'}\n"


def _file_sent_by_kernel(event: events.FileSentByKernel) -> str:
    return f"KTLS SENDFILE '{event.name}' OK\n"


def _file_served(event: events.FileServed) -> str:
    return f"FILE:{event.name}\n"


_NON_BLOCKING: Table = {events.NonBlockingSet: always("Turned on non blocking io\n")}
_SERVER: Table = {
    events.HandshakeFailed: _accept_failed,
    events.CertificateRequestFailed: _stack,
    events.RequestRefused: _stack,
    events.ConnectionFailed: _failure,
    events.InputEnded: always("shutdown accept socket\n"),
    events.MtuRefused: _mtu_refused,
}
_LISTENER: Table = {
    events.ShortageMet: _shortage_met,
    events.ServiceBroken: _service_broken,
    events.SessionKept: always("New session added to external cache\n"),
    events.SessionSought: _session_sought,
    events.KernelTlsMissing: always("Warning: sendfile requested but KTLS is not available\n"),
}
_REQUESTS: Table = {
    **_NON_BLOCKING,
    events.HandshakeFailed: _failure,
    events.ConnectionFailed: _failure,
    events.FileServed: _file_served,
    events.FileSentByKernel: _file_sent_by_kernel,
}
