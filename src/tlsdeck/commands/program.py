"""What every program does around its work: read the options, catch what goes wrong, choose the exit code."""

from __future__ import annotations

import os

from tlsdeck import native
from tlsdeck.errors import OutputError, SettingError, TlsdeckError, UsageError
from tlsdeck.options import help_text, read
from tlsdeck.output.stream import Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from tlsdeck.options import Options

    T = TypeVar("T", bound=Options)

OK = 0
FAILED = 1
_SIGNALLED = 128  # plus a signal's number: what a shell calls the end by it

# Set to see where in our code an unexpected error comes from.
TRACEBACK = "TLSDECK_TRACEBACK"


def run(program: str, table: type[T], argv: Sequence[str], work: Callable[[T], int]) -> int:
    """Runs `work` with the options on the command line; the exit code."""
    err = Stream(2)
    try:
        return _run(program, table, argv, work, err)
    except KeyboardInterrupt as interrupt:
        return interrupted(interrupt)
    except OutputError:
        return FAILED
    except TlsdeckError as error:
        return _complain(err, error_text(program, error))
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        what = f"{type(error).__name__}: {error}"
        return _complain(
            err, f"{program}: internal error: {what}\nPlease report it; {TRACEBACK}=1 shows where.\n"
        )


def _run(program: str, table: type[T], argv: Sequence[str], work: Callable[[T], int], err: Stream) -> int:
    options = read(table, argv, program=program, has=native.has)
    if getattr(options, "help", False):
        err.text(help_text(table, program, has=native.has))
        return OK
    return work(options)


def heed_termination() -> None:
    """From now on SIGTERM ends the work as SIGINT does: by KeyboardInterrupt, with the signal's number."""
    import signal

    def end(number: int, _frame: object) -> None:
        raise KeyboardInterrupt(number)

    signal.signal(signal.SIGTERM, end)


def interrupted_code(interrupt: KeyboardInterrupt) -> int:
    """The exit code that a shell will see."""
    return _SIGNALLED + _signal_of(interrupt)


def interrupted(interrupt: KeyboardInterrupt) -> int:
    """Ends the process by the signal that ended the work, so that a shell sees what happened."""
    import signal

    number = _signal_of(interrupt)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return FAILED


def _signal_of(interrupt: KeyboardInterrupt) -> int:
    return int(interrupt.args[0]) if interrupt.args else _SIGINT


_SIGINT = 2


def _complain(err: Stream, text: str) -> int:
    try:
        err.text(text)
    except OutputError:
        pass
    return FAILED


def error_text(program: str, error: TlsdeckError) -> str:
    """What stderr shows of an error: its message, the library's lines, a pointer to -help."""
    lines = []
    if error.message:
        lines.append(f"{program}: {error.message}" if isinstance(error, SettingError) else error.message)
    lines += error.stack
    if isinstance(error, UsageError) and error.hint:
        lines.append(f"{program}: Use -help for summary.")
    return "".join(f"{line}\n" for line in lines)
