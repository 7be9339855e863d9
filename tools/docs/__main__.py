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
from tlsdeck.options import Options
from tools.docs import completion, listing, manpage, program, prose, schema
from tools.docs.prose import ProseError

ROOT = Path(__file__).parents[2]
TABLES: dict[str, tuple[type[Options], Mapping[bytes, object]]] = {
    "s_client": (ClientOptions, CLIENT_LETTERS),
    "s_server": (ServerOptions, SERVER_LETTERS),
}
WITHOUT_OPTIONS = ("tcprules", "tcprulescheck")
DATE = "2026-11-20"  # of the manual pages: when their prose last changed


def generated() -> dict[Path, str]:
    """Every generated file and what belongs into it. Raises ProseError."""
    sharers = [table for table, _ in TABLES.values()]
    programs = [
        program.load(name, table, {letter.decode() for letter in letters}, ROOT / "docs" / "options", sharers)
        for name, (table, letters) in TABLES.items()
    ]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    files = {"docs/options.md": listing.listing(programs), "docs/json-schema.json": schema.text()}
    for each in programs:
        files[f"docs/man/{each.name}.1"] = manpage.page(each, version=version, date=DATE)
        files[f"completions/bash/{each.name}"] = completion.bash(each)
        files[f"completions/zsh/_{each.name}"] = completion.zsh(each)
        files[f"completions/fish/{each.name}.fish"] = completion.fish(each)
    for name in WITHOUT_OPTIONS:
        parts = prose.read(ROOT / "docs" / "options" / f"{name}.md")
        files[f"docs/man/{name}.1"] = manpage.prose_page(name, parts, version=version, date=DATE)
    front = completion.tlsdeck(list(COMMANDS), completed=list(TABLES))
    files["completions/bash/tlsdeck"] = front["bash"]
    files["completions/zsh/_tlsdeck"] = front["zsh"]
    files["completions/fish/tlsdeck.fish"] = front["fish"]
    return {ROOT / path: content for path, content in files.items()}


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
