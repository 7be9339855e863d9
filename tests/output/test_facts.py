"""The facts of a connection: every offered thing with its verdict."""

from __future__ import annotations

import pytest

from output.captured import LEAF, NOTHING
from support.hellos import extension, hello
from tlsdeck.events import Offer, ServerKey, SuiteOffer, Summary
from tlsdeck.output.facts import VERDICTS, ClientCertificate, Facts, Item, facts, key_text, protection

EXTENSIONS = (
    extension(43, "06 6a6a 0304 0303")
    + extension(10, "0008 001d 0017 11ec 2a2a")
    + extension(13, "000e 0403 0503 0804 0401 0904 0203 3a3a")
    + extension(51, "0009 2a2a 0001 00 001d 0000")
    + extension(0, "0006 00 0003 622e63")
    + extension(16, "0003 02 6832")
    + extension(0xABCD, "00")
    + extension(45, "01 01")
)
OFFER = Offer(
    message_version=0x0303,
    hello=hello(EXTENSIONS, "1a1a1301c02b00ffaaab"),
    version=0x0304,
    group="x25519",
    suites=(
        SuiteOffer(0x1A1A, None, "unknown"),
        SuiteOffer(0x1301, "TLS_AES_128_GCM_SHA256", "chosen"),
        SuiteOffer(0xC02B, "ECDHE-ECDSA-AES128-GCM-SHA256", "version"),
        SuiteOffer(0x00FF, None, "unknown"),
        SuiteOffer(0xAAAB, None, "unknown"),
    ),
    server_versions=(0x0304, 0x0303),
    server_suites=(0x1301, 0x1302),
    server_keys=(ServerKey("EC", "prime256v1", 256),),
    security_level=2,
    known_extensions=(0, 10, 13, 16, 43, 45, 51),
)
SUMMARY = NOTHING.replace(
    cipher="TLS_AES_128_GCM_SHA256",
    supported_groups=("x25519", "secp256r1", "0x11EC", "0x2A2A"),
    shared_groups=("x25519", "secp256r1"),
    signature_algorithms=(
        "ECDSA+SHA256", "ECDSA+SHA384", "RSA-PSS+SHA256", "RSA+SHA256", "0x04+0x09", "ECDSA+SHA1", "0x3A+0x3A",
    ),
    shared_signature_algorithms=("ECDSA+SHA256", "ECDSA+SHA384", "RSA-PSS+SHA256", "RSA+SHA256", "ECDSA+SHA1"),
)  # fmt: skip


def found(offer: Offer = OFFER, summary: Summary = SUMMARY) -> Facts:
    return facts(summary, offer)


def verdicts(items: tuple[Item, ...]) -> dict[str, str]:
    return {item.name: item.verdict for item in items}


def test_what_was_chosen() -> None:
    chosen = found().chosen
    assert (chosen.version, chosen.suite, chosen.group) == ("TLS 1.3", "TLS_AES_128_GCM_SHA256", "x25519")
    assert (chosen.bits, chosen.aead, chosen.forward_secret) == (128, True, True)
    assert (chosen.resumed, chosen.client_certificate) == (False, None)


def test_a_session_resumed_without_a_key_exchange_is_not_forward_secret() -> None:
    assert found(OFFER.replace(group=None)).chosen.forward_secret is False


def test_the_clients_certificate() -> None:
    summary = SUMMARY.replace(peer=LEAF, verify_code=18, verify_text="self-signed certificate")
    assert found(summary=summary).chosen.client_certificate == ClientCertificate(
        LEAF.subject, LEAF.issuer, LEAF.not_before, LEAF.not_after,
        "rsaEncryption, 2048 bits", 18, "self-signed certificate",
    )  # fmt: skip


def test_every_list_has_verdicts() -> None:
    client = found().client
    assert verdicts(client.versions) == {"GREASE": "grease", "TLS 1.3": "chosen", "TLS 1.2": "possible"}
    assert verdicts(client.suites) == {
        "GREASE": "grease",
        "TLS_AES_128_GCM_SHA256": "chosen",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "version",
        "TLS_EMPTY_RENEGOTIATION_INFO_SCSV": "signal",
        "UNKNOWN": "unknown",
    }
    assert verdicts(client.groups) == {
        "x25519": "chosen", "secp256r1 (P-256)": "possible", "X25519MLKEM768": "unknown", "GREASE": "grease",
    }  # fmt: skip
    assert verdicts(client.signature_schemes) == {
        "ecdsa_secp256r1_sha256": "possible",
        "ecdsa_secp384r1_sha384": "key",
        "rsa_pss_rsae_sha256": "key",
        "rsa_pkcs1_sha256": "version",
        "mldsa44": "unknown",
        "ecdsa_sha1": "version",
        "GREASE": "grease",
    }
    assert client.key_shares == (
        Item(0x2A2A, "GREASE", "grease", "1 byte"),
        Item(29, "x25519", "sent", "0 bytes"),
    )
    assert verdicts(client.extensions)["UNKNOWN"] == "unknown"
    assert (client.server_name, client.alpn, client.psk_modes) == ("b.c", ("h2",), ("psk_dhe_ke",))


def test_all_verdicts_have_words() -> None:
    client = found().client
    lists = (
        client.versions, client.suites, client.groups, client.key_shares, client.signature_schemes, client.extensions,
    )  # fmt: skip
    assert {item.verdict for items in lists for item in items} <= VERDICTS.keys()


def test_what_could_be_chosen() -> None:
    possible = found().possible
    assert possible.versions == ("TLS 1.3", "TLS 1.2")
    assert possible.suites == ("TLS_AES_128_GCM_SHA256",)
    assert possible.groups == ("x25519", "secp256r1 (P-256)")
    assert possible.signature_schemes == ("ecdsa_secp256r1_sha256",)


def test_in_tls_1_2_any_curve_signs() -> None:
    schemes = verdicts(found(OFFER.replace(version=0x0303)).client.signature_schemes)
    assert schemes["ecdsa_secp384r1_sha384"] == "possible"
    assert schemes["ecdsa_sha1"] == "possible"
    assert schemes["rsa_pkcs1_sha256"] == "key"


def test_before_tls_1_2_no_scheme_is_chosen() -> None:
    schemes = verdicts(found(OFFER.replace(version=0x0302)).client.signature_schemes)
    assert set(schemes.values()) == {"version", "grease"}


@pytest.mark.parametrize(
    "hello_version, agreed, server, told",
    [
        (
            "0303",
            0x0302,
            (0x0302, 0x0301),
            {"TLS 1.2": "disabled", "TLS 1.1": "chosen", "TLS 1.0": "possible"},
        ),
        ("0302", None, (0x0304, 0x0303), {"TLS 1.1": "disabled"}),
        ("0303", None, (0x0304, 0x0303), {"TLS 1.2": "possible"}),
        ("feff", None, (0xFEFD,), {"DTLS 1.0": "disabled"}),
        ("fefd", 0xFEFF, (0xFEFF,), {"DTLS 1.2": "disabled", "DTLS 1.0": "chosen"}),
    ],
)
def test_without_the_extension_older_versions_count(
    hello_version: str, agreed: int | None, server: tuple[int, ...], told: dict[str, str]
) -> None:
    offer = OFFER.replace(hello=hello(b"", "c02b", hello_version), version=agreed, server_versions=server)
    assert verdicts(found(offer).client.versions) == told


def test_a_handshake_without_a_version() -> None:
    told = found(OFFER.replace(version=None, group=None, suites=()), NOTHING)
    assert (told.chosen.version, told.chosen.suite) == (None, None)
    assert verdicts(told.client.suites)["TLS_AES_128_GCM_SHA256"] == "no version"
    assert set(verdicts(told.client.groups).values()) == {"disabled", "grease"}


def test_words_for_suites_and_keys() -> None:
    assert protection("TLS_AES_256_GCM_SHA384") == "256 bits, AEAD"
    assert protection("TLS_RSA_WITH_AES_128_CBC_SHA") == "128 bits, CBC, no forward secrecy"
    assert protection("TLS_RSA_WITH_NULL_SHA") == "no encryption, no forward secrecy"
    assert protection("UNKNOWN") == ""
    assert key_text(ServerKey("EC", "prime256v1", 256)) == "EC secp256r1, 256 bits"
    assert key_text(ServerKey("RSA", None, 2048)) == "RSA 2048 bits"
