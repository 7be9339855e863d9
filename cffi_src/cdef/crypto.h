const char *OpenSSL_version(int type);
void OPENSSL_free(void *address);
