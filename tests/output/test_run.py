from __future__ import annotations

import errno

import pytest

from output.captured import CLIENT_1_3, NOTHING, SESSION
from tlsdeck import events
from tlsdeck.events import Alert, Event, Phases, Summarized, Tickets
from tlsdeck.output.run import Run

STARTED = events.ConnectStarted("example.org", "443")
CONNECTED = events.Connected(3, "127.0.0.1:50000", "127.0.0.1:443")
DONE = events.HandshakeCompleted(CLIENT_1_3)
CLOSE_SENT = events.AlertSeen(True, "warning", "close notify")
CLOSE_RECEIVED = events.AlertSeen(False, "warning", "close notify")
EOF = ("T:error:0A000126:SSL routines:ssl3_read_n:unexpected eof while reading:../ssl/record.c:1:",)
REFUSED = (
    "T:error:8000006F:system library:BIO_connect:Connection refused:../crypto/bio/bio_sock2.c:1:calling connect()",
    "T:error:10000067:BIO routines:BIO_connect:connect error:../crypto/bio/bio_sock2.c:2:",
)
NO_NAME = (
    "T:error:10080002:BIO routines:BIO_lookup_ex:system lib:../crypto/bio/bio_addr.c:1:Name or service not known",
)


def run(*happened: Event, code: int = 0, reason: str = "ok") -> Summarized:
    """The record of a run in which these events happened, one a second from 1 on."""
    collected = Run()
    for second, event in enumerate(happened, 1):
        collected.see(event, float(second))
    return collected.summarized(events.Finished(code, reason), len(happened) + 1.0)


def test_a_run_without_events_is_empty() -> None:
    found = run(code=1)
    assert (found.code, found.reason, found.error, found.closed) == (1, "ok", None, None)
    assert (found.host, found.local, found.summary) == (None, None, None)
    assert found.phases == Phases(None, None, None, 1.0)


def test_phases_of_an_ordinary_run() -> None:
    found = run(STARTED, CONNECTED, events.HandshakeEnded(), DONE, events.InputEnded())
    assert found.phases == Phases(connect=1.0, preamble=None, handshake=1.0, total=6.0)
    assert (found.host, found.service) == ("example.org", "443")
    assert (found.local, found.peer) == ("127.0.0.1:50000", "127.0.0.1:443")


def test_handshake_with_early_data_ends_twice() -> None:
    ended = events.HandshakeEnded()
    assert run(STARTED, CONNECTED, ended, ended, DONE, ended).phases.handshake == 2.0


def test_proxy_and_starttls_are_one_phase() -> None:
    completed = events.PreambleCompleted("smtp", "")
    found = run(STARTED, CONNECTED, completed, completed, events.HandshakeEnded(), DONE)
    assert found.phases == Phases(1.0, 2.0, 1.0, 7.0)


def test_phases_end_when_they_fail() -> None:
    refused = run(STARTED, events.ConnectFailed("", REFUSED, 111))
    assert refused.phases == Phases(1.0, None, None, 3.0)
    assert (refused.error, refused.closed, refused.connections) == ("Connection refused", None, 0)
    told_off = run(STARTED, CONNECTED, events.PreambleFailed("smtp", "STARTTLS refused"))
    assert told_off.phases == Phases(1.0, 1.0, None, 4.0)
    assert (told_off.error, told_off.closed) == ("STARTTLS refused", "failed")
    failed = run(STARTED, CONNECTED, events.HandshakeFailed(NOTHING, EOF, 0, None))
    assert failed.phases == Phases(1.0, None, 1.0, 4.0)
    assert failed.summary == NOTHING
    assert run(STARTED, CONNECTED).phases.handshake == 1.0


@pytest.mark.parametrize(
    "failure, error",
    [
        (events.ConnectFailed("", NO_NAME, 0), "Name or service not known"),
        (events.ConnectFailed("Can't bind address", (), 0), "Can't bind address"),
        (events.ConnectFailed("", (), errno.EHOSTUNREACH), "No route to host"),
    ],
)
def test_errors_are_told_in_the_words_of_who_noticed_first(failure: Event, error: str) -> None:
    assert run(STARTED, failure).error == error


@pytest.mark.parametrize(
    "happened, closed",
    [
        ((CLOSE_RECEIVED, events.PeerClosed(), CLOSE_SENT), "peer"),
        ((events.PeerClosed(), CLOSE_SENT), "cut-off"),
        ((events.InputEnded(), CLOSE_SENT, CLOSE_RECEIVED), "local"),
        ((events.ConnectionFailed("read", EOF, 0),), "cut-off"),
        ((events.ConnectionFailed("read", (), 0),), "cut-off"),
        ((events.ConnectionFailed("read", (), errno.ECONNRESET),), "cut-off"),
        ((events.ConnectionFailed("read", REFUSED, 0),), "failed"),
        ((events.HandshakeFailed(NOTHING, EOF, 0, None),), "cut-off"),
        ((events.HandshakeFailed(NOTHING, (), 0, None, "s_client: not for a.example"),), "failed"),
        ((), "failed"),
    ],
)
def test_how_a_connection_was_closed(happened: tuple[Event, ...], closed: str) -> None:
    assert run(STARTED, CONNECTED, *happened).closed == closed


def test_time_limit_closes_a_connection() -> None:
    message = "s_client: nothing for 3 s"
    happened = (STARTED, CONNECTED, DONE, events.ConnectionFailed("wait", (), 0, message))
    found = run(*happened, reason="time-limit")
    assert (found.closed, found.error) == ("time-limit", message)
    assert run(STARTED, reason="time-limit").closed is None


@pytest.mark.parametrize(
    "happened, closed, error",
    [
        ((), "local", None),
        ((DONE, events.ConnectionDropped()), "local", None),
        ((events.HandshakeFailed(NOTHING, (), errno.ETIMEDOUT, None, "too slow"),), "time-limit", "too slow"),
        (
            (DONE, events.ConnectionFailed("read", (), errno.ETIMEDOUT)),
            "failed",
            "Connection timed out",
        ),
    ],
)
def test_connection_of_a_server_in_one_record(
    happened: tuple[Event, ...], closed: str, error: str | None
) -> None:
    found = Run()
    for at, event in enumerate((CONNECTED, *happened)):
        found.see(event, 10.0 + at)
    told = found.connection_summarized(20.0)
    assert (told.closed, told.error, told.total) == (closed, error, 10.0)
    assert (told.local, told.peer) == (CONNECTED.local, CONNECTED.peer)


def test_verification_errors_are_told_once() -> None:
    wrong = events.CertificateChecked(0, "CN = a", False, 10, "certificate has expired", True, "notAfter=...")
    fine = events.CertificateChecked(0, "CN = a", True, 10, "certificate has expired", True, None)
    (found,) = run(wrong, fine, wrong).verification_errors
    assert (found.code, found.name, found.depth) == (10, "X509_V_ERR_CERT_HAS_EXPIRED", 0)
    assert (found.text, found.subject) == ("certificate has expired", "CN = a")
    assert len(run(wrong, wrong.replace(depth=1)).verification_errors) == 2


def test_counts() -> None:
    found = run(
        STARTED, CONNECTED, CLOSE_RECEIVED,
        events.TicketReceived(SESSION.replace(lifetime=300), True),
        events.TicketReceived(SESSION.replace(lifetime=7200), True),
        events.KeyUpdated(True, False), events.KeyUpdated(False, True), events.KeyUpdated(False, False),
        DONE, events.Renegotiated(CLIENT_1_3.replace(reused=True)),
    )  # fmt: skip
    assert found.alerts == (Alert(False, "warning", "close notify"),)
    assert found.tickets == Tickets(2, 7200)
    assert (found.key_updates_sent, found.key_updates_received) == (1, 2)
    assert (found.renegotiations, found.resumptions, found.connections) == (1, 1, 1)


def test_bytes_are_those_of_the_end() -> None:
    found = run(STARTED, CONNECTED, DONE, events.BytesCounted(5000, 600)).summary
    assert found == CLIENT_1_3.replace(bytes_read=5000, bytes_written=600)
    assert run(events.BytesCounted(5000, 600)).summary is None


def test_the_report_at_the_end_is_the_newest() -> None:
    report = events.ReportRequested(NOTHING)
    assert run(STARTED, CONNECTED, events.PeerClosed(), report).summary == NOTHING
    assert run(STARTED, CONNECTED, events.PreambleFailed("smtp", "no"), report).summary is None


def test_after_several_connections_the_last_one_is_told() -> None:
    again = events.HandshakeCompleted(CLIENT_1_3.replace(reused=True))
    found = run(
        STARTED, CONNECTED, CLOSE_RECEIVED, DONE, events.PeerClosed(),
        STARTED.replace(host="other"), CONNECTED, again, events.InputEnded(),
    )  # fmt: skip
    assert (found.host, found.alerts, found.closed) == ("other", (), "local")
    assert found.phases.connect == 1.0
    assert (found.connections, found.resumptions) == (2, 1)
