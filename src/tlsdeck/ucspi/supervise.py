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

SIGTERM ends the supervisor at once: running connections go on in their workers. SIGUSR1 stops accepting, and the
supervisor ends with the last connection. SIGHUP has certificates read again.

That is this file. Its workers, from fork(2) to their end, are in workforce.py; what they say in protocol.py; the one
place where it waits, for all of this, in dispatch.py; the lines it writes in log.py.
"""

from __future__ import annotations

import errno
import os
import signal
from functools import partial

from tlsdeck.native.process import spawn
from tlsdeck.record import Record
from tlsdeck.ucspi import protocol
from tlsdeck.ucspi.addresses import plain
from tlsdeck.ucspi.dispatch import READ, WRITE, Dispatcher
from tlsdeck.ucspi.environment import with_items
from tlsdeck.ucspi.log import DETAILS
from tlsdeck.ucspi.workforce import Workforce, kill

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from tlsdeck.native.process import Program
    from tlsdeck.ucspi.channel import Message
    from tlsdeck.ucspi.dispatch import Timer
    from tlsdeck.ucspi.log import Log
    from tlsdeck.ucspi.workforce import Staffing, WorkerProcess

_BACK_OFF = 0.1  # seconds without accepting after the system ran out of something
_FAILED = 111 << 8  # as a wait status
_ACCEPTS_AT_ONCE = 16

# The numbers under which a program finds its descriptors, in the order in which they come.
_IMMEDIATE = ((0,), (1,))
_DELAYED = ((0, 1), (3,), (4,), (5,))
_STANDARD_ERROR = 2

_TROUBLES = ("accept", "speak", "certificate", "rules", "client")


class Plan(Record):
    """What to do; fixed for the whole run."""

    program: Program
    staffing: Staffing
    inherited: Mapping[bytes, bytes]  # environment of programs
    limit: int  # connections at once
    most_per_ip: int  # of them from one address, 0 for any number
    patience: float  # seconds for a program whose connection has ended


class _Connection:
    """A connection that counts. `status`: of the program, or of what went wrong, as wait(2) has it."""

    __slots__ = ("done", "ip", "named", "number", "pid", "reaped", "status", "timer", "worker")

    def __init__(self, number: int, ip: str, worker: WorkerProcess) -> None:
        self.number = number
        self.ip = ip
        self.worker = worker
        self.pid = 0
        self.status = 0
        self.timer: Timer | None = None  # of a program that is waited for
        self.named = False  # whether the log has its pid
        self.done = False  # whether the worker is done with it
        self.reaped = False  # whether the program has ended


class Supervisor:
    """Runs a server on a socket that is listened on."""

    def __init__(self, listener: socket.socket, plan: Plan, log: Log, notify: Callable[[str], None]) -> None:
        self._listener = listener
        self._plan = plan
        self._log = log
        self._notify = notify
        self._dispatcher = Dispatcher()
        self._workforce = Workforce(plan.staffing, self._dispatcher, log, notify, self._report)
        self._connections: dict[int, _Connection] = {}
        self._by_ip: dict[str, int] = {}
        self._programs: dict[int, _Connection] = {}
        self._numbers = 0
        self._backing_off = False
        self._in_shortage = False
        self._draining = False
        self._ended = False
        self._reports: dict[bytes, Callable[[_Connection, Message], None]] = {
            protocol.START: self._start,
            protocol.DENY: self._deny,
            protocol.TLS: self._tls,
            protocol.CERTIFIED: self._certified,
            protocol.TROUBLE: self._trouble,
            protocol.DONE: self._done,
        }

    def prepare(self) -> None:
        """Starts the workers.

        Raises:
            ConfigurationError: one of them cannot do its work; the message is complete.
        """
        self._dispatcher.on_signal(signal.SIGCHLD, self._reap)
        self._dispatcher.on_signal(signal.SIGTERM, self._stop)
        self._dispatcher.on_signal(signal.SIGHUP, self._reload)
        self._dispatcher.on_signal(signal.SIGUSR1, self._drain)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self._workforce.start()

    def run(self) -> None:
        """Serves until a signal says otherwise."""
        self._say_status()
        self._notify("READY=1")
        while not self._ended and not (self._draining and not self._connections):
            self._look_at_listener()
            self._look_at_log()
            self._dispatcher.turn()

    def close(self) -> None:
        """Closes what is ours. Workers that have connections go on until these have ended."""
        self._listener.close()
        self._workforce.close()
        self._dispatcher.close()

    # --- signals ---------------------------------------------------------------------------------------------

    def _reload(self) -> None:
        if not self._draining:
            self._workforce.renew()

    def _drain(self) -> None:
        self._draining = True
        self._look_at_listener()
        self._listener.close()  # nobody waits in vain
        self._notify("STOPPING=1")

    def _stop(self) -> None:
        self._ended = True
        self._notify("STOPPING=1")

    # --- coming ----------------------------------------------------------------------------------------------

    def _look_at_listener(self) -> None:
        """Accepts only what can be served: the others wait in the system's queue."""
        wanted = (
            not self._draining
            and len(self._connections) < self._plan.limit
            and not self._backing_off
            and self._workforce.least_busy() is not None
        )
        self._dispatcher.watch(self._listener.fileno(), READ if wanted else 0, self._accept)

    def _look_at_log(self) -> None:
        """Waits until it takes what has been kept, if there is something."""
        self._dispatcher.watch(self._log.descriptor, WRITE if self._log.backlog else 0, self._log.flush)

    def _accept(self) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            each = self._workforce.least_busy()
            if each is None or len(self._connections) >= self._plan.limit:
                return
            try:
                client, address = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(error)
                return
            self._in_shortage = False
            self._admit(client, address, each)

    def _pause(self, error: OSError) -> None:
        if not self._in_shortage:
            self._in_shortage = True
            self._log.say("short", reason=error.strerror)
        self._backing_off = True
        self._dispatcher.after(_BACK_OFF, self._go_on)

    def _go_on(self) -> None:
        self._backing_off = False

    def _admit(self, client: socket.socket, address: tuple[Any, ...], each: WorkerProcess) -> None:
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
        scope = address[3] if len(address) > 3 else 0
        texts = (str(connection.number), str(others), address[0], str(address[1]), str(scope))
        fields = [protocol.CLIENT, *(text.encode() for text in texts)]
        self._workforce.hand_over(each, fields, client.detach())

    # --- what workers report ---------------------------------------------------------------------------------

    def _report(self, each: WorkerProcess, message: Message) -> None:
        connection = self._connections.get(int(message.fields[1]))
        if connection is not None and connection.worker is each:
            self._reports[message.fields[0]](connection, message)

    def _start(self, connection: _Connection, message: Message) -> None:
        if connection.pid or connection.done:
            raise ValueError("a second program")
        who, items = message.fields[2], message.fields[3:]
        places = _DELAYED if self._plan.staffing.duty.delayed else _IMMEDIATE
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
        self._log.say("ok", pid=pid, who=protocol.text(who))

    def _no_program(self, connection: _Connection, reason: str | None) -> None:
        """The worker finds the pipes closed."""
        connection.status = _FAILED
        self._log.say("program", program=self._plan.program.name, reason=reason)

    def _deny(self, connection: _Connection, message: Message) -> None:
        self._name(connection)
        who, most = map(protocol.text, message.fields[2:])
        self._log.say("deny-limit" if most else "deny", pid=self._pid(connection), who=who, most=most)

    def _tls(self, connection: _Connection, message: Message) -> None:
        line = "tls-details" if self._log.verbosity >= DETAILS else "tls"
        self._log.say(line, pid=self._pid(connection), what=protocol.text(message.fields[2]))

    def _certified(self, connection: _Connection, _message: Message) -> None:
        self._log.say("certified", pid=self._pid(connection))

    def _trouble(self, connection: _Connection, message: Message) -> None:
        self._name(connection)
        line = message.fields[2].decode()
        if line in _TROUBLES:
            reason = protocol.text(message.fields[3])
            self._log.say(line, ip=connection.ip, pid=self._pid(connection), reason=reason)

    def _done(self, connection: _Connection, message: Message) -> None:
        code, fate = int(message.fields[2]), message.fields[3]
        if connection.done or fate not in protocol.FATES:
            raise ValueError("a second end, or none at all")
        connection.done = True
        connection.worker.connections -= 1
        if code:
            connection.status = (code & 0xFF) << 8
        self._settle(connection, fate)

    def _settle(self, connection: _Connection, fate: bytes) -> None:
        """Ends a connection that nobody is at work for; otherwise its program is still to come to its end."""
        if not connection.pid or connection.reaped:
            self._end(connection)
        elif fate == protocol.TERMINATE:
            kill(connection.pid, signal.SIGTERM)
        elif fate == protocol.AWAIT:
            terminate = partial(kill, connection.pid, signal.SIGTERM)
            connection.timer = self._dispatcher.after(self._plan.patience, terminate)

    # --- going -----------------------------------------------------------------------------------------------

    def _reap(self) -> None:
        for pid, status in _ended_children():
            connection = self._programs.pop(pid, None)
            if connection is not None:
                self._program_ended(connection, status)
            elif (each := self._workforce.ended(pid, status)) is not None:
                self._worker_ended(each)

    def _worker_ended(self, each: WorkerProcess) -> None:
        """What it was not done with ends with it."""
        for connection in list(self._connections.values()):
            if connection.worker is each and not connection.done:
                connection.status = connection.status or _FAILED
                connection.done = True
                self._settle(connection, protocol.TERMINATE)

    def _program_ended(self, connection: _Connection, status: int) -> None:
        connection.reaped = True
        connection.status = connection.status or status
        if connection.done:
            self._end(connection)

    def _end(self, connection: _Connection) -> None:
        """A connection is over: both worker and program are done with it."""
        del self._connections[connection.number]
        if connection.timer is not None:
            connection.timer.cancel()
        self._by_ip[connection.ip] -= 1
        if not self._by_ip[connection.ip]:
            del self._by_ip[connection.ip]
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


def _ended_children() -> Iterator[tuple[int, int]]:
    """Process ids and wait statuses."""
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended
    except ChildProcessError:
        return
