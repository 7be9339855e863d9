"""The direction of imports, read from the sources: who may know whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src" / "tlsdeck"

# Part of the package -> the other parts it may import. Bottom modules need nothing and everybody may use them.
BOTTOM = {"errors", "names", "events", "record"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "record": set(),
    "names": {"record"},
    "events": {"record"},
    "native": {"errors", "record"},
    "wire": {"errors", "names", "record"},
    "options": {"errors", "names", "record"},
    "preamble": {"events", "errors", "record"},
    "tls": {"native", *BOTTOM},
    "output": {"wire", *BOTTOM},
    "net": {"tls", "preamble", *BOTTOM},
    "ucspi": {"native", "tls", "net", "output", *BOTTOM},
    "commands": {"native", "wire", "options", "preamble", "tls", "output", "net", "ucspi", *BOTTOM},
    "__main__": {"commands", "tls", *BOTTOM},
    "__init__": {"wire", "options", "preamble", "tls", "output", "net", *BOTTOM},
}
# What libssl's handles are called in the code.
HANDLES = {"ffi", "lib"}
MAY_TOUCH_HANDLES = {"native", "tls"}
# Third parties -> who may import them.
THIRD_PARTIES = {"cffi": {"native", "tls"}, "cryptography": {"commands"}, "dns": {"ucspi"}}

FILES = sorted(SOURCES.rglob("*.py"))
PARTS = {path.relative_to(SOURCES).parts[0].removesuffix(".py") for path in FILES}
NAMES = [str(path.relative_to(SOURCES)) for path in FILES]


def test_there_are_sources_to_check() -> None:
    assert {
        "errors",
        "events",
        "native",
        "tls",
        "net",
        "output",
        "commands",
    } <= PARTS


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_imports_point_downwards(path: Path) -> None:
    own = part(path)
    assert own in MAY_IMPORT, "a new part of the package needs its row in MAY_IMPORT"
    imported = {module.split(".")[1] for module in imports(path) if module.startswith("tlsdeck.")}
    assert imported - {own} <= MAY_IMPORT[own]


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_only_tls_and_native_touch_the_library(path: Path) -> None:
    if part(path) not in MAY_TOUCH_HANDLES:
        assert not HANDLES & set(words(path))


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_third_parties_are_imported_where_they_belong(path: Path) -> None:
    for module in imports(path):
        root = module.split(".")[0]
        if root not in sys.stdlib_module_names | {"tlsdeck"}:
            assert part(path) in THIRD_PARTIES.get(root, set()), f"imports {root}"


@pytest.mark.parametrize("program", ["s_client", "s_server"])
def test_start_loads_nothing_heavy(program: str) -> None:
    """What one run in a hundred needs must not be paid for by the others."""
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tlsdeck", program, "-help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if "|" in line}
    assert f"tlsdeck.commands.{program}_options" in loaded
    heavy = {
        "cryptography",
        "asyncio",
        "ssl",
        "dataclasses",
        "argparse",
        "logging",
        "http",
        "email",
        "typing",
    }
    assert not heavy & loaded


def part(path: Path) -> str:
    """The package or module right below tlsdeck that a file belongs to: one of PARTS."""
    return path.relative_to(SOURCES).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it, by its full name; `tlsdeck` itself is none of its parts."""
    package = ["tlsdeck", *path.relative_to(SOURCES).parent.parts]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module == "tlsdeck":
                yield from (f"tlsdeck.{alias.name}" for alias in node.names if alias.name in PARTS)
            else:
                yield module


def words(path: Path) -> Iterator[str]:
    """Every name and attribute that a file's code uses."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                yield name
