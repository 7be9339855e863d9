"""What decoders make of bytes: trees of `Node`s, also of bytes that go wrong half-way.

A decoder is a generator of steps. A step is a node without children, or a node together with the steps that make
its children. `grow` takes the steps one by one, so that all that was understood before a bad length is in the tree,
at whatever depth, and stops at the first DecodeError.
"""

from __future__ import annotations

from tlsdeck.errors import DecodeError
from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    Steps: TypeAlias = Iterator["Node | tuple[Node, Steps]"]


class Code(Record):
    """A code point and its name in the registry."""

    number: int
    name: str


class Node(Record):
    """A field: `label` as the RFC calls it, its value if it has one of its own.

    `length` is what the field says of its own length in bytes, where that is not the value's.
    """

    label: str
    value: Code | int | str | bytes | None = None
    length: int | None = None
    children: tuple[Node, ...] = ()


class Decoded(Record):
    """A tree, as far as the bytes could be understood; `problem` says why not further."""

    nodes: tuple[Node, ...]
    problem: str | None = None


def grow(steps: Steps) -> Decoded:
    """Take all steps, up to the first that fails."""
    nodes: list[Node] = []
    try:
        for step in steps:
            if isinstance(step, Node):
                nodes.append(step)
                continue
            node, below = step
            decoded = grow(below)
            nodes.append(node.replace(children=decoded.nodes))
            if decoded.problem is not None:
                return Decoded(tuple(nodes), decoded.problem)
    except DecodeError as error:
        return Decoded(tuple(nodes), error.message)
    return Decoded(tuple(nodes))


# --- code points -----------------------------------------------------------------------------------------------

UNKNOWN = "UNKNOWN"
GREASE = "GREASE"
_GREASE_U16 = frozenset(0x0A0A + 0x1010 * step for step in range(16))
_GREASE_U8 = frozenset(0x0B + 0x1F * step for step in range(8))


def code(table: Mapping[int, str], number: int) -> Code:
    """A code point with its name in `table`."""
    return Code(number, table.get(number, UNKNOWN))


def greased(table: Mapping[int, str], number: int, size: int = 2) -> Code:
    """A code point of a registry where some are reserved to be ignored (RFC 8701), `size` bytes wide."""
    reserved = _GREASE_U16 if size == 2 else _GREASE_U8
    return Code(number, GREASE) if number in reserved else code(table, number)
