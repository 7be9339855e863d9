"""Bytes, read from the front, in the presentation language of TLS (RFC 8446 section 3)."""

from __future__ import annotations

from tlsdeck.errors import DecodeError


class Reader:
    """A block of bytes and how far it has been read. Reading beyond its end raises DecodeError."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes are still to be read."""
        return len(self._data) - self._at

    def pull(self, size: int) -> bytes:
        """The next `size` bytes."""
        if size > self.left:
            raise DecodeError(f"{size} bytes expected, {self.left} left")
        start, self._at = self._at, self._at + size
        return self._data[start : self._at]

    def pull_rest(self) -> bytes:
        """All that is left."""
        return self.pull(self.left)

    def pull_uint(self, size: int) -> int:
        """An unsigned integer of `size` bytes."""
        return int.from_bytes(self.pull(size), "big")

    def pull_u8(self) -> int:
        return self.pull_uint(1)

    def pull_u16(self) -> int:
        return self.pull_uint(2)

    def pull_u24(self) -> int:
        return self.pull_uint(3)

    def pull_u32(self) -> int:
        return self.pull_uint(4)

    def pull_vector(self, length_bytes: int) -> bytes:
        """A vector: its length, in so many bytes, then as many bytes."""
        return self.pull(self.pull_uint(length_bytes))

    def block(self, size: int) -> Reader:
        """The next `size` bytes, to be read on their own."""
        return Reader(self.pull(size))

    def vector(self, length_bytes: int) -> Reader:
        """A vector, to be read on its own."""
        return Reader(self.pull_vector(length_bytes))

    def last_vector(self, length_bytes: int) -> Reader:
        """A vector that ends where this block ends."""
        vector = self.vector(length_bytes)
        self.finish()
        return vector

    def finish(self) -> None:
        """Insist that nothing is left."""
        if self.left:
            raise DecodeError(f"{self.left} bytes too many")
