"""Timestamps of certificates. What is printed of them: tests/oracle/test_ct.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from support.ct import PRECERT_ENTRY, YESTERDAY, Log, log_list, precert_entry, sct_list, with_timestamps
from support.pki import authority, leaf, pem, private
from tls.conftest import MakePair
from tls.pairs import TLS12, TLS13, client_settings, only
from tlsdeck.errors import ConfigurationError
from tlsdeck.events import TicketReceived
from tlsdeck.tls.context import Context
from tlsdeck.tls.credentials import parse_identity
from tlsdeck.tls.session import load_session
from tlsdeck.tls.settings import Settings
from tlsdeck.tls.verify import Trust

KNOWN, UNKNOWN = Log("A log"), Log("Another log")
ROOT = authority("tlsdeck transparent root", None)
BARE = leaf("localhost", ROOT, rsa.generate_private_key(65537, 2048), ("localhost",))
ENTRY = precert_entry(BARE.certificate, ROOT.certificate)
WRONG_ENTRY = precert_entry(ROOT.certificate, ROOT.certificate)


def serving(*scts: bytes) -> Settings:
    """A server whose certificate has these timestamps."""
    identity = with_timestamps(BARE, ROOT, sct_list(*scts)) if scts else BARE
    return Settings(
        server=True, identities=(parse_identity(private(identity.key), pem(identity.certificate)),)
    )


Asking = Callable[..., Settings]


@pytest.fixture
def asking(tmp_path: Path) -> Asking:
    """Settings of a client that knows one of the logs."""
    (tmp_path / "root.pem").write_bytes(pem(ROOT.certificate))
    (tmp_path / "logs.cnf").write_text(log_list(KNOWN))
    trust, logs = Trust(str(tmp_path / "root.pem")), str(tmp_path / "logs.cnf")
    return lambda **fields: client_settings(trust=trust, transparency=True, log_list=logs, **fields)


def test_timestamps_are_told(pair: MakePair, asking: Asking) -> None:
    scts = KNOWN.sct(PRECERT_ENTRY, ENTRY), UNKNOWN.sct(PRECERT_ENTRY, ENTRY)
    told = pair(asking(), serving(*scts)).client.summary().timestamps
    assert told is not None
    by_log = {each.log_id: each for each in told}
    assert {log_id: each.status for log_id, each in by_log.items()} == {
        KNOWN.id: "valid",
        UNKNOWN.id: "unknown log",
    }
    assert {(each.version, each.timestamp) for each in told} == {(0, YESTERDAY)}
    assert "    Log       : A log\n" in by_log[KNOWN.id].text
    assert not by_log[KNOWN.id].text.endswith("\n")


def test_server_without_timestamps(pair: MakePair, asking: Asking) -> None:
    assert pair(asking(), serving()).client.summary().timestamps == ()


def test_nobody_asked(pair: MakePair) -> None:
    assert (
        pair(client_settings(), serving(KNOWN.sct(PRECERT_ENTRY, ENTRY))).client.summary().timestamps is None
    )


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_wrong_timestamps_do_not_end_the_connection(version: int, pair: MakePair, asking: Asking) -> None:
    """Although libssl has left something in its error queue."""
    wrong = KNOWN.sct(PRECERT_ENTRY, WRONG_ENTRY)
    made = pair(asking(**only(version)), serving(wrong))
    assert made.tell(made.server, b"data") == b"data"
    told = made.client.summary().timestamps
    assert told is not None
    assert [each.status for each in told] == ["invalid"]


def test_resumed_session_has_none_to_check(pair: MakePair, asking: Asking, tmp_path: Path) -> None:
    client = Context(asking(keep_sessions=True, **only(TLS12)))
    server = Context(serving(KNOWN.sct(PRECERT_ENTRY, ENTRY)))
    ticket = pair(client, server).of(TicketReceived)[0]
    (tmp_path / "session.pem").write_text(ticket.session.pem)
    summary = pair(client, server, session=load_session(str(tmp_path / "session.pem"))).client.summary()
    assert summary.reused
    assert summary.timestamps is None


@pytest.mark.parametrize(
    "content", [None, "", "junk", "enabled_logs = a\n", "enabled_logs = a\n[a]\nkey = AAAA\n"]
)
def test_list_of_logs_that_is_none(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "logs.cnf"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError) as raised:
        Context(client_settings(transparency=True, log_list=str(file)))
    assert raised.value.stack


def test_extension_18_is_libssls_or_ours(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="custom ext handler already installed"):
        Context(client_settings(transparency=True, extensions=(18,)))
