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


def session_id(pointer: Pointer) -> bytes:
    """The id of an SSL_SESSION; empty if it has none (SSL_SESSION_get_id(3))."""
    length = ffi.new("unsigned int *")
    start = lib.SSL_SESSION_get_id(pointer, length)
    return bytes(ffi.buffer(start, length[0])) if length[0] else b""


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
    complaint = f"Can't open session file {path}"
    return _read_session(_opened(path, complaint), complaint)


def load_psk_session(path: str) -> Session:
    """The session that is a pre-shared key for TLS 1.3, in a file as `-sess_out` writes it.

    Raises:
        ConfigurationError: the file cannot be opened or holds no session.
    """
    return _read_session(
        _opened(path, f"Can't open PSK session file {path}"), f"Can't read PSK session file {path}"
    )


def parse_session(pem: str) -> Session:
    """The session of a PEM block, as in `SessionInfo.pem`.

    Raises:
        ConfigurationError: it holds no session.
    """
    lib.ERR_clear_error()
    data = encoded(pem)
    bio = own(lib.BIO_new_mem_buf(data, len(data)), lib.BIO_free)
    return _read_session(bio, "Not a session in PEM")


def _opened(path: str, complaint: str) -> Pointer:
    lib.ERR_clear_error()
    bio = lib.BIO_new_file(encoded(path), b"r")
    if bio == ffi.NULL:
        raise ConfigurationError(complaint, error_stack())
    return own(bio, lib.BIO_free)


def _read_session(bio: Pointer, complaint: str) -> Session:
    pointer = lib.PEM_read_bio_SSL_SESSION(bio, ffi.NULL, ffi.NULL, ffi.NULL)
    if pointer == ffi.NULL:
        raise ConfigurationError(complaint, error_stack())
    return Session(pointer)
