"""sslserver end to end: programs behind TLS, and everything that clients and programs may do."""

from __future__ import annotations

import re
import select
import socket
import ssl
import struct
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from support.fixtures import Run, Start, Workdir
from support.peers import free_port, is_listening
from support.programs import OURS, TIME_LIMIT, target, wait_for
from ucspi.serving import (
    CERTIFICATE,
    QUICK,
    Server,
    ask,
    client_context,
    descriptors,
    end_of_input,
    no_more_open,
    read_all,
    ready,
    serve,
    variables,
)

MEGABYTE = 1_000_000


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    return workdir("server")


# --- a connection and its log ------------------------------------------------------------------------------------


def test_program_talks_to_the_client_and_the_log_tells(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "read line; echo got $line; exit 7"])
    assert ask(server, b"this\n") == b"got this\n"
    server.wait_for_log("status 0/40/0", 2)
    log = [re.sub(r"(?<![\w.])\d{3,}\b(?!\.)", "N", line) for line in server.log()]
    assert log[-6:] == [
        "status 1/40/0",
        "pid N from 127.0.0.1",
        "ok N 0:127.0.0.1:N :127.0.0.1::N",
        "tls N accept TLSv1.3:TLS_AES_256_GCM_SHA384",
        "ended by N status N",
        "status 0/40/0",
    ]
    assert "status 1792" in server.process.err


def test_the_pid_in_the_log_is_the_programs(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "echo $$"])
    pid = ask(server).decode().strip()
    server.wait_for_log(f"ended by {pid} status 0")
    assert f"pid {pid} from" in server.process.err


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_openssl_and_our_client_and_curl(
    start: Start, run: Run, directory: Path, version: ssl.TLSVersion
) -> None:
    server = serve(start, directory, ["sh", "-c", "echo HTTP/1.0 200 ok; echo; echo hello"])
    where = f"127.0.0.1:{server.port}"
    flag = {ssl.TLSVersion.TLSv1_2: "-tls1_2", ssl.TLSVersion.TLSv1_3: "-tls1_3"}[version]
    for client in (["openssl"], list(OURS)):
        shown = run(
            [*client, "s_client", "-quiet", flag, "-CAfile", "root.pem", "-connect", where], cwd=directory
        )
        assert (shown.code, shown.out) == (0, "HTTP/1.0 200 ok\n\nhello\n")
    curl = run(["curl", "-s", "--cacert", "root.pem", f"https://localhost:{server.port}/"], cwd=directory)
    assert (curl.code, curl.out) == (0, "hello\n")


def test_program_that_does_not_exist(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["/no/such/program"])
    assert ask(server) == b""
    server.wait_for_log("unable to run: /no/such/program: No such file or directory")
    server.wait_for_log("status 28416")


def test_program_killed_by_a_signal(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "kill -TERM $$"])
    assert ask(server) == b""
    server.wait_for_log("status 15")


# --- what a program finds ------------------------------------------------------------------------------------------


def test_program_has_three_descriptors_and_no_more(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "echo found; ls /proc/self/fd"])
    lines = ask(server).decode().split()
    # The fourth is the one that ls itself opens.
    assert lines[1:] == ["0", "1", "2", "3"]


def test_program_has_default_signals(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat", "/proc/self/status"])
    masks = dict(line.split(":\t") for line in ask(server).decode().splitlines())
    # 32 and 33 are the C library's own: whoever comes from posix_spawn(3), as of make, ignores them.
    ours = ~(1 << 31 | 1 << 32)
    assert [int(masks[name], 16) & ours for name in ("SigBlk", "SigIgn", "SigCgt")] == [0, 0, 0]


def test_variables_of_a_connection(start: Start, directory: Path) -> None:
    inherited = {"SSL_CLIENT_S_DN": "forged", "TCPREMOTEIP": "192.0.2.1", "SSLCTLFD": "9", "KEPT": "yes"}
    server = serve(start, directory, ["env", "-0"], env=inherited)
    found = variables(ask(server))
    assert found["PROTO"] == "TLS"
    assert found["SSLREMOTEIP"] == found["SSLLOCALIP"] == "127.0.0.1"
    assert found["SSLLOCALPORT"] == str(server.port)
    assert found["SSLLOCALHOST"] == "0"
    assert found["KEPT"] == "yes"
    assert not {"SSL_CLIENT_S_DN", "TCPREMOTEIP", "SSLCTLFD", "SSLREMOTEHOST", "SSLREMOTEINFO"} & set(found)


def test_e_sets_the_variables_of_tcpserver(start: Start, directory: Path) -> None:
    found = variables(ask(serve(start, directory, ["env", "-0"], ["-e"])))
    assert (found["PROTO"], found["TCPREMOTEIP"], found["TCPLOCALHOST"]) == ("TCP", "127.0.0.1", "0")
    assert "TCP6REMOTEIP" not in found


def test_ipv6(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["env", "-0"], ["-e"], host="::1")
    with (
        socket.create_connection(("::1", server.port), timeout=10) as plain,
        client_context().wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        found = variables(read_all(connection))
    assert (found["PROTO"], found["TCP6REMOTEIP"], found["SSLLOCALIP"]) == ("TCP6", "::1", "::1")


@pytest.mark.parametrize(
    "host, takes_ipv4, takes_ipv6", [("0", True, False), ("::", False, True), (":0", True, True)]
)
def test_wildcards(start: Start, directory: Path, host: str, takes_ipv4: bool, takes_ipv6: bool) -> None:
    server = serve(start, directory, ["sh", "-c", "echo $SSLREMOTEIP"], ["-4", "-6"], host=host)
    for address, taken in (("127.0.0.1", takes_ipv4), ("::1", takes_ipv6)):
        if not taken:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((address, server.port), timeout=10)
            continue
        with (
            socket.create_connection((address, server.port), timeout=10) as plain,
            client_context().wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            assert read_all(connection).decode().strip() == address


def test_s_tells_about_tls_and_our_certificate(start: Start, directory: Path) -> None:
    found = variables(ask(serve(start, directory, ["env", "-0"], ["-s"])))
    assert found["SSL_PROTOCOL"] == "TLSv1.3"
    assert re.fullmatch("[0-9a-f]{64}", found["SSL_SESSION_ID"])
    assert (found["SSL_CIPHER"], found["SSL_CIPHER_USEKEYSIZE"]) == ("TLS_AES_256_GCM_SHA384", "256")
    assert (found["SSL_CIPHER_EXPORT"], found["SSL_VERSION_INTERFACE"]) == ("false", "ucspi-ssl")
    assert found["SSL_SERVER_S_DN"] == "/C=DE/O=tlsdeck/CN=localhost"
    assert (found["SSL_SERVER_S_DN_CN"], found["SSL_SERVER_A_SIG"]) == (
        "localhost",
        "sha256WithRSAEncryption",
    )
    assert (found["SSL_SERVER_M_VERSION"], found["SSL_SERVER_A_KEY"]) == ("3", "rsaEncryption")
    assert found["SSL_SERVER_CERT"] == (directory / "rsa.pem").read_text()
    assert (found["SSL_CLIENT_VERIFY"], found["SSL_TLS_SNI"]) == ("NONE", "localhost")
    assert "SSL_CLIENT_S_DN" not in found


def test_banner_comes_first(start: Start, directory: Path) -> None:
    assert ask(serve(start, directory, ["echo", "there"], ["-B", "hi "])) == b"hi there\n"


# --- halves that end -----------------------------------------------------------------------------------------------


def test_fin_of_the_client_ends_the_input_and_the_output_still_comes(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "wc -c; sleep 0.5; echo late"])
    with server.connect() as connection:
        connection.sendall(b"12345")
        end_of_input(connection)
        assert read_all(connection) == b"5\nlate\n"


def test_close_notify_of_the_client_ends_the_input(start: Start, run: Run, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "wc -c >&2; sleep 0.5; echo late >&2"])
    with server.connect() as connection:
        connection.sendall(b"12345")
        connection.unwrap().close()
    server.wait_for_log("late")
    server.wait_for_log("ended by")
    assert "error" not in server.process.err


def test_program_that_ends_its_output_goes_on_reading(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "echo bye; exec >&-; cat >&2"])
    with server.connect() as connection:
        assert read_all(connection) == b"bye\n"
        for word in (b"one\n", b"two\n"):
            connection.sendall(word)
            server.wait_for_log(word.decode().strip())
    server.wait_for_log("status 0/40/0", 2)


def test_program_that_never_reads_gets_all_its_output_out(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "exec <&-; sleep 0.3; head -c 300000 /dev/zero"])
    with server.connect() as connection:
        connection.sendall(b"x" * 200_000)
        assert len(read_all(connection)) == 300_000
    server.wait_for_log("status 0/40/0", 2)
    assert "error" not in server.process.err


def test_nothing_is_lost_of_what_a_program_wrote_before_it_ended(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["head", "-c", "65536", "/dev/zero"])
    with server.connect() as connection:
        connection.sendall(b"unread" * 1000)
        time.sleep(0.5)
        assert len(read_all(connection)) == 65536


def test_nothing_is_lost_though_the_client_reads_late_and_goes_on_sending(
    start: Start, directory: Path
) -> None:
    """What it sends after the program's end must not be answered by a reset, which would throw away the rest."""
    server = serve(start, directory, ["head", "-c", str(MEGABYTE), "/dev/zero"])
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    plain.settimeout(TIME_LIMIT)
    plain.connect(("127.0.0.1", server.port))
    with client_context().wrap_socket(plain, server_hostname="localhost") as connection:
        for _ in range(20):
            connection.sendall(b"more")
            time.sleep(0.1)
        assert len(read_all(connection)) == MEGABYTE
    server.wait_for_log("status 0/40/0", 2)
    assert "error" not in server.process.err


def test_a_program_is_not_killed_after_an_orderly_end(start: Start, directory: Path) -> None:
    server = serve(
        start, directory, ["sh", "-c", "echo x; exec >&- <&-; sleep 1; echo worked on >&2; exit 3"]
    )
    assert ask(server) == b"x\n"
    server.wait_for_log("worked on")
    server.wait_for_log("status 768")


@pytest.mark.parametrize("program", ["cat big", "cat >/dev/null; echo done"])
def test_a_hundred_megabytes(start: Start, directory: Path, program: str) -> None:
    data = bytes(range(250)) * (100 * MEGABYTE // 250)  # no piece is like the one before
    (directory / "big").write_bytes(data)
    server = serve(start, directory, ["sh", "-c", program])
    with server.connect() as connection:
        if program == "cat big":
            assert read_all(connection) == data
            return
        block = bytes(MEGABYTE)
        for _ in range(100):
            connection.sendall(block)
        end_of_input(connection)
        assert read_all(connection) == b"done\n"


def exchange(connection: ssl.SSLSocket, data: bytes) -> bytes:
    """Sends all of it while receiving as much, in one thread: a connection must not be used by two."""
    waits = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
    connection.setblocking(False)
    sent, received = 0, bytearray()
    while len(received) < len(data):
        with suppress(*waits):
            sent += connection.send(data[sent : sent + MEGABYTE]) if sent < len(data) else 0
        try:
            received += connection.recv(MEGABYTE)
        except waits:
            select.select([connection], [], [], 0.01)
    connection.settimeout(TIME_LIMIT)
    return bytes(received)


def test_both_directions_at_once(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat"])
    data = bytes(range(256)) * (20 * MEGABYTE // 256)
    with server.connect() as connection:
        assert exchange(connection, data) == data
        end_of_input(connection)
        assert read_all(connection) == b""


def test_a_hundred_clients_at_once(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "read word; echo $word"], ["-c", "200"])
    clients = [server.connect() for _ in range(100)]
    for number, client in enumerate(clients):
        client.sendall(b"%d\n" % number)
    for number, client in enumerate(clients):
        with client:
            assert read_all(client) == b"%d\n" % number
    server.wait_for_log("status 100/200/0")
    server.wait_for_log("ended by", 100)


# --- clients that go wrong -----------------------------------------------------------------------------------------


def test_reset_ends_the_program(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "echo up; exec sleep 60"])
    with server.connect() as connection:
        assert connection.recv(10) == b"up\n"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.wait_for_log("unable to speak TLS from: 127.0.0.1")
    server.wait_for_log("status 28416")


def test_client_that_vanishes_while_the_program_writes(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat", "/dev/zero"])
    with server.connect() as connection:
        connection.recv(1000)
    server.wait_for_log("status 0/40/0", 2)


def test_handshake_that_stops_half_way(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["echo", "hello"], ["-T", "1"])
    with server.dial() as silent:
        assert silent.recv(1) == b""
    server.wait_for_log("unable to accept TLS from: 127.0.0.1")
    assert "no handshake within 1 s (-T)" in server.process.err
    assert ask(server) == b"hello\n"


def test_silent_clients_do_not_disturb_others(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["echo", "hello"], ["-c", "300", "-b", "300"])
    silent = [server.dial() for _ in range(200)]
    assert ask(server) == b"hello\n"
    for each in silent:
        each.close()
    server.wait_for_log("unable to accept TLS", 200)
    server.wait_for_log("status 0/300/0", 2)


def test_garbage_instead_of_a_handshake(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["echo", "hello"])
    with server.dial() as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while connection.recv(1000):
            pass
    server.wait_for_log("unable to accept TLS from: 127.0.0.1")
    assert "http request" in server.process.err
    assert ask(server) == b"hello\n"


def test_client_that_does_not_trust_us_is_explained(start: Start, run: Run, directory: Path) -> None:
    server = serve(start, directory, ["echo", "hello"])
    run(["curl", "-s", "--cacert", "other.pem", f"https://localhost:{server.port}/"], cwd=directory)
    server.wait_for_log("alert unknown ca")


def test_w_ends_a_silent_client_like_an_end_of_input(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "cat; echo end"], ["-w", "1"])
    assert ask(server, b"x\n") == b"x\nend\n"
    server.wait_for_log("status 0/40/0", 2)
    assert "error" not in server.process.err


def test_w_ends_a_connection_that_does_not_take_data(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat", "/dev/zero"], ["-w", "1"])
    with server.connect() as connection:
        connection.recv(1)
        server.wait_for_log("unable to speak TLS from: 127.0.0.1")
    server.wait_for_log("status 28416")


def test_w_ends_a_program_that_does_not_mind_the_end_of_its_input(start: Start, directory: Path) -> None:
    """The second silence is an error, and the client can tell: its end is not that of the program's output."""
    server = serve(start, directory, ["sleep", "60"], ["-w", "1"])
    with server.connect() as connection, pytest.raises(ssl.SSLError, match=r"(?i)eof"):
        connection.recv(1)
    server.wait_for_log("unable to speak TLS from: 127.0.0.1")
    assert "no data was taken or sent for too long (-w)" in server.process.err
    server.wait_for_log("status 28416")


def test_w_ends_a_program_that_outlives_its_connection(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "exec <&- >&-; exec sleep 60"], ["-w", "1"])
    assert ask(server) == b""
    server.wait_for_log("status 15")
    assert "error" not in server.process.err


def test_any_byte_puts_w_off(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat"], ["-w", "2"])
    with server.connect() as connection:
        for _ in range(6):
            time.sleep(0.5)
            connection.sendall(b"x")
            assert connection.recv(1) == b"x"
        end_of_input(connection)
        assert read_all(connection) == b""
    server.wait_for_log("status 0/40/0", 2)
    assert "error" not in server.process.err


def test_c_lets_the_others_wait(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "read x; echo $x"], ["-c", "1"])
    with server.connect() as first, server.dial() as second:
        second.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client_context().wrap_socket(second, server_hostname="localhost")
        first.sendall(b"go\n")
        assert read_all(first) == b"go\n"
    assert ask(server, b"next\n") == b"next\n"
    assert "status 2/" not in server.process.err


def test_maxconip_refuses_the_next_from_one_address(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "read x; echo $x"], env={"MAXCONIP": "1"})
    with server.connect() as first:
        with server.dial() as second:
            assert second.recv(1) == b""
        server.wait_for_log("WARNING ip connection limit of 1 exceeded for: 127.0.0.1")
        first.sendall(b"go\n")
        assert read_all(first) == b"go\n"
    server.wait_for_log("status 0/40/1", 2)
    assert ask(server, b"again\n") == b"again\n"


def test_descriptors_used_up(start: Start, directory: Path) -> None:
    """Who comes too many waits, or is refused with a line in the log; nobody who is there is lost."""
    words = [
        "sh",
        "-c",
        'ulimit -n 40; exec "$@"',
        "sh",
        *OURS,
        "sslserver",
        "-1",
        *QUICK,
        "-c",
        "500",
        "-b",
        "500",
    ]
    server = ready(start([*words, "127.0.0.1", "0", "sh", "-c", "read x; echo $x"], directory, CERTIFICATE))
    with server.connect() as first:
        crowd = [server.dial() for _ in range(100)]
        server.wait_for_log("Too many open files")
        first.sendall(b"still here\n")
        assert read_all(first) == b"still here\n"
        for each in crowd:
            each.close()
    server.wait_for_log("status 0/500/0", 2)
    assert ask(server, b"again\n") == b"again\n"


def test_nobody_waits_for_us_who_waits_for_the_end_of_our_output(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["true"])
    for pid in (server.process.pid, *server.workers()):
        assert [target(Path(f"/proc/{pid}/fd/{number}")) for number in (0, 1)] == ["/dev/null"] * 2


# --- no growth -----------------------------------------------------------------------------------------------------


def test_many_connections_leave_nothing_behind(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["true"])
    pids = [server.process.pid, *server.workers()]
    for _ in range(50):
        ask(server)
    before = [descriptors(pid) for pid in pids]
    for _ in range(200):
        ask(server)
    wait_for("descriptors are closed", lambda: no_more_open(pids, before))
    wait_for("only workers are left", lambda: server.children() == server.workers())


# --- start-up ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words, text",
    [
        (["-k", "0", "0", "true"], "sslserver: illegal option -- k\nsslserver: usage: "),
        (["-c"], "sslserver: option requires an argument -- c\nsslserver: usage: "),
        (["0", "0"], "sslserver: usage: "),
        (["", "0", "true"], "sslserver: usage: "),
        (["-c", "none", "0", "0", "true"], 'sslserver: usage: -c takes a positive number, not "none"'),
        (["0", "99999", "true"], "sslserver: usage: port 99999 is more than 65535\nsslserver: usage: "),
    ],
)
def test_wrong_command_lines(run: Run, directory: Path, words: list[str], text: str) -> None:
    result = run([*OURS, "sslserver", *words], cwd=directory)
    assert (result.code, result.out) == (100, "")
    assert result.err.startswith(text)


@pytest.mark.parametrize(
    "env, words, text",
    [
        ({"CERTFILE": ""}, [], "unable to load certificate: CERTFILE is not set"),
        ({"CERTFILE": "missing.pem"}, [], "unable to load certificate: "),
        ({"KEYFILE": "ecdsa.key"}, [], "unable to load key: key does not match certificate"),
        ({"KEYFILE": "locked.key"}, [], "unable to load key: "),
        ({"CERTCHAINFILE": "junk.pem"}, [], "unable to load certificate chain file: "),
        ({"CIPHERS": "nonsense"}, [], "unable to set cipher list: "),
        ({"DHFILE": "missing.pem"}, [], "unable to set DH parameters: "),
        ({"TLS_MIN": "1.9"}, [], 'unable to use TLS_MIN: "1.9" is none of'),
        ({}, ["-m"], "unable to load client CA list: CCAFILE is not set"),
        ({"CCAFILE": "root.pem"}, ["-m"], "unable to load CA list: neither CAFILE nor CADIR is set"),
        ({"CCAFILE": "junk.pem", "CAFILE": "root.pem"}, ["-m"], "unable to load client CA list: "),
        ({"SSL_USER": "nobody-of-that-name"}, [], 'SSL_USER: "nobody-of-that-name" is not known'),
        ({"SSL_CHROOT": "/no/such/place"}, [], "unable to chroot: "),
    ],
)
def test_what_cannot_be_used_is_fatal(
    run: Run, directory: Path, env: dict[str, str], words: list[str], text: str
) -> None:
    """And the port, which tells that all is well, does not come."""
    command = [*OURS, "sslserver", "-1", *QUICK, *words, "127.0.0.1", "0", "true"]
    result = run(command, cwd=directory, env={**CERTIFICATE, **env})
    assert (result.code, result.out) == (111, "")
    assert result.err.startswith(f"sslserver: fatal: (111) {text}")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    "words, text",
    [
        (["127.0.0.1", "no-such-service", "true"], "unable to figure out port number for: no-such-service"),
        (["-6", "127.0.0.1", "0", "true"], "no IP address for: 127.0.0.1"),
        (["192.0.2.1", "0", "true"], "unable to bind to: 192.0.2.1 port: 0: "),
    ],
)
def test_addresses_that_cannot_be_used(run: Run, directory: Path, words: list[str], text: str) -> None:
    result = run([*OURS, "sslserver", *words], cwd=directory, env=CERTIFICATE)
    assert result.code == 111
    assert result.err.startswith(f"sslserver: fatal: (111) {text}")


def test_q_says_nothing_at_all(run: Run, directory: Path) -> None:
    result = run([*OURS, "sslserver", "-q", "127.0.0.1", "0", "true"], cwd=directory, env={"CERTFILE": "no"})
    assert (result.code, result.err) == (111, "")


def test_password_from_descriptor_3(start: Start, run: Run, directory: Path) -> None:
    (directory / "secret").write_bytes(b"secret\0ignored")
    words = ["sh", "-c", 'exec "$@" 3<secret', "sh", *OURS, "sslserver", "-13", *QUICK]
    env = {**CERTIFICATE, "KEYFILE": "locked.key"}
    server = ready(start([*words, "127.0.0.1", "0", "ls", "/proc/self/fd"], directory, env))
    assert ask(server).split() == [b"0", b"1", b"2", b"3"]
    (directory / "secret").write_bytes(b"wrong\0")
    result = run([*words, "127.0.0.1", "0", "true"], cwd=directory, env=env)
    assert result.code == 111
    assert "fatal: (111) unable to load key: " in result.err


def test_a_closed_log_disturbs_nobody(start: Start, directory: Path) -> None:
    words = ["sh", "-c", 'exec "$@" 2>/dev/full', "sh", *OURS, "sslserver", "-1", *QUICK]
    process = start([*words, "127.0.0.1", "0", "echo", "hello"], directory, CERTIFICATE)
    process.until("\n")
    assert ask(Server(process, int(process.out))) == b"hello\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams(start: Start, directory: Path, closed: str) -> None:
    """A socket must not take their place."""
    port = free_port()
    words = ["sh", "-c", f'exec "$@" {closed}', "sh", *OURS, "sslserver", *QUICK, "127.0.0.1", str(port)]
    process = start([*words, "sh", "-c", "read x; echo $x; echo >&2 $x"], directory, CERTIFICATE)
    wait_for("it listens", lambda: is_listening(port))
    assert ask(Server(process, port), b"hello\n") == b"hello\n"


def test_who_waits_for_the_end_of_standard_output_has_it(start: Start, directory: Path) -> None:
    """As $(...) does."""
    server = serve(start, directory, ["true"])
    wait_for("its end", lambda: "out" not in server.process._open)
    assert server.process.out == f"{server.port}\n"


def test_openssl_client_over_a_session_ticket(start: Start, directory: Path) -> None:
    """Any worker resumes what another began."""
    server = serve(start, directory, ["echo", "hello"])
    command = [
        "openssl",
        "s_client",
        "-connect",
        f"127.0.0.1:{server.port}",
        "-sess_out",
        "session",
        "-ign_eof",
    ]
    subprocess.run(command, cwd=directory, capture_output=True, timeout=20, check=True)
    command = [
        "openssl",
        "s_client",
        "-connect",
        f"127.0.0.1:{server.port}",
        "-sess_in",
        "session",
        "-ign_eof",
    ]
    for _ in range(6):
        shown = subprocess.run(command, cwd=directory, capture_output=True, timeout=20, check=True)
        assert b"Reused, TLSv1.3" in shown.stdout
