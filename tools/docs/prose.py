"""Reading docs/options/*.md: what the manual pages say besides what the rows of the options say.

A file is a small Markdown: `## Section` is a section of the page, `### -option` (or, for a command letter, `### Q`)
an entry in it. A paragraph that begins with `Differs:` tells how an option differs from the original's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

DIFFERS = "Differs: "


class ProseError(Exception):
    """Prose and rows do not match; the message says where."""


@dataclass
class Entry:
    """What is said about one option: its blocks of Markdown, and the difference, "" for none."""

    blocks: list[str] = field(default_factory=list)
    differs: str = ""


@dataclass
class Part:
    """A section of the page: blocks of Markdown, then entries by their heading."""

    blocks: list[str] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)


def read(path: Path) -> dict[str, Part]:
    """The sections of a file by their titles."""
    parts: dict[str, Part] = {}
    part, entry = Part(), None
    for block in _blocks(path.read_text()):
        if block.startswith("## "):
            part, entry = parts.setdefault(block[3:], Part()), None
        elif block.startswith("### "):
            if block[4:] in part.entries:
                raise ProseError(f"{path.name}: {block} stands there twice")
            entry = part.entries[block[4:]] = Entry()
        elif entry and block.startswith(DIFFERS):
            entry.differs = joined(block[len(DIFFERS) :])
        elif not block.startswith("# "):
            (entry or part).blocks.append(block)
    return parts


def joined(block: str) -> str:
    """A paragraph as one line."""
    return " ".join(block.split())


def _blocks(text: str) -> list[str]:
    """Headings, paragraphs, lists, tables, and fenced code with its blank lines."""
    fenced = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
    blocks: list[str] = []
    end = 0
    for match in fenced.finditer(text):
        blocks += _plain_blocks(text[end : match.start()])
        blocks.append(match.group())
        end = match.end()
    return blocks + _plain_blocks(text[end:])


def _plain_blocks(text: str) -> list[str]:
    spaced = re.sub(r"^(#+ .*)$", r"\n\1\n", text, flags=re.MULTILINE)
    return [block.strip("\n") for block in re.split(r"\n\s*\n", spaced) if block.strip()]
