"""Many connections in one thread, each written as if it were alone.

A task is a generator. It does what can be done without waiting and yields what it waits for: descriptors with poll(2)
events, and a moment at which to go on in any case. It is resumed with the events that came, none if the moment did.
Descriptors belong to one task each; a task that closes one tells the loop before (`forget`).
"""

from __future__ import annotations

import heapq
import itertools
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from typing import TypeAlias, TypeVar

    R = TypeVar("R")
    Waits: TypeAlias = tuple[Mapping[int, int], float]
    Ready: TypeAlias = Mapping[int, int]
    # What a task is: it yields waits, is sent what is ready, and returns an R.
    Steps: TypeAlias = Generator[Waits, Ready, R]

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
ENDED = select.EPOLLHUP | select.EPOLLERR  # always reported, asked for or not
NEVER = float("inf")
_NOTHING: dict[int, int] = {}
_MOST_STALE = 1000
_LONGEST_WAIT = 86400.0  # seconds; epoll_wait(2) cannot count many more


class Task:
    """A generator that runs, and what it waits for. `timer` is the moment of its earliest entry in the loop's heap."""

    __slots__ = ("deadline", "ready", "steps", "timer", "waits")

    def __init__(self, steps: Steps[None]) -> None:
        self.steps = steps
        self.waits: Mapping[int, int] = _NOTHING
        self.ready: dict[int, int] = {}
        self.deadline = self.timer = NEVER


class Loop:
    """Runs tasks until none is left."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._owners: dict[int, Task] = {}
        self._masks: dict[int, int] = {}
        self._timers: list[tuple[float, int, Task]] = []
        self._stale = 0  # tasks that have ended since the heap was last cleared of their entries
        self._numbers = itertools.count()
        self.tasks: set[Task] = set()

    def start(self, steps: Steps[None]) -> None:
        """Begins a task, up to its first wait."""
        task = Task(steps)
        self.tasks.add(task)
        self._resume(task, None)

    def run(self) -> None:
        """Lets all tasks go on until the last is done."""
        while self.tasks:
            self._turn()

    def result(self, steps: Steps[R]) -> R:
        """What a task returns, or raises, when it and all others have been run to their ends."""
        results: list[R] = []

        def task() -> Steps[None]:
            results.append((yield from steps))

        self.start(task())
        self.run()
        return results[0]

    def forget(self, descriptor: int) -> None:
        """Stops waiting for a descriptor, which its task is about to close."""
        if self._masks.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)
            del self._owners[descriptor]

    def _turn(self) -> None:
        waking = []
        for descriptor, events in self._epoll.poll(self._patience()):
            task = self._owners[descriptor]
            if not task.ready:
                waking.append(task)
            task.ready[descriptor] = events
        for task in waking:
            ready, task.ready = task.ready, {}
            self._resume(task, ready)
        self._pass_time()

    def _resume(self, task: Task, ready: Ready | None) -> None:
        """None begins; a task that is done or closed is not resumed."""
        if task not in self.tasks:
            return
        try:
            waits, deadline = next(task.steps) if ready is None else task.steps.send(ready)
            while (failure := self._await(task, waits)) is not None:
                waits, deadline = task.steps.throw(failure)
        except StopIteration:
            self._finish(task)
            return
        except BaseException:
            self._finish(task)
            raise
        self._set_timer(task, deadline)

    def _finish(self, task: Task) -> None:
        self.tasks.discard(task)
        self._await(task, _NOTHING)
        self._stale += 1
        if self._stale > _MOST_STALE + len(self.tasks):
            self._stale = 0
            self._timers = [entry for entry in self._timers if entry[2] in self.tasks]
            heapq.heapify(self._timers)

    def _await(self, task: Task, waits: Mapping[int, int]) -> OSError | None:
        """Why the system does not watch the descriptors, if so: there is a limit on their number, and on memory."""
        before, task.waits = task.waits, waits
        for descriptor in before:
            if descriptor not in waits:
                self.forget(descriptor)
        try:
            for descriptor, mask in waits.items():
                self._watch(task, descriptor, mask)
        except OSError as error:
            return error
        return None

    def _watch(self, task: Task, descriptor: int, mask: int) -> None:
        before = self._masks.get(descriptor)
        if before is None:
            self._epoll.register(descriptor, mask)
            self._owners[descriptor] = task
        elif before != mask:
            self._epoll.modify(descriptor, mask)
        self._masks[descriptor] = mask

    # --- time ----------------------------------------------------------------------------------------------

    def _set_timer(self, task: Task, deadline: float) -> None:
        """A later deadline costs nothing: the earlier entry finds out when its time has come."""
        task.deadline = deadline
        if deadline < task.timer:
            task.timer = deadline
            heapq.heappush(self._timers, (deadline, next(self._numbers), task))

    def _patience(self) -> float | None:
        if not self._timers:
            return None
        return min(max(0.0, self._timers[0][0] - time.monotonic()), _LONGEST_WAIT)

    def _pass_time(self) -> None:
        if not self._timers:
            return
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            entry, _, task = heapq.heappop(self._timers)
            if entry != task.timer:
                continue
            task.timer = NEVER
            if task not in self.tasks:
                continue
            if task.deadline <= now:
                self._resume(task, _NOTHING)
            else:
                self._set_timer(task, task.deadline)
