"""s_client: connects to a TLS server, reports what was negotiated, and passes data both ways.

The story, top-down: the options become settings and a destination; the destination becomes a connection; a pump runs
it until one side ends it; how it ended becomes the exit code.
"""

from __future__ import annotations

import sys

from tlsdeck import events
from tlsdeck.commands import client_settings
from tlsdeck.commands.client_output import NewestSession, client_printers
from tlsdeck.commands.common import broadcast, datagrams, exporter_of, prepare_library
from tlsdeck.commands.destination import expected_peer, parse_destination
from tlsdeck.commands.letters import CLIENT_LETTERS
from tlsdeck.commands.outcome import (
    WELL,
    Outcome,
    connect_outcome,
    conversation_outcome,
    handshake_outcome,
    preamble_outcome,
)
from tlsdeck.commands.program import FAILED, OK, heed_termination, interrupted_code, run
from tlsdeck.commands.s_client_options import ClientOptions
from tlsdeck.errors import (
    CertificateError,
    EarlyDataError,
    NetworkError,
    OutputError,
    PeerError,
    TimeLimitError,
    TlsdeckError,
    UnknownIdentityError,
)
from tlsdeck.net import sockets
from tlsdeck.net.limits import Clock
from tlsdeck.net.pump import Input, Pump, closed_by_peer
from tlsdeck.output.stream import Stream
from tlsdeck.record import Record
from tlsdeck.tls import endpoint, transport
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.context import Context
from tlsdeck.tls.library import save_randomness
from tlsdeck.tls.session import load_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tlsdeck.commands.common import Printer
    from tlsdeck.commands.destination import Destination, Expected
    from tlsdeck.events import Event
    from tlsdeck.net.opening import Opening
    from tlsdeck.net.pump import Ending
    from tlsdeck.preamble import Dialogue
    from tlsdeck.tls.dane import Dane
    from tlsdeck.tls.endpoint import Address
    from tlsdeck.tls.transport import Transport

PROGRAM = "s_client"

_INPUT_SIZE = 8192  # bytes; half of it with -crlf, which may double them
_READ_SIZE = 16384  # bytes; a full record
_TLS13 = 0x0304


def main(argv: Sequence[str] | None = None) -> int:
    """Runs s_client with the words after its name; the exit code (s_client(1))."""
    return run(PROGRAM, ClientOptions, sys.argv[1:] if argv is None else argv, client)


def client(options: ClientOptions) -> int:
    """One run with these options.

    Raises:
        TlsdeckError: it could not be set up.
    """
    prepare_library(options)
    if options.verify is not None and not options.was_given("quiet", "brief", before="verify"):
        Stream(2).text(f"verify depth is {options.verify}\n")
    destination = parse_destination(options)
    expected = expected_peer(options, destination) if options.strict else None
    printers = client_printers(options)
    show = broadcast(printers)
    finished = events.Finished(FAILED, "setup")
    if options.json:
        heed_termination()
    try:
        outcome = _connect_repeatedly(_setup(options, destination, expected, printers))
        if options.writerand is not None:
            save_randomness(options.writerand)
        finished = events.Finished(outcome.exit_code(strict=options.strict), outcome.reason)
    except KeyboardInterrupt as interrupt:
        finished = events.Finished(interrupted_code(interrupt), "interrupted")
        raise
    except TlsdeckError as error:
        show(events.SetupFailed(error.message, error.stack))
        raise
    finally:
        show(finished)
    return finished.code


class Setup(Record):
    """What every connection of a run is made of."""

    options: ClientOptions
    context: Context
    destination: Destination
    dialogues: Sequence[Dialogue]
    expected: Expected | None
    dane: Dane | None
    newest: NewestSession
    show: Callable[[Event], None]
    clock: Clock
    nameless: Context | None  # -srp_lateuser: for a first connection that keeps the user's name back


def _setup(
    options: ClientOptions, destination: Destination, expected: Expected | None, printers: list[Printer]
) -> Setup:
    settings = client_settings.context_settings(options, expected)
    dialogues = client_settings.dialogues(options, destination)
    newest = NewestSession(None if options.sess_in is None else load_session(options.sess_in))
    show = broadcast([newest, *printers])
    context = Context(settings, show)
    dane = client_settings.dane(options, context, destination.server_name, show)
    clock = Clock(client_settings.limits(options))
    nameless = client_settings.nameless(options, settings)
    return Setup(options, context, destination, dialogues, expected, dane, newest, show, clock, nameless)


# --- before TLS ------------------------------------------------------------------------------------------------


def _prepare(setup: Setup, connection: Connection, descriptor: int) -> Outcome | None:
    """Has the dialogues; the outcome, after showing it, when there will be no TLS."""
    from tlsdeck.net import dialogue
    from tlsdeck.preamble import Preamble, VerbatimError

    preamble = Preamble(*setup.dialogues)
    outcome = None
    try:
        dialogue.run(preamble, descriptor, setup.show, setup.clock)
    except (PeerError, NetworkError) as error:
        problem = error.message if isinstance(error, VerbatimError) else f"{PROGRAM}: {error.message}"
        setup.show(events.PreambleFailed(preamble.dialogue.protocol, problem))
        outcome = preamble_outcome(error)
    connection.transport.read_before = preamble.received
    connection.transport.written_before = preamble.sent
    if outcome:
        setup.show(events.ReportRequested(connection.summary()))
    return outcome


# --- connections -----------------------------------------------------------------------------------------------

_RECONNECTIONS = 5
_TICKET_PATIENCE = 1.0  # seconds that -reconnect waits for a ticket of TLS 1.3


def _connect_repeatedly(setup: Setup) -> Outcome:
    """The connections of -reconnect, as many as go well, and the one that is kept."""
    for _ in range(_RECONNECTIONS if setup.options.reconnect else 0):
        outcome = connect(setup, visit=True)
        if outcome is not WELL:
            return outcome
    return connect(setup)


def connect(setup: Setup, *, visit: bool = False) -> Outcome:
    """One connection from its making to its end. A `visit` leaves as soon as there is a session to resume."""
    place = setup.destination.place
    setup.show(events.ConnectStarted(place.host, place.service))
    setup.clock.enter("connect")
    try:
        descriptor, address = sockets.dial(place, setup.destination.local, setup.clock)
    except NetworkError as error:
        setup.show(events.ConnectFailed(_told(error) or error.message, error.stack, error.errno))
        return connect_outcome(error)
    setup.clock.enter("handshake")
    try:
        setup.show(events.Connected(descriptor, endpoint.local_address(descriptor), str(address)))
        carrier = _transport(setup.options, descriptor, address)
        outcome = _talk(setup, descriptor, carrier, visit=visit)
    except OutputError:
        # Whoever read our output has gone; that is how a pipeline ends, not a failure.
        return WELL
    if outcome is _NAME_WANTED:
        return connect(setup.replace(nameless=None), visit=visit)
    return outcome


# A ClientHello without a user's name was answered by asking for it (RFC 5054 section 2.5.1.2).
_NAME_WANTED = Outcome("handshake")


def _told(error: TlsdeckError) -> str:
    """What we say of an error that is ours to explain; the others speak through libssl's lines or errno."""
    if isinstance(error, EarlyDataError):
        return error.message
    ours = isinstance(error, TimeLimitError | CertificateError)
    return f"{PROGRAM}: {error.message}" if ours and error.message else ""


def _transport(options: ClientOptions, descriptor: int, address: Address) -> Transport:
    if options.sctp:
        return transport.sctp(descriptor)
    if datagrams(options):
        return transport.datagram(descriptor, address, discover_mtu=options.mtu is None)
    return transport.descriptor(descriptor, halting=options.nbio_test)


def _talk(setup: Setup, descriptor: int, carrier: Transport, *, visit: bool) -> Outcome:
    connection = Connection(
        setup.nameless or setup.context,
        carrier,
        server_name=setup.destination.server_name,
        session=setup.newest.session(),
        post_handshake_auth=setup.options.enable_pha,
        dane=setup.dane,
    )
    try:
        return converse(setup, connection, descriptor, visit=visit)
    finally:
        connection.close()


def converse(setup: Setup, connection: Connection, descriptor: int, *, visit: bool = False) -> Outcome:
    """Runs a fresh connection to its end, the dialogues before TLS included."""
    options, show = setup.options, setup.show
    if options.nbio:
        show(events.NonBlockingSet())
    pump = _pump(setup, connection, descriptor, visit=visit)
    outcome = _check_mtu(setup, connection)
    if outcome is None and setup.dialogues:
        outcome = _prepare(setup, connection, descriptor)
    if outcome is None:
        ending = pump.run()
        if ending.reason == "done":
            ending = _await_ticket(setup, pump) or ending
        if setup.nameless and isinstance(ending.error, UnknownIdentityError):
            show(events.SrpUserWanted())
            sockets.hang_up(descriptor, connection.discard)
            return _NAME_WANTED
        outcome = finish(ending, connection, show)
    connection.shutdown()
    pump.flush()
    sockets.hang_up(descriptor, connection.discard, 0 if outcome.reason == "time-limit" else sockets.LINGER)
    pump.flush()
    if options.prexit:
        show(events.ReportRequested(connection.summary(exporter_of(options))))
    return outcome


def _check_mtu(setup: Setup, connection: Connection) -> Outcome | None:
    """The outcome, after showing it, when DTLS cannot work with -mtu."""
    if not connection.mtu_refused:
        return None
    setup.show(events.MtuRefused(connection.least_mtu))
    setup.show(events.ReportRequested(connection.summary()))
    return Outcome("setup")


def _pump(setup: Setup, connection: Connection, descriptor: int, *, visit: bool) -> Pump:
    options = setup.options
    crlf = options.crlf
    vet = (lambda: _vet(connection, setup.expected)) if options.strict else None
    source = Input(0, _INPUT_SIZE // 2 if crlf else _INPUT_SIZE, crlf=crlf, stay=options.ign_eof, early=False)
    return Pump(
        connection,
        descriptor,
        source,
        {} if options.nocommands or options.ign_eof else CLIENT_LETTERS,
        setup.show,
        read_size=_READ_SIZE,
        verbose=options.nbio or options.nbio_test,
        exporter=exporter_of(options),
        clock=setup.clock,
        vet=vet,
        visit=visit,
        opening=_opening(options, connection, vet),
    )


def _opening(
    options: ClientOptions, connection: Connection, vet: Callable[[], None] | None
) -> Opening | None:
    """What comes before the handshake: -early_data, if there is a session that allows it."""
    if options.early_data is None or not connection.early_data_limit:
        return None
    from tlsdeck.net.opening import send_early_data

    return send_early_data(connection, options.early_data, vet)


def _await_ticket(setup: Setup, pump: Pump) -> Ending | None:
    """A session of TLS 1.3 comes after the handshake. A server may have none to give: then it goes on without."""
    if pump.connection.version < _TLS13:
        return None
    before = setup.newest.count
    return pump.receive_until(lambda: setup.newest.count > before, _TICKET_PATIENCE)


def _vet(connection: Connection, expected: Expected | None) -> None:
    """With -strict: checks what a handshake that resumes a session takes from there.

    Raises:
        CertificateError: the session is not good for this server.
    """
    if connection.verify_code:
        raise CertificateError("the session resumed is of a server whose certificate failed")
    if expected and not connection.peer_is(expected.host, expected.address):
        name = expected.host or expected.address
        raise CertificateError(f"the session resumed is of a server whose certificate is not for {name}")


def finish(ending: Ending, connection: Connection, show: Callable[[Event], None]) -> Outcome:
    """Shows how a connection ended; the outcome.

    Raises:
        OutputError: it ended because nobody reads what we print.
    """
    error = ending.error
    if error is None:
        show(_ENDINGS[ending.reason])
        return WELL
    if isinstance(error, OutputError):
        raise error
    if ending.reason != "handshake":
        show(events.ConnectionFailed(ending.operation, error.stack, error.errno, _told(error)))
        return conversation_outcome(ending)
    if closed_by_peer(connection, error):
        show(events.PeerClosed())
        show(events.ReportRequested(connection.summary()))
        return handshake_outcome(error, connection).replace(code=OK)
    show(events.HandshakeFailed(connection.summary(), error.stack, error.errno, None, _told(error)))
    return handshake_outcome(error, connection)


_ENDINGS: dict[str, Event] = {
    "peer": events.PeerClosed(),
    "input": events.InputEnded(),
    "quit": events.InputEnded(),
    "done": events.ReconnectStarted(),
}
