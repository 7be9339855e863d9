"""No variable of sslserver is without a description, whether it is read or set."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlsdeck.ucspi import contexts, environment
from tools.docs import manpage, program, variables
from tools.docs.__main__ import PROSE, ROOT
from tools.docs.program import Item
from tools.docs.prose import ProseError

ITEMS = variables.items(ROOT / "src" / "tlsdeck")


def test_what_is_read_and_what_is_set_is_found() -> None:
    assert set(ITEMS) >= {
        *contexts.VARIABLES,
        "MAXCONIP",
        "SSL_CHROOT",
        "DNSCACHEIP",
        "NOTIFY_SOCKET",
        "PATH",
        "UID",
    }
    assert set(ITEMS) >= {
        *environment.UCSPI_TLS,
        "PROTO",
        "TCP6INTERFACE",
        "SSL_CIPHER",
        "SSL_CLIENT_CERT_CHAIN_n",
    }
    assert not {"PTR", "CN", "TLS", "SSL_CLIENT", "LOCALIP", "SSL_CLIENT_S_DN_CN"} & set(ITEMS)


def test_examples_are_what_a_program_finds() -> None:
    assert ITEMS["SSL_SERVER_S_DN_x"] == Item("`SSL_SERVER_S_DN_`*x*", example="SSL_SERVER_S_DN_C=DE")
    assert ITEMS["TCP6REMOTEPORT"].example == "TCP6REMOTEPORT=40112"
    assert ITEMS["SSL_SERVER_CERT"].example == ""


def test_a_variable_that_is_new_in_the_sources_needs_a_text(tmp_path: Path) -> None:
    (tmp_path / "ucspi").mkdir()
    (tmp_path / "ucspi" / "new.py").write_text('"""ABOUT IT."""\nlimit = environ.get("BRAND_NEW", "NONE")\n')
    found = variables.items(tmp_path)
    assert "BRAND_NEW" in found
    with pytest.raises(ProseError, match=r"sslserver-environment.md: no text for BRAND_NEW$"):
        program.load_document("sslserver-environment", 7, {**ITEMS, **found}, PROSE)


def test_a_text_for_a_variable_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("## Name\n\na page\n\n## Variables\n\n### GONE\n\nWas there.\n")
    with pytest.raises(ProseError, match=r"page.md: text for GONE, which is no row of the code"):
        program.load_document("page", 7, {}, tmp_path)


def test_items_that_share_a_text_and_an_example(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("## Name\n\na page\n\n## Variables\n\n### ONE TWO\n\nTwo of them.\n")
    items = {"ONE": Item("`ONE`", ("Said.",), example="ONE=a  b"), "TWO": Item("`TWO`")}
    page = manpage.page(program.load_document("page", 7, items, tmp_path), version="1.2", date="2000-01-02")
    assert page.splitlines()[5:] == [
        ".SH VARIABLES",
        ".TP",
        r"\fBONE\fR",
        ".TQ",
        r"\fBTWO\fR",
        "Two of them.",
        "Said.",
        ".br",
        r"Example: \fBONE=a  b\fR",
    ]
