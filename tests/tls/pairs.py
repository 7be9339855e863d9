"""Two connections that talk to each other through memory, and what they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TypeVar

from tlsdeck.errors import TlsdeckError
from tlsdeck.events import Event
from tlsdeck.tls.connection import Connection
from tlsdeck.tls.context import Context
from tlsdeck.tls.credentials import Identity, parse_identity
from tlsdeck.tls.dane import Dane
from tlsdeck.tls.session import Session
from tlsdeck.tls.settings import Settings
from tlsdeck.tls.transport import Memory, memory

TLS12, TLS13 = 0x0303, 0x0304
MOST_TURNS = 100  # of a handshake; two or three do
CHUNK = 65536

AnEvent = TypeVar("AnEvent", bound=Event)


def identity_of(pki: Mapping[str, bytes], name: str) -> Identity:
    """A key of the test PKI with its certificate."""
    return _identity(pki[f"{name}.key"], pki[f"{name}.pem"])


@cache
def _identity(key: bytes, certificate: bytes) -> Identity:
    return parse_identity(key, certificate)


class Pair:
    """A client and a server. `client_events` and `server_events` hold what they have told so far."""

    def __init__(
        self,
        client: Context | Settings,
        server: Context | Settings,
        *,
        server_name: str | None = None,
        session: Session | None = None,
        session_id_context: bytes | None = None,
        post_handshake_auth: bool = False,
        dane: Dane | None = None,
    ) -> None:
        self.to_client, self.to_server = memory(), memory()
        self.client = Connection(
            client if isinstance(client, Context) else Context(client),
            self.to_client,
            server_name=server_name,
            session=session,
            post_handshake_auth=post_handshake_auth,
            dane=dane,
        )
        self.server = Connection(
            server if isinstance(server, Context) else Context(server),
            self.to_server,
            session_id_context=session_id_context,
        )
        self.client_events: list[Event] = []
        self.server_events: list[Event] = []

    def carry(self) -> bool:
        """Moves what each has sent to the other, and collects what they tell; False if there was nothing to move."""
        moved = [carry(self.to_client, self.to_server), carry(self.to_server, self.to_client)]
        self.client_events += self.client.drain()
        self.server_events += self.server.drain()
        return any(moved)

    def shake(self) -> None:
        """Drives the handshake of both to its end; the first error comes out, once the other end has been told."""
        errors = self.errors()
        if errors:
            raise errors[0]
        assert self.client.established
        assert self.server.established

    def errors(self) -> list[TlsdeckError]:
        """Drives the handshake until both are done or have failed; the errors, the first one first."""
        errors: list[TlsdeckError] = []
        waiting = [self.client, self.server]
        for _ in range(MOST_TURNS):
            moved = False
            for end in tuple(waiting):
                try:
                    if end.handshake():
                        waiting.remove(end)
                except TlsdeckError as error:
                    errors.append(error)
                    waiting.remove(end)
                moved |= self.carry()
            if not waiting or (errors and not moved):
                return errors
        raise AssertionError("the handshake has no end")

    def tell(self, sender: Connection, data: bytes) -> bytes:
        """Sends data one way, driving both ends; what arrived."""
        receiver = self.server if sender is self.client else self.client
        arrived = b""
        for _ in range(MOST_TURNS + len(data) // 1000):
            sent = sender.write(data)
            self.carry()
            arrived += received(receiver)
            self.carry()
            received(sender)  # and answers, to a key update for instance
            if sent:
                self.carry()
                return arrived + received(receiver)
        raise AssertionError("the data does not get through")

    def of(self, kind: type[AnEvent], *, server: bool = False) -> list[AnEvent]:
        """The events of a kind that one end has told so far."""
        self.carry()
        told = self.server_events if server else self.client_events
        return [event for event in told if isinstance(event, kind)]


def carry(source: Memory, target: Memory) -> bool:
    data = source.take()
    if data:
        target.feed(data)
    return bool(data)


def received(end: Connection) -> bytes:
    """Everything that has arrived at one end so far."""
    data = b""
    while chunk := end.read(CHUNK):
        data += chunk
    return data


def now(end: Connection, fact: str) -> object:
    """An attribute as it is now; a type checker takes it for what it was when it was looked at last."""
    return getattr(end, fact)


def client_settings(**fields: object) -> Settings:
    return Settings(server=False).replace(**fields)


def server_settings(pki: Mapping[str, bytes], name: str = "rsa", /, **fields: object) -> Settings:
    return Settings(server=True, identities=(identity_of(pki, name),)).replace(**fields)


def only(version: int) -> dict[str, int]:
    """The fields that leave one protocol version."""
    return {"min_version": version, "max_version": version}
