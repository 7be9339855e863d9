"""The certificates and keys of the tests, made afresh for each run.

A root and an intermediate authority sign a server certificate per kind of key, a client certificate, and some that
are wrong on purpose. `populate` puts all files into a directory, so that command lines name them in one word.

    root.pem             the authority everybody trusts          inter.pem   the authority between
    cas.pem              both of them
    rsa.pem rsa.key      localhost, signed by the root            likewise ecdsa, ed25519
    chain.pem chain.key  localhost, signed by inter               fullchain.pem  the same with inter.pem after it
    client.pem .key      a client's, signed by the root           stranger.pem .key  a client's, self-signed
    expired, future, other (wrong host), selfsigned               .pem and .key each
    locked.key           rsa.key under the password `secret`      locked.p12, open.p12: rsa.pem with rsa.key
    both.pem             rsa.pem and rsa.key in one file          rsa.der, rsakey.der: the same as DER
    unicode.pem .key     a subject with letters beyond ASCII      crl.pem     revokes revoked.pem
    password.txt         the right password on its first line     junk.pem    no PEM at all
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PASSWORD = "secret"

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
DAY = dt.timedelta(days=1)
# Whole days, so that two runs on one day print the same times.
TODAY = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class Identity:
    certificate: x509.Certificate
    key: Key


def make_pki() -> dict[str, bytes]:
    """Every file of the PKI: its name and its content."""
    root = authority("tlsdeck test root", None)
    inter = authority("tlsdeck test intermediate", root)
    server = ("localhost", "127.0.0.1", "::1")
    rsa_key = rsa.generate_private_key(65537, 2048)
    identities = {
        "rsa": leaf("localhost", root, rsa_key, server),
        "ecdsa": leaf("localhost", root, ec.generate_private_key(ec.SECP256R1()), server),
        "ed25519": leaf("localhost", root, ed25519.Ed25519PrivateKey.generate(), server),
        "chain": leaf("localhost", inter, rsa_key, server),
        "client": leaf("a client", root, rsa.generate_private_key(65537, 2048), usage="client"),
        "stranger": leaf("a stranger", None, rsa_key, usage="client"),
        "expired": leaf("localhost", root, rsa_key, server, start=TODAY - 30 * DAY, end=TODAY - 2 * DAY),
        "future": leaf("localhost", root, rsa_key, server, start=TODAY + 300 * DAY, end=TODAY + 400 * DAY),
        "other": leaf("other.example", root, rsa_key, ("other.example", "192.0.2.1")),
        "selfsigned": leaf("localhost", None, rsa_key, server),
        "revoked": leaf("localhost", root, rsa_key, server),
        "unicode": leaf("localhost", root, rsa_key, server, organization="Übung, Test + Söhne"),
    }
    files = {"root.pem": pem(root.certificate), "inter.pem": pem(inter.certificate)}
    files["cas.pem"] = files["root.pem"] + files["inter.pem"]
    for name, identity in identities.items():
        files[f"{name}.pem"] = pem(identity.certificate)
        files[f"{name}.key"] = private(identity.key)
    chain, simple = identities["chain"], identities["rsa"]
    files["fullchain.pem"] = pem(chain.certificate) + pem(inter.certificate)
    files["both.pem"] = pem(simple.certificate) + private(simple.key)
    files["rsa.der"] = simple.certificate.public_bytes(Encoding.DER)
    files["rsakey.der"] = simple.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    files["locked.key"] = private(simple.key, BestAvailableEncryption(PASSWORD.encode()))
    files["locked.p12"] = bundle(simple, BestAvailableEncryption(PASSWORD.encode()))
    files["open.p12"] = bundle(simple, NoEncryption())
    files["crl.pem"] = revocation(root, identities["revoked"].certificate)
    files["password.txt"] = f"{PASSWORD}\nsecond line\n".encode()
    files["wrong.txt"] = b"nonsense\n"
    files["junk.pem"] = b"this is no certificate\n"
    files["empty.pem"] = b""
    return files


def populate(directory: Path, files: Mapping[str, bytes | str]) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return directory


# --- makers ----------------------------------------------------------------------------------------------------


def authority(name: str, issuer: Identity | None) -> Identity:
    key = rsa.generate_private_key(65537, 2048)
    builder = unsigned(subject(name), key, issuer, TODAY - DAY, TODAY + 1000 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(key_usage(data=True, ca=True), critical=True)
    return Identity(sign(builder, key, issuer), key)


def key_usage(*, data: bool, ca: bool) -> x509.KeyUsage:
    """What a key may sign: data, certificates and CRLs."""
    return x509.KeyUsage(
        digital_signature=data,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def leaf(
    name: str,
    issuer: Identity | None,
    key: Key,
    hosts: Sequence[str] = (),
    *,
    start: dt.datetime = TODAY - DAY,
    end: dt.datetime = TODAY + 365 * DAY,
    organization: str = "tlsdeck",
    usage: str = "server",
) -> Identity:
    builder = unsigned(subject(name, organization), key, issuer, start, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if usage == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if hosts:
        names = x509.SubjectAlternativeName([general_name(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    return Identity(sign(builder, key, issuer), key)


def general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def subject(name: str, organization: str = "tlsdeck") -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def unsigned(
    name: x509.Name,
    key: Key,
    issuer: Identity | None,
    start: dt.datetime,
    end: dt.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def sign(builder: x509.CertificateBuilder, key: Key, issuer: Identity | None) -> x509.Certificate:
    signing_key = issuer.key if issuer else key
    digest = None if isinstance(signing_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signing_key, digest)


def trusting(root: Path) -> ssl.SSLContext:
    """A client that trusts this authority. Not strictly, as from Python 3.13: certificates here name no issuer's key."""
    context = ssl.create_default_context(cafile=root)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def revocation(issuer: Identity, certificate: x509.Certificate) -> bytes:
    revoked = (
        x509.RevokedCertificateBuilder()
        .serial_number(certificate.serial_number)
        .revocation_date(TODAY)
        .build()
    )
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(TODAY - DAY)
        .next_update(TODAY + 30 * DAY)
        .add_revoked_certificate(revoked)
    )
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def private(key: Key, encryption: KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def bundle(identity: Identity, encryption: KeySerializationEncryption) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"localhost", identity.key, identity.certificate, None, encryption
    )
