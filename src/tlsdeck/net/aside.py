"""A call that may take its time, in a thread of its own, for generators of `net.crowd`."""

from __future__ import annotations

import os
import threading

from tlsdeck.errors import NetworkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import TypeVar

    T = TypeVar("T")


def aside(call: Callable[[], T]) -> Generator[int, None, T]:
    """Yields a descriptor that becomes readable when `call` has returned; then its result, or what it raised.

    A generator that is closed before waits for the call: what it works with is still in use. So a call must come to
    its end by itself.

    Raises:
        NetworkError: the system has no descriptor or no thread for it.
    """
    try:
        reading, writing = os.pipe()
    except OSError as error:
        raise NetworkError(error.strerror or "", errno=error.errno or 0) from None
    results: list[T] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as problem:
            problems.append(problem)
        finally:
            os.close(writing)

    thread = threading.Thread(target=run)
    try:
        thread.start()
    except RuntimeError as error:
        os.close(reading)
        os.close(writing)
        raise NetworkError(str(error)) from None
    try:
        yield reading
    finally:
        thread.join()
        os.close(reading)
    if problems:
        raise problems[0]
    return results[0]
