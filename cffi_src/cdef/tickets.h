/* Session tickets under keys of our own: see tickets.c. */
int tlsdeck_set_ticket_keys(const unsigned char *keys, size_t length);
int tlsdeck_share_tickets(SSL_CTX *context);
