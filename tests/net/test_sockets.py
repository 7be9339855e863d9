from __future__ import annotations

import errno
import os
import resource
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from support.peers import free_port
from tlsdeck.errors import NetworkError
from tlsdeck.net import sockets
from tlsdeck.net.sockets import Listener, Place
from tlsdeck.tls import endpoint


@contextmanager
def listening(host: str = "127.0.0.1", family: int = endpoint.ANY) -> Iterator[tuple[Listener, str]]:
    """A listener and its port."""
    listener = Listener(Place(host, "0", family))
    try:
        yield listener, listener.address.rpartition(":")[2]
    finally:
        listener.close()


@contextmanager
def dialled(place: Place, local: Place | None = None) -> Iterator[tuple[socket.socket, str]]:
    number, address = sockets.dial(place, local)
    with socket.socket(fileno=number) as connection:
        yield connection, str(address)


# --- dial ------------------------------------------------------------------------------------------------------


def test_dial_connects_without_blocking() -> None:
    with listening() as (listener, port), dialled(Place("127.0.0.1", port)) as (client, address):
        assert address == f"127.0.0.1:{port}"
        assert not os.get_blocking(client.fileno())
        with socket.socket(fileno=listener.accept()) as server:
            server.sendall(b"hello")
            select.select([client], [], [], 10)
            assert client.recv(100) == b"hello"


def test_dial_where_nobody_listens_is_refused() -> None:
    with pytest.raises(NetworkError) as raised:
        sockets.dial(Place("127.0.0.1", str(free_port())))
    assert raised.value.errno == 111
    assert "BIO_connect:Connection refused" in raised.value.stack[0]


def test_dial_of_an_unknown_host_says_so() -> None:
    with pytest.raises(NetworkError) as raised:
        sockets.dial(Place("no..such..host", "443"))
    assert raised.value.errno == 0
    assert "BIO_lookup_ex" in raised.value.stack[0]


def test_dial_takes_the_next_address_when_one_refuses() -> None:
    """`localhost` has two addresses, and only one of them has a listener."""
    families = {
        address.family
        for address in endpoint.look_up("localhost", "1", endpoint.ANY, endpoint.STREAM, passive=False)
    }
    for host, family in (("127.0.0.1", endpoint.IPV4), ("::1", endpoint.IPV6)):
        if family not in families:
            continue
        with listening(host) as (_, port), dialled(Place("localhost", port)) as (client, _address):
            assert client.getpeername()[:2] == (host, int(port))


def test_dial_tells_of_every_attempt() -> None:
    count = len(endpoint.look_up("localhost", "1", endpoint.ANY, endpoint.STREAM, passive=False))
    with pytest.raises(NetworkError) as raised:
        sockets.dial(Place("localhost", str(free_port())))
    assert sum("calling connect()" in line for line in raised.value.stack) == count


def test_dial_from_an_address_of_its_own() -> None:
    source = free_port()
    with listening() as (_, port):
        local = Place("127.0.0.2", str(source), endpoint.IPV4)
        with dialled(Place("127.0.0.1", port), local) as (client, _):
            assert client.getsockname() == ("127.0.0.2", source)


def test_dial_from_an_address_of_others_is_an_error() -> None:
    with listening() as (_, port), pytest.raises(NetworkError) as raised:
        sockets.dial(Place("127.0.0.1", port), Place("192.0.2.1", None, endpoint.IPV4))
    assert raised.value.errno == 99
    assert "Cannot assign requested address" in raised.value.stack[0]


def test_dial_from_an_address_of_another_family_is_an_error() -> None:
    with listening() as (_, port), pytest.raises(NetworkError) as raised:
        sockets.dial(Place("127.0.0.1", port), Place("::1", None))
    assert raised.value.message == "Can't bind IPv4 address for ::1"
    with pytest.raises(NetworkError) as raised:
        sockets.dial(Place("::1", "1", endpoint.IPV6), Place(None, "70", endpoint.IPV4))
    assert raised.value.message in {"Can't bind IPv6 address for :70", ""}


# --- Listener --------------------------------------------------------------------------------------------------


def test_listener_serves_both_families_with_one_socket() -> None:
    listener = Listener(Place(None, "0"))
    with closing(listener):
        host, _, port = listener.address.rpartition(":")
        assert host == "[::]"
        for address in ("127.0.0.1", "::1"):
            with dialled(Place(address, port)):
                os.close(listener.accept())


@pytest.mark.parametrize(
    "place, address, stranger",
    [
        (Place(None, "0", endpoint.IPV4), "0.0.0.0", "::1"),
        (Place(None, "0", endpoint.IPV6), "[::]", "127.0.0.1"),
        (Place("::1", "0"), "[::1]", "127.0.0.1"),
    ],
)
def test_listener_serves_one_family_if_so_wished(place: Place, address: str, stranger: str) -> None:
    with closing(Listener(place)) as listener:
        host, _, port = listener.address.rpartition(":")
        assert host == address
        with pytest.raises(NetworkError):
            sockets.dial(Place(stranger, port))


def test_listener_of_a_port_in_use_is_an_error() -> None:
    with listening() as (_, port), pytest.raises(NetworkError) as raised:
        Listener(Place("127.0.0.1", port))
    assert raised.value.errno == 98


def test_listener_of_an_address_of_others_is_an_error() -> None:
    with pytest.raises(NetworkError, match="Cannot assign requested address"):
        Listener(Place("192.0.2.1", "0"))


def test_listener_on_a_path(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    place = Place(str(path), None, endpoint.UNIX)
    listener = Listener(place)
    assert listener.address == f"localhost:{path}"
    with dialled(place) as (client, address):
        assert address == ""
        with socket.socket(fileno=listener.accept()) as server:
            server.sendall(b"hello")
            select.select([client], [], [], 10)
            assert client.recv(10) == b"hello"
    listener.close()
    assert not path.exists()


def test_listener_on_a_path_that_is_there_needs_unlink(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    path.touch()
    place = Place(str(path), None, endpoint.UNIX)
    with pytest.raises(NetworkError):
        Listener(place)
    assert path.exists()
    Listener(place, unlink=True).close()
    assert not path.exists()
    with closing(Listener(place, unlink=True)) as listener:
        path.unlink()
        assert listener.address.endswith("/socket")


@pytest.mark.parametrize("path", ["/nowhere/socket", "x" * 200])
def test_listener_on_a_path_that_cannot_be_is_an_error(path: str) -> None:
    with pytest.raises(NetworkError):
        Listener(Place(path, None, endpoint.UNIX))


def test_listener_forgets_clients_that_are_gone_again() -> None:
    with listening() as (listener, port):
        for _ in range(3):
            gone = socket.create_connection(("127.0.0.1", int(port)))
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            gone.close()
        with dialled(Place("127.0.0.1", port)) as (client, _):
            client.setblocking(True)
            client.sendall(b"here")
            answers = set()
            while b"here" not in answers:
                with socket.socket(fileno=listener.accept()) as server:
                    server.settimeout(10)
                    try:
                        answers.add(server.recv(10))
                    except ConnectionResetError:
                        answers.add(b"reset")


@contextmanager
def no_descriptor_to_be_had() -> Iterator[None]:
    """As if this process had used up all it may have."""
    lowest = os.dup(0)
    os.close(lowest)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_listener_without_a_descriptor_for_a_client_says_so() -> None:
    with listening() as (listener, port), dialled(Place("127.0.0.1", port)):
        with no_descriptor_to_be_had(), pytest.raises(NetworkError) as raised:
            listener.accept()
        assert raised.value.errno == errno.EMFILE
        assert "Too many open files" in raised.value.message
        os.close(listener.accept())


def test_dial_without_a_descriptor_says_so() -> None:
    place = Place("127.0.0.1", "1")
    with no_descriptor_to_be_had(), pytest.raises(NetworkError) as raised:
        sockets.dial(place)
    assert raised.value.errno == errno.EMFILE


# --- hanging up ------------------------------------------------------------------------------------------------


@contextmanager
def ends() -> Iterator[tuple[int, socket.socket]]:
    """A descriptor that is to be hung up, and the other end."""
    near, far = socket.socketpair()
    near.setblocking(False)
    with far:
        yield near.detach(), far


def test_hang_up_lets_the_peer_take_everything() -> None:
    with ends() as (near, far):
        far.settimeout(10)
        far.sendall(b"unread")
        os.write(near, b"last words")
        taken = []

        def take() -> None:
            while chunk := far.recv(3):
                taken.append(chunk)
            far.close()

        thread = threading.Thread(target=take)
        thread.start()
        sockets.hang_up(near, lambda: sockets.take_all(near))
        thread.join(10)
        assert b"".join(taken) == b"last words"


def test_hang_up_waits_for_a_silent_peer_no_longer_than_said() -> None:
    with ends() as (near, far):
        began = time.monotonic()
        sockets.hang_up(near, lambda: sockets.take_all(near))
        assert sockets.LINGER <= time.monotonic() - began + 0.01 < 5
        assert far.recv(10) == b""


def test_hang_up_has_an_end_when_the_peer_has_none() -> None:
    """A peer that sends faster than its data is taken."""
    with ends() as (near, far):
        far.sendall(b"and so on")
        began = time.monotonic()
        sockets.hang_up(near, lambda: True)
        assert time.monotonic() - began < 5


def test_take_all_tells_the_end() -> None:
    with ends() as (near, far):
        assert sockets.take_all(near) is True
        far.sendall(b"something")
        assert sockets.take_all(near) is True
        far.shutdown(socket.SHUT_WR)
        assert sockets.take_all(near) is False
        os.close(near)
        assert sockets.take_all(near) is False


# --- datagrams ---------------------------------------------------------------------------------------------------


def test_place_of_datagrams_is_listened_on_and_dialled() -> None:
    listener = Listener(Place("127.0.0.1", "0", endpoint.IPV4, endpoint.DATAGRAM))
    with closing(listener):
        host, _, port = listener.address.rpartition(":")
        client, address = sockets.dial(Place(host, port, endpoint.IPV4, endpoint.DATAGRAM))
        try:
            assert str(address) == listener.address
            os.write(client, b"one")
            os.write(client, b"two")
            assert sockets.wait(listener.descriptor, select.POLLIN, time.monotonic() + 20)
            assert [os.read(listener.descriptor, 100) for _ in range(2)] == [b"one", b"two"]
        finally:
            os.close(client)


def test_two_listeners_do_not_share_a_port_for_datagrams() -> None:
    with closing(Listener(Place("127.0.0.1", "0", endpoint.IPV4, endpoint.DATAGRAM))) as first:
        host, _, port = first.address.rpartition(":")
        with pytest.raises(NetworkError) as raised:
            Listener(Place(host, port, endpoint.IPV4, endpoint.DATAGRAM))
    assert raised.value.errno == errno.EADDRINUSE
