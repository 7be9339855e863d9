"""Every command in the how-tos is run, and prints what the page shows below it; see support/howto.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.howto import INDEX, check, pages


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_commands_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    check(page, tmp_path, root=False)


def test_every_page_is_in_the_index() -> None:
    linked = re.findall(r"\]\(([\w-]+\.md)\)", INDEX.read_text())
    assert sorted(linked) == [page.name for page in pages()]
