"""What a server does when the system has no descriptor, process or memory left, or nobody reads its log."""

from __future__ import annotations

import fcntl
import os
import re
import resource
import select
import signal
import sys
import termios
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.fixtures import Run, Start, Workdir
from support.programs import OURS, TIME_LIMIT, wait_for
from ucspi.serving import CERTIFICATE, QUICK, Server, ask, descriptors, no_more_open, ready, serve


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    path = workdir("server")
    for each in (path, *path.parents[:3]):  # those that pytest has made, for its user alone
        each.chmod(0o755)
    return path


# --- descriptors ---------------------------------------------------------------------------------------------------


@contextmanager
def descriptors_limited(pids: Sequence[int], most: int) -> Iterator[None]:
    """Processes may have descriptors with numbers below `most` only; afterwards all that they could before."""
    before = [resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in pids]
    for pid, (_, hard) in zip(pids, before, strict=True):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        for pid, limits in zip(pids, before, strict=True):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


def next_number(pids: Sequence[int]) -> int:
    """One more than the highest number of a descriptor."""
    return 1 + max(int(name) for pid in pids for name in os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208


WAYS = {
    "at once": (["-h"], ["echo", "hello"]),
    "later": (["-nh"], ["printf", "hello"]),
}


def greeting(server: Server, way: str) -> bytes:
    """What the program says; nothing when the connection ends without."""
    try:
        if way == "at once":
            return ask(server).strip()
        with server.dial() as plain:
            return plain.recv(100)
    except OSError:
        return b""


@pytest.mark.parametrize("way", WAYS)
def test_each_descriptor_that_a_worker_cannot_have(start: Start, run: Run, directory: Path, way: str) -> None:
    options, program = WAYS[way]
    assert run([*OURS, "tcprules", "rules.cdb", "rules.tmp"], b":allow\n", cwd=directory).code == 0
    server = serve(start, directory, program, ["-x", "rules.cdb", *options], {"DNSCACHEIP": UNUSED})
    workers = server.workers()
    for _ in range(10):
        assert greeting(server, way) == b"hello"
    opened = [descriptors(pid) for pid in workers]
    room = range(3, next_number(workers) + 10)
    said = []
    for count, most in enumerate(room, 11):
        (directory / "rules.cdb").touch()
        with descriptors_limited(workers, most):
            said.append(greeting(server, way))
            server.wait_for_log("ended by", count)
    assert {said[0], said[-1]} == {b"", b"hello"}
    errors = [line for line in server.log() if "error" in line]
    assert len(errors) == said.count(b"")
    assert all(
        re.fullmatch(r"error: \(11[01]\) unable to .*: Too many open files from: .*", each) for each in errors
    )
    for _ in range(10):
        assert greeting(server, way) == b"hello"
    wait_for("all are closed", lambda: no_more_open(workers, opened))
    assert server.workers() == workers


# Nobody listens there: a question fails at once, but it takes a descriptor.
UNUSED = "127.53.53.54"


@pytest.mark.parametrize("way", WAYS)
def test_each_descriptor_that_the_supervisor_cannot_have(start: Start, directory: Path, way: str) -> None:
    """Who comes waits until there is one, or the program cannot be started and that is said."""
    options, program = WAYS[way]
    server = serve(start, directory, program, options, {"DNSCACHEIP": UNUSED})
    supervisor = [server.process.pid]
    assert greeting(server, way) == b"hello"
    server.wait_for_log("status 0/40/0", 2)
    opened = descriptors(supervisor[0])
    waited = failed = 0
    with ThreadPoolExecutor() as threads:
        for most in range(3, next_number(supervisor) + 10):
            with descriptors_limited(supervisor, most):
                client = threads.submit(greeting, server, way)
                wait([client], 0.3)
                waited += not client.done()
            said = client.result(TIME_LIMIT)
            failed += said != b"hello"
    assert waited
    errors = [line for line in server.log() if "error" in line]
    # The limit is the program's as well, and a program may not get far with so few.
    assert (
        0
        < errors.count(f"error: (111) unable to run: {program[0]}: Too many open files")
        == len(errors)
        <= failed
    )
    assert (
        server.process.err.count("WARNING unable to accept: Too many open files; trying again")
        <= waited + failed
    )
    assert greeting(server, way) == b"hello"
    wait_for("all are closed", lambda: descriptors(supervisor[0]) <= opened)


def test_a_reload_without_descriptors_leaves_the_old_in_force(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["echo", "hello"])
    with descriptors_limited([server.process.pid], 4):
        os.kill(server.process.pid, signal.SIGHUP)
        server.wait_for_log("unable to start a worker: Too many open files; the certificates in use stay")
    os.kill(server.process.pid, signal.SIGHUP)
    server.wait_for_log("certificates read again")
    assert ask(server) == b"hello\n"


# --- processes -----------------------------------------------------------------------------------------------------


USER = 61234


def test_a_full_process_table(start: Start, directory: Path) -> None:
    """The user of the programs may have one process only."""
    server = serve(start, directory, ["sh", "-c", "echo hello; read x"], ["-u", str(USER), "-g", str(USER)])
    limits = resource.prlimit(server.process.pid, resource.RLIMIT_NPROC)
    with server.connect() as first:
        assert first.recv(10) == b"hello\n"
        resource.prlimit(server.process.pid, resource.RLIMIT_NPROC, (1, limits[1]))
        with server.connect() as second:
            assert second.recv(10) == b""  # with close_notify
        server.wait_for_log("error: (111) unable to run: sh: Resource temporarily unavailable")
        resource.prlimit(server.process.pid, resource.RLIMIT_NPROC, limits)
        with server.connect() as third:
            assert third.recv(10) == b"hello\n"
        first.sendall(b"x\n")
        assert first.recv(10) == b""
    server.wait_for_log("status 0/40/0", 2)
    assert server.process.err.count("error") == 1


def test_a_worker_that_cannot_be_forked_is_tried_again(start: Start, directory: Path) -> None:
    """All of the server is another user's, who may have as many processes as it has, and no program."""
    for each in directory.iterdir():
        each.chmod(0o644)
    as_user = ["setpriv", f"--reuid={USER + 1}", f"--regid={USER + 1}", "--clear-groups"]
    limit = ["prlimit", f"--nproc={len(os.sched_getaffinity(0)) + 1}"]
    words = [*limit, *as_user, *OURS, "sslserver", "-1", *QUICK, "127.0.0.1", "0"]
    process = start([*words, "echo", "hello"], directory, CERTIFICATE)
    server = ready(process)
    workers = server.workers()
    assert ask(server) == b""
    server.wait_for_log("error: (111) unable to run: echo: Resource temporarily unavailable")
    os.kill(process.pid, signal.SIGHUP)
    server.wait_for_log(f"{_UNABLE}; the certificates in use stay")
    other = start([*as_user, "sh", "-c", "echo up; exec sleep 60"])
    other.until("up")
    os.kill(workers[0], signal.SIGKILL)
    server.wait_for_log(f"error: (111) unable to replace a worker: {_UNABLE}; trying again")
    other.stop()
    wait_for("another worker", lambda: len(server.workers()) == len(workers))
    assert ask(server) == b""


_UNABLE = "unable to start a worker: Resource temporarily unavailable"

# --- the log -------------------------------------------------------------------------------------------------------


def test_a_log_that_nobody_reads_stops_nobody(start: Start, directory: Path) -> None:
    os.mkfifo(directory / "log")
    reading = os.open(directory / "log", os.O_RDONLY | os.O_NONBLOCK)
    words = ["sh", "-c", 'exec "$@" 2>log', "sh", *OURS, "sslserver", "-1", *QUICK, "127.0.0.1", "0"]
    process = start([*words, "echo", "hello"], directory, CERTIFICATE)
    wait_for("the port", lambda: "\n" in process.out)
    server = Server(process, int(process.out))
    for _ in range(400):
        assert ask(server) == b"hello\n"
    held = fcntl.ioctl(reading, termios.FIONREAD, bytes(4))
    assert int.from_bytes(held, sys.byteorder) > 50_000, "the pipe is not full"
    text = b""
    while text.count(b"ended by") < 400:
        text += read_ready(reading)
    assert text.count(b"\n") > 6 * 400
    assert b"lost" not in text
    os.kill(process.pid, signal.SIGTERM)
    assert process.popen.wait(10) == 0
    os.close(reading)


def read_ready(number: int) -> bytes:
    assert select.select([number], [], [], TIME_LIMIT)[0]
    return os.read(number, 65536)
