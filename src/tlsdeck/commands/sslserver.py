"""sslserver: a program for each TLS connection.

The story of a run: options, who we and our programs are to be, the password, the socket, workers with certificates and
keys, the port on standard output, and then the supervisor's loop until a signal ends it.
"""

from __future__ import annotations

import os

from tlsdeck.commands.djb import OK, TEMPORARY, USAGE
from tlsdeck.commands.sslserver_options import ServerOptions
from tlsdeck.errors import ConfigurationError, OutputError, TlsdeckError, UsageError
from tlsdeck.native.process import find
from tlsdeck.options import getopt
from tlsdeck.output.stream import Stream
from tlsdeck.ucspi import channel, environment, privileges, protocol
from tlsdeck.ucspi.contexts import Demand, ticket_lifetime
from tlsdeck.ucspi.listening import Place, open_listener
from tlsdeck.ucspi.log import Log
from tlsdeck.ucspi.notify import notifier
from tlsdeck.ucspi.supervise import Plan, Supervisor
from tlsdeck.ucspi.visitor import Policy
from tlsdeck.ucspi.worker import Duty
from tlsdeck.ucspi.workforce import Staffing, leave_standard_streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "sslserver"
OPERANDS = "host port program [argument ...]"

_PATIENCE = 1.0  # seconds for a log that nobody reads
_FIRST_FREE = 3  # descriptor
_PASSWORD = 3  # descriptor
_NAMES_LIMIT = 30  # seconds
_LONGEST_PASSWORD = 1024  # bytes; libcrypto's own limit

# What the log lists at the start.
_FILES = (
    ("ciphers", "CIPHERS"),
    ("cafile", "CAFILE"),
    ("ccafile", "CCAFILE"),
    ("cadir", "CADIR"),
    ("certchainfile", "CERTCHAINFILE"),
    ("cert", "CERTFILE"),
    ("key", "KEYFILE"),
    ("dhparam", "DHFILE"),
)


def main(argv: Sequence[str]) -> int:
    """Runs the program with these words; its exit code."""
    if list(argv) in (["-help"], ["--help"]):
        return _tell(getopt.help_text(ServerOptions, f"{PROGRAM} [options] {OPERANDS}"), OK)
    try:
        options, words = _read(argv)
    except UsageError as error:
        return _tell(f"{error.message}\n", USAGE)
    log = Log(PROGRAM, options.verbosity)
    try:
        return _serve(options, words, log)
    except UsageError as error:
        return _tell(f"{PROGRAM}: usage: {error.message}\n{_usage()}\n", USAGE)
    except (TlsdeckError, OSError) as error:
        log.say("fatal", reason=getattr(error, "message", "") or error)
        return TEMPORARY
    finally:
        log.finish(_PATIENCE)


def _read(argv: Sequence[str]) -> tuple[ServerOptions, list[str]]:
    try:
        options, words = getopt.read(ServerOptions, argv, PROGRAM)
    except UsageError as error:
        raise UsageError(f"{error.message}\n{_usage()}") from None
    if len(words) < 3 or not words[0]:
        raise UsageError(_usage())
    return options, words


def _usage() -> str:
    letters = "".join(row.name for row in ServerOptions.rows)
    return f"{PROGRAM}: usage: {PROGRAM} [-{letters}] {OPERANDS}"


def _tell(text: str, code: int) -> int:
    try:
        Stream(2).text(text)
    except OutputError:
        pass
    return code


def _serve(options: ServerOptions, words: list[str], log: Log) -> int:
    _fill_standard_streams()
    variables = dict(os.environ)
    uid, gid = _identity(options, variables)
    jail = privileges.jail(variables, uid, gid)
    most = privileges.number(variables, "MAXCONIP")
    lifetime = ticket_lifetime(variables)
    policy = _policy(options, variables)
    # Before a socket of ours can get its number.
    password = _read_password(variables) if options.password else ""
    host, port, *program = words
    listener = open_listener(_place(options, host, port), variables)
    _keep_to_ourselves()
    duty = _duty(options, variables, policy, jail, Demand(options.demand, password, lifetime))
    plan = Plan(
        program=find(program, uid, gid),
        staffing=Staffing(duty, len(os.sched_getaffinity(0)), options.rules_optional),
        inherited=environment.inherited(variables),
        limit=options.limit,
        most_per_ip=most,
        patience=options.idle_limit,
    )
    supervisor = Supervisor(listener, plan, log, notifier(variables))
    try:
        supervisor.prepare()
        _list_files(log, variables)
        if options.print_port:
            Stream(1).text(f"{listener.getsockname()[1]}\n")
        leave_standard_streams()
        supervisor.run()
    finally:
        supervisor.close()
    return OK


def _fill_standard_streams() -> None:
    """One that is closed would be a socket of ours next, and then be taken for what it is not."""
    number = 0
    while number < _FIRST_FREE:
        number = os.open(os.devnull, os.O_RDWR)
    os.close(number)


def _identity(options: ServerOptions, variables: dict[str, str]) -> tuple[int, int]:
    """User and group of the program: of -u, -g and -U the last one counts."""
    uid = gid = 0
    for given in options.given:
        if given.row.attribute == "uid":
            uid = int(given.value or 0)
        elif given.row.attribute == "gid":
            gid = int(given.value or 0)
        elif given.row.attribute == "identity":
            uid = privileges.number(variables, "UID") or uid
            gid = privileges.number(variables, "GID") or gid
    return uid, gid


def _place(options: ServerOptions, host: str, port: str) -> Place:
    return Place(
        host=host,
        port=port,
        ipv4=options.ipv4,
        ipv6=options.ipv6,
        interface=options.interface,
        backlog=options.backlog,
        delay=options.delay,
    )


def _policy(options: ServerOptions, variables: dict[str, str]) -> Policy:
    return Policy(
        remote_host=options.remote_host,
        paranoid=options.paranoid,
        remote_info=options.remote_info,
        local_name=options.local_name,
        ident_limit=options.ident_limit,
        names_limit=privileges.number(variables, "DNSTIMEOUT") or _NAMES_LIMIT,
    )


def _duty(
    options: ServerOptions, variables: dict[str, str], policy: Policy, jail: privileges.Jail, demand: Demand
) -> Duty:
    rules = {protocol.EARLY: options.early_rules_file, protocol.FULL: options.rules_file}
    return Duty(
        variables=variables,
        demand=demand,
        demand_name=options.demand_name,
        policy=policy,
        jail=jail,
        limit=options.limit,
        banner=os.fsencode(options.banner),
        delayed=options.delayed,
        report=options.report,
        tcp_variables=options.tcp_variables,
        keep_ip_options=options.keep_ip_options,
        handshake_limit=options.handshake_limit,
        idle_limit=options.idle_limit,
        ticket_keys=b"",
        rule_files={which: path for which, path in rules.items() if path is not None},
    )


def _read_password(variables: dict[str, str]) -> str:
    """The key's password: what descriptor 3 has up to a NUL or its end."""
    if variables.get("LISTEN_PID") == str(os.getpid()):
        raise ConfigurationError("unable to read password: descriptor 3 is the socket of LISTEN_FDS")
    text = b""
    try:
        while b"\0" not in text and (piece := os.read(_PASSWORD, _LONGEST_PASSWORD)):
            text += piece
            if len(text) > _LONGEST_PASSWORD:
                break
        os.close(_PASSWORD)
    except OSError as error:
        raise ConfigurationError(f"unable to read password: {error.strerror}") from error
    secret = text.partition(b"\0")[0]
    if len(secret) > _LONGEST_PASSWORD:
        raise ConfigurationError("password too long")
    return secret.decode("utf-8", "surrogateescape")


def _keep_to_ourselves() -> None:
    """No program gets a descriptor that we happen to have been started with."""
    for number in channel.opened():
        os.set_inheritable(number, False)


def _list_files(log: Log, variables: dict[str, str]) -> None:
    for kind, name in _FILES:
        log.say("file", kind=kind, pid=os.getpid(), path=variables.get(name, ""))
