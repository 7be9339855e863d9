"""Own certificates to choose of. All that the programs print of it: tests/oracle/test_xcert.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tls.conftest import MakePair
from tls.pairs import TLS12, Pair, client_settings, identity_of, only
from tlsdeck.errors import PeerError
from tlsdeck.events import CandidateChecked
from tlsdeck.tls.candidates import Candidate, make_candidate
from tlsdeck.tls.credentials import Identity, load_chain
from tlsdeck.tls.settings import Settings
from tlsdeck.tls.verify import Trust


@pytest.fixture
def candidates(pki: Mapping[str, bytes]) -> tuple[Candidate, ...]:
    return tuple(make_candidate(identity_of(pki, name)) for name in ("rsa", "ecdsa"))


def serving(*candidates: Candidate, **fields: object) -> Settings:
    return Settings(server=True, candidates=candidates).replace(**fields)


def signature_algorithms(names: str) -> Settings:
    return client_settings(conf_commands=(("sigalgs", names),), **only(TLS12))


@pytest.mark.parametrize(
    "algorithms, key",
    [("RSA+SHA256:RSA-PSS+SHA256", "rsaEncryption"), ("ECDSA+SHA256:RSA+SHA256", "id-ecPublicKey")],
)
def test_what_fits_the_client_is_used(
    algorithms: str, key: str, pair: MakePair, candidates: tuple[Candidate, ...]
) -> None:
    peer = pair(signature_algorithms(algorithms), serving(*candidates)).client.summary().peer
    assert peer is not None
    assert peer.public_key == key


def test_every_candidate_is_told(pair: MakePair, candidates: tuple[Candidate, ...]) -> None:
    told = pair(signature_algorithms("RSA+SHA256"), serving(*candidates)).of(CandidateChecked, server=True)
    assert [event.number for event in told] == [1, 2]
    assert [event.subject for event in told] == ["C=DE, O=tlsdeck, CN=localhost"] * 2
    assert [dict(event.checks)["Sign with EE key"] for event in told] == [True, False]
    assert [event.suite_b for event in told] == [None, None]


def test_suite_b_is_told_where_it_is_demanded(candidates: tuple[Candidate, ...]) -> None:
    settings = serving(*candidates, conf_commands=(("cipher", "SUITEB128"),))
    made = Pair(client_settings(**only(TLS12)), settings)
    assert made.errors()  # our test authority has a key that Suite B does not allow
    told = made.of(CandidateChecked, server=True)
    assert [event.suite_b for event in told] == [False, True]


def test_candidates_take_the_place_of_identities(pair: MakePair, pki: Mapping[str, bytes]) -> None:
    identities = (identity_of(pki, "rsa"),)
    settings = serving(make_candidate(identity_of(pki, "chain")), identities=identities)
    peer = pair(None, settings).client.summary().peer
    assert peer is not None
    assert peer.issuer.endswith("tlsdeck test intermediate")


def chain_length(pair: Pair) -> int:
    return len(pair.client.summary().chain)


def test_chain_of_a_candidate(pair: MakePair, pki: Mapping[str, bytes], files: Path) -> None:
    leaf = identity_of(pki, "chain")
    given = Identity(leaf.certificate, leaf.key, load_chain(str(files / "inter.pem"), None, "a chain"))
    cas = Trust(str(files / "cas.pem"))
    assert chain_length(pair(None, serving(make_candidate(leaf)))) == 1
    assert chain_length(pair(None, serving(make_candidate(given)))) == 2
    assert chain_length(pair(None, serving(make_candidate(leaf), trust=cas))) == 3
    assert chain_length(pair(None, serving(make_candidate(leaf, build_chain=True), chain_trust=cas))) == 3


def test_chain_of_a_candidate_beside_an_identity(
    pair: MakePair, pki: Mapping[str, bytes], files: Path
) -> None:
    """The identity's chain is complete, and must not keep libssl from completing the candidate's."""
    settings = serving(
        make_candidate(identity_of(pki, "chain")),
        identities=(identity_of(pki, "rsa"),),
        trust=Trust(str(files / "cas.pem")),
    )
    assert chain_length(pair(None, settings)) == 3


@pytest.mark.parametrize(
    "certificate, key, build_chain",
    [("rsa", "client", False), ("chain", "chain", True)],
    ids=["key of another", "no chain"],
)
def test_candidate_that_cannot_be_used_ends_the_handshake(
    certificate: str, key: str, build_chain: bool, pair: MakePair, pki: Mapping[str, bytes]
) -> None:
    identity = Identity(identity_of(pki, certificate).certificate, identity_of(pki, key).key)
    with pytest.raises(PeerError, match="cert cb error"):
        pair(None, serving(make_candidate(identity, build_chain=build_chain)))
