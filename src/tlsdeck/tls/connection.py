"""One TLS connection: one operation per call, never waiting.

Theory of operation
-------------------

libssl's SSL object is a state machine over a transport. Any operation (handshake, read, write, shutdown) may have to
read and to write the transport, because any of them may carry on a handshake. On a transport that does not block an
operation that cannot go on stops and says what it waits for. So each method here does one step and answers either
with its result or with None (False for those that only succeed); then `want` is "read" or "write", and the caller
waits for that and calls the same method again, with the same arguments. Which method it was matters: after a `write`
that wants to read, it is the write that must be called again.

Everything worth telling on the way (messages, certificates, tickets) is appended to an event queue by callbacks
inside libssl; `drain` empties it. Every failure is an exception that says whose fault it is. The library's error
queue is cleared before each operation, so a step never reports the error of an earlier one.
"""

from __future__ import annotations

import os

from tlsdeck.errors import (
    CertificateError,
    LibraryError,
    NetworkError,
    PeerError,
    TruncationError,
    UnknownIdentityError,
)
from tlsdeck.events import BytesCounted, CookieRequested, Renegotiated, StateChanged, TransportUsed
from tlsdeck.native import check, encoded, error_stack, ffi, lib, new_unset, own, text
from tlsdeck.tls import summary
from tlsdeck.tls.callbacks import READ_DONE, WRITE_DONE, Observer, Tap
from tlsdeck.tls.session import session_pem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from tlsdeck.events import Event, Offer, Summary
    from tlsdeck.native import Pointer
    from tlsdeck.tls.context import Context
    from tlsdeck.tls.cookies import Gate
    from tlsdeck.tls.dane import Dane
    from tlsdeck.tls.session import Session
    from tlsdeck.tls.transport import Transport

    T = TypeVar("T")

_WANTS: dict[int, str] = {
    lib.SSL_ERROR_WANT_READ: "read",
    lib.SSL_ERROR_WANT_WRITE: "write",
    lib.SSL_ERROR_WANT_X509_LOOKUP: "x509",
    lib.SSL_ERROR_WANT_ASYNC: "async",
}

_NO_HELLO = "the client's first message is not a TLS ClientHello"
_SHUTDOWN_TRIES = 100
_DISCARD_SIZE = 8192  # bytes
_FOUR_RECORDS = 66000  # bytes, their heads included; as much as the system sends as one


class Connection:
    """A client's or server's end of a connection, as its context says.

    `server_name` is sent by a client (RFC 6066 section 3); `session` is one to resume; `session_id_context` limits
    which sessions a server resumes; with `post_handshake_auth` a client may be asked for its certificate later on
    (RFC 8446 section 4.6.2); by `dane` a client checks the server, if the context's settings allow it.

    Raises:
        LibraryError: out of memory, or a name or session that libssl refuses.
        ValueError: a NUL in the name.
    """

    __slots__ = (
        "_gate", "_gathers", "_held_back", "_observer", "_reason", "_ssl", "_tag", "context", "transport", "want",
    )  # fmt: skip

    def __init__(
        self,
        context: Context,
        transport: Transport,
        *,
        server_name: str | None = None,
        session: Session | None = None,
        session_id_context: bytes | None = None,
        post_handshake_auth: bool = False,
        dane: Dane | None = None,
    ) -> None:
        self.context = context
        self.transport = transport
        self.want: str | None = None
        self._gate: Gate | None = None
        self._gathers = False
        self._held_back = False  # whether a write has got only as far as to the records gathered
        self._observer = Observer(context.settings)
        self._tag = ffi.new_handle(self._observer)
        self._reason = ffi.new("int *")
        lib.ERR_clear_error()
        self._ssl = own(lib.SSL_new(context.pointer), lib.SSL_free)
        lib.SSL_set_app_data(self._ssl, self._tag)
        self._attach()
        self._watch()
        if server_name is not None:
            check(lib.SSL_set_tlsext_host_name(self._ssl, encoded(server_name)))
        if session is not None:
            check(lib.SSL_set_session(self._ssl, session.pointer), "Can't set session")
        if session_id_context is not None:
            check(lib.SSL_set_session_id_context(self._ssl, session_id_context, len(session_id_context)),
                  "Error setting session id context")  # fmt: skip
        if post_handshake_auth:
            lib.SSL_set_post_handshake_auth(self._ssl, 1)
        if dane is not None:
            dane.apply(self._ssl)

    def _use(self, transport: Transport) -> None:
        reading, writing = transport.reading, transport.writing
        lib.BIO_up_ref(reading)
        if reading != writing:
            lib.BIO_up_ref(writing)
        lib.SSL_set_bio(self._ssl, reading, writing)

    def _attach(self) -> None:
        self._use(self.transport)
        if self.context.settings.mtu is not None:
            lib.DTLS_set_link_mtu(self._ssl, self.context.settings.mtu)
        if self.context.settings.server:
            lib.SSL_set_accept_state(self._ssl)
        else:
            lib.SSL_set_connect_state(self._ssl)

    def _watch(self) -> None:
        watch = self.context.settings.watch
        if watch.extensions:
            lib.SSL_set_tlsext_debug_callback(self._ssl, lib.tlsdeck_extension)
        if watch.transport:
            self._tap_transport()

    def _tap_transport(self) -> None:
        operations: dict[Pointer, tuple[int, ...]] = {}
        for bio, done in ((self.transport.reading, READ_DONE), (self.transport.writing, WRITE_DONE)):
            operations[bio] = (*operations.get(bio, ()), done)
        for bio, seen in operations.items():
            handle = ffi.new_handle(Tap(self._observer, seen))
            lib.BIO_set_callback_arg(bio, ffi.cast("char *", handle))
            lib.BIO_set_callback_ex(bio, lib.tlsdeck_transport)
            self.transport.taps.append(handle)  # the BIO may be used longer than this connection

    # --- operations ----------------------------------------------------------------------------------------

    def handshake(self) -> bool:
        """Carries the handshake on; True once it is complete.

        Raises:
            PeerError: the peer broke the protocol, refused us, was refused, or ended without close_notify.
            NetworkError: the transport failed.
        """
        done = self._heard() and self._complete(lib.tlsdeck_handshake)
        if done:
            self.transport.settle()
        return done

    def _heard(self) -> bool:
        """-listen: whether some peer has returned its cookie; hellos are answered until one does."""
        while self.transport.listening:
            if not self.transport.refill():
                self.want = "read"
                return False
            if lib.tlsdeck_listen(self._ssl) > 0:
                self.transport.listening = False
                self._use_link_mtu()
            self._settle()
            self._forget_retries()
        return True

    def _use_link_mtu(self) -> None:
        known = 0 if self.context.settings.mtu is not None else self.transport.link_mtu()
        if known:
            lib.DTLS_set_link_mtu(self._ssl, known)

    def admit(self) -> bool:
        """Server, before `handshake`: True once the client has returned a cookie (RFC 8446 section 4.2.2).

        Raises:
            PeerError, NetworkError: as `handshake`.
        """
        gate = self._gate or self._shut_gate()
        while (want := gate.carry()) is None:
            if gate.passed:
                self._gate = self.want = None
                self._use(self.transport)
                return True
            self._ask_for_cookie(gate)
        self.want = want
        self._forget_retries()
        return False

    def _shut_gate(self) -> Gate:
        from tlsdeck.tls import cookies

        gate = self._gate = cookies.Gate(self.transport)
        self._observer.cookie = cookies.cookie(cookies.peer_address(self.transport))
        self._use(gate.inner)
        return gate

    def _ask_for_cookie(self, gate: Gate) -> None:
        result = lib.tlsdeck_stateless(self._ssl, self._reason)
        self._settle()
        if result < 0:
            stack = error_stack()
            gate.send()  # the alert
            raise PeerError("", stack or (_NO_HELLO,))
        gate.passed = result > 0
        gate.asked = True
        if not gate.passed:
            self._observer.events.append(CookieRequested())

    def read(self, size: int) -> bytes | None:
        """Up to `size` bytes of application data, b"" once the peer has sent close_notify, None for not yet.

        Raises:
            PeerError, NetworkError: as `handshake`.
        """
        buffer = new_unset("char[]", size)
        count = self._step(lib.tlsdeck_read, buffer, size)
        # A record without data, such as a ticket, ends a read too. Nobody would wait for what memory holds already.
        while count is None and lib.BIO_ctrl_pending(self.transport.reading):
            count = self._step(lib.tlsdeck_read, buffer, size)
        return None if count is None else bytes(ffi.buffer(buffer, count))

    def write(self, data: bytes | memoryview) -> bool:
        """Sends all of `data`; False for not yet, then it must be called again with equal data.

        Raises:
            PeerError, NetworkError: as `handshake`.
        """
        if data and not self._held_back:
            if not self._complete(lib.tlsdeck_write, ffi.from_buffer(data), len(data)):
                return False
            self._held_back = self._gathers
        if self._held_back:
            self._held_back = self._attempt(lib.tlsdeck_flush) is None
        return not self._held_back

    def gather(self, size: int = _FOUR_RECORDS) -> None:
        """From now on each `write` hands its records to the transport together, `size` bytes at a time.

        That is for those who write much at once. It takes as much memory.

        Raises:
            LibraryError: out of memory.
        """
        if not self._gathers:
            check(lib.tlsdeck_gather(self._ssl, size))
            self._gathers = True

    def send_file(self, descriptor: int, offset: int, length: int) -> int | None:
        """Has the kernel encrypt and send a part of a file (SSL_sendfile(3)): how many bytes, None for not yet.

        Only if `kernel_sends`. There must be something left of the file.

        Raises:
            PeerError, NetworkError: as `handshake`.
        """
        return self._step(lib.tlsdeck_send_file, descriptor, offset, length)

    def write_early(self, data: bytes) -> bool:
        """Client: sends all of `data` in the ClientHello's flight (RFC 8446 section 2.3); False for not yet.

        Only before the handshake, and no more in all than `early_data_limit`.

        Raises:
            PeerError, NetworkError: as `handshake`.
        """
        return self._complete(lib.tlsdeck_write_early, data, len(data))

    def read_early(self, size: int) -> bytes | None:
        """Server, instead of starting with `handshake`: up to `size` bytes of early data, None for not yet.

        b"" is the end of it; `handshake` completes the handshake then.

        Raises:
            PeerError, NetworkError: as `handshake`.
        """
        buffer, count = new_unset("char[]", size), ffi.new("size_t *")
        done = self._complete(lib.tlsdeck_read_early, buffer, size, count)
        return bytes(ffi.buffer(buffer, count[0])) if done else None

    def shutdown(self) -> bool:
        """Sends close_notify if the connection is in a state to; failures do not matter any more.

        One that only halts, or an engine at work, gets its chance. False: the transport takes no more now, and
        another call is worth it when it does.
        """
        if self._gathers:
            if not lib.tlsdeck_scatter(self._ssl):
                return False
            self._gathers = self._held_back = False
        for _ in range(_SHUTDOWN_TRIES):
            result = lib.tlsdeck_shutdown(self._ssl, self._reason)
            if result >= 0 or self._reason[0] not in _WANTS:
                break
        sent = result >= 0 or self._reason[0] != lib.SSL_ERROR_WANT_WRITE
        self._settle()
        if self.context.settings.watch.details:
            self._observer.events.append(BytesCounted(*summary.byte_counts(self.transport)))
        return bool(sent)

    def send_plain(self, data: bytes) -> None:
        """Puts bytes on the wire that TLS knows nothing of.

        Raises:
            NetworkError: the transport takes none.
        """
        if lib.BIO_write(self.transport.writing, data, len(data)) <= 0:
            errno = ffi.errno
            raise NetworkError(os.strerror(errno), errno=errno)

    def retransmit(self) -> bool:
        """DTLS: sends the last flight again if no answer came in time (RFC 6347 section 4.2.4); whether it was.

        Raises:
            PeerError: it has been sent often enough, or it is somebody else's turn now.
            NetworkError: the transport failed.
        """
        if not self.transport.datagrams:
            return False
        self.transport.check()
        result = lib.tlsdeck_retransmit(self._ssl)
        errno = ffi.errno
        self._settle()
        if result < 0 and not lib.BIO_should_retry(self.transport.writing):
            raise _failure(lib.SSL_ERROR_SSL if lib.ERR_peek_last_error() else lib.SSL_ERROR_SYSCALL, errno)
        return bool(result > 0)

    def timeout(self) -> float | None:
        """DTLS: seconds until `retransmit` and `handshake` are to be called again though nothing has arrived."""
        if not self.transport.datagrams:
            return None
        timer = lib.tlsdeck_timeout(self._ssl)
        waits = (self.transport.patience(), None if timer < 0 else timer / 1000)
        return min((wait for wait in waits if wait is not None), default=None)

    @property
    def least_mtu(self) -> int:
        """DTLS: the fewest bytes of an IP packet that it works with."""
        return int(lib.DTLS_get_link_min_mtu(self._ssl))

    @property
    def mtu_refused(self) -> bool:
        """DTLS: whether the settings' MTU is less than that."""
        mtu = self.context.settings.mtu
        return mtu is not None and mtu < self.least_mtu

    def renegotiate(self) -> None:
        """Asks for a new handshake (TLS 1.2 and below); carried out by the next `handshake`.

        Raises:
            LibraryError: not possible in this version or now.
        """
        lib.ERR_clear_error()
        check(lib.SSL_renegotiate(self._ssl))

    def update_key(self, *, of_peer: bool) -> None:
        """Schedules new sending keys, and the peer's with `of_peer` (RFC 8446 section 4.6.3).

        Raises:
            LibraryError: not possible in this version or now.
        """
        lib.ERR_clear_error()
        kind = lib.SSL_KEY_UPDATE_REQUESTED if of_peer else lib.SSL_KEY_UPDATE_NOT_REQUESTED
        check(lib.SSL_key_update(self._ssl, kind))

    def demand_certificate(self) -> None:
        """Server: from now on a handshake asks for the client's certificate."""
        mode = lib.SSL_VERIFY_PEER | lib.SSL_VERIFY_CLIENT_ONCE
        lib.SSL_set_verify(self._ssl, mode, lib.tlsdeck_verify)

    def request_certificate(self) -> None:
        """Server: asks for the client's certificate after the handshake (RFC 8446 section 4.6.2).

        Raises:
            LibraryError: the client does not support it, or the version has it not.
        """
        lib.ERR_clear_error()
        lib.SSL_set_verify(self._ssl, lib.SSL_VERIFY_PEER, lib.tlsdeck_verify)
        check(lib.SSL_verify_client_post_handshake(self._ssl))

    def discard(self) -> bool:
        """Takes what the peer still sends off the transport, unread; False at its end."""
        buffer = new_unset("char[]", _DISCARD_SIZE)
        count = lib.BIO_read(self.transport.reading, buffer, _DISCARD_SIZE)
        return bool(count > 0 or (count < 0 and lib.BIO_should_retry(self.transport.reading)))

    def close(self) -> None:
        """Frees libssl's side now; the connection is of no use any more. The transport is the caller's."""
        ssl, self._ssl = self._ssl, None
        if ssl is not None:
            ffi.release(ssl)

    # --- facts ---------------------------------------------------------------------------------------------

    def drain(self) -> list[Event] | tuple[()]:
        """The events since the last call."""
        if self._observer.handshakes > 1:
            self._observer.handshakes = 1
            self._observer.events.append(Renegotiated(self.summary()))
        if not self._observer.events:
            return ()
        queue, self._observer.events = self._observer.events, []
        return queue

    def jobs(self) -> tuple[int, ...]:
        """The descriptors that become readable when an engine has done what an operation waits for ("async")."""
        count = ffi.new("size_t *")
        lib.SSL_get_all_async_fds(self._ssl, ffi.NULL, count)
        numbers = ffi.new("int[]", count[0])
        lib.SSL_get_all_async_fds(self._ssl, numbers, count)
        return tuple(numbers)

    def pending(self) -> bool:
        """Whether data waits inside libssl, so that a read may succeed without the transport."""
        return bool(lib.SSL_has_pending(self._ssl))

    @property
    def established(self) -> bool:
        """Whether no handshake is under way."""
        return bool(lib.SSL_is_init_finished(self._ssl))

    @property
    def renegotiating(self) -> bool:
        """Whether a new handshake was asked for and is not done yet."""
        return bool(lib.SSL_renegotiate_pending(self._ssl))

    @property
    def kernel_sends(self) -> bool:
        """Whether the kernel encrypts what is sent, after a handshake with the settings' `kernel_tls`."""
        return bool(lib.BIO_get_ktls_send(lib.SSL_get_wbio(self._ssl)))

    @property
    def peer_closed(self) -> bool:
        """Whether close_notify has been received."""
        return bool(lib.SSL_get_shutdown(self._ssl) & lib.SSL_RECEIVED_SHUTDOWN)

    @property
    def early_data_limit(self) -> int:
        """Client: how many bytes of early data the session to be resumed allows, or that of a pre-shared key."""
        psk = self.context.settings.psk
        sessions = [lib.SSL_get_session(self._ssl)]
        if psk is not None and psk.session is not None:
            sessions.append(psk.session.pointer)
        allowed = [lib.SSL_SESSION_get_max_early_data(each) for each in sessions if each != ffi.NULL]
        return int(max(allowed, default=0))

    @property
    def early_data(self) -> str:
        """What became of early data: "not sent", "rejected", "accepted"."""
        return summary.early_data(self._ssl)

    @property
    def version(self) -> int:
        """The protocol version's code point, 0x0304 for TLS 1.3."""
        return int(lib.SSL_version(self._ssl))

    @property
    def verify_code(self) -> int:
        """The verification's result, X509_V_OK (0) when nothing was wrong."""
        return int(lib.SSL_get_verify_result(self._ssl))

    @property
    def verify_text(self) -> str:
        """What was wrong with the peer's certificate, in the library's words; empty when nothing was."""
        code = self.verify_code
        return text(lib.X509_verify_cert_error_string(code)) if code != lib.X509_V_OK else ""

    def peer_is(self, host: str | None, address: str | None) -> bool:
        """Whether the peer's certificate is for this host name or IP address; True without a certificate.

        A handshake checks it by itself, but not one that resumes a session (X509_check_host(3)).
        """
        certificate = lib.SSL_get0_peer_certificate(self._ssl)
        if certificate == ffi.NULL:
            return True
        if host is not None and lib.X509_check_host(certificate, encoded(host), 0, 0, ffi.NULL) != 1:
            return False
        return address is None or lib.X509_check_ip_asc(certificate, encoded(address), 0) == 1

    def summary(self, exporter: tuple[str, int] | None = None) -> Summary:
        """What is known of the connection. `exporter`: label and length in bytes of keying material to export."""
        return summary.summarize(self._ssl, self.transport, self.context.settings, exporter)

    def offer(self) -> Offer | None:
        """Server: what the client offered; None before that, or if `Watch` has not asked to keep it."""
        return summary.client_offer(self._ssl, self.context.settings)

    def session_pem(self) -> str:
        """The session as a PEM block; empty without one."""
        pointer = lib.SSL_get_session(self._ssl)
        return "" if pointer == ffi.NULL else session_pem(pointer)

    def ask(self, question: Callable[[Pointer], T]) -> T:
        """The answer of one of the functions of `tls.summary`, for callers that need only a part of it."""
        return question(self._ssl)

    # --- steps ---------------------------------------------------------------------------------------------

    def _step(self, operation: Callable[..., int], *arguments: object) -> int | None:
        """One operation: its positive result, 0 for the peer's close_notify, None when `want` says why not yet."""
        while (result := self._attempt(operation, *arguments)) is None:
            if self.want != "read" or not self.transport.refill():
                break
        return result

    def _attempt(self, operation: Callable[..., int], *arguments: object) -> int | None:
        result = operation(self._ssl, *arguments, self._reason)
        reason = self._reason[0]
        if reason == lib.SSL_ERROR_NONE:
            self.want = None
            if self._observer.problem:
                self._settle()
            return result
        errno = ffi.errno
        self._settle()
        if reason == lib.SSL_ERROR_ZERO_RETURN:
            self.want = None
            return 0
        self.want = _WANTS.get(reason)
        if self.want is None:
            raise _failure(reason, errno)
        self._forget_retries()
        return None

    def _complete(self, operation: Callable[..., int], *arguments: object) -> bool:
        """An operation that close_notify does not complete: a handshake, or a write to one who has closed since."""
        result = self._step(operation, *arguments)
        if result == 0:
            when = "" if self.established else " during the handshake"
            raise PeerError(f"the peer closed the connection{when}")
        return result is not None

    def _settle(self) -> None:
        """Raises what a callback of the operation raised."""
        problem, self._observer.problem = self._observer.problem, None
        if problem is not None:
            raise problem

    def _forget_retries(self) -> None:
        """Drops what only says "not yet": on a blocking transport it would not have happened."""
        watch = self.context.settings.watch
        if not watch.retries and (watch.states or watch.transport):
            self._observer.events = [event for event in self._observer.events if not _only_retry(event)]


def _only_retry(event: Event) -> bool:
    if isinstance(event, StateChanged):
        return event.outcome == "error"
    return isinstance(event, TransportUsed) and event.result < 0


def _failure(reason: int, errno: int) -> PeerError | NetworkError | LibraryError:
    """The exception for a failed operation: SSL_get_error(3)'s reason and the system's error number."""
    code = lib.ERR_peek_last_error()
    stack = error_stack()
    if reason == lib.SSL_ERROR_SYSCALL:
        message = os.strerror(errno) if errno else "connection ended"
        return NetworkError(message, stack, errno)
    kind = _PEER_ERRORS.get((lib.ERR_GET_LIB(code), lib.ERR_GET_REASON(code)), PeerError)
    return kind("", stack)


_PEER_ERRORS: dict[tuple[int, int], type[PeerError]] = {
    (lib.ERR_LIB_SSL, lib.SSL_R_CERTIFICATE_VERIFY_FAILED): CertificateError,
    (lib.ERR_LIB_SSL, lib.SSL_R_UNEXPECTED_EOF_WHILE_READING): TruncationError,
    (lib.ERR_LIB_SSL, lib.SSL_AD_REASON_OFFSET + lib.SSL_AD_UNKNOWN_PSK_IDENTITY): UnknownIdentityError,
}
