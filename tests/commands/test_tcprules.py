"""tcprules and tcprulescheck as a user runs them: words, standard input and environment in; texts and exit code out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tlsdeck.ucspi import cdb


class Outcome:
    def __init__(self, finished: subprocess.CompletedProcess[bytes]) -> None:
        self.code = finished.returncode
        self.out = finished.stdout.decode("utf-8", "surrogateescape")
        self.err = finished.stderr.decode("utf-8", "surrogateescape")


def run(cwd: Path, *words: str, stdin: bytes = b"", environ: dict[str, str] | None = None) -> Outcome:
    finished = subprocess.run(
        [sys.executable, "-m", "tlsdeck", *words],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=20,
        env={**os.environ, **(environ or {})},
    )
    return Outcome(finished)


def compile_text(cwd: Path, text: bytes) -> Outcome:
    return run(cwd, "tcprules", "rules.cdb", "rules.tmp", stdin=text)


def check(cwd: Path, **environ: str) -> Outcome:
    return run(cwd, "tcprulescheck", "rules.cdb", environ=environ)


RULES = b"""# the mail server's
127./8:allow,RELAY="",X="a b"
2001:db8::/32:deny,X="1"
joe@=a.example:allow,Y="\xe9"
:deny
"""


def test_rules_become_a_file_that_answers(tmp_path: Path) -> None:
    compiled = compile_text(tmp_path, RULES)
    assert (compiled.code, compiled.out, compiled.err) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["rules.cdb"]
    assert (tmp_path / "rules.cdb").stat().st_mode & 0o777 == 0o644 & ~umask()

    found = check(tmp_path, TCPREMOTEIP="127.0.0.1")
    assert found.code == 0
    assert found.out == (
        "rule 127./8:\nset environment variable RELAY=\nset environment variable X=a b\nallow connection\n"
    )
    assert found.err == ("tcprulescheck: info: TCPREMOTEIP: 127.0.0.1 TCPREMOTEHOST:  TCPREMOTEINFO: \n")
    found = check(tmp_path, TCPREMOTEIP="2001:db8::1")
    assert (found.code, found.out) == (0, "rule 2001:db8::/32:\ndeny connection\n")
    found = check(tmp_path, TCPREMOTEIP="::1", TCPREMOTEHOST="a.example", TCPREMOTEINFO="joe")
    assert found.out == "rule joe@=a.example:\nset environment variable Y=\udce9\nallow connection\n"
    assert found.err.endswith("TCPREMOTEIP: ::1 TCPREMOTEHOST: a.example TCPREMOTEINFO: joe\n")
    found = check(tmp_path)
    assert (found.code, found.out) == (0, "default:\ndeny connection\n")
    assert "TCPREMOTEIP: 0 " in found.err


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_what_fits_no_rule_is_allowed(tmp_path: Path) -> None:
    compile_text(tmp_path, b"1.2.3.4:deny\n")
    found = check(tmp_path, TCPREMOTEIP="1.2.3.5")
    assert (found.code, found.out) == (0, "default:\nallow connection\n")


CHECKED = b"""joe@10.0.0.1:allow,A='1'
joe@=a.example:deny,A='2'
10.0.0.1:allow,A='3',B="4 5",C=xx
=b.example:deny
10.0.0.0-1:allow
10.1.:deny
10.1.2.0/24:allow
172.16./12:allow,N='12'
2001:db8::1:allow
2001:db8::/33:deny
joe@2001:db8::1:allow
=.example:allow,E=''
=:deny,D='never shown'
"""


@pytest.mark.parametrize(
    "ip, host, info, rule, lines",
    [
        ("10.0.0.1", "b.example", "joe", "joe@10.0.0.1", ["A=1", "allow"]),
        ("10.0.0.9", "a.example", "joe", "joe@=a.example", ["deny"]),
        ("10.0.0.1", "b.example", None, "10.0.0.1", ["A=3", "B=4 5", "C=", "allow"]),
        ("10.0.0.1", None, "", "10.0.0.1", ["A=3", "B=4 5", "C=", "allow"]),
        ("::ffff:10.0.0.1", None, None, "10.0.0.1", ["A=3", "B=4 5", "C=", "allow"]),
        ("10.9.0.0", "b.example", None, "=b.example", ["deny"]),
        ("10.0.0.0", None, None, "10.0.0.0", ["allow"]),
        ("10.1.2.3", None, None, "10.1.", ["deny"]),
        ("172.31.255.255", "x", None, "172.16./12", ["N=12", "allow"]),
        ("172.32.0.0", "x", None, "=", ["deny"]),
        ("2001:db8::1", None, None, "2001:0DB8:0000:0000:0000:0000:0000:0001", ["allow"]),
        ("2001:DB8:0::1", None, "joe", "joe@2001:0DB8:0000:0000:0000:0000:0000:0001", ["allow"]),
        ("2001:db8::2", None, None, "2001:db8::/33", ["deny"]),
        ("2001:db8:8000::2", None, None, None, ["allow"]),
        ("192.0.2.1", "c.d.example", None, "=.example", ["E=", "allow"]),
        ("192.0.2.1", "example", None, "=", ["deny"]),
        ("192.0.2.1", None, "joe", None, ["allow"]),
        ("nonsense", None, None, None, ["allow"]),
    ],
)
def test_which_rule_fits_whom(
    checked: Path, ip: str, host: str | None, info: str | None, rule: str | None, lines: list[str]
) -> None:
    known = {"TCPREMOTEIP": ip, "TCPREMOTEHOST": host, "TCPREMOTEINFO": info}
    found = check(checked, **{name: value for name, value in known.items() if value is not None})
    *settings, decision = lines
    expected = [f"rule {rule}:" if rule is not None else "default:"]
    expected += [f"set environment variable {setting}" for setting in settings]
    assert (found.code, found.out.splitlines()) == (0, [*expected, f"{decision} connection"])
    assert found.err == (
        f"tcprulescheck: info: TCPREMOTEIP: {ip} TCPREMOTEHOST: {host or ''} TCPREMOTEINFO: {info or ''}\n"
    )


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("checked")
    assert compile_text(directory, CHECKED).code == 0
    return directory


def test_doubtful_lines_are_warned_of(tmp_path: Path) -> None:
    compiled = compile_text(tmp_path, b"1.2.3.4 deny\n9-1:deny\n")
    assert (compiled.code, compiled.out) == (0, "")
    assert compiled.err == (
        "tcprules: warning: line 1: ignored, it has no colon before the first comma: 1.2.3.4 deny\n"
        "tcprules: warning: line 2: ignored, the range is empty: 9-1:deny\n"
    )
    assert (tmp_path / "rules.cdb").read_bytes() == cdb.build([])


def test_a_wrong_line_leaves_the_old_file_in_force(tmp_path: Path) -> None:
    compile_text(tmp_path, b":allow\n")
    old = (tmp_path / "rules.cdb").read_bytes()
    compiled = compile_text(tmp_path, b":allow\n1.2.3.4/33:deny\xff\n")
    assert (compiled.code, compiled.out) == (101, "")
    assert compiled.err == "tcprules: syntax: unable to parse this line: 1.2.3.4/33:deny\udcff\n"
    assert (tmp_path / "rules.cdb").read_bytes() == old


@pytest.mark.parametrize(
    "words, code, err",
    [
        (["tcprules"], 100, "tcprules: usage: tcprules rules.cdb rules.tmp\n"),
        (["tcprules", "rules.cdb"], 100, "tcprules: usage: tcprules rules.cdb rules.tmp\n"),
        (["tcprulescheck"], 100, "tcprulescheck: usage: tcprulescheck rules.cdb\n"),
        (
            ["tcprules", "a", "none/b"],
            111,
            "tcprules: error: (111) unable to create: none/b: No such file or directory\n",
        ),
        (
            ["tcprules", "none/a", "b"],
            111,
            "tcprules: error: (111) unable to move b to: none/a: No such file or directory\n",
        ),
        (
            ["tcprules", "a", "/dev/full"],
            111,
            "tcprules: fatal: (111) unable to write to: /dev/full: No space left on device\n",
        ),
        (
            ["tcprulescheck", "none"],
            111,
            "tcprulescheck: fatal: (111) unable to read: none: No such file or directory\n",
        ),
        (["tcprulescheck", "."], 111, "tcprulescheck: fatal: (111) unable to read: .: not a regular file\n"),
        (
            ["tcprulescheck", "text"],
            111,
            "tcprulescheck: fatal: (111) unable to read: text: not a cdb file, or damaged: it ends too early\n",
        ),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, words: list[str], code: int, err: str) -> None:
    (tmp_path / "text").write_text("1.2.3.4:deny\n")
    finished = run(tmp_path, *words)
    assert (finished.code, finished.out) == (code, "")
    assert finished.err.splitlines(keepends=True)[-1] == err


def test_input_that_cannot_be_read_leaves_the_old_file_in_force(tmp_path: Path) -> None:
    compile_text(tmp_path, b":allow\n")
    old = (tmp_path / "rules.cdb").read_bytes()
    finished = subprocess.run(
        ["/bin/sh", "-c", f"exec {sys.executable} -m tlsdeck tcprules rules.cdb rules.tmp <&-"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert finished.returncode == 111
    assert finished.stderr == "tcprules: fatal: (111) unable to read input: Bad file descriptor\n"
    assert (tmp_path / "rules.cdb").read_bytes() == old


def test_nobody_need_listen_to_remarks(tmp_path: Path) -> None:
    words = (
        f"{sys.executable} -m tlsdeck tcprules a b 2>&- && {sys.executable} -m tlsdeck tcprulescheck a 2>&-"
    )
    finished = subprocess.run(
        ["/bin/sh", "-c", words],
        cwd=tmp_path,
        input=b"no colon\n",
        stdout=subprocess.PIPE,
        check=False,
        timeout=20,
    )
    assert (finished.returncode, finished.stdout) == (0, b"default:\nallow connection\n")


def test_an_interrupt_ends_it_without_a_word(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "tlsdeck", "tcprules", "a", "b"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr
        # The last import, and then it reads.
        while b"tlsdeck.ucspi.rules" not in process.stderr.readline():
            pass
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert b"Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_output_that_nobody_takes_is_an_error(tmp_path: Path) -> None:
    compile_text(tmp_path, b":allow\n")
    with Path("/dev/full").open("wb") as full:
        finished = subprocess.run(
            [sys.executable, "-m", "tlsdeck", "tcprulescheck", "rules.cdb"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=20,
        )
    assert finished.returncode == 111
    assert finished.stderr.endswith(
        "tcprulescheck: fatal: (111) Cannot write to standard output: No space left on device\n"
    )


def test_the_package_and_its_programs_are_small(tmp_path: Path) -> None:
    """Rules need neither libssl nor a resolver."""
    finished = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tlsdeck", "tcprules"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    loaded = {line.rpartition("|")[2].strip() for line in finished.stderr.splitlines() if "|" in line}
    assert "tlsdeck.ucspi.rules" in loaded
    assert not {"tlsdeck.native", "tlsdeck.tls", "dns", "ssl"} & loaded
