from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.nameserver import Behaviour, NameServer, answer, cut, zone
from tlsdeck.ucspi import resolver
from tlsdeck.ucspi.loop import Loop
from tlsdeck.ucspi.naming import Naming, Rewrite
from tlsdeck.ucspi.resolver import Found, Resolver

Serve = Callable[..., NameServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a name server; it ends with the test."""
    started: list[NameServer] = []

    def start(udp: Behaviour, tcp: Behaviour | None = None) -> NameServer:
        started.append(NameServer(udp, tcp))
        return started[-1]

    yield start
    for server in started:
        server.close()


class Asker:
    """A resolver with a loop of its own, which runs each question to its end."""

    def __init__(self, naming: Naming) -> None:
        self._loop = Loop()
        self._resolver = Resolver(naming, self._loop)

    def find(self, name: str, deadline: float) -> Found | None:
        return self._loop.result(self._resolver.find(name, deadline))

    def addresses(self, host: str, deadline: float) -> tuple[str, ...] | None:
        return self._loop.result(self._resolver.addresses(host, deadline))

    def host(self, ip: str, deadline: float) -> str | None:
        return self._loop.result(self._resolver.host(ip, deadline))

    def confirms(self, host: str, ip: str, deadline: float) -> bool:
        return self._loop.result(self._resolver.confirms(host, ip, deadline))


def asking(*servers: NameServer, rewrites: tuple[Rewrite, ...] = ()) -> Asker:
    return Asker(Naming(tuple(server.address for server in servers), rewrites))


def soon(seconds: float = 5) -> float:
    return time.monotonic() + seconds


def silent(_query: bytes) -> list[bytes]:
    return []


ZONE = zone(
    "www.example. A 192.0.2.1",
    "www.example. A 192.0.2.2",
    "www.example. AAAA 2001:db8::1",
    "alias.example. CNAME www.example.",
    "loop.example. CNAME loop.example.",
    "empty.example. TXT nothing",
    "1.2.0.192.in-addr.arpa. PTR WWW.Example.",
    "2.2.0.192.in-addr.arpa. CNAME 2.net.example.",
    "2.net.example. PTR second.example.",
    "3.2.0.192.in-addr.arpa. PTR a\\046b\\010\\200_-.x\\ y.",
    "4.2.0.192.in-addr.arpa. PTR .",
    f"{'1.' + '0.' * 23}8.b.d.0.1.0.0.2.ip6.arpa. PTR www.example.",
)


# --- answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host, addresses",
    [
        ("www.example", ("192.0.2.1", "192.0.2.2", "2001:db8::1")),
        ("WWW.Example.", ("192.0.2.1", "192.0.2.2", "2001:db8::1")),
        ("w\\167w.example", ("192.0.2.1", "192.0.2.2", "2001:db8::1")),
        ("\\www.example", ("192.0.2.1", "192.0.2.2", "2001:db8::1")),
        ("alias.example", ("192.0.2.1", "192.0.2.2", "2001:db8::1")),
        ("empty.example", ()),
        ("none.example", ()),
        ("", ()),
    ],
)
def test_addresses_of_a_host(serve: Serve, host: str, addresses: tuple[str, ...]) -> None:
    assert asking(serve(ZONE)).addresses(host, soon()) == addresses


@pytest.mark.parametrize("host", ["x" * 64, ".".join(["x" * 60] * 5), "loop.example"])
def test_names_that_cannot_be_have_no_answer(serve: Serve, host: str) -> None:
    assert asking(serve(ZONE)).addresses(host, soon()) is None


@pytest.mark.parametrize(
    "ip, host",
    [
        ("192.0.2.1", "www.example"),
        ("::ffff:192.0.2.1", "www.example"),
        ("2001:db8::1", "www.example"),
        ("2001:db8::1%eth0", "www.example"),
        ("192.0.2.2", "second.example"),
        ("192.0.2.3", "a\\056b\\012\\310_-.x\\040y"),
        ("192.0.2.4", None),
        ("192.0.2.5", None),
        ("nonsense", None),
    ],
)
def test_the_host_of_an_address(serve: Serve, ip: str, host: str | None) -> None:
    assert asking(serve(ZONE)).host(ip, soon()) == host


@pytest.mark.parametrize(
    "host, ip, confirmed",
    [
        ("www.example", "192.0.2.2", True),
        ("www.example", "::ffff:192.0.2.2", True),
        ("www.example", "2001:DB8:0::1", True),
        ("www.example", "192.0.2.3", False),
        ("none.example", "192.0.2.1", False),
        ("www.example", "nonsense", False),
    ],
)
def test_a_host_confirms_its_addresses(serve: Serve, host: str, ip: str, confirmed: bool) -> None:
    assert asking(serve(ZONE)).confirms(host, ip, soon()) is confirmed


def test_a_name_with_odd_bytes_can_be_confirmed(serve: Serve) -> None:
    server = serve(zone("a\\.b\\010\\200.example. A 192.0.2.9"))
    assert asking(server).confirms("a\\056b\\012\\310.example", "192.0.2.9", soon())


def test_the_first_qualified_name_with_addresses_is_found(serve: Serve) -> None:
    search = (Rewrite("?", "", "+.none.example+.example+.never"),)
    assert asking(serve(ZONE), rewrites=search).find("www", soon()) == Found(
        "www.example", ("192.0.2.1", "192.0.2.2", "2001:db8::1")
    )
    assert asking(serve(ZONE), rewrites=search).find("nobody", soon()) == Found("nobody.never", ())
    assert asking(serve(silent), rewrites=search).find("www", soon(0.2)) is None


# --- servers that fail -----------------------------------------------------------------------------------------


def refusing(query: bytes) -> list[bytes]:
    return [answer(query, rcode=dns.rcode.SERVFAIL).to_wire()]


def test_the_next_server_is_asked_when_one_fails_or_is_silent(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "_PATIENCE", (0.1,))
    for behaviour in (refusing, silent):
        assert asking(serve(behaviour), serve(ZONE)).host("192.0.2.1", soon()) == "www.example"


def test_a_closed_port_costs_no_time(serve: Serve) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        closed = taken.getsockname()
    started = time.monotonic()
    naming = Naming((closed, serve(ZONE).address))
    assert Asker(naming).host("192.0.2.1", soon()) == "www.example"
    assert Asker(Naming((closed,))).host("192.0.2.1", soon()) is None
    assert time.monotonic() - started < 1


def test_a_server_that_cannot_be_reached_is_passed_over(serve: Serve) -> None:
    naming = Naming((("255.255.255.255", 53), serve(ZONE).address))
    assert Asker(naming).host("192.0.2.1", soon()) == "www.example"


def test_a_server_that_cannot_tell_is_asked_again_in_each_round(serve: Serve) -> None:
    server = serve(refusing)
    assert asking(server).host("192.0.2.1", soon()) is None
    assert server.questions == 4


def test_all_ends_at_the_deadline(serve: Serve) -> None:
    server = serve(silent)
    started = time.monotonic()
    assert asking(server, server).addresses("www.example", soon(0.3)) is None
    assert 0.3 <= time.monotonic() - started < 2
    assert asking(server).host("192.0.2.1", soon(-1)) is None


def test_one_kind_of_address_may_be_all_there_is_in_time(serve: Serve) -> None:
    def only_ipv4(query: bytes) -> list[bytes]:
        return ZONE(query) if dns.message.from_wire(query).question[0].rdtype == 1 else []

    server = serve(only_ipv4)
    assert asking(server).addresses("www.example", soon(0.3)) == ("192.0.2.1", "192.0.2.2")
    assert asking(server).addresses("none.example", soon(0.3)) is None


# --- TCP -------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_is_asked_for_over_tcp(serve: Serve) -> None:
    server = serve(cut, ZONE)
    assert asking(server).host("192.0.2.1", soon()) == "www.example"
    assert server.questions == 2


@pytest.mark.parametrize("tcp", [None, lambda _: [b"nonsense"], lambda _: [b""], refusing])
def test_tcp_that_fails_is_no_answer(serve: Serve, tcp: Behaviour | None) -> None:
    assert asking(serve(cut, tcp)).host("192.0.2.1", soon()) is None


def test_a_large_answer_comes_over_tcp(serve: Serve) -> None:
    names = [f"host{number}.example. A 192.0.2.{number}" for number in range(1, 200)]
    many = [record.replace(record.split()[0], "many.example.") for record in names]
    found = asking(serve(cut, zone(*many))).addresses("many.example", soon())
    assert found is not None
    assert len(found) == 199


# --- nonsense --------------------------------------------------------------------------------------------------


def with_other_id(query: bytes) -> bytes:
    wire = bytearray(ZONE(query)[0].replace(b"\xc0\x00\x02", b"\xc0\x00\x03"))
    wire[0] ^= 1
    return bytes(wire)


def with_other_question(query: bytes) -> bytes:
    message = answer(query, "9.2.0.192.in-addr.arpa. PTR evil.example.")
    message.question = dns.message.make_query("9.2.0.192.in-addr.arpa.", "PTR").question
    return message.to_wire()


@pytest.mark.parametrize(
    "forged",
    [
        lambda _: b"",
        lambda _: b"nonsense",
        lambda query: query,
        lambda query: query[:2] + b"\x81\x80" + b"\xff" * 20,
        lambda query: answer(query).to_wire()[:-1],
        with_other_id,
        with_other_question,
    ],
)
def test_what_does_not_answer_the_question_is_passed_over(
    serve: Serve, forged: Callable[[bytes], bytes]
) -> None:
    server = serve(lambda query: [forged(query), *ZONE(query)])
    assert asking(server).host("192.0.2.1", soon()) == "www.example"
    assert server.questions == 1


def test_an_answer_from_another_address_is_not_taken(serve: Serve) -> None:
    def forge_first(query: bytes) -> list[bytes]:
        forged = answer(query, "1.2.0.192.in-addr.arpa. PTR evil.example.")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(forged.to_wire(), server.client)
        return ZONE(query)

    server = serve(forge_first)
    assert asking(server).host("192.0.2.1", soon()) == "www.example"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80), st.booleans())
def test_any_answer_is_a_value_or_none(noise: bytes, over_tcp: bool) -> None:
    def nonsense(query: bytes) -> list[bytes]:
        return [query[:2] + b"\x84\x00" + query[4:6] + noise[:6] + query[12:] + noise, refusing(query)[0]]

    server = NameServer(cut if over_tcp else nonsense, nonsense)
    try:
        found = asking(server).host("192.0.2.1", soon())
        assert found is None or isinstance(found, str)
    finally:
        server.close()
