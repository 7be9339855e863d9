from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Generator

import pytest

from tlsdeck.errors import NetworkError, PeerError
from tlsdeck.net.aside import aside


def finished(work: Generator[int, None, str]) -> str:
    """Waits as a crowd would; what the call returned."""
    assert os.read(next(work), 1) == b""  # the other end of the pipe is closed
    with pytest.raises(StopIteration) as stop:
        next(work)
    result: str = stop.value.value
    return result


def test_aside_gives_what_the_call_returned() -> None:
    assert finished(aside(lambda: "result")) == "result"


def test_aside_runs_in_a_thread_of_its_own() -> None:
    assert finished(aside(lambda: threading.current_thread().name)) != threading.current_thread().name


def test_aside_raises_what_the_call_raised() -> None:
    def fail() -> str:
        raise PeerError("no")

    work = aside(fail)
    next(work)
    with pytest.raises(PeerError, match="no"):
        next(work)


def test_aside_that_is_given_up_waits_for_its_call() -> None:
    done: list[int] = []

    def slow() -> str:
        time.sleep(0.2)
        done.append(1)
        return ""

    work = aside(slow)
    next(work)
    work.close()
    assert done == [1]


def test_aside_without_descriptors_is_an_error() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        with pytest.raises(NetworkError, match="Too many open files"):
            next(aside(lambda: ""))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_aside_without_threads_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(NetworkError, match="can't start new thread"):
        next(aside(lambda: ""))
