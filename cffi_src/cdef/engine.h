/* Removed in OpenSSL 4.0. */
#if !defined(OPENSSL_NO_ENGINE) && OPENSSL_VERSION_NUMBER < 0x40000000L
typedef ... ENGINE;
ENGINE *ENGINE_by_id(const char *id);
const char *ENGINE_get_id(const ENGINE *engine);
int ENGINE_init(ENGINE *engine);
int ENGINE_finish(ENGINE *engine);
int ENGINE_free(ENGINE *engine);
int ENGINE_ctrl_cmd_string(ENGINE *engine, const char *name, const char *argument, int optional);
int ENGINE_ctrl_cmd(ENGINE *engine, const char *name, long number, void *pointer, void (*function)(void), int optional);
int ENGINE_set_default(ENGINE *engine, unsigned int methods);
int ENGINE_register_all_complete(void);
static const unsigned int ENGINE_METHOD_ALL;
EVP_PKEY *ENGINE_load_private_key(ENGINE *engine, const char *id, UI_METHOD *method, void *data);
int SSL_CTX_set_client_cert_engine(SSL_CTX *context, ENGINE *engine);
#endif
