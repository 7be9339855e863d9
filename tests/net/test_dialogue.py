"""A preamble over real sockets: waiting, time limits, and connections that end."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing

import pytest

from support.peers import reset
from support.programs import TIME_LIMIT
from tlsdeck.errors import NetworkError, PeerError, TimeLimitError
from tlsdeck.events import Event, PreambleCompleted, PreambleNoted
from tlsdeck.net import dialogue
from tlsdeck.net.limits import Clock, Limits
from tlsdeck.preamble import Dialogue, Names, Peer, Preamble, starttls

Talker = Callable[[socket.socket], None]


@pytest.fixture
def connect() -> Iterator[Callable[[Talker], int]]:
    """Connects to a peer that does what it is told to: a descriptor that does not block."""
    threads: list[threading.Thread] = []
    ours: list[socket.socket] = []

    def connect_to(talk: Talker) -> int:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            near = socket.create_connection(listener.getsockname())
            far, _ = listener.accept()
        near.setblocking(False)
        far.settimeout(TIME_LIMIT)
        ours.append(near)
        threads.append(threading.Thread(target=talk_and_close, args=(far, talk), daemon=True))
        threads[-1].start()
        return near.fileno()

    yield connect_to
    for near in ours:
        near.close()
    for thread in threads:
        thread.join(TIME_LIMIT)


def talk_and_close(far: socket.socket, talk: Talker) -> None:
    with closing(far):
        talk(far)


def says(*answers: bytes, size: int = 4096) -> Talker:
    """Says each answer, in pieces of this size, and waits for something after it."""

    def talk(far: socket.socket) -> None:
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for answer in answers:
            for start in range(0, len(answer), size):
                far.sendall(answer[start : start + size])
            far.recv(4096)

    return talk


def is_silent(far: socket.socket) -> None:
    while far.recv(4096):
        pass


def smtp() -> Preamble:
    return Preamble(starttls("smtp", Names(None, "localhost")))


@pytest.mark.parametrize("size", [4096, 1])
def test_run_converses_to_the_end(connect: Callable[[Talker], int], size: int) -> None:
    descriptor = connect(says(b"220 hi\r\n", b"250-x\r\n250 HELP\r\n", b"220 go\r\n", size=size))
    told: list[Event] = []
    preamble = smtp()
    dialogue.run(preamble, descriptor, told.append)
    assert preamble.done
    assert told == [
        PreambleNoted("Didn't find STARTTLS in server response, trying anyway..."),
        PreambleCompleted("smtp", "250 HELP"),
    ]
    assert not os.get_blocking(descriptor)


def test_run_shows_what_came_before_a_failure(connect: Callable[[Talker], int]) -> None:
    descriptor = connect(says(b"220 hi\r\n", b"250 x\r\n", b"454 no\r\n"))
    told: list[Event] = []
    with pytest.raises(PeerError, match="STARTTLS refused: 454 no"):
        dialogue.run(smtp(), descriptor, told.append)
    assert told == [PreambleNoted("Didn't find STARTTLS in server response, trying anyway...")]


def test_run_ends_when_the_peer_closes(connect: Callable[[Talker], int]) -> None:
    descriptor = connect(lambda far: far.sendall(b"220 hi"))
    with pytest.raises(PeerError, match="STARTTLS failed, connection closed by the peer"):
        dialogue.run(smtp(), descriptor, lambda _: None)


def test_run_ends_when_the_connection_breaks(connect: Callable[[Talker], int]) -> None:
    descriptor = connect(reset)
    with pytest.raises(NetworkError, match="STARTTLS failed, Connection reset by peer") as raised:
        dialogue.run(smtp(), descriptor, lambda _: None)
    assert raised.value.errno == errno.ECONNRESET


def test_run_ends_at_the_deadline(connect: Callable[[Talker], int]) -> None:
    descriptor = connect(is_silent)
    start = time.monotonic()
    with pytest.raises(TimeLimitError, match=r"not finished after 0\.2 seconds \(-total_timeout\)"):
        dialogue.run(smtp(), descriptor, lambda _: None, Clock(Limits(total=0.2)))
    assert 0.2 <= time.monotonic() - start < TIME_LIMIT


@pytest.mark.parametrize("seconds, error", [(None, PeerError), (100.0, PeerError), (0.01, TimeLimitError)])
def test_run_ends_with_its_patience_or_at_the_deadline(
    connect: Callable[[Talker], int], seconds: float | None, error: type[Exception]
) -> None:
    irc = starttls("irc", Names(None, "localhost")).replace(patience=0 if error is PeerError else 8)
    clock = Clock(Limits(total=seconds))
    with pytest.raises(error, match=r"Timeout waiting for response|not finished after"):
        dialogue.run(Preamble(irc), connect(is_silent), lambda _: None, clock)


def test_run_sends_more_than_the_socket_takes_at_once(connect: Callable[[Talker], int]) -> None:
    size = 8 * 1024 * 1024

    def takes_its_time(far: socket.socket) -> None:
        time.sleep(0.1)
        left = size
        while left:
            left -= len(far.recv(65536))
        far.sendall(b"thanks\n")

    def talks_much(peer: Peer) -> Generator[bytes | Event | None, None, str]:
        yield bytes(size)
        return (yield from peer.line()).decode()

    told: list[Event] = []
    preamble = Preamble(Dialogue("test", "TEST", talks_much))
    dialogue.run(preamble, connect(takes_its_time), told.append)
    assert told == [PreambleCompleted("test", "thanks")]
    assert preamble.sent == size
