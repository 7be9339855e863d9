from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from support.srp import (
    KNOWN_GENERATOR,
    KNOWN_PRIME,
    OTHER_PRIME,
    SALT,
    WHOLE_GROUP_GENERATOR,
    group_line,
    user_line,
)
from tls.pairs import TLS12, Pair, client_settings, only
from tlsdeck.errors import ConfigurationError, PeerError, TlsdeckError, UnknownIdentityError
from tlsdeck.events import MessageSeen, SrpParametersReceived, SrpUserReceived
from tlsdeck.names import HANDSHAKE
from tlsdeck.tls.context import Context
from tlsdeck.tls.settings import Settings, Watch
from tlsdeck.tls.srp import Password, Verifiers, load_verifiers

SRP_SUITES = (("cipher", "SRP"),)
SERVER_KEY_EXCHANGE = 12
ALICE = user_line("alice", "wonder", KNOWN_PRIME, KNOWN_GENERATOR, "1024", "the first")

Load = Callable[..., Verifiers]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """The verifiers of a file with this content."""

    def make(content: str, seed: str | None = None) -> Verifiers:
        path = tmp_path / "users.srpv"
        path.write_text(content)
        return load_verifiers(str(path), seed)

    return make


class Met(Pair):
    """A pair whose handshake has come to its end, well or badly."""

    problems: list[TlsdeckError]


def shake(verifiers: Verifiers, password: Password) -> Met:
    server = Settings(server=True, srp_verifiers=verifiers, conf_commands=SRP_SUITES)
    client = client_settings(
        srp_password=password, conf_commands=SRP_SUITES, watch=Watch(messages=True), **only(TLS12)
    )
    pair = Met(client, server)
    pair.problems = pair.errors()
    return pair


def test_password_and_verifier_agree(load: Load) -> None:
    pair = shake(load(ALICE), Password("alice", "wonder"))
    assert pair.problems == []
    assert pair.client.summary().cipher == "SRP-AES-256-CBC-SHA"
    assert "SRP username: alice" in (pair.client.summary().session or "")
    assert pair.tell(pair.client, b"hello") == b"hello"
    assert pair.of(SrpUserReceived, server=True) == [SrpUserReceived("alice", True, False, "the first")]
    assert pair.of(SrpParametersReceived) == [SrpParametersReceived(f"{KNOWN_PRIME:X}", "2", True, True)]


def test_wrong_password_fails_at_the_end(load: Load) -> None:
    pair = shake(load(ALICE), Password("alice", "blunder"))
    assert [type(problem) for problem in pair.problems] == [PeerError, PeerError]
    assert "bad record mac" in str(pair.problems[0])


def test_unknown_user_is_refused_without_a_seed(load: Load) -> None:
    pair = shake(load(ALICE), Password("mallory", "wonder"))
    assert "psk identity not found" in str(pair.problems[0])
    assert "unknown psk identity" in str(pair.problems[1])
    assert pair.of(SrpUserReceived, server=True) == [SrpUserReceived("mallory", False, False, "")]


def test_unknown_user_looks_like_a_wrong_password_with_a_seed(load: Load) -> None:
    verifiers = load(ALICE, "seed")
    pair = shake(verifiers, Password("mallory", "wonder"))
    assert pair.of(SrpUserReceived, server=True) == [SrpUserReceived("mallory", False, True, "")]
    assert pair.of(SrpParametersReceived) == [SrpParametersReceived(f"{KNOWN_PRIME:X}", "2", True, True)]
    wrong = shake(verifiers, Password("alice", "blunder"))
    assert reasons(pair) == reasons(wrong)
    assert len(salt(pair)) == len(salt(wrong))


def test_made_up_salt_depends_on_seed_and_name_only(load: Load) -> None:
    assert salt(shake(load(ALICE), Password("alice", "wonder"))) == SALT
    made_up = salt(shake(load(ALICE, "seed"), Password("mallory", "a")))
    assert made_up == salt(shake(load(ALICE, "seed"), Password("mallory", "b")))
    assert made_up == hashlib.sha1(b"seedmallory", usedforsecurity=False).digest()
    assert made_up != salt(shake(load(ALICE, "seed"), Password("trent", "a")))
    assert made_up != salt(shake(load(ALICE, "other"), Password("mallory", "a")))


def test_users_are_made_up_for_an_empty_file_too(load: Load) -> None:
    pair = shake(load("", "seed"), Password("mallory", "wonder"))
    assert pair.of(SrpUserReceived, server=True) == [SrpUserReceived("mallory", False, True, "")]


def test_user_of_an_unknown_group_does_not_exist(load: Load) -> None:
    pair = shake(load(ALICE.replace("1024", "1023")), Password("alice", "wonder"))
    assert pair.of(SrpUserReceived, server=True) == [SrpUserReceived("alice", False, False, "")]


def test_name_kept_back_is_asked_for_by_an_alert(load: Load) -> None:
    pair = shake(load(ALICE), Password(None, "wonder"))
    assert [type(problem) for problem in pair.problems] == [PeerError, UnknownIdentityError]
    assert pair.of(SrpUserReceived, server=True) == []


def test_small_prime_is_refused(load: Load) -> None:
    pair = shake(load(ALICE), Password("alice", "wonder", strength=1025))
    assert "insufficient security" in str(pair.problems[0])


@pytest.mark.parametrize(
    "generator, more_groups, accepted",
    [
        (WHOLE_GROUP_GENERATOR, True, True),
        (WHOLE_GROUP_GENERATOR, False, False),
        (2, True, False),  # of half of the group
    ],
)
def test_group_of_ones_own(generator: int, more_groups: bool, accepted: bool, load: Load) -> None:
    rows = group_line(OTHER_PRIME, generator, "own") + user_line(
        "alice", "wonder", OTHER_PRIME, generator, "own"
    )
    pair = shake(load(rows), Password("alice", "wonder", more_groups=more_groups))
    event = SrpParametersReceived(f"{OTHER_PRIME:X}", f"{generator:X}", False, accepted)
    assert pair.of(SrpParametersReceived) == [event]
    assert (pair.problems == []) is accepted


@pytest.mark.parametrize(
    "prime",
    [
        OTHER_PRIME - 1,  # even
        OTHER_PRIME + 2,  # not prime
        KNOWN_PRIME * 2 + 1,  # half of it is prime, itself not
        OTHER_PRIME**9,  # more than anybody should have to check
    ],
)
def test_group_that_is_none_is_refused(prime: int, load: Load) -> None:
    rows = group_line(prime, 5, "bad") + user_line("alice", "wonder", prime, 5, "bad")
    pair = shake(load(rows), Password("alice", "wonder", more_groups=True))
    assert [event.accepted for event in pair.of(SrpParametersReceived)] == [False]
    assert pair.problems


@pytest.mark.parametrize(
    "content, result, reason",
    [
        (None, 3, "it cannot be opened"),
        ("V\tonly\tthree\n", 1, "a line in it has not six fields"),
        ("V\t!\t?\talice\t1024\t\n", 2, "a number in it cannot be read"),
    ],
)
def test_file_that_is_none(content: str | None, result: int, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "users.srpv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError) as raised:
        load_verifiers(str(path), None)
    assert raised.value.message == f'Cannot initialize SRP verifier file "{path}":ret={result}'
    assert raised.value.stack[0].startswith(reason)


@pytest.mark.parametrize("name", ["", 256 * "n"])
def test_name_that_cannot_be_sent(name: str) -> None:
    with pytest.raises(ConfigurationError, match="Unable to set SRP username"):
        Context(client_settings(srp_password=Password(name, "wonder")))


def reasons(pair: Met) -> list[str]:
    """The errors of both ends without the thread's number."""
    return [str(problem).partition(":error:")[2] for problem in pair.problems]


def salt(pair: Met) -> bytes:
    """The salt of the server's ServerKeyExchange (RFC 5054 section 2.5.3)."""
    messages = [event.data for event in pair.of(MessageSeen) if event.content_type == HANDSHAKE]
    data = next(message for message in messages if message[0] == SERVER_KEY_EXCHANGE)[4:]
    for _ in range(2):  # N and g
        data = data[2 + int.from_bytes(data[:2]) :]
    return data[1 : 1 + data[0]]
