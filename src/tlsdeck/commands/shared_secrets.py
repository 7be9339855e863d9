"""The options that name a shared secret, a pre-shared key or a password for SRP: their settings and printers."""

from __future__ import annotations

from tlsdeck.commands.passwords import read_password
from tlsdeck.output import shared_secrets as printers
from tlsdeck.output.stream import Stream
from tlsdeck.tls.credentials import ask_password
from tlsdeck.tls.psk import PreSharedKey, parse_key
from tlsdeck.tls.session import load_psk_session
from tlsdeck.tls.srp import Password, load_verifiers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.commands.common import CommonOptions, Printer
    from tlsdeck.commands.s_client_options import ClientOptions
    from tlsdeck.commands.s_server_options import ServerOptions
    from tlsdeck.tls.settings import Settings

_TLS_1_0 = 0x0301


def with_client_secrets(settings: Settings, options: ClientOptions) -> Settings:
    """The settings with -psk, -srpuser and what goes with them.

    Raises:
        ConfigurationError: a key, file or password cannot be used.
    """
    if options.was_given("srp_strength"):
        Stream(2).text(f"SRP minimal length for N is {options.srp_strength}\n")
    settings = settings.replace(psk=_psk(options))
    if options.srpuser is None:
        return settings
    password = Password(options.srpuser, _password(options), options.srp_strength, options.srp_moregroups)
    return settings.replace(srp_password=password, min_version=settings.min_version or _TLS_1_0)


def with_server_secrets(settings: Settings, options: ServerOptions) -> Settings:
    """As `with_client_secrets`, for -psk and -srpvfile. With SRP no client is asked for a certificate.

    Raises:
        ConfigurationError: a key or file cannot be used.
    """
    settings = settings.replace(psk=_psk(options), psk_hint=options.psk_hint)
    if options.srpvfile is None:
        return settings
    return settings.replace(
        srp_verifiers=load_verifiers(options.srpvfile, options.srpuserseed),
        min_version=settings.min_version or _TLS_1_0,
        verify_peer=False,
        require_certificate=False,
        ca_names_file=None,
    )


def _psk(options: CommonOptions) -> PreSharedKey | None:
    if options.psk is None and options.psk_session is None:
        return None
    return PreSharedKey(
        options.psk_identity.encode("utf-8", "surrogateescape"),
        None if options.psk is None else parse_key(options.psk),
        None if options.psk_session is None else load_psk_session(options.psk_session),
    )


def _password(options: ClientOptions) -> str:
    if options.srppass is None:
        return ask_password("Enter pass phrase for SRP user:")
    return read_password(options.srppass, "Error getting password")


def client_printers(options: ClientOptions, out: Stream, err: Stream) -> list[Printer]:
    """The printers of what is said about these secrets."""
    shown = options.debug or options.msg or options.trace or options.srp_moregroups
    return [
        printers.PskDiagnostics(err),
        printers.SrpParameters(err, shown=shown, debug=options.debug),
        *([printers.PskDebug(out)] if options.debug else []),
    ]


def server_printers(options: ServerOptions, out: Stream, err: Stream) -> list[Printer]:
    """As `client_printers`."""
    chosen: list[Printer] = [printers.SrpUsers(err)]
    if options.debug:
        chosen.append(printers.PskDebug(out))
    if options.debug or not options.quiet:
        chosen += [printers.PskWarnings(out, debug=options.debug), printers.SrpLookups(out)]
    return chosen
