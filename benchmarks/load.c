/*
 * The load of the benchmarks: full TLS 1.3 handshakes, one GET each, read to the end, closed properly.
 *
 *     load PORT CLIENTS COUNT TARGET
 *
 * CLIENTS threads make COUNT connections to 127.0.0.1:PORT together, each for TARGET ("/", "/file").
 * Prints the seconds from the first connection to the last and the bytes received. Anything that is not
 * as it should be ends the program: a benchmark of failures measures nothing.
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

enum { MOST_CLIENTS = 256, BUFFER = 65536, PATIENCE = 60 };

static SSL_CTX *context;
static struct sockaddr_in server;
static char request[1024];
static const char expected[] = "HTTP/1.0 200 ok\r\n";
static atomic_long left;
static atomic_llong received;

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

/* Returns the bytes of the whole reply, which the server must end with close_notify.
 * The status line stands whole in the first record: both servers write it at once. */
static long long read_reply(SSL *ssl, char *buffer)
{
    size_t begin = sizeof expected - 1;
    long long total = 0;
    int count;

    while ((count = SSL_read(ssl, buffer, BUFFER)) > 0) {
        if (total == 0 && ((size_t)count < begin || memcmp(buffer, expected, begin) != 0))
            fail("unexpected reply");
        total += count;
    }
    if (SSL_get_error(ssl, count) != SSL_ERROR_ZERO_RETURN || total == 0)
        fail("read");
    return total;
}

static void visit(char *buffer)
{
    int fd = dial();
    SSL *ssl = SSL_new(context);

    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
        fail("handshake");
    if (SSL_write(ssl, request, (int)strlen(request)) <= 0)
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

static void set_up(int port, const char *target)
{
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)port);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", target);

    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1)
        fail("context");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, BUFFER);
}

int main(int argc, char **argv)
{
    pthread_t threads[MOST_CLIENTS];
    int clients = argc == 5 ? atoi(argv[2]) : 0;
    double start;

    if (clients < 1 || clients > MOST_CLIENTS) {
        fprintf(stderr, "usage: load PORT CLIENTS COUNT TARGET\n");
        return 2;
    }
    set_up(atoi(argv[1]), argv[4]);
    left = atol(argv[3]);

    start = now();
    for (int i = 0; i < clients; i++)
        if (pthread_create(&threads[i], NULL, client, NULL) != 0)
            fail("thread");
    for (int i = 0; i < clients; i++)
        pthread_join(threads[i], NULL);
    printf("%.6f %lld\n", now() - start, (long long)received);
    return 0;
}
