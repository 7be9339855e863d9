from __future__ import annotations

from tls.conftest import MakePair, Serving
from tlsdeck.events import Event, SecurityChecked
from tlsdeck.tls.context import Context
from tlsdeck.tls.settings import Settings, Watch

ALL = Watch(permissions=True)


def test_decisions_are_told_and_are_the_librarys(pair: MakePair, serving: Serving) -> None:
    both = pair(Settings(server=False, watch=ALL), serving(watch=ALL))
    checked = {(event.operation, event.item): event for event in both.of(SecurityChecked)}
    assert checked["Supported Curve", "X25519"].allowed
    assert checked["Supported Curve", "X25519"].bits == 128
    assert checked["Supported Ciphersuite", "TLS_AES_256_GCM_SHA384"].bits == 256
    assert any(event.operation == "Version" and event.code == 0x0304 for event in both.of(SecurityChecked))
    assert ("Shared Ciphersuite", "TLS_AES_256_GCM_SHA384") in {
        (event.operation, event.item) for event in both.of(SecurityChecked, server=True)
    }


def test_only_denials_are_told_if_only_they_are_asked_for(pair: MakePair) -> None:
    level = (("cipher", "DEFAULT:@SECLEVEL=2"),)
    both = pair(Settings(server=False, conf_commands=level, watch=Watch(denials=True), max_version=0x0303))
    denials = both.of(SecurityChecked)
    assert denials
    assert not any(event.allowed for event in denials)


def test_what_happens_while_a_context_is_built_is_told_at_once(serving: Serving) -> None:
    told: list[Event] = []
    Context(serving(watch=ALL), told.append)
    keys = [event for event in told if isinstance(event, SecurityChecked) and event.item == "bits=2048"]
    assert keys[0] == SecurityChecked("Certificate chain EE key", "bits=2048", 0, 112, True)
