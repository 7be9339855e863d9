"""What the documents are made of: rows of the code, and the prose about them.

Prose must be complete. A row without an entry, and an entry without a row, is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tlsdeck.options import Options, Row
from tools.docs import prose
from tools.docs.prose import Entry, Part, ProseError

OPTIONS = "Options"

# What an option needs of the libraries, by the symbol its row requires.
NEEDS = {
    "SSLv3_client_method": "a libssl built with SSL 3.0, which hardly any is",
    "SSLv3_server_method": "a libssl built with SSL 3.0, which hardly any is",
    "BIO_new_dgram_sctp": "a libcrypto built with SCTP, which few are",
    "SSL_trace": "a libssl built with tracing, as most are",
    "ENGINE_by_id": "a libcrypto with engines, which OpenSSL 4 has no more",
    "SSL_CTX_enable_ct": "a libssl built with Certificate Transparency, as most are",
    "OCSP_RESPONSE_print": "a libcrypto built with OCSP, as most are",
    "OSSL_HTTP_open": "a libcrypto built with its HTTP client, as most are",
    "SSL_CTX_use_psk_identity_hint": "a libssl built with pre-shared keys, as most are",
    "SSL_get0_next_proto_negotiated": "a libssl built with NPN, as most are",
    "SSL_CTX_set_tlsext_use_srtp": "a libssl built with SRTP, as most are",
    "SRP_VBASE_new": "a libcrypto built with SRP, which is deprecated",
}


@dataclass(frozen=True)
class Item:
    """A row as it is shown above the prose about it, in the small Markdown, and what it knows that prose need not say."""

    tag: str
    remarks: tuple[str, ...] = ()
    example: str = ""


@dataclass(frozen=True)
class Document:
    """A manual page: its sections in order, and the items that their entries are about. `section`: of the manual."""

    name: str
    section: int
    parts: dict[str, Part]
    items: Mapping[str, Item] = field(default_factory=dict)

    @property
    def entries(self) -> dict[str, Entry]:
        """What is said about the options."""
        return self.parts[OPTIONS].entries


@dataclass(frozen=True)
class Program(Document):
    """A program with options; `items` has them, too."""

    table: type[Options] = Options

    def sections(self) -> Iterator[tuple[str, list[Row]]]:
        """Headlines and rows in the order of -help, a headline that comes twice there with all its rows at once."""
        found: dict[str, list[Row]] = {}
        for section in self.table.sections():
            rows = [row for row in section.own_rows if not row.hidden]
            if rows:
                found.setdefault(section.title, []).extend(rows)
        yield from found.items()

    def rows(self) -> Iterator[Row]:
        """All rows, without hidden ones."""
        for _, rows in self.sections():
            yield from rows


def load_document(name: str, section: int, items: Mapping[str, Item], folder: Path) -> Document:
    """A page without options, from the prose in NAME.md.

    Raises ProseError where an item has no prose, or prose no item.
    """
    parts = prose.read(folder / f"{name}.md")
    _same_items(f"{name}.md", items, parts)
    return Document(name, section, parts, items)


def load(
    name: str,
    table: type[Options],
    items: Mapping[str, Item],
    folder: Path,
    common: Mapping[str, Entry],
) -> Program:
    """A program with its prose: NAME.md, and `common` for options that it shares with others.

    `items` are those besides the options. Raises ProseError as `load_document`, for options too.
    """
    parts = prose.read(folder / f"{name}.md")
    own = parts[OPTIONS].entries
    options = {f"-{row.name}": _option(row) for row in table.rows if not row.hidden}
    where = f"{name}.md and common.md" if common else f"{name}.md"
    _same(where, set(options), {*own, *common}, "option")
    _same(f"{name}.md", set(own) - set(common), set(own), "option that common.md has not")
    _same_items(f"{name}.md", items, {title: part for title, part in parts.items() if title != OPTIONS})
    parts[OPTIONS] = Part(parts[OPTIONS].blocks, {**common, **own})
    return Program(name, 1, parts, {**options, **items}, table)


def load_common(folder: Path, sharers: list[type[Options]]) -> dict[str, Entry]:
    """The prose of common.md, about options that all `sharers` have.

    Raises ProseError where one of them has no such option.
    """
    common = prose.read(folder / "common.md")[OPTIONS].entries
    shared = set.intersection(*({f"-{row.name}" for row in each.rows if not row.hidden} for each in sharers))
    _same("common.md", set(common) & shared, set(common), "option of all programs")
    return common


def _option(row: Row) -> Item:
    tag = f"`-{row.name}` *{row.kind.word}*" if row.takes_value else f"`-{row.name}`"
    return Item(tag, tuple(_remarks(row)))


def _remarks(row: Row) -> Iterator[str]:
    if row.only and isinstance(row.only.values, tuple):
        yield f"One of: {', '.join(f'`{value}`' for value in row.only.values)}."
    if row.also:
        yield f"Also accepted as `-{row.also}`."
    if row.requires:
        yield f"Needs {NEEDS[row.requires]}; elsewhere the option is unknown."


def _same_items(where: str, items: Mapping[str, Item], parts: Mapping[str, Part]) -> None:
    """An entry's heading may name several items."""
    found = {name for part in parts.values() for heading in part.entries for name in heading.split()}
    _same(where, set(items), found, "row of the code")


def _same(where: str, wanted: set[str], found: set[str], what: str) -> None:
    if missing := wanted - found:
        raise ProseError(f"{where}: no text for {' '.join(sorted(missing))}")
    if superfluous := found - wanted:
        raise ProseError(f"{where}: text for {' '.join(sorted(superfluous))}, which is no {what}")
