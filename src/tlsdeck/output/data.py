"""The peer's data, byte for byte."""

from __future__ import annotations

from tlsdeck.events import DataReceived, EarlyDataReceived

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.events import Event
    from tlsdeck.output.stream import Stream


_KINDS = (DataReceived, EarlyDataReceived)


class Data:
    """Passes application data on, early data too."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def show(self, event: Event) -> None:
        """Write the data, if the event is some."""
        if isinstance(event, _KINDS):
            self._stream.data(event.data)
