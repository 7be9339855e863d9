"""The types of what the fixtures of conftest.py give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.programs import Finished, Running

Start = Callable[..., Running]
Run = Callable[..., Finished]
Workdir = Callable[[str], Path]
