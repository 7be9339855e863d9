from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsdeck.errors import ConfigurationError
from tlsdeck.ucspi.naming import Naming, Rewrite, parse_rewrites, qualify, read_naming


def naming(directory: Path, resolv_conf: str = "", rewrites: str | None = None, **environ: str) -> Naming:
    """What is read where these files exist and no others."""
    conf, first, second = (directory / name for name in ("resolv.conf", "dnsrewrite", "dnswritefile"))
    conf.write_text(resolv_conf)
    if rewrites is not None:
        second.write_text(rewrites)
    return read_naming(environ, resolv_conf=str(conf), rewrite_files=(str(first), str(second)))


def servers(found: Naming) -> list[str]:
    assert {port for _, port in found.servers} == {53}
    return [address for address, _ in found.servers]


RESOLV_CONF = """# a comment
domain first.example
nameserver 192.0.2.1
nameserver\t2001:db8::1
nameserver nonsense
nameserver
nameserver 0.0.0.0
options ndots:3
search second.example
"""


def test_servers_of_resolv_conf(tmp_path: Path) -> None:
    assert servers(naming(tmp_path, RESOLV_CONF)) == ["192.0.2.1", "2001:db8::1", "127.0.0.1"]


@pytest.mark.parametrize(
    "value, expected",
    [
        ("192.0.2.7  ::1\t192.0.2.8", ["192.0.2.7", "::1", "192.0.2.8"]),
        ("fe80::1%lo", ["fe80::1%lo"]),
        ("nonsense 192.0.2.7 1.2.3.4.5 a\0b", ["192.0.2.7"]),
        (" ".join(["192.0.2.7"] * 20), ["192.0.2.7"] * 16),
    ],
)
def test_servers_of_the_environment_come_first(tmp_path: Path, value: str, expected: list[str]) -> None:
    assert servers(naming(tmp_path, RESOLV_CONF, DNSCACHEIP=value)) == expected


def test_useless_servers_of_the_environment_do_not_count(tmp_path: Path) -> None:
    assert servers(naming(tmp_path, "nameserver 192.0.2.1", DNSCACHEIP="none")) == ["192.0.2.1"]


def test_without_any_server_it_is_this_machine(tmp_path: Path) -> None:
    assert servers(naming(tmp_path)) == ["::1", "127.0.0.1"]
    missing = read_naming({}, resolv_conf=str(tmp_path / "none"), rewrite_files=())
    assert servers(missing) == ["::1", "127.0.0.1"]


def test_the_first_list_of_domains_counts(tmp_path: Path) -> None:
    found = naming(tmp_path, RESOLV_CONF)
    assert qualify("host", found.rewrites) == ("host.first.example",)
    found = naming(tmp_path, "search a.example b.example\n")
    assert qualify("host", found.rewrites) == ("host.a.example", "host.b.example")


def test_domains_of_the_environment_come_first(tmp_path: Path) -> None:
    found = naming(tmp_path, RESOLV_CONF, LOCALDOMAIN="x.example y.example")
    assert qualify("host", found.rewrites) == ("host.x.example", "host.y.example")
    assert qualify("host.org", found.rewrites) == ("host.org",)
    assert qualify("host.", found.rewrites) == ("host",)
    assert qualify("host", naming(tmp_path, RESOLV_CONF, LOCALDOMAIN="").rewrites) == ("host",)


@pytest.mark.parametrize(
    "machine, expected", [("me.own.example", "host.own.example"), ("me", "host"), ("me.", "host")]
)
def test_without_domains_it_is_that_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, expected: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: machine)
    assert qualify("host", naming(tmp_path).rewrites) == (expected,)


REWRITES = """# words of the house
=mail:mx.example.org
-.nowhere:sink.example.org
*.lan:.example.net
no rule
?:+.a.example+.b.example   \r
*.:
"""


@pytest.mark.parametrize(
    "name, expected",
    [
        ("mail", ("mx.example.org",)),
        ("MAIL", ("mx.example.org",)),
        ("x.mail", ("x.mail",)),
        ("a.b.nowhere", ("sink.example.org",)),
        ("a.b.Lan", ("a.b.example.net",)),
        ("www", ("www.a.example", "www.b.example")),
        ("[www]", ("[www]",)),
        ("www.", ("www",)),
        ("", (".a.example", ".b.example")),
        ("one+.x+.y+.z", ("one.x", "one.y", "one.z")),
    ],
)
def test_rules_of_a_file_come_before_all_domains(
    tmp_path: Path, name: str, expected: tuple[str, ...]
) -> None:
    found = naming(tmp_path, RESOLV_CONF, REWRITES, LOCALDOMAIN="x.example")
    assert qualify(name, found.rewrites) == expected


def test_the_environment_names_another_file(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("=a:b\n")
    found = naming(tmp_path, rewrites=REWRITES, DNSREWRITEFILE=str(tmp_path / "mine"))
    assert found.rewrites == (Rewrite("=", "a", "b"),)
    (tmp_path / "mine").unlink()
    found = naming(tmp_path, rewrites=REWRITES, DNSREWRITEFILE=str(tmp_path / "mine"), LOCALDOMAIN="c")
    assert qualify("a", found.rewrites) == ("a.c",)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"unable to read: .*: Is a directory"):
        naming(tmp_path, DNSREWRITEFILE=str(tmp_path))
    with pytest.raises(ConfigurationError, match="not a file name"):
        naming(tmp_path, DNSREWRITEFILE="a\0b")


@given(st.lists(st.text("=*?-ab.:+[", max_size=8) | st.text(max_size=10)), st.text("ab.+[", max_size=8))
def test_any_rules_make_at_least_one_name(lines: list[str], name: str) -> None:
    assert qualify(name, tuple(parse_rewrites(lines)))


@given(
    st.lists(
        st.sampled_from([b"nameserver ", b"search ", b"\n", b" 127.0.0.1", b"x" * 70]) | st.binary(max_size=9)
    )
)
def test_any_file_makes_servers(pieces: list[bytes]) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(pieces))
        file.flush()
        assert read_naming({}, resolv_conf=file.name, rewrite_files=(file.name,)).servers
