"""What a script can rely on: exit codes that tell what failed, time limits in every phase, real resumption."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support import peers
from support.fixtures import Run, Start, Workdir
from support.peers import Behaviour, Server, free_port, peer, start_server
from support.programs import OPENSSL, OURS, TIME_LIMIT, Finished, Running
from tlsdeck.commands.outcome import EXIT_CODES

RSA = "-rev -cert rsa.pem -key rsa.key"


def s_client(start: Start, port: int, line: str, cwd: Path, *, host: str = "localhost") -> Running:
    """Ours, with its stdin open; `{port}` and the rest of the line are its options."""
    words = line.replace("{port}", str(port)).split()
    return start([*OURS, "s_client", "-connect", f"{host}:{port}", *words], cwd)


def ended(process: Running) -> Finished:
    finished = process.finish()
    assert "Traceback" not in finished.err
    return finished


# --- -strict ---------------------------------------------------------------------------------------------------

GOOD = "-CAfile root.pem"
OTHER = "-rev -cert other.pem -key other.key"

# Options of the server, options of ours, the reason, and what stderr says of it.
STRICT = {
    "good": (RSA, GOOD, "ok", "DONE"),
    "good_by_servername": (OTHER, f"{GOOD} -servername other.example", "ok", "DONE"),
    "good_by_verify_hostname": (OTHER, f"{GOOD} -verify_hostname other.example", "ok", "DONE"),
    "good_tls_1_2": (RSA, f"{GOOD} -tls1_2", "ok", "DONE"),
    "untrusted": (RSA, "-no-CAfile -no-CApath", "untrusted", "unable to get local issuer certificate"),
    "self_signed": ("-rev -cert selfsigned.pem -key selfsigned.key", "", "untrusted", "self-signed certificate"),
    "wrong_host": (OTHER, GOOD, "name", "hostname mismatch"),
    "wrong_servername": (RSA, f"{GOOD} -servername nobody.example", "name", "hostname mismatch"),
    "wrong_address": (RSA, f"{GOOD} -verify_ip 192.0.2.1", "name", "IP address mismatch"),
    "wrong_email": (RSA, f"{GOOD} -verify_email a@b.example", "name", "email address mismatch"),
    "expired": ("-rev -cert expired.pem -key expired.key", GOOD, "expired", "certificate has expired"),
    "not_yet_valid": ("-rev -cert future.pem -key future.key", GOOD, "expired", "certificate is not yet valid"),
    "revoked": (
        "-rev -cert revoked.pem -key revoked.key",
        f"{GOOD} -CRL crl.pem -crl_check",
        "revoked",
        "certificate revoked",
    ),
    "no_common_version": (f"{RSA} -tls1_3", f"{GOOD} -tls1_2", "handshake", "alert protocol version"),
}  # fmt: skip


@pytest.mark.parametrize("name", STRICT)
def test_strict_exit_code_tells_what_failed(name: str, start: Start, workdir: Workdir) -> None:
    server_options, options, reason, told = STRICT[name]
    cwd = workdir("here")
    server = start_server(start, OPENSSL, server_options, cwd)
    client = s_client(start, server.port, f"-strict {options}", cwd)
    client.eof()
    finished = ended(client)
    assert told in finished.err
    assert finished.code == EXIT_CODES[reason]


@pytest.mark.parametrize(
    "line, reason, told",
    [
        ("-connect no..such..host:1", "lookup", "errno=0"),
        ("-connect 127.0.0.1:{port}", "connect", "Connection refused"),
        ("-connect 127.0.0.1:{port} -total_timeout 5", "connect", "Connection refused"),
        ("-connect no..such..host:1 -connect_timeout 5", "lookup", "errno=0"),
        ("-nonsense", "setup", "Unknown option"),
        ("-CAfile nowhere.pem", "setup", "nowhere.pem"),
        ("-unix nowhere.sock", "setup", "-strict with -unix needs -servername or -verify_hostname"),
        ("-unix nowhere.sock -servername a.example", "connect", "No such file"),
    ],
)
def test_strict_exit_code_before_there_is_a_connection(
    line: str, reason: str, told: str, run: Run, workdir: Workdir
) -> None:
    words = line.replace("{port}", str(free_port())).split()
    finished = run([*OURS, "s_client", "-strict", *words], cwd=workdir("here"))
    assert told in finished.err
    assert finished.code == EXIT_CODES[reason]


@pytest.mark.parametrize(
    "name, reason, told", [("rsa", "ok", "DONE"), ("other", "name", "IP address mismatch")]
)
def test_strict_asks_for_an_address_where_it_connects_to_one(
    name: str, reason: str, told: str, start: Start, workdir: Workdir
) -> None:
    cwd = workdir("here")
    server = start_server(start, OPENSSL, f"-rev -cert {name}.pem -key {name}.key", cwd)
    client = s_client(start, server.port, f"-strict {GOOD}", cwd, host="127.0.0.1")
    client.eof()
    finished = ended(client)
    assert told in finished.err
    assert finished.code == EXIT_CODES[reason]


def refuses_smtp(connection: socket.socket) -> None:
    connection.sendall(b"220 here\r\n")
    connection.recv(1000)
    connection.sendall(b"250 STARTTLS\r\n")
    connection.recv(1000)
    connection.sendall(b"454 not now\r\n")
    peers.drain(connection)


@pytest.mark.parametrize(
    "behave, line, reason",
    [
        (refuses_smtp, "-starttls smtp", "preamble"),
        (refuses_smtp, "-proxy 127.0.0.1:{port}", "preamble"),
        (peers.speaks_plain_text, "", "handshake"),
        (peers.closes_at_once, "", "handshake"),
        (peers.resets_at_hello, "", "handshake"),
        (peers.answers_with(peers.HANDSHAKE_FAILURE), "", "handshake"),
    ],
)
def test_strict_exit_code_of_a_peer_that_fails(
    behave: Behaviour, line: str, reason: str, start: Start, workdir: Workdir
) -> None:
    with peer(behave) as port:
        finished = ended(s_client(start, port, f"-strict {line}", workdir("here")))
    assert finished.code == EXIT_CODES[reason]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    "line, reason", [("", "cut-off"), ("-ignore_unexpected_eof", "ok")], ids=["cut-off", "ignored"]
)
def test_strict_exit_code_of_a_peer_that_breaks_off(
    version: ssl.TLSVersion, line: str, reason: str, start: Start, workdir: Workdir
) -> None:
    cwd = workdir("here")
    behave = peers.after_handshake(cwd, peers.closes_without_notice, version=version)
    with peer(behave) as port:
        client = s_client(start, port, f"-strict {GOOD} {line}", cwd)
        client.send(b"hello\n")
        assert ended(client).code == EXIT_CODES[reason]


def test_strict_refuses_a_session_that_was_made_without_checking(start: Start, workdir: Workdir) -> None:
    """A resumed session has no certificate message: what its first handshake found out is all there is."""
    cwd = workdir("here")
    server = start_server(start, OPENSSL, RSA, cwd)
    first = s_client(start, server.port, "-sess_out session.pem -tls1_2", cwd)
    first.eof()
    assert ended(first).code == 0
    second = ended(s_client(start, server.port, f"-strict -sess_in session.pem -tls1_2 {GOOD}", cwd))
    assert second.code == EXIT_CODES["untrusted"]
    assert "s_client: the session resumed is of a server whose certificate failed" in second.err


def test_strict_refuses_a_session_of_a_server_with_another_name(start: Start, workdir: Workdir) -> None:
    cwd = workdir("here")
    server = start_server(start, OPENSSL, RSA, cwd)
    first = s_client(start, server.port, f"-strict {GOOD} -sess_out session.pem -tls1_2", cwd)
    first.eof()
    assert ended(first).code == 0
    line = f"-strict -sess_in session.pem -tls1_2 {GOOD} -verify_hostname"
    shutil.copy(cwd / "session.pem", cwd / "again.pem")
    other = f"-strict -sess_in session.pem -tls1_2 {GOOD} -servername nobody.example"
    second = ended(s_client(start, server.port, other, cwd))
    assert second.code == EXIT_CODES["name"]
    assert "whose certificate is not for nobody.example" in second.err
    third = s_client(start, server.port, f"{line} localhost -sess_in again.pem", cwd)
    third.eof()
    assert ended(third).code == 0
    assert "Reused, TLSv1.2" in third.out


# --- time limits -----------------------------------------------------------------------------------------------


def says_nothing(connection: socket.socket) -> None:
    peers.drain(connection)


def drips(data: bytes) -> Behaviour:
    """Send a byte every 50 ms: there is always something new, and never enough of it."""

    def behave(connection: socket.socket) -> None:
        for byte in data * 10:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    return behave


SERVER_HELLO = bytes.fromhex("16 03 03 40 00 02 00 3f fc 03 03") + bytes(1000)
SILENT = {
    "handshake": (says_nothing, "-handshake_timeout 0.3", "handshake not complete after 0.3 seconds"),
    "total": (says_nothing, "-total_timeout 0.3", "not finished after 0.3 seconds (-total_timeout)"),
    "starttls": (says_nothing, "-starttls imap -handshake_timeout 0.3", "handshake not complete after"),
    "starttls_total": (says_nothing, "-starttls ftp -total_timeout 0.3", "not finished after"),
    "proxy": (says_nothing, "-proxy 127.0.0.1:{port} -handshake_timeout 0.3", "handshake not complete after"),
    "slow_hello": (drips(SERVER_HELLO), "-handshake_timeout 0.5", "handshake not complete after"),
    "slow_starttls": (drips(b"220-here "), "-starttls smtp -handshake_timeout 0.5", "handshake not complete"),
    "slow_proxy": (drips(b"HTTP/1.0 "), "-proxy 127.0.0.1:{port} -total_timeout 0.5", "not finished after"),
}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", SILENT)
def test_limit_ends_what_would_take_for_ever(name: str, strict: bool, start: Start, workdir: Workdir) -> None:
    behave, line, told = SILENT[name]
    with peer(behave) as port:
        client = s_client(start, port, f"{line} {'-strict' if strict else ''}", workdir("here"))
        finished = ended(client)
    assert told in finished.err
    assert finished.code == (EXIT_CODES["time-limit"] if strict else 1)


def test_connecting_has_a_limit(start: Start, workdir: Workdir) -> None:
    """A listener whose queue is full answers no SYN."""
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        first.connect(("127.0.0.1", port))
        client = s_client(start, port, "-strict -connect_timeout 0.3", workdir("here"), host="127.0.0.1")
        finished = ended(client)
    assert "s_client: not connected after 0.3 seconds (-connect_timeout)\n" in finished.err
    assert finished.code == EXIT_CODES["time-limit"]


@pytest.mark.parametrize("line", ["-idle_timeout 0.3", "-total_timeout 1"])
def test_open_connection_has_a_limit(line: str, start: Start, workdir: Workdir) -> None:
    cwd = workdir("here")
    server = start_server(start, OPENSSL, RSA, cwd)
    finished = ended(s_client(start, server.port, f"-strict {GOOD} {line}", cwd))
    assert "New, TLSv1.3" in finished.out
    assert line.split(maxsplit=1)[0] in finished.err
    assert finished.code == EXIT_CODES["time-limit"]


def test_idle_time_begins_anew_with_each_data(start: Start, workdir: Workdir) -> None:
    cwd = workdir("here")
    server = start_server(start, OPENSSL, RSA, cwd)
    client = s_client(start, server.port, "-idle_timeout 1.5", cwd)
    for count in range(1, 5):
        time.sleep(0.5)
        client.send(b"ping\n")
        assert client.until("gnip", count)
    assert ended(client).err.count("s_client: no data for 1.5 seconds (-idle_timeout)\n") == 1


# --- -reconnect ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", [OPENSSL, OURS])
def test_reconnect_resumes_sessions_of_tls_1_3(
    program: tuple[str, ...], start: Start, workdir: Workdir
) -> None:
    cwd = workdir("here")
    server = start_server(start, program, f"{RSA} -naccept 6", cwd)
    client = s_client(start, server.port, f"-reconnect -tls1_3 {GOOD}", cwd)
    assert client.until("Cipher is", 6)
    client.send(b"ping\n")
    assert client.until("gnip")
    client.eof()
    assert ended(client).code == 0
    assert re.findall(r"(?m)^(New|Reused), TLSv1.3", client.out) == ["New"] + ["Reused"] * 5
    assert client.out.count("drop connection and then reconnect\n") == 5
    assert client.out.count("CONNECTED(") == 6


def test_reconnect_goes_on_where_a_server_gives_no_tickets(start: Start, workdir: Workdir) -> None:
    cwd = workdir("here")
    server = start_server(start, OPENSSL, f"{RSA} -num_tickets 0 -naccept 6", cwd)
    client = s_client(start, server.port, f"-reconnect -tls1_3 {GOOD}", cwd)
    client.eof()
    assert ended(client).code == 0
    assert re.findall(r"(?m)^(New|Reused), TLSv1.3", client.out) == ["New"] * 6


def test_reconnect_ends_where_there_is_no_more_server(start: Start, workdir: Workdir) -> None:
    cwd = workdir("here")
    server = start_server(start, OPENSSL, f"{RSA} -naccept 2", cwd)
    finished = ended(s_client(start, server.port, f"-strict -reconnect {GOOD}", cwd, host="localhost"))
    assert finished.out.count("Cipher is") <= 3
    # The system may take one more connection than the server does.
    assert finished.code in (EXIT_CODES["connect"], EXIT_CODES["handshake"])


def agrees_to_starttls(connection: socket.socket) -> None:
    for answer in (b"220 here\r\n", b"250 STARTTLS\r\n", b"220 go on\r\n"):
        connection.sendall(answer)
        if answer != b"220 go on\r\n":
            connection.recv(1000)


@contextmanager
def mail_server(tls: Server, connections: int) -> Iterator[int]:
    """A mail server that hands each connection on to a TLS server after STARTTLS; gives its port."""

    def serve(listener: socket.socket) -> None:
        for _ in range(connections):
            client, _ = listener.accept()
            agrees_to_starttls(client)
            with client, socket.create_connection(("127.0.0.1", tls.port), TIME_LIMIT) as server:
                back = threading.Thread(target=copy, args=(server, client), daemon=True)
                back.start()
                copy(client, server)
                back.join(TIME_LIMIT)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIME_LIMIT)
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join(TIME_LIMIT)
    assert not thread.is_alive()


def copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_reconnect_repeats_what_comes_before_tls(start: Start, workdir: Workdir) -> None:
    cwd = workdir("here")
    server = start_server(start, OPENSSL, RSA, cwd)
    with mail_server(server, 6) as port:
        client = s_client(start, port, f"-reconnect -tls1_3 {GOOD} -starttls smtp", cwd)
        client.eof()
        assert ended(client).code == 0
    assert client.out.count("Reused, TLSv1.3") == 5
