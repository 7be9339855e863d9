from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tls.pairs import Pair, client_settings, server_settings
from tlsdeck.errors import CertificateError, EarlyDataError
from tlsdeck.events import CookieRequested, EarlyDataEnded, EarlyDataReceived, Event, TicketReceived
from tlsdeck.net.opening import demand_cookie, receive_early_data, send_early_data
from tlsdeck.tls.context import Context
from tlsdeck.tls.session import parse_session

if TYPE_CHECKING:
    from tlsdeck.net.opening import Opening

Pki = Mapping[str, bytes]


@pytest.fixture
def resumed(pki: Pki) -> Pair:
    """A pair that is about to resume a session that allows 100 bytes of early data."""
    server = Context(server_settings(pki, max_early_data=100, recv_max_early_data=100))
    first = Pair(client_settings(keep_sessions=True), server)
    first.shake()
    first.tell(first.server, b"-")
    first.server.shutdown()  # else its session would be taken for broken
    ticket = first.of(TicketReceived)[-1]
    return Pair(client_settings(), server, session=parse_session(ticket.session.pem))


def drive(both: Pair, client: Opening, server: Opening) -> list[Event]:
    """Both openings to their end; the events of the server's."""
    assert list(client) == []  # memory takes everything at once
    told: list[Event] = []
    both.carry()
    for event in server:
        if event is not None:
            told.append(event)
        both.carry()
        both.client.handshake()
        both.carry()
    return told


def test_early_data_arrives_before_the_handshake_is_done(resumed: Pair, tmp_path: Path) -> None:
    (tmp_path / "words").write_bytes(b"first words")
    opening = send_early_data(resumed.client, str(tmp_path / "words"))
    told = drive(resumed, opening, receive_early_data(resumed.server))
    assert told[0] == EarlyDataReceived(b"first words", first=True)
    assert told[-1] == EarlyDataEnded("accepted", 11)
    resumed.shake()
    assert resumed.client.summary().early_data == "accepted"


def test_empty_early_data_is_announced_all_the_same(resumed: Pair, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    told = drive(
        resumed, send_early_data(resumed.client, str(tmp_path / "empty")), receive_early_data(resumed.server)
    )
    assert told == [EarlyDataEnded("accepted", 0)]


def test_early_data_not_sent_is_told(pki: Pki) -> None:
    both = Pair(client_settings(), server_settings(pki, max_early_data=100))
    both.client.handshake()
    assert drive(both, iter(()), receive_early_data(both.server)) == [EarlyDataEnded("not sent", 0)]


def test_more_than_the_session_allows_is_an_error(resumed: Pair, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(101))
    with pytest.raises(EarlyDataError, match="Error writing early data") as raised:
        list(send_early_data(resumed.client, str(tmp_path / "large")))
    assert "too much early data" in raised.value.stack[0]


def test_a_file_that_cannot_be_read_is_an_error(resumed: Pair, tmp_path: Path) -> None:
    with pytest.raises(EarlyDataError, match="Cannot open early data file") as raised:
        list(send_early_data(resumed.client, str(tmp_path / "missing")))
    assert raised.value.stack == (f"{tmp_path / 'missing'}: No such file or directory",)


def test_nothing_is_sent_under_a_session_that_does_not_pass(resumed: Pair, tmp_path: Path) -> None:
    def vet() -> None:
        raise CertificateError("not this one")

    with pytest.raises(CertificateError):
        list(send_early_data(resumed.client, str(tmp_path / "missing"), vet))
    assert resumed.to_client.take() == b""


def test_a_client_that_breaks_off_is_an_error(resumed: Pair) -> None:
    resumed.to_server.feed_end()
    with pytest.raises(EarlyDataError, match="Error reading early data") as raised:
        list(receive_early_data(resumed.server))
    assert "unexpected eof" in raised.value.stack[0]


def test_cookie_is_demanded_before_the_handshake(pki: Pki) -> None:
    both = Pair(client_settings(), server_settings(pki, cookies=True, min_version=0x0304))
    both.client.handshake()
    both.carry()
    for event in demand_cookie(both.server):
        assert event is None
        both.carry()
        both.client.handshake()
        both.carry()
    both.shake()
    assert both.of(CookieRequested, server=True) == [CookieRequested()]
