"""Many clients at once: one that stays silent delays nobody, and none leaves anything behind."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from support.fixtures import Start, Workdir
from support.peers import start_server
from support.programs import OURS, Running, wait_for

RSA = "-cert rsa.pem -key rsa.key"
# A question, and how the answer begins.
QUESTIONS = {
    "-www": (b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 ok\r\nContent-type: text/html\r\n"),
    "-WWW": (b"GET /rsa.pem HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 ok\r\nContent-type: text/plain\r\n"),
    "-HTTP": (b"GET /rsa.pem HTTP/1.0\r\n\r\n", b"-----BEGIN CERTIFICATE-----\n"),
    "-rev": (b"some words\n", b"sdrow emos\n"),
}
SILENT_CLIENTS = 30
PATIENCE = 5.0  # seconds within which an answer must come, on a slow machine too


@pytest.mark.parametrize("mode", QUESTIONS)
def test_silent_clients_delay_nobody(mode: str, start: Start, workdir: Workdir) -> None:
    server = start_server(start, OURS, f"{mode} {RSA}", workdir("server"))
    with ExitStack() as silent:
        for _ in range(SILENT_CLIENTS):
            silent.enter_context(plain(server.port))
        silent.enter_context(plain(server.port)).sendall(bytes.fromhex("16 03 01 02 00 01 00"))
        for _ in range(SILENT_CLIENTS):
            silent.enter_context(secure(server.port))
        silent.enter_context(secure(server.port)).sendall(b"GET /half-a-req")
        began = time.monotonic()
        for _ in range(3):
            assert ask(server.port, mode).startswith(QUESTIONS[mode][1])
        assert time.monotonic() - began < PATIENCE


@pytest.mark.parametrize("mode", QUESTIONS)
def test_clients_leave_nothing_behind(mode: str, start: Start, workdir: Workdir) -> None:
    process, port = begin(start, f"{mode} {RSA}", workdir("server"))
    ask(port, mode)  # what is loaded on first use is loaded now
    wait_for("only the listening socket is open", lambda: process.sockets() == 1)
    descriptors, threads = process.descriptors(), process.threads()

    with ExitStack() as clients:
        for _ in range(10):
            clients.enter_context(plain(port))
            clients.enter_context(secure(port))
            clients.enter_context(plain(port)).sendall(b"this is no TLS at all\r\n")
            reset_at_exit(clients.enter_context(plain(port)))
            reset_at_exit(clients.enter_context(secure(port)))
        for _ in range(20):
            ask(port, mode)
        assert process.descriptors() > descriptors

    wait_for("its descriptors are closed", lambda: process.descriptors() == descriptors)
    wait_for("its threads have ended", lambda: process.threads() == threads)
    assert ask(port, mode).startswith(QUESTIONS[mode][1])
    assert "Traceback" not in process.out + process.err


def test_client_that_does_not_read_delays_nobody(start: Start, workdir: Workdir) -> None:
    directory = workdir("server")
    (directory / "large.bin").write_bytes(bytes(30_000_000))
    process, port = begin(start, f"-WWW {RSA}", directory)
    with secure(port) as stalled:
        stalled.sendall(b"GET /large.bin HTTP/1.0\r\n\r\n")
        stalled.recv(1)
        began = time.monotonic()
        assert ask(port, "-WWW").startswith(QUESTIONS["-WWW"][1])
        assert time.monotonic() - began < PATIENCE
    assert process.popen.poll() is None


def test_answers_to_clients_at_once_are_not_mixed(start: Start, workdir: Workdir) -> None:
    directory = workdir("server")
    for number in range(10):
        (directory / f"{number}.bin").write_bytes(str(number).encode() * 200_000)
    _, port = begin(start, f"-WWW {RSA}", directory)
    with ExitStack() as open_connections:
        clients = [open_connections.enter_context(secure(port)) for _ in range(10)]
        for number, client in enumerate(clients):
            client.sendall(f"GET /{number}.bin HTTP/1.0\r\n\r\n".encode())
        for number, client in enumerate(clients):
            assert read_all(client).partition(b"\r\n\r\n")[2] == str(number).encode() * 200_000


@pytest.mark.parametrize("mode", QUESTIONS)
def test_naccept_waits_for_those_it_accepted(mode: str, start: Start, workdir: Workdir) -> None:
    """With -naccept 3 the third client is the last one, and the first is still served."""
    process, port = begin(start, f"{mode} {RSA} -naccept 3", workdir("server"))
    question, answer = QUESTIONS[mode]
    with secure(port) as first:
        ask(port, mode)
        ask(port, mode)
        first.sendall(question)
        assert read_some(first, len(answer)) == answer
    assert process.finish().code == 0


def test_interactive_server_leaves_nothing_behind(start: Start, workdir: Workdir) -> None:
    process, port = begin(start, RSA, workdir("server"))
    counts = []
    for round_ in range(1, 16):
        with secure(port) as client:
            client.sendall(b"ahoy\n")
            process.until("ahoy", round_)
        process.until("CONNECTION CLOSED", round_)
        wait_for("only the listening socket is open", lambda: process.sockets() == 1)
        counts.append((process.descriptors(), process.threads()))
    assert set(counts) == {counts[0]}


# --- clients -----------------------------------------------------------------------------------------------------


@contextmanager
def plain(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield connection


@contextmanager
def secure(port: int) -> Iterator[ssl.SSLSocket]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with plain(port) as connection, context.wrap_socket(connection) as wrapped:
        yield wrapped


def ask(port: int, mode: str) -> bytes:
    """One question, its whole answer."""
    question, answer = QUESTIONS[mode]
    with secure(port) as client:
        client.sendall(question)
        return read_some(client, len(answer)) if mode == "-rev" else read_all(client)


def read_some(client: ssl.SSLSocket, length: int) -> bytes:
    data = b""
    while len(data) < length and (chunk := client.recv(length - len(data))):
        data += chunk
    return data


def read_all(client: ssl.SSLSocket) -> bytes:
    data = b""
    while chunk := client.recv(65536):
        data += chunk
    return data


def reset_at_exit(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def begin(start: Start, options: str, directory: Path) -> tuple[Running, int]:
    server = start_server(start, OURS, options, directory)
    return server.process, server.port
