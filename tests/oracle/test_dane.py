"""DANE beside the original: every usage, selector and matching type of TLSA records, right ones and wrong ones.

Records are about certificates of the test PKI: `3 1 1 <chain>` stands for the SHA-256 digest of chain.pem's public key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import product

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.fixtures import Start, Workdir
from support.oracle import (
    NOTHING,
    Case,
    assert_about,
    compare_alone,
    compare_clients,
    each,
    play_alone,
    refused,
)
from support.programs import OPENSSL, OURS, Until

Pki = Mapping[str, bytes]

# The server sends chain.pem and inter.pem, but not root.pem.
CHAIN = "-rev -cert chain.pem -key chain.key -cert_chain inter.pem"
TWO_NAMES = "-rev -cert rsa.pem -key rsa.key -servername localhost -cert2 ecdsa.pem -key2 ecdsa.key"
TRUST = "-CAfile root.pem"
DOMAIN = "-dane_tlsa_domain localhost"
OTHER_DOMAIN = "-dane_tlsa_domain a.example"

RECORD = re.compile(r"(\d) (\d) (\d) <(\w+)>")
SELECTORS: Mapping[str, Callable[[x509.Certificate], bytes]] = {
    "0": lambda certificate: certificate.public_bytes(Encoding.DER),
    "1": lambda certificate: certificate.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    ),
}
MATCHING: Mapping[str, Callable[[bytes], bytes]] = {
    "0": lambda data: data,
    "1": lambda data: hashlib.sha256(data).digest(),
    "2": lambda data: hashlib.sha512(data).digest(),
}


def filled(line: str, pki: Pki) -> str:
    def data(match: re.Match[str]) -> str:
        usage, selector, matching, name = match.groups()
        certificate = x509.load_pem_x509_certificate(pki[f"{name}.pem"])
        found = MATCHING[matching](SELECTORS[selector](certificate))
        return f"{usage} {selector} {matching} {found.hex()}"

    return RECORD.sub(data, line)


def compare(case: Case, start: Start, workdir: Workdir, pki: Pki) -> None:
    case = replace(case, options=filled(case.options, pki))
    compare_clients(start, case, workdir)


# Usage -> whose certificate the record is about, and what the report says of it.
USAGES = {
    0: ("root", "matched TA certificate at depth 2"),  # PKIX-TA
    1: ("chain", "matched EE certificate at depth 0"),  # PKIX-EE
    2: ("inter", "matched TA certificate at depth 1"),  # DANE-TA
    3: ("chain", "matched EE certificate at depth 0"),  # DANE-EE
}
every_kind_of_record = pytest.mark.parametrize(
    "usage, selector, matching", list(product((0, 1, 2, 3), (0, 1), (0, 1, 2)))
)


@every_kind_of_record
def test_record_that_matches(
    usage: int, selector: int, matching: int, start: Start, workdir: Workdir, pki: Pki
) -> None:
    name, told = USAGES[usage]
    record = f"{usage} {selector} {matching} <{name}>"
    case = Case("", f"{TRUST} {DOMAIN} -dane_tlsa_rrdata '{record}'", f"{told}\n", peer=CHAIN)
    compare(case, start, workdir, pki)


@every_kind_of_record
def test_record_of_another_certificate(
    usage: int, selector: int, matching: int, start: Start, workdir: Workdir, pki: Pki
) -> None:
    record = f"{usage} {selector} {matching} <ecdsa>"
    case = Case(
        "", f"{TRUST} {DOMAIN} -dane_tlsa_rrdata '{record}'", "no matching DANE TLSA records", peer=CHAIN
    )
    compare(case, start, workdir, pki)


LEAF = "-dane_tlsa_rrdata '3 1 1 <chain>'"
INTER = "-dane_tlsa_rrdata '2 0 1 <inter>'"
STRANGER = "-dane_tlsa_rrdata '3 1 1 <ecdsa>'"

case = partial(Case, peer=CHAIN)

CONVERSATIONS = (
    case("anchor_in_the_record", f"{DOMAIN} {INTER}", "matched TA certificate at depth 1"),
    case("pkix_without_trust", f"{DOMAIN} -dane_tlsa_rrdata '1 1 1 <chain>'", "unable to get local issuer"),
    case("pkix_ta_without_trust", f"{DOMAIN} -dane_tlsa_rrdata '0 1 1 <inter>'", "unable to get"),
    case(
        "key_of_ca_not_sent",
        f"{DOMAIN} -dane_tlsa_rrdata '2 1 0 <root>'",
        "signed the certificate at depth 1",
    ),
    case(
        "certificate_of_ca_not_sent",
        f"{DOMAIN} -dane_tlsa_rrdata '2 0 0 <root>'",
        "matched TA certificate at depth 2",
    ),
    case(
        "digest_of_ca_not_sent", f"{DOMAIN} -dane_tlsa_rrdata '2 0 1 <root>'", "no matching DANE TLSA records"
    ),
    case("one_of_several", f"{TRUST} {DOMAIN} {STRANGER} {INTER} {LEAF}", "DANE TLSA 3 1 1 ..."),
    case(
        "blanks",
        f"{DOMAIN} -dane_tlsa_rrdata '\t3  01\n+1 01 2 3' -dane_tlsa_rrdata ' 2 0 1 <inter> '",
        "matched TA certificate",
    ),
    case(
        "some_unusable",
        f"{DOMAIN} -dane_tlsa_rrdata '3 1 9 aa' -dane_tlsa_rrdata 3,1 {LEAF}",
        "s_client: warning: bad TLSA usage field in: 3,1\n",
    ),
    case(
        "some_unusable_quiet",
        f"-brief {DOMAIN} -dane_tlsa_rrdata '3 1 9 aa' {LEAF}",
        "warning: unusable TLSA",
    ),
    case("brief", f"-brief {DOMAIN} {LEAF}", "DANE TLSA 3 1 1 ..."),
    case("brief_without_match", f"-brief {DOMAIN} {STRANGER}", "no matching DANE TLSA records"),
    case(
        "quiet",
        f"-quiet {DOMAIN} {STRANGER}",
        "verify error:num=65",
        talk=(b"ping\n", Until("gnip"), b"CLOSE\n"),
    ),
    case("tls1_2", f"-tls1_2 {DOMAIN} {LEAF}", "matched EE certificate"),
    case("fatal", f"-verify_return_error {DOMAIN} {STRANGER}", "certificate verify failed", 1),
    case("fatal_but_fine", f"-verify_return_error {DOMAIN} {LEAF}", "matched EE certificate"),
    case("other_domain", f"{OTHER_DOMAIN} {INTER}", "hostname mismatch"),
    case("other_domain_end_entity", f"{OTHER_DOMAIN} {LEAF}", "hostname mismatch"),
    case("other_domain_accepted", f"-dane_ee_no_namechecks {OTHER_DOMAIN} {LEAF}", "matched EE certificate"),
    case("other_domain_of_ca", f"-dane_ee_no_namechecks {OTHER_DOMAIN} {INTER}", "hostname mismatch"),
    case("no_namechecks_alone", "-dane_ee_no_namechecks", "New, TLSv1.3"),
    case(
        "expired",
        f"{DOMAIN} -dane_tlsa_rrdata '3 1 1 <expired>'",
        "matched EE certificate",
        peer="-rev -cert expired.pem -key expired.key",
    ),
    case(
        "domain_by_sni",
        f"{DOMAIN} -dane_tlsa_rrdata '3 1 1 <ecdsa>'",
        "matched EE certificate",
        peer=TWO_NAMES,
        varying=True,
    ),
    case(
        "other_name_by_sni",
        f"-servername a.example {DOMAIN} -dane_tlsa_rrdata '3 1 1 <rsa>'",
        "matched EE certificate",
        peer=TWO_NAMES,
    ),
    case(
        "servername_and_endless_domain",
        f"-servername a.example -dane_tlsa_domain {'a' * 300} {LEAF}",
        "hostname mismatch",
    ),
    case(
        "verify_hostname_as_well", f"-verify_hostname localhost {OTHER_DOMAIN} {INTER}", "hostname mismatch"
    ),
    case("reconnect", f"-tls1_2 -reconnect {DOMAIN} {LEAF}", "Reused, TLSv1.2", peer=f"{CHAIN} -naccept 6"),
    case("prexit", f"-prexit {DOMAIN} {LEAF}", "matched EE certificate"),
)


@each(CONVERSATIONS)
def test_conversation(case: Case, start: Start, workdir: Workdir, pki: Pki) -> None:
    compare(case, start, workdir, pki)


def bad_record(name: str, record: str, complaint: str) -> Case:
    return Case(name, f"{DOMAIN} -dane_tlsa_rrdata '{record}'", complaint, 1, talk=NOTHING)


BAD = (
    bad_record("nothing", "", "s_client: warning: bad TLSA usage field in: \n"),
    bad_record("usage_only", "3", "warning: bad TLSA usage field in: 3\n"),
    bad_record("usage_word", "DANE-EE 1 1 aa", "warning: bad TLSA usage field"),
    bad_record("usage_256", "256 1 1 aa", "warning: bad TLSA usage field"),
    bad_record("usage_negative", "-1 1 1 aa", "warning: bad TLSA usage field"),
    bad_record("usage_huge", f"{'9' * 5000} 1 1 aa", "warning: bad TLSA usage field"),
    bad_record("usage_hex", "0x3 1 1 aa", "warning: bad TLSA usage field"),
    bad_record("usage_underscore", "1_0 1 1 aa", "warning: bad TLSA usage field"),
    bad_record("usage_letters", "ü 1 1 aa", "warning: bad TLSA usage field"),
    bad_record("usage_negative_zero", "-0 1 1 aa", "bad digest length"),
    bad_record("usage_unknown", "4 1 1 aa", "dane tlsa bad certificate usage"),
    bad_record("selector_missing", "3 ", "warning: bad TLSA selector field"),
    bad_record("selector_last", "3 1", "warning: bad TLSA selector field"),
    bad_record("selector_word", "3 x 1 aa", "warning: bad TLSA selector field"),
    bad_record("selector_unknown", "3 2 1 aa", "dane tlsa bad selector"),
    bad_record("mtype_missing", "3 1 ", "warning: bad TLSA mtype field"),
    bad_record("mtype_last", "3 1 1", "warning: bad TLSA mtype field"),
    bad_record("mtype_runs_on", "3 1 1aa", "warning: bad TLSA mtype field"),
    bad_record("mtype_unknown", "3 1 255 aa", "dane tlsa bad matching type"),
    bad_record("data_odd", "3 1 1 aab", "warning: bad TLSA data field"),
    bad_record("data_no_hex", "3 1 1 xyz", "warning: bad TLSA data field"),
    bad_record("data_letters", "3 1 1 éé", "warning: bad TLSA data field"),
    bad_record("data_short", "3 1 1 aa", "unusable TLSA rrdata: 3 1 1 aa\ns_client: Failed to import"),
    bad_record("data_short_512", f"3 1 2 {'ab' * 63}", "dane tlsa bad digest length"),
    bad_record("data_no_certificate", "3 0 0 3003020101", "dane tlsa bad certificate:"),
    bad_record("data_no_key", "3 1 0 3003020101", "dane tlsa bad public key"),
    refused(
        "three_bad_ones",
        f"{DOMAIN} -dane_tlsa_rrdata x -dane_tlsa_rrdata '3 1 1 aa' -dane_tlsa_rrdata '3 1 1 zz'",
        "Failed to import any TLSA records.",
    ),
    refused("quiet", f"-quiet {DOMAIN} -dane_tlsa_rrdata x", "Failed to import any TLSA records."),
    refused("domain_only", DOMAIN, "requires at least one -dane_tlsa_rrdata option."),
    refused("record_only", "-dane_tlsa_rrdata x", "requires the -dane_tlsa_domain option."),
    refused("domain_empty", "-dane_tlsa_domain ''", "s_client: Error enabling DANE TLSA authentication."),
    refused("domain_endless", f"-dane_tlsa_domain {'a' * 300}", "error setting tlsa base domain"),
    refused("noservername", f"-noservername {DOMAIN}", "Can't use -dane_tlsa_domain and -noservername"),
    refused("session_first", f"{DOMAIN} -sess_in nothing.pem", "Can't open session file nothing.pem"),
    refused("trust_first", f"{DOMAIN} -CAfile nothing.pem", "No such file or directory"),
)


@each(BAD)
def test_bad_input(case: Case, start: Start, workdir: Workdir) -> None:
    case = replace(case, options=f"-connect 127.0.0.1:{{port}} {case.options}")
    compare_alone(start, "s_client", case, workdir)


def test_record_without_data(start: Start, workdir: Workdir) -> None:
    """The original says it has no memory."""
    case = bad_record("", "3 1 1 ", "Could not allocate 0 bytes")
    assert_about(case, play_alone(start, OPENSSL, "s_client", case, workdir("original")))
    ours = play_alone(start, OURS, "s_client", case, workdir("ours")).tested
    assert ours.code == 1
    assert ours.err == (
        "s_client: warning: bad TLSA data field in: 3 1 1 \ns_client: Failed to import any TLSA records.\n"
    )
