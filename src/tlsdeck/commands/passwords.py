"""Where pass phrases come from: openssl-passphrase-options(1)."""

from __future__ import annotations

import os

from tlsdeck.errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_PREFIX = 5  # characters within which the colon of "pass:" or "file:" must stand


def read_password(source: str, purpose: str) -> str:
    """The pass phrase that a value of -pass stands for.

    Raises:
        ConfigurationError: unknown form, or nothing there; `purpose` ends the message.
    """
    try:
        return _read(source)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error.message}\n{purpose}", error.stack) from None


def _read(source: str) -> str:
    if source == "stdin":
        return _first_line(0)
    kind, colon, rest = source.partition(":")
    if not colon or len(kind) >= _LONGEST_PREFIX:
        raise ConfigurationError(
            f"Invalid password argument, missing ':' within the first {_LONGEST_PREFIX} chars"
        )
    if kind not in _SOURCES:
        raise ConfigurationError(f'Invalid password argument, starting with "{kind}:"')
    return _SOURCES[kind](rest)


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise ConfigurationError(f"No environment variable {name}")
    return value


def _from_file(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        raise ConfigurationError(f"Can't open file {path}") from None
    try:
        return _first_line(descriptor)
    finally:
        os.close(descriptor)


def _from_descriptor(number: str) -> str:
    if not number.isdecimal():
        raise ConfigurationError(f"Can't access file descriptor {number}")
    return _first_line(int(number))


def _first_line(descriptor: int) -> str:
    """One line, read byte by byte so that what follows stays for the next reader; it ends at a NUL, as C's would."""
    line = bytearray()
    try:
        while (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
            line += byte
    except OSError as error:
        raise ConfigurationError(
            f"Error reading password from descriptor {descriptor}: {error.strerror}"
        ) from None
    return line.partition(b"\0")[0].rstrip(b"\r").decode("utf-8", "surrogateescape")


_SOURCES: dict[str, Callable[[str], str]] = {
    "pass": lambda text: text,
    "env": _from_environment,
    "file": _from_file,
    "fd": _from_descriptor,
}
