"""Pre-shared keys: the PSK cipher suites up to TLS 1.2 (RFC 4279), and TLS 1.3 (RFC 8446 section 4.2.11).

libssl asks differently for the two. Up to TLS 1.2 a callback is told the peer's hint or identity and hands out the
key. In TLS 1.3 a key is part of a session, together with the hash it is used with: ours is SHA-256, as RFC 8446 wants
for a key that comes without one.

Where the callback for TLS 1.3 has no answer, libssl asks the other one too, which must not have one either: it would
offer the key once more to a server that has just asked, by HelloRetryRequest, for a suite with another hash.
"""

from __future__ import annotations

from tlsdeck.errors import ConfigurationError
from tlsdeck.events import PskIdentityReceived, PskIdentityUnsendable, PskKeySet, PskRequested, PskSent
from tlsdeck.native import check, ffi, lib, text
from tlsdeck.record import Record
from tlsdeck.tls.callbacks import callback, observer_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.events import Event
    from tlsdeck.native import Pointer
    from tlsdeck.tls.callbacks import Observer
    from tlsdeck.tls.session import Session


class PreSharedKey(Record):
    """A key and who has it. `session` takes the place of `key` in TLS 1.3, where both are given."""

    identity: bytes
    key: bytes | None = None
    session: Session | None = None


def parse_key(digits: str) -> bytes:
    """The key in hexadecimal digits.

    Raises:
        ConfigurationError: none, an odd number of them, or more than libssl takes.
    """
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        key = b""
    if not key:
        raise ConfigurationError(f"Could not convert PSK key '{digits}' to buffer")
    if len(key) > lib.PSK_MAX_PSK_LEN:
        raise ConfigurationError(f"PSK key of {len(key)} bytes is too long, at most {lib.PSK_MAX_PSK_LEN}")
    return key


def install(context: Pointer, psk: PreSharedKey, *, server: bool) -> Event | None:
    """Has the key used by connections of an SSL_CTX."""
    if server:
        lib.SSL_CTX_set_psk_find_session_callback(context, lib.tlsdeck_psk_find_session)
    else:
        lib.SSL_CTX_set_psk_use_session_callback(context, lib.tlsdeck_psk_use_session)
    if psk.key is None:
        return None
    if server:
        lib.SSL_CTX_set_psk_server_callback(context, lib.tlsdeck_psk_server)
    else:
        lib.SSL_CTX_set_psk_client_callback(context, lib.tlsdeck_psk_client)
    return PskKeySet(server)


# --- TLS 1.3 ---------------------------------------------------------------------------------------------------


@callback(error=0)
def tlsdeck_psk_use_session(
    ssl: Pointer, digest: Pointer, identity: Pointer, length: Pointer, session: Pointer
) -> int:
    """SSL_CTX_set_psk_use_session_callback(3). `digest`: the hash that the server has chosen, if it has already."""
    observer = observer_of(ssl)
    psk = _of(observer)
    chosen = _new_reference(ssl, psk)
    if digest != ffi.NULL and _hash(chosen) != lib.EVP_MD_get_type(digest):
        lib.SSL_SESSION_free(chosen)
        identity[0], length[0], session[0] = ffi.NULL, 0, ffi.NULL
        return 1
    # The settings keep the bytes at their place.
    identity[0] = ffi.from_buffer("unsigned char[]", psk.identity)
    length[0], session[0] = len(psk.identity), chosen
    return 1


@callback(error=0)
def tlsdeck_psk_find_session(ssl: Pointer, identity: Pointer, length: int, session: Pointer) -> int:
    """SSL_CTX_set_psk_find_session_callback(3). A stranger gets no session, and so a full handshake."""
    observer = observer_of(ssl)
    psk = _of(observer)
    known = bytes(ffi.buffer(identity, length)) == psk.identity
    session[0] = _new_reference(ssl, psk) if known else ffi.NULL
    return 1


_AES_128_GCM_SHA256 = b"\x13\x01"


def _new_reference(ssl: Pointer, psk: PreSharedKey) -> Pointer:
    """A reference, libssl's to free, to the session of a key."""
    if psk.session is not None:
        lib.SSL_SESSION_up_ref(psk.session.pointer)
        return psk.session.pointer
    cipher = lib.SSL_CIPHER_find(ssl, _AES_128_GCM_SHA256)
    check(cipher, "Error finding suitable ciphersuite")
    session = lib.SSL_SESSION_new()
    check(session)
    key = psk.key or b""
    made = (
        lib.SSL_SESSION_set1_master_key(session, key, len(key))
        and lib.SSL_SESSION_set_cipher(session, cipher)
        and lib.SSL_SESSION_set_protocol_version(session, lib.TLS1_3_VERSION)
    )
    if not made:
        lib.SSL_SESSION_free(session)
    check(made)
    return session


def _hash(session: Pointer) -> int:
    """The NID of a session's hash."""
    digest = lib.SSL_CIPHER_get_handshake_digest(lib.SSL_SESSION_get0_cipher(session))
    return int(lib.EVP_MD_get_type(digest))


# --- TLS 1.2 and below -----------------------------------------------------------------------------------------


@callback(error=0)
def tlsdeck_psk_client(
    ssl: Pointer, hint: Pointer, identity: Pointer, identity_size: int, key: Pointer, key_size: int
) -> int:
    """SSL_CTX_set_psk_client_callback(3): the length of the key, 0 for no answer."""
    observer = observer_of(ssl)
    psk = _of(observer)
    if lib.SSL_version(ssl) == lib.TLS1_3_VERSION:
        return 0
    observer.events.append(PskRequested(None if hint == ffi.NULL else text(hint)))
    length = len(psk.identity)
    if length >= identity_size:
        observer.events.append(PskIdentityUnsendable(length, identity_size - 1))
        return 0
    ffi.memmove(identity, psk.identity + b"\0", length + 1)
    observer.events.append(PskSent(_shown(psk.identity), len(psk.key or b"")))
    return _hand_out(psk, key, key_size)


@callback(error=0)
def tlsdeck_psk_server(ssl: Pointer, identity: Pointer, key: Pointer, key_size: int) -> int:
    """SSL_CTX_set_psk_server_callback(3): the length of the key, 0 for no such client."""
    observer = observer_of(ssl)
    psk = _of(observer)
    accepted = lib.SSL_version(ssl) != lib.TLS1_3_VERSION
    length = len(psk.key or b"")
    observer.events.append(PskIdentityReceived(text(identity), _shown(psk.identity), accepted, length))
    return _hand_out(psk, key, key_size) if accepted else 0


def _hand_out(psk: PreSharedKey, buffer: Pointer, size: int) -> int:
    key = psk.key or b""
    if len(key) > size:
        return 0
    ffi.memmove(buffer, key, len(key))
    return len(key)


def _of(observer: Observer) -> PreSharedKey:
    psk = observer.settings.psk
    assert psk is not None, "libssl asks only where install() has been"
    return psk


def _shown(identity: bytes) -> str:
    return identity.decode("utf-8", "surrogateescape")
