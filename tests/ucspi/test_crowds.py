"""Very many clients, and very much data."""

from __future__ import annotations

import hashlib
import re
import ssl
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.fixtures import Start, Workdir
from support.programs import wait_for
from ucspi.serving import ask, client_context, descriptors, end_of_input, read_all, serve

CROWD = 5000
PIECES, PIECE = 1024, 1 << 20  # a gigabyte


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    return workdir("server")


def memory(pid: int) -> int:
    """Resident bytes that are the process's own."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(pid)


def growth(workers: list[int], rested: list[int]) -> int:
    """By how much the one has grown that has grown most."""
    return max(memory(pid) - before for pid, before in zip(workers, rested, strict=True))


def client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_five_thousand_handshakes_that_stop_half_way(start: Start, directory: Path) -> None:
    """Some say nothing, some a part of a ClientHello, some all of it and then never answer."""
    server = serve(start, directory, ["echo", "hello"], ["-c", "6000", "-b", "4096", "-T", "12", "-v"])
    hello = client_hello()
    for _ in range(20):
        ask(server)
    workers = server.workers()
    opened, rested = [descriptors(pid) for pid in workers], [memory(pid) for pid in workers]
    with ExitStack() as crowd:
        for number in range(CROWD):
            crowd.enter_context(server.dial()).sendall((b"", hello[:100], hello)[number % 3])
        server.wait_for_log(f"status {CROWD}/6000/0")
        for _ in range(5):
            assert ask(server) == b"hello\n"
        assert server.process.err.count("unable to accept") < CROWD, "others had to wait for them"
        server.wait_for_log("from: 127.0.0.1 for pid: ", CROWD)
    wait_for("all are gone", lambda: [descriptors(pid) for pid in workers] <= opened)
    wait_for("memory is given back", lambda: growth(workers, rested) < 24 << 20)
    errors = [line for line in server.log() if line.startswith("error")]
    assert len(errors) == CROWD
    assert all(re.fullmatch(LATE, line) for line in errors)
    assert ask(server) == b"hello\n"


LATE = r"error: \(111\) unable to accept TLS from: 127\.0\.0\.1 for pid: \d+ no handshake within 12 s \(-T\)"


# --- a gigabyte ----------------------------------------------------------------------------------------------------


def piece(number: int) -> bytes:
    return number.to_bytes(8, "big") + bytes(range(256)) * (PIECE // 256 - 1) + bytes(248)


WRITE = f"""
import sys
tail = bytes(range(256)) * ({PIECE} // 256 - 1) + bytes(248)
for number in range({PIECES}):
    sys.stdout.buffer.write(number.to_bytes(8, "big") + tail)
"""


def test_a_gigabyte_from_a_program_to_a_client_that_sleeps_for_a_while(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["python3", "-c", WRITE])
    workers = server.workers()
    with server.connect() as connection:
        connection.recv_into(bytearray(1))
        rested, most = [memory(pid) for pid in workers], 0
        buffer, filled = bytearray(PIECE), 1
        buffer[0] = piece(0)[0]
        for number in range(PIECES):
            while filled < PIECE:
                got = connection.recv_into(memoryview(buffer)[filled:])
                assert got, f"the end comes {filled} bytes into piece {number}"
                filled += got
            assert buffer == piece(number)
            filled = 0
            if number == 100:
                time.sleep(1)
            most = max(most, growth(workers, rested))
        assert connection.recv(1) == b""
    assert most < 8 << 20
    server.wait_for_log("status 0/40/0", 2)


def test_a_gigabyte_from_a_client_to_a_program_that_sleeps_for_a_while(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "sleep 1; exec b2sum"])
    workers = server.workers()
    digest = hashlib.blake2b()
    with server.connect() as connection:
        rested, most = [memory(pid) for pid in workers], 0
        for number in range(PIECES):
            connection.sendall(data := piece(number))
            digest.update(data)
            most = max(most, growth(workers, rested))
        end_of_input(connection)
        assert read_all(connection).split()[0].decode() == digest.hexdigest()
    assert most < 8 << 20
    server.wait_for_log("status 0/40/0", 2)
