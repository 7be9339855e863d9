"""Very many clients, and very much data."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import ssl
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.fixtures import Start, Workdir
from support.programs import TIME_LIMIT, wait_for
from ucspi.serving import (
    Server,
    ask,
    client_context,
    descriptors,
    end_of_input,
    no_more_open,
    read_all,
    serve,
)

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
    wait_for("all are gone", lambda: no_more_open(workers, opened))
    wait_for("memory is given back", lambda: growth(workers, rested) < 24 << 20)
    errors = [line for line in server.log() if line.startswith("error")]
    assert len(errors) == CROWD
    assert all(re.fullmatch(LATE, line) for line in errors)
    assert ask(server) == b"hello\n"


LATE = r"error: \(111\) unable to accept TLS from: 127\.0\.0\.1 for pid: \d+ no handshake within 12 s \(-T\)"


def test_two_hundred_whose_ident_server_never_answers(start: Start, directory: Path) -> None:
    """Each waits its time and is served; they wait together, without a thread."""
    with socket.create_server((IDENT, 113), backlog=CROWD) as silent:
        server = serve(start, directory, ["echo", "hello"], ["-r", "-t", "2", "-c", "300"])
        with ExitStack() as crowd:
            clients = [crowd.enter_context(dial_from(server, IDENT)) for _ in range(200)]
            server.wait_for_log("status 200/300/0")
            assert ask(server) == b"hello\n"
            for pid in server.workers():
                assert len(list(Path(f"/proc/{pid}/task").iterdir())) == 1
            for client in clients:
                with client_context().wrap_socket(client, server_hostname="localhost") as connection:
                    assert read_all(connection) == b"hello\n"
        silent.accept()[0].close()  # it was asked
    server.wait_for_log("status 0/300/0", 2)
    assert "error" not in server.process.err


IDENT = f"127.113.{os.getpid() % 250}.1"  # every address below 127 is ours; another run has another


def dial_from(server: Server, address: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), TIME_LIMIT, (address, 0))


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
