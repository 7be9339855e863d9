"""The supervisor: accepts connections, counts them, starts programs, reaps them, and says what happened.

Theory of operation
-------------------

    supervisor           one process, one thread; keeps the rights it was started with, because it starts programs as
                         somebody else (-u, -g) and lets new workers read keys again (SIGHUP)
      worker ...         one per processor; hold keys and connections, with as few rights as they were told (worker.py)
      program ...        one per connection, started here without a copy of this process (native/process.py)

What comes from the network is never looked at here, only whose address it comes from. A connection's socket goes to
the worker with the fewest connections, and is closed here at once. When the worker asks for the program it sends the
program's ends of the pipes; the program gets them as 0 and 1, 2 is ours, and every other descriptor of ours closes by
itself. So what is open here is: the socket listened on, a channel to each worker, and what signals are told through.

A connection is over when its worker says so and its program, if it had one, has been reaped. Only then does it stop to
count. A program is never killed because its client has gone in an orderly way: it is waited for, as long as -w says.

Workers come in generations. SIGHUP forks a new one, which reads all files anew with the rights still there; when every
worker of it is ready, new connections go to it, and the old ones end with their last connection. If one of the new
cannot read something, the whole generation goes and the old stays. A generation shares the keys of session tickets,
which change every hour (TICKET_LIFETIME); a new generation has new ones, so no session outlives the certificates it
was made under. A worker that dies takes its own connections with it and is replaced.

SIGTERM ends the supervisor at once: running connections go on in their workers. SIGUSR1 stops accepting, and the
supervisor ends with the last connection.
"""

from __future__ import annotations

import errno
import gc
import itertools
import os
import select
import signal
import stat
import time
from contextlib import ExitStack

from tlsdeck.errors import ConfigurationError
from tlsdeck.native.process import spawn
from tlsdeck.record import Record
from tlsdeck.tls import tickets
from tlsdeck.ucspi import channel, protocol, worker
from tlsdeck.ucspi.channel import Channel, close_all
from tlsdeck.ucspi.environment import with_items
from tlsdeck.ucspi.log import DETAILS
from tlsdeck.ucspi.worker import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from tlsdeck.native.process import Program
    from tlsdeck.ucspi.channel import Message
    from tlsdeck.ucspi.log import Log
    from tlsdeck.ucspi.worker import Duty

_BACK_OFF = 0.1  # seconds without accepting after the system ran out of something
_RESTART_AFTER = 1.0  # seconds a worker must have lived to be replaced at once
_LONGEST_WAIT = 86400.0  # seconds; epoll_wait(2) cannot count many more
_MESSAGES_AT_ONCE = 256  # from one worker, before the others are heard
_FAILED = 111 << 8  # as a wait status
_ACCEPTS_AT_ONCE = 16

# The numbers under which a program finds its descriptors, in the order in which they come.
_IMMEDIATE = ((0,), (1,))
_DELAYED = ((0, 1), (3,), (4,), (5,))
_STANDARD_ERROR = 2


class Plan(Record):
    """What to do; fixed for the whole run."""

    program: Program
    duty: Duty
    inherited: Mapping[bytes, bytes]  # environment of programs
    limit: int  # connections at once
    most_per_ip: int  # of them from one address, 0 for any number
    workers: int
    early_rules: str | None = None
    full_rules: str | None = None
    rules_optional: bool = False
    patience: float = 3600.0  # seconds for a program whose connection has ended
    rotation: float = 3600.0  # seconds that a ticket key seals


class _Connection:
    """A connection that counts. `status`: of the program, or of what went wrong, as wait(2) has it."""

    __slots__ = ("done", "ip", "named", "number", "pid", "reaped", "status", "worker")

    def __init__(self, number: int, ip: str, worker: _Worker) -> None:
        self.number = number
        self.ip = ip
        self.worker = worker
        self.pid = 0
        self.status = 0
        self.named = False  # whether the log has its pid
        self.done = False  # whether the worker is done with it
        self.reaped = False  # whether the program has ended


class _Worker:
    """A worker process. `rules`: what it was told about each file of rules."""

    __slots__ = ("channel", "connections", "failed", "lost", "pid", "ready", "reaped", "rules", "since")

    def __init__(self, pid: int, end: Channel) -> None:
        self.pid = pid
        self.channel = end
        self.ready = self.failed = self.lost = self.reaped = False
        self.connections = 0
        self.rules: dict[bytes, object] = {}
        self.since = time.monotonic()

    def kill(self, number: signal.Signals) -> None:
        """Sends a signal, unless the number may be another process's by now."""
        if not self.reaped:
            _kill(self.pid, number)


class Supervisor:
    """Runs a server on a socket that is listened on."""

    def __init__(self, listener: socket.socket, plan: Plan, log: Log, notify: Callable[[str], None]) -> None:
        self._listener = listener
        self._plan = plan
        self._log = log
        self._notify = notify
        self._connections: dict[int, _Connection] = {}
        self._by_ip: dict[str, int] = {}
        self._programs: dict[int, _Connection] = {}
        self._workers: list[_Worker] = []  # the generation that takes connections
        self._coming: list[_Worker] = []  # the next one
        self._leaving: list[_Worker] = []
        self._numbers = 0
        self._keys = tickets.new_key()
        self._coming_keys = b""
        self._next_rotation = time.monotonic() + plan.rotation
        self._resume = 0.0  # when to accept again after a shortage
        self._in_shortage = False
        self._restarts: list[float] = []  # when to replace workers that died
        self._waited_for: dict[_Connection, float] = {}  # until when, the earliest first
        self._draining = False
        self._ended = False
        self._poll = select.epoll()  # poll(2) takes no more descriptors than there may be
        self._wakeup = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)  # signals are told through it
        self._handlers: dict[int, Callable[[], object]] = {}
        self._listening = False
        self._signals: dict[int, Callable[[], None]] = {
            signal.SIGCHLD: self._reap,
            signal.SIGTERM: self._stop,
            signal.SIGHUP: self._reload,
            signal.SIGUSR1: self._drain,
        }
        self._reports: dict[bytes, Callable[[_Connection, Message], None]] = {
            protocol.START: self._start,
            protocol.DENY: self._deny,
            protocol.TLS: self._tls,
            protocol.CERTIFIED: self._certified,
            protocol.TROUBLE: self._trouble,
            protocol.DONE: self._done,
        }

    # --- start -----------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Starts the workers.

        Raises:
            ConfigurationError: one of them cannot do its work; the message is complete.
        """
        self._catch_signals()
        gc.freeze()  # a collection would touch what is there by now, and each worker would get its own copy
        for _ in range(self._plan.workers):
            self._workers.append(self._fork(self._keys))  # each closes the channels of those before it
        for each in self._workers:
            self._await_ready(each)

    def _await_ready(self, each: _Worker) -> None:
        poll = select.poll()
        poll.register(each.channel.fileno(), select.POLLIN)
        poll.poll()
        message = each.channel.receive()
        if message is None:
            raise ConfigurationError("a worker ended before it was ready")
        if message.fields[0] == protocol.FAILED:
            raise ConfigurationError(_text(message.fields[1]))
        each.ready = True

    def run(self) -> None:
        """Serves until a signal says otherwise."""
        self._say_status()
        self._notify("READY=1")
        while not self._ended and not (self._draining and not self._connections):
            self._look_at_listener()
            self._look_at_log()
            for number, _ in self._poll.poll(self._wait_time()):
                if number in self._handlers:
                    self._handlers[number]()
            self._pass_time()

    def close(self) -> None:
        """Closes what is ours. Workers that have connections go on until these have ended."""
        self._listener.close()
        for each in self._all_workers():
            each.channel.close()
        signal.set_wakeup_fd(-1)
        close_all(self._wakeup)
        self._poll.close()

    # --- workers ---------------------------------------------------------------------------------------------

    def _fork(self, keys: bytes) -> _Worker:
        """A new worker.

        Raises:
            ConfigurationError: the system has no process, or no descriptor, left for it.
        """
        try:
            with ExitStack() as undo:
                ours, theirs = channel.pair()
                undo.callback(ours.close)
                with theirs:
                    pid = _fork_unheard()
                    if pid == 0:
                        self._become_worker(ours, theirs, keys)
                undo.pop_all()
        except OSError as error:
            raise ConfigurationError(f"unable to start a worker: {error.strerror}") from error
        each = _Worker(pid, Channel(ours))
        self._watch(each.channel.fileno(), lambda: self._hear(each))
        return each

    def _become_worker(self, ours: socket.socket, theirs: socket.socket, keys: bytes) -> None:
        """Never returns."""
        code = 1
        try:
            leave_standard_streams()
            signal.set_wakeup_fd(-1)
            for number, action in _WORKER_SIGNALS.items():
                signal.signal(number, action)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            ours.close()
            self._listener.close()
            for other in self._all_workers():
                other.channel.close()
            close_all(self._wakeup)
            self._poll.close()
            # What we happen to have been started with could be a way out of the jail.
            close_all([number for number in channel.opened() if number != theirs.fileno()])
            worker.run(self._plan.duty.replace(ticket_keys=keys), theirs)
            code = 0
        finally:
            os._exit(code)

    def _all_workers(self) -> Iterator[_Worker]:
        yield from self._workers
        yield from self._coming
        yield from self._leaving

    def _hear(self, each: _Worker) -> bool:
        """Takes what a worker has sent; whether there may be more, for one that never stops is not all there is."""
        if each.channel.backlog:
            each.channel.flush()
            self._watch_for(each.channel)
        for _ in range(_MESSAGES_AT_ONCE):
            try:
                message = each.channel.receive()
            except BlockingIOError:
                return False
            if message is None:
                self._lose(each)
                return False
            try:
                self._take(each, message)
            except Exception as error:
                # Nothing of ours sends such a thing: it is not ours any more.
                self._log.say("nonsense", pid=each.pid, reason=repr(error))
                each.kill(signal.SIGKILL)
            finally:
                close_all(message.descriptors)
        return True

    def _take(self, each: _Worker, message: Message) -> None:
        kind = message.fields[0]
        if kind == protocol.READY:
            self._worker_ready(each)
        elif kind == protocol.FAILED:
            self._worker_failed(each, _text(message.fields[1]))
        elif kind == protocol.RULES:
            each.rules.pop(message.fields[1], None)
        else:
            connection = self._connections.get(int(message.fields[1]))
            if connection is not None and connection.worker is each:
                self._reports[kind](connection, message)

    def _send(self, each: _Worker, fields: list[bytes], descriptors: tuple[int, ...] = ()) -> None:
        if each.lost:
            close_all(descriptors)
            return
        each.channel.send(fields, descriptors)
        if each.channel.backlog:
            self._watch_for(each.channel)

    def _watch_for(self, end: Channel) -> None:
        self._poll.modify(end.fileno(), select.EPOLLIN | (select.EPOLLOUT if end.backlog else 0))

    def _lose(self, each: _Worker) -> None:
        """A worker's channel has ended: it is done, or dead. `_reap` tells which."""
        each.ready, each.lost = False, True
        self._unwatch(each.channel.fileno())
        each.channel.close()

    def _worker_died(self, each: _Worker, status: int) -> None:
        lost = [one for one in self._connections.values() if one.worker is each and not one.done]
        if each in self._leaving:
            self._leaving.remove(each)
            if lost:
                self._log.say("dead", pid=each.pid, status=status)
        elif each in self._coming:
            self._coming.remove(each)
            self._generation_failed(f"a new worker ended by status {status} before it was ready")
        elif each in self._workers:
            self._workers.remove(each)
            if not each.failed:
                self._log.say("dead", pid=each.pid, status=status)
            hasty = each.failed or time.monotonic() - each.since < _RESTART_AFTER
            self._restarts.append(time.monotonic() + (_RESTART_AFTER if hasty else 0.0))
        for connection in lost:
            connection.status = connection.status or _FAILED
            connection.done = True
            self._settle(connection, protocol.TERMINATE)

    def _replace(self) -> None:
        try:
            self._workers.append(self._fork(self._keys))
        except ConfigurationError as error:
            self._log.say("unfit", reason=error.message)
            self._restarts.append(time.monotonic() + _RESTART_AFTER)

    def _worker_failed(self, each: _Worker, reason: str) -> None:
        """It cannot read its files. Of a generation the first says so; one alone replaces a worker that died."""
        each.failed = True
        if each in self._coming:
            self._generation_failed(reason)
        elif each in self._workers:
            self._log.say("unfit", reason=reason)

    # --- generations -----------------------------------------------------------------------------------------

    def _reload(self) -> None:
        """Reads certificates, keys and all that again, in a new generation of workers."""
        if self._draining:
            return
        self._discard(self._coming)
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        self._coming_keys = tickets.new_key()
        self._coming = []
        try:
            for _ in range(self._plan.workers):
                self._coming.append(self._fork(self._coming_keys))
        except ConfigurationError as error:
            self._generation_failed(error.message)

    def _worker_ready(self, each: _Worker) -> None:
        each.ready = True
        if self._coming and all(one.ready for one in self._coming):
            old, self._workers, self._coming = self._workers, self._coming, []
            self._keys, self._next_rotation = self._coming_keys, time.monotonic() + self._plan.rotation
            self._leaving += old
            self._restarts = []
            for one in old:
                self._send(one, [protocol.DRAIN])
            self._log.say("reloaded")
            self._notify("READY=1")

    def _generation_failed(self, reason: str) -> None:
        """The files on disk are no good, or the system has no room."""
        self._log.say("kept", reason=reason)
        self._discard(self._coming)
        self._coming = []
        self._notify("READY=1")

    def _discard(self, workers: list[_Worker]) -> None:
        for each in workers:
            if not each.reaped:
                self._leaving.append(each)
                each.kill(signal.SIGTERM)

    def _rotate(self) -> None:
        self._keys = tickets.rotated(self._keys)
        for each in self._workers:
            self._send(each, [protocol.KEYS, self._keys.hex().encode()])

    # --- coming ----------------------------------------------------------------------------------------------

    def _look_at_listener(self) -> None:
        """Accepts only what can be served: the others wait in the system's queue."""
        wanted = (
            not self._draining
            and len(self._connections) < self._plan.limit
            and not self._resume
            and any(each.ready for each in self._workers)
        )
        if wanted == self._listening:
            return
        self._listening = wanted
        if wanted:
            self._watch(self._listener.fileno(), self._accept)
        else:
            self._unwatch(self._listener.fileno())

    def _look_at_log(self) -> None:
        """Waits until it takes what has been kept, if there is something."""
        number = self._log.descriptor
        if self._log.backlog == (number in self._handlers):
            return
        if self._log.backlog:
            self._watch(number, self._log.flush, select.EPOLLOUT)
        else:
            self._unwatch(number)

    def _accept(self) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            ready = [each for each in self._workers if each.ready]
            if not ready or len(self._connections) >= self._plan.limit:
                return
            try:
                client, address = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(error)
                return
            self._in_shortage = False
            self._admit(client, address, min(ready, key=_load))

    def _pause(self, error: OSError) -> None:
        if not self._in_shortage:
            self._in_shortage = True
            self._log.say("short", reason=error.strerror)
        self._resume = time.monotonic() + _BACK_OFF

    def _admit(self, client: socket.socket, address: tuple[Any, ...], each: _Worker) -> None:
        ip = plain(address[0])
        others = self._by_ip.get(ip, 0)
        if self._plan.most_per_ip and others >= self._plan.most_per_ip:
            self._log.say("limit", most=self._plan.most_per_ip, ip=ip)
            client.close()
            return
        self._numbers += 1
        connection = _Connection(self._numbers, ip, each)
        self._connections[connection.number] = connection
        self._by_ip[ip] = others + 1
        each.connections += 1
        self._say_status()
        self._tell_rules(each)
        scope = address[3] if len(address) > 3 else 0
        texts = (str(connection.number), str(others), address[0], str(address[1]), str(scope))
        self._send(each, [protocol.CLIENT, *(text.encode() for text in texts)], (client.detach(),))

    def _tell_rules(self, each: _Worker) -> None:
        """Hands over a file of rules when it is another one than last time. Only we may be allowed to open it."""
        for which, path in ((protocol.EARLY, self._plan.early_rules), (protocol.FULL, self._plan.full_rules)):
            if path is None:
                continue
            state = _identity_of(path)
            if each.rules.get(which) != state:
                fields, descriptors = _rules_message(which, path, optional=self._plan.rules_optional)
                # What cannot be read is tried again: nothing of the file may change when the reason goes away.
                each.rules[which] = None if fields[2] == protocol.ERROR else state
                self._send(each, fields, descriptors)

    # --- what workers report ---------------------------------------------------------------------------------

    def _start(self, connection: _Connection, message: Message) -> None:
        if connection.pid or connection.done:
            raise ValueError("a second program")
        who, items = message.fields[2], message.fields[3:]
        places = _DELAYED if self._plan.duty.delayed else _IMMEDIATE
        if len(message.descriptors) != len(places):
            self._no_program(connection, os.strerror(errno.EMFILE))
            return
        targets = {
            number: at for numbers, at in zip(places, message.descriptors, strict=True) for number in numbers
        }
        try:
            environment = with_items(self._plan.inherited, items)
            pid = spawn(self._plan.program, environment, {**targets, _STANDARD_ERROR: _STANDARD_ERROR})
        except OSError as error:
            self._no_program(connection, error.strerror)
            return
        connection.pid = pid
        self._programs[pid] = connection
        self._name(connection)
        self._log.say("ok", pid=pid, who=_text(who))

    def _no_program(self, connection: _Connection, reason: str | None) -> None:
        """The worker finds the pipes closed."""
        connection.status = _FAILED
        self._log.say("program", program=self._plan.program.name, reason=reason)

    def _deny(self, connection: _Connection, message: Message) -> None:
        self._name(connection)
        line = "deny-limit" if message.fields[3] else "deny"
        self._log.say(
            line, pid=self._pid(connection), who=_text(message.fields[2]), most=_text(message.fields[3])
        )

    def _tls(self, connection: _Connection, message: Message) -> None:
        line = "tls-details" if self._log.verbosity >= DETAILS else "tls"
        self._log.say(line, pid=self._pid(connection), what=_text(message.fields[2]))

    def _certified(self, connection: _Connection, _message: Message) -> None:
        self._log.say("certified", pid=self._pid(connection))

    def _trouble(self, connection: _Connection, message: Message) -> None:
        self._name(connection)
        line = message.fields[2].decode()
        if line in _TROUBLES:
            reason = _text(message.fields[3])
            self._log.say(line, ip=connection.ip, pid=self._pid(connection), reason=reason)

    def _done(self, connection: _Connection, message: Message) -> None:
        code, fate = int(message.fields[2]), message.fields[3]
        if connection.done or fate not in protocol.FATES:
            raise ValueError("a second end, or none at all")
        connection.done = True
        if code:
            connection.status = (code & 0xFF) << 8
        self._settle(connection, fate)

    def _settle(self, connection: _Connection, fate: bytes) -> None:
        """Ends a connection that nobody is at work for; otherwise its program is still to come to its end."""
        if not connection.pid or connection.reaped:
            self._end(connection)
        elif fate == protocol.TERMINATE:
            _kill(connection.pid, signal.SIGTERM)
        elif fate == protocol.AWAIT:
            self._waited_for[connection] = time.monotonic() + self._plan.patience

    # --- going -----------------------------------------------------------------------------------------------

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            connection = self._programs.pop(pid, None)
            if connection is not None:
                self._program_ended(connection, status)
                continue
            for each in [one for one in self._all_workers() if one.pid == pid]:
                each.reaped = True
                self._drain_reports(each)
                self._worker_died(each, status)

    def _drain_reports(self, each: _Worker) -> None:
        """What a worker said before it ended still counts; what others say over its channel does not."""
        while not each.lost and self._hear(each):
            pass
        if not each.lost:
            self._lose(each)

    def _program_ended(self, connection: _Connection, status: int) -> None:
        connection.reaped = True
        connection.status = connection.status or status
        if connection.done:
            self._end(connection)

    def _end(self, connection: _Connection) -> None:
        """A connection is over: both worker and program are done with it."""
        del self._connections[connection.number]
        self._waited_for.pop(connection, None)
        left = self._by_ip[connection.ip] - 1
        self._by_ip[connection.ip] = left
        if not left:
            del self._by_ip[connection.ip]
        connection.worker.connections -= 1
        self._name(connection)
        self._log.say("ended", pid=self._pid(connection), status=connection.status)
        self._say_status()

    # --- the log ---------------------------------------------------------------------------------------------

    def _pid(self, connection: _Connection) -> int:
        """The program's process; without one, that of the worker, which did all that was done."""
        return connection.pid or connection.worker.pid

    def _name(self, connection: _Connection) -> None:
        if not connection.named:
            connection.named = True
            self._log.say("pid", pid=self._pid(connection), ip=connection.ip)

    def _say_status(self) -> None:
        plan = self._plan
        self._log.say("status", count=len(self._connections), limit=plan.limit, most=plan.most_per_ip)

    # --- time ------------------------------------------------------------------------------------------------

    def _wait_time(self) -> float:
        """Seconds until something is due."""
        due = [self._next_rotation, *self._restarts]
        if self._resume:
            due.append(self._resume)
        due += itertools.islice(self._waited_for.values(), 1)
        return min(max(0.0, min(due) - time.monotonic()), _LONGEST_WAIT)

    def _pass_time(self) -> None:
        now = time.monotonic()
        if self._resume and self._resume <= now:
            self._resume = 0.0
        if self._next_rotation <= now:
            self._next_rotation = now + self._plan.rotation
            self._rotate()
        for due in [moment for moment in self._restarts if moment <= now]:
            self._restarts.remove(due)
            self._replace()
        for connection in list(
            itertools.takewhile(lambda each: self._waited_for[each] <= now, self._waited_for)
        ):
            del self._waited_for[connection]
            _kill(connection.pid, signal.SIGTERM)

    # --- signals ---------------------------------------------------------------------------------------------

    def _catch_signals(self) -> None:
        signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        for number in self._signals:
            signal.signal(number, _noticed)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self._watch(self._wakeup[0], self._take_signals)

    def _take_signals(self) -> None:
        for number in set(os.read(self._wakeup[0], 256)) & self._signals.keys():
            self._signals[number]()

    def _drain(self) -> None:
        self._draining = True
        self._look_at_listener()
        self._listener.close()  # nobody waits in vain
        self._notify("STOPPING=1")

    def _stop(self) -> None:
        self._ended = True
        self._notify("STOPPING=1")

    def _watch(self, number: int, handler: Callable[[], object], events: int = select.EPOLLIN) -> None:
        self._handlers[number] = handler
        self._poll.register(number, events)

    def _unwatch(self, number: int) -> None:
        del self._handlers[number]
        self._poll.unregister(number)


def leave_standard_streams() -> None:
    """Nobody who waits for the end of our output waits for ours."""
    for number, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY | os.O_APPEND)):
        nothing = os.open(os.devnull, flags)
        os.dup2(nothing, number)
        os.close(nothing)


def _noticed(_number: int, _frame: object) -> None:
    """A signal has come; the loop reads which from the pipe."""


_WORKER_SIGNALS = {
    signal.SIGCHLD: signal.SIG_DFL,
    signal.SIGTERM: signal.SIG_DFL,
    # Sent to the whole group they are meant for the supervisor.
    signal.SIGHUP: signal.SIG_IGN,
    signal.SIGUSR1: signal.SIG_IGN,
}

_TROUBLES = ("accept", "speak", "certificate", "rules", "client")


def _fork_unheard() -> int:
    """fork(2), with all signals blocked in the child: until it has its own ways with them, its parent would be told
    of them through the pipe that it inherits.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def _kill(pid: int, number: signal.Signals) -> None:
    """Sends a signal to a child of ours. One that has become another user need not take it."""
    try:
        os.kill(pid, number)
    except OSError:
        pass


def _load(each: _Worker) -> int:
    return each.connections


def _text(field: bytes) -> str:
    return field.decode("utf-8", "surrogateescape")


def _identity_of(path: str) -> object:
    """What tells a file of rules from the one before."""
    try:
        status = os.stat(path)
    except OSError as error:
        return error.errno
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def _rules_message(which: bytes, path: str, *, optional: bool) -> tuple[list[bytes], tuple[int, ...]]:
    name = os.fsencode(path)
    try:
        # A named pipe in its place must not make us wait for somebody who writes to it.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if optional and error.errno == errno.ENOENT:
            return [protocol.RULES, which, protocol.NONE], ()
        text = f"unable to read: {path}: {error.strerror}"
        return [protocol.RULES, which, protocol.ERROR, os.fsencode(text)], ()
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        text = f"unable to read: {path}: not a regular file"
        return [protocol.RULES, which, protocol.ERROR, os.fsencode(text)], ()
    return [protocol.RULES, which, protocol.OK, name], (number,)
