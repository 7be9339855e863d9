"""Host names and addresses, asked of name servers and of nobody else, by tasks of a loop.

Neither /etc/hosts nor the system's name services are looked at. The servers are asked in turn, over UDP and, where
an answer does not fit into it, over TCP; a server that is silent is given a little more time in each round. All of it
ends at the deadline that the caller sets. What does not answer the question is as if it had not come: the socket
takes only what that server sends, and an answer repeats the random number and the question.

dnspython reads and writes the messages (RFC 1035). Its own resolver is not used: it waits by the wall clock, and does
not notice that a port is closed.

In a name that came from a name server any byte may occur. In text each that is no letter, digit, "-" or "_" stands as
a backslash and three octal digits. That is how programs behind a super-server know it, and nothing else can get into
a log or a variable.
"""

from __future__ import annotations

import re
import socket
import time

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.reversename
from dns.rdtypes.ANY.PTR import PTR

from tlsdeck.record import Record
from tlsdeck.ucspi.addresses import packed, written
from tlsdeck.ucspi.asking import Peer
from tlsdeck.ucspi.naming import qualify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dns.message import Message
    from dns.name import Name
    from dns.rdata import Rdata

    from tlsdeck.ucspi.loop import Loop, Steps
    from tlsdeck.ucspi.naming import Naming

_PATIENCE = (1, 3, 11, 45)  # seconds for a server in each round
_LARGEST = 65535  # bytes of a message
_CUT_ANSWER = dns.flags.QR | dns.flags.TC
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")


class Found(Record):
    """A host that was looked for: its name as it was qualified, its addresses, IPv4 first; perhaps none."""

    name: str
    addresses: tuple[str, ...]


class Resolver:
    """Asks the name servers. Deadlines are moments on the monotonic clock."""

    def __init__(self, naming: Naming, loop: Loop) -> None:
        self._naming = naming
        self._loop = loop

    def find(self, name: str, deadline: float) -> Steps[Found | None]:
        """The host of that name, after qualifying it; None when no server could tell in time."""
        found = None
        for candidate in qualify(name, self._naming.rewrites):
            addresses = yield from self.addresses(candidate, deadline)
            if addresses is None:
                return None
            found = Found(candidate, addresses)
            if addresses:
                break
        return found

    def addresses(self, host: str, deadline: float) -> Steps[tuple[str, ...] | None]:
        """All addresses of a host, IPv4 first; None when no server could tell in time."""
        name = _name(host)
        if name is None:
            return None
        ipv4 = yield from self._ask(name, "A", deadline)
        ipv6 = yield from self._ask(name, "AAAA", deadline)
        records = [*(ipv4 or ()), *(ipv6 or ())]
        if not records and (ipv4 is None or ipv6 is None):
            return None
        texts = [record.to_text() for record in records]
        return tuple(written(address) for text in texts if (address := packed(text)))

    def host(self, ip: str, deadline: float) -> Steps[str | None]:
        """The first name of an address, in lower case; None when there is none, or no server could tell in time."""
        address = packed(ip)
        if address is None:
            return None
        records = yield from self._ask(dns.reversename.from_address(written(address)), "PTR", deadline)
        names = [record.target for record in records or () if isinstance(record, PTR)]
        return _text(names[0]) if names else None

    def confirms(self, host: str, ip: str, deadline: float) -> Steps[bool]:
        """Whether the addresses of a host contain this one; not when no server could tell in time."""
        address = packed(ip)
        if address is None:
            return False
        return written(address) in ((yield from self.addresses(host, deadline)) or ())

    def _ask(self, name: Name, kind: str, deadline: float) -> Steps[list[Rdata] | None]:
        """The records of a name, where it is an alias those of the other name; None without an answer in time."""
        for patience in _PATIENCE:
            for server in self._naming.servers:
                now = time.monotonic()
                if now >= deadline:
                    return None
                answer = yield from _exchange(self._loop, name, kind, server, min(deadline, now + patience))
                records = _records(answer)
                if records is not None:
                    return records
        return None


# --- one question ----------------------------------------------------------------------------------------------


def _exchange(
    loop: Loop, name: Name, kind: str, server: tuple[str, int], deadline: float
) -> Steps[Message | None]:
    """What a server answers; None for no answer in time."""
    query = dns.message.make_query(name, kind)
    try:
        with Peer(loop, socket.SOCK_DGRAM, server, deadline) as peer:
            answer = yield from _over_udp(query, peer)
        if answer is None:
            with Peer(loop, socket.SOCK_STREAM, server, deadline) as peer:
                answer = yield from _over_tcp(query, peer)
    except OSError:
        return None
    return answer


def _over_udp(query: Message, server: Peer) -> Steps[Message | None]:
    """The answer; None when there is one, but it does not fit."""
    yield from server.connect()
    yield from server.send(query.to_wire())
    while True:
        wire = yield from server.receive(_LARGEST)
        if _is_cut(query, wire):
            return None
        answer = _answer(query, wire)
        if answer is not None:
            return answer


def _over_tcp(query: Message, server: Peer) -> Steps[Message | None]:
    yield from server.connect()
    wire = query.to_wire()
    yield from server.send(len(wire).to_bytes(2) + wire)
    length = int.from_bytes((yield from _exactly(server, 2)))
    return _answer(query, (yield from _exactly(server, length)))


def _exactly(server: Peer, length: int) -> Steps[bytes]:
    data = b""
    while len(data) < length:
        piece = yield from server.receive(length - len(data))
        if not piece:
            raise ConnectionResetError
        data += piece
    return data


def _is_cut(query: Message, wire: bytes) -> bool:
    """Whether this is the head of an answer of which the rest is missing (RFC 1035 section 4.1.1)."""
    flags = int.from_bytes(wire[2:4])
    return wire.startswith(query.id.to_bytes(2)) and flags & _CUT_ANSWER == _CUT_ANSWER


def _answer(query: Message, wire: bytes) -> Message | None:
    """The message, if it is one and answers the question."""
    try:
        answer = dns.message.from_wire(wire)
    except Exception:  # whatever dnspython makes of nonsense
        return None
    return answer if query.is_response(answer) else None


def _records(answer: Message | None) -> list[Rdata] | None:
    """The records that answer the question; None when the server could not tell."""
    if not isinstance(answer, dns.message.QueryMessage):
        return None
    if answer.rcode() == dns.rcode.NXDOMAIN:
        return []
    if answer.rcode() != dns.rcode.NOERROR:
        return None
    try:
        return list(answer.resolve_chaining().answer or ())
    except dns.exception.DNSException:
        return None


# --- names as text ---------------------------------------------------------------------------------------------


def _name(host: str) -> Name | None:
    r"""The name that a text stands for, with \ooo for any byte; None when it is too long."""
    labels = re.findall(rb"(?:\\[0-7]{1,3}|\\.|[^.\\])+", host.encode("utf-8", "surrogateescape"), re.DOTALL)
    try:
        return dns.name.Name([*map(_unescaped, labels), b""])
    except dns.exception.DNSException:
        return None


def _unescaped(label: bytes) -> bytes:
    def byte(match: re.Match[bytes]) -> bytes:
        octal, other = match.groups()
        return bytes([int(octal, 8) & 0xFF]) if octal else bytes(other)

    return re.sub(rb"\\(?:([0-7]{1,3})|(.))", byte, label, flags=re.DOTALL)


def _text(name: Name) -> str | None:
    """A name as text in lower case; None for the root, which has none."""
    labels = [label.lower() for label in name.labels if label]
    return ".".join("".join(map(_character, label)) for label in labels) or None


def _character(byte: int) -> str:
    return chr(byte) if byte in _PLAIN else f"\\{byte:03o}"
