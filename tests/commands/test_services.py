"""The services as generators: what they wait for, and what happens when their client breaks off."""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path

import pytest

from support.descriptors import none_left
from support.pki import populate
from tls.pairs import TLS12, TLS13, client_settings, only, server_settings
from tlsdeck.commands import services
from tlsdeck.commands.common import Audience
from tlsdeck.commands.services import Reverse, Web
from tlsdeck.errors import ConfigurationError, PeerError
from tlsdeck.events import (
    Closed,
    ConnectionDropped,
    ConnectionFailed,
    Event,
    FileServed,
    HandshakeCompleted,
    HandshakeFailed,
    PeerClosed,
    RenegotiationStarted,
)
from tlsdeck.net.limits import Clock
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.context import Context
from tlsdeck.tls.settings import Watch
from tlsdeck.tls.transport import descriptor

Service = Callable[[int, Clock], Generator[str]]
VERSIONS = pytest.mark.parametrize("version", [TLS12, TLS13], ids=["tls12", "tls13"])


class Visit:
    """A client of a service, both driven in turns."""

    def __init__(self, service: Service, version: int = TLS13, **fields: object) -> None:
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        self.far.setblocking(False)
        self.client = Connection(
            Context(client_settings(**only(version), **fields)), descriptor(self.near.fileno())
        )
        self.service = service(self.far.fileno(), Clock())
        self.waits: list[str] = []
        self.over = False

    def turn(self) -> None:
        """The service goes on as far as it can."""
        for _ in range(50):
            if self.over:
                return
            wait = next(self.service, None)
            if wait is None:
                self.over = True
            else:
                self.waits.append(wait)

    def shake(self) -> Visit:
        while not self.client.handshake():
            self.turn()
        self.turn()
        return self

    def received(self) -> bytes:
        """Everything that has arrived so far."""
        data = b""
        while not self.client.peer_closed:
            chunk = self.client.read(65536)
            if chunk is None and not select.select([self.near], [], [], 0)[0]:
                break
            data += chunk or b""
        return data

    def ask(self, question: bytes) -> bytes:
        """The whole answer."""
        self.client.write(question)
        answer = b""
        for _ in range(200):
            self.turn()
            answer += self.received()
            if self.client.peer_closed:
                return answer
        raise AssertionError(answer)

    def close(self) -> None:
        self.service.close()
        self.near.close()
        self.far.close()


class Scene:
    """Services of one server, and what they show."""

    def __init__(self, pki: Mapping[str, bytes], **fields: object) -> None:
        self.context = Context(server_settings(pki, **fields))
        self.shown: list[Event] = []  # but that a connection is closed, which is told of each
        self.audience = Audience([self], None)

    def show(self, event: Event) -> None:
        if not isinstance(event, Closed):
            self.shown.append(event)

    def web(self, mode: str, id_context: bytes | None = None) -> Web:
        return Web(
            self.context, mode, ["s_server"], id_context=id_context, binary=False, audience=self.audience
        )

    def reverse(self, *, ignore_close: bool = False) -> Reverse:
        return Reverse(self.context, id_context=None, ignore_close=ignore_close, audience=self.audience)


@pytest.fixture
def here(pki: Mapping[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(populate(tmp_path / "here", dict(pki)))
    return tmp_path / "here"


@pytest.fixture
def visit() -> Iterator[Callable[..., Visit]]:
    """Visit a service; no descriptor is left open."""
    made: list[Visit] = []

    def make(*args: object, **fields: object) -> Visit:
        made.append(Visit(*args, **fields))  # type: ignore[arg-type]
        return made[-1]

    with none_left():
        yield make
        for each in made:
            each.close()


MakeVisit = Callable[..., Visit]


@VERSIONS
def test_web_sends_the_status_page(version: int, visit: MakeVisit, pki: Mapping[str, bytes]) -> None:
    scene = Scene(pki)
    client = visit(scene.web("www", b"context"), version).shake()
    assert client.waits[0] == "read"
    page = client.ask(b"GET / HTTP/1.0\r\n\r\n")
    assert page.startswith(b"HTTP/1.0 200 ok\r\nContent-type: text/html\r\n\r\n")
    assert client.over
    assert scene.shown == []


def test_web_waits_for_the_whole_line(visit: MakeVisit, pki: Mapping[str, bytes]) -> None:
    client = visit(Scene(pki).web("www")).shake()
    client.client.write(b"GET / HT")
    client.turn()
    assert not client.over
    assert client.ask(b"TP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200 ok")


def test_web_answers_nothing_to_nothing(visit: MakeVisit, pki: Mapping[str, bytes]) -> None:
    client = visit(Scene(pki).web("www")).shake()
    client.client.shutdown()
    client.turn()
    assert client.over
    assert client.received() == b""


def test_web_sends_large_files_in_turns(visit: MakeVisit, pki: Mapping[str, bytes], here: Path) -> None:
    content = os.urandom(1_000_000)
    (here / "large.bin").write_bytes(content)
    scene = Scene(pki)
    client = visit(scene.web("WWW")).shake()
    answer = client.ask(b"GET /large.bin HTTP/1.0\r\n\r\n")
    assert answer.endswith(content)
    assert client.waits.count("write") > 3
    assert [type(event) for event in scene.shown] == [FileServed]


def test_web_closes_the_file_of_a_client_that_breaks_off(
    visit: MakeVisit, pki: Mapping[str, bytes], here: Path
) -> None:
    (here / "large.bin").write_bytes(bytes(5_000_000))
    scene = Scene(pki)
    client = visit(scene.web("WWW")).shake()
    client.client.write(b"GET /large.bin HTTP/1.0\r\n\r\n")
    client.turn()
    assert "write" in client.waits
    client.near.close()
    client.turn()
    assert client.over
    assert isinstance(scene.shown[-1], ConnectionFailed)


@pytest.mark.parametrize("path", [b"/reneg", b"/renegcert"])
def test_web_renegotiates(path: bytes, visit: MakeVisit, pki: Mapping[str, bytes]) -> None:
    scene = Scene(pki)
    client = visit(scene.web("www"), TLS12).shake()
    page = client.ask(b"GET " + path + b" HTTP/1.0\r\n\r\n")
    assert scene.shown == [RenegotiationStarted(1)]
    assert b"Ciphers supported in s_server binary" in page


def test_web_cannot_renegotiate_in_tls13(visit: MakeVisit, pki: Mapping[str, bytes]) -> None:
    scene = Scene(pki)
    page = visit(scene.web("www"), TLS13).shake().ask(b"GET /reneg HTTP/1.0\r\n\r\n")
    assert scene.shown == [RenegotiationStarted(0)]
    assert page.startswith(b"HTTP/1.0 200 ok")


def test_reverse_answers_every_line_backwards(visit: MakeVisit, pki: Mapping[str, bytes]) -> None:
    scene = Scene(pki)
    client = visit(scene.reverse()).shake()
    assert isinstance(scene.shown[0], HandshakeCompleted)
    for line, answer in ((b"hello\n", b"olleh\n"), (b"a\nbc\n", b"a\ncb\n")):
        client.client.write(line)
        client.turn()
        assert client.received() == answer
    client.client.shutdown()
    client.turn()
    assert client.over
    assert scene.shown[1:] == [PeerClosed()]


def test_reverse_hangs_up_when_asked_to(visit: MakeVisit, pki: Mapping[str, bytes]) -> None:
    scene = Scene(pki)
    assert visit(scene.reverse()).shake().ask(b"CLOSE\n") == b""
    assert scene.shown[1:] == [ConnectionDropped()]


def test_service_tells_of_a_failed_handshake(visit: MakeVisit, pki: Mapping[str, bytes]) -> None:
    scene = Scene(pki)
    client = visit(scene.reverse())
    client.near.sendall(b"this is no TLS\r\n")
    client.turn()
    assert client.over
    (failed,) = scene.shown
    assert isinstance(failed, HandshakeFailed)
    assert "wrong version number" in failed.stack[0]


def test_service_tells_of_a_client_that_closes_during_the_handshake(
    visit: MakeVisit, pki: Mapping[str, bytes]
) -> None:
    scene = Scene(pki)
    client = visit(scene.reverse())
    client.near.sendall(bytes.fromhex("15 03 03 00 02 01 00"))
    client.turn()
    assert client.over
    assert isinstance(scene.shown[0], HandshakeFailed)


def test_service_tells_of_a_client_that_breaks_off(visit: MakeVisit, pki: Mapping[str, bytes]) -> None:
    scene = Scene(pki)
    client = visit(scene.reverse()).shake()
    client.near.shutdown(socket.SHUT_WR)
    client.turn()
    assert client.over
    assert isinstance(scene.shown[-1], PeerClosed)


def test_service_that_is_left_closes_its_connection(visit: MakeVisit, pki: Mapping[str, bytes]) -> None:
    client = visit(Scene(pki).reverse()).shake()
    client.service.close()
    client.far.shutdown(socket.SHUT_WR)
    with pytest.raises(PeerError, match="unexpected eof"):
        client.received()


def test_fill_says_which_file_cannot_be_read(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(ConfigurationError) as caught:
            services._fill(memoryview(bytearray(10)), descriptor, "a.txt")
    finally:
        os.close(descriptor)
    assert caught.value.stack == ("Error reading 'a.txt': Is a directory",)


# --- pages for browsers and programs -------------------------------------------------------------------------------

BROWSER = b"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n"


@VERSIONS
def test_a_browser_gets_a_page_that_ends_with_the_classic_one(
    pki: Mapping[str, bytes], visit: Callable[..., Visit], version: int
) -> None:
    scene = Scene(pki, watch=Watch(hellos=True))
    reply = visit(scene.web("www"), version).shake().ask(BROWSER)
    assert reply.startswith(b"HTTP/1.0 200 ok\r\nContent-type: text/html\r\n")
    assert b"<!DOCTYPE html>" in reply
    classic = reply.partition(b"<pre>")[2]
    assert classic.startswith(b"\n\ns_server \nSecure Renegotiation IS")
    assert b"\n---\nNew, TLSv1.3, Cipher is " in classic or b"\n---\nNew, TLSv1.2, Cipher is " in classic
    assert b"no client certificate available\n</pre>" in classic


def test_a_program_gets_json(pki: Mapping[str, bytes], visit: Callable[..., Visit]) -> None:
    scene = Scene(pki, watch=Watch(hellos=True))
    reply = visit(scene.web("www")).shake().ask(b"GET /stats.json HTTP/1.0\r\n\r\n")
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 ok\r\nContent-type: application/json\r\n")
    assert json.loads(body)["chosen"]["version"] == "TLS 1.3"


@pytest.mark.parametrize("request_", [BROWSER, b"GET /stats.json HTTP/1.0\r\n\r\n"])
def test_without_a_kept_hello_there_is_the_classic_page(
    pki: Mapping[str, bytes], visit: Callable[..., Visit], request_: bytes
) -> None:
    reply = visit(Scene(pki).web("www")).shake().ask(request_)
    assert reply.startswith(b"HTTP/1.0 200 ok\r\nContent-type: text/html\r\n\r\n<HTML><BODY")


@pytest.mark.parametrize("offers", [True, False])
def test_offers_are_told_of_web_clients_too(
    pki: Mapping[str, bytes], visit: Callable[..., Visit], offers: bool
) -> None:
    scene = Scene(pki, watch=Watch(offers=offers))
    visit(scene.web("www")).shake().ask(b"GET / HTTP/1.0\r\n\r\n")
    told = [event.summary.offer for event in scene.shown if isinstance(event, HandshakeCompleted)]
    assert len(told) == offers
    assert None not in told
