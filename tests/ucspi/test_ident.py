from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tlsdeck.ucspi.ident import ask_ident
from tlsdeck.ucspi.loop import Loop

LOCAL, REMOTE = ("127.0.0.1", 443), ("127.0.0.2", 51000)


@contextmanager
def server(*pieces: bytes, stays: bool = False) -> Iterator[tuple[int, list[object]]]:
    """An ident server at the remote address: its port, and what it saw. It sends the pieces, and closes or stays."""
    listener = socket.create_server((REMOTE[0], 0))
    seen: list[object] = []
    done = threading.Event()

    def serve() -> None:
        connection, (client, _) = listener.accept()
        with connection, suppress(ConnectionError):  # the client may leave first
            seen.extend((client, connection.recv(100)))
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.01)
            if stays:
                done.wait(10)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], seen
    finally:
        done.set()
        thread.join()
        listener.close()


def ask(port: int, seconds: float = 5) -> str | None:
    loop = Loop()
    return loop.result(ask_ident(loop, LOCAL, REMOTE, time.monotonic() + seconds, port=port))


def test_it_asks_from_the_local_address_about_both_ports() -> None:
    with server(b"51000 , 443 : USERID : UNIX : joe\r\n") as (port, seen):
        assert ask(port) == "joe"
    assert seen == [LOCAL[0], b"51000 , 443\r\n"]


@pytest.mark.parametrize(
    "pieces, info",
    [
        ([b"1,2:USERID:UNIX:joe\n"], "joe"),
        ([b"1,2:USERID:U", b"NIX: j", b"o e", b"\r\nmore"], "joe"),
        ([b"1,2:USERID:OTHER: a:b \xe9\n"], "a:b\udce9"),
        ([b"1 , 2 : ERROR : NO-USER\r\n"], ""),
        ([b"nonsense\n"], ""),
        ([b"::: joe\0evil\n"], "joe"),
        ([b":::" + b"x" * 300], "x" * 257),
        ([b"1,2:USERID:UNIX:joe"], None),
        ([], None),
        ([b"x" * 5000], None),
    ],
)
def test_answers(pieces: list[bytes], info: str | None) -> None:
    with server(*pieces) as (port, _):
        assert ask(port) == info


def test_a_silent_server_is_left_at_the_deadline() -> None:
    with server(b"1,2:USERID", stays=True) as (port, _):
        started = time.monotonic()
        assert ask(port, 0.2) is None
        assert time.monotonic() - started < 2


def test_a_server_that_drips_is_left_at_the_deadline() -> None:
    with server(*[b" "] * 60, stays=True) as (port, _):
        assert ask(port, 0.2) is None


def test_nobody_there_and_no_time_are_no_answer() -> None:
    with socket.create_server((REMOTE[0], 0)) as taken:
        port = taken.getsockname()[1]
    assert ask(port) is None
    assert ask(port, -1) is None
