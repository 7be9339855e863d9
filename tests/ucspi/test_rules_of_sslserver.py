"""Rules and names in a running sslserver."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from support.fixtures import Run, Start, Workdir
from support.programs import target
from ucspi.peers import rules
from ucspi.serving import ask, client_context, read_all, serve


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    return workdir("server")


@pytest.mark.parametrize("option", ["-x", "-y"])
def test_rules_deny_and_set_variables_and_are_replaced_live(
    start: Start, run: Run, directory: Path, option: str
) -> None:
    rules(run, directory, "127.0.0.1:deny\n:allow\n")
    server = serve(start, directory, ["sh", "-c", "echo $RELAY $SSLLOCALHOST"], [option, "rules.cdb"])
    with pytest.raises((ssl.SSLError, ConnectionError, OSError)):
        ask(server)
    server.wait_for_log("status 25600")
    assert "deny " in server.process.err
    rules(run, directory, '127.0.0.1:allow,RELAY="yes",SSLLOCALHOST="mine"\n')
    assert ask(server) == b"yes mine\n"


@pytest.mark.parametrize("option", ["-x", "-y"])
def test_a_denied_client_is_told_in_an_orderly_way(
    start: Start, run: Run, directory: Path, option: str
) -> None:
    rules(run, directory, ":deny\n")
    server = serve(start, directory, ["true"], [option, "rules.cdb"])
    with server.dial() as plain:
        plain.sendall(b"hello")
        assert plain.recv(100) == b""


def test_y_before_x(start: Start, run: Run, directory: Path) -> None:
    rules(run, directory, '127.:allow,FROM="early"\n', "early.cdb")
    rules(run, directory, '127.:allow,FROM="full"\n', "full.cdb")
    server = serve(start, directory, ["sh", "-c", "echo $FROM"], ["-y", "early.cdb", "-x", "full.cdb"])
    assert ask(server) == b"early\n"
    rules(run, directory, "192.0.2.:deny\n", "early.cdb")
    assert ask(server) == b"full\n"


@pytest.mark.parametrize(
    "early, full, expected",
    [
        (":allow", ":deny", "()"),
        (":allow,E='1'", ":allow,F='1'", "E()"),
        ("127./8:allow,E='1'", ":allow,F='1'", "E()"),
        ("128./1:deny", "127.0.0.1:allow,F='1'", "F()"),
        ("=localhost:deny\njoe@127.0.0.1:deny", ":allow,F='1'", "F()"),
        ("", ":allow,F='1'", "F()"),
        ("", "", "()"),
        (":deny", ":allow", None),
        ("", ":deny", None),
    ],
)
def test_any_hit_of_y_counts_and_otherwise_x_does(
    start: Start, run: Run, directory: Path, early: str, full: str, expected: str | None
) -> None:
    rules(run, directory, early, "early.cdb")
    rules(run, directory, full, "full.cdb")
    program = ["sh", "-c", 'echo "${E:+E}${F:+F}()"']
    server = serve(start, directory, program, ["-y", "early.cdb", "-x", "full.cdb"])
    if expected is not None:
        assert ask(server).decode() == f"{expected}\n"
        return
    with pytest.raises((ssl.SSLError, OSError)):
        ask(server)
    server.wait_for_log("status 25600")


def test_y_and_x_may_be_one_file(start: Start, run: Run, directory: Path) -> None:
    rules(run, directory, "127.0.0.2:deny\n127.0.0.3:allow,R='3'\n")
    server = serve(start, directory, ["sh", "-c", "echo in $R"], ["-y", "rules.cdb", "-x", "rules.cdb"])
    assert ask(server) == b"in\n"
    assert ask(server, source="127.0.0.3") == b"in 3\n"
    with pytest.raises((ssl.SSLError, OSError)):
        ask(server, source="127.0.0.2")


@pytest.mark.parametrize("which", ["x", "y"])
@pytest.mark.parametrize("optional", [True, False])
def test_rules_that_do_not_exist(start: Start, directory: Path, which: str, optional: bool) -> None:
    server = serve(
        start, directory, ["echo", "fine"], [f"-X{which}" if optional else f"-{which}", "none.cdb"]
    )
    if optional:
        assert ask(server) == b"fine\n"
        return
    with pytest.raises((ssl.SSLError, OSError)):
        ask(server)
    server.wait_for_log("error: (110) unable to read: none.cdb: No such file or directory from: 127.0.0.1")
    server.wait_for_log("status 28160")


@pytest.mark.parametrize("option", ["-x", "-y", "-Xx", "-Xy"])
def test_rules_that_are_damaged(start: Start, directory: Path, option: str) -> None:
    (directory / "bad.cdb").write_bytes(b"x" * 3000)
    server = serve(start, directory, ["echo", "fine"], [option, "bad.cdb"])
    with pytest.raises((ssl.SSLError, OSError)):
        ask(server)
    server.wait_for_log("error: (110) unable to read: bad.cdb: ")


def test_maxconip_counts_by_address(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "echo in; read x"], env={"MAXCONIP": "2"})
    held = [server.connect(source=source) for source in ("127.0.0.2", "127.0.0.2", "127.0.0.3")]
    for each in held:
        assert each.recv(10) == b"in\n"
    with server.dial("127.0.0.2") as refused:
        assert refused.recv(1) == b""
    server.wait_for_log("WARNING ip connection limit of 2 exceeded for: 127.0.0.2")
    held[0].close()
    server.wait_for_log("ended by")
    held[0] = server.connect(source="127.0.0.2")
    for each in held:
        each.close()
    server.wait_for_log("status 0/40/2", 2)


def test_maxconip_by_a_rule(start: Start, run: Run, directory: Path) -> None:
    rules(run, directory, '127.:allow,MAXCONIP="1"\n')
    server = serve(start, directory, ["sh", "-c", "read x; echo $x"], ["-x", "rules.cdb"])
    with server.connect() as first:
        with pytest.raises((ssl.SSLError, OSError)):
            ask(server)
        server.wait_for_log("ip connection limit:1 exceeded")
        first.sendall(b"go\n")
        assert read_all(first) == b"go\n"


def test_replaced_rules_leave_no_descriptor_behind(start: Start, run: Run, directory: Path) -> None:
    rules(run, directory, ":allow\n")
    server = serve(start, directory, ["true"], ["-x", "rules.cdb"])
    for _ in range(4):
        rules(run, directory, ":allow\n")
        for _ in range(3):
            ask(server, context=client_context())
    links = [target(link) for pid in server.workers() for link in Path(f"/proc/{pid}/fd").iterdir()]
    assert sum("rules.cdb" in link for link in links) <= len(server.workers())


# What is done to the file, and what the log says of it.
RUBBISH = {
    "rm rules.cdb": "No such file or directory",
    "head -c 5000 /dev/urandom >rules.cdb": "not a cdb file, or damaged: ",
    ": >rules.cdb": "not a cdb file, or damaged: ",
    "truncate -s 2100 rules.cdb": "not a cdb file, or damaged: ",
    "rm rules.cdb; mkdir rules.cdb": "not a regular file",
    "rm rules.cdb; mkfifo rules.cdb": "not a regular file",
    "rm rules.cdb; ln -s rules.cdb rules.cdb": "Too many levels of symbolic links",
    "ln -sf /dev/zero rules.cdb": "not a regular file",
}


@pytest.mark.parametrize("command", RUBBISH)
def test_rules_that_go_bad_while_clients_connect(
    start: Start, run: Run, directory: Path, command: str
) -> None:
    """Who is served goes on; who comes is refused with the reason, until there are rules again."""
    text = "".join(f"10.{number}.:deny\n" for number in range(200)) + ':allow,SEEN="yes"\n'
    rules(run, directory, text)
    server = serve(start, directory, ["sh", "-c", "echo $SEEN; cat"], ["-x", "rules.cdb", "-v"])
    with server.connect() as early:
        assert early.recv(10) == b"yes\n"
        assert run(["sh", "-c", command], cwd=directory).code == 0
        for _ in range(10):
            with pytest.raises((ssl.SSLError, OSError)):
                ask(server)
        early.sendall(b"still here")
        assert early.recv(20) == b"still here"
        run(["rm", "-rf", "rules.cdb"], cwd=directory)
        rules(run, directory, text)
        for _ in range(4):
            with server.connect() as late:
                assert late.recv(10) == b"yes\n"
    errors = [line for line in server.log() if "error" in line]
    assert len(errors) == 10
    start_of_line = f"error: (110) unable to read: rules.cdb: {RUBBISH[command]}"
    assert all(line.startswith(start_of_line) for line in errors)


def test_a_rule_that_sets_more_than_a_program_can_have(start: Start, run: Run, directory: Path) -> None:
    rules(run, directory, f'127.:allow,BIG="{"x" * 300_000}"\n')
    server = serve(start, directory, ["true"], ["-x", "rules.cdb"])
    with pytest.raises((ssl.SSLError, OSError)):
        ask(server)
    server.wait_for_log(
        "error: (111) unable to run the program: its variables take more than 262144 bytes from: "
    )
    rules(run, directory, f'127.:allow,BIG="{"x" * 200_000}"\n')
    assert ask(server) == b""
    server.wait_for_log("error: (111) unable to run: true: Argument list too long")
