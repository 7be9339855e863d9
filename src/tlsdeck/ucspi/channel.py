"""Between the supervisor and a worker: small messages with descriptors, over a pair of Unix sockets.

A message is a list of fields, the first of which says what it is; a NUL separates them, so none may contain one, and
whatever a worker sends can be taken apart without harm. Sockets of packets keep messages apart. Descriptors travel
with a message (SCM_RIGHTS, unix(7)) and are closed here once they have been sent.
"""

from __future__ import annotations

import array
import errno
import os
import select
import socket
from collections import deque

from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST = 262144  # bytes of a message
# As if nobody took it: memory, or descriptors that are under way (unix(7)), will be there again.
_LATER = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS)
_MOST_DESCRIPTORS = 8
_STANDARD_ERROR = 2
_SPACE = socket.CMSG_SPACE(_MOST_DESCRIPTORS * array.array("i").itemsize)


class Message(Record):
    """What was said, and the descriptors that came with it, which are the receiver's to close."""

    fields: tuple[bytes, ...]
    descriptors: tuple[int, ...] = ()


class Channel:
    """One end. What the other end does not take yet is kept, and `flush` tries again; a `patient` one waits instead."""

    def __init__(self, end: socket.socket, *, patient: bool = False) -> None:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
        self._end = end
        self._patient = patient
        self._queue: deque[tuple[bytes, tuple[int, ...]]] = deque()

    def fileno(self) -> int:
        return self._end.fileno()

    @property
    def backlog(self) -> bool:
        """Whether there is something to flush."""
        return bool(self._queue)

    def send(self, fields: Sequence[bytes], descriptors: Sequence[int] = ()) -> None:
        """Sends a message of no more than `LARGEST` bytes. That nobody is there any more is found out by `receive`."""
        self._queue.append((b"\0".join(fields), tuple(descriptors)))
        self.flush()

    def flush(self) -> None:
        """Sends what has been kept, as far as it is taken."""
        while self._queue:
            data, descriptors = self._queue[0]
            try:
                self._send(data, descriptors)
            except OSError as error:
                if error.errno in _LATER:
                    if not self._patient:
                        return
                    self._wait()
                    continue
            self._queue.popleft()
            close_all(descriptors)

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._end, select.POLLOUT)
        poll.poll()

    def _send(self, data: bytes, descriptors: tuple[int, ...]) -> None:
        if descriptors:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
            self._end.sendmsg([data], [rights])
        else:
            self._end.send(data)

    def receive(self) -> Message | None:
        """The next message; None at the end.

        Raises:
            BlockingIOError: none there yet.
        """
        try:
            data, ancillary, _, _ = self._end.recvmsg(LARGEST, _SPACE, socket.MSG_CMSG_CLOEXEC)
        except ConnectionError:
            return None
        descriptors = array.array("i")
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
        return Message(tuple(data.split(b"\0")), tuple(descriptors)) if data else None

    def close(self) -> None:
        """Closes this end, and what was still to be sent with it."""
        for _, descriptors in self._queue:
            close_all(descriptors)
        self._queue.clear()
        self._end.close()


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def opened() -> list[int]:
    """All descriptors of this process but the standard ones."""
    numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    return [number for number in numbers if number > _STANDARD_ERROR and _is_open(number)]


def _is_open(number: int) -> bool:
    """Not so for that of the listing itself."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def close_all(descriptors: Sequence[int]) -> None:
    """Closes descriptors."""
    for descriptor in descriptors:
        os.close(descriptor)
