r"""What is said in plain text before TLS: STARTTLS in fourteen protocols, and HTTP's CONNECT. No sockets in here.

Theory of operation
-------------------

A dialogue is a generator that reads like the RFC's example session:

    yield b"STARTTLS\r\n"                   bytes go to the peer
    line = yield from peer.line()           waits for a line, however its bytes arrive
    yield PreambleNoted("...")              an event is a fact to tell

and that returns the reply a person would want to see, if any. `Preamble` drives one or more dialogues: `start()` and
then `feed(data)` return what to send, until `done`.

Whatever the peer sends, the outcome is an answer or a PeerError, and the memory used is bounded. Bytes that follow
the last answer came without protection, so nothing that runs inside TLS may ever see them (CVE-2011-0411,
CVE-2021-23222): they end the conversation.

A new protocol is one function and one row of STARTTLS.
"""

from __future__ import annotations

from tlsdeck.errors import PeerError
from tlsdeck.events import PreambleCompleted, PreambleNoted
from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import TypeVar

    from tlsdeck.events import Event

    T = TypeVar("T")

    # Yields what to send, what to tell, and None to wait for more bytes.
    Steps = Generator[bytes | Event | None, None, T]
    Talk = Callable[["Peer", "Names"], Steps[str]]

LONGEST_PART = 16 * 1024  # bytes of one line, tag or packet; RFC 5321 asks for 512, capability lists get long
LONGEST_TALK = 1024 * 1024  # bytes the peer may send in all


class VerbatimError(PeerError):
    """A failure in words that scripts know: they stand alone, without the program's name before them."""


class Names(Record):
    """Who talks to whom. `name`: our own name, or the domain asked for, as far as one was given; `host`: the peer's."""

    name: str | None
    host: str


class Dialogue(Record):
    """One conversation. `label` is what messages call it; `patience`: seconds to wait for each answer, None for ever."""

    protocol: str
    label: str
    talk: Callable[[Peer], Steps[str]]
    patience: int | None = None


def starttls(protocol: str, names: Names) -> Dialogue:
    """The dialogue of a row of STARTTLS."""
    talk = STARTTLS[protocol]
    return Dialogue(protocol, "STARTTLS", lambda peer: talk(peer, names), _PATIENCE.get(protocol))


# --- driving ---------------------------------------------------------------------------------------------------


class Peer:
    """What the peer has sent and nobody has read yet. Each reader waits for the whole of what it returns."""

    __slots__ = ("label", "unread")

    def __init__(self) -> None:
        self.unread = bytearray()
        self.label = ""

    def line(self) -> Steps[bytes]:
        """A line, without its end."""
        line = yield from self.until(b"\n")
        return line.rstrip(b"\r\n")

    def until(self, mark: bytes) -> Steps[bytes]:
        """Everything up to and including `mark`."""
        while True:
            end = self.unread.find(mark, 0, LONGEST_PART)
            if end >= 0:
                return self._take(end + len(mark))
            if len(self.unread) >= LONGEST_PART:
                raise PeerError(f"{self.label} failed, answer without an end after {LONGEST_PART} bytes")
            yield None

    def exactly(self, size: int) -> Steps[bytes]:
        """So many bytes."""
        if size > LONGEST_PART:
            raise PeerError(f"{self.label} failed, answer longer than {LONGEST_PART} bytes")
        while len(self.unread) < size:
            yield None
        return self._take(size)

    def _take(self, size: int) -> bytes:
        taken = bytes(self.unread[:size])
        del self.unread[:size]
        return taken


class Preamble:
    """Dialogues one after the other. `received` and `sent` count bytes; `dialogue` is the one under way."""

    __slots__ = ("_events", "_peer", "_rest", "_steps", "dialogue", "done", "received", "sent")

    def __init__(self, first: Dialogue, *rest: Dialogue) -> None:
        self._events: list[Event] = []
        self._peer = Peer()
        self._rest = [*reversed(rest)]
        self._begin(first)
        self.done = False
        self.received = self.sent = 0

    def start(self) -> bytes:
        """What to send before anything was received; often nothing.

        Raises:
            PeerError: as `feed`.
        """
        return self._advance()

    def feed(self, data: bytes) -> bytes:
        """Hands over what the peer sent, b"" when it has closed; what to send now.

        Raises:
            PeerError: the peer refused, broke the protocol, closed, said too much or spoke out of turn.
        """
        if not data:
            raise PeerError(f"{self.dialogue.label} failed, connection closed by the peer")
        self.received += len(data)
        if self.received > LONGEST_TALK:
            raise PeerError(f"{self.dialogue.label} failed, no answer within {LONGEST_TALK} bytes")
        self._peer.unread += data
        return self._advance()

    def impatience(self) -> PeerError:
        """The error for a peer that was silent for as long as the dialogue's patience lasts."""
        return VerbatimError(
            f"Timeout waiting for response ({self.dialogue.patience} seconds).\n{_UNSUPPORTED}"
        )

    def drain(self) -> list[Event]:
        """The events since the last call."""
        events, self._events = self._events, []
        return events

    def _begin(self, dialogue: Dialogue) -> None:
        self.dialogue = dialogue
        self._peer.label = dialogue.label
        self._steps = dialogue.talk(self._peer)

    def _advance(self) -> bytes:
        out = bytearray()
        while not self.done and (step := self._step()) is not None:
            if isinstance(step, bytes):
                out += step
            else:
                self._events.append(step)
        self.sent += len(out)
        return bytes(out)

    def _step(self) -> bytes | Event | None:
        try:
            return next(self._steps)
        except StopIteration as stop:
            completed = PreambleCompleted(self.dialogue.protocol, stop.value)
        if self._rest:
            self._begin(self._rest.pop())
        else:
            self._finish()
        return completed

    def _finish(self) -> None:
        size = len(self._peer.unread)
        if size:
            raise PeerError(f"{self.dialogue.label} failed, {size} bytes in plain text after the last answer")
        self.done = True


# --- what dialogues have in common -----------------------------------------------------------------------------

_NOT_FOUND = PreambleNoted("Didn't find STARTTLS in server response, trying anyway...")
_UNSUPPORTED = "Server does not support STARTTLS."


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _refused(answer: bytes) -> PeerError:
    return PeerError(f"STARTTLS refused: {_text(answer)}")


def _advertised(lines: list[bytes]) -> bool:
    return any(b"STARTTLS" in line.upper() for line in lines)


# --- lines of text ---------------------------------------------------------------------------------------------


def _smtp(peer: Peer, names: Names) -> Steps[str]:
    """RFC 3207 section 4."""
    return _mail(peer, b"EHLO ", names)


def _lmtp(peer: Peer, names: Names) -> Steps[str]:
    """RFC 2033 section 4.1; STARTTLS as in RFC 3207."""
    return _mail(peer, b"LHLO ", names)


def _mail(peer: Peer, hello: bytes, names: Names) -> Steps[str]:
    yield from _mail_reply(peer)
    yield hello + _bytes("mail.example.com" if names.name is None else names.name) + b"\r\n"
    keywords = yield from _mail_reply(peer)
    if not _advertised(keywords):
        yield _NOT_FOUND
    yield b"STARTTLS\r\n"
    answer = yield from _mail_reply(peer)
    if not answer[-1].startswith(b"2"):
        raise _refused(answer[-1])
    return _text(keywords[-1])


def _mail_reply(peer: Peer) -> Steps[list[bytes]]:
    """The lines of a reply: all but the last have a hyphen behind the code (RFC 5321 section 4.2.1)."""
    lines = [(yield from peer.line())]
    while lines[-1][3:4] == b"-":
        lines.append((yield from peer.line()))
    return lines


def _pop3(peer: Peer, _names: Names) -> Steps[str]:
    """RFC 2595 section 4."""
    greeting = yield from peer.line()
    yield b"STLS\r\n"
    answer = yield from peer.line()
    if not answer.startswith(b"+OK"):
        raise _refused(answer)
    return _text(greeting)


def _imap(peer: Peer, _names: Names) -> Steps[str]:
    """RFC 3501 sections 6.1.1 and 6.2.1. The tag of our commands is a dot."""
    yield from peer.line()
    yield b". CAPABILITY\r\n"
    capabilities = yield from _tagged(peer)
    if not _advertised(capabilities):
        yield _NOT_FOUND
    yield b". STARTTLS\r\n"
    answer = yield from _tagged(peer)
    if not answer[-1].upper().startswith(b". OK"):
        raise _refused(answer[-1].removeprefix(b". "))
    return _text(capabilities[-1])


def _tagged(peer: Peer) -> Steps[list[bytes]]:
    """The lines up to the one with our tag."""
    lines = [(yield from peer.line())]
    while not lines[-1].startswith(b"."):
        lines.append((yield from peer.line()))
    return lines


def _ftp(peer: Peer, _names: Names) -> Steps[str]:
    """RFC 4217 section 4."""
    greeting = yield from _ftp_reply(peer)
    yield b"AUTH TLS\r\n"
    answer = yield from _ftp_reply(peer)
    if not answer.startswith(b"2"):
        raise _refused(answer)
    return _text(greeting)


def _ftp_reply(peer: Peer) -> Steps[bytes]:
    """The last line of a reply: a code and a space. Before it anything may stand (RFC 959 section 4.2)."""
    line = yield from peer.line()
    while len(line) > 3 and not (line[:3].isdigit() and line[3:4] == b" "):
        line = yield from peer.line()
    return line


def _nntp(peer: Peer, _names: Names) -> Steps[str]:
    """RFC 4642 section 2.2; capabilities: RFC 3977 section 5.2."""
    yield from peer.line()
    yield b"CAPABILITIES\r\n"
    lines = [(yield from peer.line())]
    while lines[0].startswith(b"101") and lines[-1] != b".":
        lines.append((yield from peer.line()))
    if not _advertised(lines):
        yield _NOT_FOUND
    yield b"STARTTLS\r\n"
    answer = yield from peer.line()
    if not answer.startswith(b"382"):
        raise VerbatimError(f"STARTTLS failed: {_text(answer)}")
    return _text(answer)


def _sieve(peer: Peer, _names: Names) -> Steps[str]:
    """RFC 5804 sections 1.7 and 2.2. Capabilities are strings, one per line."""
    lines = [(yield from peer.line())]
    while lines[-1].startswith(b'"'):
        lines.append((yield from peer.line()))
    if not any(line.upper().startswith(b'"STARTTLS"') for line in lines):
        yield _NOT_FOUND
    yield b"STARTTLS\r\n"
    answer = yield from peer.line()
    if not answer.upper().startswith(b"OK"):
        raise VerbatimError(f"STARTTLS not supported: {_text(answer)}")
    return _text(answer)


def _irc(peer: Peer, _names: Names) -> Steps[str]:
    """IRCv3 `tls`: numerics 670 (go ahead) and 691 (failed). Notices come at any time."""
    yield b"STARTTLS\r\n"
    while True:
        line = yield from peer.line()
        numeric = _numeric(line)
        if numeric == b"670":
            return _text(line)
        if numeric in _IRC_REFUSALS:
            raise VerbatimError(f"{_IRC_REFUSALS[numeric]}: {_text(line)}\n{_UNSUPPORTED}")


_IRC_REFUSALS = {
    b"691": "STARTTLS negotiation failed",
    b"451": "STARTTLS not supported",  # not registered: the server takes it for any other command
    b"421": "STARTTLS not supported",  # unknown command
    b"ERROR": "STARTTLS not supported",  # the connection ends
}


def _numeric(line: bytes) -> bytes:
    """The command of a message; a word with a colon before it is the sender (RFC 1459 section 2.3.1)."""
    words = [*line.split(None, 2), b"", b""]
    return words[1] if words[0].startswith(b":") else words[0]


# --- XML -------------------------------------------------------------------------------------------------------

_XMPP_TLS = b"urn:ietf:params:xml:ns:xmpp-tls"
_XMPP_ENDS = (b"<failure", b"<stream:error", b"</stream:stream")


def _xmpp(peer: Peer, names: Names) -> Steps[str]:
    """RFC 6120 section 5.4, as a client."""
    return _xmpp_stream(peer, "jabber:client", names)


def _xmpp_server(peer: Peer, names: Names) -> Steps[str]:
    """RFC 6120 section 5.4, as another server."""
    return _xmpp_stream(peer, "jabber:server", names)


def _xmpp_stream(peer: Peer, namespace: str, names: Names) -> Steps[str]:
    domain = names.host if names.name is None else names.name
    yield _bytes(
        "<stream:stream xmlns:stream='http://etherx.jabber.org/streams'"
        f" xmlns='{namespace}' to='{domain}' version='1.0'>"
    )
    yield from _xmpp_tag(peer, b"<starttls", (*_XMPP_ENDS, b"</stream:features"))
    yield b"<starttls xmlns='" + _XMPP_TLS + b"'/>"
    # The rest of the features may come first, so their end is no refusal here.
    proceed = yield from _xmpp_tag(peer, b"<proceed", _XMPP_ENDS)
    if not proceed.endswith(b"/>"):
        yield from peer.until(b"</proceed>")
    return ""


def _xmpp_tag(peer: Peer, wanted: bytes, refusals: tuple[bytes, ...]) -> Steps[bytes]:
    """Skips to the tag that begins like this and belongs to TLS."""
    while True:
        markup = yield from peer.until(b">")
        tag = markup[markup.rfind(b"<") :]
        if tag.startswith(wanted) and _XMPP_TLS in tag:
            return tag
        if tag.startswith(refusals):
            raise PeerError(f"STARTTLS refused: {_text(tag)} instead of {_text(wanted)}>")


# --- packets ---------------------------------------------------------------------------------------------------

_DO_STARTTLS = bytes.fromhex("ff fd 2e")
_WILL_STARTTLS = bytes.fromhex("ff fb 2e")
_FOLLOWS = bytes.fromhex("ff fa 2e 01 ff f0")


def _telnet(peer: Peer, _names: Names) -> Steps[str]:
    """The option START_TLS (46): DO, WILL, and FOLLOWS from both sides (draft-altman-telnet-starttls)."""
    yield from _telnet_command(peer, _DO_STARTTLS)
    yield _WILL_STARTTLS + _FOLLOWS
    yield from _telnet_command(peer, _FOLLOWS)
    return ""


def _telnet_command(peer: Peer, wanted: bytes) -> Steps[None]:
    command = yield from peer.exactly(len(wanted))
    if command != wanted:
        raise PeerError(f"STARTTLS refused: {command.hex(' ')}")


def _postgres(peer: Peer, _names: Names) -> Steps[str]:
    """SSLRequest of PostgreSQL's protocol, section "SSL Session Encryption": S for yes."""
    yield bytes.fromhex("00 00 00 08 04 d2 16 2f")
    answer = yield from peer.exactly(1)
    if answer != b"S":
        raise _refused(answer)
    return ""


_MYSQL_SHORTEST = 21  # bytes
_MYSQL_ERROR = 0xFF
_MYSQL_VERSION = 10
_MYSQL_TLS = 0x0800  # CLIENT_SSL
_MYSQL_SSL_REQUEST = bytes.fromhex("20 00 00 01  85 ae 7f 00  00 00 00 01  21") + bytes(23)


def _mysql(peer: Peer, _names: Names) -> Steps[str]:
    """HandshakeV10 and SSLRequest of MySQL's protocol. A packet begins with its length and a number."""
    header = yield from peer.exactly(4)
    packet = yield from peer.exactly(int.from_bytes(header[:3], "little"))
    if packet[:1] == bytes([_MYSQL_ERROR]):
        raise _refused(packet[3:])
    _check_mysql(packet)
    yield _MYSQL_SSL_REQUEST
    return ""


def _check_mysql(packet: bytes) -> None:
    """Version, its name, 0, thread (4 bytes), salt (8 bytes), 0, capabilities (2 bytes)."""
    if 4 + len(packet) < _MYSQL_SHORTEST:
        raise VerbatimError("MySQL packet too short.")
    if packet[0] != _MYSQL_VERSION:
        raise VerbatimError("Only MySQL protocol version 10 is supported.")
    _name, end, rest = packet[1:].partition(b"\0")
    if not end:
        raise VerbatimError("Cannot confirm server version.")
    if len(rest) < 15:
        raise VerbatimError("MySQL server handshake packet is broken.")
    if rest[12] != 0:
        raise VerbatimError("MySQL packet is broken.")
    if not int.from_bytes(rest[13:15], "little") & _MYSQL_TLS:
        raise VerbatimError("MySQL server does not support SSL.")


_LDAP_STARTTLS = b"1.3.6.1.4.1.1466.20037"
_LDAP_REQUEST = bytes.fromhex("30 1d  02 01 01  77 18  80 16") + _LDAP_STARTTLS

_SEQUENCE, _INTEGER, _ENUMERATED, _EXTENDED_RESPONSE = 0x30, 0x02, 0x0A, 0x78
_LDAP_PARTS = (
    (_INTEGER, "No MessageID"),
    (_EXTENDED_RESPONSE, "Not ExtendedResponse"),
    (_ENUMERATED, "Not LDAPResult"),
)
_LDAP_GARBAGE = "Unexpected LDAP response"


def _ldap(peer: Peer, _names: Names) -> Steps[str]:
    """An extended operation with the OID of StartTLS (RFC 4511 section 4.14)."""
    yield _LDAP_REQUEST
    code = _ldap_result(*(yield from _ber(peer)))
    if code != 0:
        raise VerbatimError(f"STARTTLS failed, LDAP Result Code: {code}")
    return ""


def _ber(peer: Peer) -> Steps[tuple[int, bytes]]:
    """Tag and content of a BER element; lengths of more than 127 have a length of their own (X.690 section 8.1.3)."""
    tag, size = yield from peer.exactly(2)
    if size & 0x80:
        size = int.from_bytes((yield from peer.exactly(size & 0x7F)), "big")
    return tag, (yield from peer.exactly(size))


def _ldap_result(tag: int, message: bytes) -> int:
    """The resultCode of a LDAPMessage { messageID, ExtendedResponse { resultCode, ... } }."""
    if tag != _SEQUENCE:
        raise _ldap_error(_LDAP_GARBAGE)
    content, rest = b"", message
    for wanted, complaint in _LDAP_PARTS:
        tag, content, after = _split_ber(rest)
        if tag != wanted or not content:
            raise _ldap_error(complaint)
        rest = content if tag == _EXTENDED_RESPONSE else after
    return int.from_bytes(content, "big", signed=True)


def _split_ber(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first element, and what follows it."""
    tag, size, start = data[0] if data else 0, data[1] if data[1:] else 0, 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(data[2:start], "big")
    end = start + size
    if len(data) < end:
        raise _ldap_error(_LDAP_GARBAGE)
    return tag, data[start:end], data[end:]


def _ldap_error(complaint: str) -> VerbatimError:
    return VerbatimError(f"{complaint}\nldap_ExtendedResponse_parse failed")


# In the order in which OpenSSL lists them.
STARTTLS: dict[str, Talk] = {
    "smtp": _smtp,
    "pop3": _pop3,
    "imap": _imap,
    "ftp": _ftp,
    "xmpp": _xmpp,
    "xmpp-server": _xmpp_server,
    "telnet": _telnet,
    "irc": _irc,
    "mysql": _mysql,
    "postgres": _postgres,
    "lmtp": _lmtp,
    "nntp": _nntp,
    "sieve": _sieve,
    "ldap": _ldap,
}
# IRC servers that do not know the command may answer nothing at all.
_PATIENCE = {"irc": 8}


# --- HTTP CONNECT ----------------------------------------------------------------------------------------------


def connect_proxy(host: str, port: str, user: str | None = None, password: str | None = None) -> Dialogue:
    """Asks an HTTP proxy for a tunnel (RFC 9110 section 9.3.6); with a user, by Basic authentication (RFC 7617)."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.0", "Proxy-Connection: Keep-Alive"]
    if user is not None:
        lines.append(f"Proxy-Authorization: Basic {_basic(user, password or '')}")
    request = _bytes("".join(f"{line}\r\n" for line in (*lines, "")))
    return Dialogue("http-connect", "HTTP CONNECT", lambda peer: _http_connect(peer, request))


def _basic(user: str, password: str) -> str:
    from binascii import b2a_base64

    return b2a_base64(_bytes(f"{user}:{password}"), newline=False).decode("ascii")


def _http_connect(peer: Peer, request: bytes) -> Steps[str]:
    yield request
    _check_status((yield from peer.line()))
    while (yield from peer.line()):
        pass
    return ""


def _check_status(line: bytes) -> None:
    """HTTP/1.x, a space, a code that begins with 2."""
    version, _, reason = line.partition(b" ")
    if not version.startswith(b"HTTP/"):
        raise PeerError("HTTP CONNECT failed, non-HTTP response")
    if not version.startswith(b"HTTP/1."):
        raise PeerError(f"HTTP CONNECT failed, bad HTTP version {_text(version[5:])}")
    if not reason.startswith(b"2"):
        raise PeerError(f"HTTP CONNECT failed, reason= {_text(reason).rstrip()}")
