from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, suppress

import pytest

from tlsdeck.errors import OutputError, TimeLimitError
from tlsdeck.net.crowd import Crowd, Deadlines
from tlsdeck.net.limits import Clock, Limits
from tlsdeck.net.sockets import LINGER, Listener, Place

LIMIT = 20.0  # seconds
Service = Callable[[int, Clock], Generator[str | int]]


class Running:
    """A crowd in a thread."""

    def __init__(
        self, service: Service, limit: int | None, *, most: int | None = None, limits: Limits | None = None
    ) -> None:
        self.listener = Listener(Place("127.0.0.1", "0"))
        self.port = int(self.listener.address.rpartition(":")[2])
        self.shortages: list[OSError] = []
        self.broken: list[Exception] = []
        self.crowd = Crowd(
            self.listener,
            service,
            limit=limit,
            short=self.shortages.append,
            broken=self.broken.append,
            most=most,
            limits=limits,
        )
        self.problem: BaseException | None = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        try:
            self.crowd.run()
        except BaseException as problem:
            self.problem = problem

    def client(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), LIMIT)

    def finish(self) -> None:
        self.thread.join(LIMIT)
        assert not self.thread.is_alive()
        self.listener.close()
        if self.problem is not None:
            raise self.problem


def echo(descriptor: int, _clock: Clock) -> Generator[str | int]:
    """Sends one chunk back."""
    yield "read"
    data = os.read(descriptor, 100)
    yield "write"
    os.write(descriptor, data)


def answer(client: socket.socket, question: bytes) -> bytes:
    client.sendall(question)
    taken = b""
    while chunk := client.recv(100):
        taken += chunk
    return taken


def elsewhere(descriptor: int, _clock: Clock) -> Generator[str | int]:
    """As echo, with a pipe to be waited for in between; the chunk itself comes out of it."""
    yield "read"
    data = os.read(descriptor, 100)
    reading, writing = os.pipe()

    def happen() -> None:
        time.sleep(0.2)
        os.write(writing, data)
        os.close(writing)

    threading.Thread(target=happen).start()
    yield reading
    os.write(descriptor, os.read(reading, 100))
    os.close(reading)


def test_crowd_waits_for_what_happens_elsewhere_and_serves_others_meanwhile() -> None:
    running = Running(elsewhere, 3)
    with running.client() as first, running.client() as second, running.client() as third:
        began = time.monotonic()
        for client in (first, second, third):
            client.sendall(b"hello")
        assert [client.recv(100) for client in (first, second, third)] == [b"hello"] * 3
        assert time.monotonic() - began < 0.6
    running.finish()


def test_crowd_ends_after_the_last_of_its_clients() -> None:
    running = Running(echo, 3)
    for number in range(3):
        with running.client() as client:
            assert answer(client, b"%d" % number) == b"%d" % number
    running.finish()
    assert running.shortages == []


def test_crowd_of_none_is_over_at_once() -> None:
    Running(echo, 0).finish()


def test_crowd_serves_clients_in_any_order() -> None:
    running = Running(echo, 100)
    with ExitStack() as stack:
        clients = [stack.enter_context(running.client()) for _ in range(100)]
        for number in reversed(range(100)):
            assert answer(clients[number], b"%d" % number) == b"%d" % number
            clients[number].close()
    running.finish()


def test_crowd_does_not_accept_more_than_its_limit() -> None:
    running = Running(echo, 1)
    with running.client() as first, running.client() as second:
        assert answer(first, b"first") == b"first"
        first.close()
        running.finish()  # closes the listener, and so resets the one that was never accepted
        with pytest.raises(ConnectionResetError):
            second.recv(1)


def test_crowd_is_not_held_up_by_silent_clients() -> None:
    running = Running(echo, 21)
    with ExitStack() as stack:
        silent = [stack.enter_context(running.client()) for _ in range(20)]
        with running.client() as client:
            assert answer(client, b"hello") == b"hello"
        for each in silent:
            each.close()
    running.finish()


def test_crowd_takes_turns() -> None:
    """A service that always could go on does not keep the others waiting."""
    stop = threading.Event()

    def busy_or_echo(descriptor: int, _clock: Clock) -> Generator[str]:
        yield "read"
        data = os.read(descriptor, 100)
        while data == b"busy" and not stop.is_set():
            yield "write"
        os.write(descriptor, data)

    running = Running(busy_or_echo, 2)
    with running.client() as busy, running.client() as client:
        busy.sendall(b"busy")
        assert answer(client, b"hello") == b"hello"
        stop.set()
        assert busy.recv(100) == b"busy"
    running.finish()


def test_crowd_gives_the_peer_time_to_take_the_rest() -> None:
    """Data that nobody reads any more must not reset the connection."""
    big = bytes(200_000)

    def send(descriptor: int, _clock: Clock) -> Generator[str]:
        rest = big
        while rest:
            yield "write"
            rest = rest[os.write(descriptor, rest) :]

    running = Running(send, 1)
    with running.client() as client:
        client.sendall(b"a question that is not read")
        taken = 0
        while chunk := client.recv(10_000):
            taken += len(chunk)
            if taken < 20_000:
                time.sleep(0.01)
        assert taken == len(big)
    running.finish()


def test_crowd_leaves_clients_that_do_not_leave() -> None:
    running = Running(echo, 2)
    with running.client() as first, running.client() as second:
        began = time.monotonic()
        assert answer(first, b"hello") == b"hello"
        assert answer(second, b"hello") == b"hello"
        running.finish()
        assert time.monotonic() - began >= LINGER


def breaks(problem: BaseException) -> Service:
    """Serves by raising something at the word "break"."""

    def serve(descriptor: int, _clock: Clock) -> Generator[str]:
        yield "read"
        if os.read(descriptor, 100) == b"break":
            raise problem
        os.write(descriptor, b"whole")

    return serve


def test_unforeseen_error_ends_one_client_only() -> None:
    problem = LookupError("oh")
    running = Running(breaks(problem), 2)
    with running.client() as waiting, running.client() as client:
        assert answer(client, b"break") == b""
        assert answer(waiting, b"hello") == b"whole"
    running.finish()
    assert running.broken == [problem]


def test_client_that_gets_no_service_is_closed() -> None:
    def refuse(_descriptor: int, _clock: Clock) -> Generator[str]:
        raise LookupError("no service")

    running = Running(refuse, 2)
    for _ in range(2):
        with running.client() as client:
            assert client.recv(1) == b""
    running.finish()
    assert [str(problem) for problem in running.broken] == ["no service", "no service"]


@pytest.mark.parametrize("problem", [OutputError("nobody reads"), KeyboardInterrupt()])
def test_crowd_ends_with_what_concerns_all(problem: BaseException) -> None:
    running = Running(breaks(problem), None)
    with running.client() as waiting, running.client() as client:
        client.sendall(b"break")
        with pytest.raises(type(problem)):
            running.finish()
        assert waiting.recv(1) == b""


def test_crowd_serves_so_many_at_once() -> None:
    """The third one waits in the queue until one of the first two is gone."""
    running = Running(echo, 3, most=2)
    with running.client() as first, running.client() as second, running.client() as third:
        third.sendall(b"third")
        third.settimeout(0.3)
        with pytest.raises(TimeoutError):
            third.recv(100)
        assert answer(second, b"second") == b"second"
        second.close()
        third.settimeout(LIMIT)
        assert third.recv(100) == b"third"
        assert answer(first, b"first") == b"first"
    running.finish()


def told(descriptor: int, clock: Clock) -> Generator[str]:
    """Sends what is raised where it waits for a line, or the line."""
    try:
        line = b""
        while not line.endswith(b"\n"):
            yield "read"
            line += os.read(descriptor, 100)
            if line == b"idle\n":
                clock.enter("idle")
                line = b""
    except TimeLimitError as error:
        line = error.message.encode()
    os.write(descriptor, line)


def test_time_limits_are_each_clients() -> None:
    running = Running(told, 3, limits=Limits(handshake=0.5, idle=1.0))
    with running.client() as first, running.client() as second, running.client() as third:
        second.sendall(b"idle\n")
        began = time.monotonic()
        assert answer(third, b"in time\n") == b"in time\n"
        assert answer(first, b"sl") == b"handshake not complete after 0.5 seconds (-handshake_timeout)"
        assert 0.4 < time.monotonic() - began < 0.9
        assert answer(second, b"ow") == b"no data for 1 seconds (-idle_timeout)"
        assert time.monotonic() - began >= 0.9
    running.finish()


def test_byte_by_byte_does_not_stop_the_clock() -> None:
    running = Running(told, 1, limits=Limits(handshake=0.5))
    with running.client() as client:
        client.settimeout(0.05)
        began, taken = time.monotonic(), b""
        while not taken:
            client.sendall(b"x")
            with suppress(TimeoutError):
                taken = client.recv(100)
        assert time.monotonic() - began < 2
    assert taken.startswith(b"handshake not complete")
    running.finish()


def test_what_is_done_elsewhere_is_waited_for() -> None:
    running = Running(elsewhere, 1, limits=Limits(handshake=0.1))
    with running.client() as client:
        assert answer(client, b"hello") == b"hello"
    running.finish()


def test_deadlines_come_in_order_and_the_earliest_counts() -> None:
    deadlines = Deadlines()
    for descriptor, end in ((1, 5.0), (2, 3.0), (3, 4.0), (2, 6.0), (1, 1.0), (4, None)):
        deadlines.set(descriptor, end)
    deadlines.drop(3)
    assert deadlines.pop(0.5) is None
    assert [deadlines.pop(10.0) for _ in range(4)] == [1, 2, None, None]


def test_deadlines_do_not_pile_up() -> None:
    deadlines = Deadlines()
    deadlines.set(1, 1.0)
    for number in range(10_000):
        deadlines.set(2, 10.0 + number)
        deadlines.drop(2)
    assert len(deadlines._heap) < 1000


def test_crowd_closes_the_services_it_leaves() -> None:
    closed = []

    def waiting(descriptor: int, _clock: Clock) -> Generator[str]:
        try:
            yield "read"
            if os.read(descriptor, 1) == b"!":
                raise KeyboardInterrupt
            yield "read"
        finally:
            closed.append(descriptor)

    running = Running(waiting, None)
    with ExitStack() as stack:
        clients = [stack.enter_context(running.client()) for _ in range(5)]
        clients[0].sendall(b"!")
        with pytest.raises(KeyboardInterrupt):
            running.finish()
    assert 1 <= len(closed) <= 5


SHORTAGE = """
import os, resource, sys, threading
from tlsdeck.net.crowd import Crowd
from tlsdeck.net.sockets import Listener, Place

def echo(descriptor, clock):
    yield "read"
    os.write(descriptor, os.read(descriptor, 100))

def short(error):
    print("short", error.errno, flush=True)

listener = Listener(Place("127.0.0.1", "0"))
crowd = Crowd(listener, echo, limit=int(sys.argv[1]), short=short, broken=print)
resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
print(listener.address.rpartition(":")[2], flush=True)
crowd.run()
print("done", len(os.listdir("/proc/self/fd")), flush=True)
"""


def test_crowd_survives_a_shortage_of_descriptors() -> None:
    """In a process of its own, with room for a dozen descriptors: told once per shortage, and everybody is served."""
    count = 30
    with subprocess.Popen(
        [sys.executable, "-c", SHORTAGE, str(2 * count)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        for _ in range(2):
            with ExitStack() as stack:
                clients = [
                    stack.enter_context(socket.create_connection(("127.0.0.1", port), LIMIT))
                    for _ in range(count)
                ]
                assert process.stdout.readline() == f"short {errno.EMFILE}\n"
                for client in clients:
                    assert answer(client, b"hello") == b"hello"
                    client.close()
        assert process.wait(LIMIT) == 0
        rest = process.stdout.read().splitlines()
    assert rest[-1].startswith("done ")
    assert int(rest[-1].split()[1]) < 10
    # A shortage is over with the next client, and another one is told again; it is never told per attempt.
    assert len(rest) - 1 < count


def test_listener_is_left_to_its_owner() -> None:
    with closing(Listener(Place("127.0.0.1", "0"))) as listener:
        Crowd(listener, echo, limit=0, short=print, broken=print).run()
        assert listener.address.startswith("127.0.0.1:")
