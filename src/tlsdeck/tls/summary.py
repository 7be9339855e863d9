"""Everything libssl can tell about a connection, as plain text and numbers (SSL_get_*(3), SSL_CIPHER_*(3))."""

from __future__ import annotations

import sys

from tlsdeck.events import CertificateInfo, ExportedKey, Summary, TemporaryKey
from tlsdeck.names import SIGNATURE_SCHEMES
from tlsdeck.native import encoded, ffi, lib, new_unset, printed, text
from tlsdeck.tls.names import name_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tlsdeck.events import CertificateTimestamp, Details, Offer, TlsaMatch
    from tlsdeck.native import Pointer
    from tlsdeck.tls.settings import Settings
    from tlsdeck.tls.transport import Transport

_EARLY_DATA: dict[int, str] = {
    lib.SSL_EARLY_DATA_REJECTED: "rejected",
    lib.SSL_EARLY_DATA_ACCEPTED: "accepted",
}


def summarize(
    ssl: Pointer, transport: Transport, settings: Settings, exporter: tuple[str, int] | None
) -> Summary:
    """The summary of an SSL over a transport."""
    facts = ffi.new("struct tlsdeck_facts *")
    lib.tlsdeck_facts(ssl, facts)
    session = lib.SSL_get_session(ssl)
    peer = lib.SSL_get0_peer_certificate(ssl)
    flags = settings.name_flags
    bytes_read, bytes_written = byte_counts(transport)
    return Summary(
        version=text(facts.version),
        cipher=text(facts.cipher),
        cipher_version=text(facts.cipher_version),
        reused=bool(facts.reused),
        chain=_chain(ssl, flags),
        peer=None if peer == ffi.NULL else certificate_info(peer, flags),
        ca_names=_ca_names(ssl, flags),
        certificate_types=_certificate_types(ssl),
        signature_algorithms=_signature_algorithms(ssl, shared=False),
        shared_signature_algorithms=_signature_algorithms(ssl, shared=True),
        peer_digest=_string(facts.peer_digest),
        peer_signature_type=_SIGNATURE_TYPES.get(facts.peer_signature_type),
        temporary_key=_temporary_key(facts),
        bytes_read=bytes_read,
        bytes_written=bytes_written,
        verify_code=facts.verify_code,
        verify_text=text(facts.verify_text),
        verified_name=_string(facts.verified_name),
        tlsa=_tlsa(ssl) if settings.dane else None,
        timestamps=_timestamps(ssl) if settings.transparency else None,
        secure_renegotiation=bool(facts.secure_renegotiation),
        renegotiation_disabled=bool(lib.SSL_get_options(ssl) & lib.SSL_OP_NO_RENEGOTIATION),
        compression=_string(facts.compression),
        expansion=_string(facts.expansion),
        alpn=alpn(ssl),
        early_data=_early_data(facts.early_data),
        session=None if session == ffi.NULL else printed(lib.SSL_SESSION_print, session),
        point_formats=_point_formats(ssl),
        supported_groups=_groups(ssl, shared=False) if settings.server else (),
        shared_groups=_groups(ssl, shared=True) if settings.server else (),
        shared_ciphers=_shared_ciphers(ssl) if settings.server else (),
        offered_ciphers=_offered_ciphers(ssl) if settings.server else (),
        exported_key=_exported(ssl, *exporter) if exporter else None,
        details=_details(ssl, flags) if settings.watch.details else None,
        next_protocol=_next_protocol(ssl) if settings.next_protocols else None,
        srtp_profile=_srtp_profile(ssl) if settings.srtp_profiles else None,
        offer=client_offer(ssl, settings) if settings.watch.offers or settings.watch.details else None,
    )


def client_offer(ssl: Pointer, settings: Settings) -> Offer | None:
    """Server: what the client offered; None before that, or if `Watch` has not asked to keep it."""
    from tlsdeck.tls.offer import offer

    return offer(ssl, settings)


def _details(ssl: Pointer, flags: int) -> Details:
    from tlsdeck.tls.details import details

    return details(ssl, flags)


def byte_counts(transport: Transport) -> tuple[int, int]:
    """Bytes read and written over a transport, those before TLS included."""
    return (
        transport.read_before + lib.BIO_number_read(transport.reading),
        transport.written_before + lib.BIO_number_written(transport.writing),
    )


def _tlsa(ssl: Pointer) -> TlsaMatch | None:
    from tlsdeck.tls import dane

    return dane.match(ssl)


def _timestamps(ssl: Pointer) -> tuple[CertificateTimestamp, ...] | None:
    from tlsdeck.tls import transparency

    return transparency.timestamps(ssl)


# --- lists of code points --------------------------------------------------------------------------------------

_MOST_CODES = 1024
_SHORT = ffi.sizeof("unsigned short")
_INT = ffi.sizeof("int")

# Clients of one kind offer one list. Names are looked up once for each list, as long as there are not too many.
_lists: dict[tuple[bytes, int], tuple[str, ...]] = {}
_MOST_LISTS = 256


def _named(raw: bytes, size: int, name: Callable[[bytes], str]) -> tuple[str, ...]:
    """The names of the code points in `raw`, of `size` bytes each."""
    key = (raw, size)
    names = _lists.get(key)
    if names is None:
        if len(_lists) >= _MOST_LISTS:
            _lists.clear()
        names = _lists[key] = tuple(name(raw[i : i + size]) for i in range(0, len(raw), size))
    return names


# --- certificates ----------------------------------------------------------------------------------------------


def certificate_info(certificate: Pointer, flags: int) -> CertificateInfo:
    """The facts of an X509."""
    key = lib.X509_get0_pubkey(certificate)
    return CertificateInfo(
        subject=name_text(lib.X509_get_subject_name(certificate), flags),
        issuer=name_text(lib.X509_get_issuer_name(certificate), flags),
        public_key="" if key == ffi.NULL else text(lib.tlsdeck_key_kind(key)),
        public_key_bits=0 if key == ffi.NULL else lib.EVP_PKEY_get_bits(key),
        signature_algorithm=text(lib.OBJ_nid2sn(lib.X509_get_signature_nid(certificate))),
        not_before=printed(lib.ASN1_TIME_print, lib.X509_get0_notBefore(certificate)),
        not_after=printed(lib.ASN1_TIME_print, lib.X509_get0_notAfter(certificate)),
        pem=printed(lib.PEM_write_bio_X509, certificate),
    )


def peer_certificate_text(ssl: Pointer) -> str:
    """The peer's certificate as X509_print(3) shows it; empty without one."""
    certificate = lib.SSL_get0_peer_certificate(ssl)
    return "" if certificate == ffi.NULL else printed(lib.X509_print, certificate)


def certificates(stack: Pointer) -> list[Pointer]:
    """The X509s of a STACK_OF(X509); none of NULL."""
    return [] if stack == ffi.NULL else [lib.sk_X509_value(stack, i) for i in range(lib.sk_X509_num(stack))]


def _chain(ssl: Pointer, flags: int) -> tuple[CertificateInfo, ...]:
    chain = certificates(lib.SSL_get_peer_cert_chain(ssl))
    return tuple([certificate_info(certificate, flags) for certificate in chain])


def _ca_names(ssl: Pointer, flags: int) -> tuple[str, ...]:
    names = lib.SSL_get0_peer_CA_list(ssl)
    if names == ffi.NULL:
        return ()
    return tuple(
        name_text(lib.sk_X509_NAME_value(names, i), flags) for i in range(lib.sk_X509_NAME_num(names))
    )


# ClientCertificateType (RFC 5246 section 7.4.4, RFC 8422 section 5.5, RFC 9189 section 4.2.4)
_CERTIFICATE_TYPES = {
    1: "RSA sign",
    2: "DSA sign",
    3: "RSA fixed DH",
    4: "DSS fixed DH",
    64: "ECDSA sign",
    65: "RSA fixed ECDH",
    66: "ECDSA fixed ECDH",
    22: "GOST01 Sign",
    67: "GOST12 Sign",
}


def _certificate_types(ssl: Pointer) -> tuple[str, ...]:
    start = ffi.new("unsigned char **")
    count = lib.SSL_get0_certificate_types(ssl, start)
    codes = bytes(ffi.buffer(start[0], count)) if count else b""
    return tuple(_CERTIFICATE_TYPES.get(code, f"UNKNOWN ({code}),") for code in codes)


def early_data(ssl: Pointer) -> str:
    """What became of early data: "not sent", "rejected", "accepted"."""
    return _early_data(lib.SSL_get_early_data_status(ssl))


def _early_data(status: int) -> str:
    return _EARLY_DATA.get(status, "not sent")


# --- signatures and keys ---------------------------------------------------------------------------------------

_SIGNATURE_TYPES: dict[int, str] = {
    lib.EVP_PKEY_RSA: "RSA",
    lib.EVP_PKEY_RSA_PSS: "RSA-PSS",
    lib.EVP_PKEY_DSA: "DSA",
    lib.EVP_PKEY_EC: "ECDSA",
    lib.NID_ED25519: "ed25519",
    lib.NID_ED448: "ed448",
    lib.NID_id_GostR3410_2001: "gost2001",
    lib.NID_id_GostR3410_2012_256: "gost2012_256",
    lib.NID_id_GostR3410_2012_512: "gost2012_512",
}

# SignatureScheme (RFC 8446 section 4.2.3); older ones are pairs of hash and signature (RFC 5246 section 7.4.1.4.1).
_SCHEMES = {
    **SIGNATURE_SCHEMES,
    **{
        digest << 8 | sign: f"{sign_name}+{digest_name}"
        for digest, digest_name in enumerate(("SHA1", "SHA224", "SHA256", "SHA384", "SHA512"), 2)
        for sign, sign_name in enumerate(("RSA", "DSA", "ECDSA"), 1)
    },
    0x0804: "RSA-PSS+SHA256",
    0x0805: "RSA-PSS+SHA384",
    0x0806: "RSA-PSS+SHA512",
}


def _signature_algorithms(ssl: Pointer, *, shared: bool) -> tuple[str, ...]:
    codes = new_unset("unsigned short[]", _MOST_CODES)
    count = lib.tlsdeck_signature_algorithms(ssl, shared, codes, _MOST_CODES)
    return _named(bytes(ffi.buffer(codes, count * _SHORT)), _SHORT, _scheme)


def _scheme(raw: bytes) -> str:
    code = int.from_bytes(raw, sys.byteorder)
    return _SCHEMES.get(code) or f"0x{code & 0xFF:02X}+0x{code >> 8:02X}"


def _temporary_key(facts: Pointer) -> TemporaryKey | None:
    kind, bits = facts.key_type, facts.key_bits
    if not bits:
        return None
    if kind == lib.EVP_PKEY_EC:
        return TemporaryKey("ECDH", text(facts.key_name) or "?", bits)
    return TemporaryKey(_KEY_NAMES.get(kind) or text(facts.key_name), None, bits)


_KEY_NAMES: dict[int, str] = {lib.EVP_PKEY_RSA: "RSA", lib.EVP_PKEY_DH: "DH"}


# --- what the client offered -----------------------------------------------------------------------------------

# ECPointFormat (RFC 8422 section 5.1.2)
_POINT_FORMATS = {0: "uncompressed", 1: "ansiX962_compressed_prime", 2: "ansiX962_compressed_char2"}


def _point_formats(ssl: Pointer) -> tuple[str, ...]:
    start = ffi.new("char **")
    count = lib.SSL_get0_ec_point_formats(ssl, start)
    codes = bytes(ffi.buffer(start[0], count)) if count > 0 else b""
    return tuple(_POINT_FORMATS.get(code, f"unknown({code})") for code in codes)


def _groups(ssl: Pointer, *, shared: bool) -> tuple[str, ...]:
    codes = new_unset("int[]", _MOST_CODES)
    count = lib.tlsdeck_groups(ssl, shared, codes, _MOST_CODES)
    raw = bytes(ffi.buffer(codes, count * _INT))
    return _named(raw, _INT, lambda code: group_name(ssl, int.from_bytes(code, sys.byteorder)))


def group_name(ssl: Pointer, group: int) -> str:
    """The name of a group by its number among libssl's; of one it does not know, the code point."""
    return _string(lib.SSL_group_to_name(ssl, group)) or f"0x{group & 0xFFFF:04X}"


_SHARED_CIPHERS_SIZE = 16384  # bytes; more names than the library has suites


def _shared_ciphers(ssl: Pointer) -> tuple[str, ...]:
    buffer = new_unset("char[]", _SHARED_CIPHERS_SIZE)
    names = lib.SSL_get_shared_ciphers(ssl, buffer, len(buffer))
    return () if names == ffi.NULL else tuple(text(names).split(":"))


_RENEGOTIATION_SCSV = b"\x00\xff"  # TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746 section 3.3)


def _offered_ciphers(ssl: Pointer) -> tuple[str, ...]:
    start = ffi.new("unsigned char **")
    size = lib.SSL_get0_raw_cipherlist(ssl, ffi.NULL)
    length = lib.SSL_get0_raw_cipherlist(ssl, start)
    raw = bytes(ffi.buffer(start[0], length)) if length > 0 else b""
    return _named(raw, size, lambda code: _cipher(ssl, code))


def _cipher(ssl: Pointer, code: bytes) -> str:
    cipher = lib.SSL_CIPHER_find(ssl, code)
    if cipher != ffi.NULL:
        return text(lib.SSL_CIPHER_get_name(cipher))
    return "SCSV" if code == _RENEGOTIATION_SCSV else "0x" + code.hex().upper()


def supported_ciphers(ssl: Pointer) -> tuple[tuple[str, str], ...]:
    """Version and name of every cipher suite this end is set up for."""
    ciphers = lib.SSL_get_ciphers(ssl)
    suites = (lib.sk_SSL_CIPHER_value(ciphers, i) for i in range(lib.sk_SSL_CIPHER_num(ciphers)))
    return tuple(
        (text(lib.SSL_CIPHER_get_version(suite)), text(lib.SSL_CIPHER_get_name(suite))) for suite in suites
    )


# --- the rest --------------------------------------------------------------------------------------------------


def server_name(ssl: Pointer) -> str | None:
    """The name asked for by SNI (SSL_get_servername(3))."""
    return _string(lib.SSL_get_servername(ssl, lib.TLSEXT_NAMETYPE_host_name))


def alpn(ssl: Pointer) -> str | None:
    """The protocol chosen by ALPN."""
    return _protocol(ssl, lib.SSL_get0_alpn_selected)


def _next_protocol(ssl: Pointer) -> str | None:
    return _protocol(ssl, lib.SSL_get0_next_proto_negotiated)


def _protocol(ssl: Pointer, look: Callable[[Pointer, Pointer, Pointer], None]) -> str | None:
    data, length = ffi.new("unsigned char **"), ffi.new("unsigned int *")
    look(ssl, data, length)
    return bytes(ffi.buffer(data[0], length[0])).decode("latin-1") if length[0] else None


def _srtp_profile(ssl: Pointer) -> str | None:
    profile = lib.SSL_get_selected_srtp_profile(ssl)
    return None if profile == ffi.NULL else text(profile.name)


def _exported(ssl: Pointer, label: str, length: int) -> ExportedKey:
    out, name = ffi.new("unsigned char[]", length), encoded(label)
    exported = lib.SSL_export_keying_material(ssl, out, length, name, len(name), ffi.NULL, 0, 0)
    return ExportedKey(label, length, bytes(ffi.buffer(out, length)) if exported > 0 else None)


def _string(pointer: Pointer) -> str | None:
    return None if pointer == ffi.NULL else text(pointer)
