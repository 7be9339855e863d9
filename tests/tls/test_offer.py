"""Which of a client's suites a server could choose, and why not the others."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import pytest

from support.hellos import hello, record
from tls.pairs import TLS12, TLS13, Pair, client_settings, identity_of, only, server_settings
from tlsdeck.errors import PeerError
from tlsdeck.events import Offer, ServerKey
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.context import Context
from tlsdeck.tls.psk import PreSharedKey
from tlsdeck.tls.settings import Watch
from tlsdeck.tls.transport import memory

OFFERS = Watch(offers=True)


def offered(
    pki: Mapping[str, bytes], key: str, client: Mapping[str, object], server: Mapping[str, object]
) -> Offer:
    pair = Pair(client_settings(**client), server_settings(pki, key, **{"watch": OFFERS, **server}))
    pair.errors()
    offer = pair.server.summary().offer
    assert offer is not None
    return offer


def verdicts(offer: Offer) -> dict[str, str]:
    return {suite.name or f"{suite.code:04X}": suite.verdict for suite in offer.suites}


def commands(**words: str) -> tuple[tuple[str, str | None], ...]:
    return tuple(words.items())


def test_the_hello_is_kept(pki: Mapping[str, bytes]) -> None:
    offer = offered(pki, "rsa", {}, {})
    assert offer.hello[:1] == b"\x01"
    assert int.from_bytes(offer.hello[1:4], "big") == len(offer.hello) - 4
    assert (offer.version, offer.group, offer.security_level) == (TLS13, "x25519", 2)
    assert offer.server_versions == (TLS13, TLS12)
    assert {0, 10, 43, 51} <= set(offer.known_extensions)
    assert 0xABCD not in offer.known_extensions


def test_the_first_hello_is_kept_when_there_are_two(pki: Mapping[str, bytes]) -> None:
    offer = offered(pki, "rsa", {}, {"conf_commands": commands(groups="P-521")})
    assert (offer.group, bytes.fromhex("0033 0026 0024 001d 0020") in offer.hello) == ("secp521r1", True)


@pytest.mark.parametrize("watch", [Watch(), Watch(messages=True)])
def test_nobody_keeps_what_nobody_wants(pki: Mapping[str, bytes], watch: Watch) -> None:
    pair = Pair(client_settings(), server_settings(pki, watch=watch))
    pair.shake()
    assert pair.server.offer() is None
    assert pair.server.summary().offer is None


def test_a_kept_hello_is_told_when_asked_for(pki: Mapping[str, bytes]) -> None:
    pair = Pair(client_settings(), server_settings(pki, watch=Watch(hellos=True)))
    assert pair.server.offer() is None
    pair.shake()
    assert pair.server.summary().offer is None
    assert pair.server.offer() is not None
    assert pair.client.offer() is None


@pytest.mark.parametrize("watch", [Watch(messages=True, offers=True), Watch(details=True)])
def test_watching_messages_as_well_keeps_it_too(pki: Mapping[str, bytes], watch: Watch) -> None:
    pair = Pair(client_settings(), server_settings(pki, watch=watch))
    pair.shake()
    assert pair.server.summary().offer is not None


def test_tls_1_3_takes_its_own_suites_only(pki: Mapping[str, bytes]) -> None:
    found = verdicts(offered(pki, "rsa", {}, {}))
    assert found["TLS_AES_256_GCM_SHA384"] == "chosen"
    assert found["TLS_AES_128_GCM_SHA256"] == "possible"
    assert found["ECDHE-RSA-AES256-GCM-SHA384"] == "version"


@pytest.mark.parametrize(
    "key, possible, other",
    [
        ("rsa", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("ecdsa", "ECDHE-ECDSA-AES128-GCM-SHA256", "AES128-SHA"),
    ],
)
def test_a_suite_needs_its_key(pki: Mapping[str, bytes], key: str, possible: str, other: str) -> None:
    found = verdicts(offered(pki, key, only(TLS12), {}))
    assert (found[possible], found[other]) == ("possible", "key")
    assert "TLS_AES_128_GCM_SHA256" not in found


def test_two_keys_are_told(pki: Mapping[str, bytes]) -> None:
    identities = (identity_of(pki, "rsa"), identity_of(pki, "ecdsa"))
    offer = offered(pki, "rsa", only(TLS12), {"identities": identities})
    assert set(offer.server_keys) == {ServerKey("RSA", None, 2048), ServerKey("EC", "prime256v1", 256)}
    assert "key" not in verdicts(offer).values()


@pytest.mark.parametrize(
    "suite, ours, verdict, server",
    [
        ("DHE-RSA-AES128-GCM-SHA256", "DEFAULT", "dh", {"dh": False}),
        ("DHE-RSA-AES128-GCM-SHA256", "DEFAULT", "possible", {"dh": True}),
        ("AES128-SHA", "AES256-SHA", "disabled", {}),
        ("ECDHE-RSA-AES128-GCM-SHA256", "DEFAULT", "group", {}),
    ],
)
def test_a_reason_for_each(
    pki: Mapping[str, bytes], suite: str, ours: str, verdict: str, server: dict[str, object]
) -> None:
    own = commands(cipher=ours, groups="P-521" if verdict == "group" else "P-256")
    client = {**only(TLS12), "conf_commands": commands(cipher=f"AES256-SHA:{suite}", groups="P-256")}
    offer = offered(pki, "rsa", client, {"conf_commands": own, **server})
    assert verdicts(offer)[suite] == verdict


def test_the_security_level_counts(pki: Mapping[str, bytes]) -> None:
    ours = commands(cipher="ECDHE-ECDSA-AES128-GCM-SHA256:AES128-GCM-SHA256:@SECLEVEL=3")
    found = verdicts(offered(pki, "ecdsa", only(TLS12), {"conf_commands": ours}))
    assert found["ECDHE-ECDSA-AES128-GCM-SHA256"] == "chosen"
    assert found["AES128-GCM-SHA256"] == "level"  # no forward secrecy


@pytest.mark.parametrize("key, verdict", [(None, "psk"), (b"1234", "possible")])
def test_a_pre_shared_key_is_needed(pki: Mapping[str, bytes], key: bytes | None, verdict: str) -> None:
    client = {**only(TLS12), "psk": PreSharedKey(b"me", b"1234")}
    server = {} if key is None else {"psk": PreSharedKey(b"me", key)}
    assert verdicts(offered(pki, "rsa", client, server))["PSK-AES128-GCM-SHA256"] == verdict


def answer_to(pki: Mapping[str, bytes], message: bytes, **fields: object) -> Offer:
    """The offer in a hello made by hand, whatever becomes of the handshake."""
    carrier = memory()
    server = Connection(Context(server_settings(pki, watch=OFFERS, **fields)), carrier)
    carrier.feed(record(message))
    with contextlib.suppress(PeerError):
        server.handshake()
    offer = server.offer()
    assert offer is not None
    return offer


def test_what_libssl_does_not_know_has_no_name(pki: Mapping[str, bytes]) -> None:
    suites = answer_to(pki, hello(suites="2a2aaaab00ffc02f")).suites
    assert [(suite.name, suite.verdict) for suite in suites[:2]] == [(None, "unknown")] * 2


def test_where_no_version_is_agreed_on_no_suite_is_looked_at(pki: Mapping[str, bytes]) -> None:
    offer = answer_to(pki, hello(), **only(TLS13))
    assert (offer.version, offer.suites, offer.server_versions) == (None, (), (TLS13,))


@pytest.mark.parametrize(
    "words, versions",
    [
        ({"cipher": "DEFAULT@SECLEVEL=0"}, (TLS13, TLS12, 0x0302, 0x0301)),
        ({"max_protocol": "TLSv1.2"}, (TLS12,)),
        ({"min_protocol": "TLSv1.3"}, (TLS13,)),
    ],
)
def test_the_servers_versions(
    pki: Mapping[str, bytes], words: dict[str, str], versions: tuple[int, ...]
) -> None:
    offer = offered(pki, "rsa", {}, {"conf_commands": commands(**words)})
    assert offer.server_versions == versions
