"""s_client beside the original: the same command line, the same server, the same words typed.

Both clients must print the same on stdout and on stderr, end with the same exit code, write the same files, and the
server must have seen the same (with -rev it tells what the ClientHello offered).
"""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from support import peers
from support.fixtures import Run, Start, Workdir
from support.normalize import normalize
from support.oracle import (
    NOTHING,
    PING,
    Case,
    OnServer,
    Talk,
    assert_about,
    assert_same,
    compare_alone,
    compare_clients,
    each,
    play_alone,
    play_client,
)
from support.peers import Behaviour, accept_port, free_port, peer, start_server
from support.programs import OPENSSL, OURS, Eof, Finished, Pause, Until, wait_for

RSA = "-rev -cert rsa.pem -key rsa.key"
ECDSA = "-rev -cert ecdsa.pem -key ecdsa.key"
ED25519 = "-rev -cert ed25519.pem -key ed25519.key"
TWO_NAMES = f"{RSA} -servername www.example.org -cert2 ecdsa.pem -key2 ecdsa.key"
LEVEL_0 = "-cipher ALL@SECLEVEL=0"

client = partial(Case, peer=RSA)

VERSIONS = (
    client("reconnect", "-reconnect -tls1_2", "drop connection and then reconnect", peer=f"{RSA} -naccept 6"),
    client("reconnect_without_tickets", "-reconnect -tls1_2 -no_ticket", "Reused,", peer=f"{RSA} -naccept 6"),
    client(
        "reconnect_brief", "-reconnect -tls1_2 -brief", "CONNECTION ESTABLISHED", peer=f"{RSA} -naccept 6"
    ),
    client("default", "", "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384"),
    client("tls1_2", "-tls1_2", "    Protocol  : TLSv1.2"),
    client("tls1_3", "-tls1_3", "Post-Handshake New Session Ticket arrived:"),
    client("no_tls1_3", "-no_tls1_3", "    Protocol  : TLSv1.2"),
    client("no_tls1_2", "-no_tls1_2", "alert internal error", 1),
    client("no_tls1_2_nor_1_3", "-no_tls1_2 -no_tls1_3 -no_tls1_1 -no_tls1", "no protocols available", 1),
    client("max_protocol", "-max_protocol TLSv1.2", "    Protocol  : TLSv1.2"),
    client("min_protocol", "-min_protocol TLSv1.3", "New, TLSv1.3"),
    client("min_above_max", "-min_protocol TLSv1.3 -max_protocol TLSv1.2", "no protocols available", 1),
    client("version_option_beats_max", "-max_protocol TLSv1.2 -tls1_3", "New, TLSv1.3"),
    client("server_has_only_1_3", "-tls1_2", "alert protocol version", 1, peer=f"{RSA} -tls1_3"),
    client("server_has_only_1_2", "-tls1_3", "alert protocol version", 1, peer=f"{RSA} -tls1_2"),
    client("tls1_1_at_level_1", "-tls1_1", "alert internal error", 1),
    client("tls1_1_at_level_0", f"-tls1_1 {LEVEL_0}", "Protocol  : TLSv1.1\n", peer=f"{RSA} {LEVEL_0}"),
    client("tls1_at_level_0", f"-tls1 {LEVEL_0}", "Protocol  : TLSv1\n", peer=f"{RSA} {LEVEL_0}"),
)

ALGORITHMS = (
    client("cipher_rsa", "-tls1_2 -cipher AES256-GCM-SHA384", "Cipher is AES256-GCM-SHA384"),
    client("cipher_dhe", "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256", "Server Temp Key: DH, "),
    client("cipher_cbc", "-tls1_2 -cipher ECDHE-RSA-AES128-SHA", "New, TLSv1.0, Cipher is ECDHE-"),
    client("cipher_chacha", "-tls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305", "CHACHA20-POLY1305"),
    client("cipher_unusable", "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", "alert handshake failure", 1),
    client("no_etm", "-tls1_2 -no_etm -cipher AES128-SHA256", "Cipher is AES128-SHA256"),
    client("ciphersuites", "-ciphersuites TLS_AES_128_GCM_SHA256", "Cipher is TLS_AES_128_GCM_SHA256"),
    client(
        "ciphersuites_two", "-ciphersuites TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256", "CHACHA20"
    ),
    client("ciphersuites_none", '-ciphersuites ""', "no ciphers available", 1),
    client("groups_p256", "-groups P-256", "Server Temp Key: ECDH, prime256v1, 256 bits"),
    client("curves_x448", "-curves X448", "Server Temp Key: X448, 448 bits"),
    client("groups_ffdhe", "-groups ffdhe2048", "Server Temp Key: DH, 2048 bits"),
    client("groups_1_2", "-tls1_2 -groups P-521", "Server Temp Key: ECDH, secp521r1, 521 bits"),
    client("groups_retry", "-groups X25519:P-384", "ECDH, secp384r1", peer=f"{RSA} -groups P-384"),
    client("groups_disjoint", "-groups X448", "alert handshake failure", 1, peer=f"{RSA} -groups P-256"),
    client("sigalgs", "-sigalgs RSA-PSS+SHA384", "Peer signing digest: SHA384"),
    client("sigalgs_1_2", "-tls1_2 -sigalgs RSA+SHA512", "Peer signature type: RSA\n"),
    client("sigalgs_disjoint", "-sigalgs ECDSA+SHA256", "alert handshake failure", 1),
    client("client_sigalgs", "-client_sigalgs RSA-PSS+SHA256", "New, TLSv1.3"),
    client("ecdsa", "", "Peer signature type: ECDSA", peer=ECDSA, varying=True),
    client("ecdsa_1_2", "-tls1_2", "Peer signature type: ECDSA", peer=ECDSA, varying=True),
    client("ed25519", "", "Peer signature type: ed25519", peer=ED25519),
    client("ed25519_1_2", "-tls1_2", "Peer signature type: ed25519", peer=ED25519),
    client(
        "anonymous",
        "-tls1_2 -cipher aNULL@SECLEVEL=0",
        "no peer certificate available",
        peer="-rev -nocert -cipher aNULL@SECLEVEL=0",
    ),
)

EXTENSIONS = (
    client("no_ticket_1_2", "-tls1_2 -no_ticket", "    Session-ID: <32 bytes>"),
    client("no_ticket_1_3", "-tls1_3 -no_ticket", "Post-Handshake New Session Ticket arrived:"),
    client("tickets_0", "", "Verify return code", peer=f"{RSA} -num_tickets 0"),
    client("tickets_5", "", "Post-Handshake New Session Ticket arrived:", peer=f"{RSA} -num_tickets 5"),
    client("alpn", "-alpn h2,http/1.1", "ALPN protocol: http/1.1", peer=f"{RSA} -alpn http/1.1"),
    client("alpn_unanswered", "-alpn h2", "No ALPN negotiated"),
    client("alpn_disjoint", "-alpn h2", "alert no application protocol", 1, peer=f"{RSA} -alpn http/1.1"),
    client("alpn_commas", "-alpn ,h2,,http/1.1,", "ALPN protocol: h2", peer=f"{RSA} -alpn h2"),
    client(
        "servername", "-servername www.example.org", "signature type: ECDSA", peer=TWO_NAMES, varying=True
    ),
    client("servername_other", "-servername a.example -state -tls1_2", "unrecognized name", peer=TWO_NAMES),
    client("noservername", "-noservername", "New, TLSv1.3"),
    client("comp", "-tls1_2 -comp", "Compression: NONE"),
    client("no_comp", "-tls1_2 -no_comp", "Compression: NONE"),
    client("bugs", "-bugs", "New, TLSv1.3"),
    client("no_middlebox", "-no_middlebox", "New, TLSv1.3"),
    client("allow_no_dhe_kex", "-allow_no_dhe_kex", "New, TLSv1.3"),
    client("record_padding", "-record_padding 64", "New, TLSv1.3"),
    client("no_renegotiation", "-tls1_2 -no_renegotiation", "Secure Renegotiation IS supported"),
    client("legacy_renegotiation", "-tls1_2 -legacy_renegotiation", "Secure Renegotiation IS supported"),
    client("legacy_server_connect", "-legacy_server_connect", "New, TLSv1.3"),
    client("no_legacy_server_connect", "-no_legacy_server_connect", "New, TLSv1.3"),
    client("keymatexport", "-keymatexport EXPORTER-test", "    Keying material: <20 bytes>"),
    client("keymatexport_1_2", "-tls1_2 -keymatexport EXPORTER-test", "    Length: 20 bytes"),
)

CHAIN = "-rev -cert chain.pem -key chain.key -cert_chain inter.pem"

VERIFICATION = (
    client("trusted", "-CAfile root.pem", "Verify return code: 0 (ok)"),
    client("trusted_chain", "-CAfile root.pem", "depth=2", peer=CHAIN),
    client("trusted_castore", "-CAstore root.pem", "Verify return code: 0 (ok)"),
    client("untrusted", "", "verify error:num=20:unable to get local issuer certificate"),
    client("untrusted_no_defaults", "-no-CAfile -no-CApath -no-CAstore", "verify error:num=20"),
    client("untrusted_fatal", "-verify_return_error", "certificate verify failed", 1),
    client("untrusted_fatal_1_2", "-tls1_2 -verify_return_error", "certificate verify failed", 1),
    client("unrelated_ca", "-CAfile selfsigned.pem", "verify error:num=20"),
    client("capath_without_hashes", "-CApath .", "verify error:num=20"),
    client("verify", "-verify 3 -CAfile root.pem", "verify depth is 3"),
    client(
        "verify_quiet_before",
        "-quiet -verify 3 -CAfile root.pem",
        "verify return:1",
        talk=(b"ping\n", Until("gnip"), b"CLOSE\n"),
    ),
    client(
        "verify_quiet_after",
        "-verify 3 -quiet -CAfile root.pem",
        "verify depth is 3",
        talk=(b"ping\n", Until("gnip"), b"CLOSE\n"),
    ),
    client("verify_tolerates", "-verify 3", "verify error:num=20"),
    client("verify_and_return_error", "-verify 3 -verify_return_error", "certificate verify failed", 1),
    client("verify_quiet", "-CAfile root.pem -verify_quiet", "Verify return code: 0 (ok)"),
    client("verify_quiet_with_error", "-verify_quiet", "verify error:num=20"),
    client("hostname", "-CAfile root.pem -verify_hostname localhost", "Verified peername: localhost"),
    client("hostname_wrong", "-CAfile root.pem -verify_hostname a.example", "hostname mismatch"),
    client(
        "hostname_wrong_fatal",
        "-CAfile root.pem -verify_hostname a.example -verify_return_error",
        "certificate verify failed",
        1,
    ),
    client("ip", "-CAfile root.pem -verify_ip 127.0.0.1", "Verification: OK"),
    client("ip_wrong", "-CAfile root.pem -verify_ip 192.0.2.9", "IP address mismatch"),
    client("email_wrong", "-CAfile root.pem -verify_email a@b.example", "email address mismatch"),
    client(
        "expired",
        "-CAfile root.pem",
        "certificate has expired",
        peer="-rev -cert expired.pem -key expired.key",
    ),
    client(
        "expired_ignored",
        "-CAfile root.pem -no_check_time",
        "Verification: OK",
        peer="-rev -cert expired.pem -key expired.key",
    ),
    client(
        "expired_fatal",
        "-CAfile root.pem -verify_return_error",
        "certificate has expired",
        1,
        peer="-rev -cert expired.pem -key expired.key",
    ),
    client(
        "not_yet_valid",
        "-CAfile root.pem",
        "certificate is not yet valid",
        peer="-rev -cert future.pem -key future.key",
    ),
    client("attime", "-CAfile root.pem -attime 1000000000", "certificate is not yet valid"),
    client(
        "self_signed", "", "self-signed certificate", peer="-rev -cert selfsigned.pem -key selfsigned.key"
    ),
    client(
        "self_signed_trusted",
        "-CAfile selfsigned.pem",
        "Verification: OK",
        peer="-rev -cert selfsigned.pem -key selfsigned.key",
    ),
    client(
        "missing_intermediate",
        "-CAfile root.pem",
        "unable to verify the first certificate",
        peer="-rev -cert chain.pem -key chain.key",
    ),
    client("partial_chain", "-CAfile inter.pem -partial_chain", "Verification: OK", peer=CHAIN),
    client("no_partial_chain", "-CAfile inter.pem", "Verification error", peer=CHAIN),
    client("verify_depth", "-CAfile root.pem -verify_depth 0", "Verification error", peer=CHAIN),
    client("auth_level", "-CAfile root.pem -auth_level 5", "Verification error"),
    client("purpose", "-CAfile root.pem -purpose sslclient", "unsuitable certificate purpose"),
    client("verify_name", "-CAfile root.pem -verify_name ssl_client", "Verification error"),
    client("crl_check", "-CAfile root.pem -crl_check", "unable to get certificate CRL"),
    client("x509_strict", "-CAfile root.pem -x509_strict", "Verification error"),
    client("policy_check", "-CAfile root.pem -policy_check -explicit_policy", "Verification error"),
    client("policy_print", "-CAfile root.pem -policy_check -policy_print", "Require explicit Policy: False"),
    client(
        "many_flags",
        "-CAfile root.pem -trusted_first -no_alt_chains -check_ss_sig -ignore_critical"
        " -allow_proxy_certs -inhibit_any -inhibit_map -issuer_checks",
        "Verification: OK",
    ),
    client("nameopt", "-CAfile root.pem -nameopt RFC2253", "subject=CN=localhost,O=tlsdeck,C=DE"),
    client("nameopt_multiline", "-CAfile root.pem -nameopt multiline", "commonName"),
    client(
        "unicode_names", "-CAfile root.pem", "bung, Test + S", peer="-rev -cert unicode.pem -key unicode.key"
    ),
    client(
        "unicode_names_utf8",
        "-CAfile root.pem -nameopt utf8,sep_comma_plus",
        "Übung",
        peer="-rev -cert unicode.pem -key unicode.key",
    ),
)

REQUESTS_CERT = "-rev -cert rsa.pem -key rsa.key -CAfile root.pem -verify 3"
DEMANDS_CERT = "-rev -cert rsa.pem -key rsa.key -CAfile root.pem -Verify 3 -verify_return_error"
CLIENT_CERT = "-cert client.pem -key client.key"
AFTER_PASSWORD = (Until("SSL handshake has read"), *PING)

CLIENT_CERTIFICATES = (
    client("cert", CLIENT_CERT, "Acceptable client certificate CA names", peer=DEMANDS_CERT),
    client("cert_1_2", f"{CLIENT_CERT} -tls1_2", "Client Certificate Types:", peer=DEMANDS_CERT),
    client("cert_not_asked_for", CLIENT_CERT, "No client certificate CA names sent"),
    client("cert_asked_for_but_none", "", "Acceptable client certificate CA names", peer=REQUESTS_CERT),
    client("cert_demanded_but_none", "", "alert certificate required", 1, peer=DEMANDS_CERT, talk=()),
    client("cert_demanded_but_none_1_2", "-tls1_2", "alert handshake failure", 1, peer=DEMANDS_CERT, talk=()),
    client(
        "cert_refused",
        "-cert stranger.pem -key stranger.key",
        "tlsv1 alert unknown ca",
        1,
        peer=DEMANDS_CERT,
        talk=(),
    ),
    client("cert_and_key_in_one_file", "-cert both.pem", "New, TLSv1.3", peer=REQUESTS_CERT),
    client(
        "cert_der",
        "-cert rsa.der -certform DER -key rsakey.der -keyform DER",
        "New, TLSv1.3",
        peer=REQUESTS_CERT,
    ),
    client("cert_p12", "-cert locked.p12 -pass pass:secret", "New, TLSv1.3", peer=REQUESTS_CERT),
    client("cert_p12_open", "-cert open.p12 -key open.p12 -pass pass:", "New, TLSv1.3", peer=REQUESTS_CERT),
    client(
        "cert_chain",
        "-cert chain.pem -key chain.key -cert_chain inter.pem",
        "New, TLSv1.3",
        peer=REQUESTS_CERT,
    ),
    client(
        "build_chain",
        "-cert rsa.pem -key rsa.key -CAfile root.pem -build_chain",
        "New, TLSv1.3",
        peer=REQUESTS_CERT,
    ),
    client(
        "pass_pass", "-cert rsa.pem -key locked.key -pass pass:secret", "New, TLSv1.3", peer=REQUESTS_CERT
    ),
    client(
        "pass_env",
        "-cert rsa.pem -key locked.key -pass env:WORD",
        "New, TLSv1.3",
        peer=REQUESTS_CERT,
        env={"WORD": "secret"},
    ),
    client(
        "pass_file",
        "-cert rsa.pem -key locked.key -pass file:password.txt",
        "New, TLSv1.3",
        peer=REQUESTS_CERT,
    ),
    client(
        "pass_stdin",
        "-cert rsa.pem -key locked.key -pass stdin",
        "New, TLSv1.3",
        peer=REQUESTS_CERT,
        talk=(b"secret\n", *AFTER_PASSWORD),
    ),
    client(
        "pass_prompt",
        "-cert rsa.pem -key locked.key",
        "Enter pass phrase for locked.key:",
        peer=REQUESTS_CERT,
        talk=(b"secret\n", *AFTER_PASSWORD),
    ),
    client("key_without_cert", "-key client.key", "New, TLSv1.3", peer=REQUESTS_CERT),
)

TO_THE_END: Talk = (b"ping\n", Until("gnip"), b"CLOSE\n")

SHOWN = (
    client("showcerts", "-showcerts -CAfile root.pem", " 1 s:C = DE", peer=CHAIN),
    client("showcerts_1_2", "-showcerts -tls1_2", "-----BEGIN CERTIFICATE-----", peer=CHAIN),
    client("brief", "-brief -CAfile root.pem", "CONNECTION ESTABLISHED"),
    client("brief_1_2", "-brief -tls1_2 -CAfile root.pem", "Protocol version: TLSv1.2"),
    client("brief_untrusted", "-brief", "verify error:num=20"),
    client("brief_hostname", "-brief -CAfile root.pem -verify_hostname localhost", "Verified peername"),
    client("brief_ecdsa", "-brief", "Hash used: SHA256", peer=ECDSA),
    client("brief_failure", "-brief -tls1_2", "alert protocol version", 1, peer=f"{RSA} -tls1_3"),
    client("quiet", "-quiet", "gnip", talk=TO_THE_END),
    client("quiet_no_ign_eof", "-quiet -no_ign_eof", "gnip"),
    client("no_ign_eof_quiet", "-no_ign_eof -quiet", "gnip", talk=TO_THE_END),
    client("quiet_failure", "-quiet -tls1_2", "alert protocol version", 1, peer=f"{RSA} -tls1_3"),
    client("state", "-state", "SSL_connect:SSLv3/TLS write client hello"),
    client("state_1_2", "-state -tls1_2", "SSL_connect:SSLv3/TLS read server done"),
    client(
        "state_alert", "-state -tls1_2", "SSL3 alert read:fatal:protocol version", 1, peer=f"{RSA} -tls1_3"
    ),
    client("msg", "-msg", ">>> TLS 1.3, Handshake [length", peer=f"{RSA} -num_tickets 0"),
    client("msg_1_2", "-msg -tls1_2 -no_ticket", "<<< TLS 1.2, Handshake [length"),
    client("msg_alert", "-msg -tls1_2", "fatal protocol_version", 1, peer=f"{RSA} -tls1_3"),
    client(
        "msg_quiet", "-msg -quiet", ">>> TLS 1.3, Handshake", peer=f"{RSA} -num_tickets 0", talk=TO_THE_END
    ),
    client("msg_brief", "-msg -brief", ">>> TLS 1.3, Handshake", peer=f"{RSA} -num_tickets 0"),
    client("debug", "-debug", "write to <address> [<address>]", peer=f"{RSA} -num_tickets 0"),
    client("debug_1_2", "-debug -tls1_2 -no_ticket", "read from <address> [<address>]"),
    client(
        "debug_quiet",
        "-debug -quiet",
        "SSL handshake has read",
        peer=f"{RSA} -num_tickets 0",
        talk=TO_THE_END,
    ),
    client("debug_brief", "-debug -brief", "SSL handshake has read", peer=f"{RSA} -num_tickets 0"),
    client("tlsextdebug", "-tlsextdebug", 'TLS server extension "supported versions" (id=43), len=2'),
    client("tlsextdebug_1_2", "-tlsextdebug -tls1_2", 'extension "extended master secret" (id=23), len=0'),
    client("everything_at_once", "-tls1_2 -no_ticket -state -msg -debug -tlsextdebug", "SSL_connect:"),
    client("keylogfile", "-keylogfile keys.log", "New, TLSv1.3", files=("keys.log",)),
    client("keylogfile_1_2", "-keylogfile keys.log -tls1_2", "New, TLSv1.2", files=("keys.log",)),
    client("keylogfile_appends", "-keylogfile junk.pem", "New, TLSv1.3", files=("junk.pem",)),
)

# The server speaks when it is told to, and shows what it gets.
TERMINAL = "-cert rsa.pem -key rsa.key"
MORE: Talk = (b"more\n", OnServer(Until("more")), Eof())
CONNECTED = Until("SSL handshake has read")

TALKING = (
    client("end_of_input", "-tls1_2", "DONE", talk=NOTHING),
    client("data_then_end", "-tls1_2", "DONE", peer=TERMINAL, talk=(b"last words", Eof())),
    client(
        "server_speaks",
        "",
        "hello there",
        peer=TERMINAL,
        talk=(CONNECTED, OnServer(b"hello there\n"), Until("hello there"), Eof()),
    ),
    client("no_newline", "-tls1_2", "gnip", talk=(b"pi", Pause(), b"ng\n", Until("gnip"), Eof())),
    client("many_lines", "-tls1_2", "fed\ncba", talk=(b"def\nabc\n", Until("cba"), Eof())),
    client(
        "crlf",
        "-crlf -tls1_2",
        "DONE",
        peer=TERMINAL,
        talk=(b"one\ntwo\n", OnServer(Until("two\r\n")), Eof()),
    ),
    client(
        "large",
        "-tls1_2",
        "DONE",
        peer=TERMINAL,
        talk=(b"x" * 100_000 + b"end\n", OnServer(Until("end")), Eof()),
    ),
    client("ign_eof", "-ign_eof", "closed", talk=(b"ping\n", Until("gnip"), b"CLOSE\n", Eof())),
    client("ign_eof_no_ign_eof", "-ign_eof -no_ign_eof", "DONE"),
    client("letter_Q", "", "DONE", talk=(b"ping\n", Until("gnip"), b"Q\n")),
    client("letter_Q_is_the_first_byte", "", "DONE", talk=(b"ping\n", Until("gnip"), b"Quit please\n")),
    client("letter_in_the_middle_is_data", "", "gnip\nQ\n", talk=(b"ping\nQ\n", Until("gnip\nQ\n"), Eof())),
    client(
        "letter_k",
        "",
        "KEYUPDATE",
        talk=(b"ping\n", Until("gnip"), b"k\n", Until("KEYUPDATE"), b"more\n", Until("erom"), Eof()),
    ),
    client(
        "letter_K",
        "",
        "KEYUPDATE",
        talk=(b"ping\n", Until("gnip"), b"K\n", Until("KEYUPDATE"), b"more\n", Until("erom"), Eof()),
    ),
    client(
        "letter_K_shown",
        "-msg",
        "KeyUpdate",
        peer=f"{RSA} -num_tickets 0",
        talk=(b"ping\n", Until("gnip"), b"K\n", Until("KEYUPDATE"), b"more\n", Until("erom"), Eof()),
    ),
    client("letter_k_1_2", "-tls1_2", "wrong ssl version", 1, talk=(b"ping\n", Until("gnip"), b"k\n")),
    client(
        "letter_R",
        "-tls1_2",
        "RENEGOTIATING",
        peer=f"{RSA} -client_renegotiation",
        talk=(b"ping\n", Until("gnip"), b"R\n", Until("depth=0", 4), b"more\n", Until("erom"), Eof()),
        renegotiates=True,
    ),
    client("letter_R_refused", "-tls1_2", "no renegotiation", 1, talk=(b"ping\n", Until("gnip"), b"R\n")),
    client("letter_R_1_3", "", "wrong ssl version", 1, talk=(b"ping\n", Until("gnip"), b"R\n")),
    client(
        "letter_B_is_data",
        "",
        "gnip\nB\n",
        talk=(b"ping\n", Until("gnip"), b"B\n", Until("gnip\nB\n"), Eof()),
    ),
    client("letter_then_end", "-tls1_2", "DONE", talk=(b"Q", Eof())),
    client("nocommands", "-nocommands", "tiuQ", talk=(b"Quit\n", Until("tiuQ"), Eof())),
    client("no_letters_with_ign_eof", "-ign_eof", "tiuQ", talk=(b"Quit\n", Until("tiuQ"), b"CLOSE\n")),
    client("no_letters_with_quiet", "-quiet", "tiuQ", talk=(b"Quit\n", Until("tiuQ"), b"CLOSE\n")),
    client("letters_with_brief", "-brief", "CONNECTION ESTABLISHED", talk=(b"ping\n", Until("gnip"), b"Q\n")),
    client("server_closes", "", "closed", talk=TO_THE_END),
    client("server_closes_1_2", "-tls1_2", "closed", talk=TO_THE_END),
    client(
        "server_closes_without_notice",
        "",
        "unexpected eof while reading",
        1,
        peer=TERMINAL,
        talk=(b"ping\n", OnServer(Until("ping")), OnServer(b"q\n")),
    ),
    client(
        "ignore_unexpected_eof",
        "-ignore_unexpected_eof",
        "closed",
        peer=TERMINAL,
        talk=(b"ping\n", OnServer(Until("ping")), OnServer(b"q\n")),
    ),
    client(
        "server_asks_for_new_keys",
        "-msg",
        "KeyUpdate",
        peer=f"{TERMINAL} -num_tickets 0",
        talk=(b"ping\n", OnServer(Until("ping")), OnServer(b"K\n"), Until("KeyUpdate"), *MORE),
    ),
    client(
        "server_renegotiates",
        "-tls1_2",
        "Can't use SSL_get_servername",
        peer=TERMINAL,
        # it resumes the session, so the certificate does not come again
        talk=(b"ping\n", OnServer(Until("ping")), OnServer(b"r\n"), Until("SSL_get_servername", 2), *MORE),
        renegotiates=True,
    ),
    client(
        "server_may_not_renegotiate",
        "-tls1_2 -no_renegotiation",
        "SSL alert number 40",
        1,
        peer=TERMINAL,
        talk=(b"ping\n", OnServer(Until("ping")), OnServer(b"r\n")),
    ),
    client(
        "server_sends_clear_text",
        "",
        "wrong version number",
        1,
        peer=TERMINAL,
        talk=(b"ping\n", OnServer(Until("ping")), OnServer(b"P\n")),
    ),
)

DESTINATIONS = (
    client("positional", "-tls1_2 127.0.0.1:{port}", "CONNECTED(<descriptor>)"),
    client("connect_name", "-connect localhost:{port} -4", "CONNECTED(<descriptor>)"),
    client("connect_equals", "--connect=127.0.0.1:{port}", "CONNECTED(<descriptor>)"),
    client("host_and_port", "-host 127.0.0.1 -port {port}", "CONNECTED(<descriptor>)"),
    client("port_alone", "-4 -port {port}", "CONNECTED(<descriptor>)"),
    client("connect_beats_host_and_port", "-host 192.0.2.1 -port 1 -connect 127.0.0.1:{port}", "CONNECTED"),
    client("empty_host", "-4 -connect :{port}", "CONNECTED(<descriptor>)"),
    client("bind", "-bind 127.0.0.1", "CONNECTED(<descriptor>)"),
    client("bind_with_port", "-bind 127.0.0.1:0", "CONNECTED(<descriptor>)"),
    client("ipv4", "-4", "CONNECTED(<descriptor>)"),
)


@each(
    [
        *VERSIONS,
        *ALGORITHMS,
        *EXTENSIONS,
        *VERIFICATION,
        *CLIENT_CERTIFICATES,
        *SHOWN,
        *TALKING,
        *DESTINATIONS,
    ]
)
def test_client_is_the_original_to_the_letter(case: Case, start: Start, workdir: Workdir) -> None:
    compare_clients(start, case, workdir)


alone = partial(Case, code=1, talk=NOTHING)

HINT = "s_client: Use -help for summary."

COMMAND_LINES = (
    alone("unknown_option", "-nosuch", f"s_client: Unknown option: -nosuch\n{HINT}"),
    alone("unknown_ssl2", "-ssl2", "s_client: Unknown option: -ssl2"),
    alone("unknown_ssl3", "-ssl3", "s_client: Unknown option: -ssl3"),
    alone("unknown_of_the_server", "-www", "s_client: Unknown option: -www"),
    alone("unknown_ecdh_single", "-ecdh_single", "s_client: Unknown option: -ecdh_single"),
    alone("no_abbreviation", "-conn x", "s_client: Unknown option: -conn"),
    alone("case_matters", "-CONNECT x", "s_client: Unknown option: -CONNECT"),
    alone("value_missing", "-connect", "s_client: Option -connect needs a value"),
    alone("value_missing_ciphersuites", "-ciphersuites", "s_client: Option -ciphersuites needs a value"),
    alone("value_unwanted", "-quiet=yes", "s_client: Option -quiet does not take a value"),
    alone("number_bad", "-port x", 'Can\'t parse "x" as a number'),
    alone("number_bad_hexadecimal", "-port 0xzz", "as a hexadecimal number"),
    alone("number_bad_octal", "-port 08", "as an octal number"),
    alone("number_trailing", "-port 44x", 'Can\'t parse "44x" as a number'),
    alone("number_zero", "-port 0", 'Non-positive number "0" for option -port'),
    alone("number_negative", "-verify -1", 'Non-positive number "-1" for option -verify'),
    alone("number_huge", "-port 99999999999", "outside integer range"),
    alone("number_immense", "-attime 99999999999999999999", "as a number"),
    alone("directory_missing", "-CApath nowhere", "s_client: Not a directory: nowhere"),
    alone("directory_is_a_file", "-CApath rsa.pem", "s_client: Not a directory: rsa.pem"),
    alone("format_bad", "-certform XX", 'Invalid format "XX" for option -certform'),
    alone("format_p12", "-certform P12", 'Invalid format "P12" for option -certform'),
    alone("keyform_bad", "-keyform XX", 'Invalid format "XX" for option -keyform'),
    alone("words_left", "127.0.0.1:{port} -quiet", HINT),
    alone("two_words_left", "a b", HINT),
    alone("word_and_connect", "-connect a:1 b:2", "cannot provide both -connect option and target parameter"),
    alone("end_of_options", "-- 127.0.0.1:{port} x", HINT),
    alone("protocol_twice", "-tls1_2 -tls1_3", "Cannot supply multiple protocol flags"),
    alone("protocol_and_no", "-tls1_2 -no_tls1_3", "Cannot supply both a protocol flag and '-no_<prot>'"),
    alone("no_and_protocol", "-no_tls1_3 -tls1_2", "Cannot supply both a protocol flag and '-no_<prot>'"),
    alone("both_families", "-4 -6", "Can't use both -4 and -6"),
    alone(
        "names_and_none", "-servername a -noservername", "Can't use -servername and -noservername together"
    ),
    alone("unix_and_internet", "-unix a -4", "Intermixed protocol flags"),
    alone("internet_and_unix", "-connect a:1 -unix b", "Intermixed protocol flags"),
    alone("connect_two_colons", "-connect ::1:443", "argument or target parameter malformed or ambiguous"),
    alone("connect_unclosed", "-connect [::1", "argument or target parameter malformed or ambiguous"),
    alone("connect_junk_after_bracket", "-connect [::1]x", "malformed or ambiguous"),
    alone("target_malformed", "a:b:c", "argument or target parameter malformed or ambiguous"),
    alone("bind_malformed", "-connect 127.0.0.1:{port} -bind ::1:5", "-bind argument parameter malformed"),
    alone("purpose_bad", "-purpose nonsense", "s_client: Invalid purpose nonsense"),
    alone("policy_bad", "-policy no.good", "s_client: Invalid Policy no.good"),
    alone("verify_name_bad", "-verify_name nonsense", "s_client: Invalid verify name nonsense"),
    alone("alpn_empty", '-connect 127.0.0.1:{port} -alpn ""', "Error parsing -alpn argument"),
)

FILES = (
    alone("cafile_missing", "-CAfile nowhere.pem", "No such file or directory"),
    alone("cafile_junk", "-CAfile junk.pem", "no certificate or crl found"),
    alone("cafile_empty", "-CAfile empty.pem", "no certificate or crl found"),
    alone("cafile_is_a_directory", "-CAfile .", "no certificate or crl found"),
    alone("castore_missing", "-CAstore nowhere.pem", "calling stat(nowhere.pem)"),
    alone("cert_missing", "-cert nowhere.pem", "Could not open file or uri for loading client certificate"),
    alone("cert_missing_key_there", "-cert nowhere.pem -key rsa.key", "loading client certificate from"),
    alone("cert_junk", "-cert junk.pem -key rsa.key", "Could not read client certificate from junk.pem"),
    alone("cert_empty", "-cert empty.pem -key rsa.key", "Could not read client certificate from empty.pem"),
    alone("key_missing", "-cert rsa.pem -key nowhere.key", "client certificate private key from nowhere.key"),
    alone("key_junk", "-cert rsa.pem -key junk.pem", "Could not read client certificate private key"),
    alone("key_is_a_certificate", "-cert rsa.pem -key rsa.pem", "Could not read client certificate private"),
    alone("key_of_another", "-cert rsa.pem -key client.key", "key values mismatch"),
    alone("key_of_another_kind", "-cert rsa.pem -key ecdsa.key", "Private key does not match"),
    alone("key_engine_without_engine", "-cert rsa.pem -key rsa.key -keyform ENGINE", "No engine specified"),
    alone("chain_missing", "-cert rsa.pem -key rsa.key -cert_chain nowhere.pem", "client certificate chain"),
    alone("chain_unbuildable", "-cert chain.pem -key chain.key -build_chain", "error building certificate"),
    alone("password_wrong", "-cert rsa.pem -key locked.key -pass pass:wrong", "Could not read client cert"),
    alone("password_wrong_p12", "-cert locked.p12 -pass pass:wrong", "Could not read client certificate"),
    alone("password_wrong_in_file", "-cert rsa.pem -key locked.key -pass file:wrong.txt", "Could not read"),
    alone("password_file_missing", "-cert rsa.pem -key locked.key -pass file:nowhere.txt", "Error getting"),
    alone(
        "password_variable_missing", "-key locked.key -pass env:NOWHERE", "No environment variable NOWHERE"
    ),
    alone("password_without_colon", "-key locked.key -pass secret", "missing ':' within the first 5 chars"),
    alone("password_unknown_source", "-key locked.key -pass foo:bar", 'starting with "foo:"'),
    alone(
        "password_prompt_wrong",
        "-cert rsa.pem -key locked.key",
        "Could not read client",
        talk=(b"wrong\n", Eof()),
    ),
    alone("password_prompt_no_answer", "-cert rsa.pem -key locked.key", "Could not read client certificate"),
    alone("keylogfile_unwritable", "-keylogfile nowhere/keys.log", "Error writing keylog file"),
    alone("sess_in_missing", "-sess_in nowhere.pem", "Can't open session file nowhere.pem"),
    alone("sess_in_junk", "-sess_in junk.pem", "Can't open session file junk.pem"),
)

CONFIGURATION_COMMANDS = (
    alone("cipher", "-cipher NOSUCH", "Call to SSL_CONF_cmd(-cipher, NOSUCH) failed"),
    alone("ciphersuites", "-ciphersuites NOSUCH", "Call to SSL_CONF_cmd(-ciphersuites, NOSUCH) failed"),
    alone("groups", "-groups NOSUCH", "Call to SSL_CONF_cmd(-groups, NOSUCH) failed"),
    alone("curves", "-curves NOSUCH", "Call to SSL_CONF_cmd(-curves, NOSUCH) failed"),
    alone("sigalgs", "-sigalgs NOSUCH", "Call to SSL_CONF_cmd(-sigalgs, NOSUCH) failed"),
    alone("client_sigalgs", "-client_sigalgs X", "Call to SSL_CONF_cmd(-client_sigalgs, X) failed"),
    alone("min_protocol", "-min_protocol tlsv1.2", "Call to SSL_CONF_cmd(-min_protocol, tlsv1.2) failed"),
    alone("max_protocol", "-max_protocol X", "Call to SSL_CONF_cmd(-max_protocol, X) failed"),
    alone("record_padding", "-record_padding 99999", "Call to SSL_CONF_cmd(-record_padding, 99999) failed"),
    alone("serverpref", "-serverpref", "Call to SSL_CONF_cmd(-serverpref, <NULL>) failed"),
    alone("client_renegotiation", "-client_renegotiation", "SSL_CONF_cmd(-client_renegotiation, <NULL>)"),
    alone("prioritize_chacha", "-prioritize_chacha", "SSL_CONF_cmd(-prioritize_chacha, <NULL>) failed"),
    alone("no_resumption_on_reneg", "-no_resumption_on_reneg", "-no_resumption_on_reneg, <NULL>) failed"),
    alone("named_curve", "-named_curve P-256", "Call to SSL_CONF_cmd(-named_curve, P-256) failed"),
    alone("debug_broken_protocol", "-debug_broken_protocol", "-debug_broken_protocol, <NULL>) failed"),
)

UNREACHABLE = (
    alone("refused", "-connect 127.0.0.1:{port}", "Connection refused"),
    alone("refused_on_all_addresses", "-connect localhost:{port}", "connect:errno=111"),
    alone("refused_brief", "-brief -connect 127.0.0.1:{port}", "connect:errno=111"),
    alone("host_is_taken_literally", "-host 127.0.0.1:3 -port 4", "BIO_lookup_ex"),
    alone("no_such_service", "-connect 127.0.0.1:nosuchservice", "BIO_lookup_ex"),
    alone("wrong_family_6", "-6 -connect 127.0.0.1:{port}", "connect:errno=0"),
    alone("wrong_family_4", "-4 -connect [::1]:{port}", "connect:errno=0"),
    alone("bind_elsewhere", "-connect 127.0.0.1:{port} -bind 192.0.2.77", "connect:errno=99"),
    alone("bind_wrong_family", "-connect 127.0.0.1:{port} -bind [::1]", "Can't bind"),
    alone("unix_missing", "-unix nowhere.sock", "connect:errno="),
)


@each([*COMMAND_LINES, *UNREACHABLE])
def test_client_that_never_connects_is_the_original(case: Case, start: Start, workdir: Workdir) -> None:
    compare_alone(start, "s_client", case, workdir)


@each([*FILES, *CONFIGURATION_COMMANDS])
def test_client_with_bad_files_or_settings_is_the_original(
    case: Case, start: Start, workdir: Workdir
) -> None:
    """It fails before it connects: nobody listens, and that is not what it complains about."""
    case = replace(case, options=f"-connect 127.0.0.1:{{port}} {case.options}")
    original = play_alone(start, OPENSSL, "s_client", case, workdir("original"))
    assert_about(case, original)
    assert "connect:errno" not in original.tested.err
    assert_same(play_alone(start, OURS, "s_client", case, workdir("ours")), original)


@pytest.mark.parametrize("options", ["-verify_ip 300.1.1.1", "-nameopt nonsense"])
def test_client_says_what_the_original_keeps_to_itself(options: str, run: Run) -> None:
    words = ["s_client", "-connect", f"127.0.0.1:{free_port()}", *options.split()]
    assert run([*OPENSSL, *words]) == Finished(1, "", "")
    ours = run([*OURS, *words])
    assert (ours.code, ours.out) == (1, "")
    assert options.split(maxsplit=1)[0] in ours.err
    assert ours.err.count("\n") == 1


def test_client_with_an_unknown_host_is_the_original(run: Run) -> None:
    """But for the error number: the original shows whatever is left in errno, ours that there is none."""
    words = ["s_client", "-connect", "no..such..host:443"]
    original, ours = (comparable(run([*program, *words])) for program in (OPENSSL, OURS))
    stack, _, summary = original.err.partition("\n")
    assert "BIO_lookup_ex" in stack
    assert summary.startswith("connect:errno=")
    assert ours == replace(original, err=f"{stack}\nconnect:errno=0\n")


# --- peers that are no good TLS servers --------------------------------------------------------------------------


def after(then: Behaviour, version: ssl.TLSVersion) -> Callable[[Path], Behaviour]:
    return lambda directory: peers.after_handshake(directory, then, version=version)


def just(behaviour: Behaviour) -> Callable[[Path], Behaviour]:
    return lambda _: behaviour


TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

BAD_PEERS = {
    "plain_text": (just(peers.speaks_plain_text), "wrong version number", 1),
    "closes_at_once": (just(peers.closes_at_once), "unexpected eof", 1),
    "resets_at_hello": (just(peers.resets_at_hello), "errno=104", 1),
    "alert": (just(peers.answers_with(peers.HANDSHAKE_FAILURE)), "SSL alert number 40", 1),
    "cut_in_the_middle": (just(peers.answers_with(peers.HALF_A_SERVER_HELLO)), "unexpected eof", 1),
    "garbage_record": (just(peers.answers_with(peers.GARBAGE_RECORD)), "unexpected message", 1),
    "resets_after_handshake_1_2": (after(peers.reset, TLS12), "read:errno=104", 104),
    "resets_after_handshake_1_3": (after(peers.reset, TLS13), "read:errno=104", 104),
    "closes_without_notice_1_2": (after(peers.closes_without_notice, TLS12), "unexpected eof", 1),
    "closes_without_notice_1_3": (after(peers.closes_without_notice, TLS13), "unexpected eof", 1),
}


@pytest.mark.parametrize("options", ["", "-brief", "-quiet"])
@pytest.mark.parametrize("name", BAD_PEERS)
def test_client_meets_a_bad_peer_as_the_original_does(
    name: str, options: str, start: Start, workdir: Workdir
) -> None:
    behave, shows, code = BAD_PEERS[name]
    if options == "-brief" and code == 104:
        shows = "CONNECTION CLOSED BY SERVER"

    def meet(program: Sequence[str]) -> Finished:
        directory = workdir(program[-1])
        with peer(behave(directory)) as port:
            client = start(
                [*program, "s_client", "-connect", f"127.0.0.1:{port}", *options.split()], directory
            )
            client.send(b"hello\n")
            return client.finish()

    original, ours = (comparable(meet(program)) for program in (OPENSSL, OURS))
    assert shows in original.err
    assert original.code == code
    assert ours == original


def comparable(finished: Finished) -> Finished:
    return Finished(finished.code, normalize(finished.out), normalize(finished.err))


# --- scenes with more than one connection, or another kind of it ---------------------------------------------------


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3", "-tls1_2 -no_ticket"])
def test_client_resumes_a_session_as_the_original_does(version: str, start: Start, workdir: Workdir) -> None:
    def twice(program: Sequence[str]) -> list[Finished]:
        directory = workdir(program[-1])
        server = start_server(start, OPENSSL, f"-naccept 2 {RSA}", directory)
        reports = []
        for files in ("-sess_out first.pem", "-sess_in first.pem -sess_out second.pem"):
            words = f"-connect {server.address} -CAfile root.pem {version} {files}".split()
            client = start([*program, "s_client", *words], directory)
            client.talk([b"ping\n", Until("gnip"), Eof()])
            reports.append(comparable(client.finish()))
        reports.append(comparable(server.process.finish()))
        # TLS 1.2 resumed without a new ticket has nothing to write.
        written = directory / "second.pem"
        reports.append(Finished(0, normalize(written.read_text()) if written.exists() else "", ""))
        return reports

    original, ours = twice(OPENSSL), twice(OURS)
    assert "\nNew, TLSv1" in original[0].out
    assert "\nReused, TLSv1" in original[1].out
    assert ours == original


def test_client_session_file_fits_the_other_program(start: Start, workdir: Workdir) -> None:
    directory = workdir("both")
    server = start_server(start, OPENSSL, f"-naccept 4 {RSA}", directory)
    for first, second in ((OPENSSL, OURS), (OURS, OPENSSL)):
        reports = []
        for program, option in ((first, "-sess_out"), (second, "-sess_in")):
            client = start([*program, "s_client", "-connect", server.address, option, "s.pem"], directory)
            client.talk([b"ping\n", Until("gnip"), Eof()])
            reports.append(client.finish())
        assert "\nNew, TLSv1.3" in reports[0].out
        assert "\nReused, TLSv1.3" in reports[1].out


def test_client_session_of_another_server_is_ignored(start: Start, workdir: Workdir) -> None:
    def stale(program: Sequence[str]) -> Finished:
        directory = workdir(program[-1])
        for option in ("-sess_out s.pem", "-sess_in s.pem"):
            server = start_server(start, OPENSSL, f"-naccept 1 {RSA}", directory)
            words = f"-connect {server.address} {option}".split()
            client = start([*program, "s_client", *words], directory)
            client.talk([b"ping\n", Until("gnip"), Eof()])
            report = comparable(client.finish())
        return report

    original = stale(OPENSSL)
    assert "\nNew, TLSv1.3" in original.out
    assert stale(OURS) == original


def test_client_unwritable_session_file_is_no_failure(start: Start, workdir: Workdir) -> None:
    """On purpose not as the original, which takes the file's error for one of the connection's and ends with it."""
    case = client("unwritable", "-sess_out nowhere/s.pem -tls1_3", "")
    original = play_client(start, OPENSSL, case, workdir("original"))
    ours = play_client(start, OURS, case, workdir("ours"))
    assert "Error writing session file nowhere/s.pem" in original.tested.err
    assert "Error writing session file nowhere/s.pem" in ours.tested.err
    assert "gnip\n" in ours.tested.out
    assert ours.tested.code == 0


def test_client_finds_authorities_in_a_hashed_directory(start: Start, run: Run, workdir: Workdir) -> None:
    case = client("capath", "-CApath hashed", "Verify return code: 0 (ok)")

    def with_hashes(name: str) -> Path:
        directory = workdir(name)
        (directory / "hashed").mkdir()
        (directory / "root.pem").rename(directory / "hashed" / "root.pem")
        assert run(["openssl", "rehash", "hashed"], cwd=directory).code == 0
        return directory

    compare_clients(start, case, with_hashes)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_client_speaks_over_a_unix_socket(version: str, start: Start, workdir: Workdir) -> None:
    def over_unix(program: Sequence[str]) -> tuple[Finished, Finished]:
        directory = workdir(program[-1])
        server = start([*OPENSSL, "s_server", "-unix", "a.sock", "-naccept", "1", *RSA.split()], directory)
        server.until("ACCEPT")
        client = start([*program, "s_client", "-unix", "a.sock", version], directory)
        client.talk([b"ping\n", Until("gnip"), Eof()])
        return comparable(client.finish()), comparable(server.finish())

    original = over_unix(OPENSSL)
    assert original[0].code == 0
    assert "CONNECTED(" in original[0].out
    assert over_unix(OURS) == original


def test_client_speaks_over_ipv6(start: Start, workdir: Workdir) -> None:
    """Where the machine has no IPv6, both fail in the same way."""

    def over_ipv6(program: Sequence[str]) -> Finished:
        directory = workdir(program[-1])
        words = ["-accept", "[::1]:0", "-naccept", "1", *RSA.split()]
        server = start([*OPENSSL, "s_server", *words], directory)
        listens = server.until("ACCEPT [::1]:")
        wait_for("the whole ACCEPT line", lambda: server.out.endswith("\n"))
        port = accept_port(server.out) if listens else free_port()
        client = start([*program, "s_client", "-6", "-connect", f"[::1]:{port}"], directory)
        client.talk([b"ping\n", Until("gnip"), Eof()])
        return comparable(client.finish())

    original = over_ipv6(OPENSSL)
    assert "CONNECTED(" in original.out or "connect:errno=" in original.err
    assert over_ipv6(OURS) == original


def test_client_waits_for_data_that_comes_late(start: Start, workdir: Workdir) -> None:
    """With -ign_eof and no input at all it shows what the server says, however late, until the server closes."""
    case = client(
        "late",
        "-ign_eof -tls1_2",
        "here at last",
        peer=TERMINAL,
        talk=(Eof(), CONNECTED, Pause(0.5), OnServer(b"here at last\n"), Until("at last"), OnServer(b"q\n")),
        code=1,
    )
    compare_clients(start, case, workdir)


def test_client_prints_the_data_byte_for_byte(start: Start, workdir: Workdir) -> None:
    """Every byte value, more than a record of them, and nothing else on stdout with -quiet."""
    data = bytes(range(256)) * 300
    directory = workdir("bytes")
    (directory / "data.bin").write_bytes(data)
    server = start_server(start, OPENSSL, "-HTTP -naccept 1 -cert rsa.pem -key rsa.key", directory)
    argv = [*OURS, "s_client", "-quiet", "-connect", server.address]
    with (directory / "got.bin").open("wb") as got:
        subprocess.run(
            argv, cwd=directory, input=b"GET /data.bin HTTP/1.0\r\n\r\n", stdout=got, timeout=20, check=True
        )
    assert (directory / "got.bin").read_bytes() == data


CLIENT_HELLOS = (
    "",
    "-tls1_2",
    "-tls1_3",
    "-servername a.example",
    "-noservername",
    "-alpn h2,http/1.1",
    "-groups P-256:X25519",
    "-sigalgs RSA-PSS+SHA256",
    "-cipher AES128-SHA256 -tls1_2",
    "-ciphersuites TLS_AES_128_GCM_SHA256",
    "-no_ticket",
    "-no_middlebox",
    "-no_etm -tls1_2",
    "-allow_no_dhe_kex",
    "-bugs",
    "-min_protocol TLSv1.2 -max_protocol TLSv1.2",
)


@pytest.mark.parametrize("options", CLIENT_HELLOS)
def test_client_hello_is_the_original(options: str, start: Start, workdir: Workdir) -> None:
    """Byte for byte, but for the random parts."""

    def hello(program: Sequence[str]) -> bytes:
        got: list[bytes] = []

        def listen(connection: socket.socket) -> None:
            got.append(connection.recv(65536))

        with peer(listen) as port:
            words = ["-connect", f"127.0.0.1:{port}", *options.split()]
            start([*program, "s_client", *words], workdir(program[-1])).finish()
        return without_random_parts(got[0])

    assert hello(OURS) == hello(OPENSSL)


def without_random_parts(hello: bytes) -> bytes:
    """Zeros for the random bytes, the session id and the key shares of a ClientHello in one record."""
    masked = bytearray(hello)
    masked[11:43] = bytes(32)
    session_id_length = hello[43]
    masked[44 : 44 + session_id_length] = bytes(session_id_length)
    at = 44 + session_id_length
    at += 2 + int.from_bytes(hello[at : at + 2])  # cipher suites
    at += 1 + hello[at]  # compression methods
    at += 2  # length of all extensions
    while at < len(hello):
        kind, length = int.from_bytes(hello[at : at + 2]), int.from_bytes(hello[at + 2 : at + 4])
        if kind == 51:  # key_share: list length, then group and length of the only share
            masked[at + 10 : at + 4 + length] = bytes(length - 6)
        at += 4 + length
    assert at == len(hello)
    return bytes(masked)
