"""From the TLS variables of a connection to its context.

The variables come from the server's environment, and a rule may change any of them for the connections it is about. A
context is built once for each distinct set. Files are read then and not again, so building may need rights that are
given up later: contexts for what the rules are known to say are built before that.

Source: sslserver(1), TLS ENVIRONMENT VARIABLES READ.
"""

from __future__ import annotations

import hashlib
import os

from tlsdeck.errors import ConfigurationError, TlsdeckError
from tlsdeck.record import Record
from tlsdeck.tls.context import Context
from tlsdeck.tls.credentials import arrange_identity, load_chain, load_dh_parameters, load_key
from tlsdeck.tls.settings import Settings
from tlsdeck.tls.verify import Trust, parse_parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import NoReturn, TypeVar

    from tlsdeck.tls.credentials import Identity, PrivateKey
    from tlsdeck.tls.verify import VerifyParameters

    T = TypeVar("T")

CERTIFICATE_VARIABLES = ("CERTFILE", "CERTCHAINFILE", "KEYFILE")

# What decides about a context, besides certificates by name (CERTFILE:www.example.org).
VARIABLES = (
    *CERTIFICATE_VARIABLES,
    "CAFILE",
    "CADIR",
    "CCAFILE",
    "CCAVERIFY",
    "VERIFYDEPTH",
    "CIPHERS",
    "CIPHERSUITES",
    "GROUPS",
    "DHFILE",
    "TLS_MIN",
    "TLS_MAX",
    "ALPN",
)

# What a client's certificate is to us. The words of CCAVERIFY are mod_ssl's; any other demands a valid one.
_NOTHING = ""
_OPTIONAL = "optional"  # there may be none
_OPTIONAL_NO_CA = "optional_no_ca"  # there may be none, or a bad one: the program is told, and decides
_DEMANDED = "require"

_NOT_ASKED = "-"  # as CCAFILE: this client is not asked for a certificate
_DEFAULT_DEPTH = "1"
_DEFAULT_MINIMUM = "1.2"
_VERSIONS = {"1.0": 0x0301, "1.1": 0x0302, "1.2": 0x0303, "1.3": 0x0304}
_MOST_CONTEXTS = 1024
_LONGEST_PROTOCOL = 255  # bytes
_DEFAULT_LIFETIME = "3600"  # seconds
_LONGEST_LIFETIME = (
    302400  # seconds; a ticket is good for twice that at most, as RFC 8446 section 4.6.1 wants
)

# Variables with a command of SSL_CONF_cmd(3) of their own: its name, and the complaint about a bad value.
_CONF = (
    ("CIPHERS", "cipher", "unable to set cipher list"),
    ("CIPHERSUITES", "ciphersuites", "unable to set cipher list"),
    ("GROUPS", "groups", "unable to set groups"),
)


class Demand(Record):
    """What holds for all clients: whether they must have a certificate, the key's password, the life of tickets."""

    certificate: bool = False
    password: str = ""
    ticket_lifetime: int = int(_DEFAULT_LIFETIME)  # seconds


def chosen(variables: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    """Those of some variables that decide about a context."""
    return {name: value for name, value in dict(variables).items() if _decides(name)}


def _decides(name: str) -> bool:
    return name in VARIABLES or name.partition(":")[0] in CERTIFICATE_VARIABLES


class Contexts:
    """The contexts of a server, by the variables that make them."""

    def __init__(self, variables: Mapping[str, str], demand: Demand) -> None:
        """Builds the context of the server's own variables.

        Raises:
            ConfigurationError: something cannot be used; the message is complete.
        """
        self._variables = chosen(variables)
        self._demand = demand
        self._known: dict[tuple[tuple[str, str], ...], Context] = {}
        if demand.certificate and not self._variables.get("CCAFILE"):
            _fail("unable to load client CA list", "CCAFILE is not set")
        self.get({})

    def get(self, changes: Mapping[str, str]) -> Context:
        """The context for the server's variables with some of them changed.

        Raises:
            ConfigurationError: as the constructor.
        """
        variables = {**self._variables, **changes}
        key = tuple(sorted(variables.items()))
        context = self._known.get(key)
        if context is None:
            context = build(variables, self._demand)
            # Those that are known stay: their files may not be readable any more.
            if len(self._known) < _MOST_CONTEXTS:
                self._known[key] = context
        return context


def ticket_lifetime(environ: Mapping[str, str]) -> int:
    """TICKET_LIFETIME: for how many seconds a key seals session tickets; for as many it opens them afterwards.

    Raises:
        ConfigurationError: not a positive number, or more than a week.
    """
    text = environ.get("TICKET_LIFETIME") or _DEFAULT_LIFETIME
    seconds = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    if not 0 < seconds <= _LONGEST_LIFETIME:
        wrong = f'"{text}" is no number of seconds from 1 to {_LONGEST_LIFETIME}'
        _fail("unable to use TICKET_LIFETIME", wrong)
    return seconds


def _wanted(variables: Mapping[str, str], demand: Demand) -> str:
    if variables.get("CCAFILE") == _NOT_ASKED:
        return _NOTHING
    word = variables.get("CCAVERIFY", "")
    if demand.certificate or word not in (_NOTHING, _OPTIONAL, _OPTIONAL_NO_CA):
        return _DEMANDED
    return word


def build(variables: Mapping[str, str], demand: Demand) -> Context:
    """A context, with those of certificates by name behind it.

    Raises:
        ConfigurationError: something cannot be used; the message is complete.
    """
    settings = _settings(variables, demand)
    names = _named(variables, settings, demand.password)
    main = settings.replace(identities=(_identity(variables, "", demand.password),), names=names)
    return _context(main)


def _named(variables: Mapping[str, str], settings: Settings, password: str) -> dict[str, Context]:
    suffixes = {
        name.partition(":")[2] for name in variables if name.startswith(("CERTFILE:", "CERTCHAINFILE:"))
    }
    return {
        suffix.lower(): _context(settings.replace(identities=(_identity(variables, ":" + suffix, password),)))
        for suffix in sorted(suffixes)
    }


def _settings(variables: Mapping[str, str], demand: Demand) -> Settings:
    """All but the certificates. Each part says itself what is wrong with it."""
    wanted = _wanted(variables, demand)
    lowest, highest = _versions(variables)
    return Settings(
        server=True,
        ignore_unexpected_eof=True,  # FIN without close_notify is an end like any other
        conf_commands=_conf_commands(variables),
        min_version=lowest,
        max_version=highest,
        session_cache=False,
        session_timeout=2 * demand.ticket_lifetime,
        session_context=_session_context(variables, wanted),
        shared_tickets=True,
        release_buffers=True,
        verify_parameters=_depth(variables) if wanted else None,
        trust=_trust(variables, needed=wanted != _OPTIONAL_NO_CA) if wanted else None,
        ca_names_file=_client_cas(variables) if wanted else None,
        verify_peer=bool(wanted),
        require_certificate=wanted == _DEMANDED,
        verify_return_error=wanted != _OPTIONAL_NO_CA,
        verify_severe=wanted == _OPTIONAL_NO_CA,
        dh=True,
        dh_parameters=_dh_parameters(variables),
        acknowledge_name=True,  # a session that is resumed with TLS 1.2 knows its name only so
        alpn=_protocols(variables),
    )


def _context(settings: Settings) -> Context:
    try:
        return Context(settings)
    except TlsdeckError as error:
        for name, command, complaint in _CONF:
            if f"SSL_CONF_cmd(-{command}," in error.message:
                value = dict(settings.conf_commands)[command]
                _fail(complaint, f'{name} is "{value}": {error.cause}', error)
        _fail("unable to create TLS context", _cause(error), error)


def _identity(variables: Mapping[str, str], suffix: str, password: str) -> Identity:
    chain, single = variables.get("CERTCHAINFILE" + suffix), variables.get("CERTFILE" + suffix)
    complaint = "unable to load certificate chain file" if chain else "unable to load certificate"
    file = chain or single
    if not file:
        _fail(complaint, f"CERTFILE{suffix} is not set")
    key_file = variables.get("KEYFILE" + suffix) or file
    certificates = _try(complaint, lambda: load_chain(file, password, "certificate"))
    key = _try("unable to load key", lambda: load_key(key_file, password, "key"))
    return _try("unable to load key", lambda: arrange_identity(certificates, key))


def _conf_commands(variables: Mapping[str, str]) -> tuple[tuple[str, str | None], ...]:
    given = tuple((command, variables[name]) for name, command, _ in _CONF if variables.get(name))
    return (("no_renegotiation", None), *given)


def _protocols(variables: Mapping[str, str]) -> tuple[bytes, ...]:
    """RFC 7301 section 3.1 has a byte for a name's length."""
    names = [os.fsencode(word) for word in variables.get("ALPN", "").replace(",", " ").split()]
    if any(len(name) > _LONGEST_PROTOCOL for name in names):
        _fail("unable to use ALPN", f"a name has more than {_LONGEST_PROTOCOL} bytes")
    return tuple(names)


def _versions(variables: Mapping[str, str]) -> tuple[int, int]:
    lowest, highest = _version(variables, "TLS_MIN", _DEFAULT_MINIMUM), _version(variables, "TLS_MAX", "")
    if 0 < highest < lowest:
        _fail("unable to use TLS_MAX", f"it is less than TLS_MIN, {_DEFAULT_MINIMUM} if that is not set")
    return lowest, highest


def _version(variables: Mapping[str, str], name: str, default: str) -> int:
    word = (variables.get(name) or default).removeprefix("TLSv")
    if word and word not in _VERSIONS:
        _fail(f"unable to use {name}", f'"{word}" is none of {" ".join(_VERSIONS)}')
    return _VERSIONS.get(word, 0)


def _depth(variables: Mapping[str, str]) -> VerifyParameters:
    depth = variables.get("VERIFYDEPTH") or _DEFAULT_DEPTH
    return _try("unable to use VERIFYDEPTH", lambda: parse_parameters((), (("verify_depth", depth),)))


def _dh_parameters(variables: Mapping[str, str]) -> PrivateKey | None:
    file = variables.get("DHFILE")
    return _try("unable to set DH parameters", lambda: load_dh_parameters(file)) if file else None


def _trust(variables: Mapping[str, str], *, needed: bool) -> Trust | None:
    file, directory = variables.get("CAFILE"), variables.get("CADIR")
    if not file and not directory:
        if needed:
            _fail("unable to load CA list", "neither CAFILE nor CADIR is set")
        return None
    if file:
        _try("unable to load CA list", lambda: load_chain(file, "", "CA certificate"))
    return Trust(file=file or None, directory=directory or None)


def _client_cas(variables: Mapping[str, str]) -> str | None:
    file = variables.get("CCAFILE") or None
    if file is not None:
        _try("unable to load client CA list", lambda: load_chain(file, "", "client CA certificate"))
    return file


def _session_context(variables: Mapping[str, str], wanted: str) -> bytes:
    """A session may be resumed where everything is as it was: never without a certificate that is demanded now."""
    return hashlib.sha256(
        repr((wanted, sorted(variables.items()))).encode("utf-8", "surrogateescape")
    ).digest()


# --- complaints ------------------------------------------------------------------------------------------------


def _try(complaint: str, action: Callable[[], T]) -> T:
    try:
        return action()
    except (TlsdeckError, ValueError) as error:
        _fail(complaint, _cause(error), error)


def _cause(error: Exception) -> str:
    """Message and innermost reason of an error, in a line."""
    if not isinstance(error, TlsdeckError):
        return str(error)
    parts = (error.message.partition("\n")[0], error.cause)
    return ": ".join(dict.fromkeys(part for part in parts if part))


def _fail(complaint: str, cause: str, error: Exception | None = None) -> NoReturn:
    raise ConfigurationError(f"{complaint}: {cause}") from error
