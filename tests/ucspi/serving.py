"""A running sslserver, and clients for it. Everything is bounded in time."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.fixtures import Start
from support.programs import OURS, TIME_LIMIT, Running, need, wait_for

CERTIFICATE = {"CERTFILE": "rsa.pem", "KEYFILE": "rsa.key"}
CLIENT_CAS = {"CAFILE": "root.pem", "CCAFILE": "root.pem"}
# Nobody is asked for names, and the log tells everything.
QUICK = ("-V", "-HR", "-l", "0")


@dataclass(frozen=True)
class Server:
    process: Running
    port: int

    def log(self) -> list[str]:
        """The lines so far, without the program's name."""
        return [line.removeprefix("sslserver: ") for line in self.process.err.splitlines()]

    def wait_for_log(self, text: str, count: int = 1) -> None:
        try:
            wait_for(f"{text!r} in the log", lambda: self.process.err.count(text) >= count)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.process.story()}") from None

    def connect(
        self,
        context: ssl.SSLContext | None = None,
        *,
        name: str = "localhost",
        source: str = "",
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        return (context or client_context()).wrap_socket(
            self.dial(source), server_hostname=name, suppress_ragged_eofs=False, session=session
        )

    def dial(self, source: str = "") -> socket.socket:
        """A connection from the address `source`, if one is given."""
        return socket.create_connection(("127.0.0.1", self.port), TIME_LIMIT, (source, 0) if source else None)

    def children(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(word) for word in path.read_text().split()]

    def workers(self) -> list[int]:
        return [pid for pid in self.children() if b"sslserver" in command_line(pid)]


def command_line(pid: int) -> bytes:
    """Nothing of a process that has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def serve(
    start: Start,
    directory: Path,
    program: Sequence[str],
    options: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
) -> Server:
    """Starts a server with the program; ready when this returns."""
    words = [*OURS, "sslserver", "-1", *QUICK, *options, host, "0", *program]
    return ready(start(words, directory, {**CERTIFICATE, **(env or {})}))


def ready(process: Running) -> Server:
    """The server of a process with -1 and -v, once it serves."""
    assert process.until("status 0/"), process.story()
    wait_for("the port", lambda: "\n" in process.out)
    return Server(process, int(process.out))


def client_context(certificate: Path | None = None) -> ssl.SSLContext:
    """A client that trusts everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    if certificate is not None:
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return context


def read_all(connection: ssl.SSLSocket) -> bytes:
    """Everything up to close_notify; its absence is an error."""
    pieces = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def ask(
    server: Server,
    data: bytes = b"",
    context: ssl.SSLContext | None = None,
    name: str = "localhost",
    source: str = "",
) -> bytes:
    """One connection: sends the data and what the server answers until it ends."""
    with server.connect(context, name=name, source=source) as connection:
        connection.sendall(data)
        return read_all(connection)


def end_of_input(connection: ssl.SSLSocket) -> None:
    """FIN without close_notify; the other direction stays open."""
    socket.socket.shutdown(connection, socket.SHUT_WR)


def variables(text: bytes) -> dict[str, str]:
    """The output of `env -0`."""
    return dict(item.decode(errors="surrogateescape").split("=", 1) for item in text.split(b"\0") if item)


def shown_sockets(*words: str) -> list[str]:
    """What ss(8) shows, without its heading."""
    need("ss")
    shown = subprocess.run(
        ["ss", *words, "-H"], capture_output=True, text=True, check=True, timeout=TIME_LIMIT
    )
    return shown.stdout.splitlines()


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - it may vanish


def no_more_open(pids: Sequence[int], before: Sequence[int]) -> bool:
    """Whether none of the processes has more descriptors than it had."""
    return all(descriptors(pid) <= count for pid, count in zip(pids, before, strict=True))
