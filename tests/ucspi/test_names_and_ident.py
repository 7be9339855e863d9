"""Who is calling: name servers and ident servers, asked by a running sslserver. As root: their ports are."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.fixtures import Run, Start, Workdir
from support.nameserver import zone
from support.pki import populate
from support.programs import OURS, need
from ucspi.peers import (
    IdentServer,
    failing,
    ident_server,
    name_server,
    nonsense,
    place,
    reverse,
    rules,
    silent,
)
from ucspi.serving import CERTIFICATE, Server, ask, ready, serve, shown_sockets, variables

# What a client's address has: a name that has the address, one that has another, none, odd bytes, two names.
KNOWN, LIAR, UNKNOWN, ODD, ALIAS = (place() for _ in range(5))
# What its ident server does: tells, refuses, talks nonsense, leaves, is silent.
TELLS, REFUSES, NONSENSE, LEAVES, SILENT = (place() for _ in range(5))

ZONE = zone(
    "1.0.0.127.in-addr.arpa. PTR Server.Example.",
    "known.example. A 192.0.2.7",
    f"known.example. A {KNOWN}",
    "liar.example. A 192.0.2.7",
    f"tells.example. A {TELLS}",
    f"{reverse(KNOWN)} PTR Known.Example.",
    f"{reverse(LIAR)} PTR liar.example.",
    f"{reverse(ODD)} PTR a\\046b\\010\\200_-.x\\ y.",
    f"{reverse(ALIAS)} CNAME alias.net.example.",
    "alias.net.example. PTR first.example.",
    "alias.net.example. PTR second.example.",
    f"{reverse(TELLS)} PTR tells.example.",
)
SAYINGS = {
    TELLS: b"1 , 2 : USERID : UNIX : j o e\r\n",
    REFUSES: b"1 , 2 : ERROR : HIDDEN-USER\r\n",
    NONSENSE: b"nonsense\n",
    LEAVES: b"1 , 2 : USERID : UNIX : half",
    SILENT: None,
}

Serving = Callable[..., Server]


def steady(value: object) -> str | None:
    """What a value gives to a test's name. Addresses are others in each process, and names must not be."""
    return "ip" if isinstance(value, str) and value in {KNOWN, LIAR, UNKNOWN, ODD, ALIAS, *SAYINGS} else None


@pytest.fixture(scope="module")
def dns() -> Iterator[str]:
    with name_server(ZONE) as server:
        yield server.address[0]


@pytest.fixture(scope="module")
def idents() -> Iterator[dict[str, IdentServer]]:
    with ExitStack() as stack:
        yield {ip: stack.enter_context(ident_server(ip, saying)) for ip, saying in SAYINGS.items()}


@pytest.fixture(scope="module")
def serving(
    start_once: Start, tmp_path_factory: pytest.TempPathFactory, pki: dict[str, bytes], dns: str
) -> Serving:
    """A server with these options; one for each set of them. Its program shows its variables."""
    directory = populate(tmp_path_factory.mktemp("names"), pki)
    known: dict[tuple[str, ...], Server] = {}

    def serve_once(*options: str) -> Server:
        if options not in known:
            env = {"DNSCACHEIP": dns, "SSLREMOTEHOST": "inherited", "SSLREMOTEINFO": "inherited"}
            known[options] = listening(start_once, directory, ["-h", *options], env)
        return known[options]

    return serve_once


def listening(
    start: Start, directory: Path, options: list[str], env: dict[str, str], program: str = "env -0"
) -> Server:
    words = [*OURS, "sslserver", "-1v", *options, "127.0.0.1", "0", *program.split()]
    process = start(words, directory, {**CERTIFICATE, **env})
    return ready(process)


@pytest.fixture
def directory(workdir: Workdir) -> Path:
    return workdir("server")


# --- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, ip, host",
    [
        (["-l0"], KNOWN, "known.example"),
        (["-l0"], LIAR, "liar.example"),
        (["-l0"], UNKNOWN, None),
        (["-l0"], ODD, r"a\056b\012\310_-.x\040y"),
        (["-l0"], ALIAS, "first.example"),
        (["-pl0"], KNOWN, "known.example"),
        (["-pl0"], LIAR, None),
        (["-pl0"], UNKNOWN, None),
        (["-pl0"], ODD, None),
        (["-pHl0"], KNOWN, None),
        (["-Hl0"], KNOWN, None),
    ],
    ids=steady,
)
def test_the_name_of_a_client(serving: Serving, options: list[str], ip: str, host: str | None) -> None:
    found = variables(ask(serving(*options), source=ip))
    assert found["SSLREMOTEIP"] == ip
    assert found.get("SSLREMOTEHOST") == host


@pytest.mark.parametrize(
    "options, host",
    [([], "server.example"), (["-l0"], "0"), (["-l0p"], "0p"), (["-l", "Me"], "Me"), (["-l", ""], "")],
)
def test_our_own_name(serving: Serving, options: list[str], host: str) -> None:
    assert variables(ask(serving(*options)))["SSLLOCALHOST"] == host


def test_e_gives_names_and_ident_under_the_names_of_tcpserver(serving: Serving, idents: object) -> None:
    found = variables(ask(serving("-re", "-t5"), source=TELLS))
    for name, value in (("HOST", "tells.example"), ("INFO", "joe"), ("IP", TELLS)):
        assert found[f"TCPREMOTE{name}"] == found[f"SSLREMOTE{name}"] == value
    assert found["TCPLOCALHOST"] == "server.example"


# --- ident -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, ip, info",
    [
        (["-rl0", "-t1"], TELLS, "joe"),
        (["-rl0", "-t1"], REFUSES, ""),
        (["-rl0", "-t1"], NONSENSE, ""),
        (["-rl0", "-t1"], LEAVES, None),
        (["-rl0", "-t1"], SILENT, None),
        (["-rl0", "-t1"], UNKNOWN, None),
        (["-rRl0"], TELLS, None),
        (["-l0"], TELLS, None),
    ],
    ids=steady,
)
def test_what_the_ident_server_says(
    serving: Serving, idents: dict[str, IdentServer], options: list[str], ip: str, info: str | None
) -> None:
    server = serving(*options)
    found = variables(ask(server, source=ip))
    assert found.get("SSLREMOTEINFO") == info
    if info is not None:
        question = f"{found['SSLREMOTEPORT']} , {server.port}\r\n"
        assert idents[ip].questions[-1] == question.encode()


# --- rules and the log -------------------------------------------------------------------------------------------

SPECIAL = (
    f"joe@{TELLS}:allow,R='1'",
    "joe@=tells.example:allow,R='2'",
    f"{TELLS}:allow,R='3'",
    "=tells.example:allow,R='4'",
    "=.example:allow,R='5'",
    "=:allow,R='6'",
    ":allow,R='7'",
)


def test_rules_about_names_and_ident(
    start: Start, run: Run, directory: Path, dns: str, idents: object
) -> None:
    rules(run, directory, "\n".join(SPECIAL))
    options = ["-hrl0", "-t5", "-x", "rules.cdb"]
    server = listening(start, directory, options, {"DNSCACHEIP": dns}, "printenv R")
    for first in range(len(SPECIAL)):
        rules(run, directory, "\n".join(reversed(SPECIAL[first:])))
        assert ask(server, source=TELLS) == b"%d\n" % (first + 1)
    rules(run, directory, "\n".join(SPECIAL))
    for ip, rule in ((KNOWN, b"5\n"), (ODD, b"6\n"), (UNKNOWN, b"7\n")):
        assert ask(server, source=ip) == rule


def test_y_is_asked_before_anybody_else(start: Start, run: Run, directory: Path, idents: object) -> None:
    """Who is denied by address costs no question, and the decision has no names in the log."""
    rules(run, directory, f"{TELLS}:deny\n=known.example:deny\n")
    with name_server(ZONE) as names:
        env = {"DNSCACHEIP": names.address[0]}
        server = listening(start, directory, ["-hrl0", "-y", "rules.cdb"], env)
        with pytest.raises((ssl.SSLError, OSError)):
            ask(server, source=TELLS)
        server.wait_for_log("status 25600")
        assert names.questions == 0
        assert re.search(rf"deny \d+ 0:127\.0\.0\.1:{server.port} :{TELLS}::\d+\n", server.process.err)
        assert variables(ask(server, source=KNOWN))["SSLREMOTEHOST"] == "known.example"


def test_the_log_has_names_and_ident(serving: Serving, idents: object) -> None:
    server = serving("-r", "-t5")
    port = variables(ask(server, source=TELLS))["SSLREMOTEPORT"]
    server.wait_for_log(f" server.example:127.0.0.1:{server.port} tells.example:{TELLS}:joe:{port}\n")
    port = variables(ask(server, source=ODD))["SSLREMOTEPORT"]
    server.wait_for_log(rf" a\056b\012\310_-.x\040y:{ODD}::{port}" + "\n")


# --- name servers that fail --------------------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", [silent, nonsense, failing])
@pytest.mark.parametrize("option", ["-h", "-p"])
def test_a_client_whose_name_nobody_tells_is_served_all_the_same(
    start: Start, directory: Path, behaviour: Callable[[bytes], list[bytes]], option: str
) -> None:
    with name_server(behaviour) as names:
        env = {"DNSCACHEIP": names.address[0], "DNSTIMEOUT": "1"}
        server = listening(start, directory, [option], env)
        found = variables(ask(server))
    assert not {"SSLREMOTEHOST", "SSLLOCALHOST"} & set(found)


def test_one_limit_holds_for_all_names_of_a_connection(start: Start, directory: Path) -> None:
    with name_server(silent) as names:
        env = {"DNSCACHEIP": names.address[0], "DNSTIMEOUT": "3"}
        server = listening(start, directory, ["-hp"], env)
        started = time.monotonic()
        ask(server)
        assert 3 <= time.monotonic() - started < 5.5


def test_our_name_is_asked_for_again_when_there_was_no_time_for_it(start: Start, directory: Path) -> None:
    asked: list[bytes] = []

    def behave(query: bytes) -> list[bytes]:
        asked.append(query)
        return ZONE(query) if len(asked) > 1 else []

    with name_server(behave) as names:
        env = {"DNSCACHEIP": names.address[0], "DNSTIMEOUT": "1"}
        server = listening(start, directory, ["-c1"], env)
        assert "SSLLOCALHOST" not in variables(ask(server))
        assert variables(ask(server))["SSLLOCALHOST"] == "server.example"


# --- our own host ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, host, env, ip",
    [
        ([], "both.test", {}, "127.0.0.1"),
        (["-4"], "both.test", {}, "127.0.0.1"),
        (["-6"], "both.test", {}, "::1"),
        (["-4", "-6"], "both.test", {}, "127.0.0.1"),
        ([], "Only6.Test.", {}, "::1"),
        ([], "both", {"LOCALDOMAIN": "nowhere test"}, "127.0.0.1"),
        ([], "inside", {"DNSREWRITEFILE": "rewrites"}, "::1"),
        ([], "both.house", {"DNSREWRITEFILE": "rewrites", "LOCALDOMAIN": "nowhere"}, "127.0.0.1"),
    ],
)
def test_a_host_by_name(
    start: Start, directory: Path, options: list[str], host: str, env: dict[str, str], ip: str
) -> None:
    (directory / "rewrites").write_text("# ours\n=inside:only6.test\n*.house:.test\n")
    hosts = zone("both.test. A 127.0.0.1", "both.test. AAAA ::1", "only6.test. AAAA ::1")
    with name_server(hosts) as names:
        server = serve(
            start, directory, ["true"], options, {"DNSCACHEIP": names.address[0], **env}, host=host
        )
    assert (ip, server.port) in listened(server)


# A view of the file system of its own, with another resolv.conf.
ELSEWHERE = ["unshare", "-m", "sh", "-c", 'mount --bind resolv.conf /etc/resolv.conf; exec "$@"', "sh"]


def test_name_servers_and_domains_of_resolv_conf(start: Start, directory: Path) -> None:
    need("unshare", "mount")
    with name_server(zone("us.house. A 127.0.0.1", f"{reverse(KNOWN)} PTR known.house.")) as names:
        (directory / "resolv.conf").write_text(f"search house\nnameserver {names.address[0]}\n")
        words = [*ELSEWHERE, *OURS, "sslserver", "-1vl0", "us", "0", "printenv", "SSLREMOTEHOST"]
        process = start(words, directory, CERTIFICATE)
        assert ask(ready(process), source=KNOWN) == b"known.house\n"


def listened(server: Server) -> list[tuple[str, int]]:
    """The addresses on which a process listens, as ss(8) shows them."""
    found = []
    for line in shown_sockets("-ltnp"):
        if f"pid={server.process.pid}," in line:
            ip, _, port = line.split()[3].rpartition(":")
            found.append((ip.strip("[]"), int(port)))
    return found


@pytest.mark.parametrize(
    "behaviour, words, text",
    [
        (zone("a.test. AAAA ::1"), ["-4", "a.test"], "no IP address for: a.test"),
        (zone("a.test. A 127.0.0.1"), ["-6", "a.test"], "no IP address for: a.test"),
        (zone("a.test. TXT x"), ["a.test"], "no IP address for: a.test"),
        (zone("a.test. TXT x"), ["none.test"], "no IP address for: none.test"),
        (failing, ["a.test"], "temporarily unable to figure out IP address for: a.test"),
        (failing, ["x" * 64], f"temporarily unable to figure out IP address for: {'x' * 64}"),
    ],
)
def test_a_host_that_has_no_address(
    run: Run, directory: Path, behaviour: Callable[[bytes], list[bytes]], words: list[str], text: str
) -> None:
    with name_server(behaviour) as names:
        env = {**CERTIFICATE, "DNSCACHEIP": names.address[0], "LOCALDOMAIN": ""}
        result = run([*OURS, "sslserver", *words, "0", "true"], cwd=directory, env=env)
    assert (result.code, result.err) == (111, f"sslserver: fatal: (111) {text}\n")
