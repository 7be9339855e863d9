"""Cookies: a client proves that it receives what is sent to its address before anything is kept for it.

With TLS 1.3 the cookie travels in a HelloRetryRequest (RFC 8446 section 4.2.2), with DTLS in a HelloVerifyRequest
(RFC 6347 section 4.2.1). It is an HMAC over the address, under a secret that lives as long as the process.

SSL_stateless(3) keeps nothing between two calls, not even the beginning of a record. So it must be given a whole
ClientHello at once, and what it says must go out whole. That is the `Gate`'s work: both directions pass through its
memory until the cookie has come back. The original lets SSL_stateless read the socket, where the ChangeCipherSpec
that middleboxes are deceived with makes it fail, and so do almost all clients.
"""

from __future__ import annotations

import hmac
import os

from tlsdeck.errors import NetworkError
from tlsdeck.names import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE
from tlsdeck.native import error_stack, ffi, lib, new_unset
from tlsdeck.tls.callbacks import callback, observer_of
from tlsdeck.tls.transport import memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.native import Pointer
    from tlsdeck.tls.transport import Transport

_SECRET = os.urandom(32)

_COOKIE_SIZE = 20  # bytes
_ADDRESS_SIZE = 128  # bytes of a sockaddr_storage
_HEADER_SIZE = 5  # bytes of a record
_LARGEST_RECORD = 16384 + 256  # bytes (RFC 8446 section 5.2)
_LARGEST_FLIGHT = 2**18  # bytes; libssl refuses a ClientHello of half of that


def cookie(peer: bytes) -> bytes:
    """The cookie for a client at this address, as long as the original's."""
    return hmac.digest(_SECRET, peer, "sha256")[:_COOKIE_SIZE]


def peer_address(transport: Transport) -> bytes:
    """The address at the other end of a socket, as the system keeps it; empty if it has none."""
    buffer = ffi.new("char[]", _ADDRESS_SIZE)
    size = lib.tlsdeck_peer(lib.BIO_get_fd(transport.reading, ffi.NULL), buffer, _ADDRESS_SIZE)
    return bytes(ffi.buffer(buffer, min(size, _ADDRESS_SIZE)))


class Gate:
    """What a server's connection uses in place of its `transport` until the client has returned a cookie."""

    def __init__(self, transport: Transport) -> None:
        self.inner = memory()
        self.passed = False
        self.asked = False  # for a cookie
        self._outer = transport
        self._record = b""  # as much of one as has come
        self._message = b""  # the handshake messages of the flight
        self._size = 0  # bytes of the flight
        self._unsent = b""

    def carry(self) -> str | None:
        """Moves what can be moved: "read" or "write" is what to wait for, None when libssl is to go on."""
        if not self.send():
            return "write"
        return None if self.passed or self._receive() else "read"

    def send(self) -> bool:
        """Sends what libssl has written; False for not yet."""
        self._unsent += self.inner.take()
        while self._unsent:
            count = lib.BIO_write(self._outer.writing, self._unsent, len(self._unsent))
            if count <= 0:
                _only_retry(self._outer.writing)
                return False
            self._unsent = self._unsent[count:]
        return True

    def _receive(self) -> bool:
        """Gathers a ClientHello; False for not yet. Whatever is none is libssl's to refuse."""
        while (record := self._next_record()) is not None:
            if not record:
                self.inner.feed_end()
                return True
            self._size += len(record)
            if self.asked and record[0] in _DROPPED and self._size <= _LARGEST_FLIGHT:
                continue
            self.inner.feed(record)
            if self._complete(record):
                self._message, self._size = b"", 0
                return True
        return False

    def _next_record(self) -> bytes | None:
        """A whole record, or what will never be one; b"" at the end of the stream, None for not yet."""
        while missing := _missing(self._record):
            buffer = new_unset("char[]", missing)
            count = lib.BIO_read(self._outer.reading, buffer, missing)
            if count == 0:
                return b""
            if count < 0:
                _only_retry(self._outer.reading)
                return None
            self._record += bytes(ffi.buffer(buffer, count))
        record, self._record = self._record, b""
        return record

    def _complete(self, record: bytes) -> bool:
        """Whether there is nothing to wait for before libssl looks at the flight, with this record as its last."""
        if record[0] != HANDSHAKE or self._size > _LARGEST_FLIGHT:
            return True
        self._message += record[_HEADER_SIZE:]
        length = 4 + int.from_bytes(self._message[1:4], "big")
        return len(self._message) >= max(length, 4)


# What a client may send between its two ClientHellos: a ChangeCipherSpec for middleboxes, and the early data that
# goes with the first one. A server passes over both (RFC 8446 sections 5 and 4.2.10).
_DROPPED = (CHANGE_CIPHER_SPEC, APPLICATION_DATA)


def _missing(record: bytes) -> int:
    """How many bytes are to be read next to have the whole record; 0 too if this cannot be the start of one."""
    if len(record) < _HEADER_SIZE:
        return _HEADER_SIZE - len(record)
    length = int.from_bytes(record[3:5], "big")
    if record[0] not in _CONTENT_TYPES or record[1] != _MAJOR_VERSION or length > _LARGEST_RECORD:
        return 0
    return _HEADER_SIZE + length - len(record)


_CONTENT_TYPES = (CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA)
_MAJOR_VERSION = 3


def _only_retry(bio: Pointer) -> None:
    """Raises NetworkError unless a BIO's operation failed only because it would have had to wait."""
    if not lib.BIO_should_retry(bio):
        errno = ffi.errno
        raise NetworkError(os.strerror(errno), error_stack(), errno)


# --- what libssl asks ------------------------------------------------------------------------------------------


def install(context: Pointer) -> None:
    """Has the connections of a context ask for the cookie of their observer."""
    lib.SSL_CTX_set_stateless_cookie_generate_cb(context, lib.tlsdeck_make_cookie)
    lib.SSL_CTX_set_stateless_cookie_verify_cb(context, lib.tlsdeck_check_cookie)


@callback(error=0)
def tlsdeck_make_cookie(ssl: Pointer, cookie: Pointer, length: Pointer) -> int:
    """SSL_CTX_set_stateless_cookie_generate_cb(3)."""
    observer = observer_of(ssl)
    ffi.memmove(cookie, observer.cookie, len(observer.cookie))
    length[0] = len(observer.cookie)
    return 1


@callback(error=0)
def tlsdeck_check_cookie(ssl: Pointer, cookie: Pointer, length: int) -> int:
    """SSL_CTX_set_stateless_cookie_verify_cb(3)."""
    observer = observer_of(ssl)
    return int(hmac.compare_digest(bytes(ffi.buffer(cookie, length)), observer.cookie))
