"""The workers: generations of them, the keys and the rules they are given, and what happens when one dies.

Theory of operation
-------------------

Workers come in generations. SIGHUP forks a new one, which reads all files anew with the rights still there; when every
worker of it is ready, new connections go to it, and the old ones end with their last connection. If one of the new
cannot read something, the whole generation goes and the old stays.

A generation shares the keys of session tickets, which change every hour (TICKET_LIFETIME); a new generation has new
ones, so no session outlives the certificates it was made under.

A worker in its jail cannot open a file of rules that somebody has replaced. It is opened here, and handed over together
with the next connection.

A worker that dies takes its own connections with it and is replaced. Workers are what an attacker would take over first:
one that says what no worker of ours says is killed, and so dies.

What a connection is, is not known here, only how many each worker has: what is reported about one goes to whoever
counts them.
"""

from __future__ import annotations

import errno
import gc
import os
import select
import signal
import stat
import time
from contextlib import ExitStack

from tlsdeck.errors import ConfigurationError
from tlsdeck.record import Record
from tlsdeck.tls import tickets
from tlsdeck.ucspi import channel, protocol, worker
from tlsdeck.ucspi.channel import Channel, close_all
from tlsdeck.ucspi.dispatch import READ, WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence

    from tlsdeck.ucspi.channel import Message
    from tlsdeck.ucspi.dispatch import Dispatcher, Timer
    from tlsdeck.ucspi.log import Log
    from tlsdeck.ucspi.worker import Duty

_RESTART_AFTER = 1.0  # seconds a worker must have lived to be replaced at once
_MESSAGES_AT_ONCE = 256  # from one worker, before the others are heard


class Staffing(Record):
    """What the workers are to be; fixed for the whole run."""

    duty: Duty
    count: int
    rules_optional: bool = False  # whether there may be no file of rules


class WorkerProcess:
    """A worker as it is seen from here. `rules`: what it was told about each file of rules."""

    __slots__ = ("channel", "connections", "failed", "lost", "pid", "ready", "reaped", "rules", "since")

    def __init__(self, pid: int, end: Channel) -> None:
        self.pid = pid
        self.channel = end
        self.ready = self.failed = self.lost = self.reaped = False
        self.connections = 0  # that it is not done with
        self.rules: dict[bytes, object] = {}
        self.since = time.monotonic()

    def kill(self, number: signal.Signals) -> None:
        """Sends a signal, unless the number may be another process's by now."""
        if not self.reaped:
            kill(self.pid, number)


class _Generation:
    """Workers that have read the same files, and the keys of the tickets that they seal."""

    __slots__ = ("keys", "workers")

    def __init__(self) -> None:
        self.keys = tickets.new_key()
        self.workers: list[WorkerProcess] = []


class Workforce:
    """Keeps as many workers at work as there are to be.

    `report` is called with what a worker says about one of its connections; if it raises, the worker is not ours any
    more.
    """

    def __init__(
        self,
        staffing: Staffing,
        dispatcher: Dispatcher,
        log: Log,
        notify: Callable[[str], None],
        report: Callable[[WorkerProcess, Message], None],
    ) -> None:
        self._staffing = staffing
        self._dispatcher = dispatcher
        self._log = log
        self._notify = notify
        self._report = report
        self._present = _Generation()  # takes connections
        self._coming = _Generation()  # without workers most of the time
        self._leaving: list[WorkerProcess] = []
        self._rotation = self._next_rotation()
        self._news = {
            protocol.READY: self._ready,
            protocol.FAILED: self._failed,
            protocol.RULES: self._lacks_rules,
        }

    def start(self) -> None:
        """Forks the first generation.

        Raises:
            ConfigurationError: one of them cannot do its work; the message is complete.
        """
        gc.freeze()  # a collection would touch what is there by now, and each worker would get its own copy
        self._fork_all(self._present)
        for each in self._present.workers:
            _await_ready(each)

    def least_busy(self) -> WorkerProcess | None:
        """Who is to have the next connection; nobody if none is ready."""
        ready = [each for each in self._present.workers if each.ready]
        return min(ready, key=lambda each: each.connections, default=None)

    def hand_over(self, each: WorkerProcess, client: Sequence[bytes], socket: int) -> None:
        """Gives a worker a connection, and before that the rules it lacks."""
        self._tell_rules(each)
        self._send(each, client, (socket,))

    def ended(self, pid: int, status: int) -> WorkerProcess | None:
        """A child has ended: which worker it was, if it was one. What it said before has been reported."""
        each = next((one for one in self._all() if one.pid == pid), None)
        if each is not None:
            each.reaped = True
            self._hear_out(each)
            self._part_with(each, status)
        return each

    def close(self) -> None:
        """Leaves them alone; those that have connections go on until these have ended."""
        for each in self._all():
            each.channel.close()

    def _all(self) -> Iterator[WorkerProcess]:
        yield from self._present.workers
        yield from self._coming.workers
        yield from self._leaving

    # --- generations -----------------------------------------------------------------------------------------

    def renew(self) -> None:
        """Reads certificates, keys and all that again, in a new generation."""
        self._discard_coming()
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            self._fork_all(self._coming)
        except ConfigurationError as error:
            self._keep(error.message)

    def _ready(self, each: WorkerProcess, _message: Message) -> None:
        each.ready = True
        if self._coming.workers and all(one.ready for one in self._coming.workers):
            self._change()

    def _change(self) -> None:
        old, self._present, self._coming = self._present.workers, self._coming, _Generation()
        self._leaving += old
        for each in old:
            self._send(each, [protocol.DRAIN])
        self._rotation.cancel()
        self._rotation = self._next_rotation()
        self._log.say("reloaded")
        self._notify("READY=1")

    def _failed(self, each: WorkerProcess, message: Message) -> None:
        """It cannot read its files. Of a generation the first says so; one alone replaces a worker that died."""
        reason = protocol.text(message.fields[1])
        each.failed = True
        if each in self._coming.workers:
            self._keep(reason)
        elif each in self._present.workers:
            self._log.say("unfit", reason=reason)

    def _keep(self, reason: str) -> None:
        """The files on disk are no good, or the system has no room: the present generation stays."""
        self._log.say("kept", reason=reason)
        self._discard_coming()
        self._notify("READY=1")

    def _discard_coming(self) -> None:
        discarded, self._coming = self._coming.workers, _Generation()
        for each in discarded:
            if not each.reaped:
                self._leaving.append(each)
                each.kill(signal.SIGTERM)

    def _next_rotation(self) -> Timer:
        return self._dispatcher.after(self._staffing.duty.demand.ticket_lifetime, self._rotate)

    def _rotate(self) -> None:
        self._rotation = self._next_rotation()
        self._present.keys = tickets.rotated(self._present.keys)
        for each in self._present.workers:
            self._send(each, [protocol.KEYS, self._present.keys.hex().encode()])

    # --- one worker for another ------------------------------------------------------------------------------

    def _part_with(self, each: WorkerProcess, status: int) -> None:
        """It has ended, as it should or not."""
        if each in self._leaving:
            self._leaving.remove(each)
            if each.connections:
                self._log.say("dead", pid=each.pid, status=status)
        elif each in self._coming.workers:
            self._coming.workers.remove(each)
            self._keep(f"a new worker ended by status {status} before it was ready")
        elif each in self._present.workers:
            self._present.workers.remove(each)
            if not each.failed:
                self._log.say("dead", pid=each.pid, status=status)
            hasty = each.failed or time.monotonic() - each.since < _RESTART_AFTER
            self._dispatcher.after(_RESTART_AFTER if hasty else 0.0, self._replace)

    def _replace(self) -> None:
        """Forks one for one that died, unless a new generation has come meanwhile."""
        if len(self._present.workers) >= self._staffing.count:
            return
        try:
            self._fork(self._present)
        except ConfigurationError as error:
            self._log.say("unfit", reason=error.message)
            self._dispatcher.after(_RESTART_AFTER, self._replace)

    # --- forking ---------------------------------------------------------------------------------------------

    def _fork_all(self, generation: _Generation) -> None:
        for _ in range(self._staffing.count):
            self._fork(generation)

    def _fork(self, generation: _Generation) -> None:
        """Adds a worker.

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
                        self._become_worker(theirs, generation.keys)
                undo.pop_all()
        except OSError as error:
            raise ConfigurationError(f"unable to start a worker: {error.strerror}") from error
        each = WorkerProcess(pid, Channel(ours))
        generation.workers.append(each)
        self._watch(each)

    def _become_worker(self, end: socket.socket, keys: bytes) -> None:
        """Never returns."""
        code = 1
        try:
            leave_standard_streams()
            self._dispatcher.close()
            for number, action in _WORKER_SIGNALS.items():
                signal.signal(number, action)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            # The socket listened on, the others' channels; and what we happen to have been started with could be a
            # way out of the jail. Whatever object has one of these numbers is not used again, and never deleted.
            close_all([number for number in channel.opened() if number != end.fileno()])
            worker.run(self._staffing.duty.replace(ticket_keys=keys), end)
            code = 0
        finally:
            os._exit(code)

    # --- messages --------------------------------------------------------------------------------------------

    def _watch(self, each: WorkerProcess) -> None:
        events = READ | (WRITE if each.channel.backlog else 0)
        self._dispatcher.watch(each.channel.fileno(), events, lambda: self._hear(each))

    def _hear(self, each: WorkerProcess) -> bool:
        """Takes what a worker has sent; whether there may be more, for one that never stops is not all there is."""
        if each.channel.backlog:
            each.channel.flush()
            self._watch(each)
        for _ in range(_MESSAGES_AT_ONCE):
            try:
                message = each.channel.receive()
            except BlockingIOError:
                return False
            if message is None:
                self._lose(each)
                return False
            self._take(each, message)
        return True

    def _take(self, each: WorkerProcess, message: Message) -> None:
        try:
            self._news.get(message.fields[0], self._report)(each, message)
        except Exception as error:
            # Nothing of ours sends such a thing: it is not ours any more.
            self._log.say("nonsense", pid=each.pid, reason=repr(error))
            each.kill(signal.SIGKILL)
        finally:
            close_all(message.descriptors)

    def _hear_out(self, each: WorkerProcess) -> None:
        """What a worker said before it ended still counts; what others say over its channel does not."""
        while not each.lost and self._hear(each):
            pass
        if not each.lost:
            self._lose(each)

    def _lose(self, each: WorkerProcess) -> None:
        """A worker's channel has ended: it is done, or dead. `ended` tells which."""
        each.ready, each.lost = False, True
        self._dispatcher.forget(each.channel.fileno())
        each.channel.close()

    def _send(self, each: WorkerProcess, fields: Sequence[bytes], descriptors: tuple[int, ...] = ()) -> None:
        if each.lost:
            close_all(descriptors)
            return
        each.channel.send(fields, descriptors)
        if each.channel.backlog:
            self._watch(each)

    # --- rules -----------------------------------------------------------------------------------------------

    def _tell_rules(self, each: WorkerProcess) -> None:
        """Hands over a file of rules when it is another one than last time."""
        for which, path in self._staffing.duty.rule_files.items():
            state = _identity_of(path)
            if each.rules.get(which) != state:
                fields, descriptors = _rules_message(which, path, optional=self._staffing.rules_optional)
                # What cannot be read is tried again: nothing of the file may change when the reason goes away.
                each.rules[which] = None if fields[2] == protocol.ERROR else state
                self._send(each, fields, descriptors)

    def _lacks_rules(self, each: WorkerProcess, message: Message) -> None:
        each.rules.pop(message.fields[1], None)


def leave_standard_streams() -> None:
    """Nobody who waits for the end of our output waits for ours."""
    for number, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY | os.O_APPEND)):
        nothing = os.open(os.devnull, flags)
        os.dup2(nothing, number)
        os.close(nothing)


def kill(pid: int, number: signal.Signals) -> None:
    """Sends a signal to a child of ours. One that has become another user need not take it."""
    try:
        os.kill(pid, number)
    except OSError:
        pass


_WORKER_SIGNALS = {
    signal.SIGCHLD: signal.SIG_DFL,
    signal.SIGTERM: signal.SIG_DFL,
    # Sent to the whole group they are meant for the supervisor.
    signal.SIGHUP: signal.SIG_IGN,
    signal.SIGUSR1: signal.SIG_IGN,
}


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


def _await_ready(each: WorkerProcess) -> None:
    poll = select.poll()
    poll.register(each.channel.fileno(), select.POLLIN)
    poll.poll()
    message = each.channel.receive()
    if message is None:
        raise ConfigurationError("a worker ended before it was ready")
    if message.fields[0] == protocol.FAILED:
        raise ConfigurationError(protocol.text(message.fields[1]))
    each.ready = True


def _identity_of(path: str) -> object:
    """What tells a file of rules from the one before."""
    try:
        status = os.stat(path)
    except OSError as error:
        return error.errno
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def _rules_message(which: bytes, path: str, *, optional: bool) -> tuple[list[bytes], tuple[int, ...]]:
    try:
        # A named pipe in its place must not make us wait for somebody who writes to it.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if stat.S_ISREG(os.fstat(number).st_mode):
            return [protocol.RULES, which, protocol.OK, os.fsencode(path)], (number,)
        os.close(number)
        reason = "not a regular file"
    except OSError as error:
        if optional and error.errno == errno.ENOENT:
            return [protocol.RULES, which, protocol.NONE], ()
        reason = str(error.strerror)
    return [protocol.RULES, which, protocol.ERROR, os.fsencode(f"unable to read: {path}: {reason}")], ()
