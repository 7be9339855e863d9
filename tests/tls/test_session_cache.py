from __future__ import annotations

from collections.abc import Mapping

import pytest

from tls.pairs import TLS12, Pair, client_settings, only, server_settings
from tlsdeck import events
from tlsdeck.errors import PeerError
from tlsdeck.tls.context import Context
from tlsdeck.tls.session import parse_session
from tlsdeck.tls.session_cache import SessionCache

BY_ID = {**only(TLS12), "conf_commands": (("no_ticket", None),)}


def test_oldest_session_makes_room() -> None:
    cache = SessionCache(limit=2)
    for number in range(3):
        cache.keep(bytes([number]), b"session")
    assert len(cache) == 2
    assert cache.find(b"\0") is None
    assert cache.find(b"\2") == b"session"


def test_sessions_come_back_from_outside(pki: Mapping[str, bytes]) -> None:
    cache = SessionCache()
    server = Context(server_settings(pki, external_cache=cache, **BY_ID))
    client = Context(client_settings(**BY_ID))
    first = Pair(client, server)
    first.shake()
    assert first.of(events.SessionKept, server=True) == [events.SessionKept()]
    assert (len(cache), server.statistics().cached) == (1, 0)

    session = parse_session(first.client.session_pem())
    second = Pair(client, server, session=session)
    second.shake()
    assert second.server.summary().reused
    assert second.of(events.SessionSought, server=True) == [events.SessionSought(found=True)]
    assert server.statistics().callback_hits == 1


def test_session_of_a_connection_that_broke_off_is_forgotten(pki: Mapping[str, bytes]) -> None:
    cache = SessionCache()
    pair = Pair(client_settings(**BY_ID), server_settings(pki, external_cache=cache, **BY_ID))
    pair.shake()
    pair.to_server.feed(b"\x17\x03\x03\x00\x20" + bytes(32))
    with pytest.raises(PeerError):
        pair.server.read(100)
    assert len(cache) == 0


def test_kernel_does_not_encrypt_for_memory(pki: Mapping[str, bytes]) -> None:
    pair = Pair(client_settings(), server_settings(pki, kernel_tls=True))
    pair.shake()
    assert not pair.server.kernel_sends
