"""Running the programs, ours and the original, and talking to them through pipes.

Everything is bounded: by a time limit for each wait, and by `stop`, which ends a process by its id.

The original buffers its report in blocks when stdout is a pipe, so that data overtakes it. Started under
`stdbuf -oL` it prints line by line, in the order in which things happened: the order that ours always has.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TIME_LIMIT = 20.0

OPENSSL = ("stdbuf", "-oL", "openssl")
# Warnings are errors in our programs too: a socket that is not closed would show on stderr.
OURS = (sys.executable, "-W", "error", "-m", "tlsdeck")

# Nothing of the machine's settings reaches the programs, except what a test asks for.
NOT_INHERITED = ("SSLKEYLOGFILE", "OPENSSL_CONF", "SSL_CERT_FILE", "SSL_CERT_DIR", "HARNESS_OSSL_PREFIX")


# --- a conversation: what is typed, and what is waited for before the next word ------------------------------------


@dataclass(frozen=True)
class Until:
    """Wait until the program has printed this text (so many times)."""

    text: str
    count: int = 1


@dataclass(frozen=True)
class Pause:
    """Wait a moment, where nothing is printed that could be waited for."""

    seconds: float = 0.3


@dataclass(frozen=True)
class Eof:
    """Close its stdin."""


Step = bytes | Until | Pause | Eof


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str


class Running:
    """A process with its output collected as it comes."""

    def __init__(self, argv: Sequence[str], cwd: Path | None, env: Mapping[str, str] | None) -> None:
        self.argv = tuple(argv)
        self._changed = threading.Condition()
        self._streams: dict[str, bytearray] = {"out": bytearray(), "err": bytearray()}
        self._open = {"out", "err"}
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        self.popen = subprocess.Popen(
            self.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**inherited, "LC_ALL": "C.UTF-8", **(env or {})},
            start_new_session=True,  # no terminal: a password is asked for on stdin
        )
        assert self.popen.stdout is not None
        assert self.popen.stderr is not None
        self._collectors = [
            threading.Thread(target=self._collect, args=args, daemon=True)
            for args in (("out", self.popen.stdout.fileno()), ("err", self.popen.stderr.fileno()))
        ]
        for thread in self._collectors:
            thread.start()

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def out(self) -> str:
        return self._text("out")

    @property
    def out_bytes(self) -> bytes:
        with self._changed:
            return bytes(self._streams["out"])

    @property
    def err(self) -> str:
        return self._text("err")

    def _text(self, stream: str) -> str:
        with self._changed:
            return self._streams[stream].decode(errors="backslashreplace")

    def _collect(self, stream: str, fd: int) -> None:
        while chunk := os.read(fd, 65536):
            with self._changed:
                self._streams[stream] += chunk
                self._changed.notify_all()
        with self._changed:
            self._open.discard(stream)
            self._changed.notify_all()

    def send(self, data: bytes) -> None:
        """Write to its stdin. A program that has already ended takes nothing, and that is no error here."""
        assert self.popen.stdin is not None
        with suppress(BrokenPipeError):
            self.popen.stdin.write(data)
            self.popen.stdin.flush()

    def eof(self) -> None:
        assert self.popen.stdin is not None
        with suppress(BrokenPipeError):
            self.popen.stdin.close()

    def until(self, text: str, count: int = 1) -> bool:
        """Wait until `text` stands `count` times in its output. False: it ended without."""
        wanted = text.encode()
        with self._changed:
            found = self._changed.wait_for(
                lambda: self._count(wanted) >= count or not self._open, timeout=TIME_LIMIT
            )
            if not found:
                raise AssertionError(f"{text!r} not seen within {TIME_LIMIT:.0f} s\n{self.story()}")
            return self._count(wanted) >= count

    def _count(self, wanted: bytes) -> int:
        return sum(content.count(wanted) for content in self._streams.values())

    def talk(self, steps: Sequence[Step]) -> None:
        """Take the steps in order. A program that ends early makes the rest pointless, not wrong."""
        for step in steps:
            match step:
                case Until(text, count):
                    self.until(text, count)
                case Pause(seconds):
                    time.sleep(seconds)
                case Eof():
                    self.eof()
                case _:
                    self.send(step)

    def finish(self, limit: float = TIME_LIMIT) -> Finished:
        """Wait for its end, which must come by itself."""
        try:
            code = self.popen.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end within {limit:.0f} s\n{self.story()}") from None
        self.eof()
        for thread in self._collectors:
            thread.join(TIME_LIMIT)
        return Finished(code, self.out, self.err)

    def stop(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.finish()
        for pipe in (self.popen.stdout, self.popen.stderr):
            assert pipe is not None
            pipe.close()

    def story(self) -> str:
        return f"$ {shlex.join(self.argv)}\n--- stdout\n{self.out}\n--- stderr\n{self.err}\n---"

    # --- what the system says about it ---------------------------------------------------------------------------

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def sockets(self) -> int:
        """How many sockets it has open."""
        links = Path(f"/proc/{self.pid}/fd").iterdir()
        return sum(1 for link in links if target(link).startswith("socket:"))

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))


def target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""


def install(folder: Path, *names: str) -> None:
    """Make programs of ours, as pip does; a shell in between would drop variables like CERTFILE:www.example.org."""
    folder.mkdir()
    for name in names:
        (folder / name).write_text(f"#!{sys.executable}\nfrom tlsdeck.__main__ import {name}\n{name}()\n")
        (folder / name).chmod(0o755)


def need(*programs: str) -> None:
    """A missing program is an error, never a skipped test."""
    for program in programs:
        if shutil.which(program) is None:
            raise AssertionError(
                f"these tests need the program {program!r}: `make test` or `make interop` installs it"
            )


def wait_for(condition: str, check: Callable[[], bool], limit: float = TIME_LIMIT) -> None:
    """Wait until `check()` is true."""
    end = time.monotonic() + limit
    while not check():
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit:.0f} s: {condition}")
        time.sleep(0.01)
