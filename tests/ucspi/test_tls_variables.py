"""The variables that decide about TLS, each as a client sees it, for the whole server and by a rule."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.fixtures import Run, Start
from support.pki import populate
from support.programs import OURS, TIME_LIMIT
from ucspi.peers import rules
from ucspi.serving import Server, ask, client_context, read_all, serve, variables

SHOW = ["sh", "-c", "echo $SSL_PROTOCOL $SSL_CIPHER $SSL_SERVER_S_DN_CN"]

Serving = Callable[..., Server]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, pki: dict[str, bytes]) -> Path:
    directory = populate(tmp_path_factory.mktemp("house"), pki)
    for name, group in (("dh.pem", "ffdhe2048"), ("dh3072.pem", "ffdhe3072")):
        options = ["-genparam", "-algorithm", "DH", "-pkeyopt", f"group:{group}", "-out", name]
        subprocess.run(["openssl", "genpkey", *options], cwd=directory, check=True, timeout=20)
    return directory


@pytest.fixture(scope="module")
def serving(start_once: Start, house: Path) -> Serving:
    """A server with these variables; one for each set of them."""
    known: dict[object, Server] = {}

    def serve_once(env: dict[str, str]) -> Server:
        key = tuple(sorted(env.items()))
        if key not in known:
            known[key] = serve(start_once, house, SHOW, ["-s"], env)
        return known[key]

    return serve_once


DHE = {"TLS_MAX": "1.2", "CIPHERS": "DHE-RSA-AES128-GCM-SHA256"}
REFUSED = ""


def seen(run: Run, house: Path, server: Server, *options: str) -> str:
    """What openssl's client shows, and behind it what the program did; nothing when there is no connection."""
    where = f"127.0.0.1:{server.port}"
    result = run(["openssl", "s_client", "-connect", where, "-ign_eof", *options], cwd=house)
    return result.out if result.code == 0 else REFUSED


@pytest.mark.parametrize(
    "env, options, text",
    [
        ({}, ["-tls1_2"], "Protocol  : TLSv1.2"),
        ({}, ["-tls1_1", "-cipher", "ALL@SECLEVEL=0"], REFUSED),
        (
            {"TLS_MIN": "1.1", "CIPHERS": "ALL@SECLEVEL=0"},
            ["-tls1_1", "-cipher", "ALL@SECLEVEL=0"],
            "TLSv1.1",
        ),
        ({"TLS_MIN": "TLSv1.3"}, ["-tls1_3"], "TLSv1.3"),
        ({"TLS_MIN": "TLSv1.3"}, ["-tls1_2"], REFUSED),
        ({"TLS_MAX": "1.2"}, [], "Protocol  : TLSv1.2"),
        ({"TLS_MAX": "1.2"}, ["-tls1_3"], REFUSED),
        ({"CIPHERS": "ECDHE-RSA-AES128-GCM-SHA256"}, ["-tls1_2"], "ECDHE-RSA-AES128-GCM-SHA256"),
        ({"CIPHERS": "ECDHE-RSA-AES128-GCM-SHA256"}, ["-tls1_2", "-cipher", "AES256-GCM-SHA384"], REFUSED),
        ({"CIPHERS": "ECDHE-RSA-AES128-GCM-SHA256"}, [], "TLS_AES_256_GCM_SHA384"),
        ({"CIPHERSUITES": "TLS_CHACHA20_POLY1305_SHA256"}, [], "TLS_CHACHA20_POLY1305_SHA256"),
        ({"CIPHERSUITES": "TLS_CHACHA20_POLY1305_SHA256"}, ["-tls1_2"], "ECDHE-RSA-AES256-GCM-SHA384"),
        ({"GROUPS": "P-384"}, [], "Server Temp Key: ECDH, secp384r1, 384 bits"),
        ({"GROUPS": "P-384"}, ["-tls1_2"], "Server Temp Key: ECDH, secp384r1, 384 bits"),
        ({"GROUPS": "P-384:X25519"}, ["-groups", "X25519"], "Server Temp Key: X25519, 253 bits"),
        ({"GROUPS": "P-384"}, ["-groups", "X25519"], REFUSED),
        ({**DHE, "DHFILE": "dh.pem"}, [], "Server Temp Key: DH, 2048 bits"),
        ({**DHE, "DHFILE": "dh3072.pem"}, [], "Server Temp Key: DH, 3072 bits"),
        (DHE, [], "Server Temp Key: DH, 2048 bits"),
        ({"ALPN": "h2,imap"}, ["-alpn", "imap,pop3"], "ALPN protocol: imap"),
        ({"ALPN": "h2"}, ["-alpn", "pop3"], REFUSED),
        ({"ALPN": "h2"}, [], "No ALPN negotiated"),
        ({}, ["-alpn", "pop3"], "No ALPN negotiated"),
    ],
)
def test_each_variable_is_seen_by_a_client(
    serving: Serving, run: Run, house: Path, env: dict[str, str], options: list[str], text: str
) -> None:
    found = seen(run, house, serving(env), *options)
    assert text in found
    assert bool(found) is bool(text)


RULES = """127.0.0.2:allow,CERTFILE="other.pem",KEYFILE="other.key"
127.0.0.3:allow,CERTCHAINFILE="fullchain.pem",KEYFILE="chain.key"
127.0.0.4:allow,CERTFILE="both.pem",KEYFILE=""
127.0.0.5:allow,TLS_MAX="1.2",CIPHERS="ECDHE-RSA-AES128-GCM-SHA256"
127.0.0.6:allow,CIPHERSUITES="TLS_CHACHA20_POLY1305_SHA256"
127.0.0.7:allow,TLS_MAX="1.2",CIPHERS="DHE-RSA-AES128-GCM-SHA256",DHFILE="dh.pem"
127.0.0.8:allow,KEYFILE="locked.key"
127.0.0.9:allow,CIPHERS="nonsense"
127.0.0.10:allow,MAXCONIP="many"
127.0.0.11:allow,CCAVERIFY="1",CAFILE="missing.pem"
"""


@pytest.mark.parametrize(
    "end, text",
    [
        (1, "TLSv1.3 TLS_AES_256_GCM_SHA384 localhost"),
        (2, "TLSv1.3 TLS_AES_256_GCM_SHA384 other.example"),
        (3, "TLSv1.3 TLS_AES_256_GCM_SHA384 localhost"),
        (4, "TLSv1.3 TLS_AES_256_GCM_SHA384 localhost"),
        (5, "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 localhost"),
        (6, "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256 localhost"),
        (7, "TLSv1.2 DHE-RSA-AES128-GCM-SHA256 localhost"),
    ],
)
def test_a_rule_decides_about_tls(ruled: Server, end: int, text: str) -> None:
    assert ask(ruled, source=f"127.0.0.{end}").decode() == f"{text}\n"


@pytest.mark.parametrize(
    "end, text",
    [
        (8, "unable to load key: "),
        (9, 'unable to set cipher list: CIPHERS is "nonsense": '),
        (10, 'MAXCONIP is not a number: "many"'),
        (11, "unable to load CA list: "),
    ],
)
def test_a_rule_that_cannot_be_followed_refuses_its_clients_only(ruled: Server, end: int, text: str) -> None:
    with pytest.raises((ssl.SSLError, OSError)):
        ask(ruled, source=f"127.0.0.{end}")
    ruled.wait_for_log(f"error: (111) {text}")
    [line] = [line for line in ruled.log() if line.startswith(f"error: (111) {text}")]
    assert f" from: 127.0.0.{end} for pid: " in line
    assert ask(ruled)


@pytest.fixture(scope="module")
def ruled(start_once: Start, house: Path) -> Server:
    tcprules = start_once([*OURS, "tcprules", "rules.cdb", "rules.tmp"], house)
    tcprules.send(RULES.encode())
    tcprules.eof()
    assert tcprules.finish().code == 0
    return serve(start_once, house, SHOW, ["-s", "-x", "rules.cdb"])


@pytest.mark.parametrize("most, let_in", [("1", 1), ("2", 2), ("99", 3), ("0", 3), ("", 3)])
def test_maxconip_by_a_rule_is_never_more_than_c(
    start: Start, run: Run, house: Path, most: str, let_in: int
) -> None:
    rules(run, house, f'127.0.0.2:allow,MAXCONIP="{most}"\n', "limit.cdb")
    server = serve(start, house, ["sh", "-c", "echo in; read x"], ["-c4", "-x", "limit.cdb"])
    clients = []
    for _ in range(let_in):
        clients.append(server.connect(source="127.0.0.2"))
        assert clients[-1].recv(10) == b"in\n"
    if most in ("1", "2"):
        with pytest.raises((ssl.SSLError, OSError)):
            server.connect(source="127.0.0.2")
        server.wait_for_log(f" ip connection limit:{most} exceeded")
    clients.append(server.connect(source="127.0.0.3"))
    assert clients[-1].recv(10) == b"in\n"
    for client in clients:
        client.close()


# --- who has the last word about a variable ----------------------------------------------------------------------


def test_a_rule_wins_over_what_is_known_of_a_connection_but_not_over_tls(
    start: Start, run: Run, house: Path
) -> None:
    given = ("PROTO", "TCPLOCALHOST", "SSLREMOTEIP", "SSL_PROTOCOL", "SSL_CLIENT_VERIFY", "INHERITED")
    rules(run, house, ":allow," + ",".join(f"{name}='ruled'" for name in given) + "\n", "last.cdb")
    server = serve(start, house, ["env", "-0"], ["-se", "-x", "last.cdb"], {"INHERITED": "yes"})
    found = variables(ask(server))
    assert {name: found[name] for name in given} == {
        "PROTO": "ruled",
        "TCPLOCALHOST": "ruled",
        "SSLREMOTEIP": "ruled",
        "SSL_PROTOCOL": "TLSv1.3",
        "SSL_CLIENT_VERIFY": "NONE",
        "INHERITED": "ruled",
    }


@pytest.mark.parametrize(
    "options, present", [(["-s"], True), (["-sS"], False), ([], False), (["-e"], False), (["-Ss"], True)]
)
def test_s_alone_tells_about_tls(start: Start, house: Path, options: list[str], present: bool) -> None:
    found = variables(ask(serve(start, house, ["env", "-0"], options)))
    assert ("SSL_PROTOCOL" in found) is present
    assert ("SSL_SERVER_CERT" in found) is present


SIDES = {f"{side}{what}" for side in ("LOCAL", "REMOTE") for what in ("IP", "PORT", "HOST")}
BASE = {f"SSL{name}" for name in SIDES | {"REMOTEINFO"}}
TCP = {f"TCP{name}" for name in SIDES | {"REMOTEINFO"}}
TCP6 = {f"TCP6{name}" for name in SIDES | {"INTERFACE"}}
UCSPI_TLS = {"SSLCTLFD", "SSLREADFD", "SSLWRITEFD"}
ABOUT_TLS = {"SSL_CLIENT_VERIFY", "SSL_SERVER_S_DN_CN", "SSL_TLS_SNI", "SSL_CIPHER"}
EVERYTHING = BASE | TCP | TCP6 | UCSPI_TLS | ABOUT_TLS
NOBODY_ASKED = {f"{who}REMOTE{what}" for who in ("SSL", "TCP") for what in ("HOST", "INFO")}


@pytest.mark.parametrize(
    "options, names", [([], BASE), (["-e"], BASE | TCP), (["-eE"], BASE), (["-n"], BASE | UCSPI_TLS)]
)
def test_exactly_these_variables_and_none_that_was_inherited(
    start: Start, house: Path, options: list[str], names: set[str]
) -> None:
    server = serve(start, house, ["env", "-0"], options, dict.fromkeys(EVERYTHING, "forged"))
    if "-n" in options:
        with server.dial() as plain:
            text = b"".join(iter(lambda: plain.recv(65536), b""))
    else:
        text = ask(server)
    found = variables(text)
    assert set(found) & EVERYTHING == names - NOBODY_ASKED
    assert "forged" not in found.values()
    assert found["PROTO"] == ("TCP" if options == ["-e"] else "TLS")


def test_exactly_these_variables_of_an_ipv6_client(start: Start, house: Path) -> None:
    server = serve(start, house, ["env", "-0"], ["-e"], dict.fromkeys(EVERYTHING, "forged"), host="::1")
    with (
        socket.create_connection(("::1", server.port), timeout=TIME_LIMIT) as plain,
        client_context().wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        found = variables(read_all(connection))
    known = (BASE | TCP | TCP6) - NOBODY_ASKED - {"TCP6REMOTEHOST", "TCP6INTERFACE"}
    assert set(found) & EVERYTHING == known
    assert {found[f"{who}REMOTEIP"] for who in ("SSL", "TCP", "TCP6")} == {"::1"}
    assert {found[f"{who}LOCALPORT"] for who in ("SSL", "TCP", "TCP6")} == {str(server.port)}


def test_a_client_of_tls_1_2_and_one_of_1_3_see_the_same_certificate(serving: Serving) -> None:
    server = serving({})
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = client_context()
        context.maximum_version = version
        with server.connect(context) as connection:
            assert read_all(connection).endswith(b" localhost\n")
            assert b"localhost" in (connection.getpeercert(binary_form=True) or b"")
