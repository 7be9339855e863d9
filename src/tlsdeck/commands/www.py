"""What a server in -www, -WWW, -HTTP or -rev answers: bytes in, replies out, no socket and no libssl.

A line is what BIO_gets(3) on a buffer of 16 KiB gives: up to and with its newline, or a full buffer of a longer
one. A request is one line; lines that are none are skipped, as the original does, but not without end.
"""

from __future__ import annotations

import errno
import os
import stat

from tlsdeck.output import blocks
from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tlsdeck.events import Statistics, Summary

LINE_LIMIT = 16384  # the original's buffer
SKIPPED_LIMIT = 65536  # bytes of a connection that never comes to its request

_HTML = b"HTTP/1.0 200 ok\r\nContent-type: text/html\r\n\r\n"
_PLAIN = b"HTTP/1.0 200 ok\r\nContent-type: text/plain\r\n\r\n"


class _Lines:
    """Bytes in any portions to lines; what is kept is shorter than LINE_LIMIT."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        buffered = self._rest + data
        lines = []
        start = 0
        while True:
            end = buffered.find(b"\n", start, start + LINE_LIMIT) + 1 or start + LINE_LIMIT
            if end > len(buffered):
                break
            lines.append(buffered[start:end])
            start = end
        self._rest = buffered[start:]
        return lines

    def end(self) -> list[bytes]:
        """The unfinished line, when the peer has said its last word."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []


# --- requests --------------------------------------------------------------------------------------------------


class PageRequest(Record):
    """Wants the status page; `GET /reneg` before that a renegotiation, `GET /renegcert` one with a certificate.

    `form`: "classic" is what the original's page has; "html" the one for browsers, "json" the same for programs.
    """

    renegotiate: bool
    ask_certificate: bool
    form: str


class FileRequest(Record):
    """Wants a file: `target` is the line from behind `GET /` to its end."""

    target: bytes


class Reply(Record):
    """`head` goes out first, then the file, if there is one, until it ends.

    Whoever gets a Reply owns its `descriptor` and closes it. `size` is the file's at the time it was opened (0 for
    files that have none to tell, as those of /proc); `name` is what the FILE line shows.
    """

    head: bytes
    descriptor: int | None = None
    size: int = 0
    name: str = ""


def _page(line: bytes) -> PageRequest:
    return PageRequest(line.startswith(b"GET /reneg"), line.startswith(b"GET /renegcert"), "classic")


def _json(_line: bytes) -> PageRequest:
    return PageRequest(False, False, "json")


def _accepts_html(headers: list[bytes]) -> bool:
    """Whether a browser asks. Scripts that read the classic page send no Accept, or `*/*`."""
    return any(line[:7].lower() == b"accept:" and b"text/html" in line.lower() for line in headers)


def _file(line: bytes) -> FileRequest:
    return FileRequest(line.removeprefix(b"GET /"))


def _refusal(status: str, why: str) -> Reply:
    return Reply(f"HTTP/1.0 {status}\r\nContent-type: text/plain\r\n\r\n{why}\r\n".encode())


TOO_LONG = _refusal("414 URI Too Long", f"A line of the request is longer than {LINE_LIMIT} bytes")
TOO_MUCH = _refusal("431 Request Header Fields Too Large", f"No request in the first {SKIPPED_LIMIT} bytes")

if TYPE_CHECKING:
    Request = PageRequest | FileRequest | Reply

# Per option, what a line must begin with to be a request, first match first.
_REQUESTS: dict[str, tuple[tuple[bytes, Callable[[bytes], Request]], ...]] = {
    "www": ((b"GET /stats.json ", _json), (b"GET ", _page)),
    "WWW": ((b"GET /stats ", _page), (b"GET /", _file)),
    "HTTP": ((b"GET /", _file),),
}


class RequestReader:
    """Finds the request of a connection. `mode` is the option's name: www, WWW or HTTP."""

    def __init__(self, mode: str) -> None:
        self._rows = _REQUESTS[mode]
        self._lines = _Lines()
        self._seen = 0

    def feed(self, data: bytes) -> Request | None:
        """The request once its line is complete, a Reply when there is no use in waiting for it any longer."""
        self._seen += len(data)
        request = self._first(self._lines.feed(data))
        if request is None and self._seen > SKIPPED_LIMIT:
            return TOO_MUCH
        return request

    def end(self) -> Request | None:
        """The peer sends no more: a line without its newline counts as well."""
        return self._first(self._lines.end())

    def _first(self, lines: list[bytes]) -> Request | None:
        for number, line in enumerate(lines):
            if len(line) == LINE_LIMIT and not line.endswith(b"\n"):
                return TOO_LONG
            for prefix, read in self._rows:
                if line.startswith(prefix):
                    return _for_browsers(read(line.partition(b"\0")[0]), lines[number + 1 :])
        return None


def _for_browsers(request: Request, headers: list[bytes]) -> Request:
    """The request as its header fields want it, as far as they came along: nobody is kept waiting for them."""
    classic = isinstance(request, PageRequest) and request.form == "classic"
    return request.replace(form="html") if classic and _accepts_html(headers) else request


# --- the status page -------------------------------------------------------------------------------------------


class StatusPage:
    """The page of -www. What all connections have in common is laid out once."""

    def __init__(self, argv: Sequence[str], ciphers: Sequence[tuple[str, str]]) -> None:
        """`argv` with the program's name first; `ciphers` are the server's as (version, name)."""
        self._words = "".join(f"{word} " for word in argv)
        self._start = f'<HTML><BODY BGCOLOR="#ffffff">\n<pre>\n\n{_escaped(self._words)}\n'
        self._supported = f"Ciphers supported in s_server binary\n{_supported(ciphers)}\n"

    def render(self, summary: Summary, statistics: Statistics, certificate_text: str = "") -> bytes:
        """The classic page, as the whole reply.

        `certificate_text` is X509_print(3) of the client's certificate, if it sent one.
        """
        report = self._report(summary, statistics, certificate_text)
        page = f"{self._start}{report}</pre></BODY></HTML>\r\n\r\n"
        return _HTML + page.encode("utf-8", "surrogateescape")

    def text(self, summary: Summary, statistics: Statistics, certificate_text: str = "") -> str:
        """What the page says, with nothing escaped."""
        return f"\n\n{self._words}\n{self._report(summary, statistics, certificate_text)}"

    def _report(self, summary: Summary, statistics: Statistics, certificate_text: str) -> str:
        return "".join(
            (
                blocks.secure_renegotiation(summary),
                self._supported,
                _common(summary.shared_ciphers),
                blocks.signature_algorithms(summary),
                blocks.groups(summary),
                blocks.ca_names(summary),
                blocks.cipher(summary),
                blocks.session(summary),
                "---\n",
                blocks.statistics(statistics),
                "---\n",
                _client_certificate(summary, certificate_text),
            )
        )


def _escaped(word: str) -> str:
    return word.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _supported(ciphers: Sequence[tuple[str, str]]) -> str:
    entries = [f"{version:<11}:{name:<25} " for version, name in ciphers]
    return "\n".join("".join(entries[at : at + 2]) for at in range(0, len(entries), 2))


def _common(names: Sequence[str]) -> str:
    """Three to a line; all but the very last are padded."""
    if not names:
        return ""
    padded = [*[name.ljust(26) for name in names[:-1]], names[-1]]
    lines = "\n".join([" ".join(padded[at : at + 3]) for at in range(0, len(padded), 3)])
    return f"---\nCiphers common between both SSL end points:\n{lines}\n"


def _client_certificate(summary: Summary, text: str) -> str:
    if summary.peer is None:
        return "no client certificate available\n"
    return f"Client certificate\n{text}{summary.peer.pem}"


# --- files -----------------------------------------------------------------------------------------------------

_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW

_HTML_SUFFIXES = (b".html", b".php", b".htm")


class Files:
    """The directory a server was started in, as -WWW and -HTTP give it away.

    Only regular files below it are served: no link leads out, and nothing that could block is opened.
    """

    def __init__(
        self, mode: str, explain: Callable[[bytes, bytes], Iterable[str]], *, binary: bool = False
    ) -> None:
        """`explain` tries to open a path in a mode and returns the lines of the error queue."""
        self._explain = explain
        self._root = os.path.realpath(os.getcwdb())
        self._with_header = mode == "WWW"
        self._open_mode = b"rb" if binary else b"r"  # of no other effect than to be told

    def reply(self, request: FileRequest) -> Reply:
        """The file, or in words why not."""
        name, complaint = _file_name(request.target)
        if complaint:
            return _complaint(name, complaint)
        try:
            return self._opened(name)
        except OSError:
            told = b"Error opening '%b' mode='%b'\r\n" % (name, self._open_mode)
            return Reply(_PLAIN + told + b"".join(map(_masked, self._explain(name, self._open_mode))))

    def _opened(self, name: bytes) -> Reply:
        path = name and os.path.join(self._root, name)  # an empty name is no file, not the directory
        complaint = _unfit(os.stat(path).st_mode)
        path = os.path.realpath(path)
        if not complaint and not path.startswith(os.path.join(self._root, b"")):
            complaint = b"leads out of the directory"
        if complaint:
            return _complaint(name, complaint)
        descriptor, size = _open_regular(path)
        return Reply(self._header(name), descriptor, size, os.fsdecode(name))

    def _header(self, name: bytes) -> bytes:
        if not self._with_header:
            return b""
        return _HTML if name.endswith(_HTML_SUFFIXES) and name not in _HTML_SUFFIXES else _PLAIN


def _file_name(target: bytes) -> tuple[bytes, bytes]:
    """The name, which ends at the first space, and what is wrong with it. A colon is as bad as `..`."""
    stops = [at for at in (target.find(b" "), target.find(b":")) if at >= 0]
    if not stops:
        return target, b"is an invalid file name"
    name = target[: min(stops)]
    if target[min(stops)] == ord(":") or b".." in name.replace(b"\\", b"/").split(b"/"):
        return name, b"contains '..' or ':'"
    return name, b"is an invalid path" if name.startswith((b"/", b"\\")) else b""


def _unfit(mode: int) -> bytes:
    if stat.S_ISDIR(mode):
        return b"is a directory"
    return b"" if stat.S_ISREG(mode) else b"is not a regular file"


def _open_regular(path: bytes) -> tuple[int, int]:
    """Descriptor and size."""
    descriptor = os.open(path, _OPEN_FLAGS)
    try:
        return descriptor, _regular_size(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise


def _regular_size(status: os.stat_result) -> int:
    if _unfit(status.st_mode):  # exchanged since it was looked at
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
    return status.st_size


def _complaint(name: bytes, complaint: bytes) -> Reply:
    return Reply(_PLAIN + b"'%b' %b\r\n" % (name, complaint))


def _masked(line: str) -> bytes:
    """A line of libcrypto's error queue without the thread's id: an address of ours is no business of a client's."""
    thread, _, rest = line.partition(":")
    return b"0" * len(thread) + b":" + rest.encode("utf-8", "surrogateescape") + b"\n"


# --- -rev ------------------------------------------------------------------------------------------------------


class Reverser:
    """The service of -rev: every line comes back reversed. The line CLOSE sets `closed`, unless it is ignored."""

    def __init__(self, *, ignore_close: bool = False) -> None:
        self.closed = False
        self._ignore_close = ignore_close
        self._lines = _Lines()

    def feed(self, data: bytes) -> bytes:
        """The answers to all lines that are now complete. After CLOSE nothing is answered any more."""
        return self._answers(self._lines.feed(data))

    def end(self) -> bytes:
        """The peer sends no more: the answer to a line without its newline."""
        return self._answers(self._lines.end())

    def _answers(self, lines: list[bytes]) -> bytes:
        answers = []
        for line in lines:
            text = line.rstrip(b"\r\n")
            self.closed = self.closed or (text == b"CLOSE" and not self._ignore_close)
            if self.closed:
                break
            answers.append(text[::-1] + b"\n")
        return b"".join(answers)
