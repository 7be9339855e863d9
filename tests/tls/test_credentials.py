from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from support.pki import PASSWORD
from tls.pairs import Pair, client_settings
from tlsdeck.errors import ConfigurationError, LibraryError
from tlsdeck.native import lib
from tlsdeck.tls.context import Context
from tlsdeck.tls.credentials import (
    Identity,
    load_certificate,
    load_chain,
    load_dh_parameters,
    load_key,
    load_revocation_list,
    parse_identity,
)
from tlsdeck.tls.settings import Settings

KEYS = ["rsa.key", "rsakey.der", "both.pem", "ecdsa.key", "ed25519.key"]


@pytest.mark.parametrize("name", KEYS)
def test_load_key_tells_formats_apart(name: str, files: Path) -> None:
    key = load_key(str(files / name), None, "a key")
    assert lib.EVP_PKEY_get_bits(key.pointer) in {2048, 256}


@pytest.mark.parametrize("name", ["locked.key", "locked.p12"])
def test_load_key_unlocks(name: str, files: Path) -> None:
    key = load_key(str(files / name), PASSWORD, "a key")
    certificate = load_certificate(str(files / "rsa.pem"), None, "a certificate")
    Context(Settings(server=True, identities=(Identity(certificate, key),)))


@pytest.mark.parametrize("password", ["wrong", "", "x" * 5000, "Übung"])
def test_load_key_with_a_wrong_password_is_an_error(password: str, files: Path) -> None:
    with pytest.raises(ConfigurationError, match="Could not read a key from") as raised:
        load_key(str(files / "locked.key"), password, "a key")
    assert raised.value.stack


def test_load_key_refuses_a_password_with_nul(files: Path) -> None:
    with pytest.raises(ValueError, match="NUL"):
        load_key(str(files / "locked.key"), "a\0b", "a key")


def test_load_key_of_an_uri(files: Path) -> None:
    assert load_key(f"file:{files}/rsa.key", None, "a key").pointer


@pytest.mark.parametrize("name", ["rsa.pem", "junk.pem", "empty.pem", "crl.pem"])
def test_load_key_where_there_is_none_is_an_error(name: str, files: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_key(str(files / name), None, "the key")
    assert raised.value.message == f"Could not read the key from {files / name}"


def test_load_from_nowhere_says_what_and_where() -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_key("/nowhere.key", None, "the key")
    assert raised.value.message == "Could not open file or uri for loading the key from /nowhere.key"
    assert any("No such file or directory" in line for line in raised.value.stack)


@pytest.mark.parametrize("name", ["rsa.pem", "rsa.der", "both.pem", "fullchain.pem"])
def test_load_certificate_tells_formats_apart(name: str, files: Path) -> None:
    assert load_certificate(str(files / name), None, "a certificate").pointer


@pytest.mark.parametrize("name", ["locked.p12", "open.p12"])
def test_load_certificate_of_pkcs12(name: str, files: Path) -> None:
    assert load_certificate(str(files / name), PASSWORD if name == "locked.p12" else "", "it").pointer


@pytest.mark.parametrize(
    "load", [lambda uri: load_certificate(uri, None, "it"), lambda uri: load_revocation_list(uri, "it")]
)
def test_load_failures_end_with_the_line_of_the_original(load: Callable[[str], object], files: Path) -> None:
    for name in ("rsa.key", "nowhere.pem"):
        with pytest.raises(ConfigurationError) as raised:
            load(str(files / name))
        assert raised.value.stack[-1] == "Unable to load it"


def test_load_chain_has_all_certificates_in_order(files: Path) -> None:
    assert len(load_chain(str(files / "fullchain.pem"), None, "chain")) == 2
    assert len(load_chain(str(files / "rsa.pem"), None, "chain")) == 1


def test_load_chain_of_none_is_an_error(files: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_chain(str(files / "rsa.key"), None, "a chain")
    assert raised.value.message == f"Could not read any cert of a chain from {files / 'rsa.key'}"


def test_load_revocation_list_finds_it(files: Path) -> None:
    assert load_revocation_list(str(files / "crl.pem"), "CRL").pointer


def test_load_dh_parameters_of_none(files: Path) -> None:
    with pytest.raises(ConfigurationError, match="Could not read params of DH parameters from"):
        load_dh_parameters(str(files / "rsa.pem"))
    assert load_dh_parameters(str(files / "rsa.pem"), quiet=True) is None
    assert load_dh_parameters("/nowhere", quiet=True) is None


def test_parse_identity_is_usable(pki: Mapping[str, bytes]) -> None:
    identity = parse_identity(pki["ecdsa.key"], pki["ecdsa.pem"])
    both = Pair(client_settings(), Settings(server=True, identities=(identity,)))
    both.shake()
    assert both.client.established


@pytest.mark.parametrize(
    "key, certificate", [("rsa.pem", "rsa.pem"), ("rsa.key", "rsa.key"), ("junk.pem", "rsa.pem")]
)
def test_parse_identity_of_anything_else_is_an_error(
    key: str, certificate: str, pki: Mapping[str, bytes]
) -> None:
    with pytest.raises(LibraryError) as raised:
        parse_identity(pki[key], pki[certificate])
    assert raised.value.stack


def test_errors_say_what_kind_of_thing_was_wanted(files: Path) -> None:
    junk = str(files / "junk.pem")
    with pytest.raises(ConfigurationError, match="Could not read cert of My Identity from") as raised:
        load_certificate(junk, None, "My Identity")
    assert raised.value.stack[-1] == "Unable to load My Identity"
    with pytest.raises(ConfigurationError, match="Could not read any cert of a chain from"):
        load_chain(junk, None, "a chain")
    with pytest.raises(ConfigurationError, match="Could not read any certificates from"):
        load_chain(junk, None, "certificates")
