from __future__ import annotations

import re
from pathlib import Path

import pytest

from tlsdeck.commands.outcome import EXIT_CODES, Outcome, connect_outcome, conversation_outcome
from tlsdeck.errors import (
    NetworkError,
    OutputError,
    PeerError,
    ResolutionError,
    TimeLimitError,
    TlsdeckError,
    TruncationError,
)
from tlsdeck.net.pump import Ending

PAGE = Path(__file__).parents[2] / "docs" / "exit-codes.md"


def test_codes_are_those_that_were_promised() -> None:
    rows = re.findall(r"(?m)^\| (\d+) \| .* \| `(.*)` \|$", PAGE.read_text())
    assert {reason: int(code) for code, reason in rows} == EXIT_CODES
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES)


def test_strict_decides_which_code_counts() -> None:
    assert Outcome("cut-off", 104).exit_code(strict=False) == 104
    assert Outcome("cut-off", 104).exit_code(strict=True) == EXIT_CODES["cut-off"]


@pytest.mark.parametrize(
    "error, reason",
    [(ResolutionError(), "lookup"), (NetworkError(errno=111), "connect"), (TimeLimitError(), "time-limit")],
)
def test_connection_that_could_not_be_made(error: NetworkError, reason: str) -> None:
    assert connect_outcome(error) == Outcome(reason, 1)


@pytest.mark.parametrize(
    "operation, error, outcome",
    [
        ("read", TruncationError(), Outcome("cut-off", 1)),
        ("write", TruncationError(), Outcome("cut-off", 1)),
        ("read", NetworkError(errno=104), Outcome("cut-off", 104)),
        ("write", NetworkError(errno=32), Outcome("connection", 1)),
        ("read", PeerError(), Outcome("connection", 1)),
        ("wait", TimeLimitError(errno=110), Outcome("time-limit", 1)),
    ],
)
def test_conversation_that_failed(operation: str, error: TlsdeckError, outcome: Outcome) -> None:
    assert conversation_outcome(Ending("failed", operation, error)) == outcome


def test_conversation_nobody_reads_is_not_judged() -> None:
    with pytest.raises(OutputError):
        conversation_outcome(Ending("output", "write", OutputError()))
