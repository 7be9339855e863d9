from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tlsdeck.commands.passwords import read_password
from tlsdeck.errors import ConfigurationError

PURPOSE = "Error getting password"


@contextmanager
def pipe(content: bytes) -> Iterator[int]:
    """The reading end of a pipe with this in it."""
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    yield reading
    os.close(reading)


@pytest.mark.parametrize("text", ["secret", "", "with:colon", " spaces ", "Übung"])
def test_password_from_the_command_line(text: str) -> None:
    assert read_password(f"pass:{text}", PURPOSE) == text


def test_password_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLSDECK_TEST_PASSWORD", "secret")
    assert read_password("env:TLSDECK_TEST_PASSWORD", PURPOSE) == "secret"


@pytest.mark.parametrize(
    "content, password",
    [
        (b"secret\nsecond line\n", "secret"),
        (b"secret\r\n", "secret"),
        (b"no line end", "no line end"),
        (b"", ""),
        (b"\n", ""),
        (b"up to\0here\n", "up to"),
        (b"\xff\n", "\udcff"),
    ],
)
def test_password_from_a_file_is_its_first_line(content: bytes, password: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(content)
    assert read_password(f"file:{tmp_path}/password", PURPOSE) == password


def test_password_from_a_descriptor_leaves_the_rest() -> None:
    with pipe(b"first\nsecond\nrest") as number:
        assert read_password(f"fd:{number}", PURPOSE) == "first"
        assert read_password(f"fd:{number}", PURPOSE) == "second"
        assert os.read(number, 100) == b"rest"


def test_password_from_standard_input() -> None:
    saved = os.dup(0)
    try:
        with pipe(b"secret\nmore") as number:
            os.dup2(number, 0)
            assert read_password("stdin", PURPOSE) == "secret"
            assert os.read(0, 100) == b"more"
    finally:
        os.dup2(saved, 0)
        os.close(saved)


@pytest.mark.parametrize(
    "source, message",
    [
        ("secret", "Invalid password argument, missing ':' within the first 5 chars"),
        ("longer:x", "Invalid password argument, missing ':' within the first 5 chars"),
        ("", "Invalid password argument, missing ':' within the first 5 chars"),
        ("word:x", 'Invalid password argument, starting with "word:"'),
        (":x", 'Invalid password argument, starting with ":"'),
        ("env:TLSDECK_NO_SUCH", "No environment variable TLSDECK_NO_SUCH"),
        ("file:/nowhere", "Can't open file /nowhere"),
        ("file:/", "Error reading password from descriptor "),
        ("fd:three", "Can't access file descriptor three"),
        ("fd:-1", "Can't access file descriptor -1"),
        ("fd:987", "Error reading password from descriptor 987: Bad file descriptor"),
    ],
)
def test_password_from_nowhere_is_an_error_that_says_for_what(source: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_password(source, PURPOSE)
    assert raised.value.message.startswith(message)
    assert raised.value.message.endswith(f"\n{PURPOSE}")


def test_password_file_is_closed(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("x\n")
    before = set(Path("/proc/self/fd").iterdir())
    read_password(f"file:{tmp_path}/password", PURPOSE)
    assert set(Path("/proc/self/fd").iterdir()) == before
