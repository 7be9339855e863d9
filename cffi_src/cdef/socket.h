/* <sys/socket.h>: what libcrypto's BIO functions leave out. */
static const int AF_UNSPEC;
static const int AF_INET;
static const int AF_INET6;
static const int AF_UNIX;
static const int SOCK_STREAM;
static const int SOCK_DGRAM;
static const int IPPROTO_TCP;
static const int IPPROTO_SCTP;
static const int SHUT_WR;
int shutdown(int descriptor, int how);
int tlsdeck_accept(int listener);
