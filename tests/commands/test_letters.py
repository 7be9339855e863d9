"""The tables; what the letters do is in net/test_pump.py, where a conversation is under way."""

from __future__ import annotations

import pytest

from tlsdeck.commands.letters import CLIENT_LETTERS, SERVER_LETTERS


def test_client_letters_are_those_of_the_manual() -> None:
    assert {key: (letter.alone, letter.sent) for key, letter in CLIENT_LETTERS.items()} == dict.fromkeys(
        (b"Q", b"R", b"k", b"K"), (False, False)
    )


def test_server_letters_are_those_of_the_manual() -> None:
    letters = {key: (letter.alone, letter.sent) for key, letter in SERVER_LETTERS.items()}
    assert letters == {
        **dict.fromkeys((b"Q", b"q"), (False, False)),
        **dict.fromkeys((b"r", b"R", b"k", b"K", b"c"), (True, False)),
        **dict.fromkeys((b"P", b"S"), (False, True)),
    }


@pytest.mark.parametrize("table", [CLIENT_LETTERS, SERVER_LETTERS], ids=["client", "server"])
def test_letters_are_one_byte(table: dict[bytes, object]) -> None:
    assert all(len(key) == 1 for key in table)
