"""The library's public names."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tlsdeck

every_name = pytest.mark.parametrize("name", tlsdeck.__all__)


@every_name
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(tlsdeck, name).__name__ == name
    assert name in tlsdeck._HOMES


@every_name
def test_every_public_name_is_documented(name: str) -> None:
    assert inspect.getdoc(getattr(tlsdeck, name))


def test_public_names_are_sorted_and_complete() -> None:
    assert tlsdeck.__all__ == sorted(tlsdeck.__all__)
    assert set(tlsdeck.__all__) == set(tlsdeck._HOMES)


def test_other_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="module 'tlsdeck' has no attribute 'nonsense'"):
        _ = tlsdeck.nonsense


def test_version_is_the_packages() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", tlsdeck.__version__)


def test_import_alone_loads_no_library() -> None:
    code = "import sys, tlsdeck; print(any('_native' in name for name in sys.modules))"
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20
    )
    assert finished.stdout == "False\n"


USE = """
from tlsdeck import Connection, Context, Settings, memory
from tlsdeck.errors import TlsdeckError
{imports}

transport = memory()
connection = Connection(Context(Settings(server=False)), transport, server_name="localhost")
done: bool = connection.handshake()
hello: bytes = transport.take()
data: bytes | None = connection.read(100)
{reveal}
"""


def test_public_names_type_check(tmp_path: Path) -> None:
    """For a user of the package, who has py.typed and nothing else."""
    imports = f"from tlsdeck import {', '.join(tlsdeck.__all__)}"
    reveal = "\n".join(f"reveal_type({name})" for name in tlsdeck.__all__)
    (tmp_path / "use.py").write_text(USE.format(imports=imports, reveal=reveal))
    finished = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file",
            "",
            "--cache-dir",
            str(tmp_path),
            "use.py",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stdout
    notes = [line for line in finished.stdout.splitlines() if "Revealed type is" in line]
    assert len(notes) == len(tlsdeck.__all__)
    assert not [line for line in notes if '"Any"' in line]
