"""A server's side of DTLS: one socket, many peers. The clients are connections of ours in the same process."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.relay import bound
from tls.conftest import Serving
from tls.pairs import client_settings
from tlsdeck.errors import PeerError, TlsdeckError
from tlsdeck.tls import datagram, endpoint, transport
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.context import Context
from tlsdeck.tls.datagram import Conversation, Packet, Port

Converse = Callable[..., Connection]

RECORD = "16 feff 0000 000000000000 0018"
HELLO = f"{RECORD} 01 00000c {{seq}} 000000 00000c feff 00000000000000000000"


def hello(seq: int = 0) -> bytes:
    return bytes.fromhex(HELLO.format(seq=f"{seq:04x}"))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with bound() as end:
        end.setblocking(False)
        yield end


@pytest.fixture
def port(listener: socket.socket) -> Port:
    return Port(listener.fileno())


@pytest.fixture
def converse(port: Port, serving: Serving) -> Converse:
    """A server's connection for the next client of the port."""

    def make(*, listening: bool = False, **settings: object) -> Connection:
        context = Context(serving(dtls=True, cookies=True, **settings))
        return Connection(context, Conversation(port, listening=listening, discover_mtu=True))

    return make


class Client:
    """A client's connection with its socket."""

    def __init__(self, listener: socket.socket, **settings: object) -> None:
        self.socket = bound()
        self.socket.setblocking(False)
        place = [str(part) for part in listener.getsockname()]
        (address,) = endpoint.look_up(place[0], place[1], endpoint.IPV4, endpoint.DATAGRAM, passive=False)
        assert endpoint.connect(self.socket.fileno(), address)
        carrier = transport.datagram(self.socket.fileno(), address)
        self.connection = Connection(Context(client_settings(dtls=True, **settings)), carrier)

    def close(self) -> None:
        self.connection.close()
        self.socket.close()


@pytest.fixture
def call(listener: socket.socket) -> Iterator[Callable[..., Client]]:
    """A new client."""
    clients: list[Client] = []

    def make(**settings: object) -> Client:
        clients.append(Client(listener, **settings))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def shake(client: Client, server: Connection) -> None:
    """Drives both handshakes to their end."""
    done: set[Connection] = set()
    for _ in range(100):
        done |= {end for end in (client.connection, server) if end not in done and end.handshake()}
        if len(done) == 2:
            return
    raise AssertionError("the handshake has no end")


def thrown(listener: socket.socket, *datagrams: bytes) -> socket.socket:
    """Somebody who sends these."""
    end = bound()
    end.connect(listener.getsockname())
    for data in datagrams:
        end.send(data)
    return end


# --- packets -----------------------------------------------------------------------------------------------------


def packet(data: bytes) -> Packet:
    return Packet(endpoint.new_address(), data)


def test_a_hello_is_told_from_everything_else() -> None:
    assert packet(hello()).is_hello
    assert packet(hello()).is_first
    assert packet(hello(1)).is_hello
    assert not packet(hello(1)).is_first
    for other in ("", "16", "16 fefd 0001", "17 feff 0000 000000000000 0018 01", "16 0301 0000 01", RECORD):
        assert not packet(bytes.fromhex(other)).is_hello
    encrypted = bytearray(hello())
    encrypted[4] = 1  # the epoch
    assert not packet(bytes(encrypted)).is_hello


@given(st.binary(max_size=60))
def test_no_datagram_is_too_odd_to_be_looked_at(data: bytes) -> None:
    odd = packet(data)
    assert odd.is_hello in (False, True)
    assert odd.is_first in (False, True)
    assert odd.identity[1] == data[13:]


# --- ports -------------------------------------------------------------------------------------------------------


def test_port_keeps_one_copy_of_strangers_hellos(listener: socket.socket, port: Port) -> None:
    with thrown(listener, hello(), hello(), b"noise") as stranger, thrown(listener, b"data") as peer:
        name = "{}:{}".format(*peer.getsockname())
        found = port.packet_from(name)
        assert found is not None
        assert found.data == b"data"
        assert port.packet_from(name) is None
        kept = port.hello(first=True)
        assert kept is not None
        assert kept.name == "{}:{}".format(*stranger.getsockname())
        assert port.hello(first=True) is None


def test_port_keeps_no_more_than_it_wants_to(listener: socket.socket, port: Port) -> None:
    many = [hello(number) for number in range(datagram._MOST_WAITING + 20)]
    with thrown(listener, *many):
        assert port.packet_from("nobody") is None
        assert len(port._waiting) == datagram._MOST_WAITING


def test_port_looks_at_so_many_datagrams_and_no_more_at_once(listener: socket.socket, port: Port) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    with thrown(listener, *[b"noise"] * (datagram._MOST_AT_ONCE + 1)):
        assert port.packet_from("nobody") is None
        assert listener.recv(100) == b"noise"


# --- conversations -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listening", [False, True])
@pytest.mark.parametrize("mtu", [None, 256, 1500])
def test_handshake_and_data(
    listening: bool, mtu: int | None, converse: Converse, call: Callable[..., Client]
) -> None:
    client, server = call(mtu=mtu), converse(listening=listening, mtu=mtu)
    shake(client, server)
    assert client.connection.version == 0xFEFD
    assert client.connection.write(b"ping")
    assert server.read(100) == b"ping"
    assert server.write(b"pong")
    assert client.connection.read(100) == b"pong"
    client.connection.shutdown()
    assert server.read(100) == b""


def test_hello_in_fragments(converse: Converse, call: Callable[..., Client]) -> None:
    client, server = call(mtu=256, alpn=(b"x" * 250,)), converse()
    shake(client, server)
    assert server.established


def test_other_peers_datagrams_reach_nobody(
    listener: socket.socket, converse: Converse, call: Callable[..., Client]
) -> None:
    client, server = call(), converse()
    shake(client, server)
    with thrown(listener, b"noise", hello(), bytes(2000)) as stranger:
        assert server.read(100) is None
        assert client.connection.write(b"ping")
        assert server.read(100) == b"ping"
        assert server.write(b"pong")
        assert client.connection.read(100) == b"pong"
        assert not select.select([stranger], [], [], 0)[0]


def test_who_waited_is_served_next(port: Port, converse: Converse, call: Callable[..., Client]) -> None:
    first, second = call(), call()
    server = converse()
    assert server.timeout() is None
    assert first.connection.handshake() is False
    assert server.handshake() is False
    assert second.connection.handshake() is False
    shake(first, server)
    assert server.read(100) is None
    assert port.has_waiting
    next_server = converse()
    assert next_server.timeout() == 0.0
    shake(second, next_server)
    assert not port.has_waiting


@pytest.mark.parametrize("somebody_waits", [True, False])
@pytest.mark.parametrize("proved", [True, False])
def test_peer_that_falls_silent(
    proved: bool,
    somebody_waits: bool,
    listener: socket.socket,
    converse: Converse,
    call: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(datagram, "_PATIENCE", 0.05)
    ghost, server = call(), converse()
    for _ in range(2 if proved else 1):
        assert ghost.connection.handshake() is False
        assert server.handshake() is False
    with thrown(listener, *([hello()] if somebody_waits else [])):
        assert server.handshake() is False
        time.sleep(0.06)
        if somebody_waits:
            with pytest.raises(PeerError, match="has fallen silent during the handshake"):
                server.retransmit()
        else:
            assert server.retransmit() is False
            shake(ghost, server)


def test_cookies_are_bound_to_the_address(listener: socket.socket, converse: Converse) -> None:
    server = converse(listening=True)
    with thrown(listener, full_hello()) as first, thrown(listener) as second:
        assert server.handshake() is False
        cookie = first.recv(1000)[28:]
        second.send(full_hello(cookie))
        assert server.handshake() is False
        assert second.recv(1000)[13] == 3  # asked again
        first.send(full_hello(cookie))
        assert server.handshake() is False
        assert first.recv(2000)[13] == 2  # ServerHello


def full_hello(cookie: bytes = b"") -> bytes:
    """A ClientHello that libssl takes."""
    extensions = bytes.fromhex("000a00040002001d 000d000400020804 ff01000100")
    body = b"\xfe\xfd" + bytes(32) + b"\0" + bytes([len(cookie)]) + cookie
    body += bytes.fromhex("0002c02f 0100") + len(extensions).to_bytes(2) + extensions
    number = bytes([0, bool(cookie)])
    message = b"\1" + len(body).to_bytes(3) + number + bytes(3) + len(body).to_bytes(3) + body
    return b"\x16\xfe\xff" + bytes(7) + number[1:] + len(message).to_bytes(2) + message


@pytest.mark.parametrize("listening", [False, True])
def test_every_truncation_of_a_hello_is_survived(
    listening: bool, listener: socket.socket, converse: Converse, call: Callable[..., Client]
) -> None:
    """Refused or ignored, and the next client is served."""
    whole = full_hello()
    for length in range(len(whole)):
        server = converse(listening=listening)
        with thrown(listener, whole[:length]), suppress(TlsdeckError):
            assert server.handshake() is False
    shake(call(), converse(listening=listening))


def test_nothing_is_sent_again_before_it_is_time(converse: Converse, call: Callable[..., Client]) -> None:
    client = call()
    assert client.connection.timeout() is None
    client.connection.handshake()
    left = client.connection.timeout()
    assert left is not None
    assert 0.5 < left <= 1.0
    assert client.connection.retransmit() is False
    shake(client, converse())
    assert client.connection.timeout() is None


def test_what_is_not_answered_is_sent_again(listener: socket.socket, call: Callable[..., Client]) -> None:
    client = call()
    client.connection.handshake()
    time.sleep(client.connection.timeout() or 0.0)
    assert client.connection.retransmit() is True
    first, second = listener.recv(2000), listener.recv(2000)
    assert first[13:] == second[13:]
    assert (first[10], second[10]) == (0, 1)


def test_least_mtu(converse: Converse) -> None:
    assert [converse(mtu=mtu).mtu_refused for mtu in (None, 255, 256)] == [False, True, False]
    assert converse().least_mtu == 256


def test_peer_may_be_silent_once_it_is_known(
    listener: socket.socket,
    converse: Converse,
    call: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(datagram, "_PATIENCE", 0.05)
    client, server = call(), converse()
    shake(client, server)
    with thrown(listener, hello()):
        assert server.read(100) is None
        time.sleep(0.06)
        assert server.timeout() is None
        assert server.retransmit() is False
        client.connection.write(b"here I am")
        assert server.read(100) == b"here I am"
