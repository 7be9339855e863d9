from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tlsdeck.errors import ConfigurationError, SettingError
from tlsdeck.tls import library


def test_version_is_the_librarys_own() -> None:
    assert library.version().startswith("OpenSSL ")


def test_randomness_is_saved_and_loaded(tmp_path: Path) -> None:
    path = tmp_path / "random"
    library.save_randomness(str(path))
    assert path.stat().st_size == 1024
    library.load_randomness(str(path))


def test_randomness_of_nowhere_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="Can't load /nowhere/random into RNG") as raised:
        library.load_randomness("/nowhere/random")
    assert raised.value.stack
    with pytest.raises(ConfigurationError, match="Cannot write random bytes:"):
        library.save_randomness("/nowhere/random")


def test_unknown_provider_is_an_error_with_a_hint() -> None:
    with pytest.raises(SettingError, match="unable to load provider nowhere\nHint: use -provider-path"):
        library.load_provider("nowhere")


def test_open_failure_is_told_in_the_librarys_words(tmp_path: Path) -> None:
    assert library.open_failure(str(tmp_path / "new").encode(), b"w") == ()
    assert "No such file or directory" in library.open_failure(b"/nowhere/at/all", b"r")[0]


LOAD = """
from tlsdeck.errors import SettingError
from tlsdeck.tls import library
library.load_provider("default")
library.load_provider("legacy")
library.set_provider_path("/nowhere")
try:
    library.load_provider("fips")
except SettingError as error:
    print("/nowhere/fips" in str(error.stack))
"""


def test_providers_are_loaded_from_the_path_that_was_set() -> None:
    """In a process of its own: providers stay loaded."""
    finished = subprocess.run(
        [sys.executable, "-c", LOAD], capture_output=True, text=True, check=True, timeout=20
    )
    assert finished.stdout == "True\n"
