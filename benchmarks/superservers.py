"""sslserver beside stunnel, socat and ncat, which can start a program for each connection too.

Each does it the fastest way it has that is sensible: nobody asks name servers or writes a log, and socat neither waits
for more to send nor takes small pieces. All have their keys from the same files.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.bench import (
    BULK,
    MIB,
    Bench,
    Contest,
    Process,
    Row,
    Server,
    Side,
    alone,
    progress,
    to_highest,
    to_lowest,
)

GROUP = "P-256"  # socat has no other
HANDSHAKES = 1000
CLIENTS = 8
PARTS = 5  # of the bulk file, one behind the other
SIZE = PARTS * BULK
GB = 1e9
FEW, MANY = 5_000, 100_000  # after few, caches are full
MOST = 2000  # connections at once

TRUE = ("/bin/true",)
CAT = ("/bin/cat",)

Program: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class SuperServer(Side):
    """`command` makes its command line of a directory for files, a port, the kind of key, and the program."""

    command: Callable[[Path, int, str, Program], tuple[str, ...]]


def sslserver(_directory: Path, port: int, key: str, program: Program) -> tuple[str, ...]:
    files = ("env", f"CERTFILE={key}.crt", f"KEYFILE={key}.key")
    options = ("-c", str(MOST), "-H", "-R", "-l", "0")
    return (*files, sys.executable, "-m", "tlsdeck", "sslserver", *options, "127.0.0.1", str(port), *program)


def stunnel(directory: Path, port: int, key: str, program: Program) -> tuple[str, ...]:
    settings = directory / f"stunnel-{port}.conf"
    settings.write_text(
        f"foreground = yes\nsyslog = no\ndebug = 0\npid =\n"
        f"[bench]\naccept = 127.0.0.1:{port}\ncert = {key}.crt\nkey = {key}.key\n"
        f"exec = {program[0]}\nexecArgs = {' '.join(program)}\n"
    )
    return ("stunnel4", str(settings))


def socat(_directory: Path, port: int, key: str, program: Program) -> tuple[str, ...]:
    files = f"cert={key}.crt,key={key}.key"
    listen = f"OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,nodelay,backlog=128,fork,{files},verify=0"
    return ("socat", "-b", "262144", listen, f"EXEC:{' '.join(program)}")


def ncat(_directory: Path, port: int, key: str, program: Program) -> tuple[str, ...]:
    files = ("--ssl-cert", f"{key}.crt", "--ssl-key", f"{key}.key")
    options = ("-k", "-l", "-m", str(MOST), "-e", " ".join(program))
    return ("ncat", "--ssl", *files, *options, "127.0.0.1", str(port))


SIDES = (
    SuperServer("ours", sslserver),
    SuperServer("stunnel", stunnel),
    SuperServer("ncat", ncat),
    SuperServer("socat", socat),
)

# --- the rows --------------------------------------------------------------------------------------------------


def ecdsa_connections(bench: Bench, side: SuperServer) -> float:
    return connections(bench, side, "ec")


def rsa_connections(bench: Bench, side: SuperServer) -> float:
    return connections(bench, side, "rsa")


def connections(bench: Bench, side: SuperServer, key: str) -> float:
    """Per second, with a handshake and a run of the program each."""
    server = new_true_server(bench, side, key)
    return HANDSHAKES / bench.load(server, GROUP, "read", clients=CLIENTS, count=HANDSHAKES)


def bulk(bench: Bench, side: SuperServer) -> float:
    """Bytes per second from the program to a client."""
    return SIZE / bench.load(bulk_server(bench, side), GROUP, "read", size=SIZE)


def bulk_cpu(bench: Bench, side: SuperServer) -> float:
    """CPU seconds per GB, the program's included."""
    server = bulk_server(bench, side)
    before = settled_cpu(server)
    bench.load(server, GROUP, "read", size=SIZE)
    return (settled_cpu(server) - before) / (SIZE / GB)


def settled_cpu(server: Server) -> float:
    server.settle()
    return server.cpu_seconds()


def idle_200(bench: Bench, side: SuperServer) -> float:
    return idle_memory(bench, side, 200)


def idle_1000(bench: Bench, side: SuperServer) -> float:
    return idle_memory(bench, side, 1000)


def idle_memory(bench: Bench, side: SuperServer, count: int) -> float:
    """Private memory that each idle connection takes, in bytes, the programs' left out."""
    bench.stop_server((side, "idle"))
    server = bench.server((side, "idle"), lambda: new_server(bench, side, "ec", CAT))
    with bench.held(server, GROUP, CLIENTS):
        pass
    before = private_bytes(server.settle())
    with bench.held(server, GROUP, count):
        family = server.settle()
        if len(programs(family)) != count:
            sys.exit(f"{server.name}: {len(programs(family))} programs for {count} connections")
        return (private_bytes(family) - before) / count


def programs(family: list[Process]) -> list[Process]:
    return [each for each in family if each.name == Path(CAT[0]).name]


def private_bytes(family: list[Process]) -> int:
    """Of all but the programs."""
    return sum(each.private_bytes for each in family) - sum(each.private_bytes for each in programs(family))


def growth(bench: Bench, side: SuperServer) -> float:
    """Resident memory after many connections over that after few; infinite if anything else has become more."""
    bench.stop_server((side, "growth"))
    server = bench.server((side, "growth"), lambda: new_server(bench, side, "ec", TRUE))
    bench.load(server, GROUP, "read", count=FEW)
    before = belongings(server)
    progress(f"growth {side.name}: {before} after {FEW:,} connections, {MANY:,} to go")
    bench.load(server, GROUP, "read", count=MANY)
    after = belongings(server)
    progress(f"growth {side.name}: {after}")
    grown = [name for name, count in after.counts.items() if count > before.counts[name]]
    return float("inf") if grown else after.memory / before.memory


@dataclass(frozen=True)
class Belongings:
    memory: int
    counts: dict[str, int]

    def __str__(self) -> str:
        return ", ".join(
            [f"{self.memory / MIB:.1f} MiB", *(f"{n} {name}" for name, n in self.counts.items())]
        )


def belongings(server: Server) -> Belongings:
    family = server.settle()
    living = [each for each in family if not each.is_zombie]
    counts = {
        "processes": len(living),
        "descriptors": sum(each.descriptors for each in living),
        "threads": sum(each.threads for each in living),
        "zombies": len(family) - len(living),
    }
    return Belongings(sum(each.resident_bytes for each in living), counts)


# --- servers ---------------------------------------------------------------------------------------------------


def new_true_server(bench: Bench, side: SuperServer, key: str) -> Server:
    """One that runs /bin/true, warmed up. A new one for each round, as ncat gets slower with every connection."""
    bench.stop_server((side, key))
    server = bench.server((side, key), lambda: new_server(bench, side, key, TRUE))
    bench.load(server, GROUP, "read", count=100)
    return server


def bulk_server(bench: Bench, side: SuperServer) -> Server:
    file = str(bench.directory / bench.bulk_file())
    return bench.server((side, "bulk"), lambda: new_server(bench, side, "ec", (*CAT, *[file] * PARTS)))


def new_server(bench: Bench, side: SuperServer, key: str, program: Program) -> Server:
    port = free_port()
    command = side.command(bench.directory, port, key, program)
    server = Server(side.name, command, bench.directory, lambda _: port if listens(port) else None)
    server.settle()
    return server


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def kilobytes(size: float) -> str:
    return f"{size / 1000:.0f} kB"


CONTEST = Contest(
    SIDES,
    (
        Row(
            "programs-ecdsa",
            f"TLS 1.3 handshake and /bin/true, {CLIENTS} clients at once, ECDSA P-256",
            lambda rate: f"{rate:.0f}/s",
            ecdsa_connections,
            to_highest,
            ">= 1.5",
            lambda judged: judged >= 1.5,
            rounds=5,
        ),
        Row(
            "programs-rsa",
            f"TLS 1.3 handshake and /bin/true, {CLIENTS} clients at once, RSA-2048",
            lambda rate: f"{rate:.0f}/s",
            rsa_connections,
            to_highest,
            ">= 1.5",
            lambda judged: judged >= 1.5,
            rounds=5,
        ),
        Row(
            "programs-bulk",
            f"{SIZE // MIB} MiB from /bin/cat to one client",
            lambda rate: f"{rate / MIB:.0f} MiB/s",
            bulk,
            to_highest,
            ">= 1.0",
            lambda judged: judged >= 1.0,
            rounds=9,
        ),
        Row(
            "programs-bulk-cpu",
            f"{SIZE // MIB} MiB from /bin/cat to one client, CPU of server and program",
            lambda seconds: f"{seconds:.2f} s/GB",
            bulk_cpu,
            to_lowest,
            "<= 1.0",
            lambda judged: judged <= 1.0,
            rounds=9,
        ),
        Row(
            "programs-idle-200",
            "private memory per idle connection, of 200",
            kilobytes,
            idle_200,
            alone,
            "<= 300 kB",
            lambda judged: judged <= 300_000,
            rounds=1,
        ),
        Row(
            "programs-idle-1000",
            "private memory per idle connection, of 1000",
            kilobytes,
            idle_1000,
            alone,
            "<= 300 kB",
            lambda judged: judged <= 300_000,
            rounds=1,
        ),
    ),
)

# What is ours alone to show.
ENDURANCE = Contest(
    SIDES[:1],
    (
        Row(
            "programs-growth",
            f"resident memory after {MANY:,} connections more; descriptors, threads, zombies",
            lambda ratio: f"{(ratio - 1) * 100:+.1f} %",
            growth,
            alone,
            "+-2 %, no more",
            lambda judged: abs(judged - 1) <= 0.02,
            rounds=1,
        ),
    ),
)
