"""The programs in docs/library.md print what stands below them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import tlsdeck
from support.fixtures import Run, Start
from support.peers import start_server
from support.pki import populate
from support.programs import OURS

PAGE = (Path(__file__).parents[2] / "docs" / "library.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```$.*?^```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def here(pki: dict[str, bytes], tmp_path: Path) -> Path:
    """The files that the page's programs name."""
    files = {"ca.pem": pki["root.pem"], "server.crt": pki["rsa.pem"], "server.key": pki["rsa.key"]}
    return populate(tmp_path, files)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == PAGE.count("```python\n") == 2


@pytest.mark.parametrize("program, printed", EXAMPLES)
def test_example_prints_what_the_page_shows(
    program: str, printed: str, run: Run, start: Start, here: Path
) -> None:
    server = start_server(start, OURS, "-rev -cert server.crt -key server.key", here)
    finished = run([sys.executable, "-c", program.replace("4433", str(server.port))], cwd=here)
    assert (finished.code, finished.err) == (0, "")
    assert finished.out == printed


def test_example_says_who_is_not_to_be_trusted(
    pki: dict[str, bytes], run: Run, start: Start, here: Path
) -> None:
    (here / "ca.pem").write_bytes(pki["inter.pem"])
    server = start_server(start, OURS, "-rev -cert server.crt -key server.key", here)
    program = EXAMPLES[0][0].replace("4433", str(server.port))
    finished = run([sys.executable, "-c", program], cwd=here)
    assert (finished.code, finished.err) == (1, "not to be trusted: certificate verify failed\n")


def test_names_in_the_table_are_public() -> None:
    first_cells = re.findall(r"^\| (.*?) \|", PAGE, re.MULTILINE)
    named = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert "Context" in named
    assert named <= set(tlsdeck.__all__)
