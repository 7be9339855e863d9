"""The committed schema is the one that the sources give, and it says what it should."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from jsonschema import Draft202012Validator

from support.schema import FILE

TOOL = Path(__file__).parents[1] / "tools" / "json_schema.py"
MANUAL = FILE.with_name("json.md")
PRINT = "import runpy, sys; sys.stdout.write(runpy.run_path(sys.argv[1])['text']())"


def test_schema_is_current() -> None:
    made = subprocess.run(
        [sys.executable, "-c", PRINT, str(TOOL)], capture_output=True, text=True, check=True, timeout=20
    ).stdout
    assert made == FILE.read_text(), "run tools/json_schema.py"


def test_schema_is_one() -> None:
    schema = json.loads(FILE.read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    line = {"event": "DataReceived", "time": 0.5, "data": "00ff"}
    assert validator.is_valid(line)
    assert validator.is_valid({**line, "connection": 1})
    for wrong in ({"data": "0G"}, {"time": "now"}, {"event": "Unknown"}, {"more": 1}, {"connection": 0}):
        assert not validator.is_valid({**line, **wrong}), wrong
    assert not validator.is_valid({"event": "DataReceived", "time": 0.5})


def test_every_record_and_every_field_of_the_summary_is_in_the_manual() -> None:
    schema, manual = json.loads(FILE.read_text()), MANUAL.read_text()
    told = [each["$ref"].rpartition("/")[2] for each in schema["oneOf"]]
    parts = [
        name
        for kind in ("Summarized", "Summary", "Certificate")
        for name in schema["$defs"][kind]["properties"]
    ]
    assert [name for name in (*told, *parts) if f"`{name}`" not in manual and name != "connection"] == []


def test_every_object_is_described() -> None:
    for name, definition in json.loads(FILE.read_text())["$defs"].items():
        assert len(definition["description"]) > 10, name
