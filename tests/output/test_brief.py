from __future__ import annotations

import pytest

from output.captured import CLIENT_1_2, CLIENT_1_3, LEAF, NOTHING, SERVER_1_3, shown
from tlsdeck import events
from tlsdeck.output.brief import ClientBrief, ReverseBrief, ServerBrief

SERVER = """\
Protocol version: TLSv1.3
Client cipher list: TLS_AES_256_GCM_SHA384:0x0A0A
Ciphersuite: TLS_AES_256_GCM_SHA384
Signature Algorithms: ECDSA+SHA256:DSA+SHA512
No peer certificate
Supported groups: x25519:ffdhe2048
"""


def test_client_brief_of_tls_1_3() -> None:
    assert shown(ClientBrief, events.HandshakeCompleted(CLIENT_1_3)) == (
        "CONNECTION ESTABLISHED\n"
        "Protocol version: TLSv1.3\n"
        "Ciphersuite: TLS_AES_256_GCM_SHA384\n"
        "Peer certificate: C = DE, O = Test Org, CN = localhost\n"
        "Hash used: SHA256\n"
        "Signature type: RSA-PSS\n"
        "Verification error: unable to verify the first certificate\n"
        "Server Temp Key: X25519, 253 bits\n"
    )


def test_client_brief_of_tls_1_2() -> None:
    assert shown(ClientBrief, events.HandshakeCompleted(CLIENT_1_2)) == (
        "CONNECTION ESTABLISHED\n"
        "Protocol version: TLSv1.2\n"
        "Ciphersuite: ECDHE-RSA-AES256-GCM-SHA384\n"
        "Requested Signature Algorithms: ECDSA+SHA256:RSA+SHA224\n"
        "Peer certificate: C = DE, O = Test Org, CN = localhost\n"
        "Hash used: SHA256\n"
        "Signature type: RSA-PSS\n"
        "Verification: OK\n"
        "Verified peername: localhost\n"
        "Supported Elliptic Curve Point Formats: uncompressed:ansiX962_compressed_prime\n"
        "Server Temp Key: ECDH, prime256v1, 256 bits\n"
    )


@pytest.mark.parametrize(
    "digest, kind, lines",
    [
        (None, "ed25519", "Hash used: UNDEF\nSignature type: ed25519\n"),
        ("SHA384", "ECDSA", "Hash used: SHA384\nSignature type: ECDSA\n"),
        (None, None, ""),
    ],
)
def test_client_brief_of_the_peer_signature(digest: str | None, kind: str | None, lines: str) -> None:
    summary = CLIENT_1_3.replace(peer_digest=digest, peer_signature_type=kind)
    name = "CN = localhost\n"
    text = shown(ClientBrief, events.HandshakeCompleted(summary))
    assert text[text.index(name) + len(name) : text.index("Verification")] == lines


def test_server_brief_begins_with_the_version() -> None:
    assert shown(ServerBrief, events.HandshakeCompleted(SERVER_1_3)) == SERVER


def test_server_brief_of_a_client_with_certificate() -> None:
    summary = SERVER_1_3.replace(
        version="TLSv1.2",
        peer=LEAF,
        peer_digest="SHA256",
        peer_signature_type="ECDSA",
        point_formats=("uncompressed",),
    )
    assert shown(ServerBrief, events.HandshakeCompleted(summary)) == (
        "Protocol version: TLSv1.2\n"
        "Client cipher list: TLS_AES_256_GCM_SHA384:0x0A0A\n"
        "Ciphersuite: TLS_AES_256_GCM_SHA384\n"
        "Signature Algorithms: ECDSA+SHA256:DSA+SHA512\n"
        "Peer certificate: C = DE, O = Test Org, CN = localhost\n"
        "Hash used: SHA256\n"
        "Signature type: ECDSA\n"
        "Verification: OK\n"
        "Supported Elliptic Curve Point Formats: uncompressed\n"
        "Supported groups: x25519:ffdhe2048\n"
    )


def test_brief_of_a_failed_handshake_is_left_to_the_diagnostics() -> None:
    failed = events.HandshakeFailed(NOTHING, ("error",), 0, None)
    assert shown(ClientBrief, failed) == ""
    assert shown(ServerBrief, failed) == ""


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize(
    "event, text",
    [
        (events.HandshakeCompleted(SERVER_1_3), "CONNECTION ESTABLISHED\n" + SERVER),
        (events.HandshakeFailed(NOTHING, ("error",), 0, "not OK"), "CONNECTION FAILURE\nerror\n"),
        (events.PeerClosed(), "CONNECTION CLOSED\n"),
        (events.ConnectionDropped(), "CONNECTION CLOSED\n"),
        (events.Closed(), ""),
    ],
)
def test_reverse_brief_tells_each_connection(event: events.Event, text: str, *, quiet: bool) -> None:
    assert shown(ReverseBrief, event, quiet=quiet) == text


def test_reverse_brief_says_why_reading_failed_unless_quiet() -> None:
    failed = events.ConnectionFailed("read", ("error",), 0)
    assert shown(ReverseBrief, failed) == "error\n"
    assert shown(ReverseBrief, failed, quiet=True) == ""
