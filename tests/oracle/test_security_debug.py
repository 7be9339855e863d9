"""-security_debug beside the original: every decision of the security level, line by line."""

from __future__ import annotations

from functools import partial

from support.fixtures import Start, Workdir
from support.oracle import AHOY, Case, Talk, compare_clients, compare_servers, each

RSA = "-cert rsa.pem -key rsa.key"
REV = f"-rev {RSA}"
ALL = "-security_debug_verbose"
ASK = f"{REV} -Verify 1 -CAfile root.pem"
IDENTIFIED = "-cert client.pem -key client.key"

client = partial(Case, peer=REV)


def server(name: str, options: str, shows: str, peer: str = "", talk: Talk = AHOY) -> Case:
    return Case(name, f"{RSA} {options}", shows, 0, peer, talk)


CLIENT = (
    client("tls1_3", ALL, "Security callback: Supported Curve=X25519, security bits=128: yes"),
    client("tls1_2", f"{ALL} -tls1_2", "Security callback: : yes"),
    client("certificate", f"{ALL} {IDENTIFIED} -CAfile root.pem", "Certificate chain EE key=, bits=2048", peer=ASK),
    client("certificate_1_2", f"{ALL} {IDENTIFIED} -tls1_2", "Shared Signature Algorithm", peer=ASK),
    client("denials", "-security_debug", "scheme=rsa_pkcs1_sha1, security bits=64: no"),
    client("last_word_wins", f"{ALL} -security_debug -tls1_2 -cipher AES128-SHA256", "scheme=rsa_pkcs1_sha1"),
    client("chain_is_checked", f"{ALL} -CAfile cas.pem -tls1_2", "Peer", peer="-rev -cert fullchain.pem -key chain.key"),
    client("level_4", f"{ALL} -cipher ALL:@SECLEVEL=4", "security bits=112: no"),
    client("brief", f"{ALL} -brief -groups P-256", "Supported Curve=P-256"),
    client("ecdsa", f"{ALL} -brief", "ecdsa", peer="-rev -cert ecdsa.pem -key ecdsa.key"),
)  # fmt: skip


@each(CLIENT)
def test_client_prints_decisions_as_the_original(case: Case, start: Start, workdir: Workdir) -> None:
    compare_clients(start, case, workdir)


SERVER = (
    server("tls1_3", ALL, "Security callback: Shared Curve=ffdhe8192, security bits=192: yes"),
    server("tls1_2", f"{ALL} -tls1_2", "Security callback: : yes"),
    server("certificate", f"{ALL} -Verify 1", "Check Signature Algorithm", peer=IDENTIFIED),
    server("certificate_1_2", f"{ALL} -verify 1 -tls1_2", "Check Signature Algorithm", peer=IDENTIFIED),
    server("denials", "-security_debug -verify 1", "security bits=64: no"),
    server(
        "second_context",
        f"{ALL} -servername localhost -cert2 ed25519.pem -key2 ed25519.key",
        "bits=256, security bits=128: yes",
        peer="-servername localhost",
    ),
    server("second_certificate", f"{ALL} -dcert ed25519.pem -dkey ed25519.key", "bits=256"),
    server("dhe", f"{ALL} -tls1_2", "Temp DH key bits=", peer="-cipher DHE"),
)


@each(SERVER)
def test_server_prints_decisions_as_the_original(case: Case, start: Start, workdir: Workdir) -> None:
    compare_servers(start, case, workdir)
