"""`make docs`: writes what is generated from the rows of the options and from the events, each file only if it changed."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from tlsdeck.__main__ import COMMANDS
from tlsdeck.commands.letters import CLIENT_LETTERS, SERVER_LETTERS
from tlsdeck.commands.s_client_options import ClientOptions
from tlsdeck.commands.s_server_options import ServerOptions
from tlsdeck.commands.sslserver_options import ServerOptions as SslserverOptions
from tlsdeck.options import Options
from tools.docs import completion, getopt_completion, listing, log_lines, manpage, program, schema, variables
from tools.docs.program import Document, Item, Program
from tools.docs.prose import ProseError

ROOT = Path(__file__).parents[2]
PROSE = ROOT / "docs" / "options"
DATE = "2026-11-21"  # of the manual pages: when their prose last changed

# Programs whose options are alike, with OpenSSL's reader of command lines, and those with getopt's.
ALIKE: dict[str, tuple[type[Options], Mapping[bytes, object]]] = {
    "s_client": (ClientOptions, CLIENT_LETTERS),
    "s_server": (ServerOptions, SERVER_LETTERS),
}
TABLES: dict[str, type[Options]] = {
    **{name: table for name, (table, _) in ALIKE.items()},
    "sslserver": SslserverOptions,
}
ONLY_FILES = {"tcprules": ("rules.cdb", "rules.tmp"), "tcprulescheck": ("rules.cdb",)}


def programs() -> list[Program]:
    """The programs with options. Raises ProseError."""
    common = program.load_common(PROSE, [table for table, _ in ALIKE.values()])
    alike = [
        program.load(name, table, _letters(letters), PROSE, common)
        for name, (table, letters) in ALIKE.items()
    ]
    return [*alike, program.load("sslserver", SslserverOptions, log_lines.items(), PROSE, {})]


def _letters(letters: Mapping[bytes, object]) -> dict[str, Item]:
    return {letter.decode(): Item(f"`{letter.decode()}`") for letter in letters}


def other_pages() -> list[Document]:
    """The manual pages without options. Raises ProseError."""
    return [
        *(program.load_document(name, 1, {}, PROSE) for name in ONLY_FILES),
        program.load_document("sslserver-environment", 7, variables.items(ROOT / "src" / "tlsdeck"), PROSE),
    ]


def generated() -> dict[Path, str]:
    """Every generated file and what belongs into it. Raises ProseError."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    with_options = programs()
    files = {"docs/options.md": listing.listing(with_options), "docs/json-schema.json": schema.text()}
    for each in [*with_options, *other_pages()]:
        files[f"docs/man/{each.name}.{each.section}"] = manpage.page(each, version=version, date=DATE)
    for name, by_shell in _completions(with_options).items():
        files |= {place.format(name): by_shell[shell] for shell, place in _SHELLS.items()}
    return {ROOT / path: content for path, content in files.items()}


_SHELLS = {
    "bash": "completions/bash/{}",
    "zsh": "completions/zsh/_{}",
    "fish": "completions/fish/{}.fish",
}


def _completions(with_options: list[Program]) -> dict[str, dict[str, str]]:
    """By program and shell."""
    found = {name: getopt_completion.only_files(name, words) for name, words in ONLY_FILES.items()}
    for each in with_options:
        style = completion if each.name in ALIKE else getopt_completion
        found[each.name] = {"bash": style.bash(each), "zsh": style.zsh(each), "fish": style.fish(each)}
    return {**found, "tlsdeck": completion.tlsdeck(list(COMMANDS), completed=list(found))}


def main() -> int:
    try:
        files = generated()
    except ProseError as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1
    for path, content in files.items():
        if not path.exists() or path.read_text() != content:
            path.write_text(content)
            print(f"docs: wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
