"""Markdown to man(7): what must arrive as it is, and what roff must not take for its own."""

from __future__ import annotations

import pytest

from tools.docs import roff


@pytest.mark.parametrize(
    "markdown, expected",
    [
        ("plain text", "plain text"),
        ("`-no-CAfile`", r"\fB\-no\-CAfile\fR"),
        ("a *word* here", r"a \fIword\fR here"),
        ("3 * 4", "3 * 4"),
        ("[a link](to/file.md)", "a link"),
        (r"a\b and `c\d`", r"a\eb and \fBc\ed\fR"),
        ("`it's ~ ^`", r"\fBit\(aqs \(ti \(ha\fR"),
        ("well-known", "well-known"),
    ],
)
def test_inline(markdown: str, expected: str) -> None:
    assert roff.inline(markdown) == expected


def test_each_sentence_has_a_line_of_its_own_and_is_filled() -> None:
    long = " ".join(["word"] * 20)
    assert list(roff.text(f"One ends.\nAnother e.g. goes on. `Code` too: {long}")) == [
        "One ends.",
        "Another e.g. goes on.",
        rf"\fBCode\fR too:{' word' * 12}",
        " ".join(["word"] * 8),
    ]


def test_no_line_begins_with_what_roff_takes_for_a_request() -> None:
    assert list(roff.text(".profile is a file")) == [r"\&.profile is a file"]
    assert r"\&.TH" in roff.blocks(["```\n.TH\n```"])


def test_first_block_below_a_tag_needs_no_macro() -> None:
    assert list(roff.blocks(["One.", "Two."], indented=True)) == ["One.", ".IP", "Two."]
    assert list(roff.blocks(["One.", "Two."])) == [".PP", "One.", ".PP", "Two."]


def test_list() -> None:
    assert list(roff.blocks(["- one\n  goes on\n- two"])) == [
        r".IP \(bu 2",
        "one goes on",
        r".IP \(bu 2",
        "two",
    ]


def test_table_loses_its_headline() -> None:
    assert list(roff.blocks(["| a | b |\n|---|---|\n| `x` | is | it |"])) == [".TP", r"\fBx\fR", "is | it"]
