"""GnuTLS on the other side: s_client with gnutls-serv, s_server with gnutls-cli."""

from __future__ import annotations

import pytest

from interop.beside import Beside, BesideServer
from interop.conftest import StartDaemon
from interop.daemons import program
from support.fixtures import Start, Workdir
from support.programs import Eof, Until

TRUST = "-CAfile root.pem -verify_return_error -verify_hostname localhost -servername localhost"
PING = (b"some words\n", Until("some words"), Eof())
VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])

pytestmark = pytest.mark.xdist_group("gnutls")


@VERSIONS
@pytest.mark.parametrize(
    "options, shows",
    [
        ("", "Verified peername: localhost\n"),
        ("-cert client.pem -key client.key", "    Verify return code: 0 (ok)\n"),
        ("-alpn echo/2,h3", "ALPN protocol: echo/2\n"),
        ("-groups P-384", "Server Temp Key: ECDH, secp384r1, 384 bits\n"),
        ("-sigalgs RSA-PSS+SHA512", "Peer signing digest: SHA512\n"),
    ],
)
def test_client(
    version: str, options: str, shows: str, daemon: StartDaemon, start: Start, workdir: Workdir
) -> None:
    port = daemon("gnutls").ports["echo"]
    command = f"-connect 127.0.0.1:{port} -tls{version.replace('.', '_')} {TRUST} {options}"
    ours = Beside(start, workdir).run(command, PING)
    assert shows in ours.out
    assert f"New, TLSv{version}, Cipher is " in ours.out


@VERSIONS
def test_client_resumes(version: str, daemon: StartDaemon, start: Start, workdir: Workdir) -> None:
    port = daemon("gnutls").ports["echo"]
    command = f"-connect 127.0.0.1:{port} -tls{version.replace('.', '_')} {TRUST}"
    beside = Beside(
        start, workdir, {r"lifetime hint: \d+": "lifetime hint: <seconds>"}
    )  # less than its round number
    beside.run(f"{command} -sess_out session.pem", PING)
    resumed = beside.run(f"{command} -sess_in session.pem", PING)
    assert f"Reused, TLSv{version}, Cipher is " in resumed.out


@VERSIONS
def test_client_with_a_strangers_certificate(
    version: str, daemon: StartDaemon, start: Start, workdir: Workdir
) -> None:
    port = daemon("gnutls").ports["echo"]
    words = f"-connect 127.0.0.1:{port} -tls{version.replace('.', '_')} {TRUST} -cert stranger.pem -key stranger.key"
    ours = Beside(start, workdir).run(words, [Until("alert"), Eof()], code=1)
    assert "tlsv1 alert access denied" in ours.err


SERVER = "-rev -cert chain.pem -key chain.key -cert_chain inter.pem"


@pytest.mark.parametrize(
    "options, words, shows",
    [
        ("", "--priority NORMAL:-VERS-ALL:+VERS-TLS1.2", "(TLS1.2-X.509)-(ECDHE"),
        ("", "--priority NORMAL:-VERS-ALL:+VERS-TLS1.3", "(TLS1.3-X.509)-(ECDHE"),
        ("-tls1_2", "", "(TLS1.2-X.509)-(ECDHE"),
        ("-alpn second,first", "--alpn first --alpn second", "- Application protocol: second"),
        (
            "-Verify 3 -CAfile root.pem",
            "--x509certfile client.pem --x509keyfile client.key",
            "- Successfully sent",
        ),
        ("-groups P-521", "", "SECP521R1"),
    ],
)
def test_server(options: str, words: str, shows: str, start: Start, workdir: Workdir) -> None:
    command = (
        f"{program('gnutls-cli')} --x509cafile root.pem --verify-hostname localhost --sni-hostname localhost"
    )
    talk = (Until("Handshake was completed"), b"some words\n", Until("sdrow emos"), Eof())
    client = BesideServer(start, workdir).run(
        f"{SERVER} {options}", f"{command} {words} -p {{port}} 127.0.0.1", talk
    )
    assert "- Status: The certificate is trusted." in client.out
    assert shows in client.out


@pytest.mark.parametrize("options", ["", "-no_ticket", "-ext_cache -no_ticket"])
@VERSIONS
def test_server_resumes(version: str, options: str, start: Start, workdir: Workdir) -> None:
    command = (
        f"{program('gnutls-cli')} --x509cafile root.pem --verify-hostname localhost --resume --waitresumption"
    )
    talk = (Until("This is a resumed session"), b"some words\n", Until("sdrow emos"), Eof())
    words = f"--priority NORMAL:-VERS-ALL:+VERS-TLS{version} -p {{port}} 127.0.0.1"
    client = BesideServer(start, workdir).run(f"{SERVER} {options}", f"{command} {words}", talk, clients=2)
    assert "*** This is a resumed session" in client.out
