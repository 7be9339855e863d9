from __future__ import annotations

import pytest

from tlsdeck.commands.s_server_options import ServerOptions
from tlsdeck.errors import UsageError
from tlsdeck.options import help_text, read
from tlsdeck.options.sections import Preferences, StrictCertificates, TlsSsl


def server(*argv: str) -> ServerOptions:
    return read(ServerOptions, argv, program="s_server", has=lambda _: True)


def complaint(*argv: str) -> tuple[str, bool]:
    with pytest.raises(UsageError) as raised:
        server(*argv)
    return raised.value.message, raised.value.hint


def test_defaults() -> None:
    options = server()
    assert (options.cert, options.cert2, options.key) == ("server.pem", "server2.pem", None)
    assert (options.accept, options.port, options.unix) == (None, None, None)
    assert (options.context, options.servername, options.naccept) == (None, None, None)
    assert (options.psk_identity, options.keymatexportlen) == ("Client_identity", 20)


@pytest.mark.parametrize(
    "line, place",
    [
        ("-accept h:1 -port 2", (None, 2, None, False, False)),
        ("-port 2 -accept h:1", ("h:1", None, None, False, False)),
        ("-unix p -accept 1", ("1", None, None, False, False)),
        ("-accept 1 -unix p", (None, None, "p", False, False)),
        ("-port 1 -unix p", (None, None, "p", False, False)),
        ("-unix p -port 1", (None, 1, None, False, False)),
        ("-unix p -4", (None, None, None, True, False)),
        ("-unix p -6", (None, None, None, False, True)),
        ("-4 -unix p -accept 1", ("1", None, None, False, False)),
        ("-4 -6", (None, None, None, False, True)),
        ("-6 -4", (None, None, None, True, False)),
        ("-6 -accept 1", ("1", None, None, False, True)),
    ],
)
def test_last_word_on_where_to_listen(line: str, place: tuple[object, ...]) -> None:
    options = server(*line.split())
    assert (options.accept, options.port, options.unix, options.ipv4, options.ipv6) == place


@pytest.mark.parametrize("words", [("www", "WWW"), ("WWW", "HTTP"), ("HTTP", "www"), ("HTTP", "WWW")])
def test_last_kind_of_web_server_wins(words: tuple[str, str]) -> None:
    options = server(*(f"-{word}" for word in words))
    assert [word for word in ("www", "WWW", "HTTP") if getattr(options, word)] == [words[1]]


def test_verify_and_Verify_replace_each_other() -> None:
    options = server("-verify", "3", "-Verify", "0")
    assert (options.verify, options.Verify) == (None, 0)
    options = server("-Verify", "3", "-verify", "-1")
    assert (options.verify, options.Verify) == (-1, None)


@pytest.mark.parametrize("line, msg", [("-msg -trace", False), ("-trace -msg", True)])
def test_messages_are_shown_in_hex_or_decoded(line: str, msg: bool) -> None:
    options = server(*line.split())
    assert (options.msg, options.trace) == (msg, not msg)


def test_quiet_does_not_ignore_the_end() -> None:
    assert not server("-quiet").ign_eof
    assert not server("-ign_eof", "-no_ign_eof").ign_eof


def test_brief_is_quiet_in_both_senses() -> None:
    options = server("-brief")
    assert (options.brief, options.quiet, options.verify_quiet) == (True, True, True)


@pytest.mark.parametrize(
    "argv",
    [
        ["-status"],
        ["-status_verbose"],
        ["-status_timeout", "5"],
        ["-status_url", "u"],
        ["-status_file", "f"],
    ],
)
def test_any_status_option_switches_stapling_on(argv: list[str]) -> None:
    assert server(*argv).status


def test_nbio_test_is_nbio() -> None:
    assert server("-nbio_test").nbio


@pytest.mark.parametrize("word", ["no_ecdhe", "no_tmp_rsa", "no_ssl2", "hack"])
def test_words_of_old_pages_are_accepted_but_not_listed(word: str) -> None:
    assert getattr(server(f"-{word}"), word) is True
    assert f"-{word} " not in help_text(ServerOptions, "s_server", has=lambda _: True)


def test_ssl2_is_unknown() -> None:
    assert complaint("-ssl2") == ("s_server: Unknown option: -ssl2", True)


def test_misprints_of_the_manual_page() -> None:
    options = server("-psk_session_file", "f", "-srpval", "v")
    assert (options.psk_session, options.srpvfile) == ("f", "v")


def test_naccept_may_be_hexadecimal() -> None:
    assert server("-naccept", "0x10").naccept == 16


@pytest.mark.parametrize("name", ["max_early_data", "recv_max_early_data"])
def test_early_data_sizes(name: str) -> None:
    assert getattr(server(f"-{name}", "0"), name) == 0
    assert complaint(f"-{name}", "-1") == (f"Invalid value for {name}", False)


def test_sendfile_needs_files_to_send() -> None:
    assert server("-sendfile", "-WWW").sendfile
    assert server("-HTTP", "-sendfile").sendfile
    assert complaint("-sendfile", "-www") == ("Can't use -sendfile without -WWW or -HTTP", False)


def test_sctp_needs_dtls() -> None:
    assert complaint("-sctp") == ("Can't use -sctp without DTLS", False)


def test_unix_that_was_undone_does_not_count() -> None:
    assert server("-dtls", "-unix", "x", "-accept", "0").accept == "0"


def test_conf_commands_of_the_server() -> None:
    names = {row.name for row in ServerOptions.rows if row.conf}
    shared = {row.name for row in (*TlsSsl.own_rows, *StrictCertificates.own_rows, *Preferences.own_rows)}
    assert names == shared | {"num_tickets", "anti_replay", "no_anti_replay"}
    options = server("-num_tickets", "0x3", "-no_anti_replay", "-cipher", "A")
    assert options.conf_commands() == [("num_tickets", "0x3"), ("no_anti_replay", None), ("cipher", "A")]
