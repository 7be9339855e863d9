"""Asking over HTTP: OCSP responders (RFC 6960 appendix A), and places where CRLs are (RFC 5280 section 4.2.1.13).

libcrypto speaks HTTP, reads the answer with a limit to its length, and knows the proxies of the environment. Only
the connection is made here: libcrypto's own way either waits without end or knocks at a closed port until the time
is up. Whatever happens, an answer or an error is there when the time limit is over; a slow look-up of the host's
name, which is the system's affair, may add to it.
"""

from __future__ import annotations

import time

from tlsdeck.errors import NetworkError
from tlsdeck.native import check, encoded, error_stack, ffi, lib, own, taken, text
from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.native import Pointer

DEFAULT_LIMIT = 10  # seconds
_MOST_REDIRECTIONS = 5


class Route(Record):
    """The way to a server: `proxy` and `no_proxy` as in s_server(1), None for the environment's; `limit` in seconds."""

    proxy: str | None = None
    no_proxy: str | None = None
    limit: int = DEFAULT_LIMIT


class Query(Record):
    """What is posted, an ASN.1 value and its item, and its media type."""

    item: Pointer
    value: Pointer
    media_type: str


class Url(Record):
    """The parts of an http or https URL; `path` has the query too."""

    tls: bool
    host: str
    port: str
    path: str


def parse_url(url: str) -> Url:
    """The parts of an URL. What has no scheme is http.

    Raises:
        LibraryError: it is no URL, or of another scheme.
    """
    tls = ffi.new("int *")
    host, port, path = (ffi.new("char **") for _ in range(3))
    null = ffi.NULL
    check(lib.OSSL_HTTP_parse_url(encoded(url), tls, null, host, port, null, path, null, null))
    return Url(bool(tls[0]), *(taken(part[0]) or "" for part in (host, port, path)))


def fetch(url: str, route: Route, longest: int, query: Query | None = None) -> bytes:
    """The DER that is at `url`, at most `longest` bytes, or that the posted `query` is answered with.

    Raises:
        LibraryError: it is no URL.
        NetworkError: no answer in time, or none of any use.
    """
    deadline = int(time.time()) + route.limit
    for _ in range(_MOST_REDIRECTIONS):
        place = parse_url(url)
        proxy = _proxy(place, route)
        request, connection = _open(place, proxy, deadline)
        try:
            _prepare(request, place, proxy, query)
            lib.OSSL_HTTP_REQ_CTX_set_max_response_length(request, longest)
            redirection = ffi.new("char **")
            answer = lib.OSSL_HTTP_exchange(request, ffi.NULL if query else redirection)
            if answer != ffi.NULL:
                return _content(own(answer, lib.BIO_free))
        finally:
            lib.OSSL_HTTP_close(request, 1)
            ffi.release(connection)
        elsewhere = taken(redirection[0])
        if elsewhere is None:
            break
        url = elsewhere
    raise NetworkError("", error_stack())


def _open(place: Url, proxy: Url | None, deadline: int) -> tuple[Pointer, Pointer]:
    """A request to be filled in, and the BIO it will use."""
    connection = _connect(place, proxy, deadline)
    left = max(1, deadline - int(time.time()))
    request = lib.OSSL_HTTP_open(
        encoded(place.host), encoded(place.port), ffi.NULL, ffi.NULL, 0,
        connection, connection, ffi.NULL, ffi.NULL, 0, left,
    )  # fmt: skip
    check(request)
    return request, connection


def _proxy(place: Url, route: Route) -> Url | None:
    """The proxy that is in the way, by the options or the environment."""
    options = [ffi.NULL if each is None else encoded(each) for each in (route.proxy, route.no_proxy)]
    proxy = lib.OSSL_HTTP_adapt_proxy(*options, encoded(place.host), place.tls)
    return None if proxy == ffi.NULL else parse_url(text(proxy))


def _connect(place: Url, proxy: Url | None, deadline: int) -> Pointer:
    """A BIO connected to the server, through the proxy and with TLS where asked for."""
    first = proxy or place
    host = first.host if ":" not in first.host.strip("[]") else f"[{first.host.strip('[]')}]"
    connection = own(lib.BIO_new_connect(encoded(f"{host}:{first.port}")), lib.BIO_free_all)
    lib.BIO_set_nbio(connection, 1)
    while lib.BIO_do_connect(connection) <= 0:
        if not lib.BIO_should_retry(connection) or lib.BIO_wait(connection, deadline, 0) <= 0:
            raise NetworkError("", error_stack())
    return _over_tls(connection, place, proxy, deadline) if place.tls else connection


def _over_tls(connection: Pointer, place: Url, proxy: Url | None, deadline: int) -> Pointer:
    """The BIO with TLS on top. Nobody is authenticated by it: OCSP responses are signed."""
    if proxy is not None:
        left = max(1, deadline - int(time.time()))
        host, port, null = encoded(place.host), encoded(place.port), ffi.NULL
        if not lib.OSSL_HTTP_proxy_connect(connection, host, port, null, null, left, null, null):
            raise NetworkError("", error_stack())
    context = own(lib.SSL_CTX_new_ex(ffi.NULL, ffi.NULL, lib.TLS_client_method()), lib.SSL_CTX_free)
    secure = lib.BIO_new_ssl(context, 1)
    check(secure)
    ssl = ffi.new("SSL **")
    lib.BIO_get_ssl(secure, ssl)
    lib.SSL_set_tlsext_host_name(ssl[0], encoded(place.host))
    lib.BIO_up_ref(connection)  # one reference is the chain's, the other goes with our variable
    return own(lib.BIO_push(secure, connection), lib.BIO_free_all)


def _prepare(request: Pointer, place: Url, proxy: Url | None, query: Query | None) -> None:
    absolute = proxy is not None and not place.tls
    host, port = (encoded(part) if absolute else ffi.NULL for part in (place.host, place.port))
    check(lib.OSSL_HTTP_REQ_CTX_set_request_line(request, query is not None, host, port, encoded(place.path)))
    check(lib.OSSL_HTTP_REQ_CTX_add1_header(request, b"Host", encoded(place.host)))
    # Servers are not strict about the answer's type, so neither is this.
    check(lib.OSSL_HTTP_REQ_CTX_set_expected(request, ffi.NULL, 1, -1, 0))
    if query is not None:
        media_type = encoded(query.media_type)
        check(lib.OSSL_HTTP_REQ_CTX_set1_req(request, media_type, query.item, query.value))


def _content(answer: Pointer) -> bytes:
    start = ffi.new("char **")
    length = lib.BIO_get_mem_data(answer, start)
    return bytes(ffi.buffer(start[0], length))
