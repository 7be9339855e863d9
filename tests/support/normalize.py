"""Outputs made comparable: what is random, or a number of this very run, becomes a word in angle brackets.

All else stays as it is; lengths stay too, as far as they do not depend on chance.
"""

from __future__ import annotations

import re

# Applied to the whole text, in this order.
RULES = tuple(
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in (
        # the thread id of an error stack; the rest is libcrypto's
        (r"^[0-9A-F]{8,16}:error:", "<thread>:error:"),
        # which descriptor it is; that it has eight digits counts
        (r"CONNECTED\([0-9A-F]{8}\)", "CONNECTED(<descriptor>)"),
        # ports that the system chose
        (r"((?:127\.0\.0\.1|0\.0\.0\.0|localhost|\[::1\]|\[::\]):)\d{4,5}\b", r"\1<port>"),
        # a session: its identity, its secrets, its times
        (r"^(    Session-ID: )[0-9A-F]{64}$", r"\1<32 bytes>"),
        (r"^(    (?:Master-Key|Resumption PSK): )[0-9A-F]{96}$", r"\1<48 bytes>"),
        (r"^(    (?:Master-Key|Resumption PSK): )[0-9A-F]{64}$", r"\1<32 bytes>"),
        (r"^(    Start Time: )\d{10}$", r"\1<time>"),
        (r"^(    TLS session ticket:\n)(?:    [0-9a-f]{4} - .+\n)+", r"\1    <ticket>\n"),
        (
            r"^-----BEGIN SSL SESSION PARAMETERS-----\n(?:[A-Za-z0-9+/=]+\n)+-----END SSL SESSION PARAMETERS-----$",
            "<session>",
        ),
        # keying material of 20 bytes, the default length
        (r"^(    Keying material: )[0-9A-F]{40}$", r"\1<20 bytes>"),
        # addresses in memory
        (r"\b0x[0-9a-f]{7,16}\b", "<address>"),
        # a key log's line: label, client random, secret
        (r"^([A-Z_0-9]+) [0-9a-f]{64} [0-9a-f]{96}$", r"\1 <32 bytes> <48 bytes>"),
        (r"^([A-Z_0-9]+) [0-9a-f]{64} [0-9a-f]{64}$", r"\1 <32 bytes> <32 bytes>"),
    )
)

# What comes before a hex dump, with the dump's length: -msg, -debug, -tlsextdebug.
DUMP_HEADERS = (
    (re.compile(r"^(?:<<<|>>>) .*\[length ([0-9a-f]{4})\]"), 16),
    (re.compile(r"^(?:read from|write to) <address> \[<address>\] \(\d+ bytes => (\d+) "), 10),
    (re.compile(r'^TLS (?:client|server) extension ".*" \(id=\d+\), len=(\d+)$'), 10),
)
DUMP_ROW = re.compile(r"^(?:    [0-9a-f]{2}(?: [0-9a-f]{2})*|[0-9a-f]{4} - .*)$")
# Up to this length a dump has nothing random: record headers, alerts, short extensions.
PLAIN_DUMP = 8


def normalize(text: str) -> str:
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    return mask_dumps(text)


def mask_dumps(text: str) -> str:
    """Keep of each row of a long hex dump that it is there."""
    lines = text.split("\n")
    length = 0
    for number, line in enumerate(lines):
        announced = dump_length(line)
        if announced is not None:
            length = announced
        elif DUMP_ROW.match(line):
            if length > PLAIN_DUMP:
                lines[number] = f"<dump row of {length} bytes>"
        else:
            length = 0
    return "\n".join(lines)


def dump_length(line: str) -> int | None:
    for header, base in DUMP_HEADERS:
        if match := header.match(line):
            return int(match[1], base)
    return None


def without_byte_counts(text: str) -> str:
    """For peers with ECDSA keys or TLS 1.2 tickets, whose lengths vary with chance by a few bytes."""
    return re.sub(
        r"has read \d+ bytes and written \d+ bytes", "has read <n> bytes and written <n> bytes", text
    )


def told(err: str) -> str:
    """Stderr of a client with -starttls. The original prints some replies without a line end, and some with two."""
    return "".join(f"{line.rstrip()}\n" for line in normalize(err).replace("\r\n", "\n").splitlines())
