"""What to trust and how strictly: certificate stores and X509_VERIFY_PARAM(3)."""

from __future__ import annotations

from tlsdeck.errors import ConfigurationError, SettingError
from tlsdeck.native import encoded, error_stack, ffi, has, lib, own
from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tlsdeck.native import Pointer
    from tlsdeck.tls.credentials import RevocationList


class Trust(Record):
    """Where trusted certificates come from.

    With none of `file`, `directory` and `uri` given the library's default places are used, but for those
    switched off (-no-CAfile, -no-CApath, -no-CAstore).
    """

    file: str | None = None
    directory: str | None = None
    uri: str | None = None
    default_file: bool = True
    default_directory: bool = True
    default_store: bool = True


def load_trust(context: Pointer, trust: Trust) -> None:
    """Fills the context's store.

    Raises:
        ConfigurationError: a named place cannot be read.
    """
    named = (
        (lib.SSL_CTX_load_verify_file, trust.file),
        (lib.SSL_CTX_load_verify_dir, trust.directory),
        (lib.SSL_CTX_load_verify_store, trust.uri),
    )
    if any(place is not None for _, place in named):
        _load(context, named, "")
        return
    defaults = (
        (lib.SSL_CTX_set_default_verify_file, trust.default_file),
        (lib.SSL_CTX_set_default_verify_dir, trust.default_directory),
        (lib.SSL_CTX_set_default_verify_store, trust.default_store),
    )
    for load, wanted in defaults:
        if wanted:
            load(context)


def new_store(trust: Trust, revocation_lists: Iterable[RevocationList] = ()) -> Pointer:
    """A store of its own, for -chainCA... and -verifyCA...

    Raises:
        ConfigurationError: a named place cannot be read.
    """
    store = own(lib.X509_STORE_new(), lib.X509_STORE_free)
    named = (
        (lib.X509_STORE_load_file, trust.file),
        (lib.X509_STORE_load_path, trust.directory),
        (lib.X509_STORE_load_store, trust.uri),
    )
    _load(store, named, "Error loading store locations")
    add_revocation_lists(store, revocation_lists)
    return store


def add_revocation_lists(store: Pointer, revocation_lists: Iterable[RevocationList]) -> None:
    """Puts CRLs into an X509_STORE."""
    for revocation_list in revocation_lists:
        lib.X509_STORE_add_crl(store, revocation_list.pointer)


def _load(
    target: Pointer,
    named: tuple[tuple[Callable[[Pointer, bytes], int], str | None], ...],
    message: str,
) -> None:
    for load, place in named:
        lib.ERR_clear_error()
        if place is not None and not load(target, encoded(place)):
            raise ConfigurationError(message, error_stack())


# --- X509_VERIFY_PARAM -----------------------------------------------------------------------------------------


class VerifyParameters(Record):
    """What makes a chain valid, as libcrypto keeps it."""

    pointer: Pointer


def parse_parameters(flags: Iterable[str], values: Iterable[tuple[str, str]]) -> VerifyParameters:
    """From the names of X509_V_FLAG_... constants, and options of openssl-verification-options(1) with their values.

    The options: policy, purpose, verify_name, verify_depth, auth_level, attime, verify_hostname, verify_email, verify_ip.

    Raises:
        SettingError: a flag, name or value that is not known or cannot be read.
    """
    parameters = own(lib.X509_VERIFY_PARAM_new(), lib.X509_VERIFY_PARAM_free)
    for flag in flags:
        _known(flag.startswith("X509_V_FLAG_") and has(flag), f"Unknown verification flag {flag}")
        lib.X509_VERIFY_PARAM_set_flags(parameters, getattr(lib, flag))
    for name, value in values:
        _known(name in _SETTERS, f"Unknown verification option {name}")
        _SETTERS[name](parameters, value)
    return VerifyParameters(parameters)


def _set_policy(parameters: Pointer, value: str) -> None:
    policy = lib.OBJ_txt2obj(encoded(value), 0)
    _known(policy != ffi.NULL, f"Invalid Policy {value}")
    lib.X509_VERIFY_PARAM_add0_policy(parameters, policy)


def _set_purpose(parameters: Pointer, value: str) -> None:
    index = lib.X509_PURPOSE_get_by_sname(encoded(value))
    _known(index >= 0, f"Invalid purpose {value}")
    purpose = lib.X509_PURPOSE_get_id(lib.X509_PURPOSE_get0(index))
    _known(lib.X509_VERIFY_PARAM_set_purpose(parameters, purpose), f"Internal error setting purpose {value}")


def _set_name(parameters: Pointer, value: str) -> None:
    named = lib.X509_VERIFY_PARAM_lookup(encoded(value))
    _known(named != ffi.NULL, f"Invalid verify name {value}")
    lib.X509_VERIFY_PARAM_set1(parameters, named)


def _set_host(parameters: Pointer, value: str) -> None:
    lib.X509_VERIFY_PARAM_set1_host(parameters, encoded(value), 0)


def _set_email(parameters: Pointer, value: str) -> None:
    lib.X509_VERIFY_PARAM_set1_email(parameters, encoded(value), 0)


def _set_address(parameters: Pointer, value: str) -> None:
    known = lib.X509_VERIFY_PARAM_set1_ip_asc(parameters, encoded(value))
    _known(known, f"Invalid IP address for -verify_ip: {value}")


def _set_depth(parameters: Pointer, value: str) -> None:
    depth = _number(value, 31)
    if depth >= 0:  # below, the original leaves what was
        lib.X509_VERIFY_PARAM_set_depth(parameters, depth)


def _set_level(parameters: Pointer, value: str) -> None:
    level = _number(value, 31)
    if level >= 0:  # as above
        lib.X509_VERIFY_PARAM_set_auth_level(parameters, level)


def _set_time(parameters: Pointer, value: str) -> None:
    lib.X509_VERIFY_PARAM_set_time(parameters, _number(value, 63))


def _number(value: str, bits: int) -> int:
    try:
        number = int(value)
    except ValueError:
        raise SettingError(f"Not a number: {value}") from None
    _known(-(2**bits) <= number < 2**bits, f"Number out of range: {value}")
    return number


def _known(ok: int | bool, message: str) -> None:
    if not ok:
        raise SettingError(message)


_SETTERS: dict[str, Callable[[Pointer, str], None]] = {
    "policy": _set_policy,
    "purpose": _set_purpose,
    "verify_name": _set_name,
    "verify_depth": _set_depth,
    "auth_level": _set_level,
    "attime": _set_time,
    "verify_hostname": _set_host,
    "verify_email": _set_email,
    "verify_ip": _set_address,
}


# --- results ---------------------------------------------------------------------------------------------------

# That a certificate does not lead to an authority we know, and nothing else.
UNKNOWN_ISSUER: frozenset[int] = frozenset(
    (
        lib.X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
        lib.X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
        lib.X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        lib.X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
        lib.X509_V_ERR_CERT_UNTRUSTED,
    )
)

_KINDS: dict[int, str] = {
    lib.X509_V_ERR_CERT_NOT_YET_VALID: "expired",
    lib.X509_V_ERR_CERT_HAS_EXPIRED: "expired",
    lib.X509_V_ERR_CERT_REVOKED: "revoked",
    lib.X509_V_ERR_HOSTNAME_MISMATCH: "name",
    lib.X509_V_ERR_EMAIL_MISMATCH: "name",
    lib.X509_V_ERR_IP_ADDRESS_MISMATCH: "name",
}


def failure_kind(code: int) -> str:
    """What a verification result other than X509_V_OK is about: "expired", "revoked", "name" or "untrusted"."""
    return _KINDS.get(code, "untrusted")
