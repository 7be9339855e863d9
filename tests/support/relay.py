"""A network that loses, doubles and delays datagrams, between a client and a server on loopback.

What happens to a datagram is drawn from a seeded generator, one for each direction, so that a run can be had again.
Bad luck has an end: after some datagrams all go through, so that every handshake can come to its end.
"""

from __future__ import annotations

import heapq
import itertools
import random
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Address = tuple[str, int]

MOST_DELAY = 0.12  # seconds
LARGEST = 65536


@dataclass(frozen=True)
class Weather:
    """Chances, for each datagram. One that is delayed arrives after others that were sent later."""

    seed: int
    lost: float = 0.25
    doubled: float = 0.25
    delayed: float = 0.25
    until: int = 14  # so many datagrams of a direction are exposed to it


@dataclass
class Fate:
    """What happens to the datagrams of one direction; what it was is counted."""

    weather: Weather
    luck: random.Random
    lost: int = 0
    doubled: int = 0
    delayed: int = 0
    seen: int = 0

    def delays(self) -> list[float]:
        """When each copy of the next datagram arrives, in seconds from now; none if it is lost."""
        self.seen += 1
        weather, luck = self.weather, self.luck
        if self.seen > weather.until:
            return [0.0]
        if luck.random() < weather.lost:
            self.lost += 1
            return []
        copies = 2 if luck.random() < weather.doubled else 1
        self.doubled += copies - 1
        return [self._delay() for _ in range(copies)]

    def _delay(self) -> float:
        if self.luck.random() >= self.weather.delayed:
            return 0.0
        self.delayed += 1
        return self.luck.uniform(0.02, MOST_DELAY)


@dataclass(order=True)
class Departure:
    at: float
    number: int
    data: bytes = field(compare=False)
    way_out: socket.socket = field(compare=False)
    to: Address = field(compare=False)


class Relay:
    """Stands between one client and a server. The client sends to `port`."""

    def __init__(self, server: Address, weather: Weather) -> None:
        self.to_server = Fate(weather, random.Random(f"{weather.seed} to server"))
        self.to_client = Fate(weather, random.Random(f"{weather.seed} to client"))
        self._server = server
        self._client: Address | None = None
        self._front = bound()
        self._back = bound()
        self._departures: list[Departure] = []
        self._numbers = itertools.count()
        self._over = threading.Event()
        self._selector = selectors.DefaultSelector()
        for end in (self._front, self._back):
            self._selector.register(end, selectors.EVENT_READ)

    @property
    def port(self) -> int:
        return int(self._front.getsockname()[1])

    def run(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(self._patience()):
                self._take(key.fileobj is self._front)
            self._send_what_is_due()

    def close(self) -> None:
        self._over.set()

    def free(self) -> None:
        self._selector.close()
        self._front.close()
        self._back.close()

    def _take(self, from_client: bool) -> None:
        try:
            data, sender = (self._front if from_client else self._back).recvfrom(LARGEST)
        except ConnectionError:  # somebody has gone
            return
        if from_client:
            self._client = sender
            self._plan(self.to_server, data, self._back, self._server)
        elif self._client is not None:
            self._plan(self.to_client, data, self._front, self._client)

    def _plan(self, fate: Fate, data: bytes, way_out: socket.socket, to: Address) -> None:
        now = time.monotonic()
        for delay in fate.delays():
            heapq.heappush(self._departures, Departure(now + delay, next(self._numbers), data, way_out, to))

    def _patience(self) -> float:
        if not self._departures:
            return 0.05
        return max(0.0, min(0.05, self._departures[0].at - time.monotonic()))

    def _send_what_is_due(self) -> None:
        while self._departures and self._departures[0].at <= time.monotonic():
            departure = heapq.heappop(self._departures)
            departure.way_out.sendto(departure.data, departure.to)


def bound() -> socket.socket:
    """A UDP socket with a port of its own."""
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.bind(("127.0.0.1", 0))
    return end


@contextmanager
def relay(server_port: int, weather: Weather) -> Iterator[Relay]:
    """A relay to a server's port, running for as long as the block."""
    between = Relay(("127.0.0.1", server_port), weather)
    thread = threading.Thread(target=between.run, daemon=True)
    thread.start()
    try:
        yield between
    finally:
        between.close()
        thread.join()
        between.free()
