"""The door to libssl and libcrypto: loads the extension and holds the few things every call needs.

`lib.X` is the C function X, with its own name, arguments and result. Nothing here knows about TLS.
"""

from __future__ import annotations

from tlsdeck.errors import LibraryError
from tlsdeck.native._native import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Pointer: TypeAlias = Any  # a C pointer or handle; what it points to is the function's business

__all__ = [
    "check",
    "encoded",
    "error_stack",
    "ffi",
    "has",
    "lib",
    "new_unset",
    "own",
    "printed",
    "taken",
    "text",
]


# As ffi.new, for memory that C fills anyway.
new_unset = ffi.new_allocator(should_clear_after_alloc=False)


def has(symbol: str) -> bool:
    """Whether the libssl this was built for has the function or constant `symbol`."""
    return hasattr(lib, symbol)


def own(pointer: Pointer, free: Callable[[Pointer], object]) -> Pointer:
    """`pointer`, freed when the last reference to the result goes.

    Raises:
        LibraryError: it is NULL, that is, the call that should have made it failed.
    """
    check(pointer)
    return ffi.gc(pointer, free)


def check(result: Any, message: str = "") -> None:
    """Raises LibraryError, with the error queue, unless `result` is true in C's sense (neither 0 nor NULL)."""
    if not result:
        raise LibraryError(message, error_stack())


def error_stack() -> tuple[str, ...]:
    """The lines of this thread's error queue as ERR_print_errors(3) words them; the queue is empty afterwards."""
    return tuple(printed(lib.ERR_print_errors).splitlines())


def text(string: Pointer) -> str:
    """A C string as str; undecodable bytes survive as surrogates (PEP 383)."""
    return bytes(ffi.string(string)).decode("utf-8", "surrogateescape")


def encoded(string: str) -> bytes:
    """The reverse of `text`, for a C function that takes a string.

    Raises:
        ValueError: it holds a NUL, where C would see its end.
    """
    if "\0" in string:
        raise ValueError(f"NUL character in {string!r}")
    return string.encode("utf-8", "surrogateescape")


def taken(string: Pointer) -> str | None:
    """As `text`, of a string that is ours to free with OPENSSL_free; None for NULL."""
    if string == ffi.NULL:
        return None
    try:
        return text(string)
    finally:
        lib.OPENSSL_free(string)


def printed(function: Callable[..., object], *arguments: Any) -> str:
    """What a libcrypto printer `function(BIO *out, ...)` writes, as str."""
    bio = lib.BIO_new(lib.BIO_s_mem())
    try:
        function(bio, *arguments)
        start = ffi.new("char **")
        length = lib.BIO_get_mem_data(bio, start)
        return bytes(ffi.buffer(start[0], length)).decode("utf-8", "surrogateescape") if length else ""
    finally:
        lib.BIO_free(bio)
