from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tls.pairs import TLS12, TLS13, Pair, client_settings, only, server_settings
from tlsdeck.errors import PeerError
from tlsdeck.events import TemporaryKey
from tlsdeck.tls import summary
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.context import Context
from tlsdeck.tls.names import ONELINE
from tlsdeck.tls.settings import Settings
from tlsdeck.tls.transport import memory
from tlsdeck.tls.verify import Trust, parse_parameters

MakePair = Callable[..., Pair]
Serving = Callable[..., Settings]


def test_summary_before_the_handshake_has_nothing() -> None:
    for settings in (client_settings(), Settings(server=True)):
        found = Connection(Context(settings), memory()).summary(("label", 20))
        assert (found.cipher, found.cipher_version, found.reused) == ("(NONE)", "(NONE)", False)
        assert (found.peer, found.chain, found.session, found.alpn) == (None, (), None, None)
        assert (found.bytes_read, found.bytes_written) == (0, 0)
        assert found.temporary_key is None
        assert found.exported_key is not None
        assert found.exported_key.material is None


def test_summary_of_tls13(pair: MakePair) -> None:
    both = pair(client_settings(name_flags=ONELINE))
    found = both.client.summary()
    assert (found.version, found.cipher) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert found.cipher_version == "TLSv1.3"
    assert found.temporary_key == TemporaryKey("X25519", None, 253)
    assert (found.peer_digest, found.peer_signature_type) == ("SHA256", "RSA-PSS")
    assert found.peer == found.chain[0]
    assert found.peer is not None
    assert found.peer.subject == "C = DE, O = tlsdeck, CN = localhost"
    assert found.peer.issuer == "C = DE, O = tlsdeck, CN = tlsdeck test root"
    assert (found.peer.public_key, found.peer.public_key_bits) == ("rsaEncryption", 2048)
    assert found.peer.signature_algorithm == "RSA-SHA256"
    assert found.peer.not_before.endswith("GMT")
    assert found.peer.pem.startswith("-----BEGIN CERTIFICATE-----")
    assert found.early_data == "not sent"
    assert (found.compression, found.expansion) == (None, None)
    assert found.shared_ciphers == found.offered_ciphers == ()


def test_summary_counts_bytes_alike_on_both_sides(pair: MakePair) -> None:
    both = pair(client_settings(**only(TLS12)))
    client, server = both.client.summary(), both.server.summary()
    assert (client.bytes_read, client.bytes_written) == (server.bytes_written, server.bytes_read)
    assert client.bytes_read > 1000


def test_summary_of_tls12_on_the_server(pair: MakePair) -> None:
    cipher = ("cipher", "ECDHE-RSA-AES128-GCM-SHA256:AES256-SHA")
    groups = ("groups", "P-384:X25519")
    both = pair(client_settings(conf_commands=(cipher, groups), **only(TLS12)))
    found = both.server.summary()
    assert (found.version, found.cipher) == ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")
    assert found.offered_ciphers == (
        "ECDHE-RSA-AES128-GCM-SHA256",
        "AES256-SHA",
        "TLS_EMPTY_RENEGOTIATION_INFO_SCSV",
    )
    assert found.shared_ciphers == ("ECDHE-RSA-AES128-GCM-SHA256", "AES256-SHA")
    assert found.supported_groups == ("secp384r1", "x25519")
    assert found.shared_groups == ("secp384r1", "x25519")
    assert found.point_formats == (
        "uncompressed",
        "ansiX962_compressed_prime",
        "ansiX962_compressed_char2",
    )
    assert "RSA-PSS+SHA256" in found.signature_algorithms
    assert set(found.shared_signature_algorithms) <= set(found.signature_algorithms)
    assert found.secure_renegotiation
    assert both.client.summary().temporary_key == TemporaryKey("ECDH", "secp384r1", 384)


def test_summary_without_a_common_cipher_has_none(serving: Serving) -> None:
    both = Pair(
        client_settings(conf_commands=(("cipher", "AES128-SHA"),), **only(TLS12)),
        serving(conf_commands=(("cipher", "AES256-SHA"),)),
    )
    with pytest.raises(PeerError, match="no shared cipher"):
        both.shake()
    found = both.server.summary()
    assert found.offered_ciphers == ("AES128-SHA", "TLS_EMPTY_RENEGOTIATION_INFO_SCSV")
    assert found.shared_ciphers == ()
    assert found.cipher == "(NONE)"


def test_summary_of_a_request_for_a_certificate(pair: MakePair, pki: Mapping[str, bytes]) -> None:
    both = pair(client_settings(**only(TLS12)), server_settings(pki, verify_peer=True))
    assert both.client.summary().certificate_types == ("RSA sign", "DSA sign", "ECDSA sign")
    assert both.client.summary().signature_algorithms


def test_summary_of_a_verified_name(pair: MakePair, files: Path) -> None:
    both = pair(
        client_settings(
            trust=Trust(file=str(files / "root.pem")),
            verify_peer=True,
            verify_parameters=parse_parameters([], [("verify_hostname", "localhost")]),
        )
    )
    found = both.client.summary()
    assert (found.verified_name, found.verify_code, found.verify_text) == ("localhost", 0, "ok")


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_exported_keys_are_the_same_on_both_sides(version: int, pair: MakePair) -> None:
    both = pair(client_settings(**only(version)))
    ours = both.client.summary(("EXPORTER-tlsdeck", 32)).exported_key
    theirs = both.server.summary(("EXPORTER-tlsdeck", 32)).exported_key
    assert ours == theirs
    assert ours is not None
    assert ours.material is not None
    assert (ours.label, ours.length, len(ours.material)) == ("EXPORTER-tlsdeck", 32, 32)
    other = both.client.summary(("EXPORTER-other", 32)).exported_key
    assert other != ours


def test_exported_key_that_libssl_refuses_is_none(pair: MakePair) -> None:
    both = pair(client_settings(**only(TLS12)))
    key = both.client.summary(("master secret", 16)).exported_key  # a label that TLS uses itself
    assert key is not None
    assert key.material is None
    assert both.tell(both.client, b"no harm done") == b"no harm done"


def test_exporter_label_with_nul_is_a_value_error(pair: MakePair) -> None:
    with pytest.raises(ValueError, match="NUL"):
        pair().client.summary(("a\0b", 4))


def test_questions_can_be_asked_alone(pair: MakePair) -> None:
    both = pair()
    assert both.client.ask(summary.peer_certificate_text).startswith("Certificate:\n    Data:\n")
    assert both.server.ask(summary.peer_certificate_text) == ""
    suites = both.client.ask(summary.supported_ciphers)
    assert ("TLSv1.3", "TLS_AES_256_GCM_SHA384") in suites


def code(value: int, size: int) -> bytes:
    return value.to_bytes(size, sys.byteorder)


@pytest.mark.parametrize(
    "value, name",
    [
        (0x0401, "RSA+SHA256"),
        (0x0203, "ECDSA+SHA1"),
        (0x0807, "ed25519"),
        (0x0904, "0x04+0x09"),
    ],
)
def test_scheme_has_a_name_or_its_bytes(value: int, name: str) -> None:
    assert summary._scheme(code(value, 2)) == name


BEHIND_RANDOM = 5 + 4 + 2 + 32  # bytes of the headers of record and message, the version, the random


def test_code_points_without_a_name_are_shown_as_numbers(serving: Serving) -> None:
    """A ClientHello with a cipher suite and a group that nobody knows."""
    both = Pair(client_settings(conf_commands=(("groups", "P-384:P-521:X25519"),), **only(TLS12)), serving())
    both.client.handshake()
    hello = both.to_client.take()
    random, rest = hello[:BEHIND_RANDOM], hello[BEHIND_RANDOM:]
    for known, unknown in (
        (b"\x00\x18\x00\x19\x00\x1d", b"\x00\x18\xfa\xfa\x00\x1d"),
        (b"\xc0\x2c", b"\xea\xea"),
    ):
        assert rest.count(known) == 1
        rest = rest.replace(known, unknown)
    both.to_server.feed(random + rest)
    both.server.handshake()
    found = both.server.summary()
    assert found.supported_groups == ("secp384r1", "0xFAFA", "x25519")
    assert "0xEAEA" in found.offered_ciphers


def test_lists_of_names_stay_bounded() -> None:
    calls = []

    def name(raw: bytes) -> str:
        calls.append(raw)
        return raw.hex()

    before = dict(summary._lists)
    for number in range(2 * summary._MOST_LISTS):
        assert summary._named(code(number, 4) + b"test", 4, name)[1] == b"test".hex()
        assert len(summary._lists) <= summary._MOST_LISTS
    known = len(calls)
    summary._named(code(2 * summary._MOST_LISTS - 1, 4) + b"test", 4, name)
    assert len(calls) == known
    summary._lists.clear()
    summary._lists.update(before)
