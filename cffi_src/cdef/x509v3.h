typedef struct {
    int type;
    union {
        struct stack_st_GENERAL_NAME *fullname;
    } name;
    ...;
} DIST_POINT_NAME;
typedef struct {
    DIST_POINT_NAME *distpoint;
    ...;
} DIST_POINT;
struct stack_st_DIST_POINT;

int sk_DIST_POINT_num(const struct stack_st_DIST_POINT *stack);
DIST_POINT *sk_DIST_POINT_value(const struct stack_st_DIST_POINT *stack, int index);
void CRL_DIST_POINTS_free(struct stack_st_DIST_POINT *points);
void *GENERAL_NAME_get0_value(const GENERAL_NAME *name, int *type);
static const int GEN_URI;
static const int NID_crl_distribution_points;
static const int NID_freshest_crl;
