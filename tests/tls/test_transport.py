from __future__ import annotations

import socket

from tls.pairs import client_settings
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.context import Context
from tlsdeck.tls.transport import descriptor, memory


def test_memory_gives_what_was_sent_once() -> None:
    transport = memory()
    assert transport.take() == b""
    Connection(Context(client_settings()), transport).handshake()
    assert transport.take().startswith(b"\x16\x03\x01")
    assert transport.take() == b""


def test_memory_is_not_ended_by_being_empty() -> None:
    transport = memory()
    connection = Connection(Context(client_settings()), transport)
    assert connection.handshake() is False
    transport.feed(b"")
    assert connection.handshake() is False


def test_memory_holds_much() -> None:
    transport = memory()
    transport.feed(bytes(5_000_000))
    connection = Connection(Context(client_settings()), transport)
    while connection.discard():
        break
    transport.feed_end()
    taken = 1
    while connection.discard():
        taken += 1
    assert taken == -(-5_000_000 // 8192)


def test_descriptor_stays_the_callers() -> None:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        connection = Connection(Context(client_settings()), descriptor(near.fileno()))
        connection.handshake()
        connection.close()
        del connection
        assert far.recv(3) == b"\x16\x03\x01"
        near.sendall(b"still open")
