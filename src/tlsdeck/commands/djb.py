"""What the programs of the ucspi family do around their work: too few words, errors, exit codes.

The exit codes are the family's: 100 for a wrong command line, 111 when something failed that may work another time.
"""

from __future__ import annotations

import os

from tlsdeck.errors import OutputError, TlsdeckError
from tlsdeck.output.stream import Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OK = 0
USAGE = 100
TEMPORARY = 111


class FailureError(TlsdeckError):
    """The end of a program: what it says behind its name, and its exit code."""

    def __init__(self, text: str, code: int = TEMPORARY) -> None:
        super().__init__(text)
        self.code = code


def failure(kind: str, what: str, error: OSError) -> FailureError:
    """What the system would not do, in the family's form. `kind` is "error" or "fatal"."""
    return FailureError(f"{kind}: ({TEMPORARY}) {what}: {error.strerror}")


def run(
    program: str, usage: tuple[str, ...], argv: Sequence[str], work: Callable[[Sequence[str]], None]
) -> int:
    """Runs `work` with as many words as `usage` has; more are ignored, as the originals do. The exit code."""
    try:
        if argv and argv[0] in ("-help", "--help"):
            Stream(2).text(f"Usage: {program} {' '.join(usage)}\n")
            return OK
        work(_words(program, usage, argv))
    except KeyboardInterrupt as interrupt:
        from tlsdeck.commands.program import interrupted

        return interrupted(interrupt)
    except Exception as error:
        return _complain(program, error)
    return OK


def _words(program: str, usage: tuple[str, ...], argv: Sequence[str]) -> Sequence[str]:
    if len(argv) < len(usage):
        raise FailureError(f"usage: {program} {' '.join(usage)}", USAGE)
    return argv[: len(usage)]


def _complain(program: str, error: Exception) -> int:
    text, code = f"fatal: ({TEMPORARY}) {error}", TEMPORARY
    if isinstance(error, FailureError):
        text, code = error.message, error.code
    elif not isinstance(error, TlsdeckError):
        from tlsdeck.commands.program import TRACEBACK

        if os.environ.get(TRACEBACK):
            raise error
        text = (
            f"internal error: {type(error).__name__}: {error}\nPlease report it; {TRACEBACK}=1 shows where."
        )
    say(program, text)
    return code


def say(program: str, text: str) -> None:
    """A line on standard error, for whom it may concern: when nobody takes it, the work goes on."""
    try:
        Stream(2).text(f"{program}: {text}\n")
    except OutputError:
        pass
