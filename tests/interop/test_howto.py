"""The how-tos whose commands want root's rights or Debian's packages, with these commands; see support/howto.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.howto import check, for_root, pages


@pytest.mark.parametrize("page", [page for page in pages() if for_root(page)], ids=lambda page: page.stem)
def test_commands_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    assert os.geteuid() == 0, "these commands want root"
    check(page, tmp_path, root=True)
