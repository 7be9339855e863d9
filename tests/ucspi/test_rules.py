from __future__ import annotations

import ipaddress
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsdeck.errors import DecodeError
from tlsdeck.ucspi import cdb
from tlsdeck.ucspi.rules import Verdict, Visitor, compile_rules, look_up, shown_key


def records(text: str) -> list[tuple[bytes, bytes]]:
    """The records of rules about which there is nothing to remark."""
    remarks: list[str] = []
    made = list(compile_rules(text.encode("utf-8", "surrogateescape").split(b"\n"), remarks.append))
    assert remarks == []
    return made


def keys(address: str) -> list[str]:
    return [key.decode("latin-1") for key, _ in records(f"{address}:allow")]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rules") / "rules.cdb"


@pytest.fixture
def verdict(tmp_path: Path) -> Callable[[str, Visitor], Verdict | None]:
    def find(text: str, visitor: Visitor) -> Verdict | None:
        return find_in(tmp_path / "rules.cdb", cdb.build(records(text)), visitor)

    return find


Find = Callable[[str, Visitor], Verdict | None]


def find_in(path: Path, image: bytes, visitor: Visitor) -> Verdict | None:
    path.write_bytes(image)
    with cdb.open_database(str(path)) as database:
        return look_up(database, visitor)


# --- text to records -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address, expected",
    [
        ("", [""]),
        ("1.2.3.4", ["1.2.3.4"]),
        ("10.", ["10."]),
        (" 10.", [" 10."]),
        ("xyz", ["xyz"]),
        ("=", ["="]),
        ("=Www.Example.org", ["=Www.Example.org"]),
        ("=a-b.c/d", ["=a-b.c/d"]),
        ("=.example.org", ["=.example.org"]),
        ("joe@1.2.3.4", ["joe@1.2.3.4"]),
        ("joe@1.2.3-4.", ["joe@1.2.3-4."]),
        ("joe@=a.b", ["joe@=a.b"]),
        ("joe@10.0.0.0/8", ["joe@10.0.0.0/8"]),
        ("joe@2001:db8::/32", ["joe@2001:db8::/32"]),
        ("joe@::1", ["joe@0000:0000:0000:0000:0000:0000:0000:0001"]),
        ("a:b@1.2.3.4", ["a:b@1.2.3.4"]),
        ("1-3.2", ["1.2", "2.2", "3.2"]),
        ("127.0-2.", ["127.0.", "127.1.", "127.2."]),
        ("1.2.3.254-999", ["1.2.3.254", "1.2.3.255"]),
        ("1.-1", ["1.0", "1.1"]),
        ("1.2-3.5-6", ["1.2.5-6", "1.3.5-6"]),
        ("007-8.", ["7.", "8."]),
        ("127.0.0.0/8", ["_0bcdefgh"]),
        ("127./8", ["_0bcdefgh"]),
        ("127/08", ["_0bcdefgh"]),
        ("10.1.2.3/32", ["_0000e0g00000000p000000w000000056"]),
        ("255.255.255.255/32", ["_abcdefghijklmnopqrstuvwxyz123456"]),
        ("128.0.0.0/1", ["_a"]),
        ("::1", ["0000:0000:0000:0000:0000:0000:0000:0001"]),
        ("::ffff:1.2.3.4", ["0000:0000:0000:0000:0000:FFFF:0102:0304"]),
        ("2001:DB8:0:0:1::a", ["2001:0DB8:0000:0000:0001:0000:0000:000A"]),
        ("2002::/48", ["^00" + "`" + "0" * 11 + "a" + "0" * 33]),
        ("8000::/1", ["^`"]),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", ["^" + bytes(range(96, 224)).decode("latin-1")]),
    ],
)
def test_each_form_of_address_has_its_key(address: str, expected: list[str]) -> None:
    assert keys(address) == expected


@pytest.mark.parametrize(
    "rule, data",
    [
        ("1:allow", ""),
        ("1:allow \t ", ""),
        ("1:deny", "D\0"),
        ('1:deny,A="x"', "D\0+A=x\0"),
        ('1:allow,A="x",B=/"y"/,A=_z_', '+A=x\0+B="y"\0+A=z\0'),
        ('1:allow,A=",:=",B=""', "+A=,:=\0+B=\0"),
        ('1:allow, a b="x" \t', "+ a b=x\0"),
        ('1:allow,A="\udce9"', "+A=\udce9\0"),
        ('1:allow,="x"', "+=x\0"),
    ],
)
def test_each_instruction_has_its_data(rule: str, data: str) -> None:
    assert records(rule) == [(b"1", data.encode("utf-8", "surrogateescape"))]


def test_comments_and_empty_lines_make_no_records() -> None:
    assert records("# 1:deny\n\n \t \n#\n:allow\n #x:deny") == [(b"", b""), (b" #x", b"D\0")]


@pytest.mark.parametrize(
    "rule, complaint",
    [
        ("1:", "unable to parse this line"),
        ("1:Deny", "unable to parse this line"),
        ("1:allowed", "unable to parse this line"),
        ("1:deny junk", "unable to parse this line"),
        ('1:deny ,A="x"', "unable to parse this line"),
        ("1:deny,", "unable to parse this line"),
        ("1:deny,A", "unable to parse this line"),
        ("1:deny,A=", "unable to parse this line"),
        ('1:deny,A="', "unable to parse this line"),
        ('1:deny,A="x', "unable to parse this line"),
        ('1:deny,A="x",', "unable to parse this line"),
        ('1:deny,A="x"B="y"', "unable to parse this line"),
        ("1:deny\r", "unable to parse this line"),
        ("a-b:deny", "unable to parse this line"),
        ("1-2-3:deny", "unable to parse this line"),
        ("1.2.3.4/x:deny", "unable to parse this line"),
        ("1.2.3.4/:deny", "invalid prefix length on line"),
        ("1.2.3.4/0:deny", "invalid prefix length on line"),
        ("1.2.3.4/33:deny", "invalid prefix length on line"),
        ("2002/64:deny", "invalid prefix length on line"),
        (f"1.2.3.4/{'9' * 5000}:deny", "invalid prefix length on line"),
        ("1.2.3.4.5/8:deny", "invalid IPv4 CIDR address on line"),
        ("256.1.1.1/8:deny", "invalid IPv4 CIDR address on line"),
        ("xyz/8:deny", "invalid IPv4 CIDR address on line"),
        ("1..2/8:deny", "invalid IPv4 CIDR address on line"),
        ("/8:deny", "invalid IPv4 CIDR address on line"),
        ("[::1]:deny", "invalid IPv6 address: on line"),
        ("1:2:deny", "invalid IPv6 address: on line"),
        ("joe@:x:deny", "invalid IPv6 address: on line"),
        ("::/129:deny", "invalid prefix length on line"),
        ("::/0:deny", "invalid IPv6 CIDR address on line"),
        ("x:y/8:deny", "invalid IPv6 CIDR address on line"),
    ],
)
def test_a_wrong_line_is_shown_with_what_is_wrong(rule: str, complaint: str) -> None:
    with pytest.raises(DecodeError) as error:
        records(f"1.2.3.4:allow\n{rule}\n")
    assert str(error.value) == f"{complaint}: {rule.rstrip(' ')}"


@pytest.mark.parametrize(
    "rule, remark, expected",
    [
        ("1.2.3.4 deny", "ignored, it has no colon before the first comma", []),
        ("1.2.3.4,deny:", "ignored, it has no colon before the first comma", []),
        ("5-3:deny", "ignored, the range is empty", []),
        ("300-400:deny", "ignored, the range is empty", []),
        ("::5-9:deny", "what stands behind the address is ignored", [b"0000:" * 7 + b"0005"]),
        ("joe@::5%x:deny", "what stands behind the address is ignored", [b"joe@" + b"0000:" * 7 + b"0005"]),
        ("8000::x/1:deny", "what stands behind the address is ignored", [b"^`"]),
    ],
)
def test_a_line_that_does_less_than_it_seems_to_is_remarked(
    rule: str, remark: str, expected: list[bytes]
) -> None:
    remarks: list[str] = []
    made = list(compile_rules([b":allow\n", rule.encode()], remarks.append))
    assert remarks == [f"line 2: {remark}: {rule}"]
    assert [key for key, _ in made[1:]] == expected


@given(st.lists(st.binary(max_size=60) | st.text("1a.:/-@=,denyalow\"'# \t", max_size=40).map(str.encode)))
def test_any_text_gives_records_or_an_error_that_shows_the_line(lines: list[bytes]) -> None:
    try:
        cdb.build(compile_rules(lines, lambda _: None))
    except DecodeError as error:
        complaint, _, shown = str(error).partition(" line: ")
        assert complaint
        assert shown.encode("utf-8", "surrogateescape") in [line.rstrip(b" \t\n") for line in lines]


# --- looking up ------------------------------------------------------------------------------------------------

ORDER = """joe@1.2.3.4:allow,R="1"
joe@=a.b.c:allow,R="2"
1.2.3.4:allow,R="3"
=a.b.c:allow,R="4"
1.2.3.:allow,R="5"
1.2.:allow,R="6"
1.:allow,R="7"
1.2.3.0/24:allow,R="8"
0.0.0.0/1:allow,R="9"
=.b.c:allow,R="10"
=.c:allow,R="11"
=:allow,R="12"
:allow,R="13"
"""


def test_of_the_rules_that_fit_the_most_special_wins(verdict: Find) -> None:
    rules = ORDER.splitlines()
    for number in range(1, len(rules) + 1):
        found = verdict("\n".join(reversed(rules[number - 1 :])), Visitor("1.2.3.4", "a.b.c", "joe"))
        assert found is not None
        assert found.variables == (("R", str(number)),)


@pytest.mark.parametrize(
    "visitor, number",
    [
        (Visitor("1.2.3.4"), "3"),
        (Visitor("::ffff:1.2.3.4", None, "joe"), "1"),
        (Visitor("1.2.3.9", "a.b.c", "joe"), "2"),
        (Visitor("1.2.9.9"), "6"),
        (Visitor("2.2.9.9"), "9"),
        (Visitor("200.2.9.9"), "13"),
        (Visitor("200.2.9.9", "x"), "12"),
        (Visitor("2001::1", "x.c"), "11"),
        (Visitor("0", "b.c"), "11"),
        (Visitor("not an address"), "13"),
        (Visitor(""), "13"),
    ],
)
def test_what_is_not_known_fits_no_rule_about_it(verdict: Find, visitor: Visitor, number: str) -> None:
    found = verdict(ORDER, visitor)
    assert found is not None
    assert found.variables == (("R", number),)


def test_no_rule_is_no_verdict(verdict: Find) -> None:
    assert verdict("1.2.3.4:deny", Visitor("1.2.3.5", "a.b", "c")) is None
    assert verdict("", Visitor("1.2.3.5")) is None


def test_dots_win_over_lengths(verdict: Find) -> None:
    found = verdict("10.1.2.0/24:deny\n10.1.:allow", Visitor("10.1.2.3"))
    assert found == Verdict(b"10.1.", denied=False)


def test_networks_of_ipv6(verdict: Find) -> None:
    rules = "2001:db8::/32:deny\n2001:db8::/33:allow\n2001:db8::5:deny\njoe@2001:db8::5:allow"
    assert verdict(rules, Visitor("2001:db8:ffff::1")) == Verdict(keys_of("2001:db8::/32"), denied=True)
    assert verdict(rules, Visitor("2001:db8::1")) == Verdict(keys_of("2001:db8::/33"), denied=False)
    assert verdict(rules, Visitor("2001:db8::5%eth0")) == Verdict(keys_of("2001:db8::5"), denied=True)
    assert verdict(rules, Visitor("2001:db8:0::5", None, "joe")) == Verdict(
        keys_of("joe@2001:db8::5"), denied=False
    )


def keys_of(address: str) -> bytes:
    return keys(address)[0].encode("latin-1")


def test_a_file_of_the_original_has_ipv6_as_it_was_written(path: Path) -> None:
    image = cdb.build([(b"2001:db8::1", b"D\0")])
    assert find_in(path, image, Visitor("2001:DB8:0::1")) == Verdict(b"2001:db8::1", denied=True)


@pytest.mark.parametrize(
    "data, denied, variables",
    [
        (b"", False, ()),
        (b"D\0", True, ()),
        (b"+A=1\0D\0+B=2\0", True, (("A", "1"),)),
        (b"X\0+A=1\0\0+B=\0", False, (("A", "1"), ("B", ""))),
        (b"+A=1\0+B=2", False, (("A", "1"),)),
        (b"D", False, ()),
        (b"+A\0+=x\0+\0", False, ()),
        (b"+A=\xff=\0", False, (("A", "\udcff="),)),
    ],
)
def test_data_of_any_origin_is_understood(
    path: Path, data: bytes, denied: bool, variables: tuple[tuple[str, str], ...]
) -> None:
    assert find_in(path, cdb.build([(b"", data)]), Visitor("1.1.1.1")) == Verdict(b"", denied, variables)


@pytest.mark.parametrize(
    "address, shown",
    [
        ("127.0.0.0/8", "127./8"),
        ("172.16.0.0/12", "172.16./12"),
        ("1.2.3.4/32", "1.2.3.4/32"),
        ("1.2.3.4/31", "1.2.3.4./31"),
        ("255.0.0.0/1", "128./1"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("ffff::/128", "ffff::/128"),
        ("_x", "_x"),
        ("^", "^"),
        ("_" + "0" * 40, "_" + "0" * 40),
        ("=a", "=a"),
    ],
)
def test_keys_are_shown_as_people_write_them(address: str, shown: str) -> None:
    assert shown_key(keys_of(address)) == shown


@given(st.binary(max_size=140) | st.from_regex(rb"\A[_^][0`a-z]*\Z"))
def test_any_key_can_be_shown(key: bytes) -> None:
    assert isinstance(shown_key(key), str)


VISITORS = st.builds(
    Visitor,
    st.ip_addresses().map(str) | st.text(max_size=20),
    st.none() | st.text("ab.", max_size=8) | st.text(max_size=10),
    st.none() | st.sampled_from(["joe", ""]) | st.text(max_size=10),
)


@given(VISITORS, st.binary(max_size=100))
def test_any_file_gives_a_verdict_or_an_error_of_ours(path: Path, visitor: Visitor, noise: bytes) -> None:
    image = bytearray(cdb.build([(b"", noise), (b"=", noise)]))
    for place, byte in enumerate(noise):
        image[byte * 8 + place % 8] ^= byte
    for file in (bytes(image), noise * 40):
        with suppress(DecodeError):
            assert isinstance(find_in(path, file, visitor), Verdict | None)


# --- the same by other means -----------------------------------------------------------------------------------

# Few different parts, so that rules and visitors meet.
V4 = st.builds("{}.{}.{}.{}".format, *[st.sampled_from([1, 2, 130, 255])] * 4)
V6 = st.builds("2001:{}::{}".format, st.sampled_from(["db8", "0"]), st.sampled_from(["1", "2", "8000"]))
HOST = st.builds(".".join, st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=3))
INFO = st.sampled_from(["joe", "eve"])
ADDRESS = st.one_of(
    V4,
    V6,
    st.builds(lambda ip, dots: ".".join(ip.split(".")[:dots]) + ".", V4, st.integers(1, 3)),
    st.builds("{}/{}".format, V4, st.integers(1, 32)),
    st.builds("{}/{}".format, V6, st.integers(1, 128)),
    st.builds("1.{}-{}.".format, st.integers(0, 3), st.integers(2, 300)),
    HOST.map("={}".format),
    HOST.map("=.{}".format),
    st.just("="),
    st.just(""),
    st.builds("{}@{}".format, INFO, V4 | V6),
    st.builds("{}@={}".format, INFO, HOST),
)


def rank(address: str, visitor: Visitor) -> tuple[int, int] | None:
    """How much a rule about an address counts for a visitor, less is more; None when it does not fit."""
    ip = ipaddress.ip_address(visitor.ip)
    info, at, rest = address.rpartition("@")
    if at:
        if info != visitor.info:
            return None
        if rest.startswith("="):
            return (2, 0) if rest[1:] == visitor.host else None
        return (1, 0) if ipaddress.ip_address(rest) == ip else None
    if address == "":
        return 9, 0
    if address.startswith("="):
        return rank_of_name(address[1:], visitor.host)
    if "-" in address:
        first, _, last = address[2:-1].partition("-")
        second = int(visitor.ip.split(".")[1]) if ip.version == 4 and visitor.ip.startswith("1.") else -1
        return (5, -2) if int(first) <= second <= min(int(last), 255) else None
    if "/" in address:
        network = ipaddress.ip_network(address, strict=False)
        return (6, -network.prefixlen) if ip.version == network.version and ip in network else None
    if address.endswith("."):
        return (5, -address.count(".")) if ip.version == 4 and visitor.ip.startswith(address) else None
    return (3, 0) if ipaddress.ip_address(address) == ip else None


def rank_of_name(name: str, host: str | None) -> tuple[int, int] | None:
    if host is None:
        return None
    if name == host:
        return 4, 0
    if name == "":
        return 8, 0
    return (7, -len(name)) if name.startswith(".") and host.endswith(name) else None


@given(
    st.lists(ADDRESS, max_size=30),
    st.builds(Visitor, V4 | V6, st.none() | HOST, st.none() | INFO),
)
def test_the_file_says_what_the_rules_say(path: Path, addresses: list[str], visitor: Visitor) -> None:
    lines = [f"{address}:allow,R='{number}'".encode() for number, address in enumerate(addresses)]
    found = find_in(path, cdb.build(compile_rules(lines, lambda _: None)), visitor)
    ranked = [(rank(address, visitor), number) for number, address in enumerate(addresses)]
    best = min([(each, number) for each, number in ranked if each is not None], default=None)
    assert (found.variables if found else None) == ((("R", str(best[1])),) if best else None)
