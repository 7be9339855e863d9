#ifndef OPENSSL_NO_HTTP
typedef ... OSSL_HTTP_REQ_CTX;

int OSSL_HTTP_parse_url(const char *url, int *tls, char **user, char **host, char **port, int *port_number,
                        char **path, char **query, char **fragment);
const char *OSSL_HTTP_adapt_proxy(const char *proxy, const char *no_proxy, const char *server, int tls);
int OSSL_HTTP_proxy_connect(BIO *bio, const char *server, const char *port, const char *user, const char *password,
                            int timeout, BIO *err, const char *program);
OSSL_HTTP_REQ_CTX *OSSL_HTTP_open(const char *server, const char *port, const char *proxy, const char *no_proxy,
                                  int tls, BIO *writing, BIO *reading, void *update, void *argument, int buffer,
                                  int timeout);
int OSSL_HTTP_REQ_CTX_set_request_line(OSSL_HTTP_REQ_CTX *request, int post, const char *server, const char *port,
                                       const char *path);
int OSSL_HTTP_REQ_CTX_add1_header(OSSL_HTTP_REQ_CTX *request, const char *name, const char *value);
int OSSL_HTTP_REQ_CTX_set_expected(OSSL_HTTP_REQ_CTX *request, const char *content_type, int asn1, int timeout,
                                   int keep_alive);
int OSSL_HTTP_REQ_CTX_set1_req(OSSL_HTTP_REQ_CTX *request, const char *content_type, const ASN1_ITEM *item,
                               const ASN1_VALUE *value);
void OSSL_HTTP_REQ_CTX_set_max_response_length(OSSL_HTTP_REQ_CTX *request, unsigned long length);
BIO *OSSL_HTTP_exchange(OSSL_HTTP_REQ_CTX *request, char **redirection);
int OSSL_HTTP_close(OSSL_HTTP_REQ_CTX *request, int ok);
#endif
