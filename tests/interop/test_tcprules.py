"""tcprules and tcprulescheck beside Debian's: packages ucspi-tcp-ipv6 (or ucspi-tcp) and tinycdb.

Debian's are the original ones, so only forms that those have are compared: no networks by length, no IPv6.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlsdeck.ucspi import cdb

# By their full names: an installed tlsdeck brings programs of these names, too.
TCPRULES, TCPRULESCHECK, CDB = "/usr/bin/tcprules", "/usr/bin/tcprulescheck", "/usr/bin/cdb"

RULES = b"""# 192.0.2.1:deny
192.0.2.1:deny
192.0.2.1:allow
10.:allow,RELAY=""
10.1-2.:deny,A="b",C=/d,"=:/
1.2.3.250-300:allow,x= y \n
1-3.4-5.:allow
 leading:allow,=x=x
joe@192.0.2.3:allow,WHO="joe"
joe@=www.example.org:allow,WHO="joe of www"
=www.example.org:allow,WHO="www"\t
=.example.org:deny
=.org:allow,WHO="org"
=:allow,WHO="named"
:allow,WHO="\xff\\"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for program in (TCPRULES, TCPRULESCHECK, CDB):
        assert Path(program).exists(), f"this test needs {program}"
    return tmp_path_factory.mktemp("rules")


def run(
    directory: Path, *words: str, stdin: bytes = b"", environ: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Exit code and standard output."""
    finished = subprocess.run(
        words,
        cwd=directory,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=20,
        env={**os.environ, **(environ or {})},
    )
    return finished.returncode, finished.stdout


def ours(program: str, *words: str) -> tuple[str, ...]:
    return sys.executable, "-m", "tlsdeck", program, *words


def compiled(directory: Path, text: bytes, *program: str) -> tuple[int, bytes | None]:
    """Exit code, and the file that was made."""
    file = directory / "made.cdb"
    file.unlink(missing_ok=True)
    code, _ = run(directory, *program, "made.cdb", "made.tmp", stdin=text)
    return code, file.read_bytes() if file.exists() else None


def assert_same(directory: Path, text: bytes) -> None:
    theirs = compiled(directory, text, TCPRULES)
    mine = compiled(directory, text, *ours("tcprules"))
    assert mine[1] == theirs[1]
    # The original ends with 100 where its successors say 101.
    assert mine[0] == {100: 101}.get(theirs[0], theirs[0])


@pytest.mark.parametrize(
    "text",
    [
        RULES,
        b"",
        b"\n\n#\n",
        b"".join(b'%d.%d.:allow,N="%d"\n' % (n % 200, n // 200, n) for n in range(20_000)),
        b"1:deny junk\n",
        b'1:deny,A="x"\n1:deny,A="x",\n',
        b'1:deny,A="x\n',
        b"a-b:deny\n",
        b"1:deny\r\n",
    ],
)
def test_files_are_the_same_byte_for_byte(directory: Path, text: bytes) -> None:
    assert_same(directory, text)


LINE = st.builds(
    b"%b:%b%b".__mod__,
    st.tuples(
        st.sampled_from([b"", b"1.", b"1.2-30.", b"9-3", b"-3", b"7-", b"=", b"=a.b", b"joe@1.2.3.4", b"x"]),
        st.sampled_from([b"allow", b"deny"]),
        st.lists(
            st.sampled_from([b',A="b"', b",A=", b",=//", b',A B="x:,"', b',A="\xe9"', b",", b" "]), max_size=3
        ).map(b"".join),
    ),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(LINE, max_size=12).map(b"\n".join))
def test_of_any_rules_files_are_the_same(directory: Path, text: bytes) -> None:
    assert_same(directory, text)


@pytest.mark.parametrize("maker", [(TCPRULES,), ours("tcprules")], ids=["theirs", "ours"])
@pytest.mark.parametrize(
    "ip, host, info",
    [
        ("192.0.2.1", None, None),
        ("192.0.2.3", None, "joe"),
        ("192.0.2.3", "www.example.org", "eve"),
        ("192.0.2.9", "www.example.org", "joe"),
        ("10.0.0.1", None, None),
        ("10.2.0.1", "a.example.org", None),
        ("192.0.2.9", "a.example.org", None),
        ("192.0.2.9", "example.org", None),
        ("192.0.2.9", "localhost", "joe"),
        ("1.2.3.255", None, None),
        ("2.5.0.0", None, None),
        ("2001:db8::1", None, None),
    ],
)
def test_both_understand_the_files_of_both(
    directory: Path, maker: tuple[str, ...], ip: str, host: str | None, info: str | None
) -> None:
    compiled(directory, RULES, *maker)
    known = {"TCPREMOTEIP": ip, "TCPREMOTEHOST": host, "TCPREMOTEINFO": info}
    environ = {name: value for name, value in known.items() if value is not None}
    code, report = run(directory, TCPRULESCHECK, "made.cdb", environ=environ)
    # What the original calls by its empty key is "default" in its successors.
    expected = code, report.replace(b"rule :\n", b"default:\n")
    assert run(directory, *ours("tcprulescheck", "made.cdb"), environ=environ) == expected


def test_tinycdb_reads_what_we_write_and_writes_the_same(directory: Path) -> None:
    records = [(b"key %d" % (number % 700), b"data %d\0" % number) for number in range(1000)]
    text = b"".join(b"+%d,%d:%b->%b\n" % (len(key), len(data), key, data) for key, data in records) + b"\n"
    (directory / "made.cdb").write_bytes(cdb.build(records))
    assert run(directory, CDB, "-d", "made.cdb") == (0, text)
    assert run(directory, CDB, "-c", "theirs.cdb", stdin=text)[0] == 0
    with cdb.open_database(str(directory / "theirs.cdb")) as database:
        first = dict(reversed(records))
        assert {key: database.get(key) for key in first} == first
