/* OpenSSL's opaque types, and the few whose fields we never look at. */
typedef ... ASN1_OBJECT;
typedef ... ASN1_TIME;
typedef ... BIO;
typedef ... BIO_ADDR;
typedef ... BIO_ADDRINFO;
typedef ... BIO_METHOD;
typedef ... COMP_METHOD;
typedef ... EVP_PKEY;
typedef ... OSSL_LIB_CTX;
typedef ... OSSL_PARAM;
typedef ... OSSL_PROVIDER;
typedef ... OSSL_STORE_CTX;
typedef ... OSSL_STORE_INFO;
typedef ... SSL;
typedef ... SSL_CIPHER;
typedef ... SSL_CONF_CTX;
typedef ... SSL_CTX;
typedef ... SSL_METHOD;
typedef ... SSL_SESSION;
typedef ... UI_METHOD;
typedef ... X509;
typedef ... X509_CRL;
typedef ... X509_NAME;
typedef ... X509_POLICY_TREE;
typedef ... X509_POLICY_NODE;
typedef ... X509_PURPOSE;
typedef ... X509_STORE;
typedef ... X509_STORE_CTX;
typedef ... X509_VERIFY_PARAM;
typedef int... time_t;

/* STACK_OF(T) */
struct stack_st_SSL_CIPHER;
struct stack_st_X509;
struct stack_st_X509_NAME;
struct stack_st_X509_POLICY_NODE;
