"""What is said about being known by a shared secret: a pre-shared key, or a password by SRP."""

from __future__ import annotations

from tlsdeck import events
from tlsdeck.output.printer import Printer, always

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.output.printer import Table
    from tlsdeck.output.stream import Stream

# --- pre-shared keys -------------------------------------------------------------------------------------------


class PskDebug(Printer):
    """-debug, in both programs, on standard output."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, _PSK_DEBUG)


class PskWarnings(Printer):
    """What s_server says without -debug too. `debug`: whether that says it already."""

    def __init__(self, stream: Stream, *, debug: bool) -> None:
        table: Table = {events.PskHintUnused: always(_NO_HINT)}
        if not debug:
            table = {**table, events.PskIdentityReceived: _warning}
        super().__init__(stream, table)


class PskDiagnostics(Printer):
    """What s_client says on standard error whatever is asked for."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, {events.PskIdentityUnsendable: _unsendable})


_NO_HINT = "PSK warning: there is NO identity hint in TLSv1.3\n"


def _key_set(event: events.PskKeySet) -> str:
    return f"PSK key given, setting {'server' if event.server else 'client'} callback\n"


def _requested(event: events.PskRequested) -> str:
    if event.hint is None:
        return "psk_client_cb\nNULL received PSK identity hint, continuing anyway\n"
    return f"psk_client_cb\nReceived PSK identity hint '{event.hint}'\n"


def _sent(event: events.PskSent) -> str:
    identity = f"created identity '{event.identity}' len={_length(event.identity)}\n"
    return f"{identity}created PSK len={event.key_length}\n"


def _received(event: events.PskIdentityReceived) -> str:
    if not event.accepted:
        return "psk_server_cb\n"
    return (
        "psk_server_cb\n"
        f"identity_len={_length(event.identity)} identity={event.identity}\n"
        f"{_warning(event) or _FOUND}"
        f"fetched PSK len={event.key_length}\n"
    )


_FOUND = "PSK client identity found\n"


def _warning(event: events.PskIdentityReceived) -> str:
    if not event.accepted or event.identity == event.expected:
        return ""
    return (
        "PSK warning: client identity not what we expected"
        f" (got '{event.identity}' expected '{event.expected}')\n"
    )


def _length(identity: str) -> int:
    return len(identity.encode("utf-8", "surrogateescape"))


def _unsendable(event: events.PskIdentityUnsendable) -> str:
    return (
        f"PSK identity of {event.length} bytes is too long for this version of TLS, at most {event.limit}\n"
    )


_PSK_DEBUG: Table = {
    events.PskKeySet: _key_set,
    events.PskRequested: _requested,
    events.PskSent: _sent,
    events.PskIdentityReceived: _received,
}

# --- SRP -------------------------------------------------------------------------------------------------------


class SrpParameters(Printer):
    """s_client's, on standard error. `shown`: the group itself as well; `debug`: that it had to be checked."""

    def __init__(self, stream: Stream, *, shown: bool, debug: bool) -> None:
        self._shown = shown
        self._debug = debug
        super().__init__(stream, {events.SrpParametersReceived: self._parameters_received})

    def _parameters_received(self, event: events.SrpParametersReceived) -> str:
        text = ""
        if self._shown:
            text += f"SRP parameters:\n\tN={event.prime}\n\tg={event.generator}\n"
        if self._debug and not event.known:
            text += "SRP param N and g are not known params, going to check deeper.\n"
        return text if event.accepted else f"{text}SRP param N and g rejected.\n"


class SrpLookups(Printer):
    """s_server's, on standard output."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, {events.SrpUserReceived: _looked_up})


class SrpUsers(Printer):
    """s_server's, on standard error."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, {events.SrpUserReceived: _user})


def _looked_up(event: events.SrpUserReceived) -> str:
    outcome = f"LOOKUP done {event.info}" if event.known else "LOOKUP not successful"
    return f"LOOKUP during accept {event.user}\n{outcome}\n"


def _user(event: events.SrpUserReceived) -> str:
    outcome = f"User {event.user} doesn't exist"
    if event.known:
        outcome = f'SRP parameters set: username = "{event.user}" info="{event.info}" '
    return f'SRP username = "{event.user}"\n{outcome}\n'
