"""Who connects, and whether they may: rules by address, then names and ident, then the rules with all of that.

Looking up takes its time, though never more than its limits: one for all that name servers are asked about a
connection, one for ident, and the longer of the two for all of it. Who does not answer by then knows nothing. However
many wait for that, they cost a socket each.
"""

from __future__ import annotations

import time

from tlsdeck.record import Record
from tlsdeck.ucspi.ident import ask_ident
from tlsdeck.ucspi.rules import Verdict, Visitor, look_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from tlsdeck.ucspi.cdb import Database
    from tlsdeck.ucspi.environment import Ends
    from tlsdeck.ucspi.loop import Loop, Steps
    from tlsdeck.ucspi.resolver import Resolver

    # The rules as they are now, None without any; raises when they cannot be read.
    Source: TypeAlias = Callable[[], Database | None]

_LOCAL_NAME_LIFE = 600.0  # seconds
_NO_NAME_LIFE = 10.0  # seconds; the name server may come back


class Policy(Record):
    """What is to be found out about a visitor. `local_name`: our own, None to ask for it. Limits are in seconds."""

    remote_host: bool = True
    paranoid: bool = False
    remote_info: bool = False
    local_name: str | None = None
    ident_limit: float = 26.0
    names_limit: float = 30.0  # for all questions to name servers about one connection

    @property
    def asks_names(self) -> bool:
        """Whether name servers are asked."""
        return self.remote_host or self.local_name is None


class Caller(Record):
    """What is known of a visitor: both ends, what a client's certificate must be for, what the rules say."""

    ends: Ends
    verify_name: str | None
    verdict: Verdict


NO_RULE = Verdict(b"", denied=False)


class Reception:
    """Finds out who visitors are."""

    def __init__(
        self, loop: Loop, policy: Policy, resolver: Resolver | None, early: Source, full: Source
    ) -> None:
        self._loop = loop
        self._policy = policy
        self._resolver = resolver
        self._early = early
        self._full = full
        self._local_names: dict[str, tuple[float, str | None]] = {}

    def first_look(self, ends: Ends) -> Verdict | None:
        """What the rules by address alone say (-y); None when they say nothing.

        Raises:
            ConfigurationError, DecodeError: the rules cannot be read.
        """
        database = self._early()
        return None if database is None else look_up(database, Visitor(ends.remote_ip))

    def find_out(self, ends: Ends, early: Verdict | None) -> Steps[Caller]:
        """All that is to be known; `early` is what `first_look` has found.

        Raises:
            ConfigurationError, DecodeError: the rules cannot be read.
        """
        start = time.monotonic()
        deadline = start + self._policy.names_limit
        host, verify_name = yield from self._remote_host(ends.remote_ip, deadline)
        local_host = yield from self._local_host(ends.local_ip, deadline)
        info = yield from self._remote_info(ends, max(deadline, start + self._policy.ident_limit))
        known = ends.replace(remote_host=host, remote_info=info, local_host=local_host)
        verdict = self._full_look(known) if early is None else early
        return Caller(known, verify_name, verdict)

    def _full_look(self, ends: Ends) -> Verdict:
        database = self._full()
        if database is None:
            return NO_RULE
        return look_up(database, Visitor(ends.remote_ip, ends.remote_host, ends.remote_info)) or NO_RULE

    def _remote_host(self, ip: str, deadline: float) -> Steps[tuple[str | None, str | None]]:
        """The host's name, and what its certificate is compared with: the address if the name is not confirmed."""
        if self._resolver is None or not self._policy.remote_host:
            return None, None
        host = yield from self._resolver.host(ip, deadline)
        if host is None or not self._policy.paranoid:
            return host, host
        confirmed = yield from self._resolver.confirms(host, ip, deadline)
        return (host, host) if confirmed else (None, ip)

    def _remote_info(self, ends: Ends, end: float) -> Steps[str | None]:
        if not self._policy.remote_info:
            return None
        local, remote = (ends.local_ip, ends.local_port), (ends.remote_ip, ends.remote_port)
        deadline = min(end, time.monotonic() + self._policy.ident_limit)
        return (yield from ask_ident(self._loop, local, remote, deadline))

    def _local_host(self, ip: str, deadline: float) -> Steps[str | None]:
        if self._policy.local_name is not None or self._resolver is None:
            return self._policy.local_name
        end, host = self._local_names.get(ip, (0.0, None))
        if time.monotonic() >= end:
            host = yield from self._resolver.host(ip, deadline)
            now = time.monotonic()
            if now < deadline:  # otherwise there was no time to find out
                life = _NO_NAME_LIFE if host is None else _LOCAL_NAME_LIFE
                self._local_names[ip] = now + life, host
        return host
