"""UCSPI-TLS: programs that say themselves when TLS begins (sslserver -n)."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from support.fixtures import Start, Workdir
from ucspi.serving import CLIENT_CAS, Server, client_context, read_all, serve, variables

# A program as mail servers are: greets in clear, upgrades at a word, says what it was told about TLS.
PROGRAM = """
import os, sys
ctl, reading, writing = (int(os.environ[name]) for name in ("SSLCTLFD", "SSLREADFD", "SSLWRITEFD"))
os.write(1, b"220 ready\\n")
command = os.read(0, 100)
if command == b"quit\\n":
    os.write(1, b"221 bye\\n")
    sys.exit(5)
os.write(1, b"220 go ahead\\n")
os.write(ctl, command[:1])
os.dup2(reading, 0)
os.dup2(writing, 1)
block = b""
while command[:1] == b"Y" and not block.endswith(b"\\0\\0"):
    piece = os.read(ctl, 8192)
    if not piece:
        sys.exit(6)
    block += piece
os.write(1, b"%d\\n" % len(block) + block + b"<" + os.read(0, 100) + b">")
"""


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    path = workdir("server")
    (path / "program.py").write_text(PROGRAM)
    return path


@pytest.fixture
def server(start: Start, directory: Path) -> Server:
    return serve(start, directory, ["python3", "program.py"], ["-n", "-e", "-B", "hi\n"])


def greeted(server: Server) -> socket.socket:
    plain = server.dial()
    text = b""
    while not text.endswith(b"ready\n") and (piece := plain.recv(100)):
        text += piece
    assert text == b"hi\n220 ready\n"
    return plain


def upgraded(server: Server, command: bytes) -> socket.socket:
    """A connection on which the program has begun TLS."""
    plain = greeted(server)
    plain.sendall(command)
    assert plain.recv(100) == b"220 go ahead\n"
    return plain


def test_a_program_that_wants_no_tls(server: Server) -> None:
    with greeted(server) as plain:
        plain.sendall(b"quit\n")
        assert plain.recv(100) == b"221 bye\n"
        assert plain.recv(100) == b""
    server.wait_for_log("status 1280")
    assert "error" not in server.process.err


# Wants no TLS, and answers in clear some time after it has said so.
LATE = """
import os, time
os.close(int(os.environ["SSLCTLFD"]))
time.sleep(2.5)
os.write(1, b"late\\n")
"""


def test_a_program_that_stays_in_clear_is_left_alone(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["python3", "-c", LATE], ["-n", "-w1"])
    with server.dial() as plain:
        assert plain.recv(100) == b"late\n"
    server.wait_for_log("status 0")


@pytest.mark.parametrize("command", [b"y", b"Y"])
def test_tls_at_the_programs_command(server: Server, command: bytes) -> None:
    with (
        upgraded(server, command) as plain,
        client_context().wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(b"secret")
        size, _, rest = read_all(connection).partition(b"\n")
    block = rest[: int(size)]
    assert rest[len(block) :] == b"<secret>"
    if command == b"y":
        assert block == b""
        return
    assert block.endswith(b"\0\0")
    assert b"\0\0" not in block[:-1]
    found = variables(block)
    assert (found["SSL_PROTOCOL"], found["SSL_SERVER_S_DN_CN"]) == ("TLSv1.3", "localhost")
    assert all(name.startswith("SSL_") for name in found)
    server.wait_for_log("tls ")


def test_a_handshake_that_fails_ends_the_program(server: Server) -> None:
    with upgraded(server, b"Y") as plain:
        plain.sendall(b"this is no ClientHello\r\n" * 10)
        while plain.recv(1000):
            pass
    server.wait_for_log("unable to accept TLS from: 127.0.0.1")
    server.wait_for_log("status 28416")


def test_a_command_that_is_none(server: Server) -> None:
    with upgraded(server, b"Z") as plain:
        assert plain.recv(100) == b""
    server.wait_for_log("not y or Y")


def test_a_program_finds_exactly_its_descriptors(start: Start, directory: Path) -> None:
    program = ["sh", "-c", "echo $SSLCTLFD $SSLREADFD $SSLWRITEFD; ls /proc/self/fd"]
    server = serve(start, directory, program, ["-n"])
    with server.dial() as plain:
        text = b""
        while piece := plain.recv(1000):
            text += piece
    numbers, *opened = text.decode().splitlines()
    assert numbers == "3 4 5"
    assert opened == ["0", "1", "2", "3", "4", "5", "6"]  # the last one is that of ls


def test_client_certificates_are_checked_after_the_command(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["python3", "program.py"], ["-n", "-m", "-B", "hi\n"], CLIENT_CAS)
    with upgraded(server, b"Y") as plain:
        context = client_context(directory / "client.pem")
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(b"x")
            assert b"SSL_CLIENT_S_DN_CN=a client\0" in read_all(connection)
    with (
        upgraded(server, b"Y") as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
        client_context().wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.recv(1)
    server.wait_for_log("peer did not return a certificate")
