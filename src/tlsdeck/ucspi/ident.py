"""Who a connection belongs to, as the machine at its other end says: the Identification Protocol (RFC 1413).

The answer is the other side's word and nothing more. A line of it looks like `6193 , 23 : USERID : UNIX : joe`; the
part behind the third colon counts. An answer of ERROR has two colons only, so it is an answer that is empty.
"""

from __future__ import annotations

import socket

from tlsdeck.ucspi.deadlines import seconds_left

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 113

_LONGEST_INFO = 257  # bytes; the longest that the originals take
_LONGEST_ANSWER = 4096  # bytes; RFC 1413 section 5 allows a line of about 1000
_READ_SIZE = 512


def ask_ident(
    local: tuple[str, int], remote: tuple[str, int], deadline: float, *, port: int = PORT
) -> str | None:
    """What the ident server at the remote address says about the connection between these addresses and ports.

    It is asked from the local address, so that it knows which connection is meant. `deadline` is on the monotonic
    clock. None when there is no complete answer by then. What the answer is made of is not checked; a NUL, which
    could not be a part of a variable, ends it.
    """
    try:
        with socket.create_connection((remote[0], port), seconds_left(deadline), (local[0], 0)) as connection:
            connection.sendall(b"%d , %d\r\n" % (remote[1], local[1]))
            line = _first_line(connection, deadline)
    except OSError:
        return None
    return None if line is None else _info(line)


def _first_line(connection: socket.socket, deadline: float) -> bytes | None:
    """What comes before the first line feed, or enough of it; None when the connection ends earlier."""
    answer = b""
    for piece in _pieces(connection, deadline):
        answer += piece
        line, end, _ = answer.partition(b"\n")
        if end or len(_info_bytes(line)) >= _LONGEST_INFO:
            return line
        if len(answer) > _LONGEST_ANSWER:
            return None
    return None


def _pieces(connection: socket.socket, deadline: float) -> Iterator[bytes]:
    while True:
        connection.settimeout(seconds_left(deadline))
        piece = connection.recv(_READ_SIZE)
        if not piece:
            return
        yield piece


def _info(line: bytes) -> str:
    return _info_bytes(line)[:_LONGEST_INFO].partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _info_bytes(line: bytes) -> bytes:
    """What stands behind the third colon, without blanks; nothing when there are fewer."""
    return line.translate(None, b" \t\r").partition(b":")[2].partition(b":")[2].partition(b":")[2]
