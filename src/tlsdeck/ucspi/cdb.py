"""D. J. Bernstein's constant database: reading and writing of cdb files.

A file is a header, the records, and 256 hash tables. All numbers are unsigned, 32 bits, least significant byte first:

    header    256 times: position of a hash table, number of its slots
    records   each: length of key, length of data, key, data
    tables    each slot: hash of a key, position of its record; position 0 marks an empty slot

The hash of a key chooses its table by the lowest eight bits. The bits above them, modulo the number of slots, give
the slot where the search begins; it ends at an empty slot or after all of them. A table has twice as many slots as
records. A key may occur more than once; the first record of it is found first.

A file is never written in place: a new one is made beside it and renamed. Whoever opens the file for each look-up
always sees the newest, and a file that is open stays whole. Nevertheless nothing in a file is trusted here: every
position and length is held against the size of the file.

Source: the specification at https://cr.yp.to/cdb/cdb.txt.
"""

from __future__ import annotations

import os
import stat
import struct
from itertools import accumulate

from tlsdeck.errors import ConfigurationError, DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

_TABLES = 256
_PAIR = struct.Struct("<II")  # a pointer, a slot, the head of a record
_HEADER_SIZE = _TABLES * _PAIR.size
_32_BITS = 0xFFFFFFFF
_LARGEST = _32_BITS  # what the position of a record or table can be

_MOST_DATA = 1 << 24  # bytes; more in one record is no rule but damage, and must not fill the memory
_SLOTS_AT_ONCE = 512  # how much of a table is read together


def key_hash(key: bytes) -> int:
    """The hash function of cdb, 32 bits."""
    return running_hashes(key)[-1]


def running_hashes(key: bytes) -> list[int]:
    """The hashes of all beginnings of a key, from that of nothing to that of all."""
    return list(accumulate(key, _step, initial=5381))


def _step(value: int, byte: int) -> int:
    return ((value << 5) + value & _32_BITS) ^ byte


# --- reading ---------------------------------------------------------------------------------------------------


class Database:
    """A cdb file that is open. Threads may search one at the same time; `close` it, or use it in a `with`.

    `name` is what errors call it.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        """Takes over the descriptor of a regular file.

        Raises:
            DecodeError: too short to be a cdb file.
            ConfigurationError: not a regular file, or it cannot be read.
        """
        self._descriptor = descriptor
        self._name = name
        try:
            self._size = self._measure()
            self._header = self._read(0, _HEADER_SIZE)
        except BaseException:
            os.close(descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the descriptor back to the system."""
        os.close(self._descriptor)

    def get(self, key: bytes) -> bytes | None:
        """The data of the first record with this key; None without one.

        Raises:
            DecodeError: the file is damaged.
            ConfigurationError: it cannot be read.
        """
        return self._find(key, key_hash(key))

    def get_longest(self, key: bytes, shortest: int) -> tuple[bytes, bytes] | None:
        """The record with the longest key that is a beginning of this one: its key, of so many bytes at least, and data.

        Raises:
            DecodeError: the file is damaged.
            ConfigurationError: it cannot be read.
        """
        hashes = running_hashes(key)
        for length in range(len(key), shortest - 1, -1):
            data = self._find(key[:length], hashes[length])
            if data is not None:
                return key[:length], data
        return None

    def _find(self, key: bytes, wanted: int) -> bytes | None:
        for found, position in self._slots(wanted):
            if not position:
                return None
            if found == wanted and (data := self._data_of(position, key)) is not None:
                return data
        return None

    def records(self) -> Iterator[tuple[bytes, bytes]]:
        """Every record, key and data, in the order of the file.

        Raises:
            DecodeError, ConfigurationError: as `get`.
        """
        position = _HEADER_SIZE
        end = min(table for table, _ in _PAIR.iter_unpack(self._header))
        while position < end:
            key_length, data_length = _PAIR.unpack(self._read(position, _PAIR.size))
            key = self._read(position + _PAIR.size, key_length)
            position += _PAIR.size + key_length
            yield key, self._read(position, data_length)
            position += data_length

    def _slots(self, wanted: int) -> Iterator[tuple[int, int]]:
        """Hash and position in each slot of the table of a hash, from where the search begins, once around."""
        table, count = _PAIR.unpack_from(self._header, wanted % _TABLES * _PAIR.size)
        if not count:
            return
        start = (wanted >> 8) % count
        yield from self._run_of_slots(table, start, count)
        yield from self._run_of_slots(table, 0, start)

    def _run_of_slots(self, table: int, first: int, end: int) -> Iterator[tuple[int, int]]:
        for slot in range(first, end, _SLOTS_AT_ONCE):
            count = min(_SLOTS_AT_ONCE, end - slot)
            yield from _PAIR.iter_unpack(self._read(table + slot * _PAIR.size, count * _PAIR.size))

    def _data_of(self, position: int, key: bytes) -> bytes | None:
        """The data of the record at a position; None if it has another key."""
        key_length, data_length = _PAIR.unpack(self._read(position, _PAIR.size))
        if key_length != len(key) or self._read(position + _PAIR.size, key_length) != key:
            return None
        if data_length > _MOST_DATA:
            raise self._damage(f"a record of {data_length} bytes")
        return self._read(position + _PAIR.size + key_length, data_length)

    def _read(self, position: int, length: int) -> bytes:
        if position + length > self._size:
            raise self._damage("it ends too early")
        try:
            data = os.pread(self._descriptor, length, position)
        except OSError as error:
            raise _unreadable(self._name, error) from error
        if len(data) != length:
            raise self._damage("it became shorter meanwhile")
        return data

    def _measure(self) -> int:
        try:
            status = os.fstat(self._descriptor)
        except OSError as error:
            raise _unreadable(self._name, error) from error
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"unable to read: {self._name}: not a regular file")
        return status.st_size

    def _damage(self, what: str) -> DecodeError:
        return DecodeError(f"unable to read: {self._name}: not a cdb file, or damaged: {what}")


def open_database(path: str) -> Database:
    """Opens a cdb file.

    Raises:
        DecodeError: the file is too short.
        ConfigurationError: it cannot be opened; the error's `errno` tells why (ENOENT: there is none).
    """
    try:
        # A named pipe in its place must not make us wait for somebody who writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        raise ConfigurationError(f"unable to read: {path!r}: not a file name") from error
    return Database(descriptor, path)


def _unreadable(name: str, error: OSError) -> ConfigurationError:
    failure = ConfigurationError(f"unable to read: {name}: {error.strerror}")
    failure.errno = error.errno or 0
    return failure


# --- writing ---------------------------------------------------------------------------------------------------


def build(records: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The file that holds these keys and data, byte for byte what other programs make of them in this order.

    Raises:
        ConfigurationError: it would be larger than 4 GB, which positions cannot express.
    """
    image = bytearray(_HEADER_SIZE)
    tables: list[list[tuple[int, int]]] = [[] for _ in range(_TABLES)]
    for key, data in records:
        value = key_hash(key)
        tables[value % _TABLES].append((value, len(image)))
        image += _PAIR.pack(len(key), len(data)) + key + data
        _check_size(len(image))
    for number, entries in enumerate(tables):
        _PAIR.pack_into(image, number * _PAIR.size, len(image), 2 * len(entries))
        image += _table(entries)
        _check_size(len(image))
    return bytes(image)


def _table(entries: list[tuple[int, int]]) -> bytes:
    slots = [(0, 0)] * (2 * len(entries))
    for value, position in entries:
        slot = (value >> 8) % len(slots)
        while slots[slot][1]:
            slot = (slot + 1) % len(slots)
        slots[slot] = (value, position)
    return b"".join([_PAIR.pack(*slot) for slot in slots])


def _check_size(size: int) -> None:
    if size > _LARGEST:
        raise ConfigurationError("too many rules: a cdb file cannot be larger than 4 GB")
