typedef OSSL_STORE_INFO *(*OSSL_STORE_post_process_info_fn)(OSSL_STORE_INFO *info, void *argument);
OSSL_STORE_CTX *OSSL_STORE_open_ex(const char *uri, OSSL_LIB_CTX *library, const char *properties,
                                   const UI_METHOD *method, void *method_data, const OSSL_PARAM params[],
                                   OSSL_STORE_post_process_info_fn post_process, void *argument);
int OSSL_STORE_expect(OSSL_STORE_CTX *store, int type);
OSSL_STORE_INFO *OSSL_STORE_load(OSSL_STORE_CTX *store);
int OSSL_STORE_eof(OSSL_STORE_CTX *store);
int OSSL_STORE_close(OSSL_STORE_CTX *store);
int OSSL_STORE_INFO_get_type(const OSSL_STORE_INFO *info);
EVP_PKEY *OSSL_STORE_INFO_get1_PKEY(const OSSL_STORE_INFO *info);
EVP_PKEY *OSSL_STORE_INFO_get1_PARAMS(const OSSL_STORE_INFO *info);
X509 *OSSL_STORE_INFO_get1_CERT(const OSSL_STORE_INFO *info);
X509_CRL *OSSL_STORE_INFO_get1_CRL(const OSSL_STORE_INFO *info);
void OSSL_STORE_INFO_free(OSSL_STORE_INFO *info);
static const int OSSL_STORE_INFO_PARAMS;
static const int OSSL_STORE_INFO_PKEY;
static const int OSSL_STORE_INFO_CERT;
static const int OSSL_STORE_INFO_CRL;
