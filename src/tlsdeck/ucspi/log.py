"""What the server says on standard error: a row per line, each line in one write.

The forms are those of sslserver(1); programs read them. Every text that comes from outside is made harmless: bytes
that are not printable ASCII become "?", and in the line about a decision blanks and "%" do so too.

A server does not stop because its log is not read. As long as the descriptor takes nothing, lines are kept, up to a
number, and those beyond it are counted and that is said. Programs write to the same descriptor, so it is not ours to
make non-blocking: poll(2) tells whether it takes something, and a pipe then has room for a line (PIPE_BUF, pipe(7)).
"""

from __future__ import annotations

import select
import time
from collections import deque

from tlsdeck.errors import OutputError
from tlsdeck.output.stream import Stream
from tlsdeck.record import Record

ERRORS, STATUS, DETAILS = 1, 2, 3  # the level from which a line is shown
_LONGEST_FIELD = 100
_LONGEST_LINE = 4096  # bytes
_MOST_KEPT = 10_000  # lines


class _Line(Record):
    level: int
    text: str


LINES = {
    "status": _Line(STATUS, "status {count}/{limit}/{most}"),
    "pid": _Line(STATUS, "pid {pid} from {ip}"),
    "ok": _Line(STATUS, "ok {pid} {who}"),
    "deny": _Line(STATUS, "deny {pid} {who}"),
    "deny-limit": _Line(STATUS, "deny {pid} {who} ip connection limit:{most} exceeded"),
    "tls": _Line(STATUS, "tls {pid} accept"),
    "tls-details": _Line(DETAILS, "tls {pid} accept {what}"),
    "ended": _Line(STATUS, "ended by {pid} status {status}"),
    "limit": _Line(ERRORS, "WARNING ip connection limit of {most} exceeded for: {ip}"),
    "accept": _Line(ERRORS, "error: (111) unable to accept TLS from: {ip} for pid: {pid} {reason}"),
    "speak": _Line(ERRORS, "error: (111) unable to speak TLS from: {ip} for pid: {pid} {reason}"),
    "certificate": _Line(ERRORS, "error: (110) {reason} from: {ip} for pid: {pid}"),
    "rules": _Line(ERRORS, "error: (110) {reason} from: {ip} for pid: {pid}"),
    "client": _Line(ERRORS, "error: (111) {reason} from: {ip} for pid: {pid}"),
    "certified": _Line(STATUS, "info: valid client cert received for pid: {pid}"),
    "program": _Line(ERRORS, "error: (111) unable to run: {program}: {reason}"),
    "short": _Line(ERRORS, "WARNING unable to accept: {reason}; trying again"),
    "dead": _Line(ERRORS, "error: (111) worker {pid} ended by status {status}, and its connections with it"),
    "unfit": _Line(ERRORS, "error: (111) unable to replace a worker: {reason}; trying again"),
    "nonsense": _Line(ERRORS, "error: (111) worker {pid} is ended, it made no sense: {reason}"),
    "reloaded": _Line(STATUS, "info: certificates read again"),
    "kept": _Line(ERRORS, "error: (111) {reason}; the certificates in use stay"),
    "lost": _Line(ERRORS, "WARNING {count} lines of this log are lost: nobody read it"),
    "file": _Line(STATUS, "{kind} {pid} {path}"),
    "fatal": _Line(ERRORS, "fatal: (111) {reason}"),
}


class Log:
    """Writes the lines that `verbosity` lets through (0: none at all)."""

    def __init__(self, program: str, verbosity: int, descriptor: int = 2) -> None:
        self._program = program
        self._stream = Stream(descriptor)
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._kept: deque[bytes] = deque()
        self._lost = 0
        self.descriptor = descriptor
        self.verbosity = verbosity

    @property
    def backlog(self) -> bool:
        """Whether there are lines that `flush` is to write when the descriptor takes something."""
        return bool(self._kept)

    def say(self, line: str, **facts: object) -> None:
        """Writes the line of that name with these facts, or keeps it. Nobody reading it is no reason to end."""
        row = LINES[line]
        if row.level > self.verbosity:
            return
        text = row.text.format(**{name: harmless(str(fact)) for name, fact in facts.items()})
        written = f"{self._program}: {text}"[: _LONGEST_LINE - 1].rstrip() + "\n"
        if len(self._kept) < _MOST_KEPT:
            self._kept.append(written.encode())
            self.flush()
        else:
            self._lost += 1

    def flush(self) -> None:
        """Writes what has been kept, as far as it is taken."""
        while self._kept and self._poll.poll(0):
            try:
                self._stream.data(self._kept.popleft())
            except OutputError:
                pass
        if self._lost and not self._kept:
            count, self._lost = self._lost, 0
            self.say("lost", count=count)

    def finish(self, seconds: float) -> None:
        """Writes what has been kept; gives up after a time."""
        end = time.monotonic() + seconds
        while self._kept and self._poll.poll(max(0.0, end - time.monotonic()) * 1000):
            self.flush()


def harmless(text: str) -> str:
    """The text with "?" for what is not printable ASCII."""
    return "".join([character if " " <= character <= "~" else "?" for character in text])


def field(text: str) -> str:
    """A part of the line about a decision: cut when it is long, without blanks and percent signs."""
    short = text if len(text) <= _LONGEST_FIELD else text[:_LONGEST_FIELD] + "..."
    return "".join(
        ["?" if character <= " " or character > "~" or character == "%" else character for character in short]
    )


def who(local: tuple[str, str, str], remote: tuple[str, str, str, str]) -> str:
    """Host, address and port of this side; host, address, ident information and port of the other."""
    here = ":".join([field(each) for each in local])
    there = ":".join([field(each) for each in remote])
    return f"{here} {there}"
