from __future__ import annotations

import pytest

from output.captured import shown
from tlsdeck.events import (
    CandidateChecked,
    CertificateChecked,
    Event,
    PolicyChecked,
    RevocationListMissing,
)
from tlsdeck.output.verification import Candidates, Verification

NAME = "C = DE, O = Test Org, CN = localhost"
FINE = CertificateChecked(0, NAME, ok=True, error=0, error_text="ok", accepted=True, detail=None)
NO_ISSUER = FINE.replace(ok=False, error=20, error_text="unable to get local issuer certificate")
TOO_EARLY = FINE.replace(
    ok=False, error=9, error_text="certificate is not yet valid", detail="notBefore=Nov 20 18:21:41 2026 GMT"
)
NO_POLICY = FINE.replace(subject=None, ok=False, error=43, error_text="no explicit policy")
POLICIES = "Require explicit Policy: False\nAuthority Policies: <empty>\nUser Policies: <empty>\n"

DEPTH = f"depth=0 {NAME}\n"
NO_ISSUER_LINE = "verify error:num=20:unable to get local issuer certificate\n"
TOO_EARLY_LINES = "verify error:num=9:certificate is not yet valid\nnotBefore=Nov 20 18:21:41 2026 GMT\n"
NO_POLICY_LINES = "depth=0 <no cert>\nverify error:num=43:no explicit policy\n"
RETURN = "verify return:1\n"


@pytest.mark.parametrize(
    "happened, usual, quiet",
    [
        ([FINE], DEPTH + RETURN, ""),
        ([FINE.replace(depth=12)], f"depth=12 {NAME}\n{RETURN}", ""),
        ([NO_ISSUER], DEPTH + NO_ISSUER_LINE + RETURN, DEPTH + NO_ISSUER_LINE),
        ([NO_ISSUER.replace(accepted=False)], DEPTH + NO_ISSUER_LINE, DEPTH + NO_ISSUER_LINE),
        ([TOO_EARLY], DEPTH + TOO_EARLY_LINES + RETURN, DEPTH + TOO_EARLY_LINES),
        (
            # the library goes on with the error still set
            [TOO_EARLY.replace(ok=True)],
            DEPTH + "notBefore=Nov 20 18:21:41 2026 GMT\n" + RETURN,
            "notBefore=Nov 20 18:21:41 2026 GMT\n",
        ),
        (
            [NO_POLICY.replace(error=65, error_text="no matching DANE TLSA records")],
            "depth=0 <no cert>\nverify error:num=65:no matching DANE TLSA records\nverify return:1\n",
            "depth=0 <no cert>\nverify error:num=65:no matching DANE TLSA records\n",
        ),
        (
            [FINE.replace(subject=None), PolicyChecked(POLICIES, notice=True)],
            "depth=0 <no cert>\n" + POLICIES + "verify return:2\n",
            "",
        ),
        (
            [NO_POLICY, PolicyChecked(POLICIES, notice=False)],
            NO_POLICY_LINES + POLICIES + RETURN,
            NO_POLICY_LINES,
        ),
        (
            [NO_POLICY.replace(accepted=False), PolicyChecked(POLICIES, notice=False)],
            NO_POLICY_LINES + POLICIES,
            NO_POLICY_LINES,
        ),
    ],
)
def test_verification_prints_one_call_of_the_callback(happened: list[Event], usual: str, quiet: str) -> None:
    assert shown(Verification, *happened) == usual
    assert shown(Verification, *happened, quiet=True) == quiet


@pytest.mark.parametrize("suite_b, told", [(None, "not tested"), (True, "OK"), (False, "NOT OK")])
def test_candidates_are_told_with_all_that_was_looked_at(suite_b: bool | None, told: str) -> None:
    event = CandidateChecked(2, NAME, (("Overall Validity", True), ("EE signature", False)), suite_b)
    assert shown(Candidates, event) == (
        f"Checking cert chain 2:\nSubject: {NAME}\n"
        f"\tOverall Validity: OK\n\tEE signature: NOT OK\n\tSuite B: {told}\n"
    )


@pytest.mark.parametrize("quiet", [False, True])
def test_verification_says_that_a_list_is_missing(quiet: bool) -> None:
    missing = RevocationListMissing("http://a.example/", ("one", "two"))
    text = shown(Verification, missing, quiet=quiet)
    assert text == "Unable to load CRL via CDP\none\ntwo\n"
