"""Several own certificates, of which those that fit are used: SSL_CTX_set_cert_cb(3), SSL_check_chain(3).

What fits depends on what the peer can verify, so the choice is made in each handshake. Everything is loaded before.
"""

from __future__ import annotations

from tlsdeck.events import CandidateChecked
from tlsdeck.native import ffi, lib
from tlsdeck.record import Record
from tlsdeck.tls.callbacks import callback, observer_of
from tlsdeck.tls.credentials import stack_of
from tlsdeck.tls.names import name_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.native import Pointer
    from tlsdeck.tls.credentials import Identity


class Candidate(Record):
    """An identity to choose of.

    `chain` is its chain as a STACK_OF(X509), NULL without one. `build_chain`: it is looked for in the context's stores
    instead.
    """

    identity: Identity
    chain: Pointer
    build_chain: bool


def make_candidate(identity: Identity, *, build_chain: bool = False) -> Candidate:
    """An identity as a candidate."""
    return Candidate(identity, stack_of(identity.chain) if identity.chain else ffi.NULL, build_chain)


# What libssl looks at, in the words and in the order in which OpenSSL's programs tell it.
_CHECKS: tuple[tuple[str, int], ...] = (
    ("Overall Validity", lib.CERT_PKEY_VALID),
    ("Sign with EE key", lib.CERT_PKEY_SIGN),
    ("EE signature", lib.CERT_PKEY_EE_SIGNATURE),
    ("CA signature", lib.CERT_PKEY_CA_SIGNATURE),
    ("EE key parameters", lib.CERT_PKEY_EE_PARAM),
    ("CA key parameters", lib.CERT_PKEY_CA_PARAM),
    ("Explicitly sign with EE key", lib.CERT_PKEY_EXPLICIT_SIGN),
    ("Issuer Name", lib.CERT_PKEY_ISSUER_NAME),
    ("Certificate Type", lib.CERT_PKEY_CERT_TYPE),
)


@callback(error=0)
def tlsdeck_candidates(ssl: Pointer, _argument: Pointer) -> int:
    """SSL_CTX_set_cert_cb(3): uses what fits, the last one of each kind of key. 0 if that cannot be done."""
    observer = observer_of(ssl)
    flags = observer.settings.name_flags
    lib.SSL_certs_clear(ssl)
    for number, each in enumerate(observer.settings.candidates, 1):
        found = _check(ssl, each)
        observer.events.append(_checked(ssl, number, each, found, flags))
        if found & lib.CERT_PKEY_VALID and not _use(ssl, each):
            return 0
    return 1


def _check(ssl: Pointer, each: Candidate) -> int:
    """CERT_PKEY_... bits, of what is fine."""
    identity = each.identity
    return int(lib.SSL_check_chain(ssl, identity.certificate.pointer, identity.key.pointer, each.chain))


def _checked(ssl: Pointer, number: int, each: Candidate, found: int, name_flags: int) -> CandidateChecked:
    demanded = lib.SSL_set_cert_flags(ssl, 0) & lib.SSL_CERT_FLAG_SUITEB_128_LOS
    return CandidateChecked(
        number,
        name_text(lib.X509_get_subject_name(each.identity.certificate.pointer), name_flags),
        tuple([(name, bool(found & bit)) for name, bit in _CHECKS]),
        bool(found & lib.CERT_PKEY_SUITEB) if demanded else None,
    )


def _use(ssl: Pointer, each: Candidate) -> bool:
    identity = each.identity
    if not lib.SSL_use_certificate(ssl, identity.certificate.pointer):
        return False
    if not lib.SSL_use_PrivateKey(ssl, identity.key.pointer):
        return False
    if each.build_chain:
        return bool(lib.SSL_build_cert_chain(ssl, 0))
    return each.chain == ffi.NULL or bool(lib.SSL_set1_chain(ssl, each.chain))
