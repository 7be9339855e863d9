"""A browser with s_server -www, -WWW and -HTTP: headless Chromium; and GnuTLS's client, which asks by hand.

The pictures in docs/images are taken here: TLSDECK_PICTURES names the directory that is to have them.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from interop.beside import BesideServer
from interop.daemons import program
from support.fixtures import Start, Workdir
from support.peers import Server, start_server
from support.programs import OURS, Until

RSA = "-cert rsa.pem -key rsa.key"
PICTURES = Path(__file__).parents[2] / "docs" / "images"
MOST_BYTES = 150_000
PATIENCE = 60.0  # seconds
ALIKE = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-dev-shm-usage", "--ignore-certificate-errors",
    "--enable-logging=stderr",
)  # fmt: skip
COLOURS = {"light": (), "dark": ("--blink-settings=preferredColorScheme=0",)}

pytestmark = pytest.mark.xdist_group("browser")

Browse = Callable[..., str]


@pytest.fixture
def browse(start: Start, tmp_path: Path) -> Browse:
    """Open a page of a server: its document afterwards. What the browser's console says is an error."""

    def visit(server: Server, path: str, *words: str, console: bool = False) -> str:
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        url = f"https://localhost:{server.port}{path}"
        browser = start([program("chromium"), *ALIKE, profile, *words, "--dump-dom", url], tmp_path)
        browser.eof()
        finished = browser.finish(PATIENCE)
        assert finished.code == 0, finished.err
        assert ("CONSOLE" in finished.err) == console, finished.err
        return finished.out

    return visit


def words_of(document: str) -> str:
    """What a reader sees, more or less."""
    return unescape(re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", document, flags=re.DOTALL)))


@pytest.mark.parametrize("version, name", [("-tls1_3", "TLS 1.3"), ("-tls1_2", "TLS 1.2")])
def test_the_page_shows_the_visit(
    version: str, name: str, start: Start, workdir: Workdir, browse: Browse
) -> None:
    server = start_server(start, OURS, f"-www {RSA} {version} -alpn http/1.1", workdir("server"))
    document = browse(server, "/")
    words = words_of(document)
    assert f"{name} with TLS_" in words
    assert re.search(r"Server name \(SNI\)\s+localhost", words)
    assert re.search(r"Application protocol \(ALPN\)\s+http/1.1", words)
    assert "GREASE" in words
    assert "X25519MLKEM768" in words
    assert "Static RSA key exchange" in words
    assert "\nCiphers supported in s_server binary\n" in document.partition("<pre>")[2]
    assert server.process.err == ""


def test_a_renegotiated_page_shows_too(start: Start, workdir: Workdir, browse: Browse) -> None:
    server = start_server(start, OURS, f"-www {RSA}", workdir("server"))
    assert "TLS 1.3 with TLS_" in words_of(browse(server, "/reneg"))
    assert "SSL_renegotiate -> 0\n" in server.process.out


def test_json_shows(start: Start, workdir: Workdir, browse: Browse) -> None:
    server = start_server(start, OURS, f"-www {RSA}", workdir("server"))
    assert '"forward_secret": true' in words_of(browse(server, "/stats.json"))


def test_files_show(start: Start, workdir: Workdir, browse: Browse) -> None:
    """Also: what is in the console is noticed here."""
    directory = workdir("server")
    (directory / "page.html").write_text(
        "<!DOCTYPE html><script>console.log(1)</script><p>a file of ours</p>"
    )
    (directory / "page.txt").write_text("plain words\n")
    server = start_server(start, OURS, f"-WWW {RSA}", directory)
    assert "<p>a file of ours</p>" in browse(server, "/page.html", console=True)
    assert "plain words" in browse(server, "/page.txt")
    assert "FILE:page.html\n" in server.process.err


def test_replies_show(start: Start, workdir: Workdir, browse: Browse) -> None:
    directory = workdir("server")
    (directory / "reply").write_bytes(
        b"HTTP/1.0 200 fine\r\nContent-Type: text/html\r\n\r\n<p>a reply of ours</p>"
    )
    server = start_server(start, OURS, f"-HTTP {RSA}", directory)
    assert "<p>a reply of ours</p>" in browse(server, "/reply")


@pytest.mark.parametrize("colours", COLOURS)
def test_pictures(colours: str, start: Start, workdir: Workdir, browse: Browse, tmp_path: Path) -> None:
    server = start_server(start, OURS, f"-www {RSA} -alpn http/1.1", workdir("server"))
    target = Path(os.environ.get("TLSDECK_PICTURES", tmp_path)).resolve()
    target.mkdir(exist_ok=True)
    picture = target / f"page-{colours}.png"
    browse(server, "/", *COLOURS[colours], "--window-size=1000,1250", f"--screenshot={picture}")
    assert size(picture) == (1000, 1250)
    assert picture.stat().st_size < MOST_BYTES
    assert (min(corner(picture)) > 200) if colours == "light" else (max(corner(picture)) < 60)


@pytest.mark.parametrize("colours", COLOURS)
def test_pictures_are_in_the_documents(colours: str) -> None:
    picture = PICTURES / f"page-{colours}.png"
    assert size(picture) == (1000, 1250)
    assert picture.stat().st_size < MOST_BYTES


def size(picture: Path) -> tuple[int, int]:
    """Width and height in the header of a PNG."""
    header = picture.read_bytes()[:24]
    assert header.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")


def corner(picture: Path) -> bytes:
    """Red, green and blue of the first pixel, which no filter changes."""
    data, at, packed = picture.read_bytes(), 8, b""
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += length + 12
    return zlib.decompress(packed)[1:4]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(
    "options, path, shows",
    [
        ("-www", "/", "Ciphers common between both SSL end points"),
        ("-WWW", "/password.txt", "second line"),
        ("-HTTP", "/password.txt", "second line"),
    ],
)
def test_gnutls(version: str, options: str, path: str, shows: str, start: Start, workdir: Workdir) -> None:
    command = (
        f"{program('gnutls-cli')} --x509cafile root.pem --verify-hostname localhost --sni-hostname localhost"
    )
    words = f"--priority NORMAL:-VERS-ALL:+VERS-TLS{version} -p {{port}} 127.0.0.1"
    talk = (Until("Handshake was completed"), f"GET {path} HTTP/1.0\r\n\r\n".encode(), Until(shows))
    client = BesideServer(start, workdir).run(f"{options} {RSA}", f"{command} {words}", talk)
    assert shows in client.out
