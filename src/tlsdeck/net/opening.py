"""What comes before a handshake: early data (RFC 8446 section 2.3), or a cookie (section 4.2.2).

Generators that never wait. Each yields an event to be shown, or None where the connection wants something.
"""

from __future__ import annotations

import os
from itertools import chain

from tlsdeck import events
from tlsdeck.errors import EarlyDataError, NetworkError, PeerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias, TypeVar

    from tlsdeck.events import Event
    from tlsdeck.tls.connection import Connection

    Opening: TypeAlias = Iterator[Event | None]
    T = TypeVar("T")

_FILE_CHUNK = 8192  # bytes read of a file, and so the size of the records it makes
_READ_SIZE = 16384  # bytes; a full record


def send_early_data(connection: Connection, path: str, vet: Callable[[], None] | None = None) -> Opening:
    """Client: sends a file with the first flight, if `vet` lets the session it is sent under pass.

    Raises:
        PeerError: it does not.
        EarlyDataError: the file cannot be read or is longer than the session allows, or the connection failed.
    """
    if vet:
        vet()
    # What ends the file, or an empty one, is written too: it is that which announces early data in any case.
    for chunk in chain(_chunks(path), (b"",)):
        while not _attempt("writing", connection.write_early, chunk):
            yield None


def _chunks(path: str) -> Iterator[bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            while chunk := os.read(descriptor, _FILE_CHUNK):
                yield chunk
        finally:
            os.close(descriptor)
    except OSError as error:
        reason = f"{path}: {error.strerror}"
        raise EarlyDataError("Cannot open early data file", (reason,)) from None


def demand_cookie(connection: Connection) -> Opening:
    """Server: has the client return a cookie first.

    Raises:
        PeerError, NetworkError: as `Connection.admit`.
    """
    while not connection.admit():
        yield None


def receive_early_data(connection: Connection) -> Opening:
    """Server: takes what the client sends with its first flight, as far as it may.

    Raises:
        EarlyDataError: the client broke the protocol or sent too much, or the connection failed.
    """
    size = 0
    while (data := _attempt("reading", connection.read_early, _READ_SIZE)) != b"":
        if data is None:
            yield None
            continue
        yield events.EarlyDataReceived(data, first=not size)
        size += len(data)
    yield events.EarlyDataEnded(connection.early_data, size)


def _attempt(doing: str, operation: Callable[..., T], *arguments: object) -> T:
    try:
        return operation(*arguments)
    except (PeerError, NetworkError) as error:
        raise EarlyDataError(f"Error {doing} early data", error.stack, error.errno) from None
