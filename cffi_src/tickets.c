/* Session tickets (RFC 5077 section 4, RFC 8446 section 4.6.1) under keys that several processes share.
 *
 * The first key seals; any opens, so that a ticket outlives the rotation of keys. Set and used by one thread. */

#include <openssl/core_names.h>

enum { MOST_TICKET_KEYS = 2, SEALED = 1, OPENED = 1, OPENED_RENEW = 2, UNKNOWN = 0, FAILED = -1 };

struct ticket_key {
    unsigned char name[16], cipher[32], mac[32];
};

static struct ticket_key ticket_keys[MOST_TICKET_KEYS];
static int ticket_key_count;

static const struct ticket_key *ticket_key_named(const unsigned char *name)
{
    for (int i = 0; i < ticket_key_count; i++)
        if (memcmp(ticket_keys[i].name, name, sizeof ticket_keys[i].name) == 0)
            return &ticket_keys[i];
    return NULL;
}

static int ticket_mac(EVP_MAC_CTX *mac, const struct ticket_key *key)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params);
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3) */
static int ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                      int seal)
{
    const struct ticket_key *key = seal ? ticket_keys : ticket_key_named(name);

    (void)ssl;
    if (!key || !ticket_key_count)
        return UNKNOWN;
    if (seal) {
        memcpy(name, key->name, sizeof key->name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) <= 0)
            return FAILED;
    }
    if (!EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, seal) || !ticket_mac(mac, key))
        return FAILED;
    if (seal)
        return SEALED;
    return key == ticket_keys ? OPENED : OPENED_RENEW;
}

/* The keys of this process from now on, the one that seals first. Returns 0 for a wrong length. */
static int tlsdeck_set_ticket_keys(const unsigned char *keys, size_t length)
{
    if (length % sizeof *ticket_keys || length > sizeof ticket_keys)
        return 0;
    memcpy(ticket_keys, keys, length);
    ticket_key_count = (int)(length / sizeof *ticket_keys);
    return 1;
}

static int tlsdeck_share_tickets(SSL_CTX *context)
{
    return SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_key);
}
