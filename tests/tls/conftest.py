"""What these tests share: the PKI's files in one directory, and pairs of connections over memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from support.pki import populate
from tls.pairs import Pair, server_settings
from tlsdeck.tls.context import Context
from tlsdeck.tls.settings import Settings

MakePair = Callable[..., Pair]
Serving = Callable[..., Settings]


@pytest.fixture(scope="session")
def files(pki: Mapping[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with all files of the PKI; only to be read."""
    return populate(tmp_path_factory.mktemp("pki"), dict(pki))


@pytest.fixture
def serving(pki: Mapping[str, bytes]) -> Serving:
    """Settings of a server with an identity of the PKI: `serving("ecdsa", alpn=...)`."""
    return lambda name="rsa", **fields: server_settings(pki, name, **fields)


@pytest.fixture
def pair(serving: Serving) -> MakePair:
    """A client and a server of these settings, `pair(client, server)`, driven until both are done."""

    def make(
        client: Settings | Context | None = None,
        server: Settings | Context | None = None,
        **of_client: object,
    ) -> Pair:
        made = Pair(client or Settings(server=False), server or serving(), **of_client)  # type: ignore[arg-type]
        made.shake()
        return made

    return make
