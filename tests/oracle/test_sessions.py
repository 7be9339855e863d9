"""Which sessions a server resumes, what it says about that and how it counts, beside the original."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from support.fixtures import Start, Workdir
from support.normalize import normalize, without_byte_counts
from support.peers import start_server
from support.programs import OPENSSL, OURS, Eof, Finished, Until

RSA = "-cert rsa.pem -key rsa.key"
TWO_NAMES = "-servername www.example.org -cert2 ecdsa.pem -key2 ecdsa.key"

# By name: the server's options, what both of its clients are started with, and what the original shows of it.
SESSIONS = {
    "ext_cache_by_id": ("-ext_cache -no_ticket", "-tls1_2", "1 callback cache hits"),
    "ext_cache_by_state": ("-ext_cache -no_ticket", "-tls1_3", "Lookup session: cache hit"),
    "ext_cache_unneeded": ("-ext_cache", "-tls1_3", "New session added to external cache"),
    "ext_cache_stranger": ("-ext_cache -tls1_2", "", "Lookup session: cache miss"),
    "ext_cache_quiet": ("-ext_cache -no_ticket -quiet", "-tls1_2", "Lookup session: cache hit"),
    "ext_cache_of_the_second_name": (
        f"-ext_cache -no_ticket {TWO_NAMES}",
        "-tls1_2 -servername www.example.org",
        "Lookup session: cache hit",
    ),
    "ext_cache_and_no_cache": ("-ext_cache -no_cache -no_ticket", "-tls1_2", "0 session cache hits"),
    "no_cache_by_id": ("-no_cache -no_ticket", "-tls1_2", "0 session cache hits"),
    "no_cache_by_ticket": ("-no_cache", "-tls1_2", "1 session cache hits"),
    "no_cache_1_3": ("-no_cache", "-tls1_3", "session cache hits"),
    "cache_by_id": ("-no_ticket", "-tls1_2", "1 session cache hits"),
    "id_prefix": ("-id_prefix abc -no_ticket", "-tls1_2", "id_prefix 'abc' set."),
    "id_prefix_1_3": ("-id_prefix abc -no_ticket", "-tls1_3", "id_prefix 'abc' set."),
    "context": ("-context 0123 -no_ticket", "-tls1_2", "1 session cache hits"),
    "no_resume_ephemeral": ("-no_resume_ephemeral -no_ticket", "-tls1_2", "0 session cache hits"),
    "no_resume_static": (
        "-no_resume_ephemeral -no_ticket -cipher AES128-SHA",
        "-tls1_2",
        "1 session cache hits",
    ),
    "one_ticket": ("-num_tickets 1", "-tls1_3", "session cache hits"),
}  # fmt: skip


def two_clients(program: Sequence[str], name: str, start: Start, workdir: Workdir) -> list[Finished]:
    """The second one comes with the first one's session; last the server."""
    options, client_options, _ = SESSIONS[name]
    directory = workdir(program[-1])
    server = start_server(start, program, f"-naccept 2 -rev {RSA} {options}", directory)
    told = []
    for files in ("-sess_out s.pem", "-sess_in s.pem"):
        known = (
            files if "out" in files or (directory / "s.pem").exists() else ""
        )  # there may be none to come with
        words = f"-connect {server.address} {client_options} {known}".split()
        client = start([*OPENSSL, "s_client", *words], directory)
        client.talk([b"ping\n", Until("gnip"), Eof()])
        told.append(client.finish())
    told.append(server.process.finish())
    return [
        Finished(each.code, without_byte_counts(normalize(each.out)), normalize(each.err)) for each in told
    ]


@pytest.mark.parametrize("name", SESSIONS)
def test_server_keeps_sessions_as_the_original_does(name: str, start: Start, workdir: Workdir) -> None:
    original = two_clients(OPENSSL, name, start, workdir)
    assert SESSIONS[name][2] in original[-1].out + original[-1].err
    assert two_clients(OURS, name, start, workdir) == original


@pytest.mark.parametrize("mode", ["-WWW", "-HTTP", "-WWW -quiet"])
def test_sendfile_says_that_the_kernel_cannot(mode: str, start: Start, workdir: Workdir) -> None:
    """Where the kernel has no TLS, or not for this cipher suite: only the null cipher needs none."""

    def fetch(program: Sequence[str]) -> tuple[bytes, str]:
        directory = workdir(program[-1])
        options = f"-naccept 2 {mode} -sendfile {RSA} -tls1_2 -cipher AES128-SHA"
        server = start_server(start, program, options, directory)
        for _ in range(2):
            words = ["-quiet", "-connect", server.address]
            client = start([*OPENSSL, "s_client", *words], directory)
            client.send(b"GET /root.pem HTTP/1.0\r\n\r\n")
            client.finish()
        return client.out_bytes, normalize(server.process.finish().err)

    original = fetch(OPENSSL)
    assert "Warning: sendfile requested but KTLS is not available\n" in original[1]
    assert fetch(OURS) == original
