"""One connection and one person (or pipe): what is typed goes to the peer, what the peer sends is shown.

A single poll(2) loop over standard input and the socket, for s_client and for the interactive s_server. It owns the
order of things and nothing else: what happened goes to `show` as events, what a command letter does is a row of the
caller's table.

Rules of the loop
-----------------

1. A chunk of input is sent completely before the next one is read, so the peer's pace reaches the writer.
2. Reading goes on while a write waits, so two peers that both send cannot block each other.
3. A handshake under way, the first or a later one, is finished before anything is sent.
4. While an engine works (-async), only the operation that waits for it is called again.
"""

from __future__ import annotations

import os
import select
import time

from tlsdeck import events
from tlsdeck.errors import EarlyDataError, NetworkError, OutputError, PeerError, TimeLimitError, TlsdeckError
from tlsdeck.net.limits import Clock
from tlsdeck.net.sockets import wait
from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tlsdeck.events import Event
    from tlsdeck.net.opening import Opening
    from tlsdeck.tls.connection import Connection


_JOB_PATIENCE = 10  # milliseconds for the work of an engine that does not tell when it is done


class Ending(Record):
    """Why a conversation is over.

    `reason`: "input" (end of input), "quit" and "drop" (letters), "peer" (close_notify), "handshake" or "failed"
    (with `error`, in `operation` read, write or wait), "output" (nobody reads what we show), "done" (no more was
    wanted than a handshake).
    """

    reason: str
    operation: str = ""
    error: TlsdeckError | None = None


class Letter(Record):
    """A command: input that begins with a letter (or, if `alone`, is that letter and a line end) is not data.

    `act` gets the pump and may return how to end. `sent`: the input goes to the peer as well.
    """

    act: Callable[[Pump], Ending | None]
    alone: bool = False
    sent: bool = False


class Input:
    """Standard input, in the chunks the system gives: a line from a terminal, up to `size` bytes from a pipe.

    `stay`: the end of input is not the end of the conversation.
    """

    def __init__(self, descriptor: int, size: int, *, crlf: bool, stay: bool, early: bool) -> None:
        self.descriptor = descriptor
        self.stay = stay
        self.early = early  # read before the handshake is done
        self.open = True
        self._size = size
        self._crlf = crlf

    def read(self) -> bytes:
        """The next chunk; b"" at the end."""
        try:
            chunk = os.read(self.descriptor, self._size)
        except BlockingIOError:
            return b""
        except OSError:
            chunk = b""
        self.open = chunk != b""
        return chunk.replace(b"\n", b"\r\n") if self._crlf else chunk


def closed_by_peer(connection: Connection, error: TlsdeckError) -> bool:
    """Whether it was the peer's close_notify that made an operation fail."""
    return connection.peer_closed and isinstance(error, PeerError) and not error.stack


class Pump:
    """The loop.

    `read_size` is the most bytes asked of one read; `verbose` shows every wait (-nbio). `vet` is called when the first
    handshake is done and raises PeerError if the connection is not to be used all the same. A `visit` ends ("done")
    once it is. `opening` is what comes before the handshake (see `net.opening`).
    """

    def __init__(
        self,
        connection: Connection,
        descriptor: int,
        source: Input,
        letters: Mapping[bytes, Letter],
        show: Callable[[Event], None],
        *,
        read_size: int,
        verbose: bool,
        exporter: tuple[str, int] | None = None,
        clock: Clock | None = None,
        vet: Callable[[], None] | None = None,
        visit: bool = False,
        opening: Opening | None = None,
    ) -> None:
        self.connection = connection
        self.show = show
        self._descriptor = descriptor
        self._source = source
        self._letters = letters
        self._read_size = read_size
        self._verbose = verbose
        self._exporter = exporter
        self._clock = clock or Clock()
        self._vet = vet
        self._visit = visit
        self._outgoing = b""
        self._opening = opening
        self._handshaking = True
        self._first_handshake = True
        self._may_read = False
        self._receiving = False

    def run(self) -> Ending:
        """Converses until one side ends it or something fails."""
        try:
            # A server has nothing to do before its client speaks or its user leaves.
            ending = self._wait() if self._source.early else None
            while ending is None:
                ending = self._advance() or self._wait()
        except OutputError as error:
            ending = Ending("output", "write", error)
        return ending

    def receive_until(self, enough: Callable[[], bool], patience: float) -> Ending | None:
        """Goes on after `run` ended with "done", only receiving, until `enough` or for so many seconds."""
        end = time.monotonic() + patience
        ending = None
        while (
            ending is None and not enough() and (self._may_read or wait(self._descriptor, select.POLLIN, end))
        ):
            ending = self._receive()
        return ending

    def repeat_handshake(self) -> None:
        """For letters: drives the handshake that was just asked for."""
        self._handshaking = True

    def send_plain(self, data: bytes) -> None:
        """For letters: puts bytes on the wire that TLS knows nothing of.

        Raises:
            NetworkError: the socket takes none.
        """
        self.connection.send_plain(data)
        self.flush()

    # --- operations ----------------------------------------------------------------------------------------

    def _advance(self) -> Ending | None:
        """Carries on what is under way: a handshake, or else the sending of a chunk."""
        if self._receiving:
            return None
        try:
            if self.connection.retransmit():
                self.show(events.Retransmitted())
            if self._opening and not self._open(self._opening):
                return None
            if self._handshaking and self._handshake() and self._visit:
                return Ending("done")
            if self._outgoing and not self._handshaking:
                self._send()
        except (EarlyDataError, PeerError, NetworkError) as error:
            return self._failed(error)
        return None

    def _failed(self, error: EarlyDataError | PeerError | NetworkError) -> Ending:
        """How an operation that was to send something ends the conversation."""
        self.flush()
        if self._first_handshake:
            return Ending("handshake", "write", error)
        return Ending("peer") if closed_by_peer(self.connection, error) else Ending("failed", "write", error)

    def _open(self, opening: Opening) -> bool:
        """Carries on what comes before the handshake; True once that is done."""
        for event in opening:
            self.flush()
            if event is None:
                return False
            self.show(event)
        self.flush()
        self._opening = None
        return True

    def _handshake(self) -> bool:
        done = self.connection.handshake()
        self.flush()
        if not done:
            self._blocked("handshake")
            return False
        self._handshaking = False
        self._may_read = self.connection.pending()
        if self._first_handshake:
            if self._vet:
                self._vet()
            self._first_handshake = False
            self._clock.enter("idle")
            summary = self.connection.summary(self._exporter)
            self.show(events.HandshakeCompleted(summary, self.connection.session_pem()))
        return True

    def _send(self) -> None:
        done = self.connection.write(self._outgoing)
        self.flush()
        if done:
            self._outgoing = b""
            self._clock.enter("idle")
        else:
            self._blocked("write")

    def _receive(self) -> Ending | None:
        try:
            data = self.connection.read(self._read_size)
        except (PeerError, NetworkError) as error:
            self.flush()
            return Ending("failed", "read", error)
        self.flush()
        self._may_read = bool(data) and self.connection.pending()
        self._receiving = self.connection.want == "async"
        if data is None:
            # Part of a handshake is nothing to tell, unless every wait is; a record that held no data is. A datagram
            # may be anybody's garbage.
            if self._verbose or (self.connection.established and not self.connection.transport.datagrams):
                self.show(events.Blocked("read", self.connection.want or ""))
            return None
        if not data:
            return Ending("peer")
        self._clock.enter("idle")
        self.show(events.DataReceived(data))
        return None

    def _take_input(self) -> Ending | None:
        chunk = self._source.read()
        if not self._source.open:
            return None if self._source.stay else Ending("input")
        letter = self._letters.get(chunk[:1])
        if letter is None or (letter.alone and chunk[1:2] not in (b"\n", b"\r")):
            self._outgoing = chunk
            return None
        if letter.sent:
            self._outgoing = chunk
        try:
            return letter.act(self)
        except (PeerError, NetworkError) as error:
            return self._failed(error)

    # --- waiting -------------------------------------------------------------------------------------------

    def _wait(self) -> Ending | None:
        """Waits for the socket and the input, and takes what they have."""
        try:
            self._clock.check()
        except TimeLimitError as error:
            return Ending("handshake" if self._first_handshake else "failed", "wait", error)
        if self.connection.want == "async":
            return self._wait_for_job()
        if self._may_read and not self._handshaking:
            return self._receive()
        poll = select.poll()
        poll.register(self._descriptor, self._interest())
        if self._input_wanted():
            poll.register(self._source.descriptor, select.POLLIN)
        ready = dict(poll.poll(self._patience()))
        if ready.get(self._descriptor, 0) & ~select.POLLOUT and not self._handshaking:
            ending = self._receive()
            if ending:
                return ending
        if self._source.descriptor in ready and self._input_wanted():
            return self._take_input()
        return None

    def _patience(self) -> float | None:
        """Milliseconds until something is to be done though nothing has happened; None for never."""
        limit, timer = self._clock.left(), self.connection.timeout()
        if timer is None:
            return limit
        return timer * 1000 if limit is None else min(limit, timer * 1000)

    def _wait_for_job(self) -> Ending | None:
        """Waits for an engine. Until it is done, no other operation than the one that waits may be called."""
        poll = select.poll()
        jobs = self.connection.jobs()
        for job in jobs:
            poll.register(job, select.POLLIN)
        poll.poll(self._clock.left() if jobs else _JOB_PATIENCE)
        return self._receive() if self._receiving else None

    def _interest(self) -> int:
        writing = (self._handshaking or self._outgoing) and self.connection.want == "write"
        return select.POLLIN | (select.POLLOUT if writing else 0)

    def _input_wanted(self) -> bool:
        ready = self._source.early or not self._first_handshake
        return self._source.open and not self._outgoing and not self._opening and ready

    def _blocked(self, operation: str) -> None:
        if self._verbose:
            self.show(events.Blocked(operation, self.connection.want or ""))

    def flush(self) -> None:
        """Shows what the connection has seen."""
        for event in self.connection.drain():
            self.show(event)
