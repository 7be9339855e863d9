"""One command line of s_client, ours and then the original's, with the same real server and the same words typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from support.fixtures import Start, Workdir
from support.normalize import normalize, told
from support.oracle import Scene, assert_same
from support.programs import OPENSSL, OURS, Finished, Step, Until

# What a server makes up for each connection: a pattern, and the word that takes its place.
Masks = Mapping[str, str]


@dataclass(frozen=True)
class Beside:
    """Runs both and compares; gives ours."""

    start: Start
    workdir: Workdir
    masks: Masks = field(default_factory=dict)

    def run(self, options: str, talk: Iterable[Step], code: int = 0) -> Finished:
        talk = tuple(talk)
        ours, original = (self.play(program, options, talk) for program in (OURS, OPENSSL))
        assert_same(self.scene(ours), self.scene(original))
        for step in talk:
            assert not isinstance(step, Until) or step.text in ours.out + ours.err, f"{step}\n{ours.out}\n{ours.err}"
        assert ours.code == code, f"{ours.out}\n{ours.err}"
        return ours

    def play(self, program: tuple[str, ...], options: str, talk: tuple[Step, ...]) -> Finished:
        client = self.start([*program, "s_client", *shlex.split(options)], self.workdir(program[-1]))
        client.talk(talk)
        return client.finish()

    def scene(self, finished: Finished) -> Scene:
        return Scene(Finished(finished.code, self.clean(normalize(finished.out)), self.clean(told(finished.err))), None, {})

    def clean(self, text: str) -> str:
        for pattern, word in self.masks.items():
            text = re.sub(pattern, word, text)
        return text
