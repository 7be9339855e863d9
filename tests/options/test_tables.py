"""What holds for every row of both programs."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsdeck.commands.s_client_options import ClientOptions
from tlsdeck.commands.s_server_options import ServerOptions
from tlsdeck.errors import UsageError
from tlsdeck.options import Options, Row, help_text, kinds, read

TABLES: dict[str, type[Options]] = {"s_client": ClientOptions, "s_server": ServerOptions}
ROWS = [
    pytest.param(table, row, id=f"{name} -{row.name}") for name, table in TABLES.items() for row in table.rows
]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_names_are_unique(table: type[Options]) -> None:
    names = [name for row in table.rows for name in (row.name, row.also) if name]
    assert len(names) == len(set(names))
    attributes = [row.attribute for row in table.rows]
    assert len(attributes) == len(set(attributes))


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_no_option_hides_a_method_of_the_settings(table: type[Options]) -> None:
    assert not {row.attribute for row in table.rows} & {*vars(Options), "given", "title", "conf", "own_rows"}


@pytest.mark.parametrize("table, row", ROWS)
def test_help_is_one_short_sentence(table: type[Options], row: Row) -> None:
    assert row.help[0].isupper()
    assert not row.help.endswith(".") or row.help.endswith("...")
    assert "\n" not in row.help
    assert "  " not in row.help
    assert len(row.help) <= 90


@pytest.mark.parametrize("table, row", ROWS)
def test_row_assigns_settings_that_exist(table: type[Options], row: Row) -> None:
    options = table()
    assert all(hasattr(options, attribute) for attribute in row.sets)


@pytest.mark.parametrize("table, row", ROWS)
def test_default_has_the_type_of_the_value(table: type[Options], row: Row) -> None:
    value = getattr(table(), row.attribute)
    if row.repeated:
        assert value == []
    elif row.kind is kinds.FLAG:
        assert value is False
    elif row.kind in (kinds.INTEGER, kinds.POSITIVE, kinds.INTMAX):
        assert value is None or type(value) is int
    elif row.kind is kinds.SECONDS:
        assert value is None or type(value) is float
    else:
        assert value is None or type(value) is str


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_rules_speak_of_options_that_exist(table: type[Options]) -> None:
    options = table()
    assert all(hasattr(options, name) for rule in table.rules for name in (*rule.one, *rule.other))
    assert {name for clash in table.clashes for name in (*clash.late, *clash.early)} <= set(table.by_name)


def test_symbols_that_rows_require() -> None:
    assert {row.requires for table in TABLES.values() for row in table.rows} == {
        "",
        "SSLv3_client_method",
        "SSLv3_server_method",
        "BIO_new_dgram_sctp",
        "SSL_trace",
        "SSL_CTX_use_psk_identity_hint",
        "SRP_VBASE_new",
        "SSL_CTX_set_tlsext_use_srtp",
        "SSL_get0_next_proto_negotiated",
        "ENGINE_by_id",
        "SSL_CTX_enable_ct",
        "OCSP_RESPONSE_print",
        "OSSL_HTTP_open",
    }


@pytest.mark.parametrize("program", TABLES)
@pytest.mark.parametrize("symbol, word", [("SSLv3", "-ssl3"), ("BIO_new_dgram_sctp", "-sctp_label_bug")])
def test_help_lists_an_option_only_if_the_library_can_do_it(program: str, symbol: str, word: str) -> None:
    assert f" {word} " in help_text(TABLES[program], program, has=lambda name: name.startswith(symbol))
    assert f" {word} " not in help_text(TABLES[program], program, has=lambda _: False)


@pytest.mark.parametrize("program", TABLES)
def test_no_section_without_options_is_listed(program: str) -> None:
    lines = help_text(TABLES[program], program, has=lambda _: True).splitlines()
    for headline, line in pairwise(lines):
        if headline.endswith(" options:"):
            assert line.startswith(" -")


@pytest.mark.parametrize("program", TABLES)
@given(data=st.data())
def test_any_line_gives_settings_or_a_usage_error(program: str, data: st.DataObject) -> None:
    table = TABLES[program]
    words = st.sampled_from([f"-{name}" for name in table.by_name]) | st.sampled_from(
        ["--", "-", "5", "0x", "PEM", "/", "smtp", "-verify_depth=08", "-help=1", "x"]
    )
    argv = data.draw(st.lists(words | st.text(max_size=4), max_size=6))
    try:
        options = read(table, argv, program=program, has=lambda _: True)
    except UsageError:
        return
    assert len(options.given) <= len(argv)
