"""The page for browsers: valid HTML that shows the facts, and nothing that comes from the network does any harm."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

from output.captured import LEAF, NOTHING
from output.test_facts import OFFER, SUMMARY
from support.hellos import extension, hello
from tlsdeck.output.facts import Facts, facts
from tlsdeck.output.page import html_reply, json_reply

FACTS = facts(SUMMARY, OFFER)
VOID = {"meta", "link"}


class Page(HTMLParser):
    """The elements of a page; each must be closed in its turn, and no id may come twice."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []
        ids = [attributes["id"] for _, attributes in self.seen if "id" in attributes]
        assert len(ids) == len(set(ids))
        assert {each["aria-labelledby"] for _, each in self.seen if "aria-labelledby" in each} <= set(ids)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)


def rendered(found: Facts = FACTS, classic: str = "") -> tuple[bytes, Page]:
    head, _, body = html_reply(found, classic).partition(b"\r\n\r\n")
    return head, Page(body.decode())


def test_the_head_begins_as_the_classic_one() -> None:
    head, _ = rendered()
    assert head.startswith(b"HTTP/1.0 200 ok\r\nContent-type: text/html\r\n")
    assert b"\r\nContent-Security-Policy: default-src 'none'; " in head


def test_the_facts_are_on_the_page() -> None:
    words = rendered()[1].words
    for word in (
        "TLS 1.3 with TLS_AES_128_GCM_SHA256", "x25519", "b.c", "h2", "0xABCD", "UNKNOWN", "GREASE",
        "Signatures over SHA-1", "EC secp256r1, 256 bits", "128 bits, authenticated encryption",
    ):  # fmt: skip
        assert any(word in each for each in words), word


def test_nothing_is_loaded_from_anywhere() -> None:
    _, page = rendered()
    assert {tag for tag, _ in page.seen} & {"script", "img", "iframe", "object", "form"} == set()
    targets = [
        value for _, attributes in page.seen for name, value in attributes.items() if name in {"href", "src"}
    ]
    assert targets == ["data:,", "/stats.json"]
    assert not any(name.startswith("on") for _, attributes in page.seen for name in attributes)


def test_the_classic_part_is_the_last_one() -> None:
    reply = html_reply(FACTS, "\n\ns_server -www \nNew, TLSv1.3, Cipher is X\n<b>&\n")
    assert (
        b"<pre>\n\ns_server -www \nNew, TLSv1.3, Cipher is X\n&lt;b&gt;&amp;\n</pre>\n</section>\n</main>"
        in reply
    )


@pytest.mark.parametrize(
    "evil", ["<script>alert(1)</script>", "\"'><img src=x>", "a\0b\x1b[2J\u202e", "\udcff&amp;"]
)
def test_what_comes_from_the_network_is_text(evil: str) -> None:
    certificate = LEAF.replace(subject=evil, issuer=evil, not_after=evil)
    summary = SUMMARY.replace(alpn=evil, peer=certificate, verify_code=1, verify_text=evil)
    plain = rendered(facts(SUMMARY.replace(alpn="a", peer=LEAF, verify_code=1, verify_text="b"), OFFER), "c")[
        1
    ]
    _, page = rendered(facts(summary, OFFER), evil)
    assert [tag for tag, _ in page.seen] == [tag for tag, _ in plain.seen]
    assert not any(character in "".join(page.words) for character in "\0\x1b\u202e")


@pytest.mark.parametrize("kind", [0, 16])
def test_names_in_the_hello_are_text(kind: int) -> None:
    evil = b"<b onclick='x'>\0"
    item = (b"\0" + len(evil).to_bytes(2, "big") if kind == 0 else bytes([len(evil)])) + evil
    raw = hello(extension(kind, (len(item).to_bytes(2, "big") + item).hex()))
    _, page = rendered(facts(SUMMARY, OFFER.replace(hello=raw)))
    assert "b" not in {tag for tag, _ in page.seen}
    assert any("<b onclick='x'>\\x00" in each for each in page.words)


@pytest.mark.parametrize(
    "summary, words",
    [
        (SUMMARY.replace(reused=True), "An earlier session was resumed."),
        (SUMMARY.replace(early_data="rejected"), "Early data: rejected."),
        (SUMMARY.replace(peer=LEAF), "Verification: verified."),
        (SUMMARY, "The client had none to resume."),
    ],
)
def test_sentences(summary: object, words: str) -> None:
    assert isinstance(summary, type(SUMMARY))
    assert any(words in each for each in rendered(facts(summary, OFFER))[1].words)


def test_a_poor_offer_makes_a_page_too() -> None:
    poor = OFFER.replace(
        hello=b"\x01", version=None, suites=(), group=None, server_keys=(), server_versions=()
    )
    page = rendered(facts(NOTHING, poor))[1]
    assert any("No connection was agreed on" in each for each in page.words)
    assert any(each == "Malformed" for each in page.words)


def test_a_modern_client_is_told_so() -> None:
    extensions = extension(23, "") + extension(65281, "00") + extension(0, "0006 0004 00 0001 61")
    extensions += extension(43, "02 0304") + extension(10, "0002 11ec")
    found = facts(SUMMARY, OFFER.replace(hello=hello(extensions)))
    assert any("Nothing. This is a modern client." in each for each in rendered(found)[1].words)


def test_json_has_the_same_facts() -> None:
    head, _, body = json_reply(FACTS).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 ok\r\nContent-type: application/json\r\n")
    told = json.loads(body)
    assert list(told) == ["chosen", "client", "server", "possible", "findings"]
    assert told["chosen"]["group"] == "x25519"
    assert told["client"]["suites"][0] == {
        "code": 0x1A1A,
        "name": "GREASE",
        "verdict": "grease",
        "remark": "",
    }
    assert told["server"]["keys"] == [{"kind": "EC", "group": "prime256v1", "bits": 256}]
    assert {each["rule"] for each in told["findings"]} == {each.rule for each in FACTS.findings}


def test_json_is_ascii_whatever_comes() -> None:
    told = json_reply(facts(SUMMARY.replace(alpn="ü\udcff"), OFFER)).partition(b"\r\n\r\n")[2]
    assert json.loads(told.decode("ascii"))["chosen"]["alpn"] == "ü\\xff"
