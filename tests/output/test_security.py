from __future__ import annotations

import pytest

from output.captured import shown
from tlsdeck.events import SecurityChecked
from tlsdeck.output.security import SecurityLevel


@pytest.mark.parametrize(
    "event, words",
    [
        (SecurityChecked("Version", "", 0x0304, 0, True), "Version=TLS 1.3: yes"),
        (SecurityChecked("Version", "", 0xFEFD, 0, False), "Version=???: no"),
        (SecurityChecked("Session ticket", "", 0, 0, True), ": yes"),
        (
            SecurityChecked("Shared Ciphersuite", "AES128-SHA", 0, 128, True),
            "Shared Ciphersuite=AES128-SHA, security bits=128: yes",
        ),
        (SecurityChecked("Check Curve", "P-256", 0, 128, False), "Check Curve=P-256, security bits=128: no"),
        (
            SecurityChecked("Peer Chain EE key", "bits=1024", 0, 80, False),
            "Peer Chain EE key=, bits=1024, security bits=80: no",
        ),
        (
            SecurityChecked("Peer Chain EE key", "Public key missing", 0, -1, False),
            "Peer Chain EE key=Public key missing, security bits=-1: no",
        ),
        (
            SecurityChecked("Check Signature Algorithm", "", 0x0804, 128, True),
            "Check Signature Algorithm scheme=rsa_pss_rsae_sha256, security bits=128: yes",
        ),
        (
            SecurityChecked("Signature Algorithm mask", "", 0x0302, 112, True),
            "Signature Algorithm mask digest=SHA224, algorithm=DSA, security bits=112: yes",
        ),
        (
            SecurityChecked("Signature Algorithm mask", "", 0xABCD, 112, True),
            "Signature Algorithm mask scheme=unknown(0xabcd), security bits=112: yes",
        ),
        (SecurityChecked("Operation 99", "", 0, 1, True), "Operation 99=, security bits=1: yes"),
    ],
)
def test_line_of_each_kind_of_decision(event: SecurityChecked, words: str) -> None:
    assert shown(SecurityLevel, event) == f"Security callback: {words}\n"
