"""sslserver with programs for inetd and for tcpserver that others wrote, each reached by its own client through TLS."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from interop.daemons import program
from interop.watched import Watch, Watched
from support.fixtures import Run, Start
from support.peers import free_port
from support.programs import OURS, Finished, Until, wait_for
from ucspi.serving import QUICK, Server, ask, ready

BIG = 50_000_000  # bytes
TRUST = "-CAfile root.pem -verify_return_error -verify_hostname localhost -servername localhost"


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def succeeded(finished: Finished) -> str:
    assert finished.code == 0, f"{finished.out}\n{finished.err}"
    return finished.out


@pytest.fixture
def big(public: Path) -> Path:
    """A file of random bytes in a directory to be published."""
    (public / "www").mkdir()
    path = public / "www" / "big"
    path.write_bytes(os.urandom(BIG))
    return path


def script(path: Path, *words: str) -> Path:
    """A program that takes the place of itself with the words and its arguments."""
    path.write_text(f'#!/bin/sh\nexec {" ".join(words)} "$@"\n')
    path.chmod(0o755)
    return path


# --- a web server -----------------------------------------------------------------------------------------------


@pytest.fixture
def web(served: Watch, big: Path) -> Watched:
    return served([program("busybox"), "httpd", "-i", "-h", str(big.parent)])


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl_fetches_a_file(version: str, web: Watched, big: Path, run: Run) -> None:
    words = f"curl -sS --fail --cacert root.pem --tlsv{version} --tls-max {version} -o got"
    succeeded(run([*words.split(), f"https://localhost:{web.server.port}/big"], cwd=web.directory))
    assert checksum(web.directory / "got") == checksum(big)
    web.wait_for_end(0)
    assert f" accept TLSv{version}:" in web.server.process.err


def test_curl_breaks_off(web: Watched, run: Run) -> None:
    """The web server writes on: it learns it at once, and the log says in words what happened."""
    url = f"https://localhost:{web.server.port}/big"
    assert run(["curl", "-sS", "-k", "--max-filesize", "1000", url], cwd=web.directory).code == 63
    web.wait_for_end(28416)
    assert re.search(
        "unable to speak TLS from: 127.0.0.1 for pid: \\d+ .*(clos|reset|pipe)", web.server.process.err
    )


def test_nss_fetches_a_page(web: Watched, big: Path, run: Run) -> None:
    big.with_name("page").write_text("a page of ours\n")
    database, request = web.directory / "nss", web.directory / "request"
    database.mkdir()
    succeeded(run([program("certutil"), "-N", "--empty-password", "-d", f"sql:{database}"]))
    trust = f"-A -n root -t C,, -d sql:{database} -i {web.directory}/root.pem"
    succeeded(run([program("certutil"), *trust.split()]))
    request.write_bytes(b"GET /page HTTP/1.0\r\n\r\n")
    words = f"-d sql:{database} -A {request} -a localhost -h 127.0.0.1 -p {web.server.port}"
    assert "a page of ours\n" in succeeded(run([program("tstclnt"), *words.split()]))
    web.wait_for_end(0)


def test_a_browser_shows_a_page(web: Watched, big: Path, run: Run, tmp_path: Path) -> None:
    big.with_name("index.html").write_text(
        "<!DOCTYPE html><title>ours</title><img src=a.svg><img src=b.svg><p>a page</p>"
    )
    for name in ("a.svg", "b.svg"):
        big.with_name(name).write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    quiet = "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    words = (
        f"{quiet} --disable-dev-shm-usage --ignore-certificate-errors --user-data-dir={tmp_path} --dump-dom"
    )
    document = run([program("chromium"), *words.split(), f"https://localhost:{web.server.port}/"])
    assert "<p>a page</p>" in succeeded(document)
    assert web.server.process.err.count(" accept TLSv1.3:") >= 3


# --- files ------------------------------------------------------------------------------------------------------


@pytest.fixture
def files(served: Watch, big: Path) -> Watched:
    (big.parents[1] / "rsyncd.conf").write_text(
        f"use chroot = no\nuid = 0\ngid = 0\n[files]\npath = {big.parent}\nread only = no\n"
    )
    return served([program("rsync"), "--server", "--daemon", "--config=rsyncd.conf", "."])


def rsync(run: Run, files: Watched, *words: str, **env: str) -> None:
    """By its own script for TLS, which runs a client for it."""
    settings = {
        "RSYNC_SSL_CA_CERT": "root.pem",
        **{f"RSYNC_SSL_{name}": value for name, value in env.items()},
    }
    port = f"--port={files.server.port}"
    succeeded(run([program("rsync-ssl"), "-a", port, *words], cwd=files.directory, env=settings))


@pytest.mark.parametrize("client", ["ours", "the original"])
def test_rsync_both_ways(client: str, files: Watched, big: Path, run: Run) -> None:
    """Not with GnuTLS's client, which rsync-ssl knows too: with it rsync fails behind socat in the same way."""
    ours = script(files.directory / "ours", sys.executable, "-m", "tlsdeck")
    env = {"TYPE": "openssl"}
    if client == "ours":
        env["OPENSSL"] = str(ours)
    rsync(run, files, "rsync://localhost/files/", "got/", **env)
    assert checksum(files.directory / "got/big") == checksum(big)
    rsync(run, files, "got/big", "rsync://localhost/files/again", **env)
    assert checksum(big.with_name("again")) == checksum(big)
    files.wait_for_end(0, 2)


# --- versions ---------------------------------------------------------------------------------------------------


def test_git_clones(served: Watch, public: Path, run: Run) -> None:
    """Through our s_client, and through socat, which passes on the end of what git says."""
    git = (
        program("git"),
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@example.net",
        "-c",
        "init.defaultBranch=main",
    )
    (public / "work").mkdir()
    (public / "work/file").write_bytes(os.urandom(3_000_000))
    for words in (["init", "-q"], ["add", "file"], ["commit", "-q", "-m", "one"]):
        succeeded(run([*git, *words], cwd=public / "work"))
    daemon = served(
        [program("git"), "daemon", "--inetd", "--export-all", f"--base-path={public}", str(public)]
    )
    port = daemon.server.port
    client = f"s_client -quiet {TRUST} -connect 127.0.0.1:{port} 2>errors #"
    ways = {
        "0": script(public / "ours", sys.executable, "-m", "tlsdeck", client),
        "2": script(
            public / "socat", program("socat"), f"-t 20 - OPENSSL:localhost:{port},cafile=root.pem #"
        ),
    }
    for version, proxy in ways.items():
        copy = public / f"copy-{version}"
        words = ["-c", f"protocol.version={version}", "clone", "-q", "git://localhost/work", str(copy)]
        succeeded(run([*git, *words], cwd=public, env={"GIT_PROXY_COMMAND": str(proxy)}))
        assert checksum(copy / "file") == checksum(public / "work/file")
    daemon.wait_for_end(0, 2)


# --- the tools of tcpserver -------------------------------------------------------------------------------------


def test_gnutls_talks_through_recordio(served: Watch, start: Start) -> None:
    """Which writes what goes in and out into the log."""
    echo = served([program("recordio"), "cat"])
    words = f"--x509cafile=root.pem --verify-hostname=localhost --port {echo.server.port} 127.0.0.1"
    client = start([program("gnutls-cli"), *words.split()], echo.directory)
    client.talk([Until("Simple Client Mode"), b"say it again\n", Until("say it again")])
    client.eof()
    assert client.finish().code == 0
    echo.wait_for_end(0)
    for direction in "<>":
        assert re.search(f"\\d+ {direction} say it again", echo.server.process.err)


RULES = b'127.0.0.1:allow,RBLSMTPD="-Not from you",WHO="a local"\n:deny\n'


def tcprules(maker: Sequence[str], directory: Path, run: Run) -> None:
    succeeded(run([*maker, "rules.cdb", "rules.tmp"], RULES, cwd=directory))


def test_rules_made_by_theirs_and_a_refusal_by_rblsmtpd(served: Watch, public: Path, run: Run) -> None:
    tcprules([program("tcprules")], public, run)
    smtp = served([program("rblsmtpd"), "false"], ["-e", "-x", "rules.cdb"])
    assert b"553 Not from you\r\n" in ask(smtp.server, b"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nQUIT\r\n")
    smtp.wait_for_end(0)


def test_theirs_obeys_rules_made_by_ours(public: Path, start: Start, run: Run) -> None:
    tcprules([*OURS, "tcprules"], public, run)
    words = ["-1", "-v", "-HR", "-l", "0", "-x", "rules.cdb", "127.0.0.1", "0", "sh", "-c", "echo $WHO"]
    server = start([program("tcpserver"), *words], public)
    wait_for("its port", lambda: server.out.endswith("\n"))
    with socket.create_connection(("127.0.0.1", int(server.out)), timeout=20) as client:
        assert client.recv(100) == b"a local\n"


# --- daemontools ------------------------------------------------------------------------------------------------


def test_envuidgid_and_softlimit(start: Start, public: Path) -> None:
    """The program has the user and the limits that they say; the key is root's alone."""
    (public / "rsa.key").chmod(0o600)
    before = [program("envuidgid"), "nobody", program("softlimit"), "-o", "200"]
    words = [
        *OURS,
        "sslserver",
        "-1",
        *QUICK,
        "-U",
        "127.0.0.1",
        "0",
        "sh",
        "-c",
        "id -u; id -g; id -G; ulimit -n",
    ]
    process = start([*before, *words], public, {"CERTFILE": "rsa.pem", "KEYFILE": "rsa.key"})
    assert ask(ready(process)).split() == [b"65534", b"65534", b"65534", b"200"]


RUN = """#!/bin/sh
exec 2>&1 {settings} {program} sslserver {options} 127.0.0.1 {port} sh -c 'echo served'
"""


def test_supervise_svc_and_multilog(start: Start, run: Run, public: Path) -> None:
    """A service directory: it is started, told to read its certificate again, stopped; its log has time stamps."""
    port = free_port()
    service, log = public / "service", public / "service/log"
    service.mkdir()
    settings = f"env CERTFILE={public}/rsa.pem KEYFILE={public}/rsa.key"
    text = RUN.format(settings=settings, program=" ".join(OURS), options=" ".join(QUICK), port=port)
    (service / "run").write_text(text)
    (service / "run").chmod(0o755)
    command = f"{program('supervise')} {service} | {program('multilog')} t {log}"
    supervise = start(["sh", "-c", command], public)
    current = log / "current"

    def logged(words: str, count: int = 1) -> None:
        pattern = re.compile(f"^@[0-9a-f]{{24}} sslserver: {words}", re.MULTILINE)
        wait_for(words, lambda: current.exists() and len(pattern.findall(current.read_text())) >= count)

    def svc(option: str) -> None:
        succeeded(run([program("svc"), option, str(service)]))

    try:
        logged("status 0/40/0")
        server = Server(supervise, port)
        assert ask(server) == b"served\n"
        logged("ended by \\d+ status 0")
        svc("-h")
        logged("info: certificates")
        svc("-t")
        logged("status 0/40/0", 3)  # the first, that of the connection, that of the one started anew
        wait_for("it listens", lambda: ask(server) == b"served\n")
    finally:
        svc("-dx")
        supervise.finish()
