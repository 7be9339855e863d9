"""tlsdeck: OpenSSL's s_client and s_server anew, and the library under them."""

from __future__ import annotations

__version__ = "0.1.0"
