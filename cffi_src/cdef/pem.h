int PEM_write_bio_X509(BIO *out, const X509 *certificate);
int PEM_write_bio_SSL_SESSION(BIO *out, const SSL_SESSION *session);
SSL_SESSION *PEM_read_bio_SSL_SESSION(BIO *in, SSL_SESSION **session, void *callback, void *argument);
EVP_PKEY *PEM_read_bio_PrivateKey(BIO *in, EVP_PKEY **key, void *callback, void *argument);
X509 *PEM_read_bio_X509(BIO *in, X509 **certificate, void *callback, void *argument);
