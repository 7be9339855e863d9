"""The options about validation beside the original, each with a chain that it lets pass and one that it stops."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.chains import POLICY, make_chains
from support.fixtures import Start
from support.oracle import (
    AHOY,
    PING,
    Case,
    OnServer,
    assert_about,
    assert_same,
    each,
    play_client,
    play_server,
)
from support.pki import populate
from support.programs import OPENSSL, OURS, Eof, Until

OK = "Verify return code: 0 (ok)"


@pytest.fixture(scope="module")
def chains() -> dict[str, bytes]:
    return make_chains()


@pytest.fixture
def place(tmp_path: Path, chains: dict[str, bytes]) -> Path:
    here = populate(tmp_path / "here", chains)
    (here / "empty").mkdir()
    return here


def error(number: int) -> str:
    return f"verify error:num={number}:"


def served(name: str, chain: str | None = None) -> str:
    """The options of who has this certificate."""
    return f"-cert {name}.pem -key {name}.key" + (f" -cert_chain {chain}.pem" if chain else "")


# --- the client checks -------------------------------------------------------------------------------------------


def client(
    name: str, options: str, shows: str, code: int = 0, *, cert: str = "exact", chain: str | None = None
) -> Case:
    talk = () if code else PING
    peer = f"-rev {served(cert, chain)}"
    return Case(
        name, f"-tls1_3 {options}", shows, code, peer, talk, varying=cert in ("p256", "p384", "mixed")
    )


ROOT = "-CAfile root.pem"
CHECKED = f"{ROOT} -policy_check"
P256, P384 = "-CAfile p256-root.pem", "-CAfile p384-root.pem"

CLIENT = (
    client("strict", f"{ROOT} -x509_strict", OK),
    client("strict_chain", f"{ROOT} -x509_strict", OK, cert="policed", chain="policed-inter"),
    client("hostname", f"{ROOT} -verify_hostname localhost", "Verified peername: localhost"),
    client("hostname_wrong", f"{ROOT} -verify_hostname a.example", error(62)),
    client("email", f"{ROOT} -verify_email me@example.org", OK),
    client("email_wrong", f"{ROOT} -verify_email you@example.org", error(63)),
    client("ip", f"{ROOT} -verify_ip 127.0.0.1", OK),
    client("ip_wrong", f"{ROOT} -verify_ip ::1", error(64)),
    client("purpose", f"{ROOT} -purpose sslserver", OK),
    client("purpose_any", f"{ROOT} -purpose any", OK),
    client("purpose_wrong", f"{ROOT} -purpose timestampsign", error(26)),
    client("purpose_wrong_fatal", f"{ROOT} -purpose timestampsign -verify_return_error", error(26), 1),
    client("depth_enough", f"{ROOT} -verify_depth 2", OK, cert="deep", chain="deep-chain"),
    client("depth_not_enough", f"{ROOT} -verify_depth 1", error(22), cert="deep", chain="deep-chain"),
    client("tolerance", f"-verify 1 {ROOT} -attime 1", error(9), 1, cert="deep", chain="deep-chain"),
    client("auth_level", f"{ROOT} -auth_level 2", OK),
    client("auth_level_too_high", f"{ROOT} -auth_level 3", error(66)),
    client("attime_past", f"{ROOT} -attime 1000000000", error(9)),
    client("attime_future", f"{ROOT} -attime 4000000000", error(10)),
    client("no_check_time", f"{ROOT} -attime 4000000000 -no_check_time", error(10)),
    client("critical", ROOT, error(34), cert="critical"),
    client("critical_ignored", f"{ROOT} -ignore_critical", OK, cert="critical"),
    client("ss_sig_unchecked", "-CAfile brokenroot.pem", OK),
    client("ss_sig_checked", "-CAfile brokenroot.pem -check_ss_sig", error(7)),
    client("ss_sig_checked_good", f"{ROOT} -check_ss_sig", OK),
    client("partial", "-CAfile policed-inter.pem -partial_chain", OK, cert="policed", chain="policed-inter"),
    client("partial_leaf", "-CAfile exact.pem -partial_chain", OK),
    client("partial_not_allowed", "-CAfile exact.pem", error(20)),
    client("trusted_first", "-CAfile new.pem -trusted_first", OK, cert="cross-leaf", chain="cross-old"),
    client("no_alt_chains", "-CAfile new.pem -no_alt_chains", OK, cert="cross-leaf", chain="cross-old"),
    client("cross_untrusted", "-CAfile new-root.pem", error(20), cert="cross-leaf", chain="cross-old"),
    client("policy", f"{ROOT} -policy {POLICY} -explicit_policy", OK, cert="policed", chain="policed-inter"),
    client("policy_print", f"{CHECKED} -policy_print", "Policy: 1.2.3.4.5", cert="policed", chain="policed-inter"),
    client(
        "policy_print_wanted", f"{ROOT} -policy {POLICY} -policy_print", "User Policies:\n",
        cert="policed", chain="policed-inter",
    ),
    client(
        "policy_print_quiet", f"{CHECKED} -policy_print -verify_quiet", OK, cert="policed", chain="policed-inter"
    ),
    client(
        "policy_another", f"{ROOT} -policy 1.2.3.9 -explicit_policy", error(43), cert="policed", chain="policed-inter"
    ),
    client("policy_none", f"{CHECKED} -explicit_policy", error(43), cert="unpoliced", chain="policed-inter"),
    client("policy_none_unchecked", CHECKED, OK, cert="unpoliced", chain="policed-inter"),
    client(
        "policy_none_fatal", f"{CHECKED} -explicit_policy -verify_return_error", error(43), 1,
        cert="unpoliced", chain="policed-inter",
    ),
    client("policy_any", f"{CHECKED} -policy {POLICY} -explicit_policy", OK, cert="any", chain="policed-inter"),
    client("policy_inhibit_any", f"{CHECKED} -policy {POLICY} -explicit_policy -inhibit_any", error(43), cert="any", chain="policed-inter"),
    client("policy_mapped", f"{ROOT} -policy {POLICY} -explicit_policy", OK, cert="mapped", chain="mapping-inter"),
    client(
        "policy_inhibit_map", f"{ROOT} -policy {POLICY} -explicit_policy -inhibit_map", error(43),
        cert="mapped", chain="mapping-inter",
    ),
    client("suite_b_128_only", f"{P256} -suiteB_128_only", OK, cert="p256", chain="p256-inter"),
    client("suite_b_128", f"{P256} -suiteB_128", OK, cert="p256", chain="p256-inter"),
    client("suite_b_128_with_384", f"{P384} -suiteB_128", OK, cert="p384", chain="p384-inter"),
    client("suite_b_128_only_with_384", f"{P384} -suiteB_128_only", error(60), cert="p384", chain="p384-inter"),
    client("suite_b_192", f"{P384} -suiteB_192", OK, cert="p384", chain="p384-inter"),
    client("suite_b_192_with_256", f"{P256} -suiteB_192", error(60), cert="p256", chain="p256-inter"),
    client("suite_b_mixed", f"{P384} -suiteB_128", OK, cert="mixed", chain="p384-inter"),
    client("suite_b_with_rsa", f"{ROOT} -suiteB_128", error(57)),
    client("verify_cafile", "-verifyCAfile root.pem", OK),
    client("verify_cafile_beats_cafile", f"-verifyCAfile p256-root.pem {ROOT}", error(20)),
    client("verify_capath", "-verifyCApath hashed", OK),
    client("verify_castore", "-verifyCAstore root.pem", OK),
)  # fmt: skip


@each(CLIENT)
def test_client(case: Case, start: Start, place: Path) -> None:
    prepare(place)
    original = play_client(start, OPENSSL, case, place)
    assert_about(case, original)
    assert_same(play_client(start, OURS, case, place), original)


def prepare(place: Path) -> None:
    """What is made of several files."""
    (place / "new.pem").write_bytes(
        (place / "new-root.pem").read_bytes() + (place / "cross-new.pem").read_bytes()
    )
    (place / "hashed").mkdir()
    (place / "hashed" / "root.pem").write_bytes((place / "root.pem").read_bytes())
    subprocess.run(["openssl", "rehash", place / "hashed"], check=True, capture_output=True, timeout=20)


ASKING = "-CAfile root.pem -Verify 5"


def own(name: str, options: str, shows: str, peer: str) -> Case:
    """What the client shows of itself. The server is a terminal: its report tells what came."""
    talk = (OnServer(Until("Secure Renegotiation IS")), Eof())
    return Case(name, options, shows, 0, f"{served('exact')} -num_tickets 0 {peer}", talk)


OWN = (
    own("request_ca", "-requestCAfile root.pem", "Verify return code", ""),
    own("request_ca_many", "-requestCAfile deep-chain.pem", "Verify return code", ""),
    own(
        "chain_cafile",
        f"{served('policed')} -build_chain -chainCAfile policed-all.pem",
        "Acceptable client certificate CA names",
        ASKING,
    ),
    own(
        "chain_castore",
        f"{served('policed')} -build_chain -chainCAstore policed-all.pem",
        "Acceptable client certificate CA names",
        ASKING,
    ),
)


@each(OWN)
def test_client_itself(case: Case, start: Start, place: Path) -> None:
    with_bundle(place)
    original = play_client(start, OPENSSL, case, place)
    assert_about(case, original)
    assert_same(play_client(start, OURS, case, place), original)


def with_bundle(place: Path) -> None:
    parts = [(place / name).read_bytes() for name in ("policed-inter.pem", "root.pem")]
    (place / "policed-all.pem").write_bytes(b"".join(parts))


# --- the server checks -------------------------------------------------------------------------------------------


def server(name: str, options: str, shows: str, *, cert: str = "exact", chain: str | None = None) -> Case:
    return Case(name, f"{served('exact')} -Verify 5 {options}", shows, 0, served(cert, chain), AHOY)


def refused(name: str, options: str, shows: str, *, cert: str = "exact", chain: str | None = None) -> Case:
    """The same with errors that end the handshake."""
    return Case(
        name, f"{served('exact')} -Verify 5 -verify_return_error {options}", shows, 0, served(cert, chain), ()
    )


FINE = "verify return:1\n"
SERVER = (
    server("strict", f"{ROOT} -x509_strict", FINE),
    server("email", f"{ROOT} -verify_email me@example.org", FINE),
    server("email_wrong", f"{ROOT} -verify_email you@example.org", error(63)),
    server("hostname_wrong", f"{ROOT} -verify_hostname a.example", error(62)),
    refused("hostname_wrong_fatal", f"{ROOT} -verify_hostname a.example", "verify error:hostname mismatch"),
    server("purpose_any", f"{ROOT} -purpose any", FINE),
    refused("purpose_wrong", f"{ROOT} -purpose timestampsign", error(26)),
    server("depth", f"{ROOT} -verify_depth 1", error(22), cert="deep", chain="deep-chain"),
    server("auth_level", f"{ROOT} -auth_level 3", error(66)),
    server("attime", f"{ROOT} -attime 4000000000", error(10)),
    refused("attime_fatal", f"{ROOT} -attime 4000000000", "verify error:certificate has expired"),
    server("critical", ROOT, error(34), cert="critical"),
    server("critical_ignored", f"{ROOT} -ignore_critical", FINE, cert="critical"),
    server("partial", "-CAfile policed-inter.pem -partial_chain", FINE, cert="policed", chain="policed-inter"),
    server("proxy", ROOT, error(40), cert="proxy", chain="proxy-chain"),
    server("proxy_allowed", f"{ROOT} -allow_proxy_certs", FINE, cert="proxy", chain="proxy-chain"),
    server("policy_print", f"{CHECKED} -policy_print", "Policy: 1.2.3.4.5", cert="policed", chain="policed-inter"),
    refused("policy_none", f"{CHECKED} -explicit_policy", error(43), cert="unpoliced", chain="policed-inter"),
    server("policy_mapped", f"{ROOT} -policy {POLICY} -explicit_policy", FINE, cert="mapped", chain="mapping-inter"),
    server("verify_cafile", "-verifyCAfile root.pem", FINE),
    server("verify_capath", "-verifyCApath empty", error(20)),
)  # fmt: skip


@each(SERVER)
def test_server(case: Case, start: Start, place: Path) -> None:
    original = play_server(start, OPENSSL, case, place)
    assert_about(case, original)
    assert_same(play_server(start, OURS, case, place), original)


@pytest.mark.parametrize(
    "options, shows",
    [("-CAfile brokenroot.pem -check_ss_sig", error(7)), ("-verifyCAstore root.pem", FINE)],
    ids=["check_ss_sig", "verifyCAstore"],
)
def test_server_is_not_stopped_by_errors_that_are_over(
    options: str, shows: str, start: Start, place: Path
) -> None:
    """On purpose not as the original, which takes what verification left in the error queue for its next read's."""
    case = server("leftover", options, shows)
    original = play_server(start, OPENSSL, case, place)
    ours = play_server(start, OURS, case, place)
    assert shows in original.tested.err
    assert shows in ours.tested.err
    assert "ERROR\n" in original.tested.out
    assert "ahoy\nDONE\n" in ours.tested.out


def sends(
    name: str, options: str, shows: str = "CIPHER is", peer: str = "-CAfile root.pem -showcerts"
) -> Case:
    """What the server sends along; its client shows it."""
    return Case(name, options, shows, 0, peer, AHOY, varying="p256" in options)


SENDS = (
    sends("chain_cafile", f"{served('policed')} -build_chain -chainCAfile policed-all.pem"),
    sends("chain_castore", f"{served('policed')} -build_chain -chainCAstore policed-all.pem"),
    sends("suite_b", f"{served('p256', 'p256-inter')} -suiteB_128", peer="-CAfile p256-root.pem -suiteB_128"),
)


@each(SENDS)
def test_server_itself(case: Case, start: Start, place: Path) -> None:
    with_bundle(place)
    original = play_server(start, OPENSSL, case, place)
    assert_about(case, original)
    assert_same(play_server(start, OURS, case, place), original)
