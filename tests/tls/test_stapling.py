from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pki import populate
from support.revocation import Authorities, World, responder, world
from tls.conftest import MakePair
from tls.pairs import TLS12, TLS13, Pair, client_settings, only
from tlsdeck import events
from tlsdeck.tls.credentials import Identity, load_certificate, load_key
from tlsdeck.tls.http import Route
from tlsdeck.tls.settings import Settings
from tlsdeck.tls.stapling import Stapling
from tlsdeck.tls.verify import Trust

ASKING = client_settings(request_staple=True)
VERSIONS = pytest.mark.parametrize("version", [TLS12, TLS13])
UNAUTHORIZED = bytes.fromhex("30 03 0a 01 06")


@pytest.fixture(scope="module")
def here(authorities: Authorities) -> Iterator[World]:
    with world(authorities) as made:
        yield made


@pytest.fixture(scope="module")
def place(here: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = populate(tmp_path_factory.mktemp("revocation"), here.files)
    here.web.pages["/ocsp"] = responder(directory, "-ndays", "3")
    return directory


def serving(place: Path, name: str, stapling: Stapling | None, **fields: object) -> Settings:
    path = str(place / name)
    identity = Identity(load_certificate(f"{path}.pem", None, ""), load_key(f"{path}.key", None, ""))
    trust = Trust(file=str(place / "cas.pem"))
    return Settings(server=True, identities=(identity,), stapling=stapling, trust=trust).replace(**fields)


@VERSIONS
def test_response_of_the_responder(version: int, place: Path, pair: MakePair) -> None:
    both = pair(ASKING, serving(place, "leaf", Stapling(), **only(version)))
    (received,) = both.of(events.StapleReceived)
    assert received.staple is not None
    assert received.der == received.staple.der
    assert received.staple.response_status == "successful"
    assert received.staple.certificate_status == "good"
    assert (received.staple.this_update or "").endswith(" GMT")
    assert (received.staple.next_update or "").endswith(" GMT")
    assert received.staple.text.startswith("OCSP Response Data:\n")
    kinds = (events.StapleRequested, events.ResponderNamed, events.StapleSent)
    assert [type(event) for event in both.server_events if isinstance(event, kinds)] == list(kinds)
    assert both.of(events.StapleSent, server=True) == [events.StapleSent(received.staple)]


@VERSIONS
def test_response_of_a_file(version: int, place: Path, pair: MakePair, tmp_path: Path) -> None:
    file = tmp_path / "response.der"
    server = serving(place, "leaf", Stapling(file=str(file)), **only(version))
    file.write_bytes(UNAUTHORIZED)
    (received,) = pair(ASKING, server).of(events.StapleReceived)
    assert received.der == UNAUTHORIZED
    assert received.staple is not None
    assert received.staple.response_status == "unauthorized"
    assert received.staple.certificate_status is None
    assert received.staple.this_update is None


@VERSIONS
def test_no_response_is_told(version: int, place: Path, pair: MakePair) -> None:
    both = pair(ASKING, serving(place, "leaf", None, **only(version)))
    assert both.of(events.StapleReceived) == [events.StapleReceived(b"", None)]


def test_nobody_asked(place: Path, pair: MakePair) -> None:
    both = pair(client_settings(), serving(place, "leaf", Stapling(file="/nowhere")))
    assert not both.of(events.StapleReceived)
    assert not both.of(events.StapleRequested, server=True)


@pytest.mark.parametrize(
    "name, stapling, reason",
    [
        ("plain", Stapling(), "cert_status: no AIA and no default responder URL"),
        ("plain", Stapling(responder="http://127.0.0.1:1/"), "cert_status: error querying responder"),
        ("secret", Stapling(route=Route(limit=2)), "cert_status: error querying responder"),
    ],
)
def test_handshake_goes_on_without(
    name: str, stapling: Stapling, reason: str, place: Path, pair: MakePair
) -> None:
    (missing,) = pair(ASKING, serving(place, name, stapling)).of(events.StapleMissing, server=True)
    assert missing.reason.endswith(reason)
    assert not missing.fatal


def test_issuer_must_be_known(place: Path, pair: MakePair) -> None:
    both = pair(ASKING, serving(place, "leaf", Stapling(), trust=None))
    (missing,) = both.of(events.StapleMissing, server=True)
    assert missing.reason == "cert_status: Can't retrieve issuer certificate."


@pytest.mark.parametrize(
    "name, file, reason",
    [
        ("strange", None, "cert_status: can't parse AIA URL"),
        ("leaf", "nowhere.der", "cert_status: Cannot open OCSP response file"),
        ("leaf", "root.pem", "cert_status: Error reading OCSP response"),
        ("leaf", ".", "cert_status: Error reading OCSP response"),
    ],
)
def test_handshake_fails_without(name: str, file: str | None, reason: str, place: Path) -> None:
    stapling = Stapling(file=None if file is None else str(place / file))
    both = Pair(ASKING, serving(place, name, stapling))
    assert both.errors()
    (missing,) = both.of(events.StapleMissing, server=True)
    assert missing.reason.endswith(reason)
    assert missing.fatal


@pytest.mark.parametrize("cut", [1, 10, 100])
def test_broken_response_of_the_responder_is_not_stapled(
    cut: int, place: Path, here: World, pair: MakePair
) -> None:
    here.web.pages["/broken"] = b"\x30\x03\x0a\x01" + bytes([cut]) + b"\x00" * cut
    server = serving(place, "plain", Stapling(responder=f"{here.web.url}/broken"))
    both = pair(ASKING, server)
    assert both.of(events.StapleReceived)[0].der in (b"", bytes.fromhex("30 03 0a 01") + bytes([cut]))


def test_response_is_for_the_certificate_in_use(place: Path, pair: MakePair) -> None:
    words = ["openssl", "x509", "-in", str(place / "leaf.pem"), "-noout", "-serial"]
    serial = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    (received,) = pair(ASKING, serving(place, "leaf", Stapling())).of(events.StapleReceived)
    assert received.staple is not None
    assert f"Serial Number: {serial.removeprefix('serial=')}\n" in received.staple.text


@pytest.mark.parametrize(
    "fields, asks",
    [
        ({}, False),
        ({"stapling": Stapling(file="x")}, False),
        ({"stapling": Stapling()}, True),
        ({"crl_limit": 5}, True),
    ],
)
def test_settings_tell_whether_a_handshake_asks_others(fields: dict[str, object], asks: bool) -> None:
    assert Settings(server=True).replace(**fields).asks_others is asks
