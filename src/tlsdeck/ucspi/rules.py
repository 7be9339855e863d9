"""Who may connect, and with which variables: the rules of tcprules, as records of a cdb file.

A line of rules and the record it becomes:

    127.0.0.1:allow,RELAY="yes"        key 127.0.0.1    data  +RELAY=yes NUL
    10.:deny                           key 10.          data  D NUL
    :allow                             empty key        no data

The address, up to the last colon in front of the first comma, becomes the key; what follows becomes the data. A
variable's value stands between two equal characters of any kind, so it may hold all others.

The keys:

    1.2.3.4                  the address itself
    1.2.3.   1.2.   1.       an IPv4 network that ends at a dot
    1.2.3-7.                 a range in one place: five records, 1.2.3. to 1.2.7.
    10.1.2.0/23  127./8      an IPv4 network by length: "_" and a symbol for each bit
    2001:db8::1              eight groups of four upper-case digits
    2001:db8::/32            an IPv6 network by length: "^" and a symbol for each bit
    =www.example.org         a host name
    =.example.org            all names that end so
    =                        whoever has a name at all
    joe@1.2.3.4              an address and what its ident server says; joe@2001:db8::1 likewise
    joe@=www.example.org     a name and what its ident server says
    (empty)                  everybody

A bit of a network that is not set has the symbol "0". One that is set has, in IPv4, a letter that tells its place
(a to z, then 1 to 6), and in IPv6 the byte 96 + the number of bits set before it. Thus 127./8 is "_0bcdefgh".
A symbol depends on the bits before it only, so the keys of the networks around an address are the beginnings of one
string.

A look-up tries one key after the other and takes the first there is: ident and address, ident and name, address, name,
IPv4 networks that end at a dot, networks by length from the longest to the shortest, ends of the name, any name,
everybody. So a more special rule wins, except that `10.1.:` wins over `10.1.2.0/24`. Of two rules with one key the
first counts. Files of the original tcprules, which knows neither length nor groups, give the same answers: there IPv6
addresses are as they were written, and they are looked up in that form too.

Source: tcprules(1) of ucspi-tcp and, for IPv6 and networks by length, of ucspi-tcp6.
"""

from __future__ import annotations

from tlsdeck.errors import DecodeError
from tlsdeck.record import Record
from tlsdeck.ucspi.addresses import packed, scan_ipv6, written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tlsdeck.ucspi.cdb import Database


class Visitor(Record):
    """Who connects: IP address, host name if known, and what the ident server said if it was asked and answered."""

    ip: str
    host: str | None = None
    info: str | None = None


class Verdict(Record):
    """What a rule says: its key in the file, whether it denies, the variables it sets, in order."""

    key: bytes
    denied: bool
    variables: tuple[tuple[str, str], ...] = ()


_SHORTEST_NETWORK = 2  # bytes of a key; a network of length 0 has none

# --- looking up ------------------------------------------------------------------------------------------------


def look_up(database: Database, visitor: Visitor) -> Verdict | None:
    """What the first rule that fits says; None when none does, which allows the connection.

    With the IP address alone (`Visitor(ip)`) only rules about addresses, and the one for everybody, fit.

    Raises:
        DecodeError: the file is damaged.
        ConfigurationError: it cannot be read.
    """
    address = packed(visitor.ip)
    found = (
        _first(database, _special_keys(visitor, address))
        or (database.get_longest(_symbols(address), _SHORTEST_NETWORK) if address else None)
        or _first(database, _general_keys(visitor))
    )
    return _verdict(*found) if found else None


def _first(database: Database, keys: Iterable[bytes]) -> tuple[bytes, bytes] | None:
    for key in keys:
        data = database.get(key)
        if data is not None:
            return key, data
    return None


def every_verdict(database: Database) -> Iterator[Verdict]:
    """What all rules of a file say.

    Raises:
        DecodeError, ConfigurationError: as `look_up`.
    """
    for key, data in database.records():
        yield _verdict(key, data)


def _special_keys(visitor: Visitor, address: bytes | None) -> Iterator[bytes]:
    """The keys of rules that count more than those of networks by length, the one that counts most first."""
    forms = _written_forms(visitor.ip, address)
    if visitor.info is not None:
        info = _bytes(visitor.info)
        yield from (info + b"@" + form for form in forms)
        if visitor.host is not None:
            yield info + b"@=" + _bytes(visitor.host)
    yield from forms
    if visitor.host is not None:
        yield b"=" + _bytes(visitor.host)
    if address is None or len(address) == 4:
        yield from _dotted_networks(forms[0])


def _general_keys(visitor: Visitor) -> Iterator[bytes]:
    """The keys of rules that count less than those of networks by length."""
    if visitor.host is not None:
        yield from _ends_of_name(_bytes(visitor.host))
        yield b"="
    yield b""


def _written_forms(ip: str, address: bytes | None) -> tuple[bytes, ...]:
    if address is None:
        return (_bytes(ip),)
    short = written(address).encode()
    return (short,) if len(address) == 4 else (_groups(address), short)


def _dotted_networks(ip: bytes) -> Iterator[bytes]:
    """For 1.2.3.4: 1.2.3. and 1.2. and 1., with their dots."""
    return (ip[: end + 1] for end in range(len(ip) - 1, -1, -1) if ip[end : end + 1] == b".")


def _ends_of_name(host: bytes) -> Iterator[bytes]:
    """For a.b.c: =.b.c and =.c."""
    return (b"=" + host[start:] for start in range(len(host)) if host[start : start + 1] == b".")


def _verdict(key: bytes, data: bytes) -> Verdict:
    variables: list[tuple[str, str]] = []
    # What has no NUL behind it is not complete.
    for item in data.split(b"\0")[:-1]:
        kind, (name, equals, value) = item[:1], item[1:].partition(b"=")
        if kind == b"D":
            return Verdict(key, denied=True, variables=tuple(variables))
        if kind == b"+" and name and equals:
            variables.append((_text(name), _text(value)))
    return Verdict(key, denied=False, variables=tuple(variables))


def shown_key(key: bytes) -> str:
    """A key as a person would write it: networks by length as address and length."""
    length = len(key) - 1
    address = _address_of(key)
    if address is None:
        return _text(key)
    if len(address) == 16:
        return f"{written(address)}/{length}"
    octets = ".".join(str(octet) for octet in address[: (length + 7) // 8])
    return f"{octets}{'.' if length < 32 else ''}/{length}"


def _address_of(key: bytes) -> bytes | None:
    """The first address of the network with this key; None when it is none of a network by length."""
    size = {b"_": 4, b"^": 16}.get(key[:1])
    if size is None or not 1 < len(key) <= 8 * size + 1:
        return None
    bits = "".join("0" if symbol == ord("0") else "1" for symbol in key[1:])
    address = int(bits.ljust(8 * size, "0"), 2).to_bytes(size)
    return address if _symbols(address).startswith(key) else None


# --- compiling -------------------------------------------------------------------------------------------------

_UNKNOWN = "unable to parse this line"
_BAD_LENGTH = "invalid prefix length on line"
_BAD_IPV6 = "invalid IPv6 address: on line"
_BAD_IPV4_NETWORK = "invalid IPv4 CIDR address on line"
_BAD_IPV6_NETWORK = "invalid IPv6 CIDR address on line"

_INSTRUCTIONS = {b"deny": b"D\0", b"allow": b""}


def compile_rules(lines: Iterable[bytes], remark: Callable[[str], None]) -> Iterator[tuple[bytes, bytes]]:
    """The records, key and data, of lines of rules; `remark` is told of lines that do less than they seem to.

    Raises:
        DecodeError: a line is wrong; it says how, and shows the line.
    """
    for number, line in enumerate(lines, 1):
        rule = line.rstrip(b"\n \t")
        if not rule or rule.startswith(b"#"):
            continue
        address, colon, what = _split(rule)
        try:
            records = _records(address, what) if colon else []
            doubt = _doubt(address, records) if colon else "ignored, it has no colon before the first comma"
        except DecodeError as error:
            raise DecodeError(f"{error}: {_text(rule)}") from None
        if doubt:
            remark(f"line {number}: {doubt}: {_text(rule)}")
        yield from records


def _split(rule: bytes) -> tuple[bytes, bytes, bytes]:
    """The address, a colon if there is one, the rest. IPv6 addresses and values have colons of their own."""
    end = len(rule.partition(b",")[0])
    address, colon, _ = rule[:end].rpartition(b":")
    return address, colon, rule[len(address) + 1 :]


def _records(address: bytes, what: bytes) -> list[tuple[bytes, bytes]]:
    instruction, comma, settings = what.partition(b",")
    if instruction not in _INSTRUCTIONS:
        raise DecodeError(_UNKNOWN)
    data = _INSTRUCTIONS[instruction] + (_settings(settings) if comma else b"")
    return [(key, data) for key in _keys(address)]


def _settings(text: bytes) -> bytes:
    """NAME="VALUE",... as data."""
    data = b""
    while True:
        name, _, rest = text.partition(b"=")
        quote = rest[:1]
        value, end, rest = rest[1:].partition(quote) if quote else (b"", b"", b"")
        if not end:
            raise DecodeError(_UNKNOWN)
        data += b"+" + name + b"=" + value + b"\0"
        if not rest:
            return data
        if not rest.startswith(b","):
            raise DecodeError(_UNKNOWN)
        text = rest[1:]


def _keys(address: bytes) -> list[bytes]:
    """The keys of an address as it stands in a line of rules."""
    if b"=" in address:
        return [address]
    if b"@" in address:
        return [_key_with_info(address)]
    network, slash, length = address.partition(b"/")
    if b":" in address:
        return [_ipv6_network(network, length) if slash else _groups(_ipv6(network, _BAD_IPV6))]
    if slash:
        return [_ipv4_network(network, length)]
    if b"-" in address:
        return _range(address)
    return [address]


def _key_with_info(address: bytes) -> bytes:
    info, at, ip = address.partition(b"@")
    if b":" not in ip or b"/" in address:
        return address
    return info + at + _groups(_ipv6(ip, _BAD_IPV6))


def _ipv4_network(network: bytes, length: bytes) -> bytes:
    count = _number(length)
    if not 1 <= count <= 32:
        raise DecodeError(_BAD_LENGTH)
    octets = network.removesuffix(b".").split(b".")
    if len(octets) > 4 or not all(octet.isdigit() and _number(octet) <= 255 for octet in octets):
        raise DecodeError(_BAD_IPV4_NETWORK)
    return _symbols(bytes(map(_number, octets)).ljust(4, b"\0"))[: count + 1]


def _ipv6_network(network: bytes, length: bytes) -> bytes:
    count = _number(length)
    if count > 128:
        raise DecodeError(_BAD_LENGTH)
    if count == 0:
        raise DecodeError(_BAD_IPV6_NETWORK)
    return _symbols(_ipv6(network, _BAD_IPV6_NETWORK))[: count + 1]


def _ipv6(text: bytes, complaint: str) -> bytes:
    scanned = scan_ipv6(text)
    if scanned is None:
        raise DecodeError(complaint)
    return scanned[0]


def _range(address: bytes) -> list[bytes]:
    before, _, behind = address.partition(b"-")
    head, dot, first = before.rpartition(b".")
    last, dot_behind, tail = behind.partition(b".")
    # No number of an IPv4 address is larger than 255, and an end that large means "to the last".
    numbers = range(_number(first), min(_number(last), 255) + 1)
    return [b"%b%b%d%b%b" % (head, dot, number, dot_behind, tail) for number in numbers]


def _number(digits: bytes) -> int:
    """A number; 0 for nothing at all. All that are too large for any purpose here are the same."""
    if digits and not digits.isdigit():
        raise DecodeError(_UNKNOWN)
    digits = digits.lstrip(b"0")
    return int(digits or b"0") if len(digits) < 10 else 10**9


def _doubt(address: bytes, records: list[tuple[bytes, bytes]]) -> str:
    """What a person should know about a line that is not wrong, but does less than it seems to."""
    if not records:
        return "ignored, the range is empty"
    if b"=" in address:
        return ""
    scanned = scan_ipv6(address.rpartition(b"@")[2].partition(b"/")[0])
    return "what stands behind the address is ignored" if scanned and scanned[1] else ""


# --- parts of keys ---------------------------------------------------------------------------------------------

_IPV4_SYMBOLS = b"abcdefghijklmnopqrstuvwxyz123456"
_IPV6_SYMBOLS = bytes(range(96, 96 + 128))


def _symbols(address: bytes) -> bytes:
    """The key of an address taken as a network of full length."""
    ipv4 = len(address) == 4
    key = bytearray(b"_" if ipv4 else b"^")
    count = 0
    for place, bit in enumerate(f"{int.from_bytes(address):0{8 * len(address)}b}"):
        if bit == "0":
            key += b"0"
            continue
        key.append(_IPV4_SYMBOLS[place] if ipv4 else _IPV6_SYMBOLS[count])
        count += 1
    return bytes(key)


def _groups(address: bytes) -> bytes:
    """An IPv6 address in eight groups of four upper-case digits."""
    return address.hex(":", 2).upper().encode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
