"""The parts of s_client, and whole runs in this process. That it prints what the original prints: oracle/."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from commands.terminal import Outcome, play
from support.descriptors import descriptors
from support.peers import (
    Behaviour,
    after_handshake,
    answers_with,
    closes_at_once,
    closes_without_notice,
    free_port,
    peer,
    speaks_plain_text,
)
from support.pki import populate
from support.programs import OURS
from tlsdeck.commands import client_output, client_settings, destination, s_client
from tlsdeck.commands.s_client_options import ClientOptions
from tlsdeck.errors import ConfigurationError, UsageError
from tlsdeck.events import DataReceived, SessionInfo, TicketReceived
from tlsdeck.options import read
from tlsdeck.output.stream import Stream
from tlsdeck.tls import endpoint

Run = Callable[..., Outcome]
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def options(line: str) -> ClientOptions:
    return read(ClientOptions, line.split(), program="s_client", has=lambda _: True)


@pytest.fixture
def here(pki: Mapping[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test runs in a directory with the PKI."""
    monkeypatch.chdir(populate(tmp_path / "here", dict(pki)))
    return tmp_path / "here"


# --- where to --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, host, service, family, name",
    [
        ("", "localhost", "4433", endpoint.ANY, "localhost"),
        ("-connect a.example", "a.example", "4433", endpoint.ANY, "a.example"),
        ("-connect a.example:443", "a.example", "443", endpoint.ANY, "a.example"),
        ("-connect :443", "localhost", "443", endpoint.ANY, "localhost"),
        ("-connect [::1]:443", "::1", "443", endpoint.ANY, None),
        ("-connect 127.0.0.1:443", "127.0.0.1", "443", endpoint.ANY, None),
        ("-host a.example -port 443", "a.example", "443", endpoint.ANY, "a.example"),
        ("-host other -port 1 -connect a.example", "a.example", "4433", endpoint.ANY, "a.example"),
        ("-connect plainhost:443", "plainhost", "443", endpoint.ANY, None),
        ("-connect a.example -4", "a.example", "4433", endpoint.IPV4, "a.example"),
        ("-connect a.example -6", "a.example", "4433", endpoint.IPV6, "a.example"),
        ("-connect a.example -noservername", "a.example", "4433", endpoint.ANY, None),
        ("-connect a.example -servername b.example", "a.example", "4433", endpoint.ANY, "b.example"),
        ("-connect a.example -dane_tlsa_domain b.example", "a.example", "4433", endpoint.ANY, None),
        (
            "-connect a.example -dane_tlsa_domain b.example -servername c.example",
            "a.example",
            "4433",
            endpoint.ANY,
            "c.example",
        ),
        ("-unix /a/path", "/a/path", None, endpoint.UNIX, None),
        ("a.example:443", "a.example", "443", endpoint.ANY, "a.example"),
    ],
)
def test_destination(line: str, host: str, service: str | None, family: int, name: str | None) -> None:
    found = destination.parse_destination(options(line))
    assert (found.place.host, found.place.service, found.place.family) == (host, service, family)
    assert found.server_name == name
    assert found.local is None


def test_destination_from_a_local_address() -> None:
    local = destination.parse_destination(options("-connect a.example -bind 127.0.0.1:70 -4")).local
    assert local is not None
    assert (local.host, local.service, local.family) == ("127.0.0.1", "70", endpoint.IPV4)


@pytest.mark.parametrize("line", ["-connect a:b:c", "-bind a:b:c", "-connect ::1"])
def test_destination_that_is_malformed(line: str) -> None:
    with pytest.raises(UsageError, match="malformed or ambiguous"):
        destination.parse_destination(options(line))


@pytest.mark.parametrize(
    "host", ["a.b", "a.example.", "a-b.example", "a_b.example", "x" * 63 + ".de", "1a.2", "xn--4ca.de", "_.a"]
)
def test_dns_name(host: str) -> None:
    assert destination.is_dns_name(host)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "1.2.3.4",
        "1.2",
        "::1",
        "a..b",
        ".a",
        "-a.b",
        "a-.b",
        "x" * 64 + ".de",
        "ä.de",
        "a b.de",
        ".",
        "",
    ],
)
def test_no_dns_name(host: str) -> None:
    assert not destination.is_dns_name(host)


# --- settings --------------------------------------------------------------------------------------------------


def test_client_settings_of_the_options(here: Path) -> None:
    line = "-cert rsa.pem -key rsa.key -cert_chain inter.pem -alpn h2,h3 -verify 2 -maxfraglen 512"
    settings = client_settings.context_settings(options(line))
    assert not settings.server
    assert [len(identity.chain) for identity in settings.identities] == [1]
    assert settings.alpn == (b"h2", b"h3")
    assert (settings.verify_peer, settings.verify_tolerance) == (True, 2)
    assert settings.max_fragment_length == 512
    assert settings.acknowledge_name
    assert settings.keep_sessions


@pytest.mark.parametrize(
    "values, types",
    [
        ([], ()),
        (["18"], (18,)),
        (["18,1000", "16"], (18, 1000, 16)),
        (["", "1,"], (0, 1, 0)),
        ([" 7x,+8,-1,0x9,99999,65536,\u0663"], (7, 8, 65535, 0, 34463, 0, 0)),
        ([",".join(["3"] * 99), "4,5"], (3,) * 99 + (4,)),
    ],
)
def test_client_settings_of_serverinfo(values: list[str], types: tuple[int, ...]) -> None:
    words = [f"-serverinfo={value}" for value in values]
    given = read(ClientOptions, words, program="s_client", has=lambda _: True)
    assert client_settings.context_settings(given).extensions == types


def test_client_settings_by_default() -> None:
    settings = client_settings.context_settings(options("-noservername"))
    assert (settings.verify_peer, settings.verify_tolerance) == (False, -1)
    assert settings.identities == settings.alpn == ()
    assert not settings.acknowledge_name


@pytest.mark.parametrize(
    "line, seconds",
    [
        ("", None),
        ("-crl_download", 10),
        ("-crl_download -handshake_timeout 3.7", 3),
        ("-crl_download -total_timeout 0.2 -handshake_timeout 60", 1),
        ("-handshake_timeout 3", None),
    ],
)
def test_client_settings_leave_a_crl_the_time_there_is(line: str, seconds: int | None) -> None:
    assert client_settings.context_settings(options(line)).crl_limit == seconds


@pytest.mark.parametrize(
    "line, message",
    [
        ("-alpn ,", "Error parsing -alpn argument"),
        ("-key nowhere.key", "Could not open file or uri for loading client certificate private key"),
        ("-cert nowhere.pem", "Could not open file or uri for loading client certificate private key"),
        (
            "-key locked.key -pass file:wrong.txt",
            "Could not read client certificate private key from locked.key",
        ),
        ("-pass nonsense", "Invalid password argument"),
    ],
)
def test_client_settings_that_cannot_be(line: str, message: str, here: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        client_settings.context_settings(options(line))
    assert raised.value.message.startswith(message)


# --- session file ----------------------------------------------------------------------------------------------

TICKET = TicketReceived(SessionInfo("text", "PEM\n"), after_handshake=True)


def test_session_file_keeps_the_newest_session(tmp_path: Path) -> None:
    path = tmp_path / "session.pem"
    printer = client_output.SessionFile(str(path), Stream(2))
    printer.show(DataReceived(b"no session"))
    assert not path.exists()
    printer.show(TicketReceived(SessionInfo("text", "a longer, older one\n"), after_handshake=True))
    printer.show(TICKET)
    assert path.read_text() == "PEM\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_session_file_that_cannot_be_written_ends_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    client_output.SessionFile("/nowhere/session.pem", Stream(2)).show(TICKET)
    assert capfd.readouterr().err == "Error writing session file /nowhere/session.pem\n"
    client_output.SessionFile("/dev/full", Stream(2)).show(TICKET)
    assert capfd.readouterr().err == "Error writing session file /dev/full\n"


# --- whole runs ------------------------------------------------------------------------------------------------


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], here: Path) -> Run:
    """Run s_client against a peer of some behaviour; no descriptor is left open, but for those of log files."""

    def run_one(behave: Behaviour, line: str = "", typed: bytes = b"", *, open_end: bool = False) -> Outcome:
        logs = line.count("-keylogfile") + line.count("-msgfile")
        before = descriptors()
        with peer(behave) as port:
            words = ["-connect", f"127.0.0.1:{port}", *line.split()]
            outcome = play(s_client.main, capfd, words, typed, open_end=open_end)
        assert descriptors() == before + logs
        return outcome

    return run_one


def echoing(directory: Path, version: ssl.TLSVersion = TLS13) -> Behaviour:
    """A TLS server that sends one chunk back in capitals and says goodbye."""

    def behave(connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "rsa.pem", directory / "rsa.key")
        context.minimum_version = context.maximum_version = version
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.sendall(secure.recv(1000).upper())
            with suppress(OSError):
                secure.unwrap()

    return behave


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_client_passes_data_and_reports(version: ssl.TLSVersion, run: Run, here: Path) -> None:
    outcome = run(echoing(here, version), "-CAfile root.pem -keymatexport label", b"hello\n", open_end=True)
    assert outcome.code == 0
    assert outcome.out.startswith("CONNECTED(000000")
    for line in ("HELLO\n", "closed\n", "Verify return code: 0 (ok)\n", "    Keying material: "):
        assert line in outcome.out
    assert outcome.err.startswith("Can't use SSL_get_servername\ndepth=1 C = DE,")


def test_client_quiet_prints_the_data_only(run: Run, here: Path) -> None:
    outcome = run(
        echoing(here), "-quiet -verify_quiet -CAfile root.pem -noservername", b"hello\n", open_end=True
    )
    assert (outcome.code, outcome.out, outcome.err) == (0, "HELLO\n", "")


def test_client_brief(run: Run, here: Path) -> None:
    outcome = run(echoing(here), "-brief -CAfile root.pem", b"hello\n", open_end=True)
    assert outcome.out == "HELLO\n"
    assert "CONNECTION ESTABLISHED\nProtocol version: TLSv1.3\n" in outcome.err


def test_client_ends_with_its_input(run: Run, here: Path) -> None:
    outcome = run(echoing(here), "-prexit")
    assert outcome.code == 0
    assert "DONE\n" in outcome.out + outcome.err
    assert outcome.out.count("New, TLSv1.3") == 2


def test_client_writes_session_keys_and_randomness(run: Run, here: Path) -> None:
    line = "-sess_out session.pem -keylogfile keys.log -writerand random -msg -msgfile messages -state -debug -nbio"
    assert run(echoing(here, TLS12), line, b"hello\n", open_end=True).code == 0
    assert (here / "session.pem").read_text().startswith("-----BEGIN SSL SESSION PARAMETERS-----")
    assert "CLIENT_RANDOM" in (here / "keys.log").read_text()
    assert (here / "random").stat().st_size == 1024
    assert "ClientHello" in (here / "messages").read_text()
    assert run(echoing(here, TLS12), "-sess_in session.pem", b"again\n", open_end=True).code == 0


@pytest.mark.parametrize(
    "behave, code, told",
    [
        (speaks_plain_text, 1, "wrong version number"),
        (closes_at_once, 1, "unexpected eof while reading"),
        (answers_with(bytes.fromhex("15 03 03 00 02 02 28")), 1, "alert handshake failure"),
    ],
)
def test_client_whose_handshake_fails(behave: Behaviour, code: int, told: str, run: Run) -> None:
    outcome = run(behave, "", b"", open_end=True)
    assert outcome.code == code
    assert told in outcome.err
    assert "New, (NONE), Cipher is (NONE)\n" in outcome.out


def test_client_whose_peer_closes_during_the_handshake(run: Run) -> None:
    """As the original: no handshake, no error, the report at the end."""
    outcome = run(answers_with(bytes.fromhex("15 03 03 00 02 01 00")), "", b"", open_end=True)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("CONNECTED(")
    assert "closed\n---\nno peer certificate available\n" in outcome.out
    brief = run(answers_with(bytes.fromhex("15 03 03 00 02 01 00")), "-brief", b"", open_end=True)
    assert (brief.code, brief.out, brief.err) == (0, "", "")


def test_client_whose_peer_breaks_off(run: Run, here: Path) -> None:
    broken = after_handshake(here, closes_without_notice, version=TLS13)
    outcome = run(broken, "", b"hello\n", open_end=True)
    assert outcome.code == 1
    assert "unexpected eof while reading" in outcome.err


def test_client_whose_peer_resets_exits_with_the_systems_number(run: Run, here: Path) -> None:

    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(connection.detach())

    outcome = run(after_handshake(here, reset, version=TLS12), "", b"hello\n", open_end=True)
    assert outcome.code == 104
    assert "read:errno=104\n" in outcome.err


def test_client_that_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    outcome = play(s_client.main, capfd, ["-connect", f"127.0.0.1:{free_port()}"])
    assert outcome.code == 1
    assert outcome.err.endswith("connect:errno=111\n")


def test_client_says_how_deep_it_verifies(run: Run, here: Path) -> None:
    assert run(echoing(here), "-verify 3").err.startswith("verify depth is 3\n")
    quiet = run(echoing(here), "-quiet -verify 3 -no_ign_eof")
    assert "verify depth" not in quiet.err


def test_client_that_must_verify_and_cannot(run: Run, here: Path) -> None:
    outcome = run(echoing(here), "-verify_return_error -CAfile inter.pem", b"", open_end=True)
    assert outcome.code == 1
    assert "certificate verify failed" in outcome.err


@pytest.mark.parametrize(
    "line, told",
    [
        ("-cipher nonsense", "Call to SSL_CONF_cmd(-cipher, nonsense) failed\n"),
        ("-sess_in nowhere.pem", "Can't open session file nowhere.pem\n"),
        ("-unix nowhere.sock", "connect:errno=2\n"),
        ("-nonsense", "s_client: Unknown option: -nonsense\n"),
    ],
)
def test_client_that_fails(line: str, told: str, capfd: pytest.CaptureFixture[str], here: Path) -> None:
    outcome = play(s_client.main, capfd, line.split())
    assert told in outcome.err
    assert outcome.code == 1


def test_client_whose_output_nobody_reads_ends_well(here: Path) -> None:
    """As in a pipeline whose reader has seen enough."""
    reading, writing = os.pipe()
    os.close(reading)
    with peer(echoing(here)) as port:
        finished = subprocess.run(
            [*OURS, "s_client", "-quiet", "-connect", f"127.0.0.1:{port}"],
            input=b"hello\n",
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            timeout=20,
        )
    os.close(writing)
    assert finished.returncode == 0
    assert b"Traceback" not in finished.stderr
