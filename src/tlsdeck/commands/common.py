"""From options to settings: what s_client and s_server share."""

from __future__ import annotations

import os

from tlsdeck.errors import ConfigurationError, UsageError
from tlsdeck.events import Started
from tlsdeck.options.sections import ExtendedCertificate, Provider, RandomState, Validation
from tlsdeck.output.stream import Stream
from tlsdeck.record import Record
from tlsdeck.tls import endpoint, library
from tlsdeck.tls.credentials import Identity, load_certificate, load_chain, load_key, load_revocation_list
from tlsdeck.tls.names import ONELINE, name_flags
from tlsdeck.tls.settings import Settings, Watch
from tlsdeck.tls.verify import Trust, VerifyParameters, parse_parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Protocol

    from tlsdeck.events import Event
    from tlsdeck.options import Given, Section
    from tlsdeck.output.jsonl import JsonLines
    from tlsdeck.tls.candidates import Candidate
    from tlsdeck.tls.credentials import PrivateKey
    from tlsdeck.tls.engines import Engine

    class Printer(Protocol):
        """An output format."""

        def __init__(self, stream: Stream) -> None: ...
        def show(self, event: Event) -> None:
            """Prints what the format has to say of an event."""

    class CommonOptions(Protocol):
        """The attributes that the settings of both programs have."""

        CAfile: str | None
        CApath: str | None
        CAstore: str | None
        CRL: str | None
        alpn: str | None
        asynchronous: bool
        chainCAfile: str | None
        chainCApath: str | None
        chainCAstore: str | None
        crl_download: bool
        debug: bool
        dtls: bool
        dtls1: bool
        dtls1_2: bool
        ignore_unexpected_eof: bool
        keylogfile: str | None
        keymatexport: str | None
        keymatexportlen: int
        max_pipelines: int | None
        max_send_frag: int | None
        msg: bool
        msgfile: str | None
        mtu: int | None
        nameopt: list[str]
        nbio: bool
        nbio_test: bool
        nextprotoneg: str | None
        no_CAfile: bool
        no_CApath: bool
        no_CAstore: bool
        propquery: str | None
        psk: str | None
        psk_identity: str
        psk_session: str | None
        read_buf: int | None
        sctp: bool
        sctp_label_bug: bool
        security_debug: bool
        security_debug_verbose: bool
        split_send_frag: int | None
        ssl_config: str | None
        state: bool
        timeout: bool
        tls1: bool
        tls1_1: bool
        tls1_2: bool
        tls1_3: bool
        tlsextdebug: bool
        trace: bool
        use_srtp: str | None
        verifyCAfile: str | None
        verifyCApath: str | None
        verifyCAstore: str | None
        verify_return_error: bool
        writerand: str | None

        @property
        def given(self) -> Sequence[Given]: ...
        def conf_commands(self) -> list[tuple[str, str | None]]: ...
        def given_in(self, section: type[Section]) -> list[Given]: ...
        def verify_flags(self) -> list[str]: ...


_CRL_LIMIT = 10  # seconds

# Options that set both ends of the version range, with the version's code point.
_VERSIONS = (
    ("tls1", 0x0301),
    ("tls1_1", 0x0302),
    ("tls1_2", 0x0303),
    ("tls1_3", 0x0304),
    ("dtls1", 0xFEFF),
    ("dtls1_2", 0xFEFD),
)


def prepare_library(options: CommonOptions) -> None:
    """Engines, providers and randomness, in the order of the command line.

    Raises:
        ConfigurationError: a provider or file that is not there.
    """
    for given in options.given:
        if given.row.name == "engine":
            use_engine(given.value or "")
    for given in (*options.given_in(Provider), *options.given_in(RandomState)):
        _LIBRARY_ACTIONS.get(given.row.name, _nothing)(given.value or "")


def use_engine(name: str) -> Engine | None:
    """The engine of that id or path, set and said so; None after saying why not. "auto" stands for all of them."""
    from tlsdeck.tls import engines

    if name == "auto":
        engines.use_all()
        Stream(2).text("Enabling auto ENGINE support\n")
        return None
    try:
        engine = engines.use(name)
    except ConfigurationError as error:
        Stream(2).text("".join(f"{line}\n" for line in (error.message, *error.stack)))
        return None
    Stream(2).text(f'Engine "{engine.id}" set.\n')
    return engine


def _nothing(_value: str) -> None:
    pass


def _load_randomness(value: str) -> None:
    for path in value.split(":"):
        library.load_randomness(path)


_LIBRARY_ACTIONS: dict[str, Callable[[str], None]] = {
    "provider": library.load_provider,
    "provider-path": library.set_provider_path,
    "rand": _load_randomness,
}


def datagrams(options: CommonOptions) -> bool:
    """Whether it is DTLS."""
    return options.dtls or options.dtls1 or options.dtls1_2


def socket_kind(options: CommonOptions) -> tuple[int, int]:
    """The socket's type and protocol that go with the version of TLS or DTLS."""
    if options.sctp:
        return endpoint.STREAM, endpoint.SCTP
    return endpoint.DATAGRAM if datagrams(options) else endpoint.STREAM, 0


def shared_settings(
    options: CommonOptions, *, server: bool, checks: Sequence[tuple[str, str]] = ()
) -> Settings:
    """The settings both programs make in the same way; `checks` are more options of the validation group."""
    version = next((code for name, code in _VERSIONS if getattr(options, name)), 0)
    chain_trust = (options.chainCAfile, options.chainCApath, options.chainCAstore)
    verify_trust = (options.verifyCAfile, options.verifyCApath, options.verifyCAstore)
    return Settings(
        server=server,
        dtls=datagrams(options),
        cookies=server and datagrams(options) and not options.sctp,
        sctp_label_bug=options.sctp_label_bug,
        mtu=options.mtu if datagrams(options) else None,
        properties=options.propquery,
        ignore_unexpected_eof=options.ignore_unexpected_eof,
        conf_commands=tuple(options.conf_commands()),
        section=options.ssl_config,
        min_version=version,
        max_version=version,
        verify_parameters=_verify_parameters(options, checks),
        max_send_fragment=options.max_send_frag,
        split_send_fragment=options.split_send_frag,
        max_pipelines=options.max_pipelines,
        read_buffer=options.read_buf,
        trust=_trust(options),
        chain_trust=Trust(*chain_trust) if any(chain_trust) else None,
        verify_trust=Trust(*verify_trust) if any(verify_trust) else None,
        revocation_lists=(load_revocation_list(options.CRL, "CRL"),) if options.CRL else (),
        crl_limit=_CRL_LIMIT if options.crl_download else None,
        verify_return_error=options.verify_return_error,
        srtp_profiles=options.use_srtp,
        next_protocols=protocol_list("nextprotoneg", options.nextprotoneg),
        alpn=protocol_list("alpn", options.alpn),
        keylog=KeyLog(options.keylogfile).write if options.keylogfile else None,
        name_flags=name_flags(",".join(options.nameopt)) if options.nameopt else ONELINE,
        halting=options.nbio_test,
        asynchronous=options.asynchronous and _has_engine(options),
        watch=Watch(
            messages=options.msg or options.trace,
            message_parts=options.trace,
            states=options.state,
            extensions=options.tlsextdebug,
            transport=options.debug,
            denials=options.security_debug,
            permissions=options.security_debug_verbose,
            retries=options.nbio or options.nbio_test,
        ),
    )


def _has_engine(options: CommonOptions) -> bool:
    """Whether there may be something that works asynchronously.

    Without it -async changes nothing but the stack that libssl's callbacks run on, which is small then.
    """
    return any(given.row.name in ("engine", "ssl_client_engine") for given in options.given)


def _trust(options: CommonOptions) -> Trust:
    return Trust(
        options.CAfile,
        options.CApath,
        options.CAstore,
        not options.no_CAfile,
        not options.no_CApath,
        not options.no_CAstore,
    )


def _verify_parameters(options: CommonOptions, checks: Sequence[tuple[str, str]]) -> VerifyParameters | None:
    given = options.given_in(Validation)
    if not given and not checks:
        return None
    values = [
        (each.row.name, _verify_value(options, each, each.value)) for each in given if each.value is not None
    ]
    return parse_parameters(options.verify_flags(), [*values, *checks])


def _verify_value(options: CommonOptions, given: Given, text: str) -> str:
    """The value as it was typed; of a number as it was read, since it may be written in C's ways."""
    return text if given.row.repeated else str(getattr(options, given.row.attribute))


class IdentityFiles(Record):
    """Where an identity is to be loaded from, and what messages call its parts."""

    certificate: str
    key: str | None
    chain: str | None
    key_form: str | None
    key_name: str
    certificate_name: str
    chain_name: str


def load_private_key(uri: str, form: str | None, password: str | None, name: str) -> PrivateKey:
    """A private key from a file or URI.

    Raises:
        ConfigurationError: it cannot be read, or is an engine's and there is none.
    """
    if form != "ENGINE":
        return load_key(uri, password, name)
    from tlsdeck.tls import engines
    from tlsdeck.tls.credentials import load_engine_key

    engine = engines.default()
    if engine is None:
        raise ConfigurationError(
            f"No engine specified for loading {name}\nNo filename or uri specified for loading\n {name}"
        )
    return load_engine_key(engine, uri, password, name)


def load_identity(files: IdentityFiles, password: str | None) -> Identity:
    """An identity from files or URIs.

    Raises:
        ConfigurationError: something is missing or unreadable.
    """
    key = load_private_key(files.key or files.certificate, files.key_form, password, files.key_name)
    certificate = load_certificate(files.certificate, password, files.certificate_name)
    chain = load_chain(files.chain, None, files.chain_name) if files.chain else ()
    return Identity(certificate, key, chain)


# What an -xcert can have one of.
_ONLY_ONE = {"xkey": "Key", "xchain": "Chain"}


def candidate_options(options: CommonOptions, program: str) -> list[dict[str, str | None]]:
    """The options of each -xcert, by name: an -xcert opens an entry if the last one has its certificate already.

    Raises:
        UsageError: an entry would have two keys or two chains.
    """
    entries: list[dict[str, str | None]] = []
    for given in options.given_in(ExtendedCertificate):
        name = given.row.name
        if not entries or (name == "xcert" and "xcert" in entries[-1]):
            entries.append({})
        if name in _ONLY_ONE and name in entries[-1]:
            raise UsageError(f"{program}: {_ONLY_ONE[name]} already specified", hint=False)
        entries[-1][name] = given.value
    return [entry for entry in entries if "xcert" in entry]


def load_candidates(options: CommonOptions, program: str) -> tuple[Candidate, ...]:
    """The identities of -xcert and the options that go with it, in the order of the command line.

    Raises:
        UsageError: an option comes twice.
        ConfigurationError: a file cannot be read.
    """
    entries = candidate_options(options, program)
    # The last one is read first, as the original does: the order in which pass phrases are asked for.
    return tuple([_load_candidate(entry) for entry in reversed(entries)])[::-1]


def _load_candidate(entry: dict[str, str | None]) -> Candidate:
    from tlsdeck.tls.candidates import make_candidate

    file, chain_file = entry["xcert"] or "", entry.get("xchain")
    certificate = load_certificate(file, None, "Server Certificate")
    key = load_key(entry.get("xkey") or file, None, "server key")
    chain = load_chain(chain_file, None, "server chain") if chain_file else ()
    return make_candidate(Identity(certificate, key, chain), build_chain="xchain_build" in entry)


def protocol_list(option: str, value: str | None) -> tuple[bytes, ...]:
    """The protocols of an option's value: names separated by commas, empty ones skipped. None without a value.

    Raises:
        ConfigurationError: none left, or one longer than 255 bytes (RFC 7301 section 3.1).
    """
    if value is None:
        return ()
    names = tuple(name.encode("utf-8", "surrogateescape") for name in value.split(",") if name)
    if not names or max(map(len, names)) > 255:
        raise ConfigurationError(f"Error parsing -{option} argument")
    return names


def exporter_of(options: CommonOptions) -> tuple[str, int] | None:
    """Label and length in bytes of -keymatexport."""
    return None if options.keymatexport is None else (options.keymatexport, options.keymatexportlen)


def broadcast(printers: Iterable[Printer]) -> Callable[[Event], None]:
    """One function that shows an event to every printer."""
    shows = tuple(printer.show for printer in printers)

    def show(event: Event) -> None:
        for each in shows:
            each(event)

    return show


class Audience:
    """Whom a server's events are shown to: every printer, and -json's `lines` with the number of the client's they are."""

    def __init__(self, printers: Iterable[Printer], lines: JsonLines | None) -> None:
        self._show = broadcast(printers)
        self._lines = lines
        self._count = 0
        self.show = self._with(lines)  # what concerns no client, or all of them

    def next_client(self) -> Callable[[Event], None]:
        """To show what concerns one more client."""
        self._count += 1
        return self._with(None if self._lines is None else self._lines.numbered(self._count))

    def _with(self, lines: JsonLines | None) -> Callable[[Event], None]:
        show = self._show
        if lines is None:
            return show

        def show_and_write(event: Event) -> None:
            show(event)
            lines.show(event)

        return show_and_write


def json_printer(options: object, program: str, out: Stream) -> JsonLines:
    """The printer of -json; it has told already which program starts."""
    from time import gmtime, strftime, time

    from tlsdeck import __version__
    from tlsdeck.output.jsonl import ASKED, JsonLines

    now = time()
    at = strftime("%Y-%m-%dT%H:%M:%S", gmtime(now)) + f".{int(now % 1 * 1e6):06}Z"
    printer = JsonLines(out, [name for name in ASKED.values() if getattr(options, name, False)])
    printer.show(Started(program, __version__, library.version(), at))
    return printer


def debug_printers(options: CommonOptions, out: Stream | None, err: Stream) -> list[Printer]:
    """The printers of -msg, -trace, -debug, -state, -tlsextdebug and -timeout. Without `out` those that write there
    are not.

    Raises:
        ConfigurationError: -msgfile cannot be written.
    """
    messages = out if options.msgfile is None else Stream(_new_file(options.msgfile))
    traces: list[Printer] = []
    if options.trace and messages is not None:
        from tlsdeck.output.trace import Trace

        traces.append(Trace(messages))
    if options.security_debug or options.security_debug_verbose:
        from tlsdeck.output.security import SecurityLevel

        traces.append(SecurityLevel(err))
    # The original tells of them where it does not wait inside the library: with either of these options.
    retransmissions = datagrams(options) and (options.timeout or options.nbio)
    if not (options.msg or options.debug or options.state or options.tlsextdebug or retransmissions):
        return traces
    from tlsdeck.output import debug

    rows: tuple[tuple[bool, type[Printer], Stream | None], ...] = (
        (options.msg, debug.Messages, messages),
        (options.debug, debug.Transport, out),
        (options.state, debug.States, err),
        (options.tlsextdebug, debug.Extensions, out),
        (retransmissions, debug.Retransmissions, err),
    )
    return traces + [printer(stream) for wanted, printer, stream in rows if wanted and stream is not None]


def _new_file(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    except OSError:
        raise ConfigurationError(f"Error writing file {path}") from None


class KeyLog:
    """The file of -keylogfile: NSS key log format, appended to, readable by its owner only."""

    def __init__(self, path: str) -> None:
        """Raises ConfigurationError when the file cannot be written."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            raise ConfigurationError(f"Error writing keylog file {path}") from None
        self._stream = Stream(descriptor)
        if not os.fstat(descriptor).st_size:
            self._stream.text("# SSL/TLS secrets log file, generated by OpenSSL\n")

    def write(self, line: str) -> None:
        """Appends a line."""
        self._stream.text(line + "\n")
