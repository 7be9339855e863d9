from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tlsdeck import __main__ as program
from tlsdeck import __version__


def run_entry(entry: str, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """An installed program's entry point, which is all of a process."""
    code = f"from tlsdeck.__main__ import {entry}; {entry}()"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
        env={**os.environ, **(env or {})},
    )


@pytest.mark.parametrize("name", program.OPENSSL_COMMANDS)
def test_main_runs_the_program_of_the_first_word(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert program.main([name, "-help"]) == 0
    assert capfd.readouterr().err.startswith(f"Usage: {name} [options]")


@pytest.mark.parametrize("name", sorted(program.COMMANDS.keys() - set(program.OPENSSL_COMMANDS)))
def test_programs_of_the_ucspi_family_explain_themselves(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert program.main([name, "-help"]) == 0
    assert capfd.readouterr().err.startswith(f"Usage: {name} ")
    wrong = run_entry(name)
    assert (wrong.returncode, wrong.stdout) == (100, "")
    assert wrong.stderr.startswith(f"{name}: usage: {name} ")


@pytest.mark.parametrize("name", program.OPENSSL_COMMANDS)
def test_entry_points_are_the_programs(name: str) -> None:
    for finished in (run_entry(name, "-help"), run_entry("openssl", name, "-help")):
        assert (finished.returncode, finished.stdout) == (0, "")
        assert finished.stderr.startswith(f"Usage: {name} [options]")
    wrong = run_entry(name, "-nonsense")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith(f"{name}: Unknown option: -nonsense\n")


@pytest.mark.parametrize(
    "words, code, first",
    [
        (["-help"], 0, "Usage: tlsdeck command [options]"),
        (["--help", "more"], 0, "Usage: tlsdeck command [options]"),
        (["-h"], 0, "Usage: tlsdeck command [options]"),
        ([], 1, "Usage: tlsdeck command [options]"),
        (["nonsense"], 1, "tlsdeck: unknown command: nonsense"),
        ([""], 1, "tlsdeck: unknown command: "),
    ],
)
def test_main_explains_itself(
    words: list[str],
    code: int,
    first: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["tlsdeck", *words])
    assert program.main() == code
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines()[0] == first
    for name in program.COMMANDS:
        assert f"  tlsdeck {name} -help\n" in err


@pytest.mark.parametrize("word", ["-version", "--version"])
def test_main_tells_its_version(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main([word]) == 0
    assert capsys.readouterr().out.startswith(f"tlsdeck {__version__} over OpenSSL ")


def test_openssl_without_openssl_says_so(tmp_path: Path) -> None:
    finished = run_entry("openssl", "version", env={"PATH": str(tmp_path)})
    assert finished.returncode == 1
    assert finished.stderr == "tlsdeck-openssl: cannot run openssl: No such file or directory\n"


def test_module_is_a_program() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "tlsdeck", "s_client", "-help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert finished.returncode == 0
    assert finished.stderr.startswith("Usage: s_client [options]")
