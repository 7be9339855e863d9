"""-trace: lines of messages. That they are the library's is checked in tests/oracle/test_trace.py."""

from __future__ import annotations

import pytest

from output.captured import shown
from tlsdeck.events import Connected, MessageSeen
from tlsdeck.output.trace import Trace

TLS_1_2, TLS_1_3, DTLS_1_2 = 0x0303, 0x0304, 0xFEFD


def handshake(version: int, kind: int, body: str, suite: int = 0, texts: tuple[str, ...] = ()) -> MessageSeen:
    data = bytes.fromhex(body)
    header = bytes([kind]) + len(data).to_bytes(3, "big")
    return MessageSeen(False, version, 22, header + data, suite, texts)


def test_a_record_is_headed_by_its_direction() -> None:
    header = bytes.fromhex("1603010005")
    assert shown(Trace, MessageSeen(True, 0x0301, 256, header)) == (
        "Sent Record\nHeader:\n  Version = TLS 1.0 (0x301)\n  Content Type = Handshake (22)\n  Length = 5\n"
    )
    assert shown(Trace, MessageSeen(False, 0x0301, 256, header)).startswith("Received Record\n")


def test_a_record_of_dtls_has_a_number() -> None:
    event = MessageSeen(True, 0, 256, bytes.fromhex("16fefd 0001 0000000000ab 0102"))
    assert "  epoch=1, sequence_number=0000000000ab\n  Content Type" in shown(Trace, event)


def test_too_short_a_record_is_shown_in_hex() -> None:
    event = MessageSeen(False, 0, 256, b"\x16\x03")
    assert shown(Trace, event) == "Received too short message (len=2): 1603\n\n"


@pytest.mark.parametrize(
    "content_type, data, text",
    [
        (257, b"\x16", "  Inner Content Type = Handshake (22)\n"),
        (20, b"\x01", "    change_cipher_spec (1)\n\n"),
        (20, b"\x02", "    unknown value (len=1): 02\n\n"),
        (21, b"\x02\x28", "    Level=fatal(2), description=handshake failure(40)\n\n"),
        (21, b"\x02", "    Illegal Alert Length\n\n"),
        (23, b"data", "\n"),
    ],
)
def test_what_is_no_handshake(content_type: int, data: bytes, text: str) -> None:
    assert shown(Trace, MessageSeen(True, TLS_1_3, content_type, data)) == text


def test_a_client_hello() -> None:
    extensions = "0000 0005 68656c6c6f0010 0005 0003026832ff01 0001 00000a 0004 0002 0a0a"
    length = len(bytes.fromhex(extensions))
    event = handshake(
        TLS_1_3,
        1,
        f"0303 01020304 {'ab' * 28} 00 0004 1301 fafa 01 00 {length:04x} {extensions}",
    )
    assert shown(Trace, event) == (
        "    ClientHello, Length=76\n"
        "      client_version=0x303 (TLS 1.2)\n"
        "      Random:\n"
        "        gmt_unix_time=0x01020304\n"
        f"        random_bytes (len=28): {'AB' * 28}\n"
        "      session_id (len=0): \n"
        "      cipher_suites (len=4)\n"
        "        {0x13, 0x01} TLS_AES_128_GCM_SHA256\n"
        "        {0xFA, 0xFA} GREASE\n"
        "      compression_methods (len=1)\n"
        "        No Compression (0x00)\n"
        "      extensions, length = 31\n"
        "        extension_type=server_name(0), length=5\n"
        "          0000 - 68 65 6c 6c 6f                                 hello\n"
        "        extension_type=application_layer_protocol_negotiation(16), length=5\n"
        "          h2\n"
        "        extension_type=renegotiate(65281), length=1\n"
        "            <EMPTY>\n"
        "        extension_type=supported_groups(10), length=4\n"
        "          GREASE (2570)\n"
        "\n"
    )


def test_a_ticket_stands_further_right() -> None:
    event = handshake(TLS_1_3, 4, "00001c20 00000001 01 aa 0002 bbcc 0008 002a 0004 00004000", 0x1301)
    assert shown(Trace, event) == (
        "    NewSessionTicket, Length=24\n"
        "        ticket_lifetime_hint=7200\n"
        "        ticket_age_add=1\n"
        "        ticket_nonce (len=1): AA\n"
        "        ticket (len=2): BBCC\n"
        "        extensions, length = 8\n"
        "          extension_type=early_data(42), length=4\n"
        "            max_early_data=16384\n"
        "\n"
    )


@pytest.mark.parametrize(
    "texts, words",
    [
        (("printed\n",), "\n------details-----\nprinted\n------------------\n"),
        ((), "<UNPARSABLE CERTIFICATE>\n<TRAILING GARBAGE AFTER CERTIFICATE>\n"),
    ],
)
def test_a_certificate_is_shown_in_the_words_of_libcrypto(texts: tuple[str, ...], words: str) -> None:
    event = handshake(TLS_1_2, 11, "000005 000002 abcd", 0xC030, texts)
    assert shown(Trace, event) == (
        f"    Certificate, Length=8\n      certificate_list, length=5\n        ASN.1Cert, length=2{words}\n"
    )


def test_names_of_authorities_are_shown_in_the_words_of_libcrypto() -> None:
    event = handshake(TLS_1_2, 13, "01 40 0002 0403 0006 0001 aa 0001 bb", 0xC030, ("CN = a",))
    assert shown(Trace, event).splitlines()[-4:] == [
        "      certificate_authorities (len=6)",
        "        DistinguishedName (len=1): CN = a",
        "        DistinguishedName (len=1): <UNPARSABLE DN>",
        "",
    ]


def test_a_fragment_of_dtls() -> None:
    event = handshake(DTLS_1_2, 3, "")
    event = event.replace(data=bytes.fromhex("03 000003 0001 000000 000003 feff00"))
    assert shown(Trace, event) == (
        "    HelloVerifyRequest, Length=3\n"
        "    message_seq=1, fragment_offset=0, fragment_length=3\n"
        "      server_version=0xfeff (DTLS 1.0)\n"
        "      cookie (len=0): \n"
        "\n"
    )


def test_what_goes_wrong_is_said_after_what_was_understood() -> None:
    event = handshake(TLS_1_3, 8, "0005 0010 0009 61", 0x1301)
    assert shown(Trace, event) == (
        "    EncryptedExtensions, Length=7\n"
        "      extensions, length = 5\n"
        "extensions, extype = 16, extlen = 9\n"
        "        0000 - 00 10 00 09 61                                 ....a\n"
        "Message length parse error!\n"
        "\n"
    )


def test_no_other_event_is_shown() -> None:
    assert shown(Trace, Connected(3, "127.0.0.1:1", "127.0.0.1:2")) == ""
