"""Options as data.

Theory of operation
-------------------

An option is one row: its name, the kind of its value, one sentence of help, the attribute it sets, and what
is special about it. Rows stand in sections, sections make up a program:

    class InputOutput(Section):
        title = "Input/Output"
        quiet: bool = flag("Print the peer's data and nothing else", ign_eof=True)
        ign_eof: bool = flag("Stay connected when stdin ends")

    class ClientOptions(InputOutput, ..., Options): ...

To a type checker `quiet` is a bool, because the row constructors (`flag`, `string`, ...) are typed by the
value their option has. In truth they return a `Row`, as `dataclasses.field` returns a `Field`. Python tells
each row its attribute (`__set_name__`), then `Section` keeps the rows aside, in order, and leaves each
attribute's default in their place. So reading a command line only assigns what was given, and settings nobody
gave cost nothing.

What a row may say besides its help sentence (keyword arguments of the constructors):

    name       the option's name where it is no Python identifier (4, pass, no-CAfile)
    also       a second, unlisted name (-h, and misprints of the manual pages)
    default    the value without the option; otherwise False for flags and None
    only       the few values accepted
    requires   a symbol of libssl or libcrypto; where it is missing the option is unknown, just as in an
               OpenSSL that was built without the feature
    hidden     accepted but not listed by -help (words of old pages)
    stops      reading ends here (-help)
    conf       handed to SSL_CONF_cmd(3), in the order given; a section may say so for all its rows
    flags      the X509_V_FLAG_... constants it turns on in the verification parameters
    anything   any other keyword is an attribute the option assigns as well: `ign_eof=True`. That is how
               -quiet implies -ign_eof, how -noct undoes -ct, and how the last one of a group wins

What depends on two options is data too. A `Clash` is about their order and is checked while reading, like the
original does; a `Rule` is about the outcome and is checked at the end.
"""

from __future__ import annotations

from tlsdeck.options import kinds
from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol, TypeVar, overload

    V_co = TypeVar("V_co", covariant=True)
    D = TypeVar("D")

    class Constructor(Protocol[V_co]):
        """What a row constructor looks like to a type checker; the essay above explains the arguments."""

        @overload
        def __call__(
            self,
            sentence: str,
            *,
            default: D,
            name: str = "",
            also: str = "",
            only: kinds.Only | None = None,
            requires: str = "",
            hidden: bool = False,
            conf: bool = False,
            **sets: object,
        ) -> D: ...

        @overload
        def __call__(
            self,
            sentence: str,
            *,
            name: str = "",
            also: str = "",
            only: kinds.Only | None = None,
            requires: str = "",
            hidden: bool = False,
            stops: bool = False,
            conf: bool = False,
            flags: tuple[str, ...] = (),
            **sets: object,
        ) -> V_co: ...


class Row:
    """One option of one program."""

    __slots__ = (
        "also",
        "attribute",
        "conf",
        "default",
        "flags",
        "help",
        "hidden",
        "kind",
        "name",
        "only",
        "repeated",
        "requires",
        "section",
        "sets",
        "stops",
    )

    # Given their values when the row's section is made.
    attribute: str
    section: type[Section]

    def __init__(
        self,
        kind: kinds.Kind,
        repeated: bool,
        sentence: str,
        *,
        default: object = None,
        name: str = "",
        also: str = "",
        only: kinds.Only | None = None,
        requires: str = "",
        hidden: bool = False,
        stops: bool = False,
        conf: bool = False,
        flags: tuple[str, ...] = (),
        **sets: object,
    ) -> None:
        self.kind = kind
        self.repeated = repeated
        self.help = sentence
        self.default = kind.default if default is None else default
        self.name = name
        self.also = also
        self.only = only
        self.requires = requires
        self.hidden = hidden
        self.stops = stops
        self.conf = conf
        self.flags = flags
        self.sets = sets

    def __set_name__(self, section: type[Section], attribute: str) -> None:
        self.section = section
        self.attribute = attribute
        self.name = self.name or attribute
        self.conf = self.conf or section.conf

    def __repr__(self) -> str:
        return f"<Row -{self.name}>"

    @property
    def takes_value(self) -> bool:
        """Whether a value follows the option."""
        return self.kind is not kinds.FLAG

    @property
    def usage(self) -> str:
        """The option and the word for its value, as -help shows them: `-port +int`."""
        return f"-{self.name} {self.kind.word}" if self.takes_value else f"-{self.name}"


def constructor(kind: kinds.Kind, repeated: bool = False) -> Any:
    """What makes the rows of a kind; `repeated`: every value given counts."""

    def make(sentence: str, **extras: Any) -> Row:
        return Row(kind, repeated, sentence, **extras)

    return make


flag: Constructor[bool] = constructor(kinds.FLAG)

# One value; given again, the last one wins.
string: Constructor[str | None] = constructor(kinds.STRING)
infile: Constructor[str | None] = constructor(kinds.INFILE)
outfile: Constructor[str | None] = constructor(kinds.OUTFILE)
directory: Constructor[str | None] = constructor(kinds.DIRECTORY)
uri: Constructor[str | None] = constructor(kinds.URI)
hex_digits: Constructor[str | None] = constructor(kinds.HEX)
pem_der: Constructor[str | None] = constructor(kinds.PEM_DER)
pem_der_engine: Constructor[str | None] = constructor(kinds.PEM_DER_ENGINE)
any_format: Constructor[str | None] = constructor(kinds.ANY_FORMAT)
integer: Constructor[int | None] = constructor(kinds.INTEGER)
positive: Constructor[int | None] = constructor(kinds.POSITIVE)
intmax: Constructor[int | None] = constructor(kinds.INTMAX)
seconds: Constructor[float | None] = constructor(kinds.SECONDS)

# Every value given counts, in order.
strings: Constructor[list[str]] = constructor(kinds.STRING, repeated=True)
infiles: Constructor[list[str]] = constructor(kinds.INFILE, repeated=True)
pem_ders: Constructor[list[str]] = constructor(kinds.PEM_DER, repeated=True)


class Section:
    """Options that -help lists under one headline, "<title> options:"."""

    title: str
    conf: bool = False
    own_rows: tuple[Row, ...] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.own_rows = tuple(value for value in vars(cls).values() if isinstance(value, Row))
        for row in cls.own_rows:
            setattr(cls, row.attribute, row.default)


class Operand(Record):
    """The one word a program takes after its options.

    `attribute` is the setting it stands for; `taken` is the complaint when that setting was given already.
    """

    word: str
    help: str
    attribute: str
    taken: str


class Clash(Record):
    """Refused while reading: an option of `late` after one of `early` (names of options)."""

    late: tuple[str, ...]
    early: tuple[str, ...]
    message: str


class Rule(Record):
    """Refused after reading: something of `one` with (or, if `needed`, without) something of `other`.

    Both are attributes of the settings; what counts is the outcome, not whether the option was typed.
    """

    one: tuple[str, ...]
    other: tuple[str, ...]
    message: str
    hint: bool = False
    needed: bool = False
