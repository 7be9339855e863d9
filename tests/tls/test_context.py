from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tls.pairs import TLS12, TLS13, Pair, client_settings, identity_of, only, server_settings
from tlsdeck.errors import ConfigurationError, LibraryError, PeerError, SettingError
from tlsdeck.events import Event, TemporaryDhSet
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.context import Context, alpn_wire
from tlsdeck.tls.credentials import Identity, load_chain, load_dh_parameters, load_revocation_list
from tlsdeck.tls.settings import Settings
from tlsdeck.tls.transport import memory
from tlsdeck.tls.verify import Trust, parse_parameters

MakePair = Callable[..., Pair]
Serving = Callable[..., Settings]

# RFC 7919 appendix A.1
FFDHE2048 = """-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
"""

# 512 bits
WEAK_DH = """-----BEGIN DH PARAMETERS-----
MEYCQQDucWWQbdrHOuRLqG7P7jW3qNOJMxFqcclsE9QZyXUwHBHNzj8MP0X0Kb+2
I75S6/5pyAXDuXQ/wMvtM085shifAgEC
-----END DH PARAMETERS-----
"""


# --- values it refuses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"max_fragment_length": 1000}, "Max Fragment Len 1000 is out of permitted values"),
        ({"max_send_fragment": 100}, "Max send fragment size 100 is out of permitted range"),
        ({"split_send_fragment": 0}, "Split send fragment size 0 is out of permitted range"),
        ({"max_pipelines": 33}, "Max pipelines 33 is out of permitted range"),
        ({"min_version": 0x9999}, "Unknown protocol version 0x9999"),
        ({"max_version": 1}, "Unknown protocol version 0x0001"),
        ({"alpn": (b"",)}, "Not a protocol name: b''"),
        ({"alpn": (b"h2", b"x" * 256)}, "Not a protocol name: b'xxx"),
    ],
)
def test_context_refuses_values_libssl_does_not_know(fields: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError) as raised:
        Context(client_settings(**fields))
    assert raised.value.message.startswith(message)


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"conf_commands": (("cipher", "nonsense"),)}, "Call to SSL_CONF_cmd(-cipher, nonsense) failed"),
        ({"conf_commands": (("cipher", None),)}, "Call to SSL_CONF_cmd(-cipher, <NULL>) failed"),
        ({"conf_commands": (("nonsense", "1"),)}, "Call to SSL_CONF_cmd(-nonsense, 1) failed"),
        ({"section": "nowhere"}, 'Error using configuration "nowhere"'),
        ({"ca_names_file": "/nowhere.pem"}, "Error loading CA names"),
        ({"chain_trust": Trust(file="/nowhere.pem")}, "Error loading store locations"),
        ({"verify_trust": Trust(uri="file:/nowhere.pem")}, "Error loading store locations"),
        ({"trust": Trust(file="/nowhere.pem")}, ""),
    ],
)
def test_context_refuses_what_it_cannot_use(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Context(client_settings(**fields))
    assert raised.value.message == message
    assert message.startswith("Call") or raised.value.stack


def test_context_refuses_nul_in_a_name() -> None:
    with pytest.raises(ValueError, match="NUL"):
        Context(client_settings(section="a\0b"))


def test_context_without_algorithms_is_a_library_error() -> None:
    with pytest.raises(LibraryError):
        Context(client_settings(properties="provider=nowhere"))


def test_context_refuses_a_key_of_another_certificate(pki: Mapping[str, bytes]) -> None:
    mixed = Identity(identity_of(pki, "rsa").certificate, identity_of(pki, "ecdsa").key)
    with pytest.raises(ConfigurationError) as raised:
        Context(client_settings(identities=(mixed,)))
    assert "key" in str(raised.value)


def test_context_refuses_server_info_that_is_none(serving: Serving, files: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Context(serving(server_info=str(files / "junk.pem")))
    assert raised.value.stack


# --- protocol --------------------------------------------------------------------------------------------------


def test_versions_limit_what_is_agreed_on(pair: MakePair, serving: Serving) -> None:
    assert pair(client_settings(max_version=TLS12)).client.version == TLS12
    assert pair(client_settings(min_version=TLS13)).client.version == TLS13
    with pytest.raises(PeerError, match=r"unsupported protocol|protocol version"):
        pair(client_settings(**only(TLS12)), serving(**only(TLS13)))


def test_conf_commands_take_effect_in_order(pair: MakePair) -> None:
    suites = ("ciphersuites", "TLS_AES_128_GCM_SHA256"), ("ciphersuites", "TLS_CHACHA20_POLY1305_SHA256")
    assert (
        pair(client_settings(conf_commands=suites)).client.summary().cipher == "TLS_CHACHA20_POLY1305_SHA256"
    )


CONFIGURATION = """
openssl_conf = all
[all]
ssl_conf = sections
[sections]
old = of_old
[of_old]
MaxProtocol = TLSv1.1
"""
USE_OLD = """
from tlsdeck import Connection, Context, Settings, memory
LEVEL = (("cipher", "ALL:@SECLEVEL=0"),)  # what TLS 1.1 needs
transport = memory()
Connection(Context(Settings(server=False, section="old", conf_commands=LEVEL)), transport).handshake()
print(transport.take()[9:11].hex())
"""


def test_section_of_the_configuration_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "openssl.cnf").write_text(CONFIGURATION)
    finished = subprocess.run(
        [sys.executable, "-c", USE_OLD],
        env={"OPENSSL_CONF": str(tmp_path / "openssl.cnf")},
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert finished.stdout == "0302\n"


def test_fallback_marker_is_refused_by_a_server_that_could_do_better(pair: MakePair) -> None:
    with pytest.raises(PeerError, match="inappropriate fallback"):
        pair(client_settings(fallback_scsv=True, max_version=TLS12))


def test_fragment_length_is_asked_for(pair: MakePair) -> None:
    both = pair(client_settings(max_fragment_length=512, **only(TLS12)))
    both.server.write(bytes(2000))
    record = both.to_server.take()
    assert int.from_bytes(record[3:5], "big") <= 512 + 64


def test_limits_are_accepted(pair: MakePair) -> None:
    limits = client_settings(
        max_send_fragment=512, split_send_fragment=512, max_pipelines=2, read_buffer=65536
    )
    both = pair(limits)
    assert both.tell(both.client, bytes(5000)) == bytes(5000)


def test_session_ids_begin_with_the_prefix(pair: MakePair, serving: Serving) -> None:
    both = pair(
        client_settings(conf_commands=(("no_ticket", None),), **only(TLS12)), serving(session_id_prefix="AB")
    )
    session = both.client.summary().session
    assert session is not None
    assert "Session-ID: 4142" in session


def test_session_id_prefix_may_fill_the_whole_id(serving: Serving) -> None:
    """With no room left for randomness a second session cannot be made."""
    client = client_settings(conf_commands=(("no_ticket", None),), **only(TLS12))
    server = Context(serving(session_id_prefix="A" * 40))
    first = Pair(client, server)
    first.shake()
    assert "Session-ID: " + "41" * 32 in str(first.client.summary().session)
    with pytest.raises(PeerError, match="session id"):
        Pair(client, server).shake()


def test_session_cache_can_be_switched_off(serving: Serving) -> None:
    client = client_settings(conf_commands=(("no_ticket", None),), **only(TLS12))
    for cached in (True, False):
        context = Context(serving(session_cache=cached))
        both = Pair(client, context)  # a session goes with a connection that was not shut down
        both.shake()
        statistics = context.statistics()
        assert (statistics.cached, statistics.accepts_finished) == (int(cached), 1)
        assert statistics.cache_size == (128 if cached else 20480)


def test_ephemeral_sessions_can_be_kept_from_resumption(serving: Serving, pair: MakePair) -> None:
    plain = pair(client_settings(**only(TLS12)), serving())
    kept = pair(client_settings(**only(TLS12)), serving(no_resume_ephemeral=True))
    assert "TLS session ticket:" in str(plain.client.summary().session)
    assert "TLS session ticket:" not in str(kept.client.summary().session)


def test_statistics_count_on_both_sides(serving: Serving) -> None:
    client, server = Context(client_settings()), Context(serving())
    Pair(client, server).shake()
    assert (client.statistics().connects, client.statistics().connects_finished) == (1, 1)
    assert (server.statistics().accepts, server.statistics().accepts_finished) == (1, 1)


# --- trust -----------------------------------------------------------------------------------------------------


def test_nothing_is_trusted_unless_said(pair: MakePair) -> None:
    assert pair(client_settings(verify_peer=True)).client.summary().verify_text == (
        "unable to verify the first certificate"
    )


@pytest.mark.parametrize("field", ["trust", "verify_trust"])
def test_trust_verifies_the_peer(field: str, pair: MakePair, files: Path) -> None:
    both = pair(client_settings(verify_peer=True, **{field: Trust(file=str(files / "root.pem"))}))
    assert both.client.verify_code == 0


def test_trust_in_a_store_or_the_default_places(pair: MakePair, files: Path) -> None:
    store = Trust(uri=f"file:{files}/root.pem")
    assert pair(client_settings(verify_peer=True, trust=store)).client.verify_code == 0
    for trust in (Trust(), Trust(default_file=False, default_directory=False, default_store=False)):
        assert pair(client_settings(verify_peer=True, trust=trust)).client.verify_code != 0


def test_verification_error_is_fatal_if_wanted(serving: Serving) -> None:
    both = Pair(client_settings(verify_peer=True, verify_return_error=True), serving())
    with pytest.raises(PeerError, match="certificate verify failed"):
        both.shake()


def test_verify_parameters_are_applied(pair: MakePair, files: Path) -> None:
    trust = Trust(file=str(files / "root.pem"))
    for host, code in (("localhost", 0), ("elsewhere", 62)):
        parameters = parse_parameters([], [("verify_hostname", host)])
        both = pair(client_settings(verify_peer=True, trust=trust, verify_parameters=parameters))
        assert both.client.verify_code == code


@pytest.mark.parametrize("field", ["trust", "verify_trust"])
def test_revocation_lists_are_looked_at(field: str, pair: MakePair, serving: Serving, files: Path) -> None:
    crl = load_revocation_list(str(files / "crl.pem"), "CRL")
    parameters = parse_parameters(["X509_V_FLAG_CRL_CHECK"], [])
    client = client_settings(
        verify_peer=True,
        verify_parameters=parameters,
        revocation_lists=(crl,),
        **{field: Trust(file=str(files / "root.pem"))},
    )
    assert pair(client, serving("revoked")).client.summary().verify_text == "certificate revoked"
    assert pair(client, serving("rsa")).client.verify_code == 0


def test_ca_names_are_sent(pair: MakePair, serving: Serving, files: Path) -> None:
    server = serving(verify_peer=True, ca_names_file=str(files / "cas.pem"))
    assert len(pair(None, server).client.summary().ca_names) == 2
    hidden = serving(verify_peer=True, ca_names_file=str(files / "cas.pem"), no_ca_names=True)
    assert pair(None, hidden).client.summary().ca_names == ()
    client = client_settings(ca_names_file=str(files / "root.pem"))
    assert len(pair(client).server.summary().ca_names) == 1


# --- identity --------------------------------------------------------------------------------------------------


def test_chain_is_sent_along(pair: MakePair, files: Path, pki: Mapping[str, bytes]) -> None:
    leaf = identity_of(pki, "chain")
    chain = load_chain(str(files / "inter.pem"), None, "chain")
    with_chain = Settings(server=True, identities=(leaf.replace(chain=chain),))
    assert len(pair(None, with_chain).client.summary().chain) == 2
    assert len(pair(None, Settings(server=True, identities=(leaf,))).client.summary().chain) == 1


def test_chain_is_built_from_the_trust_store(pair: MakePair, files: Path, pki: Mapping[str, bytes]) -> None:
    trust = Trust(file=str(files / "cas.pem"))
    for fields in ({}, {"build_chain": True}):
        server = Settings(server=True, identities=(identity_of(pki, "chain"),), trust=trust).replace(**fields)
        # the whole chain: what libssl completes has the root as well
        assert len(pair(None, server).client.summary().chain) == 3


def test_chain_that_cannot_be_built_is_an_error_if_asked_for(pki: Mapping[str, bytes], files: Path) -> None:
    with pytest.raises(ConfigurationError, match="error building certificate chain"):
        Context(Settings(server=True, identities=(identity_of(pki, "chain"),), build_chain=True))
    chain = load_chain(str(files / "inter.pem"), None, "chain")
    identity = identity_of(pki, "chain").replace(chain=chain)
    with pytest.raises(ConfigurationError, match="error building certificate chain"):
        Context(Settings(server=True, identities=(identity,), build_chain=True))


def test_first_fitting_identity_is_used(pair: MakePair, pki: Mapping[str, bytes]) -> None:
    server = Settings(server=True, identities=(identity_of(pki, "ecdsa"), identity_of(pki, "rsa")))
    for algorithms, key in (
        ("RSA+SHA256:RSA-PSS+SHA256", "rsaEncryption"),
        ("ECDSA+SHA256", "id-ecPublicKey"),
    ):
        peer = pair(client_settings(conf_commands=(("sigalgs", algorithms),)), server).client.summary().peer
        assert peer is not None
        assert peer.public_key == key


def test_dh_parameters_are_told_and_used(serving: Serving, tmp_path: Path) -> None:
    (tmp_path / "dh.pem").write_text(FFDHE2048)
    parameters = load_dh_parameters(str(tmp_path / "dh.pem"))
    client = client_settings(conf_commands=(("cipher", "DHE"),), **only(TLS12))
    for own, expected in ((parameters, True), (None, False)):
        told: list[Event] = []
        context = Context(serving(dh=True, dh_parameters=own), told.append)
        assert told == [TemporaryDhSet(from_file=expected)]
        both = Pair(client, context)
        both.shake()
        key = both.client.summary().temporary_key
        assert key is not None
        assert (key.algorithm, key.bits) == ("DH", 2048 if own else key.bits)
    with pytest.raises(PeerError, match="no shared cipher"):
        Pair(client, serving()).shake()


def test_dh_parameters_that_are_too_weak_are_refused(serving: Serving, tmp_path: Path) -> None:
    (tmp_path / "weak.pem").write_text(WEAK_DH)
    parameters = load_dh_parameters(str(tmp_path / "weak.pem"))
    for _ in range(3):  # the reference that libssl did not take is given back, once
        with pytest.raises(ConfigurationError, match="Error setting temp DH parameters") as raised:
            Context(serving(dh=True, dh_parameters=parameters))
        assert "dh key too small" in raised.value.stack[0]


# --- what the application answers ------------------------------------------------------------------------------


def test_alpn_wire_is_lengths_and_names() -> None:
    assert alpn_wire((b"h2", b"http/1.1")) == b"\x02h2\x08http/1.1"
    assert alpn_wire((b"x" * 255,)) == b"\xff" + b"x" * 255


def test_properties_of_the_default_provider_are_found() -> None:
    context = Context(client_settings(properties="provider=default"))
    assert Connection(context, memory()).handshake() is False


def test_one_context_serves_many_connections(pki: Mapping[str, bytes]) -> None:
    client, server = Context(client_settings()), Context(server_settings(pki))
    pairs = [Pair(client, server) for _ in range(20)]
    for both in pairs:
        both.shake()
    for number, both in enumerate(pairs):
        assert both.tell(both.client, str(number).encode()) == str(number).encode()
