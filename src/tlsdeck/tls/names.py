"""Distinguished names as text: the formats of -nameopt (openssl-namedisplay-options(1))."""

from __future__ import annotations

from tlsdeck.errors import ConfigurationError
from tlsdeck.native import lib, printed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tlsdeck.native import Pointer

# Each word sets bits after clearing those of its mask; a leading "-" clears the bits instead.
_WHOLE = 0xFFFFFFFF
_SHAPE = lib.XN_FLAG_SEP_MASK
_FIELD = lib.XN_FLAG_FN_MASK
_WORDS = {
    "esc_2253": (lib.ASN1_STRFLGS_ESC_2253, 0),
    "esc_2254": (lib.ASN1_STRFLGS_ESC_2254, 0),
    "esc_ctrl": (lib.ASN1_STRFLGS_ESC_CTRL, 0),
    "esc_msb": (lib.ASN1_STRFLGS_ESC_MSB, 0),
    "use_quote": (lib.ASN1_STRFLGS_ESC_QUOTE, 0),
    "utf8": (lib.ASN1_STRFLGS_UTF8_CONVERT, 0),
    "ignore_type": (lib.ASN1_STRFLGS_IGNORE_TYPE, 0),
    "show_type": (lib.ASN1_STRFLGS_SHOW_TYPE, 0),
    "dump_all": (lib.ASN1_STRFLGS_DUMP_ALL, 0),
    "dump_nostr": (lib.ASN1_STRFLGS_DUMP_UNKNOWN, 0),
    "dump_der": (lib.ASN1_STRFLGS_DUMP_DER, 0),
    "compat": (lib.XN_FLAG_COMPAT, _WHOLE),
    "sep_comma_plus": (lib.XN_FLAG_SEP_COMMA_PLUS, _SHAPE),
    "sep_comma_plus_space": (lib.XN_FLAG_SEP_CPLUS_SPC, _SHAPE),
    "sep_semi_plus_space": (lib.XN_FLAG_SEP_SPLUS_SPC, _SHAPE),
    "sep_multiline": (lib.XN_FLAG_SEP_MULTILINE, _SHAPE),
    "dn_rev": (lib.XN_FLAG_DN_REV, 0),
    "nofname": (lib.XN_FLAG_FN_NONE, _FIELD),
    "sname": (lib.XN_FLAG_FN_SN, _FIELD),
    "lname": (lib.XN_FLAG_FN_LN, _FIELD),
    "align": (lib.XN_FLAG_FN_ALIGN, 0),
    "oid": (lib.XN_FLAG_FN_OID, _FIELD),
    "space_eq": (lib.XN_FLAG_SPC_EQ, 0),
    "dump_unknown": (lib.XN_FLAG_DUMP_UNKNOWN_FIELDS, 0),
    "RFC2253": (lib.XN_FLAG_RFC2253, _WHOLE),
    "oneline": (lib.XN_FLAG_ONELINE, _WHOLE),
    "ca_default": (lib.XN_FLAG_MULTILINE, _WHOLE),
    "multiline": (lib.XN_FLAG_MULTILINE, _WHOLE),
}

ONELINE: int = lib.XN_FLAG_ONELINE


def name_flags(option: str) -> int:
    """The flags for X509_NAME_print_ex(3) that a -nameopt value stands for: words separated by commas.

    Raises:
        ConfigurationError: an unknown word.
    """
    flags = 0
    for word in option.split(","):
        name = word.removeprefix("-")
        if name not in _WORDS:
            known = " ".join(sorted(_WORDS))
            raise ConfigurationError(f'Unknown -nameopt word "{word}"; known are: {known}')
        bits, mask = _WORDS[name]
        flags &= ~mask
        flags = flags & ~bits if name != word else flags | bits
    # A format without any separator would run the parts together.
    return flags if flags & _SHAPE or flags == lib.XN_FLAG_COMPAT else flags | lib.XN_FLAG_SEP_CPLUS_SPC


def name_text(name: Pointer, flags: int) -> str:
    """An X509_NAME as one string; more than one line in the multiline formats."""
    return printed(lib.X509_NAME_print_ex, name, 0, flags)
