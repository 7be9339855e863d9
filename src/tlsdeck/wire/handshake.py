"""Decoders of handshake messages, one row of `HANDSHAKE` each.

A decoder gets the message's body and the connection's `Context`: messages up to TLS 1.2 do not say themselves how
keys are exchanged, nor whether a signature names its algorithm.
"""

from __future__ import annotations

from tlsdeck import names as protocol
from tlsdeck.errors import DecodeError
from tlsdeck.record import Record
from tlsdeck.wire import names
from tlsdeck.wire.extensions import (
    CERTIFICATE_REQUEST,
    ENCRYPTED_EXTENSIONS,
    NEW_SESSION_TICKET,
    SERVER_HELLO,
    codes,
    extensions,
)
from tlsdeck.wire.suites import CIPHER_SUITES, key_exchange
from tlsdeck.wire.tree import Node, code, greased

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from tlsdeck.wire.reader import Reader
    from tlsdeck.wire.tree import Steps

_SSL_3, _TLS_1_2, _TLS_1_3, _DTLS_1_2 = 0x0300, 0x0303, 0x0304, 0xFEFD
_DTLS_BAD = 0x0100
_CLIENT_HELLO, _CERTIFICATE = 1, 11


class Context(Record):
    """What the hellos have settled: the version in use and the cipher suite, 0 before there is one."""

    version: int
    suite: int = 0

    @property
    def dtls(self) -> bool:
        return self.version >> 8 == 0xFE or self.version == _DTLS_BAD

    @property
    def key_exchange(self) -> str:
        return key_exchange(self.suite)

    @property
    def tls_1_3(self) -> bool:
        return self.version == _TLS_1_3

    @property
    def named_signatures(self) -> bool:
        """Whether signatures name their algorithm, since TLS 1.2 (RFC 5246 section 4.7)."""
        return self.version in (_TLS_1_2, _TLS_1_3, _DTLS_1_2)


if TYPE_CHECKING:
    Decode: TypeAlias = Callable[[Reader, Context], Steps]


def handshake(reader: Reader, context: Context) -> Steps:
    """A message with its header (RFC 8446 section 4, RFC 6347 section 4.2.2)."""
    kind, length = reader.pull_u8(), reader.pull_u24()
    node = Node("handshake", code(protocol.HANDSHAKE_TYPES, kind), length)
    yield node, _body(kind, length, reader, context)


def _body(kind: int, length: int, reader: Reader, context: Context) -> Steps:
    if context.dtls:
        fragment = reader.block(8)
        parts = (("message_seq", 2), ("fragment_offset", 3), ("fragment_length", 3))
        yield Node("fragment", children=tuple(Node(part, fragment.pull_uint(size)) for part, size in parts))
    if reader.left < length:
        raise DecodeError(f"{length} bytes expected, {reader.left} left")
    yield from HANDSHAKE.get(kind, unsupported)(reader, context)


def unsupported(reader: Reader, _context: Context) -> Steps:
    """A message nobody looks into here."""
    yield Node("unsupported"), _opaque(reader)


def _opaque(reader: Reader) -> Steps:
    if reader.left:
        yield Node("data", reader.pull_rest())


# --- hellos ----------------------------------------------------------------------------------------------------


def client_hello(reader: Reader, context: Context) -> Steps:
    """RFC 8446 section 4.1.2, RFC 6347 section 4.2.1."""
    yield Node("client_version", code(names.VERSIONS, reader.pull_u16()))
    yield _random(reader)
    yield Node("session_id", reader.pull_vector(1))
    if context.dtls:
        yield Node("cookie", reader.pull_vector(1))
    length = reader.pull_u16()
    yield Node("cipher_suites", length=length), _cipher_suites(reader, length)
    methods = reader.vector(1)
    yield Node("compression_methods", length=methods.left), _compression_methods(methods)
    yield from extensions(reader, _CLIENT_HELLO)


def _random(reader: Reader) -> Node:
    """Its first four bytes were a time once (RFC 5246 section 7.4.1.2)."""
    value = reader.block(32)
    parts = (Node("gmt_unix_time", value.pull_u32()), Node("random_bytes", value.pull_rest()))
    return Node("random", children=parts)


def _cipher_suites(reader: Reader, length: int) -> Steps:
    yield from codes("CipherSuite", CIPHER_SUITES, reader.block(length), 2)


def _compression_methods(methods: Reader) -> Steps:
    while methods.left:
        yield Node("CompressionMethod", code(names.COMPRESSION_METHODS, methods.pull_u8()))


def hello_verify_request(reader: Reader, _context: Context) -> Steps:
    """RFC 6347 section 4.2.1."""
    yield Node("server_version", code(names.VERSIONS, reader.pull_u16()))
    yield Node("cookie", reader.pull_vector(1))


def server_hello(reader: Reader, _context: Context) -> Steps:
    """RFC 8446 section 4.1.3. A version of TLS 1.3 here is one of its drafts, with fewer fields."""
    version = reader.pull_u16()
    yield Node("server_version", code(names.VERSIONS, version))
    yield _random(reader)
    if version != _TLS_1_3:
        yield Node("session_id", reader.pull_vector(1))
    yield Node("cipher_suite", greased(CIPHER_SUITES, reader.pull_u16()))
    if version != _TLS_1_3:
        yield Node("compression_method", code(names.COMPRESSION_METHODS, reader.pull_u8()))
    yield from extensions(reader, SERVER_HELLO)


def encrypted_extensions(reader: Reader, _context: Context) -> Steps:
    """RFC 8446 section 4.3.1."""
    yield from extensions(reader, ENCRYPTED_EXTENSIONS)


def server_hello_done(reader: Reader, _context: Context) -> Steps:
    """RFC 5246 section 7.4.5, and EndOfEarlyData (RFC 8446 section 4.5): nothing is in them."""
    if reader.left:
        yield Node("unexpected value", reader.pull_rest())


# --- certificates ----------------------------------------------------------------------------------------------


def certificate(reader: Reader, context: Context) -> Steps:
    """RFC 5246 section 7.4.2, RFC 8446 section 4.4.2."""
    if context.tls_1_3:
        yield Node("context", reader.pull_vector(1))
    certificates = reader.last_vector(3)
    yield Node("certificate_list", length=certificates.left), _certificate_list(certificates, context)


def _certificate_list(reader: Reader, context: Context) -> Steps:
    while reader.left:
        value = reader.pull_vector(3)
        yield Node("ASN.1Cert", value)
        if context.tls_1_3:
            yield from extensions(reader, _CERTIFICATE)


def certificate_request(reader: Reader, context: Context) -> Steps:
    """RFC 8446 section 4.3.2, RFC 5246 section 7.4.4."""
    if context.tls_1_3:
        yield Node("request_context", reader.pull_vector(1))
        yield from extensions(reader, CERTIFICATE_REQUEST)
        return
    types = reader.vector(1)
    yield Node("certificate_types", length=types.left), _certificate_types(types)
    if context.named_signatures:
        schemes = reader.vector(2)
        steps = codes("SignatureScheme", names.SIGNATURE_SCHEMES, schemes, 2)
        yield Node("signature_algorithms", length=schemes.left), steps
    authorities = reader.vector(2)
    yield Node("certificate_authorities", length=authorities.left), _authorities(authorities)
    reader.finish()


def _certificate_types(types: Reader) -> Steps:
    while types.left:
        yield Node("ClientCertificateType", code(names.CERTIFICATE_TYPES, types.pull_u8()))


def _authorities(reader: Reader) -> Steps:
    while reader.left:
        yield Node("DistinguishedName", reader.pull_vector(2))


def certificate_verify(reader: Reader, context: Context) -> Steps:
    """RFC 8446 section 4.4.3."""
    yield from _signature(reader, context)


def _signature(reader: Reader, context: Context) -> Steps:
    """RFC 5246 section 4.7."""
    if context.named_signatures:
        yield Node("algorithm", code(names.SIGNATURE_SCHEMES, reader.pull_u16()))
    yield Node("signature", reader.pull_vector(2))


# --- key exchange ----------------------------------------------------------------------------------------------


def client_key_exchange(reader: Reader, context: Context) -> Steps:
    """RFC 5246 section 7.4.7, RFC 8422 section 5.7, RFC 4279, RFC 5489."""
    yield Node("KeyExchangeAlgorithm", context.key_exchange), _client_keys(reader, context)
    reader.finish()


def _client_keys(reader: Reader, context: Context) -> Steps:
    if context.key_exchange.endswith("PSK"):
        yield Node("psk_identity", reader.pull_vector(2))
    yield from _CLIENT_KEYS.get(context.key_exchange, _nothing)(reader, context)


def _nothing(_reader: Reader, _context: Context) -> Steps:
    yield from ()


def _encrypted_secret(reader: Reader, context: Context) -> Steps:
    """RFC 5246 section 7.4.7.1; SSL 3.0 had no length (RFC 6101 section 5.6.7.1)."""
    secret = reader.pull_rest() if context.version == _SSL_3 else reader.pull_vector(2)
    yield Node("EncryptedPreMasterSecret", secret)


def _dh_public(reader: Reader, _context: Context) -> Steps:
    yield Node("dh_Yc", reader.pull_vector(2))


def _ecdh_public(reader: Reader, _context: Context) -> Steps:
    yield Node("ecdh_Yc", reader.pull_vector(1))


def _gost_blob(reader: Reader, _context: Context) -> Steps:
    yield Node("GostKeyTransportBlob", reader.pull_rest())


def _gost_secret(reader: Reader, _context: Context) -> Steps:
    """RFC 9189 section 4.2.4."""
    yield Node("GOST-wrapped PreMasterSecret", reader.pull_rest())


_CLIENT_KEYS: dict[str, Decode] = {
    "rsa": _encrypted_secret,
    "RSAPSK": _encrypted_secret,
    "DHE": _dh_public,
    "DHEPSK": _dh_public,
    "ECDHE": _ecdh_public,
    "ECDHEPSK": _ecdh_public,
    "GOST": _gost_blob,
    "GOST18": _gost_secret,
}


def server_key_exchange(reader: Reader, context: Context) -> Steps:
    """RFC 5246 section 7.4.3, RFC 8422 section 5.4, RFC 4279, RFC 5489."""
    yield Node("KeyExchangeAlgorithm", context.key_exchange), _server_keys(reader, context)
    if reader.left and not context.key_exchange.endswith("PSK"):
        yield from _signature(reader, context)
    reader.finish()


def _server_keys(reader: Reader, context: Context) -> Steps:
    if context.key_exchange.endswith("PSK"):
        yield Node("psk_identity_hint", reader.pull_vector(2))
    yield from _SERVER_KEYS.get(context.key_exchange, _nothing)(reader, context)


def _rsa_params(reader: Reader, _context: Context) -> Steps:
    """RFC 2246 section 7.4.3, for the export suites."""
    yield Node("rsa_modulus", reader.pull_vector(2))
    yield Node("rsa_exponent", reader.pull_vector(2))


def _dh_params(reader: Reader, _context: Context) -> Steps:
    """RFC 5246 section 7.4.3."""
    for label in ("dh_p", "dh_g", "dh_Ys"):
        yield Node(label, reader.pull_vector(2))


def _ecdh_params(reader: Reader, _context: Context) -> Steps:
    """RFC 8422 section 5.4, which leaves named curves only."""
    kind = reader.pull_u8()
    if kind == 3:
        yield Node("named_curve", greased(names.GROUPS, reader.pull_u16()))
        yield Node("point", reader.pull_vector(1))
    else:
        yield Node(_EXPLICIT_CURVES[kind]) if kind in _EXPLICIT_CURVES else Node("curve_type", kind)
        raise DecodeError("not a named curve")


_EXPLICIT_CURVES = {1: "explicit_prime", 2: "explicit_char2"}
_SERVER_KEYS: dict[str, Decode] = {
    "rsa": _rsa_params,
    "DHE": _dh_params,
    "DHEPSK": _dh_params,
    "ECDHE": _ecdh_params,
    "ECDHEPSK": _ecdh_params,
}


# --- the end, and after it -------------------------------------------------------------------------------------


def finished(reader: Reader, _context: Context) -> Steps:
    """RFC 8446 section 4.4.4."""
    yield Node("verify_data", reader.pull_rest())


def new_session_ticket(reader: Reader, context: Context) -> Steps:
    """RFC 5077 section 3.3, RFC 8446 section 4.6.1."""
    if not reader.left:
        yield Node("ticket", length=0)
        return
    yield Node("ticket_lifetime_hint", reader.pull_u32())
    if context.tls_1_3:
        yield Node("ticket_age_add", reader.pull_u32())
        yield Node("ticket_nonce", reader.pull_vector(1))
    yield Node("ticket", reader.pull_vector(2))
    if context.tls_1_3:
        yield from extensions(reader, NEW_SESSION_TICKET, "ticket_extensions")
    reader.finish()


def key_update(reader: Reader, _context: Context) -> Steps:
    """RFC 8446 section 4.6.3."""
    if reader.left != 1:
        yield Node("unexpected value", reader.pull_rest())
        raise DecodeError("one byte expected")
    yield Node("KeyUpdateRequest", code(names.KEY_UPDATE_REQUESTS, reader.pull_u8()))


HANDSHAKE: dict[int, Decode] = {
    1: client_hello,
    2: server_hello,
    3: hello_verify_request,
    4: new_session_ticket,
    5: server_hello_done,
    8: encrypted_extensions,
    11: certificate,
    12: server_key_exchange,
    13: certificate_request,
    14: server_hello_done,
    15: certificate_verify,
    16: client_key_exchange,
    20: finished,
    24: key_update,
}
