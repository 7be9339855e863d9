"""The fixture `daemon`: a real server by its name in servers.py. It runs until the session ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack

import pytest

from interop.daemons import Daemon
from interop.servers import SERVERS

StartDaemon = Callable[[str], Daemon]
# Of a test: the servers it talked to, and how much each had logged before.
ASKED = pytest.StashKey[dict[Daemon, int]]()


@pytest.fixture(scope="session")
def running(pki: dict[str, bytes]) -> Iterator[dict[str, Daemon]]:
    """The servers that were asked for so far."""
    assert os.geteuid() == 0, "these tests give each server a user of its own: run them as root"
    daemons: dict[str, Daemon] = {}
    yield daemons
    with ExitStack() as stack:  # one that does not end keeps none of the others
        for daemon in daemons.values():
            stack.callback(daemon.stop)


@pytest.fixture
def daemon(request: pytest.FixtureRequest, running: dict[str, Daemon], pki: dict[str, bytes]) -> StartDaemon:
    """Start a server, or find it running."""
    asked: dict[Daemon, int] = request.node.stash.setdefault(ASKED, {})

    def find(name: str) -> Daemon:
        if name not in running:
            running[name] = Daemon(name, SERVERS[name], pki)
        asked.setdefault(running[name], len(running[name].log()))
        return running[name]

    return find


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what its servers logged meanwhile."""
    report = yield
    if report.failed:
        for daemon, before in item.stash.get(ASKED, {}).items():
            report.sections.append((f"log of {daemon.name}", daemon.log()[before:]))
    return report
