"""A certificate for the moment: so that `s_server` starts without any preparation.

The key never leaves memory. The certificate is good for the names of this machine, for a week; clients that want to
check it can compare the fingerprint that is printed.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tlsdeck.tls.credentials import parse_identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.tls.credentials import Identity

_LIFETIME = dt.timedelta(days=7)
_CLOCK_SKEW = dt.timedelta(minutes=5)
ADDRESSES = ("127.0.0.1", "::1")


def make_identity() -> tuple[Identity, str]:
    """A new ECDSA P-256 key with a self-signed certificate, and the certificate's SHA-256 fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(key)
    identity = parse_identity(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        certificate.public_bytes(serialization.Encoding.PEM),
    )
    return identity, certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def names() -> list[str]:
    """The host names the certificate is for."""
    return list(dict.fromkeys(("localhost", socket.gethostname())))


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    alternatives = [*map(_dns_name, names()), *map(_address, ADDRESSES)]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _dns_name(name: str) -> x509.GeneralName:
    return x509.DNSName(name)


def _address(address: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(address))
