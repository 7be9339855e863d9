from __future__ import annotations

import ssl
from collections.abc import Mapping

import pytest

from tlsdeck import names

TABLES = {name: table for name, table in vars(names).items() if name.isupper() and isinstance(table, Mapping)}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_names_are_unique_and_in_order_of_their_codes(table: Mapping[int, str]) -> None:
    assert list(table) == sorted(table)
    assert len(set(table.values())) == len(table)


def test_alert_descriptions_have_the_codes_of_the_python_library() -> None:
    known = {code.name.removeprefix("ALERT_DESCRIPTION_").lower(): code for code in ssl.AlertDescription}
    ours = {name: code for code, name in names.ALERT_DESCRIPTIONS.items()}
    assert {name: ours[name] for name in ours.keys() & known.keys()} == {
        name: known[name] for name in ours.keys() & known.keys()
    }
    assert len(ours.keys() & known.keys()) > 20


def test_versions_have_the_codes_of_the_python_library() -> None:
    assert {
        names.VERSIONS[version].replace(" ", "v").replace(".", "_")
        for version in ssl.TLSVersion
        if version > 0
    } == {
        "SSLv3_0",
        "TLSv1_0",
        "TLSv1_1",
        "TLSv1_2",
        "TLSv1_3",
    }
    assert names.VERSIONS[ssl.TLSVersion.TLSv1_3] == "TLS 1.3"
