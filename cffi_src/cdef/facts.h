/* The single facts of a connection. Strings are the library's, NULL for what there is none of. */
struct tlsdeck_facts {
    const char *version, *cipher, *cipher_version;
    const char *verify_text, *verified_name;
    const char *peer_digest;
    const char *compression, *expansion;
    long verify_code;
    int peer_signature_type;
    int key_type, key_bits; /* the peer's ephemeral key, and the name of its group or kind */
    char key_name[80];
    int reused, secure_renegotiation, early_data;
};
