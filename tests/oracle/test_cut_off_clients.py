"""Clients of s_server -rev and -www that go without close_notify, beside the original."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from support.fixtures import Start, Workdir
from support.oracle import Case, assert_same, scene
from support.peers import start_server
from support.pki import trusting
from support.programs import OPENSSL, OURS, TIME_LIMIT

WORDS = {"nothing": b"", "half a line": b"GET / HT", "a line": b"some words\n"}


def cut_off(port: int, words: bytes, directory: Path, version: ssl.TLSVersion) -> None:
    """Say `words`, read the answer to a line, and end TCP."""
    context = trusting(directory / "root.pem")
    context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), TIME_LIMIT) as connection:
        secure = context.wrap_socket(connection, server_hostname="localhost")
        if words:
            secure.sendall(words)
        if words.endswith(b"\n"):
            assert secure.recv(100) == b"sdrow emos\n"
        secure.shutdown(socket.SHUT_RDWR)
        secure.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    "options, words",
    [("-rev", words) for words in WORDS]
    + [("-www", "nothing"), ("-WWW", "nothing"), ("-www", "half a line")],
)
def test_a_client_that_is_cut_off(
    options: str, words: str, version: ssl.TLSVersion, start: Start, workdir: Workdir
) -> None:
    scenes = []
    for program in (OURS, OPENSSL):
        directory = workdir(program[-1])
        server = start_server(start, program, f"-naccept 1 {options} -cert rsa.pem -key rsa.key", directory)
        cut_off(server.port, WORDS[words], directory, version)
        scenes.append(scene(Case("", "", ""), directory, server.process.finish(), None))
    assert_same(*scenes)
    assert scenes[0].tested.code == 0
    assert ("CONNECTION CLOSED\n" in scenes[0].tested.err) == (options == "-rev" and words != "half a line")
