"""tcprules: make a cdb file of the rules on standard input.

The file is made under a second name, in the same file system, and takes the place of the old one in one step. So
whoever looks something up meanwhile finds all the old rules or all the new ones; and when anything is wrong, the old
file stays as it was.
"""

from __future__ import annotations

import os

from tlsdeck.commands.djb import FailureError, failure, run, say
from tlsdeck.errors import DecodeError
from tlsdeck.ucspi import cdb
from tlsdeck.ucspi.rules import compile_rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_PROGRAM = "tcprules"
_SYNTAX = 101
_MODE = 0o644  # less the umask: the server that reads the rules may run as somebody else


def main(argv: Sequence[str]) -> int:
    """Runs the program with these words; its exit code."""
    return run(_PROGRAM, ("rules.cdb", "rules.tmp"), argv, _work)


def _work(words: Sequence[str]) -> None:
    database, temporary = words
    lines = _standard_input().split(b"\n")
    records = compile_rules(lines, lambda text: say(_PROGRAM, f"warning: {text}"))
    try:
        image = cdb.build(records)
    except DecodeError as error:
        raise FailureError(f"syntax: {error}", _SYNTAX) from error
    _write(temporary, image)
    try:
        os.rename(temporary, database)
    except OSError as error:
        raise failure("error", f"unable to move {temporary} to: {database}", error) from error


def _standard_input() -> bytes:
    try:
        with open(0, "rb", closefd=False) as rules:
            return rules.read()
    except OSError as error:
        raise failure("fatal", "unable to read input", error) from error


def _write(path: str, image: bytes) -> None:
    """Writes a file down to the disk."""
    try:
        file = open(path, "wb", opener=lambda name, flags: os.open(name, flags, _MODE))  # noqa: SIM115
    except OSError as error:
        raise failure("error", f"unable to create: {path}", error) from error
    try:
        with file:
            file.write(image)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise failure("fatal", f"unable to write to: {path}", error) from error
