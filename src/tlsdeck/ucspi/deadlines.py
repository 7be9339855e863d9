"""Moments on the monotonic clock by which something has to be done."""

from __future__ import annotations

import time


def seconds_left(deadline: float) -> float:
    """How long there still is.

    Raises:
        TimeoutError: the moment has passed.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
