from __future__ import annotations

import pytest

from output.captured import shown
from tlsdeck import events
from tlsdeck.output.stapling import Stapling

STAPLE = events.Staple("OCSP Response Data:\n", b"der", "successful", "good", "then", None)
STEPS = (
    (events.StapleRequested(), "cert_status: callback called\n"),
    (events.ResponderNamed("http://a.example/"), "cert_status: AIA URL: http://a.example/\n"),
    (events.StapleSent(STAPLE), "cert_status: ocsp response sent:\nOCSP Response Data:\n"),
)


@pytest.mark.parametrize("event, text", STEPS)
def test_steps_are_shown_when_verbose(event: events.Event, text: str) -> None:
    assert shown(Stapling, event, verbose=True) == text
    assert shown(Stapling, event) == ""


@pytest.mark.parametrize("verbose", [False, True])
def test_problems_are_shown_in_any_case(verbose: bool) -> None:
    missing = events.StapleMissing("cert_status: why", ("one", "two"), fatal=False)
    assert shown(Stapling, missing, verbose=verbose) == "cert_status: why\none\ntwo\n"
    assert shown(Stapling, missing.replace(stack=()), verbose=verbose) == "cert_status: why\n"
