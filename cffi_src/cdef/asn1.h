int ASN1_STRING_length(const ASN1_STRING *string);
const unsigned char *ASN1_STRING_get0_data(const ASN1_STRING *string);
int ASN1_TIME_print(BIO *out, const ASN1_TIME *time);
int ASN1_TIME_to_tm(const ASN1_TIME *time, struct tm *tm);
int i2a_ASN1_INTEGER(BIO *out, const ASN1_INTEGER *number);
ASN1_OBJECT *OBJ_txt2obj(const char *text, int numeric_only);
const char *EC_curve_nid2nist(int nid);
const char *OBJ_nid2sn(int nid);
static const int NID_undef;
