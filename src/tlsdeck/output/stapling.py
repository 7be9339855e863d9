"""What s_server says of the OCSP responses it staples, on standard error: -status and its kin."""

from __future__ import annotations

from tlsdeck import events
from tlsdeck.output.printer import Printer, always, stack_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.output.printer import Table
    from tlsdeck.output.stream import Stream


class Stapling(Printer):
    """Why there is nothing to staple; `verbose` (-status_verbose): also each request, and what it is answered with."""

    def __init__(self, stream: Stream, *, verbose: bool = False) -> None:
        super().__init__(stream, {**_PROBLEMS, **_STEPS} if verbose else _PROBLEMS)


def _missing(event: events.StapleMissing) -> str:
    return f"{event.reason}\n{stack_lines(event.stack)}"


def _responder_named(event: events.ResponderNamed) -> str:
    return f"cert_status: AIA URL: {event.url}\n"


def _sent(event: events.StapleSent) -> str:
    return f"cert_status: ocsp response sent:\n{event.staple.text}"


_PROBLEMS: Table = {events.StapleMissing: _missing}
_STEPS: Table = {
    events.StapleRequested: always("cert_status: callback called\n"),
    events.ResponderNamed: _responder_named,
    events.StapleSent: _sent,
}
