/* One TLS operation per call, so that the interpreter lock is released and taken once, not three times.
 *
 * The error queue is cleared first: a stale entry would turn the next SSL_get_error(3) into SSL_ERROR_SSL.
 * `reason` becomes SSL_ERROR_NONE on success. errno is the operation's. */
#define STEP(ssl, call) \
    int result; \
    ERR_clear_error(); \
    errno = 0; \
    result = (call); \
    int saved = errno; \
    *reason = result > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl, result); \
    errno = saved; \
    return result

static int tlsdeck_handshake(SSL *ssl, int *reason) { STEP(ssl, SSL_do_handshake(ssl)); }
static int tlsdeck_read(SSL *ssl, void *data, int length, int *reason) { STEP(ssl, SSL_read(ssl, data, length)); }
static int tlsdeck_write(SSL *ssl, const void *data, int length, int *reason) { STEP(ssl, SSL_write(ssl, data, length)); }
static int tlsdeck_shutdown(SSL *ssl, int *reason) { STEP(ssl, SSL_shutdown(ssl)); }
