"""Signals, workers that die, rights that are given up, service managers."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.fixtures import Run, Start, Workdir
from support.programs import OURS, TIME_LIMIT, target, wait_for
from ucspi.serving import CERTIFICATE, QUICK, Server, ask, gone, read_all, ready, serve

NOBODY = 65534

needs_root = pytest.mark.usefixtures("as_root")


@pytest.fixture
def as_root() -> None:
    assert os.geteuid() == 0, "these tests need root"


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    path = workdir("server")
    for each in (path, *path.parents[:3]):  # those that pytest has made, for its user alone
        each.chmod(0o755)
    return path


def signalled(server: Server, number: signal.Signals) -> None:
    os.kill(server.process.pid, number)


# --- signals -------------------------------------------------------------------------------------------------------


def test_term_ends_the_server_and_running_connections_go_on(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat"])
    with server.connect() as connection:
        connection.sendall(b"before")
        assert connection.recv(100) == b"before"
        workers = server.workers()
        signalled(server, signal.SIGTERM)
        assert server.process.popen.wait(10) == 0
        connection.sendall(b"after")
        assert connection.recv(100) == b"after"
        with pytest.raises(OSError):
            server.dial()
    wait_for("the workers end with the last connection", lambda: all(gone(pid) for pid in workers))


def test_usr1_ends_the_server_with_the_last_connection(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "read x; echo $x"])
    with server.connect() as connection:
        server.wait_for_log("accept TLS")
        signalled(server, signal.SIGUSR1)
        wait_for("nobody else gets in", lambda: refused(server))
        connection.sendall(b"last\n")
        assert read_all(connection) == b"last\n"
    assert server.process.popen.wait(10) == 0


def refused(server: Server) -> bool:
    try:
        server.dial().close()
    except OSError:
        return True
    return False


def test_hup_reads_certificates_again(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "echo $SSL_SERVER_S_DN_CN; cat"], ["-s"])
    with server.connect() as old:
        assert old.recv(100) == b"localhost\n"
        shutil.copy(directory / "other.pem", directory / "rsa.pem")
        shutil.copy(directory / "other.key", directory / "rsa.key")
        signalled(server, signal.SIGHUP)
        server.wait_for_log("info: certificates read again")
        with server.connect() as new:
            assert new.recv(100) == b"other.example\n"
        old.sendall(b"still here")
        assert old.recv(100) == b"still here"
    wait_for("the old workers are gone", lambda: len(server.workers()) == len(os.sched_getaffinity(0)))


def test_hup_with_bad_files_leaves_the_old_in_force(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["echo", "fine"])
    (directory / "rsa.key").write_text("no key")
    signalled(server, signal.SIGHUP)
    server.wait_for_log("error: (111) unable to load key: ")
    assert ask(server) == b"fine\n"
    wait_for("the new workers are gone", lambda: len(server.workers()) == len(os.sched_getaffinity(0)))
    assert ask(server) == b"fine\n"


def test_a_worker_that_dies_is_replaced(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat"])
    time.sleep(1)
    before = server.workers()
    with server.connect() as connection:
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"
        for pid in before:
            os.kill(pid, signal.SIGKILL)
    server.wait_for_log("error: (111) worker ", len(before))
    server.wait_for_log("status 0/40/0", 2)
    wait_for("others take their place", lambda: len(set(server.workers()) - set(before)) == len(before))
    with server.connect() as connection:
        connection.sendall(b"y")
        assert connection.recv(1) == b"y"


def settled(server: Server) -> bool:
    return len(server.workers()) == len(os.sched_getaffinity(0))


def test_hup_ten_times_in_a_second_while_a_hundred_are_served(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat"], ["-c", "200"])
    clients = [server.connect() for _ in range(100)]
    for _ in range(10):
        signalled(server, signal.SIGHUP)
        time.sleep(0.05)
        assert ask_of(server) == b"new"
    server.wait_for_log("certificates read again")
    for number, client in enumerate(clients):
        with client:
            client.sendall(b"%d" % number)
            assert client.recv(100) == b"%d" % number
    wait_for("only the last workers are left", lambda: settled(server))
    assert ask_of(server) == b"new"
    assert "error" not in server.process.err


def ask_of(server: Server) -> bytes:
    """What `cat` answers."""
    with server.connect() as connection:
        connection.sendall(b"new")
        return connection.recv(100)


@pytest.mark.parametrize(
    "command, reason",
    [
        ("rm rsa.key", "unable to load key: "),
        ("cp ecdsa.key rsa.key", "unable to load key: key does not match certificate"),
        ("cp locked.key rsa.key", "unable to load key: "),
        (": >rsa.pem", "unable to load certificate: "),
        ("rm rsa.key; mkdir rsa.key", "unable to load key: "),
    ],
)
def test_hup_with_what_cannot_be_used(
    start: Start, run: Run, directory: Path, command: str, reason: str
) -> None:
    server = serve(start, directory, ["cat"])
    assert run(["sh", "-c", command], cwd=directory).code == 0
    for count in (1, 2, 3):
        signalled(server, signal.SIGHUP)
        server.wait_for_log("; the certificates in use stay", count)
    errors = [line for line in server.log() if "error" in line]
    assert len(errors) == 3
    assert errors[0].startswith(f"error: (111) {reason}")
    wait_for("the new workers are gone", lambda: settled(server))
    assert ask_of(server) == b"new"


def test_a_worker_that_cannot_be_replaced_for_want_of_its_files(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat"])
    (directory / "rsa.key").rename(directory / "elsewhere")
    for pid in server.workers():
        os.kill(pid, signal.SIGSEGV)
    server.wait_for_log("error: (111) unable to replace a worker: unable to load key: ")
    (directory / "elsewhere").rename(directory / "rsa.key")
    assert ask_of(server) == b"new"
    wait_for("all are there", lambda: settled(server))


def test_term_while_certificates_are_read_again(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat"])
    with server.connect() as connection:
        workers = server.workers()
        signalled(server, signal.SIGHUP)
        wait_for("new workers", lambda: not settled(server))
        workers += server.workers()
        signalled(server, signal.SIGTERM)
        assert server.process.popen.wait(10) == 0
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"
    wait_for("the workers end with the last connection", lambda: all(gone(pid) for pid in workers))


def test_term_does_not_wait_for_usr1(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat"])
    with server.connect() as connection:
        server.wait_for_log(" ok ")
        signalled(server, signal.SIGUSR1)
        wait_for("nobody else gets in", lambda: refused(server))
        signalled(server, signal.SIGHUP)  # for nobody, now
        signalled(server, signal.SIGTERM)
        assert server.process.popen.wait(10) == 0
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"


def test_a_supervisor_that_is_killed_leaves_nobody_for_ever(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat"])
    with server.connect() as first, server.connect() as second:
        for connection in (first, second):
            connection.sendall(b"x")
            assert connection.recv(1) == b"x"
        everybody = server.children()
        assert len(everybody) > len(os.sched_getaffinity(0))
        signalled(server, signal.SIGKILL)
        server.process.popen.wait(10)
        for connection in (first, second):
            connection.sendall(b"y")
            assert connection.recv(1) == b"y"
    wait_for("all have ended", lambda: all(gone(pid) for pid in everybody))


def test_workers_that_crash_one_after_the_other(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat"])
    for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT):
        for pid in server.workers():
            os.kill(pid, number)
            server.wait_for_log(f"worker {pid} ended by status ")
            assert ask_of(server) == b"new"
    wait_for("all are there", lambda: settled(server))


def test_a_worker_that_is_stopped_loses_nobody(start: Start, directory: Path) -> None:
    """Who came to it waits; the others take the rest, because it has more and more."""
    server = serve(start, directory, ["cat"])
    stopped = server.workers()[0]
    os.kill(stopped, signal.SIGSTOP)
    with ThreadPoolExecutor(20) as threads:
        answers = [threads.submit(ask_of, server) for _ in range(20)]
        wait_for("most are served", lambda: sum(each.done() for each in answers) >= 5)
        os.kill(stopped, signal.SIGCONT)
        assert [each.result(TIME_LIMIT) for each in answers] == [b"new"] * 20


# --- rights --------------------------------------------------------------------------------------------------------


def status(pid: int | str, field: str) -> list[str]:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return line.split()[1:]
    raise AssertionError(field)


@needs_root
def test_the_program_runs_as_told(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["cat", "/proc/self/status"], ["-u", "1234", "-g", "2345"])
    lines = dict(line.split(":", 1) for line in ask(server).decode().splitlines())
    assert lines["Uid"].split() == ["1234"] * 4
    assert lines["Gid"].split() == ["2345"] * 4
    assert lines["Groups"].split() == ["2345"]


@needs_root
def test_big_u_takes_the_variables(start: Start, directory: Path) -> None:
    env = {"UID": "1234", "GID": "2345"}
    assert ask(serve(start, directory, ["id"], ["-U"], env)).startswith(b"uid=1234 gid=2345 groups=2345")
    assert ask(serve(start, directory, ["id"], ["-U", "-u", "54321"], env)).startswith(b"uid=54321 gid=2345")


@needs_root
@pytest.mark.parametrize(
    "env",
    [
        {"SSL_UID": str(NOBODY), "SSL_GID": str(NOBODY)},
        {"SSL_USER": "nobody", "SSL_GROUP": "nogroup"},
        {"SSL_USER": "nobody"},
        {"SSL_USER": "root", "SSL_UID": str(NOBODY), "SSL_GROUP": "root", "SSL_GID": str(NOBODY)},
    ],
)
def test_workers_live_in_a_jail_without_rights(start: Start, directory: Path, env: dict[str, str]) -> None:
    jail = directory / "jail"
    jail.mkdir()
    (directory / "rsa.key").chmod(0o600)
    server = serve(
        start, directory, ["id", "-u"], ["-u", "1234", "-g", "2345"], {**env, "SSL_CHROOT": str(jail)}
    )
    assert ask(server) == b"1234\n"
    for pid in server.workers():
        assert status(pid, "Uid") == status(pid, "Gid") == [str(NOBODY)] * 4
        assert status(pid, "Groups") == [str(NOBODY)]
        assert Path(f"/proc/{pid}/root").readlink() == jail
        assert Path(f"/proc/{pid}/cwd").readlink() == jail
        assert status(pid, "CapEff") == ["0" * 16]
        opened = [target(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
        assert not [name for name in opened if str(directory) in name]
    assert status(server.process.pid, "Uid")[0] == "0"


@needs_root
def test_a_jailed_server_does_everything(start: Start, directory: Path) -> None:
    """Rules, names, reports: nothing is looked for that the jail does not have."""
    jail = directory / "jail"
    jail.mkdir()
    tcprules = start([*OURS, "tcprules", "rules.cdb", "rules.tmp"], directory)
    tcprules.send(b'127.:allow,SEEN="yes"\n')
    tcprules.eof()
    assert tcprules.finish().code == 0
    (directory / "rules.cdb").chmod(0o600)
    env = {**CERTIFICATE, "SSL_CHROOT": str(jail), "SSL_UID": str(NOBODY), "DNSCACHEIP": "127.0.0.1"}
    words = [*OURS, "sslserver", "-1", "-vhprse", "-t", "1", "-x", "rules.cdb", "127.0.0.1", "0"]
    server = ready(start([*words, "sh", "-c", "echo $SEEN $SSL_PROTOCOL"], directory, env))
    assert ask(server) == b"yes TLSv1.3\n"


@needs_root
def test_hup_reads_keys_that_workers_cannot(start: Start, directory: Path) -> None:
    (directory / "rsa.key").chmod(0o600)
    server = serve(start, directory, ["echo", "fine"], env={"SSL_UID": str(NOBODY)})
    signalled(server, signal.SIGHUP)
    server.wait_for_log("info: certificates read again")
    assert ask(server) == b"fine\n"


# --- service managers ----------------------------------------------------------------------------------------------


def test_readiness_is_told(start: Start, directory: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(directory / "notify"))
        manager.settimeout(10)
        server = serve(start, directory, ["env"], env={"NOTIFY_SOCKET": str(directory / "notify")})
        assert manager.recv(100) == b"READY=1"
        assert b"NOTIFY_SOCKET" not in ask(server)
        signalled(server, signal.SIGHUP)
        assert manager.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert manager.recv(100) == b"READY=1"
        signalled(server, signal.SIGTERM)
        assert manager.recv(100) == b"STOPPING=1"


def test_a_socket_that_is_handed_over(start: Start, directory: Path) -> None:
    words = ["python3", "-c", HAND_OVER, *OURS, "sslserver", "-1", *QUICK, "0", "0", "env"]
    server = ready(start(words, directory, CERTIFICATE))
    shown = ask(server)
    assert b"LISTEN_" not in shown
    assert f"SSLLOCALPORT={server.port}\n".encode() in shown


# Listens and hands the socket over, as a service manager does.
HAND_OVER = """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
os.dup2(listener.fileno(), 9)
os.dup2(9, 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[1], sys.argv[1:])
"""
