from __future__ import annotations

import pytest

from tlsdeck.errors import UsageError
from tlsdeck.options import Options, Section, read
from tlsdeck.options.rows import flag
from tlsdeck.options.sections import (
    VERSION_CLASHES,
    ExtendedCertificate,
    Preferences,
    Provider,
    RandomState,
    TlsSsl,
    Validation,
)


class Versions(Section):
    title = "Versions"

    tls1_2: bool = flag("TLS 1.2")
    tls1_3: bool = flag("TLS 1.3")


class Program(Versions, RandomState, TlsSsl, Preferences, Validation, ExtendedCertificate, Provider, Options):
    clashes = VERSION_CLASHES


def program(*argv: str) -> Program:
    return read(Program, argv, program="prog", has=lambda _: False)


def test_tls_rows_are_commands_of_ssl_conf_and_no_others_are() -> None:
    commands = (TlsSsl, Preferences)
    assert all(row.conf == (row.section in commands) for row in Program.rows)


def test_conf_commands_keep_order_and_text() -> None:
    options = program("-cipher", "A", "--no_tls1", "-verify_depth", "3", "-curves=X", "-record_padding", "x")
    assert options.conf_commands() == [
        ("cipher", "A"),
        ("no_tls1", None),
        ("curves", "X"),
        ("record_padding", "x"),
    ]


def test_misprints_of_the_manual_pages_are_understood_under_their_right_name() -> None:
    options = program("-allow-no-dhe-kex", "-atime", "5")
    assert options.conf_commands() == [("allow_no_dhe_kex", None)]
    assert options.attime == 5


def test_verify_flags() -> None:
    assert program("-crl_check_all", "-issuer_checks", "-x509_strict").verify_flags() == [
        "X509_V_FLAG_CRL_CHECK",
        "X509_V_FLAG_CRL_CHECK_ALL",
        "X509_V_FLAG_X509_STRICT",
    ]


def test_every_flag_of_validation_but_the_dead_one_turns_something_on() -> None:
    idle = {row.name for row in Validation.own_rows if not row.takes_value and not row.flags}
    assert idle == {"issuer_checks"}
    named = [flag for row in Validation.own_rows for flag in row.flags]
    assert all(name.startswith("X509_V_FLAG_") for name in named)


@pytest.mark.parametrize("name", ["rand", "policy", "provider", "provider-path", "xkey", "xcert", "xchain"])
def test_options_that_accumulate(name: str) -> None:
    options = program(f"-{name}", "b", f"-{name}", "a")
    assert getattr(options, Program.by_name[name].attribute) == ["b", "a"]


def test_extended_certificates_are_replayed_in_order() -> None:
    options = program("-xcert", "c1", "-xkey", "k1", "-rand", "r", "-xchain_build", "-xcert", "c2")
    assert [(given.row.name, given.value) for given in options.given_in(ExtendedCertificate)] == [
        ("xcert", "c1"),
        ("xkey", "k1"),
        ("xchain_build", None),
        ("xcert", "c2"),
    ]


@pytest.mark.parametrize(
    "argv, message",
    [
        (["-tls1_2", "-tls1_3"], "Cannot supply multiple protocol flags"),
        (["-tls1_2", "-tls1_2"], "Cannot supply multiple protocol flags"),
        (["-tls1_2", "-no_tls1_3"], "Cannot supply both a protocol flag and '-no_<prot>'"),
        (["-no_ssl3", "-tls1_2"], "Cannot supply both a protocol flag and '-no_<prot>'"),
    ],
)
def test_version_clashes(argv: list[str], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        program(*argv)
    assert (raised.value.message, raised.value.hint) == (message, False)
