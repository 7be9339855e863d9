"""SRP: both sides prove that they know one password, without telling it (RFC 5054). TLS 1.2 and below.

The client has the password; the server has a verifier for each user, which is of no use to be a client. Their file is
one that openssl-srp(1) writes.

Who asks for a user that does not exist should not learn that. With a seed the server makes up parameters for such a
user: a salt that is the same each time, and the group that other users have. The handshake then fails at its end, as
with a wrong password (RFC 5054 section 2.5.1.3).
"""

from __future__ import annotations

from tlsdeck.errors import ConfigurationError
from tlsdeck.events import SrpParametersReceived, SrpUserReceived
from tlsdeck.native import encoded, error_stack, ffi, lib, own, printed, text
from tlsdeck.record import Record
from tlsdeck.tls.callbacks import callback, observer_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.native import Pointer
    from tlsdeck.tls.settings import Settings

_FATAL = 2  # SSL3_AL_FATAL


class Password(Record):
    """A client's part. `user`: None keeps the name back; `strength`: least bits of the group's prime.

    `more_groups`: groups other than those of RFC 5054 are checked, and taken if they are as good.
    """

    user: str | None
    password: str
    strength: int = 1024
    more_groups: bool = False


class Verifiers(Record):
    """A server's part, by `load_verifiers`."""

    pointer: Pointer


def load_verifiers(path: str, seed: str | None) -> Verifiers:
    """The verifiers in a file of openssl-srp(1)'s. `seed`: to make up unknown users of.

    Raises:
        ConfigurationError: the file cannot be opened, or is not what it should be.
    """
    lib.ERR_clear_error()
    pointer = own(
        lib.SRP_VBASE_new(ffi.NULL if seed is None else encoded(seed)),
        lib.SRP_VBASE_free,
    )
    result = lib.SRP_VBASE_init(pointer, encoded(path))
    if result:
        message = f'Cannot initialize SRP verifier file "{path}":ret={result}'
        raise ConfigurationError(message, (_PROBLEMS.get(result, "unknown problem"), *error_stack()))
    if lib.sk_SRP_user_pwd_num(pointer.users_pwd) > 0:
        # Left alone, libcrypto would give made-up users a group that perhaps nobody else has.
        user = lib.sk_SRP_user_pwd_value(pointer.users_pwd, 0)
        pointer.default_N, pointer.default_g = user.N, user.g
    return Verifiers(pointer)


# Results of SRP_VBASE_init.
_PROBLEMS = {
    1: "a line in it has not six fields",
    2: "a number in it cannot be read",
    3: "it cannot be opened",
    4: "out of memory",
}


def install(context: Pointer, settings: Settings) -> None:
    """Has SRP used by connections of an SSL_CTX.

    Raises:
        ConfigurationError: a user name that libssl does not take.
    """
    if settings.srp_verifiers:
        lib.SSL_CTX_set_srp_username_callback(context, lib.tlsdeck_srp_user)
    if settings.srp_password:
        _install_password(context, settings.srp_password)


def _install_password(context: Pointer, password: Password) -> None:
    if password.user is not None and not lib.SSL_CTX_set_srp_username(context, encoded(password.user)):
        raise ConfigurationError("Unable to set SRP username", error_stack())
    lib.SSL_CTX_set_srp_client_pwd_callback(context, lib.tlsdeck_srp_password)
    lib.SSL_CTX_set_srp_strength(context, password.strength)
    lib.SSL_CTX_set_srp_verify_param_callback(context, lib.tlsdeck_srp_parameters)


# --- the client ------------------------------------------------------------------------------------------------


@callback(error=ffi.NULL)
def tlsdeck_srp_password(ssl: Pointer, _argument: Pointer) -> Pointer:
    """SSL_CTX_set_srp_client_pwd_callback(3): a copy that libssl wipes."""
    observer = observer_of(ssl)
    password = observer.settings.srp_password
    return lib.OPENSSL_strdup(encoded(password.password)) if password else ffi.NULL


@callback(error=0)
def tlsdeck_srp_parameters(ssl: Pointer, _argument: Pointer) -> int:
    """SSL_CTX_set_srp_verify_param_callback(3): whether the server's group may be used."""
    observer = observer_of(ssl)
    password = observer.settings.srp_password
    prime, generator = lib.SSL_get_srp_N(ssl), lib.SSL_get_srp_g(ssl)
    known = lib.SRP_check_known_gN_param(generator, prime) != ffi.NULL
    accepted = known or bool(password and password.more_groups and _is_good(prime, generator))
    observer.events.append(
        SrpParametersReceived(printed(lib.BN_print, prime), printed(lib.BN_print, generator), known, accepted)
    )
    return int(accepted)


# The largest of RFC 5054, and as much as a machine word or two: checking more would be work for an attacker's benefit.
_MOST_PRIME_BITS = 8192
_MOST_GENERATOR_BITS = 128


def _is_good(prime: Pointer, generator: Pointer) -> bool:
    """Whether the prime is safe, that is (N - 1) / 2 is prime too, and the generator is one of the whole group."""
    if lib.BN_num_bits(prime) > _MOST_PRIME_BITS or lib.BN_num_bits(generator) > _MOST_GENERATOR_BITS:
        return False
    n, g = (int(printed(lib.BN_print, number), 16) for number in (prime, generator))
    half = (n - 1) // 2
    return n % 2 == 1 and _is_prime(n) and _is_prime(half) and pow(g, half, n) == n - 1


def _is_prime(number: int) -> bool:
    data = number.to_bytes((number.bit_length() + 7) // 8)
    pointer = own(lib.BN_bin2bn(data, len(data), ffi.NULL), lib.BN_free)
    return bool(lib.BN_check_prime(pointer, ffi.NULL, ffi.NULL) == 1)


# --- the server ------------------------------------------------------------------------------------------------


@callback(error=_FATAL)
def tlsdeck_srp_user(ssl: Pointer, _alert: Pointer, _argument: Pointer) -> int:
    """SSL_CTX_set_srp_username_callback(3): 0 once the user's parameters are set.

    The alert is unknown_psk_identity unless something else is said.
    """
    observer = observer_of(ssl)
    verifiers = observer.settings.srp_verifiers
    name = lib.SSL_get_srp_username(ssl)
    user = lib.SRP_VBASE_get1_by_user(verifiers.pointer, name) if verifiers else ffi.NULL
    if user == ffi.NULL:
        observer.events.append(SrpUserReceived(text(name), known=False, simulated=False, info=""))
        return _FATAL
    try:
        # Users of the file have an info, empty perhaps.
        known = user.info != ffi.NULL
        info = text(user.info) if known else ""
        observer.events.append(SrpUserReceived(text(name), known, not known, info))
        done = lib.SSL_set_srp_server_param(ssl, user.N, user.g, user.s, user.v, user.info)
        return 0 if done > 0 else _FATAL
    finally:
        lib.SRP_user_pwd_free(user)
