"""Real handshakes in memory, with every message that both sides saw: what decoders are tried on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tlsdeck import Connection, Context, Identity, Session, Settings, Trust, Watch, memory
from tlsdeck.errors import TlsdeckError
from tlsdeck.events import MessageSeen, TicketReceived
from tlsdeck.native import lib, printed
from tlsdeck.tls.credentials import load_certificate, load_key
from tlsdeck.tls.session import load_session

LEVEL_0 = "DEFAULT@SECLEVEL=0"


@dataclass(frozen=True)
class Scene:
    """A kind of handshake: what SSL_CONF_cmd(3) is told on either side, in words of the command line."""

    name: str
    client: str = ""
    server: str = ""
    certificate: str = "rsa"
    client_certificate: bool = False
    alpn: bool = False
    then: Callable[[Pair], None] | None = None
    resumed: bool = False


class Side:
    """One end, and the messages it saw."""

    def __init__(self, settings: Settings, session: Session | None = None) -> None:
        self.transport = memory()
        names = {} if settings.server else {"server_name": "localhost", "session": session}
        self.connection = Connection(
            Context(settings),
            self.transport,
            post_handshake_auth=not settings.server,
            session_id_context=b"test" if settings.server else None,
            **names,  # type: ignore[arg-type]
        )
        self.messages: list[MessageSeen] = []
        self.session_pem = ""

    def step(self) -> None:
        """Do what can be done; errors are part of the show."""
        try:
            if self.connection.handshake():
                self.connection.read(1)
        except TlsdeckError:
            pass
        for event in self.connection.drain():
            if isinstance(event, MessageSeen):
                self.messages.append(event)
            elif isinstance(event, TicketReceived):
                self.session_pem = event.session.pem

    def traced(self, event: MessageSeen) -> str:
        """What SSL_trace(3) writes of a message, with the connection's present state."""
        data = event.data
        return printed(
            lambda bio: lib.SSL_trace(
                event.sent, event.version, event.content_type, data, len(data), self.connection._ssl, bio
            )
        )


class Pair:
    """A client and a server that talk to each other."""

    def __init__(self, scene: Scene, files: Path, session: Session | None = None) -> None:
        self.client = Side(settings(scene, files, server=False), session)
        self.server = Side(settings(scene, files, server=True))

    def talk(self) -> None:
        """Let both do what they can until neither has anything to say."""
        quiet = False
        while not quiet:
            quiet = True
            for side, other in ((self.client, self.server), (self.server, self.client)):
                side.step()
                data = side.transport.take()
                other.transport.feed(data)
                quiet = quiet and not data

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.client, self.server


def settings(scene: Scene, files: Path, *, server: bool) -> Settings:
    words = (scene.server if server else scene.client).split()
    commands = [("cipher", LEVEL_0), *zip(words[::2], words[1::2], strict=True)]
    names = [scene.certificate] if server else ["client"] if scene.client_certificate else []
    return Settings(
        server=server,
        conf_commands=tuple(
            (name.removeprefix("-"), None if value == "-" else value) for name, value in commands
        ),
        verify_peer=server and scene.client_certificate,
        ca_names_file=str(files / "root.pem") if server and scene.client_certificate else None,
        trust=Trust(str(files / "root.pem")),
        dh=server,
        identities=tuple(identity(files, name) for name in names),
        alpn=(b"h2", b"http/1.1") if scene.alpn else (),
        keep_sessions=not server,
        watch=Watch(messages=True, message_parts=True),
    )


def identity(files: Path, name: str) -> Identity:
    certificate = load_certificate(str(files / f"{name}.pem"), None, "certificate")
    return Identity(certificate, load_key(str(files / f"{name}.key"), None, "key"))


def play(scene: Scene, files: Path) -> Iterator[Pair]:
    """The connections of a scene, each at its end: one, or two if the session is resumed."""
    pair = Pair(scene, files)
    pair.talk()
    if scene.then:
        scene.then(pair)
        pair.talk()
    yield pair
    if scene.resumed:
        path = files / "session.pem"
        path.write_text(pair.client.session_pem)
        again = Pair(scene, files, load_session(str(path)))
        again.talk()
        yield again


# --- what happens after the handshake --------------------------------------------------------------------------


def update_keys(pair: Pair) -> None:
    pair.client.connection.update_key(of_peer=True)
    pair.client.connection.write(b"x")


def renegotiate(pair: Pair) -> None:
    pair.server.connection.renegotiate()


def ask_for_certificate(pair: Pair) -> None:
    pair.server.connection.request_certificate()


def close(pair: Pair) -> None:
    for side in pair.sides:
        side.connection.shutdown()


SCENES = (
    Scene("tls_1_3", then=close),
    Scene("tls_1_3_client_certificate", client_certificate=True, alpn=True),
    Scene("tls_1_3_post_handshake", then=ask_for_certificate),
    Scene("tls_1_3_key_update", then=update_keys),
    Scene("tls_1_3_retry", "-groups X25519:P-256", "-groups P-256"),
    Scene("tls_1_3_ffdhe", "-groups ffdhe2048", "-groups ffdhe2048", "ed25519"),
    Scene("tls_1_3_resumed", resumed=True),
    Scene("tls_1_3_ecdsa", certificate="ecdsa"),
    Scene("tls_1_2", "-max_protocol TLSv1.2", then=close),
    Scene("tls_1_2_client_certificate", "-max_protocol TLSv1.2", client_certificate=True, alpn=True),
    Scene("tls_1_2_renegotiated", "-max_protocol TLSv1.2", then=renegotiate),
    Scene("tls_1_2_resumed", "-max_protocol TLSv1.2", resumed=True),
    Scene("tls_1_2_session_id", "-max_protocol TLSv1.2 -no_ticket -", resumed=True),
    Scene("tls_1_2_rsa", "-max_protocol TLSv1.2 -cipher kRSA@SECLEVEL=0", "-cipher kRSA@SECLEVEL=0"),
    Scene("tls_1_2_dhe", "-max_protocol TLSv1.2", "-cipher kDHE@SECLEVEL=0"),
    Scene("tls_1_2_anonymous_dh", "-max_protocol TLSv1.2 -cipher ADH@SECLEVEL=0", "-cipher ADH@SECLEVEL=0"),
    Scene(
        "tls_1_2_anonymous_ecdh", "-max_protocol TLSv1.2 -cipher AECDH@SECLEVEL=0", "-cipher AECDH@SECLEVEL=0"
    ),
    Scene("tls_1_2_ecdsa", "-max_protocol TLSv1.2", certificate="ecdsa"),
    Scene("tls_1_2_p521", "-max_protocol TLSv1.2 -groups P-521", certificate="ed25519"),
    Scene("tls_1_1", "-max_protocol TLSv1.1", client_certificate=True),
    Scene("tls_1_0", "-max_protocol TLSv1", client_certificate=True),
    Scene("tls_1_0_rsa", "-max_protocol TLSv1", "-cipher kRSA@SECLEVEL=0"),
    Scene("tls_1_0_dhe", "-max_protocol TLSv1", "-cipher kDHE@SECLEVEL=0"),
    Scene("no_common_version", "-max_protocol TLSv1.2", "-min_protocol TLSv1.3"),
    Scene("no_common_cipher", "-max_protocol TLSv1.2 -cipher kRSA", "-cipher kDHE"),
    Scene("no_common_group", "-groups X25519", "-groups P-256"),
)


def suite_of(message: bytes, version: int) -> int:
    """The cipher suite that a ServerHello chooses; 0 for any other message."""
    if message[:1] != b"\x02":
        return 0
    at = (12 if version >> 8 == 0xFE else 4) + 34
    at += 1 + message[at]
    return int.from_bytes(message[at : at + 2], "big")
