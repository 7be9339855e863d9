"""The data plane: a TLS connection on one side, the two pipes of a program on the other.

Two halves that know nothing of each other but the deadline:

    client  -> program   ends with close_notify or FIN: the program finds the end of its input, and may go on writing
    program -> client    ends when nobody holds the program's output open: close_notify, and the client may go on

Each half holds one piece of data and takes no new one before that is delivered, so a side that does not read slows
down the other and nothing grows. A program that closes its input early loses only that half: what the client still
sends is read and dropped, because closing a socket with unread data would reset the connection, and the client could
lose what it was sent last. In the end FIN is sent, and for the same reason the socket stays open until the client has
taken everything, and a moment longer for the client's FIN.

Any byte, either way, puts the deadline of inactivity off. If it passes while nothing is stuck, the client is taken to
have ended its half; the second time, or with data that is not taken, it is an error (sslserver(1), -w).
"""

from __future__ import annotations

import fcntl
import os
import sys
import termios
import time

from tlsdeck.errors import TimeLimitError
from tlsdeck.net import sockets
from tlsdeck.tls import endpoint
from tlsdeck.ucspi.loop import ENDED, READ, WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.tls.connection import Connection
    from tlsdeck.ucspi.loop import Loop, Ready, Steps, Waits

_RECORD = 16384  # bytes; libssl never returns more at once
_PIECE = 65536  # bytes; what a pipe holds
_LARGE_PIECE = 262144  # bytes; what it is made to hold for a program that writes fast
_ROUNDS = 16  # pieces before the other connections have their turn


class Relay:
    """Copies between a connection whose handshake is done and the ends of two pipes, all of them non-blocking.

    `first` is sent to the client before what the program writes. The descriptors of the pipes become the relay's.
    """

    def __init__(
        self,
        loop: Loop,
        connection: Connection,
        socket: int,
        pipes: tuple[int, int],
        first: bytes,
        limit: float,
    ) -> None:
        self._loop = loop
        self._connection = connection
        self._socket = socket
        self._input: int | None = pipes[0]
        self._output: int | None = pipes[1]
        self._limit = limit
        self._deadline = time.monotonic() + limit
        self._peer_open = True
        self._said_goodbye = False
        self._for_program = b""
        self._for_peer = first
        self._piece = _PIECE
        self._reading_wants = READ
        self._writing_wants = 0

    def run(self) -> Steps[None]:
        """Copies until both halves have ended.

        Raises:
            NetworkError, PeerError: the client is gone, or broke the protocol.
            TimeLimitError: nothing moved any more.
        """
        try:
            while not self._done():
                busy = self._move()
                if self._done():
                    return
                ready = yield self._waits(again=busy)
                if not ready and not busy:
                    self._pass_time()
                self._look_at_input(ready)
        finally:
            self._close_input()
            self._close_output()

    def _done(self) -> bool:
        """The program's output has been delivered, and nobody is left on one side of the other half."""
        return self._said_goodbye and (not self._peer_open or self._input is None)

    def _move(self) -> bool:
        """Copies what can be copied now; whether there may be more."""
        inward = outward = True
        for _ in range(_ROUNDS):
            # No half waits for the other; one that cannot go on is not asked again before there has been a look.
            # What is said last may be answered with a reset by a client that has closed; so it comes after reading,
            # and may end it all.
            inward, outward = inward and self._inward(), outward and self._outward()
            if not outward and not inward:
                return False
            self._deadline = time.monotonic() + self._limit
            if self._done():
                return False
        return True

    # --- from the program to the client ----------------------------------------------------------------------

    def _outward(self) -> bool:
        if not self._for_peer and self._output is not None:
            self._take_output(self._output)
        if self._for_peer:
            return self._send()
        return self._output is None and not self._said_goodbye and self._say_goodbye()

    def _take_output(self, output: int) -> None:
        try:
            self._for_peer = os.read(output, self._piece)
        except BlockingIOError:
            return
        if not self._for_peer:
            self._close_output()
        elif len(self._for_peer) == _PIECE == self._piece:
            self._enlarge(output)

    def _enlarge(self, output: int) -> None:
        """The pipe was full: everything on this way gets larger pieces."""
        self._piece = _LARGE_PIECE
        try:
            fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, _LARGE_PIECE)
        except OSError:
            pass  # one user's pipes may hold only so much together; see pipe(7)
        self._connection.gather()

    def _send(self) -> bool:
        if not self._connection.write(self._for_peer):
            self._writing_wants = self._wanted()
            return False
        self._for_peer = b""
        self._writing_wants = 0
        return True

    def _say_goodbye(self) -> bool:
        self._said_goodbye = self._connection.shutdown()
        self._writing_wants = 0 if self._said_goodbye else WRITE
        if self._said_goodbye and self._input is not None and sockets.wait(self._input, 0, 0.0):
            self._close_input()  # the program is gone: what the client does now concerns nobody
        return self._said_goodbye

    # --- from the client to the program ----------------------------------------------------------------------

    def _inward(self) -> bool:
        if not self._for_program and self._peer_open:
            self._receive()
        if self._for_program:
            return self._deliver()
        if not self._peer_open and self._input is not None:
            self._close_input()
            return True
        return False

    def _receive(self) -> None:
        data = self._connection.read(_RECORD)
        if data is None:
            self._reading_wants = self._wanted()
            return
        self._reading_wants = READ
        self._peer_open = data != b""
        self._for_program = data

    def _deliver(self) -> bool:
        if self._input is None:
            self._for_program = b""
            return True
        try:
            written = os.write(self._input, self._for_program)
        except BlockingIOError:
            return False
        except BrokenPipeError:
            self._close_input()
            return True
        self._for_program = self._for_program[written:]
        return True

    def _look_at_input(self, ready: Ready) -> None:
        """The end of a pipe reports an error as soon as nobody is left to read from it."""
        if self._input is not None and ready.get(self._input, 0) & ENDED:
            self._close_input()

    # --- waiting ---------------------------------------------------------------------------------------------

    def _wanted(self) -> int:
        return WRITE if self._connection.want == "write" else READ

    def _waits(self, *, again: bool) -> Waits:
        net = self._writing_wants
        if self._peer_open and not self._for_program:
            net |= self._reading_wants
        waits = {self._socket: net} if net else {}
        if self._input is not None:
            waits[self._input] = WRITE if self._for_program else 0
        if self._output is not None and not self._for_peer:
            waits[self._output] = READ
        return waits, 0.0 if again else self._deadline

    def _pass_time(self) -> None:
        if time.monotonic() < self._deadline:
            return
        if self._for_program or self._for_peer or not self._peer_open:
            raise TimeLimitError("no data was taken or sent for too long (-w)")
        self._peer_open = False
        self._deadline = time.monotonic() + self._limit

    def _close_input(self) -> None:
        if self._input is not None:
            self._close(self._input)
            self._input = None
        self._for_program = b""

    def _close_output(self) -> None:
        if self._output is not None:
            self._close(self._output)
            self._output = None

    def _close(self, descriptor: int) -> None:
        self._loop.forget(descriptor)
        os.close(descriptor)


def hang_up(loop: Loop, socket: int, patience: float) -> Steps[None]:
    """Sends FIN, waits for the client's, and closes.

    As long as the client has not taken everything, it must take something within `patience` seconds; after that there
    is a moment for its FIN.
    """
    endpoint.stop_sending(socket)
    try:
        yield from _farewell(socket, patience)
    except OSError:
        pass  # the system has no room to wait for it
    finally:
        loop.forget(socket)
        os.close(socket)


def _farewell(socket: int, patience: float) -> Steps[None]:
    left = _not_taken(socket)
    end = time.monotonic() + (patience if left else sockets.LINGER)
    while sockets.take_all(socket):
        before, left = left, _not_taken(socket)
        now = time.monotonic()
        if left < before:
            end = now + (patience if left else sockets.LINGER)
        if now >= end:
            return
        # Nobody tells when something has been taken.
        yield {socket: READ}, min(end, now + sockets.LINGER)


def _not_taken(socket: int) -> int:
    """How many bytes the client's system has not acknowledged (SIOCOUTQ, tcp(7)); FIN, which counts as one, aside."""
    count = int.from_bytes(fcntl.ioctl(socket, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    return max(0, count - 1)
