"""Engines beside the original: found or not, with keys and client certificates, and working asynchronously (-async)."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from support.engines import ENGINES, build_engine
from support.fixtures import Run, Start, Workdir
from support.oracle import (
    AHOY,
    Case,
    assert_same,
    compare_clients,
    compare_servers,
    each,
    play_alone,
    play_client,
    play_server,
)
from support.peers import start_server
from support.programs import OPENSSL, OURS

RSA = "-cert rsa.pem -key rsa.key"
ENGINE_KEY = "-engine testengine -keyform ENGINE"
ASK = f"-rev {RSA} -Verify 1 -CAfile root.pem"


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_engine(tmp_path_factory.mktemp("engine"))


@pytest.fixture
def engine(module: Path, workdir: Workdir) -> Workdir:
    """A directory as `workdir` makes it, with the engine in it."""

    def make(name: str) -> Path:
        directory = workdir(name)
        shutil.copy(module, directory)
        shutil.copy(
            module, directory / "plain.so"
        )  # asked for by this name it has neither keys nor certificates
        return directory

    return make


client = partial(Case, peer=ASK, env=ENGINES)

CLIENT = (
    client("by_id", "-engine testengine", 'Engine "testengine" set.', peer=f"-rev {RSA}"),
    client("by_path", "-engine ./testengine.so", 'Engine "testengine" set.', peer=f"-rev {RSA}"),
    client("two", "-engine dynamic -engine testengine", 'Engine "dynamic" set.', peer=f"-rev {RSA}"),
    client("not_there", "-engine nonsense -verify 1", 'Invalid engine "nonsense"', peer=f"-rev {RSA}"),
    client("all", "-engine auto", "Enabling auto ENGINE support", peer=f"-rev {RSA}"),
    client("key", f"-cert client.pem -key client.key {ENGINE_KEY}", "gnip"),
    client("key_1_2", f"-cert client.pem -key client.key {ENGINE_KEY} -tls1_2", "gnip"),
    client("client_engine", "-ssl_client_engine testengine", "gnip"),
    client("client_engine_1_2", "-ssl_client_engine testengine -tls1_2", "gnip"),
    client("async_without_engine", "-async", "gnip", peer=f"-rev {RSA}"),
)


@each(CLIENT)
def test_client_uses_engines_as_the_original(case: Case, start: Start, engine: Workdir) -> None:
    compare_clients(start, case, engine)


server = partial(Case, talk=AHOY, env=ENGINES)

SERVER = (
    server("by_id", f"{RSA} -engine testengine", 'Engine "testengine" set.'),
    server("not_there", f"{RSA} -engine nonsense -verify 1", 'Invalid engine "nonsense"'),
    server("key", f"{RSA} {ENGINE_KEY}", "CIPHER is"),
    server("key_1_2", f"{RSA} {ENGINE_KEY}", "CIPHER is", peer="-tls1_2"),
    server("async_without_engine", f"{RSA} -async", "CIPHER is"),
)


@each(SERVER)
def test_server_uses_engines_as_the_original(case: Case, start: Start, engine: Workdir) -> None:
    compare_servers(start, case, engine)


CLIENT_ALONE = (
    client(
        "client_engine_not_there",
        "-ssl_client_engine nonsense",
        "Error getting client auth engine",
        1,
        talk=(),
    ),
    client("client_engine_without_certificates", "-ssl_client_engine plain", "no client cert method", 1),
    client(
        "client_engine_unusable", "-ssl_client_engine dynamic", "Error setting client auth engine", 1, talk=()
    ),
    client("client_engine_all", "-ssl_client_engine auto", "Error getting client auth engine", 1, talk=()),
    client("engine_without_keys", "-engine plain -keyform ENGINE -key a", "no load function", 1, talk=()),
    client(
        "no_such_key", f"-cert rsa.pem {ENGINE_KEY} -key nonsense", "Could not read client certificate", 1
    ),
    client(
        "no_engine", "-cert rsa.pem -keyform ENGINE -key a", "No engine specified for loading", 1, talk=()
    ),
    client(
        "failed_engine", "-engine nonsense -cert rsa.pem -keyform ENGINE", "No engine specified", 1, talk=()
    ),
)
SERVER_ALONE = (
    server("engine_without_keys", "-engine plain -keyform ENGINE -cert rsa.pem", "no load function", talk=()),
    server(
        "no_such_key",
        f"-cert rsa.pem {ENGINE_KEY} -key nonsense",
        "Could not read server certificate",
        talk=(),
    ),
    server("no_engine", "-cert rsa.pem -keyform ENGINE -key a", "No engine specified for loading", talk=()),
)


@pytest.mark.parametrize(
    "name, case",
    [("s_client", case) for case in CLIENT_ALONE] + [("s_server", case) for case in SERVER_ALONE],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_engines_that_are_of_no_use_end_it_as_in_the_original(
    name: str, case: Case, start: Start, engine: Workdir
) -> None:
    original = play_alone(start, OPENSSL, name, case, engine("original"))
    assert case.shows in original.tested.err
    assert original.tested.code == 1
    assert_same(play_alone(start, OURS, name, case, engine("ours")), original)


ASYNC_CLIENTS = (
    f"-cert client.pem -key client.key {ENGINE_KEY} -async",
    f"-cert client.pem -key client.key {ENGINE_KEY} -async -tls1_2",
    "-ssl_client_engine testengine -async",
)


@pytest.mark.parametrize("options", ASYNC_CLIENTS)
def test_client_waits_for_an_engine_that_works_on(options: str, start: Start, engine: Workdir) -> None:
    """How often the original asks in the meantime is chance: each time is a line."""
    case = client("async", f"{options} -brief", "testengine: resumed", 0)
    original = play_client(start, OPENSSL, case, engine("original"))
    ours = play_client(start, OURS, case, engine("ours"))
    assert "testengine: resumed when it was done" in ours.tested.err
    assert ours.tested.err == original.tested.err
    assert ours.tested.out == original.tested.out
    assert ours.partner == original.partner


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_server_waits_for_an_engine_that_works_on(version: str, start: Start, engine: Workdir) -> None:
    """The original does not: it asks again and again."""
    case = server("async", f"{RSA} {ENGINE_KEY} -async", "CIPHER is", peer=version)
    original = play_server(start, OPENSSL, case, engine("original"))
    ours = play_server(start, OURS, case, engine("ours"))
    assert ours.tested.err == original.tested.err.replace("too early", "when it was done")
    assert "resumed when it was done" in ours.tested.err
    assert ours.tested.out == original.tested.out
    assert ours.partner == original.partner


def test_web_server_waits_for_an_engine_that_works_on(start: Start, run: Run, engine: Workdir) -> None:
    directory = engine("ours")
    web = start_server(start, OURS, f"{RSA} {ENGINE_KEY} -async -www -naccept 1", directory, ENGINES)
    got = run(["curl", "-sS", "--cacert", "root.pem", f"https://{web.address}/"], cwd=directory)
    assert "TLS_AES_256_GCM_SHA384" in got.out
    assert "testengine: resumed" in web.process.finish().err
