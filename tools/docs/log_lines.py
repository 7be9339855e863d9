"""The lines in the log of sslserver, as a manual page shows them."""

from __future__ import annotations

import re

from tlsdeck.ucspi.log import DETAILS, ERRORS, LINES, STATUS
from tools.docs.program import Item

_LEVELS = {ERRORS: (), STATUS: ("With `-v`.",), DETAILS: ("With `-V`.",)}


def items() -> dict[str, Item]:
    """The lines by their names."""
    return {name: Item(_tag(line.text), _LEVELS[line.level]) for name, line in LINES.items()}


def _tag(text: str) -> str:
    """Facts stand out from what is always the same."""
    pieces = re.split(r"\{(\w+)\}", text)
    marks = ("`", "*")
    return "".join(f"{marks[at % 2]}{piece}{marks[at % 2]}" for at, piece in enumerate(pieces) if piece)
