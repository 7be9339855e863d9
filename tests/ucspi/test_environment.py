"""The variables a program finds, without a server."""

from __future__ import annotations

from tlsdeck.tls.facts import CertificateFacts, ConnectionFacts
from tlsdeck.ucspi.environment import Ends, block, connection_items, inherited, tls_items, with_items

ENDS = Ends("192.0.2.1", 443, "192.0.2.2", 50000, remote_host="client.example")
CERTIFICATE = CertificateFacts(
    version=3,
    serial="3735928559",
    subject="/C=DE/OU=Net/OU=Sec/CN=me",
    subject_parts=(("OU", b"Net"), ("C", b"DE"), ("OU", b"Sec"), ("CN", b"me"), ("DC", b"not listed")),
    issuer="/CN=ca",
    issuer_parts=(("CN", b"ca\0.example"),),
    signature="ecdsa-with-SHA256",
    key="id-ecPublicKey",
    start="Feb  6 17:07:23 2025 GMT",
    end="Feb  6 17:07:23 2035 GMT",
    pem="-----BEGIN...\n",
)
FACTS = ConnectionFacts(
    protocol="TLSv1.3",
    session_id="00ff",
    cipher="TLS_AES_256_GCM_SHA384",
    used_bits=256,
    possible_bits=256,
    server_name=None,
    alpn=None,
    own=None,
    peer=CERTIFICATE,
    chain=(),
    verify_code=0,
    verify_text="ok",
)


def test_what_is_not_known_is_removed() -> None:
    items = list(connection_items(ENDS, tcp=False))
    assert "SSLREMOTEHOST=client.example" in items
    assert {"SSLLOCALHOST", "SSLREMOTEINFO"} <= set(items)
    environment = with_items({b"SSLREMOTEINFO": b"SSLREMOTEINFO=old"}, [item.encode() for item in items])
    assert not [each for each in environment if each.startswith(b"SSLREMOTEINFO")]


def test_tcpservers_variables_of_both_families() -> None:
    assert "PROTO=TCP" in list(connection_items(ENDS, tcp=True))
    ipv6 = ENDS.replace(local_ip="::1", remote_ip="::1", interface="eth0")
    items = list(connection_items(ipv6, tcp=True))
    assert {"PROTO=TCP6", "TCP6REMOTEIP=::1", "TCP6INTERFACE=eth0", "TCPREMOTEIP=::1"} <= set(items)


def test_only_we_say_what_we_say() -> None:
    environ = {
        "SSL_CLIENT_S_DN": "x",
        "SSL_PROTOCOL": "x",
        "TCPREMOTEIP": "x",
        "SSLCTLFD": "3",
        "PATH": "/bin",
    }
    assert inherited(environ) == {b"PATH": b"PATH=/bin"}


def test_names_taken_apart_in_the_order_of_the_list() -> None:
    items = list(tls_items(FACTS, "a library"))
    parts = [item for item in items if item.startswith("SSL_CLIENT_S_DN_")]
    assert parts == [
        "SSL_CLIENT_S_DN_C=DE",
        "SSL_CLIENT_S_DN_OU=Net",
        "SSL_CLIENT_S_DN_OU=Sec",
        "SSL_CLIENT_S_DN_CN=me",
    ]
    assert with_items({}, [b"A=Net", b"A=Sec"]) == [b"A=Sec"]


def test_values_that_cannot_be_values_are_left_out() -> None:
    assert not [item for item in tls_items(FACTS, "a library") if item.startswith("SSL_CLIENT_I_DN_CN")]


def test_a_client_cannot_make_the_environment_too_large() -> None:
    huge = FACTS.replace(
        chain=tuple("x" * 50_000 for _ in range(50)), peer=CERTIFICATE.replace(pem="y" * 100_000)
    )
    items = list(tls_items(huge, "a library"))
    assert sum(len(item) for item in items) < 140_000
    assert "SSL_CLIENT_VERIFY=SUCCESS" in items
    assert not [item for item in items if item.startswith("SSL_CLIENT_CERT=")]


def test_a_certificate_that_failed_and_none() -> None:
    failed = FACTS.replace(verify_code=10, verify_text="certificate has expired")
    assert "SSL_CLIENT_VERIFY=FAILED:certificate has expired" in list(tls_items(failed, ""))
    assert "SSL_CLIENT_VERIFY=NONE" in list(tls_items(FACTS.replace(peer=None), ""))


def test_the_block_ends_with_two_nuls() -> None:
    assert block(["A=1", "B="]) == b"A=1\0B=\0\0"
    assert block([]) == b"\0\0"
