"""What a client offered, and what this server could have chosen of it.

libssl's own list of shared ciphers is only what both ends have in their lists. Whether a suite can be chosen depends
on more: the version agreed on, the security level, the keys of our certificates, and what the key exchange needs.
"""

from __future__ import annotations

from functools import cache

from tlsdeck.events import Offer, ServerKey, SuiteOffer
from tlsdeck.native import ffi, lib, text
from tlsdeck.tls.summary import group_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tlsdeck.native import Pointer
    from tlsdeck.tls.settings import Settings

_TLS_1_3 = 0x0304


def offer(ssl: Pointer, settings: Settings) -> Offer | None:
    """The offer in an SSL's first ClientHello; None as long as there is none, or if it was not kept."""
    version, length = ffi.new("int *"), ffi.new("size_t *")
    hello = lib.tlsdeck_hello(ssl, version, length)
    if hello == ffi.NULL:
        return None
    judge = _Judge(ssl, settings)
    # Suites are looked at once a version is agreed on. Before that, the version is what an alert would name.
    suites = tuple(judge.suite(code) for code in _offered(ssl))
    return Offer(
        message_version=version[0],
        hello=bytes(ffi.buffer(hello, length[0])),
        version=lib.SSL_version(ssl) if suites else None,
        group=_group(ssl) if lib.SSL_get_current_cipher(ssl) != ffi.NULL else None,
        suites=suites,
        server_versions=_versions(ssl, settings.dtls),
        server_suites=tuple(judge.enabled),
        server_keys=judge.keys,
        security_level=lib.SSL_get_security_level(ssl),
        known_extensions=_known_extensions(),
    )


def _group(ssl: Pointer) -> str | None:
    group = lib.SSL_get_negotiated_group(ssl)
    return group_name(ssl, group) if group else None


# --- suites ----------------------------------------------------------------------------------------------------


class _Judge:
    """Says of a suite whether it could be chosen."""

    def __init__(self, ssl: Pointer, settings: Settings) -> None:
        self._ssl = ssl
        self._settings = settings
        self._version = lib.SSL_version(ssl)
        self.enabled = tuple(_codes(lib.SSL_get_ciphers(ssl)))
        self.keys = tuple(_keys(ssl))
        self._strong = _supported(ssl)
        self._group_shared = lib.SSL_get_shared_group(ssl, -1) > 0
        current = lib.SSL_get_current_cipher(ssl)
        self._chosen = 0 if current == ffi.NULL else _code(current)

    def suite(self, code: bytes) -> SuiteOffer:
        """The verdict on a suite by its code point."""
        number = int.from_bytes(code, "big")
        cipher = lib.SSL_CIPHER_find(self._ssl, code)
        if cipher == ffi.NULL:
            return SuiteOffer(number, None, "unknown")
        return SuiteOffer(number, text(lib.SSL_CIPHER_get_name(cipher)), self._verdict(number, cipher))

    def _verdict(self, number: int, cipher: Pointer) -> str:
        if number == self._chosen:
            return "chosen"
        if number not in self.enabled:
            return "disabled"
        if not self._in_version(cipher):
            return "version"
        auth, exchange = lib.SSL_CIPHER_get_auth_nid(cipher), lib.SSL_CIPHER_get_kx_nid(cipher)
        # A server's pre-shared key is unknown to the list of what is supported, which is made for clients.
        if number not in self._strong and exchange not in _WITH_PSK:
            return "level"
        return self._missing(auth, exchange) or "possible"

    def _in_version(self, cipher: Pointer) -> bool:
        needed = text(lib.SSL_CIPHER_get_version(cipher))
        if needed == "TLSv1.3" or self._version == _TLS_1_3:
            return needed == "TLSv1.3" and self._version == _TLS_1_3
        return _RANKS[self._version] >= (3 if needed == "TLSv1.2" else 0)

    def _missing(self, auth: int, exchange: int) -> str | None:
        """What a suite needs that is not there."""
        if auth in _KEYS and not any(key.kind in _KEYS[auth] for key in self.keys):
            return "key"
        if exchange in _WITH_PSK and self._settings.psk is None:
            return "psk"
        if exchange == lib.NID_kx_srp and self._settings.srp_verifiers is None:
            return "srp"
        if exchange in _WITH_GROUP and not self._group_shared:
            return "group"
        return "dh" if exchange in _WITH_DH and not self._settings.dh else None


# Versions by code point, in order of age: DTLS 1.0 is TLS 1.1 on datagrams.
_RANKS = {0x0300: 0, 0x0301: 1, 0x0302: 2, 0x0303: 3, 0x0304: 4, 0xFEFF: 2, 0xFEFD: 3}
_RSA, _ECDSA, _DSA = {"RSA", "RSA-PSS"}, {"EC", "ED25519", "ED448"}, {"DSA"}
_KEYS: dict[int, set[str]] = {lib.NID_auth_rsa: _RSA, lib.NID_auth_ecdsa: _ECDSA, lib.NID_auth_dss: _DSA}
_WITH_PSK = (lib.NID_kx_psk, lib.NID_kx_ecdhe_psk, lib.NID_kx_dhe_psk, lib.NID_kx_rsa_psk)
_WITH_GROUP = (lib.NID_kx_ecdhe, lib.NID_kx_ecdhe_psk)
_WITH_DH = (lib.NID_kx_dhe, lib.NID_kx_dhe_psk)


def _offered(ssl: Pointer) -> Iterator[bytes]:
    start = ffi.new("unsigned char **")
    length = lib.SSL_get0_raw_cipherlist(ssl, start)
    raw = bytes(ffi.buffer(start[0], length)) if length > 0 else b""
    return (raw[at : at + 2] for at in range(0, len(raw), 2))


def _code(cipher: Pointer) -> int:
    return int(lib.SSL_CIPHER_get_protocol_id(cipher))


def _codes(stack: Pointer) -> Iterator[int]:
    count = 0 if stack == ffi.NULL else lib.sk_SSL_CIPHER_num(stack)
    return (_code(lib.sk_SSL_CIPHER_value(stack, i)) for i in range(count))


def _supported(ssl: Pointer) -> frozenset[int]:
    stack = lib.SSL_get1_supported_ciphers(ssl)
    found = frozenset(_codes(stack))
    lib.sk_SSL_CIPHER_free(stack)
    return found


# --- the server ------------------------------------------------------------------------------------------------

_KEY_NAMES: dict[int, str] = {
    lib.EVP_PKEY_RSA: "RSA",
    lib.EVP_PKEY_RSA_PSS: "RSA-PSS",
    lib.EVP_PKEY_DSA: "DSA",
    lib.EVP_PKEY_EC: "EC",
    lib.NID_ED25519: "ED25519",
    lib.NID_ED448: "ED448",
}


def _keys(ssl: Pointer) -> Iterator[ServerKey]:
    """Our keys that have a certificate."""
    which = lib.SSL_CERT_SET_FIRST
    while lib.SSL_set_current_cert(ssl, which):
        key = lib.SSL_get_privatekey(ssl)
        kind = lib.EVP_PKEY_get_id(key)
        group = _curve_name(key) if kind == lib.EVP_PKEY_EC else None
        yield ServerKey(
            _KEY_NAMES.get(kind) or text(lib.tlsdeck_key_kind(key)), group, lib.EVP_PKEY_get_bits(key)
        )
        which = lib.SSL_CERT_SET_NEXT


def _curve_name(key: Pointer) -> str:
    """The name of an EC key's curve."""
    name, length = ffi.new("char[80]"), ffi.new("size_t *")
    return text(name) if lib.EVP_PKEY_get_group_name(key, name, len(name), length) else "?"


# Code point, the option that switches it off, the highest security level that has it.
_ANY_LEVEL = 9
_STREAM: tuple[tuple[int, int, int], ...] = (
    (0x0304, lib.SSL_OP_NO_TLSv1_3, _ANY_LEVEL),
    (0x0303, lib.SSL_OP_NO_TLSv1_2, _ANY_LEVEL),
    (0x0302, lib.SSL_OP_NO_TLSv1_1, 0),
    (0x0301, lib.SSL_OP_NO_TLSv1, 0),
)
_DATAGRAM: tuple[tuple[int, int, int], ...] = (
    (0xFEFD, lib.SSL_OP_NO_DTLSv1_2, _ANY_LEVEL),
    (0xFEFF, lib.SSL_OP_NO_DTLSv1, 0),
)


def _versions(ssl: Pointer, dtls: bool) -> tuple[int, ...]:
    """Those this server agrees to, the newest first."""
    level, options = lib.SSL_get_security_level(ssl), lib.SSL_get_options(ssl)
    lowest, highest = (
        _RANKS.get(limit(ssl), default)
        for limit, default in ((lib.SSL_get_min_proto_version, 0), (lib.SSL_get_max_proto_version, 4))
    )
    return tuple(
        version
        for version, off, last_level in (_DATAGRAM if dtls else _STREAM)
        if not options & off and level <= last_level and lowest <= _RANKS[version] <= highest
    )


@cache
def _known_extensions() -> tuple[int, ...]:
    """The extensions that libssl handles."""
    known: Callable[[int], int] = lib.SSL_extension_supported
    return tuple(number for number in range(0x10000) if known(number))
