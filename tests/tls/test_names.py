from __future__ import annotations

from collections.abc import Mapping

import pytest

from tls.pairs import identity_of
from tlsdeck.errors import ConfigurationError
from tlsdeck.native import lib
from tlsdeck.tls.names import _WORDS, ONELINE, name_flags, name_text


def shown(pki: Mapping[str, bytes], flags: int) -> str:
    certificate = identity_of(pki, "unicode").certificate
    return name_text(lib.X509_get_subject_name(certificate.pointer), flags)


# What `openssl x509 -nameopt` prints of the same name.
FORMATS = {
    "RFC2253": "CN=localhost,O=\\C3\\9Cbung\\, Test \\+ S\\C3\\B6hne,C=DE",
    "oneline": 'C = DE, O = "\\C3\\9Cbung, Test + S\\C3\\B6hne", CN = localhost',
    "oneline,-esc_msb": 'C = DE, O = "Übung, Test + Söhne", CN = localhost',
    "multiline,-esc_msb,utf8": (
        "countryName               = DE\n"
        "organizationName          = Übung, Test + Söhne\n"
        "commonName                = localhost"
    ),
    "oid,utf8": "2.5.4.6=DE, 2.5.4.10=Übung, Test + Söhne, 2.5.4.3=localhost",
}


@pytest.mark.parametrize("option", FORMATS)
def test_name_text_in_the_formats_of_nameopt(option: str, pki: Mapping[str, bytes]) -> None:
    assert shown(pki, name_flags(option)) == FORMATS[option]


def test_oneline_is_what_is_printed_without_nameopt() -> None:
    assert name_flags("oneline") == ONELINE


def test_words_clear_what_they_replace() -> None:
    assert name_flags("RFC2253,oneline") == name_flags("oneline")
    assert name_flags("sep_comma_plus,sep_multiline") == name_flags("sep_multiline")
    assert name_flags("utf8,-utf8,sep_multiline") == name_flags("sep_multiline")


def test_a_format_without_separator_gets_one() -> None:
    assert name_flags("utf8") == name_flags("utf8,sep_comma_plus_space")
    assert name_flags("compat") == lib.XN_FLAG_COMPAT == 0


@pytest.mark.parametrize("word", sorted(_WORDS))
def test_every_word_makes_a_printable_name(word: str, pki: Mapping[str, bytes]) -> None:
    assert shown(pki, name_flags(word))


@pytest.mark.parametrize("option", ["", "nonsense", "oneline,", "oneline, utf8", "ONELINE", "--utf8"])
def test_unknown_word_is_an_error_that_names_the_known_ones(option: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Unknown -nameopt word .*; known are: .*RFC2253.*oneline"):
        name_flags(option)
