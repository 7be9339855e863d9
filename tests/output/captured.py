"""What a printer writes, and summaries to print: one per kind of connection."""

from __future__ import annotations

import os

from tlsdeck.events import CertificateInfo, Event, SessionInfo, Summary, TemporaryKey
from tlsdeck.output.printer import Printer
from tlsdeck.output.stream import Stream

LEAF = CertificateInfo(
    subject="C = DE, O = Test Org, CN = localhost",
    issuer="C = DE, O = Test Org, CN = Test CA",
    public_key="rsaEncryption",
    public_key_bits=2048,
    signature_algorithm="RSA-SHA256",
    not_before="Nov 20 18:21:41 2026 GMT",
    not_after="Dec 10 18:21:41 2026 GMT",
    pem="-----BEGIN CERTIFICATE-----\nleaf\n-----END CERTIFICATE-----\n",
)
CA = CertificateInfo(
    subject="C = DE, O = Test Org, CN = Test CA",
    issuer="C = DE, O = Test Org, CN = Test CA",
    public_key="id-ecPublicKey",
    public_key_bits=256,
    signature_algorithm="ecdsa-with-SHA256",
    not_before="Nov 20 18:21:41 2026 GMT",
    not_after="Dec 20 18:21:41 2026 GMT",
    pem="-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n",
)
SESSION = SessionInfo(
    text="SSL-Session:\n    Protocol  : TLSv1.2\n    Cipher    : ECDHE-RSA-AES256-GCM-SHA384\n",
    pem="-----BEGIN SSL SESSION PARAMETERS-----\nsession\n-----END SSL SESSION PARAMETERS-----\n",
)

NOTHING = Summary(
    version="TLSv1.3",
    cipher="(NONE)",
    cipher_version="(NONE)",
    reused=False,
    chain=(),
    peer=None,
    ca_names=(),
    certificate_types=(),
    signature_algorithms=(),
    shared_signature_algorithms=(),
    peer_digest=None,
    peer_signature_type=None,
    temporary_key=None,
    bytes_read=7,
    bytes_written=225,
    verify_code=0,
    verify_text="ok",
    verified_name=None,
    tlsa=None,
    timestamps=None,
    secure_renegotiation=False,
    renegotiation_disabled=False,
    compression=None,
    expansion=None,
    alpn=None,
    early_data="not sent",
    session=None,
    point_formats=(),
    supported_groups=(),
    shared_groups=(),
    shared_ciphers=(),
    offered_ciphers=(),
    exported_key=None,
)
"""A client whose handshake failed before anything was agreed on."""

CLIENT_1_3 = NOTHING.replace(
    cipher="TLS_AES_256_GCM_SHA384",
    cipher_version="TLSv1.3",
    chain=(LEAF,),
    peer=LEAF,
    peer_digest="SHA256",
    peer_signature_type="RSA-PSS",
    temporary_key=TemporaryKey("X25519", None, 253),
    bytes_read=1410,
    bytes_written=305,
    verify_code=21,
    verify_text="unable to verify the first certificate",
    session=SESSION.text,
)
CLIENT_1_2 = CLIENT_1_3.replace(
    version="TLSv1.2",
    cipher="ECDHE-RSA-AES256-GCM-SHA384",
    cipher_version="TLSv1.2",
    chain=(LEAF, CA),
    ca_names=("C = DE, O = Test Org, CN = Test CA",),
    certificate_types=("RSA sign", "ECDSA sign"),
    signature_algorithms=("ECDSA+SHA256", "RSA+SHA224"),
    shared_signature_algorithms=("ECDSA+SHA256",),
    temporary_key=TemporaryKey("ECDH", "prime256v1", 256),
    verify_code=0,
    verify_text="ok",
    verified_name="localhost",
    secure_renegotiation=True,
    alpn="h2",
    point_formats=("uncompressed", "ansiX962_compressed_prime"),
)
SERVER_1_3 = NOTHING.replace(
    cipher="TLS_AES_256_GCM_SHA384",
    cipher_version="TLSv1.3",
    signature_algorithms=("ECDSA+SHA256", "DSA+SHA512"),
    shared_signature_algorithms=("ECDSA+SHA256",),
    secure_renegotiation=True,
    session=SESSION.text,
    supported_groups=("x25519", "ffdhe2048"),
    shared_groups=("x25519",),
    shared_ciphers=("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"),
    offered_ciphers=("TLS_AES_256_GCM_SHA384", "0x0A0A"),
)


class Capture(Stream):
    """A stream into a pipe, so that what was written can be had as text."""

    def __init__(self, prefix: str = "") -> None:
        self._reader, writer = os.pipe()
        super().__init__(writer, prefix)

    def finish(self) -> bytes:
        """Close the writing end and return everything; short enough for a pipe's buffer."""
        os.close(self.descriptor)
        with os.fdopen(self._reader, "rb") as reader:
            return reader.read()


def shown(kind: type[Printer], *happened: Event, **options: bool) -> str:
    """What a new printer of this class writes for these events."""
    capture = Capture()
    printer = kind(capture, **options)  # type: ignore[arg-type]
    for event in happened:
        printer.show(event)
    return capture.finish().decode()
