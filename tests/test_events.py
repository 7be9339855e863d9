"""Every event is plain data: it can be kept, compared and printed long after its connection is gone."""

from __future__ import annotations

import inspect
import typing

import pytest

from support.records import make
from tlsdeck import events
from tlsdeck.events import Event
from tlsdeck.record import Record

RECORDS = sorted(
    (
        each
        for each in vars(events).values()
        if isinstance(each, type) and issubclass(each, Record) and each not in {Record, Event}
    ),
    key=lambda each: each.__name__,
)
EVENTS = [each for each in RECORDS if issubclass(each, Event)]
PLAIN = {str, int, float, bytes, bool, type(None)}

every_record = pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
every_event = pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)


def parts(hint: object) -> set[object]:
    """What a field's type is made of, down to classes."""
    arguments = typing.get_args(hint)
    return {part for each in arguments for part in parts(each)} if arguments else {hint}


def test_there_are_events() -> None:
    assert len(EVENTS) > 30


@every_record
def test_every_record_has_a_docstring_of_its_own(kind: type[Record]) -> None:
    assert kind.__dict__.get("__doc__")
    assert inspect.getdoc(kind) != inspect.getdoc(Record)


@every_record
def test_every_record_holds_plain_data_only(kind: type[Record]) -> None:
    hints = typing.get_type_hints(kind)
    for name in kind._fields:
        assert parts(hints[name]) - {Ellipsis} <= PLAIN | set(RECORDS), name


@every_record
def test_every_record_is_frozen_and_comparable(kind: type[Record]) -> None:
    one, other = make(kind), make(kind)
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one) == repr(other)
    for name in (*kind._fields, "something_else"):
        with pytest.raises(AttributeError):
            setattr(one, name, None)


@every_event
def test_every_event_can_be_kept(kind: type[Record]) -> None:
    event = make(kind)
    assert eval(repr(event), vars(events)) == event  # noqa: S307
