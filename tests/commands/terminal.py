"""A program run in this process: its standard input a pipe, its outputs captured."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

Main = Callable[[Sequence[str]], int]


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@contextmanager
def standard_input(content: bytes, *, open_end: bool) -> Iterator[None]:
    """Descriptor 0 is a pipe with this in it, which ends unless `open_end`."""
    saved = os.dup(0)
    reading, writing = os.pipe()
    os.write(writing, content)
    os.dup2(reading, 0)
    os.close(reading)
    if not open_end:
        os.close(writing)
    try:
        yield
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        if open_end:
            os.close(writing)


def play(
    main: Main,
    capfd: pytest.CaptureFixture[str],
    words: Sequence[str],
    typed: bytes = b"",
    *,
    open_end: bool = False,
) -> Outcome:
    with standard_input(typed, open_end=open_end):
        code = main([str(word) for word in words])
    return Outcome(code, *capfd.readouterr())
