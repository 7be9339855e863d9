"""From the options of s_client to what its connections are made of."""

from __future__ import annotations

from tlsdeck.commands.common import (
    IdentityFiles,
    load_candidates,
    load_identity,
    load_private_key,
    shared_settings,
    use_engine,
)
from tlsdeck.commands.passwords import read_password
from tlsdeck.errors import SettingError, UsageError
from tlsdeck.net.limits import Limits
from tlsdeck.tls.context import Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tlsdeck.commands.destination import Destination, Expected
    from tlsdeck.commands.s_client_options import ClientOptions
    from tlsdeck.events import Event
    from tlsdeck.preamble import Dialogue
    from tlsdeck.tls.credentials import Identity
    from tlsdeck.tls.dane import Dane
    from tlsdeck.tls.engines import Engine
    from tlsdeck.tls.settings import Settings

_PROGRAM = "s_client"
_KEY_NAME = "client certificate private key"


def context_settings(options: ClientOptions, expected: Expected | None = None) -> Settings:
    """The settings of a context for these options; `expected` is checked beside what they name themselves.

    Raises:
        ConfigurationError: a file or value cannot be used.
    """
    settings = shared_settings(options, server=False, checks=expected.checks if expected else ())
    engine = _client_engine(options)
    settings = settings.replace(
        fallback_scsv=options.fallback_scsv,
        max_fragment_length=options.maxfraglen,
        ca_names_file=options.requestCAfile,
        verify_peer=options.verify is not None or options.verify_return_error,
        verify_tolerance=-1 if options.verify is None else options.verify,
        identities=_identities(options),
        client_engine=engine,
        build_chain=options.build_chain,
        candidates=load_candidates(options, _PROGRAM),
        extensions=_extensions(options),
        transparency=options.ct,
        log_list=options.ctlogfile,
        dane=options.dane_tlsa_domain is not None,
        acknowledge_name=not options.noservername,
        keep_sessions=True,
        watch=settings.watch.replace(details=options.json),
        request_staple=options.status,
        crl_limit=_crl_limit(options, settings.crl_limit),
    )
    if not has_shared_secret(options):
        return settings
    from tlsdeck.commands import shared_secrets

    return shared_secrets.with_client_secrets(settings, options)


def has_shared_secret(options: ClientOptions) -> bool:
    """Whether anything is said about pre-shared keys or SRP."""
    return options.was_given("psk", "psk_session", "srpuser", "srp_strength")


def _client_engine(options: ClientOptions) -> Engine | None:
    if options.ssl_client_engine is None:
        return None
    engine = use_engine(options.ssl_client_engine)
    if engine is None:
        raise UsageError("Error getting client auth engine")
    return engine


def _crl_limit(options: ClientOptions, limit: int | None) -> int | None:
    """The time for fetching a CRL: not more than the handshake has. libcrypto counts whole seconds."""
    if limit is None:
        return None
    limits = [int(each) for each in (options.handshake_timeout, options.total_timeout) if each is not None]
    return max(1, min([limit, *limits]))


def nameless(options: ClientOptions, settings: Settings) -> Context | None:
    """-srp_lateuser: the context of a first connection that keeps the user's name back."""
    password = settings.srp_password
    if password is None or not options.srp_lateuser:
        return None
    return Context(settings.replace(srp_password=password.replace(user=None)))


def _identities(options: ClientOptions) -> tuple[Identity, ...]:
    password = None
    if options.password is not None:
        password = read_password(options.password, "Error getting private key password")
    if options.cert is None:
        # A key alone is of no use, but one that cannot be read is an error all the same.
        if options.key is not None:
            load_private_key(options.key, options.keyform, password, _KEY_NAME)
        return ()
    files = IdentityFiles(
        options.cert, options.key, options.cert_chain, options.keyform,
        _KEY_NAME, "client certificate", "client certificate chain",
    )  # fmt: skip
    return (load_identity(files, password),)


_MOST_EXTENSIONS = 100


def _extensions(options: ClientOptions) -> tuple[int, ...]:
    """The types of -serverinfo, read in the manner of C: what is no number is 0, and sixteen bits are left of it."""
    words = [word for value in options.serverinfo for word in value.split(",")]
    return tuple([_leading_number(word) & 0xFFFF for word in words[:_MOST_EXTENSIONS]])


def _leading_number(word: str) -> int:
    """As atoi(3)."""
    text = word.lstrip(" \t\n\v\f\r")
    end = 1 if text[:1] in ("+", "-") else 0
    while text[end : end + 1] in _DIGITS:
        end += 1
    try:
        return int(text[:end])
    except ValueError:
        return 0


_DIGITS = tuple("0123456789")


def dane(
    options: ClientOptions, context: Context, server_name: str | None, show: Callable[[Event], None]
) -> Dane | None:
    """What -dane_tlsa_domain and -dane_tlsa_rrdata say about the server.

    Raises:
        SettingError: they do not go together, or are of no use.
    """
    domain, records = options.dane_tlsa_domain, options.dane_tlsa_rrdata
    if domain is None:
        if records:
            raise SettingError("DANE TLSA authentication requires the -dane_tlsa_domain option.")
        return None
    from tlsdeck.tls.dane import load

    name_checks = not options.dane_ee_no_namechecks
    return load(context, domain, records, show, server_name=server_name, ee_name_checks=name_checks)


def dialogues(options: ClientOptions, destination: Destination) -> list[Dialogue]:
    """What is to be said in plain text first: to a proxy, then to the server.

    Raises:
        ConfigurationError: the proxy's password cannot be read.
    """
    if options.proxy is None and options.starttls is None:
        return []
    from tlsdeck.preamble import Names, connect_proxy, starttls

    wanted = []
    if options.proxy is not None:
        password = None
        if options.proxy_pass is not None:
            password = read_password(options.proxy_pass, "Error getting proxy password")
        wanted.append(connect_proxy(destination.host, destination.service, options.proxy_user, password))
    if options.starttls is not None:
        wanted.append(starttls(options.starttls, Names(_name(options), destination.host)))
    return wanted


def _name(options: ClientOptions) -> str | None:
    """The last one of -name and -xmpphost, which mean the same."""
    names = [given.value for given in options.given if given.row.name in ("name", "xmpphost")]
    return names[-1] if names else None


def limits(options: ClientOptions) -> Limits:
    """The time limits of a run."""
    return Limits(
        options.connect_timeout, options.handshake_timeout, options.idle_timeout, options.total_timeout
    )
