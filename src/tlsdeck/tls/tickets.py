"""Session tickets under keys that several processes share, so that any of them resumes what another began: tickets.c.

A key is 80 bytes: a name, a key for AES-256-CBC, one for HMAC with SHA-256. The first of the keys seals new tickets;
the one before only opens older ones, and is forgotten when the next comes.
"""

from __future__ import annotations

import os

from tlsdeck.native import check, lib

KEY_SIZE = 80  # bytes


def new_key() -> bytes:
    """A key nobody knows."""
    return os.urandom(KEY_SIZE)


def rotated(keys: bytes) -> bytes:
    """The keys of the next period: a new one, and behind it the one that sealed until now."""
    return new_key() + keys[:KEY_SIZE]


def use_keys(keys: bytes) -> None:
    """This process' keys from now on.

    Raises:
        LibraryError: not as many bytes as some keys have.
    """
    check(lib.tlsdeck_set_ticket_keys(keys, len(keys)), "wrong length of ticket keys")
