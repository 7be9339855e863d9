"""The sections of options that s_client and s_server have in common, and the rules about versions.

Sources: the manual pages of both programs, SSL_CONF_cmd(3) and openssl-verification-options(1).
"""

from __future__ import annotations

from tlsdeck.options.rows import (
    Clash,
    Rule,
    Section,
    flag,
    infiles,
    integer,
    intmax,
    outfile,
    pem_ders,
    string,
    strings,
)


class RandomState(Section):
    """Files of random bytes."""

    title = "Random state"

    rand: list[str] = strings(
        "Files to seed the random number generator from, separated by colons; repeatable"
    )
    writerand: str | None = outfile(
        "Write fresh random bytes to this file at exit, to be used by -rand later"
    )


class TlsSsl(Section):
    """The commands of SSL_CONF_cmd(3), first part."""

    title = "TLS/SSL"
    conf = True

    no_ssl3: bool = flag("Do not use SSL 3.0")
    no_tls1: bool = flag("Do not use TLS 1.0")
    no_tls1_1: bool = flag("Do not use TLS 1.1")
    no_tls1_2: bool = flag("Do not use TLS 1.2")
    no_tls1_3: bool = flag("Do not use TLS 1.3")
    bugs: bool = flag("Work around the known bugs of old TLS implementations")
    no_comp: bool = flag("Never compress (the default; compression leaks secrets, as CRIME showed)")
    comp: bool = flag("Allow TLS-level compression up to TLS 1.2; unsafe, and absent from most builds")
    no_ticket: bool = flag("Do not use session tickets up to TLS 1.2; make those of TLS 1.3 stateful")
    serverpref: bool = flag("Let the server's order of cipher suites and groups decide (server only)")
    legacy_renegotiation: bool = flag("Renegotiate even with peers that lack RFC 5746; dangerous")
    client_renegotiation: bool = flag("Let clients ask for renegotiation up to TLS 1.2 (server only)")
    no_renegotiation: bool = flag("Refuse every renegotiation, whoever asks")
    legacy_server_connect: bool = flag("Connect to servers that lack RFC 5746 renegotiation (client only)")
    no_resumption_on_reneg: bool = flag("Start a new session on every renegotiation (server only)")
    no_legacy_server_connect: bool = flag("Refuse servers that lack RFC 5746 renegotiation (client only)")
    allow_no_dhe_kex: bool = flag(
        "Allow TLS 1.3 resumption without a new (EC)DHE exchange, giving up forward secrecy",
        also="allow-no-dhe-kex",
    )
    prioritize_chacha: bool = flag(
        "With -serverpref, use ChaCha20 for clients that put it first (server only)"
    )


class StrictCertificates(Section):
    """The command that s_client gives more to do, and so lists elsewhere."""

    title = "TLS/SSL"
    conf = True

    strict: bool = flag("Refuse own certificates that TLS does not strictly permit for the connection")


class Preferences(Section):
    """The rest of the commands of SSL_CONF_cmd(3): what to offer, in which order."""

    title = "TLS/SSL"
    conf = True

    sigalgs: str | None = string("Signature algorithms, best first: RSA-PSS+SHA256:ed25519")
    client_sigalgs: str | None = string(
        "Signature algorithms for client certificates, best first: ECDSA+SHA256"
    )
    groups: str | None = string("Groups for the key exchange, best first: X25519:P-256")
    curves: str | None = string("Older name of -groups")
    named_curve: str | None = string("The one curve for ECDHE, as in P-256 (server only)")
    cipher: str | None = string("Cipher list for TLS 1.2 and below, as in ECDHE+AESGCM:!SHA1")
    ciphersuites: str | None = string("Cipher suites for TLS 1.3, best first: TLS_AES_128_GCM_SHA256")
    min_protocol: str | None = string("Lowest version: None TLSv1 TLSv1.1 TLSv1.2 TLSv1.3 DTLSv1 DTLSv1.2")
    max_protocol: str | None = string("Highest version, by the same names as for -min_protocol")
    record_padding: str | None = string("Pad TLS 1.3 records to a multiple of this many bytes, at most 16384")
    debug_broken_protocol: bool = flag("Ask the library to violate the protocol; no OpenSSL 3 does")
    no_middlebox: bool = flag("Leave out what makes TLS 1.3 look like TLS 1.2 to middleboxes")
    no_etm: bool = flag("Do not negotiate Encrypt-then-MAC (RFC 7366)")


class Validation(Section):
    """What makes a certificate chain valid; each row ends up in the X509_VERIFY_PARAM."""

    title = "Validation"

    policy: list[str] = strings("Accept this certificate policy, an object identifier or name; repeatable")
    purpose: str | None = string("Purpose the chain must serve: sslclient, sslserver, smimesign, any, ...")
    verify_name: str | None = string(
        "Named set of defaults: default, ssl_client, ssl_server, smime_sign, pkcs7"
    )
    verify_depth: int | None = integer(
        "Most CA certificates between the peer's certificate and the trust anchor"
    )
    auth_level: int | None = integer(
        "Security level 0 to 5 every certificate must reach; default: -cipher's level"
    )
    attime: int | None = intmax("Check as of this time, in seconds since 1970, instead of now", also="atime")
    verify_hostname: str | None = string("Host name the peer's certificate must be valid for")
    verify_email: str | None = string("Mail address the peer's certificate must be valid for")
    verify_ip: str | None = string("IP address the peer's certificate must be valid for")
    ignore_critical: bool = flag(
        "Tolerate critical extensions that are not understood",
        flags=("X509_V_FLAG_IGNORE_CRITICAL",),
    )
    issuer_checks: bool = flag("Accepted for old command lines; does nothing")
    crl_check: bool = flag(
        "Demand a CRL for the peer's certificate and check it",
        flags=("X509_V_FLAG_CRL_CHECK",),
    )
    crl_check_all: bool = flag(
        "Demand a CRL for every certificate of the chain and check it",
        flags=("X509_V_FLAG_CRL_CHECK", "X509_V_FLAG_CRL_CHECK_ALL"),
    )
    policy_check: bool = flag("Process certificate policies (RFC 5280)", flags=("X509_V_FLAG_POLICY_CHECK",))
    explicit_policy: bool = flag(
        "Demand a policy that is valid for the whole chain",
        flags=("X509_V_FLAG_EXPLICIT_POLICY",),
    )
    inhibit_any: bool = flag("Give anyPolicy no special meaning", flags=("X509_V_FLAG_INHIBIT_ANY",))
    inhibit_map: bool = flag("Do not follow policy mappings", flags=("X509_V_FLAG_INHIBIT_MAP",))
    x509_strict: bool = flag(
        "Refuse certificates that break RFC 5280 in ways usually forgiven",
        flags=("X509_V_FLAG_X509_STRICT",),
    )
    extended_crl: bool = flag(
        "Support indirect CRLs and CRLs signed with other keys",
        flags=("X509_V_FLAG_EXTENDED_CRL_SUPPORT",),
    )
    use_deltas: bool = flag("Support delta CRLs", flags=("X509_V_FLAG_USE_DELTAS",))
    policy_print: bool = flag(
        "Report what came out of policy processing", flags=("X509_V_FLAG_NOTIFY_POLICY",)
    )
    check_ss_sig: bool = flag(
        "Verify the signature of the self-signed root as well",
        flags=("X509_V_FLAG_CHECK_SS_SIGNATURE",),
    )
    trusted_first: bool = flag(
        "Look for issuers among trusted certificates first (the default)",
        flags=("X509_V_FLAG_TRUSTED_FIRST",),
    )
    suiteB_128_only: bool = flag(
        "Suite B with 128 bits of security: P-256 and SHA-256 only",
        flags=("X509_V_FLAG_SUITEB_128_LOS_ONLY",),
    )
    suiteB_128: bool = flag(
        "Suite B with at least 128 bits of security: P-256 or P-384",
        flags=("X509_V_FLAG_SUITEB_128_LOS",),
    )
    suiteB_192: bool = flag(
        "Suite B with 192 bits of security: P-384 and SHA-384 only",
        flags=("X509_V_FLAG_SUITEB_192_LOS",),
    )
    partial_chain: bool = flag(
        "Let a chain end at any trusted certificate, not only at a root",
        flags=("X509_V_FLAG_PARTIAL_CHAIN",),
    )
    no_alt_chains: bool = flag(
        "Stop after the first chain found; no effect with -trusted_first, the default",
        flags=("X509_V_FLAG_NO_ALT_CHAINS",),
    )
    no_check_time: bool = flag(
        "Ignore the validity dates of certificates and CRLs",
        flags=("X509_V_FLAG_NO_CHECK_TIME",),
    )
    allow_proxy_certs: bool = flag(
        "Allow proxy certificates (RFC 3820)",
        flags=("X509_V_FLAG_ALLOW_PROXY_CERTS",),
    )


class ExtendedCertificate(Section):
    """Any number of own certificates, of which the ones fit for the connection are used.

    The order matters: -xcert opens an entry, the other options belong to the entry that is open.
    """

    title = "Extended certificate"

    xkey: list[str] = infiles("Private key of the latest -xcert; default: in the file of -xcert")
    xcert: list[str] = infiles("One more certificate that may be used, where it fits the peer; repeatable")
    xchain: list[str] = infiles("Certificates to send along with the latest -xcert")
    xchain_build: bool = flag("Build the chain to send along with the latest -xcert")
    xcertform: list[str] = pem_ders("Format of the latest -xcert; found out by itself anyway")
    xkeyform: list[str] = pem_ders("Format of the latest -xkey; found out by itself anyway")


class Provider(Section):
    """Where algorithms come from; see provider(7)."""

    title = "Provider"

    provider_path: list[str] = strings(
        "Directory to load the -provider options after this one from", name="provider-path"
    )
    provider: list[str] = strings("Load this provider, as in default, legacy or fips; repeatable")
    propquery: str | None = string("Property query that algorithms are fetched with, as in fips=yes")


_ONE_VERSION = ("ssl3", "tls1", "tls1_1", "tls1_2", "tls1_3", "dtls", "dtls1", "dtls1_2")
_NOT_VERSION = ("no_ssl3", "no_tls1", "no_tls1_1", "no_tls1_2", "no_tls1_3")

VERSION_CLASHES = (
    Clash(_ONE_VERSION, _ONE_VERSION, "Cannot supply multiple protocol flags"),
    Clash(_ONE_VERSION, _NOT_VERSION, "Cannot supply both a protocol flag and '-no_<prot>'"),
    Clash(_NOT_VERSION, _ONE_VERSION, "Cannot supply both a protocol flag and '-no_<prot>'"),
)

DTLS = ("dtls", "dtls1", "dtls1_2")

NO_NPN_IN_TLS13 = Rule(("tls1_3",), ("nextprotoneg",), "Cannot supply -nextprotoneg with TLSv1.3", hint=True)
NO_UNIX_DATAGRAMS = Rule(("unix",), DTLS, "Can't use unix sockets and datagrams together")
SCTP_NEEDS_DTLS = Rule(("sctp",), DTLS, "Can't use -sctp without DTLS", needed=True)
