"""docs/json-schema.json: the JSON Schema (draft 2020-12) of what -json prints.

It is read from the events: classes, annotations, docstrings, and the comments behind fields; and from the tables in
output/jsonl.py that say what JSON adds and leaves out.
"""

from __future__ import annotations

import inspect
import json
import re
import typing
from types import NoneType, UnionType

from tlsdeck import events
from tlsdeck.events import ErrorLine, Event
from tlsdeck.output.jsonl import ASKED, EXTRAS, LEFT_OUT, MERGED, SILENT, SPARSE, STACK
from tlsdeck.record import Record

Schema = dict[str, typing.Any]

PLAIN: dict[object, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    bytes: {"type": "string", "pattern": "^([0-9a-f]{2})*$"},
    NoneType: {"type": "null"},
}
HEAD: Schema = {
    "time": {"type": "number", "minimum": 0, "description": "seconds since the start of the run"},
    "connection": {"type": "integer", "minimum": 1, "description": "its number, where there are several"},
}


def schema() -> Schema:
    """The whole schema."""
    told = [kind for kind in subclasses(Event) if kind not in SILENT]
    definitions: Schema = {}
    for kind in told:
        definitions[kind.__name__] = record(kind, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of what tlsdeck prints with -json",
        "oneOf": [reference(kind) for kind in told],
        "$defs": dict(sorted(definitions.items())),
    }


def subclasses(kind: type[Record]) -> list[type[Record]]:
    """Those of events.py, in its order."""
    return [
        each
        for each in vars(events).values()
        if inspect.isclass(each) and issubclass(each, kind) and each is not kind
    ]


def record(kind: type[Record], definitions: Schema) -> Schema:
    """The object that is made of a record of this class. Records inside of it are added to `definitions`."""
    members = fields(kind, definitions)
    optional = {name for name in members if (kind, name) in ASKED or name in SPARSE.get(kind, ())}
    if issubclass(kind, Event):
        members = {"event": {"const": kind.__name__}, **HEAD, **members}
        optional.add("connection")
    return {
        "description": description(kind),
        "type": "object",
        "properties": members,
        "required": [name for name in members if name not in optional],
        "additionalProperties": False,
    }


def description(kind: type[Record]) -> str:
    """The docstring without the sentences on what JSON leaves out."""
    sentences = re.split(r"(?<=[.]) (?=[A-Z`])", " ".join((inspect.getdoc(kind) or "").split()))
    left_out = [f"`{name}`" for name in LEFT_OUT.get(kind, ())]
    return in_json(" ".join(each for each in sentences if not any(name in each for name in left_out)))


def in_json(text: str) -> str:
    """Python's words in JSON's."""
    return re.sub(r"\bNone\b", "null", text)


def fields(kind: type[Record], definitions: Schema) -> Schema:
    """The members that a record's fields become."""
    hints, comments = typing.get_type_hints(kind), remarks(kind)
    if STACK in hints:
        hints[STACK] = tuple[ErrorLine, ...]
    members = {
        name: {} if name == MERGED else value(hints[name], definitions) | comments.get(name, {})
        for name in kind._fields
        if name not in LEFT_OUT.get(kind, ())
    }
    if kind in EXTRAS:
        extra = EXTRAS[kind]
        members[extra.__name__] = {
            **value(typing.get_type_hints(extra)["return"], definitions),
            "description": (inspect.getdoc(extra) or "").rstrip("."),
        }
    if members.pop(MERGED, None) is not None:
        members |= fields(typing.get_args(hints[MERGED])[0], definitions)
    return members


def remarks(kind: type[Record]) -> dict[str, Schema]:
    """The comments behind fields in the source."""
    found = re.findall(r"^    (\w+): .*?  # (.*)$", inspect.getsource(kind), re.MULTILINE)
    return {name: {"description": in_json(comment)} for name, comment in found}


def value(hint: typing.Any, definitions: Schema) -> Schema:
    """The schema of a field's type."""
    if hint in PLAIN:
        return PLAIN[hint]
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        if arguments[-1] is not Ellipsis:
            return {"type": "array", "prefixItems": [value(each, definitions) for each in arguments]}
        return {"type": "array", "items": value(arguments[0], definitions)}
    if len(arguments) == 2 and arguments[0] in PLAIN and arguments[1] is NoneType:
        return {**PLAIN[arguments[0]], "type": [PLAIN[arguments[0]]["type"], "null"]}
    if typing.get_origin(hint) in {UnionType, typing.Union}:
        return {"anyOf": [value(each, definitions) for each in arguments]}
    if hint.__name__ not in definitions:
        definitions[hint.__name__] = {}  # for a record that holds others of its class
        definitions[hint.__name__] = record(hint, definitions)
    return reference(hint)


def reference(kind: type[Record]) -> Schema:
    return {"$ref": f"#/$defs/{kind.__name__}"}


def text() -> str:
    """What the file holds."""
    return json.dumps(schema(), indent=2) + "\n"
