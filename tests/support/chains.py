"""Chains for every rule of validation that an option switches on or off.

root.pem               the authority; careful about everything RFC 5280 asks for
exact.pem              localhost, 127.0.0.1 and me@example.org, with all that RFC 5280 asks for
critical.pem           with a critical extension that nobody knows
brokenroot.pem         root.pem with a spoilt signature
policed.pem            under policed-inter.pem, both with the policy 1.2.3.4.5 (POLICY)
unpoliced.pem          under policed-inter.pem, with no policy
any.pem                under policed-inter.pem, with anyPolicy
mapped.pem             under mapping-inter.pem, which maps 1.2.3.4.5 to its 1.2.3.4.6 (MAPPED)
p256, p384, mixed      under p256-inter, p384-inter and p384-inter, roots *-root: keys for Suite B, the last with
a P-256 key
cross-old, cross-new   the authority cross, signed by old-root and new-root; cross-leaf is signed by it
user.pem               a client's certificate, signed by root; proxy.pem is one that user.pem signed (RFC 3820)
deep.pem               under deep-inter2 and deep-inter1; deep-chain.pem has these two
*.key                  the keys
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from support.pki import DAY, TODAY, general_name, key_usage, pem, private

POLICY = "1.2.3.4.5"
MAPPED = "1.2.3.4.6"
_ANY_POLICY = "2.5.29.32.0"

# Read as they are: libraries do not make them. policyMappings (RFC 5280 section 4.2.1.5) from POLICY to MAPPED;
# proxyCertInfo (RFC 3820 section 3.8) with the policy language inheritAll.
_MAPPING = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("2.5.29.33"), bytes.fromhex("30 0e 30 0c 06 04 2a 03 04 05 06 04 2a 03 04 06")
)
_PROXY = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("1.3.6.1.5.5.7.1.14"), bytes.fromhex("30 0c 30 0a 06 08 2b 06 01 05 05 07 15 01")
)
_UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.99"), bytes.fromhex("05 00"))

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Holder:
    certificate: x509.Certificate
    key: Key


def make_chains() -> dict[str, bytes]:
    """Every file: its name and its content."""
    rsa_keys = [rsa.generate_private_key(65537, 2048) for _ in range(3)]
    ca_key, inter_key, leaf_key = rsa_keys
    root = issue("root", ca_key, None, ca=True)
    held = {"root": root, "exact": issue("localhost", leaf_key, root)}
    held["critical"] = issue("localhost", leaf_key, root, critical=[_UNKNOWN])
    policed = issue("policed", inter_key, root, ca=True, more=[_policies(POLICY)])
    mapping = issue("mapping", inter_key, root, ca=True, more=[_policies(POLICY)], critical=[_MAPPING])
    held |= {"policed-inter": policed, "mapping-inter": mapping}
    held["policed"] = issue("localhost", leaf_key, policed, more=[_policies(POLICY)])
    held["unpoliced"] = issue("localhost", leaf_key, policed)
    held["any"] = issue("localhost", leaf_key, policed, more=[_policies(_ANY_POLICY)])
    held["mapped"] = issue("localhost", leaf_key, mapping, more=[_policies(MAPPED)])
    held |= _suite_b()
    old, new = (issue(f"{age} root", key, None, ca=True) for age, key in (("old", ca_key), ("new", leaf_key)))
    held |= {"old-root": old, "new-root": new}
    held["cross-old"] = issue("cross", inter_key, old, ca=True)
    held["cross-new"] = issue("cross", inter_key, new, ca=True)
    held["cross-leaf"] = issue("localhost", leaf_key, held["cross-old"])
    held["user"] = issue("a user", leaf_key, root)
    held["proxy"] = _proxy(held["user"], inter_key)
    held["deep-inter1"] = issue("deep 1", inter_key, root, ca=True)
    held["deep-inter2"] = issue("deep 2", leaf_key, held["deep-inter1"], ca=True)
    held["deep"] = issue("localhost", leaf_key, held["deep-inter2"])
    files = {f"{name}.pem": pem(each.certificate) for name, each in held.items()}
    files |= {f"{name}.key": private(each.key) for name, each in held.items()}
    files["deep-chain.pem"] = files["deep-inter2.pem"] + files["deep-inter1.pem"]
    files["proxy-chain.pem"] = files["user.pem"]
    files["brokenroot.pem"] = pem(spoilt(root.certificate))
    return files


def _suite_b() -> dict[str, Holder]:
    held: dict[str, Holder] = {}
    for name, curve in (("p256", ec.SECP256R1()), ("p384", ec.SECP384R1())):
        root = issue(f"{name} root", ec.generate_private_key(curve), None, ca=True)
        inter = issue(f"{name} inter", ec.generate_private_key(curve), root, ca=True)
        leaf = issue("localhost", ec.generate_private_key(curve), inter)
        held |= {f"{name}-root": root, f"{name}-inter": inter, name: leaf}
    held["mixed"] = issue("localhost", ec.generate_private_key(ec.SECP256R1()), held["p384-inter"])
    return held


def issue(
    name: str,
    key: Key,
    issuer: Holder | None,
    *,
    ca: bool = False,
    more: Sequence[x509.ExtensionType] = (),
    critical: Sequence[x509.ExtensionType] = (),
) -> Holder:
    """A certificate with everything RFC 5280 asks for, signed by an issuer or, without, by itself."""
    signer = issuer.key if issuer else key
    builder = _begin(_name(name), issuer.certificate.subject if issuer else _name(name), key)
    usages: list[x509.ExtensionType] = [
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
        *more,
    ]
    if not ca:
        names = x509.SubjectAlternativeName(
            [*map(general_name, ("localhost", "127.0.0.1")), x509.RFC822Name("me@example.org")]
        )
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        usages += [names, x509.ExtendedKeyUsage(purposes)]
    constraints = x509.BasicConstraints(ca=ca, path_length=None)
    for extension in (constraints, key_usage(data=not ca, ca=ca), *critical):
        builder = builder.add_extension(extension, critical=True)
    for extension in usages:
        builder = builder.add_extension(extension, critical=False)
    return Holder(builder.sign(signer, _digest(signer)), key)


def _begin(name: x509.Name, issuer: x509.Name, key: Key) -> x509.CertificateBuilder:
    start: dt.datetime = TODAY - DAY
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(TODAY + 365 * DAY)
    )


def _proxy(user: Holder, key: Key) -> Holder:
    """RFC 3820: the subject is the issuer's with one more common name."""
    subject = x509.Name([*user.certificate.subject, x509.NameAttribute(NameOID.COMMON_NAME, "42")])
    builder = _begin(subject, user.certificate.subject, key)
    builder = builder.add_extension(_PROXY, critical=True).add_extension(
        key_usage(data=True, ca=False), critical=True
    )
    return Holder(builder.sign(user.key, _digest(user.key)), key)


def _digest(key: Key) -> hashes.SHA256 | hashes.SHA384:
    large = isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256
    return hashes.SHA384() if large else hashes.SHA256()


def _policies(identifier: str) -> x509.CertificatePolicies:
    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(identifier), None)])


def _name(name: str) -> x509.Name:
    parts = (
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.ORGANIZATION_NAME, "tlsdeck"),
        (NameOID.COMMON_NAME, name),
    )
    return x509.Name([x509.NameAttribute(*part) for part in parts])


def spoilt(certificate: x509.Certificate) -> x509.Certificate:
    """The same with another last byte of the signature."""
    der = certificate.public_bytes(Encoding.DER)
    return x509.load_der_x509_certificate(der[:-1] + bytes([der[-1] ^ 1]))
