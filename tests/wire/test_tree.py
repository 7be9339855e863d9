from __future__ import annotations

import pytest

from tlsdeck.errors import DecodeError
from tlsdeck.wire.tree import Code, Decoded, Node, code, greased, grow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.wire.tree import Steps


def inner(*, fails: bool) -> Steps:
    yield Node("first", 1)
    if fails:
        raise DecodeError("too short")
    yield Node("second", 2)


def outer(*, fails: bool) -> Steps:
    yield Node("before")
    yield Node("list", length=2), inner(fails=fails)
    yield Node("after")


def test_grow_takes_all_steps() -> None:
    children = (Node("first", 1), Node("second", 2))
    assert grow(outer(fails=False)) == Decoded(
        (Node("before"), Node("list", None, 2, children), Node("after"))
    )


def test_grow_keeps_what_came_before_a_failure_at_any_depth() -> None:
    nodes = (Node("before"), Node("list", None, 2, (Node("first", 1),)))
    assert grow(outer(fails=True)) == Decoded(nodes, "too short")


@pytest.mark.parametrize(
    "number, size, name",
    [
        (1, 2, "one"),
        (2, 2, "UNKNOWN"),
        (0x0A0A, 2, "GREASE"),
        (0xFAFA, 2, "GREASE"),
        (0x0A1A, 2, "UNKNOWN"),
        (0x0B, 1, "GREASE"),
        (0xE4, 1, "GREASE"),
    ],
)
def test_code_points_have_names(number: int, size: int, name: str) -> None:
    assert greased({1: "one"}, number, size) == Code(number, name)


def test_only_some_registries_have_values_to_be_ignored() -> None:
    assert code({}, 0x0A0A) == Code(0x0A0A, "UNKNOWN")
