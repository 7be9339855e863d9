/* One TLS operation per call, so that the interpreter lock is released and taken once, not three times.
 *
 * The error queue is cleared first: a stale entry would turn the next SSL_get_error(3) into SSL_ERROR_SSL.
 * `reason` becomes SSL_ERROR_NONE on success. errno is the operation's. */

/* SSL_get_error(3) takes every entry in the queue for a failure. But libssl leaves some without failing, for instance
 * about certificate timestamps that are wrong, and then goes on: who waits for the transport has not failed. Nobody
 * fails and waits to read; to write one may well, with the alert that says so. */
static int why(SSL *ssl, int result)
{
    if (result < 0 && SSL_want_read(ssl) && BIO_should_read(SSL_get_rbio(ssl)))
        return SSL_ERROR_WANT_READ;
    return SSL_get_error(ssl, result);
}

#define STEP(ssl, call) \
    int result; \
    ERR_clear_error(); \
    errno = 0; \
    result = (call); \
    int saved = errno; \
    *reason = result > 0 ? SSL_ERROR_NONE : why(ssl, result); \
    errno = saved; \
    return result

static int tlsdeck_handshake(SSL *ssl, int *reason) { STEP(ssl, SSL_do_handshake(ssl)); }
static int tlsdeck_read(SSL *ssl, void *data, int length, int *reason) { STEP(ssl, SSL_read(ssl, data, length)); }
static int tlsdeck_write(SSL *ssl, const void *data, int length, int *reason) { STEP(ssl, SSL_write(ssl, data, length)); }
/* At most INT_MAX bytes of a file, through the kernel. */
static int tlsdeck_send_file(SSL *ssl, int file, long long offset, size_t length, int *reason)
{
    STEP(ssl, (int)SSL_sendfile(ssl, file, offset, length > INT_MAX ? INT_MAX : length, 0));
}
static int tlsdeck_write_early(SSL *ssl, const void *data, size_t length, int *reason)
{
    size_t written;
    STEP(ssl, SSL_write_early_data(ssl, data, length, &written));
}
static int tlsdeck_read_early(SSL *ssl, void *data, size_t length, size_t *count, int *reason)
{
    STEP(ssl, SSL_read_early_data(ssl, data, length, count));
}
static int tlsdeck_stateless(SSL *ssl, int *reason) { STEP(ssl, SSL_stateless(ssl)); }
static int tlsdeck_shutdown(SSL *ssl, int *reason) { STEP(ssl, SSL_shutdown(ssl)); }

/* libssl makes a system call for each record of 16 KiB, and each travels by itself. A filter below it holds records back
 * until there are `size` bytes of them, or until they are flushed. */
static int tlsdeck_gather(SSL *ssl, int size)
{
    BIO *below = SSL_get_wbio(ssl), *filter = BIO_new(BIO_f_buffer());

    if (filter == NULL || !BIO_set_write_buffer_size(filter, size)) {
        BIO_free(filter);
        return 0;
    }
    BIO_up_ref(below);
    SSL_set0_wbio(ssl, BIO_push(filter, below));
    return 1;
}

/* Sends what is held back. */
static int tlsdeck_flush(SSL *ssl, int *reason)
{
    BIO *filter = SSL_get_wbio(ssl);
    int result;

    errno = 0;
    result = (int)BIO_flush(filter);
    *reason = result > 0 ? SSL_ERROR_NONE : BIO_should_retry(filter) ? SSL_ERROR_WANT_WRITE : SSL_ERROR_SYSCALL;
    return result;
}

/* From now on no record is held back any more; 0 as long as the transport does not take those that are. */
static int tlsdeck_scatter(SSL *ssl)
{
    BIO *filter = SSL_get_wbio(ssl);

    if (BIO_flush(filter) <= 0 && BIO_should_retry(filter))
        return 0;
    SSL_set0_wbio(ssl, BIO_pop(filter)); /* which takes over the filter's reference */
    return 1;
}

/* libssl gives these lists item by item or into memory of unknown size. A page about every connection needs them, so
 * each is fetched here in one call. */

/* The peer's signature schemes (or those in common): code points as on the wire (RFC 8446 section 4.2.3). */
static int tlsdeck_signature_algorithms(SSL *ssl, int shared, unsigned short *codes, int size)
{
    unsigned char sign, digest;
    int count = shared ? SSL_get_shared_sigalgs(ssl, 0, NULL, NULL, NULL, NULL, NULL)
                       : SSL_get_sigalgs(ssl, -1, NULL, NULL, NULL, NULL, NULL);
    if (count > size)
        count = size;
    for (int i = 0; i < count; i++) {
        if (shared)
            SSL_get_shared_sigalgs(ssl, i, NULL, NULL, NULL, &sign, &digest);
        else
            SSL_get_sigalgs(ssl, i, NULL, NULL, NULL, &sign, &digest);
        codes[i] = (unsigned short)(digest << 8 | sign);
    }
    return count < 0 ? 0 : count;
}

/* The client's groups (or those in common), as SSL_group_to_name(3) takes them. */
static int tlsdeck_groups(SSL *ssl, int shared, int *codes, int size)
{
    int count = shared ? (int)SSL_get_shared_group(ssl, -1) : (int)SSL_get1_groups(ssl, NULL);
    if (count <= 0 || count > size)
        return 0;
    if (!shared)
        SSL_get1_groups(ssl, codes);
    for (int i = 0; shared && i < count; i++)
        codes[i] = (int)SSL_get_shared_group(ssl, i);
    return count;
}

/* The short name of a key's kind. One of a provider's own, such as ML-DSA-65 or X25519MLKEM768, has no number. */
static const char *tlsdeck_key_kind(const EVP_PKEY *key)
{
    int id = EVP_PKEY_get_base_id(key);
    const char *name = id > NID_undef ? OBJ_nid2sn(id) : EVP_PKEY_get0_type_name(key);
    return name == NULL ? "?" : name;
}

static const char *method_name(const COMP_METHOD *method)
{
    return method == NULL ? NULL : SSL_COMP_get_name(method);
}

static void tlsdeck_facts(SSL *ssl, struct tlsdeck_facts *facts)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    EVP_PKEY *key = NULL;
    int digest = NID_undef;

    memset(facts, 0, sizeof *facts);
    facts->version = SSL_get_version(ssl);
    facts->cipher = SSL_CIPHER_get_name(cipher);
    facts->cipher_version = SSL_CIPHER_get_version(cipher);
    facts->reused = SSL_session_reused(ssl);
    facts->verify_code = SSL_get_verify_result(ssl);
    facts->verify_text = X509_verify_cert_error_string(facts->verify_code);
    facts->verified_name = SSL_get0_peername(ssl);
    facts->secure_renegotiation = SSL_get_secure_renegotiation_support(ssl) != 0;
    facts->compression = method_name(SSL_get_current_compression(ssl));
    facts->expansion = method_name(SSL_get_current_expansion(ssl));
    facts->early_data = SSL_get_early_data_status(ssl);
    if (SSL_get_peer_signature_nid(ssl, &digest) && digest != NID_undef)
        facts->peer_digest = OBJ_nid2sn(digest);
    if (!SSL_get_peer_signature_type_nid(ssl, &facts->peer_signature_type))
        facts->peer_signature_type = NID_undef;
    if (SSL_get_peer_tmp_key(ssl, &key) && key != NULL) {
        facts->key_type = EVP_PKEY_get_id(key);
        facts->key_bits = EVP_PKEY_get_bits(key);
        if (facts->key_type == EVP_PKEY_EC)
            EVP_PKEY_get_group_name(key, facts->key_name, sizeof facts->key_name, NULL);
        else
            OPENSSL_strlcpy(facts->key_name, tlsdeck_key_kind(key), sizeof facts->key_name);
        EVP_PKEY_free(key);
    }
}

/* The address of a socket's peer as the system keeps it, port included: its length, 0 for none. */
static int tlsdeck_peer(int descriptor, void *address, int size)
{
    socklen_t length = (socklen_t)size;
    return getpeername(descriptor, address, &length) ? 0 : (int)length;
}

/* The address and port of an internet socket's peer; 0 when there is none. */
static int tlsdeck_peer_address(int descriptor, BIO_ADDR *address)
{
    struct sockaddr_storage raw;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&raw;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&raw;
    socklen_t length = sizeof raw;

    if (getpeername(descriptor, (struct sockaddr *)&raw, &length))
        return 0;
    if (raw.ss_family == AF_INET)
        return BIO_ADDR_rawmake(address, AF_INET, &v4->sin_addr, sizeof v4->sin_addr, v4->sin_port);
    if (raw.ss_family == AF_INET6)
        return BIO_ADDR_rawmake(address, AF_INET6, &v6->sin6_addr, sizeof v6->sin6_addr, v6->sin6_port);
    return 0;
}

/* A client's socket, non-blocking and not inherited by programs; -1 with errno. */
static int tlsdeck_accept(int listener)
{
    return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* DTLS: milliseconds until something has to be sent again, rounded up; -1 when nothing waits for an answer. */
static long tlsdeck_timeout(SSL *ssl)
{
    struct timeval left;

    if (!DTLSv1_get_timeout(ssl, &left))
        return -1;
    return left.tv_sec * 1000L + (left.tv_usec + 999) / 1000;
}

/* DTLS: sends it again if it is time to; 0 when it is not. */
static int tlsdeck_retransmit(SSL *ssl)
{
    ERR_clear_error();
    errno = 0;
    return (int)DTLSv1_handle_timeout(ssl);
}

/* DTLS: answers one hello. 1 once it has returned a cookie of ours; then the handshake can go on with it. */
static int tlsdeck_listen(SSL *ssl)
{
    BIO_ADDR *client = BIO_ADDR_new();
    int result;

    ERR_clear_error();
    result = client == NULL ? -1 : DTLSv1_listen(ssl, client);
    BIO_ADDR_free(client);
    return result;
}

/* A client's first ClientHello, kept with its SSL. Done here, since a server that might be asked for it must not pay for
 * a call into Python with every message. */
struct hello {
    int version;
    size_t length;
    unsigned char data[];
};

static int hello_index = -1;

static void free_hello(void *parent, void *hello, CRYPTO_EX_DATA *data, int index, long argument, void *pointer)
{
    OPENSSL_free(hello);
}

static void keep_hello(int sent, int version, int content_type, const void *data, size_t length, SSL *ssl, void *argument)
{
    struct hello *hello;

    if (sent || content_type != SSL3_RT_HANDSHAKE || !length || *(const unsigned char *)data != SSL3_MT_CLIENT_HELLO)
        return;
    if (SSL_get_ex_data(ssl, hello_index) != NULL || (hello = OPENSSL_malloc(sizeof *hello + length)) == NULL)
        return;
    hello->version = version;
    hello->length = length;
    memcpy(hello->data, data, length);
    if (!SSL_set_ex_data(ssl, hello_index, hello))
        OPENSSL_free(hello);
}

static void tlsdeck_message(int, int, int, const void *, size_t, SSL *, void *);

static void keep_and_tell(int sent, int version, int content_type, const void *data, size_t length, SSL *ssl,
                          void *argument)
{
    keep_hello(sent, version, content_type, data, length, ssl, argument);
    tlsdeck_message(sent, version, content_type, data, length, ssl, argument);
}

/* Has the connections of a context keep it; `tell`: and call tlsdeck_message for every message. */
static void tlsdeck_keep_hellos(SSL_CTX *context, int tell)
{
    if (hello_index < 0)
        hello_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_hello);
    SSL_CTX_set_msg_callback(context, tell ? keep_and_tell : keep_hello);
}

/* The one that was kept, as long as the SSL lives; NULL without. `version` is its message's. */
static const unsigned char *tlsdeck_hello(SSL *ssl, int *version, size_t *length)
{
    const struct hello *hello = hello_index < 0 ? NULL : SSL_get_ex_data(ssl, hello_index);

    if (hello == NULL)
        return NULL;
    *version = hello->version;
    *length = hello->length;
    return hello->data;
}
