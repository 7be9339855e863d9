"""s_server and s_client beside the system's openssl."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import (
    BULK,
    MIB,
    Bench,
    Contest,
    Row,
    Server,
    Side,
    alone,
    progress,
    to_highest,
    to_lowest,
)

HANDSHAKES = 2000
CLIENTS = 8
FEW, MANY = 1_000, 20_000
GROUP = "X25519"


@dataclass(frozen=True)
class Pair(Side):
    s_server: tuple[str, ...]
    s_client: tuple[str, ...]


# Beside the interpreter that runs this, not behind its link: that is where the environment has its scripts.
OURS = Pair(
    "ours",
    (sys.executable, "-m", "tlsdeck", "s_server"),
    (str(Path(sys.executable).parent / "s_client"),),
)
OPENSSL = Pair("openssl", ("openssl", "s_server"), ("openssl", "s_client"))


def handshake_cpu(bench: Bench, side: Pair) -> float:
    """CPU seconds of the server per connection, one after the other."""
    server = page_server(bench, side)
    before = server.cpu_seconds()
    bench.load(server, GROUP, "/", count=HANDSHAKES)
    return (server.cpu_seconds() - before) / HANDSHAKES


def clients(bench: Bench, side: Pair) -> float:
    """Connections per second."""
    return HANDSHAKES / bench.load(page_server(bench, side), GROUP, "/", clients=CLIENTS, count=HANDSHAKES)


def start_up(bench: Bench, side: Pair) -> float:
    """Seconds of a whole client process, its peer always being openssl's server."""
    port = page_server(bench, OPENSSL).port
    command = [*side.s_client, "-connect", f"127.0.0.1:{port}"]
    start = time.perf_counter()
    bench.run(*command)
    return time.perf_counter() - start


def bulk(bench: Bench, side: Pair) -> float:
    """Bytes per second of one large file."""
    server = bench.server((side, "-WWW"), lambda: new_server(bench, side, "-WWW"))
    return BULK / bench.load(server, GROUP, f"/{bench.bulk_file()}", size=BULK)


def memory_growth(bench: Bench, side: Pair) -> float:
    """Resident memory after many connections, over that after few."""
    bench.stop_server((side, "-www"))
    server = bench.server((side, "-www"), lambda: new_server(bench, side, "-www"))
    bench.load(server, GROUP, "/", count=FEW)
    few = server.resident_bytes()
    progress(f"memory {side.name}: {few / MIB:.1f} MiB after {FEW:,} connections, {MANY - FEW:,} to go")
    bench.load(server, GROUP, "/", count=MANY - FEW)
    many = server.resident_bytes()
    progress(f"memory {side.name}: {many / MIB:.1f} MiB after {MANY:,} connections")
    return many / few


def page_server(bench: Bench, side: Pair) -> Server:
    """One with -www, warmed up."""

    def start() -> Server:
        server = new_server(bench, side, "-www")
        bench.load(server, GROUP, "/", count=100)
        return server

    return bench.server((side, "-www"), start)


def new_server(bench: Bench, side: Pair, mode: str) -> Server:
    options = ("-accept", "127.0.0.1:0", "-cert", "ec.crt", "-key", "ec.key", mode)
    return Server(f"{side.name} s_server {mode}", (*side.s_server, *options), bench.directory, told_port)


def told_port(output: str) -> int | None:
    for line in output.splitlines(keepends=True):
        if line.startswith("ACCEPT ") and line.endswith("\n"):
            return int(line.rpartition(":")[2])
    return None


CONTEST = Contest(
    (OURS, OPENSSL),
    (
        Row(
            "handshake-cpu",
            "server CPU per full TLS 1.3 handshake, s_server -www",
            lambda seconds: f"{seconds * 1e6:.0f} us",
            handshake_cpu,
            to_lowest,
            "<= 1.1",
            lambda judged: judged <= 1.1,
            rounds=7,
        ),
        Row(
            "clients",
            f"connections to s_server -www, {CLIENTS} clients at once",
            lambda rate: f"{rate:.0f}/s",
            clients,
            to_highest,
            ">= 1.3",
            lambda judged: judged >= 1.3,
            rounds=7,
        ),
        Row(
            "start-up",
            "s_client -connect ... </dev/null, wall time",
            lambda seconds: f"{seconds * 1e3:.1f} ms",
            start_up,
            to_lowest,
            "<= 2",
            lambda judged: judged <= 2,
            rounds=31,
        ),
        Row(
            "bulk",
            f"{BULK // MIB} MiB from s_server -WWW to one client",
            lambda rate: f"{rate / MIB:.0f} MiB/s",
            bulk,
            to_highest,
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
    ),
)
