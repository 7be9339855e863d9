"""The other side of a connection: TLS servers with a port of their own, and peers that misbehave on purpose."""

from __future__ import annotations

import shlex
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from support.fixtures import Start
from support.programs import TIME_LIMIT, Running, wait_for

Behaviour = Callable[[socket.socket], None]


@dataclass(frozen=True)
class Server:
    process: Running
    port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


def start_server(
    start: Start,
    program: Sequence[str],
    options: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    typed: bytes = b"",
) -> Server:
    """Start an s_server on a free port of 127.0.0.1 and wait until it listens."""
    words = shlex.split(options)
    if "-quiet" in words or "-brief" in words:  # no ACCEPT line then
        port = free_port()
        process = start([*program, "s_server", "-accept", f"127.0.0.1:{port}", *words], cwd, env)
        wait_for(f"listens on {port}", lambda: is_listening(port) or process.popen.poll() is not None)
        return Server(process, port)
    process = start([*program, "s_server", "-accept", "127.0.0.1:0", *words], cwd, env)
    process.send(typed)
    if not process.until("ACCEPT 127.0.0.1:"):
        raise AssertionError(f"the server did not start\n{process.story()}")
    wait_for("the whole ACCEPT line", lambda: "\n" in process.out.partition("ACCEPT ")[2])
    return Server(process, accept_port(process.out))


def accept_port(output: str) -> int:
    """The port in the line `ACCEPT <address>:<port>`."""
    line = next(line for line in output.splitlines() if line.startswith("ACCEPT "))
    return int(line.rpartition(":")[2])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Whether some socket of this machine listens there; asks the system, makes no connection."""
    for kind, state in (
        ("tcp", "0A"),
        ("udp", "07"),
    ):  # TCP_LISTEN; TCP_CLOSE, which is a socket not connected
        for table in (f"/proc/net/{kind}", f"/proc/net/{kind}6"):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == state:
                    return True
    return False


# --- peers that misbehave ----------------------------------------------------------------------------------------


@contextmanager
def peer(behave: Behaviour) -> Iterator[int]:
    """A server for one connection that does what it is told to; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIME_LIMIT)
        thread = threading.Thread(target=serve_one, args=(listener, behave), daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
    thread.join(TIME_LIMIT)
    assert not thread.is_alive()


def serve_one(listener: socket.socket, behave: Behaviour) -> None:
    try:
        connection, _ = listener.accept()
    except OSError:  # the test is over before anybody came
        return
    with connection:
        connection.settimeout(TIME_LIMIT)
        with suppress(OSError):
            behave(connection)


def reset(connection: socket.socket) -> None:
    """Close with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def drain(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def speaks_plain_text(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example.com here, no TLS\r\n")
    drain(connection)


def closes_at_once(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.shutdown(socket.SHUT_WR)
    drain(connection)


def resets_at_hello(connection: socket.socket) -> None:
    connection.recv(65536)
    reset(connection)


def answers_with(data: bytes) -> Behaviour:
    """Read the ClientHello, send these bytes, say no more."""

    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        drain(connection)

    return behave


HANDSHAKE_FAILURE = bytes.fromhex("15 03 03 00 02 02 28")
HALF_A_SERVER_HELLO = bytes.fromhex("16 03 03 00 7a 02 00 00 76 03 03") + bytes(30)
GARBAGE_RECORD = bytes.fromhex("16 03 03 00 04 ff 00 00 00")


def after_handshake(directory: Path, then: Behaviour, *, version: ssl.TLSVersion) -> Behaviour:
    """Complete a handshake as a server with rsa.pem, read some data, then do something."""

    def behave(connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "rsa.pem", directory / "rsa.key")
        context.minimum_version = context.maximum_version = version
        context.num_tickets = 0  # a reset would make it chance which of them still arrive
        with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=True) as secure:
            secure.recv(1024)
            then(secure)

    return behave


def closes_without_notice(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)
