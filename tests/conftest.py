"""The fixtures all tests share. They are few: a PKI, directories with it, and processes that end with the test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.fixtures import Run, Start, Workdir
from support.pki import make_pki, populate
from support.programs import Finished, Running, need
from support.revocation import Authorities, make_authorities


@pytest.fixture(scope="session")
def pki() -> dict[str, bytes]:
    """All files of the test PKI, see support/pki.py."""
    return make_pki()


@pytest.fixture(scope="session")
def authorities() -> Authorities:
    """Who signs certificates and takes them back, see support/revocation.py."""
    return make_authorities()


@pytest.fixture
def workdir(tmp_path: Path, pki: dict[str, bytes]) -> Workdir:
    """Make a directory of this name with all files of the PKI in it, to run a program in."""
    return lambda name: populate(tmp_path / name, pki)


@contextmanager
def starting() -> Iterator[Start]:
    """Gives what starts a program, and kills at the end what still runs."""
    need("openssl", "stdbuf", "curl")
    started: list[Running] = []

    def start_one(
        argv: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> Running:
        process = Running(argv, cwd, env)
        started.append(process)
        return process

    try:
        yield start_one
    finally:
        for process in started:
            process.stop()


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a program; it is killed at the test's end if it still runs."""
    with starting() as start_one:
        yield start_one


@pytest.fixture(scope="module")
def start_once() -> Iterator[Start]:
    """As `start`, for programs that all tests of a file share."""
    with starting() as start_one:
        yield start_one


@pytest.fixture
def run(start: Start) -> Run:
    """Run a program to its end: exit code, stdout, stderr."""

    def run_one(
        argv: Sequence[str],
        stdin: bytes = b"",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Finished:
        process = start(argv, cwd, env)
        process.send(stdin)
        process.eof()
        return process.finish()

    return run_one
