"""What checking certificates, the peer's and our own, has to say on standard error."""

from __future__ import annotations

from tlsdeck import events
from tlsdeck.output.printer import Printer, stack_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.output.stream import Stream

_NO_EXPLICIT_POLICY = 43  # X509_V_ERR_NO_EXPLICIT_POLICY


class Verification(Printer):
    """Each certificate as it is checked. `quiet` (-verify_quiet, -brief): only those with an error."""

    def __init__(self, stream: Stream, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._answer = ""
        super().__init__(
            stream,
            {
                events.CertificateChecked: self._certificate_checked,
                events.PolicyChecked: self._policy_checked,
                events.RevocationListMissing: _list_missing,
            },
        )

    def _certificate_checked(self, event: events.CertificateChecked) -> str:
        who = "<no cert>" if event.subject is None else event.subject
        place = f"depth={event.depth} {who}\n" if not self._quiet or not event.ok else ""
        failure = "" if event.ok else f"verify error:num={event.error}:{event.error_text}\n"
        detail = f"{event.detail}\n" if event.detail else ""
        self._answer = "verify return:1\n" if event.accepted and not self._quiet else ""
        return place + failure + detail + ("" if _policies_follow(event) else self._answer)

    def _policy_checked(self, event: events.PolicyChecked) -> str:
        if self._quiet:
            return ""
        return event.text + ("verify return:2\n" if event.notice else self._answer)


def _list_missing(event: events.RevocationListMissing) -> str:
    return f"Unable to load CRL via CDP\n{stack_lines(event.stack)}"


def _policies_follow(event: events.CertificateChecked) -> bool:
    """Whether the same call goes on with a PolicyChecked: then the answer stands below the policies."""
    return event.error == _NO_EXPLICIT_POLICY or (event.ok and event.subject is None)


class Candidates(Printer):
    """Each of several own certificates, as it is considered for a connection."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, {events.CandidateChecked: _candidate_checked})


def _candidate_checked(event: events.CandidateChecked) -> str:
    suite_b = "not tested" if event.suite_b is None else _OUTCOMES[event.suite_b]
    return (
        f"Checking cert chain {event.number}:\nSubject: {event.subject}\n"
        + "".join([f"\t{name}: {_OUTCOMES[fine]}\n" for name, fine in event.checks])
        + f"\tSuite B: {suite_b}\n"
    )


_OUTCOMES = {True: "OK", False: "NOT OK"}
