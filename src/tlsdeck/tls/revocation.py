"""Fetching CRLs from where certificates say they are (RFC 5280 section 4.2.1.13), deltas included (4.2.1.15).

libssl checks a chain in one go and asks for each certificate's CRL in the middle of it, so the fetching is done
there, while this connection waits; as for stapling, a caller who serves others does it in a thread. Nothing is
fetched before a chain up to a trusted certificate has been found, but then before its signatures are checked:
whoever switches this on lets the other side choose places that are asked.
"""

from __future__ import annotations

from tlsdeck import events
from tlsdeck.errors import LibraryError, NetworkError
from tlsdeck.native import error_stack, ffi, lib
from tlsdeck.tls import http
from tlsdeck.tls.callbacks import callback, observer_of, verified_connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.native import Pointer
    from tlsdeck.tls.callbacks import Observer

_LONGEST_CRL = 32 * 1024 * 1024  # bytes, libcrypto's own limit since 3.2


def download_crls(store: Pointer) -> None:
    """Has an X509_STORE fetch CRLs besides using the ones it holds."""
    lib.X509_STORE_set_lookup_crls(store, lib.tlsdeck_lookup_crls)


@callback()
def tlsdeck_lookup_crls(store: Pointer, name: Pointer) -> Pointer:
    """X509_STORE_set_lookup_crls(3): the CRLs at hand of an issuer, and those that the certificate points to."""
    found = lib.X509_STORE_CTX_get1_crls(store, name)
    ssl = verified_connection(store)
    if ssl == ffi.NULL:
        return found  # nobody is there to be told
    observer = observer_of(ssl)
    certificate = lib.X509_STORE_CTX_get_current_cert(store)
    if found == ffi.NULL:
        found = lib.sk_X509_CRL_new_null()
    for extension in (lib.NID_crl_distribution_points, lib.NID_freshest_crl):
        url = _place(certificate, extension)
        crl = ffi.NULL if url is None else _fetch(url, observer)
        if crl == ffi.NULL:
            break  # no use asking for changes to what is not there
        lib.sk_X509_CRL_push(found, crl)
    return found


def _place(certificate: Pointer, extension: int) -> str | None:
    """The first http URL in an extension that says where CRLs are; None without one."""
    points = lib.X509_get_ext_d2i(certificate, extension, ffi.NULL, ffi.NULL)
    if points == ffi.NULL:
        return None
    points = ffi.gc(ffi.cast("struct stack_st_DIST_POINT *", points), lib.CRL_DIST_POINTS_free)
    for index in range(lib.sk_DIST_POINT_num(points)):
        point = lib.sk_DIST_POINT_value(points, index).distpoint
        if point != ffi.NULL and point.type == _FULL_NAME:
            for url in _urls(point.name.fullname):
                return url
    return None


_FULL_NAME = 0  # the choice [0] of DistributionPointName


def _urls(names: Pointer) -> list[str]:
    """The http URLs among GENERAL_NAMEs. A NUL inside is a trick, not an URL."""
    kind = ffi.new("int *")
    urls = []
    for index in range(lib.sk_GENERAL_NAME_num(names)):
        value = lib.GENERAL_NAME_get0_value(lib.sk_GENERAL_NAME_value(names, index), kind)
        if kind[0] != lib.GEN_URI:
            continue
        string = ffi.cast("ASN1_STRING *", value)
        url = bytes(ffi.buffer(lib.ASN1_STRING_get0_data(string), lib.ASN1_STRING_length(string)))
        if url.startswith(b"http://") and b"\0" not in url:
            urls.append(url.decode("utf-8", "surrogateescape"))
    return urls


def _fetch(url: str, observer: Observer) -> Pointer:
    """The CRL at a place; NULL after telling that there is none."""
    route = http.Route(limit=observer.settings.crl_limit or http.DEFAULT_LIMIT)
    try:
        der = http.fetch(url, route, _LONGEST_CRL)
    except (LibraryError, NetworkError) as error:
        observer.events.append(events.RevocationListMissing(url, error.stack))
        return ffi.NULL
    crl = lib.d2i_X509_CRL(ffi.NULL, ffi.new("unsigned char **", ffi.from_buffer(der)), len(der))
    if crl == ffi.NULL:
        observer.events.append(events.RevocationListMissing(url, error_stack()))
    else:
        observer.events.append(events.RevocationListFetched(url, len(der)))
    return crl
