"""-proxy with real proxies: with a password, without, with the wrong one, and with STARTTLS behind the tunnel."""

from __future__ import annotations

import pytest

from interop.beside import Beside, assert_heard
from interop.conftest import StartDaemon
from support.fixtures import Start, Workdir
from support.peers import start_server
from support.programs import OPENSSL, OURS, Eof, Until

TRUST = "-CAfile root.pem -verify_return_error -verify_hostname localhost"
ALICE = "-proxy_user alice -proxy_pass pass:secret"
MALLORY = "-proxy_user alice -proxy_pass pass:guessed"
# How much of a refusal has come when its first line is known, is chance.
COUNT = {r"has read \d+ bytes": "has read <n> bytes"}

pytestmark = pytest.mark.xdist_group("proxies")
every_proxy = pytest.mark.parametrize(
    "proxy, user", [("tinyproxy", ""), ("tinyproxy-auth", ALICE), ("squid", ALICE)]
)


@every_proxy
@pytest.mark.parametrize("output", ["", "-brief", "-tls1_2"])
def test_a_server_behind_a_proxy(
    proxy: str, user: str, output: str, daemon: StartDaemon, start: Start, workdir: Workdir
) -> None:
    server = start_server(start, OPENSSL, "-rev -cert rsa.pem -key rsa.key", workdir("server"))
    port = daemon(proxy).ports["proxy"]
    options = f"-proxy 127.0.0.1:{port} -connect {server.address} {user} {TRUST} {output}"
    Beside(start, workdir).run(options, [b"some words\n", Until("sdrow emos"), Eof()])


@every_proxy
@pytest.mark.parametrize("output", ["", "-brief", "-quiet"])
def test_starttls_behind_a_proxy(
    proxy: str, user: str, output: str, daemon: StartDaemon, start: Start, workdir: Workdir
) -> None:
    port, mail = daemon(proxy).ports["proxy"], daemon("dovecot").ports["imap"]
    options = (
        f"-proxy 127.0.0.1:{port} -connect 127.0.0.1:{mail} {user} -starttls imap {TRUST} -crlf {output}"
    )
    talk = (b"a CAPABILITY\n", Until("a OK"), b"b LOGOUT\n", Until("b OK"))
    # Ours alone: the original waits for ever when the greeting comes in one piece with the proxy's answer.
    ours = Beside(start, workdir).play(OURS, options, talk)
    assert_heard(talk, ours)
    assert ours.code == 0


@pytest.mark.parametrize(
    "proxy, user, answer",
    [
        ("squid", "", "407"),
        ("squid", MALLORY, "407"),
        ("tinyproxy-auth", "", "407"),
        ("tinyproxy-auth", MALLORY, "401"),
    ],
)
def test_a_proxy_refuses(
    proxy: str, user: str, answer: str, daemon: StartDaemon, start: Start, workdir: Workdir
) -> None:
    port = daemon(proxy).ports["proxy"]
    ours = Beside(start, workdir, COUNT).run(
        f"-proxy 127.0.0.1:{port} -connect 127.0.0.1:9 {user}", [Eof()], code=1
    )
    assert f"s_client: HTTP CONNECT failed, reason= {answer}" in ours.err


@every_proxy
def test_nobody_listens_behind_a_proxy(
    proxy: str, user: str, daemon: StartDaemon, start: Start, workdir: Workdir
) -> None:
    port = daemon(proxy).ports["proxy"]
    ours = Beside(start, workdir, COUNT).run(
        f"-proxy 127.0.0.1:{port} -connect 127.0.0.1:9 {user}", [Eof()], code=1
    )
    assert "s_client: HTTP CONNECT failed, reason= 50" in ours.err
