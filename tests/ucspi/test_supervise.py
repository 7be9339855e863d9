"""The supervisor and a worker that an attacker has taken over: whatever it says, the others are served."""

from __future__ import annotations

import array
import ctypes
import os
import select
import socket
from pathlib import Path

import pytest

from support.fixtures import Start, Workdir
from support.programs import wait_for
from ucspi.serving import Server, descriptors, serve

_PIDFD_GETFD = 438  # pidfd_getfd(2); the same number on every machine


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    return workdir("server")


def voice_of(worker: int) -> socket.socket:
    """The worker's end of its channel to the supervisor."""
    process = os.pidfd_open(worker)
    try:
        for name in sorted(map(int, os.listdir(f"/proc/{worker}/fd"))):  # noqa: PTH208 - it closes some meanwhile
            number = ctypes.CDLL(None).syscall(_PIDFD_GETFD, process, name, 0)
            if number >= 0 and os.readlink(f"/proc/self/fd/{number}").startswith("socket:"):  # noqa: PTH115
                found = socket.socket(fileno=number)
                if found.type == socket.SOCK_SEQPACKET:
                    return found
                found.close()
            elif number >= 0:
                os.close(number)
    finally:
        os.close(process)
    raise AssertionError(worker)


def test_a_worker_has_its_own_channel_only(start: Start, directory: Path) -> None:
    """Nobody else could give it a client, and it ends as soon as the supervisor has."""
    server = serve(start, directory, ["cat"])
    for pid in server.workers():
        links = [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]  # noqa: PTH115, PTH208
        assert sum(link.startswith("socket:") for link in links) == 1


def say(voice: socket.socket, message: bytes, files: int = 0) -> None:
    with open(os.devnull) as nothing:  # noqa: PTH123
        rights = array.array("i", [nothing.fileno()] * files)
        select.select([], [voice], [])
        voice.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if files else [])


@pytest.mark.parametrize(
    "message, files",
    [
        (b"nonsense", 0),
        (b"nonsense\0001", 3),
        (b"done\0001", 0),
        (b"done\0001\000x\000await", 2),
        (b"done\0001\0000\000nonsense", 0),
        (b"done\000" + b"9" * 5000 + b"\0000\000await", 0),
        (b"trouble\0001\000\377\000x", 0),
        (b"tls", 8),
        (b"failed", 0),
        (b"rules", 1),
        (b"start\0001", 2),
        (b"start\0001\000who\000A=B", 2),  # it has its program already
        (b"\0\0\0", 0),
    ],
)
def test_a_worker_that_talks_nonsense_is_replaced(
    start: Start, directory: Path, message: bytes, files: int
) -> None:
    server = serve(start, directory, ["cat"])
    with server.connect() as connection:
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"
        server.wait_for_log("accept TLS")
        before = descriptors(server.process.pid)
        [busy] = [pid for pid in server.workers() if has_program(pid)]
        with voice_of(busy) as voice:
            say(voice, message, files)
        server.wait_for_log(f"error: (111) worker {busy} is ended, it made no sense: ")
        server.wait_for_log(f"error: (111) worker {busy} ended by status 9, and its connections with it")
        server.wait_for_log("status 0/40/0", 2)
    wait_for("another", lambda: len(server.workers()) == len(os.sched_getaffinity(0)))
    assert ask_more(server)
    wait_for("all are closed", lambda: descriptors(server.process.pid) <= before)


def has_program(worker: int) -> bool:
    """Whether it has ends of pipes besides its standard error."""
    names = os.listdir(f"/proc/{worker}/fd")  # noqa: PTH208
    return sum(os.readlink(f"/proc/{worker}/fd/{name}").startswith("pipe:") for name in names) > 1  # noqa: PTH115


def ask_more(server: Server) -> bool:
    for _ in range(4):
        with server.connect() as connection:
            connection.sendall(b"y")
            assert connection.recv(1) == b"y"
    return True


@pytest.mark.parametrize(
    "message, files", [(b"start\00099\000who", 2), (b"tls\00099\000x", 8), (b"done\00099\0000\000await", 8)]
)
def test_descriptors_that_nobody_asked_for_are_closed(
    start: Start, directory: Path, message: bytes, files: int
) -> None:
    server = serve(start, directory, ["cat"])
    before = descriptors(server.process.pid)
    with voice_of(server.workers()[0]) as voice:
        for _ in range(200):
            say(voice, message, files)
    assert ask_more(server)
    wait_for("all are closed", lambda: descriptors(server.process.pid) <= before)


def test_a_worker_that_never_stops_talking_does_not_silence_the_others(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat"])
    with voice_of(server.workers()[0]) as voice:
        for _ in range(20_000):
            say(voice, b"tls\00099\000x")
    assert ask_more(server)


def test_a_channel_that_outlives_its_worker_is_closed(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat"])
    with voice_of(server.workers()[0]) as voice:
        os.kill(server.workers()[0], 9)
        server.wait_for_log("status 9, and its connections with it")
        assert ask_more(server)
        with pytest.raises(BrokenPipeError):
            say(voice, b"ready")
