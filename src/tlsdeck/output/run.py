"""What a whole run comes to, collected event by event: the record that -json tells last."""

from __future__ import annotations

import errno
import os

from tlsdeck import events
from tlsdeck.events import (
    Alert,
    ConnectionSummarized,
    ErrorLine,
    Phases,
    Summarized,
    Tickets,
    VerificationError,
)
from tlsdeck.output.verification_errors import verification_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Never

    from tlsdeck.events import Event, Summary

_DIGITS = 6  # of a second's fraction


class Run:
    """A program's run: the newest connection in full, counts over all of them. Times are seconds since the start."""

    def __init__(self) -> None:
        self._program = ""
        self._connections = self._resumptions = 0
        self._began: float | None = None  # the first event
        self._forget()

    def _forget(self) -> None:
        """Nothing is known yet of the connection that is about to be made."""
        self._host: str | None = None
        self._service: str | None = None
        self._local: str | None = None
        self._peer: str | None = None
        self._phase: str | None = None
        self._since = self._ended = 0.0
        self._times: dict[str, float] = {}
        self._summary: Summary | None = None
        self._error: str | None = None
        self._closed: str | None = None
        self._wrong: list[VerificationError] = []
        self._alerts: list[Alert] = []
        self._tickets = Tickets(0, None)
        self._renegotiations = self._updates_sent = self._updates_received = 0

    def see(self, event: Event, now: float) -> None:
        """Takes note of an event."""
        if self._began is None:
            self._began = now
        note = _NOTES.get(type(event))
        if note is not None:
            note(self, event, now)  # type: ignore[arg-type]

    def summarized(self, event: events.Finished, now: float) -> Summarized:
        """All of it."""
        self._enter(None, now)
        return Summarized(
            code=event.code,
            reason=event.reason,
            error=self._error and self._error.removeprefix(f"{self._program}: "),
            closed=self._how_closed(event.reason),
            host=self._host,
            service=self._service,
            local=self._local,
            peer=self._peer,
            phases=Phases(
                self._times.get("connect"),
                self._times.get("preamble"),
                self._times.get("handshake"),
                round(now, _DIGITS),
            ),
            summary=self._summary,
            verification_errors=tuple(self._wrong),
            alerts=tuple(self._alerts),
            tickets=self._tickets,
            renegotiations=self._renegotiations,
            key_updates_sent=self._updates_sent,
            key_updates_received=self._updates_received,
            connections=self._connections,
            resumptions=self._resumptions,
        )

    def connection_summarized(self, now: float) -> ConnectionSummarized:
        """All about a server's connection, which is closed now."""
        self._enter(None, now)
        return ConnectionSummarized(
            error=self._error,
            closed=self._closed or "local",
            local=self._local,
            peer=self._peer,
            handshake=self._times.get("handshake"),
            total=round(now - (now if self._began is None else self._began), _DIGITS),
            summary=self._summary,
            verification_errors=tuple(self._wrong),
            alerts=tuple(self._alerts),
            renegotiations=self._renegotiations,
            key_updates_sent=self._updates_sent,
            key_updates_received=self._updates_received,
        )

    def _how_closed(self, reason: str) -> str | None:
        if self._local is None:
            return None
        return _TIME_LIMIT if reason == _TIME_LIMIT else self._closed or "failed"

    # --- phases --------------------------------------------------------------------------------------------

    def _enter(self, phase: str | None, now: float) -> None:
        """The phase that was is over."""
        if self._phase is not None:
            before = self._times.get(self._phase, 0.0)
            self._times[self._phase] = round(before + now - self._since, _DIGITS)
        self._phase, self._since = phase, now

    def started(self, event: events.Started, _now: float) -> None:
        self._program = event.program

    def connect_started(self, event: events.ConnectStarted, now: float) -> None:
        self._forget()
        self._host, self._service = event.host, event.service
        self._enter("connect", now)

    def setup_failed(self, event: events.SetupFailed, _now: float) -> None:
        self._error = event.message or _words(event.stack, 0)

    def connect_failed(self, event: events.ConnectFailed, now: float) -> None:
        self._enter(None, now)
        self._error = event.message or _words(event.stack, event.errno)

    def connected(self, event: events.Connected, now: float) -> None:
        self._connections += 1
        self._local, self._peer = event.local, event.peer
        self._enter("handshake", now)

    def preamble_completed(self, _event: events.PreambleCompleted, now: float) -> None:
        self._phase = "preamble"  # and no handshake, as it seemed
        self._enter("handshake", now)

    def preamble_failed(self, event: events.PreambleFailed, now: float) -> None:
        self._phase = "preamble"
        self._over("failed", now, event.text)

    # --- handshakes ----------------------------------------------------------------------------------------

    def handshake_ended(self, _event: events.HandshakeEnded, now: float) -> None:
        self._ended = now

    def handshake_completed(self, event: events.HandshakeCompleted, now: float) -> None:
        self._enter(None, self._ended or now)
        self._summary = event.summary
        self._resumptions += event.summary.reused

    def handshake_failed(self, event: events.HandshakeFailed, now: float) -> None:
        self._summary = event.summary
        self._failed(event, now)

    def renegotiated(self, event: events.Renegotiated, _now: float) -> None:
        self._summary = event.summary
        self._renegotiations += 1
        self._resumptions += event.summary.reused

    def report_requested(self, event: events.ReportRequested, _now: float) -> None:
        """One is wanted of a connection without TLS too, and says nothing."""
        if "handshake" in self._times:
            self._summary = event.summary

    def certificate_checked(self, event: events.CertificateChecked, _now: float) -> None:
        """A renegotiation finds the same errors again."""
        name = verification_error(event.error)
        wrong = VerificationError(event.error, name, event.error_text, event.depth, event.subject)
        if not event.ok and wrong not in self._wrong:
            self._wrong.append(wrong)

    def alert_seen(self, event: events.AlertSeen, _now: float) -> None:
        self._alerts.append(Alert(event.sent, event.level, event.description))

    def ticket_received(self, event: events.TicketReceived, _now: float) -> None:
        self._tickets = Tickets(self._tickets.count + 1, event.session.lifetime)

    def key_updated(self, event: events.KeyUpdated, _now: float) -> None:
        self._updates_sent += event.sent
        self._updates_received += not event.sent

    # --- ends ----------------------------------------------------------------------------------------------

    def input_ended(self, _event: events.InputEnded, now: float) -> None:
        self._over("local", now)

    def peer_closed(self, _event: events.PeerClosed, now: float) -> None:
        """Without an alert it was only the end of the stream, which -ignore_unexpected_eof takes for one."""
        noticed = any(not alert.sent and alert.description == "close notify" for alert in self._alerts)
        self._over("peer" if noticed else "cut-off", now)

    def connection_dropped(self, _event: events.ConnectionDropped, now: float) -> None:
        self._over("local", now)

    def connection_failed(self, event: events.ConnectionFailed, now: float) -> None:
        self._failed(event, now)

    def bytes_counted(self, event: events.BytesCounted, _now: float) -> None:
        if self._summary is not None:
            self._summary = self._summary.replace(bytes_read=event.read, bytes_written=event.written)

    def _failed(self, event: events.HandshakeFailed | events.ConnectionFailed, now: float) -> None:
        silent = not (event.message or event.stack or event.errno)
        torn = silent or event.errno in _TORN or any(_EOF in line for line in event.stack)
        limited = event.errno == errno.ETIMEDOUT and event.message
        closed = _TIME_LIMIT if limited else "cut-off" if torn else "failed"
        self._over(closed, now, event.message or _words(event.stack, event.errno))

    def _over(self, closed: str, now: float, error: str | None = None) -> None:
        self._enter(None, now)
        self._closed = closed
        self._error = error


_TIME_LIMIT = "time-limit"  # a reason in -strict's table
_TORN = {errno.ECONNRESET, errno.EPIPE}
_EOF = ":unexpected eof while reading:"


def _words(stack: tuple[str, ...], number: int) -> str:
    """The first error of a stack is the cause of the others."""
    if stack:
        first = error_line(stack[0])
        return first.data if first.reason == "system lib" and first.data else first.reason
    return os.strerror(number) if number else "the peer ended the connection"


def error_line(line: str) -> ErrorLine:
    """The parts of a line as ERR_print_errors(3) words it: thread:error:code:library:function:reason:file:line:data."""
    parts = line.split(":", 8)
    if len(parts) < 9 or parts[1] != "error":
        return ErrorLine("", "", "", line, "")
    _thread, _error, code, library, function, reason, _file, _line, data = parts
    return ErrorLine(code, library, function, reason, data)


_NOTES: dict[type[Event], Callable[[Run, Never, float], None]] = {
    events.Started: Run.started,
    events.SetupFailed: Run.setup_failed,
    events.ConnectStarted: Run.connect_started,
    events.ConnectFailed: Run.connect_failed,
    events.Connected: Run.connected,
    events.PreambleCompleted: Run.preamble_completed,
    events.PreambleFailed: Run.preamble_failed,
    events.HandshakeEnded: Run.handshake_ended,
    events.HandshakeCompleted: Run.handshake_completed,
    events.HandshakeFailed: Run.handshake_failed,
    events.Renegotiated: Run.renegotiated,
    events.ReportRequested: Run.report_requested,
    events.CertificateChecked: Run.certificate_checked,
    events.AlertSeen: Run.alert_seen,
    events.TicketReceived: Run.ticket_received,
    events.KeyUpdated: Run.key_updated,
    events.InputEnded: Run.input_ended,
    events.ConnectionDropped: Run.connection_dropped,
    events.PeerClosed: Run.peer_closed,
    events.ConnectionFailed: Run.connection_failed,
    events.BytesCounted: Run.bytes_counted,
}
