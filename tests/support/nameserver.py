"""A name server on loopback that answers as a test tells it to, over UDP and TCP on one port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

# A question in, the datagrams to send back, none for silence.
Behaviour = Callable[[bytes], list[bytes]]


def answer(query: bytes, *records: str, rcode: int = dns.rcode.NOERROR) -> dns.message.Message:
    """A response with the records, each `name TYPE value`."""
    message = dns.message.make_response(dns.message.from_wire(query))
    message.set_rcode(dns.rcode.Rcode(rcode))
    for record in records:
        name, kind, value = record.split(" ", 2)
        message.answer.append(dns.rrset.from_text(name, 60, "IN", kind, value))
    return message


def zone(*records: str) -> Behaviour:
    """Answers from records, `name TYPE value`; names that are not in them do not exist. Follows aliases."""
    known = [
        (name.lower(), kind, value) for name, kind, value in (record.split(" ", 2) for record in records)
    ]

    def behave(query: bytes) -> list[bytes]:
        question = dns.message.from_wire(query).question[0]
        names, found = [question.name.to_text().lower()], []
        if names[0] not in [name for name, _, _ in known]:
            return [answer(query, rcode=dns.rcode.NXDOMAIN).to_wire()]
        for wanted in names:
            for name, kind, value in known:
                if name == wanted and kind in (question.rdtype.name, "CNAME"):
                    found.append(f"{name} {kind} {value}")
                    names += [value] if kind == "CNAME" and value not in names else []
        return [answer(query, *found).to_wire()]

    return behave


def cut(query: bytes) -> list[bytes]:
    """An answer that does not fit into a datagram."""
    message = answer(query)
    message.flags |= dns.flags.TC
    return [message.to_wire()]


class NameServer:
    """Runs in threads until `close`.

    `questions` counts the datagrams and the TCP connections that came; `client` is who sent the last datagram.
    """

    def __init__(
        self, udp: Behaviour, tcp: Behaviour | None = None, place: tuple[str, int] = ("127.0.0.1", 0)
    ) -> None:
        self._place = place
        self._udp_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._tcp_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._bind()
        self.questions = 0
        self.client = ("", 0)
        self._udp, self._tcp = udp, tcp
        self._threads = [threading.Thread(target=serve) for serve in (self._serve_udp, self._serve_tcp)]
        for thread in self._threads:
            thread.start()

    def _bind(self) -> None:
        while True:
            self._udp_socket.bind(self._place)
            self.address: tuple[str, int] = self._udp_socket.getsockname()
            try:
                self._tcp_socket.bind(self.address)
            except OSError:  # another program has that port
                self._udp_socket.close()
                self._udp_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            else:
                self._tcp_socket.listen()
                return

    def _serve_udp(self) -> None:
        while True:
            query, self.client = self._udp_socket.recvfrom(65535)
            if not query:
                return
            self.questions += 1
            for datagram in self._udp(query):
                self._udp_socket.sendto(datagram, self.client)

    def _serve_tcp(self) -> None:
        while True:
            connection, _ = self._tcp_socket.accept()
            with connection:
                head = connection.recv(2)
                if not head:
                    return
                self.questions += 1
                query = connection.recv(int.from_bytes(head))
                for message in self._tcp(query) if self._tcp else ():
                    connection.sendall(len(message).to_bytes(2) + message)

    def close(self) -> None:
        """Ends the threads: nothing is what they are told to end by."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as goodbye:
            goodbye.sendto(b"", self.address)
        socket.create_connection(self.address).close()
        for thread in self._threads:
            thread.join()
        self._udp_socket.close()
        self._tcp_socket.close()
