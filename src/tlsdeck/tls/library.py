"""State of libcrypto as a whole: providers, properties, randomness."""

from __future__ import annotations

from tlsdeck.errors import ConfigurationError, SettingError
from tlsdeck.native import encoded, error_stack, ffi, lib, text


def load_provider(name: str) -> None:
    """Loads a provider (provider(7)). As soon as one is named, the default one must be named too if it is wanted.

    Raises:
        SettingError: no such provider.
    """
    lib.ERR_clear_error()
    if lib.OSSL_PROVIDER_load(ffi.NULL, encoded(name)) == ffi.NULL:
        hint = "Hint: use -provider-path option or OPENSSL_MODULES environment variable."
        raise SettingError(f"unable to load provider {name}\n{hint}", error_stack())


def set_provider_path(directory: str) -> None:
    """Where `load_provider` looks.

    Raises:
        SettingError: libcrypto would not take it.
    """
    if not lib.OSSL_PROVIDER_set_default_search_path(ffi.NULL, encoded(directory)):
        raise SettingError(f"unable to set provider search path {directory}", error_stack())


def load_randomness(path: str) -> None:
    """Adds a file's bytes to the random number generator (RAND_load_file(3)).

    Raises:
        ConfigurationError: the file cannot be read.
    """
    lib.ERR_clear_error()
    if lib.RAND_load_file(encoded(path), -1) < 0:
        raise ConfigurationError(f"Can't load {path} into RNG", error_stack())


def save_randomness(path: str) -> None:
    """Writes random bytes to a file, for a later `load_randomness` (RAND_write_file(3)).

    Raises:
        ConfigurationError: the file cannot be written.
    """
    lib.ERR_clear_error()
    if lib.RAND_write_file(encoded(path)) < 0:
        raise ConfigurationError("Cannot write random bytes:", error_stack())


def version() -> str:
    """The library's own name and version, as in `OpenSSL 3.0.19 27 Jan 2026`."""
    return text(lib.OpenSSL_version(0))


def open_failure(path: bytes, mode: bytes) -> tuple[str, ...]:
    """Tries to open a file as BIO_new_file(3) does; the lines of the error queue, none if it works."""
    lib.ERR_clear_error()
    bio = lib.BIO_new_file(path, mode)
    if bio != ffi.NULL:
        lib.BIO_free(bio)
    return error_stack()
