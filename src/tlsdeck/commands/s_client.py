"""s_client: connects to a TLS server, reports what was negotiated, and passes data both ways.

The story, top-down: the options become settings and a destination; the destination becomes a connection; a pump runs
it until one side ends it; how it ended becomes the exit code.
"""

from __future__ import annotations

import os
import sys

from tlsdeck import events
from tlsdeck.commands.common import (
    IdentityFiles,
    broadcast,
    datagrams,
    debug_printers,
    exporter_of,
    json_printer,
    load_candidates,
    load_identity,
    load_private_key,
    prepare_library,
    shared_settings,
    use_engine,
)
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
from tlsdeck.commands.passwords import read_password
from tlsdeck.commands.program import FAILED, INTERRUPTED, OK, run
from tlsdeck.commands.s_client_options import ClientOptions
from tlsdeck.errors import (
    CertificateError,
    EarlyDataError,
    NetworkError,
    OutputError,
    PeerError,
    SettingError,
    TimeLimitError,
    TlsdeckError,
    UsageError,
)
from tlsdeck.net import sockets
from tlsdeck.net.limits import Clock, Limits
from tlsdeck.net.pump import Input, Pump, closed_by_peer
from tlsdeck.output.stream import Stream
from tlsdeck.record import Record
from tlsdeck.tls import endpoint, transport
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.context import Context
from tlsdeck.tls.library import save_randomness
from tlsdeck.tls.session import load_session, parse_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tlsdeck.commands.common import Printer
    from tlsdeck.commands.destination import Destination, Expected
    from tlsdeck.events import Event
    from tlsdeck.net.opening import Opening
    from tlsdeck.net.pump import Ending
    from tlsdeck.preamble import Dialogue
    from tlsdeck.tls.credentials import Identity
    from tlsdeck.tls.dane import Dane
    from tlsdeck.tls.endpoint import Address
    from tlsdeck.tls.engines import Engine
    from tlsdeck.tls.session import Session
    from tlsdeck.tls.settings import Settings
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
    try:
        outcome = _connect_repeatedly(_setup(options, destination, expected, printers))
        if options.writerand is not None:
            save_randomness(options.writerand)
        finished = events.Finished(outcome.exit_code(strict=options.strict), outcome.reason)
    except KeyboardInterrupt:
        finished = events.Finished(INTERRUPTED, "interrupted")
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
    settings = client_settings(options, expected)
    dialogues = _dialogues(options, destination)
    newest = NewestSession(None if options.sess_in is None else load_session(options.sess_in))
    show = broadcast([newest, *printers])
    context = Context(settings, show)
    dane = _dane(options, context, destination.server_name, show)
    clock = Clock(_limits(options))
    nameless = _nameless(options, settings)
    return Setup(options, context, destination, dialogues, expected, dane, newest, show, clock, nameless)


def _limits(options: ClientOptions) -> Limits:
    return Limits(
        options.connect_timeout, options.handshake_timeout, options.idle_timeout, options.total_timeout
    )


# --- settings --------------------------------------------------------------------------------------------------

_KEY_NAME = "client certificate private key"


def client_settings(options: ClientOptions, expected: Expected | None = None) -> Settings:
    """The settings of a context for these options; `expected` is checked beside what they name themselves.

    Raises:
        ConfigurationError: a file or value cannot be used.
    """
    settings = shared_settings(options, server=False, checks=expected.checks if expected else ())
    engine = _client_engine(options)
    settings = settings.replace(
        fallback_scsv=options.fallback_scsv,
        max_fragment_length=options.maxfraglen,
        ca_names_file=options.requestCAfile,
        verify_peer=options.verify is not None or options.verify_return_error,
        verify_tolerance=-1 if options.verify is None else options.verify,
        identities=_identities(options),
        client_engine=engine,
        build_chain=options.build_chain,
        candidates=load_candidates(options, PROGRAM),
        extensions=_extensions(options),
        transparency=options.ct,
        log_list=options.ctlogfile,
        dane=options.dane_tlsa_domain is not None,
        acknowledge_name=not options.noservername,
        keep_sessions=True,
        watch=settings.watch.replace(details=options.json),
        request_staple=options.status,
        crl_limit=_crl_limit(options, settings.crl_limit),
    )
    if not _has_shared_secret(options):
        return settings
    from tlsdeck.commands import shared_secrets

    return shared_secrets.with_client_secrets(settings, options)


def _has_shared_secret(options: ClientOptions) -> bool:
    return options.was_given("psk", "psk_session", "srpuser", "srp_strength")


def _client_engine(options: ClientOptions) -> Engine | None:
    if options.ssl_client_engine is None:
        return None
    engine = use_engine(options.ssl_client_engine)
    if engine is None:
        raise UsageError("Error getting client auth engine")
    return engine


def _crl_limit(options: ClientOptions, limit: int | None) -> int | None:
    """The time for fetching a CRL: not more than the handshake has. libcrypto counts whole seconds."""
    if limit is None:
        return None
    limits = [int(each) for each in (options.handshake_timeout, options.total_timeout) if each is not None]
    return max(1, min([limit, *limits]))


def _nameless(options: ClientOptions, settings: Settings) -> Context | None:
    password = settings.srp_password
    if password is None or not options.srp_lateuser:
        return None
    return Context(settings.replace(srp_password=password.replace(user=None)))


def _identities(options: ClientOptions) -> tuple[Identity, ...]:
    password = None
    if options.password is not None:
        password = read_password(options.password, "Error getting private key password")
    if options.cert is None:
        # A key alone is of no use, but one that cannot be read is an error all the same.
        if options.key is not None:
            load_private_key(options.key, options.keyform, password, _KEY_NAME)
        return ()
    files = IdentityFiles(
        options.cert, options.key, options.cert_chain, options.keyform,
        _KEY_NAME, "client certificate", "client certificate chain",
    )  # fmt: skip
    return (load_identity(files, password),)


_MOST_EXTENSIONS = 100


def _extensions(options: ClientOptions) -> tuple[int, ...]:
    """The types of -serverinfo, read in the manner of C: what is no number is 0, and sixteen bits are left of it."""
    words = [word for value in options.serverinfo for word in value.split(",")]
    return tuple([_leading_number(word) & 0xFFFF for word in words[:_MOST_EXTENSIONS]])


def _leading_number(word: str) -> int:
    """As atoi(3)."""
    text = word.lstrip(" \t\n\v\f\r")
    end = 1 if text[:1] in ("+", "-") else 0
    while text[end : end + 1] in _DIGITS:
        end += 1
    try:
        return int(text[:end])
    except ValueError:
        return 0


_DIGITS = tuple("0123456789")


def _dane(
    options: ClientOptions, context: Context, server_name: str | None, show: Callable[[Event], None]
) -> Dane | None:
    """What -dane_tlsa_domain and -dane_tlsa_rrdata say about the server.

    Raises:
        SettingError: they do not go together, or are of no use.
    """
    domain, records = options.dane_tlsa_domain, options.dane_tlsa_rrdata
    if domain is None:
        if records:
            raise SettingError("DANE TLSA authentication requires the -dane_tlsa_domain option.")
        return None
    from tlsdeck.tls import dane

    name_checks = not options.dane_ee_no_namechecks
    return dane.load(context, domain, records, show, server_name=server_name, ee_name_checks=name_checks)


# --- output ----------------------------------------------------------------------------------------------------


def client_printers(options: ClientOptions) -> list[Printer]:
    """One printer for each thing the options ask to see; only those are imported.

    Raises:
        ConfigurationError: -msgfile cannot be written.
    """
    from tlsdeck.output.data import Data
    from tlsdeck.output.diagnostics import ClientDiagnostics
    from tlsdeck.output.verification import Candidates, Verification

    out, err = Stream(1, os.environ.get("HARNESS_OSSL_PREFIX", "")), Stream(2)
    printers: list[Printer] = [json_printer(options, PROGRAM, Stream(1))] if options.json else []
    printers += debug_printers(options, None if options.json else out, err)
    printers += [Verification(err, quiet=options.verify_quiet), ClientDiagnostics(err, brief=options.brief)]
    if options.xcert:
        printers.append(Candidates(err))
    if options.sess_out is not None:
        printers.append(SessionFile(options.sess_out, err))
    if options.brief:
        from tlsdeck.output.brief import ClientBrief

        printers.append(ClientBrief(err))
    if not options.json and (not options.quiet or options.debug):
        from tlsdeck.output.report import ClientReport

        printers.append(ClientReport(out, show_certificates=options.showcerts, quiet=options.quiet))
    if _has_shared_secret(options):
        from tlsdeck.commands import shared_secrets

        printers += shared_secrets.client_printers(options, out, err)
    if options.starttls is not None:
        from tlsdeck.output.diagnostics import PreambleReply

        printers.append(PreambleReply(err))
    if not options.json:
        printers.append(Data(Stream(1)))
    return printers


class NewestSession:
    """The session that the next connection is to resume: the one given, then whatever the server hands out."""

    def __init__(self, first: Session | None) -> None:
        self.count = 0  # sessions received
        self._session = first

    def show(self, event: Event) -> None:
        """Keeps the session of a TicketReceived."""
        if isinstance(event, events.TicketReceived):
            self.count += 1
            self._session = parse_session(event.session.pem)

    def session(self) -> Session | None:
        """The newest session, None without any."""
        return self._session


class SessionFile:
    """-sess_out: keeps the newest session in a file."""

    def __init__(self, path: str, err: Stream) -> None:
        self._path = path
        self._err = err

    def show(self, event: Event) -> None:
        """Writes the session of a TicketReceived; failing to is said but ends nothing."""
        if not isinstance(event, events.TicketReceived):
            return
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                Stream(descriptor).text(event.session.pem)
            finally:
                os.close(descriptor)
        except (OSError, OutputError):
            self._err.text(f"Error writing session file {self._path}\n")


# --- before TLS ------------------------------------------------------------------------------------------------


def _dialogues(options: ClientOptions, destination: Destination) -> list[Dialogue]:
    """What is to be said in plain text first: to a proxy, then to the server.

    Raises:
        ConfigurationError: the proxy's password cannot be read.
    """
    if options.proxy is None and options.starttls is None:
        return []
    from tlsdeck.preamble import Names, connect_proxy, starttls

    dialogues = []
    if options.proxy is not None:
        password = None
        if options.proxy_pass is not None:
            password = read_password(options.proxy_pass, "Error getting proxy password")
        dialogues.append(connect_proxy(destination.host, destination.service, options.proxy_user, password))
    if options.starttls is not None:
        dialogues.append(starttls(options.starttls, Names(_name(options), destination.host)))
    return dialogues


def _name(options: ClientOptions) -> str | None:
    """The last one of -name and -xmpphost, which mean the same."""
    names = [given.value for given in options.given if given.row.name in ("name", "xmpphost")]
    return names[-1] if names else None


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


_NAME_WANTED = Outcome("handshake")
_UNKNOWN_PSK_IDENTITY = 115  # alert (RFC 4279 section 2)


def _is_name_wanted(ending: Ending) -> bool:
    """Whether a ClientHello without a user's name was answered by asking for it (RFC 5054 section 2.5.1.2)."""
    stack = ending.error.stack if ending.error else ()
    return any(f"SSL alert number {_UNKNOWN_PSK_IDENTITY}" in line for line in stack)


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
        if setup.nameless and _is_name_wanted(ending):
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
