"""What is told about a message besides its bytes. Texts and suites of real ones: tests/oracle/test_trace.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.pki import populate
from tlsdeck.tls import messages
from wire.handshakes import SCENES, play

TLS_1_1, TLS_1_2, TLS_1_3, DTLS_1_2 = 0x0302, 0x0303, 0x0304, 0xFEFD
NAME = "300c310a300806035504030c0161"  # CN = a


@pytest.mark.parametrize(
    "version, message",
    [
        (TLS_1_1, f"0d 000000 01 40 0010 000e {NAME}"),
        (TLS_1_2, f"0d 000000 01 40 0002 0403 0010 000e {NAME}"),
        (DTLS_1_2, f"0d 000000 0000000000000000 01 40 0002 0403 0010 000e {NAME}"),
    ],
)
def test_names_of_authorities(version: int, message: str) -> None:
    assert messages.texts(version, bytes.fromhex(message)) == ("CN = a",)


@pytest.mark.parametrize("der", ["", "00", NAME[:-2], f"{NAME}00"])
def test_what_is_no_name_has_no_text(der: str) -> None:
    name = bytes.fromhex(der)
    listed = len(name).to_bytes(2, "big") + name
    message = b"\x0d\0\0\0\0" + len(listed).to_bytes(2, "big") + listed
    assert messages.texts(TLS_1_1, message) == ("",)


def test_certificates_of_tls_1_3_have_extensions_behind_them() -> None:
    message = bytes.fromhex("0b 000000 00 00000d 000002 abcd 0002 eeee 000001 00 0000")
    assert messages.texts(TLS_1_3, message) == ("", "")


def test_other_messages_have_no_texts() -> None:
    assert messages.texts(TLS_1_3, bytes.fromhex(f"0d 000000 01 40 0010 000e {NAME}")) == ()
    assert messages.texts(TLS_1_2, b"") == ()


@given(
    st.sampled_from([TLS_1_1, TLS_1_2, TLS_1_3, DTLS_1_2]), st.sampled_from([11, 13]), st.binary(max_size=60)
)
def test_any_bytes_have_texts_or_none(version: int, kind: int, body: bytes) -> None:
    assert all(isinstance(text, str) for text in messages.texts(version, bytes([kind]) + body))


def test_messages_come_with_suite_and_texts(tmp_path: Path, pki: dict[str, bytes]) -> None:
    files = populate(tmp_path, pki)
    scene = next(scene for scene in SCENES if scene.name == "tls_1_2_client_certificate")
    seen = {
        event.data[0]: event for event in next(play(scene, files)).client.messages if event.content_type == 22
    }
    assert {kind: event.suite for kind, event in seen.items() if kind in (1, 2, 12)} == {
        1: 0,
        2: 0,
        12: 0xC030,
    }
    assert seen[13].texts == ("C = DE, O = tlsdeck, CN = tlsdeck test root",)
    assert seen[11].texts[0].startswith("Certificate:\n    Data:\n        Version: 3 (0x2)\n")
    assert seen[11].texts[0].endswith("-----END CERTIFICATE-----\n")
