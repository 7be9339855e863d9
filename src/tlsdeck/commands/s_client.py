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
    debug_printers,
    exporter_of,
    load_identity,
    load_private_key,
    prepare_library,
    shared_settings,
)
from tlsdeck.commands.letters import CLIENT_LETTERS
from tlsdeck.commands.passwords import read_password
from tlsdeck.commands.program import FAILED, OK, error_text, run
from tlsdeck.commands.s_client_options import ClientOptions
from tlsdeck.errors import NetworkError, OutputError, PeerError, UsageError
from tlsdeck.net import sockets
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
    from tlsdeck.events import Event
    from tlsdeck.net.pump import Ending
    from tlsdeck.preamble import Dialogue
    from tlsdeck.tls.credentials import Identity
    from tlsdeck.tls.endpoint import Address
    from tlsdeck.tls.settings import Settings

PROGRAM = "s_client"

_DEFAULT_HOST = "localhost"
_DEFAULT_SERVICE = "4433"
_INPUT_SIZE = 8192  # bytes; half of it with -crlf, which may double them
_READ_SIZE = 16384  # bytes; a full record


def main(argv: Sequence[str] | None = None) -> int:
    """Runs s_client with the words after its name; the exit code (s_client(1))."""
    return run(PROGRAM, ClientOptions, sys.argv[1:] if argv is None else argv, client)


def client(options: ClientOptions) -> int:
    """One run with these options.

    Raises:
        TlsdeckError: it could not be set up, or there was nothing to connect to.
    """
    prepare_library(options)
    if options.verify is not None and not options.was_given("quiet", "brief", before="verify"):
        Stream(2).text(f"verify depth is {options.verify}\n")
    destination = parse_destination(options)
    settings = client_settings(options)
    dialogues = _dialogues(options, destination)
    show = broadcast(client_printers(options))
    context = Context(settings)
    session = None if options.sess_in is None else load_session(options.sess_in)
    code = FAILED
    dialled = _dial(destination)
    if dialled is not None:
        descriptor, address = dialled
        show(events.Connected(descriptor, endpoint.local_address(descriptor), str(address)))
        connection = Connection(
            context,
            transport.descriptor(descriptor),
            server_name=destination.server_name,
            session=session,
            post_handshake_auth=options.enable_pha,
        )
        code = converse(options, connection, descriptor, show, dialogues)
    if options.writerand is not None:
        save_randomness(options.writerand)
    return code


# --- where to --------------------------------------------------------------------------------------------------


class Destination(Record):
    """Where to connect to, where from, the name to ask for by SNI, and who is at the other end.

    Through a proxy `place` is the proxy's, while `host` and `service` are still the server's.
    """

    place: sockets.Place
    local: sockets.Place | None
    server_name: str | None
    host: str
    service: str


def parse_destination(options: ClientOptions) -> Destination:
    """The destination of -connect, -host, -port, -unix, -proxy, -bind, -4, -6 and the SNI options.

    Raises:
        UsageError: malformed.
    """
    host, service = options.host, None if options.port is None else str(options.port)
    if options.connect is not None:
        # What -connect leaves out is not taken from -host and -port: it has its own defaults.
        host, service = endpoint.parse_host_port(
            options.connect, f"{PROGRAM}: -connect argument or target parameter malformed or ambiguous"
        )
    if options.unix is not None:
        host = options.unix
        place = sockets.Place(host, None, endpoint.UNIX)
    else:
        place = sockets.Place(host or _DEFAULT_HOST, service or _DEFAULT_SERVICE, _family(options))
    if options.proxy is not None:
        place = _proxy(options, options.proxy, host)
    return Destination(
        place, _local(options, place.family), _server_name(options, host),
        host or _DEFAULT_HOST, service or _DEFAULT_SERVICE,
    )  # fmt: skip


def _proxy(options: ClientOptions, proxy: str, host: str | None) -> sockets.Place:
    """Where the proxy is. It has to be told a host: there is none in `:443`, and a UNIX path is none."""
    if not host or options.unix is not None:
        raise UsageError(f"{PROGRAM}: -proxy requires use of -connect or target parameter")
    proxy_host, service = endpoint.parse_host_port(
        proxy, f"{PROGRAM}: -proxy argument malformed or ambiguous"
    )
    return sockets.Place(proxy_host or _DEFAULT_HOST, service or _DEFAULT_SERVICE, _family(options))


def _family(options: ClientOptions) -> int:
    if options.ipv4:
        return endpoint.IPV4
    return endpoint.IPV6 if options.ipv6 else endpoint.ANY


def _local(options: ClientOptions, family: int) -> sockets.Place | None:
    if options.bind is None:
        return None
    host, service = endpoint.parse_host_port(
        options.bind, f"{PROGRAM}: -bind argument parameter malformed or ambiguous"
    )
    return sockets.Place(host, service, family)


def _server_name(options: ClientOptions, host: str | None) -> str | None:
    if options.noservername:
        return None
    if options.servername is not None:
        return options.servername
    if not host:
        return _DEFAULT_HOST
    # A host that a proxy is to look up is a name in any case.
    return host if options.proxy is not None or is_dns_name(host) else None


_LONGEST_LABEL = 63  # octets (RFC 1035 section 2.3.4)


def is_dns_name(host: str) -> bool:
    """Whether a host is a DNS name that may be sent by SNI: labels with a dot between, not all digits."""
    labels = host.removesuffix(".").split(".")
    return len(labels) > 1 and all(map(_is_label, labels)) and not host.replace(".", "").isdecimal()


def _is_label(label: str) -> bool:
    inner = label.replace("_", "").replace("-", "")
    if not 0 < len(label) <= _LONGEST_LABEL or label.startswith("-") or label.endswith("-"):
        return False
    return label.isascii() and (inner.isalnum() or not inner)


def _dial(destination: Destination) -> tuple[int, Address] | None:
    """A connected descriptor and the address at its other end; None after saying why there is none."""
    try:
        return sockets.dial(destination.place, destination.local)
    except NetworkError as error:
        Stream(2).text(f"{error_text(PROGRAM, error)}connect:errno={error.errno}\n")
        return None


# --- settings --------------------------------------------------------------------------------------------------

_KEY_NAME = "client certificate private key"


def client_settings(options: ClientOptions) -> Settings:
    """The settings of a context for these options.

    Raises:
        ConfigurationError: a file or value cannot be used.
    """
    settings = shared_settings(options, server=False)
    return settings.replace(
        fallback_scsv=options.fallback_scsv,
        max_fragment_length=options.maxfraglen,
        ca_names_file=options.requestCAfile,
        verify_peer=options.verify is not None or options.verify_return_error,
        verify_tolerance=-1 if options.verify is None else options.verify,
        identities=_identities(options),
        build_chain=options.build_chain,
        acknowledge_name=not options.noservername,
        keep_sessions=True,
    )


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


# --- output ----------------------------------------------------------------------------------------------------


def client_printers(options: ClientOptions) -> list[Printer]:
    """One printer for each thing the options ask to see; only those are imported.

    Raises:
        ConfigurationError: -msgfile cannot be written.
    """
    from tlsdeck.output.data import Data
    from tlsdeck.output.diagnostics import ClientDiagnostics
    from tlsdeck.output.verification import Verification

    out, err = Stream(1, os.environ.get("HARNESS_OSSL_PREFIX", "")), Stream(2)
    printers: list[Printer] = debug_printers(options, out, err)
    printers += [Verification(err, quiet=options.verify_quiet), ClientDiagnostics(err, brief=options.brief)]
    if options.sess_out is not None:
        printers.append(SessionFile(options.sess_out, err))
    if options.brief:
        from tlsdeck.output.brief import ClientBrief

        printers.append(ClientBrief(err))
    if not options.quiet or options.debug:
        from tlsdeck.output.report import ClientReport

        printers.append(ClientReport(out, show_certificates=options.showcerts))
    if options.starttls is not None:
        from tlsdeck.output.diagnostics import PreambleReply

        printers.append(PreambleReply(err))
    printers.append(Data(Stream(1)))
    return printers


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


def _prepare(
    dialogues: Sequence[Dialogue], connection: Connection, descriptor: int, show: Callable[[Event], None]
) -> bool:
    """Has the dialogues; False after showing why there will be no TLS."""
    from tlsdeck.net import dialogue
    from tlsdeck.preamble import Preamble, VerbatimError

    preamble = Preamble(*dialogues)
    problem = None
    try:
        dialogue.run(preamble, descriptor, show)
    except (PeerError, NetworkError) as error:
        problem = error.message if isinstance(error, VerbatimError) else f"{PROGRAM}: {error.message}"
    connection.transport.read_before = preamble.received
    connection.transport.written_before = preamble.sent
    if problem is None:
        return True
    show(events.PreambleFailed(preamble.dialogue.protocol, problem))
    show(events.ReportRequested(connection.summary()))
    return False


# --- the conversation ------------------------------------------------------------------------------------------


def converse(
    options: ClientOptions,
    connection: Connection,
    descriptor: int,
    show: Callable[[Event], None],
    dialogues: Sequence[Dialogue] = (),
) -> int:
    """Runs a fresh connection to its end, the dialogues before TLS included; the exit code."""
    crlf = options.crlf
    source = Input(0, _INPUT_SIZE // 2 if crlf else _INPUT_SIZE, crlf=crlf, stay=options.ign_eof, early=False)
    letters = {} if options.nocommands or options.ign_eof else CLIENT_LETTERS
    exporter = exporter_of(options)
    try:
        if options.nbio:
            show(events.NonBlockingSet())
        pump = Pump(
            connection, descriptor, source, letters, show,
            read_size=_READ_SIZE, verbose=options.nbio, exporter=exporter,
        )  # fmt: skip
        code = FAILED
        if not dialogues or _prepare(dialogues, connection, descriptor, show):
            code = finish(pump.run(), connection, show)
        connection.shutdown()
        sockets.hang_up(descriptor, connection.discard)
        pump.flush()
        if options.prexit:
            show(events.ReportRequested(connection.summary(exporter)))
    except OutputError:
        # Whoever read our output has gone; that is how a pipeline ends, not a failure.
        code = OK
    finally:
        connection.close()
    return code


def finish(ending: Ending, connection: Connection, show: Callable[[Event], None]) -> int:
    """Shows how a connection ended; the exit code."""
    if ending.error is None:
        show(events.PeerClosed() if ending.reason == "peer" else events.InputEnded())
        return OK
    if isinstance(ending.error, OutputError):
        raise ending.error
    errno = ending.error.errno
    if ending.reason == "handshake":
        if closed_by_peer(connection, ending.error):
            show(events.PeerClosed())
            show(events.ReportRequested(connection.summary()))
            return OK
        show(events.HandshakeFailed(connection.summary(), ending.error.stack, errno, None))
        return FAILED
    show(events.ConnectionFailed(ending.operation, ending.error.stack, errno))
    # The system's error number of a failed read is the exit code; scripts know 104 for a reset.
    return errno if errno and ending.operation == "read" else FAILED
