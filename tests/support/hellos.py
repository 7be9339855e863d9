"""ClientHellos made by hand: with what no library would send."""

from __future__ import annotations


def hello(extensions: bytes = b"", suites: str = "1301", version: str = "0303") -> bytes:
    """The message with its header; suites and version in hexadecimal."""
    raw = bytes.fromhex(suites)
    body = bytes.fromhex(version) + bytes(32) + b"\0" + len(raw).to_bytes(2, "big") + raw + b"\1\0"
    body += len(extensions).to_bytes(2, "big") + extensions
    return b"\1" + len(body).to_bytes(3, "big") + body


def extension(kind: int, content: str) -> bytes:
    """One extension; its content in hexadecimal, blanks are ignored."""
    data = bytes.fromhex(content)
    return kind.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data


def record(message: bytes) -> bytes:
    """The message in a record."""
    return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message
