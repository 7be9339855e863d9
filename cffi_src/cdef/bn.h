BIGNUM *BN_bin2bn(const unsigned char *data, int length, BIGNUM *out);
void BN_free(BIGNUM *number);
int BN_num_bits(const BIGNUM *number);
int BN_print(BIO *out, const BIGNUM *number);
int BN_check_prime(const BIGNUM *number, BN_CTX *context, BN_GENCB *callback);
