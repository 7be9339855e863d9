"""Descriptors, signals and moments, and the calls they lead to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from functools import partial

import pytest

from tlsdeck.ucspi.channel import close_all
from tlsdeck.ucspi.dispatch import READ, WRITE, Dispatcher


@pytest.fixture
def dispatcher() -> Iterator[Dispatcher]:
    made = Dispatcher()
    yield made
    made.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    made = os.pipe()
    yield made
    close_all(made)


def test_what_comes_to_a_descriptor(dispatcher: Dispatcher, pipe: tuple[int, int]) -> None:
    said: list[str] = []
    dispatcher.watch(pipe[0], READ, lambda: said.append("something to read"))
    dispatcher.watch(pipe[1], WRITE, lambda: said.append("room to write"))
    dispatcher.turn()
    assert said == ["room to write"]
    dispatcher.watch(pipe[1], 0, said.clear)
    os.write(pipe[1], b"x")
    dispatcher.turn()
    assert said == ["room to write", "something to read"]


def test_nothing_more_is_heard_of_what_an_earlier_call_gave_up(
    dispatcher: Dispatcher, pipe: tuple[int, int]
) -> None:
    """Both are ready in the same turn."""
    said: list[int] = []
    other = os.pipe()
    ends = [pipe[0], other[0]]

    def give_up(number: int) -> None:
        said.append(number)
        for end in ends:
            dispatcher.forget(end)

    for reading, writing in (pipe, other):
        dispatcher.watch(reading, READ, partial(give_up, reading))
        os.write(writing, b"x")
    dispatcher.turn()
    assert len(said) == 1
    close_all(other)


def test_what_is_watched_can_change(dispatcher: Dispatcher, pipe: tuple[int, int]) -> None:
    said: list[str] = []
    os.write(pipe[1], b"x")
    dispatcher.watch(pipe[0], WRITE, lambda: said.append("never: it is for reading"))
    dispatcher.watch(pipe[0], READ, lambda: said.append("read"))
    dispatcher.turn()
    assert said == ["read"]


def test_calls_are_made_in_the_order_in_which_they_are_due(dispatcher: Dispatcher) -> None:
    said: list[str] = []
    dispatcher.after(0.02, lambda: said.append("first"))
    dispatcher.after(0.02, lambda: said.append("second"))
    dispatcher.after(0.2, lambda: said.append("third"))
    start = time.monotonic()
    while len(said) < 3:
        dispatcher.turn()
    assert said == ["first", "second", "third"]
    assert time.monotonic() - start >= 0.2


def test_a_cancelled_call_is_not_made(dispatcher: Dispatcher) -> None:
    said: list[str] = []
    first = dispatcher.after(0.0, lambda: said.append("first"))
    second = dispatcher.after(0.0, lambda: said.append("second"))
    dispatcher.after(0.0, lambda: said.append("third"))
    second.cancel()
    dispatcher.turn()
    first.cancel()  # too late, and no harm
    assert said == ["first", "third"]


def test_a_call_may_ask_for_the_next(dispatcher: Dispatcher) -> None:
    said: list[float] = []

    def tick() -> None:
        said.append(time.monotonic())
        dispatcher.after(0.02, tick)

    dispatcher.after(0.0, tick)
    while len(said) < 4:
        dispatcher.turn()
    assert said[3] - said[0] >= 0.06


def test_a_signal_leads_to_its_call_when_there_is_time_for_it(dispatcher: Dispatcher) -> None:
    said: list[str] = []
    before = signal.getsignal(signal.SIGUSR2)
    dispatcher.on_signal(signal.SIGUSR2, lambda: said.append("signal"))
    try:
        os.kill(os.getpid(), signal.SIGUSR2)
        os.kill(os.getpid(), signal.SIGUSR2)
        assert not said
        dispatcher.turn()
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert said == ["signal"]
