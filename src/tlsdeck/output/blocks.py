"""Blocks of text that several reports share.

Each is made of a part of the summary and ends with its line end; one that has nothing to say is "".
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tlsdeck.events import CertificateInfo, Statistics, Summary, TlsaMatch

# --- certificates ----------------------------------------------------------------------------------------------


def certificate_chain(chain: Sequence[CertificateInfo], *, pem: bool) -> str:
    """The chain as the peer sent it, with each certificate in PEM if asked for."""
    if not chain:
        return ""
    entries = (_chain_entry(depth, entry, pem=pem) for depth, entry in enumerate(chain))
    return "---\nCertificate chain\n" + "".join(entries)


def _chain_entry(depth: int, entry: CertificateInfo, *, pem: bool) -> str:
    key = ""
    if entry.public_key:
        key = (
            f"   a:PKEY: {entry.public_key}, {entry.public_key_bits} (bit);"
            f" sigalg: {entry.signature_algorithm}\n"
        )
    return (
        f"{depth:2} s:{entry.subject}\n"
        f"   i:{entry.issuer}\n"
        f"{key}"
        f"   v:NotBefore: {entry.not_before}; NotAfter: {entry.not_after}\n"
        f"{entry.pem if pem else ''}"
    )


def pem(label: str, data: bytes) -> str:
    """Data of any kind as a PEM block (RFC 7468)."""
    from binascii import b2a_base64

    digits = b2a_base64(data, newline=False).decode("ascii")
    lines = [digits[start : start + 64] for start in range(0, len(digits), 64)]
    return f"-----BEGIN {label}-----\n{_lines(lines)}-----END {label}-----\n"


def certificate_names(certificate: CertificateInfo) -> str:
    """Subject and issuer."""
    return f"subject={_name(certificate.subject)}\nissuer={_name(certificate.issuer)}\n"


def _name(name: str) -> str:
    """A name of several lines (-nameopt multiline) goes below its label."""
    return name if "\n" not in name else "".join(f"\n    {line}" for line in name.split("\n"))


def ca_names(summary: Summary) -> str:
    """Server: the CA names the client sent, if it did."""
    if not summary.ca_names:
        return ""
    return "---\nAcceptable server certificate CA names\n" + _lines(summary.ca_names)


def acceptable_ca_names(summary: Summary) -> str:
    """Client: the CA names of the server's CertificateRequest, or that there were none."""
    if not summary.ca_names:
        return "---\nNo client certificate CA names sent\n"
    return "---\nAcceptable client certificate CA names\n" + _lines(summary.ca_names)


def _lines(items: Sequence[str]) -> str:
    return "".join(f"{item}\n" for item in items)


# --- signatures and keys ---------------------------------------------------------------------------------------


def signature_algorithms(summary: Summary) -> str:
    """Server: what the client can verify, what of it we have in common, and how the client signed."""
    return (
        _list("Signature Algorithms: ", summary.signature_algorithms)
        + _list("Shared Signature Algorithms: ", summary.shared_signature_algorithms)
        + _peer_signature(summary)
    )


def requested_signature_algorithms(summary: Summary) -> str:
    """Client: what the server's CertificateRequest asks for, and how the server signed."""
    return (
        _list("Client Certificate Types: ", summary.certificate_types, ", ")
        + _list("Requested Signature Algorithms: ", summary.signature_algorithms)
        + _list("Shared Requested Signature Algorithms: ", summary.shared_signature_algorithms)
        + _peer_signature(summary)
    )


def _peer_signature(summary: Summary) -> str:
    return _field("Peer signing digest: ", summary.peer_digest) + _field(
        "Peer signature type: ", summary.peer_signature_type
    )


def timestamps(summary: Summary) -> str:
    """Client: the signed certificate timestamps, if they were asked for."""
    if summary.timestamps is None:
        return ""
    told = "\n---\n".join(
        [f"SCT validation status: {each.status}\n{each.text}" for each in summary.timestamps]
    )
    return f"---\nSCTs present ({len(summary.timestamps)})\n" + (f"---\n{told}\n" if told else "")


def temporary_key(summary: Summary) -> str:
    """Client: the server's ephemeral key."""
    key = summary.temporary_key
    if key is None:
        return ""
    group = f" {key.group}," if key.group else ""
    return f"Server Temp Key: {key.algorithm},{group} {key.bits} bits\n"


def point_formats(summary: Summary) -> str:
    """The peer's EC point formats (TLS 1.2 and below)."""
    return _list("Supported Elliptic Curve Point Formats: ", summary.point_formats)


def supported_groups(summary: Summary) -> str:
    """Server: the client's groups."""
    return _list("Supported groups: ", summary.supported_groups)


def groups(summary: Summary) -> str:
    """Server: the client's groups, and which of them are ours too."""
    if not summary.supported_groups:
        return ""
    shared = ":".join(summary.shared_groups) or "NONE"
    return f"{supported_groups(summary)}Shared groups: {shared}\n"


def keying_material(summary: Summary) -> str:
    """What was exported for -keymatexport."""
    key = summary.exported_key
    if key is None:
        return ""
    material = "    Error" if key.material is None else f"    Keying material: {key.material.hex().upper()}"
    return (
        f"Keying material exporter:\n    Label: '{key.label}'\n    Length: {key.length} bytes\n{material}\n"
    )


def _list(label: str, items: Sequence[str], separator: str = ":") -> str:
    return f"{label}{separator.join(items)}\n" if items else ""


def _field(label: str, value: str | None) -> str:
    return f"{label}{value}\n" if value else ""


# --- the connection --------------------------------------------------------------------------------------------


def verification(summary: Summary) -> str:
    """How the verification of the peer's certificate ended, and the TLSA record that decided it."""
    if summary.verify_code:
        return f"Verification error: {summary.verify_text}\n" + _tlsa(summary.tlsa)
    return "Verification: OK\n" + _field("Verified peername: ", summary.verified_name) + _tlsa(summary.tlsa)


_TLSA_TAIL = 12  # bytes; the end of a key or certificate tells more about it than its beginning


def _tlsa(match: TlsaMatch | None) -> str:
    if match is None:
        return ""
    dots = "..." if len(match.data) > _TLSA_TAIL else ""
    whose = "TA" if match.depth else "EE"
    did = "signed the certificate" if match.signed else f"matched {whose} certificate"
    return (
        f"DANE TLSA {match.usage} {match.selector} {match.matching_type}"
        f" {dots}{match.data[-_TLSA_TAIL:].hex()} {did} at depth {match.depth}\n"
    )


def cipher(summary: Summary) -> str:
    """Whether the session is new, and its cipher suite."""
    kind = "Reused" if summary.reused else "New"
    return f"---\n{kind}, {summary.cipher_version}, Cipher is {summary.cipher}\n"


def secure_renegotiation(summary: Summary) -> str:
    """Whether the peer supports RFC 5746."""
    return f"Secure Renegotiation IS{'' if summary.secure_renegotiation else ' NOT'} supported\n"


def srtp_profile(summary: Summary) -> str:
    """The SRTP profile agreed on (RFC 5764)."""
    return _field("SRTP Extension negotiated, profile=", summary.srtp_profile)


def session(summary: Summary) -> str:
    """The session as SSL_SESSION_print(3) shows it."""
    return summary.session or ""


def statistics(counts: Statistics) -> str:
    """The session counters of a server."""
    return (
        f"{counts.cached:4} items in the session cache\n"
        f"{counts.connects:4} client connects (SSL_connect())\n"
        f"{counts.connect_renegotiations:4} client renegotiates (SSL_connect())\n"
        f"{counts.connects_finished:4} client connects that finished\n"
        f"{counts.accepts:4} server accepts (SSL_accept())\n"
        f"{counts.accept_renegotiations:4} server renegotiates (SSL_accept())\n"
        f"{counts.accepts_finished:4} server accepts that finished\n"
        f"{counts.hits:4} session cache hits\n"
        f"{counts.misses:4} session cache misses\n"
        f"{counts.timeouts:4} session cache timeouts\n"
        f"{counts.callback_hits:4} callback cache hits\n"
        f"{counts.overflows:4} cache full overflows ({counts.cache_size} allowed)\n"
    )
