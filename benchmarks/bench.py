"""What all rows need: a directory with certificates and the load program, servers that run, and what they cost."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

HERE = Path(__file__).parent
SOURCES = HERE.parent / "src"
TIME_LIMIT = 600.0  # seconds, for any one step
START_LIMIT = 20.0  # seconds until a server takes connections, or all that came for them has gone
SETTLED = 0.2  # seconds in which no process comes or goes
MIB = 1024 * 1024
BULK = 100 * MIB
TICKS, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")  # per second; bytes
CERTIFICATES = {"ec": "ec -pkeyopt ec_paramgen_curve:P-256", "rsa": "rsa:2048"}

# --- what is compared ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    name: str


S = TypeVar("S", bound=Side)


@dataclass(frozen=True)
class Row(Generic[S]):
    """`measure` gives one round's value of one side; `judge` makes one number of our median and all others'."""

    name: str
    title: str
    show: Callable[[float], str]
    measure: Callable[[Bench, S], float]
    judge: Callable[[float, Sequence[float]], float]
    target: str
    reached: Callable[[float], bool]
    rounds: int


@dataclass(frozen=True)
class Contest(Generic[S]):
    """Rows with the same sides. Ours is the first."""

    sides: tuple[S, ...]
    rows: tuple[Row[S], ...]


def alone(ours: float, others: Sequence[float]) -> float:
    """Ours is judged by itself, the others are there to compare."""
    del others
    return ours


def to_highest(ours: float, others: Sequence[float]) -> float:
    return ours / max(others)


def to_lowest(ours: float, others: Sequence[float]) -> float:
    return ours / min(others)


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# --- the bench -------------------------------------------------------------------------------------------------


@dataclass
class Bench:
    """A directory with certificates, load program and bulk file, and the servers that run."""

    directory: Path
    servers: dict[Hashable, Server] = field(default_factory=dict)

    @staticmethod
    @contextlib.contextmanager
    def set_up() -> Iterator[Bench]:
        with tempfile.TemporaryDirectory(prefix="tlsdeck-bench-") as name:
            bench = Bench(Path(name))
            bench.make_certificates()
            bench.compile_load()
            try:
                yield bench
            finally:
                bench.stop_servers()

    def make_certificates(self) -> None:
        for name, kind in CERTIFICATES.items():
            words = f"req -x509 -newkey {kind} -nodes -days 2 -subj /CN=localhost".split()
            self.run("openssl", *words, "-keyout", f"{name}.key", "-out", f"{name}.crt")

    def compile_load(self) -> None:
        compiler = os.environ.get("CC") or shutil.which("cc") or "gcc"
        self.run(compiler, "-O2", "-o", "load", str(HERE / "load.c"), "-lssl", "-lcrypto", "-lpthread")

    def bulk_file(self) -> str:
        """Its name; made when first asked for."""
        path = self.directory / "bulk.bin"
        if not path.exists():
            block = os.urandom(MIB)
            with path.open("wb") as file:
                file.writelines(block for _ in range(BULK // MIB))
        return path.name

    def run(self, *command: str) -> str:
        """Run in the bench's directory, give its stdout; a failure ends the benchmark with what it said."""
        done = subprocess.run(
            command,
            check=False,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
        )
        if done.returncode:
            sys.exit(f"{command[0]} failed with status {done.returncode}\n{done.stderr}")
        return done.stdout

    def load(
        self, server: Server, group: str, what: str, *, clients: int = 1, count: int = 1, size: int = 0
    ) -> float:
        """Make `count` connections, `size` bytes or more coming in all; gives the seconds it took."""
        seconds, received = self.run(*load_command(server, group, what, clients, count)).split()[:2]
        if int(received) < size:
            sys.exit(f"{server.name}: {received} bytes of {size} came")
        return float(seconds)

    @contextlib.contextmanager
    def held(self, server: Server, group: str, count: int) -> Iterator[None]:
        """Meanwhile there are `count` connections on which nothing happens."""
        command = load_command(server, group, "hold", 1, count)
        with subprocess.Popen(
            command, cwd=self.directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as load:
            assert load.stdout is not None
            if "held\n" not in load.stdout:
                sys.exit(f"{server.name}: connections failed")
            yield

    def server(self, key: Hashable, start: Callable[[], Server]) -> Server:
        """One that stays for all rounds of a row; `start` when there is none yet."""
        if key not in self.servers:
            self.servers[key] = start()
        return self.servers[key]

    def stop_server(self, key: Hashable) -> None:
        """The next that asks for it gets a new one."""
        if key in self.servers:
            self.servers.pop(key).stop()

    def stop_servers(self) -> None:
        while self.servers:
            self.servers.popitem()[1].stop()


def load_command(server: Server, group: str, what: str, clients: int, count: int) -> tuple[str, ...]:
    return ("./load", str(server.port), str(clients), str(count), group, what)


# --- a server --------------------------------------------------------------------------------------------------


class Server:
    """A process on a port, `port` or the one that `find_port` finds in its output."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        directory: Path,
        find_port: Callable[[str], int | None],
    ) -> None:
        self.name = name
        if shutil.which(command[0]) is None:
            sys.exit(f"{command[0]} is missing: tools/debian-packages benchmarks/packages.txt installs it")
        # A file, as a pipe that nobody reads could fill up.
        with tempfile.NamedTemporaryFile(dir=directory, prefix="out-") as out:
            self.process = subprocess.Popen(
                command,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.DEVNULL,
            )
            try:
                self.port = self._await_port(Path(out.name), find_port)
            except BaseException:
                self.stop()
                raise

    def _await_port(self, out: Path, find_port: Callable[[str], int | None]) -> int:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline and self.process.poll() is None:
            port = find_port(out.read_text())
            if port is not None:
                return port
            time.sleep(0.02)
        sys.exit(f"{self.name} did not come up: exit status {self.process.poll()}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    # --- what it costs ---

    def cpu_seconds(self) -> float:
        """User and system time, its children's included, both those that live and those that it has reaped."""
        return sum(each.cpu_ticks for each in self.family()) / TICKS

    def resident_bytes(self) -> int:
        return sum(each.resident_bytes for each in self.family())

    def family(self) -> list[Process]:
        """The server and all its descendants."""
        everyone = {process.pid: process for process in every_process()}
        family = [everyone[self.process.pid]]
        for parent in family:
            family += [process for process in everyone.values() if process.parent == parent.pid]
        return family

    def settle(self) -> list[Process]:
        """The family, once nobody comes or goes any more."""
        deadline = time.monotonic() + START_LIMIT
        before: set[int] = set()
        while (now := {each.pid for each in self.family()}) != before:
            if time.monotonic() > deadline:
                sys.exit(f"{self.name}: processes of ended connections stay")
            before = now
            time.sleep(SETTLED)
        return self.family()


@dataclass(frozen=True)
class Process:
    """What the kernel says in /proc/PID."""

    pid: int
    name: str
    fields: tuple[str, ...]  # of stat, from the third

    @property
    def is_zombie(self) -> bool:
        return self.fields[0] == "Z"

    @property
    def parent(self) -> int:
        return int(self.fields[1])

    @property
    def cpu_ticks(self) -> int:
        return sum(int(word) for word in self.fields[11:15])

    @property
    def threads(self) -> int:
        return int(self.fields[17])

    @property
    def resident_bytes(self) -> int:
        return int(self.fields[21]) * PAGE

    @property
    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    @property
    def private_bytes(self) -> int:
        """Memory that is nobody else's and that the process has written."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Private_Dirty:"):
                return int(line.split()[1]) * 1024
        return 0


def every_process() -> Iterator[Process]:
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it may have ended since it was listed
            name, _, fields = (directory / "stat").read_text().rpartition(")")
            yield Process(int(directory.name), name.partition("(")[2], tuple(fields.split()))
