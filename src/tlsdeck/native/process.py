"""Starting a program: spawn.c, for those who must do it often and as somebody else. And a process's memory."""

from __future__ import annotations

import os

from tlsdeck.native import ffi, lib
from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_DEFAULT_PATH = "/bin:/usr/bin"


class Program(Record):
    """A program to be started many times: its words, and whose rights it gets (0: those of the caller)."""

    words: tuple[str, ...]
    uid: int = 0
    gid: int = 0
    paths: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The first word."""
        return self.words[0]


def find(words: Sequence[str], uid: int, gid: int) -> Program:
    """A program to be looked for along PATH, each time anew; a name with a slash is used as it is."""
    name = words[0]
    places = os.environ.get("PATH", _DEFAULT_PATH).split(":")
    paths = (name,) if "/" in name else tuple(f"{place or '.'}/{name}" for place in places)
    return Program(tuple(words), uid, gid, paths)


def spawn(program: Program, environment: Iterable[bytes], descriptors: Mapping[int, int]) -> int:
    """Starts `program`; its process id.

    `environment` are items NAME=VALUE; `descriptors` maps each number the program finds open to one of ours.

    Raises:
        OSError: no such program, no permission, no process left...
    """
    variables = list(environment)
    result: int = lib.tlsdeck_spawn(
        *_block([os.fsencode(path) for path in program.paths]),
        *_block([os.fsencode(word) for word in program.words]),
        *_block(variables),
        list(descriptors.values()),
        list(descriptors),
        len(descriptors),
        program.uid,
        program.gid,
    )
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


def _block(strings: Sequence[bytes]) -> tuple[object, int]:
    return ffi.from_buffer(b"".join([string + b"\0" for string in strings])), len(strings)


def give_back_memory() -> None:
    """Returns memory to the system that was freed; worth it after very much of it was."""
    lib.tlsdeck_give_back()
