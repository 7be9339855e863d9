"""What `make docs` writes is current and complete, and prose that does not fit the rows is refused."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tlsdeck.commands.outcome import EXIT_CODES
from tlsdeck.commands.s_client_options import ClientOptions
from tlsdeck.options import Options, Section
from tlsdeck.options.rows import flag, positive, string
from tlsdeck.ucspi.environment import DN_PARTS
from tools.docs import listing, manpage, program
from tools.docs.__main__ import ALIKE, ROOT, TABLES, generated
from tools.docs.program import NEEDS, Item, Program
from tools.docs.prose import ProseError
from tools.docs.values import NAMES

FILES = generated()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_is_current(path: Path) -> None:
    assert path.read_text() == FILES[path], "run `make docs`"


@pytest.mark.parametrize("folder", ["docs/man", "completions"])
def test_nothing_else_lies_there(folder: str) -> None:
    there = {path for path in (ROOT / folder).rglob("*") if path.is_file()}
    assert there == {path for path in FILES if ROOT / folder in path.parents}


def test_every_requirement_is_explained() -> None:
    assert set(NEEDS) >= {row.requires for table in TABLES.values() for row in table.rows if row.requires}


@pytest.mark.parametrize("name", ALIKE)
def test_every_listed_option_stands_in_every_file(name: str) -> None:
    page = FILES[ROOT / "docs" / "man" / f"{name}.1"]
    bash = FILES[ROOT / "completions" / "bash" / name]
    zsh = FILES[ROOT / "completions" / "zsh" / f"_{name}"]
    fish = FILES[ROOT / "completions" / "fish" / f"{name}.fish"]
    for row in TABLES[name].rows:
        listed = not row.hidden
        escaped = row.name.replace("-", r"\-")
        tag = f".TP\n\\fB\\-{escaped}\\fR" + (" " if row.takes_value else "\n")
        assert (tag in page) is listed
        assert (f"-{row.name} " in bash or f"-{row.name}'" in bash) is listed
        assert (f"'-{row.name}[" in zsh or f"'*-{row.name}[" in zsh) is listed
        assert (f" -o {row.name} " in fish) is listed


def test_every_option_of_sslserver_stands_in_every_file() -> None:
    page = FILES[ROOT / "docs" / "man" / "sslserver.1"]
    bash = FILES[ROOT / "completions" / "bash" / "sslserver"]
    zsh = FILES[ROOT / "completions" / "zsh" / "_sslserver"]
    fish = FILES[ROOT / "completions" / "fish" / "sslserver.fish"]
    for row in TABLES["sslserver"].rows:
        assert (
            f".TP\n\\fB\\-{row.name}\\fR" + (f" \\fI{row.kind.word}\\fR\n" if row.takes_value else "\n")
            in page
        )
        assert f"-{row.name} " in bash or f"-{row.name}'" in bash
        assert f"'*-{row.name}{'+' if row.takes_value else ''}[" in zsh
        assert f" -s {row.name} " in fish


def test_parts_of_names_on_the_page_are_those_of_the_program() -> None:
    text = (ROOT / "docs" / "options" / "sslserver-environment.md").read_text()
    table = text.partition("## Parts of names")[2].partition("\n## ")[0]
    assert re.findall(r"(?m)^\| `(\w+)` \|", table) == [name for name, _ in DN_PARTS]


def test_exit_codes_on_the_page_are_those_of_the_program() -> None:
    table = re.findall(r"(?m)^\| (\d+) \|", (ROOT / "docs" / "options" / "s_client.md").read_text())
    assert [int(code) for code in table] == [0, 1, *EXIT_CODES.values()]


def test_installation_puts_every_file_in_its_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = [
        pattern for found in project["tool"]["setuptools"]["data-files"].values() for pattern in found
    ]
    installed = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
    to_read_here = {ROOT / "docs" / "options.md", ROOT / "docs" / "json-schema.json"}
    assert installed == sorted(set(FILES) - to_read_here)


def test_values_are_known_for_options_that_exist() -> None:
    assert set(NAMES) <= {row.name for table, _ in ALIKE.values() for row in table.rows if row.takes_value}


# --- a small program -------------------------------------------------------------------------------------------


class First(Section):
    title = "First"

    port: int | None = positive("Port")
    old: bool = flag("Old", hidden=True)


class Second(Section):
    title = "Second"

    planned: bool = flag("Planned")
    name: str | None = string("Name", also="nome", requires="SSL_trace")


class Third(Section):
    title = "First"

    quiet: bool = flag("Quiet")


class Small(First, Second, Third, Options):
    pass


class Smaller(Third, Options):
    pass


OWN = {
    "Name": "do little",
    "Description": "It does *little*.",
    "Options": "",
    "Connected commands": "Letters.\n\n### Q\n\nEnds.",
    "Report": "None.",
    "Exit status": "| status | meaning |\n|---|---|\n| 0 | good |",
    "Environment": "None.",
    "Files": "None.",
    "Examples": "```\nsmall -port 1\n\n.dot 'x'\n```",
    "Differences": "- one\n- two",
    "See also": "None.",
}
ENTRIES = """\
### -port

The port. See [there](that.md).

Differs: ours counts
from one.

### -planned

Later.

### -quiet

Silent.
"""


def small(
    folder: Path, entries: str = ENTRIES, common: str = "### -name\n\nThe name.\n", letter: str = "Q"
) -> Program:
    sections = {**OWN, "Options": f"All of them.\n\n{entries}"}
    own = "".join(f"## {title}\n\n{text}\n\n" for title, text in sections.items())
    (folder / "small.md").write_text(f"# small\n\nAbout this file.\n\n{own}")
    (folder / "common.md").write_text(f"# Both\n\n## Options\n\n{common}")
    common_entries = program.load_common(folder, [Small])
    return program.load("small", Small, {letter: Item(f"`{letter}`")}, folder, common_entries)


def test_page_of_a_small_program(tmp_path: Path) -> None:
    page = manpage.page(small(tmp_path), version="1.2", date="2000-01-02")
    assert page == (Path(__file__).parent / "small.1").read_text()


def test_list_names_what_an_option_needs_and_what_differs(tmp_path: Path) -> None:
    lines = listing.listing([small(tmp_path)]).splitlines()
    assert lines[-8:] == [
        "4 options.",
        "",
        "| option | libssl | differs |",
        "|---|---|---|",
        "| `-port +int` | any | ours counts from one. |",
        "| `-planned` | any |  |",
        f"| `-name val` | {NEEDS['SSL_trace']} |  |",
        "| `-quiet` | any |  |",
    ]


@pytest.mark.parametrize(
    "wrong, complaint",
    [
        ({"entries": ENTRIES.replace("### -quiet\n\nSilent.\n", "")}, "no text for -quiet"),
        ({"entries": f"{ENTRIES}\n### -quite\n\nSilent.\n"}, "text for -quite, which is no option"),
        ({"entries": f"{ENTRIES}\n### -quiet\n\nSilent.\n"}, "### -quiet stands there twice"),
        ({"entries": f"{ENTRIES}\n### -old\n\nOld.\n"}, "text for -old, which is no option"),
        ({"entries": f"{ENTRIES}\n### -name\n\nThe name.\n"}, "option that common.md has not"),
        (
            {"common": "### -name\n\nThe name.\n\n### -nam\n\nThe name.\n"},
            "text for -nam, which is no option of all",
        ),
        ({"letter": "R"}, "no text for R"),
    ],
)
def test_prose_that_does_not_fit_the_rows(tmp_path: Path, wrong: dict[str, str], complaint: str) -> None:
    with pytest.raises(ProseError, match=complaint):
        small(tmp_path, **wrong)


def test_prose_of_options_that_only_one_program_has_is_not_common(tmp_path: Path) -> None:
    small(tmp_path)
    with pytest.raises(ProseError, match=r"common.md: text for -name, which is no option of all programs"):
        program.load_common(tmp_path, [Small, Smaller])


def test_s_client_has_all_its_options_in_the_list() -> None:
    text = FILES[ROOT / "docs" / "options.md"]
    client = text[text.index("## s_client") : text.index("## s_server")]
    assert client.count("\n| `-") == sum(not row.hidden for row in ClientOptions.rows)
