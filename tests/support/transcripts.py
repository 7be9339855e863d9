"""Conversations in plain text before TLS, as they stand in tests/transcripts/: one file per protocol.

A conversation begins with `== its name`, and maybe settings: `name: value`. Its lines:

    S: C:    the server or the client sends this line, with CR and LF
    S> C>    this text, and nothing behind it
    S# C#    these bytes, in hexadecimal
    S.       the server closes
    *        a note is told
    =        TLS may begin; the reply that is shown
    !        it may not: the message, which the program puts its name before
    !!       the same without the name, in the original's own words
    ~        how the original differs: it `goes on` with TLS where we do not, `gives up` where we do not, `hangs`, or
             uses `other words`
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

DIRECTORY = Path(__file__).parents[1] / "transcripts"


@dataclass
class Transcript:
    protocol: str
    title: str
    settings: dict[str, str] = field(default_factory=dict)
    # who sends what; b"" is the server's close
    steps: list[tuple[str, bytes]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    reply: str | None = None
    errors: list[str] = field(default_factory=list)
    verbatim: bool = False
    original: str = ""

    def __str__(self) -> str:
        return f"{self.protocol}: {self.title}"

    @property
    def good(self) -> bool:
        return self.reply is not None

    @property
    def error(self) -> str:
        return "\n".join(self.errors)

    @property
    def smuggled(self) -> bool:
        """Whether the fault is what stands behind the last answer."""
        return "in plain text after" in self.error

    @property
    def from_client(self) -> bytes:
        return b"".join(data for side, data in self.steps if side == "C")

    @property
    def from_server(self) -> list[bytes]:
        return [data for side, data in self.turns() if side == "S"]

    def turns(self) -> list[tuple[str, bytes]]:
        """The steps, with all that one side sends before the other speaks in one piece. A close is a turn."""
        turns: list[tuple[str, bytes]] = []
        for (side, closes), steps in groupby(self.steps, key=lambda step: (step[0], not step[1])):
            turns.append((side, b"" if closes else b"".join(data for _, data in steps)))
        return turns


def read_all() -> list[Transcript]:
    return [transcript for path in sorted(DIRECTORY.glob("*.txt")) for transcript in read(path)]


def read(path: Path) -> Iterator[Transcript]:
    for block in path.read_text().split("== ")[1:]:
        title, *lines = block.splitlines()
        transcript = Transcript(path.stem, title)
        for line in filter(None, lines):
            take(transcript, line)
        yield transcript


def take(transcript: Transcript, line: str) -> None:
    key, _, value = line.partition(" ")
    match key:
        case "S:" | "C:":
            transcript.steps.append((key[0], value.encode() + b"\r\n"))
        case "S>" | "C>":
            transcript.steps.append((key[0], value.encode()))
        case "S#" | "C#":
            transcript.steps.append((key[0], bytes.fromhex(value)))
        case "S.":
            transcript.steps.append(("S", b""))
        case "*":
            transcript.notes.append(value)
        case "=":
            transcript.reply = value
        case "!" | "!!":
            transcript.errors.append(value)
            transcript.verbatim = key == "!!"
        case "~":
            transcript.original = value
        case _:
            assert key.endswith(":"), line
            transcript.settings[key[:-1]] = value
