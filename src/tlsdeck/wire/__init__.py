"""Protocol messages as trees: pure functions from bytes to `Node`s, one table row per message and per extension."""

from tlsdeck.wire.content import decode
from tlsdeck.wire.handshake import Context
from tlsdeck.wire.tree import Code, Decoded, Node

__all__ = ["Code", "Context", "Decoded", "Node", "decode"]
