"""An sslserver that is watched: nothing of its clients may be left in it in the end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from support.programs import TIME_LIMIT, target, wait_for
from ucspi.serving import Server


@dataclass(frozen=True)
class Watched:
    """`before`: sockets and pipes of each of its processes, when it was ready."""

    server: Server
    directory: Path
    before: dict[int, int]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def wait_for_end(self, status: int, count: int = 1) -> None:
        """Of a connection: until the log has it."""
        self.server.wait_for_log(f" status {status}\n", count)

    def end(self) -> None:
        """It has nothing left of its clients, and ends when it is told to."""
        try:
            self.assert_nothing_is_left()
        finally:
            left = self.server.children()
            self.server.process.popen.terminate()
            code = self.server.process.popen.wait(TIME_LIMIT)
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        assert code == 0, self.server.process.story()

    def assert_nothing_is_left(self) -> None:
        """No program, socket or pipe of anybody who has gone."""
        wait_for("only workers are left", lambda: self.server.children() == self.server.workers())
        wait_for(
            f"as many sockets and pipes as before, {self.before}",
            lambda: {pid: sockets_and_pipes(pid) for pid in self.before} == self.before,
        )


Watch = Callable[..., Watched]


def watch(server: Server, directory: Path) -> Watched:
    pids = [server.process.pid, *server.workers()]
    return Watched(server, directory, {pid: sockets_and_pipes(pid) for pid in pids})


def sockets_and_pipes(pid: int) -> int:
    """What connections are made of."""
    links = map(target, Path(f"/proc/{pid}/fd").iterdir())
    return sum(link.startswith(("socket:", "pipe:")) for link in links)
