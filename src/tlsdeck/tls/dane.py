"""DANE: a server is checked by what DNS says of its certificate or CA (RFC 6698, RFC 7671; SSL_dane_enable(3)).

Records that come as text are tried on an SSL of their own, before there is a connection: whoever typed them wants to
know at once which of them are good for nothing. The others go with every connection.
"""

from __future__ import annotations

from tlsdeck.errors import DecodeError, SettingError
from tlsdeck.events import TlsaMatch, TlsaRecordRefused
from tlsdeck.native import check, encoded, error_stack, ffi, lib, own
from tlsdeck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tlsdeck.events import Event
    from tlsdeck.native import Pointer
    from tlsdeck.tls.context import Context


class TlsaRecord(Record):
    """Usage, selector, matching type and certificate association data (RFC 6698 section 2.1)."""

    usage: int
    selector: int
    matching_type: int
    data: bytes


class Dane(Record):
    """What a server is checked by: the records of a domain, whose name its certificate must have.

    `ee_name_checks`: also with DANE-EE(3) records, which need no name (RFC 7671 section 5.1).
    """

    domain: str
    records: tuple[TlsaRecord, ...]
    ee_name_checks: bool = True

    def apply(self, ssl: Pointer) -> None:
        """Has an SSL check its peer so. It then asks for the domain by SNI if it has no other name to ask for.

        Raises:
            SettingError: the domain cannot be a host's name.
            LibraryError: a record is not one that libssl can use.
        """
        lib.ERR_clear_error()
        if lib.SSL_dane_enable(ssl, encoded(self.domain)) <= 0:
            raise SettingError("Error enabling DANE TLSA authentication.", error_stack())
        for record in self.records:
            check(_add(ssl, record) > 0, "unusable TLSA record")
        if not self.ee_name_checks:
            lib.SSL_dane_set_flags(ssl, lib.DANE_FLAG_NO_DANE_EE_NAMECHECKS)


def load(
    context: Context,
    domain: str,
    records: Sequence[str],
    tell: Callable[[Event], object],
    *,
    server_name: str | None = None,
    ee_name_checks: bool = True,
) -> Dane:
    """Those of the records that libssl can use; the others are told. `server_name` is what SNI will ask for.

    Raises:
        SettingError: the domain cannot be a host's name, or there is no record to go by.
    """
    dane = Dane(domain, (), ee_name_checks)
    ssl = own(lib.SSL_new(context.pointer), lib.SSL_free)
    if server_name is not None:
        lib.SSL_set_tlsext_host_name(ssl, encoded(server_name))
    dane.apply(ssl)
    if not records:
        raise SettingError("DANE TLSA authentication requires at least one -dane_tlsa_rrdata option.")
    usable = tuple([record for text in records if (record := _tried(ssl, text, tell))])
    if not usable:
        raise SettingError("Failed to import any TLSA records.")
    return dane.replace(records=usable)


def _tried(ssl: Pointer, text: str, tell: Callable[[Event], object]) -> TlsaRecord | None:
    try:
        record = parse_record(text)
    except DecodeError as error:
        tell(TlsaRecordRefused(text, f"{error.message} in", ()))
        return None
    lib.ERR_clear_error()
    result = _add(ssl, record)
    if result > 0:
        return record
    problem = "unusable" if result == 0 else "error loading"
    tell(TlsaRecordRefused(text, f"{problem} TLSA rrdata", error_stack()))
    return None


def _add(ssl: Pointer, record: TlsaRecord) -> int:
    """Negative: something went wrong inside the library. 0: it is not a record to go by."""
    return int(
        lib.SSL_dane_tlsa_add(
            ssl, record.usage, record.selector, record.matching_type, record.data, len(record.data)
        )
    )


# --- records as text -------------------------------------------------------------------------------------------


def parse_record(text: str) -> TlsaRecord:
    """A record as zone files have it (RFC 6698 section 2.2): three numbers and hexadecimal digits, blanks at will.

    Raises:
        DecodeError: it is something else. The message names the field.
    """
    raw = encoded(text)
    words = raw.split()
    # A number is one only with a blank behind it.
    numbers = [*(words if raw[-1:].isspace() else words[:-1]), b"", b"", b""]
    return TlsaRecord(
        _octet(numbers[0], "usage"),
        _octet(numbers[1], "selector"),
        _octet(numbers[2], "mtype"),
        _data(b"".join(words[3:])),
    )


def _octet(word: bytes, name: str) -> int:
    """0 to 255 in decimal digits as strtol(3) reads them."""
    digits = word[1:] if word[:1] in (b"+", b"-") else word
    number = int(digits.lstrip(b"0")[:4] or b"0") if digits.isdigit() else 256
    if number > 255 or (number and word.startswith(b"-")):
        raise DecodeError(f"bad TLSA {name} field")
    return number


def _data(digits: bytes) -> bytes:
    try:
        data = bytes.fromhex(digits.decode("latin-1"))
    except ValueError:
        data = b""
    if not data:
        raise DecodeError("bad TLSA data field")
    return data


# --- the outcome -----------------------------------------------------------------------------------------------


def match(ssl: Pointer) -> TlsaMatch | None:
    """The record by which the peer was found to be the right one; None when there was none."""
    key = ffi.new("EVP_PKEY **")
    if lib.SSL_get0_dane_authority(ssl, ffi.NULL, key) < 0:
        return None
    usage, selector, matching_type = ffi.new("uint8_t *"), ffi.new("uint8_t *"), ffi.new("uint8_t *")
    data, length = ffi.new("unsigned char **"), ffi.new("size_t *")
    depth = lib.SSL_get0_dane_tlsa(ssl, usage, selector, matching_type, data, length)
    return TlsaMatch(
        usage=usage[0],
        selector=selector[0],
        matching_type=matching_type[0],
        data=bytes(ffi.buffer(data[0], length[0])),
        depth=depth,
        signed=key[0] != ffi.NULL,
    )
