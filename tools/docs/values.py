"""What the value of an option can be completed with: by its kind, and by its name where the kind says too little."""

from __future__ import annotations

from dataclasses import dataclass

from tlsdeck.options import Row, kinds

FILES = "files"
DIRECTORIES = "directories"
HOSTS = "hosts"
NOTHING = "nothing"


@dataclass(frozen=True)
class Values:
    """`source`: one of the words above, or "words" with the `words` themselves, in a list with `separators` or not."""

    source: str
    words: tuple[str, ...] = ()
    separators: str = ""

    @property
    def unfinished(self) -> bool:
        """Whether something may follow a word without a blank."""
        return bool(self.separators) or any(word.endswith(":") for word in self.words)


def _words(text: str, separators: str = "") -> Values:
    return Values("words", tuple(text.split()), separators)


_VERSIONS = _words("None TLSv1 TLSv1.1 TLSv1.2 TLSv1.3 DTLSv1 DTLSv1.2")
_GROUPS = "X25519 P-256 X448 P-521 P-384 ffdhe2048 ffdhe3072 ffdhe4096 ffdhe6144 ffdhe8192"
_SIGALGS = _words(
    "ecdsa_secp256r1_sha256 ecdsa_secp384r1_sha384 ecdsa_secp521r1_sha512 ed25519 ed448 rsa_pss_rsae_sha256"
    " rsa_pss_rsae_sha384 rsa_pss_rsae_sha512 rsa_pss_pss_sha256 rsa_pss_pss_sha384 rsa_pss_pss_sha512 RSA+SHA256"
    " RSA+SHA384 RSA+SHA512",
    ":",
)
_PROTOCOLS = _words("h2 http/1.1 http/1.0 imap pop3 ftp xmpp-client xmpp-server dot mqtt acme-tls/1", ",")
_PASSWORD = _words("pass: env: file: fd: stdin")

_KINDS = {
    kinds.INFILE: Values(FILES),
    kinds.OUTFILE: Values(FILES),
    kinds.URI: Values(FILES),
    kinds.DIRECTORY: Values(DIRECTORIES),
    kinds.PEM_DER: _words("PEM DER"),
    kinds.PEM_DER_ENGINE: _words("PEM DER ENGINE"),
    kinds.ANY_FORMAT: _words("PEM DER P12 ENGINE"),
}
NAMES = {
    **dict.fromkeys(("connect", "host", "bind", "proxy", "servername", "verify_hostname"), Values(HOSTS)),
    **dict.fromkeys(("dane_tlsa_domain", "name", "xmpphost"), Values(HOSTS)),
    **dict.fromkeys(("key", "unix", "rand", "serverinfo"), Values(FILES)),
    "provider-path": Values(DIRECTORIES),
    **dict.fromkeys(("pass", "dpass", "proxy_pass", "srppass"), _PASSWORD),
    **dict.fromkeys(("alpn", "nextprotoneg"), _PROTOCOLS),
    **dict.fromkeys(("min_protocol", "max_protocol"), _VERSIONS),
    **dict.fromkeys(("sigalgs", "client_sigalgs"), _SIGALGS),
    **dict.fromkeys(("groups", "curves"), _words(_GROUPS, ":")),
    "named_curve": _words("P-256 P-384 P-521 X25519 X448"),
    "ciphersuites": _words(
        "TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_GCM_SHA256 TLS_AES_128_CCM_SHA256"
        " TLS_AES_128_CCM_8_SHA256",
        ":",
    ),
    "cipher": _words(
        "ALL COMPLEMENTOFDEFAULT DEFAULT HIGH MEDIUM LOW ECDHE DHE kRSA PSK aNULL eNULL AESGCM AESCCM CHACHA20"
        " ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305"
        " ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES256-GCM-SHA384 ECDHE-RSA-CHACHA20-POLY1305"
        " DHE-RSA-AES128-GCM-SHA256 DHE-RSA-AES256-GCM-SHA384 AES128-GCM-SHA256 AES256-GCM-SHA384",
        ":",
    ),
    "use_srtp": _words(
        "SRTP_AEAD_AES_256_GCM SRTP_AEAD_AES_128_GCM SRTP_AES128_CM_SHA1_80 SRTP_AES128_CM_SHA1_32", ":"
    ),
    "purpose": _words(
        "sslclient sslserver nssslserver smimesign smimeencrypt crlsign any ocsphelper timestampsign"
    ),
    "verify_name": _words("default pkcs7 smime_sign ssl_client ssl_server"),
    "provider": _words("default legacy fips base null"),
    "nameopt": _words(
        "oneline RFC2253 multiline utf8 compat sname lname esc_msb -esc_msb sep_comma_plus", ","
    ),
    "auth_level": _words("0 1 2 3 4 5"),
}


def values(row: Row) -> Values:
    """What can follow an option that takes a value."""
    if row.only and isinstance(row.only.values, tuple):
        return Values("words", tuple(str(word) for word in row.only.values))
    return NAMES.get(row.name) or _KINDS.get(row.kind) or Values(NOTHING)
