"""SRP from end to end. There is nothing to compare with: the original's has been broken since 3.0."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.fixtures import Run, Start, Workdir
from support.peers import free_port, start_server
from support.programs import OURS, Eof, Finished, Until

RSA = "-cert rsa.pem -key rsa.key"
NOCERT = "-nocert -srpvfile users.srpv"
SECRET = "-srpuser alice -srppass pass:wonder"

Try = Callable[..., tuple[Finished, Finished]]


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    """With a file of two users, made by OpenSSL's own program: alice (wonder) and bob (builder)."""
    made = workdir("srp")
    (made / "users.srpv").touch()
    for user, password, group in (("alice", "wonder", "2048"), ("bob", "builder", "1024")):
        words = ["openssl", "srp", "-srpvfile", "users.srpv", "-add", "-gn", group, "-userinfo", f"is {user}"]
        subprocess.run([*words, "-passout", f"pass:{password}", user], cwd=made, check=True, timeout=20)
    return made


@pytest.fixture
def talk(start: Start, directory: Path) -> Try:
    """Has a server and a client of these options meet and exchange a line; how both ended."""

    def meet(server: str, client: str, connections: int = 1) -> tuple[Finished, Finished]:
        far = start_server(start, OURS, f"-rev -naccept {connections} {server}", directory)
        near = start([*OURS, "s_client", "-connect", far.address, *client.split()], directory)
        near.talk([b"ping\n", Until("gnip"), Eof()])
        return near.finish(), far.process.finish()

    return meet


def test_client_and_server_know_one_password(talk: Try) -> None:
    client, server = talk(NOCERT, SECRET)
    assert client.code == 0
    assert "gnip\n" in client.out
    assert "Cipher is SRP-AES-256-CBC-SHA\n" in client.out
    assert "    SRP username: alice\n" in client.out
    assert "LOOKUP during accept alice\nLOOKUP done is alice\n" in server.out
    assert 'SRP username = "alice"\nSRP parameters set: username = "alice" info="is alice" \n' in server.err


def test_server_proves_itself_by_certificate_too(talk: Try) -> None:
    client, _ = talk(f"{RSA} -srpvfile users.srpv", f"-tls1_2 -cipher aRSA+SRP -CAfile root.pem {SECRET}")
    assert "Cipher is SRP-RSA-AES-256-CBC-SHA\n" in client.out
    assert "Verify return code: 0 (ok)" in client.out


def test_client_that_has_no_password_is_served_by_certificate(talk: Try) -> None:
    client, server = talk(f"{RSA} -srpvfile users.srpv -Verify 1", "")
    assert "New, TLSv1.3" in client.out
    assert "SRP" not in server.err


@pytest.mark.parametrize(
    "options, secret, alert",
    [
        (NOCERT, "-srpuser alice -srppass pass:blunder", "bad record mac"),
        (NOCERT, "-srpuser mallory -srppass pass:wonder", "unknown psk identity"),
        (f"{NOCERT} -srpuserseed x", "-srpuser mallory -srppass pass:wonder", "bad record mac"),
    ],
)
def test_who_does_not_know_it_is_refused(options: str, secret: str, alert: str, talk: Try) -> None:
    client, server = talk(options, secret)
    assert client.code == 1
    assert f"alert {alert}" in client.err
    assert server.err.count("CONNECTION FAILURE\n") == 1


def test_server_tells_its_user_who_is_unknown(talk: Try) -> None:
    _, server = talk(f"{NOCERT} -srpuserseed x", "-srpuser mallory -srppass pass:wonder")
    assert "LOOKUP during accept mallory\nLOOKUP not successful\n" in server.out
    assert 'SRP username = "mallory"\nUser mallory doesn\'t exist\n' in server.err


def test_server_when_quiet_tells_on_stderr_only(talk: Try) -> None:
    _, server = talk(f"{NOCERT} -quiet", SECRET)
    assert server.out == ""
    assert 'SRP username = "alice"\n' in server.err


def test_small_prime_is_refused(talk: Try) -> None:
    client, _ = talk(NOCERT, "-srpuser bob -srppass pass:builder -srp_strength 2048")
    assert client.code == 1
    assert client.err.startswith("SRP minimal length for N is 2048\n")
    assert "insufficient security" in client.err


@pytest.mark.parametrize("option", ["-debug", "-msg", "-trace", "-srp_moregroups"])
def test_group_is_shown(option: str, talk: Try) -> None:
    client, _ = talk(NOCERT, f"{SECRET} {option}")
    assert client.code == 0
    assert "SRP parameters:\n\tN=AC6BDB41" in client.err
    assert "\n\tg=2\n" in client.err


def test_late_user_is_named_on_a_second_connection(talk: Try) -> None:
    client, server = talk(f"{NOCERT} -msg", f"{SECRET} -srp_lateuser", connections=2)
    assert client.code == 0
    assert client.out.count("CONNECTED(") == 2
    assert client.out.count("\nNew, ") == 1
    assert "gnip\n" in client.out
    assert server.err.startswith("CONNECTION FAILURE\n")
    assert server.err.count('SRP username = "alice"\n') == 1


def test_late_user_is_not_named_where_nobody_asks(talk: Try) -> None:
    client, server = talk(RSA, f"{SECRET} -srp_lateuser")
    assert client.code == 0
    assert client.out.count("CONNECTED(") == 1
    assert "CONNECTION ESTABLISHED\n" in server.err


def test_password_is_asked_for(start: Start, directory: Path) -> None:
    far = start_server(start, OURS, f"-rev -naccept 1 {NOCERT}", directory)
    client = start([*OURS, "s_client", "-connect", far.address, "-srpuser", "alice"], directory)
    client.talk([Until("Enter pass phrase for SRP user:"), b"wonder\n", Until("Cipher is SRP")])
    client.talk([b"ping\n", Until("gnip"), Eof()])
    assert client.finish().code == 0


@pytest.mark.parametrize(
    "options, complaint",
    [
        (
            "-srpuser alice -srppass env:NO_SUCH_THING",
            "No environment variable NO_SUCH_THING\nError getting password\n",
        ),
        (f"-srppass pass:x -srpuser {256 * 'n'}", "Unable to set SRP username\n"),
    ],
)
def test_client_with_bad_options_does_not_start(options: str, complaint: str, run: Run) -> None:
    ours = run([*OURS, "s_client", "-connect", f"127.0.0.1:{free_port()}", *options.split()])
    assert (ours.code, ours.out) == (1, "")
    assert ours.err.startswith(complaint)
    assert "Traceback" not in ours.err


@pytest.mark.parametrize(
    "content, result, reason",
    [
        (None, 3, "it cannot be opened"),
        (b"no tabs\n", 1, "a line in it has not six fields"),
        (b"V\t!\t?\talice\t1024\t\n", 2, "a number in it cannot be read"),
        (b"\xff\xfe\tV\n", 1, "a line in it has not six fields"),
    ],
)
def test_server_with_a_bad_file_does_not_start(
    content: bytes | None, result: int, reason: str, run: Run, directory: Path
) -> None:
    if content is not None:
        (directory / "bad.srpv").write_bytes(content)
    ours = run(
        [*OURS, "s_server", "-accept", "127.0.0.1:0", "-nocert", "-srpvfile", "bad.srpv"], cwd=directory
    )
    first, second = ours.err.splitlines()[:2]
    assert (ours.code, ours.out) == (1, "")
    assert first == f'Cannot initialize SRP verifier file "bad.srpv":ret={result}'
    assert second == reason
