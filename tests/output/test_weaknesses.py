"""Every rule on what is weak finds what it is about, and nothing in a modern offer."""

from __future__ import annotations

import pytest

from support.hellos import extension, hello
from tlsdeck.output.weaknesses import RULES, Finding, findings
from tlsdeck.wire import client_offer

SECURE = extension(23, "") + extension(65281, "00")
NAME = extension(0, "000e 00 000b 6c6f63616c686f73742e61")
NEW = extension(43, "04 0304 0303")
GROUPS = extension(10, "0004 11ec 001d")
MODERN = SECURE + NAME + NEW + GROUPS + extension(13, "0004 0403 0804")


def found(extensions: bytes = MODERN, suites: str = "1301c02f", version: str = "0303") -> dict[str, Finding]:
    raw = hello(extensions, suites, version)
    return {each.rule: each for each in findings(client_offer(int(version, 16), raw))}


def test_a_modern_offer_has_nothing_weak() -> None:
    assert found() == {}


@pytest.mark.parametrize(
    "rule, suite",
    [
        ("null", "003b"), ("null", "c0b4"), ("anonymous", "0034"), ("export", "0003"), ("rc4", "0005"), ("des", "0009"),
        ("3des", "000a"), ("static-rsa", "009c"), ("static-dh", "c031"), ("fallback", "5600"),
    ],
)  # fmt: skip
def test_weak_suites(rule: str, suite: str) -> None:
    finding = found(suites="1301c02f" + suite)[rule]
    assert len(finding.items) == 1


@pytest.mark.parametrize(
    "rule, scheme",
    [("md5-signatures", "0101"), ("sha1-signatures", "0203"), ("dsa", "0402")],
)
def test_weak_signatures(rule: str, scheme: str) -> None:
    assert len(found(SECURE + NAME + NEW + GROUPS + extension(13, f"0004 0403 {scheme}"))[rule].items) == 1


def test_small_groups() -> None:
    extensions = SECURE + NAME + NEW + extension(10, "0006 001d 11ec 0015")
    assert "small-groups" not in found(extensions)
    assert found(SECURE + NAME + NEW + extension(10, "0006 001d 11ec 0010"))["small-groups"].items == (
        "secp160r1",
    )


def test_old_versions() -> None:
    old = found(SECURE + NAME + GROUPS + extension(43, "06 0304 0303 0302"))
    assert old["old-versions"].items == ("TLS 1.1",)
    assert found(SECURE, version="0301").keys() >= {"old-versions", "no-tls13"}


def test_what_is_missing() -> None:
    assert found(b"", "c02f").keys() == {
        "no-tls13", "no-extended-master-secret", "no-secure-renegotiation", "no-sni",
    }  # fmt: skip
    assert "no-secure-renegotiation" not in found(b"", "c02f00ff")
    assert "no-quantum-safe-group" in found(SECURE + NAME + NEW + extension(10, "0002 001d"))


def test_no_forward_secrecy_at_all() -> None:
    assert "no-forward-secrecy" in found(SECURE + NAME, "009c002f")
    assert "no-forward-secrecy" not in found(SECURE + NAME, "009cc02f")


def test_compression() -> None:
    raw = hello(MODERN).replace(
        b"\1\0" + len(MODERN).to_bytes(2, "big"), b"\2\1\0" + len(MODERN).to_bytes(2, "big")
    )
    raw = raw[:1] + (len(raw) - 4).to_bytes(3, "big") + raw[4:]
    assert [each.items for each in findings(client_offer(0x0303, raw))] == [("Zlib Compression",)]


def test_tls_1_3_alone_needs_nothing_of_the_old() -> None:
    assert found(NAME + GROUPS + extension(43, "02 0304"), "1301") == {}


def test_datagrams_have_rules_of_their_own() -> None:
    raw = bytearray(hello(b"", "c02f", "fefd"))
    raw[4:4] = bytes.fromhex("0000 000000") + raw[1:4]
    raw[46 + 1 : 46 + 1] = b"\0"  # the cookie, behind version, random and session id
    offer = client_offer(0xFEFD, bytes(raw))
    rules = {each.rule for each in findings(offer)}
    assert not {"no-tls13", "no-sni", "old-versions"} & rules


def test_rules_have_names_of_their_own_and_reasons() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert {rule.severity for rule in RULES} == {"weak", "outdated", "note"}
    assert all(rule.reason.endswith(".") for rule in RULES)
