from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

import pytest
from cryptography import x509

from support.chains import spoilt
from support.pki import pem
from tls.pairs import TLS12, TLS13, Pair, client_settings, identity_of, only, server_settings
from tlsdeck.errors import PeerError
from tlsdeck.events import (
    AlpnOffered,
    AlpnSelected,
    CertificateChecked,
    ContextSwitched,
    PolicyChecked,
    ServerNameChecked,
    ServerNameReceived,
    TicketReceived,
)
from tlsdeck.tls.callbacks import protocols
from tlsdeck.tls.context import Context
from tlsdeck.tls.names import ONELINE
from tlsdeck.tls.settings import ServerNameRule, Settings, Watch
from tlsdeck.tls.verify import Trust, parse_parameters

MakePair = Callable[..., Pair]
Serving = Callable[..., Settings]

# --- certificates ----------------------------------------------------------------------------------------------


def verifying(files: Path, *, trusted: str = "root.pem", **fields: object) -> Settings:
    return client_settings(
        trust=Trust(file=str(files / trusted)), verify_peer=True, name_flags=ONELINE, **fields
    )


def test_certificates_are_told_from_the_root_down(pair: MakePair, files: Path) -> None:
    both = pair(verifying(files))
    assert both.of(CertificateChecked) == [
        CertificateChecked(1, "C = DE, O = tlsdeck, CN = tlsdeck test root", True, 0, "ok", True, None),
        CertificateChecked(0, "C = DE, O = tlsdeck, CN = localhost", True, 0, "ok", True, None),
    ]


@pytest.mark.parametrize(
    "name, text, detail",
    [
        ("expired", "certificate has expired", "notAfter="),
        ("future", "certificate is not yet valid", "notBefore="),
        ("stranger", "self-signed certificate", None),
    ],
)
def test_errors_are_told_with_their_detail(
    name: str, text: str, detail: str | None, pair: MakePair, serving: Serving, files: Path
) -> None:
    both = pair(verifying(files), serving(name))
    found = next(event for event in both.of(CertificateChecked) if not event.ok)
    assert (found.error_text, found.accepted) == (text, True)
    assert (found.detail or "").startswith(detail or "")
    assert (found.detail is None) is (detail is None)
    assert both.client.verify_code != 0


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_tolerated_error_does_not_fail_the_next_wait(version: int, serving: Serving, files: Path) -> None:
    """A bad signature leaves lines in the error queue, and then libssl has to wait for the rest of the flight."""
    root = files / "spoilt.pem"
    root.write_bytes(pem(spoilt(x509.load_pem_x509_certificate((files / "root.pem").read_bytes()))))
    checked = parse_parameters(["X509_V_FLAG_CHECK_SS_SIGNATURE"], [])
    server = serving(verify_peer=True, trust=Trust(file=str(root)), verify_parameters=checked)
    both = Pair(client_settings(identities=serving("client").identities, **only(version)), server)
    finished = False
    while not finished:
        both.client.handshake()
        for byte in both.to_client.take():
            both.to_server.feed(bytes([byte]))
            finished = finished or both.server.handshake()
        both.carry()
    assert "certificate signature failure" in [
        event.error_text for event in both.of(CertificateChecked, server=True)
    ]


def test_issuer_that_is_missing_is_named(pair: MakePair, serving: Serving, files: Path) -> None:
    both = pair(verifying(files, trusted="inter.pem"), serving("chain"))
    found = next(event for event in both.of(CertificateChecked) if not event.ok)
    assert (found.depth, found.error_text) == (1, "unable to get issuer certificate")
    assert found.detail == "issuer= C = DE, O = tlsdeck, CN = tlsdeck test root"


@pytest.mark.parametrize("tolerance, tolerated", [(-1, True), (1, True), (0, False)])
def test_errors_are_tolerated_up_to_a_depth(
    tolerance: int, tolerated: bool, serving: Serving, files: Path
) -> None:
    both = Pair(verifying(files, trusted="inter.pem", verify_tolerance=tolerance), serving("chain"))
    if tolerated:
        both.shake()
    else:
        with pytest.raises(PeerError, match="certificate verify failed"):
            both.shake()
    found = next(event for event in both.of(CertificateChecked) if not event.ok)
    assert found.accepted is tolerated


def test_no_error_is_tolerated_if_so_wished(serving: Serving, files: Path) -> None:
    both = Pair(verifying(files, verify_return_error=True), serving("expired"))
    with pytest.raises(PeerError, match="certificate verify failed"):
        both.shake()
    assert [event.accepted for event in both.of(CertificateChecked)] == [True, False]


def test_policies_are_told_when_asked_for(pair: MakePair, files: Path) -> None:
    parameters = parse_parameters(["X509_V_FLAG_NOTIFY_POLICY", "X509_V_FLAG_POLICY_CHECK"], [])
    told = pair(verifying(files, verify_parameters=parameters)).of(PolicyChecked)
    assert [event.notice for event in told] == [True]
    assert told[0].text.startswith("Require explicit Policy: False\nAuthority Policies:")


def test_policy_that_is_demanded_and_missing_is_told(pair: MakePair, files: Path) -> None:
    parameters = parse_parameters(["X509_V_FLAG_EXPLICIT_POLICY"], [("policy", "1.2.3.4")])
    both = pair(verifying(files, verify_parameters=parameters))
    told = both.of(PolicyChecked)
    assert [event.notice for event in told] == [False]
    assert told[0].text.startswith("Require explicit Policy: True\n")
    assert both.client.summary().verify_text == "no explicit policy"


# --- names -----------------------------------------------------------------------------------------------------


def named(pki: Mapping[str, bytes], *, fatal: bool = False) -> Settings:
    second = Context(server_settings(pki, "other"))
    return server_settings(pki, server_name=ServerNameRule("Other.example", second, fatal))


def subject(both: Pair) -> str:
    peer = both.client.summary().peer
    assert peer is not None
    return peer.subject


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_server_name_switches_the_certificate(version: int, pki: Mapping[str, bytes], pair: MakePair) -> None:
    client = client_settings(acknowledge_name=True, **only(version))
    both = pair(client, named(pki), server_name="oTher.Example")
    assert "other.example" in subject(both)
    assert both.of(ServerNameReceived, server=True) == [ServerNameReceived("oTher.Example")]
    assert len(both.of(ContextSwitched, server=True)) == 1
    assert both.of(ServerNameChecked) == [ServerNameChecked(True)]


def test_other_server_name_keeps_the_certificate(pki: Mapping[str, bytes], pair: MakePair) -> None:
    both = pair(client_settings(**only(TLS12)), named(pki), server_name="elsewhere.example")
    assert "localhost" in subject(both)
    assert both.of(ServerNameReceived, server=True) == [ServerNameReceived("elsewhere.example")]
    assert both.of(ContextSwitched, server=True) == []


def test_no_server_name_keeps_the_certificate(pki: Mapping[str, bytes], pair: MakePair) -> None:
    both = pair(client_settings(acknowledge_name=True), named(pki, fatal=True))
    assert "localhost" in subject(both)
    assert both.server_events == []
    assert both.of(ServerNameChecked) == [ServerNameChecked(False)]


def test_other_server_name_is_refused_if_so_wished(pki: Mapping[str, bytes]) -> None:
    both = Pair(client_settings(), named(pki, fatal=True), server_name="elsewhere.example")
    server, client = both.errors()
    assert "callback failed" in str(server) or "clienthello tlsext" in str(server)
    assert "unrecognized name" in str(client)


# --- protocols -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "server, client, chosen",
    [
        ((b"h2", b"http/1.1"), (b"http/1.1", b"h2"), "h2"),  # the server's order counts
        ((b"http/1.1",), (b"h2", b"http/1.1"), "http/1.1"),
        ((b"\xff\xfe",), (b"\xff\xfe",), "ÿþ"),
    ],
)
def test_alpn_is_chosen_by_the_server(
    server: tuple[bytes, ...], client: tuple[bytes, ...], chosen: str, pair: MakePair, serving: Serving
) -> None:
    both = pair(client_settings(alpn=client), serving(alpn=server))
    assert both.client.summary().alpn == both.server.summary().alpn == chosen
    offered = tuple(name.decode("latin-1") for name in client)
    assert both.of(AlpnOffered, server=True) == [AlpnOffered(offered)]
    assert both.of(AlpnSelected, server=True) == [AlpnSelected(chosen)]


def test_alpn_without_common_protocol_is_refused(serving: Serving) -> None:
    both = Pair(client_settings(alpn=(b"h2",)), serving(alpn=(b"http/1.1",)))
    server, client = both.errors()
    assert "no application protocol" in str(server)
    assert "no application protocol" in str(client)
    assert both.of(AlpnSelected, server=True) == []


def test_alpn_is_nothing_to_a_peer_without_it(pair: MakePair, serving: Serving) -> None:
    assert pair(client_settings(alpn=(b"h2",))).client.summary().alpn is None
    assert pair(None, serving(alpn=(b"h2",))).client.summary().alpn is None


@pytest.mark.parametrize(
    "wire, places",
    [
        (b"", {}),
        (b"\x02h2\x08http/1.1", {b"h2": 1, b"http/1.1": 4}),
        (b"\x01a\x01b\x01a", {b"a": 1, b"b": 3}),
        (b"\x05abc", {b"abc": 1}),  # libssl has checked; still nothing breaks
    ],
)
def test_protocols_are_found_where_they_stand(wire: bytes, places: dict[bytes, int]) -> None:
    assert protocols(wire) == places


# --- sessions --------------------------------------------------------------------------------------------------


def test_interrupt_as_a_callback_begins_is_not_lost() -> None:
    """Python may see a signal before the callback's first line."""

    def interrupt(frame: FrameType, _event: str, _argument: object) -> None:
        if frame.f_code.co_name == "tlsdeck_message":
            sys.settrace(None)
            raise KeyboardInterrupt

    both = Pair(client_settings(watch=Watch(messages=True)), Settings(server=True))
    before = sys.gettrace()
    sys.settrace(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            both.client.handshake()
    finally:
        sys.settrace(before)


def test_ticket_is_told_only_if_sessions_are_kept(pair: MakePair) -> None:
    for keep in (True, False):
        both = pair(client_settings(keep_sessions=keep, **only(TLS12)))
        tickets = both.of(TicketReceived)
        assert [ticket.after_handshake for ticket in tickets] == ([False] if keep else [])


def test_second_identity_of_the_same_kind_replaces_the_first(
    pki: Mapping[str, bytes], pair: MakePair
) -> None:
    both = pair(None, Settings(server=True, identities=(identity_of(pki, "rsa"), identity_of(pki, "other"))))
    assert "other.example" in subject(both)
