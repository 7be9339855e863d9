"""s_server -offer and the page for browsers, beside the original: what is old stays as it is, byte for byte."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from html import unescape
from pathlib import Path

import pytest

from support.fixtures import Run, Start, Workdir
from support.normalize import normalize
from support.peers import free_port, start_server
from support.programs import OPENSSL, OURS, Eof, Finished, Until

RSA = "-cert rsa.pem -key rsa.key"


def converse(
    start: Start, program: Sequence[str], options: str, client_options: str, directory: Path
) -> tuple[Finished, Finished]:
    """Server and client."""
    server = start_server(start, program, f"-naccept 1 {RSA} {options}", directory)
    words = ["s_client", "-connect", f"127.0.0.1:{server.port}", *shlex.split(client_options)]
    client = start([*OPENSSL, *words], directory)
    client.talk([Until("Verify return"), b"ping\n", Eof()])
    finished = client.finish()
    return server.process.finish(), finished


@pytest.mark.parametrize(
    "options, client_options",
    [
        ("", ""),
        ("-tls1_2", ""),
        ("-alpn h2", "-alpn h2,http/1.1"),
        ("-verify 3", "-cert client.pem -key client.key"),
    ],
)
def test_the_old_report_is_as_it_was(
    options: str, client_options: str, start: Start, workdir: Workdir
) -> None:
    original, _ = converse(start, OPENSSL, options, client_options, workdir("original"))
    ours, _ = converse(start, OURS, f"{options} -offer", client_options, workdir("ours"))
    before, _, report = ours.out.partition("---\nClient's offer\n")
    # What follows is the data, and how it ended.
    lines = report.splitlines(keepends=True)
    data = lines.index("ping\n")
    assert normalize(before + "".join(lines[data:])) == normalize(original.out)
    assert normalize(ours.err) == normalize(original.err)
    assert "Cipher suites that could be chosen: TLS_" in report


def test_a_client_of_rev_is_told_once(start: Start, workdir: Workdir) -> None:
    directory = workdir("rev")
    server = start_server(start, OURS, f"-naccept 1 {RSA} -rev -offer", directory)
    client = start([*OPENSSL, "s_client", "-connect", f"127.0.0.1:{server.port}"], directory)
    client.talk([b"ping\n", Until("gnip"), Eof()])
    client.finish()
    finished = server.process.finish()
    assert finished.out.count("Client's offer\n") == 1
    assert finished.err.count("CONNECTION ESTABLISHED\n") == 1


def test_json_stays_json(start: Start, run: Run, workdir: Workdir) -> None:
    directory = workdir("json")
    port = free_port()
    words = f"s_server -accept 127.0.0.1:{port} -naccept 1 {RSA} -www -json -offer".split()
    server = start([*OURS, *words], directory)
    assert server.until('"event":"Listening"')
    run(["curl", "-s", "-4", "--cacert", "root.pem", f"https://localhost:{port}/"], cwd=directory)
    records = [json.loads(line) for line in server.finish().out.splitlines()]
    offers = [each["summary"]["offer"] for each in records if each["event"] == "HandshakeCompleted"]
    assert [offer["client"]["server_name"] for offer in offers] == ["localhost"]


def test_a_client_that_fails_has_offered_something(start: Start, run: Run, workdir: Workdir) -> None:
    directory = workdir("failing")
    server = start_server(start, OURS, f"-naccept 1 {RSA} -offer -tls1_3", directory)
    words = ["s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2"]
    assert run([*OPENSSL, *words], cwd=directory).code == 1
    finished = server.process.finish()
    assert "Versions that could be chosen: none\n" in finished.out
    assert "no version agreed on" in finished.out
    assert "unsupported protocol" in finished.err


def fetch(start: Start, run: Run, program: Sequence[str], path: str, header: str, directory: Path) -> str:
    server = start_server(start, program, f"-naccept 1 {RSA} -www", directory)
    words = ["-sS", "-4", "-i", "--http1.0", "--cacert", "root.pem", "-H", header]
    curl = run(["curl", *words, f"https://localhost:{server.port}{path}"], cwd=directory)
    server.process.finish()
    assert (curl.code, curl.err) == (0, "")
    return curl.out


@pytest.mark.parametrize("accept", ["*/*", "text/plain", ""])
def test_scripts_get_the_page_they_know(accept: str, start: Start, run: Run, workdir: Workdir) -> None:
    pages = [
        normalize(fetch(start, run, program, "/", f"Accept: {accept}", workdir(program[-1])))
        for program in (OURS, OPENSSL)
    ]
    assert pages[0] == pages[1]


def test_the_page_for_browsers_ends_with_the_old_one(start: Start, run: Run, workdir: Workdir) -> None:
    old = fetch(start, run, OPENSSL, "/", "Accept: */*", workdir("original"))
    new = fetch(start, run, OURS, "/", "Accept: text/html", workdir("ours"))
    assert new.startswith("HTTP/1.0 200 ok\r\nContent-type: text/html\r\n")
    assert "<!DOCTYPE html>" in new
    inner = [page.partition("<pre>")[2].partition("</pre>")[0] for page in (new, old)]
    assert normalize(unescape(inner[0])) == normalize(unescape(inner[1]))


def test_stats_json(start: Start, run: Run, workdir: Workdir) -> None:
    reply = fetch(start, run, OURS, "/stats.json", "Accept: text/html", workdir("ours"))
    head, _, body = reply.partition("\r\n\r\n")
    assert "\r\nContent-type: application/json\r\n" in head
    facts = json.loads(body)
    assert facts["chosen"]["suite"] == "TLS_AES_256_GCM_SHA384"
    assert facts["client"]["server_name"] == "localhost"
