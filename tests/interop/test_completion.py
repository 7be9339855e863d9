"""The completions in zsh and fish themselves; bash's are tested in tests/docs, because every machine has bash."""

from __future__ import annotations

import os
import select
import subprocess
import time
from pathlib import Path

import pytest

from support.programs import need

COMPLETIONS = Path(__file__).parents[2] / "completions"


# --- fish ------------------------------------------------------------------------------------------------------


def fish(line: str, cwd: Path) -> list[str]:
    """The words fish offers, without their descriptions."""
    need("fish")
    files = " ".join(f"source {path};" for path in sorted((COMPLETIONS / "fish").iterdir()))
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"{files} complete -C $argv[1]", line],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd)},
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return [row.partition("\t")[0] for row in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "line, words",
    [
        ("s_client -starttls im", ["imap"]),
        ("s_client -starttls=im", ["-starttls=imap"]),
        ("s_client -connect_", ["-connect_timeout"]),
        ("s_client -certform ", ["DER", "PEM"]),
        ("s_client -alpn h2,imap,http/1.", ["h2,imap,http/1.0", "h2,imap,http/1.1"]),
        ("s_client -groups X25519:P-3", ["X25519:P-384"]),
        ("s_client -psk ", []),
        ("s_client -CApath c", ["cas/"]),
        ("s_client -CAfile c", ["ca.pem", "cas/"]),
        ("s_client -connect localh", ["localhost"]),
        ("s_client localh", ["localhost"]),
        ("s_server -nacc", ["-naccept"]),
        ("tlsdeck s_c", ["s_client"]),
        ("tlsdeck s_server -nacc", ["-naccept"]),
        ("sslserver -c ", []),
        ("sslserver -Xx r", ["rules.cdb"]),
        ("sslserver -vHR -y r", ["rules.cdb"]),
        ("sslserver -I l", ["lo"]),
        ("sslserver -u 6553", ["65534"]),
        ("sslserver -c 10 localh", ["localhost"]),
        ("sslserver -v 0 imaps", ["imaps"]),
        ("sslserver -v 0 25 printenv", ["printenv"]),
        ("sslserver -v 0 25 s_client -starttls im", ["imap"]),
        ("tlsdeck sslserver -v 0 25 cat r", ["rules.cdb"]),
        ("tcprules a r", ["rules.cdb"]),
        ("tcprules a b r", []),
        ("tcprulescheck r", ["rules.cdb"]),
    ],
)
def test_fish(line: str, words: list[str], tmp_path: Path) -> None:
    for name in ("ca.pem", "rules.cdb"):
        (tmp_path / name).touch()
    (tmp_path / "cas").mkdir()
    assert sorted(fish(line, tmp_path)) == words


# --- zsh -------------------------------------------------------------------------------------------------------

# Ctrl-G shows the line in brackets; no prompt, no highlighting.
ZSH_SETUP = r"""
PS1= PS2= RPS1=; unset zle_bracketed_paste; fpath=("$COMPLETIONS/zsh" $fpath)
autoload -U compinit; compinit -u -d "$HOME/dump"
show() { print; print -r -- "[$BUFFER]" }; zle -N show; bindkey '^G' show; bindkey '^I' complete-word
print rea''dy
"""


def zsh(typed: str, cwd: Path) -> str:
    """The line in zsh's editor after this was typed."""
    need("zsh")
    master, slave = os.openpty()
    environ = {
        "PATH": os.environ["PATH"],
        "TERM": "dumb",
        "HOME": str(cwd),
        "COMPLETIONS": str(COMPLETIONS),
        "LC_ALL": "C.UTF-8",
    }
    with subprocess.Popen(
        ["zsh", "-f", "-i"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=cwd,
        env=environ,
        start_new_session=True,
    ) as shell:
        os.close(slave)
        try:
            (cwd / "setup").write_text(ZSH_SETUP)
            os.write(master, b". ./setup\n")
            read_until(master, "ready\r\n")
            os.write(master, typed.encode() + b"\x07")
            return read_until(master, "]\r\n").rpartition("[")[2].removesuffix("]\r\n")
        finally:
            shell.kill()
            os.close(master)


def read_until(descriptor: int, text: str) -> str:
    seen = ""
    end = time.monotonic() + 60
    while text not in seen:
        assert select.select([descriptor], [], [], max(0, end - time.monotonic()))[0], (
            f"no {text!r} in {seen!r}"
        )
        seen += os.read(descriptor, 4096).decode(errors="replace")
    return seen


@pytest.mark.parametrize(
    "typed, line",
    [
        ("s_client -starttls im\t", "s_client -starttls imap "),
        ("s_client -connect_\t", "s_client -connect_timeout "),
        ("s_client -sess_i\t ca.\t", "s_client -sess_in ca.pem "),
        ("s_client -CApath c\t", "s_client -CApath cas/"),
        ("s_client -pass fi\tpw", "s_client -pass file:pw"),
        ("s_client -alpn h2,im\t", "s_client -alpn h2,imap,"),
        ("s_client -groups X25519:P-3\t", "s_client -groups X25519:P-384:"),
        ("s_client -maxfraglen 2\t", "s_client -maxfraglen 2048 "),
        ("s_client -quiet -connect localh\t", "s_client -quiet -connect localhost"),
        ("s_client -quiet localh\t", "s_client -quiet localhost"),
        ("s_server -nacc\t", "s_server -naccept "),
        ("tlsdeck s_c\t-nocom\t", "tlsdeck s_client -nocommands "),
        ("tlsdeck s_server -nacc\t", "tlsdeck s_server -naccept "),
        ("sslserver -Xx ru\t", "sslserver -Xx rules.cdb "),
        ("sslserver -xru\t", "sslserver -xrules.cdb "),
        ("sslserver -vHR -c 10 -y ru\t", "sslserver -vHR -c 10 -y rules.cdb "),
        ("sslserver -u 6553\t", "sslserver -u 65534 "),
        ("sslserver -c10 localh\t", "sslserver -c10 localhost"),
        ("sslserver -v 0 25 s_client -starttls im\t", "sslserver -v 0 25 s_client -starttls imap "),
        ("tlsdeck sslserver -v 0 25 cat ru\t", "tlsdeck sslserver -v 0 25 cat rules.cdb "),
        ("tcprules a ru\t", "tcprules a rules.cdb "),
        ("tcprulescheck ru\t", "tcprulescheck rules.cdb "),
    ],
)
def test_zsh(typed: str, line: str, tmp_path: Path) -> None:
    for name in ("ca.pem", "rules.cdb"):
        (tmp_path / name).touch()
    (tmp_path / "cas").mkdir()
    # A host is followed by a blank or not, depending on the version of zsh.
    assert zsh(typed, tmp_path).rstrip() == line.rstrip()
