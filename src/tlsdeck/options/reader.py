"""Reading a command line in the manner of the OpenSSL programs.

`-x` and `--x` are the same, a value is the next word or follows `=`, names are neither shortened nor bundled,
`--` or the first word without a dash ends the options. Messages are those of OpenSSL 3.0.
"""

from __future__ import annotations

from tlsdeck.errors import UsageError
from tlsdeck.options.rows import Section
from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, ClassVar, TypeVar

    from tlsdeck.options.rows import Clash, Operand, Row, Rule

    T = TypeVar("T", bound="Options")


class Given(Record):
    """An option of the command line and the text of its value, None for a flag."""

    row: Row
    value: str | None


class Options:
    """The settings of a program, whose bases are its sections in the order of -help and then this class."""

    rows: ClassVar[tuple[Row, ...]] = ()
    by_name: ClassVar[dict[str, Row]] = {}
    clashes: ClassVar[tuple[Clash, ...]] = ()
    rules: ClassVar[tuple[Rule, ...]] = ()
    operand: ClassVar[Operand | None] = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.rows = tuple(row for section in cls.sections() for row in section.own_rows)
        cls.by_name = {name: row for row in cls.rows for name in (row.name, row.also) if name}

    def __init__(self) -> None:
        self.given: list[Given] = []
        for row in self.rows:
            if row.repeated:
                setattr(self, row.attribute, [])

    @classmethod
    def sections(cls) -> list[type[Section]]:
        """The sections in the order of -help."""
        return [base for base in cls.__bases__ if issubclass(base, Section)]

    def given_in(self, section: type[Section]) -> list[Given]:
        """What was given of one section, in the order of the command line."""
        return [given for given in self.given if given.row.section is section]

    def was_given(self, *names: str, before: str | None = None) -> bool:
        """Whether one of these options was given, ahead of the first `before` if that is named."""
        for given in self.given:
            if given.row.name == before:
                return False
            if given.row.name in names:
                return True
        return False

    def conf_commands(self) -> list[tuple[str, str | None]]:
        """Names (without the dash) and values for SSL_CONF_cmd(3), in the order of the command line."""
        return [(given.row.name, given.value) for given in self.given if given.row.conf]

    def verify_flags(self) -> list[str]:
        """The X509_V_FLAG_... constants that were asked for, in the order of the command line."""
        return [flag for given in self.given for flag in given.row.flags]


def read(table: type[T], argv: Sequence[str], *, program: str, has: Callable[[str], bool]) -> T:
    """Read the words after the program's name into the settings of `table`.

    `has` says whether the linked libraries have a symbol, for the rows that require one. After -help the rest
    of the line is not looked at, as in OpenSSL: `help` is then True and nothing else is worth a look.

    Raises `UsageError`. Its message is complete, program name included; it is empty when superfluous words
    are the only fault, and then nothing but the pointer to -help is printed.
    """
    options = table()
    words = iter(argv)
    rest: list[str] = []
    for word in words:
        if word == "--" or not word.startswith("-"):
            rest = [*words] if word == "--" else [word, *words]
            break
        row, text = _match(table, word, words, program, has)
        _take(options, row, text, program)
        if row.stops:
            return options
    _take_operand(options, rest, program)
    for rule in table.rules:
        _check_rule(options, rule, program)
    return options


def _match(
    table: type[Options], word: str, words: Iterator[str], program: str, has: Callable[[str], bool]
) -> tuple[Row, str | None]:
    name, equals, text = word.removeprefix("-").removeprefix("-").partition("=")
    row = table.by_name.get(name)
    if row is None or (row.requires and not has(row.requires)):
        raise UsageError(f"{program}: Unknown option: -{name}")
    if not row.takes_value:
        if equals:
            raise UsageError(f"{program}: Option -{name} does not take a value")
        return row, None
    value = text if equals else next(words, None)
    if value is None:
        raise UsageError(f"{program}: Option -{name} needs a value")
    return row, value


def _take(options: Options, row: Row, text: str | None, program: str) -> None:
    value: Any = True if text is None else row.kind.read(text, row.name, program)
    for clash in options.clashes:
        if row.name in clash.late and options.was_given(*clash.early):
            raise UsageError(clash.message.format(program=program), hint=False)
    if row.only and value not in row.only.values:
        raise UsageError(row.only.complaint.format(program=program, value=text), hint=row.only.hint)
    if row.repeated:
        getattr(options, row.attribute).append(value)
    else:
        setattr(options, row.attribute, value)
    for attribute, implied in row.sets.items():
        setattr(options, attribute, implied)
    options.given.append(Given(row, text))


def _take_operand(options: Options, rest: list[str], program: str) -> None:
    operand = options.operand
    if not rest:
        return
    if operand is None or len(rest) > 1:
        raise UsageError("")
    if getattr(options, operand.attribute) is not None:
        raise UsageError(operand.taken.format(program=program))
    setattr(options, operand.attribute, rest[0])


def _check_rule(options: Options, rule: Rule, program: str) -> None:
    if _any_set(options, rule.one) and _any_set(options, rule.other) is not rule.needed:
        raise UsageError(rule.message.format(program=program), hint=rule.hint)


def _any_set(options: Options, attributes: tuple[str, ...]) -> bool:
    return any(getattr(options, attribute) not in (None, False) for attribute in attributes)
