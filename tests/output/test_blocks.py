from __future__ import annotations

import pytest

from output.captured import CLIENT_1_2, CLIENT_1_3, LEAF, NOTHING, SERVER_1_3
from tlsdeck.events import CertificateTimestamp, ExportedKey, Statistics, TemporaryKey, TlsaMatch
from tlsdeck.output import blocks


def test_certificate_chain_numbers_the_certificates_in_two_columns() -> None:
    text = blocks.certificate_chain((LEAF,) * 11, pem=False)
    assert text.startswith(
        "---\nCertificate chain\n 0 s:C = DE, O = Test Org, CN = localhost\n   i:C = DE, O"
    )
    assert "\n 9 s:C = DE" in text
    assert "\n10 s:C = DE" in text


def test_certificate_chain_leaves_out_a_key_that_cannot_be_read() -> None:
    assert blocks.certificate_chain((LEAF.replace(public_key=""),), pem=True) == (
        "---\nCertificate chain\n"
        " 0 s:C = DE, O = Test Org, CN = localhost\n"
        "   i:C = DE, O = Test Org, CN = Test CA\n"
        "   v:NotBefore: Nov 20 18:21:41 2026 GMT; NotAfter: Dec 10 18:21:41 2026 GMT\n"
        "-----BEGIN CERTIFICATE-----\nleaf\n-----END CERTIFICATE-----\n"
    )


@pytest.mark.parametrize(
    "block",
    [
        lambda summary: blocks.certificate_chain(summary.chain, pem=True),
        blocks.ca_names,
        blocks.signature_algorithms,
        blocks.requested_signature_algorithms,
        blocks.temporary_key,
        blocks.timestamps,
        blocks.point_formats,
        blocks.supported_groups,
        blocks.groups,
        blocks.keying_material,
        blocks.session,
    ],
)
def test_block_with_nothing_to_say_is_empty(block: object) -> None:
    assert callable(block)
    assert block(NOTHING) == ""


def test_ca_names_says_whose_they_are() -> None:
    names = ("CN = one", "CN = two")
    assert blocks.ca_names(SERVER_1_3.replace(ca_names=names)) == (
        "---\nAcceptable server certificate CA names\nCN = one\nCN = two\n"
    )
    assert blocks.acceptable_ca_names(CLIENT_1_3.replace(ca_names=names)) == (
        "---\nAcceptable client certificate CA names\nCN = one\nCN = two\n"
    )
    assert blocks.acceptable_ca_names(CLIENT_1_3) == "---\nNo client certificate CA names sent\n"


def test_signature_algorithms_of_a_server() -> None:
    assert blocks.signature_algorithms(SERVER_1_3.replace(peer_signature_type="ed25519")) == (
        "Signature Algorithms: ECDSA+SHA256:DSA+SHA512\n"
        "Shared Signature Algorithms: ECDSA+SHA256\n"
        "Peer signature type: ed25519\n"
    )


def test_requested_signature_algorithms_of_a_client() -> None:
    assert blocks.requested_signature_algorithms(CLIENT_1_2) == (
        "Client Certificate Types: RSA sign, ECDSA sign\n"
        "Requested Signature Algorithms: ECDSA+SHA256:RSA+SHA224\n"
        "Shared Requested Signature Algorithms: ECDSA+SHA256\n"
        "Peer signing digest: SHA256\n"
        "Peer signature type: RSA-PSS\n"
    )


@pytest.mark.parametrize(
    "key, line",
    [
        (TemporaryKey("X25519", None, 253), "Server Temp Key: X25519, 253 bits\n"),
        (TemporaryKey("ECDH", "prime256v1", 256), "Server Temp Key: ECDH, prime256v1, 256 bits\n"),
        (TemporaryKey("DH", None, 2048), "Server Temp Key: DH, 2048 bits\n"),
    ],
)
def test_temporary_key_names_the_group_if_there_is_one(key: TemporaryKey, line: str) -> None:
    assert blocks.temporary_key(NOTHING.replace(temporary_key=key)) == line


def test_groups_shows_both_lists() -> None:
    assert blocks.groups(SERVER_1_3) == "Supported groups: x25519:ffdhe2048\nShared groups: x25519\n"
    nothing_shared = SERVER_1_3.replace(shared_groups=())
    assert blocks.groups(nothing_shared) == "Supported groups: x25519:ffdhe2048\nShared groups: NONE\n"
    assert blocks.supported_groups(SERVER_1_3) == "Supported groups: x25519:ffdhe2048\n"


@pytest.mark.parametrize(
    "material, line",
    [(b"\xda\xd5\x07", "    Keying material: DAD507\n"), (None, "    Error\n")],
)
def test_keying_material_is_upper_case_hex_or_an_error(material: bytes | None, line: str) -> None:
    summary = NOTHING.replace(exported_key=ExportedKey("lab", 3, material))
    assert blocks.keying_material(summary) == (
        f"Keying material exporter:\n    Label: 'lab'\n    Length: 3 bytes\n{line}"
    )


def test_verification_names_the_peer_only_if_it_is_fine() -> None:
    assert blocks.verification(NOTHING) == "Verification: OK\n"
    assert blocks.verification(CLIENT_1_2) == "Verification: OK\nVerified peername: localhost\n"
    assert blocks.verification(CLIENT_1_3.replace(verified_name="localhost")) == (
        "Verification error: unable to verify the first certificate\n"
    )


TLSA = TlsaMatch(usage=3, selector=1, matching_type=1, data=bytes(range(13)), depth=0, signed=False)


@pytest.mark.parametrize(
    "match, line",
    [
        (TLSA, "DANE TLSA 3 1 1 ...0102030405060708090a0b0c matched EE certificate at depth 0\n"),
        (TLSA.replace(data=bytes(12)), f"DANE TLSA 3 1 1 {'00' * 12} matched EE certificate at depth 0\n"),
        (TLSA.replace(data=b"\xab", depth=2), "DANE TLSA 3 1 1 ab matched TA certificate at depth 2\n"),
        (
            TlsaMatch(usage=2, selector=1, matching_type=0, data=b"\xab", depth=1, signed=True),
            "DANE TLSA 2 1 0 ab signed the certificate at depth 1\n",
        ),
    ],
)
def test_verification_names_the_tlsa_record(match: TlsaMatch, line: str) -> None:
    assert blocks.verification(CLIENT_1_2.replace(tlsa=match)) == (
        f"Verification: OK\nVerified peername: localhost\n{line}"
    )


def test_timestamps_are_counted_and_parted_by_lines() -> None:
    one = CertificateTimestamp(0, bytes(32), 0, "valid", "Signed Certificate Timestamp:\n    ...")
    two = one.replace(status="unknown log", text="another")
    assert blocks.timestamps(CLIENT_1_3.replace(timestamps=())) == "---\nSCTs present (0)\n"
    assert blocks.timestamps(CLIENT_1_3.replace(timestamps=(one, two))) == (
        "---\nSCTs present (2)\n"
        "---\nSCT validation status: valid\nSigned Certificate Timestamp:\n    ...\n"
        "---\nSCT validation status: unknown log\nanother\n"
    )


@pytest.mark.parametrize(
    "size, lines", [(0, []), (1, ["AA=="]), (48, ["A" * 64]), (49, ["A" * 64, "AA=="]), (96, ["A" * 64] * 2)]
)
def test_pem_breaks_lines_after_64_characters(size: int, lines: list[str]) -> None:
    assert blocks.pem("ANYTHING", bytes(size)).splitlines() == [
        "-----BEGIN ANYTHING-----",
        *lines,
        "-----END ANYTHING-----",
    ]


def test_cipher_says_whether_the_session_is_reused() -> None:
    assert blocks.cipher(NOTHING) == "---\nNew, (NONE), Cipher is (NONE)\n"
    assert blocks.cipher(CLIENT_1_2.replace(reused=True)) == (
        "---\nReused, TLSv1.2, Cipher is ECDHE-RSA-AES256-GCM-SHA384\n"
    )


def test_secure_renegotiation_is_there_or_not() -> None:
    assert blocks.secure_renegotiation(CLIENT_1_2) == "Secure Renegotiation IS supported\n"
    assert blocks.secure_renegotiation(CLIENT_1_3) == "Secure Renegotiation IS NOT supported\n"


def test_statistics_lists_every_counter_once() -> None:
    assert blocks.statistics(Statistics(*[*range(1, 12), 12345, 128])) == (
        "   1 items in the session cache\n"
        "   2 client connects (SSL_connect())\n"
        "   3 client renegotiates (SSL_connect())\n"
        "   4 client connects that finished\n"
        "   5 server accepts (SSL_accept())\n"
        "   6 server renegotiates (SSL_accept())\n"
        "   7 server accepts that finished\n"
        "   8 session cache hits\n"
        "   9 session cache misses\n"
        "  10 session cache timeouts\n"
        "  11 callback cache hits\n"
        "12345 cache full overflows (128 allowed)\n"
    )
