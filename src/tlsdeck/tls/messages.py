"""What libssl and libcrypto know about a handshake message besides its bytes."""

from __future__ import annotations

from tlsdeck.native import ffi, lib, printed
from tlsdeck.tls.names import ONELINE, name_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tlsdeck.native import Pointer

_CERTIFICATE, _CERTIFICATE_REQUEST = 11, 13
_TLS_1_2, _TLS_1_3, _DTLS_1_2 = 0x0303, 0x0304, 0xFEFD


def suite(ssl: Pointer) -> int:
    """The cipher suite that the hellos chose, perhaps not yet in use; 0 before there is one."""
    cipher = lib.SSL_get_pending_cipher(ssl)
    return 0 if cipher == ffi.NULL else int(lib.SSL_CIPHER_get_protocol_id(cipher))


def texts(version: int, message: bytes) -> tuple[str, ...]:
    """The text of each certificate of a Certificate, of each name of a CertificateRequest (TLS <= 1.2).

    Lengths that do not fit are no concern of this function: what a bad one leaves over is text for nobody.
    """
    dtls = version >> 8 == 0xFE
    kind, body = message[:1], message[12 if dtls else 4 :]
    if kind == bytes([_CERTIFICATE]):
        certificates = _certificates(version, body)
        return tuple(_text(der, lib.d2i_X509, lib.X509_free, _certificate) for der in certificates)
    if kind == bytes([_CERTIFICATE_REQUEST]) and version != _TLS_1_3:
        names = _names(body, signatures=version in (_TLS_1_2, _DTLS_1_2))
        return tuple(_text(der, lib.d2i_X509_NAME, lib.X509_NAME_free, _name) for der in names)
    return ()


def _certificates(version: int, body: bytes) -> Iterator[bytes]:
    """RFC 5246 section 7.4.2; in TLS 1.3 with a context before and extensions behind each (RFC 8446 section 4.4.2)."""
    tls_1_3 = version == _TLS_1_3
    rest = _split(body, 1)[1] if tls_1_3 else body
    rest, _ = _split(rest, 3)
    while rest:
        der, rest = _split(rest, 3)
        yield der
        if tls_1_3:
            _, rest = _split(rest, 2)


def _names(body: bytes, *, signatures: bool) -> Iterator[bytes]:
    """RFC 5246 section 7.4.4."""
    _, rest = _split(body, 1)
    if signatures:
        _, rest = _split(rest, 2)
    rest, _ = _split(rest, 2)
    while rest:
        der, rest = _split(rest, 2)
        yield der


def _split(data: bytes, length_bytes: int) -> tuple[bytes, bytes]:
    """A vector, and what stands behind it."""
    end = length_bytes + int.from_bytes(data[:length_bytes], "big")
    return data[length_bytes:end], data[end:]


def _text(
    der: bytes,
    read: Callable[[Pointer, Pointer, int], Pointer],
    free: Callable[[Pointer], object],
    show: Callable[[Pointer], str],
) -> str:
    """What `show` makes of an object; empty if `der` is not one and nothing else."""
    data = ffi.from_buffer(der)
    end = ffi.new("const unsigned char **", data)
    parsed = read(ffi.NULL, end, len(der))
    if parsed == ffi.NULL:
        lib.ERR_clear_error()
        return ""
    try:
        return show(parsed) if end[0] == data + len(der) else ""
    finally:
        free(parsed)


def _certificate(certificate: Pointer) -> str:
    text = printed(lib.X509_print_ex, certificate, ONELINE, 0)
    return text + printed(lib.PEM_write_bio_X509, certificate)


def _name(name: Pointer) -> str:
    return name_text(name, ONELINE)
