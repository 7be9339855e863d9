"""Where printers write: a descriptor, without a buffer.

Every call has reached the descriptor when it returns. So lines of the report and the peer's data stay in the order
in which they came about, also on a pipe.
"""

from __future__ import annotations

import os
import select

from tlsdeck.errors import OutputError

_NAMES = {1: "standard output", 2: "standard error"}


class Stream:
    """An open descriptor. Each line of text, but not of data, begins with `prefix`."""

    __slots__ = ("_at_line_start", "_prefix", "descriptor")

    def __init__(self, descriptor: int, prefix: str = "") -> None:
        self.descriptor = descriptor
        self._prefix = prefix
        self._at_line_start = True

    def text(self, text: str) -> None:
        """Write text, in UTF-8; bytes that came in as surrogate escapes go out as they were.

        Raises:
            OutputError: the descriptor takes no more.
        """
        if self._prefix:
            text = self._prefixed(text)
        self.data(text.encode("utf-8", "surrogateescape"))

    def data(self, data: bytes) -> None:
        """Write all of these bytes as they are.

        Raises:
            OutputError: the descriptor takes no more.
        """
        try:
            written = self._some(data) if data else 0
            while written < len(data):
                written += self._some(data[written:])
        except OSError as error:
            name = _NAMES.get(self.descriptor, f"descriptor {self.descriptor}")
            raise OutputError(f"Cannot write to {name}: {error.strerror}") from error

    def _some(self, data: bytes) -> int:
        try:
            return os.write(self.descriptor, data)
        except BlockingIOError:
            poll = select.poll()
            poll.register(self.descriptor, select.POLLOUT)
            poll.poll()
            return 0

    def _prefixed(self, text: str) -> str:
        if not text:
            return text
        start = self._prefix if self._at_line_start else ""
        self._at_line_start = text.endswith("\n")
        body = text.removesuffix("\n").replace("\n", "\n" + self._prefix)
        return start + body + ("\n" if self._at_line_start else "")
