"""STARTTLS and HTTP proxies beside the original: the same scripted server, the same words on the wire.

Where the original goes on, gives up or hangs and we do not, the transcript says so, and that is checked as well.
"""

from __future__ import annotations

import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.fixtures import Start, Workdir
from support.normalize import normalize, told
from support.oracle import Case, assert_same, play_alone, scene
from support.peers import drain, peer, start_server
from support.programs import OPENSSL, OURS, TIME_LIMIT, Eof, Finished, Pause, Until
from support.transcripts import Transcript, read_all

TRANSCRIPTS = read_all()
GOOD = [transcript for transcript in TRANSCRIPTS if transcript.good]
BAD = [transcript for transcript in TRANSCRIPTS if not transcript.good]
FIRST = [next(each for each in GOOD if each.protocol == name) for name in {each.protocol: 0 for each in GOOD}]
SMTP, CONNECT = (next(each for each in FIRST if each.protocol == name) for name in ("smtp", "http-connect"))
REFUSED = next(each for each in BAD if each.verbatim and not each.original)


@dataclass
class Front:
    """The server of a transcript, and what it heard: plain text, and whether a ClientHello came then."""

    transcript: Transcript
    directory: Path
    size: int = 65536  # bytes sent at once
    heard: bytearray = field(default_factory=bytearray)
    hello: bool = False

    def __call__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for side, data in self.transcript.turns():
            if side == "C":
                self.hear(connection, len(data))
            elif data:
                self.say(connection, data)
            else:
                connection.shutdown(socket.SHUT_WR)
        self.hello = connection.recv(1, socket.MSG_PEEK) == b"\x16"
        if self.hello and self.transcript.good:
            self.speak_tls(connection)

    def hear(self, connection: socket.socket, size: int) -> None:
        end = len(self.heard) + size
        while len(self.heard) < end and (data := connection.recv(end - len(self.heard))):
            self.heard += data

    def say(self, connection: socket.socket, data: bytes) -> None:
        for start in range(0, len(data), self.size):
            connection.sendall(data[start : start + self.size])

    def speak_tls(self, connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "rsa.pem", self.directory / "rsa.key")
        context.num_tickets = 0
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.sendall(b"behind TLS\n")
            drain(secure)


def words(transcript: Transcript, port: int) -> list[str]:
    """The client's command line for a transcript."""
    if transcript.protocol == "http-connect":
        options = [f"-proxy=127.0.0.1:{port}", "-connect=www.example.org:443"]
        if "user" in transcript.settings:
            options.append(f"-proxy_user={transcript.settings['user']}")
        if "password" in transcript.settings:
            options.append(f"-proxy_pass=pass:{transcript.settings['password']}")
        return options
    options = [f"-connect=localhost:{port}", f"-starttls={transcript.protocol}"]
    return [*options, *(f"-{key}={value}" for key, value in transcript.settings.items())]


def converse(start: Start, program: Sequence[str], front: Front, *extra: str) -> Finished:
    """One client with a front to its end."""
    with peer(front) as port:
        client = start([*program, "s_client", *words(front.transcript, port), *extra], front.directory)
        if front.transcript.good:
            client.talk([Until("behind TLS")])
        client.talk([Eof()])
        finished = client.finish()
    return Finished(finished.code, normalize(finished.out), told(finished.err))


def assert_alike(ours: Finished, original: Finished) -> None:
    case = Case("", "", "")
    assert_same(scene(case, Path(), ours, None), scene(case, Path(), original, None))


@pytest.mark.parametrize("transcript", GOOD, ids=str)
def test_good_conversation(transcript: Transcript, start: Start, workdir: Workdir) -> None:
    original, ours = Front(transcript, workdir("original")), Front(transcript, workdir("ours"))
    result = converse(start, OURS, ours)
    assert result.code == 0, result
    assert ours.hello
    assert ours.heard == transcript.from_client
    if transcript.original == "gives up":
        assert_gives_up(start, original)
        return
    reference = converse(start, OPENSSL, original)
    assert original.heard == ours.heard
    if transcript.original == "other words":
        reference = Finished(reference.code, reference.out, result.err)
    assert_alike(result, reference)


def assert_gives_up(start: Start, front: Front) -> None:
    with peer(front) as port:
        client = start([*OPENSSL, "s_client", *words(front.transcript, port)], front.directory)
        assert client.finish().code == 1
    assert not front.hello


@pytest.mark.parametrize("transcript", BAD, ids=str)
def test_bad_conversation(transcript: Transcript, start: Start, workdir: Workdir) -> None:
    ours, original = Front(transcript, workdir("ours")), Front(transcript, workdir("original"))
    result = converse(start, OURS, ours)
    prefix = "" if transcript.verbatim else "s_client: "
    assert result.err == "".join(f"{line}\n" for line in transcript.notes) + f"{prefix}{transcript.error}\n"
    assert result.code == 1
    assert not ours.hello
    assert ours.heard == transcript.from_client
    if transcript.original == "hangs":
        assert_hangs(start, original)
        return
    reference = converse(start, OPENSSL, original)
    assert original.heard == ours.heard
    assert original.hello == (transcript.original == "goes on")
    if original.hello:
        return
    same_words = transcript.verbatim or transcript.protocol == "http-connect"
    if transcript.original or not same_words:
        reference = Finished(reference.code, result.out, result.err)
    assert_alike(result, reference)


def assert_hangs(start: Start, front: Front) -> None:
    with peer(front) as port:
        client = start([*OPENSSL, "s_client", *words(front.transcript, port)], front.directory)
        client.talk([Eof(), Pause(1)])
        assert client.popen.poll() is None
        client.stop()


@pytest.mark.parametrize("transcript", FIRST, ids=str)
def test_any_split_of_the_answers(transcript: Transcript, start: Start, workdir: Workdir) -> None:
    front = Front(transcript, workdir("ours"), size=1)
    assert converse(start, OURS, front).code == 0
    assert front.heard == transcript.from_client


@pytest.mark.parametrize("transcript", [SMTP, CONNECT, REFUSED], ids=str)
@pytest.mark.parametrize("extra", ["-quiet -no_ign_eof", "-brief", "-prexit", "-tls1_2", "-state"])
def test_other_outputs(transcript: Transcript, extra: str, start: Start, workdir: Workdir) -> None:
    ours = converse(start, OURS, Front(transcript, workdir("ours")), *extra.split())
    original = converse(start, OPENSSL, Front(transcript, workdir("original")), *extra.split())
    assert_alike(ours, original)


@pytest.mark.parametrize("first, second", [("name", "xmpphost"), ("xmpphost", "name")])
def test_last_name_wins(first: str, second: str, start: Start, workdir: Workdir) -> None:
    heard = set()
    for program in (OURS, OPENSSL):
        front = Front(SMTP, workdir(program[-1]))
        converse(start, program, front, f"-{first}=a.example.org", f"-{second}=mail.example.com")
        heard.add(bytes(front.heard))
    assert heard == {SMTP.from_client}


# --- command lines ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, code",
    [
        ("-proxy 127.0.0.1:{port}", 1),
        ("-proxy 127.0.0.1:{port} -connect :77", 1),
        ("-proxy http://127.0.0.1:{port} -connect h:1", 1),
        ("-proxy 127.0.0.1:{port} -connect a:b:c", 1),
        ("-proxy 127.0.0.1:{port} -connect h:1", 1),
        ("-proxy 127.0.0.1:{port} -host h -port 1", 1),
        ("-proxy 127.0.0.1:{port} -connect h:1 -proxy_pass pass:x", 1),
        ("-proxy 127.0.0.1:{port} -connect h:1 -proxy_user u -proxy_pass x", 1),
        ("-proxy 127.0.0.1:{port} -connect h:1 -proxy_user u -proxy_pass env:NO_SUCH_VARIABLE", 1),
        ("-starttls smtp -connect 127.0.0.1:{port}", 1),
        ("-starttls gopher -connect 127.0.0.1:{port}", 1),
    ],
)
def test_command_line(options: str, code: int, start: Start, workdir: Workdir) -> None:
    case = Case("", options, "", code, talk=(Eof(),))
    original = play_alone(start, OPENSSL, "s_client", case, workdir("original"))
    ours = play_alone(start, OURS, "s_client", case, workdir("ours"))
    assert original.tested.code == code
    assert_same(ours, original)


# --- a real proxy ----------------------------------------------------------------------------------------------


@contextmanager
def proxy(password: str | None = None, prepare: bytes = b"") -> Iterator[int]:
    """An HTTP proxy for one client; `prepare` is said to the client by way of the tunnel, before the server speaks."""

    def behave(connection: socket.socket) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += connection.recv(1)
        target = request.split()[1].decode()
        wanted = password and f"Basic {b64encode(password.encode()).decode()}"
        if wanted and f"Proxy-Authorization: {wanted}\r\n" not in request.decode():
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        host, _, port = target.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), TIME_LIMIT) as server:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n" + prepare)
            back = threading.Thread(target=relay, args=(server, connection), daemon=True)
            back.start()
            relay(connection, server)
            back.join(TIME_LIMIT)

    with peer(behave) as port:
        yield port


def relay(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("extra", ["", "-servername www.example.org", "-noservername", "-tls1_2"])
def test_through_a_proxy(extra: str, start: Start, workdir: Workdir) -> None:
    """The name that is sent differs from that without a proxy: the target, whatever it looks like."""
    options = "-naccept 1 -cert rsa.pem -key rsa.key -servername other.example -cert2 rsa.pem -key2 rsa.key -tlsextdebug"
    seen = []
    for program in (OURS, OPENSSL):
        directory = workdir(program[-1])
        server = start_server(start, OPENSSL, options, directory)
        with proxy() as port:
            argv = [
                *program,
                "s_client",
                "-proxy",
                f"127.0.0.1:{port}",
                "-connect",
                server.address,
                *extra.split(),
            ]
            client = start(argv, directory)
            client.talk([b"ping\n"])
            server.process.talk([Until("ping"), b"pong\n"])
            client.talk([Until("pong"), Eof()])
            finished = client.finish()
        names = [line for line in server.process.finish().out.splitlines() if "Hostname" in line]
        seen.append((finished.code, normalize(finished.out), normalize(finished.err), names))
    ours, original = seen
    assert ours == original
    assert ours[0] == 0
    assert bool(ours[3]) == ("-noservername" not in extra)


@pytest.mark.parametrize("given, code", [("u:right", 0), ("u:wrong", 1), ("", 1)])
def test_proxy_wants_a_password(given: str, code: int, start: Start, workdir: Workdir) -> None:
    directory = workdir("ours")
    server = start_server(start, OPENSSL, "-rev -cert rsa.pem -key rsa.key", directory)
    user, _, password = given.partition(":")
    (directory / "proxy.txt").write_text(f"{password}\n")
    extra = ["-proxy_user", user, "-proxy_pass", "file:proxy.txt"] if given else []
    with proxy("u:right") as port:
        argv = [*OURS, "s_client", "-proxy", f"127.0.0.1:{port}", "-connect", server.address, *extra]
        client = start(argv, directory)
        client.talk([b"ping\n", Until("gnip"), Eof()] if code == 0 else [Eof()])
        finished = client.finish()
    assert finished.code == code
    if code:
        words = "HTTP CONNECT failed, reason= 407 Proxy Authentication Required"
        assert finished.err == f"s_client: {words}\n"


def test_through_a_proxy_to_starttls(start: Start, workdir: Workdir) -> None:
    """The server's greeting comes in one piece with the proxy's answer."""
    directory = workdir("ours")
    greeting = b"220 mail.example.com ESMTP\r\n"
    behind = Front(SMTP, directory)
    behind.transcript = Transcript("smtp", "without its greeting", steps=SMTP.steps[1:], reply=SMTP.reply)
    with peer(behind) as server, proxy(prepare=greeting) as port:
        argv = [
            *OURS,
            "s_client",
            f"-proxy=127.0.0.1:{port}",
            f"-connect=127.0.0.1:{server}",
            "-starttls=smtp",
        ]
        client = start(argv, directory)
        client.talk([Until("behind TLS"), Eof()])
        finished = client.finish()
    assert finished.code == 0
    assert finished.err.endswith("250 HELP\r\nDONE\n")
    assert behind.heard == SMTP.from_client


@pytest.mark.parametrize("options", ["-proxy 127.0.0.1:{port} -unix x"])
def test_proxy_leads_to_no_path(options: str, start: Start, workdir: Workdir) -> None:
    case = Case("", options, "", 1, talk=(Eof(),))
    ours = play_alone(start, OURS, "s_client", case, workdir("ours"))
    assert ours.tested.err.startswith("s_client: -proxy requires use of -connect or target parameter\n")
    assert ours.tested.code == 1


@pytest.mark.parametrize(
    "options", ["-starttls smtp -connect 127.0.0.1:{port}", "-proxy 127.0.0.1:{port} -connect h:1"]
)
def test_silence_ends_with_the_connection(options: str, start: Start, workdir: Workdir) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = start([*OURS, "s_client", *options.format(port=port).split()], workdir("ours"))
        connection, _ = listener.accept()
        client.talk([Until("CONNECTED("), Pause()])
        assert client.popen.poll() is None
        connection.shutdown(socket.SHUT_WR)
        finished = client.finish()
        connection.close()
    assert finished.code == 1
    assert "failed, connection closed by the peer\n" in finished.err
