"""Names of protocol code points, in the words of `-msg` and `-tlsextdebug`.

A code that is in no table has no name; what is printed instead is the printer's business.
"""

from __future__ import annotations

VERSIONS = {
    0x0100: "DTLS 1.0 (bad)",
    0x0300: "SSL 3.0",
    0x0301: "TLS 1.0",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
    0xFEFF: "DTLS 1.0",
}

# ContentType (RFC 8446 section 5.1). From 256 on: what libssl shows of a record besides its content.
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEADER, INNER_CONTENT_TYPE = 20, 21, 22, 23, 256, 257
CONTENT_TYPES = {
    CHANGE_CIPHER_SPEC: "ChangeCipherSpec",
    ALERT: "Alert",
    HANDSHAKE: "Handshake",
    APPLICATION_DATA: "ApplicationData",
    HEADER: "RecordHeader",
    INNER_CONTENT_TYPE: "InnerContent",
}

# HandshakeType (RFC 8446 section 4 and its predecessors)
HANDSHAKE_TYPES = {
    0: "HelloRequest",
    1: "ClientHello",
    2: "ServerHello",
    3: "HelloVerifyRequest",
    4: "NewSessionTicket",
    5: "EndOfEarlyData",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished",
    21: "CertificateUrl",
    22: "CertificateStatus",
    23: "SupplementalData",
    24: "KeyUpdate",
    67: "NextProto",
    254: "MessageHash",
}

# AlertLevel and AlertDescription (RFC 8446 section 6)
ALERT_LEVELS = {1: "warning", 2: "fatal"}
ALERT_DESCRIPTIONS = {
    0: "close_notify",
    1: "end_of_early_data",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
}

# ExtensionType (RFC 8446 section 4.2 and the IANA registry)
EXTENSIONS = {
    0: "server name",
    1: "max fragment length",
    2: "client certificate URL",
    3: "trusted CA keys",
    4: "truncated HMAC",
    5: "status request",
    6: "user mapping",
    7: "client authz",
    8: "server authz",
    9: "cert type",
    10: "supported_groups",
    11: "EC point formats",
    12: "SRP",
    13: "signature algorithms",
    14: "use SRTP",
    16: "application layer protocol negotiation",
    18: "signed certificate timestamps",
    21: "TLS padding",
    22: "encrypt-then-mac",
    23: "extended master secret",
    35: "session ticket",
    41: "psk",
    42: "early_data",
    43: "supported versions",
    45: "psk kex modes",
    47: "certificate authorities",
    49: "post handshake auth",
    51: "key share",
    13172: "next protocol",
    65281: "renegotiation info",
}

# SignatureScheme (RFC 8446 section 4.2.3, RFC 8734): those that have one name wherever they are shown.
SIGNATURE_SCHEMES = {
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384",
    0x080B: "rsa_pss_pss_sha512",
    0x081A: "ecdsa_brainpoolP256r1_sha256",
    0x081B: "ecdsa_brainpoolP384r1_sha384",
    0x081C: "ecdsa_brainpoolP512r1_sha512",
}
