"""What in a client's offer is weak or outdated: a table of rules, each with its reason.

A rule looks at the decoded ClientHello and gives the names of what it is about; None if it does not apply.
"""

from __future__ import annotations

from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import TypeAlias

    from tlsdeck.wire import ClientOffer, Code

    Look: TypeAlias = "Callable[[ClientOffer], tuple[str, ...] | None]"


class Finding(Record):
    """A rule that applies. `severity`: "weak" can be broken, "outdated" is to be given up, "note" is worth knowing."""

    rule: str
    severity: str
    title: str
    reason: str
    items: tuple[str, ...]  # what of the offer it is about; none where something is missing


class Rule(Record):
    """A row of the table."""

    name: str
    severity: str
    title: str
    reason: str
    look: Look


def findings(offer: ClientOffer) -> tuple[Finding, ...]:
    """All that applies to an offer, in the order of the table."""
    found = ((rule, rule.look(offer)) for rule in RULES)
    return tuple(
        Finding(rule.name, rule.severity, rule.title, rule.reason, items)
        for rule, items in found
        if items is not None
    )


# --- what rules look at ----------------------------------------------------------------------------------------


def _suites(*parts: str, but: tuple[str, ...] = ()) -> Look:
    """Suites whose names have one of these parts."""

    def look(offer: ClientOffer) -> tuple[str, ...] | None:
        names = (code.name for code in offer.suites if not any(part in code.name for part in but))
        return tuple(name for name in names if any(part in name for part in parts)) or None

    return look


def _numbers(field: str, numbers: Collection[int]) -> Look:
    """Code points of one of the lists."""

    def look(offer: ClientOffer) -> tuple[str, ...] | None:
        codes: tuple[Code, ...] = getattr(offer, field)
        return tuple(code.name for code in codes if code.number in numbers) or None

    return look


def _if(applies: Callable[[ClientOffer], bool]) -> Look:
    """Something is missing, or there as a whole."""
    return lambda offer: () if applies(offer) else None


def datagrams(offer: ClientOffer) -> bool:
    """Whether the offer is for DTLS."""
    return offer.legacy_version.number >> 8 == 0xFE or offer.legacy_version.number == 0x0100


def _has(offer: ClientOffer, extension: int) -> bool:
    return any(each.type.number == extension for each in offer.extensions)


def _offers_1_3(offer: ClientOffer) -> bool:
    return any(code.number == 0x0304 for code in offer.versions)


def _offers_1_2(offer: ClientOffer) -> bool:
    """Or older."""
    return any(code.number in _UP_TO_1_2 for code in offer.versions)


def _only_without_forward_secrecy(offer: ClientOffer) -> bool:
    from tlsdeck.wire.suites import strength

    return bool(offer.suites) and not any(strength(code.name).forward_secret for code in offer.suites)


_UP_TO_1_2 = (0x0300, 0x0301, 0x0302, 0x0303, 0xFEFF, 0xFEFD, 0x0100)
_SMALL_GROUPS = (*range(1, 6), *range(15, 20))  # below 200 bits
_QUANTUM_SAFE = (512, 513, 514, 4587, 4588, 4589, 4590, 25497, 25498)


# --- the table -------------------------------------------------------------------------------------------------

RULES: tuple[Rule, ...] = (
    Rule("null", "weak", "Cipher suites without encryption",
         "With these everything is sent in plain text, protected against changes at best.",
         _suites("_WITH_NULL_", "NULL-GOST", "_SHA256_SHA256", "_SHA384_SHA384")),
    Rule("anonymous", "weak", "Cipher suites without authentication",
         "Nobody proves who he is, so anybody on the way can take the server's place.", _suites("_anon_")),
    Rule("export", "weak", "Export cipher suites",
         "Keys of 40 bits, once required by law, are found in seconds (FREAK, Logjam).", _suites("_EXPORT_")),
    Rule("rc4", "weak", "RC4",
         "Its output is biased: repeated secrets such as cookies can be read. Forbidden since 2015 (RFC 7465).",
         _suites("_RC4_")),
    Rule("des", "weak", "DES and RC2",
         "A key of 56 bits can be tried out in hours.", _suites("_DES_CBC_", "_RC2_", but=("_EXPORT_",))),
    Rule("compression", "weak", "TLS compression",
         "The length of compressed data gives secrets in it away (CRIME).",
         lambda offer: tuple(code.name for code in offer.compression_methods if code.number) or None),
    Rule("md5-signatures", "weak", "Signatures over MD5",
         "MD5 collisions are made at will, so such signatures can be moved (SLOTH).",
         _numbers("signature_schemes", (0x0101, 0x0102, 0x0103))),
    Rule("small-groups", "weak", "Small elliptic curves",
         "Curves of less than 200 bits are below what is considered safe since 2013.",
         _numbers("groups", _SMALL_GROUPS)),
    Rule("3des", "outdated", "Ciphers with blocks of 64 bits",
         "After some gigabytes blocks repeat and give plain text away (Sweet32).",
         _suites("_3DES_", "_IDEA_", but=("_EXPORT_",))),
    Rule("old-versions", "outdated", "TLS 1.1 or older",
         "TLS 1.0 and 1.1 build on MD5 and SHA-1 and must not be used any more (RFC 8996); SSL 3.0 is broken (POODLE).",
         _numbers("versions", (0x0300, 0x0301, 0x0302, 0xFEFF, 0x0100))),
    Rule("no-tls13", "outdated", "No TLS 1.3",
         "TLS 1.3 (RFC 8446, 2018) is faster, encrypts most of the handshake, and leaves out what is weak.",
         _if(lambda offer: not datagrams(offer) and not _offers_1_3(offer))),
    Rule("no-forward-secrecy", "outdated", "No forward secrecy at all",
         "Whoever gets the server's key one day can read everything that was recorded before.",
         _if(_only_without_forward_secrecy)),
    Rule("static-rsa", "outdated", "Static RSA key exchange",
         "No forward secrecy: the server's key opens all recorded connections. Padding oracles (ROBOT) add to it.",
         _suites("TLS_RSA_WITH_", but=("_NULL_", "_EXPORT_"))),
    Rule("static-dh", "outdated", "Static Diffie-Hellman key exchange",
         "No forward secrecy, and hardly any server has such a certificate.",
         _suites("TLS_DH_RSA_", "TLS_DH_DSS_", "TLS_ECDH_RSA_", "TLS_ECDH_ECDSA_", but=("_EXPORT_", "_NULL_"))),
    Rule("sha1-signatures", "outdated", "Signatures over SHA-1",
         "SHA-1 collisions are affordable since 2017; TLS 1.2 should not use it any more (RFC 9155).",
         _numbers("signature_schemes", (0x0201, 0x0202, 0x0203))),
    Rule("dsa", "outdated", "DSA",
         "TLS 1.3 has dropped it, and no public CA issues such certificates.",
         _numbers("signature_schemes", (0x0302, 0x0402, 0x0502, 0x0602))),
    Rule("no-extended-master-secret", "outdated", "No extended master secret",
         "Without it two TLS 1.2 sessions can be made to share their secret (triple handshake, RFC 7627).",
         _if(lambda offer: _offers_1_2(offer) and not _has(offer, 23))),
    Rule("no-secure-renegotiation", "outdated", "No secure renegotiation",
         "It cannot tell whether somebody else has begun the connection before it (RFC 5746).",
         _if(lambda offer: _offers_1_2(offer) and not _has(offer, 65281)
             and all(code.number != 0x00FF for code in offer.suites))),
    Rule("fallback", "note", "A second try with a lower version",
         "TLS_FALLBACK_SCSV (RFC 7507) says that a first connection with a higher version failed.",
         _suites("TLS_FALLBACK_SCSV")),
    Rule("no-sni", "note", "No server name (SNI)",
         "A server with several names cannot choose the right certificate. Clients leave it out for IP addresses.",
         _if(lambda offer: not _has(offer, 0) and not datagrams(offer))),
    Rule("no-quantum-safe-group", "note", "No post-quantum key exchange",
         "What is recorded today could be read once there are large quantum computers; X25519MLKEM768 prevents it.",
         _if(lambda offer: _offers_1_3(offer) and not any(code.number in _QUANTUM_SAFE for code in offer.groups))),
)  # fmt: skip
