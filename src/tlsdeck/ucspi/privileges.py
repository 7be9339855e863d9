"""Giving up rights for good: sslserver(1), SSL_CHROOT, SSL_UID and their kin."""

from __future__ import annotations

import os

from tlsdeck.errors import ConfigurationError
from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


_LARGEST = 2**32 - 2  # setuid(2) takes the next for "none"
_MOST_DIGITS = len(str(_LARGEST))


class Jail(Record):
    """Where and as whom to live on. No path, and 0 for an id: as it is."""

    root: str = ""
    uid: int = 0
    gid: int = 0

    def enter(self) -> None:
        """Changes the root directory, then the group, then the user.

        Raises:
            ConfigurationError: the system refuses.
        """
        if self.root:
            _do("unable to chroot", lambda: os.chroot(self.root))
            _do("unable to chroot", lambda: os.chdir("/"))
        if self.gid:
            _do("unable to set gid", lambda: os.setgroups([self.gid]))
            _do("unable to set gid", lambda: os.setgid(self.gid))
        if self.uid:
            _do("unable to set uid", lambda: os.setuid(self.uid))


def jail(environ: Mapping[str, str], uid: int, gid: int) -> Jail:
    """The jail that the environment describes: numbers before names, `uid` and `gid` without either.

    A user given by name has a group, which counts unless another one is given for the jail.

    Raises:
        ConfigurationError: no such user or group, or not a number.
    """
    return Jail(
        root=environ.get("SSL_CHROOT", ""),
        uid=_identity(environ, "SSL_UID", "SSL_USER", _user) or uid,
        gid=_identity(environ, "SSL_GID", "SSL_GROUP", _group) or _own_group(environ) or gid,
    )


def number(environ: Mapping[str, str], name: str) -> int:
    """The number in a variable; 0 when it is not set.

    Raises:
        ConfigurationError: not a number, or larger than any id.
    """
    text = environ.get(name) or "0"
    if not (text.isascii() and text.isdecimal()):
        raise ConfigurationError(f'{name} is not a number: "{text}"')
    if len(text) > _MOST_DIGITS or int(text) > _LARGEST:
        raise ConfigurationError(f"{name} is too large: {text}")
    return int(text)


def _identity(environ: Mapping[str, str], id_name: str, name: str, find: Callable[[str], int]) -> int:
    if environ.get(id_name):
        return number(environ, id_name)
    word = environ.get(name)
    if not word:
        return 0
    try:
        return find(word)
    except KeyError:
        raise ConfigurationError(f'{name}: "{word}" is not known on this system') from None


def _user(name: str) -> int:
    import pwd

    return pwd.getpwnam(name).pw_uid


def _own_group(environ: Mapping[str, str]) -> int:
    """That of SSL_USER, whom `_user` knows; 0 when it does not count."""
    import pwd

    name = environ.get("SSL_USER")
    return pwd.getpwnam(name).pw_gid if name and not environ.get("SSL_UID") else 0


def _group(name: str) -> int:
    import grp

    return grp.getgrnam(name).gr_gid


def _do(complaint: str, action: Callable[[], None]) -> None:
    try:
        action()
    except OSError as error:
        raise ConfigurationError(f"{complaint}: {error.strerror}") from error
