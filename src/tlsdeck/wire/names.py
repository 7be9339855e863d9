"""Names of code points inside messages, in the words of OpenSSL 3.0's trace.

What that release does not know has the name that later ones, or the registry, give it.
"""

from __future__ import annotations

from tlsdeck import names

VERSIONS = names.VERSIONS | {0xFEFD: "DTLS 1.2"}

COMPRESSION_METHODS = {0: "No Compression", 1: "Zlib Compression"}

# AlertDescription (RFC 8446 section 6), in the words of SSL_alert_desc_string_long(3).
ALERT_DESCRIPTIONS = {
    0: "close notify",
    10: "unexpected_message",
    20: "bad record mac",
    21: "decryption failed",
    22: "record overflow",
    30: "decompression failure",
    40: "handshake failure",
    41: "no certificate",
    42: "bad certificate",
    43: "unsupported certificate",
    44: "certificate revoked",
    45: "certificate expired",
    46: "certificate unknown",
    47: "illegal parameter",
    48: "unknown CA",
    49: "access denied",
    50: "decode error",
    51: "decrypt error",
    60: "export restriction",
    70: "protocol version",
    71: "insufficient security",
    80: "internal error",
    90: "user canceled",
    100: "no renegotiation",
    110: "unsupported extension",
    111: "certificate unobtainable",
    112: "unrecognized name",
    113: "bad certificate status response",
    114: "bad certificate hash value",
    115: "unknown PSK identity",
    120: "no application protocol",
}

# ExtensionType (RFC 8446 section 4.2 and the IANA registry)
EXTENSIONS = {
    0: "server_name",
    1: "max_fragment_length",
    2: "client_certificate_url",
    3: "trusted_ca_keys",
    4: "truncated_hmac",
    5: "status_request",
    6: "user_mapping",
    7: "client_authz",
    8: "server_authz",
    9: "cert_type",
    10: "supported_groups",
    11: "ec_point_formats",
    12: "srp",
    13: "signature_algorithms",
    14: "use_srtp",
    15: "heartbeat",
    16: "application_layer_protocol_negotiation",
    17: "status_request_v2",
    18: "signed_certificate_timestamps",
    19: "client_cert_type",
    20: "server_cert_type",
    21: "padding",
    22: "encrypt_then_mac",
    23: "extended_master_secret",
    24: "token_binding",
    27: "compress_certificate",
    28: "record_size_limit",
    34: "delegated_credential",
    35: "session_ticket",
    41: "psk",
    42: "early_data",
    43: "supported_versions",
    44: "cookie_ext",
    45: "psk_key_exchange_modes",
    47: "certificate_authorities",
    48: "oid_filters",
    49: "post_handshake_auth",
    50: "signature_algorithms_cert",
    51: "key_share",
    57: "quic_transport_parameters",
    13172: "next_proto_neg",
    65037: "encrypted_client_hello",
    65281: "renegotiate",
}

# NamedGroup (RFC 8446 section 4.2.7, RFC 8422 section 5.1.1)
GROUPS = {
    1: "sect163k1 (K-163)",
    2: "sect163r1",
    3: "sect163r2 (B-163)",
    4: "sect193r1",
    5: "sect193r2",
    6: "sect233k1 (K-233)",
    7: "sect233r1 (B-233)",
    8: "sect239k1",
    9: "sect283k1 (K-283)",
    10: "sect283r1 (B-283)",
    11: "sect409k1 (K-409)",
    12: "sect409r1 (B-409)",
    13: "sect571k1 (K-571)",
    14: "sect571r1 (B-571)",
    15: "secp160k1",
    16: "secp160r1",
    17: "secp160r2",
    18: "secp192k1",
    19: "secp192r1 (P-192)",
    20: "secp224k1",
    21: "secp224r1 (P-224)",
    22: "secp256k1",
    23: "secp256r1 (P-256)",
    24: "secp384r1 (P-384)",
    25: "secp521r1 (P-521)",
    26: "brainpoolP256r1",
    27: "brainpoolP384r1",
    28: "brainpoolP512r1",
    29: "ecdh_x25519",
    30: "ecdh_x448",
    31: "brainpoolP256r1tls13",
    32: "brainpoolP384r1tls13",
    33: "brainpoolP512r1tls13",
    34: "GC256A",
    35: "GC256B",
    36: "GC256C",
    37: "GC256D",
    38: "GC512A",
    39: "GC512B",
    40: "GC512C",
    256: "ffdhe2048",
    257: "ffdhe3072",
    258: "ffdhe4096",
    259: "ffdhe6144",
    260: "ffdhe8192",
    512: "MLKEM512",
    513: "MLKEM768",
    514: "MLKEM1024",
    4587: "SecP256r1MLKEM768",
    4588: "X25519MLKEM768",
    4589: "SecP384r1MLKEM1024",
    25497: "X25519Kyber768Draft00",
    25498: "SecP256r1Kyber768Draft00",
    0xFF01: "arbitrary_explicit_prime_curves",
    0xFF02: "arbitrary_explicit_char2_curves",
}

# ECPointFormat (RFC 8422 section 5.1.2)
POINT_FORMATS = {0: "uncompressed", 1: "ansiX962_compressed_prime", 2: "ansiX962_compressed_char2"}

# MaxFragmentLength (RFC 6066 section 4)
FRAGMENT_LENGTHS = {
    0: "disabled",
    1: "max_fragment_length := 2^9 (512 bytes)",
    2: "max_fragment_length := 2^10 (1024 bytes)",
    3: "max_fragment_length := 2^11 (2048 bytes)",
    4: "max_fragment_length := 2^12 (4096 bytes)",
}

# SignatureScheme (RFC 8446 section 4.2.3)
SIGNATURE_SCHEMES = {
    0x0201: "rsa_pkcs1_sha1",
    0x0202: "dsa_sha1",
    0x0203: "ecdsa_sha1",
    0x0301: "rsa_pkcs1_sha224",
    0x0302: "dsa_sha224",
    0x0303: "ecdsa_sha224",
    0x0401: "rsa_pkcs1_sha256",
    0x0402: "dsa_sha256",
    0x0403: "ecdsa_secp256r1_sha256",
    0x0501: "rsa_pkcs1_sha384",
    0x0502: "dsa_sha384",
    0x0503: "ecdsa_secp384r1_sha384",
    0x0601: "rsa_pkcs1_sha512",
    0x0602: "dsa_sha512",
    0x0603: "ecdsa_secp521r1_sha512",
    0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384",
    0x080B: "rsa_pss_pss_sha512",
    0x081A: "ecdsa_brainpoolP256r1_sha256",
    0x081B: "ecdsa_brainpoolP384r1_sha384",
    0x081C: "ecdsa_brainpoolP512r1_sha512",
    0x0840: "gost2012_256",
    0x0841: "gost2012_512",
    0x0904: "mldsa44",
    0x0905: "mldsa65",
    0x0906: "mldsa87",
    0xEDED: "gost2001_gost94",
    0xEEEE: "gost2012_256",
    0xEFEF: "gost2012_512",
}

# ClientCertificateType (RFC 5246 section 7.4.4)
CERTIFICATE_TYPES = {
    1: "rsa_sign",
    2: "dss_sign",
    3: "rsa_fixed_dh",
    4: "dss_fixed_dh",
    5: "rsa_ephemeral_dh",
    6: "dss_ephemeral_dh",
    20: "fortezza_dms",
    64: "ecdsa_sign",
    65: "rsa_fixed_ecdh",
    66: "ecdsa_fixed_ecdh",
    67: "gost_sign256",
    68: "gost_sign512",
}

# PskKeyExchangeMode (RFC 8446 section 4.2.9)
PSK_KEY_EXCHANGE_MODES = {0: "psk_ke", 1: "psk_dhe_ke"}

# KeyUpdateRequest (RFC 8446 section 4.6.3)
KEY_UPDATE_REQUESTS = {0: "update_not_requested", 1: "update_requested"}
