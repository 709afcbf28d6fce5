"""The page about the law says what the tables say."""

import re
from pathlib import Path

import pytest

from troth.law import table
from troth.law.jurisdiction import jurisdictions

PAGE = Path(__file__).parents[2] / "docs" / "law.md"


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


def test_every_place_stands_in_the_table(page):
    rows = [line for line in page.splitlines() if re.match(r"\| [A-Z]{2}[ ,|A-Z0-9-]* \|", line)]
    codes = set(re.findall(r"[A-Z]{2}(?:-[A-Z0-9]{2,3})?", " ".join(row.split("|")[1] for row in rows)))
    assert codes == {place.code for place in jurisdictions()}


def test_every_file_and_every_pending_pack_is_named(page):
    for name in table.names():
        assert f"| `{name}` |" in page
        for rows in table.read(name).values():
            for row in rows:
                assert row.pack is None or f"| `{row.pack}` |" in page


def test_every_unverified_place_is_named(page):
    unsure = [
        place.en.split(" (")[-1].rstrip(")") for place in jurisdictions() if place.confidence == "verify"
    ]
    listed = page.split("## What is unverified")[1]
    assert len(unsure) == 10
    for name in unsure:
        assert name in listed
