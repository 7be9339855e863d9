"""Sessions: any worker resumes what another began, and for how long."""

from __future__ import annotations

import os
import signal
import ssl
import time
from pathlib import Path

import pytest

from support.fixtures import Run, Start, Workdir
from support.programs import OURS, wait_for
from ucspi.serving import Server, client_context, read_all, serve, variables

TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
LIFETIME = 5  # seconds; a key that seals for as long opens for as long again


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    return workdir("server")


def limited(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = client_context()
    context.minimum_version = context.maximum_version = version
    return context


def begun(server: Server, context: ssl.SSLContext) -> ssl.SSLSession:
    with server.connect(context) as connection:
        read_all(connection)
        assert connection.session is not None
        return connection.session


def resumed(server: Server, context: ssl.SSLContext, session: ssl.SSLSession) -> bool:
    with server.connect(context, session=session) as connection:
        read_all(connection)
        return bool(connection.session_reused)


@VERSIONS
def test_every_worker_resumes(start: Start, directory: Path, version: ssl.TLSVersion) -> None:
    """Connections that stay go to one worker after the other."""
    server = serve(start, directory, ["sh", "-c", "echo up; exec cat"])
    context = limited(version)
    with server.connect(context) as first:
        assert first.recv(10) == b"up\n"
        session = first.session
        held = [server.connect(context, session=session) for _ in server.workers()]
        for each in held:
            assert each.recv(10) == b"up\n"
            assert each.session_reused
        loads = [connections(pid) for pid in server.workers()]
        assert min(loads) > 0
        for each in held:
            each.close()


def connections(pid: int) -> int:
    """How many pipes to programs a worker has: two for each connection."""
    links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    return sum(1 for link in links if link.startswith("pipe:")) // 2


@VERSIONS
def test_a_worker_that_takes_the_place_of_a_dead_one_resumes(
    start: Start, directory: Path, version: ssl.TLSVersion
) -> None:
    server = serve(start, directory, ["echo", "up"])
    context = limited(version)
    session = begun(server, context)
    dead = server.workers()
    for pid in dead:
        os.kill(pid, signal.SIGKILL)
    wait_for("others take their place", lambda: len(set(server.workers()) - set(dead)) == len(dead))
    assert resumed(server, context, session)


@VERSIONS
def test_a_session_does_not_outlive_the_certificates_it_was_made_under(
    start: Start, directory: Path, version: ssl.TLSVersion
) -> None:
    server = serve(start, directory, ["echo", "up"])
    context = limited(version)
    session = begun(server, context)
    assert resumed(server, context, session)
    os.kill(server.process.pid, signal.SIGHUP)
    server.wait_for_log("info: certificates read again")
    assert not resumed(server, context, session)


@VERSIONS
def test_keys_change_and_the_one_before_opens_for_as_long(
    start: Start, run: Run, directory: Path, version: ssl.TLSVersion
) -> None:
    server = serve(start, directory, ["echo", "up"], env={"TICKET_LIFETIME": str(LIFETIME)})
    context = limited(version)
    first = next_key(server, run, directory, version, after=b"")
    # Now there is almost a whole period until the next.
    session = begun(server, context)
    second = next_key(server, run, directory, version, after=first)
    assert resumed(server, context, session)
    third = next_key(server, run, directory, version, after=second)
    assert not resumed(server, context, session)
    assert len({first, second, third}) == 3


def next_key(server: Server, run: Run, directory: Path, version: ssl.TLSVersion, after: bytes) -> bytes:
    """Waits for tickets under another key; its name, the first 16 bytes of a ticket (RFC 5077 section 4)."""
    end = time.monotonic() + 4 * LIFETIME
    while (name := key_name(server, run, directory, version)) == after:
        assert time.monotonic() < end, server.process.story()
        time.sleep(0.2)
    return name


def key_name(server: Server, run: Run, directory: Path, version: ssl.TLSVersion) -> bytes:
    flag = {TLS_1_2: "-tls1_2", TLS_1_3: "-tls1_3"}[version]
    where = f"127.0.0.1:{server.port}"
    run([*OURS, "s_client", "-connect", where, flag, "-quiet", "-sess_out", "out.pem"], cwd=directory)
    text = run(["openssl", "sess_id", "-in", "out.pem", "-noout", "-text"], cwd=directory).out
    line = text.partition("TLS session ticket:\n")[2].partition("\n")[0]
    return bytes.fromhex(line.partition(" - ")[2].partition("  ")[0].replace("-", " "))


@pytest.mark.parametrize("env, seconds", [({}, 7200), ({"TICKET_LIFETIME": "100"}, 200)])
def test_clients_are_told_how_long_a_ticket_is_good(
    start: Start, directory: Path, env: dict[str, str], seconds: int
) -> None:
    session = begun(serve(start, directory, ["echo", "up"], env=env), limited(TLS_1_3))
    assert session.ticket_lifetime_hint == seconds


@VERSIONS
def test_the_variables_of_a_resumed_session(start: Start, directory: Path, version: ssl.TLSVersion) -> None:
    """Those of the first. With TLS 1.2 and a ticket only the client makes up an id, and not at first."""
    server = serve(start, directory, ["env", "-0"], ["-s"])
    context = limited(version)
    with server.connect(context) as connection:
        first = variables(read_all(connection))
        session = connection.session
    with server.connect(context, session=session) as connection:
        second = variables(read_all(connection))
        assert connection.session_reused
    assert (first["SSL_SESSION_ID"] == "") is (version == TLS_1_2)
    about_tls = {name for name in first | second if name.startswith("SSL_")} - {"SSL_SESSION_ID"}
    assert {name: second.get(name) for name in about_tls} == {name: first.get(name) for name in about_tls}
