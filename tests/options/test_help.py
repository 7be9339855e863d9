from __future__ import annotations

from tlsdeck.options import Operand, Options, Section, help_text
from tlsdeck.options.rows import flag, positive, string


class First(Section):
    title = "First"

    help: bool = flag("Print this")
    secret: bool = flag("Not listed", hidden=True)
    exotic: bool = flag("Only with the symbol", requires="a_symbol")


class Second(Section):
    title = "Second"

    number: int | None = positive("How many")


class SecondToo(Section):
    title = "Second"

    dash: str | None = string("With a dash", name="a-dash")


class Nothing(Section):
    title = "Nothing"

    gone: bool = flag("Gone", hidden=True)


class Again(Section):
    title = "First"

    last: bool = flag("Last")


class Program(First, Second, SecondToo, Nothing, Again, Options):
    operand = Operand("target", "The target", "dash", "")


class Wide(Again, Options):
    pass


class Long(Section):
    title = "Long"

    an_option_of_28_letters_wow_: bool = flag("On the next line")
    an_option_of_27_letters_wow: bool = flag("Beside")
    x: bool = flag("Short")


class Wider(Long, Options):
    pass


def test_help_text() -> None:
    assert help_text(Program, "prog", has=lambda _: False) == (
        "Usage: prog [options] [target]\n"
        "\n"
        "First options:\n"
        " -help         Print this\n"
        "\n"
        "Second options:\n"
        " -number +int  How many\n"
        " -a-dash val   With a dash\n"
        "\n"
        "First options:\n"
        " -last         Last\n"
        "\n"
        "Parameters:\n"
        " target        The target\n"
    )


def test_help_text_lists_what_the_library_can_do() -> None:
    asked: set[str] = set()

    def has(symbol: str) -> bool:
        asked.add(symbol)
        return True

    assert " -exotic       Only with the symbol\n" in help_text(Program, "prog", has=has)
    assert asked == {"a_symbol"}


def test_help_text_without_operand() -> None:
    assert help_text(Wide, "prog", has=lambda _: True) == (
        "Usage: prog [options]\n\nFirst options:\n -last  Last\n"
    )


def test_help_text_of_a_long_option_goes_on_the_next_line() -> None:
    assert help_text(Wider, "prog", has=lambda _: True) == (
        "Usage: prog [options]\n"
        "\n"
        "Long options:\n"
        " -an_option_of_28_letters_wow_\n"
        f"{'':30}  On the next line\n"
        " -an_option_of_27_letters_wow   Beside\n"
        " -x                             Short\n"
    )
