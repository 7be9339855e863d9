"""Certificate Transparency beside the original: timestamps in certificates and extensions, good ones and bad ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from support.ct import (
    PRECERT_ENTRY,
    X509_ENTRY,
    YESTERDAY,
    Log,
    log_list,
    precert_entry,
    sct_list,
    with_timestamps,
    x509_entry,
)
from support.fixtures import Start, Workdir
from support.oracle import (
    Case,
    assert_about,
    compare_alone,
    compare_clients,
    each,
    play_client,
    refused,
)
from support.pki import authority, leaf, pem, populate, private
from support.programs import OPENSSL, OURS, Until
from support.serverinfo import CERTIFICATE, CLIENT_HELLO, SERVER_HELLO_1_2, block


@pytest.fixture(scope="module")
def files() -> Mapping[str, bytes]:
    """Lists of logs (*.cnf), certificates with timestamps of these logs, timestamps as a server's extension (*.info)."""
    root = authority("tlsdeck transparent root", None)
    known, unknown = Log("A log, known"), Log("A log nobody knows")
    key = rsa.generate_private_key(65537, 2048)
    bare = leaf("localhost", root, key, ("localhost",))
    entry = precert_entry(bare.certificate, root.certificate)
    other_entry = precert_entry(root.certificate, root.certificate)
    several = [
        known.sct(PRECERT_ENTRY, entry),
        unknown.sct(PRECERT_ENTRY, entry),
        known.sct(PRECERT_ENTRY, other_entry),
        known.sct(X509_ENTRY, entry),
        known.sct(PRECERT_ENTRY, entry, timestamp=YESTERDAY + 9 * 86_400_000),
        known.sct(PRECERT_ENTRY, entry, timestamp=0),
    ]
    new_version = known.sct(PRECERT_ENTRY, entry, version=1)
    identities = {
        "none": bare,
        "version": with_timestamps(bare, root, sct_list(new_version)),
        "two": with_timestamps(bare, root, sct_list(*several[:2])),
        "one": with_timestamps(bare, root, sct_list(several[0])),
        "several": with_timestamps(bare, root, sct_list(*several)),
        "junk": with_timestamps(bare, root, b"\0\5junk!"),
    }
    of_bare = known.sct(X509_ENTRY, x509_entry(bare.certificate))
    made = {f"{name}.pem": pem(identity.certificate) for name, identity in identities.items()}
    made |= {"root.pem": pem(root.certificate), "ct.key": private(key)}
    made |= {"logs.cnf": log_list(known).encode(), "other.cnf": log_list(unknown).encode()}
    made |= {"both.cnf": log_list(unknown, known).encode(), "no_logs.cnf": b"enabled_logs = \n"}
    made |= {
        "one.info": block(18, sct_list(of_bare)).encode(),
        "two.info": block(18, sct_list(of_bare, several[1])).encode(),
        "tls1_3.info": block(18, sct_list(of_bare), CLIENT_HELLO | SERVER_HELLO_1_2 | CERTIFICATE).encode(),
        "junk.info": block(18, b"junk").encode(),
        "empty.info": block(18, b"").encode(),
        "empty_list.info": block(18, sct_list()).encode(),
    }
    return made


@pytest.fixture
def directory(workdir: Workdir, files: Mapping[str, bytes]) -> Workdir:
    """A directory with these files besides the PKI's."""
    return lambda name: populate(workdir(name), files)


def server(certificate: str, options: str = "") -> str:
    return f"-rev -cert {certificate}.pem -key ct.key {options}"


LOGS = "-ct -ctlogfile logs.cnf -CAfile root.pem"

CLIENTS = (
    Case("none", LOGS, "---\nSCTs present (0)\n---\nSSL handshake", peer=server("none")),
    Case("one", LOGS, "SCTs present (1)\n---\nSCT validation status: valid\nSigned", peer=server("one")),
    Case("one_1_2", f"-tls1_2 {LOGS}", "SCT validation status: valid\n", peer=server("one")),
    Case("known_and_unknown", LOGS, "SCT validation status: unknown log\n", peer=server("two")),
    Case("known_after_all", LOGS.replace("logs", "both"), "Log       : A log nobody knows", peer=server("two")),
    Case("no_log_known", LOGS.replace("logs", "no_logs"), "status: unknown log\n", peer=server("one")),
    Case("other_log_known", LOGS.replace("logs", "other"), "status: unknown log\n", peer=server("one")),
    Case("unknown_version", LOGS, "SCT validation status: unknown version\n", peer=server("version")),
    Case("chain_not_trusted", "-ct -ctlogfile logs.cnf", "status: not set\n", peer=server("several")),
    Case("return_error", f"{LOGS} -verify_return_error", "status: valid\n", peer=server("one")),
    Case("noct", f"{LOGS} -noct", "New, TLSv1.3", peer=server("several")),
    Case("ctlogfile_only", "-ctlogfile nothing.cnf", "New, TLSv1.3", peer=server("several")),
    Case("file_by_environment", "-ct -CAfile root.pem", "valid", peer=server("one"), env={"CTLOG_FILE": "logs.cnf"}),
    Case("brief", f"-brief {LOGS}", "Verification: OK", peer=server("two")),
    Case(
        "quiet", f"-quiet {LOGS}", "verify return:1", peer=server("two"),
        talk=(b"ping\n", Until("gnip"), b"CLOSE\n"),
    ),
    Case("reconnect", f"-tls1_2 -reconnect {LOGS}", "Reused, TLSv1.2", peer=server("one", "-naccept 6")),
    Case("prexit", f"-prexit {LOGS}", "SCTs present (1)", peer=server("one")),
    Case("failed", f"-tls1_2 {LOGS}", "no peer certificate available", 1, peer=server("one", "-tls1_3")),
    Case("extension", f"-tls1_2 {LOGS}", "SCT validation status: valid\n", peer=server("none", "-serverinfo one.info")),
    Case("extension_two", f"-tls1_2 {LOGS}", "SCTs present (2)", peer=server("none", "-serverinfo two.info")),
    Case("extension_1_3", LOGS, "SCT validation status: valid\n", peer=server("none", "-serverinfo tls1_3.info")),
    Case("extension_empty", f"-tls1_2 {LOGS}", "SCTs present (0)", peer=server("none", "-serverinfo empty.info")),
    Case("extension_empty_list", f"-tls1_2 {LOGS}", "SCTs present (0)",
           peer=server("none", "-serverinfo empty_list.info")),
    Case("tlsextdebug", f"-tls1_2 -tlsextdebug {LOGS}", '"signed certificate timestamps" (id=18)',
           peer=server("none", "-serverinfo one.info")),
    Case("dane", f"{LOGS} -dane_tlsa_domain localhost -dane_tlsa_rrdata '3 1 1 {'00' * 32}'", "not set",
           peer=server("one")),
)  # fmt: skip


@each(CLIENTS)
def test_client(case: Case, start: Start, directory: Workdir) -> None:
    compare_clients(start, case, directory)


WRONG = (
    Case("several", LOGS, "SCT validation status: invalid\n", 1, peer=server("several")),
    Case("several_1_2", f"-tls1_2 {LOGS}", "SCT validation status: invalid\n", 1, peer=server("several")),
    Case("embedded_junk", LOGS, "SCTs present (0)\n", 1, peer=server("junk")),
    Case("extension_of_another", f"-tls1_2 {LOGS}", "SCT validation status: invalid\n", 1,
           peer=server("one", "-serverinfo one.info")),
    Case("extension_and_embedded", f"-tls1_2 {LOGS}", "SCTs present (3)", 1,
           peer=server("one", "-serverinfo two.info")),
    Case("extension_junk", f"-tls1_2 {LOGS}", "SCTs present (0)", 1, peer=server("none", "-serverinfo junk.info")),
)  # fmt: skip


@each(WRONG)
def test_wrong_timestamps(case: Case, start: Start, directory: Workdir) -> None:
    """They are told and do no harm. In the original what libssl left in the error queue ends the next read."""
    original = play_client(start, OPENSSL, case, directory("original"))
    assert_about(case, original)
    ours = play_client(start, OURS, case, directory("ours")).tested
    assert ours.code == 0
    assert ours.out.startswith(original.tested.out)
    assert ours.out.endswith("gnip\n")
    said = [line for line in original.tested.err.splitlines() if not line.startswith("<thread>:error:")]
    assert ours.err.splitlines() == [*said, "DONE"]


BAD = (
    refused("default_list_missing", "-ct", "CTLOG_STORE_load_file:log conf invalid"),
    refused("list_missing", "-ct -ctlogfile nothing.cnf", "calling fopen(nothing.cnf, rb)"),
    refused("list_junk", "-ct -ctlogfile junk.pem", "missing equal sign"),
    refused("list_empty", "-ct -ctlogfile empty.pem", "name=enabled_logs"),
    refused("list_certificate", "-ct -ctlogfile rsa.pem", "log conf invalid"),
    refused("list_directory", "-ct -ctlogfile .", "log conf invalid"),
    refused("serverinfo_took_it", "-ct -serverinfo 18", "custom ext handler already installed"),
    refused("serverinfo_first", "-ct -serverinfo 5", "Warning: Unable to add custom extension 5, skipping"),
    refused("before_trust", "-ct -CAfile nothing.pem", "ct_log_list.cnf"),
    refused("after_verify_store", "-ct -verifyCAfile nothing.pem", "Error loading store locations"),
    refused("after_alpn", "-ct -alpn ''", "Error parsing -alpn argument"),
    refused("no_value", "-ct -ctlogfile", "Option -ctlogfile needs a value"),
)


@each(BAD)
def test_bad_input(case: Case, start: Start, workdir: Workdir) -> None:
    case = replace(case, options=f"-connect 127.0.0.1:{{port}} {case.options}")
    compare_alone(start, "s_client", case, workdir)
