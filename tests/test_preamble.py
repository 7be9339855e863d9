"""The dialogues before TLS, played from transcripts, and with anything at all."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.transcripts import Transcript, read_all
from tlsdeck.errors import PeerError
from tlsdeck.events import Event, PreambleCompleted, PreambleNoted
from tlsdeck.preamble import (
    LONGEST_PART,
    LONGEST_TALK,
    STARTTLS,
    Dialogue,
    Names,
    Preamble,
    VerbatimError,
    connect_proxy,
    starttls,
)

TRANSCRIPTS = read_all()
GOOD = [transcript for transcript in TRANSCRIPTS if transcript.good]
BAD = [transcript for transcript in TRANSCRIPTS if not transcript.good]
PROTOCOLS = (*STARTTLS, "http-connect")


def dialogue_of(protocol: str, settings: dict[str, str] | None = None) -> Dialogue:
    settings = settings or {}
    if protocol == "http-connect":
        return connect_proxy("www.example.org", "443", settings.get("user"), settings.get("password"))
    return starttls(protocol, Names(settings.get("name"), "localhost"))


def preamble_of(transcript: Transcript) -> Preamble:
    return Preamble(dialogue_of(transcript.protocol, transcript.settings))


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)] or [b""]


def play(transcript: Transcript, size: int = LONGEST_TALK) -> tuple[Preamble, bytes]:
    """Plays the server, in pieces of this size, until TLS may begin; the client's bytes."""
    preamble = preamble_of(transcript)
    out = preamble.start()
    for turn in transcript.from_server:
        for piece in pieces(turn, size):
            if not preamble.done:
                out += preamble.feed(piece)
    return preamble, out


def facts(transcript: Transcript) -> list[Event]:
    """The events a transcript says there are."""
    notes: list[Event] = [PreambleNoted(note) for note in transcript.notes]
    completed = [] if transcript.reply is None else [PreambleCompleted(transcript.protocol, transcript.reply)]
    return notes + completed


def test_every_protocol_has_transcripts_of_both_kinds() -> None:
    assert {transcript.protocol for transcript in GOOD} == set(PROTOCOLS)
    assert {transcript.protocol for transcript in BAD} == set(PROTOCOLS) - {"xmpp-server"}


@pytest.mark.parametrize("size", [LONGEST_TALK, 1, 2, 7])
@pytest.mark.parametrize("transcript", GOOD, ids=str)
def test_good_conversation(transcript: Transcript, size: int) -> None:
    preamble, out = play(transcript, size)
    assert preamble.done
    assert out == transcript.from_client
    assert preamble.drain() == facts(transcript)
    assert preamble.sent == len(transcript.from_client)
    assert preamble.received == sum(map(len, transcript.from_server))


@pytest.mark.parametrize("transcript", GOOD, ids=str)
def test_turns_are_taken_as_in_the_transcript(transcript: Transcript) -> None:
    preamble = preamble_of(transcript)
    out = preamble.start()
    for side, data in transcript.turns():
        if side == "S":
            assert out == b""
            out = preamble.feed(data)
        else:
            assert out == data
            out = b""
    assert out == b""


@pytest.mark.parametrize("size", [LONGEST_TALK, 1, 2, 7])
@pytest.mark.parametrize("transcript", [each for each in BAD if not each.smuggled], ids=str)
def test_bad_conversation(transcript: Transcript, size: int) -> None:
    with pytest.raises(PeerError) as raised:
        play(transcript, size)
    assert raised.value.message == transcript.error
    assert isinstance(raised.value, VerbatimError) == transcript.verbatim


@pytest.mark.parametrize("transcript", [each for each in BAD if each.smuggled], ids=str)
def test_smuggled_conversation(transcript: Transcript) -> None:
    with pytest.raises(PeerError) as raised:
        play(transcript)
    assert raised.value.message == transcript.error


@pytest.mark.parametrize("transcript", GOOD, ids=str)
def test_nothing_may_follow_the_last_answer(transcript: Transcript) -> None:
    preamble = preamble_of(transcript)
    preamble.start()
    *turns, last = transcript.from_server
    for turn in turns:
        preamble.feed(turn)
    with pytest.raises(PeerError, match="failed, 1 bytes in plain text after the last answer"):
        preamble.feed(last + b"x")
    assert not preamble.done


@pytest.mark.parametrize("transcript", GOOD, ids=str)
def test_close_at_any_moment(transcript: Transcript) -> None:
    server = transcript.from_server
    for cut in range(sum(map(len, server))):
        preamble = preamble_of(transcript)
        preamble.start()
        for byte in pieces(b"".join(server)[:cut], 1) if cut else ():
            preamble.feed(byte)
        with pytest.raises(PeerError, match="failed, connection closed by the peer"):
            preamble.feed(b"")


@pytest.mark.parametrize(
    "protocol", ["smtp", "lmtp", "pop3", "imap", "ftp", "nntp", "sieve", "irc", "http-connect"]
)
def test_line_without_end(protocol: str) -> None:
    preamble = Preamble(dialogue_of(protocol))
    preamble.start()
    preamble.feed(b"2" * (LONGEST_PART - 1))
    with pytest.raises(PeerError, match=f"answer without an end after {LONGEST_PART} bytes"):
        preamble.feed(b"2")


@pytest.mark.parametrize(
    "protocol, lines",
    [
        ("smtp", b"220-more\r\n"),
        ("imap", b"* more\r\n"),
        ("ftp", b"more\r\n"),
        ("sieve", b'"MORE"\r\n'),
        ("irc", b":x NOTICE * :more\r\n"),
        ("xmpp", b"<more/>"),
    ],
)
def test_endless_lines(protocol: str, lines: bytes) -> None:
    preamble = Preamble(dialogue_of(protocol))
    preamble.start()
    many = lines * (LONGEST_TALK // 8 // len(lines))
    for _ in range(8):
        assert not preamble.feed(many).startswith(b"STARTTLS")
    with pytest.raises(PeerError, match=f"STARTTLS failed, no answer within {LONGEST_TALK} bytes"):
        preamble.feed(many)


def test_proxy_then_server() -> None:
    preamble = Preamble(dialogue_of("http-connect"), dialogue_of("smtp"))
    assert preamble.start().startswith(b"CONNECT ")
    # The server's greeting may come along with the proxy's answer.
    assert preamble.feed(b"HTTP/1.0 200 OK\r\n\r\n220 ready\r\n") == b"EHLO mail.example.com\r\n"
    assert preamble.drain() == [PreambleCompleted("http-connect", "")]
    assert preamble.feed(b"250 STARTTLS\r\n") == b"STARTTLS\r\n"
    assert preamble.feed(b"220 go\r\n") == b""
    assert preamble.drain() == [PreambleCompleted("smtp", "250 STARTTLS")]
    assert preamble.done


@pytest.mark.parametrize(
    "host, line",
    [
        ("www.example.org", b"CONNECT www.example.org:443 HTTP/1.0\r\n"),
        ("192.0.2.1", b"CONNECT 192.0.2.1:443 HTTP/1.0\r\n"),
        ("2001:db8::1", b"CONNECT [2001:db8::1]:443 HTTP/1.0\r\n"),
    ],
)
def test_proxy_request(host: str, line: bytes) -> None:
    assert Preamble(connect_proxy(host, "443")).start() == line + b"Proxy-Connection: Keep-Alive\r\n\r\n"


def test_patience_is_for_servers_that_answer_nothing() -> None:
    preamble = Preamble(dialogue_of("irc"))
    assert preamble.dialogue.patience == 8
    assert preamble.impatience().message == (
        "Timeout waiting for response (8 seconds).\nServer does not support STARTTLS."
    )


# --- anything at all -------------------------------------------------------------------------------------------

TURNS = sorted({turn for transcript in TRANSCRIPTS for turn in transcript.from_server if turn})
SPEECH = st.lists(st.sampled_from(TURNS) | st.binary(max_size=40), max_size=8).map(b"".join)


def outcome(protocol: str, data: Iterable[bytes]) -> tuple[str, bytes, list[Event]]:
    """How it ended: what was sent and told, and the error if there was one."""
    preamble = Preamble(dialogue_of(protocol))
    out = preamble.start()
    error = ""
    try:
        for piece in data:
            out += preamble.feed(piece)
            assert len(preamble._peer.unread) < LONGEST_PART
            if preamble.done:
                break
    except PeerError as problem:
        error = problem.message
    return error, out, preamble.drain()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(deadline=None)
@given(data=st.lists(SPEECH.filter(bool), max_size=6))
def test_whatever_comes_is_an_answer_or_a_peer_error(protocol: str, data: list[bytes]) -> None:
    outcome(protocol, data)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(deadline=None)
@given(data=SPEECH.filter(bool), size=st.integers(1, 30))
def test_splitting_changes_nothing(protocol: str, data: bytes, size: int) -> None:
    (error, out, told), split = outcome(protocol, [data]), outcome(protocol, pieces(data, size))
    if "in plain text after the last answer" in error:
        # In pieces it may be over before the rest comes.
        assert (not split[0] and split[2]) or "in plain text after" in split[0]
    else:
        assert (split[0], split[2]) == (error, told)
    # What was to be sent in the step that failed is never sent.
    assert split[1].startswith(out) if error else split[1] == out
