"""Certificates of clients and of servers, and the variables that decide about them."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from support.fixtures import Run, Start, Workdir
from support.nameserver import NameServer, zone
from support.pki import authority, leaf, pem, private, trusting
from ucspi.peers import rules
from ucspi.serving import CLIENT_CAS, Server, ask, client_context, read_all, serve, variables


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    return workdir("server")


def refused(server: Server, context: ssl.SSLContext) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(server, context=context)


def test_m_demands_a_certificate(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["env", "-0"], ["-ms"], CLIENT_CAS)
    refused(server, client_context())
    server.wait_for_log("unable to accept TLS from: 127.0.0.1")
    refused(server, client_context(directory / "stranger.pem"))
    server.wait_for_log("certificate verify failed: self-signed certificate")
    found = variables(ask(server, context=client_context(directory / "client.pem")))
    server.wait_for_log("info: valid client cert received for pid: ")
    assert found["SSL_CLIENT_VERIFY"] == "SUCCESS"
    assert found["SSL_CLIENT_S_DN"] == "/C=DE/O=tlsdeck/CN=a client"
    assert found["SSL_CLIENT_I_DN_CN"] == "tlsdeck test root"
    assert found["SSL_CLIENT_CERT"] == (directory / "client.pem").read_text()
    assert found["SSL_CLIENT_M_SERIAL"].isdecimal()
    dates = subprocess.run(
        ["openssl", "x509", "-in", "client.pem", "-noout", "-enddate"],
        cwd=directory, capture_output=True, text=True, check=True, timeout=10,
    )  # fmt: skip
    assert f"notAfter={found['SSL_CLIENT_V_END']}\n" == dates.stdout


def test_a_resumed_session_still_has_its_certificate(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["env", "-0"], ["-ms"], CLIENT_CAS)
    context = client_context(directory / "client.pem")
    with server.connect(context) as first:
        read_all(first)
        session = first.session
    with context.wrap_socket(server.dial(), server_hostname="localhost", session=session) as second:
        found = variables(read_all(second))
        assert second.session_reused
    assert found["SSL_CLIENT_S_DN_CN"] == "a client"


# Only root may listen on the port of name servers; every address below 127 is ours.
NAMES = ("127.53.53.53", 53)


@pytest.mark.parametrize("name, good", [("localhost", True), ("www.example.org", False)])
def test_z_compares_the_host_name(start: Start, directory: Path, name: str, good: bool) -> None:
    """The server's certificate stands in for a client's: it has names."""
    names = NameServer(zone(f"1.0.0.127.in-addr.arpa. PTR {name}."), place=NAMES)
    try:
        make_client(directory)
        server = serve(
            start,
            directory,
            ["sh", "-c", "echo $SSLREMOTEHOST"],
            ["-zh"],
            {**CLIENT_CAS, "DNSCACHEIP": NAMES[0]},
        )
        context = client_context(directory / "named.pem")
        if good:
            assert ask(server, context=context) == b"localhost\n"
        else:
            refused(server, context)
            server.wait_for_log("error: (110) client hostname does not match certificate: www.example.org")
            server.wait_for_log("status 28160")
    finally:
        names.close()


def make_client(directory: Path) -> None:
    """A client's certificate for localhost."""
    root = authority("a root of its own", None)
    key = rsa.generate_private_key(65537, 2048)
    client = leaf("localhost", root, key, ["localhost"], usage="client")
    (directory / "root.pem").write_bytes(pem(root.certificate))
    (directory / "named.pem").write_bytes(pem(client.certificate))
    (directory / "named.key").write_bytes(private(key))


def test_rules_turn_the_demand_on_and_off(start: Start, run: Run, directory: Path) -> None:
    rules(run, directory, ':allow,CCAFILE="-"\n')
    server = serve(start, directory, ["echo", "fine"], ["-m", "-x", "rules.cdb"], CLIENT_CAS)
    assert ask(server) == b"fine\n"
    rules(run, directory, ":allow\n")
    refused(server, client_context())


def test_a_rule_demands_a_certificate(start: Start, run: Run, directory: Path) -> None:
    rules(run, directory, '127.:allow,CCAVERIFY="1",CAFILE="root.pem"\n')
    server = serve(start, directory, ["echo", "fine"], ["-x", "rules.cdb"])
    refused(server, client_context())
    assert ask(server, context=client_context(directory / "client.pem")) == b"fine\n"


def test_a_session_without_certificate_is_not_resumed_where_one_is_demanded(
    start: Start, run: Run, directory: Path
) -> None:
    rules(run, directory, ":allow\n")
    server = serve(start, directory, ["echo", "fine"], ["-x", "rules.cdb"], {"CAFILE": "root.pem"})
    context = client_context()
    with server.connect(context) as first:
        assert read_all(first) == b"fine\n"
        session = first.session
    rules(run, directory, ':allow,CCAVERIFY="1"\n')
    with (
        pytest.raises((ssl.SSLError, ConnectionError)),
        context.wrap_socket(server.dial(), server_hostname="localhost", session=session) as second,
    ):
        read_all(second)


def test_a_rule_chooses_the_certificate(start: Start, run: Run, directory: Path) -> None:
    rules(run, directory, ':allow,CERTFILE="other.pem",KEYFILE="other.key"\n')
    server = serve(start, directory, ["sh", "-c", "echo $SSL_SERVER_S_DN_CN"], ["-s", "-x", "rules.cdb"])
    assert ask(server) == b"other.example\n"


def test_a_rule_with_a_certificate_that_cannot_be_read(start: Start, run: Run, directory: Path) -> None:
    rules(run, directory, ':allow,CERTFILE="missing.pem"\n')
    server = serve(start, directory, ["echo", "fine"], ["-x", "rules.cdb"])
    refused(server, client_context())
    server.wait_for_log("unable to load certificate: ")


@pytest.mark.parametrize(
    "name, shown",
    [("other.example", "other.example"), ("a.wild.example", "localhost"), ("b.a.wild.example", "localhost")],
)
def test_certificates_by_name(start: Start, directory: Path, name: str, shown: str) -> None:
    env = {
        "CERTFILE:other.example": "other.pem",
        "KEYFILE:other.example": "other.key",
        "CERTFILE:*.wild.example": "ecdsa.pem",
        "KEYFILE:*.wild.example": "ecdsa.key",
    }
    program = ["sh", "-c", "echo $SSL_SERVER_S_DN_CN $SSL_SERVER_A_KEY $SSL_TLS_SNI"]
    server = serve(start, directory, program, ["-s"], env)
    kind = "id-ecPublicKey" if name == "a.wild.example" else "rsaEncryption"
    assert ask(server, name=name).decode() == f"{shown} {kind} {name}\n"


@pytest.mark.parametrize("order", [("chain.pem", "inter.pem"), ("inter.pem", "chain.pem")])
def test_a_chain_in_either_order(start: Start, directory: Path, order: tuple[str, str]) -> None:
    (directory / "both.chain").write_bytes(b"".join((directory / name).read_bytes() for name in order))
    env = {"CERTCHAINFILE": "both.chain", "KEYFILE": "chain.key"}
    server = serve(start, directory, ["echo", "fine"], env=env)
    context = trusting(directory / "root.pem")
    assert ask(server, context=context) == b"fine\n"


def test_key_and_certificate_in_one_file(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["echo", "fine"], env={"CERTFILE": "both.pem", "KEYFILE": ""})
    assert ask(server) == b"fine\n"


def test_alpn(start: Start, directory: Path) -> None:
    server = serve(start, directory, ["sh", "-c", "echo $SSL_ALPN"], ["-s"], {"ALPN": "h2, imap"})
    context = client_context()
    context.set_alpn_protocols(["pop3", "imap"])
    assert ask(server, context=context) == b"imap\n"


def test_versions_and_suites(start: Start, directory: Path) -> None:
    env = {"TLS_MAX": "1.2", "CIPHERS": "ECDHE-RSA-AES128-GCM-SHA256"}
    program = ["sh", "-c", "echo $SSL_PROTOCOL $SSL_CIPHER $SSL_CIPHER_USEKEYSIZE"]
    server = serve(start, directory, program, ["-s"], env)
    assert ask(server) == b"TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 128\n"


def test_a_subject_beyond_ascii(start: Start, directory: Path) -> None:
    env = {"CERTFILE": "unicode.pem", "KEYFILE": "unicode.key"}
    found = variables(ask(serve(start, directory, ["env", "-0"], ["-s"], env)))
    assert found["SSL_SERVER_S_DN_O"] == "Übung, Test + Söhne"
    assert found["SSL_SERVER_S_DN"] == r"/C=DE/O=\xC3\x9Cbung, Test \+ S\xC3\xB6hne/CN=localhost"
