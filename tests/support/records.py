"""A value for every kind of record, made from its annotations."""

from __future__ import annotations

import typing

from tlsdeck.record import Record


def sample(hint: object) -> object:
    """A value of a field's type."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return tuple(sample(each) for each in arguments if each is not Ellipsis)
    if arguments:
        return sample(arguments[0])
    assert isinstance(hint, type)
    return make(hint) if issubclass(hint, Record) else hint()


def make(kind: type[Record]) -> Record:
    """A record with a value in every field."""
    return kind(
        **{name: sample(hint) for name, hint in typing.get_type_hints(kind).items() if name in kind._fields}
    )
