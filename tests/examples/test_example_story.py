"""What the page tells of the people of the story is what happens to them."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from troth.stores.contract import Who
from troth.wiring import open_project

TODAY = date(2026, 11, 23)
MAELLE = (Who("maelle", (("email", "maelle.trevalenne@ateliers-loriots.example"),)),)
SEVERIN = (Who("severin", (("email", "severin.obrannagh@ateliers-loriots.example"),)),)
ILSE = (Who("ilse", (("email", "ilse.vantrooyen@kortebeek-atelier.example"),)),)
ANSELME = (Who("anselme", (("email", "anselme.quessandre@vaubrelle.example"),)),)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "example.md"
VERBS = {
    "deleted": {"delete"},
    "blanked": {"blank"},
    "retained": {"retain", "blank"},
    "stays": {"replace_owner"},
    "stay": {"replace_owner"},
    "six": {"replace_owner", "blank"},
    "13": {"delete", "blank"},
}
"""What the first word on the page means, in the words of a plan."""


@pytest.fixture
def project(demo, tmp_path, monkeypatch):
    import databases

    for store in databases.STORES:
        shutil.copyfile(demo / f"{store}.db", tmp_path / f"{store}.db")
    urls = {store: f"sqlite:///{tmp_path / store}.db" for store in databases.STORES}
    for name, url in databases.environment(urls).items():
        monkeypatch.setenv(name, url)
    opened = open_project(databases.project(tmp_path / "project", urls))
    yield opened
    opened.close()


def rows_of(project, who):
    """Return how many rows each table has about somebody, and how many of them conceal something."""
    found, concealed = Counter(), Counter()
    for store in project.stores.values():
        for row in store.find(who):
            found[f"{store.name}.{row.table}"] += 1
            concealed[f"{store.name}.{row.table}"] += bool(row.concealed)
    return found, concealed


def told():
    """Return the page's table about Maëlle: where, how many rows, what becomes of them."""
    part = (
        PAGE.read_text(encoding="utf-8").partition("# Maëlle Trévalenne\n")[2].partition("\nFour places")[0]
    )
    return re.findall(r"^\| `(\w+)\.(\w+)` \| (\d+) \| (\w+)", part, re.MULTILINE)


def test_erasing_maelle_would_do_what_the_page_says(project):
    measured = {name: store.measure(MAELLE, TODAY) for name, store in project.stores.items()}
    counts = {
        (store, one.table): {each.verb: each.rows for each in found.counts if each.table == one.table}
        for store, found in measured.items()
        for one in found.counts
    }
    assert counts.pop(("crm", "company")) == {"detach": 1}
    for store, table, rows, becomes in told():
        if (store, table) == ("crm", "address"):  # her colleagues and the company have the same
            assert ("crm", "address") not in counts
            continue
        verbs = counts.pop((store, table))
        assert set(verbs) == VERBS[becomes] or set(verbs) == {becomes.removesuffix("ed")}, table
        whole = verbs.get("retain") or sum(verbs.values())
        assert whole == int(rows), table
    assert counts == {}


def test_after_her_erasure_four_places_have_her_address_and_one_mention(project):
    hits = []
    for name, store in project.stores.items():
        store.act(f"erase {name}", MAELLE, TODAY, store.measure(MAELLE, TODAY))
        assert store.gone(MAELLE, TODAY) == 0
        hits += [
            (f"{name}.{hit.table}", hit.column, hit.rows, hit.verdict)
            for hit in store.scan(MAELLE, TODAY).hits
        ]
    assert sorted(hits) == [
        ("crm.forum_post", "body", 1, "copy"),
        ("support.app_log", "message", 1, "copy"),
        ("support.page_view", "payload", 1, "copy"),
        ("support.ticket", "cc_email", 1, "expected"),
        ("support.ticket_comment", "body", 1, "copy"),
    ]


def test_nothing_of_severins_goes_with_her(project):
    before, _ = rows_of(project, SEVERIN)
    for name, store in project.stores.items():
        store.act(f"erase {name}", MAELLE, TODAY, store.measure(MAELLE, TODAY))
    after, _ = rows_of(project, SEVERIN)
    assert after == before
    assert before["crm.address"] == 1


def test_ilse_is_found_in_support_and_nowhere_else(project):
    found, _ = rows_of(project, ILSE)
    assert {where.partition(".")[0] for where in found} == {"support"}
    assert found["support.account"] == found["support.newsletter"] == 1


def test_what_anselme_sees_of_other_people_is_concealed(project):
    found, concealed = rows_of(project, ANSELME)
    for where in ("crm.contact", "crm.lead", "crm.interaction", "support.ticket"):
        assert found[where] == concealed[where] > 10, where


def test_erasing_anselme_removes_no_row_of_anybody_else(project):
    crm = project.stores["crm"]
    assert {(one.table, one.verb, one.rows) for one in crm.measure(ANSELME, TODAY).counts} == {
        ("employee", "blank", 1)
    }
    support = project.stores["support"]
    assert {(one.table, one.verb, one.rows) for one in support.measure(ANSELME, TODAY).counts} == {
        ("agent", "blank", 1)
    }
