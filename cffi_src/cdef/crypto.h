const char *OpenSSL_version(int type);
void *OPENSSL_malloc(size_t size);
void OPENSSL_free(void *address);
char *sk_OPENSSL_STRING_value(const struct stack_st_OPENSSL_STRING *stack, int index);
char *OPENSSL_strdup(const char *string);
