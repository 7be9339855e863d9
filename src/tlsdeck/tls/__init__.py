"""TLS over libssl: contexts, connections, credentials, sessions. The only package that calls `native`."""
