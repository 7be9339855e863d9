/* Methods and contexts */
const SSL_METHOD *TLS_client_method(void);
const SSL_METHOD *TLS_server_method(void);
const SSL_METHOD *DTLS_client_method(void);
const SSL_METHOD *DTLS_server_method(void);
#if !defined(OPENSSL_NO_SSL3_METHOD) && OPENSSL_VERSION_NUMBER < 0x40000000L
const SSL_METHOD *SSLv3_client_method(void);
const SSL_METHOD *SSLv3_server_method(void);
#endif
SSL_CTX *SSL_CTX_new_ex(OSSL_LIB_CTX *library, const char *properties, const SSL_METHOD *method);
void SSL_CTX_free(SSL_CTX *context);
int SSL_CTX_config(SSL_CTX *context, const char *name);
uint64_t SSL_CTX_set_options(SSL_CTX *context, uint64_t options);
long SSL_CTX_set_mode(SSL_CTX *context, long mode);
long SSL_CTX_clear_mode(SSL_CTX *context, long mode);
int SSL_CTX_set_min_proto_version(SSL_CTX *context, int version);
int SSL_CTX_set_max_proto_version(SSL_CTX *context, int version);
int SSL_CTX_set_max_send_fragment(SSL_CTX *context, long size);
int SSL_CTX_set_split_send_fragment(SSL_CTX *context, long size);
int SSL_CTX_set_max_pipelines(SSL_CTX *context, long count);
void SSL_CTX_set_default_read_buffer_len(SSL_CTX *context, size_t length);
int SSL_CTX_set_tlsext_max_fragment_length(SSL_CTX *context, uint8_t mode);
static const uint64_t SSL_OP_IGNORE_UNEXPECTED_EOF;
static const uint64_t SSL_OP_DISABLE_TLSEXT_CA_NAMES;
static const uint64_t SSL_OP_COOKIE_EXCHANGE;
static const uint64_t SSL_OP_NO_QUERY_MTU;
static const uint64_t SSL_OP_ENABLE_KTLS;
static const long SSL_MODE_AUTO_RETRY;
static const long SSL_MODE_SEND_FALLBACK_SCSV;
static const long SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;
static const long SSL_MODE_NO_AUTO_CHAIN;
static const long SSL_MODE_DTLS_SCTP_LABEL_LENGTH_BUG;
static const long SSL_MODE_ASYNC;
static const long SSL_MODE_RELEASE_BUFFERS;
static const int TLSEXT_max_fragment_length_512;
static const int TLSEXT_max_fragment_length_1024;
static const int TLSEXT_max_fragment_length_2048;
static const int TLSEXT_max_fragment_length_4096;
static const int TLS1_3_VERSION;

/* SSL_CONF */
SSL_CONF_CTX *SSL_CONF_CTX_new(void);
void SSL_CONF_CTX_free(SSL_CONF_CTX *conf);
unsigned int SSL_CONF_CTX_set_flags(SSL_CONF_CTX *conf, unsigned int flags);
void SSL_CONF_CTX_set_ssl_ctx(SSL_CONF_CTX *conf, SSL_CTX *context);
int SSL_CONF_cmd(SSL_CONF_CTX *conf, const char *option, const char *value);
int SSL_CONF_CTX_finish(SSL_CONF_CTX *conf);
static const unsigned int SSL_CONF_FLAG_CMDLINE;
static const unsigned int SSL_CONF_FLAG_CLIENT;
static const unsigned int SSL_CONF_FLAG_SERVER;

/* Identity and trust */
int SSL_CTX_use_certificate(SSL_CTX *context, X509 *certificate);
int SSL_CTX_use_PrivateKey(SSL_CTX *context, EVP_PKEY *key);
int SSL_CTX_check_private_key(const SSL_CTX *context);
int SSL_CTX_set1_chain(SSL_CTX *context, struct stack_st_X509 *chain);
int SSL_CTX_build_cert_chain(SSL_CTX *context, int flags);
static const int SSL_BUILD_CHAIN_FLAG_CHECK;
static const int SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR;
static const int SSL_BUILD_CHAIN_FLAG_CLEAR_ERROR;
int SSL_CTX_use_serverinfo_file(SSL_CTX *context, const char *file);
void SSL_CTX_set_cert_cb(SSL_CTX *context, int (*callback)(SSL *ssl, void *argument), void *argument);
void SSL_certs_clear(SSL *ssl);
int SSL_check_chain(SSL *ssl, X509 *certificate, EVP_PKEY *key, struct stack_st_X509 *chain);
static const int CERT_PKEY_VALID;
static const int CERT_PKEY_SIGN;
static const int CERT_PKEY_EE_SIGNATURE;
static const int CERT_PKEY_CA_SIGNATURE;
static const int CERT_PKEY_EE_PARAM;
static const int CERT_PKEY_CA_PARAM;
static const int CERT_PKEY_EXPLICIT_SIGN;
static const int CERT_PKEY_ISSUER_NAME;
static const int CERT_PKEY_CERT_TYPE;
static const int CERT_PKEY_SUITEB;
long SSL_set_cert_flags(SSL *ssl, long flags);
static const long SSL_CERT_FLAG_SUITEB_128_LOS;
int SSL_use_certificate(SSL *ssl, X509 *certificate);
int SSL_use_PrivateKey(SSL *ssl, EVP_PKEY *key);
int SSL_set1_chain(SSL *ssl, struct stack_st_X509 *chain);
int SSL_build_cert_chain(SSL *ssl, int flags);
int SSL_CTX_set0_tmp_dh_pkey(SSL_CTX *context, EVP_PKEY *key);
long SSL_CTX_set_dh_auto(SSL_CTX *context, int on);
int SSL_CTX_load_verify_file(SSL_CTX *context, const char *file);
int SSL_CTX_load_verify_dir(SSL_CTX *context, const char *directory);
int SSL_CTX_load_verify_store(SSL_CTX *context, const char *uri);
int SSL_CTX_set_default_verify_file(SSL_CTX *context);
int SSL_CTX_set_default_verify_dir(SSL_CTX *context);
int SSL_CTX_set_default_verify_store(SSL_CTX *context);
X509 *SSL_get_certificate(const SSL *ssl);
BIO *BIO_new_ssl(SSL_CTX *context, int client);
long BIO_get_ssl(BIO *bio, SSL **ssl);
X509_STORE *SSL_CTX_get_cert_store(const SSL_CTX *context);
int SSL_CTX_set1_chain_cert_store(SSL_CTX *context, X509_STORE *store);
int SSL_CTX_set1_verify_cert_store(SSL_CTX *context, X509_STORE *store);
int SSL_CTX_set1_param(SSL_CTX *context, X509_VERIFY_PARAM *param);
struct stack_st_X509_NAME *SSL_load_client_CA_file(const char *file);
int SSL_add_file_cert_subjects_to_stack(struct stack_st_X509_NAME *stack, const char *file);
void SSL_CTX_set_client_CA_list(SSL_CTX *context, struct stack_st_X509_NAME *names);
void SSL_CTX_set0_CA_list(SSL_CTX *context, struct stack_st_X509_NAME *names);

typedef int (*SSL_verify_cb)(int ok, X509_STORE_CTX *context);
void SSL_CTX_set_verify(SSL_CTX *context, int mode, SSL_verify_cb callback);
void SSL_set_verify(SSL *ssl, int mode, SSL_verify_cb callback);
int SSL_get_ex_data_X509_STORE_CTX_idx(void);
static const int SSL_VERIFY_NONE;
static const int SSL_VERIFY_PEER;
static const int SSL_VERIFY_CLIENT_ONCE;
static const int SSL_VERIFY_FAIL_IF_NO_PEER_CERT;

/* DANE */
int SSL_CTX_dane_enable(SSL_CTX *context);
int SSL_dane_enable(SSL *ssl, const char *domain);
int SSL_dane_tlsa_add(SSL *ssl, uint8_t usage, uint8_t selector, uint8_t matching_type, const unsigned char *data,
                      size_t length);
unsigned long SSL_dane_set_flags(SSL *ssl, unsigned long flags);
static const unsigned long DANE_FLAG_NO_DANE_EE_NAMECHECKS;
int SSL_get0_dane_authority(SSL *ssl, X509 **certificate, EVP_PKEY **key);
int SSL_get0_dane_tlsa(SSL *ssl, uint8_t *usage, uint8_t *selector, uint8_t *matching_type,
                       const unsigned char **data, size_t *length);

/* Sessions */
int SSL_CTX_set_session_id_context(SSL_CTX *context, const unsigned char *id, unsigned int length);
long SSL_CTX_set_timeout(SSL_CTX *context, long seconds);
int SSL_set_session_id_context(SSL *ssl, const unsigned char *id, unsigned int length);
long SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode);
long SSL_CTX_sess_set_cache_size(SSL_CTX *context, long size);
long SSL_CTX_sess_get_cache_size(SSL_CTX *context);
long SSL_CTX_sess_number(SSL_CTX *context);
long SSL_CTX_sess_connect(SSL_CTX *context);
long SSL_CTX_sess_connect_renegotiate(SSL_CTX *context);
long SSL_CTX_sess_connect_good(SSL_CTX *context);
long SSL_CTX_sess_accept(SSL_CTX *context);
long SSL_CTX_sess_accept_renegotiate(SSL_CTX *context);
long SSL_CTX_sess_accept_good(SSL_CTX *context);
long SSL_CTX_sess_hits(SSL_CTX *context);
long SSL_CTX_sess_misses(SSL_CTX *context);
long SSL_CTX_sess_timeouts(SSL_CTX *context);
long SSL_CTX_sess_cb_hits(SSL_CTX *context);
long SSL_CTX_sess_cache_full(SSL_CTX *context);
static const long SSL_SESS_CACHE_OFF;
static const long SSL_SESS_CACHE_CLIENT;
static const long SSL_SESS_CACHE_SERVER;
static const long SSL_SESS_CACHE_NO_INTERNAL;
static const long SSL_SESS_CACHE_NO_INTERNAL_STORE;
void SSL_CTX_sess_set_new_cb(SSL_CTX *context, int (*callback)(SSL *ssl, SSL_SESSION *session));
typedef int (*GEN_SESSION_CB)(SSL *ssl, unsigned char *id, unsigned int *length);
void SSL_CTX_sess_set_get_cb(SSL_CTX *context,
                             SSL_SESSION *(*callback)(SSL *ssl, const unsigned char *id, int length, int *copy));
void SSL_CTX_sess_set_remove_cb(SSL_CTX *context, void (*callback)(SSL_CTX *context, SSL_SESSION *session));
int SSL_CTX_set_app_data(SSL_CTX *context, void *data);
void *SSL_CTX_get_app_data(const SSL_CTX *context);
int i2d_SSL_SESSION(const SSL_SESSION *session, unsigned char **der);
SSL_SESSION *d2i_SSL_SESSION(SSL_SESSION **session, const unsigned char **der, long length);
int SSL_CTX_set_generate_session_id(SSL_CTX *context, GEN_SESSION_CB callback);
int SSL_has_matching_session_id(const SSL *ssl, const unsigned char *id, unsigned int length);
void SSL_CTX_set_not_resumable_session_callback(SSL_CTX *context, int (*callback)(SSL *ssl, int forward_secure));
int SSL_SESSION_print(BIO *out, const SSL_SESSION *session);
unsigned long SSL_SESSION_get_ticket_lifetime_hint(const SSL_SESSION *session);
void SSL_SESSION_free(SSL_SESSION *session);
SSL_SESSION *SSL_get_session(const SSL *ssl);
int SSL_set_session(SSL *ssl, SSL_SESSION *session);
int SSL_session_reused(const SSL *ssl);
SSL_SESSION *SSL_SESSION_new(void);
int SSL_SESSION_up_ref(SSL_SESSION *session);
int SSL_SESSION_set1_master_key(SSL_SESSION *session, const unsigned char *key, size_t length);
int SSL_SESSION_set_cipher(SSL_SESSION *session, const SSL_CIPHER *cipher);
int SSL_SESSION_set_protocol_version(SSL_SESSION *session, int version);
const SSL_CIPHER *SSL_SESSION_get0_cipher(const SSL_SESSION *session);

/* Pre-shared keys */
#ifndef OPENSSL_NO_PSK
typedef unsigned int (*SSL_psk_client_cb_func)(SSL *ssl, const char *hint, char *identity, unsigned int identity_size,
                                               unsigned char *key, unsigned int key_size);
typedef unsigned int (*SSL_psk_server_cb_func)(SSL *ssl, const char *identity, unsigned char *key,
                                               unsigned int key_size);
void SSL_CTX_set_psk_client_callback(SSL_CTX *context, SSL_psk_client_cb_func callback);
void SSL_CTX_set_psk_server_callback(SSL_CTX *context, SSL_psk_server_cb_func callback);
int SSL_CTX_use_psk_identity_hint(SSL_CTX *context, const char *hint);
static const int PSK_MAX_PSK_LEN;
#endif
typedef int (*SSL_psk_use_session_cb_func)(SSL *ssl, const EVP_MD *digest, const unsigned char **identity,
                                           size_t *length, SSL_SESSION **session);
typedef int (*SSL_psk_find_session_cb_func)(SSL *ssl, const unsigned char *identity, size_t length,
                                            SSL_SESSION **session);
void SSL_CTX_set_psk_use_session_callback(SSL_CTX *context, SSL_psk_use_session_cb_func callback);
void SSL_CTX_set_psk_find_session_callback(SSL_CTX *context, SSL_psk_find_session_cb_func callback);

/* SRP */
#ifndef OPENSSL_NO_SRP
int SSL_CTX_set_srp_username(SSL_CTX *context, char *name);
int SSL_CTX_set_srp_strength(SSL_CTX *context, int bits);
int SSL_CTX_set_srp_client_pwd_callback(SSL_CTX *context, char *(*callback)(SSL *ssl, void *argument));
int SSL_CTX_set_srp_verify_param_callback(SSL_CTX *context, int (*callback)(SSL *ssl, void *argument));
int SSL_CTX_set_srp_username_callback(SSL_CTX *context, int (*callback)(SSL *ssl, int *alert, void *argument));
int SSL_set_srp_server_param(SSL *ssl, const BIGNUM *prime, const BIGNUM *generator, BIGNUM *salt, BIGNUM *verifier,
                             char *info);
BIGNUM *SSL_get_srp_N(SSL *ssl);
BIGNUM *SSL_get_srp_g(SSL *ssl);
char *SSL_get_srp_username(SSL *ssl);
#endif
const unsigned char *SSL_SESSION_get_id(const SSL_SESSION *session, unsigned int *length);

/* Extensions chosen by the application */
int SSL_CTX_set_alpn_protos(SSL_CTX *context, const unsigned char *protocols, unsigned int length);
typedef int (*SSL_CTX_alpn_select_cb_func)(SSL *ssl, const unsigned char **out, unsigned char *length,
                                           const unsigned char *in, unsigned int in_length, void *argument);
void SSL_CTX_set_alpn_select_cb(SSL_CTX *context, SSL_CTX_alpn_select_cb_func callback, void *argument);
static const int SSL_TLSEXT_ERR_OK;
static const int SSL_TLSEXT_ERR_NOACK;
static const int SSL_TLSEXT_ERR_ALERT_WARNING;
static const int SSL_TLSEXT_ERR_ALERT_FATAL;
void SSL_get0_alpn_selected(const SSL *ssl, const unsigned char **data, unsigned int *length);
typedef int (*custom_ext_add_cb)(SSL *ssl, unsigned int type, const unsigned char **out, size_t *length, int *alert,
                                 void *argument);
typedef void (*custom_ext_free_cb)(SSL *ssl, unsigned int type, const unsigned char *out, void *argument);
typedef int (*custom_ext_parse_cb)(SSL *ssl, unsigned int type, const unsigned char *in, size_t length, int *alert,
                                   void *argument);
int SSL_CTX_add_client_custom_ext(SSL_CTX *context, unsigned int type, custom_ext_add_cb add,
                                  custom_ext_free_cb free, void *add_argument, custom_ext_parse_cb parse,
                                  void *parse_argument);
#ifndef OPENSSL_NO_NEXTPROTONEG
typedef int (*SSL_CTX_npn_advertised_cb_func)(SSL *ssl, const unsigned char **out, unsigned int *length,
                                              void *argument);
typedef int (*SSL_CTX_npn_select_cb_func)(SSL *ssl, unsigned char **out, unsigned char *length,
                                          const unsigned char *in, unsigned int in_length, void *argument);
void SSL_CTX_set_next_protos_advertised_cb(SSL_CTX *context, SSL_CTX_npn_advertised_cb_func callback, void *argument);
void SSL_CTX_set_next_proto_select_cb(SSL_CTX *context, SSL_CTX_npn_select_cb_func callback, void *argument);
void SSL_get0_next_proto_negotiated(const SSL *ssl, const unsigned char **data, unsigned int *length);
#endif
#ifndef OPENSSL_NO_SRTP
typedef struct {
    const char *name;
    ...;
} SRTP_PROTECTION_PROFILE;
int SSL_CTX_set_tlsext_use_srtp(SSL_CTX *context, const char *profiles);
SRTP_PROTECTION_PROFILE *SSL_get_selected_srtp_profile(SSL *ssl);
#endif
long SSL_CTX_set_tlsext_servername_callback(SSL_CTX *context, int (*callback)(SSL *ssl, int *alert, void *argument));
long SSL_set_tlsext_host_name(SSL *ssl, const char *name);
const char *SSL_get_servername(const SSL *ssl, int type);
int SSL_get_servername_type(const SSL *ssl);
static const int TLSEXT_NAMETYPE_host_name;
SSL_CTX *SSL_set_SSL_CTX(SSL *ssl, SSL_CTX *context);
SSL_CTX *SSL_get_SSL_CTX(const SSL *ssl);

/* DTLS */
void SSL_CTX_set_cookie_generate_cb(SSL_CTX *context, int (*callback)(SSL *ssl, unsigned char *cookie,
                                                                      unsigned int *length));
void SSL_CTX_set_cookie_verify_cb(SSL_CTX *context, int (*callback)(SSL *ssl, const unsigned char *cookie,
                                                                    unsigned int length));
long DTLS_set_link_mtu(SSL *ssl, long size);
long DTLS_get_link_min_mtu(SSL *ssl);

/* Watching */
void SSL_CTX_set_info_callback(SSL_CTX *context, void (*callback)(const SSL *ssl, int where, int result));
static const int SSL_CB_LOOP;
static const int SSL_CB_EXIT;
static const int SSL_CB_READ;
static const int SSL_CB_ALERT;
static const int SSL_CB_HANDSHAKE_DONE;
static const int SSL_ST_CONNECT;
static const int SSL_ST_ACCEPT;
const char *SSL_state_string_long(const SSL *ssl);
const char *SSL_alert_type_string_long(int value);
const char *SSL_alert_desc_string_long(int value);
void SSL_CTX_set_msg_callback(SSL_CTX *context, void (*callback)(int sent, int version, int content_type,
                                                                 const void *data, size_t length, SSL *ssl,
                                                                 void *argument));
long SSL_set_tlsext_debug_callback(SSL *ssl, void (*callback)(SSL *ssl, int server, int type,
                                                              const unsigned char *data, int length, void *argument));
typedef void (*SSL_CTX_keylog_cb_func)(const SSL *ssl, const char *line);
void SSL_CTX_set_keylog_callback(SSL_CTX *context, SSL_CTX_keylog_cb_func callback);

void SSL_CTX_set_stateless_cookie_generate_cb(SSL_CTX *context,
                                              int (*generate)(SSL *ssl, unsigned char *cookie, size_t *length));
void SSL_CTX_set_stateless_cookie_verify_cb(SSL_CTX *context,
                                            int (*verify)(SSL *ssl, const unsigned char *cookie, size_t length));


/* Security level */
int (*SSL_CTX_get_security_callback(const SSL_CTX *context))(const SSL *ssl, const SSL_CTX *context, int operation,
                                                             int bits, int nid, void *other, void *data);
void SSL_CTX_set_security_callback(SSL_CTX *context,
                                   int (*callback)(const SSL *ssl, const SSL_CTX *context, int operation, int bits,
                                                   int nid, void *other, void *data));
void SSL_CTX_set0_security_ex_data(SSL_CTX *context, void *data);
static const int SSL_SECOP_CIPHER_SUPPORTED;
static const int SSL_SECOP_CIPHER_SHARED;
static const int SSL_SECOP_CIPHER_CHECK;
static const int SSL_SECOP_CURVE_SUPPORTED;
static const int SSL_SECOP_CURVE_SHARED;
static const int SSL_SECOP_CURVE_CHECK;
static const int SSL_SECOP_TMP_DH;
static const int SSL_SECOP_VERSION;
static const int SSL_SECOP_TICKET;
static const int SSL_SECOP_COMPRESSION;
static const int SSL_SECOP_SIGALG_SUPPORTED;
static const int SSL_SECOP_SIGALG_SHARED;
static const int SSL_SECOP_SIGALG_CHECK;
static const int SSL_SECOP_SIGALG_MASK;
static const int SSL_SECOP_EE_KEY;
static const int SSL_SECOP_CA_KEY;
static const int SSL_SECOP_PEER_EE_KEY;
static const int SSL_SECOP_PEER_CA_KEY;
static const int SSL_SECOP_CA_MD;
static const int SSL_SECOP_PEER_CA_MD;

/* Connections */
SSL *SSL_new(SSL_CTX *context);
void SSL_free(SSL *ssl);
void SSL_set_bio(SSL *ssl, BIO *reading, BIO *writing);
BIO *SSL_get_wbio(const SSL *ssl);
void SSL_set_connect_state(SSL *ssl);
void SSL_set_accept_state(SSL *ssl);
int SSL_set_app_data(SSL *ssl, void *data);
void *SSL_get_app_data(const SSL *ssl);
int SSL_do_handshake(SSL *ssl);
int SSL_get_error(const SSL *ssl, int result);
int SSL_get_all_async_fds(SSL *ssl, int *descriptors, size_t *count);
int SSL_has_pending(const SSL *ssl);
int SSL_is_init_finished(const SSL *ssl);
int SSL_renegotiate(SSL *ssl);
int SSL_renegotiate_pending(const SSL *ssl);
int SSL_key_update(SSL *ssl, int type);
static const int SSL_KEY_UPDATE_NOT_REQUESTED;
static const int SSL_KEY_UPDATE_REQUESTED;
int SSL_verify_client_post_handshake(SSL *ssl);
void SSL_set_post_handshake_auth(SSL *ssl, int on);
uint64_t SSL_get_options(const SSL *ssl);
static const uint64_t SSL_OP_NO_RENEGOTIATION;
int SSL_get_shutdown(const SSL *ssl);
static const int SSL_RECEIVED_SHUTDOWN;
static const int SSL_ERROR_NONE;
static const int SSL_ERROR_WANT_READ;
static const int SSL_ERROR_WANT_WRITE;
static const int SSL_ERROR_WANT_X509_LOOKUP;
static const int SSL_ERROR_SYSCALL;
static const int SSL_ERROR_ZERO_RETURN;
static const int SSL_ERROR_WANT_ASYNC;

/* What was negotiated */
int SSL_version(const SSL *ssl);
const char *SSL_get_version(const SSL *ssl);
const SSL_CIPHER *SSL_get_current_cipher(const SSL *ssl);
const SSL_CIPHER *SSL_get_pending_cipher(const SSL *ssl);
uint16_t SSL_CIPHER_get_protocol_id(const SSL_CIPHER *cipher);
const char *SSL_CIPHER_get_name(const SSL_CIPHER *cipher);
const char *SSL_CIPHER_get_version(const SSL_CIPHER *cipher);
const char *SSL_CIPHER_standard_name(const SSL_CIPHER *cipher);
int SSL_CIPHER_get_auth_nid(const SSL_CIPHER *cipher);
int SSL_CIPHER_get_kx_nid(const SSL_CIPHER *cipher);
const EVP_MD *SSL_CIPHER_get_handshake_digest(const SSL_CIPHER *cipher);
const SSL_CIPHER *SSL_CIPHER_find(SSL *ssl, const unsigned char *code);
int SSL_CIPHER_get_bits(const SSL_CIPHER *cipher, int *possible);
X509 *SSL_get0_peer_certificate(const SSL *ssl);
struct stack_st_X509 *SSL_get_peer_cert_chain(const SSL *ssl);
struct stack_st_X509 *SSL_get0_verified_chain(const SSL *ssl);
const struct stack_st_X509_NAME *SSL_get0_peer_CA_list(const SSL *ssl);
size_t SSL_get0_certificate_types(SSL *ssl, const unsigned char **types);
long SSL_get_verify_result(const SSL *ssl);
int SSL_get_early_data_status(const SSL *ssl);
uint32_t SSL_SESSION_get_max_early_data(const SSL_SESSION *session);
int SSL_CTX_set_max_early_data(SSL_CTX *context, uint32_t size);
int SSL_CTX_set_recv_max_early_data(SSL_CTX *context, uint32_t size);
static const int SSL_EARLY_DATA_REJECTED;
static const int SSL_EARLY_DATA_ACCEPTED;
int SSL_get0_ec_point_formats(SSL *ssl, char **formats);
int SSL_get_negotiated_group(SSL *ssl);
long SSL_get_shared_group(SSL *ssl, int index);
const char *SSL_group_to_name(SSL *ssl, int group);
char *SSL_get_shared_ciphers(const SSL *ssl, char *buffer, int size);
int SSL_get0_raw_cipherlist(SSL *ssl, unsigned char **list);
struct stack_st_SSL_CIPHER *SSL_get_ciphers(const SSL *ssl);
struct stack_st_SSL_CIPHER *SSL_get1_supported_ciphers(SSL *ssl);
void sk_SSL_CIPHER_free(struct stack_st_SSL_CIPHER *stack);
int SSL_extension_supported(unsigned int type);
int SSL_get_security_level(const SSL *ssl);
int SSL_get_min_proto_version(SSL *ssl);
int SSL_get_max_proto_version(SSL *ssl);
long SSL_set_current_cert(SSL *ssl, long which);
EVP_PKEY *SSL_get_privatekey(const SSL *ssl);
static const long SSL_CERT_SET_FIRST;
static const long SSL_CERT_SET_NEXT;
static const uint64_t SSL_OP_NO_TLSv1;
static const uint64_t SSL_OP_NO_TLSv1_1;
static const uint64_t SSL_OP_NO_TLSv1_2;
static const uint64_t SSL_OP_NO_TLSv1_3;
static const uint64_t SSL_OP_NO_DTLSv1;
static const uint64_t SSL_OP_NO_DTLSv1_2;
static const int NID_auth_rsa;
static const int NID_auth_ecdsa;
static const int NID_auth_dss;
static const int NID_kx_ecdhe;
static const int NID_kx_dhe;
static const int NID_kx_psk;
static const int NID_kx_ecdhe_psk;
static const int NID_kx_dhe_psk;
static const int NID_kx_rsa_psk;
static const int NID_kx_srp;
int sk_SSL_CIPHER_num(const struct stack_st_SSL_CIPHER *stack);
const SSL_CIPHER *sk_SSL_CIPHER_value(const struct stack_st_SSL_CIPHER *stack, int index);
int SSL_export_keying_material(SSL *ssl, unsigned char *out, size_t size, const char *label, size_t label_length,
                               const unsigned char *context, size_t context_length, int use_context);

/* Only asked for with has() so far */
#ifndef OPENSSL_NO_SSL_TRACE
void SSL_trace(int sent, int version, int content_type, const void *data, size_t length, SSL *ssl, void *out);
#endif
