OSSL_PROVIDER *OSSL_PROVIDER_load(OSSL_LIB_CTX *library, const char *name);
int OSSL_PROVIDER_set_default_search_path(OSSL_LIB_CTX *library, const char *path);
