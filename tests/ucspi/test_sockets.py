"""Addresses and the settings of sockets, and which descriptors each process has. As root."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support.fixtures import Run, Start, Workdir
from support.programs import OURS, TIME_LIMIT, need, target, wait_for
from ucspi.peers import place, rules
from ucspi.serving import (
    CERTIFICATE,
    QUICK,
    Server,
    ask,
    client_context,
    read_all,
    ready,
    serve,
    shown_sockets,
    variables,
)


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    return workdir("server")


# --- a connection's socket ---------------------------------------------------------------------------------------

# The two settings as a program with -n finds them: its input is the socket.
SHOW = """
import socket
client = socket.socket(fileno=0)
kept = client.getsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, 40)
print(client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), len(kept))
"""
# Record Route (RFC 791 section 3.1): as source routes it comes back with every packet, and loopback lets it pass.
ROUTE = bytes([7, 7, 4, 0, 0, 0, 0, 0])

SETTINGS = [
    ([], True, False),
    (["-d"], False, False),
    (["-dD"], True, False),
    (["-Dd"], False, False),
    (["-o"], True, True),
    (["-oO"], True, False),
    (["-do"], False, True),
]


def routed(server: Server) -> socket.socket:
    client = socket.socket()
    client.settimeout(TIME_LIMIT)
    client.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, ROUTE)
    client.connect(("127.0.0.1", server.port))
    return client


@pytest.mark.parametrize("options, no_delay, route", SETTINGS)
def test_the_socket_of_a_program_that_has_it(
    start: Start, directory: Path, options: list[str], no_delay: bool, route: bool
) -> None:
    server = serve(start, directory, ["python3", "-c", SHOW], ["-n", *options])
    with routed(server) as client:
        assert client.makefile().read() == f"{int(no_delay)} {len(ROUTE) * route}\n"


@pytest.mark.parametrize("options, no_delay, route", SETTINGS)
def test_the_socket_of_a_worker(
    start: Start, directory: Path, options: list[str], no_delay: bool, route: bool
) -> None:
    server = serve(start, directory, ["cat"], options)
    with client_context().wrap_socket(routed(server), server_hostname="localhost") as client:
        server.wait_for_log("ok ")
        with socket_of(server, client.getsockname()[1]) as theirs:
            assert bool(theirs.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) is no_delay
            assert bool(theirs.getsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, 40)) is route


PIDFD_GETFD = 438  # on every architecture


@contextmanager
def socket_of(server: Server, port: int) -> Iterator[socket.socket]:
    """A worker's socket to the client with this port, as a descriptor of ours."""
    for pid in server.workers():
        process = os.pidfd_open(pid)
        try:
            for link in Path(f"/proc/{pid}/fd").iterdir():
                if not target(link).startswith("socket:"):
                    continue
                number = ctypes.CDLL(None).syscall(PIDFD_GETFD, process, int(link.name), 0)
                with socket.socket(fileno=number) as theirs, suppress(OSError):
                    if theirs.family == socket.AF_INET and theirs.getpeername()[1] == port:
                        yield theirs
                        return
        finally:
            os.close(process)
    raise AssertionError("no worker has it")


# --- the socket listened on --------------------------------------------------------------------------------------


@pytest.mark.parametrize("options, backlog", [([], 20), (["-b7"], 7), (["-b", "4294967294"], None)])
def test_b_is_the_backlog(start: Start, directory: Path, options: list[str], backlog: int | None) -> None:
    server = serve(start, directory, ["true"], options)
    sizes = [line.split()[2] for line in shown_sockets("-ltn") if f"127.0.0.1:{server.port} " in line]
    most = Path("/proc/sys/net/core/somaxconn").read_text().strip()
    assert sizes == [most if backlog is None else str(backlog)]


def test_a_port_by_name(start: Start, directory: Path) -> None:
    words = [*OURS, "sslserver", "-1", *QUICK, place(), "imaps", "true"]
    process = start(words, directory, CERTIFICATE)
    assert ready(process).port == 993


def test_the_port_can_be_had_again_at_once(start: Start, directory: Path) -> None:
    """Connections that the server has ended linger on it (TIME_WAIT)."""
    first = serve(start, directory, ["true"])
    ask(first)
    os.kill(first.process.pid, signal.SIGTERM)
    assert first.process.popen.wait(TIME_LIMIT) == 0
    wait_for(
        "the workers are gone",
        lambda: not [line for line in shown_sockets("-ltn") if f":{first.port} " in line],
    )
    words = [*OURS, "sslserver", *QUICK, "127.0.0.1", str(first.port), "echo", "again"]
    second = start(words, directory, CERTIFICATE)
    assert second.until("status 0/"), second.story()
    assert ask(Server(second, first.port)) == b"again\n"


@pytest.mark.parametrize(
    "host, words, ip",
    [("::ffff:127.0.0.1", [], "127.0.0.1"), ("127.0.0.1", ["-4"], "127.0.0.1"), ("0", ["-4"], "127.0.0.1")],
)
def test_forms_of_ipv4(start: Start, directory: Path, host: str, words: list[str], ip: str) -> None:
    server = serve(start, directory, ["printenv", "SSLLOCALIP"], words, host=host)
    assert ask(server).decode() == f"{ip}\n"


def test_an_ipv4_client_of_both_families_is_one_of_ipv4(start: Start, run: Run, directory: Path) -> None:
    rules(run, directory, "127.0.0.2:deny\n127.0.0.0/8:allow,R='v4'\n::1:allow,R='v6'\n")
    server = serve(start, directory, ["env", "-0"], ["-ex", "rules.cdb"], host=":0")
    found = variables(ask(server))
    assert (found["R"], found["PROTO"], found["TCPREMOTEIP"]) == ("v4", "TCP", "127.0.0.1")
    assert not [name for name in found if name.startswith("TCP6")]
    with pytest.raises((ssl.SSLError, OSError)):
        ask(server, source="127.0.0.2")
    with (
        socket.create_connection(("::1", server.port), timeout=TIME_LIMIT) as plain,
        client_context().wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        found = variables(read_all(connection))
    assert (found["R"], found["PROTO"], found["TCP6REMOTEIP"]) == ("v6", "TCP6", "::1")


# --- link-local addresses (-I) -----------------------------------------------------------------------------------

# A network of its own, so that the machine's keeps its addresses; programs in it are entered by nsenter(1).
ALONE = [
    "unshare",
    "-n",
    "sh",
    "-c",
    'ip link set lo up; ip addr add fe80::1/64 dev lo nodad; exec "$@"',
    "sh",
]


def test_a_link_local_address(start: Start, run: Run, directory: Path) -> None:
    need("unshare", "nsenter", "ip")
    words = [*ALONE, *OURS, "sslserver", "-1e", *QUICK, "-Ilo", "fe80::1", "0", "env"]
    process = start(words, directory, CERTIFICATE)
    where = f"[fe80::1%lo]:{ready(process).port}"
    client = [
        "nsenter",
        f"--net=/proc/{process.pid}/ns/net",
        "openssl",
        "s_client",
        "-quiet",
        "-connect",
        where,
    ]
    shown = run(client, cwd=directory)
    assert shown.code == 0, shown
    found = dict(line.split("=", 1) for line in shown.out.splitlines())
    assert found["PROTO"] == "TCP6"
    assert (found["TCP6INTERFACE"], found["TCP6LOCALIP"], found["TCP6REMOTEIP"]) == (
        "lo",
        "fe80::1",
        "fe80::1",
    )


@pytest.mark.parametrize(
    "words, text",
    [
        (["fe80::1"], "unable to bind to: fe80::1: a link-local address needs the name of an interface (-I)"),
        (["-I", "none0", "fe80::1"], "unable to use interface none0: there is none of that name"),
        (["-I", "lo", "fe80::2"], "unable to bind to: fe80::2 port: 0: Cannot assign requested address"),
    ],
)
def test_link_local_addresses_that_cannot_be_used(
    run: Run, directory: Path, words: list[str], text: str
) -> None:
    result = run([*ALONE, *OURS, "sslserver", *QUICK, *words, "0", "true"], cwd=directory, env=CERTIFICATE)
    assert (result.code, result.err) == (111, f"sslserver: fatal: (111) {text}\n")


def test_an_ordinary_address_needs_no_interface(start: Start, directory: Path) -> None:
    assert ask(serve(start, directory, ["echo", "fine"], ["-I", "none0"])) == b"fine\n"


# --- descriptors -------------------------------------------------------------------------------------------------

# Starts what follows with descriptors 3 to 20 open.
LITTERED = ["bash", "-c", 'for n in {3..20}; do eval "exec $n</etc/passwd"; done; exec "$@"', "bash"]


@pytest.mark.parametrize("options, numbers", [([], "012"), (["-n"], "012345")])
def test_nobody_inherits_what_we_happen_to_have_open(
    start: Start, directory: Path, options: list[str], numbers: str
) -> None:
    words = [*LITTERED, *OURS, "sslserver", "-1", *QUICK, *options, "127.0.0.1", "0"]
    process = start([*words, "sh", "-c", "ls -l /proc/$$/fd; exec cat"], directory, CERTIFICATE)
    server = ready(process)
    with server.dial() as plain:
        client = plain if options else client_context().wrap_socket(plain, server_hostname="localhost")
        text = b""
        while text.count(b"\n") < 1 + len(numbers):
            text += client.recv(4096)
        opened = dict(line.rsplit(" ", 3)[1::2] for line in text.decode().splitlines()[1:])
        assert "".join(sorted(opened)) == numbers
        kinds = [opened[number].partition(":")[0] for number in numbers]
        assert kinds[:2] == ["socket", "socket"] if options else ["pipe", "pipe"]
        assert kinds[3:] == (["socket", "pipe", "pipe"] if options else [])
        for pid in server.workers():
            links = [target(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
            assert "/etc/passwd" not in links
        client.close()
    supervisor = [target(link) for link in Path(f"/proc/{process.pid}/fd").iterdir()]
    assert "/etc/passwd" in supervisor  # it may be a lock, which is held as long as we run


@pytest.mark.parametrize("closing", ["<&-", ">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_standard_streams_that_are_closed_are_not_taken_for_ours(
    start: Start, directory: Path, closing: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port = chosen.getsockname()[1]
    words = ["sh", "-c", f'exec "$@" {closing}', "sh", *OURS, "sslserver", "-v", "-HR", "-l0"]
    program = ["sh", "-c", "ls -l /proc/self/fd"]
    process = start([*words, "127.0.0.1", str(port), *program], directory, CERTIFICATE)
    server = Server(process, port)
    wait_for("it listens", lambda: bool(shown_sockets("-ltn", f"src 127.0.0.1:{port}")))
    shown = ask(server).decode()
    kinds = [line.rpartition("-> ")[2].partition(":")[0] for line in shown.splitlines()[1:]]
    assert kinds[:2] == ["pipe", "pipe"]
    assert kinds[2] == ("/dev/null" if "2>" in closing else "pipe")
    assert len(kinds) == 4  # the last is that of ls


def test_standard_streams_are_left_alone(start: Start, directory: Path) -> None:
    """Nobody who waits for the end of our output waits for ours."""
    server = serve(start, directory, ["true"])
    for pid in (server.process.pid, *server.workers()):
        assert [target(Path(f"/proc/{pid}/fd/{number}")) for number in (0, 1)] == ["/dev/null"] * 2
