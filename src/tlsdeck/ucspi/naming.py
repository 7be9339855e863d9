"""Which name servers are asked, and what a host name that is given to us means.

A name is qualified by rules. Each has a kind, a suffix and a replacement, and is applied in turn; the kind says to
which names:

    =suffix:new    the whole name is the suffix
    *suffix:new    any name that ends so
    ?suffix:new    any name that ends so and has neither dot nor bracket before it
    -suffix:new    any name that ends so; what stands before it goes, too

The suffix is replaced. After that, `host+.a.example+.b.example` stands for host.a.example and, if that has no address,
host.b.example.

Sources: the resolver chapters of djbdns (https://cr.yp.to/djbdns/qualify.html, resolve.html), resolv.conf(5).
"""

from __future__ import annotations

import socket

from tlsdeck.errors import ConfigurationError
from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RESOLV_CONF = "/etc/resolv.conf"
# The manual page of sslserver names the second, its programs read the first.
REWRITE_FILES = ("/etc/dnsrewrite", "/etc/dnswritefile")

_PORT = 53
_MOST_SERVERS = 16
_LOCAL_SERVERS = ("::1", "127.0.0.1")
_KINDS = "=*?-"


class Rewrite(Record):
    """A rule about host names. The kinds are explained above."""

    kind: str
    suffix: str
    replacement: str


class Naming(Record):
    """Name servers, address and port, in the order in which they are asked; rules in the order in which they apply."""

    servers: tuple[tuple[str, int], ...]
    rewrites: tuple[Rewrite, ...] = ()


_NO_FINAL_DOT = Rewrite("*", ".", "")


# --- reading ---------------------------------------------------------------------------------------------------


def read_naming(
    environ: Mapping[str, str],
    *,
    resolv_conf: str = RESOLV_CONF,
    rewrite_files: tuple[str, ...] = REWRITE_FILES,
) -> Naming:
    """What the environment and the system's files say.

    Servers: DNSCACHEIP, or the lines `nameserver` of resolv.conf, or this machine's own. Rules: the file that
    DNSREWRITEFILE names, or the usual one; or the domains of LOCALDOMAIN, or of resolv.conf, or our own, for names
    without a dot. A file that does not exist says nothing.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    settings = [line.split() for line in _lines(resolv_conf) or ()]
    rewrites = _rewrites_of_file(environ, rewrite_files)
    if rewrites is None:
        rewrites = _search(_domains(environ, settings))
    return Naming(tuple((address, _PORT) for address in _servers(environ, settings)), rewrites)


def _servers(environ: Mapping[str, str], settings: list[list[str]]) -> list[str]:
    listed = [words[1] for words in settings if len(words) > 1 and words[0] == "nameserver"]
    for addresses in (environ.get("DNSCACHEIP", "").split(), listed):
        good = [
            "127.0.0.1" if address == "0.0.0.0" else address for address in addresses if _is_address(address)
        ]
        if good:
            return good[:_MOST_SERVERS]
    return list(_LOCAL_SERVERS)


def _is_address(text: str) -> bool:
    try:
        socket.getaddrinfo(text, _PORT, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
    except (OSError, ValueError):
        return False
    return True


def _rewrites_of_file(environ: Mapping[str, str], files: tuple[str, ...]) -> tuple[Rewrite, ...] | None:
    named = environ.get("DNSREWRITEFILE")
    for file in files if named is None else (named,):
        lines = _lines(file)
        if lines is not None:
            return tuple(parse_rewrites(lines))
    return None


def parse_rewrites(lines: Iterable[str]) -> Iterable[Rewrite]:
    """The rules in the lines of a file; comments and all else that is no rule are left out."""
    for line in lines:
        suffix, colon, replacement = line[1:].rstrip().partition(":")
        if colon and line[0] in _KINDS:
            yield Rewrite(line[0], suffix, replacement)


def _domains(environ: Mapping[str, str], settings: list[list[str]]) -> list[str]:
    """The domains in which a name without a dot is looked for."""
    if "LOCALDOMAIN" in environ:
        return environ["LOCALDOMAIN"].split()
    for words in settings:
        if words and words[0] in ("search", "domain"):
            return words[1:]
    domain = socket.gethostname().partition(".")[2]
    return [domain] if domain else []


def _search(domains: list[str]) -> tuple[Rewrite, ...]:
    if not domains:
        return (_NO_FINAL_DOT,)
    return Rewrite("?", "", "".join(f"+.{domain}" for domain in domains)), _NO_FINAL_DOT


def _lines(path: str) -> list[str] | None:
    """The lines of a file; None when it does not exist."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a file name"
        raise ConfigurationError(f"unable to read: {path}: {reason}") from error


# --- qualifying ------------------------------------------------------------------------------------------------


def qualify(name: str, rewrites: Iterable[Rewrite]) -> tuple[str, ...]:
    """The names to look for, in order, when this one was given."""
    for rewrite in rewrites:
        name = _rewritten(name, rewrite)
    stem, *endings = name.split("+")
    return tuple(stem + ending for ending in endings) or (stem,)


def _rewritten(name: str, rewrite: Rewrite) -> str:
    stem, end = name[: len(name) - len(rewrite.suffix)], name[max(0, len(name) - len(rewrite.suffix)) :]
    if end.lower() != rewrite.suffix.lower():
        return name
    if (rewrite.kind == "=" and stem) or (rewrite.kind == "?" and any(mark in stem for mark in ".[]")):
        return name
    return ("" if rewrite.kind == "-" else stem) + rewrite.replacement
