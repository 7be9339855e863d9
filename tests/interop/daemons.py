"""Real servers, each in a directory of its own, on ports of 127.0.0.1 that were free; ended with their children.

servers.py has the servers; this is how one is started and stopped.
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from support.peers import free_port, is_listening
from support.pki import populate
from support.programs import wait_for

PACKAGES = Path(__file__).parent / "packages.txt"
PATIENT = 60.0  # seconds a server has to get ready; databases are made meanwhile, on a busy machine
POLITE = 10.0  # seconds it has to end by itself


def program(name: str) -> str:
    """The path of a program of packages.txt. Missing, it is an error that says what to install."""
    for line in PACKAGES.read_text().splitlines():
        package, _, pattern = line.partition(" ")
        pattern = pattern.strip()
        if Path(pattern).name != name or line.startswith("#"):
            continue
        for path in Path("/").glob(pattern.removeprefix("/")):
            return str(path)
        raise AssertionError(
            f"no program {pattern}: it is in Debian's package {package}; `make interop` installs it"
        )
    raise AssertionError(f"the program {name!r} has no line in {PACKAGES.name}")


@dataclass(frozen=True)
class Server:
    """How to run one. `configure` writes its files into the place and gives its command line; it stays in front."""

    configure: Callable[[Place], Sequence[str]]
    services: tuple[str, ...]  # each has a port of its own; the server is ready when all of them listen ...
    ready: str = ""  # ... and its log says this
    user: str = "nobody"
    stop: signal.Signals = signal.SIGTERM


@dataclass(frozen=True)
class Place:
    """A directory that belongs to the server's user: the test PKI, the server's files, its log."""

    path: Path
    user: str
    ports: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return str(self.path)

    def write(self, name: str, text: str) -> Path:
        """Write a file, with its directories."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def give(self) -> None:
        """All that is in here belongs to the user, and keys are for nobody else."""
        (self.path / "log").touch()
        for key in self.path.glob("*.key"):
            key.chmod(0o600)
        if self.user == "root":  # has it, and what its servers gave to others is theirs
            return
        account = pwd.getpwnam(self.user)
        for path in (self.path, *self.path.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)

    def popen(self, words: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a program as the user, with nothing of our environment; what it prints goes to the log."""
        account = pwd.getpwnam(self.user)
        with (self.path / "log").open("ab") as log:
            return subprocess.Popen(
                words,
                cwd=self.path,
                env={"PATH": os.environ["PATH"], "HOME": str(self), "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=account.pw_uid,
                group=account.pw_gid,
                extra_groups=(),
                start_new_session=True,
            )

    def run(self, *words: str) -> None:
        """Run a program to its end, before the server starts."""
        self.give()
        code = self.popen(words).wait(PATIENT)
        assert code == 0, f"{shlex.join(words)}: exit code {code}\n{self.log()}"

    def log(self) -> str:
        return (self.path / "log").read_text(errors="backslashreplace")


class Daemon:
    """A server that runs. `ports`: the port of each of its services."""

    def __init__(self, name: str, server: Server, pki: dict[str, bytes]) -> None:
        self.name, self.server = name, server
        # Not pytest's directory: only its owner may enter that.
        self.place = Place(Path(tempfile.mkdtemp(prefix=f"interop-{name}-", dir="/tmp")), server.user)
        self.place.path.chmod(0o755)
        populate(self.place.path, pki)
        self.ports = self.place.ports
        self.ports.update({service: free_port() for service in server.services})
        try:
            words = server.configure(self.place)
            self.place.give()
            self.process = self.place.popen(words)
        except BaseException:
            shutil.rmtree(self.place.path)
            raise
        self.wait()

    def wait(self) -> None:
        """Until it is ready."""
        try:
            wait_for("ends or is ready", lambda: self.process.poll() is not None or self.is_ready(), PATIENT)
            assert self.process.poll() is None, f"it ended: {self.process.args!r}"
        except AssertionError as error:
            log = self.log()
            self.stop()
            raise AssertionError(f"{self.name} did not start: {error}\n{log}") from None

    def is_ready(self) -> bool:
        return self.server.ready in self.log() and all(map(is_listening, self.ports.values()))

    def log(self) -> str:
        return self.place.log()

    def stop(self) -> None:
        """End it and its children, by its own id and that of its group, and remove its directory."""
        if self.process.poll() is None:
            self.process.send_signal(self.server.stop)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(POLITE)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(POLITE)
        wait_for(f"{self.name} has closed its ports", lambda: not any(map(is_listening, self.ports.values())))
        shutil.rmtree(self.place.path)
