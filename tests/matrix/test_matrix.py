"""Every pairing of ours and the original, every version and kind of key: full handshakes and resumed ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from support.fixtures import Start, Workdir
from support.peers import start_server
from support.programs import OPENSSL, OURS, Eof, Finished, Until

Program = Sequence[str]

PAIRS = {
    "ours-ours": (OURS, OURS),
    "ours-openssl": (OURS, OPENSSL),
    "openssl-ours": (OPENSSL, OURS),
}
SIGNATURES = {"rsa": "RSA-PSS", "ecdsa": "ECDSA", "ed25519": "ed25519"}
TRUST = "-CAfile root.pem -verify_return_error -verify_hostname localhost"


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> tuple[Program, Program]:
    """A client and a server."""
    return PAIRS[request.param]


@pytest.mark.parametrize("key", SIGNATURES)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_pair_talks_and_resumes(
    pair: tuple[Program, Program], version: str, key: str, start: Start, workdir: Workdir
) -> None:
    full, resumed, server = two_connections(
        pair,
        f"-tls{version.replace('.', '_')} {TRUST}",
        f"-cert {key}.pem -key {key}.key",
        start,
        workdir("pair"),
    )
    assert f"Peer signature type: {SIGNATURES[key]}\n" in full.out
    assert "Verification: OK\nVerified peername: localhost\n" in full.out
    for report, kind in ((full, "New"), (resumed, "Reused")):
        assert f"\n{kind}, TLSv{version}, Cipher is " in report.out
        assert f"    Protocol  : TLSv{version}\n" in report.out
        assert "    Verify return code: 0 (ok)\n" in report.out
    assert server.err.count(f"Protocol version: TLSv{version}\n") == 2
    assert server.err.count("No peer certificate\n") == 2
    assert "   2 server accepts that finished\n" in server.out
    assert "   1 session cache hits\n" in server.out


@pytest.mark.parametrize("key", ["client", "ecdsa", "ed25519"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_pair_with_client_certificate_talks_and_resumes(
    pair: tuple[Program, Program], version: str, key: str, start: Start, workdir: Workdir
) -> None:
    full, resumed, server = two_connections(
        pair,
        f"-tls{version.replace('.', '_')} {TRUST} -cert {key}.pem -key {key}.key",
        # a server's certificate as the client's: the purpose would not fit
        "-cert rsa.pem -key rsa.key -CAfile root.pem -Verify 3 -verify_return_error -purpose any",
        start,
        workdir("pair"),
    )
    assert "Acceptable client certificate CA names\n" in full.out
    assert f"\nNew, TLSv{version}, " in full.out
    assert f"\nReused, TLSv{version}, " in resumed.out
    name = "a client" if key == "client" else "localhost"
    assert server.err.count(f"Peer certificate: C = DE, O = tlsdeck, CN = {name}\n") == 2
    assert server.err.count("Verification: OK\n") == 2


def two_connections(
    pair: tuple[Program, Program], client_options: str, server_options: str, start: Start, cwd: Path
) -> tuple[Finished, Finished, Finished]:
    """A full handshake, then one that resumes its session: both clients' reports and the server's."""
    client_program, server_program = pair
    server = start_server(start, server_program, f"-rev -naccept 2 {server_options}", cwd)
    reports = []
    for session in ("-sess_out session.pem", "-sess_in session.pem"):
        words = f"-connect {server.address} {client_options} {session}".split()
        client = start([*client_program, "s_client", *words], cwd)
        client.talk([b"some words\n", Until("sdrow emos\n"), Eof()])
        report = client.finish()
        assert "sdrow emos\n" in report.out, report.err
        assert report.code == 0
        reports.append(report)
    finished = server.process.finish()
    assert finished.code == 0
    assert finished.err.count("CONNECTION CLOSED\n") == 2
    return reports[0], reports[1], finished
