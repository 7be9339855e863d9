"""An engine for tests, compiled of testengine.c."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support.programs import need

# Where libcrypto looks for engines: the working directory.
ENGINES = {"OPENSSL_ENGINES": "."}


def build_engine(directory: Path) -> Path:
    """Compiles the engine; its module."""
    need("cc")
    module = directory / "testengine.so"
    source = Path(__file__).with_name("testengine.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", module, source, "-lcrypto"], check=True)
    return module
