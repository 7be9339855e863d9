"""CRLs beside the original: -CRL, -crl_check[_all], -crl_download, -use_deltas, -extended_crl in both programs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.fixtures import Start
from support.oracle import (
    AHOY,
    NOTHING,
    PING,
    Case,
    assert_about,
    assert_same,
    play_client,
    play_server,
)
from support.peers import free_port, start_server
from support.pki import populate
from support.programs import OPENSSL, OURS, Eof, Until
from support.revocation import Authorities, World, der, world

OK = "Verify return code: 0 (ok)"
REVOKED = "verify error:num=23:certificate revoked"
NO_CRL = "verify error:num=3:unable to get certificate CRL"


@dataclass(frozen=True)
class Published:
    """A case, and what is at the places certificates name, by path: one of the PKI's CRLs, or other content."""

    case: Case
    pages: tuple[tuple[str, str | bytes], ...] = ()


def each(cases: tuple[Published, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("published", cases, ids=[each.case.name for each in cases])


@pytest.fixture(scope="module")
def here(authorities: Authorities) -> Iterator[World]:
    with world(authorities) as made:
        yield made


@pytest.fixture
def place(tmp_path: Path, here: World) -> Path:
    """A directory with all files, among them bundles of a CA file with CRLs in it."""
    files = dict(here.files)
    files["both.pem"] = files["inter.pem"] + files["crlsigner.pem"]
    for name, crls in (("good", ("root", "inter")), ("bad", ("root-revoked", "inter"))):
        files[f"{name}.pem"] = b"".join((files["root.pem"], *(files[f"{crl}.crl"] for crl in crls)))
    files["deltas.pem"] = files["root.pem"] + files["inter.crl"] + files["delta-revoked.crl"]
    return populate(tmp_path / "here", files)


def publish(here: World, published: Published) -> None:
    here.web.pages = {
        f"/{name}.crl": der(here.files[f"{name}.crl"]) for name in ("inter", "delta", "indirect")
    }
    for path, page in published.pages:
        here.web.pages[path] = page if isinstance(page, bytes) else der(here.files[page])


# --- the client --------------------------------------------------------------------------------------------------


def client(
    name: str,
    options: str,
    shows: str,
    code: int = 0,
    *,
    cert: str = "leaf",
    chain: str = "inter",
    pages: tuple[tuple[str, str | bytes], ...] = (),
) -> Published:
    peer = f"-rev -cert {cert}.pem -key {cert}.key -cert_chain {chain}.pem"
    return Published(
        Case(name, f"-CAfile root.pem {options}", shows, code, peer, PING if not code else NOTHING), pages
    )


DOWNLOAD = "-crl_check -crl_download"
CLIENT = (
    client("good", "-crl_check -CRL inter.crl", OK),
    client("good_pem_form", "-crl_check -CRL inter.crl -CRLform PEM", OK),
    client("revoked", "-crl_check -CRL inter-revoked.crl", REVOKED),
    client("revoked_1_2", "-crl_check -CRL inter-revoked.crl -tls1_2", REVOKED),
    client("revoked_fatal", "-crl_check -CRL inter-revoked.crl -verify_return_error", REVOKED, 1),
    client("revoked_unchecked", "-CRL inter-revoked.crl", OK),
    client("of_another_issuer", "-crl_check -CRL root.crl", NO_CRL),
    client("out_of_date", "-crl_check -CRL inter-old.crl", "verify error:num=12:CRL has expired"),
    client("out_of_date_ignored", "-crl_check -CRL inter-old.crl -no_check_time", OK),
    client("only_the_leafs", "-crl_check_all -CRL inter.crl", NO_CRL),
    client("all_good", "-crl_check_all -CAfile good.pem", OK),
    client("intermediate_revoked", "-crl_check_all -CAfile bad.pem", REVOKED),
    client("intermediate_revoked_unchecked", "-crl_check -CAfile bad.pem", OK),
    client("own_store", "-crl_check -verifyCAfile good.pem", OK),
    client("own_store_crl", "-crl_check -verifyCAfile root.pem -CRL inter-revoked.crl", REVOKED),
    client("delta", "-crl_check -use_deltas -CAfile deltas.pem", REVOKED, cert="fresh"),
    client("delta_unused", "-crl_check -CAfile deltas.pem", OK, cert="fresh"),
    client("download", DOWNLOAD, OK),
    client("download_1_2", f"{DOWNLOAD} -tls1_2", OK),
    client("download_own_store", f"{DOWNLOAD} -verifyCAfile root.pem", OK),
    client("download_revoked", DOWNLOAD, REVOKED, pages=(("/inter.crl", "inter-revoked.crl"),)),
    client("download_unchecked", "-crl_download", OK, pages=(("/inter.crl", "inter-revoked.crl"),)),
    client("download_nowhere", DOWNLOAD, NO_CRL, cert="plain"),
    client("download_junk", DOWNLOAD, "Unable to load CRL via CDP", pages=(("/inter.crl", b"junk"),)),
    client("download_brief", f"{DOWNLOAD} -brief", "Unable to load CRL via", pages=(("/inter.crl", b"junk"),)),
    client(
        "download_junk_fatal", f"{DOWNLOAD} -verify_return_error", NO_CRL, 1, pages=(("/inter.crl", b"junk"),)
    ),
    client("download_delta", f"{DOWNLOAD} -use_deltas", OK, cert="fresh"),
    client(
        "download_delta_revoked",
        f"{DOWNLOAD} -use_deltas",
        REVOKED,
        cert="fresh",
        pages=(("/delta.crl", "delta-revoked.crl"),),
    ),
    client("indirect", f"{DOWNLOAD} -extended_crl", OK, cert="indirect", chain="both"),
    client("indirect_unwanted", DOWNLOAD, NO_CRL, cert="indirect", chain="both"),
    client(
        "indirect_revoked",
        f"{DOWNLOAD} -extended_crl",
        REVOKED,
        cert="indirect",
        chain="both",
        pages=(("/indirect.crl", "indirect-revoked.crl"),),
    ),
)  # fmt: skip


@each(CLIENT)
def test_client(published: Published, start: Start, place: Path, here: World) -> None:
    publish(here, published)
    original = play_client(start, OPENSSL, published.case, place)
    assert_about(published.case, original)
    assert_same(play_client(start, OURS, published.case, place), original)


def test_client_says_which_list_is_missing(start: Start, place: Path, here: World) -> None:
    publish(here, Published(Case("", "", "")))
    del here.web.pages["/inter.crl"]
    case = client("missing", DOWNLOAD, "code=404, reason=Not Found").case
    original = play_client(start, OPENSSL, case, place)
    assert_about(case, original)
    assert_same(play_client(start, OURS, case, place), original)


# --- the server --------------------------------------------------------------------------------------------------

BY_CLIENT = "-cert client.pem -key client.key -cert_chain inter.pem"


def server(
    name: str, options: str, shows: str, *, pages: tuple[tuple[str, str | bytes], ...] = ()
) -> Published:
    own = "-cert plain.pem -key plain.key -cert_chain inter.pem -Verify 3"
    return Published(Case(name, f"{own} {options}", shows, 0, BY_CLIENT, AHOY), pages)


SERVER = (
    server("good", "-CAfile root.pem -crl_check -CRL inter.crl", "CIPHER is"),
    server("revoked", "-CAfile root.pem -crl_check -CRL inter-revoked.crl", REVOKED),
    server("all_good", "-CAfile good.pem -crl_check_all", "CIPHER is"),
    server("intermediate_revoked", "-CAfile bad.pem -crl_check_all", REVOKED),
    server("download", "-verifyCAfile root.pem -crl_check -crl_download", "CIPHER is"),
    server(
        "download_revoked",
        "-verifyCAfile root.pem -crl_check -crl_download",
        REVOKED,
        pages=(("/inter.crl", "inter-revoked.crl"),),
    ),
    server(
        "download_junk",
        "-verifyCAfile root.pem -crl_check -crl_download",
        "Unable to load CRL via CDP",
        pages=(("/inter.crl", b"junk"),),
    ),
)


@each(SERVER)
def test_server(published: Published, start: Start, place: Path, here: World) -> None:
    publish(here, published)
    original = play_server(start, OPENSSL, published.case, place)
    assert_about(published.case, original)
    assert_same(play_server(start, OURS, published.case, place), original)


# --- on purpose not as the original ------------------------------------------------------------------------------


def test_server_downloads_for_its_ordinary_store_too(start: Start, place: Path, here: World) -> None:
    published = server(
        "default_store", "-CAfile root.pem -crl_check -crl_download", "",
        pages=(("/inter.crl", "inter-revoked.crl"),),
    )  # fmt: skip
    publish(here, published)
    assert NO_CRL in play_server(start, OPENSSL, published.case, place).tested.err
    assert REVOKED in play_server(start, OURS, published.case, place).tested.err


def test_lists_at_hand_count_besides_downloaded_ones(start: Start, place: Path, here: World) -> None:
    published = client("both", f"{DOWNLOAD} -CRL inter.crl", "", cert="plain")
    publish(here, published)
    assert NO_CRL in play_client(start, OPENSSL, published.case, place).tested.err
    assert OK in play_client(start, OURS, published.case, place).tested.out


def test_closed_port_is_noticed_at_once(start: Start, authorities: Authorities, tmp_path: Path) -> None:
    place = populate(tmp_path / "here", authorities.files(f"http://127.0.0.1:{free_port()}"))
    began = time.monotonic()
    ours = play_client(start, OURS, client("closed", DOWNLOAD, "").case, place)
    assert time.monotonic() - began < 5
    assert "Unable to load CRL via CDP\n" in ours.tested.err
    assert "Connection refused" in ours.tested.err
    assert NO_CRL in ours.tested.err


def test_silent_place_keeps_the_client_within_its_own_limit(start: Start, place: Path, here: World) -> None:
    here.web.pages["/inter.crl"] = here.web.stall
    began = time.monotonic()
    ours = play_client(start, OURS, client("silent", f"{DOWNLOAD} -handshake_timeout 2", "").case, place)
    assert 1 <= time.monotonic() - began < 7
    assert "transfer timeout" in ours.tested.err
    assert NO_CRL in ours.tested.err


LIMIT = 10  # seconds


def test_silent_place_delays_none_of_the_others(start: Start, place: Path, here: World) -> None:
    here.web.pages["/inter.crl"] = here.web.stall
    words = "-www -cert plain.pem -key plain.key -CAfile root.pem -verify 3 -crl_check -crl_download"
    server = start_server(start, OURS, words, place)
    waiting = start([*OPENSSL, "s_client", "-connect", server.address, *BY_CLIENT.split()], place)
    waiting.until("SSL handshake has read")
    began = time.monotonic()
    for _ in range(3):
        client = start([*OPENSSL, "s_client", "-connect", server.address, "-quiet"], place)
        client.talk([b"GET / HTTP/1.0\r\n\r\n", Until("</BODY></HTML>"), Eof()])
        client.finish()
    assert time.monotonic() - began < LIMIT - 3
    waiting.stop()
