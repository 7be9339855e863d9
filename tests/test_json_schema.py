"""The schema of -json says what it should. That it is current: docs/test_generated.py."""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from support.schema import FILE

MANUAL = FILE.with_name("json.md")


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
