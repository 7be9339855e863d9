/* An engine for tests. Its keys are PEM files. As a client's engine it has one certificate, in client.pem with
 * client.key. Asked for by the name "plain" it has nothing of that. Its RSA is the library's, except that a private key used inside an asynchronous job takes 50 ms. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <openssl/async.h>
#include <openssl/engine.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

static RSA_METHOD *method;

static void forget(ASYNC_WAIT_CTX *context, const void *key, OSSL_ASYNC_FD descriptor, void *data)
{
    close(descriptor);
}

static void work_elsewhere(void)
{
    ASYNC_JOB *job = ASYNC_get_current_job();
    struct itimerspec soon = {.it_value.tv_nsec = 50 * 1000 * 1000};
    if (job == NULL)
        return;
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    timerfd_settime(timer, 0, &soon, NULL);
    ASYNC_WAIT_CTX_set_wait_fd(ASYNC_get_wait_ctx(job), &method, timer, NULL, forget);
    ASYNC_pause_job();
    unsigned long expired = 0;
    ssize_t early = read(timer, &expired, sizeof expired);
    fprintf(stderr, "testengine: resumed %s\n", early < 0 ? "too early" : "when it was done");
    ASYNC_WAIT_CTX_clear_fd(ASYNC_get_wait_ctx(job), &method);
    close(timer);
}

static int private_encrypt(int length, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
    work_elsewhere();
    return RSA_meth_get_priv_enc(RSA_PKCS1_OpenSSL())(length, from, to, rsa, padding);
}

static EVP_PKEY *load_key(ENGINE *engine, const char *name, UI_METHOD *ui, void *data)
{
    FILE *file = fopen(name, "r");
    EVP_PKEY *read = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (file)
        fclose(file);
    if (read == NULL)
        return NULL;
    /* A key that the engine's methods work with, not a provider's. */
    RSA *rsa = EVP_PKEY_get1_RSA(read);
    EVP_PKEY *key = EVP_PKEY_new();
    RSA *own = RSAPrivateKey_dup(rsa);
    RSA_set_method(own, method);
    EVP_PKEY_assign_RSA(key, own);
    RSA_free(rsa);
    EVP_PKEY_free(read);
    return key;
}

static int load_client(ENGINE *engine, SSL *ssl, STACK_OF(X509_NAME) *names, X509 **certificate, EVP_PKEY **key,
                       STACK_OF(X509) **others, UI_METHOD *ui, void *data)
{
    FILE *file = fopen("client.pem", "r");
    *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file)
        fclose(file);
    *key = load_key(engine, "client.key", ui, data);
    return *certificate != NULL && *key != NULL;
}

static int init(ENGINE *engine)
{
    return 1;
}

static int bind(ENGINE *engine, const char *id)
{
    if (id != NULL && strcmp(id, "plain") == 0)
        return ENGINE_set_id(engine, "plain") && ENGINE_set_name(engine, "engine that has nothing");
    method = RSA_meth_dup(RSA_PKCS1_OpenSSL());
    RSA_meth_set_priv_enc(method, private_encrypt);
    return ENGINE_set_id(engine, "testengine") && ENGINE_set_name(engine, "engine for tests")
        && ENGINE_set_init_function(engine, init) && ENGINE_set_load_privkey_function(engine, load_key)
        && ENGINE_set_load_ssl_client_cert_function(engine, load_client);
}

IMPLEMENT_DYNAMIC_CHECK_FN()
IMPLEMENT_DYNAMIC_BIND_FN(bind)
