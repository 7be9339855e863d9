/* Certificate Transparency (RFC 6962), and what <openssl/ssl.h> has of it. */
#ifndef OPENSSL_NO_CT
typedef ... SCT;
typedef ... CTLOG_STORE;
struct stack_st_SCT;
int SSL_CTX_enable_ct(SSL_CTX *context, int validation_mode);
static const int SSL_CT_VALIDATION_PERMISSIVE;
int SSL_CTX_set_default_ctlog_list_file(SSL_CTX *context);
int SSL_CTX_set_ctlog_list_file(SSL_CTX *context, const char *path);
const CTLOG_STORE *SSL_CTX_get0_ctlog_store(const SSL_CTX *context);
const struct stack_st_SCT *SSL_get0_peer_scts(SSL *ssl);
int sk_SCT_num(const struct stack_st_SCT *stack);
SCT *sk_SCT_value(const struct stack_st_SCT *stack, int index);
int SCT_get_version(const SCT *sct);
size_t SCT_get0_log_id(const SCT *sct, unsigned char **id);
uint64_t SCT_get_timestamp(const SCT *sct);
int SCT_get_source(const SCT *sct);
static const int SCT_SOURCE_TLS_EXTENSION;
static const int SCT_SOURCE_X509V3_EXTENSION;
static const int SCT_SOURCE_OCSP_STAPLED_RESPONSE;
const char *SCT_validation_status_string(const SCT *sct);
void SCT_print(const SCT *sct, BIO *out, int indent, const CTLOG_STORE *logs);
#endif
