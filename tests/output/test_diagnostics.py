from __future__ import annotations

import pytest

from output.captured import NOTHING, shown
from tlsdeck import events
from tlsdeck.output.diagnostics import (
    ClientDiagnostics,
    ListenerDiagnostics,
    PreambleReply,
    RequestDiagnostics,
    ServerDiagnostics,
)

STACK = (
    "40F78E1CBA7F0000:error:0A00042E:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version:SSL alert number 70",
    "40F78E1CBA7F0000:error:0A000126:SSL routines:ssl3_read_n:unexpected eof while reading:",
)
PRINTED_STACK = STACK[0] + "\n" + STACK[1] + "\n"


@pytest.mark.parametrize(
    "event, line",
    [
        (events.PreambleNoted("odd, but well"), "odd, but well\n"),
        (events.PreambleCompleted("smtp", "250 HELP"), ""),
        (events.PreambleFailed("irc", "no\nnever"), "no\nnever\n"),
        (events.ServerNameChecked(sent=False), "Can't use SSL_get_servername\n"),
        (events.ServerNameChecked(sent=True), ""),
        (
            events.ExtensionsRefused((5, 0)),
            (
                "Warning: Unable to add custom extension 5, skipping\n"
                "Warning: Unable to add custom extension 0, skipping\n"
            ),
        ),
        (
            events.TlsaRecordRefused("3 1 1 aa", "unusable TLSA rrdata", STACK),
            f"{PRINTED_STACK}s_client: warning: unusable TLSA rrdata: 3 1 1 aa\n",
        ),
        (
            events.TlsaRecordRefused("x", "bad TLSA usage field in", ()),
            "s_client: warning: bad TLSA usage field in: x\n",
        ),
        (events.HandshakeFailed(NOTHING, STACK, 0, None), PRINTED_STACK),
        (events.HandshakeFailed(NOTHING, STACK, 0, "certificate has expired"), PRINTED_STACK),
        (events.HandshakeFailed(NOTHING, (), 104, None), "write:errno=104\n"),
        (events.MtuRefused(256), "MTU too small. Must be at least 256\n"),
        (events.Retransmitted(), ""),
        (events.RenegotiationRequested(), "RENEGOTIATING\n"),
        (events.KeyUpdateRequested(of_peer=True), "KEYUPDATE\n"),
        (events.InputEnded(), "DONE\n"),
        (events.ConnectionFailed("read", STACK, 0), PRINTED_STACK),
        (events.ConnectionFailed("read", (), 104), "read:errno=104\n"),
        (events.ConnectionFailed("write", (), 32), "write:errno=32\n"),
        (events.NonBlockingSet(), ""),
        (events.PeerClosed(), ""),
    ],
)
def test_client_diagnostics_line(event: events.Event, line: str) -> None:
    assert shown(ClientDiagnostics, event) == line


@pytest.mark.parametrize(
    "event, line",
    [
        (events.ConnectionFailed("read", (), 104), "CONNECTION CLOSED BY SERVER\n"),
        (events.ConnectionFailed("write", (), 104), "write:errno=104\n"),
        (events.ConnectionFailed("read", STACK, 104), PRINTED_STACK),
        (events.InputEnded(), "DONE\n"),
    ],
)
def test_client_diagnostics_line_when_brief(event: events.Event, line: str) -> None:
    assert shown(ClientDiagnostics, event, brief=True) == line


def test_preamble_reply_waits_for_the_handshake() -> None:
    completed, done = events.PreambleCompleted("smtp", "250 HELP"), events.HandshakeCompleted(NOTHING)
    assert shown(PreambleReply, completed) == ""
    assert shown(PreambleReply, completed, done) == "250 HELP\r\n"
    assert shown(PreambleReply, completed, events.HandshakeFailed(NOTHING, (), 104, None)) == ""


def test_preamble_reply_may_be_nothing() -> None:
    completed, done = events.PreambleCompleted("ldap", ""), events.HandshakeCompleted(NOTHING)
    assert shown(PreambleReply, completed, done) == ""


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize(
    "event, line",
    [
        (events.HandshakeFailed(NOTHING, STACK, 0, None), "ERROR\n" + PRINTED_STACK),
        (
            events.HandshakeFailed(NOTHING, STACK[:1], 0, "certificate revoked"),
            f"ERROR\nverify error:certificate revoked\n{STACK[0]}\n",
        ),
        (events.HandshakeFailed(NOTHING, (), 104, None), "ERROR\n"),
        (events.ConnectionFailed("read", STACK, 0), PRINTED_STACK),
        (events.ConnectionFailed("read", (), 104), ""),
        (events.ConnectionFailed("wait", (), 110, "no data for 3 seconds"), "no data for 3 seconds\n"),
        (events.CertificateRequestFailed(STACK), PRINTED_STACK),
        (events.RequestRefused(STACK), PRINTED_STACK),
        (events.MtuRefused(256), "MTU too small. Must be at least 256\n"),
        (events.InputEnded(), "shutdown accept socket\n"),
        (events.ConnectionDropped(), ""),
    ],
)
def test_server_diagnostics_line(event: events.Event, line: str, *, quiet: bool) -> None:
    assert shown(ServerDiagnostics, event, quiet=quiet) == line


def test_server_diagnostics_of_non_blocking_sockets_can_be_quiet() -> None:
    assert shown(ServerDiagnostics, events.NonBlockingSet()) == "Turned on non blocking io\n"
    assert shown(ServerDiagnostics, events.NonBlockingSet(), quiet=True) == ""


@pytest.mark.parametrize(
    "event, line",
    [
        (events.HandshakeFailed(NOTHING, STACK, 0, None), PRINTED_STACK),
        (events.ConnectionFailed("read", STACK, 0), PRINTED_STACK),
        (events.HandshakeFailed(NOTHING, (), 110, None, "too long"), "too long\n"),
        (events.FileServed("a b.html"), "FILE:a b.html\n"),
        (events.FileSentByKernel("a b.html"), "KTLS SENDFILE 'a b.html' OK\n"),
        (events.NonBlockingSet(), "Turned on non blocking io\n"),
        (events.InputEnded(), ""),
    ],
)
def test_request_diagnostics_line(event: events.Event, line: str) -> None:
    assert shown(RequestDiagnostics, event) == line


@pytest.mark.parametrize(
    "event, line",
    [
        (
            events.ShortageMet("Too many open files"),
            "s_server: cannot accept more clients for now: Too many open files\n",
        ),
        (
            events.ServiceBroken("KeyError: 'a'"),
            "s_server: internal error: KeyError: 'a'; please report it. TLSDECK_TRACEBACK=1 shows where it is.\n",
        ),
        (events.SessionKept(), "New session added to external cache\n"),
        (events.SessionSought(found=True), "Lookup session: cache hit\n"),
        (events.SessionSought(found=False), "Lookup session: cache miss\n"),
        (events.KernelTlsMissing(), "Warning: sendfile requested but KTLS is not available\n"),
    ],
)
def test_listener_diagnostics_line(event: events.Event, line: str) -> None:
    assert shown(ListenerDiagnostics, event) == line
