"""Whatever a test of this directory opens is closed at its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.descriptors import none_left


@pytest.fixture(autouse=True)
def no_descriptor_left() -> Iterator[None]:
    with none_left():
        yield
