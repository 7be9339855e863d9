"""The variables of sslserver, as a manual page shows them: those it reads, and those it sets, with an example of each.

What it sets is found out by having it set them, for a made-up connection: so no row is missing, and the examples have
the form of what a program finds. What it reads is found in the sources, where its name stands.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tlsdeck.tls.facts import CertificateFacts, ConnectionFacts
from tlsdeck.ucspi import environment
from tlsdeck.ucspi.environment import DN_PARTS, UCSPI_TLS, Ends
from tools.docs.program import Item

_PLACES = ("ucspi/*.py", "commands/sslserver.py", "native/process.py")
_LONGEST_EXAMPLE = 70  # characters
_NAME = re.compile(r"[A-Z][A-Z0-9_]+[A-Z0-9]")

# What looks like a variable in the sources and is none: records of DNS, values, parts of the names of variables.
_RECORDS = {"PTR", "AAAA"}
_VALUES = {"TLS", "TCP", "TCP6", "NONE", "SUCCESS", "GENEROUS", "FAILED"}
_PARTS = {"SSL", "SSL_CLIENT", "SSL_SERVER", *(row.name.removeprefix("TCP") for row in environment.TCP_ROWS)}
_PARTS_OF_NAMES = {word for pair in DN_PARTS for word in pair} - {"UID"}


def items(sources: Path) -> dict[str, Item]:
    """The variables by their names, those of a kind as one. `sources`: of the package."""
    made = {name.partition("=")[0]: name for name in reversed(list(_made()))}
    read = _named(sources) - set(made) - _RECORDS - _VALUES - _PARTS - _PARTS_OF_NAMES
    shown = {name: Item(f"`{name}`") for name in read}
    for name, assignment in reversed(made.items()):
        kind = _kind(name)
        shown.setdefault(kind, Item(_tag(kind), example=_example(assignment)))
    return shown


def _kind(name: str) -> str:
    """The name itself; one for all parts of a distinguished name, and for all certificates of a chain."""
    return re.sub(r"(_CHAIN_)\d+$", r"\1n", re.sub(r"(_[SI]_DN_)\w+$", r"\1x", name))


def _tag(kind: str) -> str:
    name = kind.rstrip("nx")
    return f"`{name}`*{kind[-1]}*" if name != kind else f"`{name}`"


def _example(assignment: str) -> str:
    """Nothing for a name alone, and for what does not fit in a line."""
    return assignment if "=" in assignment and len(assignment) <= _LONGEST_EXAMPLE else ""


# --- what it reads ---------------------------------------------------------------------------------------------


def _named(sources: Path) -> set[str]:
    return {name for place in _PLACES for path in sources.glob(place) for name in _names_in(path)}


def _names_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAME.fullmatch(node.value):
            yield node.value


# --- what it sets ----------------------------------------------------------------------------------------------

_ENDS = Ends(
    local_ip="2001:db8::25",
    local_port=465,
    remote_ip="2001:db8::7",
    remote_port=40112,
    local_host="mx.example.org",
    remote_host="client.example.net",
    remote_info="joe",
    interface="eth0",
)


def _certificate(serial: str, *subject: tuple[str, str]) -> CertificateFacts:
    issuer = (("C", "DE"), ("O", "Example"), ("CN", "Example CA"))
    return CertificateFacts(
        version=3,
        serial=serial,
        subject=_one_line(subject),
        subject_parts=tuple((kind, value.encode()) for kind, value in subject),
        issuer=_one_line(issuer),
        issuer_parts=tuple((kind, value.encode()) for kind, value in issuer),
        signature="sha256WithRSAEncryption",
        key="id-ecPublicKey",
        start="Feb  6 17:07:23 2026 GMT",
        end="Feb  6 17:07:23 2027 GMT",
        pem=_PEM,
    )


def _one_line(parts: tuple[tuple[str, str], ...]) -> str:
    return "".join(f"/{kind}={value}" for kind, value in parts)


_PEM = f"-----BEGIN CERTIFICATE-----\n{'A' * 64}\n-----END CERTIFICATE-----\n"
_FACTS = ConnectionFacts(
    protocol="TLSv1.3",
    session_id="c54c4d952fe16cba0d7c1df6aa326137d595ad2924feeec1a922f191ddea7bea",
    cipher="TLS_AES_256_GCM_SHA384",
    used_bits=256,
    possible_bits=256,
    server_name="www.example.org",
    alpn="imap",
    own=_certificate("3735928559", ("C", "DE"), ("O", "Example"), ("CN", "www.example.org")),
    peer=_certificate("3735928560", ("C", "DE"), ("O", "Example"), ("CN", "alice")),
    chain=(_PEM,),
    verify_code=0,
    verify_text="ok",
)


def _made() -> Iterator[str]:
    """NAME=VALUE, or NAME where no value can be foreseen."""
    yield from environment.connection_items(_ENDS, tcp=True)
    yield from environment.tls_items(_FACTS, "OpenSSL 3.0.19 27 Jan 2026")
    yield from UCSPI_TLS
