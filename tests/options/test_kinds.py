from __future__ import annotations

from pathlib import Path

import pytest

from tlsdeck.errors import UsageError
from tlsdeck.options import kinds


def read(kind: kinds.Kind, text: str) -> object:
    return kind.read(text, "opt", "prog")


@pytest.mark.parametrize(
    "text, number",
    [
        ("5", 5),
        ("+5", 5),
        ("-5", -5),
        (" \t5", 5),
        ("0", 0),
        ("0x1F", 31),
        ("-0X10", -16),
        ("010", 10),  # checked as octal digits, read with atoi
        ("2147483647", 2**31 - 1),
        ("-2147483648", -(2**31)),
    ],
)
def test_integer_reads(text: str, number: int) -> None:
    assert read(kinds.INTEGER, text) == number


@pytest.mark.parametrize(
    "text, name",
    [
        ("", "a"),
        ("x", "a"),
        ("5 ", "a"),
        ("1_0", "a"),
        ("٣", "a"),
        ("-", "a"),
        ("+-1", "a"),
        ("1.5", "a"),
        ("-09", "a"),
        ("08", "an octal"),
        ("0x", "a hexadecimal"),
        ("0X", "a hexadecimal"),
        ("0x1g", "a hexadecimal"),
        ("0x-1", "a hexadecimal"),
        ("9" * 20, "a"),
    ],
)
@pytest.mark.parametrize("kind", [kinds.INTEGER, kinds.POSITIVE, kinds.INTMAX])
def test_numbers_refuse(kind: kinds.Kind, text: str, name: str) -> None:
    with pytest.raises(UsageError) as raised:
        read(kind, text)
    assert raised.value.message == f'prog: Can\'t parse "{text}" as {name} number'
    assert raised.value.hint


@pytest.mark.parametrize("text", ["2147483648", "-2147483649", "0x80000000"])
def test_integer_refuses_more_than_an_int(text: str) -> None:
    with pytest.raises(UsageError, match=f'^prog: Value "{text}" outside integer range$'):
        read(kinds.INTEGER, text)


@pytest.mark.parametrize("text", ["0", "-1", "0x0"])
def test_positive_refuses_zero_and_less(text: str) -> None:
    with pytest.raises(UsageError, match=f'^prog: Non-positive number "{text}" for option -opt$'):
        read(kinds.POSITIVE, text)


def test_positive_reads() -> None:
    assert read(kinds.POSITIVE, "0x10") == 16


@pytest.mark.parametrize(
    "text, number", [("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63)), ("010", 8)]
)
def test_intmax_reads(text: str, number: int) -> None:
    assert read(kinds.INTMAX, text) == number


def test_intmax_refuses_more_than_64_bits() -> None:
    with pytest.raises(UsageError, match=r"as a number$"):
        read(kinds.INTMAX, "9223372036854775808")


def test_directory_must_exist(tmp_path: Path) -> None:
    assert read(kinds.DIRECTORY, str(tmp_path)) == str(tmp_path)
    file = tmp_path / "file"
    file.touch()
    for text in (str(file), str(tmp_path / "missing"), ""):
        with pytest.raises(UsageError) as raised:
            read(kinds.DIRECTORY, text)
        assert raised.value.message == f"prog: Not a directory: {text}"


@pytest.mark.parametrize("kind", [kinds.STRING, kinds.INFILE, kinds.OUTFILE, kinds.URI])
@pytest.mark.parametrize("text", ["", "-x", "a b", "\udcff"])
def test_texts_are_taken_as_they_are(kind: kinds.Kind, text: str) -> None:
    assert read(kind, text) == text


def test_hex_digits() -> None:
    for text in ("", "1a2B"):
        assert read(kinds.HEX, text) == text
    for text in ("0x12", "g", "1 2", "1g2"):
        with pytest.raises(UsageError) as raised:
            read(kinds.HEX, text)
        assert (raised.value.message, raised.value.hint) == (f"Not a hex number '{text}'", False)


@pytest.mark.parametrize(
    "text, name",
    [
        ("PEM", "PEM"),
        ("pem", "PEM"),
        ("P", "PEM"),
        ("p", "PEM"),
        ("DER", "DER"),
        ("d", "DER"),
        ("engine", "ENGINE"),
        ("E", "ENGINE"),
        ("P12", "P12"),
        ("pkcs12", "P12"),
        ("1", "P12"),
        ("PVK", "PVK"),
        ("MSBLOB", "MSBLOB"),
        ("HTTP", "HTTP"),
        ("smime", "SMIME"),
        ("text", "TEXT"),
        ("NSS", "NSS"),
    ],
)
def test_format_words(text: str, name: str) -> None:
    assert read(kinds.ANY_FORMAT, text) == name
    demands = {
        kinds.PEM_DER: (("PEM", "DER"), "; must be pem or der"),
        kinds.PEM_DER_ENGINE: (("PEM", "DER", "ENGINE"), "; must be one of:\n   PEM/DER\n   engine"),
    }
    for kind, (accepted, demand) in demands.items():
        if name in accepted:
            assert read(kind, text) == name
        else:
            with pytest.raises(UsageError) as raised:
                read(kind, text)
            assert raised.value.message == (
                f'prog: Bad format "{text}"{demand}\nprog: Invalid format "{text}" for option -opt'
            )


@pytest.mark.parametrize("text", ["", "X", "Pem", "PK", "b64", "BASE64"])
@pytest.mark.parametrize("kind", [kinds.PEM_DER, kinds.PEM_DER_ENGINE, kinds.ANY_FORMAT])
def test_unknown_formats(kind: kinds.Kind, text: str) -> None:
    with pytest.raises(UsageError) as raised:
        read(kind, text)
    assert raised.value.message == (
        f'prog: Bad format "{text}"\nprog: Invalid format "{text}" for option -opt'
    )
