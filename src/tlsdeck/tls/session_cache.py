"""Sessions kept outside of libssl, for -ext_cache: its callbacks hand them over, ask for them and have them dropped.

They are kept serialised, as if in a file or another process, and never more than a fixed number of them: libssl hands
over one for each TLS 1.3 ticket too, although it asks for those only that hold no state of their own.
"""

from __future__ import annotations

from collections import OrderedDict

from tlsdeck.events import SessionKept, SessionSought
from tlsdeck.native import ffi, lib
from tlsdeck.tls.callbacks import callback, observer_of
from tlsdeck.tls.session import session_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.native import Pointer

LIMIT = 20480  # sessions; what libssl's own cache has by default


class SessionCache:
    """Serialised sessions by their ids. When there are `limit`, the oldest makes room for a new one."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._sessions: OrderedDict[bytes, bytes] = OrderedDict()
        self._limit = limit
        self._handle = ffi.new_handle(self)

    def __len__(self) -> int:
        return len(self._sessions)

    def install(self, context: Pointer) -> None:
        """Has an SSL_CTX use it in place of libssl's own cache. It must exist as long as the context does."""
        lib.SSL_CTX_set_session_cache_mode(
            context, lib.SSL_SESS_CACHE_SERVER | lib.SSL_SESS_CACHE_NO_INTERNAL
        )
        lib.SSL_CTX_set_app_data(context, self._handle)
        lib.SSL_CTX_sess_set_new_cb(context, lib.tlsdeck_keep_session)
        lib.SSL_CTX_sess_set_get_cb(context, lib.tlsdeck_find_session)
        lib.SSL_CTX_sess_set_remove_cb(context, lib.tlsdeck_forget_session)

    def keep(self, session_id: bytes, session: bytes) -> None:
        """Keeps a session, in DER."""
        self._sessions[session_id] = session
        if len(self._sessions) > self._limit:
            self._sessions.popitem(last=False)

    def find(self, session_id: bytes) -> bytes | None:
        """The session of that id, if it is still there."""
        return self._sessions.get(session_id)

    def forget(self, session_id: bytes) -> None:
        """Drops a session, if it is still there."""
        self._sessions.pop(session_id, None)


def _of(context: Pointer) -> SessionCache:
    cache: SessionCache = ffi.from_handle(lib.SSL_CTX_get_app_data(context))
    return cache


def _der(session: Pointer) -> bytes:
    buffer = ffi.new("unsigned char[]", lib.i2d_SSL_SESSION(session, ffi.NULL))
    lib.i2d_SSL_SESSION(session, ffi.new("unsigned char **", buffer))
    return bytes(ffi.buffer(buffer))


@callback(error=0)
def tlsdeck_keep_session(ssl: Pointer, session: Pointer) -> int:
    """SSL_CTX_sess_set_new_cb(3). 0: the reference stays libssl's."""
    observer = observer_of(ssl)
    cache = observer.settings.external_cache
    if cache is not None:
        cache.keep(session_id(session), _der(session))
        observer.events.append(SessionKept())
    return 0


@callback(error=ffi.NULL)
def tlsdeck_find_session(ssl: Pointer, session_id: Pointer, length: int, copy: Pointer) -> Pointer:
    """SSL_CTX_sess_set_get_cb(3). The session is a new one: `copy` 0 makes it libssl's, to be freed by it."""
    observer = observer_of(ssl)
    cache = observer.settings.external_cache
    copy[0] = 0
    der = cache.find(bytes(ffi.buffer(session_id, length))) if cache is not None else None
    observer.events.append(SessionSought(der is not None))
    if der is None:
        return ffi.NULL
    return lib.d2i_SSL_SESSION(ffi.NULL, ffi.new("unsigned char **", ffi.from_buffer(der)), len(der))


@callback()
def tlsdeck_forget_session(context: Pointer, session: Pointer) -> None:
    """SSL_CTX_sess_set_remove_cb(3): it has expired, or its connection broke off."""
    _of(context).forget(session_id(session))
