"""The oracle: one command line through the original and through ours, and what each of them printed.

A `Case` names the options of a client and of a server that talk to each other over loopback. One of the two is the
program under test; its partner is always the original. `play` runs the scene once, and everything that a script
could see of it comes back as one `Scene`, made comparable.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path

import pytest

from support.fixtures import Start, Workdir
from support.normalize import normalize, without_byte_counts
from support.peers import free_port, start_server
from support.programs import OPENSSL, OURS, Eof, Finished, Running, Step, Until


@dataclass(frozen=True)
class OnServer:
    """A step of the conversation on the server's terminal. All others are on the client's."""

    step: Step


Talk = tuple[Step | OnServer, ...]

# With a peer that says every line backwards an answer proves that data went both ways, and that whatever comes
# unasked (tickets) came before.
PING: Talk = (b"ping\n", Until("gnip"), Eof())
NOTHING: Talk = (Eof(),)
# The server under test shows what it gets; the client's end of input ends all.
AHOY: Talk = (b"ahoy\n", OnServer(Until("ahoy")), Eof())
# The client waits for the alert.
FAILS: Talk = ()


@dataclass(frozen=True)
class Case:
    name: str
    options: str  # of the program under test
    shows: str  # what the original prints in this case: the case is about what its name says
    code: int = 0  # how the original ends
    peer: str = ""  # options of its partner
    talk: Talk = PING
    files: tuple[str, ...] = ()  # written by the program under test
    env: Mapping[str, str] = field(default_factory=dict)
    typed: bytes = b""  # into the server under test, before it listens: a password
    varying: bool = False  # lengths vary by chance: ECDSA signatures
    # A renegotiation comes in several reads. How many of them have to wait, each with a `BLOCK` line, is chance for
    # us: we never block. The original blocks, and has fewer.
    renegotiates: bool = False


def refused(name: str, options: str, complaint: str) -> Case:
    """A command line that comes to nothing, and what is said of it."""
    return Case(name, options, complaint, 1, talk=NOTHING)


@dataclass(frozen=True)
class Scene:
    tested: Finished
    partner: Finished | None
    files: Mapping[str, str]


def each(cases: Sequence[Case]) -> pytest.MarkDecorator:
    names = [case.name for case in cases]
    assert len(set(names)) == len(names)
    return pytest.mark.parametrize("case", cases, ids=names)


def play_client(start: Start, program: Sequence[str], case: Case, cwd: Path) -> Scene:
    """The client is under test. `case.peer` are all the options of its server."""
    server = start_server(start, OPENSSL, f"-naccept 1 {case.peer}", cwd)
    words = [word.replace("{port}", str(server.port)) for word in shlex.split(case.options)]
    if "{port}" not in case.options:
        words = ["-connect", server.address, *words]
    client = start([*program, "s_client", *words], cwd, case.env)
    converse(client, server.process, case.talk)
    tested = client.finish()
    try:
        partner = server.process.finish()
    except AssertionError as error:
        raise AssertionError(f"{error}\nthe client had ended before:\n{client.story()}") from None
    return scene(case, cwd, tested, partner)


def play_server(start: Start, program: Sequence[str], case: Case, cwd: Path) -> Scene:
    """The server is under test. `case.peer` are the options of its client, besides -connect."""
    server = start_server(start, program, f"-naccept 1 {case.options}", cwd, case.env, case.typed)
    client = start([*OPENSSL, "s_client", "-connect", server.address, *shlex.split(case.peer)], cwd)
    converse(client, server.process, case.talk)
    partner, tested = client.finish(), server.process.finish()
    return scene(case, cwd, tested, partner)


def play_alone(start: Start, program: Sequence[str], name: str, case: Case, cwd: Path) -> Scene:
    """A command line that fails before there is a connection; {port} is one where nobody listens."""
    words = [word.replace("{port}", str(free_port())) for word in shlex.split(case.options)]
    process = start([*program, name, *words], cwd, case.env)
    for step in case.talk:
        assert not isinstance(step, OnServer)
        process.talk([step])
    return scene(case, cwd, process.finish(), None)


def converse(client: Running, server: Running, talk: Talk) -> None:
    for step in talk:
        if isinstance(step, OnServer):
            server.talk([step.step])
        else:
            client.talk([step])


def scene(case: Case, cwd: Path, tested: Finished, partner: Finished | None) -> Scene:
    def comparable(text: str) -> str:
        text = normalize(text)
        if case.renegotiates:
            text = re.sub(r"(?m)^(?:Read|read R) BLOCK\n", "", text)
        return without_byte_counts(text) if case.varying else text

    def clean(finished: Finished) -> Finished:
        return Finished(finished.code, comparable(finished.out), comparable(finished.err))

    files = {name: comparable((cwd / name).read_text()) for name in case.files}
    return Scene(clean(tested), clean(partner) if partner else None, files)


def compare_clients(start: Start, case: Case, workdir: Workdir) -> None:
    """Ours does what the original does, in a directory of its own."""
    original = play_client(start, OPENSSL, case, workdir("original"))
    assert_about(case, original)
    assert_same(play_client(start, OURS, case, workdir("ours")), original)


def compare_servers(start: Start, case: Case, workdir: Workdir) -> None:
    """As `compare_clients`."""
    original = play_server(start, OPENSSL, case, workdir("original"))
    assert_about(case, original)
    assert_same(play_server(start, OURS, case, workdir("ours")), original)


def compare_alone(start: Start, name: str, case: Case, workdir: Workdir) -> None:
    """As `compare_clients`, of a command line that fails before there is a connection."""
    original = play_alone(start, OPENSSL, name, case, workdir("original"))
    assert_about(case, original)
    assert_same(play_alone(start, OURS, name, case, workdir("ours")), original)


def assert_about(case: Case, original: Scene) -> None:
    """The original did what the case is about; else the comparison would be worth nothing."""
    code, out, err = original.tested.code, original.tested.out, original.tested.err
    story = f"{case.options}\n--- exit code {code}\n--- stdout\n{out}\n--- stderr\n{err}"
    assert case.shows in out + err, story
    assert code == case.code, story


def assert_same(ours: Scene, original: Scene) -> None:
    """Show what differs as a diff: lines with - are the original's, lines with + are ours."""
    difference = list(unified_diff(as_lines(original), as_lines(ours), "original", "ours", lineterm=""))
    if difference:
        pytest.fail("\n".join(difference), pytrace=False)


def as_lines(scene: Scene) -> list[str]:
    """All of a scene, line by line."""
    parts = {"tested": scene.tested} | ({"partner": scene.partner} if scene.partner else {})
    lines: list[str] = []
    for name, finished in parts.items():
        lines += [f"{name} stderr: {line!r}" for line in finished.err.split("\n")]
        lines += [f"{name} stdout: {line!r}" for line in finished.out.split("\n")]
        lines += [f"{name} exit code: {finished.code}"]
    for name, content in scene.files.items():
        lines += [f"file {name}: {line!r}" for line in content.split("\n")]
    return lines
