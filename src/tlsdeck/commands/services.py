"""What s_server does for its clients in the modes -www, -WWW, -HTTP and -rev: a generator per client.

Each reads top-down as if its client were the only one; `yield` is where it waits (see `net.crowd`).
"""

from __future__ import annotations

import os

from tlsdeck import events
from tlsdeck.commands import www
from tlsdeck.errors import (
    ConfigurationError,
    LibraryError,
    NetworkError,
    PeerError,
    TimeLimitError,
    TruncationError,
)
from tlsdeck.tls import endpoint, summary, transport
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.library import open_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import TypeVar

    from tlsdeck.commands.common import Audience
    from tlsdeck.events import Event
    from tlsdeck.net.crowd import Waits
    from tlsdeck.net.limits import Clock
    from tlsdeck.tls.context import Context

    T = TypeVar("T")

_READ_SIZE = 16384  # bytes; a full record
_FILE_CHUNK = 131072  # bytes handed to libssl at once


class Client:
    """One client's connection with its waits turned into yields, and its events shown."""

    def __init__(
        self,
        context: Context,
        descriptor: int,
        clock: Clock,
        id_context: bytes | None,
        show: Callable[[Event], None],
    ) -> None:
        socket = transport.descriptor(descriptor, halting=context.settings.halting)
        self.connection = Connection(context, socket, session_id_context=id_context)
        self.show = show
        self.detailed = context.settings.watch.details
        # Whoever looks at each system call wants to see the original's.
        self.watched = context.settings.watch.transport or context.settings.halting
        self._descriptor = descriptor
        self._clock = clock
        self._asks_others = context.settings.asks_others

    def flush(self) -> None:
        """Shows what the connection has seen."""
        for event in self.connection.drain():
            self.show(event)

    def progress(self) -> None:
        """The client has got something done: its idle time begins anew."""
        self._clock.enter("idle")

    def _want(self) -> str | int:
        """What to wait for: also the descriptor by which an engine tells that it is done (-async)."""
        want = self.connection.want or ""
        if want != "async":
            return want
        jobs = self.connection.jobs()
        return jobs[0] if jobs else "write"  # soon

    def admit(self) -> Waits:
        """Until the client has returned a cookie."""
        while not (yield from self.step(self.connection.admit)):
            self.flush()
            yield self._want()

    def handshake(self) -> Waits:
        """Until the handshake under way is complete."""
        while not (yield from self.step(self.connection.handshake)):
            self.flush()
            yield self._want()
        self.flush()

    def read(self) -> Generator[str | int, None, bytes]:
        """The next data; b"" at the end, with close_notify or, as the original has it, without."""
        try:
            while (data := (yield from self.step(lambda: self.connection.read(_READ_SIZE)))) is None:
                self.flush()
                yield self._want()
        except TruncationError:
            data = b""
        self.flush()
        if data and self.detailed:
            self.show(events.DataReceived(data))
        return data

    def step(self, operation: Callable[[], T]) -> Generator[str | int, None, T]:
        """One operation that may be part of a handshake; in a thread if that may ask others and take its time."""
        if self._asks_others:
            from tlsdeck.net.aside import aside

            return (yield from aside(operation))
        return operation()

    def write(self, data: bytes | memoryview) -> Waits:
        """Until all data is sent."""
        while not self.connection.write(data):
            self.flush()
            yield self._want()
        self.flush()
        self.progress()

    def serve(self, work: Callable[[Client], Waits]) -> Waits:
        """The handshake, the work, and the end, however it comes about."""
        established = False
        if self.detailed:
            near, far = endpoint.local_address(self._descriptor), endpoint.peer_address(self._descriptor)
            self.show(events.Connected(self._descriptor, near, far))
        try:
            yield "read"  # a client speaks first
            if self.connection.context.settings.cookies:
                yield from self.admit()
            yield from self.handshake()
            established = True
            self.progress()
            yield from work(self)
            self.connection.shutdown()
        except (ConfigurationError, NetworkError, PeerError) as error:
            self.flush()
            self.show(self._failure(error, established))
        finally:
            self.flush()
            self.connection.close()
            self.show(events.Closed())

    def _failure(self, error: ConfigurationError | NetworkError | PeerError, established: bool) -> Event:
        timed_out = isinstance(error, TimeLimitError)
        message = error.message if timed_out else ""
        if established:
            operation = "wait" if timed_out else "read"
            return events.ConnectionFailed(operation, error.stack, error.errno, message)
        return events.HandshakeFailed(self.connection.summary(), error.stack, error.errno, None, message)


class Web:
    """The service of -www, -WWW and -HTTP."""

    def __init__(
        self,
        context: Context,
        mode: str,
        argv: list[str],
        *,
        id_context: bytes | None,
        binary: bool,
        audience: Audience,
    ) -> None:
        self._context = context
        self._mode = mode
        self._id_context = id_context
        self._audience = audience
        unused = Connection(context, transport.memory())
        self._page = www.StatusPage(argv, unused.ask(summary.supported_ciphers))
        self._files = www.Files(mode, open_failure, binary=binary)

    def __call__(self, descriptor: int, clock: Clock) -> Waits:
        """Serves one client."""
        show = self._audience.next_client()
        return Client(self._context, descriptor, clock, self._id_context, show).serve(self._answer)

    def _answer(self, client: Client) -> Waits:
        if client.detailed or self._context.settings.watch.offers:
            client.show(events.HandshakeCompleted(client.connection.summary()))
        reader = www.RequestReader(self._mode)
        request = None
        while request is None:
            data = yield from client.read()
            request = reader.feed(data) if data else reader.end()
            if not data and request is None:
                client.show(events.PeerClosed())
                return
        if isinstance(request, www.PageRequest):
            yield from self._send_page(client, request)
            return
        reply = self._files.reply(request) if isinstance(request, www.FileRequest) else request
        yield from self._send(client, reply)

    def _send_page(self, client: Client, request: www.PageRequest) -> Waits:
        connection = client.connection
        if request.renegotiate:
            yield from self._renegotiate(client, request.ask_certificate)
        yield from client.write(self._rendered(connection, request.form))

    def _rendered(self, connection: Connection, form: str) -> bytes:
        found, offer = connection.summary(), None if form == "classic" else connection.offer()
        told = (found, self._context.statistics(), connection.ask(summary.peer_certificate_text))
        if offer is None:
            return self._page.render(*told)
        from tlsdeck.output.facts import facts
        from tlsdeck.output.page import html_reply, json_reply

        if form == "json":
            return json_reply(facts(found, offer))
        return html_reply(facts(found, offer), self._page.text(*told))

    def _renegotiate(self, client: Client, ask_certificate: bool) -> Waits:
        """A new handshake for `GET /reneg`; TLS 1.3 has none, but can ask for a certificate."""
        connection = client.connection
        try:
            if ask_certificate:
                connection.demand_certificate()
            connection.renegotiate()
        except LibraryError:
            client.show(events.RenegotiationStarted(0))
            return
        client.show(events.RenegotiationStarted(1))
        yield from client.handshake()
        # The client's answer comes as if it were data; more lines of its request may come before it.
        while connection.renegotiating and (yield from self._read_on(client)):
            pass

    def _read_on(self, client: Client) -> Generator[str | int, None, bool]:
        """One read; False at the end of the data."""
        data = yield from client.step(lambda: client.connection.read(_READ_SIZE))
        client.flush()
        if data is None and client.connection.renegotiating:
            yield client.connection.want or ""
        return data != b""

    def _send(self, client: Client, reply: www.Reply) -> Waits:
        if reply.descriptor is None:
            yield from client.write(reply.head)
            return
        try:
            client.show(events.FileServed(reply.name))
            if reply.head:
                yield from client.write(reply.head)
            if self._by_kernel(client, reply):
                yield from _send_by_kernel(client, reply.descriptor, reply.size)
                client.show(events.FileSentByKernel(reply.name))
            else:
                yield from _send_by_hand(client, reply.descriptor, reply.name)
        finally:
            os.close(reply.descriptor)

    def _by_kernel(self, client: Client, reply: www.Reply) -> bool:
        """Whether -sendfile is asked for, and can be; a file of /proc does not tell its size, so it cannot."""
        if not self._context.settings.kernel_tls:
            return False
        if not client.connection.kernel_sends:
            client.show(events.KernelTlsMissing())
            return False
        return reply.size > 0


def _send_by_kernel(client: Client, descriptor: int, size: int) -> Waits:
    offset = 0
    while offset < size:
        sent = client.connection.send_file(descriptor, offset, size - offset)
        client.flush()
        if sent:
            offset += sent
            client.progress()
        yield "write"


def _send_by_hand(client: Client, descriptor: int, name: str) -> Waits:
    buffer = memoryview(bytearray(_FILE_CHUNK))
    while count := _fill(buffer, descriptor, name):
        if count == _FILE_CHUNK and not client.watched:
            client.connection.gather()
        yield from client.write(buffer[:count])
        yield "write"  # large files take turns


def _fill(buffer: memoryview, descriptor: int, name: str) -> int:
    """Reads the next part of a file; how many bytes.

    Raises:
        ConfigurationError: it cannot be read, a disk's fault for instance; only the client that wanted it suffers.
    """
    try:
        return os.readv(descriptor, [buffer])
    except OSError as error:
        raise ConfigurationError("", (f"Error reading '{name}': {error.strerror}",)) from None


class Reverse:
    """The service of -rev."""

    def __init__(
        self,
        context: Context,
        *,
        id_context: bytes | None,
        ignore_close: bool,
        audience: Audience,
    ) -> None:
        self._context = context
        self._id_context = id_context
        self._ignore_close = ignore_close
        self._audience = audience

    def __call__(self, descriptor: int, clock: Clock) -> Waits:
        """Serves one client."""
        show = self._audience.next_client()
        return Client(self._context, descriptor, clock, self._id_context, show).serve(self._answer)

    def _answer(self, client: Client) -> Waits:
        client.show(events.HandshakeCompleted(client.connection.summary()))
        reverser = www.Reverser(ignore_close=self._ignore_close)
        data = answers = b"-"
        while (data or answers) and not reverser.closed:
            data = yield from client.read()
            answers = reverser.feed(data) if data else reverser.end()
            if answers:
                yield from client.write(answers)
        client.show(events.PeerClosed() if not data else events.ConnectionDropped())
