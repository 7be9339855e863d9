"""tlsdeck-openssl in the place of openssl: our two programs, everything else as ever."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support.fixtures import Run, Start, Workdir
from support.peers import start_server
from support.programs import OPENSSL, OURS, Eof, Until

WRAPPER = [str(Path(sys.executable).parent / "tlsdeck-openssl")]


@pytest.mark.parametrize(
    "words, stdin",
    [
        (["version"], b""),
        (["version", "-a"], b""),
        (["base64"], b"some text\n"),
        (["dgst", "-sha256"], b"some text\n"),
        (["x509", "-in", "rsa.pem", "-noout", "-subject"], b""),
        (["x509", "-in", "nowhere.pem"], b""),
        (["no-such-command"], b""),
        (["list", "-disabled"], b""),
    ],
)
def test_wrapper_hands_other_commands_to_openssl(
    words: list[str], stdin: bytes, run: Run, workdir: Workdir
) -> None:
    def outcome(program: list[str]) -> tuple[int, str, str]:
        finished = run([*program, *words], stdin, cwd=workdir("here"))
        # the thread id of an error stack
        return (
            finished.code,
            finished.out,
            "\n".join(line.partition(":")[2] for line in finished.err.split("\n")),
        )

    assert outcome(WRAPPER) == outcome(["openssl"])


@pytest.mark.parametrize("name", ["s_client", "s_server"])
def test_wrapper_runs_our_programs(name: str, run: Run) -> None:
    through_wrapper = run([*WRAPPER, name, "-help"])
    assert through_wrapper == run([*OURS, name, "-help"])
    assert through_wrapper != run(["openssl", name, "-help"])
    assert through_wrapper.code == 0


def test_wrapper_is_an_s_client_that_works(start: Start, workdir: Workdir) -> None:
    server = start_server(start, OPENSSL, "-rev -naccept 1 -cert rsa.pem -key rsa.key", workdir("here"))
    client = start([*WRAPPER, "s_client", "-quiet", "-no_ign_eof", "-connect", server.address])
    client.talk([b"ping\n", Until("gnip"), Eof()])
    assert client.finish().out == "gnip\n"


def test_wrapper_without_openssl_says_so(run: Run, tmp_path: Path) -> None:
    finished = run([*WRAPPER, "version"], env={"PATH": str(tmp_path)})
    assert finished.code != 0
    assert "openssl" in finished.err
    assert finished.err.count("\n") == 1


@pytest.mark.parametrize("name", ["s_client", "s_server"])
def test_installed_script_is_the_program(name: str, run: Run) -> None:
    script = run([str(Path(sys.executable).parent / name), "-help"])
    assert script == run([*OURS, name, "-help"])
    assert script.err.startswith(f"Usage: {name} [options]")
