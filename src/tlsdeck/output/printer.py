"""What all printers of text have in common."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Never

    from tlsdeck.events import Event
    from tlsdeck.output.stream import Stream

    # Each function takes the event it stands beside. Python's types cannot say that of a table: hence Never.
    Table = Mapping[type[Event], Callable[[Never], str]]


class Printer:
    """Writes to `stream` what the function beside the event's class in `table` makes of the event."""

    def __init__(self, stream: Stream, table: Table) -> None:
        self._stream = stream
        self._table = table

    def show(self, event: Event) -> None:
        """Print one event, in one write; nothing if it is not in the table."""
        words = self._table.get(type(event))
        if words is not None:
            self._stream.text(words(event))  # type: ignore[arg-type]


def always(text: str) -> Callable[[Event], str]:
    """The same text for every event of a class."""
    return lambda _event: text


def stack_lines(stack: tuple[str, ...]) -> str:
    """The lines of an error stack, each with its line end."""
    return "".join(f"{line}\n" for line in stack)
