from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.descriptors import none_left
from tlsdeck.errors import ConfigurationError, DecodeError
from tlsdeck.ucspi import cdb

RECORDS = st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=40)), max_size=40)


def opened(path: Path, image: bytes) -> cdb.Database:
    path.write_bytes(image)
    return cdb.open_database(str(path))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cdb") / "a file"


def test_an_empty_file_is_a_header(path: Path) -> None:
    image = cdb.build([])
    assert image == struct.pack("<II", 2048, 0) * 256
    with opened(path, image) as database:
        assert database.get(b"") is None


def test_a_file_of_one_record_byte_by_byte() -> None:
    hashed = ((5381 * 33) ^ ord("k")) & 0xFFFFFFFF
    assert cdb.key_hash(b"k") == hashed
    image = cdb.build([(b"k", b"data")])
    assert image[2048:2061] == struct.pack("<II", 1, 4) + b"kdata"
    number = hashed % 256
    assert struct.unpack_from("<II", image, number * 8) == (2061, 2)
    slots = [(0, 0), (0, 0)]
    slots[(hashed >> 8) % 2] = (hashed, 2048)
    assert image[2061:] == b"".join(struct.pack("<II", *slot) for slot in slots)


@given(RECORDS)
def test_what_was_written_is_found_and_the_first_of_a_key_counts(
    path: Path, records: list[tuple[bytes, bytes]]
) -> None:
    first = dict(reversed(records))
    with opened(path, cdb.build(records)) as database:
        assert {key: database.get(key) for key in first} == first
        assert database.get(b"longer than any") is None


def test_records_that_crowd_the_end_of_a_table_are_found() -> None:
    """The search goes past other records, and on from the end to the start."""
    hashes = {key: cdb.key_hash(key) for key in (b"%d" % number for number in range(30_000))}
    in_one_table = [key for key, value in hashes.items() if value % 256 == 7]
    keys = [key for key in in_one_table if (hashes[key] >> 8) % 6 == 5][:3]
    assert len(keys) == 3
    descriptor = os.memfd_create("rules")
    os.write(descriptor, cdb.build([(key, key) for key in keys]))
    with cdb.Database(descriptor, "rules") as database:
        assert [database.get(key) for key in keys] == keys


@given(RECORDS, st.binary(max_size=8), st.integers(0, 3))
def test_of_the_beginnings_of_a_key_the_longest_is_found(
    path: Path, records: list[tuple[bytes, bytes]], key: bytes, shortest: int
) -> None:
    first = dict(reversed(records))
    beginnings = [key[:length] for length in range(len(key), shortest - 1, -1)]
    expected = next(((start, first[start]) for start in beginnings if start in first), None)
    with opened(path, cdb.build(records)) as database:
        assert database.get_longest(key, shortest) == expected


@given(RECORDS, st.data())
def test_a_damaged_file_gives_data_or_an_error_that_names_it(
    path: Path, records: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    image = bytearray(cdb.build(records))
    for _ in range(data.draw(st.integers(0, 20))):
        place = data.draw(st.integers(0, len(image) - 1))
        image[place] = data.draw(st.integers(0, 255))
    image = image[: data.draw(st.integers(0, len(image)))] if data.draw(st.booleans()) else image
    search(path, bytes(image), [key for key, _ in records])


@given(st.binary(max_size=200), st.binary(max_size=3000))
def test_any_bytes_give_data_or_an_error_that_names_the_file(path: Path, key: bytes, noise: bytes) -> None:
    search(path, noise, [key])
    search(path, (noise * 2048)[:2048] + noise, [key])


def search(path: Path, image: bytes, keys: list[bytes]) -> None:
    complaint = ""
    try:
        with opened(path, image) as database:
            for key in keys:
                assert isinstance(database.get(key), bytes | None)
    except DecodeError as error:
        complaint = str(error)
    assert not complaint or complaint.startswith(f"unable to read: {path}: not a cdb file, or damaged: ")


@pytest.mark.parametrize(
    "pointer, slot, record, damage",
    [
        ((2048, 0xFFFFFFFF), (0, 0), b"", "it ends too early"),
        ((0xFFFFFFFF, 2), (0, 0), b"", "it ends too early"),
        ((2048, 1), (cdb.key_hash(b"k"), 5000), b"", "it ends too early"),
        ((2048, 1), (cdb.key_hash(b"k"), 2056), struct.pack("<II", 1, 9) + b"k", "it ends too early"),
    ],
)
def test_positions_and_lengths_are_held_against_the_size(
    path: Path, pointer: tuple[int, int], slot: tuple[int, int], record: bytes, damage: str
) -> None:
    image = struct.pack("<II", *pointer) * 256 + struct.pack("<II", *slot) + record
    with opened(path, image) as database, pytest.raises(DecodeError, match=damage):
        database.get(b"k")


def test_a_record_of_absurd_size_does_not_fill_the_memory(path: Path) -> None:
    size = 1 << 30
    image = struct.pack("<II", 2048, 1) * 256 + struct.pack("<II", cdb.key_hash(b"k"), 2056)
    path.write_bytes(image + struct.pack("<II", 1, size) + b"k")
    os.truncate(path, 2 * size)
    with (
        cdb.open_database(str(path)) as database,
        pytest.raises(DecodeError, match="a record of 1073741824 bytes"),
    ):
        database.get(b"k")


def test_a_table_without_an_empty_slot_is_searched_once(path: Path) -> None:
    count = 3000
    slots = struct.pack("<II", cdb.key_hash(b"k"), 2048 + 8 * count) * count
    image = struct.pack("<II", 2048, count) * 256 + slots + struct.pack("<II", 1, 0) + b"x"
    with opened(path, image) as database:
        assert database.get(b"k") is None


def test_who_has_a_file_open_keeps_it_when_it_is_replaced(path: Path) -> None:
    with opened(path, cdb.build([(b"k", b"old")])) as database:
        new = path.with_suffix(".tmp")
        new.write_bytes(cdb.build([(b"k", b"new")]))
        new.rename(path)
        with cdb.open_database(str(path)) as replaced:
            assert (database.get(b"k"), replaced.get(b"k")) == (b"old", b"new")


def test_a_file_that_becomes_shorter_while_open_is_an_error(path: Path) -> None:
    with opened(path, cdb.build([(b"k", b"data")])) as database:
        os.truncate(path, 2050)
        with pytest.raises(DecodeError, match="it became shorter meanwhile"):
            database.get(b"k")


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"unable to read: .*/none: No such file") as missing:
        cdb.open_database(str(tmp_path / "none"))
    assert missing.value.errno == errno.ENOENT
    with pytest.raises(ConfigurationError, match="not a file name"):
        cdb.open_database("a\0b")


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (str(tmp_path), str(tmp_path / "pipe"), "/dev/zero"):
        with pytest.raises(ConfigurationError, match="not a regular file"):
            cdb.open_database(name)


def test_a_file_system_that_fails_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stale(_descriptor: int) -> os.stat_result:
        raise OSError(errno.ESTALE, "Stale file handle")

    path.write_bytes(cdb.build([]))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", stale)
        with pytest.raises(ConfigurationError) as error:
            cdb.open_database(str(path))
    assert str(error.value) == f"unable to read: {path}: Stale file handle"


def test_what_would_be_too_large_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdb, "_LARGEST", 2100)
    assert len(cdb.build([(b"", b"x" * 20)])) == 2092
    for size in (40, 60):  # too large with its table, and without
        with pytest.raises(ConfigurationError, match="cannot be larger than 4 GB"):
            cdb.build([(b"", b"x" * size)])


def test_what_does_not_open_leaves_no_descriptor(path: Path) -> None:
    with none_left():
        with pytest.raises(DecodeError):
            opened(path, b"short")
        with opened(path, cdb.build([])):
            pass


def test_a_descriptor_that_cannot_be_read_is_an_error(path: Path) -> None:
    path.write_bytes(cdb.build([]))
    with pytest.raises(ConfigurationError, match="unable to read: rules: Bad file descriptor"):
        cdb.Database(os.open(path, os.O_WRONLY), "rules")
