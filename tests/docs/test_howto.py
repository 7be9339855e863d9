"""Every command in the how-tos is run, and prints what the page shows below it.

All `sh` blocks of a page are one script, run where the commands of README.md have made their files. A `text` block is a
part of what the commands so far have printed; `...` stands for anything. `shell` blocks want a real server or a
program that not every machine has, and are not run.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.peers import free_port
from support.programs import NOT_INHERITED, need

PAGES = Path(__file__).parents[2] / "docs" / "howto"
INDEX = PAGES / "README.md"
FENCE = re.compile(r"^```(\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: Path, kind: str) -> list[str]:
    return [content for word, content in FENCE.findall(page.read_text()) if word == kind]


def script(page: Path, port: int) -> str:
    """The page's commands. A server in the background is waited for: its port in state LISTEN, or UDP's CLOSE."""
    listening = rf":{port:04X} 0+:0000 0[A7]"
    wait = (
        f"while kill -0 $! && ! grep -qE '{listening}' /proc/net/{{tcp,tcp6,udp,udp6}}; do sleep 0.05; done"
    )
    lines = "".join(blocks(INDEX, "sh") + blocks(page, "sh"))
    return re.sub(r"(?m)&$", f"&\n{wait}", lines).replace("4433", str(port))


def run(text: str, cwd: Path) -> str:
    """What a script prints that must succeed."""
    need("bash", "openssl", "curl")
    bin_folder = cwd / "bin"
    bin_folder.mkdir()
    for name in ("s_client", "s_server"):
        (bin_folder / name).write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tlsdeck {name} "$@"\n'
        )
        (bin_folder / name).chmod(0o755)
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    # Into a file: a background process that outlives the script would hold a pipe open.
    printed = cwd / "printed"
    with printed.open("w") as out, subprocess.Popen(
        ["bash", "-e", "-c", text],
        cwd=cwd,
        env={**inherited, "LC_ALL": "C.UTF-8", "PATH": f"{bin_folder}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as shell:  # fmt: skip
        try:
            shell.wait(timeout=40)
        finally:
            end_group(shell.pid)
    assert shell.returncode == 0, printed.read_text()
    return printed.read_text()


def end_group(leader: int) -> None:
    """Servers that the script left running."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.mark.parametrize("page", sorted(set(PAGES.glob("*.md")) - {INDEX}), ids=lambda page: page.stem)
def test_commands_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    port = free_port()
    out = run(script(page, port), tmp_path)
    place = 0
    for block in blocks(page, "text"):
        for line in block.replace("4433", str(port)).splitlines():
            pattern = ".*".join(re.escape(part) for part in line.strip().split("..."))
            found = re.compile(pattern).search(out, place)
            assert found, f"not printed: {line}\n---\n{out[place:]}"
            place = found.end()


def test_every_page_is_in_the_index() -> None:
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", INDEX.read_text()))
    assert linked == {page.name for page in PAGES.glob("*.md")} - {INDEX.name}
