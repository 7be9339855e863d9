"""s_server beside the original: the same command line, the same client, the same words typed.

Both servers must print the same on stdout and on stderr, end with the same exit code, write the same files, and the
client must have seen the same. Where ours differs on purpose, a test at the end says so.
"""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from support.fixtures import Run, Start, Workdir
from support.normalize import normalize
from support.oracle import (
    AHOY,
    FAILS,
    NOTHING,
    PING,
    Case,
    OnServer,
    Talk,
    assert_about,
    assert_same,
    compare_servers,
    each,
    play_alone,
    play_server,
)
from support.peers import free_port, start_server
from support.programs import OPENSSL, OURS, Eof, Finished, Running, Until, wait_for

RSA = "-cert rsa.pem -key rsa.key"
ECDSA = "-cert ecdsa.pem -key ecdsa.key"
LEVEL_0 = "-cipher ALL@SECLEVEL=0"

REPORTED = OnServer(Until("Secure Renegotiation IS"))


def server(
    name: str,
    options: str,
    shows: str,
    code: int = 0,
    *,
    peer: str = "",
    talk: Talk = AHOY,
    files: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
    typed: bytes = b"",
    varying: bool = False,
    renegotiates: bool = False,
) -> Case:
    """A case with rsa.pem as the server's certificate, unless its options say something about that."""
    if not re.search(r"-(cert|nocert)\b", options):
        options = f"{RSA} {options}"
    return Case(name, options, shows, code, peer, talk, files, env or {}, typed, varying, renegotiates)


VERSIONS = (
    server("default", "", "CIPHER is TLS_AES_256_GCM_SHA384"),
    server("tls1_2", "-tls1_2", "CIPHER is ECDHE-RSA-AES256-GCM-SHA384"),
    server("tls1_3", "-tls1_3", "CIPHER is TLS_AES_256_GCM_SHA384"),
    server("client_tls1_2", "", "CIPHER is ECDHE-RSA-AES256-GCM-SHA384", peer="-tls1_2"),
    server("no_tls1_3", "-no_tls1_3", "CIPHER is ECDHE-RSA-AES256-GCM-SHA384"),
    server("max_protocol", "-max_protocol TLSv1.2", "CIPHER is ECDHE-RSA-AES256-GCM-SHA384"),
    server("min_protocol", "-min_protocol TLSv1.3", "unsupported protocol", peer="-tls1_2", talk=FAILS),
    server("only_1_3", "-tls1_3", "unsupported protocol", peer="-tls1_2", talk=FAILS),
    server("only_1_2", "-tls1_2", "unsupported protocol", peer="-tls1_3", talk=FAILS),
    server("tls1_1_at_level_0", f"-tls1_1 {LEVEL_0}", "CIPHER is ECDHE-RSA-AES256-SHA", peer=LEVEL_0),
    server("tls1_at_level_0", f"-tls1 {LEVEL_0}", "CIPHER is ECDHE-RSA-AES256-SHA", peer=LEVEL_0),
)

SETTINGS = (
    server("cipher", "-tls1_2 -cipher AES128-SHA", "CIPHER is AES128-SHA"),
    server("cipher_dhe", "-cipher DHE-RSA-AES128-SHA256 -tls1_2", "CIPHER is DHE-RSA-AES128-SHA256"),
    server(
        "cipher_disjoint",
        "-tls1_2 -cipher AES128-SHA",
        "no shared cipher",
        peer="-cipher AES256-SHA",
        talk=FAILS,
    ),
    server("ciphersuites", "-ciphersuites TLS_AES_128_GCM_SHA256", "CIPHER is TLS_AES_128_GCM_SHA256"),
    server("no_dhe", "-no_dhe -tls1_2", "CIPHER is ECDHE"),
    server("groups", "-groups P-521", "Shared groups: secp521r1"),
    server("groups_disjoint", "-groups X448", "no suitable key share", peer="-groups P-256", talk=FAILS),
    server("named_curve", "-named_curve P-384", "Shared groups: secp384r1"),
    server("sigalgs", "-sigalgs RSA-PSS+SHA512", "Shared Signature Algorithms: RSA-PSS+SHA512"),
    server("serverpref", "-serverpref -tls1_2 -cipher AES128-SHA:AES256-SHA", "CIPHER is AES128-SHA"),
    server(
        "prioritize_chacha",
        "-serverpref -prioritize_chacha -tls1_2",
        "CHACHA20-POLY1305",
        peer="-cipher ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256",
    ),
    server("no_ticket_1_2", "-no_ticket -tls1_2", "CIPHER is"),
    server("no_ticket_1_3", "-no_ticket", "CIPHER is"),
    server("num_tickets_0", "-num_tickets 0", "CIPHER is"),
    server("num_tickets_5", "-num_tickets 5", "CIPHER is"),
    server("no_renegotiation", "-no_renegotiation -tls1_2", "Renegotiation is DISABLED"),
    server("legacy_renegotiation", "-legacy_renegotiation -tls1_2", "Secure Renegotiation IS supported"),
    server("no_etm", "-no_etm -tls1_2 -cipher AES128-SHA", "CIPHER is AES128-SHA"),
    server("no_middlebox", "-no_middlebox", "CIPHER is"),
    server("record_padding", "-record_padding 128", "CIPHER is"),
    server("anti_replay", "-anti_replay", "CIPHER is"),
    server("no_anti_replay", "-no_anti_replay", "CIPHER is"),
    server("strict", "-strict", "CIPHER is"),
    server("bugs_comp", "-bugs -comp", "CIPHER is"),
    server("context", "-context abc", "CIPHER is"),
    server("alpn", "-alpn h2,http/1.1", "ALPN protocols selected: http/1.1", peer="-alpn x,http/1.1"),
    server("alpn_order_is_the_servers", "-alpn h2,http/1.1", "selected: h2", peer="-alpn http/1.1,h2"),
    server("alpn_disjoint", "-alpn h2", "no application protocol", peer="-alpn spdy/3", talk=FAILS),
    server("alpn_unasked", "-alpn h2", "CIPHER is"),
    server("keymatexport", "-keymatexport EXPORTER-test", "Keying material: <20 bytes>"),
    server("keymatexport_len", "-keymatexport EXPORTER-test -keymatexportlen 20 -tls1_2", "Length: 20 bytes"),
)

TWO_NAMES = f"{RSA} -servername www.example.org -cert2 ecdsa.pem -key2 ecdsa.key"

CERTIFICATES = (
    server("ecdsa", ECDSA, "CIPHER is TLS_AES_256_GCM_SHA384", varying=True),
    server("ecdsa_1_2", f"{ECDSA} -tls1_2", "CIPHER is ECDHE-ECDSA-AES256-GCM-SHA384", varying=True),
    server("ed25519", "-cert ed25519.pem -key ed25519.key", "CIPHER is"),
    server("ed25519_1_2", "-cert ed25519.pem -key ed25519.key -tls1_2", "CIPHER is ECDHE-ECDSA"),
    server("key_in_the_same_file", "-cert both.pem", "CIPHER is"),
    server("der", "-cert rsa.der -certform DER -key rsakey.der -keyform DER", "CIPHER is"),
    server("p12", "-cert locked.p12 -pass pass:secret", "Enter pass phrase for PKCS12", typed=b"secret\n"),
    server("p12_open", "-cert open.p12 -key open.p12", "CIPHER is"),
    server("pass_stdin", "-cert rsa.pem -key locked.key -pass stdin", "CIPHER is", typed=b"secret\n"),
    server(
        "pass_prompt", "-cert rsa.pem -key locked.key", "Enter pass phrase for locked.key:", typed=b"secret\n"
    ),
    server("pass_pass", "-cert rsa.pem -key locked.key -pass pass:secret", "CIPHER is"),
    server("pass_env", "-cert rsa.pem -key locked.key -pass env:WORD", "CIPHER is", env={"WORD": "secret"}),
    server("pass_file", "-cert rsa.pem -key locked.key -pass file:password.txt", "CIPHER is"),
    server("chain", "-cert chain.pem -key chain.key -cert_chain inter.pem", "CIPHER is", peer="-showcerts"),
    server(
        "chain_from_cafile",
        "-cert chain.pem -key chain.key -CAfile inter.pem",
        "CIPHER is",
        peer="-showcerts",
    ),
    server(
        "build_chain",
        "-cert chain.pem -key chain.key -CAfile cas.pem -build_chain",
        "CIPHER is",
        peer="-showcerts",
    ),
    server(
        "dcert_is_chosen",
        f"{RSA} -dcert ecdsa.pem -dkey ecdsa.key",
        "CIPHER is ECDHE-ECDSA",
        peer="-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256",
        varying=True,
    ),
    server(
        "dcert_is_not_chosen",
        f"{RSA} -dcert ecdsa.pem -dkey ecdsa.key",
        "CIPHER is ECDHE-RSA",
        peer="-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256",
    ),
    server(
        "dcert_locked",
        "-cert ecdsa.pem -key ecdsa.key -dcert rsa.pem -dkey locked.key -dpass pass:secret",
        "CIPHER is ECDHE-RSA",
        peer="-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256",
    ),
    server("nocert", "-nocert", "no shared cipher", peer="-tls1_2", talk=FAILS),
    server(
        "anonymous",
        "-nocert -cipher aNULL@SECLEVEL=0",
        "CIPHER is ADH-",
        peer="-tls1_2 -cipher aNULL@SECLEVEL=0",
    ),
    server(
        "servername", TWO_NAMES, "Switching server context.", peer="-servername www.example.org", varying=True
    ),
    server(
        "servername_other_case",
        TWO_NAMES,
        "Switching server context.",
        peer="-servername WWW.example.ORG",
        varying=True,
    ),
    server(
        "servername_1_2",
        f"{TWO_NAMES} -tls1_2",
        'Hostname in TLS extension: "www.example.org"',
        peer="-servername www.example.org",
        varying=True,
    ),
    server(
        "servername_other", TWO_NAMES, 'Hostname in TLS extension: "a.example"', peer="-servername a.example"
    ),
    server("servername_other_1_2", f"{TWO_NAMES} -tls1_2", "CIPHER is", peer="-servername a.example -state"),
    server("servername_none", TWO_NAMES, "CIPHER is", peer="-noservername"),
    server(
        "servername_fatal",
        f"{TWO_NAMES} -servername_fatal",
        "callback failed",
        peer="-servername a.example",
        talk=FAILS,
    ),
    server("cert2_without_servername", f"{RSA} -cert2 nowhere.pem", "CIPHER is"),
)

CLIENT_CERT = "-cert client.pem -key client.key"

CLIENT_CERTIFICATES = (
    server("verify", "-verify 3 -CAfile root.pem", "Client certificate\n", peer=CLIENT_CERT),
    server("verify_1_2", "-verify 3 -CAfile root.pem -tls1_2", "Client certificate\n", peer=CLIENT_CERT),
    server("verify_none_sent", "-verify 3 -CAfile root.pem", "verify depth is 3\n"),
    server("verify_unknown_tolerated", "-verify 3", "verify error:num=20", peer=CLIENT_CERT),
    server(
        "verify_stranger_tolerated",
        "-verify 3 -CAfile root.pem",
        "self-signed certificate",
        peer="-cert stranger.pem -key stranger.key",
    ),
    server(
        "verify_return_error",
        "-verify 3 -verify_return_error -CAfile root.pem",
        "certificate verify failed",
        peer="-cert stranger.pem -key stranger.key",
        talk=FAILS,
    ),
    server(
        "verify_return_error_1_2",
        "-verify 3 -verify_return_error -CAfile root.pem -tls1_2",
        "certificate verify failed",
        peer="-cert stranger.pem -key stranger.key",
        talk=FAILS,
    ),
    server(
        "Verify",
        "-Verify 3 -CAfile root.pem",
        "verify depth is 3, must return a certificate",
        peer=CLIENT_CERT,
    ),
    server("Verify_none_sent", "-Verify 3 -CAfile root.pem", "peer did not return a certificate", talk=FAILS),
    server(
        "Verify_none_sent_1_2",
        "-Verify 3 -CAfile root.pem -tls1_2",
        "peer did not return a certificate",
        talk=FAILS,
    ),
    server(
        "Verify_none_sent_quiet",
        "-quiet -Verify 3 -CAfile root.pem",
        "peer did not return a certificate",
        talk=FAILS,
    ),
    server(
        "verify_quiet", "-verify 3 -verify_quiet -CAfile root.pem", "Client certificate\n", peer=CLIENT_CERT
    ),
    server(
        "verify_brief",
        "-verify 3 -brief -CAfile root.pem",
        "Peer certificate: C = DE",
        peer=CLIENT_CERT,
        talk=(b"ahoy\n", OnServer(Until("ahoy")), Eof()),
    ),
    server(
        "verify_nameopt",
        "-verify 3 -CAfile root.pem -nameopt RFC2253",
        "depth=0 CN=a client",
        peer=CLIENT_CERT,
    ),
    server(
        "verify_purpose",
        "-verify 3 -CAfile root.pem -purpose sslserver",
        "unsuitable certificate purpose",
        peer=CLIENT_CERT,
    ),
    server(
        "verify_depth_option", "-verify 3 -CAfile root.pem -verify_depth 0", "CIPHER is", peer=CLIENT_CERT
    ),
    server(
        "client_sigalgs",
        "-verify 3 -CAfile root.pem -client_sigalgs RSA-PSS+SHA384",
        "Peer signing digest: SHA384",
        peer=CLIENT_CERT,
    ),
    server(
        "no_ca_names", "-verify 3 -CAfile root.pem -no_ca_names", "Client certificate\n", peer=CLIENT_CERT
    ),
    server("not_asked_for", "-CAfile root.pem", "CIPHER is", peer=CLIENT_CERT),
)

SHOWN = (
    server("brief", "-brief", "Protocol version: TLSv1.3"),
    server("brief_1_2", "-brief -tls1_2", "Supported groups: "),
    server("brief_failure", "-brief -tls1_3", "unsupported protocol", peer="-tls1_2", talk=FAILS),
    server("quiet", "-quiet", "ahoy"),
    server("quiet_failure", "-quiet -tls1_3", "unsupported protocol", peer="-tls1_2", talk=FAILS),
    server("state", "-state", "SSL_accept:SSLv3/TLS read client hello"),
    server("state_1_2", "-state -tls1_2", "SSL_accept:SSLv3/TLS write server done"),
    server(
        "state_alert",
        "-state -tls1_3",
        "SSL3 alert write:fatal:protocol version",
        peer="-tls1_2",
        talk=FAILS,
    ),
    server("msg", "-msg -num_tickets 0", "<<< TLS 1.3, Handshake [length"),
    server("msg_1_2", "-msg -tls1_2 -no_ticket", ">>> TLS 1.2, Handshake [length"),
    server("msg_quiet", "-msg -quiet -num_tickets 0", "<<< TLS 1.3, Handshake [length"),
    server("debug", "-debug -num_tickets 0", "read from <address> [<address>]"),
    server("debug_1_2", "-debug -tls1_2 -no_ticket", "write to <address> [<address>]"),
    server("debug_quiet", "-debug -quiet -num_tickets 0", "CIPHER is"),
    server("tlsextdebug", "-tlsextdebug", 'TLS client extension "supported versions" (id=43)'),
    server("tlsextdebug_1_2", "-tlsextdebug -tls1_2", 'TLS client extension "session ticket" (id=35), len=0'),
    server("keylogfile", "-keylogfile keys.log", "CIPHER is", files=("keys.log",)),
    server("keylogfile_1_2", "-keylogfile keys.log -tls1_2", "CIPHER is", files=("keys.log",)),
)

TALKING = (
    server("speaks", "", "CIPHER is", talk=(REPORTED, OnServer(b"well met\n"), Until("well met"), Eof())),
    server(
        "speaks_quiet",
        "-quiet",
        "ahoy",
        talk=(b"ahoy\n", OnServer(Until("ahoy")), OnServer(b"well met\n"), Until("well met"), Eof()),
    ),
    server(
        "speaks_crlf",
        "-crlf -tls1_2",
        "CIPHER is",
        talk=(REPORTED, OnServer(b"one\ntwo\n"), Until("two\r\n"), Eof()),
    ),
    server(
        "large", "-tls1_2", "the end", talk=(b"x" * 100_000 + b"the end\n", OnServer(Until("the end")), Eof())
    ),
    server("letter_q", "", "CONNECTION CLOSED", talk=(*AHOY[:2], OnServer(b"q\n"))),
    server("letter_q_1_2", "-tls1_2", "CONNECTION CLOSED", talk=(*AHOY[:2], OnServer(b"q\n"))),
    server("letter_q_word", "", "CONNECTION CLOSED", talk=(*AHOY[:2], OnServer(b"quux\n"))),
    server("letter_Q", "", "shutdown accept socket", talk=(*AHOY[:2], OnServer(b"Q\n"))),
    server("end_of_input", "", "shutdown accept socket", talk=(*AHOY[:2], OnServer(Eof()))),
    server(
        "letter_r",
        "-tls1_2",
        "SSL_do_handshake -> 1",
        peer="-state",
        talk=(
            *AHOY[:2],
            OnServer(b"r\n"),
            OnServer(Until("SSL_do_handshake -> 1")),
            Until("negotiation finished", 2),
            b"again\n",
            OnServer(Until("again")),
            Eof(),
        ),
        renegotiates=True,
    ),
    server(
        "letter_r_not_alone_is_data",
        "-tls1_2",
        "CIPHER is",
        talk=(*AHOY[:2], OnServer(b"rx\n"), Until("rx\n"), Eof()),
    ),
    server(
        "letter_R_gets_a_certificate",
        "-tls1_2 -CAfile root.pem -no_resumption_on_reneg",
        "depth=0 C = DE, O = tlsdeck, CN = a client",
        peer=CLIENT_CERT,
        talk=(
            *AHOY[:2],
            OnServer(b"R\n"),
            OnServer(Until("CN = a client")),
            b"again\n",
            OnServer(Until("again")),
            Eof(),
        ),
        renegotiates=True,
    ),
    server(
        "letter_k",
        "",
        "SSL_do_handshake -> 1",
        talk=(
            *AHOY[:2],
            OnServer(b"k\n"),
            OnServer(Until("SSL_do_handshake -> 1")),
            b"again\n",
            OnServer(Until("again")),
            Eof(),
        ),
    ),
    server(
        "letter_K",
        "",
        "SSL_do_handshake -> 1",
        talk=(
            *AHOY[:2],
            OnServer(b"K\n"),
            OnServer(Until("SSL_do_handshake -> 1")),
            b"again\n",
            OnServer(Until("again")),
            Eof(),
        ),
    ),
    server(
        "letter_c",
        "-CAfile root.pem",
        "depth=0 C = DE, O = tlsdeck, CN = a client",
        peer=f"{CLIENT_CERT} -enable_pha",
        talk=(
            *AHOY[:2],
            OnServer(b"c\n"),
            OnServer(Until("CN = a client")),
            b"again\n",
            OnServer(Until("again")),
            Eof(),
        ),
    ),
    server(
        "letter_c_refused",
        "-CAfile root.pem",
        "Failed to initiate request",
        talk=(*AHOY[:2], OnServer(b"c\n"), OnServer(Until("Failed to initiate request")), Eof()),
    ),
    server("letter_P", "", "CIPHER is", talk=(*AHOY[:2], OnServer(b"P\n"))),
    server(
        "letter_S",
        "",
        "1 server accepts that finished",
        talk=(*AHOY[:2], OnServer(b"S\n"), Until("\nS\n"), Eof()),
    ),
    server(
        "letters_are_data_when_quiet",
        "-quiet",
        "ahoy",
        talk=(*AHOY[:2], OnServer(b"S\n"), Until("\nS\n"), Eof()),
    ),
    server(
        "client_renegotiates",
        "-tls1_2 -client_renegotiation",
        "CIPHER is",
        talk=(
            *AHOY[:2],
            b"R\n",
            Until("RENEGOTIATING"),
            Until("depth=0", 4),
            b"again\n",
            OnServer(Until("again")),
            Eof(),
        ),
        renegotiates=True,
    ),
    server("client_may_not_renegotiate", "-tls1_2", "CIPHER is", talk=(*AHOY[:2], b"R\n")),
    server(
        "client_asks_for_new_keys",
        "-msg -num_tickets 0",
        "KeyUpdate",
        talk=(*AHOY[:2], b"K\n", Until("KEYUPDATE"), b"again\n", OnServer(Until("again")), Eof()),
    ),
    server("rev", "-rev", "CONNECTION ESTABLISHED", talk=PING),
    server("rev_1_2", "-rev -tls1_2", "CONNECTION CLOSED", talk=PING),
    server("rev_quiet", "-rev -quiet", "CONNECTION ESTABLISHED", talk=PING),
    server("rev_close", "-rev", "CONNECTION CLOSED", talk=(b"abc\n", Until("cba"), b"CLOSE\n")),
    server(
        "rev_close_ign_eof", "-rev -ign_eof", "CONNECTION CLOSED", talk=(b"CLOSE\n", Until("ESOLC"), Eof())
    ),
    server("rev_crlf", "-rev", "CONNECTION CLOSED", peer="-crlf", talk=PING),
    server("rev_failure", "-rev -tls1_3", "CONNECTION FAILURE", peer="-tls1_2", talk=FAILS),
    server(
        "rev_many_lines", "-rev", "CONNECTION CLOSED", talk=(b"abc\n\ndef\n", Until("cba\n\nfed\n"), Eof())
    ),
)


@each([*VERSIONS, *SETTINGS, *CERTIFICATES, *CLIENT_CERTIFICATES, *SHOWN, *TALKING])
def test_server_is_the_original_to_the_letter(case: Case, start: Start, workdir: Workdir) -> None:
    compare_servers(start, case, workdir)


alone = partial(Case, code=1, talk=NOTHING)

HINT = "s_server: Use -help for summary."

COMMAND_LINES = (
    alone("unknown_option", "-nosuch", f"s_server: Unknown option: -nosuch\n{HINT}"),
    alone("unknown_ssl2", "-ssl2", "s_server: Unknown option: -ssl2"),
    alone("unknown_ssl3", "-ssl3", "s_server: Unknown option: -ssl3"),
    alone("unknown_of_the_client", "-connect a", "s_server: Unknown option: -connect"),
    alone("value_missing", "-cert", "s_server: Option -cert needs a value"),
    alone("value_unwanted", "-www=yes", "s_server: Option -www does not take a value"),
    alone("number_bad", "-naccept x", 'Can\'t parse "x" as a number'),
    alone("number_zero", "-naccept 0", 'Non-positive number "0" for option -naccept'),
    alone("port_zero", "-port 0", 'Non-positive number "0" for option -port'),
    alone("verify_bad", "-verify x", 'Can\'t parse "x" as a number'),
    alone("accept_malformed", "-accept ::1:44", "-accept argument malformed or ambiguous"),
    alone("accept_unclosed", "-accept [::1", "-accept argument malformed or ambiguous"),
    alone("directory_missing", "-CApath nowhere", "s_server: Not a directory: nowhere"),
    alone("format_bad", "-certform XX", 'Invalid format "XX" for option -certform'),
    alone("format_p12", "-certform P12", 'Invalid format "P12" for option -certform'),
    alone("word_left", "word", HINT),
    alone("protocol_twice", "-tls1_2 -tls1_3", "Cannot supply multiple protocol flags"),
    alone("protocol_and_no", "-tls1_2 -no_tls1_3", "Cannot supply both a protocol flag and '-no_<prot>'"),
    alone("purpose_bad", "-purpose nonsense", "s_server: Invalid purpose nonsense"),
)

FILES = (
    alone("cert_missing", "-cert nowhere.pem", "Could not open file or uri for loading server certificate"),
    alone("cert_missing_key_there", "-cert nowhere.pem -key rsa.key", "loading server certificate from"),
    alone("cert_junk", "-cert junk.pem -key rsa.key", "Could not read server certificate from junk.pem"),
    alone("cert_empty", "-cert empty.pem -key rsa.key", "Could not read server certificate from empty.pem"),
    alone("key_missing", "-cert rsa.pem -key nowhere.key", "server certificate private key from nowhere.key"),
    alone("key_not_in_cert_file", "-cert rsa.pem", "Could not read server certificate private key"),
    alone("key_of_another", "-cert rsa.pem -key client.key", "key values mismatch"),
    alone("key_of_another_kind", "-cert rsa.pem -key ecdsa.key", "Private key does not match"),
    alone("key_engine_without_engine", f"{RSA} -keyform ENGINE", "No engine specified"),
    alone("chain_missing", f"{RSA} -cert_chain nowhere.pem", "server certificate chain"),
    alone("chain_unbuildable", "-cert chain.pem -key chain.key -build_chain", "error building certificate"),
    alone(
        "chain_incomplete",
        "-cert chain.pem -key chain.key -cert_chain inter.pem -CAfile root.pem -build_chain",
        "error building certificate chain",
    ),
    alone("dcert_missing", f"{RSA} -dcert nowhere.pem", "nowhere.pem"),
    alone("dkey_of_another", f"{RSA} -dcert ecdsa.pem -dkey client.key", "key values mismatch"),
    alone("cert2_missing", f"{RSA} -servername a -cert2 nowhere.pem", "second server certificate"),
    alone("cert2_default_missing", f"{RSA} -servername a", "server2.pem"),
    alone("cafile_missing", f"{RSA} -CAfile nowhere.pem", "No such file or directory"),
    alone("cafile_junk", f"{RSA} -CAfile junk.pem", "no certificate or crl found"),
    alone("password_wrong", "-cert rsa.pem -key locked.key -pass pass:wrong", "Could not read server"),
    alone("password_wrong_p12", "-cert locked.p12 -pass pass:wrong", "Could not read server certificate"),
    alone(
        "password_file_missing", "-cert rsa.pem -key locked.key -pass file:nowhere", "Error getting password"
    ),
    alone("password_without_colon", "-cert rsa.pem -key locked.key -pass secret", "missing ':' within"),
    alone(
        "keylogfile_unwritable", f"{RSA} -no_dhe -keylogfile nowhere/keys.log", "Error writing keylog file"
    ),
    alone("cipher", f"{RSA} -cipher NOSUCH", "Call to SSL_CONF_cmd(-cipher, NOSUCH) failed"),
    alone("groups", f"{RSA} -groups NOSUCH", "Call to SSL_CONF_cmd(-groups, NOSUCH) failed"),
    alone("named_curve", f"{RSA} -named_curve a:b", "Call to SSL_CONF_cmd(-named_curve, a:b) failed"),
    alone("min_protocol", f"{RSA} -min_protocol X", "Call to SSL_CONF_cmd(-min_protocol, X) failed"),
    alone("num_tickets", f"{RSA} -num_tickets -1", "-num_tickets"),
    alone("client_only", f"{RSA} -legacy_server_connect", "-legacy_server_connect, <NULL>) failed"),
    alone("debug_broken_protocol", f"{RSA} -debug_broken_protocol", "-debug_broken_protocol, <NULL>) failed"),
)


@each([*COMMAND_LINES, *FILES])
def test_server_that_never_listens_is_the_original(case: Case, start: Start, workdir: Workdir) -> None:
    case = replace(case, options=f"-accept 127.0.0.1:0 {case.options}")
    original = play_alone(start, OPENSSL, "s_server", case, workdir("original"))
    assert_about(case, original)
    assert "ACCEPT" not in original.tested.out
    assert_same(play_alone(start, OURS, "s_server", case, workdir("ours")), original)


# --- where it listens, and how long ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        "-accept 0",
        "-accept :0",
        "-accept *:0",
        "-accept 127.0.0.1:0",
        "-accept localhost:0 -4",
        "-accept 0 -4",
        "-accept 127.0.0.1:",
        "-accept={port}",
        "-accept 127.0.0.1:{port}",
        "-port {port}",
        "-port {port} -4",
        "-accept a:1 -port {port}",
        "-unix a.sock",
        "-port {port} -unix a.sock",
        "-unix a.sock -accept 127.0.0.1:0",
        "-quiet -port {port}",
        "-brief -port {port}",
        "-www -port {port}",
    ],
)
def test_server_says_that_it_listens(options: str, start: Start, workdir: Workdir) -> None:
    def listen(program: Sequence[str]) -> tuple[str, str]:
        words = options.replace("{port}", str(free_port())).split()
        process = start([*program, "s_server", *RSA.split(), *words], workdir(program[-1]))
        if "-quiet" in words or "-brief" in words:
            wait_for("it runs", lambda: process.popen.poll() is None)
        else:
            process.until("ACCEPT")
            wait_for("a whole line", lambda: process.out.endswith("\n"))
        process.stop()
        return normalize(process.out), normalize(process.err)

    original = listen(OPENSSL)
    assert ("ACCEPT" in original[0]) == ("-quiet" not in options and "-brief" not in options)
    assert listen(OURS) == original


def test_server_serves_one_after_the_other_and_counts(start: Start, workdir: Workdir) -> None:
    def three(program: Sequence[str]) -> list[Finished]:
        directory = workdir(program[-1])
        process, port = begin(start, program, f"-naccept 3 {RSA}", directory)
        reports: list[Finished] = []
        for options in ("-tls1_2 -sess_out s.pem", "-tls1_2 -sess_in s.pem", "-tls1_3"):
            words = f"-connect 127.0.0.1:{port} {options}".split()
            client = start([*OPENSSL, "s_client", *words], directory)
            client.talk([b"ahoy\n"])
            process.until("ahoy", len(reports) + 1)
            client.eof()
            reports.append(comparable(client.finish()))
        return [*reports, comparable(process.finish())]

    original = three(OPENSSL)
    assert "Reused session-id" in original[-1].out
    assert "   3 server accepts that finished" in original[-1].out
    assert three(OURS) == original


def test_server_goes_on_after_a_failed_handshake(start: Start, workdir: Workdir) -> None:
    def bad_then_good(program: Sequence[str]) -> Finished:
        directory = workdir(program[-1])
        process, port = begin(start, program, f"-naccept 4 {RSA} -tls1_3", directory)
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            plain.recv(1024)
        process.until("CONNECTION CLOSED")
        with socket.create_connection(("127.0.0.1", port)) as silent:
            silent.shutdown(socket.SHUT_WR)
            silent.recv(1024)
        process.until("CONNECTION CLOSED", 2)
        for options in ("-tls1_2", "-tls1_3"):
            words = f"-connect 127.0.0.1:{port} {options}".split()
            client = start([*OPENSSL, "s_client", *words], directory)
            client.talk([b"ahoy\n"])
            process.until("ahoy" if options == "-tls1_3" else "unsupported protocol")
            client.eof()
            client.finish()
        return comparable(process.finish())

    original = bad_then_good(OPENSSL)
    assert "http request" in original.err
    assert "unexpected eof" in original.err
    assert "ahoy" in original.out
    assert bad_then_good(OURS) == original


def test_server_whose_input_has_ended_ends_with_its_first_client(start: Start, workdir: Workdir) -> None:
    def closed(program: Sequence[str]) -> Finished:
        process, port = begin(start, program, RSA, workdir(program[-1]))
        process.eof()
        with socket.create_connection(("127.0.0.1", port)):
            return comparable(process.finish())

    original = closed(OPENSSL)
    assert "shutdown accept socket" in original.err
    assert closed(OURS) == original


def test_server_leaves_no_unix_socket_behind(start: Start, workdir: Workdir) -> None:
    def over_unix(program: Sequence[str]) -> tuple[Finished, Finished, bool]:
        directory = workdir(program[-1])
        (directory / "a.sock").write_text("in the way")
        words = ["-unix", "a.sock", "-unlink", "-naccept", "1", *RSA.split()]
        process = start([*program, "s_server", *words], directory)
        process.until("ACCEPT")
        client = start([*OPENSSL, "s_client", "-unix", "a.sock"], directory)
        client.talk([b"ahoy\n"])
        process.until("ahoy")
        client.eof()
        finished = comparable(client.finish()), comparable(process.finish())
        return (*finished, (directory / "a.sock").exists())

    original = over_unix(OPENSSL)
    assert original[1].code == 0
    assert original[2] is False
    assert over_unix(OURS) == original


@pytest.mark.parametrize("options", ["", "-context other", "-no_ticket"])
def test_server_resumes_sessions_as_the_original_does(options: str, start: Start, workdir: Workdir) -> None:
    def twice(program: Sequence[str]) -> list[Finished]:
        directory = workdir(program[-1])
        process, port = begin(start, program, f"-naccept 2 -rev {RSA} {options}", directory)
        reports = []
        for files in ("-sess_out s.pem", "-sess_in s.pem"):
            words = f"-connect 127.0.0.1:{port} {files}".split()
            client = start([*OPENSSL, "s_client", *words], directory)
            client.talk([b"ping\n", Until("gnip"), Eof()])
            reports.append(comparable(client.finish()))
        return [*reports, comparable(process.finish())]

    original = twice(OPENSSL)
    assert "\nReused, TLSv1.3" in original[1].out
    assert twice(OURS) == original


# --- web modes ---------------------------------------------------------------------------------------------------

REQUESTS = {
    "www": ("-www", b"GET / HTTP/1.0\r\n\r\n"),
    "www_any_path": ("-www", b"GET /any/thing HTTP/1.1\r\nHost: a\r\n\r\n"),
    "www_line_feed_only": ("-www", b"GET / HTTP/1.0\n\n"),
    "www_junk_first": ("-www", b"junk\r\nmore junk\r\nGET / HTTP/1.0\r\n\r\n"),
    "www_tls1_2": ("-www -tls1_2", b"GET / HTTP/1.0\r\n\r\n"),
    "www_escapes_its_arguments": ("-www -context <&>", b"GET / HTTP/1.0\r\n\r\n"),
    "www_quiet": ("-www -quiet", b"GET / HTTP/1.0\r\n\r\n"),
    "www_client_certificate": ("-www -verify 3 -CAfile root.pem", b"GET / HTTP/1.0\r\n\r\n"),
    "www_stats_is_any_path": ("-www", b"GET /stats HTTP/1.0\r\n\r\n"),
    "WWW": ("-WWW", b"GET /rsa.pem HTTP/1.0\r\n\r\n"),
    "WWW_html": ("-WWW", b"GET /page.html HTTP/1.0\r\n\r\n"),
    "WWW_htm": ("-WWW", b"GET /page.htm HTTP/1.0\r\n\r\n"),
    "WWW_php": ("-WWW", b"GET /page.php HTTP/1.0\r\n\r\n"),
    "WWW_only_a_suffix": ("-WWW", b"GET /.html HTTP/1.0\r\n\r\n"),
    "WWW_in_a_directory": ("-WWW", b"GET /sub/page.html HTTP/1.0\r\n\r\n"),
    "WWW_empty_file": ("-WWW", b"GET /empty.pem HTTP/1.0\r\n\r\n"),
    "WWW_binary": ("-WWW", b"GET /rsa.der HTTP/1.0\r\n\r\n"),
    "WWW_quiet": ("-WWW -quiet", b"GET /rsa.pem HTTP/1.0\r\n\r\n"),
    "WWW_missing": ("-WWW", b"GET /nowhere HTTP/1.0\r\n\r\n"),
    "WWW_directory": ("-WWW", b"GET /sub HTTP/1.0\r\n\r\n"),
    "WWW_dot": ("-WWW", b"GET /. HTTP/1.0\r\n\r\n"),
    "WWW_root": ("-WWW", b"GET / HTTP/1.0\r\n\r\n"),
    "WWW_up": ("-WWW", b"GET /../secret HTTP/1.0\r\n\r\n"),
    "WWW_up_later": ("-WWW", b"GET /sub/../../secret HTTP/1.0\r\n\r\n"),
    "WWW_up_at_the_end": ("-WWW", b"GET /sub/.. HTTP/1.0\r\n\r\n"),
    "WWW_dots_in_a_name": ("-WWW", b"GET /a..b HTTP/1.0\r\n\r\n"),
    "WWW_dots_first": ("-WWW", b"GET /..b HTTP/1.0\r\n\r\n"),
    "WWW_colon": ("-WWW", b"GET /a:b HTTP/1.0\r\n\r\n"),
    "WWW_absolute": ("-WWW", b"GET //etc/hostname HTTP/1.0\r\n\r\n"),
    "WWW_backslash": ("-WWW", b"GET /\\etc\\hostname HTTP/1.0\r\n\r\n"),
    "WWW_no_space": ("-WWW", b"GET /rsa.pem\r\n\r\n"),
    "WWW_query": ("-WWW", b"GET /rsa.pem?a=b HTTP/1.0\r\n\r\n"),
    "WWW_percent": ("-WWW", b"GET /%2e%2e/secret HTTP/1.0\r\n\r\n"),
    "WWW_stats": ("-WWW", b"GET /stats HTTP/1.0\r\n\r\n"),
    "WWW_letters_beyond_ascii": ("-WWW", "GET /Übung HTTP/1.0\r\n\r\n".encode()),
    "HTTP": ("-HTTP", b"GET /reply.http HTTP/1.0\r\n\r\n"),
    "HTTP_missing": ("-HTTP", b"GET /nowhere HTTP/1.0\r\n\r\n"),
    "HTTP_up": ("-HTTP", b"GET /../secret HTTP/1.0\r\n\r\n"),
    "last_mode_wins": ("-www -WWW", b"GET /rsa.pem HTTP/1.0\r\n\r\n"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_server_answers_requests_as_the_original_does(name: str, start: Start, workdir: Workdir) -> None:
    options, request = REQUESTS[name]
    client_options = "-quiet"
    if "-verify" in options:
        client_options += f" {CLIENT_CERT}"
    case = server(name, options, "", peer=client_options, talk=(request,))
    original = play_server(start, OPENSSL, case, website(workdir("original")))
    ours = play_server(start, OURS, case, website(workdir("ours")))
    assert original.partner is not None
    assert original.partner.out
    if "-quiet" in options:  # the page shows the command line, with the port
        original, ours = (replace(scene, partner=without_port(scene.partner)) for scene in (original, ours))
    assert_same(ours, original)


def without_port(finished: Finished | None) -> Finished:
    assert finished is not None
    return replace(finished, out=re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:<port>", finished.out))


def website(directory: Path) -> Path:
    (directory / "sub").mkdir()
    for name in ("page.html", "page.htm", "page.php", ".html", "sub/page.html", "a..b", "..b", "Übung"):
        (directory / name).write_text(f"<p>{name}</p>\n")
    (directory / "reply.http").write_bytes(b"HTTP/1.1 204 Nothing\r\nX-A: b\r\n\r\n")
    (directory.parent / "secret").write_text("not for you\n")
    return directory


def test_server_never_shows_a_file_from_above(start: Start, workdir: Workdir) -> None:
    """The test above only says that ours is as good as the original here."""
    for path in ("/../secret", "/sub/../../secret", "//etc/hostname", "/%2e%2e/secret"):
        directory = website(workdir(f"above{path.replace('/', '_')}"))
        case = server("above", "-WWW", "", peer="-quiet", talk=(f"GET {path} HTTP/1.0\r\n\r\n".encode(),))
        partner = play_server(start, OURS, case, directory).partner
        assert partner is not None
        assert partner.out.startswith("HTTP/1.0 200 ok\r\nContent-type: text/plain\r\n\r\n")
        assert "not for you" not in partner.out
        assert Path("/etc/hostname").read_text() not in partner.out


@pytest.mark.parametrize("version", ["--tlsv1.2 --tls-max 1.2", "--tlsv1.3"])
@pytest.mark.parametrize(
    "options, path", [("-www", "/"), ("-WWW", "/page.html"), ("-WWW", "/data.bin"), ("-HTTP", "/answer.http")]
)
def test_server_answers_curl(
    version: str, options: str, path: str, start: Start, run: Run, workdir: Workdir
) -> None:
    def fetch(program: Sequence[str]) -> tuple[str, Finished]:
        directory = website(workdir(program[-1]))
        (directory / "data.bin").write_bytes(bytes(range(256)) * 5000)
        (directory / "answer.http").write_bytes(b"HTTP/1.0 200 fine\r\nX-A: b\r\n\r\nthe body\n")
        process, port = begin(start, program, f"-naccept 1 {RSA} {options}", directory)
        url = f"https://localhost:{port}{path}"
        words = ["-sS", "-4", "--cacert", "root.pem", "--dump-header", "head", "--output", "body"]
        curl = run(["curl", *words, *version.split(), url], cwd=directory)
        assert (curl.code, curl.err) == (0, "")
        page = (directory / "head").read_bytes() + (directory / "body").read_bytes()
        return normalize(page.decode("latin-1")), comparable(process.finish())

    assert fetch(OURS) == fetch(OPENSSL)


def test_server_takes_the_path_to_a_file_whole(start: Start, workdir: Workdir) -> None:
    """A megabyte through -WWW is the same megabyte."""
    directory = workdir("large")
    data = bytes(range(256)) * 4096
    (directory / "large.bin").write_bytes(data)
    process, port = begin(start, OURS, f"-WWW -naccept 1 {RSA}", directory)
    client = start([*OPENSSL, "s_client", "-quiet", "-connect", f"127.0.0.1:{port}"], directory)
    client.send(b"GET /large.bin HTTP/1.0\r\n\r\n")
    wait_for("the whole file", lambda: len(client.out_bytes) >= len(data))
    client.finish()
    process.finish()
    assert client.out_bytes.partition(b"\r\n\r\n")[2] == data


# --- on purpose not as the original ------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["", "-www", "-rev", "-quiet"])
def test_server_that_cannot_listen_fails(options: str, start: Start, run: Run, workdir: Workdir) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        words = ["s_server", "-accept", address, *RSA.split(), *options.split()]
        original = comparable(run([*OPENSSL, *words], cwd=workdir("original")))
        ours = comparable(run([*OURS, *words], cwd=workdir("ours")))
    assert "Address already in use" in original.err
    assert ours.err == original.err
    assert (original.code, ours.code) == (0, 1)


@pytest.mark.parametrize("options", ["-verify_ip 300.1.1.1", "-nameopt nonsense", '-alpn ""'])
def test_server_says_what_the_original_keeps_to_itself(options: str, run: Run, workdir: Workdir) -> None:
    words = ["s_server", "-accept", "127.0.0.1:0", *RSA.split(), *shlex.split(options)]
    assert run([*OPENSSL, *words], cwd=workdir("original")) == Finished(1, "", "")
    ours = run([*OURS, *words], cwd=workdir("ours"))
    assert (ours.code, ours.out) == (1, "")
    assert options.split(maxsplit=1)[0] in ours.err
    assert ours.err.count("\n") == 1


def test_server_without_certificate_makes_one(start: Start, workdir: Workdir) -> None:
    directory = workdir("bare")
    before = sorted(path.name for path in directory.iterdir())
    process, port = begin(start, OURS, "-rev -naccept 1", directory)
    words = ["-connect", f"127.0.0.1:{port}", "-verify_hostname", "localhost"]
    client = start([*OPENSSL, "s_client", *words], directory)
    client.talk([b"ping\n", Until("gnip"), Eof()])
    report = client.finish()
    finished = process.finish()

    shown = re.search(r"-----BEGIN CERT.*?-----END CERTIFICATE-----", report.out, re.DOTALL)
    assert shown
    certificate = x509.load_pem_x509_certificate(shown[0].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", socket.gethostname()} <= set(names.get_values_for_type(x509.DNSName))
    assert {str(ip) for ip in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "::1"}
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)

    first_line, _, rest = finished.err.partition("\n")
    assert certificate.fingerprint(hashes.SHA256()).hex() in first_line.replace(":", "").lower()
    assert rest.startswith("CONNECTION ESTABLISHED")
    assert sorted(path.name for path in directory.iterdir()) == before


def test_server_takes_server_pem_when_there_is_one(start: Start, workdir: Workdir) -> None:
    def with_default(program: Sequence[str]) -> list[Finished]:
        directory = workdir(program[-1])
        (directory / "server.pem").write_bytes((directory / "both.pem").read_bytes())
        process, port = begin(start, program, "-rev -naccept 1", directory)
        client = start([*OPENSSL, "s_client", "-connect", f"127.0.0.1:{port}"], directory)
        client.talk([b"ping\n", Until("gnip"), Eof()])
        return [comparable(client.finish()), comparable(process.finish())]

    assert with_default(OURS) == with_default(OPENSSL)


def begin(start: Start, program: Sequence[str], options: str, directory: Path) -> tuple[Running, int]:
    started = start_server(start, program, options, directory)
    return started.process, started.port


def comparable(finished: Finished) -> Finished:
    return Finished(finished.code, normalize(finished.out), normalize(finished.err))
