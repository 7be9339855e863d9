from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import socket

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tls.pairs import Pair, client_settings
from tlsdeck.commands import throwaway
from tlsdeck.tls.settings import Settings


def test_throwaway_certificate_is_good_for_this_machine() -> None:
    identity, fingerprint = throwaway.make_identity()
    both = Pair(client_settings(), Settings(server=True, identities=(identity,)))
    both.shake()
    peer = both.client.summary().peer
    assert peer is not None
    certificate = x509.load_pem_x509_certificate(peer.pem.encode())
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
    assert fingerprint.replace(":", "").lower() == digest
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == throwaway.names()
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("127.0.0.1"),
        ipaddress.ip_address("::1"),
    ]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    now = dt.datetime.now(dt.UTC)
    assert certificate.not_valid_before_utc < now < certificate.not_valid_after_utc
    assert certificate.not_valid_after_utc - now < dt.timedelta(days=8)


def test_throwaway_names_are_localhost_and_the_machine() -> None:
    assert throwaway.names()[0] == "localhost"
    assert socket.gethostname() in throwaway.names()
    assert len(set(throwaway.names())) == len(throwaway.names())


def test_throwaway_certificates_are_never_the_same() -> None:
    assert throwaway.make_identity()[1] != throwaway.make_identity()[1]
