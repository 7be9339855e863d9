"""Certificate Transparency: the timestamps that logs signed for a server's certificate (RFC 6962).

libssl collects them from the certificate, the TLS extension and a stapled OCSP response, which it asks for by itself
then. Here nothing depends on the outcome: timestamps are checked, told, and no connection ends because of them.
"""

from __future__ import annotations

from tlsdeck.errors import ConfigurationError
from tlsdeck.events import CertificateTimestamp
from tlsdeck.native import encoded, error_stack, ffi, lib, printed, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.native import Pointer


def enable(context: Pointer, log_list: str | None) -> None:
    """Demands timestamps of the servers of a context. `log_list`: file of known logs, None for the default one.

    Raises:
        ConfigurationError: the list cannot be read, or the context sends extension 18 already.
    """
    if not lib.SSL_CTX_enable_ct(context, lib.SSL_CT_VALIDATION_PERMISSIVE):
        raise ConfigurationError("", error_stack())
    if log_list is None:
        loaded = lib.SSL_CTX_set_default_ctlog_list_file(context)
    else:
        loaded = lib.SSL_CTX_set_ctlog_list_file(context, encoded(log_list))
    if loaded <= 0:
        raise ConfigurationError("", error_stack())


def timestamps(ssl: Pointer) -> tuple[CertificateTimestamp, ...] | None:
    """Those of the server's certificate; None where there is none, or a resumed session did without."""
    if lib.SSL_get0_peer_certificate(ssl) == ffi.NULL or lib.SSL_session_reused(ssl):
        return None
    logs = lib.SSL_CTX_get0_ctlog_store(lib.SSL_get_SSL_CTX(ssl))
    stack = lib.SSL_get0_peer_scts(ssl)
    count = 0 if stack == ffi.NULL else lib.sk_SCT_num(stack)
    return tuple(_timestamp(lib.sk_SCT_value(stack, i), logs) for i in range(count))


def _timestamp(sct: Pointer, logs: Pointer) -> CertificateTimestamp:
    log_id = ffi.new("unsigned char **")
    length = lib.SCT_get0_log_id(sct, log_id)
    return CertificateTimestamp(
        version=lib.SCT_get_version(sct),
        log_id=bytes(ffi.buffer(log_id[0], length)) if length else b"",
        timestamp=lib.SCT_get_timestamp(sct),
        status=text(lib.SCT_validation_status_string(sct)),
        text=printed(lambda bio: lib.SCT_print(sct, bio, 0, logs)),
    )
