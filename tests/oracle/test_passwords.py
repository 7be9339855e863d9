"""Where s_server takes passwords from, for keys, PKCS#12 files and both identities, beside the original."""

from __future__ import annotations

from functools import partial

from support.fixtures import Start, Workdir
from support.oracle import AHOY, Case, Talk, compare_alone, compare_servers, each

KEY = "-cert rsa.pem -key locked.key"
PKCS12 = "-cert rsa.pem -key locked.p12"  # for a certificate in one the original asks in any case
ECDSA = "-cert ecdsa.pem -key ecdsa.key"
SECOND = f"{ECDSA} -dcert rsa.pem -dkey locked.key"
WORD = {"WORD": "secret"}
CHOSEN_SECOND = "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256"

server = partial(Case, shows="CIPHER is", talk=AHOY)

WORKING = (
    server("key_fd", f"{KEY} -pass fd:0", typed=b"secret\n"),
    server("key_der", "-cert rsa.der -key rsakey.der -pass pass:unused"),
    server("p12_pass", f"{PKCS12} -pass pass:secret"),
    server("p12_env", f"{PKCS12} -pass env:WORD", env=WORD),
    server("p12_file", f"{PKCS12} -pass file:password.txt"),
    server("p12_fd", f"{PKCS12} -pass fd:0", typed=b"secret\n"),
    server("p12_stdin", f"{PKCS12} -pass stdin", typed=b"secret\n"),
    server("p12_prompt", PKCS12, typed=b"secret\n"),
    server("p12_open_with_a_password", "-cert open.p12 -key open.p12 -pass pass:"),
    server("second_env", f"{SECOND} -dpass env:WORD", peer=CHOSEN_SECOND, env=WORD),
    server("second_file", f"{SECOND} -dpass file:password.txt", peer=CHOSEN_SECOND),
    server("second_stdin", f"{SECOND} -dpass stdin", peer=CHOSEN_SECOND, typed=b"secret\n"),
    server("second_prompt", SECOND, peer=CHOSEN_SECOND, typed=b"secret\n"),
    server(
        "second_p12",
        f"{ECDSA} -dcert locked.p12 -dkey locked.p12 -dpass pass:secret",
        peer=CHOSEN_SECOND,
    ),
    server(
        "named_shares_the_first_ones",
        f"{KEY} -pass pass:secret -servername a.example -cert2 rsa.pem -key2 locked.key",
        peer="-servername a.example",
    ),
)


@each(WORKING)
def test_server_reads_its_keys(case: Case, start: Start, workdir: Workdir) -> None:
    compare_servers(start, case, workdir)


def alone(name: str, options: str, shows: str, *, talk: Talk = ()) -> Case:
    return Case(name, f"-accept {{port}} {options}", shows, 1, talk=talk)


FAILING = (
    alone("p12_wrong", f"{PKCS12} -pass pass:wrong", "Could not read server"),
    alone("p12_empty", f"{PKCS12} -pass pass:", "Could not read server"),
    alone("key_empty", f"{KEY} -pass pass:", "Could not read server"),
    alone("key_variable_missing", f"{KEY} -pass env:NOWHERE", "NOWHERE"),
    alone("second_wrong", f"{SECOND} -dpass pass:wrong", "Could not read second"),
    alone("second_source_unknown", f"{SECOND} -dpass foo:bar", "foo:"),
)


@each(FAILING)
def test_server_says_what_is_wrong_with_a_password(case: Case, start: Start, workdir: Workdir) -> None:
    compare_alone(start, "s_server", case, workdir)
