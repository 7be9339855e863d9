"""Next Protocol Negotiation: what ALPN came from (draft-agl-tls-nextprotoneg-04), TLS 1.2 and below.

Here the server lists its protocols and the client chooses, under encryption.
"""

from __future__ import annotations

from tlsdeck.events import NextProtocolSelected, NextProtocolsOffered
from tlsdeck.native import ffi, lib
from tlsdeck.tls.callbacks import callback, observer_of, protocols
from tlsdeck.tls.context import alpn_wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.native import Pointer
    from tlsdeck.tls.settings import Settings


def install(context: Pointer, settings: Settings) -> None:
    """Has `settings.next_protocols` offered by a server, chosen from by a client."""
    if settings.server:
        lib.SSL_CTX_set_next_protos_advertised_cb(context, lib.tlsdeck_npn_advertise, ffi.NULL)
    else:
        lib.SSL_CTX_set_next_proto_select_cb(context, lib.tlsdeck_npn_select, ffi.NULL)


@callback(error=lib.SSL_TLSEXT_ERR_NOACK)
def tlsdeck_npn_advertise(ssl: Pointer, out: Pointer, length: Pointer, _argument: Pointer) -> int:
    """SSL_CTX_set_next_protos_advertised_cb(3)."""
    observer = observer_of(ssl)
    wire = alpn_wire(observer.settings.next_protocols)
    observer.lent = out[0] = ffi.from_buffer("unsigned char[]", wire)
    length[0] = len(wire)
    return int(lib.SSL_TLSEXT_ERR_OK)


@callback(error=lib.SSL_TLSEXT_ERR_ALERT_FATAL)
def tlsdeck_npn_select(
    ssl: Pointer, out: Pointer, length: Pointer, offered: Pointer, offered_length: int, _argument: Pointer
) -> int:
    """SSL_CTX_set_next_proto_select_cb(3): the server's first that is ours too, else our first."""
    observer = observer_of(ssl)
    ours = observer.settings.next_protocols
    theirs = tuple(protocols(bytes(ffi.buffer(offered, offered_length))))
    chosen = next((name for name in theirs if name in ours), ours[0])
    observer.lent = out[0] = ffi.from_buffer("unsigned char[]", chosen)
    length[0] = len(chosen)
    observer.events += [
        NextProtocolsOffered(tuple(name.decode("latin-1") for name in theirs)),
        NextProtocolSelected(chosen.decode("latin-1"), chosen in theirs),
    ]
    return int(lib.SSL_TLSEXT_ERR_OK)
