from __future__ import annotations

import pytest

from tlsdeck.record import Record


class Point(Record):
    x: int
    y: int = 2


class Named(Point):
    name: str = "origin"


class Other(Record):
    x: int
    y: int = 2


def test_record_takes_fields_by_position_and_by_name() -> None:
    assert (Point(1).x, Point(1).y) == (1, 2)
    assert Point(1, 3) == Point(x=1, y=3) == Point(1, y=3)


def test_record_inherits_fields_and_defaults() -> None:
    assert Named(1).as_dict() == {"x": 1, "y": 2, "name": "origin"}
    assert Named(1, 3, "p") == Named(name="p", y=3, x=1)


@pytest.mark.parametrize(
    "args, kwargs, message",
    [
        ((), {}, "Point: missing, unknown or repeated: x"),
        ((1, 2, 3), {}, "Point has 2 fields, 3 were given"),
        ((1,), {"z": 3}, "Point: missing, unknown or repeated: z"),
        ((1,), {"x": 1}, "Point: missing, unknown or repeated: x"),
        ((), {"y": 1, "z": 3}, "Point: missing"),
    ],
)
def test_record_refuses_other_arguments(args: tuple[int, ...], kwargs: dict[str, int], message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        Point(*args, **kwargs)


def test_record_cannot_be_changed() -> None:
    point = Point(1)
    with pytest.raises(AttributeError, match=r"^Point\.x cannot be changed$"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match=r"^Point\.x cannot be deleted$"):
        del point.x
    with pytest.raises(AttributeError, match=r"^Point\.z cannot be changed$"):
        setattr(point, "z", 2)  # noqa: B010
    assert point == Point(1)


def test_record_has_no_dictionary() -> None:
    assert not hasattr(Point(1), "__dict__")
    assert not hasattr(Named(1), "__dict__")


def test_record_is_equal_by_class_and_fields() -> None:
    assert Point(1) == Point(1)
    assert Point(1) != Point(2)
    assert Point(1) != Other(1)
    assert Point(1) != Named(1)
    assert Point(1) != (1, 2)


def test_record_is_hashed_as_it_compares() -> None:
    assert {Point(1), Point(1), Point(1, 3), Other(1)} == {Point(1), Point(1, 3), Other(1)}
    assert hash(Point(1)) == hash(Point(1))


def test_record_shows_its_fields() -> None:
    assert repr(Named(1)) == "Named(x=1, y=2, name='origin')"


def test_record_replace_gives_a_changed_copy() -> None:
    point = Named(1)
    assert point.replace(y=5) == Named(1, 5)
    assert point == Named(1)
    with pytest.raises(TypeError, match=r"^Named: missing, unknown or repeated: z$"):
        point.replace(z=1)


def test_record_matches_by_position() -> None:
    match Named(1, 2, "p"):
        case Named(x, y, name):
            assert (x, y, name) == (1, 2, "p")
