from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tlsdeck.errors import NetworkError, UsageError
from tlsdeck.tls import endpoint

MALFORMED = "that is malformed"


@contextmanager
def opened(address: endpoint.Address) -> Iterator[int]:
    number = endpoint.new_socket(address)
    try:
        yield number
    finally:
        os.close(number)


def loopback(port: int = 0, *, passive: bool = False) -> endpoint.Address:
    return endpoint.look_up("127.0.0.1", str(port), endpoint.IPV4, endpoint.STREAM, passive=passive)[0]


# --- names -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, port_first, parts",
    [
        ("localhost:443", False, ("localhost", "443")),
        ("localhost", False, ("localhost", None)),
        ("443", False, ("443", None)),
        ("443", True, (None, "443")),
        (":443", False, (None, "443")),
        ("*:443", True, (None, "443")),
        ("localhost:", False, ("localhost", None)),
        ("localhost:*", True, ("localhost", None)),
        ("[::1]:443", False, ("::1", "443")),
        ("[::1]", False, ("::1", None)),
        ("host:https", True, ("host", "https")),
        ("", True, (None, None)),
    ],
)
def test_parse_host_port(value: str, port_first: bool, parts: tuple[str | None, str | None]) -> None:
    assert endpoint.parse_host_port(value, MALFORMED, port_first=port_first) == parts


@pytest.mark.parametrize("value", ["a:b:c", "::1", "[::1"])
def test_parse_host_port_refuses_what_is_ambiguous(value: str) -> None:
    with pytest.raises(UsageError, match=MALFORMED) as raised:
        endpoint.parse_host_port(value, MALFORMED)
    assert raised.value.hint is False


def test_parse_host_port_refuses_nul() -> None:
    with pytest.raises(ValueError, match="NUL"):
        endpoint.parse_host_port("a\0b:1", MALFORMED)


# --- addresses -------------------------------------------------------------------------------------------------


def test_look_up_gives_addresses_that_can_be_shown() -> None:
    (four,) = endpoint.look_up("127.0.0.1", "443", endpoint.ANY, endpoint.STREAM, passive=False)
    (six,) = endpoint.look_up("::1", "443", endpoint.ANY, endpoint.STREAM, passive=False)
    assert (str(four), four.family) == ("127.0.0.1:443", endpoint.IPV4)
    assert (str(six), six.family) == ("[::1]:443", endpoint.IPV6)
    assert four.socktype == endpoint.STREAM


def test_look_up_of_a_service_by_name() -> None:
    assert (
        str(endpoint.look_up("127.0.0.1", "https", 0, endpoint.STREAM, passive=False)[0]) == "127.0.0.1:443"
    )


def test_look_up_of_a_path(tmp_path: Path) -> None:
    (address,) = endpoint.look_up(str(tmp_path / "s"), None, endpoint.UNIX, endpoint.STREAM, passive=True)
    assert (str(address), address.family) == ("", endpoint.UNIX)


@pytest.mark.parametrize(
    "host, service, family",
    [
        ("no..such..host", "443", endpoint.ANY),
        ("127.0.0.1", "no-such-service", endpoint.ANY),
        ("127.0.0.1", "443", endpoint.IPV6),
    ],
)
def test_look_up_that_fails_says_why(host: str, service: str | None, family: int) -> None:
    with pytest.raises(NetworkError) as raised:
        endpoint.look_up(host, service, family, endpoint.STREAM, passive=False)
    assert raised.value.errno == 0
    assert raised.value.stack


def test_address_keeps_its_list_alive() -> None:
    addresses = endpoint.look_up(None, "443", endpoint.ANY, endpoint.STREAM, passive=True)
    last = addresses[-1]
    del addresses
    assert str(last).endswith(":443")


# --- sockets ---------------------------------------------------------------------------------------------------


def test_sockets_listen_connect_and_accept() -> None:
    with opened(loopback()) as listener:
        endpoint.listen(listener, loopback(passive=True), only_v6=False)
        with pytest.raises(BlockingIOError):
            endpoint.accept(listener)
        host, _, port = endpoint.local_address(listener).rpartition(":")
        assert host == "127.0.0.1"
        address = loopback(int(port))
        with opened(address) as client:
            if not endpoint.connect(client, address):
                select.select([], [client], [], 10)
                assert endpoint.connect(client, address)
            select.select([listener], [], [], 10)
            accepted = endpoint.accept(listener)
            assert not os.get_blocking(accepted)
            assert endpoint.peer_address(accepted) == endpoint.local_address(client)
            assert endpoint.peer_address(listener) == ""
            assert not os.get_inheritable(accepted)
            endpoint.stop_sending(client)
            select.select([accepted], [], [], 10)
            assert os.read(accepted, 1) == b""
            os.close(accepted)
            endpoint.stop_sending(client)  # gone, and nobody minds


def connect(number: int, address: endpoint.Address) -> None:
    """Connects and waits for it."""
    if not endpoint.connect(number, address):
        select.select([], [number], [], 10)
        endpoint.connect(number, address)


def test_connect_refused_says_so() -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        address = loopback(probe.getsockname()[1])
        with opened(address) as client, pytest.raises(NetworkError) as raised:
            connect(client, address)
    assert raised.value.errno == 111
    assert "Connection refused" in raised.value.stack[0]


def test_listen_where_somebody_listens_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = loopback(taken.getsockname()[1], passive=True)
        with opened(address) as listener, pytest.raises(NetworkError) as raised:
            endpoint.listen(listener, address, only_v6=False)
    assert raised.value.errno == 98
    assert "Address already in use" in raised.value.stack[0]


def test_bind_to_an_address_of_others_says_so() -> None:
    foreign = endpoint.look_up("192.0.2.1", "0", endpoint.IPV4, endpoint.STREAM, passive=False)[0]
    with opened(foreign) as client, pytest.raises(NetworkError) as raised:
        endpoint.bind(client, foreign)
    assert raised.value.errno == 99


def test_accept_of_no_socket_is_an_os_error(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file, pytest.raises(OSError, match="non-socket"):
        endpoint.accept(file.fileno())


def test_local_address_of_no_socket_is_empty(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        assert endpoint.local_address(file.fileno()) == ""
    with socket.socket(socket.AF_UNIX) as unix:
        assert endpoint.local_address(unix.fileno()) == ""


def test_peer_address_over_ipv6_and_unix() -> None:
    with (
        socket.create_server(("::1", 0), family=socket.AF_INET6) as listener,
        socket.create_connection(listener.getsockname()[:2]) as client,
    ):
        assert endpoint.peer_address(client.fileno()) == f"[::1]:{listener.getsockname()[1]}"
    near, far = socket.socketpair()
    with near, far:
        assert endpoint.peer_address(near.fileno()) == ""
