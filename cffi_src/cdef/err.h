void ERR_clear_error(void);
void ERR_print_errors(BIO *out);
unsigned long ERR_peek_last_error(void);
int ERR_GET_LIB(unsigned long code);
int ERR_GET_REASON(unsigned long code);
static const int ERR_LIB_SSL;
static const int SSL_R_CERTIFICATE_VERIFY_FAILED;
static const int SSL_R_UNEXPECTED_EOF_WHILE_READING;
