from __future__ import annotations

import gc
import resource
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.descriptors import descriptors
from tls.pairs import CHUNK, TLS12, TLS13, Pair, client_settings, now, only, received, server_settings
from tlsdeck.errors import CertificateError, LibraryError, NetworkError, PeerError, TlsdeckError
from tlsdeck.events import (
    AlertSeen,
    CertificateChecked,
    Event,
    ExtensionSeen,
    MessageSeen,
    StateChanged,
    TicketReceived,
    TransportUsed,
)
from tlsdeck.names import ALERT, HANDSHAKE
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.context import Context
from tlsdeck.tls.session import load_session
from tlsdeck.tls.settings import Settings, Watch
from tlsdeck.tls.transport import descriptor, memory
from tlsdeck.tls.verify import Trust

MakePair = Callable[..., Pair]
Serving = Callable[..., Settings]
VERSIONS = pytest.mark.parametrize("version", [TLS12, TLS13], ids=["tls12", "tls13"])
NEW_SESSION_TICKET, KEY_UPDATE, HELLO_REQUEST, CERTIFICATE_REQUEST = 4, 24, 0, 13

# --- handshake and data ----------------------------------------------------------------------------------------


@VERSIONS
def test_connection_agrees_on_the_version_and_passes_data(version: int, pair: MakePair) -> None:
    both = pair(client_settings(**only(version)))
    assert both.client.version == both.server.version == version
    assert both.client.established
    assert both.server.established
    assert both.tell(both.client, b"to the server") == b"to the server"
    assert both.tell(both.server, b"to the client") == b"to the client"


@pytest.mark.parametrize("name", ["rsa", "ecdsa", "ed25519"])
def test_connection_works_with_every_kind_of_key(name: str, pair: MakePair, serving: Serving) -> None:
    assert pair(None, serving(name)).client.established


def test_want_says_what_an_operation_waits_for(serving: Serving) -> None:
    both = Pair(client_settings(), serving())
    assert now(both.client, "want") is None
    assert both.server.handshake() is False
    assert now(both.server, "want") == "read"
    assert both.client.handshake() is False
    assert now(both.client, "want") == "read"
    both.carry()
    both.shake()
    assert now(both.client, "want") is None
    assert both.client.read(10) is None
    assert now(both.client, "want") == "read"


@contextmanager
def over_sockets(serving: Serving) -> Iterator[tuple[Connection, Connection, socket.socket]]:
    """A client and a server, their handshake done, and the server's socket."""
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        client = Connection(Context(client_settings()), descriptor(near.fileno()))
        server = Connection(Context(serving()), descriptor(far.fileno()))
        while not (client.handshake() & server.handshake()):
            pass
        yield client, server, far


def test_want_is_write_while_the_transport_is_full(serving: Serving) -> None:
    with over_sockets(serving) as (client, server, _):
        data = bytes(CHUNK)
        while client.write(data):
            pass
        assert client.want == "write"
        arrived = 0
        while not client.write(bytes(bytearray(data))):  # equal data, wherever it is now
            arrived += len(server.read(CHUNK) or b"")
        assert now(client, "want") is None
        assert arrived > 0


@VERSIONS
def test_write_takes_more_than_any_buffer(version: int, pair: MakePair) -> None:
    both = pair(client_settings(**only(version)))
    data = bytes(range(256)) * 4000
    assert both.tell(both.client, data) == data


@pytest.mark.parametrize("size", [20_000, 66_000, 10_000_000])
def test_gathered_records_arrive_as_the_others(size: int, serving: Serving) -> None:
    with over_sockets(serving) as (client, server, _):
        data = bytes(range(251)) * 4000
        client.gather(size)
        client.gather(size)
        for _ in range(2):
            arrived = b""
            while not client.write(data):
                assert client.want == "write"
                arrived += received(server)
            assert arrived + received(server) == data


def test_close_notify_comes_behind_what_was_gathered(serving: Serving) -> None:
    with over_sockets(serving) as (client, server, _):
        data = bytes(range(251)) * 4000
        client.gather(len(data) * 2)
        assert client.write(data) is False  # libssl has all of it, the socket has not
        assert client.shutdown() is False
        arrived = received(server)
        while not client.shutdown():
            arrived += received(server)
        assert arrived + received(server) == data
        assert server.peer_closed


def test_gathered_records_that_nobody_takes_are_a_network_error(serving: Serving) -> None:
    with over_sockets(serving) as (client, _, far):
        data = bytes(10 * CHUNK)
        client.gather(2 * len(data))
        assert client.write(data) is False
        far.close()
        with pytest.raises(NetworkError):
            client.write(data)
        assert client.shutdown()


def test_write_takes_views_and_nothing(pair: MakePair) -> None:
    both = pair()
    assert both.client.write(memoryview(b"a view")[2:]) is True
    assert both.client.write(b"") is True
    both.carry()
    assert received(both.server) == b"view"


def test_read_gives_at_most_what_was_asked_for(pair: MakePair) -> None:
    both = pair()
    both.client.write(b"0123456789")
    both.carry()
    assert both.server.read(4) == b"0123"
    assert both.server.pending()
    assert both.server.read(100) == b"456789"
    assert not both.server.pending()
    assert both.server.read(100) is None


def test_read_of_nothing_waits() -> None:
    client = Connection(Context(client_settings()), memory())
    assert client.read(0) is None


def test_read_carries_the_handshake_on(serving: Serving) -> None:
    both = Pair(client_settings(), serving())
    while not (both.client.established and both.server.established):
        assert both.client.read(10) is None
        assert both.server.read(10) is None
        both.carry()


def test_read_finds_data_behind_tickets(pair: MakePair) -> None:
    both = pair(client_settings(**only(TLS13)))
    both.server.write(b"hello")
    both.carry()
    assert both.client.read(100) == b"hello"


# --- the end ---------------------------------------------------------------------------------------------------


@VERSIONS
def test_shutdown_tells_the_peer(version: int, pair: MakePair) -> None:
    both = pair(client_settings(**only(version)))
    both.client.write(b"last words")
    both.client.shutdown()
    both.carry()
    assert not now(both.server, "peer_closed")
    assert both.server.read(100) == b"last words"
    assert both.server.read(100) == b""
    assert both.server.read(100) == b""
    assert both.server.peer_closed
    assert both.server.write(b"half open")
    both.carry()


def test_write_to_a_peer_that_said_goodbye_and_left_is_an_error(serving: Serving) -> None:
    near, far = socket.socketpair()
    with near, far:
        client = Connection(Context(client_settings()), descriptor(near.fileno()))
        server = Connection(Context(serving()), descriptor(far.fileno()))
        for end in (near, far):
            end.setblocking(False)
        while not (client.handshake() & server.handshake()):
            pass
        client.shutdown()
        near.close()
        assert server.read(CHUNK) == b""
        with pytest.raises(PeerError) as caught:
            server.write(b"to nobody")
    assert str(caught.value) == "the peer closed the connection"


def test_write_after_shutdown_is_an_error(pair: MakePair) -> None:
    both = pair()
    both.client.shutdown()
    with pytest.raises(PeerError, match="protocol is shutdown"):
        both.client.write(b"too late")


def test_shutdown_before_the_handshake_does_nothing() -> None:
    client = Connection(Context(client_settings()), memory())
    client.shutdown()
    assert client.drain() == ()


@VERSIONS
def test_end_without_close_notify_is_an_error(version: int, pair: MakePair) -> None:
    both = pair(client_settings(**only(version)))
    both.to_server.feed_end()
    with pytest.raises(PeerError, match="unexpected eof"):
        both.server.read(100)
    with pytest.raises(TlsdeckError):
        both.server.read(100)
    assert not now(both.server, "peer_closed")


def test_end_without_close_notify_may_be_accepted(pair: MakePair, serving: Serving) -> None:
    both = pair(None, serving(ignore_unexpected_eof=True))
    both.to_server.feed_end()
    assert both.server.read(100) == b""


def test_end_during_the_handshake_is_an_error() -> None:
    transport = memory()
    client = Connection(Context(client_settings()), transport)
    client.handshake()
    transport.feed_end()
    with pytest.raises(PeerError, match="unexpected eof"):
        client.handshake()


CLOSE_NOTIFY = bytes.fromhex("15 03 03 00 02 01 00")
HANDSHAKE_FAILURE = bytes.fromhex("15 03 03 00 02 02 28")


def test_close_notify_during_the_handshake_does_not_complete_it() -> None:
    transport = memory()
    client = Connection(Context(client_settings()), transport)
    client.handshake()
    transport.feed(CLOSE_NOTIFY)
    with pytest.raises(PeerError, match="closed the connection during the handshake"):
        client.handshake()
    assert client.handshake() is False
    assert client.write(b"to nobody") is False
    assert not client.established
    assert client.peer_closed


def test_alert_during_the_handshake_ends_it_for_good() -> None:
    transport = memory()
    client = Connection(Context(client_settings()), transport)
    client.handshake()
    transport.feed(HANDSHAKE_FAILURE)
    with pytest.raises(PeerError, match="alert handshake failure"):
        client.handshake()
    for _ in range(3):
        with pytest.raises(TlsdeckError):
            client.handshake()
    assert client.summary().cipher == "(NONE)"


@VERSIONS
def test_discard_takes_what_arrives_unread(version: int, pair: MakePair) -> None:
    both = pair(client_settings(**only(version)))
    both.client.write(bytes(20000))
    both.carry()
    assert both.server.discard() is True
    assert both.server.discard() is True
    both.to_server.feed_end()
    while both.server.discard():
        pass


def test_close_twice_is_once(pair: MakePair) -> None:
    both = pair()
    both.client.close()
    both.client.close()


@pytest.mark.parametrize(
    "use",
    [
        Connection.handshake,
        lambda connection: connection.read(10),
        lambda connection: connection.write(b"data"),
        Connection.shutdown,
        Connection.renegotiate,
        lambda connection: connection.update_key(of_peer=True),
        Connection.demand_certificate,
        Connection.request_certificate,
        Connection.pending,
        Connection.summary,
        Connection.session_pem,
        lambda connection: connection.established,
        lambda connection: connection.renegotiating,
        lambda connection: connection.peer_closed,
        lambda connection: connection.version,
        lambda connection: connection.verify_code,
    ],
)
def test_use_after_close_is_a_python_error(use: Callable[[Connection], object], pair: MakePair) -> None:
    both = pair()
    both.client.close()
    with pytest.raises(TypeError):
        use(both.client)


def test_facts_that_python_keeps_survive_close(pair: MakePair) -> None:
    both = pair(client_settings(watch=Watch(messages=True)))
    both.client.close()
    assert now(both.client, "want") is None
    assert both.client.drain() == ()
    assert both.client.discard() is True


def test_transport_outlives_its_connection() -> None:
    transport = memory()
    client = Connection(Context(client_settings(watch=Watch(transport=True))), transport)
    client.handshake()
    client.close()
    del client
    gc.collect()
    assert transport.take().startswith(b"\x16\x03")
    transport.feed(b"nobody reads this")


# --- sessions --------------------------------------------------------------------------------------------------


@VERSIONS
def test_session_is_resumed(version: int, serving: Serving, tmp_path: Path) -> None:
    client, server = Context(client_settings(keep_sessions=True, **only(version))), Context(serving())
    first = Pair(client, server)
    first.shake()
    assert not first.client.summary().reused
    assert received(first.client) == b""  # tickets of TLS 1.3
    ticket = first.of(TicketReceived)[-1]
    assert ticket.after_handshake is (version == TLS13)
    (tmp_path / "session.pem").write_text(ticket.session.pem)

    second = Pair(client, server, session=load_session(str(tmp_path / "session.pem")))
    second.shake()
    assert second.client.summary().reused
    assert second.server.summary().reused
    assert second.tell(second.client, b"again") == b"again"


def test_session_of_another_id_context_is_not_resumed(serving: Serving, tmp_path: Path) -> None:
    client, server = Context(client_settings(**only(TLS12))), Context(serving())
    first = Pair(client, server, session_id_context=b"one")
    first.shake()
    (tmp_path / "session.pem").write_text(first.client.session_pem())
    session = load_session(str(tmp_path / "session.pem"))
    for id_context, reused in ((b"one", True), (b"two", False)):
        again = Pair(client, server, session_id_context=id_context, session=session)
        again.shake()
        assert again.client.summary().reused is reused


def test_session_pem_is_empty_before_there_is_one() -> None:
    assert Connection(Context(client_settings()), memory()).session_pem() == ""


def test_session_of_a_version_the_client_has_not_is_an_error(pair: MakePair, tmp_path: Path) -> None:
    both = pair(client_settings(**only(TLS12)))
    (tmp_path / "session.pem").write_text(both.client.session_pem())
    session = load_session(str(tmp_path / "session.pem"))
    with pytest.raises((LibraryError, PeerError)):
        Pair(client_settings(**only(TLS13)), Settings(server=True), session=session).shake()


# --- client certificates ---------------------------------------------------------------------------------------


def asking(pki: Mapping[str, bytes], files: Path, **fields: object) -> Settings:
    trust = Trust(file=str(files / "root.pem"))
    return server_settings(pki, trust=trust, verify_peer=True, **fields)


@VERSIONS
def test_client_certificate_is_sent_when_asked_for(
    version: int, pki: Mapping[str, bytes], files: Path, pair: MakePair
) -> None:
    client = client_settings(identities=server_settings(pki, "client").identities, **only(version))
    both = pair(client, asking(pki, files, require_certificate=True))
    peer = both.server.summary().peer
    assert peer is not None
    assert "CN = a client" in peer.subject.replace("CN=", "CN = ")
    assert both.server.verify_code == 0


@VERSIONS
def test_missing_client_certificate_is_refused(version: int, pki: Mapping[str, bytes], files: Path) -> None:
    both = Pair(client_settings(**only(version)), asking(pki, files, require_certificate=True))
    with pytest.raises(PeerError, match="peer did not return a certificate"):
        both.shake()


@VERSIONS
def test_optional_client_certificate_may_be_missing(
    version: int, pki: Mapping[str, bytes], files: Path, pair: MakePair
) -> None:
    both = pair(client_settings(**only(version)), asking(pki, files))
    assert both.server.summary().peer is None


def test_refused_client_learns_it_when_it_reads(pki: Mapping[str, bytes], files: Path) -> None:
    """In TLS 1.3 a client is done before its certificate is looked at (RFC 8446 section 4.4.2.4)."""
    client = client_settings(identities=server_settings(pki, "stranger").identities, **only(TLS13))
    both = Pair(client, asking(pki, files, verify_return_error=True))
    assert [type(error) for error in both.errors()] == [CertificateError]
    assert both.client.established
    with pytest.raises(PeerError, match="alert"):
        both.client.read(100)


@pytest.mark.parametrize("supported", [True, False])
def test_post_handshake_authentication(
    supported: bool, pki: Mapping[str, bytes], files: Path, pair: MakePair
) -> None:
    client = client_settings(identities=server_settings(pki, "client").identities, **only(TLS13))
    server = server_settings(pki, trust=Trust(file=str(files / "root.pem")))
    both = pair(client, server, post_handshake_auth=supported)
    if not supported:
        with pytest.raises(LibraryError, match="extension not received"):
            both.server.request_certificate()
        return
    both.server.request_certificate()
    assert both.server.handshake()
    assert both.tell(both.server, b"who are you?") == b"who are you?"
    assert both.tell(both.client, b"me") == b"me"
    assert both.server.summary().peer is not None
    assert [event.ok for event in both.of(CertificateChecked, server=True)] == [True, True]


# --- renegotiation and new keys --------------------------------------------------------------------------------


@pytest.mark.parametrize("by_server", [False, True])
def test_renegotiation(by_server: bool, serving: Serving) -> None:
    """OpenSSL's servers refuse it when it is the client's wish, unless told otherwise."""
    watch = Watch(messages=True)
    both = Pair(
        client_settings(**only(TLS12)),
        serving(watch=watch, conf_commands=(("client_renegotiation", None),)),
    )
    both.shake()
    asker, other = (both.server, both.client) if by_server else (both.client, both.server)
    asker.renegotiate()
    assert now(asker, "renegotiating")
    asker.handshake()
    for _ in range(10):
        both.carry()
        received(other)
        both.carry()
        received(asker)
    assert not asker.renegotiating
    assert both.client.established
    assert both.server.established
    hellos = [
        event
        for event in both.of(MessageSeen, server=True)
        if event.content_type == HANDSHAKE and event.data[0] == 1
    ]
    assert len(hellos) == 2
    assert both.tell(both.client, b"new keys") == b"new keys"


def test_renegotiation_with_a_certificate(pki: Mapping[str, bytes], files: Path, pair: MakePair) -> None:
    client = client_settings(identities=server_settings(pki, "client").identities, **only(TLS12))
    trust = Trust(file=str(files / "root.pem"))
    both = pair(client, server_settings(pki, trust=trust, conf_commands=(("no_resumption_on_reneg", None),)))
    assert both.server.summary().peer is None
    both.server.demand_certificate()
    both.server.renegotiate()
    both.server.handshake()
    for _ in range(10):
        both.carry()
        received(both.client)
        both.carry()
        received(both.server)
    assert both.server.summary().peer is not None


def test_renegotiation_is_no_part_of_tls13(pair: MakePair) -> None:
    both = pair(client_settings(**only(TLS13)))
    with pytest.raises(LibraryError, match="wrong ssl version"):
        both.client.renegotiate()
    assert both.tell(both.client, b"goes on") == b"goes on"


def test_renegotiation_refused_leaves_the_connection(pair: MakePair, serving: Serving) -> None:
    both = pair(client_settings(**only(TLS12)), serving(conf_commands=(("no_renegotiation", None),)))
    with pytest.raises(LibraryError, match="no renegotiation"):
        both.server.renegotiate()
    assert both.tell(both.client, b"goes on") == b"goes on"


@pytest.mark.parametrize("of_peer", [False, True])
def test_key_update(of_peer: bool, pair: MakePair, serving: Serving) -> None:
    watch = Watch(messages=True)
    both = pair(client_settings(watch=watch, **only(TLS13)), serving(watch=watch))
    both.client.update_key(of_peer=of_peer)
    assert both.client.handshake()
    assert both.tell(both.client, b"new keys") == b"new keys"
    assert both.tell(both.server, b"perhaps mine as well") == b"perhaps mine as well"

    def updates(*, server: bool) -> list[bool]:
        seen = both.of(MessageSeen, server=server)
        return [e.sent for e in seen if e.content_type == HANDSHAKE and e.data[0] == KEY_UPDATE]

    assert updates(server=False) == ([True, False] if of_peer else [True])
    assert updates(server=True) == ([False, True] if of_peer else [False])


def test_key_update_is_no_part_of_tls12(pair: MakePair) -> None:
    both = pair(client_settings(**only(TLS12)))
    with pytest.raises(LibraryError, match="wrong ssl version"):
        both.client.update_key(of_peer=True)


# --- events ----------------------------------------------------------------------------------------------------


def test_drain_empties_the_queue(pair: MakePair) -> None:
    client = client_settings(watch=Watch(messages=True))
    connection = Connection(Context(client), memory())
    connection.handshake()
    assert connection.drain()
    assert connection.drain() == ()


def test_nothing_is_told_that_was_not_asked_for(pair: MakePair) -> None:
    both = pair()
    assert {type(event) for event in both.client_events} <= {CertificateChecked}
    assert both.server_events == []


def test_messages_are_seen_on_both_sides(pair: MakePair, serving: Serving) -> None:
    watch = Watch(messages=True)
    both = pair(client_settings(watch=watch, **only(TLS12)), serving(watch=watch))

    def messages(*, server: bool, sent: bool) -> list[bytes]:
        seen = both.of(MessageSeen, server=server)
        return [event.data for event in seen if event.sent is sent and event.content_type == HANDSHAKE]

    assert messages(server=False, sent=True) == messages(server=True, sent=False)
    assert messages(server=True, sent=True) == messages(server=False, sent=False)
    assert [data[0] for data in messages(server=False, sent=True)] == [1, 16, 20]
    both.client.shutdown()
    alerts = [event for event in both.of(MessageSeen) if event.content_type == ALERT]
    assert [(event.sent, event.data) for event in alerts] == [(True, b"\x01\x00")]


def test_states_and_alerts_are_seen(pair: MakePair, serving: Serving) -> None:
    watch = Watch(states=True)
    both = pair(client_settings(watch=watch), serving(watch=watch))
    steps = both.of(StateChanged)
    assert {event.operation for event in steps} == {"SSL_connect"}
    assert {event.outcome for event in steps} == {"step"}
    assert any("client hello" in event.state for event in steps)
    assert {event.operation for event in both.of(StateChanged, server=True)} == {"SSL_accept"}
    both.client.shutdown()
    both.carry()
    both.server.read(1)
    assert both.of(AlertSeen) == [AlertSeen(True, "warning", "close notify")]
    assert both.of(AlertSeen, server=True) == [AlertSeen(False, "warning", "close notify")]


def test_failed_handshake_is_a_state(serving: Serving) -> None:
    client = client_settings(watch=Watch(states=True), **only(TLS12))
    both = Pair(client, serving(**only(TLS13)))
    assert len(both.errors()) == 2
    assert both.of(AlertSeen) == [AlertSeen(False, "fatal", "protocol version")]
    # What ends because of the peer is told, what only waits is not.
    assert [event.outcome for event in both.of(StateChanged) if event.outcome != "step"] == ["error"]


@pytest.mark.parametrize("retries", [False, True])
def test_waiting_is_told_only_when_asked_for(retries: bool) -> None:
    watch = Watch(states=True, transport=True, retries=retries)
    client = Connection(Context(client_settings(watch=watch)), memory())
    client.handshake()
    told = client.drain()
    waits = [event for event in told if isinstance(event, TransportUsed) and event.result < 0]
    errors = [event for event in told if isinstance(event, StateChanged) and event.outcome == "error"]
    assert (bool(waits), bool(errors)) == (retries, retries)


def test_extensions_are_seen(pair: MakePair, serving: Serving) -> None:
    watch = Watch(extensions=True)
    both = pair(client_settings(watch=watch), serving(watch=watch), server_name="localhost")
    from_client = {event.type: event for event in both.of(ExtensionSeen, server=True)}
    assert from_client[0].data.endswith(b"localhost")
    assert not from_client[0].from_server
    assert all(event.from_server for event in both.of(ExtensionSeen))


def test_transport_shows_what_libssl_reads_and_writes_only(serving: Serving) -> None:
    watch = Watch(transport=True)
    both = Pair(client_settings(watch=watch), serving(watch=watch))
    both.client.handshake()
    hello = both.to_client.take()
    both.to_server.feed(hello)
    told = both.client.drain()
    assert [(event.sent, event.data) for event in told if isinstance(event, TransportUsed)] == [(True, hello)]
    assert both.server.drain() == ()
    both.server.handshake()
    read = [event for event in both.server.drain() if isinstance(event, TransportUsed) and not event.sent]
    assert b"".join(event.data for event in read) == hello
    assert {event.result for event in read} == {len(event.data) for event in read}


def test_transport_over_a_descriptor_shows_both_directions() -> None:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        client = Connection(Context(client_settings(watch=Watch(transport=True))), descriptor(near.fileno()))
        client.handshake()
        hello = far.recv(CHUNK)
        far.sendall(HANDSHAKE_FAILURE)
        with pytest.raises(PeerError):
            client.handshake()
        told = [event for event in client.drain() if isinstance(event, TransportUsed)]
    assert (told[0].sent, told[0].data) == (True, hello)
    assert b"".join(event.data for event in told if not event.sent) == HANDSHAKE_FAILURE


# --- keys for others -------------------------------------------------------------------------------------------


@VERSIONS
def test_keylog_gets_the_secrets(version: int, pair: MakePair, serving: Serving) -> None:
    ours: list[str] = []
    theirs: list[str] = []
    pair(client_settings(keylog=ours.append, **only(version)), serving(keylog=theirs.append))
    labels = {line.split()[0] for line in ours}
    assert labels == (
        {"CLIENT_RANDOM"}
        if version == TLS12
        else {
            "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            "EXPORTER_SECRET",
            "SERVER_TRAFFIC_SECRET_0",
            "CLIENT_TRAFFIC_SECRET_0",
        }
    )
    assert sorted(ours) == sorted(theirs)


class BrokenLogError(Exception):
    pass


@VERSIONS
def test_exception_of_a_setting_comes_out_and_the_handshake_goes_on(version: int, serving: Serving) -> None:
    lines: list[str] = []

    def keylog(line: str) -> None:
        lines.append(line)
        raise BrokenLogError(line)

    both = Pair(client_settings(keylog=keylog, **only(version)), serving())
    raised = 0
    for _ in range(20):
        with suppress(BrokenLogError):
            try:
                both.client.handshake()
            except BrokenLogError:
                raised += 1
                raise
        both.carry()
        both.server.handshake()
        both.carry()
    assert 0 < raised <= len(lines)
    assert both.client.established
    assert both.tell(both.client, b"usable") == b"usable"


def test_interrupt_in_a_setting_comes_out_too(serving: Serving) -> None:
    def keylog(_line: str) -> None:
        raise KeyboardInterrupt

    both = Pair(client_settings(keylog=keylog), serving())
    both.client.handshake()
    both.carry()
    both.server.handshake()
    both.carry()
    with pytest.raises(KeyboardInterrupt):
        both.client.handshake()


# --- wrong calls -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, error",
    [
        ({"server_name": "a\0b"}, ValueError),
        ({"server_name": ""}, LibraryError),
        ({"server_name": "a" * 256}, LibraryError),
        ({"session_id_context": b"a" * 33}, LibraryError),
    ],
)
def test_wrong_options_of_a_connection(options: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        Connection(Context(client_settings()), memory(), **options)  # type: ignore[arg-type]


def test_wrong_arguments_are_python_errors(pair: MakePair) -> None:
    both = pair()
    with pytest.raises((ValueError, OverflowError)):
        both.client.read(-1)
    with pytest.raises(TypeError):
        both.client.write("text")  # type: ignore[arg-type]
    assert both.tell(both.client, b"no harm done") == b"no harm done"


def test_descriptor_that_is_none_is_a_network_error() -> None:
    number = socket.socket()
    gone = number.fileno()
    number.close()
    client = Connection(Context(client_settings()), descriptor(gone))
    with pytest.raises(NetworkError) as raised:
        client.handshake()
    assert (raised.value.errno, raised.value.message) == (9, "Bad file descriptor")


def test_reset_is_a_network_error(serving: Serving) -> None:
    near, far = socket.socketpair()
    near.setblocking(False)
    with near:
        client = Connection(Context(client_settings()), descriptor(near.fileno()))
        client.handshake()
        far.close()  # with the hello unread: a reset
        with pytest.raises(NetworkError) as raised:
            client.handshake()
    assert raised.value.errno == 104


def test_server_without_a_certificate_refuses_everybody() -> None:
    both = Pair(client_settings(), Settings(server=True))
    with pytest.raises(PeerError, match=r"no shared cipher|no suitable signature algorithm"):
        both.shake()


# --- whatever a peer sends -------------------------------------------------------------------------------------


def flights(pki: Mapping[str, bytes], version: int) -> tuple[bytes, bytes]:
    """The client's first flight, and a server's answer to it."""
    both = Pair(client_settings(**only(version)), server_settings(pki, "ecdsa"))
    both.client.handshake()
    hello = both.to_client.take()
    both.to_server.feed(hello)
    both.server.handshake()
    return hello, both.to_server.take()


@VERSIONS
def test_every_truncation_of_a_hello_waits_for_the_rest(version: int, pki: Mapping[str, bytes]) -> None:
    hello, _ = flights(pki, version)
    context = Context(server_settings(pki, "ecdsa"))
    for length in range(len(hello)):
        transport = memory()
        server = Connection(context, transport)
        transport.feed(hello[:length])
        assert server.handshake() is False, length
        assert server.want == "read"
        transport.feed_end()
        with pytest.raises((PeerError, NetworkError)):
            server.handshake()


@VERSIONS
def test_every_truncation_of_an_answer_waits_for_the_rest(version: int, pki: Mapping[str, bytes]) -> None:
    context = Context(client_settings(**only(version)))
    server = Context(server_settings(pki, "ecdsa"))
    both = Pair(context, server)
    both.client.handshake()
    both.carry()
    both.server.handshake()
    answer = both.to_server.take()
    for byte in answer:
        assert both.client.handshake() is False
        both.to_client.feed(bytes([byte]))
    both.shake()


@VERSIONS
def test_every_truncation_of_an_answer_then_the_end_is_an_error(
    version: int, pki: Mapping[str, bytes]
) -> None:
    context, server = Context(client_settings(**only(version))), Context(server_settings(pki, "ecdsa"))
    for length in range(0, 1000, 7):
        both = Pair(context, server)
        both.client.handshake()
        both.carry()
        both.server.handshake()
        both.to_client.feed(both.to_server.take()[:length])
        both.to_client.feed_end()
        with pytest.raises((PeerError, NetworkError)):
            both.client.handshake()


def assert_survives(connection: Connection, data: bytes) -> None:
    """Bytes give events and None, or a PeerError; never anything else."""
    assert isinstance(connection.transport, type(memory()))
    connection.transport.feed(data)
    try:
        for _ in range(3):
            assert connection.handshake() is False
            assert connection.read(100) is None
    except PeerError:
        assert not connection.established
    assert all(isinstance(event, Event) for event in connection.drain())
    summary = connection.summary(("label", 16))
    assert summary.peer is None
    assert summary.exported_key is not None
    assert summary.exported_key.material is None


WATCH = Watch(messages=True, states=True, extensions=True, transport=True)
RECORDS = st.lists(
    st.builds(
        lambda kind, version, body: bytes([kind]) + version + len(body).to_bytes(2, "big") + body,
        st.sampled_from([20, 21, 22, 23, 24, 0, 255]),
        st.sampled_from([b"\x03\x01", b"\x03\x03", b"\x03\x04", b"\x00\x02"]),
        st.binary(max_size=80),
    ),
    max_size=4,
).map(b"".join)


@given(data=st.binary(max_size=300) | RECORDS)
def test_any_bytes_to_a_client_are_an_event_or_the_peers_fault(data: bytes) -> None:
    client = Connection(Context(client_settings(watch=WATCH)), memory(), server_name="localhost")
    client.handshake()
    assert_survives(client, data)


@given(data=st.binary(max_size=300) | RECORDS)
def test_any_bytes_to_a_server_are_an_event_or_the_peers_fault(data: bytes) -> None:
    assert_survives(Connection(Context(Settings(server=True, watch=WATCH)), memory()), data)


@VERSIONS
def test_any_change_of_a_hello_is_an_event_or_the_peers_fault(version: int, pki: Mapping[str, bytes]) -> None:
    hello, _ = flights(pki, version)
    context = Context(server_settings(pki, "ecdsa", alpn=(b"h2",), watch=WATCH))
    for position in range(len(hello)):
        transport = memory()
        server = Connection(context, transport)
        transport.feed(hello[:position] + bytes([hello[position] ^ 0x55]) + hello[position + 1 :])
        with suppress(PeerError):
            server.handshake()
        assert server.summary().peer is None


@VERSIONS
def test_any_change_of_a_record_after_the_handshake_is_the_peers_fault(version: int, pair: MakePair) -> None:
    client = Context(client_settings(**only(version)))
    server = pair().server.context
    for position in range(1, 30):
        both = pair(client, server)
        both.client.write(b"untouched")
        record = both.to_client.take()
        both.to_server.feed(record[:position] + bytes([record[position] ^ 1]) + record[position + 1 :])
        both.to_server.feed_end()
        with pytest.raises(PeerError):
            both.server.read(100)


def test_garbage_after_the_handshake_is_the_peers_fault(pair: MakePair) -> None:
    both = pair()
    both.to_server.feed(b"GET / HTTP/1.0\r\n\r\n")
    with pytest.raises(PeerError):
        both.server.read(100)
    both.carry()
    with pytest.raises(PeerError, match="alert"):
        received(both.client)


# --- nothing is left behind ------------------------------------------------------------------------------------


def memory_used() -> int:
    """Resident pages."""
    return int(Path("/proc/self/statm").read_text().split()[1])


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "dropped"])
def test_handshakes_leave_nothing_behind(closed: bool, pki: Mapping[str, bytes]) -> None:
    client = Context(client_settings(keep_sessions=True, keylog=lambda _: None, watch=WATCH))
    server = Context(server_settings(pki, "ecdsa", session_cache=False, watch=WATCH))

    def rounds(count: int) -> None:
        for _ in range(count):
            both = Pair(client, server, server_name="localhost")
            both.shake()
            both.tell(both.client, b"hello")
            both.client.summary(("label", 20))
            both.client.shutdown()
            both.carry()
            both.server.read(1)
            if closed:
                both.client.close()
                both.server.close()

    rounds(200)
    gc.collect()
    pages, objects, open_now = memory_used(), len(gc.get_objects()), descriptors()
    rounds(1000)
    gc.collect()
    assert (memory_used() - pages) * resource.getpagesize() < 8_000_000  # one leaked SSL each would be 50 MB
    assert len(gc.get_objects()) - objects < 200
    assert descriptors() == open_now


def test_failed_handshakes_leave_nothing_behind(pki: Mapping[str, bytes]) -> None:
    client, server = Context(client_settings(**only(TLS12))), Context(server_settings(pki, **only(TLS13)))

    def rounds(count: int) -> None:
        for _ in range(count):
            assert len(Pair(client, server).errors()) == 2

    rounds(200)
    gc.collect()
    pages, objects = memory_used(), len(gc.get_objects())
    rounds(1000)
    gc.collect()
    assert (memory_used() - pages) * resource.getpagesize() < 8_000_000
    assert len(gc.get_objects()) - objects < 200


def test_dropped_connections_need_no_collector(pki: Mapping[str, bytes]) -> None:
    """No cycle keeps a finished connection, and with it its descriptor's BIO, alive."""
    client, server = Context(client_settings()), Context(server_settings(pki))
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(50):
            Pair(client, server).shake()
        assert len(gc.get_objects()) - before < 50
    finally:
        gc.enable()
