"""OCSP stapling (RFC 6066 section 8): the client's request and what comes of it, and the server's response.

A server reads its response from a file, or asks the responder that its certificate names (RFC 5280 section 4.2.2.1)
while the client that wants it waits. So every response is as new as the responder makes it, and nothing has to be
kept, renewed or thrown away. Asking takes time: at most the time limit of the route. A caller with other clients to
serve carries such a handshake on in a thread (`Settings.asks_others` tells which; libssl's calls let go of the
interpreter), and then it is this client alone who waits.
"""

from __future__ import annotations

import os

from tlsdeck import events
from tlsdeck.errors import LibraryError, NetworkError
from tlsdeck.native import check, encoded, error_stack, ffi, lib, own, printed, text
from tlsdeck.record import Record
from tlsdeck.tls import http
from tlsdeck.tls.callbacks import callback, observer_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.native import Pointer
    from tlsdeck.tls.callbacks import Observer

_LONGEST_RESPONSE = 100 * 1024  # bytes, libcrypto's own limit


class Stapling(Record):
    """Where a server's responses come from: a DER `file`; else the certificate's responder, or `responder` without one."""

    file: str | None = None
    responder: str | None = None
    route: http.Route = http.Route()


class _NoStapleError(Exception):
    """There is nothing to staple. `fatal`: the handshake fails, otherwise it goes on without."""

    def __init__(self, reason: str, stack: tuple[str, ...] = (), *, fatal: bool = False) -> None:
        super().__init__(reason)
        self.event = events.StapleMissing(reason, stack, fatal)


def request_staple(context: Pointer) -> None:
    """Client: asks servers for a response, and tells of it."""
    lib.SSL_CTX_set_tlsext_status_type(context, lib.TLSEXT_STATUSTYPE_ocsp)
    lib.SSL_CTX_set_tlsext_status_cb(context, lib.tlsdeck_staple_received)


def offer_staples(context: Pointer) -> None:
    """Server: answers clients that ask."""
    lib.SSL_CTX_set_tlsext_status_cb(context, lib.tlsdeck_staple_wanted)


# --- the client ------------------------------------------------------------------------------------------------


@callback(error=0)
def tlsdeck_staple_received(ssl: Pointer, _argument: Pointer) -> int:
    """SSL_CTX_set_tlsext_status_cb(3), client: 0 ends the handshake."""
    observer = observer_of(ssl)
    start = ffi.new("unsigned char **")
    length = lib.SSL_get_tlsext_status_ocsp_resp(ssl, start)
    der = b"" if start[0] == ffi.NULL else bytes(ffi.buffer(start[0], length))
    # What libcrypto finds wrong stays in the error queue: it is the reason for the failure to come.
    response = _decoded(der) if der else ffi.NULL
    staple = None if response == ffi.NULL else _staple(response)
    observer.events.append(events.StapleReceived(der, staple))
    return int(staple is not None or not der)


# --- the server ------------------------------------------------------------------------------------------------


@callback(error=lib.SSL_TLSEXT_ERR_ALERT_FATAL)
def tlsdeck_staple_wanted(ssl: Pointer, _argument: Pointer) -> int:
    """SSL_CTX_set_tlsext_status_cb(3), server: a client asks."""
    observer = observer_of(ssl)
    observer.events.append(events.StapleRequested())
    stapling = observer.settings.stapling or Stapling()
    try:
        response = _asked(ssl, stapling, observer) if stapling.file is None else _read(stapling.file)
    except _NoStapleError as problem:
        observer.events.append(problem.event)
        return int(lib.SSL_TLSEXT_ERR_ALERT_FATAL if problem.event.fatal else lib.SSL_TLSEXT_ERR_NOACK)
    staple = _staple(response)
    _attach(ssl, staple.der)
    observer.events.append(events.StapleSent(staple))
    return int(lib.SSL_TLSEXT_ERR_OK)


def _attach(ssl: Pointer, der: bytes) -> None:
    memory = lib.OPENSSL_malloc(len(der))
    check(memory)
    ffi.memmove(memory, der, len(der))
    lib.SSL_set_tlsext_status_ocsp_resp(ssl, memory, len(der))  # frees it


def _read(path: str) -> Pointer:
    """The response in a file, looked at each time, so that another program may renew it."""
    file = lib.BIO_new_file(encoded(path), b"rb")
    if file == ffi.NULL:
        errno = ffi.errno
        lines = (f'Can\'t open "{path}" for reading, {os.strerror(errno)}', *error_stack())
        reason = "\n".join((*lines, "cert_status: Cannot open OCSP response file"))
        raise _NoStapleError(reason, fatal=True)
    try:
        response = lib.d2i_OCSP_RESPONSE_bio(file, ffi.NULL)
    finally:
        lib.BIO_free(file)
    if response == ffi.NULL:
        raise _NoStapleError("cert_status: Error reading OCSP response", error_stack(), fatal=True)
    return own(response, lib.OCSP_RESPONSE_free)


def _asked(ssl: Pointer, stapling: Stapling, observer: Observer) -> Pointer:
    """What the responder says of the certificate that this connection uses."""
    certificate = lib.SSL_get_certificate(ssl)
    url = _responder(certificate)
    if url is None:
        url = stapling.responder
    else:
        _check_url(url)
        observer.events.append(events.ResponderNamed(url))
    if url is None:
        raise _NoStapleError("cert_status: no AIA and no default responder URL")
    request = _request(ssl, certificate)
    query = http.Query(lib.OCSP_REQUEST_it(), ffi.cast("ASN1_VALUE *", request), "application/ocsp-request")
    try:
        response = _decoded(http.fetch(url, stapling.route, _LONGEST_RESPONSE, query))
    except (LibraryError, NetworkError) as error:
        raise _unanswered(error.stack) from None
    if response == ffi.NULL:
        raise _unanswered(error_stack())
    return response


def _unanswered(stack: tuple[str, ...]) -> _NoStapleError:
    return _NoStapleError("Error querying OCSP responder\ncert_status: error querying responder", stack)


def _check_url(url: str) -> None:
    try:
        http.parse_url(url)
    except LibraryError as error:
        raise _NoStapleError("cert_status: can't parse AIA URL", error.stack, fatal=True) from None


def _responder(certificate: Pointer) -> str | None:
    """The first OCSP responder a certificate names."""
    places = lib.X509_get1_ocsp(certificate)
    if places == ffi.NULL:
        return None
    try:
        return text(lib.sk_OPENSSL_STRING_value(places, 0))
    finally:
        lib.X509_email_free(places)


def _request(ssl: Pointer, certificate: Pointer) -> Pointer:
    """An OCSP_REQUEST for a certificate, with the extensions the client wants in it."""
    issuer = _issuer(lib.SSL_CTX_get_cert_store(lib.SSL_get_SSL_CTX(ssl)), certificate)
    request = own(lib.OCSP_REQUEST_new(), lib.OCSP_REQUEST_free)
    identity = lib.OCSP_cert_to_id(ffi.NULL, certificate, lib.X509_OBJECT_get0_X509(issuer))
    check(identity)
    check(lib.OCSP_request_add0_id(request, identity))
    extensions = ffi.new("struct stack_st_X509_EXTENSION **")
    lib.SSL_get_tlsext_status_exts(ssl, extensions)
    for index in range(lib.sk_X509_EXTENSION_num(extensions[0])):
        check(lib.OCSP_REQUEST_add_ext(request, lib.sk_X509_EXTENSION_value(extensions[0], index), -1))
    return request


def _issuer(store: Pointer, certificate: Pointer) -> Pointer:
    """The X509_OBJECT in the store with the name of the certificate's issuer."""
    search = own(lib.X509_STORE_CTX_new(), lib.X509_STORE_CTX_free)
    check(lib.X509_STORE_CTX_init(search, store, ffi.NULL, ffi.NULL))
    name = lib.X509_get_issuer_name(certificate)
    found = lib.X509_STORE_CTX_get_obj_by_subject(search, lib.X509_LU_X509, name)
    if found == ffi.NULL:
        raise _NoStapleError("cert_status: Can't retrieve issuer certificate.", error_stack())
    return own(found, lib.X509_OBJECT_free)


# --- responses -------------------------------------------------------------------------------------------------


def _decoded(der: bytes) -> Pointer:
    """An OCSP_RESPONSE; NULL, with the reason in the error queue, if it is none."""
    response = lib.d2i_OCSP_RESPONSE(ffi.NULL, ffi.new("unsigned char **", ffi.from_buffer(der)), len(der))
    return response if response == ffi.NULL else own(response, lib.OCSP_RESPONSE_free)


def _staple(response: Pointer) -> events.Staple:
    """What there is to tell of a response. What it lacks is no error of the handshake's."""
    lib.ERR_set_mark()
    try:
        return events.Staple(
            printed(lib.OCSP_RESPONSE_print, response, 0),
            _encoded(response),
            text(lib.OCSP_response_status_str(lib.OCSP_response_status(response))),
            *_first_answer(response),
        )
    finally:
        lib.ERR_pop_to_mark()


def _encoded(response: Pointer) -> bytes:
    buffer = ffi.new("unsigned char[]", lib.i2d_OCSP_RESPONSE(response, ffi.NULL))
    lib.i2d_OCSP_RESPONSE(response, ffi.new("unsigned char **", buffer))
    return bytes(ffi.buffer(buffer))


def _first_answer(response: Pointer) -> tuple[str | None, str | None, str | None]:
    """Status, this update and next update of the first certificate in a response; a staple tells of one only."""
    basic = lib.OCSP_response_get1_basic(response)
    if basic == ffi.NULL:
        return None, None, None
    basic = own(basic, lib.OCSP_BASICRESP_free)
    single = lib.OCSP_resp_get0(basic, 0)
    if single == ffi.NULL:
        return None, None, None
    this_update, next_update = ffi.new("ASN1_TIME **"), ffi.new("ASN1_TIME **")
    status = lib.OCSP_single_get0_status(single, ffi.NULL, ffi.NULL, this_update, next_update)
    return text(lib.OCSP_cert_status_str(status)), _time(this_update[0]), _time(next_update[0])


def _time(time: Pointer) -> str | None:
    return None if time == ffi.NULL else printed(lib.ASN1_TIME_print, time)
