"""How a run of s_client ended: the reason in one word, and the exit codes.

Without -strict the exit codes are the original's: 0, 1, or the system's error number when reading failed. With -strict
they are those of `EXIT_CODES`. That table is a promise to scripts: rows may be added, none is ever changed.
"""

from __future__ import annotations

from tlsdeck.commands.program import FAILED, OK
from tlsdeck.errors import (
    CertificateError,
    NetworkError,
    OutputError,
    ResolutionError,
    TimeLimitError,
    TruncationError,
)
from tlsdeck.record import Record
from tlsdeck.tls.verify import failure_kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.errors import TlsdeckError
    from tlsdeck.net.pump import Ending
    from tlsdeck.tls.connection import Connection

EXIT_CODES: dict[str, int] = {
    "ok": 0,
    "setup": 1,
    "lookup": 10,
    "connect": 11,
    "preamble": 12,
    "handshake": 13,
    "untrusted": 20,
    "name": 21,
    "expired": 22,
    "revoked": 23,
    "time-limit": 30,
    "cut-off": 31,
    "connection": 32,
}


class Outcome(Record):
    """A reason, a key of `EXIT_CODES`, and the classic exit code."""

    reason: str
    code: int = FAILED

    def exit_code(self, *, strict: bool) -> int:
        """The exit code of the run."""
        return EXIT_CODES[self.reason] if strict else self.code


WELL = Outcome("ok", OK)


def connect_outcome(error: NetworkError) -> Outcome:
    """Of a connection that could not be made."""
    return Outcome(_reason(error, {ResolutionError: "lookup"}, "connect"))


def preamble_outcome(error: TlsdeckError) -> Outcome:
    """Of a dialogue before TLS that failed."""
    return Outcome(_reason(error, {}, "preamble"))


def handshake_outcome(error: TlsdeckError, connection: Connection) -> Outcome:
    """Of a handshake that failed."""
    if isinstance(error, CertificateError):
        # A certificate that was good when its session was made can only have the wrong name.
        code = connection.verify_code
        return Outcome(failure_kind(code) if code else "name")
    return Outcome(_reason(error, {}, "handshake"))


def conversation_outcome(ending: Ending) -> Outcome:
    """Of a conversation after its handshake.

    Raises:
        OutputError: it ended because nobody reads what we print.
    """
    error = ending.error
    if error is None:
        return WELL
    if isinstance(error, OutputError):
        raise error
    reading = ending.operation == "read"
    kinds: dict[type[TlsdeckError], str] = {TruncationError: "cut-off"}
    if reading:
        kinds[NetworkError] = "cut-off"
    # The system's error number of a failed read is the exit code; scripts know 104 for a reset.
    return Outcome(_reason(error, kinds, "connection"), error.errno if error.errno and reading else FAILED)


def _reason(error: TlsdeckError, kinds: dict[type[TlsdeckError], str], otherwise: str) -> str:
    if isinstance(error, TimeLimitError):
        return "time-limit"
    return next((reason for kind, reason in kinds.items() if isinstance(error, kind)), otherwise)
