"""A server's view of one connection, for people and programs: what the client offers, what the server supports, what
could really be chosen of it, what was, and what is weak.

The page of -www, its /stats.json and the report of -offer say the same in three ways; here it is put together once.
"""

from __future__ import annotations

from tlsdeck.output.weaknesses import Finding, datagrams, findings
from tlsdeck.record import Record
from tlsdeck.wire import client_offer, names
from tlsdeck.wire.suites import CIPHER_SUITES, SIGNALS, strength
from tlsdeck.wire.tree import GREASE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tlsdeck.events import Offer, ServerKey, Summary
    from tlsdeck.wire import ClientOffer, Code


class Item(Record):
    """Something offered. `verdict` is a word of `VERDICTS`; `remark` tells more, in words."""

    code: int
    name: str
    verdict: str
    remark: str = ""


class ClientCertificate(Record):
    """The client's certificate, and how its verification ended."""

    subject: str
    issuer: str
    not_before: str
    not_after: str
    key: str
    verify_code: int
    verify_text: str


class Chosen(Record):
    """What the two ends have agreed on; None where they have not."""

    version: str | None
    suite: str | None  # the RFCs' name
    cipher: str | None  # OpenSSL's name
    bits: int | None  # of the cipher's key
    aead: bool | None
    forward_secret: bool | None
    group: str | None
    alpn: str | None
    resumed: bool
    early_data: str
    client_certificate: ClientCertificate | None


class Offered(Record):
    """What the client offers, in its order."""

    server_name: str | None
    versions: tuple[Item, ...]
    suites: tuple[Item, ...]
    groups: tuple[Item, ...]
    key_shares: tuple[Item, ...]
    signature_schemes: tuple[Item, ...]
    certificate_signature_schemes: tuple[Item, ...]
    alpn: tuple[str, ...]
    extensions: tuple[Item, ...]
    psk_modes: tuple[str, ...]
    psk_identities: int
    session_ticket: int | None
    problem: str | None


class Supported(Record):
    """What the server has."""

    versions: tuple[str, ...]
    suites: tuple[str, ...]
    keys: tuple[ServerKey, ...]
    security_level: int


class Possible(Record):
    """What could really be chosen: in common, of the right version, strong enough, with a key that fits."""

    versions: tuple[str, ...]
    suites: tuple[str, ...]
    groups: tuple[str, ...]
    signature_schemes: tuple[str, ...]


class Facts(Record):
    """All of it."""

    chosen: Chosen
    client: Offered
    server: Supported
    possible: Possible
    findings: tuple[Finding, ...]


# What is said of an offered item, and what that means.
VERDICTS: dict[str, str] = {
    "chosen": "chosen",
    "possible": "could be chosen",
    "disabled": "not enabled here",
    "version": "not in this version",
    "no version": "no version agreed on",
    "level": "below the security level",
    "key": "no certificate for it",
    "group": "no group in common",
    "dh": "no Diffie-Hellman here",
    "psk": "no pre-shared key here",
    "srp": "no SRP verifiers here",
    "unknown": "unknown to OpenSSL",
    "grease": "to be ignored",
    "signal": "a signal, no suite",
    "sent": "sent",
}
_POSSIBLE = ("chosen", "possible")


def facts(summary: Summary, offer: Offer) -> Facts:
    """The facts of one connection."""
    client = client_offer(offer.message_version, offer.hello)
    offered = _offered(client, offer, summary)
    lists = (offered.versions, offered.suites, offered.groups, offered.signature_schemes)
    return Facts(
        chosen=_chosen(summary, offer),
        client=offered,
        server=Supported(
            versions=tuple(_version_name(version) for version in offer.server_versions),
            suites=tuple(_suite_name(suite) for suite in offer.server_suites),
            keys=offer.server_keys,
            security_level=offer.security_level,
        ),
        possible=Possible(
            *(tuple(item.name for item in items if item.verdict in _POSSIBLE) for items in lists)
        ),
        findings=findings(client),
    )


# --- what was chosen -------------------------------------------------------------------------------------------


def _chosen(summary: Summary, offer: Offer) -> Chosen:
    suite = next((each.code for each in offer.suites if each.verdict == "chosen"), None)
    found = None if suite is None else strength(_suite_name(suite))
    # A session that is resumed in TLS 1.3 without a new key exchange is as secret as its key (psk_ke).
    exchanged = offer.version != _TLS_1_3 or offer.group is not None
    return Chosen(
        version=_version_name(offer.version) if offer.version and found else None,
        suite=None if suite is None else _suite_name(suite),
        cipher=summary.cipher if found else None,
        bits=found.bits if found else None,
        aead=found.aead if found else None,
        forward_secret=found.forward_secret and exchanged if found else None,
        group=offer.group,
        alpn=summary.alpn,
        resumed=summary.reused,
        early_data=summary.early_data,
        client_certificate=_client_certificate(summary),
    )


def _client_certificate(summary: Summary) -> ClientCertificate | None:
    peer = summary.peer
    if peer is None:
        return None
    return ClientCertificate(
        subject=peer.subject,
        issuer=peer.issuer,
        not_before=peer.not_before,
        not_after=peer.not_after,
        key=f"{peer.public_key}, {peer.public_key_bits} bits",
        verify_code=summary.verify_code,
        verify_text=summary.verify_text,
    )


# --- what was offered ------------------------------------------------------------------------------------------


def _offered(client: ClientOffer, offer: Offer, summary: Summary) -> Offered:
    return Offered(
        server_name=client.server_name,
        versions=_versions(client, offer),
        suites=_suites(client, offer),
        groups=_groups(client, offer, summary),
        key_shares=tuple(
            Item(share.group.number, group_name(share.group), _sent(share.group), _bytes(share.length))
            for share in client.key_shares
        ),
        signature_schemes=_schemes(client, offer, summary),
        certificate_signature_schemes=tuple(
            Item(code.number, code.name, _sent(code)) for code in client.certificate_signature_schemes
        ),
        alpn=client.alpn,
        extensions=tuple(
            Item(each.type.number, each.type.name, _extension_verdict(each.type, offer), _bytes(each.length))
            for each in client.extensions
        ),
        psk_modes=tuple(code.name for code in client.psk_modes),
        psk_identities=client.psk_identities,
        session_ticket=client.session_ticket,
        problem=client.problem,
    )


def _bytes(length: int) -> str:
    return f"{length} byte{'' if length == 1 else 's'}"


def _sent(code: Code) -> str:
    return "grease" if code.name == GREASE else "sent"


def _version_name(version: int) -> str:
    return names.VERSIONS.get(version, f"0x{version:04X}")


def _suite_name(suite: int) -> str:
    return CIPHER_SUITES.get(suite, f"0x{suite:04X}")


def _versions(client: ClientOffer, offer: Offer) -> tuple[Item, ...]:
    named = tuple(Item(code.number, code.name, _version_verdict(code, offer)) for code in client.versions)
    return (
        named if any(each.type.number == 43 for each in client.extensions) else named + _older(client, offer)
    )


def _older(client: ClientOffer, offer: Offer) -> tuple[Item, ...]:
    """A hello without the extension names the newest version only; the server's older ones may be the client's too."""
    age = -1 if datagrams(client) else 1  # the code points of DTLS count down
    newest = client.legacy_version.number
    return tuple(
        Item(
            version,
            _version_name(version),
            "chosen" if version == offer.version else "possible",
            "if the client has it: it names its newest",
        )
        for version in offer.server_versions
        if age * version < age * newest
    )


def _version_verdict(code: Code, offer: Offer) -> str:
    if code.name == GREASE:
        return "grease"
    if code.number == offer.version:
        return "chosen"
    if code.number not in names.VERSIONS:
        return "unknown"
    return "possible" if code.number in offer.server_versions else "disabled"


def _suites(client: ClientOffer, offer: Offer) -> tuple[Item, ...]:
    verdicts = {each.code: each.verdict for each in offer.suites}
    return tuple(_suite(code, verdicts.get(code.number, "no version")) for code in client.suites)


def _suite(code: Code, verdict: str) -> Item:
    if code.name == GREASE:
        return Item(code.number, GREASE, "grease")
    if code.number in SIGNALS:
        return Item(code.number, code.name, "signal", SIGNALS[code.number])
    return Item(code.number, code.name, verdict, protection(code.name))


def protection(suite: str) -> str:
    """The strength of a suite in words."""
    found = strength(suite)
    if found.bits is None:
        return ""
    cipher = f"{found.bits} bits" if found.bits else "no encryption"
    kind = ", AEAD" if found.aead else ", CBC" if "_CBC_" in suite else ""
    return f"{cipher}{kind}{'' if found.forward_secret else ', no forward secrecy'}"


def group_name(code: Code) -> str:
    """The registry's name: OpenSSL's trace has a prefix before two of them."""
    return code.name.removeprefix("ecdh_")


def _groups(client: ClientOffer, offer: Offer, summary: Summary) -> tuple[Item, ...]:
    told = _in_parallel(client.groups, summary.supported_groups)
    return tuple(
        Item(code.number, group_name(code), _group_verdict(code, name, offer, summary))
        for code, name in zip(client.groups, told, strict=True)
    )


def _in_parallel(codes: Sequence[Code], told: Sequence[str]) -> Sequence[str]:
    """Libssl's words for code points; none when it has not come to read them all."""
    return told if len(told) == len(codes) else [""] * len(codes)


def _group_verdict(code: Code, name: str, offer: Offer, summary: Summary) -> str:
    if code.name == GREASE:
        return "grease"
    if name.startswith("0x"):
        return "unknown"
    if name and name == offer.group:
        return "chosen"
    return "possible" if name in summary.shared_groups else "disabled"


def _schemes(client: ClientOffer, offer: Offer, summary: Summary) -> tuple[Item, ...]:
    told = _in_parallel(client.signature_schemes, summary.signature_algorithms)
    return tuple(
        Item(code.number, code.name, _scheme_verdict(code, name, offer, summary))
        for code, name in zip(client.signature_schemes, told, strict=True)
    )


def _scheme_verdict(code: Code, name: str, offer: Offer, summary: Summary) -> str:
    if code.name == GREASE:
        return "grease"
    if offer.version in _BEFORE_SCHEMES:
        return "version"
    if name not in summary.shared_signature_algorithms:
        return "unknown" if name.startswith("0x") else "disabled"
    tls_1_3 = offer.version == _TLS_1_3
    if tls_1_3 and code.name.startswith(_ONLY_BEFORE_1_3):
        return "version"
    return "possible" if any(_can_sign(key, code.name, tls_1_3) for key in offer.server_keys) else "key"


_TLS_1_3 = 0x0304
_BEFORE_SCHEMES = (0x0300, 0x0301, 0x0302, 0xFEFF)
_ONLY_BEFORE_1_3 = (
    "rsa_pkcs1_",
    "dsa_",
    "ecdsa_sha1",
)  # in TLS 1.3 for certificates only (RFC 8446 section 4.2.3)
# How schemes' names begin, and the kind of key that they need; the first that fits.
_SIGNERS = (("rsa_pss_pss", "RSA-PSS"), ("rsa", "RSA"), ("ecdsa", "EC"), ("ed25519", "ED25519"), ("ed448", "ED448"),
            ("dsa", "DSA"))  # fmt: skip
_CURVES = {"prime256v1": "secp256r1"}


def _can_sign(key: ServerKey, scheme: str, tls_1_3: bool) -> bool:
    """In TLS 1.3 a scheme of ECDSA names the key's curve too."""
    kind = next((kind for start, kind in _SIGNERS if scheme.startswith(start)), None)
    if kind != key.kind:
        return False
    return not (tls_1_3 and key.group) or _CURVES.get(key.group, key.group) in scheme


def key_text(key: ServerKey) -> str:
    """A key in words."""
    return f"{key.kind} {f'{_CURVES.get(key.group, key.group)}, ' if key.group else ''}{key.bits} bits"


def _extension_verdict(code: Code, offer: Offer) -> str:
    if code.name == GREASE:
        return "grease"
    return "sent" if code.number in offer.known_extensions else "unknown"
