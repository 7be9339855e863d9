from __future__ import annotations

import fcntl
import os
import threading

import pytest

from output.captured import Capture
from tlsdeck.errors import OutputError
from tlsdeck.output.stream import Stream


def test_stream_writes_text_and_data_in_the_order_of_the_calls() -> None:
    capture = Capture()
    capture.text("CONNECTED\n")
    capture.data(b"\x00\xff\r\n")
    capture.text("closed\n")
    assert capture.finish() == b"CONNECTED\n\x00\xff\r\nclosed\n"


def test_stream_has_written_when_the_call_returns() -> None:
    reader, writer = os.pipe()
    Stream(writer).text("no line end")
    assert os.read(reader, 100) == b"no line end"
    os.close(reader)
    os.close(writer)


def test_stream_encodes_utf8_and_gives_undecodable_bytes_back() -> None:
    capture = Capture()
    capture.text("ü\udcff\n")
    assert capture.finish() == b"\xc3\xbc\xff\n"


@pytest.mark.parametrize(
    "texts, written",
    [
        (["a\nb\n"], b"> a\n> b\n"),
        (["a", "b\n", "c\n"], b"> ab\n> c\n"),
        (["a\n", "", "b"], b"> a\n> b"),
        (["\n\n"], b"> \n> \n"),
        ([""], b""),
        (["a\x0b\x85b\r\n"], b"> a\x0b\xc2\x85b\r\n"),
    ],
)
def test_stream_puts_the_prefix_before_each_line_of_text(texts: list[str], written: bytes) -> None:
    capture = Capture("> ")
    for text in texts:
        capture.text(text)
    assert capture.finish() == written


def test_stream_leaves_data_without_prefix() -> None:
    capture = Capture("> ")
    capture.data(b"peer\ndata\n")
    assert capture.finish() == b"peer\ndata\n"


@pytest.mark.parametrize("blocking", [True, False])
def test_stream_writes_more_than_a_pipe_holds(*, blocking: bool) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, blocking)
    data = os.urandom(4 * fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ) + 1)
    got: list[bytes] = []
    with os.fdopen(reader, "rb") as source:
        reading = threading.Thread(target=lambda: got.append(source.read()))
        reading.start()
        Stream(writer).data(data)
        os.close(writer)
        reading.join()
    assert got == [data]


def test_stream_writes_nothing_for_no_data() -> None:
    Stream(-1).data(b"")
    Stream(-1, "> ").text("")


def test_stream_names_the_descriptor_that_takes_no_more() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(OutputError, match=rf"^Cannot write to descriptor {writer}: Broken pipe$"):
        Stream(writer).text("x")
    os.close(writer)


@pytest.mark.parametrize("descriptor, name", [(1, "standard output"), (2, "standard error")])
def test_stream_calls_the_standard_descriptors_by_name(
    descriptor: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OutputError, match=f"^Cannot write to {name}: No space left on device$"):
        Stream(descriptor).text("x")
