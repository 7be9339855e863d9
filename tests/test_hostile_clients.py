"""s_server against clients that mean it no good: a clean refusal, bounded memory, one thread, the next one as usual."""

from __future__ import annotations

import os
import random
import re
import resource
import shlex
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from support.fixtures import Run, Start, Workdir
from support.peers import accept_port, start_server
from support.programs import OURS, Running, wait_for
from tls.pairs import TLS12, TLS13, client_settings, only, server_settings
from tlsdeck.errors import NetworkError, PeerError
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.context import Context
from tlsdeck.tls.transport import descriptor, memory

RSA = "-cert rsa.pem -key rsa.key"
MEBIBYTE = 1024 * 1024
GET_ROOT = b"GET /root.pem HTTP/1.0\r\n\r\n"
PATIENCE = 5.0  # seconds within which somebody else is served, on a slow machine too
RECORD_HEADER = 5  # bytes


def client_hello(**fields: object) -> bytes:
    """A whole first flight, one record."""
    wire = memory()
    client = Connection(Context(client_settings(**fields)), wire, server_name="localhost")
    assert not client.handshake()
    return wire.take()


# --- in memory: all there are ------------------------------------------------------------------------------------


class Target:
    """A server in memory, its context used by one connection after the other."""

    def __init__(self, pki: Mapping[str, bytes]) -> None:
        self.context = Context(server_settings(pki))

    def take(self, data: bytes, *, end: bool = False) -> bool:
        """Whether the server waits for more; otherwise it has refused."""
        wire = memory()
        server = Connection(self.context, wire)
        wire.feed(data)
        try:
            done = server.handshake()
            assert not done
            if end:
                wire.feed_end()
                server.handshake()
        except (PeerError, NetworkError):
            return False
        finally:
            server.drain()
            server.close()
        return True


@pytest.fixture(scope="module")
def target(pki: Mapping[str, bytes]) -> Target:
    return Target(pki)


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_every_truncation_of_a_hello(version: int, target: Target) -> None:
    hello = client_hello(**only(version))
    assert target.take(hello)
    for length in range(len(hello)):
        assert target.take(hello[:length]), length
        assert not target.take(hello[:length], end=True), length


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_every_changed_byte_of_a_hello(version: int, target: Target) -> None:
    """What it comes to depends on the byte; it is a refusal, or goes on with what is a good hello too."""
    hello = client_hello(**only(version))
    outcomes = {
        target.take(hello[:place] + bytes([hello[place] ^ change]) + hello[place + 1 :])
        for place in range(len(hello))
        for change in (0x01, 0x80, 0xFF)
    }
    assert outcomes == {True, False}


def test_lengths_that_lie(target: Target) -> None:
    """Every two bytes of a hello as a length: none, one more, and all there can be."""
    hello = client_hello()
    for place in range(len(hello) - 1):
        value = int.from_bytes(hello[place : place + 2], "big")
        for lie in (0, (value + 1) & 0xFFFF, 0xFFFF):
            target.take(hello[:place] + lie.to_bytes(2, "big") + hello[place + 2 :])
    assert target.take(hello)


# --- over TCP ----------------------------------------------------------------------------------------------------


class Server:
    """An s_server with a place to look at how it is."""

    def __init__(self, start: Start, directory: Path, options: str) -> None:
        begun = start_server(start, OURS, f"{RSA} {options}", directory)
        self.process: Running = begun.process
        self.port = begun.port

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def memory(self) -> int:
        """Bytes in use."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024

    def ask(self, question: bytes = GET_ROOT) -> bytes:
        """What somebody with good intentions is answered."""
        with secure(self.connect()) as client:
            client.sendall(question)
            answer = b""
            while chunk := client.recv(65536):
                answer += chunk
            return answer

    def assert_well(self) -> None:
        """It serves the next one in time, and nothing is left of those before."""
        began = time.monotonic()
        assert self.ask().startswith(b"HTTP/1.0 200 ok\r\n")
        assert time.monotonic() - began < PATIENCE
        assert self.process.threads() == 1
        wait_for("only the listening socket is open", lambda: self.process.sockets() == 1)
        assert "Traceback" not in self.process.err
        assert "internal error" not in self.process.err


@contextmanager
def secure(connection: socket.socket) -> Iterator[ssl.SSLSocket]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with connection, context.wrap_socket(connection) as wrapped:
        yield wrapped


@pytest.fixture
def server(start: Start, workdir: Workdir) -> Callable[[str], Server]:
    return lambda options: Server(start, workdir("server"), options)


MakeServer = Callable[[str], Server]


def spoiled_hellos() -> Iterator[bytes]:
    """Some hundred of them, the same in each run."""
    chance = random.Random(7)
    hello = client_hello()
    for length in range(0, len(hello), 3):
        yield hello[:length]
    for _ in range(150):
        place = chance.randrange(len(hello))
        yield hello[:place] + chance.randbytes(1) + hello[place + 1 :]
    for size in (1, 5, 6, 100, 20_000):
        yield chance.randbytes(size)


def test_hundreds_of_spoiled_hellos(server: MakeServer) -> None:
    scene = server("-WWW -quiet")
    scene.ask()
    before = scene.memory()
    for data in spoiled_hellos():
        with scene.connect() as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                while connection.recv(65536):
                    pass
    scene.assert_well()
    assert scene.memory() - before < 20 * MEBIBYTE


def test_hello_in_records_of_one_byte(server: MakeServer) -> None:
    scene = server("-WWW")
    hello = client_hello()
    tiny = b"".join(hello[:3] + b"\0\1" + hello[at : at + 1] for at in range(RECORD_HEADER, len(hello)))
    with scene.connect() as connection:
        for at in range(0, len(tiny), 6):
            connection.sendall(tiny[at : at + 6])
        assert connection.recv(1) == b"\x16"  # its own hello
    scene.assert_well()


def test_slow_hello_ends_at_the_limit(server: MakeServer) -> None:
    """A byte now and then is no progress."""
    scene = server("-WWW -handshake_timeout 1")
    hello = client_hello()
    began = time.monotonic()
    with scene.connect() as connection:
        connection.settimeout(0.05)
        with suppress(ConnectionError):
            for at in range(len(hello)):
                connection.sendall(hello[at : at + 1])
                with suppress(TimeoutError):
                    if not connection.recv(100):
                        break
    assert 0.9 < time.monotonic() - began < 4
    scene.assert_well()
    assert "handshake not complete after 1 seconds (-handshake_timeout)\n" in scene.process.err


@pytest.mark.parametrize("mode", ["-www", "-WWW", "-HTTP", "-rev"])
def test_slow_request_ends_at_the_limit(mode: str, server: MakeServer) -> None:
    scene = server(f"{mode} -idle_timeout 1")
    began = time.monotonic()
    with secure(scene.connect()) as client:
        client.settimeout(0.05)
        with suppress(ConnectionError, ssl.SSLError):
            for _ in range(100):
                client.sendall(b"x")
                with suppress(TimeoutError):
                    if not client.recv(100):
                        break
    assert 0.9 < time.monotonic() - began < 4
    wait_for("the line about it", lambda: "no data for 1 seconds (-idle_timeout)\n" in scene.process.err)
    wait_for("only the listening socket is open", lambda: scene.process.sockets() == 1)


def test_client_that_never_reads(server: MakeServer, tmp_path: Path) -> None:
    scene = server("-WWW -idle_timeout 1")
    (tmp_path / "server" / "large.bin").write_bytes(bytes(50 * MEBIBYTE))
    scene.ask()
    before = scene.memory()
    with secure(scene.connect()) as stalled:
        stalled.sendall(b"GET /large.bin HTTP/1.0\r\n\r\n")
        wait_for("the line about it", lambda: "no data for 1 seconds" in scene.process.err)
    assert scene.memory() - before < 10 * MEBIBYTE
    scene.assert_well()


def test_thousands_that_say_nothing(server: MakeServer, run: Run) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(10_000, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        scene = server("-WWW")
        scene.ask()
        before = scene.memory()
        with ExitStack() as silent:
            for _ in range(count):
                silent.enter_context(scene.connect())
            wait_for("all are accepted", lambda: scene.process.sockets() == count + 1, limit=60)
            assert scene.process.threads() == 1
            assert (scene.memory() - before) / count < 24 * 1024
            url = f"https://127.0.0.1:{scene.port}/root.pem"
            began = time.monotonic()
            assert "BEGIN CERTIFICATE" in run(["curl", "-sSk", url]).out
            assert time.monotonic() - began < PATIENCE
        scene.assert_well()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_than_max_clients_wait(server: MakeServer) -> None:
    scene = server("-WWW -max_clients 3")
    with ExitStack() as stack:
        silent = [stack.enter_context(closing(scene.connect())) for _ in range(10)]
        wait_for("three are served", lambda: scene.process.sockets() == 4)
        time.sleep(0.2)
        assert scene.process.sockets() == 4
        for each in silent:
            each.close()
        scene.assert_well()


# --- floods ------------------------------------------------------------------------------------------------------


class Flooder:
    """A client of our own that is not polite."""

    def __init__(self, scene: Server, version: int) -> None:
        self.socket = scene.connect()
        self.socket.setblocking(False)
        self.connection = Connection(
            Context(client_settings(**only(version))), descriptor(self.socket.fileno())
        )
        self.until(self.connection.handshake)

    def until(self, operation: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not operation():
            assert time.monotonic() < end
            time.sleep(0.0005)

    def close(self) -> None:
        self.connection.close()
        self.socket.close()


def test_renegotiation_is_refused(server: MakeServer) -> None:
    scene = server("-WWW -tls1_2")
    with closing(Flooder(scene, TLS12)) as client:
        client.connection.renegotiate()
        with pytest.raises(PeerError, match="no renegotiation"):
            client.until(client.connection.handshake)
    scene.assert_well()


def test_flood_of_renegotiations(server: MakeServer) -> None:
    """Others are served between two handshakes; the flooder's own limit goes on."""
    scene = server("-WWW -client_renegotiation -idle_timeout 2")
    scene.ask()
    before = scene.memory()
    count = 0
    with closing(Flooder(scene, TLS12)) as client, suppress(PeerError, NetworkError):
        while count < 100_000:
            client.connection.renegotiate()
            client.until(client.connection.handshake)
            count += 1
            if count % 100 == 0:
                scene.ask()
    assert 50 < count < 100_000
    assert scene.memory() - before < 10 * MEBIBYTE
    scene.assert_well()
    assert "no data for 2 seconds (-idle_timeout)" in scene.process.err


def test_flood_of_key_updates(server: MakeServer) -> None:
    """Each wants one back, and none is read."""
    scene = server("-WWW -idle_timeout 2")
    scene.ask()
    before = scene.memory()
    count = 0
    with closing(Flooder(scene, TLS13)) as client, suppress(PeerError, NetworkError):
        end = time.monotonic() + 3
        while time.monotonic() < end:
            client.connection.update_key(of_peer=True)
            if client.connection.handshake():
                count += 1
            if count % 1000 == 0:
                assert scene.ask()
    assert count > 100
    assert scene.memory() - before < 10 * MEBIBYTE
    scene.assert_well()


# --- files and descriptors ---------------------------------------------------------------------------------------

NAMES = (
    b"/%00", b"/a%00.pem", b"/../rsa.key", b"/./../rsa.key", b"//etc/passwd", b"///etc/passwd", b"/\\..\\x",
    b"/out", b"/out/passwd", b"/fifo", b"/null", b"/here.sock", b"/dir", b"/dir/", b"/root.pem/", b"/root.pem/.",
)  # fmt: skip


@pytest.mark.parametrize("mode", ["-WWW", "-HTTP"])
def test_names_that_are_no_files_of_ours(mode: str, server: MakeServer, tmp_path: Path) -> None:
    scene = server(mode)
    root = tmp_path / "server"
    (root / "dir").mkdir()
    os.mkfifo(root / "fifo")
    (root / "null").symlink_to("/dev/null")
    (root / "out").symlink_to("/etc")
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(root / "here.sock"))
        for name in NAMES:
            answer = scene.ask(b"GET " + name + b" HTTP/1.0\r\n\r\n")
            assert answer.startswith(b"HTTP/1.0 200 ok\r\nContent-type: text/plain\r\n\r\n"), name
            assert len(answer) < 1000, name
            assert b"root:" not in answer, name
            assert b"PRIVATE KEY" not in answer, name
    assert b"BEGIN CERTIFICATE" in scene.ask()
    assert scene.process.threads() == 1


def test_running_out_of_descriptors(start: Start, workdir: Workdir) -> None:
    """As many as it has room for are served; it says once that there are more, and goes on when there is room."""
    line = f"ulimit -n 40; exec {shlex.join(OURS)} s_server -accept 127.0.0.1:0 -WWW {RSA}"
    process = start(["sh", "-c", line], workdir("server"))
    process.until("ACCEPT 127.0.0.1:")
    wait_for("the whole line", lambda: "\n" in process.out.partition("ACCEPT ")[2])
    port = accept_port(process.out)

    def connect() -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=20)

    for shortage in (1, 2):
        with ExitStack() as stack:
            for _ in range(60):
                stack.enter_context(connect())
            process.until("cannot accept more clients for now", shortage)
            time.sleep(0.5)
            assert process.err.count("cannot accept more clients for now: Too many open files\n") == shortage
        with secure(connect()) as client:
            client.sendall(GET_ROOT)
            assert client.recv(15) == b"HTTP/1.0 200 ok"
        wait_for("only the listening socket is open", lambda: process.sockets() == 1)
    assert process.popen.poll() is None
