from __future__ import annotations

import json
import os
from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from output.captured import CLIENT_1_3, SESSION, Capture
from support.records import make
from support.schema import Told, told, valid
from tlsdeck import events
from tlsdeck.errors import OutputError
from tlsdeck.events import Event
from tlsdeck.output.jsonl import SILENT, JsonLines, readable
from tlsdeck.output.stream import Stream

EVENTS = [
    each
    for each in vars(events).values()
    if isinstance(each, type) and issubclass(each, Event) and each is not Event
]
EVERYTHING = ("nbio", "showcerts", "trace")
SECRET = "1234SECRET5678"
STACK = (
    "80FB08A3:error:0A000086:SSL routines:tls_post_process:certificate verify failed:../ssl/clnt.c:1889:",
    "80FB08A3:error:8000006F:system library:BIO_connect:Connection refused:../bio.c:117:calling it: or not",
    "something else",
)


def lines(*happened: Event, asked: Collection[str] = ()) -> list[Told]:
    capture = Capture()
    printer = JsonLines(capture, asked)
    for event in happened:
        printer.show(event)
    return [json.loads(line) for line in capture.finish().decode("ascii").splitlines()]


def line(event: Event, asked: Collection[str] = ()) -> Told:
    (only,) = lines(event, asked=asked)
    return only


# --- every event -----------------------------------------------------------------------------------------------


IN_PLACE_OF: dict[type[Event], str] = {
    events.Closed: "ConnectionSummarized",
    events.Finished: "Summarized",
}


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("asked", [(), EVERYTHING])
def test_every_event_is_told_as_the_schema_says(kind: type[Event], asked: tuple[str, ...]) -> None:
    event = make(kind)
    assert isinstance(event, Event)
    for found in lines(event, asked=asked):
        valid(found)
        assert found["event"] == IN_PLACE_OF.get(kind, kind.__name__)


def test_silent_events_are_not_told_and_all_others_are() -> None:
    for kind in EVENTS:
        event = make(kind)
        assert isinstance(event, Event)
        expected = kind in IN_PLACE_OF or kind not in SILENT
        assert len(lines(event, asked=EVERYTHING)) == expected, kind


def test_no_field_has_the_name_of_one_that_every_line_has() -> None:
    for kind in EVENTS:
        assert not {"event", "time", "connection"} & set(kind._fields)


# --- values ----------------------------------------------------------------------------------------------------


def test_bytes_are_hexadecimal() -> None:
    assert line(events.DataReceived(b"\x00\xffA"))["data"] == "00ff41"


def test_tuples_are_arrays_and_none_is_null() -> None:
    assert line(events.AlpnOffered(("h2", "http/1.1")))["protocols"] == ["h2", "http/1.1"]
    assert line(events.ConnectStarted("/a/path", None))["service"] is None


def test_an_event_without_fields_has_its_name_and_time_only() -> None:
    assert line(events.PeerClosed()).keys() == {"event", "time"}


def test_times_count_from_the_start_and_never_decrease() -> None:
    times = [each["time"] for each in lines(*[events.PeerClosed()] * 5)]
    assert times == sorted(times)
    assert 0 <= times[0] < 5


def test_small_times_are_written_without_an_exponent() -> None:
    capture = Capture()
    JsonLines(capture).show(events.PeerClosed())
    assert b"e-" not in capture.finish()


def test_error_lines_are_taken_apart() -> None:
    certificate, refused, unknown = line(events.ConnectFailed("", STACK, 0))["stack"]
    assert certificate == {
        "code": "0A000086",
        "library": "SSL routines",
        "function": "tls_post_process",
        "reason": "certificate verify failed",
        "data": "",
    }
    assert (refused["reason"], refused["data"]) == ("Connection refused", "calling it: or not")
    assert (unknown["code"], unknown["reason"]) == ("", "something else")


def test_verification_errors_have_their_name() -> None:
    event = events.CertificateChecked(0, None, False, 10, "certificate has expired", True, None)
    assert line(event)["error_name"] == "X509_V_ERR_CERT_HAS_EXPIRED"
    assert line(event.replace(error=100000))["error_name"] is None


@pytest.mark.parametrize(
    "text, shown",
    [
        ("plain", "plain"),
        ("Übung €", "Übung €"),
        ("a\udcffb\udc80", "a\\xffb\\x80"),
        ("\ud800", "\\ud800"),
        ("two\nlines\x1b[2J", "two\nlines\x1b[2J"),
    ],
)
def test_text_is_valid_whatever_came_in(text: str, shown: str) -> None:
    assert readable(text) == shown
    assert line(events.ServerNameReceived(text))["name"] == shown


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_makes_one_line_of_ascii(text: str) -> None:
    capture = Capture()
    JsonLines(capture).show(events.PreambleFailed("smtp", text))
    written = capture.finish()
    assert written.isascii()
    assert written.count(b"\n") == 1
    assert json.loads(written)["text"].encode().decode() == readable(text)  # no lone surrogate


# --- what is left out, and what is asked for ---------------------------------------------------------------------


def test_session_secrets_are_never_told() -> None:
    session = events.SessionInfo(f"Master-Key: {SECRET}", f"PEM {SECRET}", 7200, 16384)
    summary = CLIENT_1_3.replace(session=f"Resumption PSK: {SECRET}")
    told_lines = lines(
        events.TicketReceived(session, True),
        events.HandshakeCompleted(summary, f"PEM {SECRET}"),
        events.Renegotiated(summary),
        events.HandshakeFailed(summary, (), 0, None),
        events.ReportRequested(summary),
        events.Finished(0, "ok"),
        asked=EVERYTHING,
    )
    assert SECRET not in json.dumps(told_lines)
    assert told_lines[0]["session"] == {"lifetime": 7200, "max_early_data": 16384}


def test_addresses_in_memory_are_not_told() -> None:
    found = line(events.TransportUsed(True, 0x7F0001, 0x7F0002, 5, 5, b"12345"))
    assert found.keys() == {"event", "time", "sent", "wanted", "result", "data"}
    assert "descriptor" not in line(events.Connected(3, "a", "b"))


def test_details_take_the_place_of_what_the_report_prints() -> None:
    details = make(events.Details)
    assert isinstance(details, events.Details)
    summary = CLIENT_1_3.replace(details=details.replace(version=None, cipher="X"))
    found = line(events.Renegotiated(summary))["summary"]
    assert (found["version"], found["cipher"]) == (None, "X")
    assert found["chain"] == found["verified_chain"] != []
    assert "details" not in found


def test_certificates_come_in_pem_when_asked_for() -> None:
    summary = make(events.Summary)
    assert isinstance(summary, events.Summary)
    for asked in ((), ("showcerts",)):
        (certificate,) = line(events.Renegotiated(summary), asked)["summary"]["chain"]
        assert ("pem" in certificate) == bool(asked)


def test_messages_come_as_trees_when_asked_for() -> None:
    alert = events.MessageSeen(True, 0x0304, 21, b"\x02\x28", 0, ("text",))
    told = {"sent": True, "version": 772, "content_type": 21, "data": "0228"}
    assert line(alert).items() >= told.items()
    assert not {"suite", "texts", "decoded"} & line(alert).keys()
    (node,) = line(alert, ["trace"])["decoded"]["nodes"]
    assert node == {
        "label": "alert",
        "children": [
            {"label": "level", "value": {"number": 2, "name": "fatal"}},
            {"label": "description", "value": {"number": 40, "name": "handshake failure"}},
        ],
    }


def test_messages_that_cannot_be_decoded_say_why() -> None:
    found = line(events.MessageSeen(False, 0x0304, 21, b"\x02"), ["trace"])["decoded"]
    assert found == {"nodes": [], "problem": "Illegal Alert Length"}


def test_waits_are_told_when_asked_for() -> None:
    assert lines(events.Blocked("read", "read")) == []
    assert line(events.Blocked("read", "read"), ["nbio"])["want"] == "read"


# --- lines -------------------------------------------------------------------------------------------------------


def test_the_end_is_a_record_of_the_whole_run() -> None:
    first, last = lines(events.TicketReceived(SESSION, True), events.Finished(3, "failed"))
    assert first["event"] == "TicketReceived"
    assert (last["event"], last["code"], last["reason"]) == ("Summarized", 3, "failed")
    assert last["tickets"]["count"] == 1
    assert last["phases"]["total"] == last["time"]


def test_connections_have_numbers_and_runs_of_their_own() -> None:
    capture = Capture()
    whole = JsonLines(capture)
    one, two = whole.numbered(1), whole.numbered(2)
    whole.show(events.Listening("[::]:4433", True))
    one.show(events.PeerClosed())
    two.show(events.TicketReceived(SESSION, True))
    one.show(events.Finished(0, "ok"))
    found: list[dict[str, Any]] = told(capture.finish().decode())
    assert [each.get("connection") for each in found] == [None, 1, 2, 1]
    assert [each["time"] for each in found] == sorted(each["time"] for each in found)
    assert found[3]["tickets"]["count"] == 0


def test_nothing_is_written_once_nobody_reads() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    printer = JsonLines(Stream(writing))
    with pytest.raises(OutputError):
        printer.show(events.PeerClosed())
    printer.show(events.Finished(0, "ok"))
    os.close(writing)
