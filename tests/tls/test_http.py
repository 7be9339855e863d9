from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from support.peers import Behaviour, answers_with, drain, free_port, peer
from support.revocation import Web, web
from tlsdeck.errors import LibraryError, NetworkError
from tlsdeck.tls.http import Route, Url, fetch, parse_url

DER = bytes.fromhex("30 03 0a 01 06")
LONGEST = 1000  # bytes
QUICK = Route(limit=2)


@pytest.fixture
def site() -> Iterator[Web]:
    with web() as made:
        made.pages["/good"] = DER
        yield made


@pytest.mark.parametrize(
    "text, url",
    [
        ("http://a.example/x", Url(tls=False, host="a.example", port="80", path="/x")),
        ("https://a.example/x", Url(tls=True, host="a.example", port="443", path="/x")),
        ("a.example:81", Url(tls=False, host="a.example", port="81", path="/")),
        ("http://a/x?y=z", Url(tls=False, host="a", port="80", path="/x?y=z")),
    ],
)
def test_parse_url(text: str, url: Url) -> None:
    assert parse_url(text) == url


@pytest.mark.parametrize("text", ["http://[/", "ftp://a/", "http://a:99999999/"])
def test_parse_url_refuses(text: str) -> None:
    with pytest.raises(LibraryError) as raised:
        parse_url(text)
    assert raised.value.stack


def test_parse_url_refuses_nul() -> None:
    with pytest.raises(ValueError, match="NUL"):
        parse_url("http://a/\0")


def test_fetch_gives_what_is_there(site: Web) -> None:
    assert fetch(f"{site.url}/good", QUICK, LONGEST) == DER
    assert site.asked == ["GET /good"]


def test_fetch_tries_every_address_of_a_name(site: Web) -> None:
    assert fetch(f"http://localhost:{site.server_port}/good", QUICK, LONGEST) == DER


def test_fetch_asks_a_proxy_for_the_whole_url(site: Web) -> None:
    site.pages["http://a.example:80/x"] = DER
    route = Route(proxy=f"http://127.0.0.1:{site.server_port}", limit=2)
    assert fetch("http://a.example/x", route, LONGEST) == DER


def test_fetch_leaves_the_proxy_out_where_told_to(site: Web) -> None:
    route = Route(proxy="127.0.0.1:1", no_proxy="127.0.0.1", limit=2)
    assert fetch(f"{site.url}/good", route, LONGEST) == DER


def test_fetch_follows_redirections_up_to_a_limit(site: Web) -> None:
    site.moved = {"/old": "/good", "/round": "/round"}
    assert fetch(f"{site.url}/old", QUICK, LONGEST) == DER
    with pytest.raises(NetworkError):
        fetch(f"{site.url}/round", QUICK, LONGEST)
    assert site.asked.count("GET /round") == 5


@pytest.mark.parametrize("page", [b"", b"nothing like DER", DER[:-1], b"\x30\x83\x0f\xff\xff"])
def test_fetch_refuses_what_is_no_der(page: bytes, site: Web) -> None:
    site.pages["/bad"] = page
    with pytest.raises(NetworkError) as raised:
        fetch(f"{site.url}/bad", QUICK, LONGEST)
    assert raised.value.stack


def test_fetch_refuses_what_is_too_long(site: Web) -> None:
    site.pages["/long"] = b"\x30\x82\x07\xd0" + bytes(2000)
    assert fetch(f"{site.url}/long", QUICK, 3000) == site.pages["/long"]
    with pytest.raises(NetworkError):
        fetch(f"{site.url}/long", QUICK, LONGEST)


def test_fetch_says_why_nothing_is_there(site: Web) -> None:
    with pytest.raises(NetworkError) as raised:
        fetch(f"{site.url}/none", QUICK, LONGEST)
    assert "code=404, reason=Not Found" in raised.value.stack[0]


def test_fetch_gives_up_at_once_where_nobody_listens() -> None:
    began = time.monotonic()
    with pytest.raises(NetworkError) as raised:
        fetch(f"http://127.0.0.1:{free_port()}/", Route(limit=15), LONGEST)
    assert time.monotonic() - began < 5
    assert "Connection refused" in raised.value.stack[0]


def dribbles(connection: socket.socket) -> None:
    connection.recv(65536)
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


def answers_without_end(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.0 200 ok\r\n")
    while True:
        connection.sendall(b"More: and more\r\n")
        time.sleep(0.01)


@pytest.mark.parametrize("behave", [drain, dribbles, answers_without_end])
def test_fetch_ends_when_the_time_is_up(behave: Behaviour) -> None:
    with peer(behave) as port:
        began = time.monotonic()
        with pytest.raises(NetworkError):
            fetch(f"http://127.0.0.1:{port}/", QUICK, LONGEST)
        assert time.monotonic() - began < QUICK.limit + 2


def test_fetch_ends_when_nobody_takes_the_connection() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen(0)
        waiting = [knock(busy.getsockname()) for _ in range(3)]
        began = time.monotonic()
        with pytest.raises(NetworkError, match="timeout"):
            fetch(f"http://127.0.0.1:{busy.getsockname()[1]}/", QUICK, LONGEST)
        assert time.monotonic() - began < QUICK.limit + 2
        for each in waiting:
            each.close()


def knock(address: tuple[str, int]) -> socket.socket:
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(address)
    return client


def test_fetch_can_be_done_in_many_threads(site: Web) -> None:
    taken: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: taken.append(fetch(f"{site.url}/good", QUICK, LONGEST)))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == [DER] * 10


# --- https -------------------------------------------------------------------------------------------------------


@pytest.fixture
def secure_site(site: Web, files: Path) -> Web:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files / "rsa.pem", files / "rsa.key")
    site.socket = context.wrap_socket(site.socket, server_side=True)
    return site


def test_fetch_over_tls(secure_site: Web) -> None:
    assert fetch(f"https://localhost:{secure_site.server_port}/good", QUICK, LONGEST) == DER


def test_fetch_over_tls_needs_tls(site: Web) -> None:
    with pytest.raises(NetworkError) as raised:
        fetch(f"https://127.0.0.1:{site.server_port}/good", QUICK, LONGEST)
    assert "wrong version number" in raised.value.stack[0]


def connects_to(port: int) -> Behaviour:
    """A proxy that does what CONNECT asks for."""

    def behave(connection: socket.socket) -> None:
        request = connection.recv(65536)
        assert request.startswith(f"CONNECT a.example:{port} HTTP/1.0\r\n".encode())
        with socket.create_connection(("127.0.0.1", port), 20) as server:
            connection.sendall(b"HTTP/1.0 200 ok\r\n\r\n")
            back = threading.Thread(target=pass_on, args=(server, connection), daemon=True)
            back.start()
            pass_on(connection, server)
            back.join(20)

    return behave


def pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)


def test_fetch_over_tls_through_a_proxy(secure_site: Web) -> None:
    port = secure_site.server_port
    with peer(connects_to(port)) as proxy:
        route = Route(proxy=f"127.0.0.1:{proxy}", limit=3)
        assert fetch(f"https://a.example:{port}/good", route, LONGEST) == DER


def test_fetch_over_tls_through_a_proxy_that_refuses() -> None:
    with peer(answers_with(b"HTTP/1.0 407 Who are you?\r\n\r\n")) as proxy:
        route = Route(proxy=f"127.0.0.1:{proxy}", limit=3)
        with pytest.raises(NetworkError):
            fetch("https://a.example/good", route, LONGEST)
