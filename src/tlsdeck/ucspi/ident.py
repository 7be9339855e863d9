"""Who a connection belongs to, as the machine at its other end says: the Identification Protocol (RFC 1413).

The answer is the other side's word and nothing more. A line of it looks like `6193 , 23 : USERID : UNIX : joe`; the
part behind the third colon counts. An answer of ERROR has two colons only, so it is an answer that is empty.
"""

from __future__ import annotations

import socket

from tlsdeck.ucspi.asking import Peer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.ucspi.loop import Loop, Steps

PORT = 113

_LONGEST_INFO = 257  # bytes; the longest that the originals take
_LONGEST_ANSWER = 4096  # bytes; RFC 1413 section 5 allows a line of about 1000
_READ_SIZE = 512


def ask_ident(
    loop: Loop, local: tuple[str, int], remote: tuple[str, int], deadline: float, *, port: int = PORT
) -> Steps[str | None]:
    """What the ident server at the remote address says about the connection between these addresses and ports.

    It is asked from the local address, so that it knows which connection is meant. `deadline` is on the monotonic
    clock. None when there is no complete answer by then. What the answer is made of is not checked; a NUL, which
    could not be a part of a variable, ends it.
    """
    try:
        with Peer(loop, socket.SOCK_STREAM, (remote[0], port), deadline) as server:
            yield from server.connect(local[0])
            yield from server.send(b"%d , %d\r\n" % (remote[1], local[1]))
            line = yield from _first_line(server)
    except OSError:
        return None
    return None if line is None else _info(line)


def _first_line(server: Peer) -> Steps[bytes | None]:
    """What comes before the first line feed, or enough of it; None when the connection ends earlier."""
    answer = b""
    while len(answer) <= _LONGEST_ANSWER:
        piece = yield from server.receive(_READ_SIZE)
        if not piece:
            break
        answer += piece
        line, end, _ = answer.partition(b"\n")
        if end or len(_info_bytes(line)) >= _LONGEST_INFO:
            return line
    return None


def _info(line: bytes) -> str:
    return _info_bytes(line)[:_LONGEST_INFO].partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _info_bytes(line: bytes) -> bytes:
    """What stands behind the third colon, without blanks; nothing when there are fewer."""
    return line.translate(None, b" \t\r").partition(b":")[2].partition(b":")[2].partition(b":")[2]
