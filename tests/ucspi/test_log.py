"""Lines of the log."""

from __future__ import annotations

import os

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
