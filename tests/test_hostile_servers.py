"""s_client against servers that mean it no good: a clear end within the limits, bounded memory, no traceback."""

from __future__ import annotations

import re
import socket
import ssl
import time
from pathlib import Path

import pytest

from support import peers
from support.fixtures import Start, Workdir
from support.peers import Behaviour, peer
from support.programs import OURS, Finished, Running
from tlsdeck.commands.outcome import EXIT_CODES

MEBIBYTE = 1024 * 1024
LIMITS = "-strict -CAfile root.pem -total_timeout 10"


def s_client(start: Start, port: int, line: str, cwd: Path) -> Running:
    return start([*OURS, "s_client", "-connect", f"localhost:{port}", *f"{LIMITS} {line}".split()], cwd)


def ended(process: Running) -> tuple[Finished, int]:
    """Its end, and the most memory it ever had, in bytes."""
    peak = 0
    while process.popen.poll() is None:
        peak = max(peak, peak_memory(process.pid))
        time.sleep(0.005)
    finished = process.finish()
    assert "Traceback" not in finished.err
    assert "internal error" not in finished.err
    return finished, peak


def peak_memory(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def record(content: bytes) -> bytes:
    """Handshake bytes in TLS 1.2 records of the largest size."""
    parts = [content[start : start + 16384] for start in range(0, len(content), 16384)]
    return b"".join(b"\x16\x03\x03" + len(part).to_bytes(2, "big") + part for part in parts)


def handshake(kind: int, body: bytes, *, length: int | None = None) -> bytes:
    return bytes([kind]) + (len(body) if length is None else length).to_bytes(3, "big") + body


# TLS 1.2 with TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, no session, secure renegotiation.
SERVER_HELLO = handshake(2, bytes.fromhex("0303") + bytes(32) + bytes.fromhex("00 c02f 00 0005 ff01 0001 00"))
CHAIN_OF_16_MIB = handshake(11, b"\xff\xff\xfc" + bytes(2**24 - 5))


def sends(data: bytes) -> Behaviour:
    """Whatever the client says, this is the answer."""

    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(data)
        peers.drain(connection)

    return behave


def repeats(data: bytes, total: int = 64 * MEBIBYTE) -> Behaviour:
    """The same again and again, much more than anybody would take."""

    def behave(connection: socket.socket) -> None:
        block = data * (65536 // len(data) + 1)
        for _ in range(total // len(block)):
            connection.sendall(block)
        peers.drain(connection)

    return behave


HOSTILE = {
    "chain_of_16_mib": (sends(record(SERVER_HELLO + CHAIN_OF_16_MIB)), "", "handshake", "excessive message size"),
    "empty_records": (repeats(b"\x16\x03\x03\x00\x00"), "", "handshake", "error:"),
    "hello_after_hello": (repeats(record(SERVER_HELLO)), "", "handshake", "error:"),
    "warnings_for_ever": (repeats(b"\x15\x03\x03\x00\x02\x01\x64"), "", "handshake", "error:"),
    "change_cipher_spec_for_ever": (repeats(b"\x14\x03\x03\x00\x01\x01"), "", "handshake", "error:"),
    "line_without_end": (repeats(b"x"), "-starttls smtp", "preamble", "without an end"),
    "lines_without_end": (repeats(b"220-go on\r\n"), "-starttls smtp", "preamble", "STARTTLS failed"),
    "imap_lines_without_end": (repeats(b"* CAPABILITY\r\n"), "-starttls imap", "preamble", "STARTTLS failed"),
    "xmpp_without_end": (repeats(b"<stream>"), "-starttls xmpp", "preamble", "STARTTLS failed"),
    "mysql_without_end": (repeats(b"\xff"), "-starttls mysql", "preamble", "answer longer than"),
    "ldap_without_end": (repeats(b"\x30\x84\xff\xff\xff\xff"), "-starttls ldap", "preamble", "answer longer than"),
    "proxy_without_end": (repeats(b"X-Header: x\r\n"), "-proxy localhost:{port}", "preamble", "HTTP CONNECT failed"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_server_meets_a_clear_end(name: str, start: Start, workdir: Workdir) -> None:
    behave, line, reason, told = HOSTILE[name]
    with peer(behave) as port:
        finished, peak = ended(s_client(start, port, line.replace("{port}", str(port)), workdir("here")))
    assert told in finished.err
    assert finished.code == EXIT_CODES[reason]
    assert peak < 100 * MEBIBYTE


def secure(directory: Path, tickets: int, then: Behaviour) -> Behaviour:
    """A TLS 1.3 server that sends so many tickets."""

    def behave(connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "rsa.pem", directory / "rsa.key")
        context.num_tickets = tickets
        with context.wrap_socket(connection, server_side=True) as tls:
            then(tls)

    return behave


def test_flood_of_tickets_is_taken_without_growing(start: Start, workdir: Workdir) -> None:
    cwd = workdir("here")

    def says_goodbye(tls: socket.socket) -> None:
        tls.sendall(b"all said\n")
        peers.drain(tls)

    with peer(secure(cwd, 5000, says_goodbye)) as port:
        client = s_client(start, port, "", cwd)
        assert client.until("all said")
        peak = peak_memory(client.pid)
        client.eof()
        finished, _ = ended(client)
    assert finished.code == 0
    assert finished.out.count("Post-Handshake New Session Ticket arrived:") == 5000
    assert peak < 100 * MEBIBYTE


def test_server_that_never_says_goodbye_is_left_behind(start: Start, workdir: Workdir) -> None:
    """The client says its close_notify, waits a moment for the other one, and goes."""
    cwd = workdir("here")

    def stays(tls: socket.socket) -> None:
        peers.drain(tls)
        time.sleep(3)

    with peer(secure(cwd, 0, stays)) as port:
        began = time.monotonic()
        client = s_client(start, port, "", cwd)
        client.eof()
        finished, _ = ended(client)
        assert time.monotonic() - began < 3
    assert finished.code == 0
