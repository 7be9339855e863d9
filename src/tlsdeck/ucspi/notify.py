"""Telling a service manager how we are: sd_notify(3), as a datagram to the socket in NOTIFY_SOCKET."""

from __future__ import annotations

import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def notifier(environ: Mapping[str, str]) -> Callable[[str], None]:
    """What sends such texts as "READY=1"; without a service manager it does nothing."""
    address = environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return _nobody
    return lambda state: _send(address.replace("@", "\0", 1), state)


def _nobody(_state: str) -> None:
    pass


def _send(address: str, state: str) -> None:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(state.encode(), socket.MSG_DONTWAIT, address)
    except OSError:
        pass  # it is not ours to end, or to wait, because nobody listens
