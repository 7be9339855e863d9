"""SRP with peers that are not OpenSSL's programs: GnuTLS at either end, and curl."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from support.fixtures import Start, Workdir
from support.peers import free_port, is_listening, start_server
from support.programs import OURS, Eof, Finished, Until, wait_for

USER, PASSWORD = "alice", "wonder"
# TLS 1.3 has no SRP.
PRIORITIES = "NORMAL:-VERS-TLS1.3:-KX-ALL:+SRP"


@pytest.fixture(autouse=True)
def programs() -> None:
    missing = [
        name for name in ("gnutls-cli", "gnutls-serv", "srptool", "curl") if shutil.which(name) is None
    ]
    assert not missing, f"not installed: {missing}; Debian has them in the packages gnutls-bin and curl"


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    """With the user known in OpenSSL's way (users.srpv) and in GnuTLS's (tpasswd, tpasswd.conf)."""
    made = workdir("srp")
    (made / "users.srpv").touch()
    words = ["-srpvfile", "users.srpv", "-add", "-gn", "3072", "-passout", f"pass:{PASSWORD}", USER]
    run(["openssl", "srp", *words], made)
    run(["srptool", "--create-conf", "tpasswd.conf"], made)
    words = ["--passwd", "tpasswd", "--passwd-conf", "tpasswd.conf", "--index", "3", "--username", USER]
    run(["srptool", *words], made, f"{PASSWORD}\n{PASSWORD}\n")
    return made


def run(argv: Sequence[str], cwd: Path, typed: str = "") -> None:
    subprocess.run(argv, cwd=cwd, input=typed, text=True, capture_output=True, timeout=60, check=True)


# --- our client ------------------------------------------------------------------------------------------------


def beside_gnutls(start: Start, directory: Path, options: str, priorities: str = PRIORITIES) -> Finished:
    """Our client with GnuTLS's server, which says every line again."""
    port = free_port()
    words = ["gnutls-serv", "--port", str(port), "--echo", "--priority", priorities, "--disable-client-cert"]
    files = ["--srppasswd", "tpasswd", "--srppasswdconf", "tpasswd.conf"]
    certificate = ["--x509certfile", "rsa.pem", "--x509keyfile", "rsa.key"]
    server = start([*words, *files, *certificate], directory)
    wait_for("GnuTLS listens", lambda: is_listening(port) or server.popen.poll() is not None)
    client = start([*OURS, "s_client", "-connect", f"127.0.0.1:{port}", *options.split()], directory)
    client.talk([b"ping\n", Until("\nping\n"), Eof()])
    return client.finish()


@pytest.mark.parametrize("late", ["", "-srp_lateuser"])
@pytest.mark.parametrize(
    "priorities, cipher",
    [(PRIORITIES, "SRP-AES-256-CBC-SHA"), (f"{PRIORITIES}-RSA", "SRP-RSA-AES-256-CBC-SHA")],
)
def test_client_is_known_to_gnutls(
    priorities: str, cipher: str, late: str, start: Start, directory: Path
) -> None:
    options = f"-srpuser {USER} -srppass pass:{PASSWORD} {late}"
    client = beside_gnutls(start, directory, options, priorities)
    assert client.code == 0
    assert "\nping\n" in client.out
    assert f"Cipher is {cipher}\n" in client.out


@pytest.mark.parametrize(
    "user, password, alert",
    [(USER, "blunder", "bad record mac"), ("mallory", PASSWORD, "alert")],
)
def test_client_is_refused_by_gnutls(
    user: str, password: str, alert: str, start: Start, directory: Path
) -> None:
    client = beside_gnutls(start, directory, f"-srpuser {user} -srppass pass:{password}")
    assert client.code == 1
    assert alert in client.err


# --- our server ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "user, password, outcome",
    [
        (USER, PASSWORD, "CONNECTION ESTABLISHED\n"),
        (USER, "blunder", "bad record mac"),
        ("mallory", PASSWORD, "bad record mac"),
    ],
)
def test_server_is_known_to_gnutls(
    user: str, password: str, outcome: str, start: Start, directory: Path
) -> None:
    options = "-rev -naccept 1 -nocert -srpvfile users.srpv -srpuserseed x"
    server = start_server(start, OURS, options, directory)
    words = ["gnutls-cli", "--port", str(server.port), "127.0.0.1", "--priority", PRIORITIES]
    client = start([*words, "--srpusername", user, "--srppasswd", password], directory)
    client.talk([b"ping\n", Until("gnip"), Eof()])
    client.finish()
    assert ("gnip" in client.out) is (outcome == "CONNECTION ESTABLISHED\n")
    assert outcome in server.process.finish().err


@pytest.mark.parametrize("password, code", [(PASSWORD, 0), ("blunder", 35)])
def test_page_is_got_by_curl(password: str, code: int, start: Start, directory: Path) -> None:
    options = "-www -naccept 1 -cert rsa.pem -key rsa.key -srpvfile users.srpv"
    server = start_server(start, OURS, options, directory)
    words = ["curl", "-sS", "--cacert", "root.pem", "--tls-max", "1.2", "--ciphers", "SRP"]
    secret = ["--tlsauthtype", "SRP", "--tlsuser", USER, "--tlspassword", password]
    client = start([*words, *secret, f"https://localhost:{server.port}/"], directory).finish()
    assert client.code == code, client.err
    assert ("Cipher is SRP-RSA-AES-256-CBC-SHA\n" in client.out) is (code == 0)
    server.process.finish()
