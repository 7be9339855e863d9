"""`tlsdeck NAME ...`, and the names the programs are installed under."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def s_client(argv: Sequence[str] | None = None) -> int:
    """The s_client program."""
    from tlsdeck.commands import s_client

    return s_client.main(argv)


def s_server(argv: Sequence[str] | None = None) -> int:
    """The s_server program."""
    from tlsdeck.commands import s_server

    return s_server.main(argv)


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {"s_client": s_client, "s_server": s_server}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program named by the first word with the words after it."""
    words = sys.argv[1:] if argv is None else argv
    if words and words[0] in COMMANDS:
        return COMMANDS[words[0]](words[1:])
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


def openssl(argv: Sequence[str] | None = None) -> int:
    """Takes the place of `openssl` in a script: our programs are ours, every other subcommand is the real one's."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in COMMANDS:
        return COMMANDS[words[0]](words[1:])
    try:
        os.execvp("openssl", ["openssl", *words])
    except OSError as error:
        sys.stderr.write(f"tlsdeck-openssl: cannot run openssl: {error.strerror}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
