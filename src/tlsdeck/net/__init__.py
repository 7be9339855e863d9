"""Sockets and the loops that move bytes between them, programs or people, and TLS connections."""
