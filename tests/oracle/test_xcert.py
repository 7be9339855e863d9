"""-xcert and the options that go with it beside the original, in both programs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from support.fixtures import Start, Workdir
from support.oracle import (
    PING,
    Case,
    Talk,
    assert_about,
    compare_alone,
    compare_clients,
    compare_servers,
    each,
    play_alone,
    play_server,
    refused,
)
from support.programs import OPENSSL, OURS, Until

RSA = "-xcert rsa.pem -xkey rsa.key"
ECDSA = "-xcert ecdsa.pem -xkey ecdsa.key"
ED25519 = "-xcert ed25519.pem -xkey ed25519.key"
CHAIN = "-xcert chain.pem -xkey chain.key"
CLIENT = "-xcert client.pem -xkey client.key"
STRANGER = "-xcert stranger.pem -xkey stranger.key"


def server(
    name: str,
    options: str,
    shows: str,
    code: int = 0,
    *,
    peer: str = "",
    talk: Talk = PING,
    varying: bool = False,
) -> Case:
    """One that says every line backwards and has no certificate but those of -xcert."""
    return Case(name, f"-rev -nocert {options}", shows, code, peer, talk, varying=varying)


SERVERS = (
    server("one", RSA, "Checking cert chain 1:\nSubject: C = DE, O = tlsdeck, CN = localhost\n\tOverall Vali"),
    server("one_1_2", RSA, "\tSuite B: not tested\n", peer="-tls1_2"),
    server("both_kinds", f"{RSA} {ECDSA}", "Checking cert chain 2:", varying=True),
    server("client_knows_rsa_only", f"{RSA} {ECDSA}", "Sign with EE key: NOT OK", peer="-tls1_2 -sigalgs RSA+SHA256"),
    server("client_knows_ecdsa_only", f"{RSA} {ECDSA}", "Overall Validity: NOT OK",
           peer="-sigalgs ECDSA+SHA256:RSA+SHA256", varying=True),
    server("last_of_a_kind", f"{RSA} {CHAIN}", "Checking cert chain 2:", peer="-showcerts"),
    server("three", f"{RSA} {ECDSA} {ED25519}", "Checking cert chain 3:", varying=True),
    server("key_in_the_file", "-xcert both.pem", "Overall Validity: OK"),
    server("key_before_certificate", "-xkey rsa.key -xcert rsa.pem", "Overall Validity: OK"),
    server("der", "-xcert rsa.der -xcertform DER -xkey rsakey.der -xkeyform DER", "Overall Validity: OK"),
    server("chain_given", f"{CHAIN} -xchain inter.pem", "Overall Validity: OK", peer="-CAfile root.pem -showcerts"),
    server("chain_not_known", CHAIN, "Overall Validity: OK", peer="-CAfile root.pem -showcerts"),
    server("chain_found", f"{CHAIN} -CAfile cas.pem", "Overall Validity: OK", peer="-CAfile root.pem -showcerts"),
    server("chain_built", f"{CHAIN} -xchain_build -CAfile cas.pem", "Overall Validity: OK", peer="-showcerts"),
    server("chain_built_of_own_store", f"{CHAIN} -xchain_build -chainCAfile cas.pem", "Overall Validity: OK",
           peer="-showcerts"),
    server("chain_beats_store", f"{CHAIN} -xchain root.pem -CAfile cas.pem", "Overall Validity: OK", peer="-showcerts"),
    server("chain_cannot_be_built", f"{CHAIN} -xchain_build -CAfile root.pem", "cert cb error"),
    server("key_of_another", "-xcert rsa.pem -xkey client.key", "key values mismatch"),
    server("key_of_another_kind", "-xcert rsa.pem -xkey ecdsa.key", "no suitable signature algorithm"),
    server("none_fits", ED25519, "\tSign with EE key: NOT OK\n", peer="-tls1_2 -sigalgs RSA+SHA256"),
    server("suite_b", f"{ECDSA} -cipher SUITEB128", "\tSuite B: OK\n", peer="-tls1_2", varying=True),
    server("suite_b_not", f"{RSA} {ECDSA} -cipher SUITEB128", "\tSuite B: NOT OK\n", peer="-tls1_2", varying=True),
    server("strict", f"{STRANGER} -strict", "Checking cert chain 1:", peer="-tls1_2"),
    server("nameopt", f"{RSA} -nameopt multiline", "Subject: countryName               = DE\n"),
    server("unicode", "-xcert unicode.pem -xkey unicode.key -nameopt utf8,sep_comma_plus", "Subject: "),
    server("verify_quiet", f"{RSA} -verify_quiet", "Checking cert chain 1:"),
    Case("instead_of_cert", f"-rev -cert ecdsa.pem -key ecdsa.key {RSA}", "Checking cert chain 1:"),
    Case("chain_found_beside_cert", f"-rev -cert rsa.pem -key rsa.key {CHAIN} -CAfile cas.pem", "Checking",
         peer="-showcerts"),
    Case(
        "with_servername",
        f"-rev -cert rsa.pem -key rsa.key -servername a.example -cert2 rsa.pem -key2 rsa.key {CHAIN}",
        "Checking cert chain 1:",
        peer="-servername a.example -showcerts",
    ),
    Case("quiet", f"-rev -quiet -cert rsa.pem -key rsa.key {CHAIN}", "Checking cert chain 1:"),
    Case("www", f"-www -cert rsa.pem -key rsa.key {CHAIN}", "Checking cert chain 1:",
         talk=(b"GET /stats HTTP/1.0\r\n\r\n", Until("</HTML>"))),
    Case("options_without_certificate", "-rev -cert rsa.pem -key rsa.key -xkey nothing.pem -xchain nothing.pem",
         "CONNECTION ESTABLISHED"),
)  # fmt: skip


@each(SERVERS)
def test_server(case: Case, start: Start, workdir: Workdir) -> None:
    compare_servers(start, case, workdir)


ASKS = "-rev -cert rsa.pem -key rsa.key -CAfile root.pem -verify 3"
DEMANDS = "-rev -cert rsa.pem -key rsa.key -CAfile root.pem -Verify 3 -verify_return_error"

client = partial(Case, peer=DEMANDS)

CLIENTS = (
    client("one", CLIENT, "Checking cert chain 1:\nSubject: C = DE, O = tlsdeck, CN = a client\n\tOverall Validity"),
    client("one_1_2", f"-tls1_2 {CLIENT}", "\tIssuer Name: OK\n"),
    client("not_asked_for", CLIENT, "New, TLSv1.3", peer="-rev -cert rsa.pem -key rsa.key"),
    client("issuer_not_asked_for", f"-tls1_2 {STRANGER}", "\tIssuer Name: NOT OK\n", peer=ASKS),
    client("several", f"-tls1_2 {STRANGER} {ECDSA} {CLIENT}", "Checking cert chain 3:"),
    client("several_1_3", f"{CLIENT} {ECDSA}", "Checking cert chain 2:", peer=ASKS, varying=True),
    client("none_fits", f"-tls1_2 {CLIENT}", "\tOverall Validity: NOT OK\n", peer=f"{ASKS} -client_sigalgs ECDSA+SHA256"),
    client("demanded_and_none_fits", f"-tls1_2 {CLIENT}", "alert handshake failure", 1,
           peer=f"{DEMANDS} -client_sigalgs ECDSA+SHA256"),
    client("instead_of_cert", f"-cert stranger.pem -key stranger.key {CLIENT}", "Checking cert chain 1:"),
    client("chain_given", f"{CHAIN} -xchain inter.pem", "Checking cert chain 1:", peer=ASKS),
    client("chain_built", f"{CHAIN} -xchain_build -CAfile cas.pem", "Checking cert chain 1:", peer=ASKS),
    client("chain_cannot_be_built", f"{CHAIN} -xchain_build -CAfile root.pem", "callback failed", 1, peer=ASKS),
    client("key_of_another", "-xcert rsa.pem -xkey client.key", "callback failed", 1),
    client("brief", f"-brief {CLIENT}", "Checking cert chain 1:"),
    client("quiet", f"-quiet {CLIENT}", "Checking cert chain 1:", talk=(b"ping\n", Until("gnip"), b"CLOSE\n")),
    client("nameopt", f"-nameopt RFC2253 {CLIENT}", "Subject: CN=a client,O=tlsdeck,C=DE\n"),
    client("password", "-xcert rsa.pem -xkey locked.key", "Enter pass phrase for locked.key:", peer=ASKS,
           talk=(b"secret\n", Until("SSL handshake has read"), *PING)),
    client("options_without_certificate", "-xkey nothing.pem -xchain_build", "New, TLSv1.3", peer=ASKS),
)  # fmt: skip


@each(CLIENTS)
def test_client(case: Case, start: Start, workdir: Workdir) -> None:
    compare_clients(start, case, workdir)


BAD = (
    refused(
        "certificate_missing", "-xcert nothing.pem", "loading cert of Server Certificate from nothing.pem"
    ),
    refused("certificate_junk", "-xcert junk.pem", "Could not read cert of Server Certificate from junk.pem"),
    refused("certificate_empty", "-xcert empty.pem", "Unable to load Server Certificate"),
    refused("certificate_directory", "-xcert .", "Unable to load Server Certificate"),
    refused("key_missing", "-xcert rsa.pem -xkey nothing.key", "for loading server key from nothing.key"),
    refused("key_junk", "-xcert rsa.pem -xkey junk.pem", "Could not read server key from junk.pem"),
    refused("key_not_in_certificate_file", "-xcert rsa.pem", "Could not read server key from rsa.pem"),
    refused("key_locked", "-xcert rsa.pem -xkey locked.key", "Could not read server key from locked.key"),
    refused(
        "chain_missing", f"{RSA} -xchain nothing.pem", "for loading certs of server chain from nothing.pem"
    ),
    refused("chain_junk", f"{RSA} -xchain junk.pem", "Could not read any cert of server chain from junk.pem"),
    refused("chain_key", f"{RSA} -xchain rsa.key", "Could not read any cert of server chain from rsa.key"),
    refused("last_one_first", "-xcert a.pem -xcert b.pem", "from b.pem"),
    refused("first_one", f"-xcert a.pem {RSA}", "from a.pem"),
    refused("two_keys", f"{RSA} -xkey rsa.key", "Key already specified"),
    refused("two_keys_around", "-xkey rsa.key -xcert rsa.pem -xkey rsa.key", "Key already specified"),
    refused("two_keys_alone", "-xkey rsa.key -xkey rsa.key", "Key already specified"),
    refused("two_chains", f"{RSA} -xchain inter.pem -xchain inter.pem", "Chain already specified"),
    refused("form_engine", f"{RSA} -xcertform ENGINE", 'Bad format "ENGINE"; must be pem or der'),
    refused("form_p12", f"{RSA} -xkeyform P12", 'Invalid format "P12" for option -xkeyform'),
    refused("no_value", f"{RSA} -xcert", "Option -xcert needs a value"),
)


@pytest.mark.parametrize("program", ["s_client", "s_server"])
@each(BAD)
def test_bad_input(case: Case, program: str, start: Start, workdir: Workdir) -> None:
    if program == "s_client":
        case = replace(case, options=f"-connect 127.0.0.1:{{port}} {case.options}")
    compare_alone(start, program, case, workdir)


FORMS = (
    server("der_unnamed", "-xcert rsa.der -xkey rsakey.der", "Could not read cert of Server Certificate"),
    server("pem_named_der", f"{RSA} -xcertform DER", "Could not read cert of Server Certificate"),
    server("p12", "-xcert open.p12", "Could not read cert of Server Certificate"),
)


@each(FORMS)
def test_form_is_found_out(case: Case, start: Start, workdir: Workdir) -> None:
    """Where the original wants the form to be told."""
    refused = play_alone(start, OPENSSL, "s_server", replace(case, code=1), workdir("original"))
    assert case.shows in refused.tested.err
    ours = play_server(start, OURS, case, workdir("ours")).tested
    assert ours.code == 0
    assert "\tOverall Validity: OK\n" in ours.err


def test_no_throw_away_certificate_is_made_beside_them(start: Start, workdir: Workdir) -> None:
    """Where the original wants a file it then makes no use of."""
    case = Case("", f"-rev {RSA}", "Could not open file or uri for loading server certificate", 1)
    assert_about(case, play_alone(start, OPENSSL, "s_server", case, workdir("original")))
    ours = play_server(start, OURS, case, workdir("ours")).tested
    assert ours.code == 0
    assert ours.err.startswith("Checking cert chain 1:\n")
