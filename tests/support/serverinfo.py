"""Files for s_server -serverinfo, SSL_CTX_use_serverinfo_file(3): extensions that a server answers with."""

from __future__ import annotations

from base64 import b64encode

# The messages that an extension of the second version of such files may stand in.
CLIENT_HELLO, SERVER_HELLO_1_2, ENCRYPTED_EXTENSIONS, CERTIFICATE = 0x80, 0x100, 0x400, 0x1000


def block(kind: int, data: bytes, context: int | None = None) -> str:
    """An extension in PEM; with `context`, a sum of messages, in the second version."""
    label = f"SERVERINFO{'' if context is None else 'V2'} FOR EXTENSION {kind}"
    prefix = b"" if context is None else context.to_bytes(4)
    content = b64encode(prefix + kind.to_bytes(2) + len(data).to_bytes(2) + data).decode()
    lines = [content[start : start + 64] for start in range(0, len(content), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])
