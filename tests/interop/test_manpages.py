"""The manual pages as man(1) and its kin see them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.programs import need

PAGES = sorted((Path(__file__).parents[2] / "docs" / "man").glob("*.[17]"))


@pytest.fixture(params=PAGES, ids=lambda path: path.name)
def page(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


def output(*argv: str) -> str:
    """Both streams of a program."""
    need(argv[0])
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60
    )
    return done.stdout


def test_mandoc_has_nothing_to_say_against_it(page: Path) -> None:
    assert output("mandoc", "-T", "lint", "-W", "style", str(page)) == ""


def test_groff_has_nothing_to_say_against_it(page: Path) -> None:
    assert output("groff", "-man", "-w", "w", "-K", "utf8", "-T", "utf8", "-z", str(page)) == ""
