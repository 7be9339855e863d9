from __future__ import annotations

import pytest

from output.captured import NOTHING, Capture, shown
from tlsdeck import events
from tlsdeck.output import brief, debug, diagnostics, report, verification
from tlsdeck.output.data import Data
from tlsdeck.output.printer import Printer, always, stack_lines

PRINTERS = [
    brief.ClientBrief,
    brief.ReverseBrief,
    brief.ServerBrief,
    debug.Extensions,
    debug.Messages,
    debug.States,
    debug.Transport,
    diagnostics.ClientDiagnostics,
    diagnostics.ListenerDiagnostics,
    diagnostics.RequestDiagnostics,
    diagnostics.ServerDiagnostics,
    report.ClientReport,
    report.RequestReport,
    report.ServerConnectionReport,
    report.ServerReport,
    verification.Verification,
]


class Unheard(events.Event):
    """An event of the future."""


@pytest.mark.parametrize("kind", PRINTERS)
def test_printer_ignores_what_it_does_not_know(kind: type[Printer]) -> None:
    assert shown(kind, Unheard()) == ""


def test_printer_writes_what_the_table_says() -> None:
    capture = Capture()
    printer = Printer(capture, {events.InputEnded: always("DONE\n")})
    printer.show(events.InputEnded())
    printer.show(events.PeerClosed())
    printer.show(events.InputEnded())
    assert capture.finish() == b"DONE\nDONE\n"


def test_stack_lines_ends_each_line() -> None:
    assert stack_lines(("a", "b")) == "a\nb\n"
    assert stack_lines(()) == ""


def test_data_passes_bytes_on_and_nothing_else() -> None:
    capture = Capture("> ")
    printer = Data(capture)
    printer.show(events.DataReceived(b"\x00one\n"))
    printer.show(events.HandshakeCompleted(NOTHING))
    printer.show(events.DataReceived(b"two"))
    assert capture.finish() == b"\x00one\ntwo"
