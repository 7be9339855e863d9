"""What can go wrong, by whose fault it is.

The type answers the first question a user has (is it me, my files, the network, the other side or the library?);
the fields carry the facts. Exit codes are decided in `commands` only.
"""

from __future__ import annotations

_REASON = 5  # field of a line of ERR_print_errors(3)
_SYSTEM = "system lib"  # such a reason says no more than that the one before it does


class TlsdeckError(Exception):
    """Base of all errors raised on purpose.

    `message` is one line for a person, or empty when `stack` already says everything.
    `stack` holds the lines of libcrypto's error queue, oldest first, as `ERR_print_errors(3)` words them.
    `errno` is the system's error number, 0 when it was not the system.
    """

    errno = 0

    def __init__(self, message: str = "", stack: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.stack = stack

    @property
    def reason(self) -> str:
        """The cause in few words: the library's if it gave one, or the message."""
        return _reason(self.stack[-1]) or str(self) if self.stack else str(self)

    @property
    def cause(self) -> str:
        """As `reason`; where that says only that it was the system, what the system said."""
        reasons = [_reason(line) for line in reversed(self.stack)]
        return next((reason for reason in reasons if reason not in ("", _SYSTEM)), self.reason)

    def __str__(self) -> str:
        return self.message or "\n".join(self.stack) or type(self).__name__


def _reason(line: str) -> str:
    fields = line.split(":")
    return fields[_REASON] if len(fields) > _REASON else ""


class UsageError(TlsdeckError):
    """The command line is wrong. The message is complete; `hint`: whether to point at -help afterwards."""

    def __init__(self, message: str, *, hint: bool = True) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigurationError(TlsdeckError):
    """A file, key, certificate or setting that was named cannot be used."""


class SettingError(ConfigurationError):
    """A value on the command line that the library does not know; shown behind the program's name."""


class NetworkError(TlsdeckError):
    """The world: resolving, connecting, listening, a reset, a time limit."""

    def __init__(self, message: str = "", stack: tuple[str, ...] = (), errno: int = 0) -> None:
        super().__init__(message, stack)
        self.errno = errno


class ResolutionError(NetworkError):
    """A host or service whose address cannot be found."""


class TimeLimitError(NetworkError):
    """A time limit of ours is over. The message names the option that set it."""


class PeerError(TlsdeckError):
    """The other side broke the protocol, refused us, or was refused by us."""


class CertificateError(PeerError):
    """The peer's certificate, or the session that stands for it, did not pass our checks."""


class TruncationError(PeerError):
    """The stream ended without close_notify: what was received may not be all that was sent (RFC 8446 section 6.1)."""


class UnknownIdentityError(PeerError):
    """The server does not know who we are, or wants us to say it: alert unknown_psk_identity (RFC 4279 section 2)."""


class EarlyDataError(TlsdeckError):
    """Early data could not be sent or taken: `message` says which, the rest is that of what went wrong."""

    def __init__(self, message: str, stack: tuple[str, ...], errno: int = 0) -> None:
        super().__init__(message, stack)
        self.errno = errno


class DecodeError(TlsdeckError):
    """Bytes that are not what they should be."""


class LibraryError(TlsdeckError):
    """libssl or libcrypto refused a call that should have worked."""


class OutputError(TlsdeckError):
    """Our own output (standard output, -msgfile, ...) cannot take more, for instance a closed pipe."""
