"""Many tasks in one thread."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from tlsdeck.ucspi.loop import NEVER, READ, Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.ucspi.loop import Steps


def test_tasks_are_resumed_when_their_descriptors_are_ready() -> None:
    loop, said = Loop(), []
    first, second = os.pipe(), os.pipe()

    def listen(name: str, pipe: tuple[int, int]) -> Steps[None]:
        yield {pipe[0]: READ}, NEVER
        said.append((name, os.read(pipe[0], 10)))

    def speak() -> Steps[None]:
        os.write(second[1], b"2")
        yield {}, time.monotonic() + 0.05
        os.write(first[1], b"1")

    for task in (listen("first", first), listen("second", second), speak()):
        loop.start(task)
    loop.run()
    assert said == [("second", b"2"), ("first", b"1")]
    for number in (*first, *second):
        os.close(number)


def test_a_deadline_that_is_put_off() -> None:
    loop, times = Loop(), []
    reading, writing = os.pipe()
    start = time.monotonic()

    def task() -> Steps[None]:
        os.write(writing, b"x")
        ready = yield {reading: READ}, start + 0.05
        assert ready
        os.read(reading, 1)
        ready = yield {reading: READ}, start + 0.2
        assert not ready
        times.append(time.monotonic() - start)

    loop.start(task())
    loop.run()
    assert 0.19 <= times[0] < 2
    os.close(reading)
    os.close(writing)


def test_a_result_or_an_error_of_a_task_that_is_run_to_its_end() -> None:
    loop = Loop()

    def divide(by: int) -> Steps[float]:
        yield {}, time.monotonic() + 0.01
        return 1 / by

    assert loop.result(divide(2)) == 0.5
    with pytest.raises(ZeroDivisionError):
        loop.result(divide(0))


def test_what_the_system_does_not_watch_is_the_tasks_error(tmp_path: Path) -> None:
    """epoll_ctl(2) refuses files; in the same way it refuses sockets when there is no room."""
    reading, writing = os.pipe()
    said: list[object] = []
    with (tmp_path / "file").open("w") as file:

        def task() -> Steps[None]:
            try:
                yield {reading: READ, file.fileno(): READ}, NEVER
            except OSError as error:
                said.append(error.errno)
            os.write(writing, b"x")
            yield {reading: READ}, NEVER
            said.append(os.read(reading, 1))

        Loop().result(task())
    assert said == [errno.EPERM, b"x"]
    os.close(reading)
    os.close(writing)
