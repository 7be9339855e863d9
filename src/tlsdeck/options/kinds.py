"""The kinds of value an option can take, as the OpenSSL programs check them.

A kind is a word of -help ("infile", "+int", ...) and the function that turns the text of the command line
into the value of the settings object. Such a function gets the text, the option's name and the program's
name, the latter two for its complaint, and raises `UsageError` worded as OpenSSL 3.0 words it.
"""

from __future__ import annotations

import os.path

from tlsdeck.errors import UsageError
from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container


class Kind(Record):
    """A kind of value: its word in -help, how its text is read, and the value without the option."""

    word: str
    read: Callable[[str, str, str], object]
    default: object = None


class Only(Record):
    """The few values an option accepts, and what is said about any other one.

    `complaint` may name `{program}` and `{value}` (the text as given); `hint`: whether -help is pointed at.
    """

    values: Container[object]
    complaint: str
    hint: bool = False


def _text(text: str, _option: str, _program: str) -> str:
    return text


def _directory(text: str, _option: str, program: str) -> str:
    if not os.path.isdir(text):
        raise UsageError(f"{program}: Not a directory: {text}")
    return text


def _hex_digits(text: str, _option: str, _program: str) -> str:
    if text.strip("0123456789abcdefABCDEF"):
        raise UsageError(f"Not a hex number '{text}'", hint=False)
    return text


# Prefix, base the digits are checked in, what the complaint calls such a number.
_BASES = (
    ("0x", 16, "a hexadecimal"),
    ("0X", 16, "a hexadecimal"),
    ("0", 8, "an octal"),
    ("", 10, "a"),
)
_DIGITS = "0123456789abcdef"


def _unreadable(text: str, program: str) -> UsageError:
    name = next(name for prefix, _, name in _BASES if text.startswith(prefix))
    return UsageError(f'{program}: Can\'t parse "{text}" as {name} number')


def _number(text: str, program: str, *, octal: bool) -> int:
    """Read `text` as strtol(3) with base 0 does, up to 64 bits.

    A leading 0 demands octal digits; whether it also means an octal value is the caller's choice, because the
    OpenSSL programs check with strtol and then read most numbers with atoi.
    """
    unsigned = text.lstrip(" \t\n\v\f\r")
    sign = -1 if unsigned.startswith("-") else 1
    unsigned = unsigned[1:] if unsigned[:1] in ("-", "+") else unsigned
    prefix, base, _ = next(row for row in _BASES if unsigned.startswith(row[0]))
    digits = unsigned[len(prefix) :] if base == 16 else unsigned
    if not digits or digits.lower().strip(_DIGITS[:base]):
        raise _unreadable(text, program)
    number = sign * int(digits, 10 if base == 8 and not octal else base)
    if not -(2**63) <= number < 2**63:
        raise _unreadable(text, program)
    return number


def _integer(text: str, _option: str, program: str) -> int:
    number = _number(text, program, octal=False)
    if not -(2**31) <= number < 2**31:
        raise UsageError(f'{program}: Value "{text}" outside integer range')
    return number


def _positive(text: str, option: str, program: str) -> int:
    number = _integer(text, option, program)
    if number <= 0:
        raise UsageError(f'{program}: Non-positive number "{text}" for option -{option}')
    return number


def _intmax(text: str, _option: str, program: str) -> int:
    return _number(text, program, octal=True)


_LONGEST = 10**9  # seconds; some 30 years


def _seconds(text: str, option: str, program: str) -> float:
    """A time span of ours: decimal digits, a fraction if wanted, more than nothing."""
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    value = float(text) if digits.isascii() and digits.isdecimal() else 0.0
    if not 0 < value <= _LONGEST:
        raise UsageError(f'{program}: Not a number of seconds: "{text}" for option -{option}')
    return value


# The words that name a format, and for the others the first letter that does, in either case.
_FORMAT_WORDS = {
    **dict.fromkeys(("PEM", "pem", "P", "p"), "PEM"),
    **dict.fromkeys(("PVK", "pvk"), "PVK"),
    **dict.fromkeys(("P12", "p12", "PKCS12", "pkcs12"), "P12"),
}
_FORMAT_LETTERS = {
    "d": "DER",
    "t": "TEXT",
    "n": "NSS",
    "s": "SMIME",
    "m": "MSBLOB",
    "e": "ENGINE",
    "h": "HTTP",
    "1": "P12",
}


def _format(accepted: Container[str], demand: str) -> Callable[[str, str, str], str]:
    def read(text: str, option: str, program: str) -> str:
        known = _FORMAT_WORDS.get(text) or _FORMAT_LETTERS.get(text[:1].lower())
        if known is not None and known in accepted:
            return known
        raise UsageError(
            f'{program}: Bad format "{text}"{demand if known else ""}\n'
            f'{program}: Invalid format "{text}" for option -{option}'
        )

    return read


FLAG = Kind("", _text, False)
STRING = Kind("val", _text)
INFILE = Kind("infile", _text)
OUTFILE = Kind("outfile", _text)
DIRECTORY = Kind("dir", _directory)
URI = Kind("uri", _text)
HEX = Kind("val", _hex_digits)
INTEGER = Kind("int", _integer)
POSITIVE = Kind("+int", _positive)
SECONDS = Kind("seconds", _seconds)
INTMAX = Kind("intmax", _intmax)
PEM_DER = Kind("PEM|DER", _format(("PEM", "DER"), "; must be pem or der"))
PEM_DER_ENGINE = Kind(
    "PEM|DER|ENGINE",
    _format(("PEM", "DER", "ENGINE"), "; must be one of:\n   PEM/DER\n   engine"),
)
ANY_FORMAT = Kind("format", _format({*_FORMAT_WORDS.values(), *_FORMAT_LETTERS.values()}, ""))
