"""NSS on the other side: s_client with selfserv, s_server with tstclnt."""

from __future__ import annotations

import pytest

from interop.beside import Beside, BesideServer
from interop.conftest import Start as StartDaemon
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


@pytest.mark.parametrize("version", ["tls1.2", "tls1.3"])
def test_server(version: str, daemon: StartDaemon, start: Start, workdir: Workdir) -> None:
    database = daemon("nss").place.path / "nss"
    command = f"{program('tstclnt')} -h 127.0.0.1 -p {{port}} -a localhost -d sql:{database} -V {version}:{version}"
    # It waits for the server's close; -rev closes when it is told to.
    talk = [b"some words\n", Until("sdrow emos"), b"CLOSE\n"]
    BesideServer(start, workdir).run("-rev -cert rsa.pem -key rsa.key", command, talk)
