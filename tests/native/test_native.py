from __future__ import annotations

import pytest

from tlsdeck.errors import LibraryError
from tlsdeck.native import check, encoded, error_stack, ffi, has, lib, own, printed, taken, text


def fail() -> None:
    """Leaves an error in the queue."""
    assert lib.BIO_new_file(b"/nowhere/at/all", b"r") == ffi.NULL


def test_has_knows_functions_and_constants() -> None:
    assert has("SSL_new")
    assert has("SSL_ERROR_WANT_READ")
    assert not has("SSL_no_such_function")


def test_own_frees_when_the_last_reference_goes() -> None:
    freed = []
    pointer = own(ffi.new("int *", 7), lambda freeing: freed.append(freeing[0]))
    again = pointer
    del pointer
    assert freed == []
    del again
    assert freed == [7]


def test_own_of_null_is_an_error_with_the_reason() -> None:
    lib.ERR_clear_error()
    fail()
    with pytest.raises(LibraryError) as raised:
        own(ffi.NULL, lib.BIO_free)
    assert "No such file or directory" in raised.value.stack[0]
    assert error_stack() == ()


@pytest.mark.parametrize("result", [1, -1, b"x"])
def test_check_lets_truth_pass(result: object) -> None:
    check(result)


@pytest.mark.parametrize("result", [0, ffi.NULL, False])
def test_check_raises_with_message_and_stack(result: object) -> None:
    lib.ERR_clear_error()
    fail()
    with pytest.raises(LibraryError, match=r"^it failed$") as raised:
        check(result, "it failed")
    assert len(raised.value.stack) >= 1


def test_error_stack_empties_the_queue() -> None:
    lib.ERR_clear_error()
    assert error_stack() == ()
    fail()
    assert "system library" in error_stack()[0]
    assert error_stack() == ()


@pytest.mark.parametrize("string", ["", "plain", "Übung", "\udcff\udc80 bytes"])
def test_text_is_the_reverse_of_encoded(string: str) -> None:
    assert text(ffi.new("char[]", encoded(string))) == string


def test_encoded_refuses_nul() -> None:
    with pytest.raises(ValueError, match=r"NUL character in 'a\\x00b'"):
        encoded("a\0b")


def test_taken_frees_what_it_took() -> None:
    host, service = ffi.new("char **"), ffi.new("char **")
    assert lib.BIO_parse_hostserv(b"localhost:443", host, service, lib.BIO_PARSE_PRIO_HOST)
    assert (taken(host[0]), taken(service[0])) == ("localhost", "443")
    assert taken(ffi.NULL) is None


def test_printed_is_what_a_printer_writes() -> None:
    lib.ERR_clear_error()
    assert printed(lib.ERR_print_errors) == ""
    time = own(lib.ASN1_TIME_new(), lib.ASN1_TIME_free) if has("ASN1_TIME_new") else None
    if time is not None:
        assert printed(lib.ASN1_TIME_print, time) == "Bad time value"


def test_printed_passes_on_what_a_printer_raises() -> None:
    def printer(_bio: object) -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        printed(printer)
