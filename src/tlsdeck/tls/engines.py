"""Engines: modules with algorithms and keys of their own, from before there were providers (engine(3)).

Not every libcrypto has them, and none from 4.0 on: whoever calls asks `has("ENGINE_by_id")` before.
"""

from __future__ import annotations

from tlsdeck.errors import ConfigurationError
from tlsdeck.native import encoded, error_stack, ffi, lib, own, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.native import Pointer


class Engine:
    """An engine that was found, ready for use as long as there is a reference to it."""

    __slots__ = ("id", "pointer")

    def __init__(self, pointer: Pointer) -> None:
        self.pointer = pointer
        self.id = text(lib.ENGINE_get_id(pointer))

    def load_key(self, key: str, method: Pointer, data: Pointer) -> Pointer:
        """ENGINE_load_private_key(3): NULL, with the reason in the error queue, if there is none."""
        if not lib.ENGINE_init(self.pointer):
            return ffi.NULL
        try:
            return lib.ENGINE_load_private_key(self.pointer, encoded(key), method, data)
        finally:
            lib.ENGINE_finish(self.pointer)


# libcrypto's defaults are the process's, and so is this: the engine set last by `use`.
_used: list[Engine] = []


def default() -> Engine | None:
    """The engine that was used last."""
    return _used[-1] if _used else None


def use(name: str) -> Engine:
    """Makes an engine, by its id or by the path of its module, libcrypto's default for all it can do.

    Raises:
        ConfigurationError: there is none, or it cannot be used.
    """
    lib.ERR_clear_error()
    pointer = lib.ENGINE_by_id(encoded(name)) or _from_module(name)
    if pointer == ffi.NULL:
        raise ConfigurationError(f'Invalid engine "{name}"', error_stack())
    engine = Engine(own(pointer, lib.ENGINE_free))
    told = lib.ENGINE_ctrl_cmd(pointer, b"SET_USER_INTERFACE", 0, lib.UI_OpenSSL(), ffi.NULL, 1)
    if not told or not lib.ENGINE_set_default(pointer, lib.ENGINE_METHOD_ALL):
        raise ConfigurationError(f'Cannot use engine "{engine.id}"', error_stack())
    _used.append(engine)
    return engine


def use_all() -> None:
    """Lets libcrypto choose among all engines that it has."""
    lib.ENGINE_register_all_complete()


def _from_module(path: str) -> Pointer:
    """An engine from a shared library; NULL, with the reason in the error queue, if there is none."""
    pointer = lib.ENGINE_by_id(b"dynamic")
    if pointer == ffi.NULL:
        return pointer
    found = lib.ENGINE_ctrl_cmd_string(pointer, b"SO_PATH", encoded(path), 0)
    if found and lib.ENGINE_ctrl_cmd_string(pointer, b"LOAD", ffi.NULL, 0):
        return pointer
    lib.ENGINE_free(pointer)
    return ffi.NULL
