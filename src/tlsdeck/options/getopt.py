"""Reading a command line as the programs of the ucspi family do.

An option is a dash and one character. Several may share a dash (`-vHR`); a value is what is left of the word (`-c10`)
or the next word (`-c 10`, `-Xx rules.cdb`). `--` ends the options, and so does the first word that is none; a lone
dash is none. Given twice, the last one counts. The rows are those of `options.rows`, with one character for a name.

Source: getopt(3) of djb's libraries, as sslserver(1) uses it.
"""

from __future__ import annotations

from tlsdeck.errors import UsageError
from tlsdeck.options import kinds, rows
from tlsdeck.options.reader import Given

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeVar

    from tlsdeck.options.reader import Options
    from tlsdeck.options.rows import Constructor, Row

    T = TypeVar("T", bound=Options)


def _count(text: str, option: str, program: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else 0
    if not 0 < number <= _LARGEST:
        raise UsageError(f'{program}: usage: -{option} takes a positive number, not "{text}"')
    return number


_LARGEST = 2**32 - 2  # the last id that a user or group can have
_MOST_DIGITS = len(str(_LARGEST))
_HELP_COLUMN = 13

COUNT = kinds.Kind("n", _count)
count: Constructor[int] = rows.constructor(COUNT)


def read(table: type[T], argv: Sequence[str], program: str) -> tuple[T, list[str]]:
    """The settings that the options stand for, and the words after them.

    Raises:
        UsageError: an unknown option, a missing or wrong value. The message is complete.
    """
    options = table()
    words = list(argv)
    while words and words[0].startswith("-") and words[0] != "-":
        cluster = words.pop(0)[1:]
        if cluster == "-":
            break
        _read_cluster(options, cluster, words, program)
    return options, words


def help_text(table: type[Options], usage: str) -> str:
    """What all options are about, by section."""
    lines = [f"Usage: {usage}"]
    for section in table.sections():
        lines += ["", f"{section.title} options:"]
        lines += [f" {row.usage:<{_HELP_COLUMN}} {row.help}" for row in section.own_rows]
    return "".join(f"{line}\n" for line in lines)


def _read_cluster(options: Options, cluster: str, words: list[str], program: str) -> None:
    """All options behind one dash. A value that is the next word is taken from `words`."""
    while cluster:
        row = options.by_name.get(cluster[0])
        if row is None:
            raise UsageError(f"{program}: illegal option -- {cluster[0]}")
        cluster = cluster[1:]
        if not row.takes_value:
            _take(options, row, None, True)
            continue
        if not cluster and not words:
            raise UsageError(f"{program}: option requires an argument -- {row.name}")
        text, cluster = cluster or words.pop(0), ""
        _take(options, row, text, row.kind.read(text, row.name, program))


def _take(options: Options, row: Row, text: str | None, value: Any) -> None:
    setattr(options, row.attribute, value)
    for attribute, implied in row.sets.items():
        setattr(options, attribute, implied)
    options.given.append(Given(row, text))
