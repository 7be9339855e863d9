from __future__ import annotations

import pytest

from tlsdeck.errors import ConfigurationError
from tlsdeck.native import has
from tlsdeck.tls import engines


def test_engines_are_there_or_the_options_are_not() -> None:
    assert has("ENGINE_by_id") == has("ENGINE_load_private_key") == has("SSL_CTX_set_client_cert_engine")


def test_an_engine_that_is_not_there_is_an_error_that_says_so() -> None:
    with pytest.raises(ConfigurationError, match='Invalid engine "nonsense"') as raised:
        engines.use("nonsense")
    assert "no such engine" in "".join(raised.value.stack)
    assert engines.default() is None
