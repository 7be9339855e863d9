"""tlsdeck: OpenSSL's s_client and s_server anew, and the library under them.

The names below are the library; with them go `tlsdeck.errors` and `tlsdeck.events`. They are imported when they are
first asked for, so that a program pays only for what it uses.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.tls.candidates import Candidate, make_candidate
    from tlsdeck.tls.connection import Connection
    from tlsdeck.tls.context import Context
    from tlsdeck.tls.credentials import (
        Identity,
        load_certificate,
        load_chain,
        load_key,
        load_revocation_list,
        parse_identity,
    )
    from tlsdeck.tls.dane import Dane, TlsaRecord
    from tlsdeck.tls.http import Route
    from tlsdeck.tls.session import Session, load_session
    from tlsdeck.tls.settings import ServerNameRule, Settings, Watch
    from tlsdeck.tls.stapling import Stapling
    from tlsdeck.tls.transport import descriptor, memory
    from tlsdeck.tls.verify import Trust, VerifyParameters, parse_parameters

__version__ = "0.1.0"

_HOMES = {
    "Candidate": "tls.candidates",
    "Connection": "tls.connection",
    "Context": "tls.context",
    "Dane": "tls.dane",
    "Identity": "tls.credentials",
    "Route": "tls.http",
    "ServerNameRule": "tls.settings",
    "Session": "tls.session",
    "Settings": "tls.settings",
    "Stapling": "tls.stapling",
    "TlsaRecord": "tls.dane",
    "Trust": "tls.verify",
    "VerifyParameters": "tls.verify",
    "Watch": "tls.settings",
    "descriptor": "tls.transport",
    "load_certificate": "tls.credentials",
    "load_chain": "tls.credentials",
    "load_key": "tls.credentials",
    "load_revocation_list": "tls.credentials",
    "load_session": "tls.session",
    "make_candidate": "tls.candidates",
    "memory": "tls.transport",
    "parse_identity": "tls.credentials",
    "parse_parameters": "tls.verify",
}

__all__ = [
    "Candidate",
    "Connection",
    "Context",
    "Dane",
    "Identity",
    "Route",
    "ServerNameRule",
    "Session",
    "Settings",
    "Stapling",
    "TlsaRecord",
    "Trust",
    "VerifyParameters",
    "Watch",
    "descriptor",
    "load_certificate",
    "load_chain",
    "load_key",
    "load_revocation_list",
    "load_session",
    "make_candidate",
    "memory",
    "parse_identity",
    "parse_parameters",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'tlsdeck' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"tlsdeck.{_HOMES[name]}"), name)
