int ASN1_TIME_print(BIO *out, const ASN1_TIME *time);
ASN1_OBJECT *OBJ_txt2obj(const char *text, int numeric_only);
void ASN1_OBJECT_free(ASN1_OBJECT *object);
const char *OBJ_nid2sn(int nid);
const char *OBJ_nid2ln(int nid);
static const int NID_undef;
