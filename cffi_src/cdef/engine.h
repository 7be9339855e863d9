/* Removed in OpenSSL 4.0. */
#if !defined(OPENSSL_NO_ENGINE) && OPENSSL_VERSION_NUMBER < 0x40000000L
typedef ... ENGINE;
ENGINE *ENGINE_by_id(const char *id);
#endif
