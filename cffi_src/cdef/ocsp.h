#ifndef OPENSSL_NO_OCSP
typedef ... OCSP_BASICRESP;
typedef ... OCSP_CERTID;
typedef ... OCSP_ONEREQ;
typedef ... OCSP_REQUEST;
typedef ... OCSP_RESPONSE;
typedef ... OCSP_SINGLERESP;

OCSP_CERTID *OCSP_cert_to_id(const EVP_MD *digest, const X509 *subject, const X509 *issuer);
OCSP_REQUEST *OCSP_REQUEST_new(void);
void OCSP_REQUEST_free(OCSP_REQUEST *request);
const ASN1_ITEM *OCSP_REQUEST_it(void);
OCSP_ONEREQ *OCSP_request_add0_id(OCSP_REQUEST *request, OCSP_CERTID *id);
int OCSP_REQUEST_add_ext(OCSP_REQUEST *request, X509_EXTENSION *extension, int position);
OCSP_RESPONSE *d2i_OCSP_RESPONSE(OCSP_RESPONSE **response, const unsigned char **der, long length);
OCSP_RESPONSE *d2i_OCSP_RESPONSE_bio(BIO *in, OCSP_RESPONSE **response);
int i2d_OCSP_RESPONSE(OCSP_RESPONSE *response, unsigned char **der);
void OCSP_RESPONSE_free(OCSP_RESPONSE *response);
int OCSP_RESPONSE_print(BIO *out, OCSP_RESPONSE *response, unsigned long flags);
int OCSP_response_status(OCSP_RESPONSE *response);
const char *OCSP_response_status_str(long status);
OCSP_BASICRESP *OCSP_response_get1_basic(OCSP_RESPONSE *response);
void OCSP_BASICRESP_free(OCSP_BASICRESP *basic);
OCSP_SINGLERESP *OCSP_resp_get0(OCSP_BASICRESP *basic, int index);
int OCSP_single_get0_status(OCSP_SINGLERESP *single, int *reason, ASN1_TIME **revoked, ASN1_TIME **this_update,
                            ASN1_TIME **next_update);
const char *OCSP_cert_status_str(long status);
struct stack_st_OPENSSL_STRING *X509_get1_ocsp(X509 *certificate);

long SSL_CTX_set_tlsext_status_type(SSL_CTX *context, int type);
long SSL_CTX_set_tlsext_status_cb(SSL_CTX *context, int (*callback)(SSL *ssl, void *argument));
long SSL_get_tlsext_status_exts(SSL *ssl, struct stack_st_X509_EXTENSION **extensions);
long SSL_get_tlsext_status_ocsp_resp(SSL *ssl, const unsigned char **der);
long SSL_set_tlsext_status_ocsp_resp(SSL *ssl, unsigned char *der, int length);
static const int TLSEXT_STATUSTYPE_ocsp;
#endif
