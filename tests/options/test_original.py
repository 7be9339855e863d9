"""The command lines of s_client and s_server beside the original, as far as reading them goes.

Every line ends in a complaint of the reader, so nothing is connected to or listened on: a line that must be
understood ends in an option that does not exist.
"""

from __future__ import annotations

import os
import shlex
import subprocess

import pytest

from support.programs import NOT_INHERITED, need
from tlsdeck.commands.s_client_options import ClientOptions
from tlsdeck.commands.s_server_options import ServerOptions
from tlsdeck.errors import UsageError
from tlsdeck.options import Options, help_text, read

PROGRAMS: dict[str, type[Options]] = {"s_client": ClientOptions, "s_server": ServerOptions}

# Of the symbols that rows require, those the original was built with.
BUILT_WITH = {
    "SSL_trace",
    "ENGINE_by_id",
    "OCSP_RESPONSE_print",
    "OSSL_HTTP_open",
    "SSL_CTX_enable_ct",
    "SSL_CTX_use_psk_identity_hint",
    "SRP_VBASE_new",
    "SSL_CTX_set_tlsext_use_srtp",
    "SSL_get0_next_proto_negotiated",
}


@pytest.fixture(scope="module", autouse=True)
def openssl_is_3_0() -> None:
    need("openssl")
    version = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout
    if not version.startswith("OpenSSL 3.0."):
        pytest.skip(f"the text baseline is OpenSSL 3.0, this is {version.strip()}")


def original(program: str, *argv: str) -> tuple[int, str]:
    """Exit code and stderr."""
    environ = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    done = subprocess.run(
        ["openssl", program, *argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**environ, "LC_ALL": "C.UTF-8"},
        timeout=20,
        check=False,
    )
    return done.returncode, done.stderr


def has(symbol: str) -> bool:
    return symbol in BUILT_WITH


def ours(program: str, *argv: str) -> tuple[int, str]:
    """What a command prints about the error of the reader."""
    with pytest.raises(UsageError) as raised:
        read(PROGRAMS[program], argv, program=program, has=has)
    lines = [raised.value.message] if raised.value.message else []
    if raised.value.hint:
        lines.append(f"{program}: Use -help for summary.")
    return 1, "".join(f"{line}\n" for line in lines)


def without_ours(theirs: list[str], mine: list[str]) -> tuple[list[str], list[str]]:
    """Without the section of our own, and without what the original has elsewhere of it."""
    if "tlsdeck options:" not in mine:
        return theirs, mine
    start = mine.index("tlsdeck options:") - 1
    end = mine.index("", start + 1) if "" in mine[start + 1 :] else len(mine)
    moved = {line.split()[0] for line in mine[start + 2 : end]}
    return [line for line in theirs if not moved.intersection(line.split()[:1])], mine[:start] + mine[end:]


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_lists_the_same_options_in_the_same_places(program: str) -> None:
    """The explanations are our own; headlines, names, words for values, order and columns are not."""
    code, printed = original(program, "-help")
    theirs = printed.splitlines()
    mine = help_text(PROGRAMS[program], program, has=has).splitlines()
    column = theirs[3].index("Display")
    assert code == 0
    assert theirs[3][:column] == mine[3][:column] == " -help".ljust(column)
    # The one explanation of two lines (-no_proxy) has one with us.
    theirs = [line for line in theirs if not line.startswith(" " * column)]
    theirs, mine = without_ours(theirs, mine)
    assert [line[:column] if line.startswith(" ") else line for line in mine] == [
        line[:column] if line.startswith(" ") else line for line in theirs
    ]
    assert all(line[column - 2 : column] == "  " != line[column] for line in mine if line.startswith(" "))


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_option_is_known_and_wants_a_value_when_theirs_does(program: str) -> None:
    for row in PROGRAMS[program].rows:
        if row.section.title == "tlsdeck" or row.hidden or (row.requires and not has(row.requires)):
            continue
        argv = [f"-{row.name}"] if row.takes_value else [f"-{row.name}=x"]
        assert ours(program, *argv) == original(program, *argv), row


BOTH = [
    # the words
    "-foo",
    "--foo",
    "---foo",
    "-",
    "-foo=1",
    "-foo -help",
    "-Quiet",
    "-QUIET",
    "-qui",
    "-ssl2",
    "-ssl3",
    "-sctp",
    "-sctp_label_bug",
    "-ecdh_single",
    "-quiet=1",
    "-quiet=",
    "-help=1",
    "-cert",
    "-cert= -foo",
    "-cert -foo -foo",
    "--cert=a=b --foo",
    "x y",
    "x -help",
    "-quiet x y",
    "-- -foo x",
    "'' x",
    # numbers
    "-verify_depth x",
    "-verify_depth ''",
    "-verify_depth=",
    "-verify_depth 08",
    "-verify_depth -09",
    "-verify_depth 0x",
    "-verify_depth 0X1g",
    "-verify_depth 0x-1",
    "-verify_depth '5 '",
    "-verify_depth ' 5' -foo",
    "-verify_depth +5 -foo",
    "-verify_depth -5 -foo",
    "-verify_depth 0x1F -foo",
    "-verify_depth 017 -foo",
    "-verify_depth 00 -foo",
    "-verify_depth +-1",
    "-verify_depth 1_0",
    "-verify_depth ٣",
    "-verify_depth 2147483647 -foo",
    "-verify_depth 2147483648",
    "-verify_depth -2147483648 -foo",
    "-verify_depth -2147483649",
    "-verify_depth 99999999999999999999",
    "-attime x",
    "-attime 09",
    "-attime=-5 -foo",
    "-attime 9223372036854775807 -foo",
    "-attime 9223372036854775808",
    "-port 0",
    "-port -5",
    "-port 0x0",
    "-port x",
    "-port ''",
    "-port 99999 -foo",
    "-keymatexportlen 0",
    "-mtu 0",
    "-read_buf 0",
    "-max_send_frag 0",
    "-split_send_frag 0",
    "-max_pipelines 0",
    # other kinds of value
    "-CApath /nonexistent",
    "-CApath /etc/passwd",
    "-CApath=",
    "-CApath . -foo",
    "-chainCApath /nonexistent",
    "-verifyCApath /nonexistent",
    "-CAfile /nonexistent -foo",
    "-certform P12",
    "-certform ENGINE",
    "-certform XX",
    "-certform ''",
    "-certform Pem",
    "-certform d -foo",
    "-certform p -foo",
    "-CRLform NSS",
    "-xcertform MSBLOB",
    "-xkeyform http",
    "-keyform XX",
    "-keyform Pem",
    "-keyform b64",
    "-keyform engine -foo",
    "-psk xyz",
    "-psk 0x12",
    "-psk= -foo",
    "-psk 1a2B -foo",
    # versions
    "-tls1 -tls1_1",
    "-tls1 -tls1",
    "-dtls -tls1_3",
    "-dtls1 -dtls1_2",
    "-no_tls1 -tls1",
    "-tls1 -no_tls1_1",
    "-no_ssl3 -dtls",
    "-tls1_2 -no_tls1_3 -foo",
    "-no_tls1 -no_tls1_1 -foo",
    "-tls1 -cert",
    "-tls1 -tls1_1 -foo",
    "-tls1_3 -nextprotoneg x",
    "-nextprotoneg x -tls1_3",
    "-tls1_3 -nextprotoneg=",
    "-dtls -unix x",
    "-unix x -dtls1_2",
]

CLIENT = [
    "-connect a b",
    "-connect a -- b",
    "-connect= b",
    "-port 017 -4 -6",
    "-verify 0",
    "-verify -1",
    "-srp_strength 0",
    "-maxfraglen 0",
    "-keyform P12",
    "-keyform MSBLOB",
    "-keyform E -foo",
    "-4 -6",
    "-6 -4",
    "-4 -6 x y",
    "-4 -6 -servername x -noservername",
    "-servername x -noservername",
    "-noservername -servername=",
    "-noservername -dane_tlsa_domain x",
    "-noservername -servername x -nextprotoneg a -tls1_3",
    "-proxy x",
    "-proxy x -port 5",
    "-proxy x -dtls -unix y",
    "-proxy_pass pass:x",
    "-proxy x -proxy_pass pass:x",
    "-unix x -4",
    "-unix x -6 -foo",
    "-unix x -host y",
    "-unix x -port 5",
    "-unix x -connect y",
    "-4 -unix x",
    "-connect y -unix x",
    "-host y -unix x -unix z",
    "-port 5 -unix x",
    "-unix x -unix y -foo",
    "-bind x -unix y -foo",
    "-starttls x",
    "-starttls=",
    "-starttls SMTP",
    "-starttls xmpp-serve",
    "-starttls xmpp-server -foo",
    "-Verify 3",
    "-no_ssl2",
    "-hack",
    "-cert2 x",
    "-accept 5",
    "-num_tickets 3",
]

SERVER = [
    "x",
    "-tls1_3 -nextprotoneg a x",
    "-keyform P12 x",
    "-keyform MSBLOB x",
    "-dkeyform XX",
    "-dkeyform smime x",
    "-naccept 0",
    "-naccept 0x",
    "-naccept 0x10 -foo",
    "-status_timeout x",
    "-status_timeout -5 -foo",
    "-num_tickets x",
    "-num_tickets -1 -foo",
    "-max_early_data -1",
    "-max_early_data x",
    "-max_early_data 0 -foo",
    "-recv_max_early_data -1",
    "-dtls -www",
    "-dtls -WWW",
    "-HTTP -dtls",
    "-dtls -rev",
    "-dtls -rev -www",
    "-listen",
    "-listen -tls1_2",
    "-listen -www -dtls",
    "-stateless -dtls",
    "-stateless -listen",
    "-early_data -www",
    "-early_data -WWW",
    "-HTTP -early_data",
    "-rev -early_data",
    "-early_data -WWW -dtls",
    "-sendfile",
    "-sendfile -www",
    "-sendfile -WWW -www",
    "-unix x -4 -dtls -www",
    "-4 -6 x",
    "-4 -unix x x",
    "-starttls smtp",
    "-connect x",
    "-servername x -noservername",
    "-quiet -verify 3 -foo",
]

LINES = [
    *(("s_client", line) for line in BOTH + CLIENT),
    *(("s_server", line) for line in BOTH + SERVER),
]


@pytest.mark.parametrize("program, line", LINES)
def test_complaint(program: str, line: str) -> None:
    argv = shlex.split(line)
    assert ours(program, *argv) == original(program, *argv)
