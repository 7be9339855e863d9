"""TLS sessions: reading, writing and printing them (PEM_read_bio_SSL_SESSION(3), SSL_SESSION_print(3))."""

from __future__ import annotations

from tlsdeck.errors import ConfigurationError
from tlsdeck.events import SessionInfo
from tlsdeck.native import encoded, error_stack, ffi, lib, own, printed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.native import Pointer


class Session:
    """A session that a later connection can resume."""

    __slots__ = ("pointer",)

    def __init__(self, pointer: Pointer) -> None:
        self.pointer = own(pointer, lib.SSL_SESSION_free)

    @property
    def info(self) -> SessionInfo:
        """The session as text."""
        return session_info(self.pointer)


def session_info(pointer: Pointer) -> SessionInfo:
    """The facts and texts of an SSL_SESSION."""
    return SessionInfo(
        text=printed(lib.SSL_SESSION_print, pointer),
        pem=session_pem(pointer),
        lifetime=lib.SSL_SESSION_get_ticket_lifetime_hint(pointer),
        max_early_data=lib.SSL_SESSION_get_max_early_data(pointer),
    )


def session_pem(pointer: Pointer) -> str:
    """An SSL_SESSION as a PEM block, `SSL SESSION PARAMETERS`."""
    return printed(lib.PEM_write_bio_SSL_SESSION, pointer)


def load_session(path: str) -> Session:
    """The session that `-sess_out` once wrote.

    Raises:
        ConfigurationError: the file cannot be opened or holds no session.
    """
    lib.ERR_clear_error()
    bio = lib.BIO_new_file(encoded(path), b"r")
    return _read_session(bio, f"Can't open session file {path}")


def parse_session(pem: str) -> Session:
    """The session of a PEM block, as in `SessionInfo.pem`.

    Raises:
        ConfigurationError: it holds no session.
    """
    lib.ERR_clear_error()
    data = encoded(pem)
    return _read_session(lib.BIO_new_mem_buf(data, len(data)), "Not a session in PEM")


def _read_session(bio: Pointer, complaint: str) -> Session:
    pointer = ffi.NULL
    if bio != ffi.NULL:
        pointer = lib.PEM_read_bio_SSL_SESSION(bio, ffi.NULL, ffi.NULL, ffi.NULL)
        lib.BIO_free(bio)
    if pointer == ffi.NULL:
        raise ConfigurationError(complaint, error_stack())
    return Session(pointer)
