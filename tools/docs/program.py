"""A program as its documents see it: the rows of its table, and the prose about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tlsdeck.options import Options, Row
from tools.docs import prose
from tools.docs.prose import Entry, Part, ProseError

OPTIONS = "Options"
LETTERS = "Connected commands"

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
class Program:
    """`entries` by the names of options, complete; `parts` by the titles of the page's sections."""

    name: str
    table: type[Options]
    parts: dict[str, Part]
    entries: dict[str, Entry]

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


def load(
    name: str, table: type[Options], letters: set[str], folder: Path, sharers: list[type[Options]]
) -> Program:
    """A program with its prose: NAME.md, and common.md for options that all `sharers` have.

    Raises ProseError where an option or a letter has no prose, or prose no option or letter.
    """
    parts = prose.read(folder / f"{name}.md")
    common = prose.read(folder / "common.md")[OPTIONS].entries
    own = parts[OPTIONS].entries
    names = {f"-{row.name}" for row in table.rows if not row.hidden}
    shared = set.intersection(
        *({f"-{row.name}" for row in other.rows if not row.hidden} for other in sharers)
    )
    _same(f"{name}.md and common.md", names, {*own, *(set(common) & names)}, "option")
    _same("common.md", set(common) & shared, set(common), "option of all programs")
    _same(f"{name}.md", set(own) - set(common), set(own), "option that common.md has not")
    _same(f"{name}.md", letters, set(parts[LETTERS].entries), "letter")
    return Program(name, table, parts, {**common, **own})


def _same(where: str, wanted: set[str], found: set[str], what: str) -> None:
    if missing := wanted - found:
        raise ProseError(f"{where}: no text for {' '.join(sorted(missing))}")
    if superfluous := found - wanted:
        raise ProseError(f"{where}: text for {' '.join(sorted(superfluous))}, which is no {what}")
