"""What carries a connection's bytes, chosen when it is made: a descriptor, of a stream or of datagrams, or memory.

With a descriptor libssl reads and writes the socket itself, without a copy through Python. With memory the caller
moves the bytes: for tests, and for programs with an event loop of their own.
"""

from __future__ import annotations

from tlsdeck.native import ffi, lib, own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.native import Pointer
    from tlsdeck.tls.endpoint import Address


class Transport:
    """The BIO pair under a connection. `reading` and `writing` may be the same BIO.

    `read_before` and `written_before`: bytes that passed before the BIOs had the descriptor, in plain text.
    `listening`: no peer has proved its address yet (-listen).
    `taps`: what the BIOs' callbacks refer to, kept for as long as they may be called.
    """

    __slots__ = ("listening", "read_before", "reading", "taps", "writing", "written_before")
    datagrams = False  # what is sent at once arrives at once, or not at all
    shared = False  # its descriptor has other peers' bytes as well

    def __init__(self, reading: Pointer, writing: Pointer) -> None:
        self.reading = reading
        self.writing = writing
        self.read_before = self.written_before = 0
        self.listening = False
        self.taps: list[Pointer] = []

    def refill(self) -> bool:
        """Fetches what libssl cannot read by itself; False when there is nothing."""
        return False

    def settle(self) -> None:
        """The handshake is complete."""

    def patience(self) -> float | None:
        """Seconds until the transport wants attention even if nothing arrives; None for never."""
        return None

    def check(self) -> None:
        """Raises PeerError when the peer has kept others waiting for too long."""

    def link_mtu(self) -> int:
        """Bytes that fit an IP packet to the peer; 0 when the library finds that out by itself."""
        return 0


class Memory(Transport):
    """Bytes in memory: `feed` what came from the peer, `take` what is for the peer."""

    __slots__ = ()

    def feed(self, data: bytes) -> None:
        """Hands over bytes the peer sent."""
        lib.BIO_write(self.reading, data, len(data))

    def feed_end(self) -> None:
        """The peer will send no more."""
        lib.BIO_set_mem_eof_return(self.reading, 0)

    def take(self) -> bytes:
        """All bytes to be sent to the peer so far."""
        size = lib.BIO_ctrl_pending(self.writing)
        buffer = ffi.new("char[]", size + 1)
        taken = lib.BIO_read(self.writing, buffer, size) if size else 0
        return bytes(ffi.buffer(buffer, max(taken, 0)))


def descriptor(number: int, *, halting: bool = False) -> Transport:
    """A socket's descriptor. It stays the caller's to close.

    `halting`: reads and writes stop short or say "not yet" at random (BIO_f_nbio_test(3)), to test whoever uses it.
    What the filter holds back is still in the socket, or does not fit into it: waiting for the socket ends.
    """
    bio = lib.BIO_new_socket(number, lib.BIO_NOCLOSE)
    if halting:
        bio = lib.BIO_push(lib.BIO_new(lib.BIO_f_nbio_test()), bio)
    chain = own(bio, lib.BIO_free_all)
    return Transport(chain, chain)


class Datagram(Transport):
    """A socket whose unit is the datagram."""

    __slots__ = ()
    datagrams = True


def datagram(number: int, peer: Address, *, discover_mtu: bool = True) -> Datagram:
    """The descriptor of a UDP socket that is connected to `peer`. It stays the caller's to close."""
    bio = own(lib.BIO_new_dgram(number, lib.BIO_NOCLOSE), lib.BIO_free)
    lib.BIO_ctrl(bio, lib.BIO_CTRL_DGRAM_SET_CONNECTED, 0, peer.pointer)
    if discover_mtu:
        lib.BIO_ctrl(bio, lib.BIO_CTRL_DGRAM_MTU_DISCOVER, 0, ffi.NULL)
    return Datagram(bio, bio)


def sctp(number: int) -> Datagram:
    """The descriptor of an SCTP association. It stays the caller's to close."""
    bio = own(lib.BIO_new_dgram_sctp(number, lib.BIO_NOCLOSE), lib.BIO_free)
    return Datagram(bio, bio)


def memory() -> Memory:
    """Two buffers in memory."""
    reading = own(lib.BIO_new(lib.BIO_s_mem()), lib.BIO_free)
    writing = own(lib.BIO_new(lib.BIO_s_mem()), lib.BIO_free)
    # An empty buffer means "not yet", not the end of the stream.
    lib.BIO_set_mem_eof_return(reading, -1)
    return Memory(reading, writing)
