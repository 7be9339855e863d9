"""A TLS worker: everything that touches bytes from the network.

Theory of operation
-------------------

The supervisor forks as many workers as there are processors. Each, still with the supervisor's rights, loads
certificates and keys; then it goes into its jail and has no rights left to read them again (`SSL_CHROOT`, `SSL_UID`,
`SSL_GID`). From then on it owns: its end of a channel to the supervisor, the sockets of its clients, one end of each
pipe to their programs, and the file of rules, which the supervisor opens for it. It cannot bind, cannot see other
workers' connections, and starts no program: it asks the supervisor to.

One thread runs all connections of a worker; each is a generator that reads from top to bottom (`_serve`):

    who is it, and may they connect      by the rules, name servers, ident
    handshake, client's certificate
    the program is started               the ends of the pipes travel to the supervisor
    data is copied until both sides are done

With UCSPI-TLS (-n) the program is started first, in clear, and says when the handshake is due. One thread is enough
because a worker per processor already uses all of them, and nothing here waits: libssl works on sockets that never
block. It also means that no lock is needed around libssl, rules and contexts.

Whatever goes wrong in a connection ends that connection, with one line in the log. The supervisor's end of the channel
closed means that it is gone: connections that have their program go on to their end, and then the worker ends too.
"""

from __future__ import annotations

import errno
import os
import resource
import socket
import time
import weakref
from contextlib import ExitStack
from importlib import import_module

from tlsdeck.errors import ConfigurationError, NetworkError, TlsdeckError
from tlsdeck.native.process import give_back_memory
from tlsdeck.net import sockets
from tlsdeck.record import Record
from tlsdeck.tls import library, tickets
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.facts import connection_facts, is_certified, protocol_and_cipher
from tlsdeck.tls.transport import descriptor
from tlsdeck.ucspi import environment, protocol
from tlsdeck.ucspi.addresses import plain
from tlsdeck.ucspi.cdb import Database, open_database
from tlsdeck.ucspi.channel import LARGEST, Channel, close_all
from tlsdeck.ucspi.contexts import Contexts, Demand, chosen
from tlsdeck.ucspi.copy import Relay, hang_up
from tlsdeck.ucspi.environment import Ends
from tlsdeck.ucspi.log import who
from tlsdeck.ucspi.loop import NEVER, READ, WRITE, Loop
from tlsdeck.ucspi.privileges import number
from tlsdeck.ucspi.rules import every_verdict
from tlsdeck.ucspi.visitor import Reception

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tlsdeck.tls.context import Context
    from tlsdeck.ucspi.channel import Message
    from tlsdeck.ucspi.loop import Steps
    from tlsdeck.ucspi.privileges import Jail
    from tlsdeck.ucspi.resolver import Resolver
    from tlsdeck.ucspi.rules import Verdict
    from tlsdeck.ucspi.visitor import Caller, Policy

_UNSERVED = "unable to serve: "
_DENIED, _CERTIFICATE, _FAILED = 100, 110, 111
_CROWD = 256  # connections, whose memory is worth giving back when most of them have gone
_ORDERS_AT_ONCE = 16  # from the supervisor, before the connections have their turn
_START_TLS, _START_TLS_AND_REPORT = b"y", b"Y"
# Where the program finds the three descriptors of UCSPI-TLS.
_DELAYED_PLACES = tuple(zip(environment.UCSPI_TLS, ("3", "4", "5"), strict=True))


class Duty(Record):
    """What a worker has to know; fixed for its life."""

    variables: Mapping[str, str]  # the server's environment
    demand: Demand
    demand_name: bool
    policy: Policy
    jail: Jail
    limit: int
    banner: bytes
    delayed: bool
    report: bool
    tcp_variables: bool
    keep_ip_options: bool
    handshake_limit: float
    idle_limit: float
    ticket_keys: bytes
    rule_files: Mapping[bytes, str]  # protocol.EARLY, protocol.FULL -> path


class _Client(Record):
    """A connection as the supervisor hands it over."""

    number: bytes
    others: int
    socket: int
    ends: Ends


class _Refusal(Exception):  # noqa: N818 - an outcome, not an error
    """A connection ends here: the exit code that a process of its own would have had, and the line for the log."""

    def __init__(self, code: int, line: str = "", text: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.line = line
        self.text = text


def run(duty: Duty, end: socket.socket) -> None:
    """The life of a worker, from loading to the last connection."""
    channel = Channel(end, patient=True)  # the supervisor never waits for us
    try:
        worker = Worker(duty, channel)
    except (TlsdeckError, OSError, ValueError) as error:
        channel.send([protocol.FAILED, protocol.field(str(getattr(error, "message", "") or error))])
        return
    channel.send([protocol.READY])
    worker.run()


class Worker:
    """Serves the connections that come over a channel."""

    def __init__(self, duty: Duty, channel: Channel) -> None:
        """Loads what needs rights, and gives the rights up.

        Raises:
            ConfigurationError: a file, variable or id cannot be used.
        """
        self._duty = duty
        self._channel = channel
        self._loop = Loop()
        self._contexts = Contexts(duty.variables, duty.demand)
        self._rules: dict[bytes, Callable[[], Database | None]] = dict.fromkeys(
            (protocol.EARLY, protocol.FULL), _no_rules
        )
        self._reception = Reception(
            self._loop,
            duty.policy,
            _resolver(duty.policy, duty.variables, self._loop),
            self._early_rules,
            self._full_rules,
        )
        self._orders = {
            protocol.CLIENT: self._take_client,
            protocol.RULES: self._take_rules,
            protocol.KEYS: self._take_keys,
        }
        self._library = library.version()
        self._most = 0  # connections at once, since memory was given back
        tickets.use_keys(duty.ticket_keys)
        _raise_limit()
        self._learn_rules(duty.rule_files.values())
        duty.jail.enter()

    def run(self) -> None:
        """Serves until the supervisor is gone or says so, and the last connection has ended."""
        self._loop.start(self._listen())
        self._loop.run()

    def _early_rules(self) -> Database | None:
        return self._rules[protocol.EARLY]()

    def _full_rules(self) -> Database | None:
        return self._rules[protocol.FULL]()

    def _learn_rules(self, files: Iterable[str]) -> None:
        """Builds the contexts that rules ask for while their files can still be read."""
        for file in files:
            for variables in _variables_of_rules(file):
                try:
                    self._contexts.get(chosen(variables))
                except ConfigurationError:
                    pass  # said to whom it concerns, when they connect

    # --- the supervisor --------------------------------------------------------------------------------------

    def _listen(self) -> Steps[None]:
        while True:
            yield {self._channel.fileno(): READ}, NEVER
            for _ in range(_ORDERS_AT_ONCE):
                try:
                    message = self._channel.receive()
                except BlockingIOError:
                    break
                if message is None or message.fields[0] == protocol.DRAIN:
                    return
                self._orders[message.fields[0]](message)

    def _take_client(self, message: Message) -> None:
        number, others, ip, port, scope = message.fields[1:]
        try:
            client = _descriptor_of(message)
            os.set_blocking(client, False)
            ends = _ends(client, ip.decode(), int(port), int(scope))
            ends = ends.replace(local_host=self._duty.policy.local_name)
        except OSError as error:
            close_all(message.descriptors)
            reason = protocol.field(_UNSERVED + _reason(error))
            self._channel.send([protocol.TROUBLE, number, b"client", reason])
            self._channel.send([protocol.DONE, number, b"%d" % _FAILED, protocol.TERMINATE])
            return
        self._loop.start(self._serve(_Client(number, int(others), client, ends)))

    def _take_rules(self, message: Message) -> None:
        which, state = message.fields[1:3]
        if state == protocol.OK and not message.descriptors:
            self._channel.send([protocol.RULES, which])
        self._rules[which] = _rules_source(state, message)

    def _take_keys(self, message: Message) -> None:
        tickets.use_keys(bytes.fromhex(message.fields[1].decode()))

    def _tell(self, kind: bytes, client: _Client, *texts: str) -> None:
        self._channel.send([kind, client.number, *map(protocol.field, texts)])

    # --- a connection ----------------------------------------------------------------------------------------

    def _serve(self, client: _Client) -> Steps[None]:
        """All of a connection. Whatever happens, its end is told and its socket closed."""
        code, fate = _FAILED, protocol.TERMINATE
        try:
            fate = yield from self._story(client)
            code = 0
        except _Refusal as refusal:
            code = refusal.code
            if refusal.line:
                self._tell(protocol.TROUBLE, client, refusal.line, refusal.text)
        except Exception as error:
            self._tell(protocol.TROUBLE, client, "client", _UNSERVED + _reason(error))
        if fate == protocol.LEAVE:
            os.close(client.socket)
        else:
            yield from hang_up(self._loop, client.socket, sockets.LINGER if code else self._duty.idle_limit)
        self._channel.send([protocol.DONE, client.number, b"%d" % code, fate])
        self._give_back()

    def _give_back(self) -> None:
        """After a crowd its memory goes back to the system, which the C library does not do by itself."""
        here = len(self._loop.tasks)
        self._most = max(self._most, here)
        if self._most >= _CROWD and here <= self._most // 8:
            self._most = 0
            give_back_memory()

    def _story(self, client: _Client) -> Steps[bytes]:
        """What is to become of the program. One that goes on in clear has the socket for itself."""
        caller = yield from self._admit(client)
        context = self._context(caller.verdict)
        if not self._duty.keep_ip_options:
            _drop_ip_options(client.socket)
        if self._duty.delayed:
            return (yield from self._serve_later(client, caller, context))
        return (yield from self._serve_now(client, caller, context))

    # --- may they? -------------------------------------------------------------------------------------------

    def _admit(self, client: _Client) -> Steps[Caller]:
        try:
            early = self._reception.first_look(client.ends)
            if early is not None and early.denied:
                self._deny(client, client.ends)
            caller = yield from self._reception.find_out(client.ends, early)
        except TlsdeckError as error:
            raise _Refusal(_CERTIFICATE, "rules", error.message) from error
        if caller.verdict.denied:
            self._deny(client, caller.ends)
        self._check_limit(client, caller)
        return caller

    def _check_limit(self, client: _Client, caller: Caller) -> None:
        """MAXCONIP by a rule: never more than all connections there may be."""
        try:
            most = min(number(dict(caller.verdict.variables), "MAXCONIP"), self._duty.limit)
        except ConfigurationError as error:
            raise _Refusal(_FAILED, "client", error.message) from error
        if most and client.others >= most:
            self._deny(client, caller.ends, str(most))

    def _deny(self, client: _Client, ends: Ends, limit: str = "") -> None:
        self._tell(protocol.DENY, client, _who(ends), limit)
        raise _Refusal(_DENIED)

    def _context(self, verdict: Verdict) -> Context:
        try:
            return self._contexts.get(chosen(verdict.variables))
        except ConfigurationError as error:
            raise _Refusal(_FAILED, "client", error.message) from error

    # --- TLS at once -----------------------------------------------------------------------------------------

    def _serve_now(self, client: _Client, caller: Caller, context: Context) -> Steps[bytes]:
        connection = Connection(context, descriptor(client.socket))
        try:
            yield from self._handshake(client, caller, connection)
            items = [*self._items(caller), *environment.UCSPI_TLS]
            if self._duty.report:
                items += self._tls_items(connection)
            request = self._request(client, caller, items)
            theirs, ours = _pipes()
            self._channel.send(request, theirs)
            self._told_tls(client, connection)
            yield from self._copy(client, connection, ours, self._duty.banner)
        finally:
            connection.close()
        return protocol.AWAIT

    # --- TLS when the program says so (UCSPI-TLS) ------------------------------------------------------------

    def _serve_later(self, client: _Client, caller: Caller, context: Context) -> Steps[bytes]:
        yield from self._say_banner(client)
        items = [*self._items(caller), *(f"{name}={place}" for name, place in _DELAYED_PLACES)]
        command, ours = self._start_in_clear(client, self._request(client, caller, items))
        to_close: tuple[int, ...] = ours
        try:
            word = yield from self._command(command)
            if not word:
                return protocol.LEAVE
            connection = self._upgraded(client, context, word)
            try:
                yield from self._handshake(client, caller, connection)
                self._told_tls(client, connection)
                if word == _START_TLS_AND_REPORT:
                    yield from self._report(command, environment.block(self._tls_items(connection)))
                to_close = ()  # from here on they are the relay's
                yield from self._copy(client, connection, ours, b"")
            finally:
                connection.close()
            return protocol.AWAIT
        finally:
            close_all(to_close)
            self._loop.forget(command)
            os.close(command)

    def _start_in_clear(self, client: _Client, request: list[bytes]) -> tuple[int, tuple[int, int]]:
        """Our ends of SSLCTLFD and of the pipes."""
        with ExitStack() as undo:
            command, control = _stream_pair()
            undo.callback(close_all, (command, control))
            theirs, ours = _pipes()
            undo.callback(close_all, (*theirs, *ours))
            in_clear = os.dup(client.socket)
            undo.pop_all()
        os.set_blocking(client.socket, True)
        self._channel.send(request, (in_clear, control, *theirs))
        return command, ours

    def _upgraded(self, client: _Client, context: Context, word: bytes) -> Connection:
        if word not in (_START_TLS, _START_TLS_AND_REPORT):
            raise _Refusal(_FAILED, "client", f"the program sent {word!r} on SSLCTLFD, not y or Y")
        os.set_blocking(client.socket, False)
        return Connection(context, descriptor(client.socket))

    def _say_banner(self, client: _Client) -> Steps[None]:
        end = time.monotonic() + self._duty.idle_limit
        yield from self._write(
            client.socket, self._duty.banner, end, "the client does not take the banner (-w)"
        )

    def _report(self, command: int, report: bytes) -> Steps[None]:
        end = time.monotonic() + self._duty.idle_limit
        yield from self._write(command, report, end, "the program does not read SSLCTLFD (-w)")

    def _write(self, number: int, left: bytes, end: float, complaint: str) -> Steps[None]:
        while left:
            try:
                left = left[os.write(number, left) :]
            except BlockingIOError:
                yield {number: WRITE}, end
                if time.monotonic() >= end:
                    raise _Refusal(_FAILED, "speak", complaint) from None

    def _command(self, command: int) -> Steps[bytes]:
        """The program's one byte; nothing if it wants no TLS. How long it takes is the program's business."""
        while True:
            try:
                return os.read(command, 1)
            except BlockingIOError:
                yield {command: READ}, NEVER
            except ConnectionError:
                return b""

    # --- the parts of both -----------------------------------------------------------------------------------

    def _handshake(self, client: _Client, caller: Caller, connection: Connection) -> Steps[None]:
        end = time.monotonic() + self._duty.handshake_limit
        try:
            while not connection.handshake():
                yield {client.socket: WRITE if connection.want == "write" else READ}, end
                if time.monotonic() >= end:
                    raise _Refusal(
                        _FAILED, "accept", f"no handshake within {self._duty.handshake_limit:g} s (-T)"
                    )
        except (TlsdeckError, OSError) as error:
            raise _Refusal(_FAILED, "accept", _handshake_reason(error, connection)) from error
        self._check_name(caller, connection)

    def _check_name(self, caller: Caller, connection: Connection) -> None:
        name = caller.verify_name
        if not self._duty.demand_name or name is None:
            return
        is_address = name == caller.ends.remote_ip
        if not connection.peer_is(None if is_address else name, name if is_address else None):
            raise _Refusal(_CERTIFICATE, "certificate", f"client hostname does not match certificate: {name}")

    def _told_tls(self, client: _Client, connection: Connection) -> None:
        if connection.ask(is_certified):
            self._tell(protocol.CERTIFIED, client)
        self._tell(protocol.TLS, client, ":".join(connection.ask(protocol_and_cipher)))

    def _items(self, caller: Caller) -> list[str]:
        items = list(environment.connection_items(caller.ends, tcp=self._duty.tcp_variables))
        items += [environment.item(name, value) for name, value in caller.verdict.variables]
        return items

    def _tls_items(self, connection: Connection) -> list[str]:
        return list(environment.tls_items(connection.ask(connection_facts), self._library))

    def _request(self, client: _Client, caller: Caller, items: list[str]) -> list[bytes]:
        """What asks for the program, once its ends go with it: from then on they are the supervisor's."""
        fields = [protocol.START, client.number, *map(protocol.field, (_who(caller.ends), *items))]
        if sum(map(len, fields)) + len(fields) > LARGEST:
            raise _Refusal(
                _FAILED, "client", f"unable to run the program: its variables take more than {LARGEST} bytes"
            )
        return fields

    def _copy(
        self, client: _Client, connection: Connection, pipes: tuple[int, int], first: bytes
    ) -> Steps[None]:
        relay = Relay(self._loop, connection, client.socket, pipes, first, self._duty.idle_limit)
        try:
            yield from relay.run()
        except (TlsdeckError, OSError) as error:
            raise _Refusal(_FAILED, "speak", _reason(error)) from error


# --- small parts -----------------------------------------------------------------------------------------------


def _who(ends: Ends) -> str:
    return who(
        (ends.local_host or "", ends.local_ip, str(ends.local_port)),
        (ends.remote_host or "", ends.remote_ip, ends.remote_info or "", str(ends.remote_port)),
    )


def _reason(error: Exception) -> str:
    if isinstance(error, TlsdeckError):
        return error.reason
    return error.strerror or str(error) if isinstance(error, OSError) else f"internal error: {error!r}"


def _handshake_reason(error: Exception, connection: Connection) -> str:
    if isinstance(error, NetworkError) and error.errno == 0:
        return "the client closed the connection"
    text = _reason(error)
    failed = connection.verify_text
    return f"{text}: {failed}" if failed else text


def _descriptor_of(message: Message) -> int:
    """The one that came with a message; it does not come when there is no room for it."""
    if not message.descriptors:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return message.descriptors[0]


def _ends(number: int, ip: str, port: int, scope: int) -> Ends:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    local = socket.socket(family, socket.SOCK_STREAM, fileno=number)
    try:
        local_ip, local_port = local.getsockname()[:2]
    finally:
        local.detach()
    return Ends(
        local_ip=plain(local_ip),
        local_port=local_port,
        remote_ip=plain(ip),
        remote_port=port,
        interface=_interface(scope),
    )


def _interface(scope: int) -> str | None:
    try:
        return socket.if_indextoname(scope) if scope else None
    except OSError:
        return None


def _drop_ip_options(number: int) -> None:
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=number)
    try:
        client.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"")
    except OSError:
        pass  # IPv6 has none
    finally:
        client.detach()


def _pipes() -> tuple[tuple[int, int], tuple[int, int]]:
    """A program's input and output: its ends, and ours, which never block."""
    made: list[int] = []
    try:
        for _ in range(2):
            made += os.pipe2(os.O_CLOEXEC)
    except OSError:
        close_all(made)
        raise
    their_input, our_input, our_output, their_output = made
    os.set_blocking(our_input, False)
    os.set_blocking(our_output, False)
    return (their_input, their_output), (our_input, our_output)


def _stream_pair() -> tuple[int, int]:
    """The ends of SSLCTLFD: ours, which never blocks, and the program's."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    return ours.detach(), theirs.detach()


def _raise_limit() -> None:
    """As many descriptors as we may have: each connection takes three."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _no_rules() -> None:
    return None


def _rules_source(state: bytes, message: Message) -> Callable[[], Database | None]:
    if state == protocol.NONE:
        return _no_rules
    if state == protocol.ERROR:
        return _unreadable(protocol.text(message.fields[3]))
    name = protocol.text(message.fields[3])
    try:
        database = Database(_descriptor_of(message), name)
    except TlsdeckError as error:
        return _unreadable(error.message)
    except OSError as error:
        return _unreadable(f"unable to read: {name}: {error.strerror}")
    weakref.finalize(database, os.close, message.descriptors[0]).atexit = False
    return lambda: database


def _unreadable(text: str) -> Callable[[], Database | None]:
    def fail() -> Database | None:
        raise ConfigurationError(text)

    return fail


def _variables_of_rules(file: str) -> list[tuple[tuple[str, str], ...]]:
    try:
        with open_database(file) as database:
            return [verdict.variables for verdict in every_verdict(database)]
    except TlsdeckError:
        return []  # said to each client, as long as it is so


# What is else imported only when it is needed, and cannot be found in a jail.
_FOR_NAMES = ("encodings.idna", *(f"dns.rdtypes.{kind}" for kind in (
    "ANY.CNAME", "ANY.DNAME", "ANY.NS", "ANY.OPT", "ANY.PTR", "ANY.SOA", "IN.A", "IN.AAAA"
)))  # fmt: skip


def _resolver(policy: Policy, variables: Mapping[str, str], loop: Loop) -> Resolver | None:
    if not policy.asks_names:
        return None
    from tlsdeck.ucspi.naming import read_naming
    from tlsdeck.ucspi.resolver import Resolver

    for module in _FOR_NAMES:
        import_module(module)
    return Resolver(read_naming(variables), loop)
