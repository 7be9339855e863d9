"""The report of -offer."""

from __future__ import annotations

import os

from output.captured import NOTHING
from output.test_facts import OFFER, SUMMARY
from support.hellos import extension, hello
from tlsdeck.events import Event, HandshakeCompleted, HandshakeFailed, PeerClosed
from tlsdeck.output.offer import OfferReport
from tlsdeck.output.stream import Stream


def shown(event: Event) -> str:
    reading, writing = os.pipe()
    OfferReport(Stream(writing)).show(event)
    os.close(writing)
    with os.fdopen(reading) as text:
        return text.read()


def test_the_whole_offer_is_told() -> None:
    text = shown(HandshakeCompleted(SUMMARY.replace(offer=OFFER)))
    assert text.startswith("---\nClient's offer\nServer name offered: b.c\nVersions offered:\n")
    for line in (
        "    0x6A6A GREASE                                         to be ignored",
        "    0x1301 TLS_AES_128_GCM_SHA256                         chosen; 128 bits, AEAD",
        "    0xAAAB UNKNOWN                                        unknown to OpenSSL",
        "    0x11EC X25519MLKEM768                                 unknown to OpenSSL",
        "    0x001D x25519                                         0 bytes",
        "Cipher suites supported here: TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384",
        "Cipher suites that could be chosen: TLS_AES_128_GCM_SHA256",
        "Keys of certificates here: EC secp256r1, 256 bits",
        "Weak or outdated in it:",
        "        ecdsa_sha1",
    ):
        assert f"\n{line}\n" in text


def test_a_failed_handshake_is_told_too() -> None:
    failed = OFFER.replace(version=None, suites=(), group=None)
    text = shown(HandshakeFailed(NOTHING.replace(offer=failed), (), 0, None))
    assert "TLS_AES_128_GCM_SHA256                         no version agreed on" in text


def test_what_is_malformed_is_told() -> None:
    cut = OFFER.replace(hello=OFFER.hello[:60])
    assert "\nMalformed from here on: " in shown(HandshakeCompleted(SUMMARY.replace(offer=cut)))


def test_a_terminal_is_not_made_to_do_things() -> None:
    raw = hello(extension(16, "0006 05 1b5b324a0a") + extension(0, "0007 0005 00 0002 1b0a"))
    text = shown(HandshakeCompleted(SUMMARY.replace(offer=OFFER.replace(hello=raw))))
    assert "ALPN protocols offered: \\x1b[2J\\n\n" in text
    assert "\x1b" not in text


def test_nothing_is_told_without_an_offer() -> None:
    assert shown(HandshakeCompleted(SUMMARY)) == ""
    assert shown(PeerClosed()) == ""
