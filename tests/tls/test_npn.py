from __future__ import annotations

from collections.abc import Callable

import pytest

from tls.pairs import TLS12, TLS13, Pair, client_settings, only
from tlsdeck.errors import SettingError
from tlsdeck.events import NextProtocolSelected, NextProtocolsOffered
from tlsdeck.tls.settings import Settings

MakePair = Callable[..., Pair]
Serving = Callable[..., Settings]


@pytest.mark.parametrize(
    "ours, theirs, chosen, common",
    [
        ((b"a",), (b"a",), "a", True),
        ((b"a", b"b"), (b"b", b"a"), "b", True),  # the server's order counts
        ((b"x", b"y"), (b"a", b"b"), "x", False),
        ((b"\xff",), (b"\xff",), "\xff", True),
        ((255 * b"n",), (b"a", 255 * b"n"), 255 * "n", True),
    ],
)
def test_client_chooses(
    ours: tuple[bytes, ...],
    theirs: tuple[bytes, ...],
    chosen: str,
    common: bool,
    pair: MakePair,
    serving: Serving,
) -> None:
    both = pair(client_settings(next_protocols=ours, **only(TLS12)), serving(next_protocols=theirs))
    assert both.of(NextProtocolsOffered) == [
        NextProtocolsOffered(tuple(name.decode("latin-1") for name in theirs))
    ]
    assert both.of(NextProtocolSelected) == [NextProtocolSelected(chosen, common)]
    assert both.client.summary().next_protocol == both.server.summary().next_protocol == chosen


@pytest.mark.parametrize("offering, version", [(False, TLS12), (True, TLS13)])
def test_nothing_is_chosen(offering: bool, version: int, pair: MakePair, serving: Serving) -> None:
    both = pair(
        client_settings(next_protocols=(b"a",), **only(version)),
        serving(next_protocols=(b"a",) if offering else ()),
    )
    assert both.of(NextProtocolsOffered) == []
    assert both.client.summary().next_protocol is None
    assert both.server.summary().next_protocol is None


def test_alpn_goes_first(pair: MakePair, serving: Serving) -> None:
    both = pair(
        client_settings(next_protocols=(b"a",), alpn=(b"b",), **only(TLS12)),
        serving(next_protocols=(b"a",), alpn=(b"b",)),
    )
    assert (both.client.summary().alpn, both.client.summary().next_protocol) == ("b", None)


def test_name_that_is_none_ends_the_handshake(serving: Serving) -> None:
    both = Pair(client_settings(next_protocols=(b"a",), **only(TLS12)), serving(next_protocols=(b"",)))
    with pytest.raises(SettingError, match="Not a protocol name"):
        both.shake()
