"""Verifiers for SRP as openssl-srp(1) keeps them in a file, computed by the book (RFC 5054 section 2.4)."""

from __future__ import annotations

import hashlib

# Digits of numbers in that file, most significant first.
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz./"
SALT = bytes(range(1, 21))


def number(value: int) -> str:
    """A number in the file's base 64: of whole bytes, and with as many digits left out as bytes are missing to 3."""
    size = (value.bit_length() + 7) // 8
    missing = -size % 3
    count = (size + missing) // 3 * 4
    return "".join(DIGITS[value >> 6 * place & 63] for place in reversed(range(count)))[missing:]


def user_line(user: str, password: str, prime: int, generator: int, group: str, info: str = "") -> str:
    """The row of a user whose `group` is a known one, or has a row of its own above."""
    identity = hashlib.sha1(f"{user}:{password}".encode(), usedforsecurity=False).digest()
    x = int.from_bytes(hashlib.sha1(SALT + identity, usedforsecurity=False).digest())
    verifier = pow(generator, x, prime)
    return f"V\t{number(verifier)}\t{number(int.from_bytes(SALT))}\t{user}\t{group}\t{info}\n"


def group_line(prime: int, generator: int, group: str) -> str:
    """The row of a group."""
    return f"I\t{number(prime)}\t{number(generator)}\t{group}\t\t\n"


# RFC 5054 appendix A, the 1024-bit group.
KNOWN_PRIME = int(
    "EEAF0AB9ADB38DD69C33F80AFA8FC5E86072618775FF3C0B9EA2314C9C256576D674DF7496EA81D3383B4813D692C6E0E0D5D8E250"
    "B98BE48E495C1D6089DAD15DC7D7B46154D6B6CE8EF4AD69B15D4982559B297BCF1885C529F566660E57EC68EDBC3C05726CC02FD4"
    "CBF4976EAA9AFD5138FE8376435B9FC61D2FC0EB06E3",
    16,
)
KNOWN_GENERATOR = 2

# A safe prime that RFC 5054 has not: RFC 2409 section 6.2.
OTHER_PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD"
    "3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F"
    "24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    16,
)
# 2 generates half of that group only.
WHOLE_GROUP_GENERATOR = next(
    g for g in range(2, 100) if pow(g, (OTHER_PRIME - 1) // 2, OTHER_PRIME) == OTHER_PRIME - 1
)
