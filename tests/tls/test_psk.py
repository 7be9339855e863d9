from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tls.pairs import TLS12, TLS13, Pair, client_settings, only, received, server_settings
from tlsdeck.errors import ConfigurationError, PeerError, TlsdeckError
from tlsdeck.events import (
    Event,
    PskHintUnused,
    PskIdentityReceived,
    PskIdentityUnsendable,
    PskKeySet,
    PskRequested,
    PskSent,
    TicketReceived,
)
from tlsdeck.tls.context import Context
from tlsdeck.tls.psk import PreSharedKey, parse_key
from tlsdeck.tls.session import load_psk_session, parse_session
from tlsdeck.tls.settings import Settings

MakePair = Callable[..., Pair]
Serving = Callable[..., Settings]

KEY = PreSharedKey(b"alice", b"\x12\x34")
AES_128 = (("ciphersuites", "TLS_AES_128_GCM_SHA256"),)


def serving_psk(psk: PreSharedKey = KEY, **fields: object) -> Settings:
    """A server that has nothing but a key."""
    return Settings(server=True, psk=psk).replace(**fields)


def test_parse_key() -> None:
    assert parse_key("00aAfF") == b"\x00\xaa\xff"
    assert len(parse_key(512 * "12")) == 512


@pytest.mark.parametrize(
    "digits, message",
    [
        ("", "Could not convert PSK key '' to buffer"),
        ("123", "Could not convert PSK key '123' to buffer"),
        (513 * "12", "PSK key of 513 bytes is too long, at most 512"),
    ],
)
def test_parse_key_of_anything_else_is_an_error(digits: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_key(digits)
    assert raised.value.message == message


@pytest.mark.parametrize("server", [True, False])
def test_context_tells_that_a_key_is_set(server: bool) -> None:
    told: list[Event] = []
    Context(Settings(server=server, psk=KEY), told.append)
    assert told == [PskKeySet(server)]


# --- TLS 1.3 ---------------------------------------------------------------------------------------------------


def test_key_authenticates_both(pair: MakePair) -> None:
    both = pair(client_settings(psk=KEY, **only(TLS13)), serving_psk())
    assert (both.client.summary().reused, both.client.summary().peer) == (True, None)
    assert both.tell(both.client, b"hello") == b"hello"
    assert both.of(PskRequested) == []
    assert both.of(PskIdentityReceived, server=True) == []


def test_wrong_key_is_refused() -> None:
    both = Pair(client_settings(psk=KEY.replace(key=b"\x99"), **only(TLS13)), serving_psk())
    with pytest.raises(PeerError, match="binder does not verify"):
        both.shake()


@pytest.mark.parametrize("identity", [b"bob", b"alic", b"alicee", b"alice\0", b"\xff"])
def test_other_identity_gets_a_full_handshake(identity: bytes, pair: MakePair, serving: Serving) -> None:
    both = pair(
        client_settings(psk=KEY.replace(identity=identity), **only(TLS13)),
        serving(psk=KEY, conf_commands=AES_128),
    )
    assert not both.client.summary().reused
    told = both.of(PskIdentityReceived, server=True)
    assert [(event.expected, event.accepted) for event in told] == [("alice", False)]


@pytest.mark.parametrize(
    "suite, reused", [("TLS_CHACHA20_POLY1305_SHA256", True), ("TLS_AES_256_GCM_SHA384", False)]
)
def test_key_is_offered_again_where_it_fits(
    suite: str, reused: bool, pair: MakePair, serving: Serving
) -> None:
    """After a HelloRetryRequest the hash is known; the second ClientHello leaves a key with another one out."""
    chosen = (("ciphersuites", suite), ("groups", "P-384"))
    both = pair(client_settings(psk=KEY), serving(psk=KEY, conf_commands=chosen))
    assert both.client.summary().cipher == suite
    assert both.client.summary().reused is reused
    assert both.of(PskRequested) == []


def test_session_takes_the_place_of_a_key(pair: MakePair, serving: Serving) -> None:
    first = pair(client_settings(keep_sessions=True, **only(TLS13)))
    received(first.client)
    session = parse_session(first.of(TicketReceived)[0].session.pem)
    psk = PreSharedKey(b"alice", b"\x99", session)
    both = pair(client_settings(psk=psk, **only(TLS13)), serving_psk(PreSharedKey(b"alice", None, session)))
    assert both.client.summary().cipher == "TLS_AES_256_GCM_SHA384"
    assert both.client.summary().reused
    # A server that has only keys would choose a suite for those; a key goes with SHA-256.
    server = serving_psk(psk, conf_commands=(("ciphersuites", "TLS_AES_256_GCM_SHA384"),))
    again = pair(client_settings(psk=psk, **only(TLS13)), server)
    assert again.client.summary().reused


@pytest.mark.parametrize(
    "content, message",
    [(None, "Can't open PSK session file"), (b"", "Can't read PSK session file")],
)
def test_load_psk_session_of_anything_else_is_an_error(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "session.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as raised:
        load_psk_session(str(path))
    assert raised.value.message == f"{message} {path}"
    assert raised.value.stack


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_key_that_the_library_does_not_take_ends_the_handshake(version: int) -> None:
    long = KEY.replace(key=513 * b"k")
    both = Pair(client_settings(psk=long, **only(version)), serving_psk(long))
    with pytest.raises(TlsdeckError):
        both.shake()


# --- TLS 1.2 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hint", [None, "ask alice"])
def test_tls_1_2_tells_hint_and_identity(hint: str | None, pair: MakePair) -> None:
    both = pair(client_settings(psk=KEY, **only(TLS12)), serving_psk(psk_hint=hint))
    assert "PSK" in both.client.summary().cipher
    assert both.tell(both.server, b"hello") == b"hello"
    assert both.of(PskRequested) == [PskRequested(hint)]
    assert both.of(PskSent) == [PskSent("alice", 2)]
    assert both.of(PskIdentityReceived, server=True) == [PskIdentityReceived("alice", "alice", True, 2)]


def test_tls_1_2_accepts_another_identity(pair: MakePair) -> None:
    both = pair(client_settings(psk=KEY.replace(identity=b"bob"), **only(TLS12)), serving_psk())
    assert both.of(PskIdentityReceived, server=True) == [PskIdentityReceived("bob", "alice", True, 2)]


def test_tls_1_2_refuses_a_wrong_key() -> None:
    both = Pair(client_settings(psk=KEY.replace(key=b"\x99"), **only(TLS12)), serving_psk())
    with pytest.raises(PeerError, match="bad record mac"):
        both.shake()


@pytest.mark.parametrize("length", [255, 256])
def test_tls_1_2_identity_has_a_limit(length: int) -> None:
    both = Pair(client_settings(psk=KEY.replace(identity=length * b"i"), **only(TLS12)), serving_psk())
    errors = both.errors()
    assert both.of(PskIdentityUnsendable) == ([PskIdentityUnsendable(256, 255)] if length > 255 else [])
    assert bool(errors) is (length > 255)


def test_hint_has_no_place_in_tls_1_3(pki: dict[str, bytes]) -> None:
    told: list[Event] = []
    Context(server_settings(pki, psk_hint="ask alice", **only(TLS13)), told.append)
    assert told == [PskHintUnused()]


def test_hint_has_a_limit(pki: dict[str, bytes]) -> None:
    with pytest.raises(ConfigurationError, match="error setting PSK identity hint to context"):
        Context(server_settings(pki, psk_hint=300 * "h"))
