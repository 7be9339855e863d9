"""Ours beside the system's openssl, in one run: `python benchmarks/run.py [ROW ...]`.

Every row measures the same thing on both sides, round by round in turn (A B A B ...), so that whatever else the
machine does meets both alike. Printed are the medians and what is judged: nearly always the ratio ours/openssl.
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
TIME_LIMIT = 600.0  # seconds, for any one step
MIB = 1024 * 1024
TICKS = os.sysconf("SC_CLK_TCK")

# --- the rows --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """`measure` gives one round's value of one side; `judge` makes one number of both medians."""

    name: str
    title: str
    show: Callable[[float], str]
    measure: Callable[[Bench, Side], float]
    judge: Callable[[float, float], float]
    target: str
    reached: Callable[[float], bool]
    rounds: int


def main() -> None:
    arguments = parse_arguments()
    rows = [row for row in ROWS if row.name in arguments.rows] if arguments.rows else list(ROWS)
    ours = OPENSSL.renamed("openssl again") if arguments.self_check else OURS
    # An installed program has its bytecode; this one runs from the sources.
    compileall.compile_dir(SOURCES, quiet=1)
    with Bench.set_up() as bench:
        results = [
            (row, *measured(bench, row, (ours, OPENSSL), arguments.rounds or row.rounds)) for row in rows
        ]
    print_table(ours.name, results, judging=not arguments.self_check)


def parse_arguments() -> argparse.Namespace:
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(description="Measure ours beside the system's openssl.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(names)}; all by default")
    parser.add_argument("--rounds", type=int, help="rounds of each side, in place of each row's own number")
    parser.add_argument("--self-check", action="store_true", help="openssl on both sides: how far noise goes")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(names):
        parser.error(f"no such row: {', '.join(sorted(unknown))} (there are {', '.join(names)})")
    if arguments.rounds is not None and arguments.rounds < 1:
        parser.error("--rounds needs at least 1")
    return arguments


def measured(bench: Bench, row: Row, sides: tuple[Side, Side], rounds: int) -> tuple[float, float]:
    """The medians of both sides."""
    values: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for side, found in zip(sides, values, strict=True):
            found.append(row.measure(bench, side))
            progress(f"{row.name} {number + 1}/{rounds} {side.name}: {row.show(found[-1])}")
    bench.stop_servers()
    return statistics.median(values[0]), statistics.median(values[1])


def print_table(name: str, results: list[tuple[Row, float, float]], *, judging: bool) -> None:
    table = [("", name, "openssl", "judged", "target", "")]
    for row, ours, openssl in results:
        judged = row.judge(ours, openssl)
        verdict = (row.target, "reached" if row.reached(judged) else "MISSED") if judging else ("1", "")
        table.append((row.title, row.show(ours), row.show(openssl), f"{judged:.3f}", *verdict))
    widths = [max(len(line[column]) for line in table) for column in range(6)]
    for line in table:
        first, *others = (word.ljust(width) for word, width in zip(line, widths, strict=True))
        print("  ".join((first, *others)).rstrip())


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# --- what is compared ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    name: str
    s_server: tuple[str, ...]
    s_client: tuple[str, ...]

    def renamed(self, name: str) -> Side:
        return Side(name, self.s_server, self.s_client)


# Beside the interpreter that runs this, not behind its link: that is where the environment has its scripts.
OURS = Side(
    "ours",
    (sys.executable, "-m", "tlsdeck", "s_server"),
    (str(Path(sys.executable).parent / "s_client"),),
)
SOURCES = Path(__file__).parent.parent / "src"
OPENSSL = Side("openssl", ("openssl", "s_server"), ("openssl", "s_client"))

HANDSHAKES = 2000
CLIENTS = 8
BULK = 100 * MIB
FEW, MANY = 1_000, 20_000


def handshake_cpu(bench: Bench, side: Side) -> float:
    """CPU seconds of the server per connection, one after the other."""
    server = bench.server(side, "-www")
    before = server.cpu_seconds()
    bench.load(server, count=HANDSHAKES)
    return (server.cpu_seconds() - before) / HANDSHAKES


def clients(bench: Bench, side: Side) -> float:
    """Connections per second."""
    return HANDSHAKES / bench.load(bench.server(side, "-www"), clients=CLIENTS, count=HANDSHAKES)


def start_up(bench: Bench, side: Side) -> float:
    """Seconds of a whole client process, its peer always being openssl's server."""
    port = bench.server(OPENSSL, "-www").port
    command = [*side.s_client, "-connect", f"127.0.0.1:{port}"]
    start = time.perf_counter()
    bench.run(*command)
    return time.perf_counter() - start


def bulk(bench: Bench, side: Side) -> float:
    """Bytes per second of one large file."""
    return BULK / bench.load(bench.server(side, "-WWW"), target=f"/{bench.bulk_file()}")


def memory_growth(bench: Bench, side: Side) -> float:
    """Resident memory after many connections, over that after few."""
    server = bench.new_server(side, "-www")
    bench.load(server, count=FEW)
    few = server.resident_bytes()
    progress(f"memory {side.name}: {few / MIB:.1f} MiB after {FEW:,} connections, {MANY - FEW:,} to go")
    bench.load(server, count=MANY - FEW)
    many = server.resident_bytes()
    progress(f"memory {side.name}: {many / MIB:.1f} MiB after {MANY:,} connections")
    return many / few


def ratio(ours: float, openssl: float) -> float:
    return ours / openssl


def alone(ours: float, openssl: float) -> float:
    """Ours is judged by itself, openssl's is there to compare."""
    del openssl
    return ours


ROWS = (
    Row(
        "handshake-cpu",
        "server CPU per full TLS 1.3 handshake, s_server -www",
        lambda seconds: f"{seconds * 1e6:.0f} us",
        handshake_cpu,
        ratio,
        "<= 1.1",
        lambda judged: judged <= 1.1,
        rounds=7,
    ),
    Row(
        "clients",
        f"connections to s_server -www, {CLIENTS} clients at once",
        lambda rate: f"{rate:.0f}/s",
        clients,
        ratio,
        ">= 1.3",
        lambda judged: judged >= 1.3,
        rounds=7,
    ),
    Row(
        "start-up",
        "s_client -connect ... </dev/null, wall time",
        lambda seconds: f"{seconds * 1e3:.1f} ms",
        start_up,
        ratio,
        "<= 2",
        lambda judged: judged <= 2,
        rounds=31,
    ),
    Row(
        "bulk",
        f"{BULK // MIB} MiB from s_server -WWW to one client",
        lambda rate: f"{rate / MIB:.0f} MiB/s",
        bulk,
        ratio,
        ">= 1.0",
        lambda judged: judged >= 1.0,
        rounds=9,
    ),
    Row(
        "memory",
        f"resident memory of s_server -www, {MANY:,} over {FEW:,} connections",
        lambda growth: f"{(growth - 1) * 100:+.1f} %",
        memory_growth,
        alone,
        "+-2 %",
        lambda judged: abs(judged - 1) <= 0.02,
        rounds=1,
    ),
)

# --- the bench -------------------------------------------------------------------------------------------------


@dataclass
class Bench:
    """A directory with certificate, load program and bulk file, and the servers that run."""

    directory: Path
    servers: dict[tuple[Side, str], Server] = field(default_factory=dict)

    @staticmethod
    @contextlib.contextmanager
    def set_up() -> Iterator[Bench]:
        with tempfile.TemporaryDirectory(prefix="tlsdeck-bench-") as name:
            bench = Bench(Path(name))
            bench.make_certificate()
            bench.compile_load()
            try:
                yield bench
            finally:
                bench.stop_servers()

    def make_certificate(self) -> None:
        words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
        self.run("openssl", *words.split(), "-keyout", "server.key", "-out", "server.crt")

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

    def load(self, server: Server, *, clients: int = 1, count: int = 1, target: str = "/") -> float:
        """Make `count` connections; gives the seconds it took."""
        words = (str(server.port), str(clients), str(count), target)
        seconds, received = self.run("./load", *words).split()
        if target != "/" and int(received) < BULK:
            sys.exit(f"{server.name}: {received} bytes of {BULK} came")
        return float(seconds)

    def server(self, side: Side, mode: str) -> Server:
        """One that stays for all rounds of a row, warmed up."""
        if (side, mode) not in self.servers:
            server = self.new_server(side, mode)
            if mode == "-www":
                self.load(server, count=100)
        return self.servers[side, mode]

    def new_server(self, side: Side, mode: str) -> Server:
        if (side, mode) in self.servers:
            self.servers.pop((side, mode)).stop()
        server = Server(side, mode, self.directory)
        self.servers[side, mode] = server
        return server

    def stop_servers(self) -> None:
        while self.servers:
            self.servers.popitem()[1].stop()


class Server:
    """A running s_server on a port of the system's choice."""

    def __init__(self, side: Side, mode: str, directory: Path) -> None:
        options = ("-accept", "127.0.0.1:0", "-cert", "server.crt", "-key", "server.key", mode)
        self.name = f"{side.name} s_server {mode}"
        # A file, as a pipe that nobody reads could fill up.
        with tempfile.NamedTemporaryFile(dir=directory, prefix="out-") as out:
            self.process = subprocess.Popen(
                (*side.s_server, *options),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.DEVNULL,
            )
            try:
                self.port = self.read_port(Path(out.name))
            except BaseException:
                self.stop()
                raise

    def read_port(self, out: Path) -> int:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            for line in out.read_text().splitlines(keepends=True):
                if line.startswith("ACCEPT ") and line.endswith("\n"):
                    return int(line.rpartition(":")[2])
            time.sleep(0.02)
        sys.exit(f"{self.name} did not come up: exit status {self.process.poll()}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cpu_seconds(self) -> float:
        """User and system time, its children's included, both those that live and those that it has reaped."""
        return sum(sum(int(word) for word in words[11:15]) for words in self.stats()) / TICKS

    def resident_bytes(self) -> int:
        return sum(int(words[21]) for words in self.stats()) * os.sysconf("SC_PAGE_SIZE")

    def stats(self) -> list[list[str]]:
        """The fields of /proc/PID/stat behind the name, of the server and all its descendants."""
        everyone = dict(every_process())
        family = [self.process.pid]
        for parent in family:
            family += [pid for pid, words in everyone.items() if int(words[1]) == parent]
        return [everyone[pid] for pid in family]


def every_process() -> Iterator[tuple[int, list[str]]]:
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it may have ended since it was listed
            yield int(directory.name), (directory / "stat").read_text().rpartition(")")[2].split()


if __name__ == "__main__":
    main()
