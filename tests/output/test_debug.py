from __future__ import annotations

import pytest

from output.captured import shown
from tlsdeck import events
from tlsdeck.output.debug import Extensions, Messages, Retransmissions, States, Transport, hex_dump


@pytest.mark.parametrize(
    "sent, version, content_type, data, line",
    [
        (True, 0x0301, 256, b"\x16\x03\x01\x01\x24", ">>> TLS 1.0, RecordHeader [length 0005]"),
        (False, 0x0304, 22, b"\x14\x00\x00\x00", "<<< TLS 1.3, Handshake [length 0004], Finished"),
        (False, 0x0304, 22, b"\x63\x00\x00\x00", "<<< TLS 1.3, Handshake [length 0004]???"),
        (True, 0x0304, 21, b"\x01\x00", ">>> TLS 1.3, Alert [length 0002], warning close_notify"),
        (False, 0x0303, 21, b"\x02\x28", "<<< TLS 1.2, Alert [length 0002], fatal handshake_failure"),
        (False, 0x0303, 21, b"\x03\x78", "<<< TLS 1.2, Alert [length 0002], ??? ???"),
        (False, 0x0303, 21, b"\x02", "<<< TLS 1.2, Alert [length 0001], ???"),
        (True, 0x0303, 20, b"\x01", ">>> TLS 1.2, ChangeCipherSpec [length 0001]"),
        (True, 0x0304, 257, b"\x16", ">>> TLS 1.3, InnerContent [length 0001]"),
        (True, 0x0304, 23, b"\x16", ">>> TLS 1.3, ApplicationData [length 0001]"),
        (True, 0x0300, 24, b"\x01", ">>> SSL 3.0, Unknown (content_type=24) [length 0001]"),
        (
            True,
            0xFEFD,
            22,
            b"\x01",
            ">>> Not TLS data or unknown version (version=65277, content_type=22) [length 0001]",
        ),
    ],
)
def test_messages_heads_each_message_with_what_it_is(
    *, sent: bool, version: int, content_type: int, data: bytes, line: str
) -> None:
    event = events.MessageSeen(sent, version, content_type, data)
    assert shown(Messages, event) == f"{line}\n    {data.hex(' ')}\n"


def test_messages_shows_no_row_for_no_bytes() -> None:
    assert shown(Messages, events.MessageSeen(True, 0x0303, 22, b"")) == (
        ">>> TLS 1.2, Handshake [length 0000]???\n"
    )


def test_messages_breaks_after_16_bytes() -> None:
    event = events.MessageSeen(False, 0x0303, 22, b"\x01" + bytes(range(1, 33)))
    assert shown(Messages, event) == (
        "<<< TLS 1.2, Handshake [length 0021], ClientHello\n"
        "    01 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n"
        "    10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f\n"
        "    20\n"
    )


@pytest.mark.parametrize(
    "data, row",
    [
        (b"\x16\x03\x01\x00\xb7", "0000 - 16 03 01 00 b7                                    .....\n"),
        (b"h\xf3J\xe5y~ {", "0000 - 68 f3 4a e5 79 7e 20 7b-                          h.J.y~ {\n"),
        (b"123456789", "0000 - 31 32 33 34 35 36 37 38-39                        123456789\n"),
        (
            b"0123456789abcde\x7f",
            "0000 - 30 31 32 33 34 35 36 37-38 39 61 62 63 64 65 7f   0123456789abcde.\n",
        ),
        (b"", ""),
    ],
)
def test_hex_dump_of_one_row(data: bytes, row: str) -> None:
    assert hex_dump(data) == row


def test_hex_dump_counts_in_hex() -> None:
    assert [row[:7] for row in hex_dump(bytes(0x10001)).splitlines()[::0x1000]] == ["0000 - ", "10000 -"]
    assert hex_dump(bytes(33)).splitlines()[2] == "0020 - 00                                                ."


@pytest.mark.parametrize("indent, width", [(0, 16), (6, 16), (8, 15), (10, 15), (12, 14), (40, 7)])
def test_hex_dump_has_shorter_rows_further_right(indent: int, width: int) -> None:
    first, second = hex_dump(b"x" * (width + 1), indent).splitlines()
    assert first.endswith("   " + "x" * width)
    assert second.startswith(f"{' ' * indent}{width:04x} - 78  ")


@pytest.mark.parametrize(
    "event, text",
    [
        (
            events.TransportUsed(False, 0x561B382544C0, 0x561B382698A3, 5, 1, b"\x16"),
            "read from 0x561b382544c0 [0x561b382698a3] (5 bytes => 1 (0x1))\n" + hex_dump(b"\x16"),
        ),
        (
            events.TransportUsed(True, 0x10, 0x20, 250, 250, bytes(250)),
            "write to 0x10 [0x20] (250 bytes => 250 (0xFA))\n" + hex_dump(bytes(250)),
        ),
        (events.TransportUsed(False, 0x10, 0x20, 8192, 0, b""), "read from 0x10 [0x20] (8192 bytes => 0)\n"),
        (events.TransportUsed(True, 0x10, 0x20, 7, -1, b""), "write to 0x10 [0x20] (7 bytes => -1)\n"),
    ],
)
def test_transport_shows_what_was_moved(event: events.TransportUsed, text: str) -> None:
    assert shown(Transport, event) == text


@pytest.mark.parametrize(
    "event, text",
    [
        (
            events.ExtensionSeen(True, 43, b"\x03\x04"),
            'TLS server extension "supported versions" (id=43), len=2\n' + hex_dump(b"\x03\x04"),
        ),
        (
            events.ExtensionSeen(False, 23, b""),
            'TLS client extension "extended master secret" (id=23), len=0\n',
        ),
        (events.ExtensionSeen(False, 50, b""), 'TLS client extension "unknown" (id=50), len=0\n'),
    ],
)
def test_extensions_names_each(event: events.ExtensionSeen, text: str) -> None:
    assert shown(Extensions, event) == text


@pytest.mark.parametrize(
    "event, text",
    [
        (
            events.StateChanged("SSL_connect", "SSLv3/TLS write client hello", "step"),
            "SSL_connect:SSLv3/TLS write client hello\n",
        ),
        (
            events.StateChanged("SSL_accept", "TLSv1.3 early data", "error"),
            "SSL_accept:error in TLSv1.3 early data\n",
        ),
        (events.StateChanged("undefined", "error", "failed"), "undefined:failed in error\n"),
        (events.AlertSeen(True, "warning", "close notify"), "SSL3 alert write:warning:close notify\n"),
        (events.AlertSeen(False, "fatal", "unknown CA"), "SSL3 alert read:fatal:unknown CA\n"),
    ],
)
def test_states_shows_each_step_and_alert(event: events.Event, text: str) -> None:
    assert shown(States, event) == text


def test_retransmissions_are_told_in_a_line() -> None:
    assert shown(Retransmissions, events.Retransmitted()) == "TIMEOUT occurred\n"
