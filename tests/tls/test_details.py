"""What `Watch.details` asks for, checked against what another library reads in the same certificates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tls.pairs import TLS12, TLS13, Pair, client_settings, identity_of, only, server_settings
from tlsdeck.errors import PeerError
from tlsdeck.events import (
    BytesCounted,
    Certificate,
    Details,
    Event,
    HandshakeEnded,
    KeyUpdated,
    MessageSeen,
    Renegotiated,
    SignedTimestamp,
    StateChanged,
    TicketReceived,
)
from tlsdeck.native import ffi, lib
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.credentials import parse_identity
from tlsdeck.tls.details import _moment, certificate
from tlsdeck.tls.names import ONELINE
from tlsdeck.tls.session import load_session
from tlsdeck.tls.settings import Settings, Watch
from tlsdeck.tls.verify import Trust

MakePair = Callable[..., Pair]
WATCH = Watch(details=True)


def detailed(**fields: object) -> Settings:
    return client_settings(watch=WATCH, name_flags=ONELINE, **fields)


def details_of(connection: Connection) -> Details:
    found = connection.summary().details
    assert found is not None
    return found


def parsed(der: bytes) -> Certificate:
    """Our facts of a certificate in DER."""
    pointer = lib.d2i_X509(ffi.NULL, ffi.new("const unsigned char **", ffi.from_buffer(der)), len(der))
    return certificate(ffi.gc(pointer, lib.X509_free), ONELINE)


# --- certificates ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rsa", "ecdsa", "ed25519", "expired", "unicode", "client"])
def test_certificate_is_what_another_library_reads(name: str, pki: Mapping[str, bytes]) -> None:
    theirs = x509.load_pem_x509_certificate(pki[f"{name}.pem"])
    ours = parsed(theirs.public_bytes(Encoding.DER))
    assert int(ours.serial, 16) == theirs.serial_number
    assert ours.not_before == theirs.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert ours.not_after == theirs.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert ours.sha256 == theirs.fingerprint(hashes.SHA256())
    assert ours.pem.encode() == pki[f"{name}.pem"]


def test_certificate_with_names_of_all_kinds_and_an_odd_serial() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    alternatives = x509.SubjectAlternativeName(
        [
            x509.DNSName("*.example.org"),
            x509.RFC822Name("a@example.org"),
            x509.UniformResourceIdentifier("https://example.org/, DNS:not.a.name"),
            x509.DirectoryName(name),
        ]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(1950, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC))
        .add_extension(alternatives, critical=False)
        .sign(key, hashes.SHA256())
    )
    ours = parsed(made.public_bytes(Encoding.DER))
    assert ours.alternative_names == (
        "DNS:*.example.org",
        "email:a@example.org",
        "URI:https://example.org/, DNS:not.a.name",
        "DirName:CN = test",
    )
    assert (ours.serial, ours.not_before, ours.not_after) == (
        "01",
        "1950-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    )


def test_certificate_with_a_time_that_is_none_has_none(pki: Mapping[str, bytes]) -> None:
    der = x509.load_pem_x509_certificate(pki["rsa.pem"]).public_bytes(Encoding.DER)
    start = der.index(b"\x17\x0d") + 2
    broken = der[:start] + b"991399" + der[start + 6 :]  # month 13
    assert parsed(broken).not_before is None


def test_moment_is_any_that_a_log_can_sign() -> None:
    assert _moment(1_700_000_000_123) == "2023-11-14T22:13:20.123Z"
    assert _moment(0) == "1970-01-01T00:00:00.000Z"
    assert _moment(2**64 - 1).endswith("-04-03T14:25:51.615Z")


# --- connections -------------------------------------------------------------------------------------------------


def test_nothing_is_gathered_unasked(pair: MakePair) -> None:
    both = pair()
    both.client.shutdown()
    assert both.client.summary().details is None
    assert not both.of(BytesCounted)
    assert not both.of(HandshakeEnded)


def test_details_before_the_handshake() -> None:
    both = Pair(detailed(), Settings(server=True), server_name="a.example")
    assert details_of(both.client) == Details(None, None, None, None, "a.example", (), (), None, ())


def test_details_of_a_connection(pair: MakePair, pki: Mapping[str, bytes], files: Path) -> None:
    settings = detailed(trust=Trust(file=str(files / "cas.pem")), **only(TLS13))
    found = details_of(pair(settings, server_settings(pki, "chain"), server_name="a.example").client)
    assert (found.version, found.cipher) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert (found.standard_cipher, found.group) == ("TLS_AES_256_GCM_SHA384", "x25519")
    assert found.server_name == "a.example"
    assert [each.subject.rpartition(" = ")[2] for each in found.chain] == ["localhost"]
    assert [each.subject.rpartition(" = ")[2] for each in found.verified_chain] == [
        "localhost",
        "tlsdeck test intermediate",
        "tlsdeck test root",
    ]
    assert found.chain[0] == found.verified_chain[0]
    assert (found.ocsp_response, found.timestamps) == (None, ())


def test_details_on_a_server_begin_with_the_client_itself(pair: MakePair, pki: Mapping[str, bytes]) -> None:
    client = client_settings(identities=(identity_of(pki, "client"),))
    server = server_settings(pki, watch=WATCH, verify_peer=True)
    found = details_of(pair(client, server).server)
    assert [each.sha256 for each in found.chain] == [
        x509.load_pem_x509_certificate(pki["client.pem"]).fingerprint(hashes.SHA256())
    ]


def test_details_of_a_resumed_session_have_its_leaf(
    pair: MakePair, pki: Mapping[str, bytes], tmp_path: Path
) -> None:
    first = pair(detailed(keep_sessions=True, **only(TLS12)), server_settings(pki, "rsa"))
    (ticket,) = first.of(TicketReceived)
    assert (ticket.session.lifetime, ticket.session.max_early_data) == (7200, 0)
    (tmp_path / "session.pem").write_text(ticket.session.pem)
    session = load_session(str(tmp_path / "session.pem"))
    again = pair(first.client.context, first.server.context, session=session).client
    assert again.summary().reused
    assert details_of(again).chain == details_of(first.client).chain
    assert details_of(again).verified_chain == ()


def test_timestamps_in_the_certificate(pair: MakePair) -> None:
    """RFC 6962 section 3.3: a list of SCTs as the extension's OCTET STRING."""
    log, signature = bytes(range(32)), b"\x04\x03" + b"\x00\x02" + b"\x30\x00"
    sct = b"\x00" + log + (1_700_000_000_123).to_bytes(8, "big") + b"\x00\x00" + signature
    entry = len(sct).to_bytes(2, "big") + sct
    content = len(entry).to_bytes(2, "big") + entry
    extension = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), bytes([0x04, len(content)]) + content
    )
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2046, 1, 1, tzinfo=dt.UTC))
        .add_extension(extension, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    identity = parse_identity(private, made.public_bytes(Encoding.PEM))
    both = pair(detailed(), Settings(server=True, identities=(identity,)))
    assert details_of(both.client).timestamps == (
        SignedTimestamp("certificate", log, "2023-11-14T22:13:20.123Z", "not set"),
    )


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_a_handshake_that_ends_is_told_once(version: int, pair: MakePair) -> None:
    both = pair(detailed(**only(version)))
    both.tell(both.server, b"and tickets")
    assert both.of(HandshakeEnded) == [HandshakeEnded()]
    assert not both.of(Renegotiated)


def test_states_and_messages_are_told_only_if_asked_for(pair: MakePair) -> None:
    both = pair(detailed())
    assert not both.of(StateChanged)
    assert not both.of(MessageSeen)


def test_details_of_a_handshake_that_failed(pki: Mapping[str, bytes]) -> None:
    both = Pair(detailed(verify_peer=True, verify_return_error=True), server_settings(pki))
    with pytest.raises(PeerError):
        both.shake()
    found = details_of(both.client)
    assert (found.version, found.group) == ("TLSv1.3", "x25519")
    assert [each.subject for each in found.chain] == ["C = DE, O = tlsdeck, CN = localhost"]
    assert not both.of(HandshakeEnded)


def test_details_have_no_version_before_one_is_agreed_on(pki: Mapping[str, bytes]) -> None:
    both = Pair(detailed(**only(TLS12)), server_settings(pki, **only(TLS13)))
    with pytest.raises(PeerError):
        both.shake()
    assert both.client.summary().version == "TLSv1.2"
    found = details_of(both.client)
    assert (found.version, found.cipher, found.standard_cipher, found.group) == (None, None, None, None)


def test_bytes_are_counted_at_the_end(pair: MakePair) -> None:
    both = pair(detailed(**only(TLS12)))
    both.tell(both.client, b"words")
    before = both.client.summary()
    both.client.shutdown()
    (counted,) = both.of(BytesCounted)
    assert (counted.read, counted.written) == (before.bytes_read, before.bytes_written + 31)


# --- later handshakes and keys -----------------------------------------------------------------------------------


@pytest.mark.parametrize("by_server", [False, True])
def test_renegotiation_is_told_when_it_is_done(by_server: bool, pki: Mapping[str, bytes]) -> None:
    server = server_settings(pki, conf_commands=(("client_renegotiation", None),))
    both = Pair(detailed(**only(TLS12)), server)
    both.shake()
    asks = both.server if by_server else both.client
    asks.renegotiate()
    asks.handshake()
    assert not both.of(Renegotiated)
    both.tell(both.client, b"after")
    both.tell(both.server, b"after")
    (told,) = both.of(Renegotiated)
    assert told.summary.cipher.startswith("ECDHE")
    assert len(both.of(HandshakeEnded)) == 2


@pytest.mark.parametrize("of_peer", [False, True])
def test_key_updates_are_told_both_ways(of_peer: bool, pair: MakePair) -> None:
    both = pair(detailed())
    both.client.update_key(of_peer=of_peer)
    both.client.handshake()
    both.tell(both.client, b"question")
    both.tell(both.server, b"answer")
    expected: list[Event] = [KeyUpdated(sent=True, requested=of_peer)]
    if of_peer:
        expected.append(KeyUpdated(sent=False, requested=False))
    assert both.of(KeyUpdated) == expected
