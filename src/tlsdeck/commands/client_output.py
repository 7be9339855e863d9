"""What s_client shows, and what it keeps of the sessions it is given: the listeners to its events."""

from __future__ import annotations

import os

from tlsdeck import events
from tlsdeck.commands.client_settings import has_shared_secret
from tlsdeck.commands.common import debug_printers, json_printer
from tlsdeck.errors import OutputError
from tlsdeck.output.stream import Stream
from tlsdeck.tls.session import parse_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.commands.common import Printer
    from tlsdeck.commands.s_client_options import ClientOptions
    from tlsdeck.events import Event
    from tlsdeck.tls.session import Session

_PROGRAM = "s_client"


def client_printers(options: ClientOptions) -> list[Printer]:
    """One printer for each thing the options ask to see; only those are imported.

    Raises:
        ConfigurationError: -msgfile cannot be written.
    """
    from tlsdeck.output.data import Data
    from tlsdeck.output.diagnostics import ClientDiagnostics
    from tlsdeck.output.verification import Candidates, Verification

    out, err = Stream(1, os.environ.get("HARNESS_OSSL_PREFIX", "")), Stream(2)
    printers: list[Printer] = [json_printer(options, _PROGRAM, Stream(1))] if options.json else []
    printers += debug_printers(options, None if options.json else out, err)
    printers += [Verification(err, quiet=options.verify_quiet), ClientDiagnostics(err, brief=options.brief)]
    if options.xcert:
        printers.append(Candidates(err))
    if options.sess_out is not None:
        printers.append(SessionFile(options.sess_out, err))
    if options.brief:
        from tlsdeck.output.brief import ClientBrief

        printers.append(ClientBrief(err))
    if not options.json and (not options.quiet or options.debug):
        from tlsdeck.output.report import ClientReport

        printers.append(ClientReport(out, show_certificates=options.showcerts, quiet=options.quiet))
    if has_shared_secret(options):
        from tlsdeck.commands import shared_secrets

        printers += shared_secrets.client_printers(options, out, err)
    if options.starttls is not None:
        from tlsdeck.output.diagnostics import PreambleReply

        printers.append(PreambleReply(err))
    if not options.json:
        printers.append(Data(Stream(1)))
    return printers


class NewestSession:
    """The session that the next connection is to resume: the one given, then whatever the server hands out."""

    def __init__(self, first: Session | None) -> None:
        self.count = 0  # sessions received
        self._session = first

    def show(self, event: Event) -> None:
        """Keeps the session of a TicketReceived."""
        if isinstance(event, events.TicketReceived):
            self.count += 1
            self._session = parse_session(event.session.pem)

    def session(self) -> Session | None:
        """The newest session, None without any."""
        return self._session


class SessionFile:
    """-sess_out: keeps the newest session in a file."""

    def __init__(self, path: str, err: Stream) -> None:
        self._path = path
        self._err = err

    def show(self, event: Event) -> None:
        """Writes the session of a TicketReceived; failing to is said but ends nothing."""
        if not isinstance(event, events.TicketReceived):
            return
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                Stream(descriptor).text(event.session.pem)
            finally:
                os.close(descriptor)
        except (OSError, OutputError):
            self._err.text(f"Error writing session file {self._path}\n")
