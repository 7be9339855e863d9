"""Messages with their trees, as text: see the head of tests/vectors/messages.txt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tlsdeck.wire import Code, Context, Node

FILE = Path(__file__).parents[1] / "vectors" / "messages.txt"


@dataclass(frozen=True)
class Vector:
    name: str
    content_type: int
    context: Context
    data: bytes
    tree: str


def vectors() -> Iterator[Vector]:
    for block in FILE.read_text().split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        if lines:
            name, content_type, version, suite = lines[0].split()
            context = Context(int(version, 16), int(suite, 16))
            yield Vector(name, int(content_type), context, bytes.fromhex(lines[1]), "\n".join(lines[2:]))


def tree_text(nodes: Iterable[Node], depth: int = 0) -> str:
    """One line for each node: label, value, and length where there is one."""
    return "\n".join(line for node in nodes for line in _lines(node, depth))


def _lines(node: Node, depth: int) -> Iterator[str]:
    length = "" if node.length is None else f" [{node.length}]"
    yield f"{'  ' * depth}{node.label}{_value(node)}{length}"
    for child in node.children:
        yield from _lines(child, depth + 1)


def _value(node: Node) -> str:
    match node.value:
        case None:
            return ""
        case bytes():
            return f" {node.value.hex() or 'empty'}"
        case Code(number, name):
            return f" {number} {name}"
        case number:
            return f" {number}"
