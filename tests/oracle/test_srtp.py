"""SRTP's profiles (RFC 5764) beside the original, over DTLS: either program with the other one at the far end."""

from __future__ import annotations

from support.fixtures import Start, Workdir
from support.oracle import AHOY, Case, compare_clients, compare_servers, each

RSA = "-cert rsa.pem -key rsa.key"
CM, GCM = "SRTP_AES128_CM_SHA1_80", "SRTP_AEAD_AES_128_GCM"
NEGOTIATED = "\nSRTP Extension negotiated, profile="


def client(name: str, options: str, shows: str, *, peer: str = "") -> Case:
    return Case(name, f"-dtls {options}", shows, 0, f"{RSA} -dtls {peer}", AHOY)


def server(name: str, options: str, shows: str, *, peer: str = "") -> Case:
    return Case(name, f"{RSA} -dtls {options}", shows, 0, f"-dtls {peer}", AHOY)


CLIENT = (
    client("one", f"-use_srtp {CM}", NEGOTIATED + CM, peer=f"-use_srtp {CM}"),
    client("order", f"-use_srtp {GCM}:{CM}", NEGOTIATED + CM, peer=f"-use_srtp {CM}:{GCM}"),
    client("none_in_common", f"-use_srtp {GCM}", "Protocol  : DTLSv1.2", peer=f"-use_srtp {CM}"),
    client("server_has_none", f"-use_srtp {GCM}", "Protocol  : DTLSv1.2"),
    client("not_offered", "", "Protocol  : DTLSv1.2", peer=f"-use_srtp {CM}"),
    client("psk", f"-use_srtp {CM} -psk 12 -cipher kPSK", NEGOTIATED + CM, peer=f"-use_srtp {CM} -psk 12"),
)


@each(CLIENT)
def test_client_is_the_original_to_the_letter(case: Case, start: Start, workdir: Workdir) -> None:
    compare_clients(start, case, workdir)


SERVER = (
    server("one", f"-use_srtp {CM}", NEGOTIATED + CM, peer=f"-use_srtp {CM}"),
    server("order", f"-use_srtp {CM}:{GCM}", NEGOTIATED + CM, peer=f"-use_srtp {GCM}:{CM}"),
    server("none_in_common", f"-use_srtp {GCM}", "CIPHER is ", peer=f"-use_srtp {CM}"),
    server("not_offered", f"-use_srtp {CM}", "CIPHER is "),
    server("psk", f"-use_srtp {CM} -psk 12", NEGOTIATED + CM, peer=f"-use_srtp {CM} -psk 12 -cipher kPSK"),
)


@each(SERVER)
def test_server_is_the_original_to_the_letter(case: Case, start: Start, workdir: Workdir) -> None:
    compare_servers(start, case, workdir)
