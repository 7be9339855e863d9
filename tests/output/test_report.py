from __future__ import annotations

import pytest

from output.captured import CLIENT_1_2, CLIENT_1_3, LEAF, NOTHING, SERVER_1_3, SESSION, shown
from tlsdeck import events
from tlsdeck.output.report import ClientReport, RequestReport, ServerConnectionReport, ServerReport

FAILED_1_3 = """\
---
no peer certificate available
---
No client certificate CA names sent
---
SSL handshake has read 7 bytes and written 225 bytes
Verification: OK
---
New, (NONE), Cipher is (NONE)
Secure Renegotiation IS NOT supported
Compression: NONE
Expansion: NONE
No ALPN negotiated
Early data was not sent
Verify return code: 0 (ok)
---
"""

FULL_1_3 = """\
---
Certificate chain
 0 s:C = DE, O = Test Org, CN = localhost
   i:C = DE, O = Test Org, CN = Test CA
   a:PKEY: rsaEncryption, 2048 (bit); sigalg: RSA-SHA256
   v:NotBefore: Nov 20 18:21:41 2026 GMT; NotAfter: Dec 10 18:21:41 2026 GMT
---
Server certificate
-----BEGIN CERTIFICATE-----
leaf
-----END CERTIFICATE-----
subject=C = DE, O = Test Org, CN = localhost
issuer=C = DE, O = Test Org, CN = Test CA
---
No client certificate CA names sent
Peer signing digest: SHA256
Peer signature type: RSA-PSS
Server Temp Key: X25519, 253 bits
---
SSL handshake has read 1410 bytes and written 305 bytes
Verification error: unable to verify the first certificate
---
New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384
Server public key is 2048 bit
Secure Renegotiation IS NOT supported
Compression: NONE
Expansion: NONE
No ALPN negotiated
Early data was not sent
Verify return code: 21 (unable to verify the first certificate)
---
"""

FULL_1_2_WITH_CERTIFICATES = """\
---
Certificate chain
 0 s:C = DE, O = Test Org, CN = localhost
   i:C = DE, O = Test Org, CN = Test CA
   a:PKEY: rsaEncryption, 2048 (bit); sigalg: RSA-SHA256
   v:NotBefore: Nov 20 18:21:41 2026 GMT; NotAfter: Dec 10 18:21:41 2026 GMT
-----BEGIN CERTIFICATE-----
leaf
-----END CERTIFICATE-----
 1 s:C = DE, O = Test Org, CN = Test CA
   i:C = DE, O = Test Org, CN = Test CA
   a:PKEY: id-ecPublicKey, 256 (bit); sigalg: ecdsa-with-SHA256
   v:NotBefore: Nov 20 18:21:41 2026 GMT; NotAfter: Dec 20 18:21:41 2026 GMT
-----BEGIN CERTIFICATE-----
ca
-----END CERTIFICATE-----
---
Server certificate
subject=C = DE, O = Test Org, CN = localhost
issuer=C = DE, O = Test Org, CN = Test CA
---
Acceptable client certificate CA names
C = DE, O = Test Org, CN = Test CA
Client Certificate Types: RSA sign, ECDSA sign
Requested Signature Algorithms: ECDSA+SHA256:RSA+SHA224
Shared Requested Signature Algorithms: ECDSA+SHA256
Peer signing digest: SHA256
Peer signature type: RSA-PSS
Server Temp Key: ECDH, prime256v1, 256 bits
---
SSL handshake has read 1410 bytes and written 305 bytes
Verification: OK
Verified peername: localhost
---
New, TLSv1.2, Cipher is ECDHE-RSA-AES256-GCM-SHA384
Server public key is 2048 bit
Secure Renegotiation IS supported
Compression: NONE
Expansion: NONE
ALPN protocol: h2
SSL-Session:
    Protocol  : TLSv1.2
    Cipher    : ECDHE-RSA-AES256-GCM-SHA384
Keying material exporter:
    Label: 'lab'
    Length: 2 bytes
    Keying material: 0AFF
---
"""

SHORT_1_3 = FULL_1_3[FULL_1_3.index("Verification error") :].replace("Server public key is 2048 bit\n", "")

COMPLETED_1_3 = events.HandshakeCompleted(CLIENT_1_3)
EXPORTED = events.ExportedKey("lab", 2, b"\x0a\xff")


def failed(summary: events.Summary) -> events.HandshakeFailed:
    return events.HandshakeFailed(summary, ("error",), 0, None)


# --- the client ------------------------------------------------------------------------------------------------


def test_client_report_of_a_tls_1_3_handshake() -> None:
    connected = events.Connected(3, "127.0.0.1:1", "127.0.0.1:2")
    assert shown(ClientReport, connected, COMPLETED_1_3) == "CONNECTED(00000003)\n" + FULL_1_3


def test_client_report_of_a_tls_1_2_handshake_with_certificates() -> None:
    summary = CLIENT_1_2.replace(exported_key=EXPORTED)
    text = shown(ClientReport, events.HandshakeCompleted(summary), show_certificates=True)
    assert text == FULL_1_2_WITH_CERTIFICATES


def test_client_report_shows_the_leaf_below_if_the_peer_sent_no_chain() -> None:
    summary = CLIENT_1_3.replace(chain=())
    text = shown(ClientReport, events.HandshakeCompleted(summary), show_certificates=True)
    assert text == FULL_1_3[FULL_1_3.index("---\nServer certificate") :]


def test_client_report_of_a_resumption_has_no_chain() -> None:
    summary = CLIENT_1_3.replace(reused=True, chain=(), temporary_key=None, early_data="accepted")
    text = shown(ClientReport, events.HandshakeCompleted(summary))
    assert text.startswith("---\nServer certificate\n-----BEGIN CERTIFICATE-----\n")
    assert "---\nReused, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384\n" in text
    assert "\nEarly data was accepted\n" in text


def test_client_report_of_a_failed_handshake() -> None:
    assert shown(ClientReport, failed(NOTHING)) == FAILED_1_3


def test_client_report_of_a_refused_certificate_still_shows_the_chain() -> None:
    text = shown(ClientReport, failed(NOTHING.replace(chain=(LEAF,))))
    assert text == FULL_1_3[: FULL_1_3.index("---\nServer certificate")] + FAILED_1_3


def test_client_report_of_a_failed_tls_1_2_handshake_shows_its_empty_session() -> None:
    text = shown(ClientReport, failed(NOTHING.replace(version="TLSv1.2", session=SESSION.text)))
    assert text == FAILED_1_3[: FAILED_1_3.index("Early data")] + SESSION.text + "---\n"


def test_client_report_exports_nothing_without_a_session() -> None:
    assert shown(ClientReport, failed(NOTHING.replace(exported_key=EXPORTED))) == FAILED_1_3


def test_client_report_is_short_from_the_second_connection_on() -> None:
    assert shown(ClientReport, COMPLETED_1_3, COMPLETED_1_3) == FULL_1_3 + SHORT_1_3
    text = shown(ClientReport, failed(NOTHING), failed(NOTHING))
    assert text == FAILED_1_3 + FAILED_1_3[FAILED_1_3.index("Verification") :]


@pytest.mark.parametrize("common, number", [(True, 1), (False, 2)])
@pytest.mark.parametrize("quiet", [False, True])
def test_client_report_of_npn(common: bool, number: int, quiet: bool) -> None:
    offered = events.NextProtocolsOffered(("h2", "http/1.1"))
    selected = events.NextProtocolSelected("h2", common)
    text = shown(ClientReport, offered, selected, failed(NOTHING), quiet=quiet)
    assert text.startswith("Protocols advertised by server: h2, http/1.1\n---\n") is not quiet
    assert f"Expansion: NONE\nNext protocol: ({number}) h2\nNo ALPN negotiated\n" in text


def test_client_report_of_srtp() -> None:
    summary = CLIENT_1_2.replace(srtp_profile="SRTP_AEAD_AES_128_GCM")
    text = shown(ClientReport, events.HandshakeCompleted(summary))
    assert "ALPN protocol: h2\nSRTP Extension negotiated, profile=SRTP_AEAD_AES_128_GCM\nSSL-Session:" in text


def test_client_report_is_full_when_it_is_requested() -> None:
    requested = events.ReportRequested(CLIENT_1_3)
    assert shown(ClientReport, COMPLETED_1_3, requested, requested) == FULL_1_3 * 3


def test_client_report_names_the_compression() -> None:
    summary = CLIENT_1_3.replace(compression="zlib compression", expansion="zlib compression")
    text = shown(ClientReport, events.HandshakeCompleted(summary))
    assert "\nCompression: zlib compression\nExpansion: zlib compression\n" in text


STAPLE = events.Staple("OCSP Response Data:\n    and so on\n", b"der", "successful", "good", "then", None)


@pytest.mark.parametrize(
    "event, text",
    [
        (events.StapleReceived(b"", None), "OCSP response: no response sent\n"),
        (
            events.StapleReceived(b"der", STAPLE),
            f"OCSP response: \n{'=' * 38}\nOCSP Response Data:\n    and so on\n{'=' * 38}\n",
        ),
        (
            events.StapleReceived(b"1", None),
            f"OCSP response: response parse error\n    0000 - {'31':<48}  1\n",
        ),
    ],
)
def test_client_report_of_a_staple(event: events.Event, text: str) -> None:
    assert shown(ClientReport, event) == text


def test_client_report_of_a_ticket() -> None:
    ticket = events.TicketReceived(SESSION, after_handshake=True)
    assert shown(ClientReport, ticket) == (
        f"---\nPost-Handshake New Session Ticket arrived:\n{SESSION.text}---\n"
    )
    assert shown(ClientReport, ticket.replace(after_handshake=False)) == ""


@pytest.mark.parametrize(
    "event, line",
    [
        (events.Blocked("handshake", "read"), "write R BLOCK\n"),
        (events.Blocked("read", "read"), "read R BLOCK\n"),
        (events.Blocked("read", "write"), "read W BLOCK\n"),
        (events.Blocked("write", "x509"), "write X BLOCK\n"),
        (events.Blocked("write", "async"), "write A BLOCK\n"),
        (events.NonBlockingSet(), "Turned on non blocking io\n"),
        (events.PeerClosed(), "closed\n"),
        (events.Connected(1000, "", ""), "CONNECTED(000003E8)\n"),
        (events.InputEnded(), ""),
        (events.ShuttingDown(), ""),
        (events.Closed(), ""),
    ],
)
def test_client_report_line(event: events.Event, line: str) -> None:
    assert shown(ClientReport, event) == line


# --- the server ------------------------------------------------------------------------------------------------


def test_server_report_of_a_tls_1_3_handshake() -> None:
    assert shown(ServerConnectionReport, events.HandshakeCompleted(SERVER_1_3, SESSION.pem)) == (
        "-----BEGIN SSL SESSION PARAMETERS-----\nsession\n-----END SSL SESSION PARAMETERS-----\n"
        "Shared ciphers:TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256\n"
        "Signature Algorithms: ECDSA+SHA256:DSA+SHA512\n"
        "Shared Signature Algorithms: ECDSA+SHA256\n"
        "Supported groups: x25519:ffdhe2048\n"
        "Shared groups: x25519\n"
        "CIPHER is TLS_AES_256_GCM_SHA384\n"
        "Secure Renegotiation IS supported\n"
    )


def test_server_report_with_everything_in_order() -> None:
    summary = SERVER_1_3.replace(
        version="TLSv1.2",
        peer=LEAF,
        peer_digest="SHA256",
        peer_signature_type="ECDSA",
        point_formats=("uncompressed",),
        ca_names=("CN = ca",),
        reused=True,
        renegotiation_disabled=True,
        exported_key=EXPORTED,
    )
    assert shown(ServerConnectionReport, events.HandshakeCompleted(summary, SESSION.pem)) == (
        "-----BEGIN SSL SESSION PARAMETERS-----\nsession\n-----END SSL SESSION PARAMETERS-----\n"
        "Client certificate\n"
        "-----BEGIN CERTIFICATE-----\nleaf\n-----END CERTIFICATE-----\n"
        "subject=C = DE, O = Test Org, CN = localhost\n"
        "issuer=C = DE, O = Test Org, CN = Test CA\n"
        "Shared ciphers:TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256\n"
        "Signature Algorithms: ECDSA+SHA256:DSA+SHA512\n"
        "Shared Signature Algorithms: ECDSA+SHA256\n"
        "Peer signing digest: SHA256\n"
        "Peer signature type: ECDSA\n"
        "Supported Elliptic Curve Point Formats: uncompressed\n"
        "Supported groups: x25519:ffdhe2048\n"
        "Shared groups: x25519\n"
        "---\nAcceptable server certificate CA names\nCN = ca\n"
        "CIPHER is TLS_AES_256_GCM_SHA384\n"
        "Reused session-id\n"
        "Secure Renegotiation IS supported\n"
        "Renegotiation is DISABLED\n"
        "Keying material exporter:\n    Label: 'lab'\n    Length: 2 bytes\n    Keying material: 0AFF\n"
    )


def test_server_report_of_a_tls_1_2_resumption_leaves_out_what_was_not_sent() -> None:
    resumed = NOTHING.replace(
        version="TLSv1.2", cipher="AES128-SHA", reused=True, secure_renegotiation=True, session=SESSION.text
    )
    assert shown(ServerConnectionReport, events.HandshakeCompleted(resumed, SESSION.pem)) == (
        "-----BEGIN SSL SESSION PARAMETERS-----\nsession\n-----END SSL SESSION PARAMETERS-----\n"
        "CIPHER is AES128-SHA\n"
        "Reused session-id\n"
        "Secure Renegotiation IS supported\n"
    )


@pytest.mark.parametrize(
    "event, line",
    [
        (events.Blocked("handshake", "read"), "DELAY\n"),
        (events.Blocked("handshake", "async"), "DELAY\n"),
        (events.Blocked("read", "read"), "Read BLOCK\n"),
        (events.Blocked("read", "async"), "Read BLOCK (Async)\n"),
        (events.Blocked("write", "write"), "Write BLOCK\n"),
        (events.Blocked("write", "async"), "Write BLOCK (Async)\n"),
        (events.HandshakeRepeated(1), "SSL_do_handshake -> 1\n"),
        (events.CertificateRequestFailed(("error",)), "Failed to initiate request\n"),
        (events.InputEnded(), "DONE\n"),
        (events.ConnectionDropped(), "DONE\n"),
        (events.PeerClosed(), "DONE\n"),
        (events.ConnectionFailed("read", ("error",), 0), "ERROR\n"),
        (events.ShuttingDown(), "shutting down SSL\n"),
        (events.Closed(), "CONNECTION CLOSED\n"),
        (failed(NOTHING), ""),
    ],
)
def test_server_connection_report_line(event: events.Event, line: str) -> None:
    assert shown(ServerConnectionReport, event) == line


@pytest.mark.parametrize(
    "event, line",
    [
        (events.TemporaryDhSet(from_file=True), "Setting temp DH parameters\n"),
        (events.TemporaryDhSet(from_file=False), "Using default temp DH parameters\n"),
        (events.SecondContextSet(), "Setting secondary ctx parameters\n"),
        (events.Listening("0.0.0.0:4433", chosen=False), "ACCEPT\n"),
        (events.Listening("[::]:38587", chosen=True), "ACCEPT [::]:38587\n"),
        (events.ServerNameReceived("a.example"), 'Hostname in TLS extension: "a.example"\n'),
        (events.ServerNameReceived('"\t~\x7fü'), 'Hostname in TLS extension: ""\\x09~\\x7f\\xc3\\xbc"\n'),
        (events.ServerNameReceived("\udcff"), 'Hostname in TLS extension: "\\xff"\n'),
        (events.ContextSwitched(), "Switching server context.\n"),
        (events.AlpnOffered(("h2", "http/1.1")), "ALPN protocols advertised by the client: h2, http/1.1\n"),
        (events.AlpnSelected("h2"), "ALPN protocols selected: h2\n"),
        (events.HandshakeCompleted(SERVER_1_3), ""),
    ],
)
def test_server_report_line(event: events.Event, line: str) -> None:
    assert shown(ServerReport, event) == line


def test_server_report_of_statistics() -> None:
    text = shown(ServerReport, events.StatisticsTaken(events.Statistics(*[0] * 13)))
    assert text.startswith("   0 items in the session cache\n")
    assert text.endswith("   0 cache full overflows (0 allowed)\n")


def test_server_report_when_quiet_leaves_out_alpn_only() -> None:
    happened = (
        events.Listening("", chosen=False),
        events.AlpnOffered(("h2",)),
        events.AlpnSelected("h2"),
        events.ContextSwitched(),
    )
    assert shown(ServerReport, *happened, quiet=True) == "ACCEPT\nSwitching server context.\n"


def test_server_report_of_npn_and_srtp() -> None:
    summary = SERVER_1_3.replace(next_protocol="h2", srtp_profile="SRTP_AES128_CM_SHA1_80")
    text = shown(ServerConnectionReport, events.HandshakeCompleted(summary))
    lines = "NEXTPROTO is h2\nSRTP Extension negotiated, profile=SRTP_AES128_CM_SHA1_80\n"
    assert f"CIPHER is TLS_AES_256_GCM_SHA384\n{lines}Secure Renegotiation" in text


def test_request_report_says_when_it_waits() -> None:
    assert shown(RequestReport, events.Blocked("handshake", "read")) == "read R BLOCK\n"


def test_request_report_of_a_renegotiation() -> None:
    assert shown(RequestReport, events.RenegotiationStarted(1)) == "SSL_renegotiate -> 1\n"


def test_client_report_of_an_answer_to_serverinfo() -> None:
    assert shown(ClientReport, events.ServerInfoReceived(1000, b"hello there")) == (
        "-----BEGIN SERVERINFO FOR EXTENSION 1000-----\n"
        "A+gAC2hlbGxvIHRoZXJl\n"
        "-----END SERVERINFO FOR EXTENSION 1000-----\n"
    )


def test_client_report_tells_timestamps_before_the_bytes() -> None:
    text = shown(ClientReport, events.HandshakeCompleted(CLIENT_1_3.replace(timestamps=())))
    assert "\nServer Temp Key: X25519, 253 bits\n---\nSCTs present (0)\n---\nSSL handshake has read" in text
