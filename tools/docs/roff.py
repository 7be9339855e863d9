"""The small Markdown of docs/options in man(7) macros.

Paragraphs, lists, fenced code, tables of two columns; in the text `code`, *emphasis* and [links](to/nowhere).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.docs.prose import joined

_WIDTH = 78


def blocks(markdown: list[str], *, indented: bool = False) -> Iterator[str]:
    """The lines for some blocks; `indented`: below the tag of a `.TP`, whose first block needs no macro."""
    for number, block in enumerate(markdown):
        if block.startswith("```"):
            yield from _code(block, indented=indented)
        elif block.startswith("- "):
            yield from _list(block, indented=indented)
        elif block.startswith("|"):
            yield from _table(block, indented=indented)
        else:
            if number or not indented:
                yield ".IP" if indented else ".PP"
            yield from text(block)


def text(markdown: str) -> Iterator[str]:
    """The lines of a paragraph: each sentence on a new one, as roff likes it."""
    for sentence in re.split(r"(?<=[a-z`)\d*][.:!?]) +(?=[A-Z`*(-])", joined(markdown)):
        yield from _filled(inline(sentence))


def inline(markdown: str) -> str:
    """Text with its escapes and fonts."""
    linked = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown)
    pieces = re.split(r"(`[^`]+`|\*[^*]+\*)", linked)
    return "".join(_piece(piece) for piece in pieces)


def literal(code: str) -> str:
    """Text whose every character shall arrive as it is."""
    escaped = code.replace("\\", r"\e").replace("-", r"\-")
    return escaped.replace("'", r"\(aq").replace("^", r"\(ha").replace("~", r"\(ti").replace("`", r"\(ga")


def _piece(piece: str) -> str:
    if piece.startswith("`"):
        return rf"\fB{literal(piece[1:-1])}\fR"
    if piece.startswith("*") and len(piece) > 1:
        return rf"\fI{piece[1:-1]}\fR"
    return piece.replace("\\", r"\e")


def _filled(sentence: str) -> Iterator[str]:
    line = ""
    for word in sentence.split(" "):
        if line and len(line) + 1 + len(word) > _WIDTH:
            yield _guarded(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield _guarded(line)


def _guarded(line: str) -> str:
    """A line that roff does not take for a request."""
    return rf"\&{line}" if line.startswith((".", "'")) else line


def _code(block: str, *, indented: bool) -> Iterator[str]:
    yield ".IP" if indented else ".PP"
    yield ".RS 4"
    yield ".nf"
    yield from (_guarded(literal(line)) for line in block.splitlines()[1:-1])
    yield ".fi"
    yield ".RE"


def _list(block: str, *, indented: bool) -> Iterator[str]:
    if indented:
        yield ".RS"
    for item in re.split(r"^- ", block, flags=re.MULTILINE)[1:]:
        yield r".IP \(bu 2"
        yield from text(item)
    if indented:
        yield ".RE"


def _table(block: str, *, indented: bool) -> Iterator[str]:
    """A row's first cell is a tag, its second the text; the headline and the ruler below it are left out."""
    if indented:
        yield ".RS"
    for row in block.splitlines()[2:]:
        tag, meaning = (cell.strip() for cell in row.strip().strip("|").split("|", 1))
        yield ".TP"
        yield _guarded(inline(tag))
        yield from text(meaning)
    if indented:
        yield ".RE"
