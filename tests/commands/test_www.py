"""Replies of -www, -WWW, -HTTP and -rev: bytes against bytes, and against what the original answers."""

from __future__ import annotations

import os
import re
import socket
import ssl
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from output.captured import NOTHING
from support.descriptors import none_left
from tlsdeck.commands.www import (
    LINE_LIMIT,
    SKIPPED_LIMIT,
    TOO_LONG,
    TOO_MUCH,
    FileRequest,
    Files,
    PageRequest,
    Reply,
    RequestReader,
    Reverser,
    StatusPage,
)
from tlsdeck.events import CertificateInfo, Statistics, Summary
from tlsdeck.tls.library import open_failure

PLAIN = b"HTTP/1.0 200 ok\r\nContent-type: text/plain\r\n\r\n"
HTML = b"HTTP/1.0 200 ok\r\nContent-type: text/html\r\n\r\n"

# --- requests --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mode, data, request_",
    [
        ("www", b"GET / HTTP/1.0\r\n\r\n", PageRequest(False, False, "classic")),
        ("www", b"GET \n", PageRequest(False, False, "classic")),
        ("www", b"GET /renegotiate HTTP/1.0\r\n", PageRequest(True, False, "classic")),
        ("www", b"GET /renegcert HTTP/1.0\r\n", PageRequest(True, True, "classic")),
        ("www", b"POST / HTTP/1.0\r\n\r\nGET /\n", PageRequest(False, False, "classic")),
        ("www", b"get / HTTP/1.0\r\n\r\n", None),
        ("www", b" GET / HTTP/1.0\r\n\r\n", None),
        ("WWW", b"GET /stats HTTP/1.0\r\n", PageRequest(False, False, "classic")),
        ("WWW", b"GET /stats\n", FileRequest(b"stats\n")),
        ("WWW", b"GET /reneg HTTP/1.0\r\n", FileRequest(b"reneg HTTP/1.0\r\n")),
        ("WWW", b"GET /a\0b HTTP/1.0\r\n", FileRequest(b"a")),
        ("WWW", b"GET a.txt HTTP/1.0\r\n", None),
        ("HTTP", b"GET /stats HTTP/1.0\r\n", FileRequest(b"stats HTTP/1.0\r\n")),
        ("HTTP", b"HEAD / HTTP/1.0\r\n\r\n", None),
    ],
)
def test_request_reader_finds_the_line_that_counts(
    mode: str, data: bytes, request_: PageRequest | FileRequest | None
) -> None:
    assert RequestReader(mode).feed(data) == request_


@pytest.mark.parametrize(
    "headers, form",
    [
        (b"Accept: text/html,application/xhtml+xml;q=0.9\r\n\r\n", "html"),
        (b"Host: a\r\naccept:TEXT/HTML\r\n", "html"),
        (b"Accept: */*\r\n\r\n", "classic"),
        (b"X-Accept: text/html\r\n\r\n", "classic"),
        (b"\r\n", "classic"),
        (b"", "classic"),
    ],
)
def test_browsers_say_what_they_are(headers: bytes, form: str) -> None:
    for mode, line in (("www", b"GET / HTTP/1.1\r\n"), ("WWW", b"GET /stats HTTP/1.1\r\n")):
        assert RequestReader(mode).feed(line + headers) == PageRequest(False, False, form)


def test_a_browser_may_want_a_renegotiation() -> None:
    request = RequestReader("www").feed(b"GET /renegcert HTTP/1.1\r\nAccept: text/html\r\n\r\n")
    assert request == PageRequest(True, True, "html")


def test_nobody_waits_for_header_fields() -> None:
    reader = RequestReader("www")
    assert reader.feed(b"GET / HTTP/1.1\r\n") == PageRequest(False, False, "classic")


@pytest.mark.parametrize("headers", [b"", b"Accept: text/html\r\n\r\n"])
def test_stats_json_is_a_path_of_its_own(headers: bytes) -> None:
    line = b"GET /stats.json HTTP/1.0\r\n"
    assert RequestReader("www").feed(line + headers) == PageRequest(False, False, "json")
    assert RequestReader("www").feed(b"GET /stats.jsonp HTTP/1.0\r\n") == PageRequest(False, False, "classic")
    assert RequestReader("WWW").feed(line) == FileRequest(b"stats.json HTTP/1.0\r\n")
    assert RequestReader("HTTP").feed(line + headers) == FileRequest(b"stats.json HTTP/1.0\r\n")


def test_request_reader_takes_single_bytes() -> None:
    reader = RequestReader("WWW")
    found = [reader.feed(bytes([byte])) for byte in b"X: y\r\nGET /a b\r\n"]
    assert found == [None] * 15 + [FileRequest(b"a b\r\n")]


def test_request_reader_takes_an_unfinished_line_at_the_end() -> None:
    reader = RequestReader("www")
    assert reader.feed(b"GET /") is None
    assert reader.end() == PageRequest(False, False, "classic")
    assert reader.end() is None


def test_request_reader_takes_a_line_of_exactly_the_limit() -> None:
    target = b"a" * (LINE_LIMIT - 6) + b"\n"
    assert RequestReader("WWW").feed(b"GET /" + target) == FileRequest(target)


@pytest.mark.parametrize("first", [b"GET /", b"X"])
def test_request_reader_refuses_a_longer_line(first: bytes) -> None:
    assert RequestReader("WWW").feed(first + b"a" * LINE_LIMIT) is TOO_LONG
    assert TOO_LONG.head.startswith(b"HTTP/1.0 414 URI Too Long\r\nContent-type: text/plain\r\n\r\nA line")


def test_request_reader_refuses_lines_without_end() -> None:
    reader = RequestReader("www")
    answers = [reader.feed(b"X: y\r\n" * 1000) for _ in range(SKIPPED_LIMIT // 6000 + 1)]
    assert answers == [*[None] * (len(answers) - 1), TOO_MUCH]
    assert TOO_MUCH.head.startswith(b"HTTP/1.0 431 ")


# --- files -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory to serve. Beside it lies what must not be served."""
    outer = tmp_path_factory.mktemp("www")
    root = outer / "site"
    (root / "sub").mkdir(parents=True)
    (root / "..x").mkdir()
    contents = {
        "a.txt": "hello\n",
        "b.html": "<b>x</b>",
        "own": "HTTP/1.0 200 own\r\n\r\nbody",
        "sub/.htm": "deep",
        "large": "0123456789abcdef" * 8192,
    }
    empty = (
        "q.htm",
        "p.php",
        "up.HTML",
        "html",
        ".html",
        ".htm",
        "empty",
        "x..y",
        "a:b",
        "a%20b",
        "a",
        "ä.txt",
    )
    for name, content in {**contents, **dict.fromkeys(empty, "")}.items():
        (root / name).write_text(content, newline="")
    (outer / "secret").write_text("secret")
    (outer / "site-too").mkdir()
    (outer / "site-too" / "secret").write_text("secret")
    (root / "loop").symlink_to("loop")
    (root / "inside").symlink_to("sub/../a.txt")
    (root / "outside").symlink_to("../secret")
    (root / "beside").symlink_to("../site-too/secret")
    (root / "up").symlink_to("..")
    os.mkfifo(root / "fifo")
    return root


@pytest.fixture
def files(site: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Files]:
    monkeypatch.chdir(site)
    return lambda mode: Files(mode, open_failure)


def content(reply: Reply) -> bytes:
    """All that is sent for `reply`."""
    if reply.descriptor is None:
        return reply.head
    with os.fdopen(reply.descriptor, "rb") as file:
        return reply.head + file.read()


def test_files_gives_descriptor_size_and_name(files: Callable[[str], Files]) -> None:
    reply = files("WWW").reply(FileRequest(b"b.html HTTP/1.0\r\n"))
    assert (reply.head, reply.size, reply.name) == (HTML, 8, "b.html")
    assert reply.descriptor is not None
    assert not os.get_inheritable(reply.descriptor)
    assert content(reply) == HTML + b"<b>x</b>"


@pytest.mark.parametrize(
    "target, complaint",
    [
        (b"a.txt\r\n", b"'a.txt\r\n' is an invalid file name"),
        (b"../x ", b"'../x' contains '..' or ':'"),
        (b"sub/.. ", b"'sub/..' contains '..' or ':'"),
        (b"sub\\..\\x ", b"'sub\\..\\x' contains '..' or ':'"),
        (b"a:b ", b"'a' contains '..' or ':'"),
        (b"/etc/passwd ", b"'/etc/passwd' is an invalid path"),
        (b"\\x ", b"'\\x' is an invalid path"),
        (b"sub ", b"'sub' is a directory"),
        (b"up ", b"'up' is a directory"),
        (b"fifo ", b"'fifo' is not a regular file"),
        (b"outside ", b"'outside' leads out of the directory"),
        (b"beside ", b"'beside' leads out of the directory"),
        (b"up/secret ", b"'up/secret' leads out of the directory"),
    ],
)
def test_files_says_why_not(files: Callable[[str], Files], target: bytes, complaint: bytes) -> None:
    with none_left():
        assert files("HTTP").reply(FileRequest(target)) == Reply(PLAIN + complaint + b"\r\n")


def test_files_tells_the_error_of_the_system(files: Callable[[str], Files]) -> None:
    head = files("WWW").reply(FileRequest(b"nope ")).head
    told, first, second = head.removeprefix(PLAIN).splitlines()
    assert told == b"Error opening 'nope' mode='r'"
    assert first.startswith(b"0000000000000000:error:80000002:system library:BIO_new_file:No such file")
    assert first.endswith(b":calling fopen(nope, r)")
    assert second.startswith(b"0000000000000000:error:10000080:BIO routines:BIO_new_file:no such file:")


def test_files_tells_the_mode(files: Callable[[str], Files]) -> None:
    assert (
        b"'nope' mode='rb'\r\n" in Files("WWW", open_failure, binary=True).reply(FileRequest(b"nope ")).head
    )


def test_files_closes_what_was_exchanged_while_it_was_opened(
    files: Callable[[str], Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = files("WWW")
    monkeypatch.setattr(os, "fstat", lambda _: os.stat_result([stat.S_IFIFO] + [0] * 9))
    with none_left():
        assert b"Error opening 'a.txt' mode='r'\r\n" in server.reply(FileRequest(b"a.txt ")).head


def test_files_serves_below_the_root_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert (
        content(Files("HTTP", open_failure).reply(FileRequest(b"etc/passwd ")))
        == Path("/etc/passwd").read_bytes()
    )


# --- the original ----------------------------------------------------------------------------------------------

TARGETS = [
    *[
        "a.txt HTTP/1.0",
        "b.html ",
        "q.htm ",
        "p.php ",
        "up.HTML ",
        "html ",
        ".html ",
        ".htm ",
        "sub/.htm ",
        "empty ",
    ],
    *[
        "own ",
        "x..y ",
        "a%20b ",
        "large ",
        "inside ",
        "./a.txt ",
        "sub/./.htm ",
        "a.txt/ ",
        "a.txt/b ",
        "loop ",
        " ",
    ],
    *[
        "nope ",
        "a?b ",
        "... ",
        "..x ",
        ".. ",
        ". ",
        "..",
        "a.txt",
        "a.txt\tx",
        "a.txt\0 ",
        "../a.txt ",
        "sub/ ",
        "sub ",
    ],
    *[
        "sub/../a.txt ",
        "sub\\..\\x ",
        "sub\\.htm ",
        "a:b ",
        "..:x ",
        "x:",
        ":",
        "/etc/passwd ",
        "\\x ",
        "stats",
        "ä.txt ",
    ],
    *["n" * 300 + " ", "n" * 5000 + " "],
]


def masked(reply: bytes) -> bytes:
    """Without what an error stack says of thread and line of code."""
    reply = re.sub(rb"^[0-9A-F]{16}:error", b"error", reply, flags=re.MULTILINE)
    return re.sub(rb"[./]*crypto/bio/bss_file\.c:\d+", b"bss_file.c", reply)


class Original:
    """A running `openssl s_server`."""

    def __init__(self, site: Path, certificate: Path, *options: str) -> None:
        self.argv = ["s_server", "-accept", "127.0.0.1:0", "-cert", str(certificate), *options]
        self.process = subprocess.Popen(
            ["openssl", *self.argv],
            cwd=site,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        accept = next(line for line in self.process.stdout if line.startswith(b"ACCEPT"))
        self.port = int(accept.rpartition(b":")[2])

    def ask(self, data: bytes, **settings: object) -> bytes:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        for name, value in settings.items():
            setattr(context, name, value)
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=10) as plain,
            context.wrap_socket(plain) as tls,
        ):
            tls.sendall(data)
            return b"".join(iter(lambda: tls.recv(65536), b""))

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pki") / "server.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost"
    subprocess.run(
        ["openssl", *words.split(), "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True
    )
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


@pytest.fixture(scope="module", params=["WWW", "HTTP"])
def original(site: Path, certificate: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, Original]]:
    server = Original(site, certificate, f"-{request.param}")
    yield request.param, server
    server.stop()


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target[:12])
def test_files_answers_as_the_original(
    files: Callable[[str], Files], original: tuple[str, Original], target: str
) -> None:
    mode, server = original
    line = f"GET /{target}\r\n".encode()
    request = RequestReader(mode).feed(line)
    assert isinstance(request, FileRequest)
    assert masked(content(files(mode).reply(request))) == masked(server.ask(line))


def test_reverser_answers_as_the_original(site: Path, certificate: Path) -> None:
    server = Original(site, certificate, "-rev")
    data = b"hello\r\nab\n\n\r\r\nx\ry\n\0\xff1\nCLOSE \nxCLOSE\n" + b"ab" * LINE_LIMIT + b"\n"
    try:
        assert Reverser().feed(data + b"CLOSE\r\nlost\n") == server.ask(data + b"CLOSE\r\nlost\n")
    finally:
        server.stop()


# --- the status page -------------------------------------------------------------------------------------------

SUMMARY = NOTHING.replace(
    cipher="TLS_AES_128_GCM_SHA256",
    cipher_version="TLSv1.3",
    bytes_read=0,
    bytes_written=0,
    secure_renegotiation=True,
)
STATISTICS = Statistics(*[*[0] * 12, 128])
CERTIFICATE = CertificateInfo(
    "CN = a", "CN = b", "id-ecPublicKey", 256, "RSA-SHA256", "then", "later", "PEM\n"
)


def read_back(page: str) -> Summary:
    """The facts that a page shows."""

    def names(label: str) -> tuple[str, ...]:
        found = re.search(f"^{label}: (.*)$", page, re.MULTILINE)
        return tuple(found[1].split(":")) if found else ()

    common = page.partition("end points:\n")[2].partition("Signature Algorithms")[0]
    fact = re.search(r"^---\n(New|Reused), (\S+), Cipher is (\S+)$", page, re.MULTILINE)
    session = re.search(r"^SSL-Session:\n(?:    .*\n|\n)*", page, re.MULTILINE)
    assert fact
    assert session
    return SUMMARY.replace(
        shared_ciphers=tuple(common.split()),
        signature_algorithms=names("Signature Algorithms"),
        shared_signature_algorithms=names("Shared Signature Algorithms"),
        supported_groups=names("Supported groups"),
        shared_groups=names("Shared groups"),
        reused=fact[1] == "Reused",
        cipher_version=fact[2],
        cipher=fact[3],
        session=session[0],
    )


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_status_page_is_laid_out_as_the_original(
    site: Path, certificate: Path, version: ssl.TLSVersion
) -> None:
    server = Original(site, certificate, "-www", "-keymatexport", "<a>&b ")
    try:
        reply = server.ask(b"GET / HTTP/1.0\r\n\r\n", maximum_version=version)
    finally:
        server.stop()
    text = reply.decode()
    supported = re.findall(r"(\S+) *:(\S+) +", text.partition("binary\n")[2].partition("---")[0])
    counters = [
        int(number)
        for number in re.findall(
            r"^ *(\d+) (?:items|client|server|session|callback|cache)", text, re.MULTILINE
        )
    ]
    page = StatusPage(server.argv, supported).render(read_back(text), Statistics(*[*counters, 128]))
    assert page == reply


def test_status_page_leaves_out_what_there_is_not() -> None:
    assert StatusPage(["s_server", "-www"], [("TLSv1.3", "A")]).render(SUMMARY, STATISTICS) == (
        HTML + b'<HTML><BODY BGCOLOR="#ffffff">\n<pre>\n\ns_server -www \nSecure Renegotiation IS supported\n'
        b"Ciphers supported in s_server binary\nTLSv1.3    :A                         \n"
        b"---\nNew, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256\n---\n"
        b"   0 items in the session cache\n   0 client connects (SSL_connect())\n"
        b"   0 client renegotiates (SSL_connect())\n   0 client connects that finished\n"
        b"   0 server accepts (SSL_accept())\n   0 server renegotiates (SSL_accept())\n"
        b"   0 server accepts that finished\n   0 session cache hits\n   0 session cache misses\n"
        b"   0 session cache timeouts\n   0 callback cache hits\n"
        b"   0 cache full overflows (128 allowed)\n---\n"
        b"no client certificate available\n</pre></BODY></HTML>\r\n\r\n"
    )


def test_status_page_shows_the_client() -> None:
    summary = SUMMARY.replace(peer=CERTIFICATE, reused=True, ca_names=("CN = ca",), peer_digest="SHA256")
    page = StatusPage(["s_server"], []).render(summary, STATISTICS, "Certificate:\n    Data:\n")
    assert b"\nPeer signing digest: SHA256\n" in page
    assert b"---\nAcceptable server certificate CA names\nCN = ca\n---\nReused, TLSv1.3, " in page
    assert page.endswith(
        b"---\nClient certificate\nCertificate:\n    Data:\nPEM\n</pre></BODY></HTML>\r\n\r\n"
    )


def test_status_page_keeps_words_that_are_no_text() -> None:
    page = StatusPage(["s_server", os.fsdecode(b"\xff")], []).render(SUMMARY, STATISTICS)
    assert b"\ns_server \xff \n" in page


# --- -rev ------------------------------------------------------------------------------------------------------


def test_reverser_joins_what_reads_split() -> None:
    reverser = Reverser()
    assert [reverser.feed(part) for part in (b"he", b"llo\r", b"\nab\nCLO", b"SE\n", b"more\n")] == [
        b"",
        b"",
        b"olleh\nba\n",
        b"",
        b"",
    ]
    assert reverser.closed


def test_reverser_may_ignore_close() -> None:
    reverser = Reverser(ignore_close=True)
    assert reverser.feed(b"CLOSE\n") == b"ESOLC\n"
    assert not reverser.closed


def test_reverser_answers_an_unfinished_line_at_the_end() -> None:
    reverser = Reverser()
    assert reverser.feed(b"hello") == b""
    assert reverser.end() == b"olleh\n"
    assert reverser.end() == b""


def test_reverser_cuts_a_line_without_end() -> None:
    assert Reverser().feed(b"a" + b"b" * LINE_LIMIT) == b"b" * (LINE_LIMIT - 1) + b"a\n"
