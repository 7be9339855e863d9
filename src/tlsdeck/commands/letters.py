"""Connected commands: the letters that s_client(1) and s_server(1) take from the terminal during a connection.

A row says what a letter does; whether it must stand alone on its line, and whether it is sent to the peer as well, is
what scripts written for the originals rely on.
"""

from __future__ import annotations

from tlsdeck import events
from tlsdeck.errors import LibraryError
from tlsdeck.net.pump import Ending, Letter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tlsdeck.net.pump import Pump

_CLEAR_TEXT = b"Lets print some clear text\n"


def _quit(_pump: Pump) -> Ending:
    return Ending("quit")


# --- client ----------------------------------------------------------------------------------------------------


def _ask(pump: Pump, event: events.Event, request: Callable[[], None]) -> Ending | None:
    """Announces a request, makes it and drives it; a client whose request is refused by libssl is done."""
    pump.show(event)
    try:
        request()
    except LibraryError as error:
        return Ending("failed", "write", error)
    pump.repeat_handshake()
    return None


def _client_renegotiate(pump: Pump) -> Ending | None:
    return _ask(pump, events.RenegotiationRequested(), pump.connection.renegotiate)


def _client_key_update(of_peer: bool) -> Callable[[Pump], Ending | None]:
    def act(pump: Pump) -> Ending | None:
        update = pump.connection.update_key
        return _ask(pump, events.KeyUpdateRequested(of_peer), lambda: update(of_peer=of_peer))

    return act


CLIENT_LETTERS: Mapping[bytes, Letter] = {
    b"Q": Letter(_quit),
    b"R": Letter(_client_renegotiate),
    b"k": Letter(_client_key_update(of_peer=False)),
    b"K": Letter(_client_key_update(of_peer=True)),
}


# --- server ----------------------------------------------------------------------------------------------------


def _drop(_pump: Pump) -> Ending:
    return Ending("drop")


def _handshake_after(pump: Pump, request: Callable[[], None]) -> None:
    """Makes a request and runs the handshake it started; one that libssl refuses is said and the connection goes on."""
    try:
        request()
    except LibraryError as error:
        pump.show(events.RequestRefused(error.stack))
    done = pump.connection.handshake()
    pump.flush()
    pump.show(events.HandshakeRepeated(1 if done else -1))
    if not done:
        pump.repeat_handshake()


def _renegotiate(pump: Pump) -> None:
    _handshake_after(pump, pump.connection.renegotiate)


def _renegotiate_with_certificate(pump: Pump) -> None:
    pump.connection.demand_certificate()
    _handshake_after(pump, pump.connection.renegotiate)


def _key_update(of_peer: bool) -> Callable[[Pump], None]:
    def act(pump: Pump) -> None:
        update = pump.connection.update_key
        _handshake_after(pump, lambda: update(of_peer=of_peer))

    return act


def _request_certificate(pump: Pump) -> None:
    try:
        pump.connection.request_certificate()
    except LibraryError as error:
        pump.show(events.CertificateRequestFailed(error.stack))
        return
    _handshake_after(pump, lambda: None)


def _plain(pump: Pump) -> None:
    pump.send_plain(_CLEAR_TEXT)


def _statistics(pump: Pump) -> None:
    pump.show(events.StatisticsTaken(pump.connection.context.statistics()))


SERVER_LETTERS: Mapping[bytes, Letter] = {
    b"Q": Letter(_quit),
    b"q": Letter(_drop),
    b"r": Letter(_renegotiate, alone=True),
    b"R": Letter(_renegotiate_with_certificate, alone=True),
    b"k": Letter(_key_update(of_peer=False), alone=True),
    b"K": Letter(_key_update(of_peer=True), alone=True),
    b"c": Letter(_request_certificate, alone=True),
    b"P": Letter(_plain, sent=True),
    b"S": Letter(_statistics, sent=True),
}
