"""DTLS beside the original, in both roles: what is printed, what a partner sees, and handshakes over a bad network.

Where a server of the original is of no use any more after its first client, ours is looked at alone.
"""

from __future__ import annotations

import random
import re
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from support.fixtures import Run, Start, Workdir
from support.normalize import normalize
from support.oracle import (
    AHOY,
    FAILS,
    NOTHING,
    Case,
    OnServer,
    Talk,
    compare_alone,
    compare_clients,
    compare_servers,
    each,
)
from support.peers import Server, start_server
from support.programs import OPENSSL, OURS, Eof, Finished, Running, Until, wait_for
from support.relay import Weather, bound, relay

RSA = "-cert rsa.pem -key rsa.key"
LEVEL_0 = "-cipher ALL@SECLEVEL=0"

# Data to the client and an end that comes from the server's terminal. -brief and -quiet have no report to wait for.
HELLO: Talk = (b"ahoy\n", OnServer(Until("ahoy")), OnServer(b"hello\n"), Until("hello"), Eof())


def client(
    name: str, options: str, shows: str, code: int = 0, *, peer: str = "-dtls", talk: Talk = AHOY,
    files: tuple[str, ...] = (), varying: bool = False,
) -> Case:  # fmt: skip
    if not re.search(r"-(cert|nocert)\b", peer):
        peer = f"{RSA} {peer}"
    return Case(name, options, shows, code, peer, talk, files, varying=varying)


CLIENTS = (
    client("dtls", "-dtls", "    Protocol  : DTLSv1.2\n"),
    client("dtls1_2", "-dtls1_2", "New, TLSv1.2, Cipher is ECDHE-RSA-AES256-GCM-SHA384"),
    client("dtls1", f"-dtls1 {LEVEL_0}", "    Protocol  : DTLSv1\n", peer=f"-dtls {LEVEL_0}"),
    client("server_has_only_1_0", f"-dtls {LEVEL_0}", "  : DTLSv1\n", peer=f"-dtls1 {LEVEL_0}"),
    client("versions_disjoint", f"-dtls1 {LEVEL_0}", "alert protocol version", 1, peer="-dtls1_2", talk=FAILS),
    client("min_protocol", "-dtls -min_protocol DTLSv1.2", "    Protocol  : DTLSv1.2\n"),
    client("max_protocol", f"-dtls -max_protocol DTLSv1 {LEVEL_0}", "DTLSv1\n", peer=f"-dtls {LEVEL_0}"),
    client("level_2_has_no_1_0", "-dtls1", "alert internal error", 1, talk=FAILS),
    client("both_ways", "-dtls", "hello\n", talk=HELLO),
    client("brief", "-dtls -brief", "Protocol version: DTLSv1.2"),
    client("quiet", "-dtls -quiet -no_ign_eof", "hello\n", talk=HELLO),
    client("server_listens", "-dtls", "    Protocol  : DTLSv1.2\n", peer="-dtls -listen"),
    client("mtu_256", "-dtls -mtu 256", "Protocol  : DTLSv1.2", peer="-dtls -mtu 256"),
    client("mtu_256_of_us", "-dtls -mtu 256 -cert client.pem -key client.key", "v1.2", peer="-dtls -verify 1"),
    client("mtu_1500", "-dtls -mtu 1500", "Protocol  : DTLSv1.2", peer="-dtls -mtu 1500"),
    client("mtu_without_dtls", "-mtu 256 -tls1_2", "Protocol  : TLSv1.2", peer=RSA),
    client("timeout", "-dtls -timeout", "Protocol  : DTLSv1.2", peer="-dtls -timeout"),
    client("certificate_trusted", "-dtls -CAfile root.pem", "Verification: OK"),
    client("certificate_refused", "-dtls -verify_return_error", "certificate verify failed", 1, talk=FAILS),
    client(
        "client_certificate",
        "-dtls -cert client.pem -key client.key",
        "Acceptable client certificate CA names",
        peer="-dtls -Verify 1 -CAfile root.pem",
    ),
    client("no_client_certificate", "-dtls", "alert handshake failure", 1, peer="-dtls -Verify 1", talk=FAILS),
    client("chain", "-dtls -CAfile root.pem", "Verification: OK", peer="-dtls -cert fullchain.pem -key chain.key -cert_chain fullchain.pem"),
    client("alpn", "-dtls -alpn h2", "ALPN protocol: h2", peer="-dtls -alpn h2"),
    client("exporter", "-dtls -keymatexport label", "Keying material: "),
    client("no_ticket", "-dtls -no_ticket", "    Session-ID: <32 bytes>"),
    client("no_etm", "-dtls -no_etm -cipher AES128-SHA", "Cipher is AES128-SHA"),
    client("session_file", "-dtls -sess_out s.pem", "DTLSv1.2", files=("s.pem",)),
    client("prexit", "-dtls -prexit", "DTLSv1.2"),
    client("msg", "-dtls -msg -mtu 1500", "unknown version (version=65277, content_type=22) [length 00c0]"),
    client("msg_1_0", f"-dtls1 -msg -mtu 1500 {LEVEL_0}", "<<< DTLS 1.0, Handshake", peer=f"-dtls {LEVEL_0}"),
    client("state", "-dtls -state -mtu 1500", "SSL_connect:DTLS1 read hello verify request"),
    client("debug", "-dtls -debug -mtu 1500", "read from <address> [<address>] (16717 bytes => 48 (0x30))"),
    client("tlsextdebug", "-dtls -tlsextdebug", 'TLS server extension "session ticket"'),
    client("renegotiation_refused", "-dtls", "no renegotiation", 1, talk=(b"R\n",)),
    client("key_update", "-dtls", "wrong ssl version", 1, talk=(b"k\n", OnServer(Until("CIPHER is")))),
    client("letter_Q", "-dtls", "DONE", talk=(b"ahoy\n", OnServer(Until("ahoy")), b"Q\n")),
    client("ipv4", "-dtls -4", "DTLSv1.2"),
    client("bind", "-dtls -bind 127.0.0.1:0", "DTLSv1.2"),
)  # fmt: skip


@each(CLIENTS)
def test_client_is_the_original(case: Case, start: Start, workdir: Workdir) -> None:
    compare_clients(start, case, workdir)


def server(
    name: str, options: str, shows: str, *, peer: str = "-dtls", talk: Talk = AHOY, varying: bool = False,
    renegotiates: bool = False,
) -> Case:  # fmt: skip
    if not re.search(r"-(cert|nocert)\b", options):
        options = f"{RSA} {options}"
    return Case(name, options, shows, 0, peer, talk, varying=varying, renegotiates=renegotiates)


SERVERS = (
    server("dtls", "-dtls", "CIPHER is ECDHE-RSA-AES256-GCM-SHA384"),
    server("dtls1_2", "-dtls1_2", "CIPHER is ECDHE-RSA-AES256-GCM-SHA384"),
    server("dtls1", f"-dtls1 {LEVEL_0}", "CIPHER is ECDHE-RSA-AES256-SHA\n", peer=f"-dtls {LEVEL_0}"),
    server("client_has_only_1_0", f"-dtls {LEVEL_0}", "-AES256-SHA\n", peer=f"-dtls1 {LEVEL_0}"),
    server("versions_disjoint", "-dtls1_2", "unsupported protocol", peer=f"-dtls1 {LEVEL_0}", talk=FAILS),
    server("both_ways", "-dtls", "ahoy\n", talk=HELLO),
    server("listen", "-dtls -listen", "CIPHER is ECDHE-RSA-AES256-GCM-SHA384"),
    server("listen_msg", "-dtls -listen -msg", ">>> DTLS 1.0, RecordHeader [length 000d]"),
    server("listen_state", "-dtls -listen -state", "SSL_accept:SSLv3/TLS write server hello"),
    server("listen_debug", "-dtls -listen -debug", "(16397 bytes => 205 (0xCD))"),
    server("listen_mtu", "-dtls -listen -mtu 400 -msg", "CIPHER is"),
    server("hello_in_fragments", "-dtls -msg", "CIPHER is", peer="-dtls -mtu 256 -alpn " + "x" * 200),
    server("mtu_256", "-dtls -mtu 256 -msg", "CIPHER is", peer="-dtls -mtu 256"),
    server("mtu_1500", "-dtls -mtu 1500 -msg", "CIPHER is"),
    server("timeout", "-dtls -timeout", "CIPHER is", peer="-dtls -timeout"),
    server("brief", "-dtls -brief", "Protocol version: DTLSv1.2"),
    server("quiet", "-dtls -quiet", "ahoy"),
    server(
        "client_certificate",
        "-dtls -Verify 1 -CAfile root.pem",
        "Client certificate\n",
        peer="-dtls -cert client.pem -key client.key -mtu 256",
    ),
    server("no_client_certificate", "-dtls -Verify 1", "peer did not return a certificate", talk=FAILS),
    server("client_refuses", "-dtls", "unknown ca", peer="-dtls -verify_return_error", talk=FAILS),
    server("chain", "-dtls -cert fullchain.pem -key chain.key -cert_chain fullchain.pem", "CIPHER is"),
    server("cipher_disjoint", "-dtls -cipher AES128-SHA", "no shared cipher", peer="-dtls -cipher AES256-SHA", talk=FAILS),
    server("servername", "-dtls -servername a.example -cert2 ecdsa.pem -key2 ecdsa.key", "Switching server context", peer="-dtls -servername a.example", varying=True),
    server("no_ticket", "-dtls -no_ticket", "CIPHER is"),
    server("alpn", "-dtls -alpn h2", "ALPN protocols selected: h2", peer="-dtls -alpn h2"),
    server("msg", "-dtls -msg", "unknown version (version=65277, content_type=22) [length 00c0]"),
    server("state", "-dtls -state", "SSL_accept:DTLS1 write hello verify request"),
    server("debug", "-dtls -debug", "(16717 bytes => 205 (0xCD))"),
    server("statistics", "-dtls", "1 server accepts", peer="-dtls -quiet -no_ign_eof", talk=(*AHOY[:2], OnServer(b"S\n"), Until("S\n"), Eof())),
    server("letter_P", "-dtls -msg", "CIPHER is", peer="-dtls -quiet -no_ign_eof", talk=(*AHOY[:2], OnServer(b"P\n"), Until("P\n"), Eof())),
    server("renegotiation", "-dtls", "SSL_do_handshake -> ", talk=(*AHOY[:2], OnServer(b"r\n"), OnServer(Until("SSL_do_handshake")), b"more\n", OnServer(Until("more")), Eof()), renegotiates=True),
    server("letter_Q", "-dtls", "shutdown accept socket", talk=(*AHOY[:2], OnServer(b"Q\n"), OnServer(Until("CLOSED")), Eof())),
    server("input_ends", "-dtls", "shutdown accept socket", talk=(*AHOY[:2], OnServer(Eof()), OnServer(Until("CLOSED")), Eof())),
)  # fmt: skip


@each(SERVERS)
def test_server_is_the_original(case: Case, start: Start, workdir: Workdir) -> None:
    compare_servers(start, case, workdir)


ALONE = (
    ("s_client", Case("sctp", "-dtls -sctp", "Unknown option: -sctp", 1)),
    ("s_client", Case("sctp_label_bug", "-dtls -sctp_label_bug", "Unknown option: -sctp_label_bug", 1)),
    ("s_client", Case("dtls_and_unix", "-dtls -unix x", "Can't use unix sockets and datagrams", 1)),
    ("s_client", Case("nobody_there", "-dtls -connect 127.0.0.1:{port}", "write:errno=111", 1)),
    ("s_client", Case("mtu_too_small", "-dtls -mtu 255 -connect 127.0.0.1:{port}", "at least 256", 1)),
    ("s_client", Case("mtu_not_positive", "-dtls -mtu 0", "Non-positive number", 1)),
    ("s_client", Case("min_without_dtls", "-min_protocol DTLSv1 -connect 127.0.0.1:{port}", "errno=111", 1)),
    ("s_server", Case("server_sctp", "-dtls -sctp", "Unknown option: -sctp", 1)),
    ("s_server", Case("server_sctp_label_bug", "-dtls -sctp_label_bug", "Unknown option: -sctp", 1)),
    ("s_server", Case("server_mtu", f"-dtls -mtu 255 -accept 127.0.0.1:0 {RSA}", "at least 256")),
    ("s_server", Case("input_is_empty", f"-dtls -accept 127.0.0.1:0 {RSA}", "shutdown accept socket")),
    ("s_server", Case("www", "-dtls -www", "Can't use -HTTP, -www or -WWW with DTLS", 1)),
    ("s_server", Case("rev", "-dtls -rev", "Can't use -rev with DTLS", 1)),
    ("s_server", Case("listen", "-listen", "Can only use -listen with DTLS", 1)),
)


@pytest.mark.parametrize("program, case", ALONE, ids=[case.name for _, case in ALONE])
def test_command_line_without_a_peer_is_the_original(
    program: str, case: Case, start: Start, workdir: Workdir
) -> None:
    case = Case(**{**vars(case), "talk": NOTHING})
    compare_alone(start, program, case, workdir)


@pytest.mark.parametrize("options", ["-dtls", "-dtls -no_ticket", f"-dtls1 {LEVEL_0}"])
@pytest.mark.parametrize("tested", ["client", "server"])
def test_sessions_are_resumed_as_by_the_original(
    tested: str, options: str, start: Start, workdir: Workdir
) -> None:
    def twice(program: Sequence[str]) -> list[Finished]:
        """The original's server serves only one client well, so sessions that it keeps itself are not its business."""
        directory = workdir(program[-1])
        ours_serves = tested == "server"
        serving = start_server(
            start, program if ours_serves else OPENSSL, f"-naccept 2 {RSA} {options}", directory
        )
        reports = []
        for turn, files in enumerate(("-sess_out s.pem", "-sess_in s.pem"), 1):
            words = f"-connect {serving.address} {options} {files}".split()
            speaking = start([*(OPENSSL if ours_serves else program), "s_client", *words], directory)
            speaking.talk([b"ahoy\n"])
            serving.process.until("ahoy", turn)
            speaking.eof()
            reports.append(comparable(speaking.finish()))
        return [*reports, comparable(serving.process.finish())]

    original = twice(OPENSSL)
    assert "\nReused, TLSv1" in original[1].out
    assert twice(OURS) == original


# --- nobody answers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["-dtls", "-dtls -timeout", "-dtls -nbio -quiet"])
def test_client_repeats_its_hello_as_the_original_does(options: str, start: Start, workdir: Workdir) -> None:
    """One second, two seconds: the server is a socket that never says anything.

    What is done inside the library on a socket that blocks is not told; with -timeout nothing blocks for long.
    """

    def hellos(program: Sequence[str]) -> tuple[list[tuple[int, bytes]], str]:
        with bound() as silent:
            silent.settimeout(20)
            begun = time.monotonic()
            address = f"127.0.0.1:{silent.getsockname()[1]}"
            client = start(
                [*program, "s_client", *options.split(), "-connect", address], workdir(program[-1])
            )
            seen: list[tuple[int, bytes]] = []
            for _ in range(3):
                hello = silent.recv(65536)
                begun = begun if seen else time.monotonic()
                seen.append((round(time.monotonic() - begun), hello[25:27]))
            told = "TIMEOUT occurred\n" * (0 if options == "-dtls" else 2)
            wait_for("what is told", lambda: client.err == told)
            client.stop()
            return seen, client.err

    original = hellos(OPENSSL)
    assert [when for when, _ in original[0]] == [0, 1, 3]
    assert hellos(OURS) == original


def test_client_notices_that_the_server_has_gone(start: Start, workdir: Workdir) -> None:
    def abandoned(program: Sequence[str]) -> Finished:
        directory = workdir(program[-1])
        serving = start_server(start, OPENSSL, f"-dtls {RSA}", directory)
        client = start([*program, "s_client", "-dtls", "-connect", serving.address], directory)
        client.talk([b"ahoy\n"])
        serving.process.until("ahoy")
        serving.process.stop()
        client.send(b"is anybody there?\n")
        return comparable(client.finish())

    original = abandoned(OPENSSL)
    assert original.code == 111
    assert original.err.endswith("read:errno=111\n")
    assert abandoned(OURS) == original


# --- a bad network -----------------------------------------------------------------------------------------------

# With -nbio, since the original waits inside the library after a datagram that holds no data, and hears nothing else.
SEEDS = range(3)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("client, server", [(OURS, OPENSSL), (OPENSSL, OURS), (OURS, OURS)])
def test_handshake_over_a_network_that_loses_doubles_and_delays(
    client: Sequence[str], server: Sequence[str], seed: int, start: Start, workdir: Workdir
) -> None:
    directory = workdir("network")
    certificates = "-CAfile root.pem -verify_return_error"
    serving = start_server(start, server, f"-dtls -nbio -mtu 512 {RSA} -Verify 1 {certificates}", directory)
    with relay(serving.port, Weather(seed)) as network:
        words = f"-dtls -nbio -mtu 512 -connect 127.0.0.1:{network.port} -cert client.pem -key client.key {certificates}"
        speaking = start([*client, "s_client", *words.split()], directory)
        talk_until_heard(speaking, serving.process, b"from the client\n")
        talk_until_heard(serving.process, speaking, b"from the server\n")
        assert network.to_server.lost + network.to_client.lost
        assert network.to_server.doubled + network.to_client.doubled
        speaking.eof()
        finished = speaking.finish()
    assert finished.code == 0
    assert "Verification: OK" in finished.out
    assert "Traceback" not in finished.err + serving.process.err


def talk_until_heard(speaker: Running, listener: Running, line: bytes) -> None:
    """DTLS repeats handshakes, not data: say it again until it has arrived."""
    for _ in range(60):
        speaker.send(line)
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            if line.decode() in listener.out:
                return
            time.sleep(0.02)
    raise AssertionError(f"not heard\n{speaker.story()}\n{listener.story()}")


@pytest.mark.parametrize("seed", SEEDS)
def test_listening_server_answers_over_a_bad_network(seed: int, start: Start, workdir: Workdir) -> None:
    directory = workdir("network")
    serving = start_server(start, OURS, f"-dtls -listen {RSA}", directory)
    with relay(serving.port, Weather(seed)) as network:
        words = f"-dtls -nbio -connect 127.0.0.1:{network.port}"
        speaking = start([*OPENSSL, "s_client", *words.split()], directory)
        talk_until_heard(speaking, serving.process, b"from the client\n")
        speaking.eof()
        assert speaking.finish().code == 0


def test_retransmissions_are_told(start: Start, workdir: Workdir) -> None:
    """Nothing at all arrives at first."""
    directory = workdir("network")
    serving = start_server(start, OURS, f"-dtls -timeout {RSA}", directory)
    with relay(serving.port, Weather(0, lost=1.0, until=1)) as network:
        words = f"-dtls -timeout -connect 127.0.0.1:{network.port}"
        speaking = start([*OURS, "s_client", *words.split()], directory)
        talk_until_heard(speaking, serving.process, b"from the client\n")
        assert speaking.err.startswith("TIMEOUT occurred\nTIMEOUT occurred\n")


# --- many clients, where the original has lost its way ---------------------------------------------------------------


@contextmanager
def many(start: Start, workdir: Workdir, options: str = "") -> Iterator[tuple[Server, list[Running]]]:
    """Our server and three clients that come while the first is being served."""
    directory = workdir("many")
    serving = start_server(start, OURS, f"-dtls {RSA} {options}", directory)
    clients = []
    for number in range(3):
        clients.append(start([*OPENSSL, "s_client", "-dtls", "-connect", serving.address], directory))
        clients[-1].send(f"client {number}\n".encode())
        serving.process.until("client 0")
    yield serving, clients


@pytest.mark.parametrize("options", ["", "-listen"])
def test_server_serves_many_clients_one_after_the_other(options: str, start: Start, workdir: Workdir) -> None:
    directory = workdir("turns")
    serving = start_server(start, OURS, f"-dtls {RSA} {options} -naccept 4", directory)
    for number in range(4):
        client = start([*OPENSSL, "s_client", "-dtls", "-connect", serving.address], directory)
        client.talk([f"client {number}\n".encode()])
        serving.process.until(f"client {number}\n")
        client.eof()
        assert client.finish().code == 0
    finished = serving.process.finish()
    assert finished.err == ""
    assert "   4 server accepts that finished" in finished.out


@pytest.mark.parametrize("options", ["", "-listen"])
def test_clients_that_come_at_the_same_time_wait_for_their_turn(
    options: str, start: Start, workdir: Workdir
) -> None:
    with many(start, workdir, options) as (serving, clients):
        clients[0].send(b"undisturbed\n")
        serving.process.until("undisturbed")
        for turn in (1, 2, 3):
            serving.process.until("client ", turn)
            assert serving.process.out.count("client ") == turn
            wait_for("a whole line", lambda: serving.process.out.endswith("\n"))
            current = clients[int(re.findall(r"client (\d)\n", serving.process.out)[-1])]
            current.eof()
            assert current.finish().code == 0
        assert serving.process.err == ""


def test_letter_q_ends_the_connection_not_the_server(start: Start, workdir: Workdir) -> None:
    with many(start, workdir) as (serving, clients):
        serving.process.send(b"q\n")
        told = clients[0].finish()
        assert told.out.endswith("closed\n")
        assert told.code == 0
        serving.process.until("client ", 2)
        serving.process.send(b"q\n")
        serving.process.until("client ", 3)
        serving.process.send(b"Q\n")
        assert serving.process.finish().code == 0


def test_client_that_does_not_prove_its_address_loses_its_turn(start: Start, workdir: Workdir) -> None:
    """It says hello and never returns the cookie."""
    directory = workdir("turns")
    serving = start_server(start, OURS, f"-dtls {RSA}", directory)
    with bound() as mute:
        mute.connect(("127.0.0.1", serving.port))
        mute.send(a_hello(serving))
        mute.settimeout(20)
        assert mute.recv(65536)[13] == 3  # HelloVerifyRequest
        client = start([*OPENSSL, "s_client", "-dtls", "-connect", serving.address], directory)
        client.send(b"my turn\n")
        serving.process.until("my turn\n")
    assert "the client has fallen silent during the handshake, and another one waits\n" in serving.process.err


def test_hello_of_a_false_address_costs_a_listening_server_nothing(start: Start, workdir: Workdir) -> None:
    directory = workdir("turns")
    serving = start_server(start, OURS, f"-dtls -listen {RSA}", directory)
    with bound() as mute:
        mute.connect(("127.0.0.1", serving.port))
        mute.settimeout(20)
        for _ in range(100):
            mute.send(a_hello(serving))
            assert mute.recv(65536)[13] == 3
        client = start([*OPENSSL, "s_client", "-dtls", "-connect", serving.address], directory)
        client.send(b"my turn\n")
        begun = time.monotonic()
        serving.process.until("my turn\n")
        assert time.monotonic() - begun < 8
    assert serving.process.err == ""


def test_cookie_of_somebody_else_is_of_no_use(start: Start, workdir: Workdir) -> None:
    directory = workdir("turns")
    serving = start_server(start, OURS, f"-dtls -listen {RSA}", directory)
    with bound() as first, bound() as second:
        for end in (first, second):
            end.connect(("127.0.0.1", serving.port))
            end.settimeout(20)
        first.send(a_hello(serving))
        cookie = first.recv(65536)[28:]
        assert len(cookie) == 20
        second.send(a_hello(serving, cookie))
        assert second.recv(65536)[13] == 3
        first.send(a_hello(serving, cookie))
        assert first.recv(65536)[13] == 2  # ServerHello


def a_hello(_serving: Server, cookie: bytes = b"") -> bytes:
    """A ClientHello for one suite."""
    suites, groups, schemes = "0002c02f", "000a00040002001d", "000d000400020804"
    extensions = bytes.fromhex(groups + schemes + "ff01000100")
    body = b"\xfe\xfd" + bytes(32) + b"\0" + bytes([len(cookie)]) + cookie
    body += bytes.fromhex(suites + "0100") + len(extensions).to_bytes(2) + extensions
    number = bytes([0, 1 if cookie else 0])
    message = b"\1" + len(body).to_bytes(3) + number + bytes(3) + len(body).to_bytes(3) + body
    return b"\x16\xfe\xff" + bytes(7) + number[1:] + len(message).to_bytes(2) + message


# --- garbage -----------------------------------------------------------------------------------------------------

LUCK = random.Random(4)
GARBAGE = {
    "empty": b"",
    "one_byte": b"\x16",
    "text": b"GET / HTTP/1.0\r\n\r\n",
    "noise": LUCK.randbytes(1200),
    "large_noise": LUCK.randbytes(60_000),
    "zeros": bytes(1500),
    "tls_record": bytes.fromhex("16 03 01 00 04 01 00 00 00"),
    "half_a_header": bytes.fromhex("16 fe fd 00 00 00 00"),
    "record_too_short": bytes.fromhex("16 fe fd 0000 000000000005 0040 01"),
    "record_of_another_epoch": bytes.fromhex("17 fe fd 0007 000000000005 0004 01020304"),
    "alert_in_plain": bytes.fromhex("15 fe fd 0000 000000000009 0002 0228"),
    "hello_of_nothing": bytes.fromhex("16 fe fd 0000 000000000000 000c 01 000000 0000 000000 000000"),
}


@pytest.mark.parametrize("options", ["", "-listen"])
def test_garbage_of_strangers_disturbs_nobody(options: str, start: Start, workdir: Workdir) -> None:
    directory = workdir("garbage")
    harmless = {name: data for name, data in GARBAGE.items() if name != "hello_of_nothing"}
    serving = start_server(start, OURS, f"-dtls {RSA} {options}", directory)
    with bound() as stranger:
        stranger.connect(("127.0.0.1", serving.port))
        throw(stranger, harmless.values())
        client = start([*OPENSSL, "s_client", "-dtls", "-connect", serving.address], directory)
        client.send(b"before\n")
        serving.process.until("before")
        throw(stranger, harmless.values())
        client.send(b"after\n")
        serving.process.until("after")
        client.eof()
        assert client.finish().code == 0
    assert serving.process.err == ""


def test_hello_of_nothing_is_refused_and_the_next_client_served(start: Start, workdir: Workdir) -> None:
    directory = workdir("garbage")
    serving = start_server(start, OURS, f"-dtls {RSA}", directory)
    with bound() as stranger:
        stranger.connect(("127.0.0.1", serving.port))
        stranger.send(GARBAGE["hello_of_nothing"])
        serving.process.until("CONNECTION CLOSED")
        assert "length too short" in serving.process.err
        client = start([*OPENSSL, "s_client", "-dtls", "-connect", serving.address], directory)
        client.send(b"my turn\n")
        serving.process.until("my turn")


@pytest.mark.parametrize("name", GARBAGE)
def test_client_survives_a_server_of_garbage(name: str, start: Start, workdir: Workdir) -> None:
    """It goes on asking, as it would if nothing had come, or refuses; the original does the same."""

    def meet(program: Sequence[str]) -> tuple[str, bool]:
        with bound() as garbler:
            address = f"127.0.0.1:{garbler.getsockname()[1]}"
            words = ["-dtls", "-timeout", "-connect", address]
            client = start([*program, "s_client", *words], workdir(program[-1]))
            garbler.settimeout(20)
            _, peer = garbler.recvfrom(65536)
            garbler.sendto(GARBAGE[name], peer)
            goes_on = client.until("TIMEOUT occurred")
            client.stop()
            return normalize(client.err), goes_on

    assert meet(OURS) == meet(OPENSSL)


@pytest.mark.parametrize("program", [OPENSSL, OURS], ids=["original", "ours"])
def test_every_truncation_of_a_flight_is_survived(
    program: Sequence[str], start: Start, workdir: Workdir
) -> None:
    """Each datagram of the server is cut somewhere, then comes whole when it is sent again."""
    directory = workdir("cut")
    serving = start_server(start, program, f"-dtls -mtu 512 {RSA}", directory)
    luck = random.Random(7)
    with bound() as front, bound() as back:
        client = start(
            [*OURS, "s_client", "-dtls", "-connect", f"127.0.0.1:{front.getsockname()[1]}"], directory
        )
        carried = carry_with_cuts(front, back, serving.port, luck, client)
    assert carried
    assert "Traceback" not in client.err


def carry_with_cuts(
    front: socket.socket, back: socket.socket, port: int, luck: random.Random, client: Running
) -> bool:
    """Carries datagrams both ways, those of the server first in part, until the client has its report."""
    peer = None
    end = time.monotonic() + 20
    for way in (front, back):
        way.settimeout(0.05)
    while time.monotonic() < end:
        if "SSL handshake has read" in client.out:
            return True
        try:
            data, peer = front.recvfrom(65536)
            back.sendto(data, ("127.0.0.1", port))
        except TimeoutError:
            pass
        try:
            data = back.recv(65536)
        except TimeoutError:
            continue
        assert peer is not None
        front.sendto(data[: luck.randrange(len(data))], peer)
        front.sendto(data, peer)
    return False


def throw(stranger: socket.socket, garbage: object) -> None:
    assert hasattr(garbage, "__iter__")
    for data in garbage:
        stranger.send(data)


def test_second_server_does_not_share_the_port(start: Start, run: Run, workdir: Workdir) -> None:
    """On purpose not as the original, where a second one starts, and one of the two never hears of anybody."""
    directory = workdir("here")
    first = start_server(start, OURS, f"-dtls {RSA}", directory)
    second = run([*OURS, "s_server", "-dtls", "-accept", first.address, *RSA.split()], cwd=directory)
    assert "Address already in use" in second.err
    assert second.code == 1


def comparable(finished: Finished) -> Finished:
    return Finished(finished.code, normalize(finished.out), normalize(finished.err))
