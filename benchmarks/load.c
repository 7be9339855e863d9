/*
 * The load of the benchmarks: full TLS 1.3 handshakes, each connection read to its end and closed properly.
 *
 *     load PORT CLIENTS COUNT GROUP WHAT
 *
 * CLIENTS threads make COUNT connections to 127.0.0.1:PORT together, with a key exchange in GROUP. WHAT is the target of
 * a GET ("/", "/file"); or "read": nothing is sent; or "hold": all connections are kept until standard input ends.
 * Prints the seconds from the first connection to the last and the bytes received, and then, if they are kept, "held".
 *
 * Every server gets the same work: one suite, one group, no session resumed, two tickets. Anything that is not so ends
 * the program: a benchmark of failures measures nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define SUITE "TLS_AES_256_GCM_SHA384"

enum { MOST_CLIENTS = 256, BUFFER = 65536, PATIENCE = 60, TICKETS = 2 };

static SSL_CTX *context;
static struct sockaddr_in server;
static char request[1024]; /* empty: nothing is sent */
static int holding;
static const char expected[] = "HTTP/1.0 200 ok\r\n";
static atomic_long left;
static atomic_llong received;
static _Thread_local int tickets; /* of the connection at hand */

static void fail(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "not as expected");
    ERR_print_errors_fp(stderr);
    exit(1);
}

static int dial(void)
{
    struct timeval patience = { .tv_sec = PATIENCE };
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) != 0)
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return fd;
}

static int count_ticket(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    (void)session;
    tickets++;
    return 0;
}

/* Returns the bytes of the whole reply, which the server must end with close_notify.
 * The status line stands whole in the first record: both servers write it at once. */
static long long read_reply(SSL *ssl, char *buffer)
{
    size_t begin = *request ? sizeof expected - 1 : 0;
    long long total = 0;
    int count;

    while ((count = SSL_read(ssl, buffer, BUFFER)) > 0) {
        if (total == 0 && ((size_t)count < begin || memcmp(buffer, expected, begin) != 0))
            fail("unexpected reply");
        total += count;
    }
    if (SSL_get_error(ssl, count) != SSL_ERROR_ZERO_RETURN || (*request && total == 0))
        fail("read");
    if (SSL_session_reused(ssl) || tickets != TICKETS)
        fail("resumed, or another number of tickets");
    return total;
}

static void visit(char *buffer)
{
    int fd = dial();
    SSL *ssl = SSL_new(context);

    tickets = 0;
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
        fail("handshake");
    if (holding)
        return; /* both stay as they are until the program ends */
    if (*request && SSL_write(ssl, request, (int)strlen(request)) <= 0)
        fail("write");
    received += read_reply(ssl, buffer);
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
}

static void *client(void *unused)
{
    char *buffer = malloc(BUFFER);

    (void)unused;
    if (buffer == NULL)
        fail("malloc");
    while (atomic_fetch_sub(&left, 1) > 0)
        visit(buffer);
    free(buffer);
    return NULL;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void set_up(int port, const char *group, const char *what)
{
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)port);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    holding = strcmp(what, "hold") == 0;
    if (*what == '/')
        snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", what);

    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1)
        fail("context");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    if (SSL_CTX_set_ciphersuites(context, SUITE) != 1 || SSL_CTX_set1_groups_list(context, group) != 1)
        fail("suite and group");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, count_ticket);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, BUFFER);
}

int main(int argc, char **argv)
{
    pthread_t threads[MOST_CLIENTS];
    int clients = argc == 6 ? atoi(argv[2]) : 0;
    double start;

    if (clients < 1 || clients > MOST_CLIENTS) {
        fprintf(stderr, "usage: load PORT CLIENTS COUNT GROUP WHAT\n");
        return 2;
    }
    set_up(atoi(argv[1]), argv[4], argv[5]);
    left = atol(argv[3]);

    start = now();
    for (int i = 0; i < clients; i++)
        if (pthread_create(&threads[i], NULL, client, NULL) != 0)
            fail("thread");
    for (int i = 0; i < clients; i++)
        pthread_join(threads[i], NULL);
    printf("%.6f %lld\n", now() - start, (long long)received);
    if (holding) {
        puts("held");
        fflush(stdout);
        while (getchar() != EOF)
            ;
    }
    return 0;
}
