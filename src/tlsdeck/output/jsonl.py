"""-json: JSON Lines, one object for each event.

An object is made of its event alone: the class's name, the time, and the fields under their own names. So an event
that is added tomorrow is told without a line here, and the schema is read from the same classes. What is special is
in the tables below, which the schema reads too.

Values: bytes are lowercase hexadecimal, records are objects, tuples are arrays, None is null. In text each byte that
is no UTF-8 is written as backslash, x and two digits. Everything beyond ASCII is escaped: whatever a peer sends, no
line of ours ends early, is bad UTF-8, or makes a terminal do things.

A log is shared sooner than one thinks. So nothing is told that opens a connection to others: sessions and master keys,
which are in some of the events, are left out.
"""

from __future__ import annotations

import json
import time

from tlsdeck import events
from tlsdeck.errors import OutputError
from tlsdeck.output.run import Run, error_line
from tlsdeck.output.verification_errors import verification_error
from tlsdeck.record import Record
from tlsdeck.wire import ClientOffer, Context, Decoded, Node, client_offer, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Never

    from tlsdeck.events import Event
    from tlsdeck.output.stream import Stream

# Events that are not told: others say the same, and more.
SILENT: frozenset[type[Event]] = frozenset(
    {
        events.BytesCounted,
        events.Closed,
        events.Finished,
        events.HandshakeEnded,
        events.NonBlockingSet,
        events.ReportRequested,
        events.ServerNameChecked,
    }
)

# Fields that hold secrets, mean nothing outside this process, or say less than another one.
LEFT_OUT: dict[type[Record], frozenset[str]] = {
    events.Connected: frozenset({"descriptor"}),
    events.HandshakeCompleted: frozenset({"session_pem"}),
    events.MessageSeen: frozenset({"suite", "texts"}),
    events.Offer: frozenset({"message_version", "known_extensions"}),
    events.SessionInfo: frozenset({"text", "pem"}),
    events.Summary: frozenset({"session", "peer", "chain", "cipher_version", "timestamps"}),
    events.TransportUsed: frozenset({"bio", "buffer"}),
}

# Fields that are not told when there is nothing in them: trees have many small parts.
SPARSE: dict[type[Record], frozenset[str]] = {Node: frozenset({"value", "length", "children"})}

STACK = "stack"  # the name of fields whose lines become `ErrorLine`s
MERGED = "details"  # the name of a field whose own fields take the place of those beside it


def decoded(event: events.MessageSeen) -> Decoded:
    """The message as a tree."""
    return decode(event.content_type, event.data, Context(event.version, event.suite))


def error_name(event: events.CertificateChecked) -> str | None:
    """X509_V_ERR_..."""
    return verification_error(event.error)


def client(offer: events.Offer) -> ClientOffer:
    """The ClientHello, decoded."""
    return client_offer(offer.message_version, offer.hello)


# Fields that only JSON has, by the names of the functions that make them.
EXTRAS: dict[type[Record], Callable[[Never], object]] = {
    events.CertificateChecked: error_name,
    events.MessageSeen: decoded,
    events.Offer: client,
}

# What is told only if an option of this name asks for it: whole events, and fields.
ASKED: dict[type[Record] | tuple[type[Record], str], str] = {
    events.Blocked: "nbio",
    (events.Certificate, "pem"): "showcerts",
    (events.MessageSeen, "decoded"): "trace",
}

_DENSE = (",", ":")
_NOTHING = (None, ())


class JsonLines:
    """Writes a line for each event.

    `asked` are the options of `ASKED` that were given. `start` of the run on the monotonic clock; None for now.
    `connection` is its number, where there are several.
    """

    def __init__(
        self,
        stream: Stream,
        asked: Collection[str] = (),
        start: float | None = None,
        connection: int | None = None,
    ) -> None:
        self._stream = stream
        self._asked = asked
        self._start = time.monotonic() if start is None else start
        self._number = "" if connection is None else f',"connection":{connection}'
        self._run = Run()
        self._broken = False

    def numbered(self, connection: int) -> JsonLines:
        """A printer like this one for one of several connections, whose number is in each line."""
        return JsonLines(self._stream, self._asked, self._start, connection)

    def show(self, event: Event) -> None:
        """Writes the event's line, if it has one.

        Raises:
            OutputError: nobody reads any more; from then on nothing is written.
        """
        now = time.monotonic() - self._start
        self._run.see(event, now)
        if isinstance(event, events.Finished):
            self._write(self._run.summarized(event, now), now)
        elif isinstance(event, events.Closed):
            self._write(self._run.connection_summarized(now), now)
        elif type(event) not in SILENT and self._wanted(type(event)):
            self._write(event, now)

    def _write(self, event: Event, now: float) -> None:
        if self._broken:
            return
        members = self._members(event)
        start = f'{{"event":"{type(event).__name__}","time":{now:.6f}{self._number}{"," if members else ""}'
        try:
            self._stream.text(f"{start}{json.dumps(members, separators=_DENSE)[1:]}\n")
        except OutputError:
            self._broken = True
            raise

    def _wanted(self, what: type[Record] | tuple[type[Record], str]) -> bool:
        return what not in ASKED or ASKED[what] in self._asked

    # --- values --------------------------------------------------------------------------------------------

    def _members(self, record: Record) -> dict[str, object]:
        kind = type(record)
        left_out, sparse = LEFT_OUT.get(kind, ()), SPARSE.get(kind, ())
        fields = {
            name: value
            for name, value in record.as_dict().items()
            if name not in left_out and not (name in sparse and value in _NOTHING)
        }
        extra = EXTRAS.get(kind)
        if extra is not None and self._wanted((kind, extra.__name__)):
            fields[extra.__name__] = extra(record)  # type: ignore[arg-type]
        details = fields.pop(MERGED, None)
        if STACK in fields:
            fields[STACK] = tuple(error_line(line) for line in fields[STACK])
        members = {name: self._value(value) for name, value in fields.items() if self._wanted((kind, name))}
        return members if details is None else {**members, **self._members(details)}

    def _value(self, value: object) -> object:
        if isinstance(value, Record):
            return self._members(value)
        if isinstance(value, tuple):
            return [self._value(each) for each in value]
        if isinstance(value, bytes):
            return value.hex()
        return readable(value) if isinstance(value, str) else value


def readable(text: str) -> str:
    """Text without surrogates: what stands for a byte becomes backslash, x and two digits."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        raw = text.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace")
