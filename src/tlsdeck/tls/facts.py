"""What a server's program may know of a connection and of both certificates, as libcrypto tells it.

A `Summary` shows a connection to a person; these are the same facts for a program, in the forms that mod_ssl made
common: distinguished names on one line and taken apart, serial numbers in decimal. Nothing is parsed here.
"""

from __future__ import annotations

from tlsdeck.native import ffi, lib, own, printed, taken, text
from tlsdeck.record import Record
from tlsdeck.tls.session import session_id
from tlsdeck.tls.summary import alpn, certificates, server_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tlsdeck.native import Pointer


class CertificateFacts(Record):
    """An X.509 certificate. Parts of names are pairs of the library's short name for the type and the raw value."""

    version: int
    serial: str  # decimal
    subject: str  # as X509_NAME_oneline(3) writes it
    subject_parts: tuple[tuple[str, bytes], ...]
    issuer: str
    issuer_parts: tuple[tuple[str, bytes], ...]
    signature: str  # long names of the algorithms
    key: str
    start: str
    end: str
    pem: str


class ConnectionFacts(Record):
    """A connection after its handshake. Bits are those of the cipher; the chain is what came without the leaf."""

    protocol: str
    session_id: str  # hexadecimal
    cipher: str
    used_bits: int
    possible_bits: int
    server_name: str | None
    alpn: str | None
    own: CertificateFacts | None
    peer: CertificateFacts | None
    chain: tuple[str, ...]  # PEM
    verify_code: int
    verify_text: str


def protocol_and_cipher(ssl: Pointer) -> tuple[str, str]:
    """Their names: `TLSv1.3`, `TLS_AES_256_GCM_SHA384`."""
    return text(lib.SSL_get_version(ssl)), text(lib.SSL_CIPHER_get_name(lib.SSL_get_current_cipher(ssl)))


def is_certified(ssl: Pointer) -> bool:
    """Whether the peer has shown a certificate, and a valid one."""
    shown = lib.SSL_get0_peer_certificate(ssl) != ffi.NULL
    return shown and bool(lib.SSL_get_verify_result(ssl) == lib.X509_V_OK)


def connection_facts(ssl: Pointer) -> ConnectionFacts:
    """The facts of an SSL whose handshake is complete."""
    protocol, cipher = protocol_and_cipher(ssl)
    possible = ffi.new("int *")
    used = lib.SSL_CIPHER_get_bits(lib.SSL_get_current_cipher(ssl), possible)
    peer = lib.SSL_get0_peer_certificate(ssl)
    verify_code = lib.SSL_get_verify_result(ssl)
    return ConnectionFacts(
        protocol=protocol,
        session_id=_session_id(ssl),
        cipher=cipher,
        used_bits=used,
        possible_bits=possible[0],
        server_name=server_name(ssl),
        alpn=alpn(ssl),
        own=_own(lib.SSL_get_certificate(ssl)),
        peer=None if peer == ffi.NULL else certificate_facts(peer),
        chain=tuple(_chain(ssl)),
        verify_code=verify_code,
        verify_text=text(lib.X509_verify_cert_error_string(verify_code)),
    )


def certificate_facts(certificate: Pointer) -> CertificateFacts:
    """The facts of an X509."""
    subject, issuer = lib.X509_get_subject_name(certificate), lib.X509_get_issuer_name(certificate)
    key = lib.X509_get0_pubkey(certificate)
    return CertificateFacts(
        version=lib.X509_get_version(certificate) + 1,
        serial=_serial(certificate),
        subject=_oneline(subject),
        subject_parts=tuple(_parts(subject)),
        issuer=_oneline(issuer),
        issuer_parts=tuple(_parts(issuer)),
        signature=_algorithm(lib.X509_get_signature_nid(certificate)),
        key=_algorithm(lib.NID_undef if key == ffi.NULL else lib.EVP_PKEY_get_base_id(key)),
        start=printed(lib.ASN1_TIME_print, lib.X509_get0_notBefore(certificate)),
        end=printed(lib.ASN1_TIME_print, lib.X509_get0_notAfter(certificate)),
        pem=printed(lib.PEM_write_bio_X509, certificate),
    )


# A server has few certificates of its own. Each is held, so that its address stays its own.
_known: dict[int, tuple[Pointer, CertificateFacts]] = {}
_MOST_KNOWN = 64


def _own(certificate: Pointer) -> CertificateFacts | None:
    if certificate == ffi.NULL:
        return None
    place = int(ffi.cast("uintptr_t", certificate))
    if place not in _known:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        lib.X509_up_ref(certificate)
        _known[place] = own(certificate, lib.X509_free), certificate_facts(certificate)
    return _known[place][1]


def _session_id(ssl: Pointer) -> str:
    session = lib.SSL_get_session(ssl)
    return "" if session == ffi.NULL else session_id(session).hex()


def _chain(ssl: Pointer) -> Iterator[str]:
    for certificate in certificates(lib.SSL_get_peer_cert_chain(ssl)):
        yield printed(lib.PEM_write_bio_X509, certificate)


def _serial(certificate: Pointer) -> str:
    number = lib.ASN1_INTEGER_to_BN(lib.X509_get0_serialNumber(certificate), ffi.NULL)
    return taken(lib.BN_bn2dec(own(number, lib.BN_free))) or ""


def _algorithm(nid: int) -> str:
    return "UNKNOWN" if nid <= lib.NID_undef else text(lib.OBJ_nid2ln(nid))


def _oneline(name: Pointer) -> str:
    return taken(lib.X509_NAME_oneline(name, ffi.NULL, 0)) or ""


def _parts(name: Pointer) -> Iterator[tuple[str, bytes]]:
    for index in range(lib.X509_NAME_entry_count(name)):
        entry = lib.X509_NAME_get_entry(name, index)
        nid = lib.OBJ_obj2nid(lib.X509_NAME_ENTRY_get_object(entry))
        if nid != lib.NID_undef:
            value = lib.X509_NAME_ENTRY_get_data(entry)
            length = lib.ASN1_STRING_length(value)
            content = bytes(ffi.buffer(lib.ASN1_STRING_get0_data(value), length)) if length > 0 else b""
            yield text(lib.OBJ_nid2sn(nid)), content
