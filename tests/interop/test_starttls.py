"""-starttls with real servers: a user's whole visit, in the plain text before TLS and in what follows inside.

No server in Debian knows telnet's START_TLS: that one stays with the transcripts.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from itertools import takewhile

import pytest

from interop.beside import Beside, Masks
from interop.conftest import StartDaemon
from support.fixtures import Start, Workdir
from support.programs import Step, Until

TRUST = "-CAfile root.pem -verify_return_error -verify_hostname localhost -servername localhost"
STREAM = "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:{}' from='{}' to='localhost' version='1.0'>\n"


@dataclass(frozen=True)
class Visit:
    """What is typed behind STARTTLS and what the server answers. At the end the server closes."""

    protocol: str
    server: str
    talk: tuple[Step, ...]
    options: str = "-crlf"
    masks: Masks = field(default_factory=dict)
    code: int = 0

    def command(self, port: int, *more: str) -> str:
        words = (f"-connect 127.0.0.1:{port} -starttls {self.protocol}", TRUST, self.options, *more)
        return " ".join(words)


def packet(number: int, content: bytes) -> bytes:
    """A packet of MySQL's protocol."""
    return len(content).to_bytes(3, "little") + bytes([number]) + content


LDAP_SEARCH = bytes.fromhex(
    "30 25 02 01 02 63 20 04 00 0a 01 00 0a 01 00 02 01 00 02 01 00 01 01 00 87 0b"
) + (b"objectClass" + bytes.fromhex("30 00"))
LDAP_UNBIND = bytes.fromhex("30 05 02 01 03 42 00")
MYSQL_LOGIN = bytes.fromhex("85 a6 0f 00 00 00 00 01 21") + bytes(23) + b"root\0\0"
MYSQL_QUERY = b"\x03show session status like 'Ssl_cipher'"
MYSQL_QUIT = b"\x01"
POSTGRES_STARTUP = bytes.fromhex("00 03 00 00") + b"user\0postgres\0database\0postgres\0\0"
POSTGRES_QUIT = b"X" + (4).to_bytes(4, "big")

VISITS = (
    Visit(
        "smtp",
        "postfix",
        (
            b"EHLO client.example.net\n",
            Until("250-SIZE"),
            b"MAIL FROM:<alice@example.net>\n",
            Until("250 2.1.0 Ok"),
            b"quit\n",
            Until("221 2.0.0 Bye"),
        ),
    ),
    Visit(
        "lmtp",
        "dovecot",
        (
            b"LHLO client.example.net\n",
            Until("250-8BITMIME"),
            b"quit\n",
            Until("221 2.0.0 Bye"),
        ),
    ),
    Visit(
        "imap",
        "dovecot",
        (
            b"a LOGIN alice secret\n",
            Until("a OK"),
            b"b SELECT INBOX\n",
            Until("b OK"),
            b"c LOGOUT\n",
            Until("c OK"),
        ),
        masks={r"UIDVALIDITY \d+": "UIDVALIDITY <number>", r"\([0-9.]+ \+ .* secs\)": "(<times>)"},
    ),
    Visit(
        "pop3",
        "dovecot",
        (
            b"USER alice\n",
            Until("+OK"),
            b"PASS secret\n",
            Until("+OK Logged in."),
            b"quit\n",
            Until("+OK Logging out."),
        ),
        masks={r"(?m)^\0+\n?": ""},  # the original shows more of its buffer than the greeting
    ),
    Visit(
        "sieve",
        "dovecot",
        (
            Until('OK "TLS negotiation successful."'),
            b'AUTHENTICATE "PLAIN" "' + b64encode(b"\0alice\0secret") + b'"\n',
            Until('OK "Logged in."'),
            b"LISTSCRIPTS\n",
            Until('OK "Listscripts completed."'),
            b"LOGOUT\n",
            Until('OK "Logout completed."'),
        ),
    ),
    Visit(
        "nntp",
        "inn",
        (
            b"LIST ACTIVE\n",
            Until("test.group 0000000000"),
            b"quit\n",
            Until("205 Bye!"),
        ),
    ),
    Visit(
        "ftp",
        "vsftpd",
        (
            b"USER anonymous\n",
            Until("331 "),
            b"PASS nobody@example.net\n",
            Until("230 Login successful."),
            b"SIZE hello.txt\n",
            Until("213 6"),
            b"quit\n",
            Until("221 Goodbye."),
        ),
        code=1,  # closes the connection without close_notify
    ),
    Visit(
        "irc",
        "inspircd",
        (
            b"NICK alice\nUSER alice 0 * :Alice\n",
            Until(" 001 alice "),
            b"quit\n",
            Until("ERROR :Closing link"),
        ),
        masks={r"Max: \d+": "Max: <number>"},
    ),
    Visit(
        "xmpp",
        "prosody",
        (
            STREAM.format("client", "alice@localhost").encode(),
            Until("</stream:features>"),
            b"</stream:stream>\n",
            Until("</stream:stream>"),
        ),
        options="-name localhost",
        masks={r"id='[^']+'": "id=<id>"},
    ),
    Visit(
        "xmpp-server",
        "prosody",
        (
            STREAM.format("server", "example.net").encode(),
            Until("</stream:features>"),
            b"</stream:stream>\n",
            Until("</stream:stream>"),
        ),
        options="-xmpphost localhost",
        masks={r"id='[^']+'": "id=<id>"},
    ),
    Visit(
        "ldap",
        "slapd",
        (LDAP_SEARCH, Until("OpenLDAProotDSE"), LDAP_UNBIND),
        options="",
    ),
    Visit(
        "mysql",
        "mariadb",
        (
            packet(2, MYSQL_LOGIN),
            Until("\x03\0\0\0\x02"),
            packet(0, MYSQL_QUERY),
            Until("Ssl_cipher"),
            packet(0, MYSQL_QUIT),
        ),
        options="",
        code=1,  # as vsftpd
    ),
    Visit(
        "postgres",
        "postgres",
        (
            (len(POSTGRES_STARTUP) + 4).to_bytes(4, "big") + POSTGRES_STARTUP,
            Until("server_encoding"),
            POSTGRES_QUIT,
        ),
        options="",
        masks={r"(?s)(K\0\0\0\x0c).*(Z\0\0\0)": r"\1<key>\2"},
    ),
)
each = pytest.mark.parametrize(
    "visit",
    [pytest.param(visit, id=visit.protocol, marks=pytest.mark.xdist_group(visit.server)) for visit in VISITS],
)


@each
@pytest.mark.parametrize("output", ["", "-brief", "-quiet", "-tls1_2"])
def test_a_visit_is_like_the_originals(
    visit: Visit, output: str, daemon: StartDaemon, start: Start, workdir: Workdir
) -> None:
    port = daemon(visit.server).ports[visit.protocol]
    Beside(start, workdir, visit.masks).run(visit.command(port, output), visit.talk, visit.code)


def the(protocol: str) -> Visit:
    return next(visit for visit in VISITS if visit.protocol == protocol)


@pytest.mark.xdist_group("postfix")
def test_a_mail_is_sent(daemon: StartDaemon, start: Start, workdir: Workdir) -> None:
    """With -quiet no line is a command, so that RCPT does not ask for a renegotiation."""
    port = daemon("postfix").ports["smtp"]
    talk: list[Step] = [
        b"EHLO client.example.net\n",
        Until("250 CHUNKING"),
        b"MAIL FROM:<alice@example.net>\n",
        Until("250 2.1.0 Ok"),
        b"RCPT TO:<bob@localhost>\n",
        Until("250 2.1.5 Ok"),
        b"DATA\n",
        Until("354 "),
        b"Subject: a test\n\nQuite short.\n.\n",
        Until("250 2.0.0 Ok: queued as"),
        b"QUIT\n",
        Until("221 2.0.0 Bye"),
    ]
    Beside(start, workdir, {r"queued as \w+": "queued as <id>"}).run(
        the("smtp").command(port, "-quiet"), talk
    )


@each
def test_a_line_with_q_ends_the_visit(
    visit: Visit, daemon: StartDaemon, start: Start, workdir: Workdir
) -> None:
    """Without -quiet; the server never hears it."""
    port = daemon(visit.server).ports[visit.protocol]
    unasked = takewhile(lambda step: isinstance(step, Until), visit.talk)
    talk = [Until("CONNECTION ESTABLISHED"), *unasked, b"QUIT\n"]
    Beside(start, workdir, visit.masks).run(visit.command(port, "-brief"), talk)
