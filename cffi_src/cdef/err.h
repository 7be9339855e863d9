void ERR_clear_error(void);
void ERR_print_errors(BIO *out);
