from __future__ import annotations

import pytest

from tlsdeck.commands.s_client_options import STARTTLS_PROTOCOLS, ClientOptions
from tlsdeck.errors import UsageError
from tlsdeck.options import help_text, read
from tlsdeck.options.sections import Preferences, TlsSsl
from tlsdeck.preamble import STARTTLS


def client(*argv: str) -> ClientOptions:
    return read(ClientOptions, argv, program="s_client", has=lambda _: True)


def complaint(*argv: str) -> tuple[str, bool]:
    with pytest.raises(UsageError) as raised:
        client(*argv)
    return raised.value.message, raised.value.hint


def test_defaults() -> None:
    options = client()
    assert options.servername is None
    assert options.connect is None
    assert options.verify is None
    assert options.psk_identity == "Client_identity"
    assert options.keymatexportlen == 20
    assert options.srp_strength == 1024


@pytest.mark.parametrize(
    "line, ign_eof",
    [
        ("-quiet", True),
        ("-brief", False),
        ("-quiet -no_ign_eof", False),
        ("-no_ign_eof -quiet", True),
        ("-ign_eof -no_ign_eof", False),
        ("-no_ign_eof -ign_eof", True),
    ],
)
def test_end_of_input(line: str, ign_eof: bool) -> None:
    assert client(*line.split()).ign_eof is ign_eof


def test_brief_is_quiet_in_both_senses() -> None:
    options = client("-brief")
    assert options.brief
    assert options.quiet
    assert options.verify_quiet


@pytest.mark.parametrize(
    "argv, told",
    [
        (["-verify", "3"], True),
        (["-quiet", "-verify", "3"], False),
        (["-brief", "-verify", "3"], False),
        (["-verify", "3", "-quiet"], True),
    ],
)
def test_depth_is_told_unless_quiet_came_first(argv: list[str], told: bool) -> None:
    assert client(*argv).was_given("quiet", "brief", before="verify") is not told


def test_target_is_connect() -> None:
    assert client("-quiet", "example.org:443").connect == "example.org:443"
    assert client("-connect", "a", "-connect", "b").connect == "b"


@pytest.mark.parametrize("line, msg", [("-msg -trace", False), ("-trace -msg", True)])
def test_messages_are_shown_in_hex_or_decoded(line: str, msg: bool) -> None:
    options = client(*line.split())
    assert (options.msg, options.trace) == (msg, not msg)


def test_noct_undoes_ct() -> None:
    assert not client("-ct", "-noct").ct
    assert client("-noct", "-ct").ct


def test_nameopt_accumulates() -> None:
    assert client("-nameopt", "multiline", "-nameopt", "-esc_msb").nameopt == ["multiline", "-esc_msb"]


def test_tlsa_records_accumulate() -> None:
    assert client("-dane_tlsa_rrdata", "3 1 1 AB", "-dane_tlsa_rrdata=2 0 1 CD").dane_tlsa_rrdata == [
        "3 1 1 AB",
        "2 0 1 CD",
    ]


@pytest.mark.parametrize("text, length", [("512", 512), ("0x400", 1024), ("4096", 4096)])
def test_maxfraglen(text: str, length: int) -> None:
    assert client("-maxfraglen", text).maxfraglen == length


def test_maxfraglen_refuses_other_lengths() -> None:
    assert complaint("-maxfraglen", "5") == (
        "s_client: Max Fragment Len 5 is out of permitted values",
        True,
    )


@pytest.mark.parametrize("word", STARTTLS_PROTOCOLS)
def test_starttls(word: str) -> None:
    assert client("-starttls", word).starttls == word


def test_starttls_words_are_the_rows_of_the_table() -> None:
    assert tuple(STARTTLS) == STARTTLS_PROTOCOLS


def test_starttls_lists_its_words() -> None:
    message, hint = complaint("-starttls", "?")
    assert message.splitlines() == [
        "s_client: Value must be one of:",
        *(f"\t{w}" for w in STARTTLS_PROTOCOLS),
    ]
    assert not hint


def test_old_version_of_ssl() -> None:
    assert client("-ssl3").ssl3
    assert complaint("-ssl2")[0] == "s_client: Unknown option: -ssl2"
    assert complaint("-ssl3", "-tls1")[0] == "Cannot supply multiple protocol flags"


def test_sctp_needs_dtls() -> None:
    assert complaint("-sctp") == ("Can't use -sctp without DTLS", False)
    assert client("-sctp", "-dtls").sctp


@pytest.mark.parametrize("word", ["-proxy", "-alpn", "-nextprotoneg", "-fallback_scsv", "-enable_pha"])
def test_help_has_the_words_scripts_look_for(word: str) -> None:
    built_with_npn = "SSL_get0_next_proto_negotiated".__eq__
    assert f" {word}" in help_text(ClientOptions, "s_client", has=built_with_npn)


def test_conf_commands_are_the_tls_sections_and_strict() -> None:
    names = {row.name for row in (*TlsSsl.own_rows, *Preferences.own_rows)}
    assert {row.name for row in ClientOptions.rows if row.conf} == names | {"strict"}


@pytest.mark.parametrize("text, value", [("2", 2.0), ("0.25", 0.25), (".5", 0.5), ("10.", 10.0)])
def test_time_limits_are_seconds(text: str, value: float) -> None:
    assert client("-total_timeout", text).total_timeout == value


@pytest.mark.parametrize(
    "text", ["", ".", "0", "0.0", "-1", "1e3", "inf", "nan", "1s", "1,5", "1.2.3", "٣", "1" + "0" * 10]
)
def test_time_limits_are_more_than_nothing(text: str) -> None:
    message = f's_client: Not a number of seconds: "{text}" for option -idle_timeout'
    assert complaint("-idle_timeout", text) == (message, True)
