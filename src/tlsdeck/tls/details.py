"""What only a program wants to know of a connection: dates it can compare, fingerprints, the chain that was verified.

libcrypto reads the certificates and prints their parts; nothing is parsed here.
"""

from __future__ import annotations

from tlsdeck.events import Certificate, Details, SignedTimestamp
from tlsdeck.native import ffi, has, lib, printed, text
from tlsdeck.tls.summary import certificate_info, certificates, group_name, server_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tlsdeck.native import Pointer


def details(ssl: Pointer, flags: int) -> Details:
    """The details of an SSL; `flags` say how names are printed (X509_NAME_print_ex(3))."""
    cipher = lib.SSL_get_current_cipher(ssl)
    agreed = cipher != ffi.NULL
    return Details(
        version=text(lib.SSL_get_version(ssl)) if agreed else None,
        cipher=text(lib.SSL_CIPHER_get_name(cipher)) if agreed else None,
        standard_cipher=text(lib.SSL_CIPHER_standard_name(cipher)) if agreed else None,
        group=_group(ssl) if agreed else None,
        server_name=server_name(ssl),
        chain=tuple(certificate(each, flags) for each in _chain(ssl)),
        verified_chain=tuple(
            certificate(each, flags) for each in certificates(lib.SSL_get0_verified_chain(ssl))
        ),
        ocsp_response=_ocsp_response(ssl) if has("SSL_get_tlsext_status_ocsp_resp") else None,
        timestamps=_timestamps(ssl) if has("SSL_get0_peer_scts") else (),
    )


def _group(ssl: Pointer) -> str | None:
    group = lib.SSL_get_negotiated_group(ssl)
    return group_name(ssl, group) if group else None


def _ocsp_response(ssl: Pointer) -> bytes | None:
    start = ffi.new("const unsigned char **")
    length = lib.SSL_get_tlsext_status_ocsp_resp(ssl, start)
    return bytes(ffi.buffer(start[0], length)) if length > 0 else None


# --- certificates ----------------------------------------------------------------------------------------------


def _chain(ssl: Pointer) -> Iterator[Pointer]:
    """The peer's certificates. libssl's list lacks the leaf on a server, and is none for a resumed session."""
    sent = certificates(lib.SSL_get_peer_cert_chain(ssl))
    leaf = lib.SSL_get0_peer_certificate(ssl)
    if leaf != ffi.NULL and leaf not in sent:
        yield leaf
    yield from sent


def certificate(pointer: Pointer, flags: int) -> Certificate:
    """The facts of an X509."""
    info = certificate_info(pointer, flags)
    return Certificate(
        subject=info.subject,
        issuer=info.issuer,
        alternative_names=_alternative_names(pointer),
        serial=_serial(pointer),
        not_before=_time(lib.X509_get0_notBefore(pointer)),
        not_after=_time(lib.X509_get0_notAfter(pointer)),
        public_key=info.public_key,
        public_key_bits=info.public_key_bits,
        signature_algorithm=info.signature_algorithm,
        sha256=_fingerprint(pointer),
        pem=info.pem,
    )


def _alternative_names(pointer: Pointer) -> tuple[str, ...]:
    names = lib.X509_get_ext_d2i(pointer, lib.NID_subject_alt_name, ffi.NULL, ffi.NULL)
    if names == ffi.NULL:
        lib.ERR_clear_error()
        return ()
    names = ffi.gc(ffi.cast("struct stack_st_GENERAL_NAME *", names), lib.GENERAL_NAMES_free)
    count = lib.sk_GENERAL_NAME_num(names)
    return tuple(printed(lib.GENERAL_NAME_print, lib.sk_GENERAL_NAME_value(names, i)) for i in range(count))


def _serial(pointer: Pointer) -> str:
    """In hexadecimal. The line of a long one is broken by libcrypto."""
    return printed(lib.i2a_ASN1_INTEGER, lib.X509_get0_serialNumber(pointer)).replace("\\\n", "").lower()


def _time(time: Pointer) -> str | None:
    parts = ffi.new("struct tm *")
    if not lib.ASN1_TIME_to_tm(time, parts):
        return None
    date = f"{parts.tm_year + 1900:04}-{parts.tm_mon + 1:02}-{parts.tm_mday:02}"
    return f"{date}T{parts.tm_hour:02}:{parts.tm_min:02}:{parts.tm_sec:02}Z"


def _fingerprint(pointer: Pointer) -> bytes:
    out, length = ffi.new("unsigned char[]", lib.EVP_MAX_MD_SIZE), ffi.new("unsigned int *")
    lib.X509_digest(pointer, lib.EVP_sha256(), out, length)
    return bytes(ffi.buffer(out, length[0]))


# --- certificate transparency ----------------------------------------------------------------------------------


def _timestamps(ssl: Pointer) -> tuple[SignedTimestamp, ...]:
    if lib.SSL_get0_peer_certificate(ssl) == ffi.NULL:
        return ()
    stack = lib.SSL_get0_peer_scts(ssl)
    lib.ERR_clear_error()
    count = 0 if stack == ffi.NULL else lib.sk_SCT_num(stack)
    return tuple(_timestamp(lib.sk_SCT_value(stack, i)) for i in range(count))


def _timestamp(sct: Pointer) -> SignedTimestamp:
    sources = {
        lib.SCT_SOURCE_TLS_EXTENSION: "extension",
        lib.SCT_SOURCE_X509V3_EXTENSION: "certificate",
        lib.SCT_SOURCE_OCSP_STAPLED_RESPONSE: "ocsp",
    }
    log_id = ffi.new("unsigned char **")
    length = lib.SCT_get0_log_id(sct, log_id)
    return SignedTimestamp(
        source=sources.get(lib.SCT_get_source(sct), "unknown"),
        log_id=bytes(ffi.buffer(log_id[0], length)) if length else b"",
        time=_moment(lib.SCT_get_timestamp(sct)),
        status=text(lib.SCT_validation_status_string(sct)),
    )


def _moment(milliseconds: int) -> str:
    from time import gmtime, strftime

    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(milliseconds // 1000)) + f".{milliseconds % 1000:03}Z"
