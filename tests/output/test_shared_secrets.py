from __future__ import annotations

import pytest

from output.captured import shown
from tlsdeck import events
from tlsdeck.output.shared_secrets import (
    PskDebug,
    PskDiagnostics,
    PskWarnings,
    SrpLookups,
    SrpParameters,
    SrpUsers,
)

WARNING = "PSK warning: client identity not what we expected (got 'bob' expected 'alice')\n"


@pytest.mark.parametrize(
    "event, text",
    [
        (events.PskKeySet(server=False), "PSK key given, setting client callback\n"),
        (events.PskKeySet(server=True), "PSK key given, setting server callback\n"),
        (events.PskRequested(None), "psk_client_cb\nNULL received PSK identity hint, continuing anyway\n"),
        (events.PskRequested("h"), "psk_client_cb\nReceived PSK identity hint 'h'\n"),
        (events.PskSent("ä", 16), "created identity 'ä' len=2\ncreated PSK len=16\n"),
        (
            events.PskIdentityReceived("alice", "alice", True, 2),
            "psk_server_cb\nidentity_len=5 identity=alice\nPSK client identity found\nfetched PSK len=2\n",
        ),
        (
            events.PskIdentityReceived("bob", "alice", True, 2),
            f"psk_server_cb\nidentity_len=3 identity=bob\n{WARNING}fetched PSK len=2\n",
        ),
        (events.PskIdentityReceived("bob", "alice", False, 2), "psk_server_cb\n"),
        (events.PskHintUnused(), ""),
    ],
)
def test_psk_debug(event: events.Event, text: str) -> None:
    assert shown(PskDebug, event) == text


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize(
    "event, text",
    [
        (events.PskIdentityReceived("alice", "alice", True, 2), ""),
        (events.PskIdentityReceived("bob", "alice", False, 2), ""),
        (events.PskIdentityReceived("bob", "alice", True, 2), WARNING),
    ],
)
def test_psk_warning_is_given_once(event: events.Event, text: str, debug: bool) -> None:
    assert shown(PskWarnings, event, debug=debug) == ("" if debug else text)


@pytest.mark.parametrize("debug", [False, True])
def test_psk_warning_of_a_hint(debug: bool) -> None:
    hint = "PSK warning: there is NO identity hint in TLSv1.3\n"
    assert shown(PskWarnings, events.PskHintUnused(), debug=debug) == hint


def test_psk_identity_too_long() -> None:
    text = "PSK identity of 300 bytes is too long for this version of TLS, at most 255\n"
    assert shown(PskDiagnostics, events.PskIdentityUnsendable(300, 255)) == text


PARAMETERS = "SRP parameters:\n\tN=AB\n\tg=5\n"
DEEPER = "SRP param N and g are not known params, going to check deeper.\n"
REJECTED = "SRP param N and g rejected.\n"


@pytest.mark.parametrize(
    "known, accepted, is_shown, debug, text",
    [
        (True, True, False, False, ""),
        (True, True, True, True, PARAMETERS),
        (False, True, True, False, PARAMETERS),
        (False, True, True, True, PARAMETERS + DEEPER),
        (False, False, False, False, REJECTED),
        (False, False, True, True, PARAMETERS + DEEPER + REJECTED),
    ],
)
def test_srp_parameters(known: bool, accepted: bool, is_shown: bool, debug: bool, text: str) -> None:
    event = events.SrpParametersReceived("AB", "5", known, accepted)
    assert shown(SrpParameters, event, shown=is_shown, debug=debug) == text


@pytest.mark.parametrize(
    "event, out, err",
    [
        (
            events.SrpUserReceived("al", known=True, simulated=False, info="i"),
            "LOOKUP during accept al\nLOOKUP done i\n",
            'SRP username = "al"\nSRP parameters set: username = "al" info="i" \n',
        ),
        (
            events.SrpUserReceived("al", known=False, simulated=True, info=""),
            "LOOKUP during accept al\nLOOKUP not successful\n",
            'SRP username = "al"\nUser al doesn\'t exist\n',
        ),
    ],
)
def test_srp_user(event: events.Event, out: str, err: str) -> None:
    assert shown(SrpLookups, event) == out
    assert shown(SrpUsers, event) == err
