"""One command line, ours and then the original's, with the same foreign program on the other side and the same words
typed: what a user sees of ours must be what he sees of the original.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from support.fixtures import Start, Workdir
from support.normalize import normalize, told
from support.oracle import Scene, assert_same
from support.peers import start_server
from support.programs import OPENSSL, OURS, Finished, Step, Until

# What a server makes up for each connection: a pattern, and the word that takes its place.
Masks = Mapping[str, str]
Program = Sequence[str]


@dataclass(frozen=True)
class Beside:
    """Runs s_client."""

    start: Start
    workdir: Workdir
    masks: Masks = field(default_factory=dict)

    def run(self, options: str, talk: Sequence[Step], code: int = 0) -> Finished:
        """One client with `options` says and hears `talk`; gives ours."""
        ours, original = (self.play(program, options, talk) for program in (OURS, OPENSSL))
        assert_same(scene(ours, self.masks), scene(original, self.masks))
        assert_heard(talk, ours)
        assert ours.code == code, f"{ours.out}\n{ours.err}"
        return ours

    def play(self, program: Program, options: str, talk: Sequence[Step]) -> Finished:
        client = self.start([*program, "s_client", *shlex.split(options)], self.workdir(program[-1]))
        client.talk(talk)
        return client.finish()


@dataclass(frozen=True)
class BesideServer:
    """Runs s_server."""

    start: Start
    workdir: Workdir
    masks: Masks = field(default_factory=dict)

    def run(self, options: str, command: str, talk: Sequence[Step], clients: int = 1) -> Finished:
        """One run of a foreign client, in which {port} is the server's, says and hears `talk`; what it had of ours."""
        options = f"-naccept {clients} {options}"
        ours, original = (self.play(program, options, command, talk) for program in (OURS, OPENSSL))
        assert_same(scene(ours[0], self.masks), scene(original[0], self.masks))
        assert_heard(talk, ours[1])
        assert ours[0].code == 0, f"{ours[0].out}\n{ours[0].err}"
        assert ours[1].code == original[1].code == 0, f"{ours[1].out}\n{ours[1].err}"
        return ours[1]

    def play(
        self, program: Program, options: str, command: str, talk: Sequence[Step]
    ) -> tuple[Finished, Finished]:
        """The server, the client."""
        directory = self.workdir(program[-1])
        server = start_server(self.start, program, options, directory)
        client = self.start(shlex.split(command.format(port=server.port)), directory)
        client.talk(talk)
        finished = client.finish()
        return server.process.finish(), finished


def scene(finished: Finished, masks: Masks) -> Scene:
    out, err = normalize(finished.out), told(finished.err)
    for pattern, word in masks.items():
        out, err = re.sub(pattern, word, out), re.sub(pattern, word, err)
    return Scene(Finished(finished.code, out, err), None, {})


def assert_heard(talk: Sequence[Step], finished: Finished) -> None:
    """All that was waited for has come: a program that ends early ends the waiting too."""
    for step in talk:
        if isinstance(step, Until):
            assert step.text in finished.out + finished.err, f"{step}\n{finished.out}\n{finished.err}"
