"""Pre-shared keys beside the original: either program with the other one at the far end, TLS 1.2 and 1.3."""

from __future__ import annotations

import shlex

import pytest

from support.fixtures import Run, Start, Workdir
from support.oracle import (
    AHOY,
    FAILS,
    NOTHING,
    PING,
    Case,
    Talk,
    assert_about,
    compare_alone,
    compare_clients,
    compare_servers,
    each,
    play_client,
)
from support.peers import free_port
from support.pki import populate
from support.programs import OPENSSL, OURS, Eof, Finished, Until
from tls.pairs import TLS12, TLS13, Pair, client_settings, only, received, server_settings
from tlsdeck.events import TicketReceived

RSA = "-cert rsa.pem -key rsa.key"
# The suite a TLS 1.3 key fits to; a server that has a certificate would rather have another one.
AES_128 = "-ciphersuites TLS_AES_128_GCM_SHA256"
HELLO_RETRY = "-groups P-384"


def client(name: str, options: str, shows: str, code: int = 0, *, peer: str = "", talk: Talk = PING) -> Case:
    return Case(name, options, shows, code, f"-rev {peer}", talk)


def server(
    name: str, options: str, shows: str, *, peer: str = "", talk: Talk = AHOY, varying: bool = False
) -> Case:
    return Case(name, options, shows, 0, peer, talk, varying=varying)


@pytest.fixture(scope="module")
def sessions(pki: dict[str, bytes]) -> dict[str, str]:
    """Files for -psk_session: a session of TLS 1.3, one of TLS 1.2, and none."""
    return {
        "tls13.pem": new_session(pki, TLS13),
        "tls12.pem": new_session(pki, TLS12),
        "empty.pem": "",
        "text.pem": "not a session\n",
    }


def new_session(pki: dict[str, bytes], version: int) -> str:
    pair = Pair(client_settings(keep_sessions=True, **only(version)), server_settings(pki, **only(version)))
    pair.shake()
    assert received(pair.client) == b""
    return pair.of(TicketReceived)[-1].session.pem


@pytest.fixture
def withfiles(workdir: Workdir, sessions: dict[str, str]) -> Workdir:
    """A working directory with the session files in it."""
    return lambda name: populate(workdir(name), sessions)


# --- the client under test -------------------------------------------------------------------------------------

CLIENT_1_3 = (
    client("reused", "-psk 1a2b", "\nReused, TLSv1.3", peer="-nocert -psk 1a2b"),
    client("with_certificate", "-psk 1a2b", "\nReused, TLSv1.3", peer=f"{RSA} {AES_128} -psk 1a2b"),
    client("not_the_hash", "-psk 1a2b", "\nNew, TLSv1.3", peer=f"{RSA} -psk 1a2b"),
    client("no_key_there", "-psk 1a2b", "\nNew, TLSv1.3", peer=RSA),
    client("wrong_key", "-psk 1a2c", "alert illegal parameter", 1, peer="-nocert -psk 1a2b", talk=FAILS),
    client("wrong_identity", "-psk 1a2b -psk_identity bob", "\nNew, ", peer=f"{RSA} {AES_128} -psk 1a2b"),
    client(
        "identity", "-psk 1a2b -psk_identity bob", "\nReused, ", peer="-nocert -psk 1a2b -psk_identity bob"
    ),
    client("long_identity", f"-psk 12 -psk_identity {300 * 'i'}", "\nNew, ", peer=f"{RSA} {AES_128} -psk 12"),
    client("long_key", f"-psk {512 * '1a'}", "\nReused, ", peer=f"-nocert -psk {512 * '1a'}"),
    client("debug", "-psk 1a2b -debug", "setting client callback", peer="-nocert -psk 1a2b -num_tickets 0"),
    client(
        "quiet_debug", "-psk 1a2b -debug -brief", "setting client callback",
        peer="-nocert -psk 1a2b -num_tickets 0",
    ),
    client("brief", "-psk 1a2b -brief", "No peer certificate", peer="-nocert -psk 1a2b"),
    client("chacha", "-psk 12", "CHACHA20", peer="-nocert -psk 12 -ciphersuites TLS_CHACHA20_POLY1305_SHA256"),
    client(
        "hello_retry",
        "-psk 12",
        "\nReused, ",
        peer=f"-nocert -psk 12 {HELLO_RETRY} {AES_128}",
    ),
    client("no_dhe", "-psk 12 -allow_no_dhe_kex", "\nReused, ", peer="-nocert -psk 12 -allow_no_dhe_kex"),
    client("session", "-psk_session tls13.pem", "\nReused, ", peer=f"{RSA} -psk_session tls13.pem"),
    client("session_nocert", "-psk_session tls13.pem", "\nReused, ", peer="-nocert -psk_session tls13.pem"),
    client(
        "session_debug", "-psk_session tls13.pem -debug", "\nReused, ",
        peer=f"{RSA} -psk_session tls13.pem -num_tickets 0",
    ),
    client(
        "session_not_there", "-psk_session tls13.pem -psk_identity x", "\nNew, ",
        peer=f"{RSA} -psk_session tls13.pem",
    ),
    client(
        "session_and_key", "-psk 12 -psk_session tls13.pem", "\nReused, ", peer=f"{RSA} -psk_session tls13.pem"
    ),
    client("session_of_1_2", "-psk_session tls12.pem", "bad psk", 1, peer=RSA, talk=NOTHING),
)  # fmt: skip

CLIENT_1_2 = (
    client("tls1_2", "-tls1_2 -psk 1a2b", "PSK identity: Client_identity", peer="-nocert -psk 1a2b"),
    client("tls1_2_psk", "-tls1_2 -psk 1a2b", "is PSK-AES", peer="-nocert -psk 1a2b -cipher kPSK"),
    client("tls1_2_dhe", "-tls1_2 -psk 1a2b", "is DHE-PSK-", peer="-nocert -psk 1a2b -cipher kDHEPSK"),
    client("tls1_2_rsa", "-tls1_2 -psk 1a2b", "is RSA-PSK-", peer=f"{RSA} -psk 1a2b -cipher kRSAPSK"),
    client(
        "tls1_2_hint", "-tls1_2 -psk 12", "PSK identity hint: ask bob", peer="-nocert -psk 12 -psk_hint 'ask bob'"
    ),
    client("tls1_2_wrong_key", "-psk 13", "alert bad record mac", 1, peer="-nocert -psk 12 -tls1_2", talk=FAILS),
    client("tls1_2_identity", "-tls1_2 -psk 12 -psk_identity bob", "PSK identity: bob", peer="-nocert -psk 12"),
    client("tls1_2_debug", "-tls1_2 -psk 12 -debug", "\ncreated PSK len=1\n", peer="-nocert -psk 12"),
    client(
        "tls1_2_debug_hint", "-tls1_2 -psk 12 -debug", "\nReceived PSK identity hint 'h'\n",
        peer="-nocert -psk 12 -psk_hint h",
    ),
    client("tls1_2_brief", "-tls1_2 -psk 12 -brief", "No peer certificate", peer="-nocert -psk 12"),
    client(
        "tls1_2_long_key", f"-tls1_2 -psk {512 * '12'}", "Cipher is", peer=f"-nocert -psk {512 * '12'}"
    ),
    client(
        "tls1_2_only_session", "-tls1_2 -psk_session tls13.pem", "alert handshake failure", 1,
        peer="-nocert -psk 12", talk=FAILS,
    ),
)  # fmt: skip


@each([*CLIENT_1_3, *CLIENT_1_2])
def test_client_is_the_original_to_the_letter(case: Case, start: Start, withfiles: Workdir) -> None:
    compare_clients(start, case, withfiles)


# --- the server under test -------------------------------------------------------------------------------------

SERVER_1_3 = (
    server("reused", "-nocert -psk 1a2b", "Reused session-id", peer="-psk 1a2b"),
    server("with_certificate", f"{RSA} {AES_128} -psk 1a2b", "Reused session-id", peer="-psk 1a2b"),
    server("not_the_hash", f"{RSA} -psk 1a2b", "CIPHER is TLS_AES_256", peer="-psk 1a2b"),
    server("no_key_there", f"{RSA} -psk 1a2b", "CIPHER is TLS_AES_256"),
    server("wrong_key", "-nocert -psk 1a2b", "binder does not verify", peer="-psk 1a2c", talk=FAILS),
    server("wrong_identity", f"{RSA} {AES_128} -psk 12", "CIPHER is", peer="-psk 12 -psk_identity bob"),
    server(
        "wrong_identity_nocert", "-nocert -psk 12", "no suitable signature algorithm",
        peer="-tls1_3 -psk 12 -psk_identity bob", talk=FAILS,
    ),
    server("identity", "-nocert -psk 12 -psk_identity bob", "Reused", peer="-psk 12 -psk_identity bob"),
    server("debug", "-nocert -psk 1a2b -debug", "setting server callback", peer="-psk 1a2b"),
    server(
        "debug_identity", f"{RSA} -psk 12 -debug", "\npsk_server_cb\n", peer="-psk 12 -psk_identity bob"
    ),
    server("quiet_debug", "-nocert -psk 12 -debug -quiet", "setting server callback", peer="-psk 12"),
    server("brief", "-nocert -psk 12 -brief", "No peer certificate", peer="-psk 12"),
    server("hint", f"{RSA} -tls1_3 -psk_hint h", "there is NO identity hint in TLSv1.3"),
    server("hello_retry", f"{RSA} -psk 12 {HELLO_RETRY} {AES_128}", "Reused session-id", peer="-psk 12"),
    server("session", f"{RSA} -psk_session tls13.pem", "Reused session-id", peer="-psk_session tls13.pem"),
    server(
        "session_identity", f"{RSA} -psk_session tls13.pem", "CIPHER is",
        peer="-psk_session tls13.pem -psk_identity x",
    ),
    server("session_of_1_2", f"{RSA} {AES_128} -psk_session tls12.pem", "CIPHER is TLS", peer="-psk 12"),
    server(
        "second_context", f"{RSA} {AES_128} -psk 12 -servername a.example -cert2 ecdsa.pem -key2 ecdsa.key",
        "Switching server context", peer="-psk 12 -servername a.example",
        varying=True,
    ),
)  # fmt: skip

SERVER_1_2 = (
    server("tls1_2", "-nocert -psk 1a2b -tls1_2", "CIPHER is DHE-PSK-AES256", peer="-psk 1a2b"),
    server("tls1_2_client", "-nocert -psk 1a2b", "CIPHER is DHE-PSK-AES256", peer="-psk 1a2b -tls1_2"),
    server("tls1_2_hint", "-nocert -psk 12 -psk_hint h", "CIPHER is", peer="-psk 12 -tls1_2"),
    server("tls1_2_hint_only", f"{RSA} -psk_hint h", "CIPHER is ECDHE", peer="-tls1_2"),
    server(
        "tls1_2_identity", "-nocert -psk 12 -tls1_2", "(got 'bob' expected 'Client_identity')",
        peer="-psk 12 -psk_identity bob",
    ),
    server(
        "tls1_2_identity_debug", "-nocert -psk 12 -tls1_2 -debug", "identity_len=3 identity=bob\nPSK warning",
        peer="-psk 12 -psk_identity bob",
    ),
    server(
        "tls1_2_identity_quiet", "-nocert -psk 12 -tls1_2 -quiet", "ahoy", peer="-psk 12 -psk_identity bob"
    ),
    server("tls1_2_debug", "-nocert -psk 12 -tls1_2 -debug", "fetched PSK len=1", peer="-psk 12"),
    server("tls1_2_wrong_key", "-nocert -psk 12 -tls1_2", "bad record mac", peer="-psk 13", talk=FAILS),
    server("tls1_2_no_key", "-nocert -psk 12 -tls1_2", "no shared cipher", talk=FAILS),
)  # fmt: skip

ANSWERING = (
    server("rev", "-rev -nocert -psk 12 -debug", "setting server callback", peer="-psk 12", talk=PING),
    server(
        "rev_identity", "-rev -nocert -psk 12 -tls1_2", "PSK warning",
        peer="-psk 12 -psk_identity bob", talk=PING,
    ),
    server(
        "www", "-www -nocert -psk 12 -tls1_2", "PSK warning", peer="-psk 12 -psk_identity bob -ign_eof",
        talk=(b"GET / HTTP/1.0\r\n\r\n", Until("</HTML>"), Eof()),
    ),
)  # fmt: skip


@each([*SERVER_1_3, *SERVER_1_2, *ANSWERING])
def test_server_is_the_original_to_the_letter(case: Case, start: Start, withfiles: Workdir) -> None:
    compare_servers(start, case, withfiles)


# --- what cannot be used ---------------------------------------------------------------------------------------

BAD = (
    Case("digits", "-psk 12x4", "Not a hex number '12x4'", 1, talk=NOTHING),
    Case("missing", "-psk_session nowhere.pem", "Can't open PSK session file nowhere.pem", 1, talk=NOTHING),
    Case("empty", "-psk_session empty.pem", "Can't read PSK session file empty.pem", 1, talk=NOTHING),
    Case("text", "-psk_session text.pem", "Can't read PSK session file text.pem", 1, talk=NOTHING),
)


@each(BAD)
def test_client_refuses_what_the_original_refuses(case: Case, start: Start, withfiles: Workdir) -> None:
    compare_alone(start, "s_client", case, withfiles)


@each(BAD)
def test_server_refuses_what_the_original_refuses(case: Case, run: Run, withfiles: Workdir) -> None:
    """Ours looks at the file before it has anything to say, the original after that."""
    words = ["s_server", "-accept", "127.0.0.1:0", *RSA.split(), *case.options.split()]
    original = run([*OPENSSL, *words], cwd=withfiles("original"))
    assert case.shows in original.err
    ours = run([*OURS, *words], cwd=withfiles("ours"))
    assert (ours.code, without_thread(ours.err)) == (original.code, without_thread(original.err))


def without_thread(stack: str) -> list[str]:
    return [line.partition(":error:")[2] or line for line in stack.splitlines()]


# --- where ours differs on purpose -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "program", ["s_client -connect 127.0.0.1:{port}", "s_server -accept 127.0.0.1:0 -nocert"]
)
@pytest.mark.parametrize("digits", ["", "abc"])
def test_a_key_that_is_none_is_refused_at_once(program: str, digits: str, run: Run) -> None:
    """The original finds out in the handshake, and its server in every one."""
    words = shlex.split(program.replace("{port}", str(free_port())))
    ours = run([*OURS, *words, "-psk", digits])
    assert ours == Finished(1, "", f"Could not convert PSK key '{digits}' to buffer\n")


def test_a_key_longer_than_the_library_takes_is_refused_at_once(run: Run) -> None:
    ours = run([*OURS, "s_client", "-connect", f"127.0.0.1:{free_port()}", "-psk", 513 * "12"])
    assert ours == Finished(1, "", "PSK key of 513 bytes is too long, at most 512\n")


def test_client_says_that_its_identity_is_too_long(start: Start, workdir: Workdir) -> None:
    """The original says no more than that there is an error, and that with -debug only."""
    case = client(
        "long", f"-tls1_2 -psk 12 -psk_identity {256 * 'i'}", "psk identity not found", 1, peer="-nocert -psk 12",
        talk=FAILS,
    )  # fmt: skip
    assert_about(case, play_client(start, OPENSSL, case, workdir("original")))
    ours = play_client(start, OURS, case, workdir("ours"))
    assert_about(case, ours)
    assert "PSK identity of 256 bytes is too long" in ours.tested.err


def test_client_does_without_its_key_if_the_server_wants_another_hash(start: Start, workdir: Workdir) -> None:
    """The original offers it once more all the same, finds that it does not fit, and breaks off."""
    other_hash = f"{RSA} -psk 12 {HELLO_RETRY} -ciphersuites TLS_AES_256_GCM_SHA384"
    case = client("retry", "-psk 12", "bad psk", 1, peer=other_hash, talk=FAILS)
    assert_about(case, play_client(start, OPENSSL, case, workdir("original")))
    case = client("retry", "-psk 12", "\nNew, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384", peer=other_hash)
    assert_about(case, play_client(start, OURS, case, workdir("ours")))
