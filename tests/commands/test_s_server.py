"""The parts of s_server, and whole runs in this process. That it prints what the original prints: oracle/."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from commands.terminal import Outcome, play
from support.descriptors import descriptors
from support.peers import free_port
from support.pki import populate
from support.programs import wait_for
from tls.pairs import Pair, client_settings, only
from tlsdeck.commands import s_server
from tlsdeck.commands.s_server_options import ServerOptions
from tlsdeck.errors import ConfigurationError, LibraryError, UsageError
from tlsdeck.events import Event, SecondContextSet, ServiceBroken, TemporaryDhSet
from tlsdeck.net.pump import Letter, Pump
from tlsdeck.options import read
from tlsdeck.tls import endpoint

Run = Callable[..., Outcome]
RSA = "-cert rsa.pem -key rsa.key"
LIMIT = 20.0  # seconds


def options(line: str) -> ServerOptions:
    return read(ServerOptions, line.split(), program="s_server", has=lambda _: True)


@pytest.fixture
def here(pki: Mapping[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test runs in a directory with the PKI."""
    monkeypatch.chdir(populate(tmp_path / "here", dict(pki)))
    return tmp_path / "here"


# --- where -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, host, service, family",
    [
        ("", None, "4433", endpoint.ANY),
        ("-port 443", None, "443", endpoint.ANY),
        ("-accept 443", None, "443", endpoint.ANY),
        ("-accept 127.0.0.1:443", "127.0.0.1", "443", endpoint.ANY),
        ("-accept *:443 -4", None, "443", endpoint.IPV4),
        ("-accept [::1]:443", "::1", "443", endpoint.ANY),
        ("-accept 127.0.0.1:", "127.0.0.1", "0", endpoint.ANY),
        ("-6", None, "4433", endpoint.IPV6),
        ("-unix /a/path", "/a/path", None, endpoint.UNIX),
    ],
)
def test_place(line: str, host: str | None, service: str | None, family: int) -> None:
    place = s_server.parse_place(options(line))
    assert (place.host, place.service, place.family) == (host, service, family)


def test_place_that_is_malformed() -> None:
    with pytest.raises(UsageError, match="-accept argument malformed or ambiguous"):
        s_server.parse_place(options("-accept a:b:c"))


@pytest.mark.parametrize("name", ["www", "WWW", "HTTP", "rev"])
def test_mode_is_the_option(name: str) -> None:
    assert s_server.mode(options(f"-{name}")) == name
    assert s_server.mode(options("")) is None


# --- contexts --------------------------------------------------------------------------------------------------


def agreed(line: str, client: str = "", name: str | None = None) -> tuple[Pair, list[Event]]:
    """A client connected to a server of these options, and what its building told."""
    told: list[Event] = []
    commands = tuple(tuple(word.split("=")) for word in client.split())
    context = s_server.make_context(options(line), told.append)
    both = Pair(client_settings(conf_commands=commands), context, server_name=name)
    both.shake()
    return both, told


def subject(both: Pair) -> str:
    peer = both.client.summary().peer
    assert peer is not None
    return peer.subject


def test_context_has_certificate_and_dh(here: Path) -> None:
    both, told = agreed(RSA)
    assert "localhost" in subject(both)
    assert told == [TemporaryDhSet(from_file=False)]
    assert agreed(f"{RSA} -no_dhe")[1] == []


def test_context_has_a_second_certificate(here: Path) -> None:
    line = f"{RSA} -dcert ecdsa.pem -dkey ecdsa.key"
    for algorithm, key in (("ECDSA+SHA256", "id-ecPublicKey"), ("RSA-PSS+SHA256", "rsaEncryption")):
        peer = agreed(line, f"sigalgs={algorithm}")[0].client.summary().peer
        assert peer is not None
        assert peer.public_key == key


def test_context_chooses_by_name(here: Path) -> None:
    line = f"{RSA} -servername other.example -cert2 other.pem -key2 other.key"
    assert "localhost" in subject(agreed(line, name="localhost")[0])
    both, told = agreed(line, name="other.example")
    assert "other.example" in subject(both)
    assert SecondContextSet() in told


def test_context_without_certificate_needs_none(here: Path) -> None:
    s_server.make_context(options("-nocert -servername x"), lambda _: None)


def test_context_without_files_makes_a_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    both, _ = agreed("")
    assert "localhost" in subject(both)
    err = capfd.readouterr().err
    assert err.startswith(
        "s_server: no -cert and no server.pem: using a throw-away certificate for localhost, "
    )
    assert "; SHA-256 fingerprint " in err


@pytest.mark.parametrize(
    "line, message",
    [
        ("-cert nowhere.pem", "Could not open file or uri for loading server certificate private key"),
        (
            f"{RSA} -dcert nowhere.pem",
            "Could not open file or uri for loading second certificate private key",
        ),
        (
            f"{RSA} -servername x -cert2 nowhere.pem",
            "Could not open file or uri for loading second server cert",
        ),
        (f"{RSA} -alpn ,", "Error parsing -alpn argument"),
        ("-cert rsa.pem -key locked.key -pass pass:no", "Could not read server certificate private key from"),
        ("-cert rsa.pem -key locked.key -pass nonsense", "Invalid password argument"),
    ],
)
def test_context_that_cannot_be(line: str, message: str, here: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        s_server.make_context(options(line), lambda _: None)
    assert raised.value.message.startswith(message)


def test_passwords_of_both_keys(here: Path) -> None:
    line = "-cert rsa.pem -key locked.key -pass file:password.txt -dcert rsa.pem -dkey locked.key -dpass pass:secret"
    assert "localhost" in subject(agreed(line)[0])


def test_dh_parameters_that_are_none_are_done_without(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert agreed(f"{RSA} -dhparam junk.pem")[1] == [TemporaryDhSet(from_file=False)]
    assert "Could not read params of DH parameters from junk.pem\n" in capfd.readouterr().err


def test_old_word_takes_ecdhe_away(here: Path) -> None:
    context = s_server.make_context(options(f"{RSA} -no_ecdhe -cipher ALL"), lambda _: None)
    both = Pair(client_settings(**only(0x0303)), context)
    both.shake()
    assert "ECDHE" not in both.client.summary().cipher


def test_verify_options_ask_for_a_certificate(here: Path) -> None:
    for line, required in (("-verify 2", False), ("-Verify 3", True)):
        settings = s_server._settings(options(f"{RSA} {line}"))
        assert (settings.verify_peer, settings.require_certificate) == (True, required)
        assert settings.verify_tolerance == (3 if required else 2)


# --- whole runs ------------------------------------------------------------------------------------------------

Visit = Callable[[int], object]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], here: Path) -> Run:
    """Run s_server while a client in a thread visits it; no descriptor is left open."""

    def run_one(line: str, visit: Visit, typed: bytes = b"", *, open_end: bool = True) -> Outcome:
        port = free_port()
        before = descriptors()
        problems: list[BaseException] = []

        def visiting() -> None:
            try:
                visit(port)
            except BaseException as problem:
                problems.append(problem)

        thread = threading.Thread(target=visiting, daemon=True)
        thread.start()
        words = ["-accept", f"127.0.0.1:{port}", *line.split()]
        outcome = play(s_server.main, capfd, words, typed, open_end=open_end)
        thread.join(LIMIT)
        assert not thread.is_alive()
        if problems:
            raise problems[0]
        assert descriptors() == before
        return outcome

    return run_one


def dial(port: int) -> socket.socket:
    """As soon as somebody listens."""
    end = time.monotonic() + LIMIT
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), LIMIT)
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.01)


def secure(port: int) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(dial(port), server_hostname="localhost")


def asks(question: bytes, answer: bytes) -> Visit:
    """Say something, and hear something in return."""

    def visit(port: int) -> None:
        with secure(port) as client:
            client.sendall(question)
            taken = b""
            while answer not in taken:
                chunk = client.recv(10000)
                assert chunk, taken
                taken += chunk
            client.unwrap()

    return visit


@pytest.mark.parametrize(
    "mode, question, answer",
    [
        ("-www", b"GET / HTTP/1.0\r\n\r\n", b"Ciphers supported in s_server binary"),
        ("-www", b"GET /reneg HTTP/1.0\r\n\r\n", b"Ciphers supported in s_server binary"),
        ("-WWW", b"GET /password.txt HTTP/1.0\r\n\r\n", b"second line"),
        ("-WWW", b"GET /nowhere HTTP/1.0\r\n\r\n", b"Error opening 'nowhere'"),
        ("-HTTP", b"GET /password.txt HTTP/1.0\r\n\r\n", b"second line"),
        ("-rev", b"hello\n", b"olleh\n"),
    ],
)
def test_server_answers_by_itself(mode: str, question: bytes, answer: bytes, run: Run) -> None:
    visit = asks(question, answer)
    assert run(f"{RSA} {mode} -naccept 1", visit).code == 0


def test_server_talks_to_the_terminal(run: Run) -> None:
    outcome = run(f"{RSA} -naccept 1", asks(b"hello\n", b"welcome\n"), b"welcome\n")
    assert outcome.code == 0
    for line in (
        "Using default temp DH parameters\n",
        "ACCEPT\n",
        "hello\n",
        "DONE\n",
        "CONNECTION CLOSED\n",
    ):
        assert line in outcome.out + outcome.err
    assert "   1 server accepts that finished\n" in outcome.out


def test_error_of_ours_is_the_end_of_one_client_only(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_pump: Pump) -> None:
        raise KeyError("oh")

    def visit(port: int) -> None:
        with dial(port) as first:
            assert first.recv(100) == b""
        asks(b"hello\n", b"")(port)

    monkeypatch.setattr(s_server, "SERVER_LETTERS", {b"x": Letter(fail)})
    outcome = run(f"{RSA} -naccept 2", visit, b"x\n")
    assert outcome.code == 0
    assert outcome.err.count("s_server: internal error: KeyError: 'oh'; please report it.") == 1
    assert outcome.out.count("CONNECTION CLOSED\n") == 2
    assert "hello\n" in outcome.out


def test_server_with_every_printer(run: Run, here: Path) -> None:
    line = f"{RSA} -naccept 1 -state -msg -debug -tlsextdebug -nbio -crlf -id_prefix AB -context ctx -alpn h2"
    outcome = run(f"{line} -writerand random -keymatexport label -verify 1 -Verify 2 -brief", refused)
    assert outcome.code == 0
    assert "verify depth is 2, must return a certificate\n" in outcome.err
    assert "id_prefix 'AB' set.\n" in outcome.err
    assert "peer did not return a certificate" in outcome.err
    assert (here / "random").stat().st_size == 1024


def refused(port: int) -> None:
    with secure(port) as client, pytest.raises((ssl.SSLError, ConnectionResetError)):
        client.recv(100)


def say_goodbye(client: ssl.SSLSocket) -> None:
    """close_notify; what was still under way to us does not matter."""
    with suppress(ssl.SSLError):
        client.unwrap()


def broken_then_hello(port: int) -> None:
    """A client that speaks no TLS, and after it one that does."""
    with dial(port) as client:
        client.sendall(b"this is no TLS\n")
        while client.recv(100):
            pass
    with secure(port) as better:
        better.sendall(b"hello\n")
        say_goodbye(better)


@pytest.mark.parametrize("typed", [b"", b"welcome\n", b"k\n", b"r\n"])
def test_server_goes_on_after_a_client_that_speaks_no_tls(typed: bytes, run: Run) -> None:
    """A letter's own handshake may be what reads it: even then it is this client's end, not the server's."""
    outcome = run(f"{RSA} -naccept 2", broken_then_hello, typed)
    assert outcome.code == 0
    assert "ERROR\n" in outcome.err
    assert "hello\n" in outcome.out


def test_server_that_answers_by_itself_goes_on_too(run: Run) -> None:
    outcome = run(f"{RSA} -naccept 2 -rev", broken_then_hello)
    assert outcome.code == 0
    assert "wrong version number" in outcome.err
    assert "CONNECTION ESTABLISHED" in outcome.err


def test_server_ends_when_its_user_quits(run: Run) -> None:

    def visit(port: int) -> None:
        with dial(port) as client:
            client.settimeout(LIMIT)
            assert client.recv(1) == b""

    outcome = run(RSA, visit, b"Q\n")
    assert outcome.code == 0
    assert outcome.out.endswith(" 0 cache full overflows (128 allowed)\n")


def test_server_where_somebody_listens_fails(capfd: pytest.CaptureFixture[str], here: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = ["-accept", f"127.0.0.1:{taken.getsockname()[1]}", *RSA.split()]
        outcome = play(s_server.main, capfd, words)
    assert outcome.code == 1
    assert "Address already in use" in outcome.err


def test_server_on_a_path(capfd: pytest.CaptureFixture[str], here: Path) -> None:
    path = here / "socket"
    path.touch()  # something is in the way

    def visit() -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(LIMIT)
            wait_for("the server listens", path.is_socket)
            wait_for("the server takes clients", lambda: client.connect_ex(str(path)) == 0)
            assert client.recv(1) == b""

    thread = threading.Thread(target=visit, daemon=True)
    thread.start()
    words = ["-unix", "socket", "-unlink", *RSA.split()]
    outcome = play(s_server.main, capfd, words, b"Q\n", open_end=True)
    thread.join(LIMIT)
    assert outcome.code == 0
    assert "ACCEPT localhost:socket\n" in outcome.out
    assert not path.exists()


def test_id_context_that_is_too_long_is_an_error(here: Path) -> None:
    """There is room for 32 bytes."""
    with pytest.raises(LibraryError):
        Pair(
            client_settings(),
            s_server.make_context(options(RSA), lambda _: None),
            session_id_context=b"x" * 33,
        )


@pytest.mark.parametrize(
    "line, limits",
    [
        ("", (None, None)),
        ("-rev", (60.0, None)),
        ("-www", (60.0, 300.0)),
        ("-HTTP -handshake_timeout 0.5", (0.5, 300.0)),
        ("-handshake_timeout 3 -idle_timeout 4", (3.0, 4.0)),
    ],
)
def test_time_limits(line: str, limits: tuple[float | None, float | None]) -> None:
    found = s_server._limits(options(line))
    assert (found.handshake, found.idle) == limits


def test_error_of_ours_is_told_or_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Event] = []
    s_server._tell_of_error(KeyError("a"), shown.append)
    assert shown == [ServiceBroken("KeyError: 'a'")]
    monkeypatch.setenv("TLSDECK_TRACEBACK", "1")
    with pytest.raises(KeyError):
        s_server._tell_of_error(KeyError("a"), shown.append)
