"""Which process has which rights, as /proc and the system tell it: user, groups, root directory. As root.

Every test has the same private key, which only root may read, and shows that the workers have it in use and cannot
read it again.
"""

from __future__ import annotations

import grp
import os
import pwd
import signal
import subprocess
from pathlib import Path

import pytest

from support.fixtures import Run, Start, Workdir
from support.programs import OURS, wait_for
from ucspi.peers import rules
from ucspi.serving import ask, client_context, ready, serve, shown_sockets

USER, GROUP = "daemon", "mail"  # of every Debian; the user has a group of its own name
SHOW = ["cat", "/proc/self/status"]


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    """Everybody may get there, but not read the key."""
    assert os.geteuid() == 0, "these tests need root"
    path = workdir("server")
    for each in (path, *path.parents[:3]):  # those that pytest has made, for its user alone
        each.chmod(0o755)
    (path / "rsa.key").chmod(0o600)
    (path / "jail").mkdir()
    return path


def numbers(user: str, group: str) -> tuple[int, int]:
    return pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid


DAEMON, MAIL = numbers(USER, GROUP)
OWN_GROUP = numbers(USER, USER)[1]


def rights(status: str) -> tuple[int, int, list[int]]:
    """User, group and the other groups; real, effective, saved and file system's are the same."""
    fields = dict(line.split(":", 1) for line in status.splitlines())
    [uid], [gid] = set(fields["Uid"].split()), set(fields["Gid"].split())
    return int(uid), int(gid), [int(each) for each in fields["Groups"].split()]


OURS_ALL = "ours"  # the rights that the server was started with


@pytest.mark.parametrize(
    "options, env, worker, program",
    [
        ([], {}, OURS_ALL, OURS_ALL),
        (["-u1234"], {}, (1234, 0, OURS_ALL), (1234, 0, OURS_ALL)),
        (["-g2345"], {}, (0, 2345, [2345]), (0, 2345, [2345])),
        (["-u1234", "-g2345"], {}, (1234, 2345, [2345]), (1234, 2345, [2345])),
        (["-U"], {"UID": "1234", "GID": "2345"}, (1234, 2345, [2345]), (1234, 2345, [2345])),
        (["-U"], {"UID": "1234"}, (1234, 0, OURS_ALL), (1234, 0, OURS_ALL)),
        (["-U"], {}, OURS_ALL, OURS_ALL),
        (["-U", "-u1"], {"UID": "1234", "GID": "2345"}, (1, 2345, [2345]), (1, 2345, [2345])),
        (["-u1", "-g1", "-U"], {"UID": "1234", "GID": "2345"}, (1234, 2345, [2345]), (1234, 2345, [2345])),
        (["-u1234", "-g2345"], {"SSL_UID": "11"}, (11, 2345, [2345]), (1234, 2345, [2345])),
        (["-u1234", "-g2345"], {"SSL_GID": "22"}, (1234, 22, [22]), (1234, 2345, [2345])),
        ([], {"SSL_UID": "11", "SSL_GID": "22"}, (11, 22, [22]), OURS_ALL),
        ([], {"SSL_USER": USER, "SSL_GROUP": GROUP}, (DAEMON, MAIL, [MAIL]), OURS_ALL),
        ([], {"SSL_USER": USER}, (DAEMON, OWN_GROUP, [OWN_GROUP]), OURS_ALL),
        ([], {"SSL_GROUP": GROUP}, (0, MAIL, [MAIL]), OURS_ALL),
        (["-g2345"], {"SSL_USER": USER}, (DAEMON, OWN_GROUP, [OWN_GROUP]), (0, 2345, [2345])),
        (
            [],
            {"SSL_UID": "11", "SSL_USER": USER, "SSL_GID": "22", "SSL_GROUP": GROUP},
            (11, 22, [22]),
            OURS_ALL,
        ),
        (
            [],
            {"SSL_UID": "4294967294", "SSL_GID": "4294967294"},
            (4294967294, 4294967294, [4294967294]),
            OURS_ALL,
        ),
    ],
)
def test_users_and_groups(
    start: Start, directory: Path, options: list[str], env: dict[str, str], worker: object, program: object
) -> None:
    unset = {name: "" for name in ("UID", "GID") if name not in env}
    server = serve(start, directory, SHOW, options, {**unset, **env})
    ours = rights(Path("/proc/self/status").read_text())
    assert rights(ask(server).decode()) == expected(program, ours)
    assert rights(Path(f"/proc/{server.process.pid}/status").read_text()) == ours
    for pid in server.workers():
        found = rights(Path(f"/proc/{pid}/status").read_text())
        assert found == expected(worker, ours)
        assert can_read(directory / "rsa.key", found) is (found[0] == 0)


def expected(what: object, ours: tuple[int, int, list[int]]) -> object:
    if what == OURS_ALL:
        return ours
    assert isinstance(what, tuple)
    return tuple(own if each == OURS_ALL else each for each, own in zip(what, ours, strict=True))


def can_read(path: Path, found: tuple[int, int, list[int]]) -> bool:
    """Whether a process with these rights can read a file."""
    uid, gid, groups = found
    words = [
        f"--reuid={uid}",
        f"--regid={gid}",
        f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups",
    ]
    return (
        subprocess.run(
            ["setpriv", *words, "cat", path], capture_output=True, check=False, timeout=20
        ).returncode
        == 0
    )


def test_a_worker_has_no_capabilities_left(start: Start, directory: Path) -> None:
    server = serve(start, directory, SHOW, [], {"SSL_USER": USER})
    for pid in server.workers():
        lines = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        assert {lines[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}


@pytest.mark.parametrize("env", [{}, {"SSL_USER": USER}])
def test_a_jail_is_for_workers_only(start: Start, directory: Path, env: dict[str, str]) -> None:
    jail = directory / "jail"
    program = ["readlink", "/proc/self/root", "/proc/self/cwd"]
    server = serve(start, directory, program, ["-u1234"], {"SSL_CHROOT": str(jail), **env})
    assert ask(server).decode() == f"/\n{directory}\n"
    for pid in server.workers():
        assert Path(f"/proc/{pid}/root").readlink() == Path(f"/proc/{pid}/cwd").readlink() == jail
        assert not Path(f"/proc/{pid}/root/{directory / 'rsa.key'}").exists()
    assert Path(f"/proc/{server.process.pid}/root").readlink() == Path("/")


def test_only_the_supervisor_holds_the_socket_listened_on(start: Start, directory: Path) -> None:
    server = serve(start, directory, SHOW, ["-u1234"])
    [line] = [line for line in shown_sockets("-ltnp") if f":{server.port} " in line]
    assert line.count("pid=") == 1
    assert f"pid={server.process.pid}," in line


def test_rules_of_root_are_followed_by_workers_that_cannot_open_them(
    start: Start, run: Run, directory: Path
) -> None:
    """The rules change while the server runs; certificates that they name are read before rights are given up."""
    rules(run, directory, '127.0.0.2:allow,CERTFILE="other.pem",KEYFILE="other.key"\n')
    for name in ("rules.cdb", "other.key"):
        (directory / name).chmod(0o600)
    program = ["sh", "-c", "echo $SSL_SERVER_S_DN_CN $R"]
    env = {"SSL_USER": USER, "SSL_CHROOT": str(directory / "jail")}
    server = serve(start, directory, program, ["-sx", "rules.cdb"], env)
    assert ask(server, source="127.0.0.2") == b"other.example\n"
    assert ask(server) == b"localhost\n"
    rules(run, directory, ":allow,R='new'\n")
    (directory / "rules.cdb").chmod(0o600)
    assert ask(server) == b"localhost new\n"


def test_authorities_in_a_directory_are_looked_for_in_the_jail(
    start: Start, run: Run, directory: Path
) -> None:
    jail = directory / "jail"
    inside = jail / str(directory).lstrip("/") / "hashed"
    inside.mkdir(parents=True)
    for place in (inside, directory / "hashed"):
        place.mkdir(exist_ok=True)
        (place / "root.pem").write_bytes((directory / "root.pem").read_bytes())
        subprocess.run(["openssl", "rehash", place], check=True, timeout=20)
    env = {"SSL_USER": USER, "SSL_CHROOT": str(jail), "CADIR": str(directory / "hashed"), "CCAVERIFY": "1"}
    server = serve(start, directory, ["echo", "in"], [], env)
    assert ask(server, context=client_context(directory / "client.pem")) == b"in\n"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_workers_that_come_later_have_no_more_rights(
    start: Start, directory: Path, number: signal.Signals
) -> None:
    """The supervisor still reads what they cannot."""
    server = serve(
        start, directory, SHOW, ["-u1234"], {"SSL_USER": USER, "SSL_CHROOT": str(directory / "jail")}
    )
    before = server.workers()
    for pid in before if number == signal.SIGKILL else [server.process.pid]:
        os.kill(pid, number)
    wait_for(
        "others take their place",
        lambda: not set(before) & set(server.workers()) and len(server.workers()) > 0,
    )
    assert rights(ask(server).decode())[0] == 1234
    for pid in server.workers():
        assert rights(Path(f"/proc/{pid}/status").read_text())[:2] == (DAEMON, OWN_GROUP)
        assert Path(f"/proc/{pid}/root").readlink() == directory / "jail"


def test_a_server_of_nobody_needs_no_rights(start: Start, directory: Path) -> None:
    (directory / "rsa.key").chmod(0o644)
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    process = start(
        [*words, *OURS, "sslserver", "-1vHRl0", "127.0.0.1", "0", *SHOW],
        directory,
        {"CERTFILE": "rsa.pem", "KEYFILE": "rsa.key"},
    )
    assert rights(ask(ready(process)).decode()) == (65534, 65534, [])
