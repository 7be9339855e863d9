"""Runs the commands of a how-to.

All `sh` blocks of a page are one script, run where the commands of README.md have made their files. A `text` block is a
part of what the commands so far have printed; `...` stands for anything. Blocks that have `root` behind that word want
root's rights, or programs that Debian's packages bring: tests/interop runs a page with them, tests/docs without.
`shell` blocks want a real server, or a program that not every machine has, and are not run.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

from support.peers import free_port
from support.programs import NOT_INHERITED, install, need

PAGES = Path(__file__).parents[2] / "docs" / "howto"
INDEX = PAGES / "README.md"
FENCE = re.compile(r"^```([a-z]+(?: root)?)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROGRAMS = ("s_client", "s_server", "sslserver", "tcprules", "tcprulescheck")


def pages() -> list[Path]:
    return sorted(set(PAGES.glob("*.md")) - {INDEX})


def for_root(page: Path) -> bool:
    """Whether some of its commands are for root."""
    return blocks(page, "sh", root=True) != blocks(page, "sh", root=False)


def blocks(page: Path, kind: str, *, root: bool) -> list[str]:
    kinds = (kind, f"{kind} root") if root else (kind,)
    return [content for word, content in FENCE.findall(page.read_text()) if word in kinds]


def check(page: Path, directory: Path, *, root: bool) -> None:
    """Runs the page's commands in an empty directory: they print what it shows."""
    port = str(free_port())
    out = run(script(page, port, root=root), directory)
    place = 0
    for block in blocks(page, "text", root=root):
        for line in block.replace("4433", port).splitlines():
            pattern = ".*".join(re.escape(part) for part in line.strip().split("..."))
            found = re.compile(pattern).search(out, place)
            assert found, f"not printed: {line}\n---\n{out[place:]}"
            place = found.end()


def script(page: Path, port: str, *, root: bool) -> str:
    """The page's commands. A server in the background is waited for: its port in state LISTEN, or UDP's CLOSE."""
    listening = rf":{int(port):04X} 0+:0000 0[A7]"
    wait = (
        f"while kill -0 $! && ! grep -qE '{listening}' /proc/net/{{tcp,tcp6,udp,udp6}}; do sleep 0.05; done"
    )
    lines = "".join(blocks(INDEX, "sh", root=root) + blocks(page, "sh", root=root))
    return re.sub(r"(?m)&$", f"&\n{wait}", lines).replace("4433", port)


def run(text: str, cwd: Path) -> str:
    """What a script prints that must succeed."""
    need("bash", "openssl", "curl", "python3")
    install(cwd / "bin", *PROGRAMS)
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    # Into a file: a background process that outlives the script would hold a pipe open.
    printed = cwd / "printed"
    with printed.open("w") as out, subprocess.Popen(
        ["bash", "-e", "-c", text],
        cwd=cwd,
        env={**inherited, "LC_ALL": "C.UTF-8", "PATH": f"{cwd}/bin:{os.environ['PATH']}"},
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
