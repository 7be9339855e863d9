"""Lines of the log."""

from __future__ import annotations

import fcntl
import os

import pytest

from tlsdeck.ucspi.log import LINES, Log, field, who


def written(verbosity: int, line: str, **facts: object) -> bytes:
    reading, writing = os.pipe()
    Log("sslserver", verbosity, writing).say(line, **facts)
    os.close(writing)
    content = os.read(reading, 10_000)
    os.close(reading)
    return content


def test_levels() -> None:
    facts = {"count": 1, "limit": 40, "most": 0}
    assert written(1, "status", **facts) == b""
    assert written(2, "status", **facts) == b"sslserver: status 1/40/0\n"
    assert written(0, "fatal", reason="x") == b""


def test_nothing_from_outside_can_forge_a_line() -> None:
    line = written(1, "fatal", reason="a\nsslserver: ok 1\x1b[31m \N{SNOWMAN}")
    assert line == b"sslserver: fatal: (111) a?sslserver: ok 1?[31m ?\n"


def test_fields_of_a_decision() -> None:
    assert field("a b%c\N{SNOWMAN}") == "a?b?c?"
    assert field("x" * 101) == "x" * 100 + "..."
    assert who(("", "127.0.0.1", "443"), ("host", "::1", "", "5")) == ":127.0.0.1:443 host:::1::5"


def test_every_line_has_a_level() -> None:
    assert all(1 <= line.level <= 3 for line in LINES.values())


def test_lines_that_nobody_reads_are_kept_and_then_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlsdeck.ucspi.log._MOST_KEPT", 20)
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    log = Log("sslserver", 1, writing)
    for number in range(100):
        log.say("fatal", reason=f"{number} " + "x" * 400)
    log.finish(0.01)
    assert log.backlog
    content = b""
    while b"lost" not in content:
        content += os.read(reading, 65536)
        log.flush()
    lines = content.decode().splitlines()
    numbers = [int(line.split()[3]) for line in lines[:-1]]
    assert numbers == list(range(len(numbers)))
    assert lines[-1] == f"sslserver: WARNING {100 - len(numbers)} lines of this log are lost: nobody read it"
    os.close(reading)
    log.say("fatal", reason="nobody is there any more")
    log.finish(10)
    os.close(writing)


def test_a_line_is_never_too_long_to_be_written_at_once() -> None:
    assert len(written(1, "fatal", reason="x" * 10_000)) == 4096
