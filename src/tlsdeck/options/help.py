"""The text of -help, in the layout of OpenSSL 3.0."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tlsdeck.options.reader import Options
    from tlsdeck.options.rows import Row

# OpenSSL's MAX_OPT_HELP_WIDTH: an option this long has its explanation on the next line.
_WIDEST = 30


def help_text(table: type[Options], program: str, *, has: Callable[[str], bool]) -> str:
    """What `program` prints for -help, from the first line to the last line feed.

    `has` says whether the linked libraries have a symbol: an option that requires a missing one is not
    listed.
    """
    return "".join(f"{line}\n" for line in _lines(table, program, has))


def _lines(table: type[Options], program: str, has: Callable[[str], bool]) -> Iterator[str]:
    operand = table.operand
    yield f"Usage: {program} [options] [{operand.word}]" if operand else f"Usage: {program} [options]"
    width = min(max(len(f" {row.usage}") for row in table.rows if _listed(row, has)), _WIDEST)
    headline = ""
    for section in table.sections():
        listed = [row for row in section.own_rows if _listed(row, has)]
        if listed and section.title != headline:
            headline = section.title
            yield from ("", f"{headline} options:")
        for row in listed:
            yield from _entry(row.usage, row.help, width)
    if operand:
        yield from ("", "Parameters:")
        yield from _entry(operand.word, operand.help, width)


def _listed(row: Row, has: Callable[[str], bool]) -> bool:
    return not row.hidden and (not row.requires or has(row.requires))


def _entry(usage: str, explanation: str, width: int) -> Iterator[str]:
    left = f" {usage}"
    if len(left) >= _WIDEST:
        yield left
        left = ""
    yield f"{left:{width}}  {explanation}"
