"""A ClientHello becomes an offer, whatever is wrong with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.hellos import extension, hello
from tlsdeck.wire import Code, client_offer
from tlsdeck.wire.offer import KeyShare
from tlsdeck.wire.suites import CIPHER_SUITES, Strength, strength
from wire.vectors import vectors

HELLOS = {each.name: each for each in vectors() if each.content_type == 22 and each.data[:1] == b"\x01"}
MODERN = HELLOS["tls_1_3.client_hello"].data


def test_all_of_a_modern_hello_is_there() -> None:
    offer = client_offer(0x0303, MODERN)
    assert [code.name for code in offer.versions] == ["TLS 1.3", "TLS 1.2", "TLS 1.1", "TLS 1.0"]
    assert offer.suites[0] == Code(0x1302, "TLS_AES_256_GCM_SHA384")
    assert offer.server_name == "localhost"
    assert offer.key_shares == (KeyShare(Code(29, "ecdh_x25519"), 32),)
    assert [each.type.number for each in offer.extensions] == [0, 11, 10, 35, 22, 23, 49, 13, 43, 45, 51]
    assert (offer.session_ticket, offer.psk_identities, offer.problem) == (0, 0, None)


def test_without_the_extension_there_is_one_version() -> None:
    assert client_offer(0x0301, hello(version="0302")).versions == (Code(0x0302, "TLS 1.1"),)


def test_what_nobody_knows_has_its_code_point() -> None:
    raw = extension(0xABCD, "00") + extension(10, "0006 0a0a 11ec abcd")
    raw += extension(43, "04 5a5a 0305") + extension(13, "0004 1a1a 7777")
    offer = client_offer(0x0303, hello(raw, suites="2a2a1301aaab"))
    assert offer.suites == (
        Code(0x2A2A, "GREASE"), Code(0x1301, "TLS_AES_128_GCM_SHA256"), Code(0xAAAB, "UNKNOWN"),
    )  # fmt: skip
    assert [code.name for code in offer.groups] == ["GREASE", "X25519MLKEM768", "UNKNOWN"]
    assert offer.versions == (Code(0x5A5A, "GREASE"), Code(0x0305, "UNKNOWN"))
    assert [code.name for code in offer.signature_schemes] == ["GREASE", "UNKNOWN"]
    assert offer.extensions[0].type == Code(0xABCD, "UNKNOWN")


def test_opaque_extensions_are_read() -> None:
    raw = extension(50, "00040403 0804")
    raw += extension(41, "000b 0005 6964656e74 00000000 0021 20" + "00" * 32)
    raw += extension(16, "0005 04 c3bc00ff")
    raw += extension(0, "0008 01 0000 00 0002 6162")
    offer = client_offer(0x0303, hello(raw))
    names = [code.name for code in offer.certificate_signature_schemes]
    assert names == ["ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256"]
    assert offer.psk_identities == 1
    assert offer.alpn == ("ü\0\\xff",)
    assert offer.server_name == "ab"


@pytest.mark.parametrize("kind", [0, 41, 50])
@pytest.mark.parametrize("content", ["", "00", "ffff", "000100", "000300ffff"])
def test_malformed_opaque_extensions_are_nothing(kind: int, content: str) -> None:
    offer = client_offer(0x0303, hello(extension(kind, content)))
    assert [each.type.number for each in offer.extensions] == [kind]
    assert offer.server_name in (None, "")


def test_the_first_of_a_repeated_extension_counts() -> None:
    first, second = (extension(16, f"000302{digit}{digit}") for digit in ("61", "62"))
    assert client_offer(0x0303, hello(first + second)).alpn == ("aa",)


@pytest.mark.parametrize("name", HELLOS)
def test_every_truncation_is_an_offer(name: str) -> None:
    vector = HELLOS[name]
    for end in range(len(vector.data)):
        assert client_offer(vector.context.version, vector.data[:end]).problem is not None


@given(st.integers(0, len(MODERN) - 1), st.integers(0, 255))
def test_every_mutation_is_an_offer(place: int, value: int) -> None:
    data = bytearray(MODERN)
    data[place] = value
    client_offer(0x0303, bytes(data))


@given(st.binary())
def test_any_bytes_are_an_offer(data: bytes) -> None:
    client_offer(0x0303, data)


@pytest.mark.parametrize(
    "name, found",
    [
        ("TLS_AES_128_GCM_SHA256", Strength(128, True, True)),
        ("TLS_CHACHA20_POLY1305_SHA256", Strength(256, True, True)),
        ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", Strength(256, False, True)),
        ("TLS_RSA_WITH_AES_128_CCM_8", Strength(128, True, False)),
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", Strength(112, False, False)),
        ("TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", Strength(40, False, False)),
        ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", Strength(40, False, False)),
        ("TLS_DHE_RSA_WITH_DES_CBC_SHA", Strength(56, False, True)),
        ("TLS_RSA_WITH_NULL_SHA256", Strength(0, False, False)),
        ("TLS_PSK_DHE_WITH_AES_128_CCM_8", Strength(128, True, True)),
        ("UNKNOWN", Strength(None, False, False)),
    ],
)
def test_strength_is_read_from_the_name(name: str, found: Strength) -> None:
    assert strength(name) == found


def test_the_strength_of_every_registered_suite_is_known() -> None:
    signals = {"TLS_EMPTY_RENEGOTIATION_INFO_SCSV", "TLS_FALLBACK_SCSV"}
    without = {name for name in CIPHER_SUITES.values() if strength(name).bits is None}
    assert without - signals == set()
