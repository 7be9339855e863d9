/* Our own functions, called by libssl. Their bodies are in tlsdeck/tls: callbacks.py, candidates.py, cookies.py,
 * credentials.py, datagram.py, npn.py, psk.py, revocation.py, security.py, session_cache.py, srp.py, stapling.py. */
extern "Python" {
int tlsdeck_verify(int ok, X509_STORE_CTX *context);
void tlsdeck_info(const SSL *ssl, int where, int result);
void tlsdeck_message(int sent, int version, int content_type, const void *data, size_t length, SSL *ssl,
                     void *argument);
void tlsdeck_extension(SSL *ssl, int server, int type, const unsigned char *data, int length, void *argument);
long tlsdeck_transport(BIO *bio, int operation, const char *argument, size_t length, int number, long value,
                       int result, size_t *processed);
int tlsdeck_new_session(SSL *ssl, SSL_SESSION *session);
int tlsdeck_keep_session(SSL *ssl, SSL_SESSION *session);
SSL_SESSION *tlsdeck_find_session(SSL *ssl, const unsigned char *id, int length, int *copy);
void tlsdeck_forget_session(SSL_CTX *context, SSL_SESSION *session);
int tlsdeck_session_id(SSL *ssl, unsigned char *id, unsigned int *length);
int tlsdeck_not_resumable(SSL *ssl, int forward_secure);
int tlsdeck_client_name(SSL *ssl, int *alert, void *argument);
int tlsdeck_server_name(SSL *ssl, int *alert, void *argument);
int tlsdeck_named_context(SSL *ssl, int *alert, void *argument);
int tlsdeck_alpn(SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *in,
                 unsigned int in_length, void *argument);
int tlsdeck_server_info(SSL *ssl, unsigned int type, const unsigned char *in, size_t length, int *alert,
                        void *argument);
int tlsdeck_candidates(SSL *ssl, void *argument);
struct stack_st_X509_CRL *tlsdeck_lookup_crls(const X509_STORE_CTX *context, const X509_NAME *name);
#ifndef OPENSSL_NO_OCSP
int tlsdeck_staple_received(SSL *ssl, void *argument);
int tlsdeck_staple_wanted(SSL *ssl, void *argument);
#endif
int tlsdeck_security(const SSL *ssl, const SSL_CTX *context, int operation, int bits, int nid, void *other, void *data);
int tlsdeck_make_cookie(SSL *ssl, unsigned char *cookie, size_t *length);
int tlsdeck_check_cookie(SSL *ssl, const unsigned char *cookie, size_t length);
void tlsdeck_keylog(const SSL *ssl, const char *line);
unsigned int tlsdeck_psk_client(SSL *ssl, const char *hint, char *identity, unsigned int identity_size,
                                unsigned char *key, unsigned int key_size);
unsigned int tlsdeck_psk_server(SSL *ssl, const char *identity, unsigned char *key, unsigned int key_size);
int tlsdeck_psk_use_session(SSL *ssl, const EVP_MD *digest, const unsigned char **identity, size_t *length,
                            SSL_SESSION **session);
int tlsdeck_psk_find_session(SSL *ssl, const unsigned char *identity, size_t length, SSL_SESSION **session);
char *tlsdeck_srp_password(SSL *ssl, void *argument);
int tlsdeck_srp_parameters(SSL *ssl, void *argument);
int tlsdeck_srp_user(SSL *ssl, int *alert, void *argument);
int tlsdeck_npn_advertise(SSL *ssl, const unsigned char **out, unsigned int *length, void *argument);
int tlsdeck_npn_select(SSL *ssl, unsigned char **out, unsigned char *length, const unsigned char *in,
                       unsigned int in_length, void *argument);
int tlsdeck_make_datagram_cookie(SSL *ssl, unsigned char *cookie, unsigned int *length);
int tlsdeck_check_datagram_cookie(SSL *ssl, const unsigned char *cookie, unsigned int length);
char *tlsdeck_prompt(UI *ui, const char *what, const char *name);
int tlsdeck_password(char *buffer, int size, int writing, void *argument);
}
