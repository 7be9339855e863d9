"""Whom a server asks about its clients, and whom it is told: name servers, ident servers, rules.

Name servers and ident servers have ports that only root may listen on. All of 127/8 is this machine's, so each gets an
address of its own, and tests that run side by side do not meet.
"""

from __future__ import annotations

import itertools
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from support.fixtures import Run
from support.nameserver import Behaviour, NameServer, answer
from support.programs import OURS

DNS_PORT, IDENT_PORT = 53, 113

_numbers = itertools.count(1)


def place() -> str:
    """A loopback address that no other test uses, in this process or another one."""
    process = os.getpid()
    return f"127.{128 + (process >> 8) % 100}.{process & 255}.{next(_numbers)}"


def reverse(ip: str) -> str:
    """The name under which an IPv4 address has its PTR record."""
    return ".".join(reversed(ip.split("."))) + ".in-addr.arpa."


@contextmanager
def name_server(udp: Behaviour, tcp: Behaviour | None = None) -> Iterator[NameServer]:
    """Runs a name server; `address[0]` is what DNSCACHEIP wants."""
    server = NameServer(udp, tcp, (place(), DNS_PORT))
    try:
        yield server
    finally:
        server.close()


def silent(_query: bytes) -> list[bytes]:
    return []


def nonsense(query: bytes) -> list[bytes]:
    return [b"", b"nonsense", query, query[:2] + b"\x81\x80" + b"\xff" * 20]


def failing(query: bytes) -> list[bytes]:
    return [answer(query, rcode=2).to_wire()]


class IdentServer:
    """Says the same about every connection, or nothing at all, until `close`. `questions` are what it was asked."""

    def __init__(self, ip: str, saying: bytes | None) -> None:
        self.ip = ip
        self._listener = socket.create_server((ip, IDENT_PORT))
        self._saying = saying
        self._silent: list[socket.socket] = []
        self.questions: list[bytes] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            question = connection.recv(100)
            if not question:
                connection.close()
                return
            self.questions.append(question)
            if self._saying is None:
                self._silent.append(connection)
                continue
            with connection, suppress(ConnectionError):
                connection.sendall(self._saying)

    def close(self) -> None:
        """A connection without a question ends it."""
        socket.create_connection(self._listener.getsockname()).close()
        self._thread.join()
        for each in (self._listener, *self._silent):
            each.close()


@contextmanager
def ident_server(ip: str, saying: bytes | None) -> Iterator[IdentServer]:
    server = IdentServer(ip, saying)
    try:
        yield server
    finally:
        server.close()


def rules(run: Run, directory: Path, text: str, name: str = "rules.cdb") -> None:
    """Compiles rules into a file."""
    result = run([*OURS, "tcprules", name, "rules.tmp"], text.encode(), cwd=directory)
    assert result.code == 0, result.err
