/* Deprecated since 3.0, but there is nothing in its place. */
#ifndef OPENSSL_NO_SRP
typedef struct {
    BIGNUM *s;
    BIGNUM *v;
    const BIGNUM *g;
    const BIGNUM *N;
    char *info;
    ...;
} SRP_user_pwd;
struct stack_st_SRP_user_pwd;
typedef struct {
    struct stack_st_SRP_user_pwd *users_pwd;
    const BIGNUM *default_g;
    const BIGNUM *default_N;
    ...;
} SRP_VBASE;
SRP_VBASE *SRP_VBASE_new(char *seed);
void SRP_VBASE_free(SRP_VBASE *base);
int SRP_VBASE_init(SRP_VBASE *base, char *file);
SRP_user_pwd *SRP_VBASE_get1_by_user(SRP_VBASE *base, char *name);
void SRP_user_pwd_free(SRP_user_pwd *user);
int sk_SRP_user_pwd_num(const struct stack_st_SRP_user_pwd *stack);
SRP_user_pwd *sk_SRP_user_pwd_value(const struct stack_st_SRP_user_pwd *stack, int index);
char *SRP_check_known_gN_param(const BIGNUM *generator, const BIGNUM *prime);
#endif
