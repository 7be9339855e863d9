"""-serverinfo beside the original: what a client asks for by number, and what a server answers from a file."""

from __future__ import annotations

from functools import partial

import pytest

from support.fixtures import Start, Workdir
from support.oracle import NOTHING, Case, compare_alone, compare_clients, compare_servers, each
from support.pki import populate
from support.programs import Until
from support.serverinfo import CLIENT_HELLO, ENCRYPTED_EXTENSIONS, SERVER_HELLO_1_2, block

RSA = "-rev -cert rsa.pem -key rsa.key"
ANSWERS = f"{RSA} -serverinfo answers.pem"

FILES = {
    "answers.pem": block(1000, b"hello there") + block(1001, b"") + block(1002, bytes(3000)),
    "second.pem": block(1000, b"both", CLIENT_HELLO | SERVER_HELLO_1_2 | ENCRYPTED_EXTENSIONS),
    "broken.pem": block(1000, b"hello")[:-60],
}
FILES |= {f"line{length}.pem": block(1000, bytes(length)) for length in (43, 44, 45)}


@pytest.fixture
def directory(workdir: Workdir) -> Workdir:
    """A directory with the PKI and these files."""
    return lambda name: populate(workdir(name), FILES)


client = partial(Case, peer=ANSWERS)

MANY = ",".join(str(number) for number in range(1000, 1150))

CLIENTS = (
    client(
        "answer", "-tls1_2 -serverinfo 1000", "-----BEGIN SERVERINFO FOR EXTENSION 1000-----\nA+gAC2hlbGxv"
    ),
    client("answers", "-tls1_2 -serverinfo 1001,1000,1002", "SERVERINFO FOR EXTENSION 1001"),
    client("given_twice", "-tls1_2 -serverinfo 1001 -serverinfo 1000", "SERVERINFO FOR EXTENSION 1001"),
    client("line_43", "-tls1_2 -serverinfo 1000", "AAAA", peer=f"{RSA} -serverinfo line43.pem"),
    client("line_44", "-tls1_2 -serverinfo 1000", "AAAA", peer=f"{RSA} -serverinfo line44.pem"),
    client("line_45", "-tls1_2 -serverinfo 1000", "AAAA", peer=f"{RSA} -serverinfo line45.pem"),
    client("no_answer", "-tls1_2 -serverinfo 1005", "New, TLSv1.2"),
    client("server_without", "-tls1_2 -serverinfo 1000", "New, TLSv1.2", peer=RSA),
    client("tls1_3_has_it_not", "-serverinfo 1000", "New, TLSv1.3"),
    client(
        "tls1_3_answers_all_the_same",
        "-serverinfo 1000",
        "bad extension",
        1,
        peer=f"{RSA} -serverinfo second.pem",
    ),
    client(
        "second_version", "-tls1_2 -serverinfo 1000", "A+gABGJvdGg=", peer=f"{RSA} -serverinfo second.pem"
    ),
    client("brief", "-tls1_2 -brief -serverinfo 1000", "Protocol version: TLSv1.2"),
    client(
        "quiet",
        "-tls1_2 -quiet -serverinfo 1000",
        "verify return:1",
        talk=(b"ping\n", Until("gnip"), b"CLOSE\n"),
    ),
    client("tlsextdebug", "-tls1_2 -tlsextdebug -serverinfo 1000", '"unknown" (id=1000), len=11'),
    client("hundred", f"-tls1_2 -serverinfo {MANY}", "SERVERINFO FOR EXTENSION 1002"),
    client(
        "refused",
        "-tls1_2 -serverinfo 5,0,16,1000,1000,51",
        "Warning: Unable to add custom extension 16, skipping\nWarning: Unable to add custom extension 1000, ",
    ),
    client("wrapped", "-tls1_2 -serverinfo 66536", "SERVERINFO FOR EXTENSION 1000"),
    client("read_like_c", "-tls1_2 -serverinfo ' 1000x,+1001,0x3e8,-1'", "custom extension 0, skipping\n"),
    client("no_numbers", "-serverinfo x,,y", "Unable to add custom extension 0, skipping"),
    client("empty", "-serverinfo ''", "Unable to add custom extension 0, skipping"),
    client("refused_brief", "-brief -serverinfo 5", "Unable to add custom extension 5, skipping"),
    client("msg", "-msg -tls1_2 -serverinfo 1000", "SERVERINFO FOR EXTENSION 1000"),
)


@each(CLIENTS)
def test_client(case: Case, start: Start, directory: Workdir) -> None:
    compare_clients(start, case, directory)


SERVERS = (
    Case("answer", ANSWERS, "CONNECTION ESTABLISHED", peer="-tls1_2 -serverinfo 1000,1001"),
    Case("not_asked_for", ANSWERS, "CONNECTION ESTABLISHED", peer="-tls1_2"),
    Case("tls1_3", ANSWERS, "CONNECTION ESTABLISHED", peer="-serverinfo 1000"),
    Case("second_version", f"{RSA} -serverinfo second.pem", "ESTABLISHED", peer="-tls1_2 -serverinfo 1000"),
)


@each(SERVERS)
def test_server(case: Case, start: Start, directory: Workdir) -> None:
    compare_servers(start, case, directory)


BAD_SERVERS = (
    Case("missing", f"{RSA} -serverinfo nothing.pem", "No such file or directory", 1, talk=NOTHING),
    Case("no_pem", f"{RSA} -serverinfo junk.pem", "no start line", 1, talk=NOTHING),
    Case("broken", f"{RSA} -serverinfo broken.pem", "SSL_CTX_use_serverinfo_file", 1, talk=NOTHING),
    Case("certificate", f"{RSA} -serverinfo rsa.pem", "pem name too short", 1, talk=NOTHING),
)


@each(BAD_SERVERS)
def test_file_that_is_none(case: Case, start: Start, directory: Workdir) -> None:
    compare_alone(start, "s_server", case, directory)
