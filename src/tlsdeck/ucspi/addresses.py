"""IP addresses as text and as bytes, 4 or 16 of them."""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

_MAPPED = b"\0" * 10 + b"\xff\xff"
_LONGEST_IPV6 = len("0000:0000:0000:0000:0000:ffff:255.255.255.255")


def packed(ip: str) -> bytes | None:
    """The bytes of an address; None for what is none.

    An IPv4 address written as one of IPv6 (RFC 4291 section 2.5.5.2) is one of IPv4. What stands behind an IPv6
    address, such as the name of an interface, does not count.
    """
    address = _parse(AF_INET, ip)
    if address is None and (scanned := scan_ipv6(ip.encode("utf-8", "surrogateescape"))):
        address = scanned[0].removeprefix(_MAPPED)
    return address


def written(address: bytes) -> str:
    """The address as text, IPv6 in the short form (RFC 5952)."""
    return inet_ntop(AF_INET if len(address) == 4 else AF_INET6, address)


def plain(ip: str) -> str:
    """An address as the system tells it, without its scope; IPv4 if that is what it is."""
    address = packed(ip)
    return ip if address is None else written(address)


def scan_ipv6(text: bytes) -> tuple[bytes, bytes] | None:
    """The IPv6 address at the start of a text, and what stands behind it; None when there is none."""
    for end in range(min(len(text), _LONGEST_IPV6), 1, -1):
        address = _parse(AF_INET6, text[:end].decode("latin-1"))
        if address is not None:
            return address, text[end:]
    return None


def _parse(family: int, ip: str) -> bytes | None:
    try:
        return inet_pton(family, ip)
    except (OSError, ValueError):
        return None
