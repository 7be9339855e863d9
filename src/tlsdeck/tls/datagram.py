"""DTLS for a server: many peers on one UDP socket, one conversation at a time.

A datagram socket has no connections to accept. Whatever anybody sends arrives at the one socket that is bound, and a
conversation with one peer must neither read what others send nor answer to them. libssl's own BIO for datagrams does
both: it answers whoever wrote last. The usual way out, a second socket bound to the same address and connected to the
peer, has gaps: between bind(2) and connect(2) it takes other peers' datagrams, and the one that was the reason to
make it has already been read. So the sorting is done here, behind one socket:

- A `Port` reads the socket and knows who sent what. A hello of somebody whose turn it is not is kept for later, one
  copy of each however often it is repeated, and not too many. Everything else of strangers is dropped: it belongs to
  conversations that are over, or is garbage, and UDP promises nothing.
- A `Conversation` is a transport. Its peer is whoever says hello first, or has been waiting longest. libssl reads
  from memory, into which `refill` puts one datagram after the other as libssl asks for them, and writes through a BIO
  of its own whose address nobody else's datagram changes.

A peer has to prove that it receives what is sent to its address (RFC 6347 section 4.2.1): its first hello is answered
with a cookie, a MAC of that address, which the second must return. With `listening` no state at all is kept until
then, so hellos under false addresses cost nothing. Without it libssl remembers the first hello, which may then come in
several fragments. Nobody tells that a peer has gone: one that falls silent during the handshake loses its turn after a
while if somebody else waits.
"""

from __future__ import annotations

import hmac
import os
import time

from tlsdeck.errors import PeerError
from tlsdeck.native import ffi, lib, new_unset, own
from tlsdeck.tls import endpoint
from tlsdeck.tls.cookies import cookie as make_cookie
from tlsdeck.tls.transport import Datagram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.native import Pointer

_LARGEST = 16717  # bytes: a record of the greatest length, which is what libssl reads at most
_MOST_WAITING = 64
_MOST_AT_ONCE = 256  # datagrams looked at before somebody else may do something
_PATIENCE = 10.0  # seconds; a peer repeats what is not answered after 1, 2, 4 and 8


class Packet:
    """A datagram with its sender; `name` is the address as text."""

    __slots__ = ("data", "name", "sender")

    def __init__(self, sender: Pointer, data: bytes) -> None:
        self.sender = sender
        self.name = endpoint.address_text(sender)
        self.data = data

    # Where things stand in a record with a handshake message (RFC 6347 sections 4.1 and 4.2.2).

    @property
    def is_hello(self) -> bool:
        """Whether it begins with an unprotected (epoch 0) ClientHello or a fragment of one."""
        data = self.data
        return data[:2] == b"\x16\xfe" and data[3:5] == b"\0\0" and data[13:14] == b"\1"

    @property
    def is_first(self) -> bool:
        """Of a hello: whether it is the one without a cookie (message_seq 0)."""
        return self.data[17:19] == b"\0\0"

    @property
    def identity(self) -> tuple[str, bytes]:
        """What a repetition has in common with it: all but the record's number."""
        return self.name, self.data[13:]


class Port:
    """A bound UDP socket. The descriptor stays the caller's to close."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._bio = own(lib.BIO_new_dgram(number, lib.BIO_NOCLOSE), lib.BIO_free)
        self._buffer = new_unset("char[]", _LARGEST)
        self._waiting: dict[tuple[str, bytes], Packet] = {}

    @property
    def has_waiting(self) -> bool:
        """Whether somebody's hello has been kept."""
        return bool(self._waiting)

    def hello(self, *, first: bool) -> Packet | None:
        """The next hello of anybody, with `first` only one that begins a handshake; None when there is none."""
        for _ in range(_MOST_AT_ONCE):
            packet = self._waiting_from(None) or self._receive()
            if packet is None or (packet.is_hello and (packet.is_first or not first)):
                return packet
        return None

    def packet_from(self, name: str) -> Packet | None:
        """The next datagram of one peer; the hellos of others are kept. None when there is none."""
        for _ in range(_MOST_AT_ONCE):
            packet = self._waiting_from(name) or self._receive()
            if packet is None or packet.name == name:
                return packet
            if packet.is_hello and len(self._waiting) < _MOST_WAITING:
                self._waiting.setdefault(packet.identity, packet)
        return None

    def _waiting_from(self, name: str | None) -> Packet | None:
        """The longest kept hello, of one peer if it is named."""
        key = next((key for key in self._waiting if name in (None, key[0])), None)
        return None if key is None else self._waiting.pop(key)

    def _receive(self) -> Packet | None:
        """What the socket has next. An error on it is some earlier datagram's that nobody can be told of."""
        count = lib.BIO_read(self._bio, self._buffer, _LARGEST)
        if count <= 0:
            return None
        sender = endpoint.new_address()
        lib.BIO_dgram_get_peer(self._bio, sender)
        return Packet(sender, bytes(ffi.buffer(self._buffer, count)))


class Conversation(Datagram):
    """A server's transport to the one peer of a port whose turn it is."""

    __slots__ = ("_deadline", "_peer", "_port")
    shared = True

    def __init__(self, port: Port, *, listening: bool, discover_mtu: bool) -> None:
        reading = own(lib.BIO_new(lib.BIO_s_mem()), lib.BIO_free)
        lib.BIO_set_mem_eof_return(reading, -1)
        writing = own(lib.BIO_new_dgram(port.number, lib.BIO_NOCLOSE), lib.BIO_free)
        if discover_mtu:
            lib.BIO_ctrl(writing, lib.BIO_CTRL_DGRAM_MTU_DISCOVER, 0, ffi.NULL)
        super().__init__(reading, writing)
        self.listening = listening
        self._port = port
        self._peer: Packet | None = None  # the first, or while listening the last, that counts
        self._deadline: float | None = None  # for the peer's next datagram, on the monotonic clock

    def refill(self) -> bool:
        """Hands the next datagram to libssl, which has read the one before."""
        packet = self._next()
        if packet is None:
            return False
        lib.BIO_reset(self.reading)
        lib.BIO_write(self.reading, packet.data, len(packet.data))
        return True

    def _next(self) -> Packet | None:
        if self._peer is None or self.listening:
            return self._turn_to(self._port.hello(first=not self.listening))
        packet = self._port.packet_from(self._peer.name)
        if packet is not None and self._deadline is not None:
            self._deadline = time.monotonic() + _PATIENCE
        return packet

    def _turn_to(self, packet: Packet | None) -> Packet | None:
        if packet is None:
            return None
        lib.BIO_dgram_set_peer(self.writing, packet.sender)
        self._peer = packet
        self._deadline = time.monotonic() + _PATIENCE
        return packet

    def settle(self) -> None:
        """From now on the peer may be silent for as long as it likes."""
        self._deadline = None

    def patience(self) -> float | None:
        """How long before somebody who waits is to get the turn: at once, or when the peer had time to answer."""
        if not self._port.has_waiting:
            return None
        if self._peer is None or self.listening:
            return 0.0
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - time.monotonic())

    def check(self) -> None:
        """Raises PeerError when the peer had that time."""
        if self._deadline is not None and not self.listening and self.patience() == 0.0:
            message = "the client has fallen silent during the handshake, and another one waits"
            raise PeerError(message, (message,))

    def link_mtu(self) -> int:
        """What the system knows of the way to the peer: bytes that fit an IP packet, 0 for nothing."""
        assert self._peer is not None
        number = lib.BIO_socket(lib.BIO_ADDR_family(self._peer.sender), endpoint.DATAGRAM, 0, 0)
        if number < 0:
            return 0
        try:
            if not lib.BIO_connect(number, self._peer.sender, 0):
                return 0
            bio = own(lib.BIO_new_dgram(number, lib.BIO_NOCLOSE), lib.BIO_free)
            lib.BIO_ctrl(bio, lib.BIO_CTRL_DGRAM_SET_CONNECTED, 0, self._peer.sender)
            payload: int = lib.BIO_ctrl(bio, lib.BIO_CTRL_DGRAM_QUERY_MTU, 0, ffi.NULL)
            return payload + int(lib.BIO_dgram_get_mtu_overhead(bio)) if payload > 0 else 0
        finally:
            os.close(number)


# --- cookies ---------------------------------------------------------------------------------------------------


def ask_for_cookies(context: Pointer) -> None:
    """Has a server's context demand a cookie of each client."""
    lib.SSL_CTX_set_options(context, lib.SSL_OP_COOKIE_EXCHANGE)
    lib.SSL_CTX_set_cookie_generate_cb(context, lib.tlsdeck_make_datagram_cookie)
    lib.SSL_CTX_set_cookie_verify_cb(context, lib.tlsdeck_check_datagram_cookie)


def _cookie(ssl: Pointer) -> bytes:
    """The MAC of the address that the connection sends to."""
    address = endpoint.new_address()
    lib.BIO_dgram_get_peer(lib.SSL_get_wbio(ssl), address)
    return make_cookie(endpoint.address_text(address).encode())


@ffi.def_extern(error=0)  # type: ignore[untyped-decorator]
def tlsdeck_make_datagram_cookie(ssl: Pointer, cookie: Pointer, length: Pointer) -> int:
    """SSL_CTX_set_cookie_generate_cb(3)."""
    made = _cookie(ssl)
    ffi.memmove(cookie, made, len(made))
    length[0] = len(made)
    return 1


@ffi.def_extern(error=0)  # type: ignore[untyped-decorator]
def tlsdeck_check_datagram_cookie(ssl: Pointer, cookie: Pointer, length: int) -> int:
    """SSL_CTX_set_cookie_verify_cb(3)."""
    return int(hmac.compare_digest(_cookie(ssl), bytes(ffi.buffer(cookie, length))))
