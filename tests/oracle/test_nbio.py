"""-nbio_test: input and output that stop short at random. How often is chance, what comes through is not."""

from __future__ import annotations

import re

import pytest

from support.fixtures import Run, Start, Workdir
from support.peers import start_server
from support.programs import OPENSSL, OURS, Running, wait_for

RSA = "-cert rsa.pem -key rsa.key"
TEXT = b"0123456789abcdef" * 500 + b"\n"


def test_client_gets_everything_through(start: Start, workdir: Workdir) -> None:
    cwd = workdir("client")
    server = start_server(start, OPENSSL, f"-rev -naccept 1 {RSA}", cwd)
    client = start([*OURS, "s_client", "-nbio_test", "-connect", server.address], cwd)
    client.send(TEXT)
    wait_for("the answer", lambda: TEXT.decode().strip()[::-1] in received(client))
    client.eof()
    finished = client.finish()
    assert finished.code == 0
    assert "write R BLOCK\n" in finished.out
    assert "Turned on non blocking io" not in finished.out
    assert server.process.finish().err.endswith("CONNECTION CLOSED\n")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_server_gets_everything_through(version: str, start: Start, workdir: Workdir) -> None:
    cwd = workdir("server")
    server = start_server(start, OURS, f"-nbio_test -naccept 1 {RSA}", cwd)
    client = start([*OPENSSL, "s_client", version, "-connect", server.address], cwd)
    client.send(TEXT)
    wait_for("the text", lambda: TEXT.decode() in received(server.process))
    server.process.send(TEXT)
    assert client.until("cdef\n")
    client.eof()
    # Its own close_notify is what a filter like this loses most easily.
    assert client.finish().code == 0
    finished = server.process.finish()
    assert finished.err == "Turned on non blocking io\n"
    assert "DELAY\n" in finished.out


def received(program: Running) -> str:
    return re.sub(r"[Rr]ead (?:R )?BLOCK\n", "", program.out)


@pytest.mark.parametrize("stateless", ["", "-stateless"])
def test_ours_with_itself(stateless: str, start: Start, workdir: Workdir) -> None:
    cwd = workdir("ours")
    server = start_server(start, OURS, f"-nbio_test -naccept 1 {RSA} {stateless}", cwd)
    client = start([*OURS, "s_client", "-nbio_test", "-debug", "-connect", server.address], cwd)
    client.send(b"ahoy\n")
    assert server.process.until("ahoy")
    client.eof()
    assert client.finish().code == 0
    assert "DONE\n" in server.process.finish().out


def test_web_server_gets_everything_through(start: Start, run: Run, workdir: Workdir) -> None:
    cwd = workdir("ours")
    (cwd / "page.txt").write_bytes(TEXT)
    server = start_server(start, OURS, f"-nbio_test -WWW -naccept 2 {RSA}", cwd)
    for _ in range(2):
        got = run(["curl", "-sS", "--cacert", "root.pem", f"https://{server.address}/page.txt"], cwd=cwd)
        assert got.out == TEXT.decode()
