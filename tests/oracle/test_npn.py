"""NPN and SRTP beside the original: either program with the other one at the far end."""

from __future__ import annotations

import pytest

from support.fixtures import Run, Start, Workdir
from support.oracle import (
    AHOY,
    FAILS,
    PING,
    Case,
    Talk,
    compare_alone,
    compare_clients,
    compare_servers,
    each,
)
from support.programs import OPENSSL, OURS

RSA = "-cert rsa.pem -key rsa.key"
OFFER = "-nextprotoneg h2,http/1.1"


def client(
    name: str, options: str, shows: str, code: int = 0, *, peer: str = OFFER, talk: Talk = PING
) -> Case:
    return Case(name, options, shows, code, f"-rev {RSA} {peer}", talk)


def server(
    name: str, options: str, shows: str, *, peer: str = "", talk: Talk = AHOY, varying: bool = False
) -> Case:
    return Case(name, f"{RSA} {options}", shows, 0, peer, talk, varying=varying)


CLIENT = (
    client("chosen", "-tls1_2 -nextprotoneg x,http/1.1,h2", "\nNext protocol: (1) h2\n"),
    client("not_common", "-tls1_2 -nextprotoneg x,y", "\nNext protocol: (2) x\n"),
    client("commas", "-tls1_2 -nextprotoneg ,x,,h2,", "Protocols advertised by server: h2, http/1.1\n"),
    client("long_name", f"-tls1_2 -nextprotoneg {255 * 'n'}", "\nNext protocol: (2) nnn"),
    client("not_offered", "-tls1_2 -nextprotoneg h2", "No ALPN negotiated", peer=""),
    client("not_asked_for", "-tls1_2", "No ALPN negotiated"),
    client("tls1_3", "-nextprotoneg h2", "New, TLSv1.3"),
    client("quiet", "-tls1_2 -nextprotoneg h2 -quiet -no_ign_eof", "gnip"),
    client("quiet_debug", "-tls1_2 -nextprotoneg h2 -quiet -no_ign_eof -debug", "\nNext protocol: (1) h2\n"),
    client("brief", "-tls1_2 -nextprotoneg h2 -brief", "CONNECTION ESTABLISHED"),
    client("prexit", "-tls1_2 -nextprotoneg h2 -prexit", "\nNext protocol: (1) h2\n"),
    client(
        "with_alpn", "-tls1_2 -nextprotoneg h2 -alpn http/1.1", "\nALPN protocol: http/1.1\n",
        peer=f"{OFFER} -alpn http/1.1",
    ),
    client(
        "srtp_in_tls", "-tls1_2 -use_srtp SRTP_AES128_CM_SHA1_80", "alert illegal parameter", 1,
        peer="", talk=FAILS,
    ),
)  # fmt: skip


@each(CLIENT)
def test_client_is_the_original_to_the_letter(case: Case, start: Start, workdir: Workdir) -> None:
    compare_clients(start, case, workdir)


SERVER = (
    server("chosen", OFFER, "NEXTPROTO is http/1.1", peer="-tls1_2 -nextprotoneg x,http/1.1"),
    server("not_common", OFFER, "NEXTPROTO is x", peer="-tls1_2 -nextprotoneg x"),
    server("commas", "-nextprotoneg ,a,,b,", "NEXTPROTO is b", peer="-tls1_2 -nextprotoneg b"),
    server("not_asked_for", OFFER, "CIPHER is", peer="-tls1_2"),
    server("tls1_3", OFFER, "CIPHER is TLS_AES_256", peer="-nextprotoneg h2"),
    server("quiet", f"{OFFER} -quiet", "ahoy", peer="-tls1_2 -nextprotoneg h2"),
    server("brief", f"{OFFER} -brief", "Protocol version: TLSv1.2", peer="-tls1_2 -nextprotoneg h2"),
    server("rev", f"{OFFER} -rev", "CONNECTION ESTABLISHED", peer="-tls1_2 -nextprotoneg h2", talk=PING),
    server(
        "second_context", f"{OFFER} -servername a.example -cert2 ecdsa.pem -key2 ecdsa.key", "Switching",
        peer="-tls1_2 -nextprotoneg h2 -servername a.example -cipher ECDHE-ECDSA-AES128-SHA256",
        varying=True,
    ),
    server(
        "srtp_in_tls", "-use_srtp SRTP_AES128_CM_SHA1_80", "bad extension",
        peer="-tls1_2 -use_srtp SRTP_AES128_CM_SHA1_80", talk=FAILS,
    ),
)  # fmt: skip


@each(SERVER)
def test_server_is_the_original_to_the_letter(case: Case, start: Start, workdir: Workdir) -> None:
    compare_servers(start, case, workdir)


BAD_SRTP = (
    ("nonsense", "srtp unknown protection profile"),
    ("SRTP_AES128_CM_SHA1_80:", "srtp unknown protection profile"),
    ("SRTP_AES128_CM_SHA1_80:SRTP_AES128_CM_SHA1_80", "bad srtp protection profile list"),
)
BAD = (
    Case("empty", '-nextprotoneg ""', "Error parsing -nextprotoneg argument", 1),
    Case("only_commas", "-nextprotoneg ,,", "Error parsing -nextprotoneg argument", 1),
    Case("too_long", f"-nextprotoneg {256 * 'n'}", "Error parsing -nextprotoneg argument", 1),
    Case("tls1_3", "-nextprotoneg h2 -tls1_3", "Cannot supply -nextprotoneg with TLSv1.3", 1),
    *(Case(f"srtp_{i}", f"-use_srtp {words}", shows, 1) for i, (words, shows) in enumerate(BAD_SRTP)),
)


@each(BAD)
def test_client_refuses_what_the_original_refuses(case: Case, start: Start, workdir: Workdir) -> None:
    compare_alone(start, "s_client", case, workdir)


@pytest.mark.parametrize("words, shows", BAD_SRTP)
def test_server_refuses_bad_srtp_profiles_as_the_original_does(
    words: str, shows: str, start: Start, workdir: Workdir
) -> None:
    case = Case("srtp", f"-accept 127.0.0.1:0 {RSA} -use_srtp {words}", shows, 1)
    compare_alone(start, "s_server", case, workdir)


@pytest.mark.parametrize("value", ["", ",,"])
def test_server_says_what_the_original_keeps_to_itself(value: str, run: Run, workdir: Workdir) -> None:
    words = ["s_server", "-accept", "127.0.0.1:0", *RSA.split(), "-nextprotoneg", value]
    original = run([*OPENSSL, *words], cwd=workdir("original"))
    assert (original.code, original.err) == (1, "")
    ours = run([*OURS, *words], cwd=workdir("ours"))
    assert (ours.code, ours.err) == (1, "Error parsing -nextprotoneg argument\n")
