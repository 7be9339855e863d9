unsigned long OpenSSL_version_num(void);
const char *OpenSSL_version(int type);
void OPENSSL_free(void *address);
int OPENSSL_init_ssl(uint64_t options, const void *settings);
static const long OPENSSL_INIT_LOAD_CONFIG;
char *CONF_get1_default_config_file(void);
