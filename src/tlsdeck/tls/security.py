"""Watching the decisions of the security level (SSL_CTX_set_security_level(3)): -security_debug.

The library's own callback decides, always; ours only tells what it was asked and what it answered.
"""

from __future__ import annotations

from tlsdeck import events
from tlsdeck.native import ffi, lib, text
from tlsdeck.tls.callbacks import Observer, callback, observer_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tlsdeck.native import Pointer
    from tlsdeck.tls.settings import Settings


class Watcher:
    """Installed in a context that is being built. Until there is a connection, what happens goes to `observer`."""

    def __init__(self, context: Pointer, settings: Settings) -> None:
        self.observer = Observer(settings)
        self.decide = lib.SSL_CTX_get_security_callback(context)
        self._handle = ffi.new_handle(self)
        lib.SSL_CTX_set0_security_ex_data(context, self._handle)
        lib.SSL_CTX_set_security_callback(context, lib.tlsdeck_security)

    def tell(self, tell: Callable[[events.Event], object]) -> None:
        """Hands over what happened since the last call."""
        queue, self.observer.events = self.observer.events, []
        for event in queue:
            tell(event)


@callback(error=0)
def tlsdeck_security(
    connection: Pointer, context: Pointer, operation: int, bits: int, nid: int, other: Pointer, data: Pointer
) -> int:
    """SSL_CTX_set_security_callback(3)."""
    watcher: Watcher = ffi.from_handle(data)
    allowed: int = watcher.decide(connection, context, operation, bits, nid, other, data)
    observer = watcher.observer if connection == ffi.NULL else observer_of(connection)
    if not allowed or observer.settings.watch.permissions:
        name, look = _OPERATIONS.get(operation, (f"Operation {operation}", _nothing))
        item, code = look(nid, other)
        observer.events.append(events.SecurityChecked(name, item, code, bits, bool(allowed)))
    return allowed


# --- what was looked at: a text and a code point ---------------------------------------------------------------


def _version(nid: int, _other: Pointer) -> tuple[str, int]:
    return "", nid


def _cipher(_nid: int, other: Pointer) -> tuple[str, int]:
    return text(lib.SSL_CIPHER_get_name(ffi.cast("SSL_CIPHER *", other))), 0


def _curve(nid: int, _other: Pointer) -> tuple[str, int]:
    nist = lib.EC_curve_nid2nist(nid)
    return text(lib.OBJ_nid2sn(nid) if nist == ffi.NULL else nist), 0


def _key(_nid: int, other: Pointer) -> tuple[str, int]:
    key = lib.X509_get0_pubkey(ffi.cast("X509 *", other))
    return "Public key missing" if key == ffi.NULL else f"bits={lib.EVP_PKEY_get_bits(key)}", 0


def _digest(_nid: int, other: Pointer) -> tuple[str, int]:
    return text(lib.OBJ_nid2sn(lib.X509_get_signature_nid(ffi.cast("X509 *", other)))), 0


def _scheme(_nid: int, other: Pointer) -> tuple[str, int]:
    return "", int.from_bytes(bytes(ffi.buffer(ffi.cast("char *", other), 2)), "big")


def _nothing(_nid: int, _other: Pointer) -> tuple[str, int]:
    return "", 0


# What is decided, in the original's words, and how its object is told.
_OPERATIONS: dict[int, tuple[str, Callable[[int, Pointer], tuple[str, int]]]] = {
    lib.SSL_SECOP_CIPHER_SUPPORTED: ("Supported Ciphersuite", _cipher),
    lib.SSL_SECOP_CIPHER_SHARED: ("Shared Ciphersuite", _cipher),
    lib.SSL_SECOP_CIPHER_CHECK: ("Check Ciphersuite", _cipher),
    lib.SSL_SECOP_CURVE_SUPPORTED: ("Supported Curve", _curve),
    lib.SSL_SECOP_CURVE_SHARED: ("Shared Curve", _curve),
    lib.SSL_SECOP_CURVE_CHECK: ("Check Curve", _curve),
    lib.SSL_SECOP_TMP_DH: ("Temp DH key bits", _nothing),
    lib.SSL_SECOP_VERSION: ("Version", _version),
    lib.SSL_SECOP_TICKET: ("Session ticket", _nothing),
    lib.SSL_SECOP_COMPRESSION: ("SSL compression", _nothing),
    lib.SSL_SECOP_SIGALG_SUPPORTED: ("Supported Signature Algorithm", _scheme),
    lib.SSL_SECOP_SIGALG_SHARED: ("Shared Signature Algorithm", _scheme),
    lib.SSL_SECOP_SIGALG_CHECK: ("Check Signature Algorithm", _scheme),
    lib.SSL_SECOP_SIGALG_MASK: ("Signature Algorithm mask", _scheme),
    lib.SSL_SECOP_EE_KEY: ("Certificate chain EE key", _key),
    lib.SSL_SECOP_CA_KEY: ("Certificate chain CA key", _key),
    lib.SSL_SECOP_PEER_EE_KEY: ("Peer Chain EE key", _key),
    lib.SSL_SECOP_PEER_CA_KEY: ("Peer Chain CA key", _key),
    lib.SSL_SECOP_CA_MD: ("Certificate chain CA digest", _digest),
    lib.SSL_SECOP_PEER_CA_MD: ("Peer chain CA digest", _digest),
}
