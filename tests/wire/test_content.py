"""The decoders on real messages, on broken ones and on noise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsdeck import names
from tlsdeck.events import MessageSeen
from tlsdeck.output.trace import lines
from tlsdeck.wire import Code, Context, Decoded, Node, decode
from tlsdeck.wire.content import CONTENTS
from tlsdeck.wire.extensions import EXTENSIONS
from tlsdeck.wire.handshake import HANDSHAKE
from tlsdeck.wire.suites import CIPHER_SUITES
from wire.vectors import Vector, tree_text, vectors

VECTORS = tuple(vectors())
MESSAGES = tuple(vector for vector in VECTORS if vector.content_type == names.HANDSHAKE)
TLS_1_2 = Context(0x0303, 0xC030)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector.name for vector in VECTORS])
def test_a_real_message_gives_its_tree(vector: Vector) -> None:
    decoded = decode(vector.content_type, vector.data, vector.context)
    assert decoded.problem is None
    assert tree_text(decoded.nodes) == vector.tree


def test_every_decoder_has_a_real_message() -> None:
    assert {vector.content_type for vector in VECTORS} == set(CONTENTS)
    assert {vector.data[0] for vector in MESSAGES} >= set(HANDSHAKE)
    trees = "\n".join(vector.tree for vector in VECTORS)
    never_sent_here = {1}  # max_fragment_length
    assert all(f" extension {number} " in trees for number in set(EXTENSIONS) - never_sent_here)


# --- broken bytes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", MESSAGES, ids=[vector.name for vector in MESSAGES])
def test_a_message_cut_short_gives_what_came_before(vector: Vector) -> None:
    """What is left of the tree has no line that the whole one has not, lengths aside."""
    for end in range(len(vector.data)):
        data = vector.data[:1] + max(end - 4, 0).to_bytes(3, "big") + vector.data[4:end]
        decoded = decode(vector.content_type, data, vector.context)
        assert labels(decoded.nodes) <= labels_of(vector) | FOUND_IN_PIECES


FOUND_IN_PIECES = {
    *("cut_extension", "data", "unknown value", "unexpected value"),
    *("extensions", "ticket_extensions", "ticket"),
}


def labels(nodes: tuple[Node, ...]) -> set[str]:
    return {node.label for node in nodes} | {label for node in nodes for label in labels(node.children)}


def labels_of(vector: Vector) -> set[str]:
    return labels(decode(vector.content_type, vector.data, vector.context).nodes)


def handshake(kind: int, body: str, context: Context = TLS_1_2) -> Decoded:
    data = bytes.fromhex(body)
    return decode(names.HANDSHAKE, bytes([kind]) + len(data).to_bytes(3, "big") + data, context)


def test_a_list_is_shown_up_to_the_entry_that_is_cut() -> None:
    decoded = handshake(11, "000007 000001 aa 000009")
    assert (
        tree_text(decoded.nodes) == "handshake 11 Certificate [10]\n  certificate_list [7]\n    ASN.1Cert aa"
    )
    assert decoded.problem == "9 bytes expected, 0 left"


def test_an_extension_beyond_the_end_is_shown_as_it_is() -> None:
    decoded = handshake(8, "000a 0017 0000 0000 0009 abcd", Context(0x0304, 0x1301))
    assert tree_text(decoded.nodes).splitlines()[1:] == [
        "  extensions [10]",
        "    extension 23 extended_master_secret [0]",
        "    cut_extension 0 [9]",
        "      data 00000009abcd",
    ]
    assert decoded.problem == "an extension is longer than all extensions"


@pytest.mark.parametrize(
    "kind, body, shown",
    [
        (1, "", []),
        (4, "", ["ticket [0]"]),
        (4, "00000e10 0000", ["ticket_lifetime_hint 3600", "ticket empty"]),
        (12, "01", ["KeyExchangeAlgorithm ECDHE", "  explicit_prime"]),
        (12, "07", ["KeyExchangeAlgorithm ECDHE", "  curve_type 7"]),
        (14, "ab", ["unexpected value ab"]),
        (16, "01 aa bb", ["KeyExchangeAlgorithm ECDHE", "  ecdh_Yc aa"]),
        (24, "", ["unexpected value empty"]),
        (24, "07", ["KeyUpdateRequest 7 UNKNOWN"]),
        (99, "abcd", ["unsupported", "  data abcd"]),
        (99, "", ["unsupported"]),
    ],
)
def test_rare_messages(kind: int, body: str, shown: list[str]) -> None:
    assert [line[2:] for line in tree_text(handshake(kind, body).nodes).splitlines()[1:]] == shown


@pytest.mark.parametrize(
    "extension, problem",
    [
        ("0001 0000", "no length"),
        ("000a 0005 0003 001d 00", "3 bytes are no whole number of NamedGroups"),
        ("000a 0005 0002 001d 00", "1 bytes too many"),
        ("0010 0004 0002 0261", "2 bytes expected, 1 left"),
        ("002b 0001 03", "2 bytes expected, 1 left"),
        ("0033 0000", "no share"),
        ("0033 0003 001d 00", "2 bytes expected, 1 left"),
        ("ff01 0004 03 aabbcc", "halves of different length"),
    ],
)
def test_extensions_of_bad_lengths(extension: str, problem: str) -> None:
    length = len(bytes.fromhex(extension))
    assert handshake(8, f"{length:04x} {extension}", Context(0x0304, 0x1301)).problem == problem


def test_an_odd_list_of_a_certificate_request_is_not_shown() -> None:
    decoded = handshake(13, "01 40 0003 040305 0000")
    assert tree_text(decoded.nodes).splitlines()[2:] == ["    ClientCertificateType 64 ecdsa_sign"]
    assert decoded.problem == "3 bytes are no whole number of SignatureSchemes"


def test_drafts_of_tls_1_3_had_a_shorter_server_hello() -> None:
    decoded = handshake(2, f"0304 {'00' * 32} 1301", Context(0x0304))
    assert [node.label for node in decoded.nodes[0].children] == [
        *("server_version", "random", "cipher_suite", "extensions")
    ]


@pytest.mark.parametrize(
    "suite, client, server",
    [
        (0xC102, "GostKeyTransportBlob abcd", None),
        (0xC100, "GOST-wrapped PreMasterSecret abcd", None),
        (0x0093, "psk_identity aa|EncryptedPreMasterSecret bb", "psk_identity_hint aa"),
        (
            0xC035,
            "psk_identity aa|ecdh_Yc bb",
            "psk_identity_hint aa|named_curve 23 secp256r1 (P-256)|point bb",
        ),
        (0x0003, "EncryptedPreMasterSecret aa", "rsa_modulus aa|rsa_exponent bb"),
        (0x1301, "", ""),
    ],
)
def test_key_exchanges_that_no_scene_has(suite: int, client: str, server: str | None) -> None:
    bodies = {
        "GostKeyTransportBlob abcd": "abcd",
        "GOST-wrapped PreMasterSecret abcd": "abcd",
        "psk_identity aa|EncryptedPreMasterSecret bb": "0001aa0001bb",
        "psk_identity aa|ecdh_Yc bb": "0001aa01bb",
        "psk_identity_hint aa": "0001aa",
        "psk_identity_hint aa|named_curve 23 secp256r1 (P-256)|point bb": "0001aa03001701bb",
        "EncryptedPreMasterSecret aa": "0001aa",
        "rsa_modulus aa|rsa_exponent bb": "0001aa0001bb",
        "": "",
    }
    for kind, fields in ((16, client), (12, server)):
        if fields is not None:
            decoded = handshake(kind, bodies[fields], Context(0x0303, suite))
            shown = [line.strip() for line in tree_text(decoded.nodes).splitlines()[2:]]
            assert (shown, decoded.problem) == ([field for field in fields.split("|") if field], None)


def test_ssl_3_encrypts_the_secret_without_a_length() -> None:
    decoded = handshake(16, "aabb", Context(0x0300, 0x002F))
    assert tree_text(decoded.nodes).endswith("EncryptedPreMasterSecret aabb")


@pytest.mark.parametrize(
    "content_type, data, tree, problem",
    [
        (21, "0278", "alert\n  level 2 fatal\n  description 120 no application protocol", None),
        (21, "0974", "alert\n  level 9 unknown\n  description 116 unknown", None),
        (21, "02", "", "Illegal Alert Length"),
        (20, "02", "unknown value 02", None),
        (256, "1603", "", "2 bytes expected, 1 left"),
        (23, "ab", "", None),
    ],
)
def test_what_is_no_handshake(content_type: int, data: str, tree: str, problem: str | None) -> None:
    decoded = decode(content_type, bytes.fromhex(data), TLS_1_2)
    assert (tree_text(decoded.nodes), decoded.problem) == (tree, problem)


# --- any bytes ---------------------------------------------------------------------------------------------------

CONTEXTS = st.builds(
    Context,
    st.sampled_from([0, 0x0100, 0x0300, 0x0301, 0x0303, 0x0304, 0xFEFD, 0xFEFF]),
    st.sampled_from([0, *CIPHER_SUITES]),
)


@given(st.sampled_from([*CONTENTS, 0, 23]), st.binary(max_size=80), CONTEXTS)
def test_any_bytes_give_a_tree(content_type: int, data: bytes, context: Context) -> None:
    assert_shown(content_type, data, context)


@given(st.sampled_from(sorted(HANDSHAKE)), st.binary(max_size=80), CONTEXTS)
def test_any_body_gives_a_tree(kind: int, body: bytes, context: Context) -> None:
    assert_shown(names.HANDSHAKE, bytes([kind]) + len(body).to_bytes(3, "big") + body, context)


@given(st.sampled_from(sorted(EXTENSIONS)), st.binary(max_size=30), st.sampled_from([8, 13]))
def test_any_extension_gives_a_tree(kind: int, content: bytes, message: int) -> None:
    extension = kind.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content
    body = (b"\0" if message == 13 else b"") + len(extension).to_bytes(2, "big") + extension
    data = bytes([message]) + len(body).to_bytes(3, "big") + body
    assert_shown(names.HANDSHAKE, data, Context(0x0304, 0x1301))


@given(st.sampled_from(VECTORS), st.data())
def test_any_change_of_a_real_message_gives_a_tree(vector: Vector, data: st.DataObject) -> None:
    changed = bytearray(vector.data)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(changed)))
        changed[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    assert_shown(vector.content_type, bytes(changed), vector.context)


def assert_shown(content_type: int, data: bytes, context: Context) -> None:
    """Decoding and writing raise nothing, and values are of the kinds there are."""
    assert_kinds(decode(content_type, data, context).nodes)
    lines(MessageSeen(True, context.version, content_type, data, context.suite))


def assert_kinds(nodes: tuple[Node, ...]) -> None:
    for node in nodes:
        assert node.value is None or type(node.value) in {Code, int, str, bytes}
        assert_kinds(node.children)
