"""The fixtures `daemon`, a real server by its name in servers.py that runs until the session ends, and `served`, an
sslserver with a real program behind it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from interop.daemons import Daemon
from interop.servers import SERVERS
from interop.watched import Watch, Watched, watch
from support.fixtures import Start
from support.pki import populate
from ucspi.serving import serve

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


@pytest.fixture
def public(pki: dict[str, bytes]) -> Iterator[Path]:
    """A directory that everybody may enter, which pytest's is not, with the PKI."""
    path = Path(tempfile.mkdtemp(prefix="interop-", dir="/tmp"))
    path.chmod(0o755)
    yield populate(path, pki)
    shutil.rmtree(path)


@pytest.fixture
def served(start: Start, public: Path) -> Iterator[Watch]:
    """Start an sslserver for a program; it ends with the test, and must have nothing left of its clients then."""
    started: list[Watched] = []

    def serve_one(
        words: Sequence[str], options: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> Watched:
        started.append(watch(serve(start, public, words, options, env), public))
        return started[-1]

    yield serve_one
    for each in started:
        each.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what its servers logged meanwhile."""
    report = yield
    if report.failed:
        for daemon, before in item.stash.get(ASKED, {}).items():
            report.sections.append((f"log of {daemon.name}", daemon.log()[before:]))
    return report
