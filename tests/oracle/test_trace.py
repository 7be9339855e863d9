"""-trace beside the original's.

Three comparisons. SSL_trace(3) itself is given the messages of handshakes in memory, as they were and changed at
random, and our printer must write the same. The original's server writes the bytes of a handshake with -msg while the original's client decodes
the same bytes with -trace: our decoder must make the client's lines of the server's bytes, to the last byte. And our
programs with -trace beside the original's in the same scene must print the same, but for what is random.
"""

from __future__ import annotations

import random
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from output.captured import shown
from support.fixtures import Start, Workdir
from support.oracle import (
    AHOY,
    NOTHING,
    PING,
    Case,
    OnServer,
    Scene,
    Talk,
    assert_about,
    assert_same,
    each,
    play_client,
    play_server,
)
from support.peers import start_server
from support.pki import populate
from support.programs import OPENSSL, OURS, Eof, Finished, Until
from tlsdeck import names
from tlsdeck.events import MessageSeen
from tlsdeck.output.trace import Trace, lines
from tlsdeck.tls import messages
from tlsdeck.wire import names as wire_names
from tlsdeck.wire.suites import CIPHER_SUITES
from wire.handshakes import SCENES, Side, play, suite_of
from wire.handshakes import Scene as Handshake

RSA = "-cert rsa.pem -key rsa.key"
ROOT = "-CAfile root.pem"
LEVEL_0 = "-cipher ALL:COMPLEMENTOFALL@SECLEVEL=0"


# --- the library's own printer ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, pki: dict[str, bytes]) -> Path:
    return populate(tmp_path_factory.mktemp("trace"), pki)


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_messages_are_shown_as_the_library_does(scene: Handshake, files: Path) -> None:
    for pair in play(scene, files):
        for side in pair.sides:
            assert side.messages
            for event in side.messages:
                assert lines(event) == side.traced(event)


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_changed_messages_are_shown_as_the_library_does(scene: Handshake, files: Path) -> None:
    chance = random.Random(scene.name)
    for pair in play(scene, files):
        for event in pair.client.messages:
            if event.content_type == names.HANDSHAKE and event.data[0] not in (
                CERTIFICATE,
                SERVER_KEY_EXCHANGE,
            ):
                for _ in range(30):
                    changed = event.replace(data=changed_somewhere(event.data, chance))
                    changed = changed.replace(texts=messages.texts(event.version, changed.data))
                    original = as_3_0_names_it(pair.client.traced(changed))
                    assert as_3_0_names_it(lines(changed)) == original, changed.data.hex()


# A changed certificate is libcrypto's affair. Of a signature cut in a ServerKeyExchange SSL_trace says nothing.
CERTIFICATE, SERVER_KEY_EXCHANGE = 11, 12


def changed_somewhere(data: bytes, chance: random.Random) -> bytes:
    """The same message with other bytes, more of them or fewer, and the right length."""
    body = bytearray(data[4:])
    at = chance.randrange(len(body) + 1)
    body[at : at + chance.randrange(4)] = chance.choice(
        (b"", b"\0", b"\xff", b"\x01\x02", chance.randbytes(3))
    )
    return data[:1] + len(body).to_bytes(3, "big") + body


def as_3_0_names_it(text: str) -> str:
    """Names that only we know are taken away, and the blanks that SSL_trace leaves before it gives up."""
    text = re.sub(r"^ +(?=Message length parse error!)", "", text, flags=re.MULTILINE)
    return re.sub(rf"\b(?:{'|'.join(NEW_NAMES)})(?= ?\(|$)", "UNKNOWN", text, flags=re.MULTILINE)


NEW_NAMES = (
    "GREASE",
    *(wire_names.EXTENSIONS[code] for code in (15, 17, 19, 20, *range(24, 34), 34, 48, 52, *range(54, 63))),
    *(wire_names.EXTENSIONS[code] for code in (17513, 17613, 30032, 64768, 65037)),
    *(wire_names.GROUPS[code] for code in (31, 32, 33, 41, 512, 513, 514, *range(4587, 4591), 25497, 25498)),
    *(
        wire_names.SIGNATURE_SCHEMES[code]
        for code in (0x0101, 0x0102, 0x0103, 0x0420, 0x0520, 0x0620, 0x0708)
    ),
    *(wire_names.SIGNATURE_SCHEMES[code] for code in (0x081A, 0x081B, 0x081C, 0x0904, 0x0905, 0x0906)),
    *(CIPHER_SUITES[code] for code in (0x00C6, 0x00C7, 0x1306, 0x1307, 0xC0B4, 0xC0B5)),
)


@pytest.mark.parametrize(
    "extension, codes, size", [(10, 65536, 2), (13, 65536, 2), (43, 65536, 2), (45, 256, 1)]
)
def test_code_points_have_the_names_of_the_library(
    extension: int, codes: int, size: int, files: Path
) -> None:
    client = next(play(SCENES[0], files)).client
    length_bytes, step = (1, 100) if extension in (43, 45) else (2, 20000)
    for start in range(0, codes, step):
        listed = b"".join(code.to_bytes(size, "big") for code in range(start, min(start + step, codes)))
        listed = len(listed).to_bytes(length_bytes, "big") + listed
        assert_named(client, b"\x13\x01", [(extension, listed)])


def test_cipher_suites_have_the_names_of_the_library(files: Path) -> None:
    client = next(play(SCENES[0], files)).client
    for start in range(0, 65536, 16384):
        assert_named(client, b"".join(suite.to_bytes(2, "big") for suite in range(start, start + 16384)), [])


def test_extensions_and_alerts_have_the_names_of_the_library(files: Path) -> None:
    client = next(play(SCENES[0], files)).client
    for start in range(0, 65536, 8192):
        assert_named(
            client, b"", [(kind, b"") for kind in range(start, start + 8192) if kind not in NOT_EMPTY]
        )
    for level, description in product((1, 2, 3), range(256)):
        event = MessageSeen(True, 0x0304, names.ALERT, bytes([level, description]))
        assert lines(event) == client.traced(event)


NOT_EMPTY = {1, 10, 11, 13, 16, 43, 45, 51, 65281}


def assert_named(client: Side, suites: bytes, extensions: Sequence[tuple[int, bytes]]) -> None:
    """A ClientHello with these lists reads the same here and there."""
    listed = b"".join(
        kind.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content for kind, content in extensions
    )
    body = b"\3\3" + bytes(33) + len(suites).to_bytes(2, "big") + suites + b"\1\0"
    body += len(listed).to_bytes(2, "big") + listed
    event = MessageSeen(True, 0x0304, names.HANDSHAKE, b"\1" + len(body).to_bytes(3, "big") + body)
    assert as_3_0_names_it(lines(event)) == as_3_0_names_it(client.traced(event))


# --- one run, decoded by the original and by us ------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    name: str
    client: str
    server: str
    shows: str  # in the client's trace: the case is about what its name says


RUNS = (
    Run("tls_1_3", "", RSA, "CertificateVerify, Length="),
    Run("tls_1_3_alpn", "-alpn h2,http/1.1 -servername localhost", f"{RSA} -alpn http/1.1", "http/1.1\n"),
    Run(
        "tls_1_3_retry", "-groups X25519:P-256", f"{RSA} -groups P-256", "NamedGroup: secp256r1 (P-256) (23)"
    ),
    Run("tls_1_3_status", "-status", f"{RSA} -status_file ocsp.der", "extension_type=status_request(5)"),
    Run("tls_1_3_psk", "-psk 1234 -psk_identity me", "-psk 1234 -nocert", "extension_type=psk(41)"),
    Run("tls_1_3_no_certificate", "", f"{RSA} -Verify 1", "CertificateRequest, Length="),
    Run(
        "tls_1_2",
        "-tls1_2 -cert client.pem -key client.key",
        f"{RSA} -Verify 1 {ROOT}",
        "DistinguishedName (len=",
    ),
    Run("tls_1_2_status", "-tls1_2 -status", f"{RSA} -status_file ocsp.der", "CertificateStatus, Length="),
    Run("tls_1_2_fragment", "-tls1_2 -maxfraglen 512", RSA, "max_fragment_length := 2^9 (512 bytes) (1)"),
    Run("tls_1_2_next_protocol", "-tls1_2 -nextprotoneg spdy", f"{RSA} -nextprotoneg spdy", "next_proto_neg"),
    Run("tls_1_2_srtp", "-tls1_2 -use_srtp SRTP_AES128_CM_SHA1_80", RSA, "extension_type=use_srtp(14)"),
    Run("tls_1_2_rsa", f"-tls1_2 {LEVEL_0}", f"{RSA} -cipher kRSA@SECLEVEL=0", "KeyExchangeAlgorithm=rsa"),
    Run("tls_1_2_dhe", f"-tls1_2 {LEVEL_0}", f"{RSA} -cipher kDHE@SECLEVEL=0", "KeyExchangeAlgorithm=DHE"),
    Run(
        "tls_1_2_psk",
        "-tls1_2 -psk 12",
        "-psk 12 -nocert -psk_hint h -cipher kPSK",
        "KeyExchangeAlgorithm=PSK",
    ),
    Run(
        "tls_1_2_dhe_psk", "-tls1_2 -psk 12", "-psk 12 -nocert -cipher kDHEPSK", "KeyExchangeAlgorithm=DHEPSK"
    ),
    Run(
        "tls_1_2_ecdhe_psk",
        "-tls1_2 -psk 12",
        "-psk 12 -nocert -cipher kECDHEPSK",
        "KeyExchangeAlgorithm=ECDHEPSK",
    ),
    Run(
        "tls_1_2_rsa_psk", "-tls1_2 -psk 12", f"{RSA} -psk 12 -cipher kRSAPSK", "KeyExchangeAlgorithm=RSAPSK"
    ),
    Run("tls_1_1", f"-tls1_1 {LEVEL_0}", f"{RSA} {LEVEL_0}", "server_version=0x302 (TLS 1.1)"),
    Run(
        "tls_1_0",
        f"-tls1 {LEVEL_0} -cert client.pem -key client.key",
        f"{RSA} {LEVEL_0} -Verify 1",
        "Signature",
    ),
    Run("dtls_1_2", "-dtls1_2 -mtu 1500", f"{RSA} -dtls1_2 -mtu 1500", "message_seq=1, fragment_offset=0"),
    Run("dtls_1_0", f"-dtls1 -mtu 1500 {LEVEL_0}", f"{RSA} -dtls1 -mtu 1500 {LEVEL_0}", "Version = DTLS 1.0"),
    Run("alert", "-tls1_2", f"{RSA} -tls1_3", "Level=fatal(2), description=protocol version(70)"),
)


@pytest.mark.parametrize("run", RUNS, ids=[run.name for run in RUNS])
def test_bytes_of_a_run_decode_to_its_trace(run: Run, start: Start, workdir: Workdir) -> None:
    cwd = workdir("run")
    (cwd / "ocsp.der").write_bytes(bytes.fromhex("30030a0106"))
    server = start_server(start, OPENSSL, f"-naccept 1 -msg -msgfile bytes {run.server}", cwd)
    client = start(
        [
            *OPENSSL,
            "s_client",
            "-connect",
            server.address,
            "-trace",
            "-msgfile",
            "trace",
            *shlex.split(run.client),
        ],
        cwd,
    )
    client.talk([b"ping\n"])
    if run.name != "alert":
        server.process.until("ping\n")
    client.talk([b"Q\n", Eof()])
    client.finish()
    server.process.stop()
    trace = (cwd / "trace").read_bytes().decode("utf-8", "surrogateescape")
    assert run.shows in trace
    ours = [shown(Trace, event) for event in swapped(parsed((cwd / "bytes").read_text()))]
    for direction in ("Sent", "Received"):
        pairs = list(zip(blocks("".join(ours), direction), blocks(trace, direction), strict=False))
        assert pairs
        for our_block, block in pairs:
            assert our_block == block


def blocks(trace: str, direction: str) -> Iterator[str]:
    """Each record of one direction, with what it brought, but for those that one side may not look at.

    A ChangeCipherSpec of TLS 1.3 is dropped unread, and the end of a connection may come too late.
    """
    for block in re.split(r"^(?=(?:Sent|Received) Record\n)", trace, flags=re.MULTILINE):
        if block.startswith(direction) and not NOT_COMPARED.search(block):
            yield block


NOT_COMPARED = re.compile(r"Content Type = ChangeCipherSpec|Level=warning")


MESSAGE = re.compile(r"^(<<<|>>>) (.*?) ?\[length ([0-9a-f]+)\].*\n((?:    [0-9a-f ]+\n)*)", re.MULTILINE)
NUMBERS = re.compile(r"\(version=(\d+), content_type=(\d+)\)")
VERSIONS = {name: number for number, name in names.VERSIONS.items()}
CONTENT_TYPES = {name: number for number, name in names.CONTENT_TYPES.items()}


def parsed(text: str) -> Iterator[MessageSeen]:
    """The messages in an output of -msg."""
    suite = 0
    for arrow, what, _, dump in MESSAGE.findall(text):
        data = bytes.fromhex(dump)
        version, content_type = code_points(what)
        texts: tuple[str, ...] = ()
        if content_type == names.HANDSHAKE:
            suite = suite_of(data, version) or suite
            texts = messages.texts(version, data)
        yield MessageSeen(arrow == ">>>", version, content_type, data, suite, texts)


def code_points(what: str) -> tuple[int, int]:
    if numbers := NUMBERS.search(what):
        return int(numbers[1]), int(numbers[2])
    version, content = what.split(", ")
    return VERSIONS[version], CONTENT_TYPES[content]


def swapped(seen: Iterator[MessageSeen]) -> Iterator[MessageSeen]:
    """What the server sent is what the client received."""
    return (event.replace(sent=not event.sent) for event in seen)


# --- our programs ------------------------------------------------------------------------------------------------

RANDOM = (
    (r"gmt_unix_time=\S+$", "gmt_unix_time=<time>"),
    (r"ticket_age_add=\d+$", "ticket_age_add=<number>"),
    (r"(\(len=\d+\)): [0-9A-F]{17,}$", r"\1: <random>"),
    (r"^( +)[0-9a-f]{4} - .*$", r"\1<dump>"),
)


def masked(text: str) -> str:
    for pattern, word in RANDOM:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text


def without_chance(scene: Scene) -> Scene:
    tested = scene.tested
    files = {name: masked(content) for name, content in scene.files.items()}
    return Scene(Finished(tested.code, masked(tested.out), tested.err), scene.partner, files)


CLIENT = f"-rev {RSA} -num_tickets 0"
TICKETS: Talk = (Until("read R BLOCK", 2), *PING)
CLIENTS = (
    Case("tls_1_3", "-trace", "NewSessionTicket, Length=", peer=f"-rev {RSA}", talk=TICKETS),
    Case("tls_1_2", "-trace -tls1_2", "KeyExchangeAlgorithm=ECDHE", peer=CLIENT),
    Case("tls_1_2_dhe", f"-trace -tls1_2 {LEVEL_0}", "dh_Yc (len=", peer=f"{CLIENT} -cipher kDHE@SECLEVEL=0"),
    Case(
        "tls_1_2_rsa", f"-trace -tls1_2 {LEVEL_0}", "EncryptedPreM", peer=f"{CLIENT} -cipher kRSA@SECLEVEL=0"
    ),
    Case("tls_1_0", f"-trace -tls1 {LEVEL_0}", "0x301 (TLS 1.0)", peer=f"{CLIENT} {LEVEL_0}"),
    Case(
        "client_certificate",
        "-trace -tls1_2 -cert client.pem -key client.key",
        "DistinguishedName (len=",
        peer=f"{CLIENT} -Verify 1 -CAfile root.pem",
    ),
    Case("retry", "-trace -groups X25519:P-256", "NamedGroup: sec", peer=f"{CLIENT} -groups P-256"),
    Case("alpn", "-trace -alpn h2", "          h2\n", peer=f"{CLIENT} -alpn h2"),
    Case("dtls", "-trace -dtls", "HelloVerifyRequest, Length=", peer=f"{RSA} -dtls", talk=AHOY),
    Case("dtls_mtu", "-trace -dtls -mtu 300", "fragment_offset=", peer=f"{RSA} -dtls -mtu 300", talk=AHOY),
    Case("alert", "-trace -tls1_2", "Level=fatal(2)", 1, peer=f"{CLIENT} -tls1_3", talk=NOTHING),
    Case(
        "quiet",
        "-trace -quiet",
        "ClientHello, Length=",
        peer=CLIENT,
        talk=(b"ping\n", Until("gnip"), b"CLOSE\n"),
    ),
    Case("brief", "-trace -brief", "ClientHello, Length=", peer=CLIENT),
    Case("file", "-trace -msgfile trace", "CONNECTED", peer=CLIENT, files=("trace",)),
    Case("last_is_trace", "-msg -trace", "ClientHello, Length=", peer=CLIENT),
    Case("last_is_msg", "-trace -msg", "], ClientHello", peer=CLIENT),
    Case(
        "renegotiated",
        "-trace -tls1_2",
        "client_verify_data (len=12)",
        peer=f"{CLIENT} -client_renegotiation",
        talk=(b"R\n", Until("RENEGOTIATING"), Until("Finished, Length=", 4), *PING),
        renegotiates=True,
    ),
    Case(
        "key_update",
        "-trace",
        "update_requested (1)",
        peer=CLIENT,
        talk=(b"K\n", Until("KEYUPDATE"), *PING),
    ),
)


@each(CLIENTS)
def test_the_client_traces_like_the_original(case: Case, start: Start, workdir: Workdir) -> None:
    original = without_chance(play_client(start, OPENSSL, case, workdir("original")))
    assert_about(case, original)
    assert_same(without_chance(play_client(start, OURS, case, workdir("ours"))), original)


TALK = (b"ahoy\n", OnServer(Until("ahoy")), Eof())


def server(name: str, options: str, shows: str, peer: str = "", talk: Talk = TALK) -> Case:
    return Case(name, f"{RSA} -trace {options}", shows, peer=peer, talk=talk)


SERVERS = (
    server("tls_1_3", "-num_tickets 1", "CertificateVerify, Length="),
    server("tls_1_2", "-tls1_2", "ServerHelloDone, Length=0"),
    server("client_certificate", "-Verify 1", "CertificateRequest,", "-cert client.pem -key client.key"),
    server("dtls", "-dtls -mtu 1500", "HelloVerifyRequest, Length=", "-dtls -mtu 1500"),
    server("dtls_listen", "-dtls -listen", "ServerHelloDone, Length=0", "-dtls"),
    server("alert", "-tls1_3", "Level=fatal(2)", "-tls1_2", (Until("alert"), OnServer(Until("ERROR")))),
    server("quiet", "-quiet", "ClientHello, Length="),
)


@each(SERVERS)
def test_the_server_traces_like_the_original(case: Case, start: Start, workdir: Workdir) -> None:
    original = without_chance(play_server(start, OPENSSL, case, workdir("original")))
    assert_about(case, original)
    assert_same(without_chance(play_server(start, OURS, case, workdir("ours"))), original)
