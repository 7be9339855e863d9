"""Who connects: many at once, and servers that do not say."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import dns.message
import pytest

from support.nameserver import Behaviour, NameServer, zone
from tlsdeck.ucspi import visitor
from tlsdeck.ucspi.environment import Ends
from tlsdeck.ucspi.loop import Loop
from tlsdeck.ucspi.naming import Naming
from tlsdeck.ucspi.resolver import Resolver
from tlsdeck.ucspi.visitor import Caller, Policy, Reception
from ucspi.peers import ident_server, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.ucspi.loop import Steps

CROWD = 200
ENDS = Ends("127.0.0.1", 443, "192.0.2.1", 51000)


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], NameServer]]:
    with ExitStack() as ends:

        def start(behaviour: Behaviour) -> NameServer:
            server = NameServer(behaviour)
            ends.callback(server.close)
            return server

        yield start


def no_rules() -> None:
    return None


def find_out(policy: Policy, server: tuple[str, int], ends: Ends = ENDS, count: int = CROWD) -> list[Caller]:
    """What is found out about that many who come at once."""
    loop = Loop()
    reception = Reception(loop, policy, Resolver(Naming((server,)), loop), no_rules, no_rules)
    callers: list[Caller] = []

    def visit() -> Steps[None]:
        callers.append((yield from reception.find_out(ends, None)))

    for _ in range(count):
        loop.start(visit())
    loop.run()
    return callers


def nonsense(query: bytes) -> list[bytes]:
    return [b"", query, query[:2] + b"\x84\x00" + b"\xff" * 200, os.urandom(512)]


@pytest.mark.parametrize("behaviour", [lambda _: [], nonsense])
def test_a_name_server_that_does_not_say_costs_all_together_its_limit(
    serve: Callable[[Behaviour], NameServer], behaviour: Behaviour
) -> None:
    server = serve(behaviour)
    threads, began = threading.active_count(), time.monotonic()
    callers = find_out(Policy(paranoid=True, names_limit=1.0), server.address)
    assert 1.0 <= time.monotonic() - began < 10
    assert threading.active_count() == threads
    assert [(each.ends.remote_host, each.ends.local_host) for each in callers] == [(None, None)] * CROWD


def test_one_limit_holds_for_all_questions_to_name_servers(serve: Callable[[Behaviour], NameServer]) -> None:
    """The name comes at once, its addresses and our own name never."""
    known = zone("1.2.0.192.in-addr.arpa. PTR www.example.")

    def behave(query: bytes) -> list[bytes]:
        question = dns.message.from_wire(query).question[0]
        return known(query) if question.name.to_text() == "1.2.0.192.in-addr.arpa." else []

    began = time.monotonic()
    [caller] = find_out(Policy(paranoid=True, names_limit=2.0), serve(behave).address, count=1)
    assert 2.0 <= time.monotonic() - began < 4.0
    assert (caller.ends.remote_host, caller.verify_name) == (None, "192.0.2.1")


def test_one_limit_holds_for_name_servers_and_ident(serve: Callable[[Behaviour], NameServer]) -> None:
    policy = Policy(names_limit=2.0, remote_info=True, ident_limit=2.0)
    with ident_server(place(), None) as ident:
        began = time.monotonic()
        [caller] = find_out(policy, serve(lambda _: []).address, ENDS.replace(remote_ip=ident.ip), count=1)
        assert 2.0 <= time.monotonic() - began < 4.0
    assert caller.ends.remote_info is None


def test_our_own_name_is_asked_for_again_soon_when_nobody_said_it(
    serve: Callable[[Behaviour], NameServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor, "_NO_NAME_LIFE", 0.0)
    server = serve(zone("1.0.0.127.in-addr.arpa. PTR us.example."))
    loop = Loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = closed.getsockname()
    policy = Policy(remote_host=False)
    resolver = Resolver(Naming((nobody,)), loop)
    reception = Reception(loop, policy, resolver, no_rules, no_rules)
    assert loop.result(reception.find_out(ENDS, None)).ends.local_host is None
    resolver._naming = Naming((server.address,))
    for _ in range(3):
        assert loop.result(reception.find_out(ENDS, None)).ends.local_host == "us.example"
    assert server.questions == 1
