"""`tlsdeck NAME ...`, and the names the programs are installed under."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    Main = Callable[[Sequence[str]], int]


def _load_s_client() -> Main:
    from tlsdeck.commands.s_client import main

    return main


def _load_s_server() -> Main:
    from tlsdeck.commands.s_server import main

    return main


def _load_sslserver() -> Main:
    from tlsdeck.commands.sslserver import main

    return main


def _load_tcprules() -> Main:
    from tlsdeck.commands.tcprules import main

    return main


def _load_tcprulescheck() -> Main:
    from tlsdeck.commands.tcprulescheck import main

    return main


COMMANDS: dict[str, Callable[[], Main]] = {
    "s_client": _load_s_client,
    "s_server": _load_s_server,
    "sslserver": _load_sslserver,
    "tcprules": _load_tcprules,
    "tcprulescheck": _load_tcprulescheck,
}
OPENSSL_COMMANDS = ("s_client", "s_server")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program named by the first word with the words after it; the exit code."""
    words = sys.argv[1:] if argv is None else argv
    if words and words[0] in COMMANDS:
        return COMMANDS[words[0]]()(words[1:])
    if words and words[0] in ("-version", "--version"):
        return _version()
    asked = bool(words) and words[0] in ("-help", "--help", "-h")
    complaint = "" if asked or not words else f"tlsdeck: unknown command: {words[0]}\n"
    known = "".join(f"  tlsdeck {name} -help\n" for name in COMMANDS)
    sys.stderr.write(
        f"{complaint}Usage: tlsdeck command [options]\n\nCommands, each with help of its own:\n{known}"
    )
    return 0 if asked else 1


def _version() -> int:
    from tlsdeck import __version__
    from tlsdeck.tls.library import version

    print(f"tlsdeck {__version__} over {version()}")
    return 0


# --- installed programs ----------------------------------------------------------------------------------------


def s_client() -> NoReturn:
    """The s_client program."""
    _run_process("s_client", sys.argv[1:])


def s_server() -> NoReturn:
    """The s_server program."""
    _run_process("s_server", sys.argv[1:])


def sslserver() -> NoReturn:
    """The sslserver program."""
    _run_process("sslserver", sys.argv[1:])


def tcprules() -> NoReturn:
    """The tcprules program."""
    _run_process("tcprules", sys.argv[1:])


def tcprulescheck() -> NoReturn:
    """The tcprulescheck program."""
    _run_process("tcprulescheck", sys.argv[1:])


def openssl() -> NoReturn:
    """Takes the place of `openssl` in a script: our programs are ours, every other subcommand is the real one's."""
    words = sys.argv[1:]
    if words and words[0] in OPENSSL_COMMANDS:
        _run_process(words[0], words[1:])
    try:
        os.execvp("openssl", ["openssl", *words])
    except OSError as error:
        sys.exit(f"tlsdeck-openssl: cannot run openssl: {error.strerror}")


def _run_process(name: str, words: Sequence[str]) -> NoReturn:
    """Runs a program as the whole of this process.

    What start-up makes stays until the end, so the collector need not look at it; and nothing is left to write when
    a program is done, so the interpreter is not taken apart. Together that is a tenth of the time of a short run.
    """
    gc.disable()
    program = COMMANDS[name]()
    gc.freeze()
    gc.enable()
    os._exit(program(words))


if __name__ == "__main__":
    sys.exit(main())
