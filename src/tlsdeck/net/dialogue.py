"""What is said before TLS, over a connected descriptor."""

from __future__ import annotations

import os
import select
import time

from tlsdeck.errors import NetworkError
from tlsdeck.net import sockets
from tlsdeck.net.limits import Clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from tlsdeck.events import Event
    from tlsdeck.preamble import Preamble

    T = TypeVar("T")

_READ_SIZE = 4096  # bytes


def run(
    preamble: Preamble, descriptor: int, show: Callable[[Event], None], clock: Clock | None = None
) -> None:
    """Converses until the preamble is done, showing its events; the descriptor must not block.

    Raises:
        PeerError: the peer refused, broke the protocol, closed, or made us wait longer than the protocol allows.
        NetworkError: the connection failed.
        TimeLimitError: it took longer than the clock allows.
    """
    clock = clock or Clock()
    try:
        _send(preamble, descriptor, preamble.start(), clock)
        while not preamble.done:
            out = preamble.feed(_receive(preamble, descriptor, clock))
            _show(preamble, show)
            _send(preamble, descriptor, out, clock)
    finally:
        # What was noticed before a failure helps to understand it.
        _show(preamble, show)


def _show(preamble: Preamble, show: Callable[[Event], None]) -> None:
    for event in preamble.drain():
        show(event)


def _receive(preamble: Preamble, descriptor: int, clock: Clock) -> bytes:
    while (data := _attempt(preamble, os.read, descriptor, _READ_SIZE)) is None:
        _wait(preamble, descriptor, select.POLLIN, clock)
    return data


def _send(preamble: Preamble, descriptor: int, data: bytes, clock: Clock) -> None:
    while data:
        count = _attempt(preamble, os.write, descriptor, data)
        if count is None:
            _wait(preamble, descriptor, select.POLLOUT, clock)
        else:
            data = data[count:]


def _attempt(preamble: Preamble, operation: Callable[..., T], *arguments: object) -> T | None:
    """The operation's result, None when it has to wait."""
    try:
        return operation(*arguments)
    except BlockingIOError:
        return None
    except OSError as error:
        message = f"{preamble.dialogue.label} failed, {error.strerror}"
        raise NetworkError(message, errno=error.errno or 0) from error


def _wait(preamble: Preamble, descriptor: int, events: int, clock: Clock) -> None:
    """Waits for poll(2) events, no longer than the clock and the dialogue's patience allow."""
    clock.check()
    patience = preamble.dialogue.patience
    tired = None if patience is None else time.monotonic() + patience
    impatient = tired is not None and (clock.end is None or tired < clock.end)
    if sockets.wait(descriptor, events, tired if impatient else clock.end):
        return
    raise preamble.impatience() if impatient else clock.over()
