"""What -json prints, checked against the committed schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FILE = Path(__file__).parents[2] / "docs" / "json-schema.json"

Told = dict[str, Any]


def told(output: str) -> list[Told]:
    """The objects of JSON Lines, each valid by the schema."""
    assert output.endswith("\n")
    return [valid(json.loads(line)) for line in output.splitlines()]


def valid(found: Told) -> Told:
    """The object itself; an error that says where it is wrong, rather than that it fits none of many."""
    whole = json.loads(FILE.read_text())
    assert {"$ref": f"#/$defs/{found['event']}"} in whole["oneOf"], found["event"]
    del whole["oneOf"]
    errors = Draft202012Validator({**whole, "$ref": f"#/$defs/{found['event']}"}).iter_errors(found)
    assert not [f"{found['event']}, {error.json_path}: {error.message}" for error in errors]
    return found
