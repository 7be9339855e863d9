"""How sslserver starts: what it says and in which order, and with which text and exit code it does not."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from support.fixtures import Run, Start, Workdir
from support.programs import OURS, wait_for
from ucspi.serving import CERTIFICATE, QUICK, Server, ask, ready, serve

USAGE = "sslserver: usage: sslserver [-"
COMMAND = [*OURS, "sslserver", *QUICK]
HERE = ["127.0.0.1", "0", "true"]


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    return workdir("server")


# --- the command line --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words, text",
    [
        ([], USAGE),
        (["127.0.0.1"], USAGE),
        (["127.0.0.1", "0"], USAGE),
        (["", "0", "true"], USAGE),
        (["-vk", *HERE], "sslserver: illegal option -- k\n"),
        (["-a", *HERE], "sslserver: illegal option -- a\n"),
        (["--version", *HERE], "sslserver: illegal option -- -\n"),
        (["-q", "-c"], "sslserver: option requires an argument -- c\n"),
        (["-x"], "sslserver: option requires an argument -- x\n"),
        (["127.0.0.1", "65536", "true"], "sslserver: usage: port 65536 is more than 65535\n"),
        (["127.0.0.1", "9" * 5000, "true"], f"sslserver: usage: port {'9' * 5000} is more than 65535\n"),
        *[
            (
                [f"-{letter}", text, *HERE],
                f'sslserver: usage: -{letter} takes a positive number, not "{text}"\n',
            )
            for letter in "cgubtTw"
            for text in ("0", "10x", "-1", "", "4294967295")
        ],
    ],
)
def test_a_wrong_command_line_is_100_and_the_usage(
    run: Run, directory: Path, words: list[str], text: str
) -> None:
    result = run([*OURS, "sslserver", *words], cwd=directory, env=CERTIFICATE)
    assert (result.code, result.out) == (100, "")
    assert result.err.startswith(text)
    assert result.err.splitlines()[-1].startswith(USAGE)


@pytest.mark.parametrize("option", [["-c"], ["-b"], ["-T"], ["-w"], ["-r", "-t"]])
def test_the_largest_numbers_mean_what_they_say(start: Start, directory: Path, option: list[str]) -> None:
    server = serve(start, directory, ["cat"], [*option, "4294967294"])
    with server.connect() as connection:
        connection.sendall(b"fine")
        assert connection.recv(100) == b"fine"
    server.wait_for_log("ended by")
    assert "error" not in server.process.err


def test_what_follows_two_dashes_is_no_option(start: Start, directory: Path) -> None:
    words = [*COMMAND, "-1", "--", "127.0.0.1", "0", "echo", "-v"]
    process = start(words, directory, CERTIFICATE)
    assert ask(ready(process)) == b"-v\n"


# --- what is said ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words, level",
    [(["-q"], 0), ([], 1), (["-vQ"], 1), (["-v"], 2), (["-Vv"], 2), (["-V"], 3), (["-qV"], 3), (["-Vq"], 0)],
)
def test_how_much_is_said(start: Start, directory: Path, words: list[str], level: int) -> None:
    command = [*OURS, "sslserver", "-1HRl0", *words, "127.0.0.1", "0", "sh", "-c", "echo ok; echo self >&2"]
    process = start(command, directory, CERTIFICATE)
    wait_for("the port", lambda: "\n" in process.out)
    server = Server(process, int(process.out))
    assert ask(server) == b"ok\n"
    with server.dial() as garbage:
        garbage.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while garbage.recv(1000):
            pass
    process.until("self\n")
    if level:
        server.wait_for_log("unable to accept TLS")
    if level > 1:
        server.wait_for_log("ended by", 2)
    lines = [line for line in process.err.splitlines() if line != "self"]
    assert len([line for line in lines if ": error: " in line]) == (level > 0)
    assert bool([line for line in lines if "status 1/40/0" in line]) is (level > 1)
    tls = [line.split()[3:] for line in lines if ": tls " in line]
    assert tls == {2: [["accept"]], 3: [["accept", "TLSv1.3:TLS_AES_256_GCM_SHA384"]]}.get(level, [])
    assert len(lines) == level or level > 1


def test_the_files_are_listed_at_the_start(start: Start, directory: Path) -> None:
    files = {
        "CIPHERS": "HIGH",
        "CAFILE": "root.pem",
        "CCAFILE": "root.pem",
        "CADIR": "",
        "CERTCHAINFILE": "fullchain.pem",
        "CERTFILE": "unused.pem",
        "KEYFILE": "chain.key",
        "DHFILE": "",
    }
    server = serve(start, directory, ["true"], env=files)
    pid = server.process.pid
    assert server.log()[:9] == [
        f"ciphers {pid} HIGH",
        f"cafile {pid} root.pem",
        f"ccafile {pid} root.pem",
        f"cadir {pid}",
        f"certchainfile {pid} fullchain.pem",
        f"cert {pid} unused.pem",
        f"key {pid} chain.key",
        f"dhparam {pid}",
        "status 0/40/0",
    ]


def test_no_port_is_printed_when_certificates_cannot_be_read(run: Run, directory: Path) -> None:
    """Whoever waits for the port takes it for the word that all is ready."""
    result = run([*COMMAND, "-1", *HERE], cwd=directory, env={"CERTFILE": "missing.pem"})
    assert (result.code, result.out) == (111, "")
    assert result.err.startswith("sslserver: fatal: (111) unable to load certificate: ")


# --- what cannot be used -----------------------------------------------------------------------------------------

NOBODY = "65534"
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


@pytest.mark.parametrize(
    "env, text",
    [
        ({"CERTFILE": None}, "unable to load certificate: CERTFILE is not set"),
        ({"CERTFILE": "missing.pem"}, "unable to load certificate: "),
        ({"CERTFILE": "junk.pem"}, "unable to load certificate: "),
        ({"CERTFILE": "empty.pem"}, "unable to load certificate: "),
        ({"CERTFILE": "."}, "unable to load certificate: "),
        ({"KEYFILE": "missing.key"}, "unable to load key: "),
        ({"KEYFILE": ""}, "unable to load key: "),
        ({"KEYFILE": "rsa.pem"}, "unable to load key: "),
        ({"KEYFILE": "client.key"}, "unable to load key: key does not match certificate"),
        ({"KEYFILE": "locked.key"}, "unable to load key: "),
        ({"CERTCHAINFILE": "missing.pem"}, "unable to load certificate chain file: "),
        ({"CERTCHAINFILE": "cas.pem"}, "unable to load key: "),
        ({"CERTFILE:a.example": "missing.pem"}, "unable to load certificate: "),
        ({"CERTFILE:a.example": "other.pem", "KEYFILE:a.example": "client.key"}, "unable to load key: "),
        ({"DHFILE": "rsa.pem"}, "unable to set DH parameters: "),
        ({"CIPHERS": "odd"}, 'unable to set cipher list: CIPHERS is "odd": no cipher match'),
        ({"CIPHERSUITES": "odd"}, 'unable to set cipher list: CIPHERSUITES is "odd": no cipher match'),
        ({"GROUPS": "odd"}, 'unable to set groups: GROUPS is "odd": '),
        ({"TLS_MIN": "1.4"}, 'unable to use TLS_MIN: "1.4" is none of 1.0 1.1 1.2 1.3'),
        ({"TLS_MAX": "SSLv3"}, 'unable to use TLS_MAX: "SSLv3" is none of 1.0 1.1 1.2 1.3'),
        ({"TLS_MAX": "1.1"}, "unable to use TLS_MAX: it is less than TLS_MIN, 1.2 if that is not set"),
        ({"ALPN": "h2," + "x" * 256}, "unable to use ALPN: a name has more than 255 bytes"),
        ({"TLS_MIN": "1.3", "TLS_MAX": "1.2"}, "unable to use TLS_MAX: it is less than TLS_MIN, "),
        (
            {"TICKET_LIFETIME": "x"},
            'unable to use TICKET_LIFETIME: "x" is no number of seconds from 1 to 302400',
        ),
        ({"TICKET_LIFETIME": "0"}, 'unable to use TICKET_LIFETIME: "0" is no '),
        ({"TICKET_LIFETIME": "302401"}, 'unable to use TICKET_LIFETIME: "302401" is no '),
        ({"MAXCONIP": "x"}, 'MAXCONIP is not a number: "x"'),
        ({"MAXCONIP": "9" * 5000}, "MAXCONIP is too large: "),
        ({"DNSTIMEOUT": "-1"}, 'DNSTIMEOUT is not a number: "-1"'),
        ({"SSL_UID": "root"}, 'SSL_UID is not a number: "root"'),
        ({"SSL_GID": "4294967295"}, "SSL_GID is too large: 4294967295"),
        ({"SSL_USER": "nobody-of-that-name"}, 'SSL_USER: "nobody-of-that-name" is not known on this system'),
        ({"SSL_GROUP": "no-such-group"}, 'SSL_GROUP: "no-such-group" is not known on this system'),
        ({"SSL_CHROOT": "missing"}, "unable to chroot: No such file or directory"),
        ({"SSL_CHROOT": "rsa.pem"}, "unable to chroot: Not a directory"),
    ],
)
def test_a_variable_that_cannot_be_used_is_fatal(
    run: Run, directory: Path, env: dict[str, str | None], text: str
) -> None:
    complete = {name: value for name, value in {**CERTIFICATE, **env}.items() if value is not None}
    result = run([*COMMAND, *HERE], cwd=directory, env=complete)
    assert (result.code, result.out) == (111, "")
    assert result.err.startswith(f"sslserver: fatal: (111) {text}")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("options, env", [(["-U"], {"UID": "x"}), (["-U"], {"GID": "-1"})])
def test_big_u_with_variables_that_are_no_numbers(
    run: Run, directory: Path, options: list[str], env: dict[str, str]
) -> None:
    result = run([*COMMAND, *options, *HERE], cwd=directory, env={**CERTIFICATE, **env})
    assert result.code == 111
    assert result.err.startswith("sslserver: fatal: (111) ")


@pytest.mark.parametrize(
    "words, env, text",
    [
        (["127.0.0.1", "1", "true"], {}, "unable to bind to: 127.0.0.1 port: 1: Permission denied"),
        (["-u", "1234", *HERE], {}, "unable to set uid: Operation not permitted"),
        (["-g", "1234", *HERE], {}, "unable to set gid: Operation not permitted"),
        (HERE, {"SSL_UID": "1234"}, "unable to set uid: Operation not permitted"),
        (HERE, {"SSL_CHROOT": "/"}, "unable to chroot: Operation not permitted"),
        (HERE, {"KEYFILE": "secret.key"}, "unable to load key: "),
    ],
)
def test_what_only_root_may_do(
    run: Run, directory: Path, words: list[str], env: dict[str, str], text: str
) -> None:
    assert os.geteuid() == 0, "these tests need root"
    for each in (directory, *directory.parents[:3]):  # those that pytest has made, for its user alone
        each.chmod(0o755)
    (directory / "secret.key").write_bytes((directory / "rsa.key").read_bytes())
    (directory / "secret.key").chmod(stat.S_IRUSR)
    result = run([*AS_NOBODY, *COMMAND, *words], cwd=directory, env={**CERTIFICATE, **env})
    assert (result.code, result.out) == (111, "")
    assert result.err.startswith(f"sslserver: fatal: (111) {text}")
    assert "ermi" in result.err  # permission, permitted


def test_a_port_that_is_taken(start: Start, run: Run, directory: Path) -> None:
    server = serve(start, directory, ["true"])
    result = run([*COMMAND, "127.0.0.1", str(server.port), "true"], cwd=directory, env=CERTIFICATE)
    text = f"unable to bind to: 127.0.0.1 port: {server.port}: Address already in use"
    assert (result.code, result.err) == (111, f"sslserver: fatal: (111) {text}\n")


# --- the password (-3) -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password, content, good",
    [
        ("secret", b"secret", True),
        ("secret", b"secret\0more", True),
        ("secret", b"secret\n", False),
        ("secret\n", b"secret\n\0", True),
        ("secret", b"wrong\0", False),
        ("secret", b"", False),
        ("x" * 1023, b"x" * 1023 + b"\0" + b"y" * 5000, True),
        ("p\N{LATIN SMALL LETTER A WITH DIAERESIS}ss", "päss\0".encode(), True),
    ],
)
def test_the_password_of_a_key(
    run: Run, directory: Path, start: Start, password: str, content: bytes, good: bool
) -> None:
    (directory / "word").write_bytes(content)
    lock(directory, password)
    words = ["sh", "-c", 'exec "$@" 3<word', "sh", *COMMAND, "-13", "127.0.0.1", "0", "echo", "fine"]
    env = {"CERTFILE": "rsa.pem", "KEYFILE": "mine.key"}
    if good:
        process = start(words, directory, env)
        assert ask(ready(process)) == b"fine\n"
        return
    result = run(words, cwd=directory, env=env)
    assert result.code == 111
    assert result.err.startswith("sslserver: fatal: (111) unable to load key: ")


def lock(directory: Path, password: str) -> None:
    key = load_pem_private_key((directory / "rsa.key").read_bytes(), None)
    encryption = BestAvailableEncryption(password.encode())
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    (directory / "mine.key").write_bytes(locked)


@pytest.mark.parametrize(
    "redirection, text",
    [
        ("3<&-", "unable to read password: Bad file descriptor"),
        ("3</", "unable to read password: Is a directory"),
        ("3</dev/zero", "unable to load key: "),
        ("3<long", "password too long"),
    ],
)
def test_a_password_that_cannot_be_read(run: Run, directory: Path, redirection: str, text: str) -> None:
    (directory / "long").write_bytes(b"x" * 1025)
    words = ["sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, "-3", *HERE]
    result = run(words, cwd=directory, env={**CERTIFICATE, "KEYFILE": "locked.key"})
    assert result.code == 111
    assert result.err.startswith(f"sslserver: fatal: (111) {text}")


# --- the program -------------------------------------------------------------------------------------------------


def test_a_program_is_looked_for_along_path_each_time(start: Start, directory: Path) -> None:
    for place in ("one", "two"):
        (directory / place).mkdir()
    path = {"PATH": f"one::two:{os.environ['PATH']}"}
    server = serve(start, directory, ["greet"], env=path)
    assert ask(server) == b""
    server.wait_for_log("error: (111) unable to run: greet: No such file or directory")
    for place in ("two", ".", "one"):
        script(directory / place / "greet", place)
        assert ask(server).decode() == f"{place}\n"
    (directory / "one" / "greet").chmod(0o644)
    assert ask(server) == b".\n"


def test_a_program_that_may_not_be_run(start: Start, directory: Path) -> None:
    script(directory / "greet", "hello")
    (directory / "greet").chmod(0o644)
    server = serve(start, directory, ["./greet"])
    assert ask(server) == b""
    server.wait_for_log("error: (111) unable to run: ./greet: Permission denied")
    server.wait_for_log("status 28416")
    (directory / "greet").chmod(0o755)
    assert ask(server) == b"hello\n"


def script(path: Path, word: str) -> None:
    path.write_text(f"#!/bin/sh\necho {word}\n")
    path.chmod(0o755)


def test_help_lists_every_option() -> None:
    shown = subprocess.run(
        [*OURS, "sslserver", "-help"], capture_output=True, text=True, check=True, timeout=20
    )
    letters = [line[2] for line in shown.stderr.splitlines() if line.startswith(" -")]
    assert sorted(letters) == sorted("1346BDEHINOPQRSTUVXZbcdeghlmnopqrstuvwxyz")
