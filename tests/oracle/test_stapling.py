"""OCSP stapling beside the original: s_client -status, s_server -status and its kin.

The responder gives one answer, made once by `openssl ocsp`, so that both programs see and print the same.
"""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from support.fixtures import Run, Start
from support.oracle import (
    AHOY,
    FAILS,
    PING,
    Case,
    Scene,
    assert_about,
    assert_same,
    each,
    play_alone,
    play_client,
    play_server,
    scene,
)
from support.peers import Server, free_port, peer, start_server
from support.pki import populate
from support.programs import OPENSSL, OURS, TIME_LIMIT, Eof, Until, wait_for
from support.revocation import Authorities, World, responder, world

SERVER = "-rev -cert leaf.pem -key leaf.key -cert_chain inter.pem"
NOT_SUCCESSFUL = bytes.fromhex("30 03 0a 01 06")  # unauthorized (RFC 6960 section 4.2.1)


@pytest.fixture(scope="module")
def here(authorities: Authorities) -> Iterator[World]:
    with world(authorities) as made:
        yield made


@pytest.fixture(scope="module")
def files(here: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The PKI, with answers of `openssl ocsp` in files of their own."""
    directory = populate(tmp_path_factory.mktemp("pki"), here.files)
    request = [
        "openssl",
        "ocsp",
        "-issuer",
        "inter.pem",
        "-cert",
        "leaf.pem",
        "-no_nonce",
        "-reqout",
        "request",
    ]
    subprocess.run(request, cwd=directory, check=True, capture_output=True, timeout=TIME_LIMIT)
    asked = (directory / "request").read_bytes()
    good = responder(directory)(asked)
    days = responder(directory, "-ndays", "3")(asked)
    index = directory / "index.txt"
    index.write_text(re.sub(r"(?m)^V\t(\w+)\t", r"R\t\1\t261101000000Z,keyCompromise", index.read_text()))
    revoked = responder(directory)(asked)
    here.web.pages["/ocsp"] = good
    here.web.pages["/junk"] = b"no response at all"
    answers = {"good.der": good, "days.der": days, "revoked.der": revoked, "refusal.der": NOT_SUCCESSFUL}
    return {**here.files, **answers}


@pytest.fixture
def place(tmp_path: Path, files: dict[str, bytes]) -> Path:
    return populate(tmp_path / "here", files)


# --- the client --------------------------------------------------------------------------------------------------

client = partial(Case, peer=SERVER)

STAPLED = f"{SERVER} -status_file good.der"
CLIENT = (
    client("stapled", "-status", "    Cert Status: good\n", peer=STAPLED),
    client("stapled_1_2", "-status -tls1_2", "    Cert Status: good\n", peer=STAPLED),
    client("nothing_sent", "-status", "OCSP response: no response sent\n"),
    client("nothing_sent_1_2", "-status -tls1_2", "OCSP response: no response sent\n"),
    client("not_asked_for", "", "New, TLSv1.3", peer=STAPLED),
    client("until_when", "-status", "    Next Update: ", peer=f"{SERVER} -status_file days.der"),
    client("revoked", "-status -CAfile root.pem", "Cert Status: revoked", peer=f"{SERVER} -status_file revoked.der"),
    client("refusal", "-status", "Response Status: unauthorized (0x6)", peer=f"{SERVER} -status_file refusal.der"),
    client("brief", "-status -brief", "CONNECTION ESTABLISHED", peer=STAPLED),
    client(
        "debug_brief", "-status -debug -brief", "OCSP response: \n======", peer=f"{STAPLED} -num_tickets 0"
    ),
    client("tlsextdebug", "-status -tlsextdebug -tls1_2", 'extension "status request" (id=5)', peer=STAPLED),
)  # fmt: skip


@each(CLIENT)
def test_client(case: Case, start: Start, place: Path) -> None:
    original = play_client(start, OPENSSL, case, place)
    assert_about(case, original)
    assert_same(play_client(start, OURS, case, place), original)


@contextmanager
def spoiling_relay(port: int, good: bytes, bad: bytes) -> Iterator[int]:
    """Passes a connection on to `port`, with the server's bytes `good` replaced; gives its own port."""

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        seen = b""
        with suppress(OSError):
            while chunk := source.recv(65536):
                seen += chunk
                # What may be the beginning of the good bytes waits for the rest.
                whole = len(seen) if good in seen or good[:8] not in seen else seen.index(good[:8])
                target.sendall(seen[:whole].replace(good, bad))
                seen = seen[whole:]
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def relay(client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port), TIME_LIMIT) as server:
            back = threading.Thread(target=pass_on, args=(server, client), daemon=True)
            back.start()
            pass_on(client, server)
            back.join(TIME_LIMIT)

    with peer(relay) as own_port:
        yield own_port


def test_client_refuses_what_is_no_response(start: Start, place: Path) -> None:
    """In TLS 1.2 the response travels in plain text: somebody in between can spoil it."""
    case = client("spoilt", "", "OCSP response: response parse error\n", 1)
    response = (place / "good.der").read_bytes()

    def play(program: Sequence[str]) -> Scene:
        server = start_server(start, OPENSSL, f"-naccept 1 {STAPLED}", place)
        with spoiling_relay(server.port, response, b"\x31" + response[1:]) as port:
            words = f"-connect 127.0.0.1:{port} -status -tls1_2 -CAfile root.pem"
            process = start([*program, "s_client", *words.split()], place)
            process.eof()
            return scene(case, place, process.finish(), None)

    original = play(OPENSSL)
    assert_about(case, original)
    assert_same(play(OURS), original)


# --- the server --------------------------------------------------------------------------------------------------

LEAF = "-cert leaf.pem -key leaf.key"
PLAIN = "-cert plain.pem -key plain.key"

server = partial(Case, peer="-status", talk=AHOY)

FROM_FILE = f"{LEAF} -status_file"
SERVER_CASES = (
    server("file", f"{FROM_FILE} good.der", "CIPHER is"),
    server("file_verbose", f"{FROM_FILE} good.der -status_verbose", "cert_status: ocsp response sent:\n"),
    server("file_verbose_1_2", f"{FROM_FILE} good.der -status_verbose -tls1_2", "Cert Status: good"),
    server("file_missing", f"{FROM_FILE} nofile", "cert_status: Cannot open OCSP response file", talk=FAILS),
    server("file_missing_1_2", f"{FROM_FILE} nofile -tls1_2", "Can't open \"nofile\" for reading", talk=FAILS),
    server("file_junk", f"{FROM_FILE} root.pem", "cert_status: Error reading OCSP response", talk=FAILS),
    server("file_quiet", f"{FROM_FILE} good.der -quiet -status_verbose", "cert_status: callback called"),
    server("file_brief", f"{FROM_FILE} good.der -brief -status_verbose", "cert_status: callback called"),
    server("nobody_asks", f"{FROM_FILE} nofile -status_verbose", "CIPHER is", peer=""),
    server("no_aia", f"{PLAIN} -CAfile cas.pem -status", "cert_status: no AIA and no default responder URL"),
    server("no_issuer", f"{LEAF} -status", "cert_status: Can't retrieve issuer certificate."),
    server("strange_aia", "-cert strange.pem -key strange.key -status", "can't parse AIA URL", talk=FAILS),
    server("responder", f"{LEAF} -CAfile cas.pem -status", "CIPHER is"),
    server("responder_verbose", f"{LEAF} -CAfile cas.pem -status_verbose", "cert_status: AIA URL: http://"),
    server("responder_1_2", f"{LEAF} -CAfile cas.pem -status_verbose -tls1_2", "Cert Status: good"),
    server("responder_limited", f"{LEAF} -CAfile cas.pem -status_verbose -status_timeout 5", "Cert Status"),
    server("url", f"{PLAIN} -CAfile cas.pem -status_verbose -status_url {{url}}/ocsp", "response sent:"),
    server("url_is_second", f"{LEAF} -CAfile cas.pem -status_verbose -status_url {{url}}/x", "response sent:"),
    server("url_404", f"{PLAIN} -CAfile cas.pem -status_url {{url}}/none", "code=404, reason=Not Found"),
    server("url_junk", f"{PLAIN} -CAfile cas.pem -status_url {{url}}/junk", "error querying responder"),
    server("url_without_scheme", f"{PLAIN} -CAfile cas.pem -status_verbose -status_url {{host}}/ocsp", "sent:"),
    server(
        "proxy",
        f"{PLAIN} -CAfile cas.pem -status_verbose -status_url http://nowhere.invalid/ocsp -proxy {{host}}",
        "response sent:",
    ),
    server(
        "proxy_of_environment",
        f"{PLAIN} -CAfile cas.pem -status_verbose -status_url http://nowhere.invalid/ocsp",
        "response sent:",
        env={"http_proxy": "http://{host}/"},
    ),
    server(
        "no_proxy",
        f"{PLAIN} -CAfile cas.pem -status_verbose -status_url {{url}}/ocsp -proxy 127.0.0.1:1 -no_proxy 127.0.0.1",
        "response sent:",
    ),
    server(
        "second_context",
        f"{PLAIN} -CAfile cas.pem -servername www.example.org -cert2 leaf.pem -key2 leaf.key -status_verbose",
        "response sent:",
        peer="-status -servername www.example.org",
    ),
    server("web", f"-www {FROM_FILE} good.der -status_verbose", "response sent:", talk=(b"GET / HTTP/1.0\n\n",)),
    server("reverse", f"-rev {FROM_FILE} good.der -status_verbose", "response sent:", talk=PING),
)  # fmt: skip


@each(SERVER_CASES)
def test_server(case: Case, start: Start, place: Path, here: World) -> None:
    here.web.pages["http://nowhere.invalid:80/ocsp"] = here.web.pages["/ocsp"]
    words = {"{url}": here.web.url, "{host}": here.web.url.removeprefix("http://")}
    case = filled(case, words)
    original = play_server(start, OPENSSL, case, place)
    assert_about(case, original)
    assert_same(play_server(start, OURS, case, place), original)


def filled(case: Case, words: dict[str, str]) -> Case:
    def fill(text: str) -> str:
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    env = {name: fill(value) for name, value in case.env.items()}
    return replace(case, options=fill(case.options), env=env)


ALONE = (
    Case("url_bad", f"{LEAF} -status_url http://[/", "Error parsing -status_url argument", 1),
    Case("url_scheme", f"{LEAF} -status_url ftp://a/", "Error parsing -status_url argument", 1),
    Case("timeout_bad", "-status_timeout soon", 'Can\'t parse "soon" as a number', 1),
)


@each(ALONE)
def test_server_alone(case: Case, start: Start, place: Path) -> None:
    original = play_alone(start, OPENSSL, "s_server", case, place)
    assert_about(case, original)
    assert_same(play_alone(start, OURS, "s_server", case, place), original)


# --- a real responder, and one that keeps everybody waiting ------------------------------------------------------


def test_real_responder(start: Start, place: Path, here: World) -> None:
    """Asked by our server for our client; the answer is of that moment, and for this certificate."""
    here.web.pages["/real"] = responder(place)
    words = f"-naccept 2 {PLAIN} -CAfile cas.pem -cert_chain inter.pem -status_url {here.web.url}/real"
    server = start_server(start, OURS, words, place)
    for version in ("-tls1_2", "-tls1_3"):
        client = start([*OURS, "s_client", "-connect", server.address, "-status", version], place)
        client.talk([Until("SSL handshake has read"), Eof()])
        out = client.finish().out
        assert "OCSP Response Status: successful (0x0)" in out
        assert f"Serial Number: {serial(place / 'plain.pem')}" in out
    assert here.web.asked.count("POST /real") == 2


@pytest.mark.parametrize("answer, code", [("good", 0), ("revoked", 91), ("refusal", 91)])
def test_curl_checks_what_is_stapled(answer: str, code: int, start: Start, run: Run, place: Path) -> None:
    """91: the certificate's status is no good."""
    words = f"-www {LEAF} -cert_chain inter.pem -status_file {answer}.der"
    server = start_server(start, OURS, words, place)
    url = f"https://localhost:{server.port}/"
    finished = run(
        ["curl", "-sS", "--cert-status", "--cacert", "root.pem", "--max-time", "10", url], cwd=place
    )
    assert finished.code == code, finished.err


def test_renegotiation_goes_the_same_way(start: Start, place: Path) -> None:
    server = start_server(
        start, OURS, f"-www -tls1_2 -no_resumption_on_reneg {LEAF} -CAfile cas.pem -status_verbose", place
    )
    client = start([*OPENSSL, "s_client", "-connect", server.address, "-status"], place)
    client.talk([b"GET /reneg HTTP/1.0\n\n", Until("</BODY></HTML>"), Eof()])
    client.finish()
    assert "SSL_renegotiate -> 1" in server.process.out
    assert server.process.err.count("cert_status: ocsp response sent:") == 2


def serial(certificate: Path) -> str:
    words = ["openssl", "x509", "-in", str(certificate), "-noout", "-serial"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip().partition("=")[2]


LIMIT = 2  # seconds


@pytest.fixture
def waiting(start: Start, place: Path, here: World) -> Callable[[str], Server]:
    """A server in a mode whose responder does not answer."""
    here.web.pages["/silent"] = here.web.stall

    def begin(mode: str) -> Server:
        words = f"{PLAIN} -CAfile cas.pem -status_url {here.web.url}/silent -status_timeout {LIMIT}"
        return start_server(start, OURS, f"{mode} {words} -status_verbose", place)

    return begin


def test_silent_responder_keeps_its_client_for_the_time_limit_only(
    waiting: Callable[[str], Server], start: Start, place: Path
) -> None:
    server = waiting("-naccept 1")
    began = time.monotonic()
    client = start([*OPENSSL, "s_client", "-connect", server.address, "-status"], place)
    client.talk([Until("SSL handshake has read"), Eof()])
    assert LIMIT - 1 <= time.monotonic() - began < LIMIT + 5
    assert "no response sent" in client.finish().out
    assert "cert_status: error querying responder" in server.process.finish().err


@pytest.mark.parametrize("mode", ["-www", "-WWW", "-HTTP", "-rev"])
def test_silent_responder_delays_nobody_else(
    mode: str, waiting: Callable[[str], Server], start: Start, place: Path
) -> None:
    server = waiting(mode)
    asking = [start([*OPENSSL, "s_client", "-connect", server.address, "-status"], place) for _ in range(3)]
    for client in asking:
        client.until("CONNECTED")
    time.sleep(0.2)  # their hellos are there
    began = time.monotonic()
    for _ in range(5):
        shake_hands(server.port)
    assert time.monotonic() - began < LIMIT - 1
    for client in asking:
        assert client.until("no response sent")
        client.eof()
        client.finish()
    descriptors = server.process.descriptors()
    shake_hands(server.port)
    wait_for("nothing is left behind", lambda: server.process.descriptors() <= descriptors)
    assert server.process.threads() == 1


def shake_hands(port: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), TIME_LIMIT) as plain, context.wrap_socket(plain):
        pass


def test_closed_responder_is_noticed_at_once(start: Start, place: Path) -> None:
    """On purpose not as the original with a time limit, which knocks until that is over."""
    words = f"-naccept 1 {PLAIN} -CAfile cas.pem -status_url 127.0.0.1:{free_port()} -status_timeout 15"
    server = start_server(start, OURS, words, place)
    began = time.monotonic()
    client = start([*OPENSSL, "s_client", "-connect", server.address, "-status"], place)
    client.talk([Until("no response sent"), Eof()])
    assert time.monotonic() - began < 5
    client.finish()
    assert "Connection refused" in server.process.finish().err
