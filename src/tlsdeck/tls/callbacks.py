"""The functions libssl calls.

Each finds its connection's `Observer`, appends an event or asks a setting, and returns. None runs code of a user's,
and an exception never crosses C: it is kept in the observer and raised by the connection once the C call
has returned.

The observer is reached through the SSL's application data. It does not refer to its connection, so no cycle keeps
a finished connection alive.
"""

from __future__ import annotations

import os

from tlsdeck import events
from tlsdeck.names import HANDSHAKE
from tlsdeck.native import encoded, ffi, lib, printed, text
from tlsdeck.tls.names import name_text
from tlsdeck.tls.session import session_info
from tlsdeck.tls.summary import server_name
from tlsdeck.tls.verify import UNKNOWN_ISSUER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tlsdeck.native import Pointer
    from tlsdeck.tls.settings import Settings


class Observer:
    """One connection's event queue, and the settings its callbacks ask. `lent`: what libssl may still read."""

    __slots__ = ("cookie", "events", "failure", "handshakes", "lent", "problem", "settings")

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.events: list[events.Event] = []
        self.handshakes = 0  # of TLS 1.2 and below, completed; counted when `Watch.details` asks
        self.problem: BaseException | None = None
        self.failure = 0  # the last severe one of a verification; with `Settings.verify_severe`
        self.lent: object = None
        self.cookie = b""  # the client's, to be sent and expected back


class Tap:
    """Whom to tell about a BIO, and which operations on it are libssl's; the others move a memory's bytes."""

    __slots__ = ("observer", "operations")

    def __init__(self, observer: Observer, operations: tuple[int, ...]) -> None:
        self.observer = observer
        self.operations = operations


def observer_of(ssl: Pointer) -> Observer:
    """The observer of an SSL."""
    observer: Observer = ffi.from_handle(lib.SSL_get_app_data(ssl))
    return observer


def verified_connection(store: Pointer) -> Pointer:
    """The SSL whose peer is verified in an X509_STORE_CTX; NULL when the verification is no connection's.

    A CRL's issuer is verified in a context of its own, a child of the chain's that knows of no connection.
    """
    parent = store
    while parent != ffi.NULL:
        store, parent = parent, lib.X509_STORE_CTX_get0_parent_ctx(parent)
    pointer = lib.X509_STORE_CTX_get_ex_data(store, lib.SSL_get_ex_data_X509_STORE_CTX_idx())
    return ffi.cast("SSL *", pointer)


def callback(error: int | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a function libssl's callback of the same name; `error` is the answer when it raises."""

    def keep(_type: type, problem: BaseException, traceback: Any) -> None:
        found = traceback.tb_frame.f_locals if traceback else {}
        observer = found.get("observer")
        if observer is None and "ssl" in found:  # an interrupt may come before the first line
            observer = observer_of(found["ssl"])
        if observer is None:
            raise problem
        observer.problem = problem

    decorate: Callable[[Callable[..., Any]], Callable[..., Any]] = ffi.def_extern(error=error, onerror=keep)
    return decorate


# --- certificates ----------------------------------------------------------------------------------------------


@callback(error=0)
def tlsdeck_verify(ok: int, store: Pointer) -> int:
    """SSL_CTX_set_verify(3): reports each certificate, and tolerates errors as the settings say."""
    observer = observer_of(verified_connection(store))
    settings = observer.settings
    error = lib.X509_STORE_CTX_get_error(store)
    depth = lib.X509_STORE_CTX_get_error_depth(store)
    certificate = lib.X509_STORE_CTX_get_current_cert(store)
    accepted = ok
    if not ok:
        tolerated = settings.verify_tolerance < 0 or settings.verify_tolerance >= depth
        accepted = int(tolerated and not settings.verify_return_error)
        if settings.verify_severe:
            _keep_severe(observer, store, error)
    observer.events.append(
        events.CertificateChecked(
            depth,
            _subject(certificate, settings.name_flags),
            bool(ok),
            error,
            text(lib.X509_verify_cert_error_string(error)),
            bool(accepted),
            _verify_detail(error, certificate, settings.name_flags),
        )
    )
    if _policy_wanted(ok, error):
        observer.events.append(events.PolicyChecked(_policies(store), error == lib.X509_V_OK))
    return accepted


def _keep_severe(observer: Observer, store: Pointer, error: int) -> None:
    """The result of a verification is its last error: makes that a severe one, if there is any."""
    if error not in UNKNOWN_ISSUER:
        observer.failure = error
    elif observer.failure:
        lib.X509_STORE_CTX_set_error(store, observer.failure)


def _subject(certificate: Pointer, flags: int) -> str | None:
    return None if certificate == ffi.NULL else name_text(lib.X509_get_subject_name(certificate), flags)


def _verify_detail(error: int, certificate: Pointer, flags: int) -> str | None:
    if certificate == ffi.NULL or error not in _DETAILS:
        return None
    return _DETAILS[error](certificate, flags)


def _not_before(certificate: Pointer, _flags: int) -> str:
    return "notBefore=" + printed(lib.ASN1_TIME_print, lib.X509_get0_notBefore(certificate))


def _not_after(certificate: Pointer, _flags: int) -> str:
    return "notAfter=" + printed(lib.ASN1_TIME_print, lib.X509_get0_notAfter(certificate))


def _issuer(certificate: Pointer, flags: int) -> str:
    return "issuer= " + name_text(lib.X509_get_issuer_name(certificate), flags)


_DETAILS: dict[int, Callable[[Pointer, int], str]] = {
    lib.X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT: _issuer,
    lib.X509_V_ERR_CERT_NOT_YET_VALID: _not_before,
    lib.X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD: _not_before,
    lib.X509_V_ERR_CERT_HAS_EXPIRED: _not_after,
    lib.X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD: _not_after,
}

_POLICY_NOTIFICATION = 2  # `ok` when the library only wants the policies shown (X509_V_FLAG_NOTIFY_POLICY)


def _policy_wanted(ok: int, error: int) -> bool:
    notified = error == lib.X509_V_OK and ok == _POLICY_NOTIFICATION
    return notified or bool(error == lib.X509_V_ERR_NO_EXPLICIT_POLICY)


def _policies(store: Pointer) -> str:
    tree = lib.X509_STORE_CTX_get0_policy_tree(store)
    explicit = "True" if lib.X509_STORE_CTX_get_explicit_policy(store) else "False"
    authority = _policy_nodes("Authority", lib.X509_policy_tree_get0_policies(tree))
    user = _policy_nodes("User", lib.X509_policy_tree_get0_user_policies(tree))
    return f"Require explicit Policy: {explicit}\n{authority}{user}"


def _policy_nodes(whose: str, nodes: Pointer) -> str:
    if nodes == ffi.NULL:
        return f"{whose} Policies: <empty>\n"
    count = lib.sk_X509_POLICY_NODE_num(nodes)
    shown = (
        printed(lib.X509_POLICY_NODE_print, lib.sk_X509_POLICY_NODE_value(nodes, i), 2) for i in range(count)
    )
    return f"{whose} Policies:\n" + "".join(shown)


# --- watching --------------------------------------------------------------------------------------------------


@callback()
def tlsdeck_info(ssl: Pointer, where: int, result: int) -> None:
    """SSL_CTX_set_info_callback(3)."""
    observer = observer_of(ssl)
    if where & lib.SSL_CB_ALERT:
        observer.events.append(
            events.AlertSeen(
                not where & lib.SSL_CB_READ,
                text(lib.SSL_alert_type_string_long(result)),
                text(lib.SSL_alert_desc_string_long(result)),
            )
        )
        return
    watch = observer.settings.watch
    if where & lib.SSL_CB_HANDSHAKE_DONE and watch.details:
        observer.events.append(events.HandshakeEnded())
        # In TLS 1.3 there is but one handshake. With early data it ends twice.
        observer.handshakes += lib.SSL_version(ssl) != lib.TLS1_3_VERSION
    outcome = _outcome(where, result)
    if outcome and watch.states:
        operation = _OPERATIONS.get(where & _ROLES, "undefined")
        observer.events.append(events.StateChanged(operation, text(lib.SSL_state_string_long(ssl)), outcome))


_ROLES: int = lib.SSL_ST_CONNECT | lib.SSL_ST_ACCEPT
_OPERATIONS: dict[int, str] = {lib.SSL_ST_CONNECT: "SSL_connect", lib.SSL_ST_ACCEPT: "SSL_accept"}


def _outcome(where: int, result: int) -> str | None:
    if where & lib.SSL_CB_LOOP:
        return "step"
    if where & lib.SSL_CB_EXIT and result <= 0:
        return "failed" if result == 0 else "error"
    return None


@callback()
def tlsdeck_message(
    sent: int, version: int, content_type: int, data: Pointer, length: int, ssl: Pointer, _argument: Pointer
) -> None:
    """SSL_CTX_set_msg_callback(3)."""
    observer = observer_of(ssl)
    watch = observer.settings.watch
    content = bytes(ffi.buffer(data, length)) if length else b""
    if watch.details and content_type == HANDSHAKE and content[:1] == _KEY_UPDATE:
        observer.events.append(events.KeyUpdated(bool(sent), content[-1:] == _UPDATE_REQUESTED))
    if not watch.messages:
        return
    event = events.MessageSeen(bool(sent), version, content_type, content)
    if content_type == HANDSHAKE and watch.message_parts:
        from tlsdeck.tls import messages

        event = event.replace(suite=messages.suite(ssl), texts=messages.texts(version, content))
    observer.events.append(event)


# KeyUpdate (RFC 8446 section 4.6.3); no version below has a message of this type.
_KEY_UPDATE, _UPDATE_REQUESTED = b"\x18", b"\x01"


@callback()
def tlsdeck_extension(
    ssl: Pointer, server: int, kind: int, data: Pointer, length: int, _argument: Pointer
) -> None:
    """SSL_set_tlsext_debug_callback(3)."""
    observer = observer_of(ssl)
    content = bytes(ffi.buffer(data, length)) if length else b""
    observer.events.append(events.ExtensionSeen(bool(server), kind, content))


@callback(error=-1)
def tlsdeck_transport(
    bio: Pointer,
    operation: int,
    argument: Pointer,
    length: int,
    _number: int,
    _value: int,
    result: int,
    processed: Pointer,
) -> int:
    """BIO_set_callback_ex(3): reads and writes once they are done; every other operation passes unseen."""
    # Nothing else may be looked at: a BIO that is freed calls too, when the tap is gone already.
    if operation not in (READ_DONE, WRITE_DONE):
        return result
    tap: Tap = ffi.from_handle(ffi.cast("void *", lib.BIO_get_callback_arg(bio)))
    observer = tap.observer
    if operation in tap.operations:
        moved = int(processed[0]) if result > 0 and processed != ffi.NULL else result
        observer.events.append(
            events.TransportUsed(
                operation == WRITE_DONE,
                int(ffi.cast("uintptr_t", bio)),
                int(ffi.cast("uintptr_t", argument)),
                length,
                moved,
                bytes(ffi.buffer(argument, moved)) if moved > 0 else b"",
            )
        )
    return result


READ_DONE: int = lib.BIO_CB_READ | lib.BIO_CB_RETURN
WRITE_DONE: int = lib.BIO_CB_WRITE | lib.BIO_CB_RETURN


@callback()
def tlsdeck_keylog(ssl: Pointer, line: Pointer) -> None:
    """SSL_CTX_set_keylog_callback(3)."""
    observer = observer_of(ssl)
    if observer.settings.keylog:
        observer.settings.keylog(text(line))


# --- sessions --------------------------------------------------------------------------------------------------


@callback(error=0)
def tlsdeck_new_session(ssl: Pointer, session: Pointer) -> int:
    """SSL_CTX_sess_set_new_cb(3). 0: the reference stays libssl's."""
    observer = observer_of(ssl)
    after_handshake = lib.SSL_version(ssl) == lib.TLS1_3_VERSION
    observer.events.append(events.TicketReceived(session_info(session), after_handshake))
    return 0


_SESSION_ID_TRIES = 10


@callback(error=0)
def tlsdeck_session_id(ssl: Pointer, session_id: Pointer, length: Pointer) -> int:
    """SSL_CTX_set_generate_session_id(3): random bytes behind the prefix of -id_prefix."""
    observer = observer_of(ssl)
    prefix = encoded(observer.settings.session_id_prefix or "")[: length[0]]
    for _ in range(_SESSION_ID_TRIES):
        candidate = prefix + os.urandom(length[0] - len(prefix))
        ffi.memmove(session_id, candidate, len(candidate))
        if not lib.SSL_has_matching_session_id(ssl, session_id, length[0]):
            return 1
    return 0


@callback(error=1)
def tlsdeck_not_resumable(_ssl: Pointer, forward_secure: int) -> int:
    """SSL_CTX_set_not_resumable_session_callback(3): ephemeral key exchange makes a session not resumable."""
    return forward_secure


# --- names and protocols ---------------------------------------------------------------------------------------


@callback(error=0)
def tlsdeck_client_name(ssl: Pointer, _alert: Pointer, _argument: Pointer) -> int:
    """SSL_CTX_set_tlsext_servername_callback(3), client: the server has answered."""
    observer = observer_of(ssl)
    observer.events.append(events.ServerNameChecked(lib.SSL_get_servername_type(ssl) != -1))
    return int(lib.SSL_TLSEXT_ERR_OK)


@callback(error=lib.SSL_TLSEXT_ERR_ALERT_FATAL)
def tlsdeck_server_name(ssl: Pointer, _alert: Pointer, _argument: Pointer) -> int:
    """SSL_CTX_set_tlsext_servername_callback(3), server: chooses the context by name."""
    observer = observer_of(ssl)
    rule = observer.settings.server_name
    name = server_name(ssl)
    if name:
        observer.events.append(events.ServerNameReceived(name))
    if not name or rule is None:
        return int(lib.SSL_TLSEXT_ERR_NOACK)
    if name.lower() != rule.name.lower():
        return int(lib.SSL_TLSEXT_ERR_ALERT_FATAL if rule.fatal else lib.SSL_TLSEXT_ERR_ALERT_WARNING)
    observer.events.append(events.ContextSwitched())
    lib.SSL_set_SSL_CTX(ssl, rule.context.pointer)
    return int(lib.SSL_TLSEXT_ERR_OK)


@callback(error=lib.SSL_TLSEXT_ERR_ALERT_FATAL)
def tlsdeck_named_context(ssl: Pointer, _alert: Pointer, _argument: Pointer) -> int:
    """SSL_CTX_set_tlsext_servername_callback(3), server with a certificate per name: the one that fits best."""
    observer = observer_of(ssl)
    settings = observer.settings
    asked = server_name(ssl)
    if asked is None:
        return int(lib.SSL_TLSEXT_ERR_NOACK)
    contexts = settings.names or {}
    name = asked.lower()
    context = contexts.get(name) or contexts.get("*." + name.partition(".")[2])
    if context is None:
        return int(lib.SSL_TLSEXT_ERR_OK if settings.acknowledge_name else lib.SSL_TLSEXT_ERR_NOACK)
    lib.SSL_set_SSL_CTX(ssl, context.pointer)
    return int(lib.SSL_TLSEXT_ERR_OK)


@callback(error=lib.SSL_TLSEXT_ERR_ALERT_FATAL)
def tlsdeck_alpn(
    ssl: Pointer, out: Pointer, length: Pointer, offered: Pointer, offered_length: int, _argument: Pointer
) -> int:
    """SSL_CTX_set_alpn_select_cb(3): the first of ours that the client offered (RFC 7301 section 3.2)."""
    observer = observer_of(ssl)
    places = protocols(bytes(ffi.buffer(offered, offered_length)))
    observer.events.append(events.AlpnOffered(tuple(_printable(name) for name in places)))
    for name in observer.settings.alpn:
        if name in places:
            out[0] = offered + places[name]
            length[0] = len(name)
            observer.events.append(events.AlpnSelected(_printable(name)))
            return int(lib.SSL_TLSEXT_ERR_OK)
    return int(lib.SSL_TLSEXT_ERR_ALERT_FATAL)


@callback(error=0)
def tlsdeck_server_info(
    ssl: Pointer, kind: int, data: Pointer, length: int, _alert: Pointer, _argument: Pointer
) -> int:
    """SSL_CTX_add_client_custom_ext(3): the server's answer."""
    observer = observer_of(ssl)
    observer.events.append(events.ServerInfoReceived(kind, bytes(ffi.buffer(data, length))))
    return 1


def protocols(wire: bytes) -> dict[bytes, int]:
    """Each protocol of an ALPN or NPN list, in its order, with where its name begins."""
    places: dict[bytes, int] = {}
    start = 0
    while start < len(wire):
        end = start + 1 + wire[start]
        places.setdefault(wire[start + 1 : end], start + 1)
        start = end
    return places


def _printable(name: bytes) -> str:
    return name.decode("latin-1")
