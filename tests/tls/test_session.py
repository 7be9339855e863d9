from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tls.pairs import TLS12, Pair, client_settings, only
from tlsdeck.errors import ConfigurationError
from tlsdeck.tls.session import load_session

MakePair = Callable[..., Pair]


def test_load_session_reads_what_a_connection_wrote(pair: MakePair, tmp_path: Path) -> None:
    both = pair(client_settings(**only(TLS12)))
    pem = both.client.session_pem()
    assert pem.startswith("-----BEGIN SSL SESSION PARAMETERS-----\n")
    path = tmp_path / "session.pem"
    path.write_text(f"a comment\n{pem}")
    session = load_session(str(path))
    assert session.info.pem == pem
    assert session.info.text == both.client.summary().session
    assert "Protocol  : TLSv1.2" in session.info.text


@pytest.mark.parametrize(
    "content", [None, b"", b"nonsense\n", b"-----BEGIN SSL SESSION PARAMETERS-----\nAAAA\n"]
)
def test_load_session_of_anything_else_is_an_error(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "session.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as raised:
        load_session(str(path))
    assert raised.value.message == f"Can't open session file {path}"
    assert raised.value.stack


def test_load_session_refuses_nul() -> None:
    with pytest.raises(ValueError, match="NUL"):
        load_session("a\0b")
