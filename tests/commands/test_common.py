from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.pki import PASSWORD, populate
from tls.pairs import Pair, client_settings, server_settings
from tlsdeck.commands import common
from tlsdeck.commands.s_client_options import ClientOptions
from tlsdeck.errors import ConfigurationError, SettingError, UsageError
from tlsdeck.events import Event, InputEnded, MessageSeen, PeerClosed
from tlsdeck.options import read
from tlsdeck.output import debug
from tlsdeck.output.stream import Stream
from tlsdeck.tls.names import ONELINE, name_flags
from tlsdeck.tls.settings import Watch
from tlsdeck.tls.verify import Trust


def options(*argv: str) -> ClientOptions:
    return read(ClientOptions, argv, program="s_client", has=lambda _: True)


@pytest.fixture
def here(pki: Mapping[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test runs in a directory with the PKI."""
    monkeypatch.chdir(populate(tmp_path / "here", dict(pki)))
    return tmp_path / "here"


# --- settings --------------------------------------------------------------------------------------------------


def test_shared_settings_of_no_options_are_the_defaults() -> None:
    settings = common.shared_settings(options(), server=True)
    assert settings.server
    assert (settings.min_version, settings.max_version) == (0, 0)
    assert settings.trust == Trust()
    assert settings.verify_parameters is None
    assert settings.chain_trust is settings.verify_trust is None
    assert settings.keylog is None
    assert settings.name_flags == ONELINE
    assert settings.watch == Watch()


@pytest.mark.parametrize(
    "option, code", [("tls1", 0x301), ("tls1_1", 0x302), ("tls1_2", 0x303), ("tls1_3", 0x304)]
)
def test_version_options_leave_one_version(option: str, code: int) -> None:
    settings = common.shared_settings(options(f"-{option}"), server=False)
    assert (settings.min_version, settings.max_version) == (code, code)


def test_shared_settings_of_many_options(here: Path) -> None:
    settings = common.shared_settings(
        options(
            *("-CAfile", "root.pem", "-no-CAstore", "-verifyCAfile", "cas.pem", "-chainCAfile", "inter.pem"),
            *("-CRL", "crl.pem", "-nameopt", "RFC2253", "-nameopt", "-esc_msb", "-cipher", "AES256-SHA"),
            *("-max_send_frag", "600", "-msg", "-state", "-tlsextdebug", "-debug", "-nbio"),
        ),
        server=False,
    )
    assert settings.trust == Trust("root.pem", default_store=False)
    assert settings.verify_trust == Trust("cas.pem")
    assert settings.chain_trust == Trust("inter.pem")
    assert len(settings.revocation_lists) == 1
    assert settings.name_flags == name_flags("RFC2253,-esc_msb")
    assert settings.conf_commands == (("cipher", "AES256-SHA"),)
    assert settings.max_send_fragment == 600
    assert settings.watch == Watch(messages=True, states=True, extensions=True, transport=True, retries=True)


@pytest.mark.parametrize(
    "words",
    [
        ("-verify_depth", "0x10"),
        ("-verify_depth", "010"),
        ("-verify_depth", " 3"),
        ("-verify_depth", "-1"),
        ("-auth_level", "0X1"),
        ("-attime", "0x10"),
        ("-attime", "-1"),
        ("-verify_hostname", "0x10"),
        ("-purpose", "sslserver", "-crl_check", "-policy", "1.2.3"),
    ],
)
def test_verification_values_are_read_as_the_original_reads_them(words: tuple[str, ...]) -> None:
    assert common.shared_settings(options(*words), server=False).verify_parameters is not None


@pytest.mark.parametrize("value, valid", [("0x10", False), ("010", False), ("now", True)])
def test_time_of_verification_is_written_as_in_c(
    value: str, valid: bool, here: Path, pki: Mapping[str, bytes]
) -> None:
    value = str(int(time.time())) if value == "now" else value
    settings = common.shared_settings(options("-CAfile", "root.pem", "-attime", value), server=False)
    both = Pair(settings.replace(verify_peer=True), server_settings(pki))
    both.shake()
    assert (both.client.verify_code == 0) is valid


def test_wrong_verification_value_is_a_setting_error() -> None:
    with pytest.raises(SettingError, match="Invalid purpose nonsense"):
        common.shared_settings(options("-purpose", "nonsense"), server=False)


def test_prepare_library_takes_randomness_in_order(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(os.urandom(100))
    (tmp_path / "two").write_bytes(os.urandom(100))
    common.prepare_library(options("-rand", f"{tmp_path}/one:{tmp_path}/two"))
    with pytest.raises(ConfigurationError, match=r"Can't load .*/three into RNG"):
        common.prepare_library(options("-rand", f"{tmp_path}/one:{tmp_path}/three"))
    with pytest.raises(SettingError, match="unable to load provider nonsense"):
        common.prepare_library(options("-provider", "nonsense"))


# --- identities ------------------------------------------------------------------------------------------------


def files(**changes: str | None) -> common.IdentityFiles:
    names = common.IdentityFiles("rsa.pem", "rsa.key", None, None, "the key", "the certificate", "the chain")
    return names.replace(**changes)


@pytest.mark.parametrize(
    "parts, password, chain",
    [
        ({}, None, 0),
        ({"certificate": "both.pem", "key": None}, None, 0),
        ({"key": "locked.key"}, PASSWORD, 0),
        ({"chain": "fullchain.pem"}, None, 2),
    ],
)
def test_load_identity(parts: dict[str, str | None], password: str | None, chain: int, here: Path) -> None:
    identity = common.load_identity(files(**parts), password)
    assert len(identity.chain) == chain
    both = Pair(client_settings(), client_settings(server=True, identities=(identity,)))
    both.shake()


@pytest.mark.parametrize(
    "parts, message",
    [
        (
            {"certificate": "nowhere.pem"},
            "Could not open file or uri for loading the certificate from nowhere.pem",
        ),
        ({"key": "nowhere.key"}, "Could not open file or uri for loading the key from nowhere.key"),
        ({"chain": "junk.pem"}, "Could not read any cert of the chain from junk.pem"),
        ({"key_form": "ENGINE"}, "No engine specified for loading the key\n"),
    ],
)
def test_load_identity_says_what_is_missing(parts: dict[str, str | None], message: str, here: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        common.load_identity(files(**parts), None)
    assert raised.value.message.startswith(message)


# --- small things ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, entries",
    [
        ("", []),
        ("-xkey k -xchain_build", []),
        ("-xcert a", [{"xcert": "a"}]),
        ("-xkey k -xcert a -xchain c", [{"xkey": "k", "xcert": "a", "xchain": "c"}]),
        ("-xcert a -xkey k -xcert b -xkey l", [{"xcert": "a", "xkey": "k"}, {"xcert": "b", "xkey": "l"}]),
        (
            "-xchain_build -xcert a -xcert b -xcertform DER -xcertform PEM",
            [{"xchain_build": None, "xcert": "a"}, {"xcert": "b", "xcertform": "PEM"}],
        ),
    ],
)
def test_candidate_options_belong_to_the_certificate_before(
    line: str, entries: list[dict[str, str | None]]
) -> None:
    assert common.candidate_options(options(*line.split()), "s_client") == entries


@pytest.mark.parametrize(
    "line, what",
    [
        ("-xcert a -xkey k -xkey l", "Key"),
        ("-xkey k -xcert a -xkey l", "Key"),
        ("-xchain c -xchain c", "Chain"),
    ],
)
def test_candidate_options_refuse_what_can_only_be_one(line: str, what: str) -> None:
    with pytest.raises(UsageError) as raised:
        common.candidate_options(options(*line.split()), "s_server")
    assert (raised.value.message, raised.value.hint) == (f"s_server: {what} already specified", False)


def test_load_candidates_keeps_the_order(here: Path) -> None:
    line = "-xcert rsa.pem -xkey rsa.key -xcert both.pem -xchain cas.pem -xcert ecdsa.pem -xkey ecdsa.key -xchain_build"
    loaded = common.load_candidates(options(*line.split()), "s_client")
    assert [len(each.identity.chain) for each in loaded] == [0, 2, 0]
    assert [each.build_chain for each in loaded] == [False, False, True]


def test_load_candidates_says_of_the_last_one_first_what_is_wrong(here: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cert of Server Certificate from b\.pem"):
        common.load_candidates(options("-xcert", "a.pem", "-xcert", "b.pem"), "s_client")


@pytest.mark.parametrize(
    "value, names",
    [
        ("h2", (b"h2",)),
        ("h2,http/1.1", (b"h2", b"http/1.1")),
        (",h2,,", (b"h2",)),
        ("ü", (b"\xc3\xbc",)),
        ("x" * 255, (b"x" * 255,)),
    ],
)
def test_protocol_list(value: str, names: tuple[bytes, ...]) -> None:
    assert common.protocol_list("alpn", value) == names


@pytest.mark.parametrize("value", ["", ",", "x" * 256, "h2," + "ü" * 128])
def test_protocol_list_refuses(value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^Error parsing -alpn argument$"):
        common.protocol_list("alpn", value)


def test_protocol_list_of_an_option_that_was_not_given() -> None:
    assert common.protocol_list("alpn", None) == ()


def test_exporter_of_the_options() -> None:
    assert common.exporter_of(options()) is None
    assert common.exporter_of(options("-keymatexport", "label")) == ("label", 20)
    assert common.exporter_of(options("-keymatexport", "label", "-keymatexportlen", "32")) == ("label", 32)


class Collector:
    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.seen: list[Event] = []

    def show(self, event: Event) -> None:
        self.seen.append(event)


def test_broadcast_shows_every_event_to_everybody() -> None:
    one, other = Collector(Stream(1)), Collector(Stream(1))
    show = common.broadcast([one, other])
    show(InputEnded())
    show(PeerClosed())
    assert one.seen == other.seen == [InputEnded(), PeerClosed()]


def test_debug_printers_are_those_asked_for() -> None:
    out, err = Stream(1), Stream(2)
    assert common.debug_printers(options(), out, err) == []
    kinds = [type(printer) for printer in common.debug_printers(options("-msg", "-state"), out, err)]
    assert kinds == [debug.Messages, debug.States]
    everything = options("-msg", "-debug", "-state", "-tlsextdebug")
    assert len(common.debug_printers(everything, out, err)) == 4


def test_message_file_gets_the_messages(tmp_path: Path) -> None:
    path = tmp_path / "messages"
    (printer,) = common.debug_printers(options("-msg", "-msgfile", str(path)), Stream(1), Stream(2))
    printer.show(MessageSeen(True, 0x0303, 21, b"\x02\x28"))
    assert path.read_text().startswith(">>> TLS 1.2, Alert")


def test_message_file_that_cannot_be_written_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="Error writing file /nowhere/messages"):
        common.debug_printers(options("-msg", "-msgfile", "/nowhere/messages"), Stream(1), Stream(2))


def test_key_log_is_appended_to_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    common.KeyLog(str(path)).write("one")
    common.KeyLog(str(path)).write("two")
    assert path.read_text() == "# SSL/TLS secrets log file, generated by OpenSSL\none\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_key_log_that_cannot_be_written_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="Error writing keylog file /nowhere/keys"):
        common.KeyLog("/nowhere/keys")


def test_key_log_is_written_by_a_connection(tmp_path: Path, pki: Mapping[str, bytes]) -> None:
    path = tmp_path / "keys"
    settings = common.shared_settings(options("-keylogfile", str(path)), server=False)
    Pair(settings, server_settings(pki)).shake()
    assert "CLIENT_TRAFFIC_SECRET_0 " in path.read_text()


def test_crls_are_fetched_within_a_limit_when_asked_for() -> None:
    assert common.shared_settings(options(), server=False).crl_limit is None
    assert common.shared_settings(options("-crl_download"), server=False).crl_limit == 10
