"""How many descriptors this process has open: tests that open some leave none behind."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def none_left() -> Iterator[None]:
    gc.collect()  # what earlier tests have left to it must not be closed meanwhile
    before = descriptors()
    yield
    assert descriptors() == before
