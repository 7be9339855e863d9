from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pki import populate
from support.revocation import Authorities, World, der, world
from tls.conftest import MakePair
from tls.pairs import client_settings
from tlsdeck import events
from tlsdeck.tls.credentials import Identity, load_certificate, load_chain, load_key
from tlsdeck.tls.settings import Settings
from tlsdeck.tls.verify import Trust, parse_parameters

REVOKED, NO_CRL = 23, 3


@pytest.fixture
def here(authorities: Authorities) -> Iterator[World]:
    with world(authorities) as made:
        yield made


@pytest.fixture
def place(here: World, tmp_path: Path) -> Path:
    return populate(tmp_path / "revocation", here.files)


def serving(place: Path, name: str) -> Settings:
    path = str(place / name)
    chain = load_chain(str(place / "inter.pem"), None, "")
    identity = Identity(load_certificate(f"{path}.pem", None, ""), load_key(f"{path}.key", None, ""), chain)
    return Settings(server=True, identities=(identity,))


def checking(place: Path, *flags: str) -> Settings:
    names = [f"X509_V_FLAG_{flag}" for flag in ("CRL_CHECK", *flags)]
    return client_settings(
        trust=Trust(file=str(place / "root.pem")),
        verify_parameters=parse_parameters(names, ()),
        crl_limit=5,
    )


def errors(told: list[events.CertificateChecked]) -> set[int]:
    return {event.error for event in told if not event.ok}


def test_list_is_fetched_and_told(place: Path, here: World, pair: MakePair) -> None:
    both = pair(checking(place), serving(place, "leaf"))
    size = len(der(here.files["inter.crl"]))
    assert both.of(events.RevocationListFetched) == [
        events.RevocationListFetched(f"{here.web.url}/inter.crl", size)
    ]
    assert not errors(both.of(events.CertificateChecked))
    assert here.web.asked == ["GET /inter.crl"]


def test_list_that_names_the_certificate(place: Path, here: World, pair: MakePair) -> None:
    here.web.pages["/inter.crl"] = der(here.files["inter-revoked.crl"])
    both = pair(checking(place), serving(place, "leaf"))
    assert errors(both.of(events.CertificateChecked)) == {REVOKED}


def test_delta_is_fetched_after_the_list(place: Path, here: World, pair: MakePair) -> None:
    here.web.pages["/delta.crl"] = der(here.files["delta-revoked.crl"])
    both = pair(checking(place, "USE_DELTAS"), serving(place, "fresh"))
    assert errors(both.of(events.CertificateChecked)) == {REVOKED}
    assert here.web.asked == ["GET /inter.crl", "GET /delta.crl"]


def test_delta_is_not_fetched_without_the_list(place: Path, here: World, pair: MakePair) -> None:
    del here.web.pages["/inter.crl"]
    both = pair(checking(place, "USE_DELTAS"), serving(place, "fresh"))
    assert errors(both.of(events.CertificateChecked)) == {NO_CRL}
    assert here.web.asked == ["GET /inter.crl"]


@pytest.mark.parametrize("page", [None, b"", b"junk", b"\x30\x03\x02\x01\x00"])
def test_list_that_cannot_be_had(page: bytes | None, place: Path, here: World, pair: MakePair) -> None:
    if page is None:
        del here.web.pages["/inter.crl"]
    else:
        here.web.pages["/inter.crl"] = page
    both = pair(checking(place), serving(place, "leaf"))
    (missing,) = both.of(events.RevocationListMissing)
    assert missing.url == f"{here.web.url}/inter.crl"
    assert missing.stack
    assert errors(both.of(events.CertificateChecked)) == {NO_CRL}


@pytest.mark.parametrize("url", ["https://127.0.0.1/x", "ldap://127.0.0.1/x", "http://127.0.0.1:1/\0x", "x"])
def test_only_plain_http_is_asked(
    url: str, place: Path, here: World, authorities: Authorities, pair: MakePair
) -> None:
    populate(place, authorities.files("http://unused") | {"leaf.pem": authorities.named(url)})
    both = pair(checking(place), serving(place, "leaf"))
    assert not both.of(events.RevocationListMissing)
    assert errors(both.of(events.CertificateChecked)) == {NO_CRL}


def test_certificate_that_names_no_place(place: Path, here: World, pair: MakePair) -> None:
    both = pair(checking(place), serving(place, "plain"))
    assert errors(both.of(events.CertificateChecked)) == {NO_CRL}
    assert not here.web.asked


def test_nothing_is_fetched_unless_lists_are_checked(place: Path, here: World, pair: MakePair) -> None:
    settings = checking(place).replace(verify_parameters=None)
    both = pair(settings, serving(place, "leaf"))
    assert not errors(both.of(events.CertificateChecked))
    assert not here.web.asked
