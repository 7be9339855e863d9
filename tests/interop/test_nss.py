"""NSS on the other side: s_client with selfserv, s_server with tstclnt."""

from __future__ import annotations

import pytest

from interop.beside import Beside, BesideServer
from interop.conftest import StartDaemon
from interop.daemons import program
from support.fixtures import Start, Workdir
from support.programs import Until

TRUST = "-CAfile root.pem -verify_return_error -verify_hostname localhost -servername localhost"
REQUEST = (b"GET / HTTP/1.0\n\n", Until("HTTP/1.0 200 OK"))

pytestmark = pytest.mark.xdist_group("nss")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_client_talks_and_resumes(version: str, daemon: StartDaemon, start: Start, workdir: Workdir) -> None:
    port = daemon("nss").ports["https"]
    command = f"-connect 127.0.0.1:{port} -crlf -tls{version.replace('.', '_')} {TRUST}"
    beside = Beside(start, workdir)
    assert f"New, TLSv{version}, Cipher is " in beside.run(f"{command} -sess_out session.pem", REQUEST).out
    assert f"Reused, TLSv{version}, Cipher is " in beside.run(f"{command} -sess_in session.pem", REQUEST).out


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_server(version: str, daemon: StartDaemon, start: Start, workdir: Workdir) -> None:
    place = daemon("nss").place
    words = f"-d sql:{place}/nss -A {place}/request -V tls{version}:tls{version} -a localhost -h 127.0.0.1 -p {{port}}"
    client = BesideServer(start, workdir).run(
        "-www -cert rsa.pem -key rsa.key", f"{program('tstclnt')} {words}", []
    )
    assert f"New, TLSv{version}, Cipher is " in client.out
