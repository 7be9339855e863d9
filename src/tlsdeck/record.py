"""Frozen, slotted value classes without the start-up cost of `dataclasses`.

`@dataclass(frozen=True, slots=True)` would say the same. Importing `dataclasses` (which pulls in `inspect`,
`ast`, `re` and `tokenize`) and compiling each class costs about as long as the rest of `s_client` takes to start,
so the same contract stands here in one small base class: annotated fields, positional or keyword
arguments, defaults, equality, hashing, `repr`, no assignment after construction.

Type checkers see a dataclass, through `typing.dataclass_transform`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, Self, dataclass_transform
else:

    def dataclass_transform(**_: object) -> Callable[[type], type]:
        return lambda cls: cls


class _RecordType(type):
    _setters: tuple[Callable[[Any, object], None], ...]

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _RecordType:
        own = tuple(namespace.get("__annotations__", ()))
        inherited = tuple(field for base in bases for field in getattr(base, "_fields", ()))
        defaults = {field: value for base in bases for field, value in getattr(base, "_defaults", {}).items()}
        defaults.update({field: namespace.pop(field) for field in own if field in namespace})
        namespace["__slots__"] = own
        namespace["_fields"] = inherited + own
        namespace["_defaults"] = defaults
        namespace["__match_args__"] = inherited + own
        return super().__new__(cls, name, bases, namespace)

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> None:
        super().__init__(name, bases, namespace)
        # A slot's own setter passes by __setattr__, which refuses.
        cls._setters = tuple(getattr(cls, field).__set__ for field in namespace["_fields"])


@dataclass_transform(frozen_default=True)
class Record(metaclass=_RecordType):
    """A value: its class and its fields are all there is to it."""

    # Set by the metaclass: every field's name in order, the defaults of some, and what sets each.
    if TYPE_CHECKING:
        _fields: ClassVar[tuple[str, ...]]
        _defaults: ClassVar[dict[str, Any]]
        _setters: ClassVar[tuple[Callable[[Any, object], None], ...]]

    def __init__(self, *args: object, **kwargs: object) -> None:
        if kwargs or len(args) != len(self._fields):
            # Most are made with all fields by name, in their order.
            in_order = not args and tuple(kwargs) == self._fields
            args = tuple(kwargs.values()) if in_order else self._arguments(args, kwargs)
        for set_field, value in zip(self._setters, args, strict=True):
            set_field(self, value)

    def _arguments(self, args: tuple[object, ...], kwargs: dict[str, object]) -> tuple[object, ...]:
        """All fields' values in order, with the defaults filled in."""
        fields, name = self._fields, type(self).__name__
        if len(args) > len(fields):
            raise TypeError(f"{name} has {len(fields)} fields, {len(args)} were given")
        given = dict(zip(fields, args, strict=False))
        wrong = [field for field in kwargs if field in given or field not in fields]
        values = {**self._defaults, **given, **kwargs}
        missing = [field for field in fields if field not in values]
        if wrong or missing:
            raise TypeError(f"{name}: missing, unknown or repeated: {', '.join(wrong + missing)}")
        return tuple([values[field] for field in fields])

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{field}={getattr(self, field)!r}" for field in self._fields)
        return f"{type(self).__name__}({fields})"

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, field) for field in self._fields)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed, as `dataclasses.replace`."""
        return type(self)(**{**dict(zip(self._fields, self._values(), strict=True)), **changes})

    def as_dict(self) -> dict[str, Any]:
        """Field names to values, in order of declaration."""
        return dict(zip(self._fields, self._values(), strict=True))
