from __future__ import annotations

from tlsdeck.options import Options, Section, kinds
from tlsdeck.options.rows import Row, flag, positive, string, strings


class Fruit(Section):
    title = "Fruit"

    apple: bool = flag("An apple", pear=True)
    pear: bool = flag("A pear", name="4", also="p")
    size: int = positive("Size in mm; default 70", default=70)


class Bread(Section):
    title = "Bread"
    conf = True

    slices: list[str] = strings("A slice")
    kind: str | None = string("Which", hidden=True)


class Meal(Bread, Fruit, Options):
    pass


def test_row_knows_its_place() -> None:
    apple, pear, size = Fruit.own_rows
    assert [row.attribute for row in Fruit.own_rows] == ["apple", "pear", "size"]
    assert [row.name for row in Fruit.own_rows] == ["apple", "4", "size"]
    assert apple.section is Fruit
    assert apple.sets == {"pear": True}
    assert (size.kind, size.default) == (kinds.POSITIVE, 70)
    assert not pear.conf
    assert all(row.conf for row in Bread.own_rows)
    assert repr(pear) == "<Row -4>"


def test_row_usage() -> None:
    assert [row.usage for row in Fruit.own_rows] == ["-apple", "-4", "-size +int"]
    assert [row.takes_value for row in Fruit.own_rows] == [False, False, True]


def test_section_leaves_defaults_in_place_of_rows() -> None:
    meal = Meal()
    assert (meal.apple, meal.pear, meal.size, meal.slices, meal.kind) == (False, False, 70, [], None)


def test_lists_are_not_shared() -> None:
    assert Meal().slices is not Meal().slices


def test_program_has_the_rows_of_its_bases_in_order() -> None:
    assert Meal.sections() == [Bread, Fruit]
    assert [row.attribute for row in Meal.rows] == ["slices", "kind", "apple", "pear", "size"]
    assert Meal.by_name["4"] is Meal.by_name["p"]
    assert "pear" not in Meal.by_name
    assert all(isinstance(row, Row) for row in Meal.rows)
