"""The examples in contrib/, run by those they are for: systemd's tools, runit, s6.

systemd itself runs only as a machine's first process, so its unit is read here and done what it says; what it may not
contain `systemd-analyze` says.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from interop.daemons import program
from support.fixtures import Run, Start, Workdir
from support.peers import free_port
from support.programs import TIME_LIMIT, Running, install, wait_for
from ucspi.serving import Server, end_of_input, read_all

CONTRIB = Path(__file__).parents[2] / "contrib"
PLACE_OF_SSLSERVER = "/usr/local/bin/sslserver"
ACCOUNT = "nobody"


@pytest.fixture
def place(workdir: Workdir) -> Path:
    """A directory with certificates, and ours among the programs in `bin`."""
    assert os.geteuid() == 0, "these tests give rights up: run them as root"
    path = workdir("server")
    install(path / "bin", "sslserver")
    return path


def edited(text: str, changes: Mapping[str, str]) -> str:
    """An example as its user has changed it."""
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    return text


def renew(place: Path) -> None:
    shutil.copy(place / "ecdsa.key", place / "rsa.key")
    shutil.copy(place / "ecdsa.pem", place / "rsa.pem")


def echoed(connection: ssl.SSLSocket, text: bytes) -> bool:
    connection.sendall(text)
    return connection.recv(100) == text


def shown(server: Server) -> bytes:
    """The certificate that a client sees."""
    with server.connect() as connection:
        return connection.getpeercert(binary_form=True) or b""


def der(path: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(path.read_text())


# --- runit and s6 ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Suite:
    """The commands of a supervision suite. `all_of`: it is told the directory above its services."""

    run: str
    all_of: bool
    up: tuple[str, ...]
    hup: tuple[str, ...]
    term: tuple[str, ...]
    pid: tuple[str, ...]


SUITES = {
    "runit": Suite(
        run="runsv",
        all_of=False,
        up=("sv", "check"),
        hup=("sv", "hup"),
        term=("sv", "term"),
        pid=("sv", "status"),
    ),
    "s6": Suite(
        run="s6-svscan",
        all_of=True,
        up=("s6-svwait", "-U", "-t", "20000"),
        hup=("s6-svc", "-h"),
        term=("s6-svc", "-t"),
        pid=("s6-svstat", "-o", "pid"),
    ),
}


@dataclass(frozen=True)
class Service:
    """A service that a suite keeps running."""

    process: Running
    suite: Suite
    directory: Path

    def ask(self, words: Sequence[str]) -> str:
        name, *options = words
        command = [program(name), *options, str(self.directory)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
        assert done.returncode == 0, done
        return done.stdout

    def pid(self) -> int:
        found = re.search(r"(?:^|pid )(\d+)", self.ask(self.suite.pid))
        return int(found[1]) if found else 0

    def log(self) -> str:
        try:
            return (self.directory / "log" / "main" / "current").read_text()
        except FileNotFoundError:
            return ""

    def wait_for_log(self, text: str, count: int = 1) -> None:
        try:
            wait_for(f"{text!r} in the log", lambda: self.log().count(text) >= count)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None


@contextmanager
def supervised(start: Start, suite: Suite, directory: Path, env: Mapping[str, str]) -> Iterator[Service]:
    """Until the block ends. Asked to end, a suite ends its services first."""
    process = start([program(suite.run), str(directory.parent if suite.all_of else directory)], env=env)
    try:
        yield Service(process, suite, directory)
    finally:
        process.popen.terminate()
        process.finish()


@pytest.mark.parametrize("name", SUITES)
def test_a_service_directory(name: str, start: Start, place: Path) -> None:
    directory, port = place / "services" / "imaps", free_port()
    shutil.copytree(CONTRIB / name, directory)
    changes = {" imap ": f" {ACCOUNT} ", ":0 993 /usr/local/bin/program": f"127.0.0.1 {port} cat"}
    (directory / "run").write_text(edited((directory / "run").read_text(), changes))
    (directory / "env").mkdir()
    for variable, value in (
        ("CERTFILE", place / "rsa.pem"),
        ("KEYFILE", place / "rsa.key"),
        ("SSL_USER", ACCOUNT),
    ):
        (directory / "env" / variable).write_text(f"{value}\n")
    path = f"{place / 'bin'}:{os.environ['PATH']}"
    with supervised(start, SUITES[name], directory, {"PATH": path}) as service:
        look_after(service, Server(service.process, port), place)


def look_after(service: Service, server: Server, place: Path) -> None:
    """A day in the life of a service."""
    service.wait_for_log("status 0/100/0")
    service.ask(service.suite.up)
    with server.connect() as connection:
        assert echoed(connection, b"hello")

    first = service.pid()
    os.kill(first, signal.SIGKILL)
    service.wait_for_log(" key ", 2)
    wait_for("another process", lambda: service.pid() not in (0, first))
    service.ask(service.suite.up)
    assert shown(server) == der(place / "rsa.pem")

    renew(place)
    service.ask(service.suite.hup)
    service.wait_for_log("certificates read again")
    assert shown(server) == der(place / "ecdsa.pem")

    second = service.pid()
    with server.connect() as connection:
        assert echoed(connection, b"before")
        service.ask(service.suite.term)
        service.wait_for_log(" key ", 3)
        assert service.pid() != second
        assert echoed(connection, b"after")
    with server.connect() as connection:
        assert echoed(connection, b"new")


# --- systemd ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    """What a unit's [Service] says, each key's lines joined; specifiers are replaced."""

    settings: dict[str, str]
    variables: dict[str, str]

    def command(self, key: str) -> list[str]:
        """The words of a command: $NAME is split, ${NAME} is not."""
        words: list[str] = []
        for word in self.settings[key].split():
            if word.startswith("$") and not word.startswith("${"):
                words += shlex.split(self.variables[word[1:]])
            else:
                words.append(re.sub(r"\$\{(\w+)\}", lambda found: self.variables[found[1]], word))
        return words


def read_unit(place: Path, port: int, config: str) -> Unit:
    settings: dict[str, str] = {}
    text = (CONTRIB / "systemd" / "sslserver@.service").read_text()
    for line in text.replace("%i", str(port)).replace("%t", str(place)).splitlines():
        key, assigned, value = line.partition("=")
        if assigned and not line.startswith("#"):
            settings[key] = f"{settings.get(key, '')} {value}".strip()
    assignments = shlex.split(settings["Environment"]) + shlex.split(config, comments=True)
    return Unit(settings, dict(each.split("=", 1) for each in assignments))


@pytest.fixture
def unit(place: Path) -> Unit:
    """The unit, with the example of its settings."""
    changes = {
        "/etc/sslserver/server.crt": str(place / "rsa.pem"),
        "/etc/sslserver/server.key": str(place / "rsa.key"),
        "/usr/local/bin/program argument": "cat",
    }
    port = free_port()
    config = edited((CONTRIB / "systemd" / "993.conf").read_text(), changes)
    config += f"HOST=127.0.0.1\nSSL_USER={ACCOUNT}\n"
    (place / f"sslserver-{port}").mkdir()  # its RuntimeDirectory
    return read_unit(place, port, config)


def test_the_units_are_correct(run: Run, place: Path) -> None:
    for path in (CONTRIB / "systemd").glob("sslserver@.*"):
        text = path.read_text().replace(PLACE_OF_SSLSERVER, str(place / "bin" / "sslserver"))
        (place / path.name).write_text(text)
    names = [str(place / f"sslserver@993.{kind}") for kind in ("service", "socket")]
    result = run([program("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no", *names])
    assert result.code == 0, result
    assert "sslserver" not in result.err


@contextmanager
def manager(place: Path) -> Iterator[socket.socket]:
    """Hears what a service says of itself."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(place / "notify"))
        end.settimeout(TIME_LIMIT)
        yield end


def test_a_socket_unit_and_what_its_service_says(start: Start, unit: Unit, place: Path) -> None:
    """Started by the first connection; reloaded; stopped, it serves its last client to the end."""
    command = unit.command("ExecStart")
    port = int(command[command.index("127.0.0.1") + 1])
    variables = {**unit.variables, "NOTIFY_SOCKET": str(place / "notify"), "PATH": os.environ["PATH"]}
    settings = [f"--setenv={name}={value}" for name, value in variables.items()]
    command[0] = str(place / "bin" / "sslserver")
    activate = [program("systemd-socket-activate"), "-l", f"127.0.0.1:{port}", *settings]
    with manager(place) as end:
        process = start([*activate, *command])
        process.until("Listening on 127.0.0.1")
        server = Server(process, port)
        with server.connect() as connection:
            assert end.recv(100) == b"READY=1"
            process.popen.send_signal(signal_of(unit.settings["ExecReload"].split()[1].removeprefix("-")))
            assert end.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert end.recv(100) == b"READY=1"
            process.popen.send_signal(signal_of(unit.settings["KillSignal"]))
            assert end.recv(100) == b"STOPPING=1"
            assert echoed(connection, b"last words")
            end_of_input(connection)
            assert read_all(connection) == b""
        assert process.finish().code == 0


def signal_of(name: str) -> signal.Signals:
    return signal.Signals[f"SIG{name.removeprefix('SIG')}"]


def program_of(server: Server) -> int:
    """The process id of the one program that runs, as the log has it."""
    return int(re.findall(r"sslserver: ok (\d+)", server.process.err)[-1])


def test_the_units_capabilities_suffice(start: Start, unit: Unit, place: Path) -> None:
    """For the jail, for other users, and to end a program of another user whose client is gone."""
    words = [word.removeprefix("CAP_").lower() for word in unit.settings["CapabilityBoundingSet"].split()]
    bounds = ",".join(["-all", *(f"+{word}" for word in words)])
    unit.variables["PROGRAM"] = "sh -c 'cat; exec sleep 60'"
    command = unit.command("ExecStart")
    command[0] = str(place / "bin" / "sslserver")
    process = start(["setpriv", f"--bounding-set={bounds}", "--no-new-privs", *command], env=unit.variables)
    server = Server(process, int(command[command.index("127.0.0.1") + 1]))
    server.wait_for_log("status 0/100/0")
    with server.connect() as connection:
        assert echoed(connection, b"hello")
        pid = program_of(server)
        status = Path(f"/proc/{pid}/status").read_text()
        assert re.search(r"^Uid:\s+1000\s+1000", status, re.MULTILINE)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.wait_for_log(f"ended by {pid} status")
