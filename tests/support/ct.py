"""A certificate transparency log of the tests' own: its key, and the timestamps it signs (RFC 6962 section 3)."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.pki import TODAY, Identity

SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
X509_ENTRY, PRECERT_ENTRY = 0, 1
YESTERDAY = int(TODAY.timestamp() - 86400) * 1000  # milliseconds


@dataclass(frozen=True)
class Log:
    """`description` is what a list of logs calls it."""

    description: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def public_key(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.public_key).digest()

    def sct(self, kind: int, entry: bytes, *, version: int = 0, timestamp: int = YESTERDAY) -> bytes:
        """A SignedCertificateTimestamp for an entry."""
        start, extensions = timestamp.to_bytes(8), bytes(2)
        signed = bytes([version, 0]) + start + kind.to_bytes(2) + entry + extensions
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        sha256_ecdsa = bytes([4, 3])
        return bytes([version]) + self.id + start + extensions + sha256_ecdsa + vector(signature, 2)


def log_list(*logs: Log) -> str:
    """The file that CTLOG_STORE_load_file(3) reads."""
    names = [f"log{number}" for number in range(len(logs))]
    sections = [
        f"[{name}]\ndescription = {log.description}\nkey = {b64encode(log.public_key).decode()}\n"
        for name, log in zip(names, logs, strict=True)
    ]
    return f"enabled_logs = {','.join(names)}\n" + "".join(sections)


def x509_entry(certificate: x509.Certificate) -> bytes:
    """What a log signs for a finished certificate."""
    return vector(certificate.public_bytes(Encoding.DER), 3)


def precert_entry(certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
    """What a log signs for one that its timestamp is still to be put into."""
    key = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key).digest() + vector(certificate.tbs_certificate_bytes, 3)


def sct_list(*scts: bytes) -> bytes:
    return vector(b"".join(vector(sct, 2) for sct in scts), 2)


def with_timestamps(identity: Identity, issuer: Identity, scts: bytes) -> Identity:
    """The same certificate with a list of timestamps embedded."""
    old = identity.certificate
    builder = x509.CertificateBuilder(
        old.issuer,
        old.subject,
        old.public_key(),
        old.serial_number,
        old.not_valid_before_utc.replace(tzinfo=None),
        old.not_valid_after_utc.replace(tzinfo=None),
        list(old.extensions),
    )
    octets = b"\x04" + der_length(len(scts)) + scts
    builder = builder.add_extension(x509.UnrecognizedExtension(SCT_LIST, octets), critical=False)
    return Identity(builder.sign(issuer.key, hashes.SHA256()), identity.key)


def vector(data: bytes, size: int) -> bytes:
    """Data behind its length in so many bytes (RFC 5246 section 4.3)."""
    return len(data).to_bytes(size) + data


def der_length(length: int) -> bytes:
    if length < 128:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([0x80 | len(octets)]) + octets
