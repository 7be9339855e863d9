from __future__ import annotations

from pathlib import Path

import pytest

from tlsdeck.errors import ConfigurationError, SettingError
from tlsdeck.native import lib
from tlsdeck.tls.credentials import load_revocation_list
from tlsdeck.tls.verify import Trust, new_store, parse_parameters


def test_parse_parameters_sets_flags_and_values() -> None:
    parameters = parse_parameters(
        ["X509_V_FLAG_CRL_CHECK", "X509_V_FLAG_PARTIAL_CHAIN"],
        [
            ("policy", "1.2.3.4"),
            ("purpose", "sslserver"),
            ("verify_name", "ssl_server"),
            ("verify_depth", "3"),
            ("auth_level", "2"),
            ("attime", "1700000000"),
            ("verify_hostname", "localhost"),
            ("verify_email", "me@example.com"),
            ("verify_ip", "::1"),
        ],
    )
    assert parameters.pointer


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("policy", "no policy", "Invalid Policy no policy"),
        ("purpose", "world peace", "Invalid purpose world peace"),
        ("verify_name", "nobody", "Invalid verify name nobody"),
        ("verify_ip", "1.2.3", "Invalid IP address for -verify_ip: 1.2.3"),
        ("verify_depth", "deep", "Not a number: deep"),
        ("auth_level", "", "Not a number: "),
        ("attime", "noon", "Not a number: noon"),
        ("verify_depth", "2147483648", "Number out of range: 2147483648"),
        ("attime", "9223372036854775808", "Number out of range: 9223372036854775808"),
        ("no_such_option", "1", "Unknown verification option no_such_option"),
    ],
)
def test_parse_parameters_refuses_wrong_values(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingError) as raised:
        parse_parameters([], [(name, value)])
    assert raised.value.message == message


@pytest.mark.parametrize("flag", ["X509_V_FLAG_NONSENSE", "SSL_new", ""])
def test_parse_parameters_refuses_unknown_flags(flag: str) -> None:
    with pytest.raises(SettingError, match="Unknown verification flag"):
        parse_parameters([flag], [])


@pytest.mark.parametrize(
    "name", ["policy", "purpose", "verify_name", "verify_hostname", "verify_email", "verify_ip"]
)
def test_parse_parameters_refuses_nul(name: str) -> None:
    with pytest.raises(ValueError, match="NUL"):
        parse_parameters([], [(name, "a\0b")])


@pytest.mark.parametrize("name", ["verify_depth", "auth_level"])
def test_parse_parameters_leaves_what_was_for_negative_numbers(name: str) -> None:
    assert parse_parameters([], [(name, "-5")]).pointer


def test_new_store_reads_every_place(files: Path) -> None:
    crl = load_revocation_list(str(files / "crl.pem"), "CRL")
    trust = Trust(str(files / "root.pem"), str(files), f"file:{files}/inter.pem")
    assert new_store(trust, [crl]) != lib.X509_STORE_new


@pytest.mark.parametrize(
    "trust",
    [Trust(file="/nowhere"), Trust(uri="nonsense:x"), Trust(file="junk.pem")],
    ids=["file", "uri", "junk"],
)
def test_new_store_of_nothing_is_an_error(trust: Trust, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    with pytest.raises(ConfigurationError, match="Error loading store locations") as raised:
        new_store(trust)
    assert raised.value.stack
