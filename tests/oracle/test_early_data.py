"""Early data beside the original, and what a recorded first flight is good for.

A ticket is good for its server only, so each scene has one server for two connections: the first one fetches the
ticket, the second one is what the case is about.
"""

from __future__ import annotations

import shlex
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support.fixtures import Start, Workdir
from support.oracle import (
    FAILS,
    Case,
    OnServer,
    Scene,
    Talk,
    assert_about,
    assert_same,
    converse,
    each,
    scene,
)
from support.peers import Server, start_server
from support.programs import OPENSSL, OURS, TIME_LIMIT, Eof, Running, Until

RSA = "-cert rsa.pem -key rsa.key"
EARLY = f"{RSA} -early_data"
MUCH = f"{EARLY} -max_early_data 100000 -recv_max_early_data 5000"
RESUME = "-sess_in session.pem -early_data"


def ahoy(tickets: int) -> Talk:
    """The client says something and waits for its tickets: a resumed handshake brings one, a full one two."""
    shown = Until("Post-Handshake New Session Ticket arrived:", tickets)
    return (b"ahoy\n", OnServer(Until("ahoy")), shown, Eof())


def fetch_ticket(start: Start, server: Server, cwd: Path) -> Running:
    words = ["s_client", "-connect", server.address, "-sess_out", "session.pem"]
    client = start([*OPENSSL, *words], cwd)
    client.talk([Until("Post-Handshake New Session Ticket arrived:", 2), Eof()])
    client.finish()
    return client


def prepare(directory: Path) -> Path:
    (directory / "early.txt").write_bytes(b"first words\n")
    (directory / "large.txt").write_bytes(b"x" * 20_000)
    (directory / "larger.txt").write_bytes(b"x" * 200_000)
    return directory


# --- the client ------------------------------------------------------------------------------------------------

CLIENT = (
    Case("accepted", f"{RESUME} early.txt", "Early data was accepted", peer=EARLY, talk=ahoy(1)),
    Case("empty", f"{RESUME} empty.pem", "Early data was accepted", peer=EARLY, talk=ahoy(1)),
    Case("in_several_records", f"{RESUME} large.txt", "was accepted", peer=f"{EARLY} -max_early_data 30000 "
         "-recv_max_early_data 30000", talk=ahoy(1)),
    Case("brief", f"{RESUME} early.txt -brief", "CONNECTION ESTABLISHED", peer=EARLY,
         talk=(b"ahoy\n", OnServer(Until("ahoy")), Eof())),
    Case("server_refuses", f"{RESUME} large.txt", "alert unexpected message", 1, peer=MUCH, talk=FAILS),
    Case("longer_than_the_session_allows", f"{RESUME} larger.txt", "Error writing early data", 1, peer=MUCH,
         talk=FAILS),
    Case("server_takes_none", f"{RESUME} early.txt", "Early data was rejected", peer=f"{RSA} -max_early_data 100",
         talk=ahoy(1)),
    Case("session_without_it", f"{RESUME} early.txt", "Early data was not sent", peer=RSA, talk=ahoy(1)),
    Case("no_session", "-early_data early.txt", "Early data was not sent", peer=EARLY, talk=ahoy(2)),
)  # fmt: skip


@each(CLIENT)
def test_client_sends_early_data_as_the_original(case: Case, start: Start, workdir: Workdir) -> None:
    def play(program: Sequence[str]) -> Scene:
        cwd = prepare(workdir(program[-1]))
        server = start_server(start, OPENSSL, f"-naccept 2 {case.peer}", cwd)
        fetch_ticket(start, server, cwd)
        words = ["s_client", "-connect", server.address, *shlex.split(case.options)]
        client = start([*program, *words], cwd)
        converse(client, server.process, case.talk)
        tested = client.finish()
        return scene(case, cwd, tested, server.process.finish())

    original = play(OPENSSL)
    assert_about(case, original)
    assert_same(play(OURS), original)


def test_client_sends_early_data_with_a_session_as_pre_shared_key(start: Start, workdir: Workdir) -> None:
    def play(program: Sequence[str]) -> Scene:
        cwd = prepare(workdir(program[-1]))
        first = start_server(start, OPENSSL, f"-naccept 1 {EARLY}", cwd)
        fetch_ticket(start, first, cwd)
        first.process.finish()
        secret = "-tls1_3 -psk_session session.pem"
        server = start_server(start, OPENSSL, f"-naccept 1 -nocert -early_data {secret}", cwd)
        words = ["s_client", "-connect", server.address, *secret.split(), "-early_data", "early.txt"]
        client = start([*program, *words], cwd)
        converse(client, server.process, ahoy(1))
        return scene(Case("psk", "", ""), cwd, client.finish(), server.process.finish())

    original = play(OPENSSL)
    assert "Early data was accepted" in original.tested.out
    assert_same(play(OURS), original)


def test_client_says_why_the_file_cannot_be_sent(start: Start, workdir: Workdir) -> None:
    """The original does not say why, and takes a directory for an empty file."""
    cwd = workdir("ours")
    server = start_server(start, OPENSSL, EARLY, cwd)
    fetch_ticket(start, server, cwd)
    for name, reason in (("missing", "No such file or directory"), (".", "Is a directory")):
        words = ["s_client", "-connect", server.address, "-brief", *RESUME.split(), name]
        client = start([*OURS, *words], cwd).finish()
        assert (client.code, client.out) == (1, "")
        assert client.err == f"Cannot open early data file\n{name}: {reason}\n"


def test_strict_client_sends_no_early_data_to_a_server_it_does_not_trust(
    start: Start, workdir: Workdir
) -> None:
    cwd = prepare(workdir("ours"))
    server = start_server(start, OPENSSL, EARLY, cwd)
    fetch_ticket(start, server, cwd)  # which nobody checked
    words = ["s_client", "-connect", server.address, "-strict", *RESUME.split(), "early.txt"]
    client = start([*OURS, *words], cwd).finish()
    assert client.code == 20
    assert "Error reading early data" in server.process.err or server.process.until(
        "Error reading early data"
    )
    assert "first words" not in server.process.out


# --- the server ------------------------------------------------------------------------------------------------

SERVER = (
    Case("accepted", EARLY, "Early data received:", peer=f"{RESUME} early.txt", talk=ahoy(1)),
    Case("quiet", f"{EARLY} -quiet", "first words", peer=f"{RESUME} early.txt", talk=ahoy(1)),
    Case("not_sent", EARLY, "No early data received", peer="-sess_in session.pem", talk=ahoy(1)),
    Case("full_handshake", EARLY, "No early data received", peer="", talk=ahoy(2)),
    Case("tls1_2", EARLY, "No early data received", peer="-tls1_2", talk=(b"ahoy\n", OnServer(Until("ahoy")), Eof())),
    Case("too_much", MUCH, "too much early data", peer=f"{RESUME} large.txt", talk=FAILS),
    Case("in_several_records", f"{EARLY} -max_early_data 30000 -recv_max_early_data 30000", "End of early data",
         peer=f"{RESUME} large.txt", talk=ahoy(1)),
    Case("promised_but_not_read", f"{RSA} -max_early_data 100", "Reused", peer=f"{RESUME} early.txt", talk=ahoy(1)),
    Case("with_states", f"{EARLY} -state", "TLSv1.3 early data", peer=f"{RESUME} early.txt", talk=ahoy(1)),
    Case("client_certificate", f"{EARLY} -verify 1", "depth=0", peer="-cert client.pem -key client.key",
         talk=ahoy(2)),
)  # fmt: skip


@each(SERVER)
def test_server_takes_early_data_as_the_original(case: Case, start: Start, workdir: Workdir) -> None:
    def play(program: Sequence[str]) -> Scene:
        cwd = prepare(workdir(program[-1]))
        server = start_server(start, program, f"-naccept 2 {case.options}", cwd)
        fetch_ticket(start, server, cwd)
        client = start([*OPENSSL, "s_client", "-connect", server.address, *shlex.split(case.peer)], cwd)
        converse(client, server.process, case.talk)
        partner = client.finish()
        return scene(case, cwd, server.process.finish(), partner)

    original = play(OPENSSL)
    assert_about(case, original)
    assert_same(play(OURS), original)


ALONE = (
    Case("max_negative", "-max_early_data -1", "Invalid value for max_early_data", 1),
    Case("recv_max_negative", "-recv_max_early_data -1", "Invalid value for recv_max_early_data", 1),
    Case("www", f"{EARLY} -www", "Can't use -early_data in combination with", 1),
)


@each(ALONE)
def test_server_refuses_settings_as_the_original(case: Case, start: Start, workdir: Workdir) -> None:
    def play(program: Sequence[str]) -> Scene:
        cwd = workdir(program[-1])
        return scene(case, cwd, start([*program, "s_server", *case.options.split()], cwd).finish(), None)

    original = play(OPENSSL)
    assert_about(case, original)
    assert_same(play(OURS), original)


def test_server_does_not_call_empty_early_data_rejected(start: Start, workdir: Workdir) -> None:
    """The original does, although it accepted it."""
    cwd = workdir("ours")
    server = start_server(start, OURS, f"-naccept 2 {EARLY}", cwd)
    fetch_ticket(start, server, cwd)
    client = start([*OPENSSL, "s_client", "-connect", server.address, *RESUME.split(), "empty.pem"], cwd)
    converse(client, server.process, ahoy(1))
    assert "Early data was accepted" in client.finish().out
    assert server.process.finish().out.count("No early data received\n") == 2


# --- replay ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options, times", [("", 1), ("-anti_replay", 1), ("-no_anti_replay", 2)])
def test_replayed_first_flight_is_refused_unless_allowed(
    options: str, times: int, start: Start, workdir: Workdir
) -> None:
    """RFC 8446 section 8: whoever records the first flight can send it again, and must not be believed twice."""
    cwd = prepare(workdir("ours"))
    server = start_server(start, OURS, f"-naccept 3 {EARLY} {options}", cwd)
    fetch_ticket(start, server, cwd)
    with recorder(server.port) as (port, flight):
        words = ["s_client", "-connect", f"127.0.0.1:{port}", *RESUME.split(), "early.txt"]
        client = start([*OPENSSL, *words], cwd)
        converse(client, server.process, ahoy(1))
        client.finish()
    with socket.create_connection(("127.0.0.1", server.port), TIME_LIMIT) as attacker:
        attacker.sendall(flight)
        assert attacker.recv(5)[0] == 22  # a ServerHello
        attacker.shutdown(socket.SHUT_WR)
        finished = server.process.finish()
    assert finished.out.count("first words\n") == times
    assert finished.out.count("Early data received:\n") == times


@contextmanager
def recorder(target: int) -> Iterator[tuple[int, bytearray]]:
    """A relay for one connection: its port, and what the client says before the server has answered."""
    flight = bytearray()
    answered = threading.Event()

    def forward(source: socket.socket, sink: socket.socket, *, of_client: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if of_client and not answered.is_set():
                    flight.extend(data)
                if not of_client:
                    answered.set()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def relay(listener: socket.socket) -> None:
        with (
            listener.accept()[0] as client,
            socket.create_connection(("127.0.0.1", target), TIME_LIMIT) as server,
        ):
            back = threading.Thread(target=forward, args=(server, client), kwargs={"of_client": False})
            back.start()
            forward(client, server, of_client=True)
            back.join(TIME_LIMIT)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIME_LIMIT)
        thread = threading.Thread(target=relay, args=(listener,), daemon=True)
        thread.start()
        yield int(listener.getsockname()[1]), flight
        thread.join(TIME_LIMIT)
        assert not thread.is_alive()
