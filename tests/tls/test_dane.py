"""TLSA records as text, and connections checked by them. Every kind of record beside the original: tests/oracle."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tls.conftest import MakePair
from tls.pairs import client_settings
from tlsdeck.errors import DecodeError, LibraryError, SettingError
from tlsdeck.events import Event, TlsaRecordRefused
from tlsdeck.tls.context import Context
from tlsdeck.tls.dane import Dane, TlsaRecord, load, parse_record

CLIENT = client_settings(dane=True)


@pytest.mark.parametrize(
    "text, record",
    [
        ("3 1 1 aB", TlsaRecord(3, 1, 1, b"\xab")),
        ("\t0\n1\r\n2 \f\v00 0 1 ", TlsaRecord(0, 1, 2, b"\x00\x01")),
        ("+255 -0 007 ff", TlsaRecord(255, 0, 7, b"\xff")),
    ],
)
def test_parse_record(text: str, record: TlsaRecord) -> None:
    assert parse_record(text) == record


@pytest.mark.parametrize(
    "text, field",
    [
        ("", "usage"),
        ("3", "usage"),
        ("256 1 1 aa", "usage"),
        ("-1 1 1 aa", "usage"),
        ("1_0 1 1 aa", "usage"),
        ("\u0663 1 1 aa", "usage"),
        ("9" * 10_000 + " 1 1 aa", "usage"),
        ("3 1", "selector"),
        ("3 + 1 aa", "selector"),
        ("3 1 1", "mtype"),
        ("3 1 1.aa", "mtype"),
        ("3 1 1 ", "data"),
        ("3 1 1 a", "data"),
        ("3 1 1 0x", "data"),
        ("3 1 1 \u0663\u0663", "data"),
    ],
)
def test_parse_record_names_the_bad_field(text: str, field: str) -> None:
    with pytest.raises(DecodeError, match=f"^bad TLSA {field} field$"):
        parse_record(text)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.text("0123 \tabx+-"))
def test_any_text_is_a_record_or_a_decode_error(text: str) -> None:
    try:
        record = parse_record(text)
    except DecodeError:
        return
    assert max(record.usage, record.selector, record.matching_type) <= 255
    assert record.data


def test_load_keeps_what_libssl_takes_and_tells_the_rest() -> None:
    told: list[Event] = []
    good, bad = f"3 1 1 {'ab' * 32}", "3 1 1 ab"
    dane = load(Context(CLIENT), "a.example", [bad, good, "nonsense"], told.append, ee_name_checks=False)
    assert dane == Dane("a.example", (TlsaRecord(3, 1, 1, b"\xab" * 32),), ee_name_checks=False)
    refused = [event for event in told if isinstance(event, TlsaRecordRefused)]
    assert [(event.record, event.problem, len(event.stack)) for event in refused] == [
        (bad, "unusable TLSA rrdata", 1),
        ("nonsense", "bad TLSA usage field in", 0),
    ]


@pytest.mark.parametrize(
    "domain, records, message",
    [
        ("a.example", [], "DANE TLSA authentication requires at least one -dane_tlsa_rrdata option."),
        ("a.example", ["x", "y"], "Failed to import any TLSA records."),
        ("", ["3 1 1 aa"], "Error enabling DANE TLSA authentication."),
        ("a" * 256, ["3 1 1 aa"], "Error enabling DANE TLSA authentication."),
    ],
)
def test_load_of_nothing_to_go_by(domain: str, records: list[str], message: str) -> None:
    with pytest.raises(SettingError) as raised:
        load(Context(CLIENT), domain, records, bool)
    assert raised.value.message == message


def key_digest(pki: Mapping[str, bytes], name: str) -> bytes:
    key = x509.load_pem_x509_certificate(pki[f"{name}.pem"]).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def test_connection_is_checked_by_its_records(pair: MakePair, pki: Mapping[str, bytes]) -> None:
    digest = key_digest(pki, "rsa")
    pair_of = pair(CLIENT, dane=Dane("localhost", (TlsaRecord(3, 1, 1, digest),)))
    summary = pair_of.client.summary()
    assert (summary.verify_code, summary.verified_name) == (0, "localhost")
    match = summary.tlsa
    assert match is not None
    assert (match.usage, match.selector, match.matching_type, match.data) == (3, 1, 1, digest)
    assert (match.depth, match.signed) == (0, False)


def test_connection_whose_server_has_another_key(pair: MakePair, pki: Mapping[str, bytes]) -> None:
    record = TlsaRecord(3, 1, 1, key_digest(pki, "ecdsa"))
    summary = pair(CLIENT, dane=Dane("localhost", (record,))).client.summary()
    assert summary.verify_text == "no matching DANE TLSA records"
    assert summary.tlsa is None


def test_connection_without_records_tells_none(pair: MakePair) -> None:
    assert pair(CLIENT).client.summary().tlsa is None


def test_records_that_libssl_cannot_use_are_errors(pair: MakePair) -> None:
    with pytest.raises(LibraryError, match="unusable TLSA record"):
        pair(CLIENT, dane=Dane("localhost", (TlsaRecord(3, 1, 1, b"short"),)))


def test_context_has_to_be_told_of_dane(pair: MakePair) -> None:
    with pytest.raises(SettingError, match="Error enabling DANE"):
        pair(client_settings(), dane=Dane("localhost", ()))
