"""`make demo` shows the main job, and is not fooled."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from support.fixtures import Run

DEMO = [sys.executable, "-W", "error", str(Path(__file__).parents[1] / "tools" / "demo.py")]


def test_demo_passes(run: Run, tmp_path: Path) -> None:
    finished = run(DEMO, cwd=tmp_path)
    assert finished.code == 0, finished.out + finished.err
    assert finished.err == ""
    assert "New, TLSv1.3, Cipher is " in finished.out
    assert finished.out.splitlines()[-1].startswith("demo   # passed")
    assert list(tmp_path.iterdir()) == []


def test_demo_fails_when_the_words_do_not_arrive(run: Run, tmp_path: Path) -> None:
    """Programs that print all the right lines and carry no data."""
    impostors = {
        "echoes_its_own_input": "print('ACCEPT 127.0.0.1:1\\nSSL handshake has read', flush=True)\nprint(input())",
        "ends_at_once": "",
        "fails": "raise SystemExit(3)",
    }
    for name, code in impostors.items():
        package = tmp_path / name / "tlsdeck"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "__main__.py").write_text(code)
        finished = run(DEMO, env={"PYTHONPATH": os.pathsep.join([str(package.parent)])})
        assert finished.code == 1, name
        assert "FAILED" in finished.out
        assert "passed" not in finished.out
