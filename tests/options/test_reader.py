from __future__ import annotations

from collections.abc import Callable

import pytest

from tlsdeck.errors import UsageError
from tlsdeck.options import Clash, Operand, Options, Rule, Section, read
from tlsdeck.options.kinds import Only
from tlsdeck.options.rows import flag, integer, string, strings


class Plain(Section):
    title = "Plain"

    help: bool = flag("Help", also="h", stops=True)
    quiet: bool = flag("Quiet", keep=True)
    brief: bool = flag("Brief", quiet=True)
    keep: bool = flag("Keep")
    no_keep: bool = flag("Do not keep", keep=False)
    there: str | None = string("Where")
    level: int | None = integer("Level", only=Only((1, 2), "{program}: not {value}", hint=True))
    each: list[str] = strings("Each", name="each-one")
    exotic: bool = flag("Exotic", requires="a_symbol")


class Conf(Section):
    title = "Conf"
    conf = True

    cipher: str | None = string("Cipher")
    bugs: bool = flag("Bugs", flags=("FLAG_A", "FLAG_B"))


class Simple(Plain, Conf, Options):
    operand = Operand("where", "Where", "there", "{program}: twice")
    clashes = (Clash(("keep",), ("no_keep",), "{program}: clash"),)
    rules = (
        Rule(("brief",), ("there",), "{program}: brief there", hint=True),
        Rule(("bugs",), ("cipher", "keep"), "bugs alone", needed=True),
    )


class Strict(Plain, Options):
    pass


def simple(*argv: str, has: Callable[[str], bool] = lambda _: False) -> Simple:
    return read(Simple, argv, program="prog", has=has)


def complaint(*argv: str) -> tuple[str, bool]:
    with pytest.raises(UsageError) as raised:
        simple(*argv)
    return raised.value.message, raised.value.hint


def test_nothing_given() -> None:
    options = simple()
    assert options.given == []
    assert (options.quiet, options.there, options.level, options.each) == (False, None, None, [])


@pytest.mark.parametrize("argv", [["-there", "x"], ["--there", "x"], ["-there=x"], ["--there=x"]])
def test_value_forms(argv: list[str]) -> None:
    assert simple(*argv).there == "x"


@pytest.mark.parametrize("value", ["", "-keep", "--", "a=b", "="])
def test_value_is_taken_blindly(value: str) -> None:
    assert simple("-there", value).there == value
    assert simple(f"-there={value}").there == value


def test_last_one_wins() -> None:
    assert simple("-there", "x", "-there", "y").there == "y"


def test_lists_accumulate_in_order() -> None:
    assert simple("-each-one", "b", "-each-one=a").each == ["b", "a"]


def test_option_makes_its_assignments_in_order() -> None:
    assert simple("-quiet").keep
    assert not simple("-quiet", "-no_keep").keep
    assert simple("-no_keep", "-quiet").keep
    assert simple("-brief").quiet


@pytest.mark.parametrize(
    "argv, message",
    [
        (["-foo"], "prog: Unknown option: -foo"),
        (["--foo"], "prog: Unknown option: -foo"),
        (["---foo"], "prog: Unknown option: --foo"),
        (["-foo=1"], "prog: Unknown option: -foo"),
        (["-"], "prog: Unknown option: -"),
        (["-Quiet"], "prog: Unknown option: -Quiet"),
        (["-qui"], "prog: Unknown option: -qui"),
        (["-each"], "prog: Unknown option: -each"),
        (["-exotic"], "prog: Unknown option: -exotic"),
        (["-there"], "prog: Option -there needs a value"),
        (["-quiet="], "prog: Option -quiet does not take a value"),
        (["-help=x"], "prog: Option -help does not take a value"),
        (["-level", "x"], 'prog: Can\'t parse "x" as a number'),
        (["-level", "3"], "prog: not 3"),
        (["a", "b"], ""),
        (["a", "-quiet"], ""),
        (["--", "a", "b"], ""),
        (["-there", "a", "b"], "prog: twice"),
        (["-foo", "-level", "x"], "prog: Unknown option: -foo"),
        (["-brief", "-there", "x"], "prog: brief there"),
        (["-brief", "x"], "prog: brief there"),
    ],
)
def test_complaints_with_hint(argv: list[str], message: str) -> None:
    assert complaint(*argv) == (message, True)


def test_complaints_without_hint() -> None:
    assert complaint("-no_keep", "-keep", "-foo") == ("prog: clash", False)
    assert complaint("-bugs") == ("bugs alone", False)


def test_clash_is_about_order_and_rule_is_not() -> None:
    assert simple("-keep", "-no_keep").keep is False
    assert simple("-bugs", "-cipher", "x").bugs
    assert simple("-bugs", "-quiet").bugs


def test_rule_counts_an_empty_value_as_given() -> None:
    assert complaint("-brief", "-there", "") == ("prog: brief there", True)


def test_program_without_operand_takes_no_words() -> None:
    with pytest.raises(UsageError) as raised:
        read(Strict, ["x"], program="prog", has=lambda _: True)
    assert (raised.value.message, raised.value.hint) == ("", True)


@pytest.mark.parametrize("argv", [["here"], ["--", "here"], ["-quiet", "here"]])
def test_operand(argv: list[str]) -> None:
    assert simple(*argv).there == "here"


def test_double_dash_ends_the_options() -> None:
    assert simple("--", "-quiet").there == "-quiet"
    assert simple("--").there is None


@pytest.mark.parametrize("word", ["-help", "--help", "-h"])
def test_help_ends_reading(word: str) -> None:
    options = simple("-keep", word, "-foo", "a", "b")
    assert options.help
    assert options.keep


def test_help_comes_too_late_after_a_mistake() -> None:
    assert complaint("-foo", "-help")[0] == "prog: Unknown option: -foo"
    assert complaint("x", "-help") == ("", True)


def test_requires() -> None:
    asked: list[str] = []

    def has(symbol: str) -> bool:
        asked.append(symbol)
        return True

    assert simple("-exotic", "-quiet", has=has).exotic
    assert asked == ["a_symbol"]


def test_given_keeps_the_order_of_the_line() -> None:
    options = simple("-cipher", "x", "-keep", "--bugs", "-cipher=y", "where")
    assert [(given.row.name, given.value) for given in options.given] == [
        ("cipher", "x"),
        ("keep", None),
        ("bugs", None),
        ("cipher", "y"),
    ]
    assert options.conf_commands() == [("cipher", "x"), ("bugs", None), ("cipher", "y")]
    assert [given.row.name for given in options.given_in(Plain)] == ["keep"]
    assert [given.row.name for given in options.given_in(Conf)] == ["cipher", "bugs", "cipher"]
    assert options.verify_flags() == ["FLAG_A", "FLAG_B"]


def test_was_given() -> None:
    options = simple("-there", "x", "-keep", "-quiet")
    assert options.was_given("keep")
    assert options.was_given("brief", "quiet")
    assert not options.was_given("brief")
    assert options.was_given("there", before="keep")
    assert not options.was_given("quiet", before="keep")
    assert options.was_given("quiet", before="brief")
    assert not options.was_given("keep", before="keep")


def test_number_keeps_the_text_it_was_given_as() -> None:
    options = simple("-level", "0x2")
    assert options.level == 2
    assert options.given[0].value == "0x2"
