"""Keys, certificates, chains and CRLs, from wherever OSSL_STORE(7) can load them.

A name is a path or a URI (`file:`, `pkcs11:`, ...); PEM, DER and PKCS#12 are told apart by looking. Every loader
says on failure what it wanted and from where, in the words of OpenSSL's own programs.
"""

from __future__ import annotations

from tlsdeck.errors import ConfigurationError
from tlsdeck.native import encoded, error_stack, ffi, lib, own, text
from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn

    from tlsdeck.native import Pointer
    from tlsdeck.tls.engines import Engine


class PrivateKey(Record):
    """A private key, or parameters for one."""

    pointer: Pointer


class Certificate(Record):
    """An X.509 certificate."""

    pointer: Pointer


class RevocationList(Record):
    """A certificate revocation list (RFC 5280 section 5)."""

    pointer: Pointer


class Identity(Record):
    """What an endpoint proves itself with: a certificate, its key, and the certificates to send along."""

    certificate: Certificate
    key: PrivateKey
    chain: tuple[Certificate, ...] = ()


class _Kind(Record):
    """How one kind of object is asked for and taken out of the store."""

    type: int
    take: Callable[[Pointer], Pointer]
    free: Callable[[Pointer], None]


_KEY = _Kind(lib.OSSL_STORE_INFO_PKEY, lib.OSSL_STORE_INFO_get1_PKEY, lib.EVP_PKEY_free)
_PARAMETERS = _Kind(lib.OSSL_STORE_INFO_PARAMS, lib.OSSL_STORE_INFO_get1_PARAMS, lib.EVP_PKEY_free)
_CERTIFICATE = _Kind(lib.OSSL_STORE_INFO_CERT, lib.OSSL_STORE_INFO_get1_CERT, lib.X509_free)
_CRL = _Kind(lib.OSSL_STORE_INFO_CRL, lib.OSSL_STORE_INFO_get1_CRL, lib.X509_CRL_free)


def load_key(uri: str, password: str | None, description: str) -> PrivateKey:
    """The private key in `uri`. Without `password` an encrypted one is asked for on the terminal.

    `description` is what errors call it; so with the other loaders.

    Raises:
        ConfigurationError: nothing there, no key in it, or the wrong password.
    """
    pointer = next(_objects(uri, password, _KEY, description), None)
    return PrivateKey(pointer) if pointer else _not_read(description, uri)


def load_engine_key(engine: Engine, key: str, password: str | None, description: str) -> PrivateKey:
    """The private key that an engine knows by this name. Without `password` one is asked for on the terminal.

    Raises:
        ConfigurationError: it has no such key, or no keys at all.
    """
    encoded(password or "")
    data = ffi.new_handle(key if password is None else password)
    method = _prompting() if password is None else _answering()
    lib.ERR_clear_error()
    pointer = engine.load_key(key, method, data)
    if pointer == ffi.NULL:
        _not_read(description, f"org.openssl.engine:{engine.id}:{key}")
    return PrivateKey(own(pointer, lib.EVP_PKEY_free))


def load_certificate(uri: str, password: str | None, description: str) -> Certificate:
    """The first certificate in `uri`.

    Raises:
        ConfigurationError: nothing there, or no certificate in it.
    """
    return Certificate(_loaded(uri, password, _CERTIFICATE, "cert", description))


def load_revocation_list(uri: str, description: str) -> RevocationList:
    """The first CRL in `uri`.

    Raises:
        ConfigurationError: nothing there, or no CRL in it.
    """
    return RevocationList(_loaded(uri, None, _CRL, "CRL", description))


def load_chain(uri: str, password: str | None, description: str) -> tuple[Certificate, ...]:
    """All certificates in `uri`, in order.

    Raises:
        ConfigurationError: nothing there, or no certificate in it.
    """
    found = _objects(uri, password, _CERTIFICATE, _called("certs", description))
    chain = tuple(Certificate(pointer) for pointer in found)
    return chain or _not_read(f"any {_called('cert', description)}", uri)


def load_dh_parameters(uri: str, *, quiet: bool = False) -> PrivateKey | None:
    """The Diffie-Hellman parameters in `uri`; None when `quiet` and there are none.

    Raises:
        ConfigurationError: nothing there, or no parameters in it.
    """
    try:
        pointer = next(_objects(uri, None, _PARAMETERS, "params of DH parameters"), None)
        return PrivateKey(pointer) if pointer else _not_read("params of DH parameters", uri)
    except ConfigurationError:
        if not quiet:
            raise
        return None


def arrange_identity(certificates: tuple[Certificate, ...], key: PrivateKey) -> Identity:
    """The certificate that is for `key`, with the others as its chain: leaf first, or in a file that ends with it.

    Raises:
        ConfigurationError: none is for the key.
    """
    lib.ERR_clear_error()
    matching = [index for index, each in enumerate(certificates) if _is_for(each, key)]
    lib.ERR_clear_error()
    if not matching:
        raise ConfigurationError("key does not match certificate")
    leaf = matching[0]
    others = certificates[leaf + 1 :] or certificates[:leaf][::-1]
    return Identity(certificates[leaf], key, others)


def _is_for(certificate: Certificate, key: PrivateKey) -> bool:
    return bool(lib.X509_check_private_key(certificate.pointer, key.pointer))


def parse_identity(key_pem: bytes, certificate_pem: bytes) -> Identity:
    """A key and a certificate from PEM text in memory.

    Raises:
        LibraryError: either is not what it should be.
    """
    return Identity(
        Certificate(own(_from_pem(lib.PEM_read_bio_X509, certificate_pem), lib.X509_free)),
        PrivateKey(own(_from_pem(lib.PEM_read_bio_PrivateKey, key_pem), lib.EVP_PKEY_free)),
    )


def stack_of(certificates: tuple[Certificate, ...]) -> Pointer:
    """A STACK_OF(X509) that refers to these certificates, which must outlive it."""
    stack = own(lib.sk_X509_new_null(), lib.sk_X509_free)
    for certificate in certificates:
        lib.sk_X509_push(stack, certificate.pointer)
    return stack


def _from_pem(read: Callable[..., Pointer], pem: bytes) -> Pointer:
    lib.ERR_clear_error()
    bio = own(lib.BIO_new_mem_buf(pem, len(pem)), lib.BIO_free)
    return read(bio, ffi.NULL, ffi.NULL, ffi.NULL)


def _loaded(uri: str, password: str | None, kind: _Kind, word: str, description: str) -> Pointer:
    """The first object, or an error that ends with the line OpenSSL's programs add for certificates and CRLs."""
    unable = f"Unable to load {description}"
    called = _called(word, description)
    try:
        pointer = next(_objects(uri, password, kind, called), None)
        return pointer or _not_read(called, uri)
    except ConfigurationError as error:
        raise ConfigurationError(error.message, (*error.stack, unable)) from None


def _called(word: str, description: str) -> str:
    """A description that does not say what kind of thing it is about gets the word for it."""
    return description if word in description else f"{word} of {description}"


def _not_read(what: str, uri: str) -> NoReturn:
    raise ConfigurationError(f"Could not read {what} from {uri}", error_stack())


def _objects(uri: str, password: str | None, kind: _Kind, description: str) -> Iterator[Pointer]:
    """Every object of a kind in a store. The error queue holds the reason when it ends early."""
    lib.ERR_clear_error()
    encoded(password or "")  # a callback would be too late to refuse it
    data = ffi.new_handle(uri if password is None else password)
    method = _prompting() if password is None else _answering()
    store = lib.OSSL_STORE_open_ex(
        encoded(uri), ffi.NULL, ffi.NULL, method, data, ffi.NULL, ffi.NULL, ffi.NULL
    )
    if store == ffi.NULL:
        raise ConfigurationError(
            f"Could not open file or uri for loading {description} from {uri}", error_stack()
        )
    try:
        lib.OSSL_STORE_expect(store, kind.type)
        while not lib.OSSL_STORE_eof(store):
            info = lib.OSSL_STORE_load(store)
            if info == ffi.NULL:
                continue
            try:
                if lib.OSSL_STORE_INFO_get_type(info) == kind.type:
                    yield own(kind.take(info), kind.free)
            finally:
                lib.OSSL_STORE_INFO_free(info)
    finally:
        lib.OSSL_STORE_close(store)


def _answering() -> Pointer:
    """A UI_METHOD that answers every question with the password in its user data."""
    return own(lib.UI_UTIL_wrap_read_pem_callback(lib.tlsdeck_password, 0), lib.UI_destroy_method)


def _prompting() -> Pointer:
    """A UI_METHOD that asks on the terminal for the pass phrase of what its user data names."""
    method = own(lib.UI_create_method(b"tlsdeck"), lib.UI_destroy_method)
    terminal = lib.UI_OpenSSL()
    lib.UI_method_set_opener(method, lib.UI_method_get_opener(terminal))
    lib.UI_method_set_writer(method, lib.UI_method_get_writer(terminal))
    lib.UI_method_set_reader(method, lib.UI_method_get_reader(terminal))
    lib.UI_method_set_closer(method, lib.UI_method_get_closer(terminal))
    lib.UI_method_set_prompt_constructor(method, lib.tlsdeck_prompt)
    return method


@ffi.def_extern(error=ffi.NULL)  # type: ignore[untyped-decorator]
def tlsdeck_prompt(ui: Pointer, what: Pointer, name: Pointer) -> Pointer:
    """`Enter pass phrase for NAME:`, as UI_construct_prompt(3) makes it."""
    place = encoded(str(ffi.from_handle(lib.UI_get0_user_data(ui))))
    what = b"pass phrase" if what == ffi.NULL else what
    return lib.UI_construct_prompt(ffi.NULL, what, place if name == ffi.NULL else name)


@ffi.def_extern(error=-1)  # type: ignore[untyped-decorator]
def tlsdeck_password(buffer: Pointer, size: int, _writing: int, argument: Pointer) -> int:
    """The password that goes with `argument`, as pem_password_cb(3) wants it."""
    secret = encoded(str(ffi.from_handle(argument)))
    if len(secret) > size:
        return -1
    ffi.memmove(buffer, secret, len(secret))
    return len(secret)


_LONGEST_PASSWORD = 1024  # bytes


def ask_password(prompt: str) -> str:
    """A password from the terminal, not shown there while it is typed.

    Raises:
        ConfigurationError: there is none to be had.
    """
    lib.ERR_clear_error()
    buffer = ffi.new("char[]", _LONGEST_PASSWORD + 1)
    if lib.EVP_read_pw_string_min(buffer, 0, _LONGEST_PASSWORD, encoded(prompt), 0):
        raise ConfigurationError("Can't read Password", error_stack())
    return text(buffer)
