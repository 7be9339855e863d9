"""What bash is handed by the completion functions, and once what a person sees who presses Tab."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from pathlib import Path

import pytest

from support.programs import need
from tools.docs.__main__ import ROOT

FOLDER = ROOT / "completions" / "bash"

# Calls a program's function as readline does: the words broken at COMP_WORDBREAKS, the cursor at the end.
CALL = """
. "$1"; function=_${COMP_LINE%% *}
shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_POINT=${#COMP_LINE}
"$function" && printf '%s\\n' "${COMPREPLY[@]}"
"""


def pieces(line: str) -> list[str]:
    found = re.findall(r"[:=]+|[^\s:=]+", line)
    return [*found, ""] if line.endswith(" ") else found


def complete(line: str, cwd: Path | None = None) -> list[str]:
    need("bash")
    done = subprocess.run(
        ["bash", "--norc", "-c", CALL, "bash", str(FOLDER / line.partition(" ")[0]), *pieces(line)],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "COMP_LINE": line},
        cwd=cwd,
        check=True,
        timeout=20,
    )
    assert done.stderr == ""
    return [word for word in done.stdout.split("\n") if word]


@pytest.mark.parametrize(
    "line, replies",
    [
        ("s_client -connect_", ["-connect_timeout"]),
        ("s_client --sess_", ["-sess_out", "-sess_in"]),
        ("s_client -starttls im", ["imap"]),
        ("s_client --starttls xm", ["xmpp", "xmpp-server"]),
        ("s_client -starttls=po", ["pop3", "postgres"]),
        ("s_client -quiet -starttls sieve -min_protocol TLSv1.", ["TLSv1.1", "TLSv1.2", "TLSv1.3"]),
        ("s_client -certform ", ["PEM", "DER"]),
        ("s_client -maxfraglen 2", ["2048"]),
        ("s_client -pass e", ["env:"]),
        ("s_client -alpn h2,http/1", ["h2,http/1.1", "h2,http/1.0"]),
        ("s_client -alpn=h2,im", ["h2,imap"]),
        ("s_client -groups X25519:P-3", ["P-384"]),
        ("s_client -groups X25519:", None),
        ("s_client -psk ", []),
        ("s_client -psk -c", []),
        ("s_server -WW", ["-WWW"]),
        ("s_server -nacc", ["-naccept"]),
        ("s_server x", []),
        ("tlsdeck s_c", ["s_client"]),
        ("tlsdeck s_server -nacc", ["-naccept"]),
        ("tlsdeck s_client -starttls=ir", ["irc"]),
        ("tlsdeck other -na", []),
        ("sslserver -x", ["-x"]),
        ("sslserver -c ", []),
        ("sslserver -c 10 -Xx r", ["rules.cdb"]),
        ("sslserver -vHR -y r", ["rules.cdb"]),
        ("sslserver -xr -I l", ["lo"]),
        ("sslserver -u 6553", ["65534"]),
        ("sslserver -- -", []),
        ("sslserver 0 ssh -", []),
        ("sslserver -v :0 25 mapf", ["mapfile"]),
        ("sslserver -v :0 25 cat r", ["rules.cdb"]),
        ("tlsdeck sslserver -v 2001:db8::1 25 cat -n r", ["rules.cdb"]),
        ("tcprules r", ["rules.cdb"]),
        ("tcprules a r", ["rules.cdb"]),
        ("tcprules a b r", []),
        ("tlsdeck tcprulescheck r", ["rules.cdb"]),
        ("tlsdeck tcprulescheck a r", []),
    ],
)
def test_replies(line: str, replies: list[str] | None, tmp_path: Path) -> None:
    (tmp_path / "rules.cdb").touch()
    if replies is None:
        assert "X25519" in complete(line)
    else:
        assert sorted(complete(line, tmp_path)) == sorted(replies)


def test_files_and_directories(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    (tmp_path / "cas").mkdir()
    assert sorted(complete("s_client -CAfile c", tmp_path)) == ["ca.pem", "cas"]
    assert complete("s_client -CApath c", tmp_path) == ["cas"]
    assert complete(f"s_client -key {tmp_path}/ca.", tmp_path) == [f"{tmp_path}/ca.pem"]


def test_hosts_come_from_the_hosts_file() -> None:
    assert "localhost" in complete("s_client -connect local")
    assert "localhost" in complete("s_client local")


@pytest.mark.parametrize(
    "typed, line",
    [
        ("s_client -starttls po\ts\t", "s_client -starttls postgres "),
        ("s_client -CAfile ser\t-showc\t", "s_client -CAfile server-ca.pem -showcerts "),
        ("s_client -groups X25519:P-3\t:X4\t", "s_client -groups X25519:P-384:X448"),
        ("s_client -CAfile=ser\t", "s_client -CAfile=server-ca.pem "),
        ("s_client -pass fi\t", "s_client -pass file:"),
    ],
)
def test_tab_key(tmp_path: Path, typed: str, line: str) -> None:
    """A real line editor: the line after some typing with the Tab key in it."""
    need("bash")
    (tmp_path / "server-ca.pem").touch()
    master, slave = os.openpty()
    environ = {"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": str(tmp_path), "INPUTRC": "/dev/null"}
    command = ["bash", "--norc", "--noprofile", "-i"]
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=tmp_path, env=environ, start_new_session=True
    ) as bash:
        os.close(slave)
        try:
            os.write(master, f". {FOLDER}/s_client\n".encode())
            os.write(master, rb"""bind -x '"\C-g": echo "[$READLINE_LINE]"'; echo "rea""dy" """ + b"\n")
            read_until(master, "ready\r\n")
            os.write(master, typed.encode() + b"\x07")
            assert f"[{line}]" in read_until(master, "]\r\n")
        finally:
            bash.kill()
            os.close(master)


def read_until(descriptor: int, text: str) -> str:
    seen = ""
    end = time.monotonic() + 20
    while text not in seen:
        assert select.select([descriptor], [], [], max(0, end - time.monotonic()))[0], (
            f"no {text!r} in {seen!r}"
        )
        seen += os.read(descriptor, 4096).decode()
    return seen
