"""Clients that break the protocol, or bend it as far as it goes: a line in the log, and the others are served."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from support.fixtures import Start, Workdir
from support.hellos import extension, hello, record
from support.pki import authority, leaf, pem, private
from tlsdeck import Connection, Context, Settings
from tlsdeck.errors import PeerError
from tlsdeck.tls.transport import descriptor
from ucspi.serving import CLIENT_CAS, Server, ask, client_context, serve, variables


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    return workdir("server")


def refused(server: Server) -> None:
    """One clear line, the workers are those that they were, and others are served."""
    server.wait_for_log("ended by")
    [line] = [line for line in server.log() if "error" in line]
    assert re.fullmatch(LINE, line), line
    workers = server.workers()
    for _ in range(2):
        assert ask(server) == b"hello\n"
    assert server.workers() == workers


LINE = r"error: \(111\) unable to accept TLS from: 127\.0\.0\.1 for pid: \d+ [ -~]{4,100}"

NAME = "00 0c 00 00 09"  # a list with a host name of nine bytes
FIRST_FLIGHTS = {
    "HTTP": b"GET / HTTP/1.0\r\n\r\n",
    "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(37),
    "zeros": bytes(5000),
    "noise": bytes(range(255, 0, -1)) * 20,
    "a record that is too long": b"\x16\x03\x01\xff\xff" + bytes(65535),
    "a hello of 16 MB": b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(16380),
    "200 kB of hello": b"".join(
        record(piece) for piece in [b"\x01\x03\x00\x00\x03\x03", *[bytes(16000)] * 12, bytes(4000)]
    ),
    "records without data": b"\x16\x03\x01\x00\x00" * 3277,
    "data before the hello": b"\x17\x03\x03\x00\x10" + bytes(16),
    "an alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "change_cipher_spec, for ever": b"\x14\x03\x03\x00\x01\x01" * 3000,
    "no common cipher": record(hello(suites="1399")),
    "a name with NUL": record(hello(extension(0, f"{NAME} 61 00 2e 65 78 61 6d 70 6c"))),
    "a name that is cut": record(hello(extension(0, f"{NAME} 61"))),
    "two names": record(hello(extension(0, "00 08 00 00 01 61 00 00 01 62"))),
    "a name of 256 bytes": record(hello(extension(0, "01 03 00 01 00" + "61" * 256))),
    "ALPN without names": record(hello(extension(16, "00 00"))),
    "ALPN with an empty name": record(hello(extension(16, "00 01 00"))),
    "ALPN that is cut": record(hello(extension(16, "00 ff 02 68 32"))),
    "every extension twice": record(hello(extension(23, "") * 2)),
    "extensions that no one knows": record(
        hello(b"".join(extension(kind, "") for kind in range(4000, 7500)))
    ),
}


@pytest.mark.parametrize("kind", FIRST_FLIGHTS)
def test_first_flights(start: Start, directory: Path, kind: str) -> None:
    server = serve(start, directory, ["echo", "hello"], env={"ALPN": "h2"})
    with server.dial() as plain:
        try:
            plain.sendall(FIRST_FLIGHTS[kind])
            while plain.recv(65536):
                pass
        except ConnectionError:
            pass  # it was refused before all had been sent
    refused(server)


@pytest.mark.parametrize("name", ["\udcff\udcfe.example", "x" * 255, "a b\t\x1b[31m\n%", "*", "..", "\u00fc"])
def test_names_that_are_hostile(start: Start, directory: Path, name: str) -> None:
    """They reach the program as they are, and the log not at all."""
    env = {"CERTFILE:other.example": "other.pem", "KEYFILE:other.example": "other.key"}
    server = serve(start, directory, ["env", "-0"], ["-s"], env)
    client = Context(Settings(server=False))
    with server.dial() as plain:
        plain.setblocking(True)
        connection = Connection(client, descriptor(plain.fileno()), server_name=name)
        text = everything(connection)
    assert variables(text)["SSL_TLS_SNI"] == name
    server.wait_for_log("status 0/40/0", 2)
    assert server.process.err.isascii()


def shake(connection: Connection) -> None:
    """On a socket that blocks."""
    while not connection.handshake():
        pass


def everything(connection: Connection) -> bytes:
    shake(connection)
    text = b""
    while (piece := connection.read(16384)) != b"":
        text += piece or b""
    return text


# --- after the handshake -------------------------------------------------------------------------------------------


def test_renegotiation_is_refused_and_the_connection_goes_on(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat"])
    client = Context(Settings(server=False, max_version=0x0303))
    with server.dial() as plain:
        plain.setblocking(True)
        connection = Connection(client, descriptor(plain.fileno()))
        shake(connection)
        connection.renegotiate()
        with pytest.raises(PeerError) as refusal:
            shake(connection)
    assert "no renegotiation" in str(refusal.value.stack)
    server.wait_for_log("status 0/40/0", 2)
    assert ask_more(server)


def ask_more(server: Server) -> bool:
    with server.connect() as connection:
        connection.sendall(b"y")
        return connection.recv(1) == b"y"


@pytest.mark.parametrize("of_peer", [True, False])
def test_new_keys_without_end_hold_up_nobody(start: Start, directory: Path, of_peer: bool) -> None:
    server = serve(start, directory, ["cat"])
    client = Context(Settings(server=False, min_version=0x0304))
    with server.dial() as plain:
        plain.setblocking(True)
        connection = Connection(client, descriptor(plain.fileno()))
        shake(connection)
        for number in range(3000):
            connection.update_key(of_peer=of_peer)
            connection.handshake()
            if number % 1000 == 0:
                assert ask_more(server)
        connection.write(b"end")
        text = b""
        while text != b"end":
            text += connection.read(100) or b""
    server.wait_for_log("status 0/40/0", 2)
    assert "error" not in server.process.err


# --- certificates --------------------------------------------------------------------------------------------------


def test_a_chain_of_a_thousand_certificates(start: Start, directory: Path) -> None:
    one = (directory / "client.pem").read_text()
    (directory / "many.pem").write_text(one * 1000)
    (directory / "many.key").write_bytes((directory / "client.key").read_bytes())
    server = serve(start, directory, ["echo", "hello"], ["-m"], CLIENT_CAS)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(server, context=client_context(directory / "many.pem"))
    server.wait_for_log("excessive message size")
    assert ask(server, context=client_context(directory / "client.pem")) == b"hello\n"


HOSTILE_NAMES = ("a\nPATH=/evil", "x" * 60_000, "\u202egnp.exe", "a=b;$(c)`d`", "-n", " ")


def test_certificates_with_hostile_names(start: Start, directory: Path) -> None:
    root = authority("a root of its own", None)
    (directory / "root.pem").write_bytes(pem(root.certificate))
    server = serve(start, directory, ["env", "-0"], ["-ms"], CLIENT_CAS)
    key = rsa.generate_private_key(65537, 2048)
    (directory / "named.key").write_bytes(private(key))
    for name in HOSTILE_NAMES:
        client = leaf("client", root, key, organization=name, usage="client")
        (directory / "named.pem").write_bytes(pem(client.certificate))
        found = variables(ask(server, context=client_context(directory / "named.pem")))
        assert found["SSL_CLIENT_S_DN_O"] == name
        assert found["PATH"] != "/evil"
        assert found["SSL_CLIENT_VERIFY"] == "SUCCESS"
    assert server.process.err.isascii()
    assert "evil" not in server.process.err
