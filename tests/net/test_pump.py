from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

import pytest

from tls.pairs import TLS12, TLS13, client_settings, only, server_settings
from tlsdeck.commands.letters import CLIENT_LETTERS, SERVER_LETTERS
from tlsdeck.errors import NetworkError, OutputError, PeerError
from tlsdeck.events import (
    Blocked,
    CertificateRequestFailed,
    DataReceived,
    Event,
    HandshakeCompleted,
    HandshakeRepeated,
    KeyUpdateRequested,
    MessageSeen,
    RenegotiationRequested,
    RequestRefused,
    StatisticsTaken,
    TransportUsed,
)
from tlsdeck.names import HANDSHAKE
from tlsdeck.net.pump import Ending, Input, Letter, Pump
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.context import Context
from tlsdeck.tls.settings import Settings, Watch
from tlsdeck.tls.transport import descriptor

LIMIT = 20.0  # seconds
KEY_UPDATE = 24
VERSIONS = pytest.mark.parametrize("version", [TLS12, TLS13], ids=["tls12", "tls13"])


class Side:
    """A pump in a thread: `enter` types on its terminal, `seen` what it showed, `ending` how it ended."""

    def __init__(
        self,
        settings: Settings,
        end: socket.socket,
        *,
        letters: Mapping[bytes, Letter] | None = None,
        crlf: bool = False,
        stay: bool = False,
        early: bool | None = None,
        verbose: bool = False,
        size: int = 8192,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        end.setblocking(False)
        self.end = end
        self.seen: list[Event] = []
        self.changed = threading.Condition()
        self.on_event = on_event
        self.read_end, self.write_end = os.pipe()
        early = settings.server if early is None else early
        self.connection = Connection(Context(settings), descriptor(end.fileno()))
        self.pump = Pump(
            self.connection,
            end.fileno(),
            Input(self.read_end, size, crlf=crlf, stay=stay, early=early),
            letters or {},
            self.show,
            read_size=16384,
            verbose=verbose,
        )
        self.ending: Ending | None = None
        self.problem: BaseException | None = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self) -> Side:
        self.thread.start()
        return self

    def run(self) -> None:
        try:
            self.ending = self.pump.run()
            if self.ending.reason in {"input", "quit"}:
                self.connection.shutdown()
        except BaseException as problem:
            self.problem = problem
        with suppress(OSError):
            self.end.shutdown(socket.SHUT_WR)

    def show(self, event: Event) -> None:
        if self.on_event:
            self.on_event(event)
        with self.changed:
            self.seen.append(event)
            self.changed.notify_all()

    def enter(self, data: bytes) -> None:
        os.write(self.write_end, data)

    def end_input(self) -> None:
        os.close(self.write_end)
        self.write_end = -1

    def data(self) -> bytes:
        with self.changed:
            return b"".join(event.data for event in self.seen if isinstance(event, DataReceived))

    def kinds(self) -> set[type[Event]]:
        with self.changed:
            return {type(event) for event in self.seen}

    def until(self, check: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(check, LIMIT), self.seen

    def until_data(self, data: bytes) -> None:
        self.until(lambda: data in self.data())

    def until_seen(self, kind: type[Event]) -> None:
        self.until(lambda: kind in self.kinds())

    def finish(self) -> Ending:
        self.thread.join(LIMIT)
        assert not self.thread.is_alive()
        if self.problem is not None:
            raise self.problem
        assert self.ending is not None
        return self.ending

    def close(self) -> None:
        self.end.close()
        if self.thread.ident is not None:
            self.thread.join(LIMIT)
        os.close(self.read_end)
        if self.write_end >= 0:
            os.close(self.write_end)


MakeSide = Callable[..., Side]


@pytest.fixture
def side() -> Iterator[MakeSide]:
    """Make a side; all are closed at the test's end."""
    made: list[Side] = []

    def make(settings: Settings, end: socket.socket, **options: object) -> Side:
        made.append(Side(settings, end, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        if each.thread.ident is not None and each.thread.is_alive():
            with suppress(OSError):
                each.end.shutdown(socket.SHUT_RDWR)
            if each.write_end >= 0:
                each.end_input()
        each.close()


Both = Callable[..., tuple[Side, Side]]


@pytest.fixture
def both(side: MakeSide, pki: Mapping[str, bytes]) -> Both:
    """A client's and a server's side, connected and running."""

    def make(
        version: int = TLS13,
        client: Mapping[str, object] | None = None,
        server: Mapping[str, object] | None = None,
        commands: tuple[tuple[str, str | None], ...] = (),  # the server's
        **fields: object,
    ) -> tuple[Side, Side]:
        near, far = socket.socketpair()
        first = side(
            client_settings(**only(version), **fields), near, **{"letters": CLIENT_LETTERS, **(client or {})}
        )
        serving = server_settings(pki, conf_commands=commands, **fields)
        second = side(serving, far, **{"letters": SERVER_LETTERS, **(server or {})})
        first.start()
        second.start()
        first.until_seen(HandshakeCompleted)
        second.until_seen(HandshakeCompleted)
        return first, second

    return make


# --- data ------------------------------------------------------------------------------------------------------


@VERSIONS
def test_pump_passes_lines_both_ways_until_input_ends(version: int, both: Both) -> None:
    client, server = both(version)
    client.enter(b"to the server\n")
    server.until_data(b"to the server\n")
    server.enter(b"to the client\n")
    client.until_data(b"to the client\n")
    client.end_input()
    assert client.finish() == Ending("input")
    assert server.finish() == Ending("peer")


def test_pump_shows_the_handshake_first(both: Both) -> None:
    client, _ = both()
    completed = next(event for event in client.seen if isinstance(event, HandshakeCompleted))
    assert completed.summary.version == "TLSv1.3"
    assert completed.session_pem.startswith("-----BEGIN SSL SESSION")


def test_pump_takes_input_to_the_end(both: Both) -> None:
    client, server = both()
    for number in range(50):
        client.enter(b"line %d\n" % number)
    client.end_input()
    assert client.finish() == Ending("input")
    assert server.finish() == Ending("peer")
    assert server.data() == b"".join(b"line %d\n" % number for number in range(50))


def test_pump_stays_when_input_ends_if_so_wished(both: Both) -> None:
    client, server = both(client={"stay": True})
    client.end_input()
    server.enter(b"still there?\n")
    client.until_data(b"still there?\n")
    server.enter(b"Q\n")
    assert server.finish() == Ending("quit")
    assert client.finish() == Ending("peer")


def test_pump_turns_line_ends_into_crlf(both: Both) -> None:
    client, server = both(client={"crlf": True})
    client.enter(b"one\ntwo\n\n")
    server.until_data(b"one\r\ntwo\r\n\r\n")


@VERSIONS
def test_pump_passes_much_data_both_ways_at_once(version: int, both: Both) -> None:
    """Each side sends 5 MB before it looks at what it gets; neither may block the other."""
    client, server = both(version, {"letters": {}}, {"letters": {}})
    sent = {}

    def write(side: Side, seed: int) -> None:
        data = bytes((seed + i) % 251 for i in range(5000)) * 1000
        sent[side] = data
        view = memoryview(data)
        while view:
            view = view[os.write(side.write_end, view) :]

    writers = [threading.Thread(target=write, args=each, daemon=True) for each in ((client, 0), (server, 7))]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(LIMIT)
        assert not writer.is_alive()
    client.until(lambda: sum(len(e.data) for e in client.seen if isinstance(e, DataReceived)) == 5_000_000)
    server.until(lambda: sum(len(e.data) for e in server.seen if isinstance(e, DataReceived)) == 5_000_000)
    assert client.data() == sent[server]
    assert server.data() == sent[client]


def test_pump_reads_while_its_own_write_waits(side: MakeSide, pki: Mapping[str, bytes]) -> None:
    """The peer takes nothing until it has been heard."""
    near, far = socket.socketpair()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client = side(client_settings(), near, size=1_000_000)
    server = Connection(Context(server_settings(pki)), descriptor(far.fileno()))
    client.start()
    with far:
        while not server.handshake():
            pass
        client.until_seen(HandshakeCompleted)
        writer = threading.Thread(target=lambda: client.enter(bytes(300_000)), daemon=True)
        writer.start()
        while server.pending() or len(far.recv(65536, socket.MSG_PEEK)) < 2000:
            pass  # until the client's write is under way
        assert server.write(b"listen!")
        client.until_data(b"listen!")
        taken = 0
        while taken < 300_000:
            taken += len(server.read(65536) or b"")
        writer.join(LIMIT)


def test_pump_ends_when_its_output_does(both: Both) -> None:
    def full(event: Event) -> None:
        if isinstance(event, DataReceived):
            raise OutputError("nobody reads this")

    client, server = both(client={"on_event": full})
    server.enter(b"something\n")
    ending = client.finish()
    assert ending.reason == "output"
    assert isinstance(ending.error, OutputError)


def test_pump_is_not_held_up_by_an_input_that_is_closed(side: MakeSide, pki: Mapping[str, bytes]) -> None:
    near, far = socket.socketpair()
    client = side(client_settings(), near)
    os.close(client.read_end)
    client.read_end = os.open("/dev/null", os.O_WRONLY)  # cannot be read
    client.start()
    server = side(server_settings(pki), far, letters=SERVER_LETTERS)
    server.start()
    assert client.finish() == Ending("input")


def test_input_that_has_nothing_yet_is_still_open() -> None:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        source = Input(near.fileno(), 10, crlf=False, stay=False, early=False)
        assert source.read() == b""
        assert source.open
        far.sendall(b"more than ten bytes")
        assert source.read() == b"more than "
        far.close()
        assert source.read() == b"ten bytes"[:9]
        assert source.read() == b""
        assert not source.open


# --- waits -----------------------------------------------------------------------------------------------------


def test_pump_shows_every_wait_if_so_wished(both: Both) -> None:
    client, _ = both(client={"verbose": True})
    assert Blocked("handshake", "read") in client.seen
    quiet, _ = both()
    assert Blocked("handshake", "read") not in quiet.seen


def test_pump_tells_of_a_record_without_data(both: Both) -> None:
    """Such as a ticket of TLS 1.3; scripts see `read R BLOCK`."""
    client, _ = both()
    client.until(lambda: Blocked("read", "read") in client.seen)


def test_pump_does_not_spin_while_nothing_happens(both: Both) -> None:
    client, server = both(watch=Watch(transport=True, retries=True))
    client.enter(b"hello\n")
    server.until_data(b"hello\n")
    calls = sum(isinstance(event, TransportUsed) for event in client.seen)
    server.enter(b"answer\n")
    client.until_data(b"answer\n")
    assert sum(isinstance(event, TransportUsed) for event in client.seen) - calls < 10


# --- the other side fails --------------------------------------------------------------------------------------


def test_pump_ends_with_a_peer_that_speaks_no_tls(side: MakeSide) -> None:
    near, far = socket.socketpair()
    with far:
        client = side(client_settings(), near).start()
        far.sendall(b"220 hello, I speak plain text\r\n")
        ending = client.finish()
    assert (ending.reason, ending.operation) == ("handshake", "write")
    assert isinstance(ending.error, PeerError)
    assert "wrong version number" in ending.error.stack[0]
    assert HandshakeCompleted not in client.kinds()


def test_pump_ends_with_a_peer_that_goes_during_the_handshake(side: MakeSide) -> None:
    near, far = socket.socketpair()
    client = side(client_settings(), near).start()
    far.recv(1000)
    far.close()
    ending = client.finish()
    assert ending.reason == "handshake"
    assert isinstance(ending.error, (PeerError, NetworkError))


def test_pump_ends_with_close_notify_during_the_handshake(side: MakeSide) -> None:
    near, far = socket.socketpair()
    with far:
        client = side(client_settings(), near).start()
        far.sendall(bytes.fromhex("15 03 03 00 02 01 00"))
        ending = client.finish()
    assert ending.reason == "handshake"
    assert isinstance(ending.error, PeerError)
    assert ending.error.stack == ()
    assert HandshakeCompleted not in client.kinds()


@VERSIONS
def test_pump_ends_when_the_peer_breaks_off(version: int, both: Both) -> None:
    client, server = both(version)
    server.end.shutdown(socket.SHUT_WR)
    ending = client.finish()
    assert (ending.reason, ending.operation) == ("failed", "read")
    assert isinstance(ending.error, PeerError)
    assert "unexpected eof" in ending.error.stack[0]


def test_pump_ends_when_the_peer_resets(side: MakeSide, pki: Mapping[str, bytes]) -> None:
    near, far = socket.socketpair()
    client = side(client_settings(), near).start()
    server = Connection(Context(server_settings(pki)), descriptor(far.fileno()))
    with far:
        while not server.handshake():
            pass
        client.until_seen(HandshakeCompleted)
        client.enter(b"nobody reads this\n")
        while not far.recv(1, socket.MSG_PEEK):
            pass
    ending = client.finish()
    assert (ending.reason, ending.operation) == ("failed", "read")
    assert isinstance(ending.error, NetworkError)
    assert ending.error.errno == 104


# --- letters ---------------------------------------------------------------------------------------------------


def test_letter_q_ends_the_conversation(both: Both) -> None:
    client, server = both()
    client.enter(b"Quit, whatever follows\n")
    assert client.finish() == Ending("quit")
    assert server.finish() == Ending("peer")
    assert server.data() == b""


def test_letter_of_the_server_drops_the_client(both: Both) -> None:
    client, server = both()
    server.enter(b"q\n")
    assert server.finish() == Ending("drop")
    assert client.finish().reason == "failed"


def test_letter_that_must_stand_alone_is_data_otherwise(both: Both) -> None:
    client, server = both()
    server.enter(b"kind regards\n")
    client.until_data(b"kind regards\n")
    server.enter(b"really\n")
    client.until_data(b"really\n")


def test_letters_are_data_without_a_table(both: Both) -> None:
    client, server = both(client={"letters": {}})
    client.enter(b"Q\n")
    server.until_data(b"Q\n")


@pytest.mark.parametrize("letter, of_peer", [(b"k\n", False), (b"K\n", True)])
@pytest.mark.parametrize("by_server", [False, True])
def test_letters_update_keys(letter: bytes, of_peer: bool, by_server: bool, both: Both) -> None:
    client, server = both(watch=Watch(messages=True))
    asker, other = (server, client) if by_server else (client, server)
    asker.enter(letter)
    if by_server:
        asker.until_seen(HandshakeRepeated)
        assert HandshakeRepeated(1) in asker.seen
    else:
        asker.until_seen(KeyUpdateRequested)
        assert KeyUpdateRequested(of_peer) in asker.seen
    for first, second in ((asker, other), (other, asker)):
        first.enter(b"still here\n")
        second.until_data(b"still here\n")

    def updates(side: Side) -> list[bool]:
        seen = [event for event in side.seen if isinstance(event, MessageSeen)]
        return [e.sent for e in seen if e.content_type == HANDSHAKE and e.data[0] == KEY_UPDATE]

    assert updates(asker) == ([True, False] if of_peer else [True])


def test_letter_renegotiates_for_the_client(both: Both) -> None:
    client, server = both(TLS12, commands=(("client_renegotiation", None),), watch=Watch(messages=True))
    client.enter(b"R\n")
    client.until_seen(RenegotiationRequested)
    client.enter(b"after\n")
    server.until_data(b"after\n")
    hellos = [
        event
        for event in server.seen
        if isinstance(event, MessageSeen) and event.content_type == HANDSHAKE and event.data[0] == 1
    ]
    assert len(hellos) == 2


def test_letter_that_libssl_refuses_ends_the_client(both: Both) -> None:
    client, _ = both(TLS13)
    client.enter(b"R\n")
    ending = client.finish()
    assert (ending.reason, ending.operation) == ("failed", "write")
    assert ending.error is not None
    assert "wrong ssl version" in ending.error.stack[0]


@pytest.mark.parametrize("letter", [b"r\n", b"R\n"])
def test_letters_renegotiate_for_the_server(letter: bytes, both: Both) -> None:
    client, server = both(TLS12)
    server.enter(letter)
    server.until_seen(HandshakeRepeated)
    server.enter(b"after\n")
    client.until_data(b"after\n")
    client.enter(b"after\n")
    server.until_data(b"after\n")


def test_letter_that_libssl_refuses_leaves_the_server(both: Both) -> None:
    client, server = both(TLS13)
    server.enter(b"r\n")
    server.until_seen(RequestRefused)
    server.enter(b"goes on\n")
    client.until_data(b"goes on\n")


@pytest.mark.parametrize(
    "version, kind", [(TLS12, CertificateRequestFailed), (TLS13, CertificateRequestFailed)]
)
def test_letter_c_asks_for_a_certificate_where_that_is_possible(
    version: int, kind: type[Event], both: Both
) -> None:
    """Neither TLS 1.2 nor a client that did not offer it."""
    client, server = both(version)
    server.enter(b"c\n")
    server.until_seen(kind)
    server.enter(b"goes on\n")
    client.until_data(b"goes on\n")


def test_letter_c_asks_for_a_certificate(side: MakeSide, pki: Mapping[str, bytes]) -> None:
    near, far = socket.socketpair()
    server = side(server_settings(pki), far, letters=SERVER_LETTERS).start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.post_handshake_auth = True
    near.settimeout(LIMIT)
    with near, context.wrap_socket(near) as client:
        server.until_seen(HandshakeCompleted)
        server.enter(b"c\n")
        server.until_seen(HandshakeRepeated)
        assert HandshakeRepeated(1) in server.seen
        server.enter(b"who?\n")
        assert client.recv(100) == b"who?\n"
        client.sendall(b"nobody\n")
        server.until_data(b"nobody\n")


def test_letter_s_shows_statistics_and_is_sent(both: Both) -> None:
    client, server = both()
    server.enter(b"S\n")
    server.until_seen(StatisticsTaken)
    client.until_data(b"S\n")
    taken = next(event for event in server.seen if isinstance(event, StatisticsTaken))
    assert taken.statistics.accepts_finished == 1


def test_letter_p_puts_plain_text_on_the_wire(both: Both) -> None:
    client, server = both()
    server.enter(b"P\n")
    ending = client.finish()
    assert ending.reason == "failed"
    assert isinstance(ending.error, PeerError)


def test_letter_during_the_handshake_meets_a_broken_peer(side: MakeSide, pki: Mapping[str, bytes]) -> None:
    """What goes wrong is the peer's fault and ends this conversation, not the server."""
    near, far = socket.socketpair()
    with near:
        server = side(server_settings(pki), far, letters=SERVER_LETTERS)
        server.enter(b"k\n")
        near.sendall(b"this is no TLS\n")
        ending = server.start().finish()
    assert ending.reason == "handshake"
    assert isinstance(ending.error, PeerError)
    assert RequestRefused in server.kinds()


def test_letter_q_leaves_before_a_client_says_anything(side: MakeSide, pki: Mapping[str, bytes]) -> None:
    near, far = socket.socketpair()
    with near:
        server = side(server_settings(pki), far, letters=SERVER_LETTERS)
        server.enter(b"Q\n")
        assert server.start().finish() == Ending("quit")


def test_input_of_the_server_waits_for_the_handshake(side: MakeSide, pki: Mapping[str, bytes]) -> None:
    near, far = socket.socketpair()
    server = side(server_settings(pki), far, letters=SERVER_LETTERS)
    server.enter(b"welcome\n")
    server.start()
    client = side(client_settings(), near).start()
    client.until_data(b"welcome\n")


def test_close_notify_in_a_renegotiation_is_the_peers_end(side: MakeSide, pki: Mapping[str, bytes]) -> None:
    near, far = socket.socketpair()
    client = side(client_settings(**only(TLS12)), near, letters=CLIENT_LETTERS).start()
    server = Connection(Context(server_settings(pki)), descriptor(far.fileno()))
    with far:
        while not server.handshake():
            pass
        client.until_seen(HandshakeCompleted)
        client.enter(b"R\n")
        client.until_seen(RenegotiationRequested)
        server.shutdown()
        assert client.finish() == Ending("peer")
