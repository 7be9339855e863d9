"""Reading a command line as djb's programs do."""

from __future__ import annotations

import pytest

from tlsdeck.commands.sslserver_options import ServerOptions
from tlsdeck.errors import UsageError
from tlsdeck.options.getopt import read


def settings(*words: str) -> tuple[ServerOptions, list[str]]:
    return read(ServerOptions, words, "sslserver")


def test_options_share_a_dash_and_values_are_attached() -> None:
    options, words = settings("-vHRc10", "-Xx", "rules.cdb", "host", "port", "-v", "program")
    assert (options.verbosity, options.remote_host, options.remote_info, options.limit) == (
        2,
        False,
        False,
        10,
    )
    assert (options.rules_optional, options.rules_file) == (True, "rules.cdb")
    assert words == ["host", "port", "-v", "program"]


@pytest.mark.parametrize("words", [["--", "-v"], ["-", "-v"], ["0", "-v"]])
def test_where_options_end(words: list[str]) -> None:
    options, rest = settings(*words)
    assert options.verbosity == 1
    assert rest == [word for word in words if word != "--"]


@pytest.mark.parametrize(
    "words, attribute, value",
    [
        (["-Hh"], "remote_host", True),
        (["-hH"], "remote_host", False),
        (["-mZ"], "demand", False),
        (["-z"], "demand", True),
        (["-zm"], "demand_name", False),
        (["-vq"], "verbosity", 0),
        (["-V", "-Q"], "verbosity", 1),
        (["-nN"], "delayed", False),
        (["-pP"], "paranoid", False),
        (["-oO"], "keep_ip_options", False),
        (["-dD"], "delay", False),
        (["-c5", "-c", "6"], "limit", 6),
    ],
)
def test_the_last_of_a_group_counts(words: list[str], attribute: str, value: object) -> None:
    assert getattr(settings(*words)[0], attribute) == value


def test_defaults_are_those_of_the_manual_page() -> None:
    options, _ = settings()
    assert (options.verbosity, options.limit, options.backlog) == (1, 40, 20)
    assert (options.ident_limit, options.handshake_limit, options.idle_limit) == (26, 26, 3600)
    assert (options.remote_host, options.tcp_variables, options.report, options.delayed) == (
        True,
        False,
        False,
        False,
    )


@pytest.mark.parametrize(
    "words, message",
    [
        (["-k"], "sslserver: illegal option -- k"),
        (["-vk"], "sslserver: illegal option -- k"),
        (["-c"], "sslserver: option requires an argument -- c"),
        (["-vx"], "sslserver: option requires an argument -- x"),
        (["-c", "abc"], 'sslserver: usage: -c takes a positive number, not "abc"'),
        (["-c10x"], 'sslserver: usage: -c takes a positive number, not "10x"'),
        (["-u0"], 'sslserver: usage: -u takes a positive number, not "0"'),
        (["-w", "99999999999"], 'sslserver: usage: -w takes a positive number, not "99999999999"'),
    ],
)
def test_what_is_wrong_is_said(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings(*words)
    assert caught.value.message == message
