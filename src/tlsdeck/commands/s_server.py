"""s_server: accepts TLS connections, reports what was negotiated, and talks to the terminal or answers by itself.

The story, top-down: the options become contexts and a listener. By default one client after the other is connected
with the terminal; with -www, -WWW, -HTTP and -rev every client is answered at once.
"""

from __future__ import annotations

import os
import sys
from itertools import islice

from tlsdeck import events
from tlsdeck.commands.common import (
    Audience,
    IdentityFiles,
    datagrams,
    debug_printers,
    exporter_of,
    json_printer,
    load_candidates,
    load_identity,
    prepare_library,
    shared_settings,
    socket_kind,
)
from tlsdeck.commands.letters import SERVER_LETTERS
from tlsdeck.commands.passwords import read_password
from tlsdeck.commands.program import OK, TRACEBACK, error_text, heed_termination, run
from tlsdeck.commands.s_server_options import ServerOptions
from tlsdeck.errors import (
    ConfigurationError,
    EarlyDataError,
    LibraryError,
    OutputError,
    TimeLimitError,
    TlsdeckError,
)
from tlsdeck.net import sockets
from tlsdeck.net.limits import Clock, Limits
from tlsdeck.net.pump import Ending, Input, Pump
from tlsdeck.output.stream import Stream
from tlsdeck.tls import endpoint, transport
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.context import Context
from tlsdeck.tls.credentials import load_dh_parameters
from tlsdeck.tls.library import save_randomness
from tlsdeck.tls.settings import ServerNameRule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from tlsdeck.commands.common import Printer
    from tlsdeck.events import Event
    from tlsdeck.net.crowd import Crowd
    from tlsdeck.net.opening import Opening
    from tlsdeck.tls.credentials import Identity, PrivateKey
    from tlsdeck.tls.session_cache import SessionCache
    from tlsdeck.tls.settings import Settings
    from tlsdeck.tls.stapling import Stapling
    from tlsdeck.tls.transport import Transport

PROGRAM = "s_server"

_DEFAULT_SERVICE = "4433"
_INPUT_SIZE = 16384  # bytes; half of it with -crlf, which may double them
_TLS13 = 0x0304
_READ_SIZE = 16384  # bytes; a full record
_LONGEST_ID_PREFIX = 32  # bytes; a session id has no room for more


def main(argv: Sequence[str] | None = None) -> int:
    """Runs s_server with the words after its name; the exit code (s_server(1))."""
    words = sys.argv[1:] if argv is None else argv
    return run(PROGRAM, ServerOptions, words, lambda options: server(options, words))


def server(options: ServerOptions, argv: Sequence[str]) -> int:
    """One run with these options; `argv` is shown on the status page.

    Raises:
        TlsdeckError: it could not be set up.
    """
    prepare_library(options)
    audience = make_audience(options)
    show = audience.show
    _announce(options)
    place = parse_place(options)
    try:
        context = make_context(options, show)
        listener = sockets.Listener(place, unlink=options.unlink)
    except TlsdeckError as error:
        show(events.SetupFailed(error.message, error.stack))
        raise
    if options.json:
        heed_termination()
    try:
        # Who reads that we listen may connect, or end us: all that takes time is done before.
        crowd = make_crowd(options, argv, context, listener, audience) if mode(options) else None
        show(events.Listening(listener.address, options.unix is not None or place.service in ("0", None)))
        if crowd is not None:
            crowd.run()
        else:
            serve_in_turn(options, context, listener, audience)
    except KeyboardInterrupt:
        if options.json:
            show(events.StatisticsTaken(context.statistics()))
        raise
    finally:
        listener.close()
    show(events.StatisticsTaken(context.statistics()))
    if options.writerand is not None:
        save_randomness(options.writerand)
    return OK


def _announce(options: ServerOptions) -> None:
    """The lines that stderr gets of some options at once."""
    lines = []
    if not options.was_given("quiet", "brief", before="verify") and options.verify is not None:
        lines.append(f"verify depth is {options.verify}")
    if not options.was_given("quiet", "brief", before="Verify") and options.Verify is not None:
        lines.append(f"verify depth is {options.Verify}, must return a certificate")
    if options.id_prefix is not None:
        if len(options.id_prefix.encode()) >= _LONGEST_ID_PREFIX:
            lines.append("warning: id_prefix is too long, only one new session will be possible")
        lines.append(f"id_prefix '{options.id_prefix}' set.")
    Stream(2).text("".join(f"{line}\n" for line in lines))


def mode(options: ServerOptions) -> str | None:
    """The option that makes the server answer by itself: www, WWW, HTTP or rev."""
    return next((name for name in ("www", "WWW", "HTTP", "rev") if getattr(options, name)), None)


# --- where -----------------------------------------------------------------------------------------------------


def parse_place(options: ServerOptions) -> sockets.Place:
    """Where to listen: -accept, -port, -unix, -4, -6.

    Raises:
        UsageError: malformed.
    """
    if options.unix is not None:
        return sockets.Place(options.unix, None, endpoint.UNIX)
    host, service = None, _DEFAULT_SERVICE if options.port is None else str(options.port)
    if options.accept is not None:
        host, given = endpoint.parse_host_port(
            options.accept, f"{PROGRAM}: -accept argument malformed or ambiguous", port_first=True
        )
        service = given or "0"
    family = endpoint.IPV4 if options.ipv4 else endpoint.IPV6 if options.ipv6 else endpoint.ANY
    return sockets.Place(host, service, family, *socket_kind(options))


# --- settings --------------------------------------------------------------------------------------------------


def make_context(options: ServerOptions, show: Callable[[Event], None]) -> Context:
    """The context of these options, and within it that of -servername.

    Raises:
        ConfigurationError: a file or value cannot be used.
    """
    settings = _settings(options)
    password, second_password = _passwords(options)
    candidates = load_candidates(options, PROGRAM)
    identities: tuple[Identity, ...] = ()
    named = None
    if not options.nocert:
        if _has_identity(options) or not candidates:
            identities = (_own_identity(options, password),)
        if options.servername is not None:
            named = load_identity(_named_files(options), password)
    if options.dcert is not None:
        identities += (load_identity(_second_files(options, options.dcert), second_password),)
    parameters = _dh_parameters(options)
    settings = settings.replace(identities=identities, candidates=candidates, dh_parameters=parameters)
    rule = None
    told: list[Event] = []
    if named is not None and options.servername is not None:
        second = Context(settings.replace(identities=(named,), **_FIRST_CONTEXT_ONLY), told.append)
        show(events.SecondContextSet())
        rule = ServerNameRule(options.servername, second, options.servername_fatal)
    context = Context(settings.replace(server_name=rule), show)
    for event in told:
        # What else there is to tell holds for both, and was told.
        if isinstance(event, events.SecurityChecked):
            show(event)
    return context


# What the original does not set up the context of -servername with, and what that has instead.
_FIRST_CONTEXT_ONLY: dict[str, Any] = {
    "min_version": 0,
    "max_version": 0,
    "server_info": None,
    "psk": None,
    "psk_hint": None,
    "srp_verifiers": None,
    "srtp_profiles": None,
    "next_protocols": (),
    "alpn": (),
    "keylog": None,
    "max_early_data": None,
    "recv_max_early_data": None,
}


def _first_files(options: ServerOptions) -> IdentityFiles:
    return IdentityFiles(
        options.cert, options.key, options.cert_chain, options.keyform,
        "server certificate private key", "server certificate", "server certificate chain",
    )  # fmt: skip


def _second_files(options: ServerOptions, certificate: str) -> IdentityFiles:
    return IdentityFiles(
        certificate, options.dkey, options.dcert_chain, options.dkeyform,
        "second certificate private key", "second server certificate", "second server certificate chain",
    )  # fmt: skip


def _named_files(options: ServerOptions) -> IdentityFiles:
    """The files of the identity for -servername."""
    return IdentityFiles(
        options.cert2, options.key2, None, options.keyform,
        "second server certificate private key", "second server certificate", "",
    )  # fmt: skip


def _passwords(options: ServerOptions) -> tuple[str | None, str | None]:
    first = second = None
    if options.password is not None:
        first = read_password(options.password, "Error getting password")
    if options.dpass is not None:
        same = options.dpass == options.password and options.dpass == "stdin"
        second = first if same else read_password(options.dpass, "Error getting password")
    return first, second


def _has_identity(options: ServerOptions) -> bool:
    """Whether -cert and -key name something to load, or something is where they are looked for by default."""
    return options.was_given("cert", "key") or os.path.exists(options.cert)


def _own_identity(options: ServerOptions, password: str | None) -> Identity:
    """The identity of -cert and -key, or a throw-away one when there is nothing to load."""
    if _has_identity(options):
        return load_identity(_first_files(options), password)
    from tlsdeck.commands import throwaway

    identity, fingerprint = throwaway.make_identity()
    names = ", ".join((*throwaway.names(), *throwaway.ADDRESSES))
    Stream(2).text(
        f"{PROGRAM}: no -cert and no {options.cert}: using a throw-away certificate for {names}; "
        f"SHA-256 fingerprint {fingerprint}\n"
    )
    return identity


def _dh_parameters(options: ServerOptions) -> PrivateKey | None:
    """Those of -dhparam, else those in the certificate's file, else None. Unusable ones are said, and done without."""
    if options.no_dhe:
        return None
    if options.dhparam is None:
        usable = not options.nocert and os.path.exists(options.cert)
        return load_dh_parameters(options.cert, quiet=True) if usable else None
    try:
        return load_dh_parameters(options.dhparam)
    except ConfigurationError as error:
        Stream(2).text(error_text(PROGRAM, error))
        return None


def _settings(options: ServerOptions) -> Settings:
    settings = shared_settings(options, server=True)
    tolerance = options.Verify if options.Verify is not None else options.verify
    settings = settings.replace(
        conf_commands=settings.conf_commands + _without_ecdhe(options),
        no_ca_names=options.no_ca_names,
        session_id_prefix=options.id_prefix,
        session_cache=not options.no_cache,
        external_cache=_external_cache(options),
        kernel_tls=options.sendfile,
        no_resume_ephemeral=options.no_resume_ephemeral,
        ca_names_file=options.CAfile,
        verify_peer=tolerance is not None,
        require_certificate=options.Verify is not None,
        verify_tolerance=-1 if tolerance is None else tolerance,
        dh=not options.no_dhe,
        build_chain=options.build_chain,
        server_info=options.serverinfo,
        stapling=_stapling(options),
        cookies=options.stateless or settings.cookies,
        min_version=_TLS13
        if options.stateless
        else settings.min_version,  # the first version that has cookies
        max_early_data=_max_early_data(options),
        recv_max_early_data=options.recv_max_early_data,
        watch=settings.watch.replace(
            details=options.json, hellos=options.www or options.WWW, offers=options.offer
        ),
    )
    if not _has_shared_secret(options):
        return settings
    from tlsdeck.commands import shared_secrets

    return shared_secrets.with_server_secrets(settings, options)


def _external_cache(options: ServerOptions) -> SessionCache | None:
    if not options.ext_cache:
        return None
    from tlsdeck.tls.session_cache import SessionCache

    return SessionCache()


def _has_shared_secret(options: ServerOptions) -> bool:
    return options.was_given("psk", "psk_hint", "psk_session", "srpvfile")


def _stapling(options: ServerOptions) -> Stapling | None:
    """What the options about OCSP come to, if stapling is switched on.

    Raises:
        ConfigurationError: -status_url is none.
    """
    if not options.status:
        return None
    from tlsdeck.tls.http import DEFAULT_LIMIT, Route, parse_url
    from tlsdeck.tls.stapling import Stapling

    if options.status_url is not None:
        try:
            parse_url(options.status_url)
        except LibraryError:
            raise ConfigurationError("Error parsing -status_url argument") from None
    limit = options.status_timeout or 0
    route = Route(options.proxy, options.no_proxy, limit if limit > 0 else DEFAULT_LIMIT)
    return Stapling(options.status_file, options.status_url, route)


def _max_early_data(options: ServerOptions) -> int | None:
    """Bytes: -early_data alone promises to take a full record."""
    return _READ_SIZE if options.early_data and options.max_early_data is None else options.max_early_data


def _without_ecdhe(options: ServerOptions) -> tuple[tuple[str, str], ...]:
    """-no_ecdhe, a word from before TLS 1.3: takes the ECDHE suites out of the cipher list."""
    if not options.no_ecdhe:
        return ()
    ciphers = next((value for name, value in reversed(options.conf_commands()) if name == "cipher"), None)
    return (("cipher", f"{ciphers or 'DEFAULT'}:!kECDHE:!kECDHEPSK"),)


# --- output ----------------------------------------------------------------------------------------------------


def make_audience(options: ServerOptions) -> Audience:
    """Whom to show events to.

    Raises:
        ConfigurationError: -msgfile cannot be written.
    """
    lines = json_printer(options, PROGRAM, Stream(1)) if options.json else None
    return Audience(server_printers(options), lines)


def server_printers(options: ServerOptions) -> list[Printer]:
    """One printer for each thing the options ask to see.

    Raises:
        ConfigurationError: -msgfile cannot be written.
    """
    from tlsdeck.output import brief, data, diagnostics, report, verification

    out, err = Stream(1, os.environ.get("HARNESS_OSSL_PREFIX", "")), Stream(2)
    chosen = mode(options)
    printers: list[Printer] = debug_printers(options, None if options.json else out, err)
    printers.append(verification.Verification(err, quiet=options.verify_quiet))
    if options.xcert:
        printers.append(verification.Candidates(err))
    if chosen == "rev":
        printers.append(brief.ReverseBrief(err, quiet=options.quiet))
    elif chosen is None:
        printers.append(diagnostics.ServerDiagnostics(err, quiet=options.quiet))
    elif not options.quiet:
        printers.append(diagnostics.RequestDiagnostics(err))
    printers.append(diagnostics.ListenerDiagnostics(err))
    if options.status:
        from tlsdeck.output.stapling import Stapling

        printers.append(Stapling(err, verbose=options.status_verbose))
    if options.brief and chosen is None:
        printers.append(brief.ServerBrief(err))
    if not options.json and (not options.quiet or options.debug):
        printers.append(report.ServerReport(out, quiet=options.quiet))
        kind = report.ServerConnectionReport if chosen is None else report.RequestReport
        printers.append(kind(out))
    if options.offer and not options.json:
        from tlsdeck.output.offer import OfferReport

        printers.append(OfferReport(out))
    if _has_shared_secret(options):
        from tlsdeck.commands import shared_secrets

        printers += shared_secrets.server_printers(options, err if options.json else out, err)
    if not options.json:
        printers.append(data.Data(Stream(1)))
    return printers


# --- many clients at once --------------------------------------------------------------------------------------


def make_crowd(
    options: ServerOptions,
    argv: Sequence[str],
    context: Context,
    listener: sockets.Listener,
    audience: Audience,
) -> Crowd:
    """What answers clients in one of the web modes or -rev until -naccept is reached."""
    from tlsdeck.commands.services import Reverse, Web
    from tlsdeck.net.crowd import Crowd

    chosen = mode(options) or ""
    id_context = _id_context(options)
    service: Web | Reverse
    if chosen == "rev":
        service = Reverse(context, id_context=id_context, ignore_close=options.ign_eof, audience=audience)
    else:
        words = [PROGRAM, *argv]
        binary = options.http_server_binmode
        service = Web(context, chosen, words, id_context=id_context, binary=binary, audience=audience)
    return Crowd(
        listener,
        service,
        limit=options.naccept,
        most=options.max_clients,
        limits=_limits(options),
        short=lambda error: audience.show(events.ShortageMet(error.strerror or str(error))),
        broken=lambda problem: _tell_of_error(problem, audience.show),
    )


def _limits(options: ServerOptions) -> Limits:
    """How long each client may take. Who is served without a person is not waited for without end."""
    handshake, idle = _DEFAULT_LIMITS.get(mode(options), (None, None))
    return Limits(handshake=options.handshake_timeout or handshake, idle=options.idle_timeout or idle)


_WEB_LIMITS = (60.0, 300.0)  # seconds for a handshake, and without progress after it
_DEFAULT_LIMITS: dict[str | None, tuple[float, float | None]] = {
    "www": _WEB_LIMITS,
    "WWW": _WEB_LIMITS,
    "HTTP": _WEB_LIMITS,
    "rev": (60.0, None),
}


def _tell_of_error(problem: Exception, show: Callable[[Event], None]) -> None:
    """An error in our own code ended the service of one client."""
    if os.environ.get(TRACEBACK):
        raise problem
    show(events.ServiceBroken(f"{type(problem).__name__}: {problem}"))


def _id_context(options: ServerOptions) -> bytes | None:
    return None if options.context is None else options.context.encode("utf-8", "surrogateescape")


# --- one client after the other --------------------------------------------------------------------------------


def serve_in_turn(
    options: ServerOptions, context: Context, listener: sockets.Listener, audience: Audience
) -> None:
    """Connects one client after the other with the terminal, until -naccept is reached or the user has enough."""
    size = _INPUT_SIZE // 2 if options.crlf else _INPUT_SIZE
    source = Input(0, size, crlf=options.crlf, stay=options.quiet, early=True)
    for descriptor, carrier in islice(_clients(options, listener), options.naccept):
        connection = Connection(context, carrier, session_id_context=_id_context(options))
        show = audience.next_client()
        if options.json and not datagrams(options):
            near, far = endpoint.local_address(descriptor), endpoint.peer_address(descriptor)
            show(events.Connected(descriptor, near, far))
        try:
            go_on = _serve(options, connection, descriptor, source, show)
        except KeyboardInterrupt:
            if options.json:
                show(events.Closed())
            raise
        show(events.Closed())
        if not go_on:
            return


def _serve(
    options: ServerOptions,
    connection: Connection,
    descriptor: int,
    source: Input,
    show: Callable[[Event], None],
) -> bool:
    """Talks to one client until it is gone; False when the server is to end with it.

    An error that nobody foresaw is the end of this client only.
    """
    go_on = True
    try:
        go_on = converse(options, connection, descriptor, source, show)
    except OutputError:
        raise
    except Exception as problem:
        _tell_of_error(problem, show)
    finally:
        connection.close()
    if not connection.transport.shared:
        sockets.hang_up(descriptor, lambda: sockets.take_all(descriptor))
    return go_on


def _clients(options: ServerOptions, listener: sockets.Listener) -> Iterator[tuple[int, Transport]]:
    """One client after the other: the descriptor to wait for, and what carries the connection.

    Nobody connects to a datagram socket: there the connection is ready first, and whoever sends first gets it.
    """
    if datagrams(options) and not options.sctp:
        from tlsdeck.tls.datagram import Conversation, Port

        port = Port(listener.descriptor)
        while True:
            discover_mtu = options.mtu is None
            yield port.number, Conversation(port, listening=options.listen, discover_mtu=discover_mtu)
    while True:
        descriptor = listener.accept()
        if options.sctp:
            yield descriptor, transport.sctp(descriptor)
        else:
            yield descriptor, transport.descriptor(descriptor, halting=options.nbio_test)


def converse(
    options: ServerOptions,
    connection: Connection,
    descriptor: int,
    source: Input,
    show: Callable[[Event], None],
) -> bool:
    """Runs one client's connection to close_notify; False when the server is to end with it."""
    if options.nbio:
        show(events.NonBlockingSet())
    pump = Pump(
        connection,
        descriptor,
        source,
        {} if options.quiet else SERVER_LETTERS,
        show,
        read_size=_READ_SIZE,
        verbose=options.nbio,
        exporter=exporter_of(options),
        clock=_clock(options),
        opening=_opening(options, connection),
    )
    if connection.mtu_refused:
        show(events.MtuRefused(connection.least_mtu))
        ending, go_on = Ending("quit"), False
    else:
        ending = pump.run()
        go_on = finish(ending, connection, show)
    show(events.ShuttingDown())
    if _says_goodbye(ending, connection):
        connection.shutdown()
    pump.flush()
    return go_on


def _clock(options: ServerOptions) -> Clock:
    """With datagrams there is no connection before the handshake, and that has limits of its own (RFC 6347)."""
    clock = Clock(_limits(options))
    if not datagrams(options):
        clock.enter("handshake")
    return clock


def _says_goodbye(ending: Ending, connection: Connection) -> bool:
    """Whoever leaves by a letter or at the end of the input drops the line, as the original does.

    With datagrams there is no line: a client would never notice that it is meant by q.
    """
    if ending.reason == "drop":
        return connection.transport.shared
    return ending.reason not in ("input", "quit")


def _opening(options: ServerOptions, connection: Connection) -> Opening | None:
    """What comes before the handshake: -stateless or -early_data. Whoever was asked for a cookie sends no early data."""
    if not (options.stateless or options.early_data):
        return None
    from tlsdeck.net.opening import demand_cookie, receive_early_data

    return demand_cookie(connection) if options.stateless else receive_early_data(connection)


def finish(ending: Ending, connection: Connection, show: Callable[[Event], None]) -> bool:
    """Shows how a connection ended; False when the server is to end with it."""
    error = ending.error
    if isinstance(error, OutputError):
        raise error
    if error is None:
        show(_ENDINGS[ending.reason])
        return ending.reason not in ("input", "quit")
    if ending.reason == "handshake":
        summary = connection.summary()
        problem = summary.verify_text if summary.verify_code else None
        message = error.message if isinstance(error, EarlyDataError | TimeLimitError) else ""
        show(events.HandshakeFailed(summary, error.stack, error.errno, problem, message))
        return True
    message = error.message if isinstance(error, TimeLimitError) else ""
    show(events.ConnectionFailed(ending.operation, error.stack, error.errno, message))
    return True


_ENDINGS: dict[str, Event] = {
    "peer": events.PeerClosed(),
    "input": events.InputEnded(),
    "quit": events.InputEnded(),
    "drop": events.ConnectionDropped(),
}
