from __future__ import annotations

import pytest

from tlsdeck.errors import DecodeError
from tlsdeck.wire.reader import Reader


def test_reader_pulls_from_the_front() -> None:
    reader = Reader(bytes.fromhex("01 0203 040506 0708090a 0b0c"))
    assert (reader.pull_u8(), reader.pull_u16(), reader.pull_u24(), reader.pull_u32()) == (
        0x01,
        0x0203,
        0x040506,
        0x0708090A,
    )
    assert reader.left == 2
    assert reader.pull_rest() == b"\x0b\x0c"
    assert reader.pull_rest() == b""


def test_vectors_are_read_on_their_own() -> None:
    reader = Reader(b"\x02ab\x00\x01cd")
    first, second = reader.vector(1), reader.vector(2)
    assert (first.pull_rest(), second.pull_rest(), reader.pull_rest()) == (b"ab", b"c", b"d")


def test_a_last_vector_ends_with_its_block() -> None:
    assert Reader(b"\x01a").last_vector(1).pull_rest() == b"a"
    with pytest.raises(DecodeError, match="1 bytes too many"):
        Reader(b"\x01ab").last_vector(1)


@pytest.mark.parametrize("length_bytes, data", [(1, b""), (1, b"\x02a"), (2, b"\x00"), (3, b"\x00\x00\x02a")])
def test_nothing_is_read_beyond_the_end(length_bytes: int, data: bytes) -> None:
    with pytest.raises(DecodeError, match="bytes expected"):
        Reader(data).pull_vector(length_bytes)
