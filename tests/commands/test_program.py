from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from tlsdeck.commands.program import FAILED, OK, error_text, run
from tlsdeck.commands.s_client_options import ClientOptions
from tlsdeck.errors import ConfigurationError, OutputError, SettingError, TlsdeckError, UsageError

Work = Callable[[ClientOptions], int]


def outcome(capfd: pytest.CaptureFixture[str], argv: list[str], work: Work = lambda _: OK) -> tuple[int, str]:
    """Exit code and what stderr gets."""
    code = run("prog", ClientOptions, argv, work)
    out, err = capfd.readouterr()
    assert out == ""
    return code, err


def raising(error: BaseException) -> Work:
    def work(_options: ClientOptions) -> int:
        raise error

    return work


def test_run_gives_the_options_to_the_work(capfd: pytest.CaptureFixture[str]) -> None:
    assert outcome(capfd, ["-port", "7"], lambda options: options.port or 0) == (7, "")


def test_run_shows_help_and_works_not(capfd: pytest.CaptureFixture[str]) -> None:
    code, err = outcome(capfd, ["-help", "-nonsense"], raising(AssertionError()))
    assert code == OK
    assert err.startswith("Usage: prog [options]")


@pytest.mark.parametrize(
    "error, text",
    [
        (UsageError("prog: what?"), "prog: what?\nprog: Use -help for summary.\n"),
        (UsageError("prog: what?", hint=False), "prog: what?\n"),
        (UsageError(""), "prog: Use -help for summary.\n"),
        (ConfigurationError("no such file", ("reason 1", "reason 2")), "no such file\nreason 1\nreason 2\n"),
        (SettingError("no such value", ("reason",)), "prog: no such value\nreason\n"),
        (ConfigurationError("", ("reason",)), "reason\n"),
        (OutputError("nobody listens"), ""),
    ],
)
def test_run_turns_errors_into_lines(
    error: TlsdeckError, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert outcome(capfd, [], raising(error)) == (FAILED, text)
    if text:
        assert error_text("prog", error) == text


def test_run_asks_for_a_report_of_internal_errors(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TLSDECK_TRACEBACK", raising=False)
    code, err = outcome(capfd, [], raising(LookupError("oh")))
    assert code == FAILED
    assert (
        err == "prog: internal error: LookupError: oh\nPlease report it; TLSDECK_TRACEBACK=1 shows where.\n"
    )
    monkeypatch.setenv("TLSDECK_TRACEBACK", "1")
    with pytest.raises(LookupError):
        run("prog", ClientOptions, [], raising(LookupError("oh")))


def test_run_says_nothing_where_nobody_listens() -> None:
    saved = os.dup(2)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        os.dup2(writing, 2)
        code = run("prog", ClientOptions, [], raising(ConfigurationError("unheard")))
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(writing)
    assert code == FAILED


INTERRUPTED = """
from tlsdeck.commands.program import run
from tlsdeck.commands.s_client_options import ClientOptions
def work(options):
    raise KeyboardInterrupt
run("prog", ClientOptions, [], work)
"""


def test_run_dies_of_an_interrupt() -> None:
    """So that a shell, or make, stops as well."""
    finished = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, check=False, timeout=20
    )
    assert finished.returncode == -signal.SIGINT
    assert finished.stderr == b""
