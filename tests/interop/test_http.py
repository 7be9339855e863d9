"""HTTP: s_client with nginx, curl with s_server."""

from __future__ import annotations

import pytest

from interop.beside import Beside, BesideServer
from interop.conftest import StartDaemon
from interop.daemons import program
from support.fixtures import Start, Workdir
from support.programs import Eof, Until

TRUST = "-CAfile root.pem -verify_return_error -verify_hostname"
DATE = {r"(?m)^Date: .*": "Date: <date>"}

pytestmark = pytest.mark.xdist_group("http")


def get(name: str) -> bytes:
    return f"GET / HTTP/1.1\nHost: {name}\nConnection: close\n\n".encode()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize(
    "name, options, shows",
    [
        ("localhost", "", "you are \n"),
        ("localhost", "-cert client.pem -key client.key", "you are CN=a client,O=tlsdeck,C=DE"),
        ("localhost", "-alpn http/1.1", "ALPN protocol: http/1.1\n"),
        ("other.example", "", "this is other.example"),
    ],
)
def test_nginx(
    name: str, version: str, options: str, shows: str, daemon: StartDaemon, start: Start, workdir: Workdir
) -> None:
    port = daemon("nginx").ports["https"]
    command = f"-connect 127.0.0.1:{port} -crlf {version} -servername {name} {TRUST} {name} {options}"
    ours = Beside(start, workdir, DATE).run(command, [get(name), Until("this is ")])
    assert shows in ours.out


def test_nginx_speaks_http_2(daemon: StartDaemon, start: Start, workdir: Workdir) -> None:
    port = daemon("nginx").ports["https"]
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("00 00 00 04 00 00 00 00 00")
    command = f"-connect 127.0.0.1:{port} -servername localhost -alpn h2,http/1.1 {TRUST} localhost"
    ours = Beside(start, workdir).run(
        command, [Until("    Verify"), preface, Until("\0\0\0\x04\x01\0\0\0\0"), Eof()]
    )
    assert "ALPN protocol: h2\n" in ours.out


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_nginx_resumes(version: str, daemon: StartDaemon, start: Start, workdir: Workdir) -> None:
    port = daemon("nginx").ports["https"]
    command = f"-connect 127.0.0.1:{port} -crlf -servername localhost {version} {TRUST} localhost"
    talk = (get("localhost"), Until("this is localhost"))
    beside = Beside(start, workdir, DATE)
    beside.run(f"{command} -sess_out session.pem", talk)
    assert "Reused, TLSv1." in beside.run(f"{command} -sess_in session.pem", talk).out


@pytest.mark.parametrize("version", ["--tlsv1.2 --tls-max 1.2", "--tlsv1.3"])
@pytest.mark.parametrize(
    "options, words, shows",
    [
        ("-www", "", "Ciphers supported in s_server binary"),
        ("-WWW", "", "secret\nsecond line\n"),
        ("-HTTP", "--http0.9", "secret\nsecond line\n"),
        (
            "-www -Verify 3 -CAfile root.pem -verify_return_error",
            "--cert client.pem --key client.key",
            "a client",
        ),
        ("-www -alpn http/1.1", "-v", "ALPN: server accepted http/1.1"),
    ],
)
def test_curl(version: str, options: str, words: str, shows: str, start: Start, workdir: Workdir) -> None:
    command = f"{program('curl')} -sS --http1.1 -4 --cacert root.pem {version} {words} https://localhost:{{port}}/password.txt"
    client = BesideServer(start, workdir).run(f"{options} -cert rsa.pem -key rsa.key", command, [])
    assert shows in client.out + client.err
