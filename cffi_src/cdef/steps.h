/* One TLS operation: clear the error queue, do it, ask why it stopped. See steps.c. */
int tlsdeck_handshake(SSL *ssl, int *reason);
int tlsdeck_read(SSL *ssl, void *data, int length, int *reason);
int tlsdeck_write(SSL *ssl, const void *data, int length, int *reason);
int tlsdeck_send_file(SSL *ssl, int file, long long offset, size_t length, int *reason);
int tlsdeck_write_early(SSL *ssl, const void *data, size_t length, int *reason);
int tlsdeck_read_early(SSL *ssl, void *data, size_t length, size_t *count, int *reason);
int tlsdeck_stateless(SSL *ssl, int *reason);
int tlsdeck_shutdown(SSL *ssl, int *reason);

/* Several records in one system call. See steps.c. */
int tlsdeck_gather(SSL *ssl, int size);
int tlsdeck_flush(SSL *ssl, int *reason);
int tlsdeck_scatter(SSL *ssl);

/* DTLS: its timer, and hellos answered without keeping state. See steps.c. */
long tlsdeck_timeout(SSL *ssl);
int tlsdeck_retransmit(SSL *ssl);
int tlsdeck_listen(SSL *ssl);
/* The raw address of a socket's peer: its length, 0 for none. See steps.c. */
int tlsdeck_peer_address(int descriptor, BIO_ADDR *address);
int tlsdeck_peer(int descriptor, void *address, int size);

/* Lists of code points in one call each; the result is how many there are, at most `size`. See steps.c. */
int tlsdeck_signature_algorithms(SSL *ssl, int shared, unsigned short *codes, int size);
int tlsdeck_groups(SSL *ssl, int shared, int *codes, int size);

/* The single facts of a connection in one call; see facts.h. */
void tlsdeck_facts(SSL *ssl, struct tlsdeck_facts *facts);
const char *tlsdeck_key_kind(const EVP_PKEY *key);

/* The first ClientHello of each connection. See steps.c. */
void tlsdeck_keep_hellos(SSL_CTX *context, int tell);
const unsigned char *tlsdeck_hello(SSL *ssl, int *version, size_t *length);
