"""Moments on the monotonic clock by which something has to be done."""

from __future__ import annotations

import time

_LONGEST = 86400.0  # seconds; poll(2), on which sockets wait, cannot count many more


def seconds_left(deadline: float) -> float:
    """How long there still is, a day at most.

    Raises:
        TimeoutError: the moment has passed.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return min(left, _LONGEST)
