from __future__ import annotations

from collections.abc import Sequence

import pytest

from tlsdeck.commands.djb import FailureError, failure, run
from tlsdeck.errors import ConfigurationError


def outcome(capfd: pytest.CaptureFixture[str], error: BaseException | None, *words: str) -> tuple[int, str]:
    """Exit code of a program of two words whose work ends so, and what stderr gets."""

    def work(given: Sequence[str]) -> None:
        assert given == ("a", "b")
        if error:
            raise error

    code = run("prog", ("one", "two"), words or ("a", "b"), work)
    out, err = capfd.readouterr()
    assert out == ""
    return code, err


def test_work_that_is_done_is_0(capfd: pytest.CaptureFixture[str]) -> None:
    assert outcome(capfd, None) == (0, "")
    assert outcome(capfd, None, "a", "b", "more") == (0, "")


def test_too_few_words_are_100(capfd: pytest.CaptureFixture[str]) -> None:
    assert outcome(capfd, None, "a") == (100, "prog: usage: prog one two\n")


def test_help_is_the_usage(capfd: pytest.CaptureFixture[str]) -> None:
    for word in ("-help", "--help"):
        assert outcome(capfd, None, word) == (0, "Usage: prog one two\n")


def test_errors_are_lines_with_their_codes(capfd: pytest.CaptureFixture[str]) -> None:
    assert outcome(capfd, ConfigurationError("oh")) == (111, "prog: fatal: (111) oh\n")
    assert outcome(capfd, FailureError("syntax: oh", 101)) == (101, "prog: syntax: oh\n")
    system = failure("error", "unable to x", FileNotFoundError(2, "No such file or directory"))
    assert outcome(capfd, system) == (111, "prog: error: (111) unable to x: No such file or directory\n")


def test_an_internal_error_is_a_line_too(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TLSDECK_TRACEBACK", raising=False)
    code, err = outcome(capfd, LookupError("oh"))
    assert code == 111
    assert (
        err == "prog: internal error: LookupError: oh\nPlease report it; TLSDECK_TRACEBACK=1 shows where.\n"
    )
    monkeypatch.setenv("TLSDECK_TRACEBACK", "1")
    with pytest.raises(LookupError):
        outcome(capfd, LookupError("oh"))
