"""tcprulescheck: which rule of a cdb file fits somebody, and what it says.

Who connects stands in TCPREMOTEIP, TCPREMOTEHOST and TCPREMOTEINFO.
"""

from __future__ import annotations

import os

from tlsdeck.commands.djb import run, say
from tlsdeck.output.stream import Stream
from tlsdeck.ucspi.cdb import open_database
from tlsdeck.ucspi.rules import Verdict, Visitor, look_up, shown_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_PROGRAM = "tcprulescheck"
_NO_RULE = Verdict(b"", denied=False)


def main(argv: Sequence[str]) -> int:
    """Runs the program with these words; its exit code."""
    return run(_PROGRAM, ("rules.cdb",), argv, _work)


def _work(words: Sequence[str]) -> None:
    visitor = Visitor(
        os.environ.get("TCPREMOTEIP", "0"),
        os.environ.get("TCPREMOTEHOST"),
        os.environ.get("TCPREMOTEINFO"),
    )
    say(_PROGRAM, f"info: {_shown(visitor)}")
    with open_database(words[0]) as database:
        verdict = look_up(database, visitor) or _NO_RULE
    Stream(1).text(_report(verdict))


def _shown(visitor: Visitor) -> str:
    return (
        f"TCPREMOTEIP: {visitor.ip} TCPREMOTEHOST: {visitor.host or ''} TCPREMOTEINFO: {visitor.info or ''}"
    )


def _report(verdict: Verdict) -> str:
    lines = [f"rule {shown_key(verdict.key)}:" if verdict.key else "default:"]
    lines += [f"set environment variable {name}={value}" for name, value in verdict.variables]
    lines.append("deny connection" if verdict.denied else "allow connection")
    return "".join(f"{line}\n" for line in lines)
