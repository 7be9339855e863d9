from __future__ import annotations

import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tls.conftest import Serving
from tls.pairs import Pair, carry, client_settings
from tlsdeck.errors import PeerError
from tlsdeck.events import CookieRequested
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.context import Context
from tlsdeck.tls.cookies import cookie, peer_address
from tlsdeck.tls.settings import Settings
from tlsdeck.tls.transport import descriptor, memory

TLS13 = {"min_version": 0x0304}


def test_cookie_depends_on_the_address_and_on_nothing_else() -> None:
    assert cookie(b"a") == cookie(b"a") != cookie(b"b")
    assert len(cookie(b"a")) == 20


def test_peer_address_is_that_of_the_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as near:
        near.connect(listener.getsockname())
        far, address = listener.accept()
        with far:
            raw = peer_address(descriptor(far.fileno()))
            assert raw[2:8] == address[1].to_bytes(2, "big") + bytes([127, 0, 0, 1])
            assert raw == peer_address(descriptor(far.fileno()))


def test_peer_address_of_memory_is_empty() -> None:
    assert peer_address(memory()) == b""


@pytest.mark.parametrize("size", [1, 3, 100, 100_000])
def test_admit_takes_hellos_in_pieces_of_any_size(size: int, serving: Serving) -> None:
    both = Pair(client_settings(), serving(cookies=True, **TLS13))
    admitted = False
    while not admitted:
        both.client.handshake()
        data = both.to_client.take()
        while data and not admitted:
            both.to_server.feed(data[:size])
            data = data[size:]
            admitted = both.server.admit()
        both.to_server.feed(data)
        carry(both.to_server, both.to_client)
    both.shake()
    assert len(both.of(CookieRequested, server=True)) == 1
    assert both.tell(both.client, b"ahoy") == b"ahoy"


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_admit_refuses_whatever_is_no_hello(data: bytes) -> None:
    transport = memory()
    server = Connection(Context(Settings(server=True, cookies=True)), transport)
    transport.feed(data)
    transport.feed_end()
    with pytest.raises(PeerError) as raised:
        server.admit()
    assert raised.value.stack
