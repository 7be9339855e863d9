"""The data plane on its own, with the pipes of a program that has ended."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator, Mapping

import pytest

from support.programs import wait_for
from tls.pairs import client_settings, server_settings
from tlsdeck.record import Record
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.context import Context
from tlsdeck.tls.transport import descriptor
from tlsdeck.ucspi.channel import close_all
from tlsdeck.ucspi.copy import Relay
from tlsdeck.ucspi.loop import Loop

LIMIT = 20.0  # seconds


class Ends(Record):
    """A client and a server over TCP; the server's descriptor."""

    client: Connection
    server: Connection
    number: int


@pytest.fixture
def ends(pki: Mapping[str, bytes]) -> Iterator[Ends]:
    """The handshake is done."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    with near, far:
        for end in (near, far):
            end.setblocking(False)
        client = Connection(Context(client_settings()), descriptor(near.fileno()))
        server = Connection(Context(server_settings(pki)), descriptor(far.fileno()))
        while not (client.handshake() & server.handshake()):
            pass
        yield Ends(client, server, far.fileno())


def relay_and_program(ends: Ends) -> tuple[Relay, int, int]:
    """The relay, and the program's ends of the pipes."""
    their_input, our_input = os.pipe()
    our_output, their_output = os.pipe()
    os.set_blocking(our_input, False)
    os.set_blocking(our_output, False)
    relay = Relay(Loop(), ends.server, ends.number, (our_input, our_output), b"", LIMIT)
    return relay, their_input, their_output


def relay_for_a_program_that_said(words: bytes, ends: Ends) -> Relay:
    relay, their_input, their_output = relay_and_program(ends)
    os.write(their_output, words)
    close_all((their_input, their_output))
    return relay


def read_all(client: Connection) -> bytes:
    """Up to close_notify."""
    pieces: list[bytes | None] = []

    def ended() -> bool:
        pieces.append(client.read(10))
        return pieces[-1] == b""

    wait_for("close_notify", ended)
    return b"".join(filter(None, pieces))


def test_what_a_client_does_after_the_program_has_ended_is_nobodys_business(ends: Ends) -> None:
    """It may close at our last words, as clients of SMTP do after their 221, and the system answers with a reset."""
    assert list(relay_for_a_program_that_said(b"bye", ends).run()) == []
    assert read_all(ends.client) == b"bye"


@pytest.mark.parametrize("written, size", [(65535, 65536), (65536, 262144)])
def test_a_pipe_that_was_full_is_made_larger(written: int, size: int, ends: Ends) -> None:
    relay, their_input, their_output = relay_and_program(ends)
    os.write(their_output, bytes(written))
    steps = relay.run()
    next(steps)
    assert fcntl.fcntl(their_output, fcntl.F_GETPIPE_SZ) == size
    steps.close()
    close_all((their_input, their_output))
