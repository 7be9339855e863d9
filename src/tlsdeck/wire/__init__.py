"""Protocol messages as trees: pure functions from bytes to `Node`s, one table row per message and per extension."""

from tlsdeck.wire.content import decode
from tlsdeck.wire.handshake import Context
from tlsdeck.wire.offer import ClientOffer, client_offer
from tlsdeck.wire.tree import Code, Decoded, Node

__all__ = ["ClientOffer", "Code", "Context", "Decoded", "Node", "client_offer", "decode"]
