"""The maps of the example are true of its databases, and fit to be acted on."""

from __future__ import annotations

import sqlite3

import pytest

from troth.rules import map_check, sweep
from troth.rules.map import Blank, Delete, Flag, ReplaceOwner, Retain, SetAside
from troth.stores.catalogue import read_postgresql, read_sqlite
from troth.stores.map_file import read

STORES = ("crm", "billing", "support")


def map_of(group, store, kind=None):
    text = (group / "stores" / f"{store}.yaml").read_text(encoding="utf-8")
    if kind is not None:
        text = text.replace("\nkind: postgresql\n", f"\nkind: {kind}\n")
    found, problems = read(text, f"stores/{store}.yaml")
    assert problems == ()
    return found


@pytest.mark.parametrize("store", STORES)
def test_a_map_is_true_of_its_database(group, demo, policy, store):
    catalogue = read_sqlite(sqlite3.connect(demo / f"{store}.db"), store)
    assert map_check.check(map_of(group, store, "sqlite"), catalogue, policy) == ()


@pytest.mark.slow
def test_the_map_of_crm_is_true_of_postgresql_too(group, policy, postgresql, tmp_path):
    import databases
    import psycopg

    databases.create(tmp_path, postgresql)
    with psycopg.connect(postgresql) as connection:
        catalogue = read_postgresql(connection, "crm")
    assert map_check.check(map_of(group, "crm"), catalogue, policy) == ()


def test_the_maps_show_every_way_that_rows_hang_together(group):
    maps = [map_of(group, store) for store in STORES]
    edges = [edge for one in maps for edge in one.edges()]
    assert {edge.kind for edge in edges} == {"belongs_to", "points_to", "mentions"}
    assert any(edge.conceals for edge in edges)
    assert any(isinstance(edge.leaving, ReplaceOwner) for edge in edges)
    assert any(edge.leaving and not isinstance(edge.leaving, ReplaceOwner) for edge in edges)
    tables = [table for one in maps for table in one.tables.values()]
    actions = {type(table.erase.do) for table in tables if table.erase}
    assert actions == {Delete, Blank, Retain, ReplaceOwner}
    assert {type(table.restriction) for table in tables if table.restriction} == {Flag, SetAside}
    assert any(table.copies for table in tables)
    assert any(table.impersonal for table in tables)
    assert all(one.backups_expire for one in maps)
    assert any(one.placeholder for one in maps)


def test_whatever_a_map_binds_can_be_counted_and_swept(group, policy):
    """A promise that data is anonymised is bound to no table whose rows the map deletes."""
    found = list(sweep.bound(policy, {store: map_of(group, store) for store in STORES}))
    assert [(one.name, one.why_not) for one in found if one.why_not] == []
    anonymised = {one.name for one in found if one.rule.then == "anonymise"}
    assert anonymised == {"crm.forum_post.forum", "support.survey_answer.surveys"}


def test_every_retention_in_a_map_is_promised(group, policy):
    bound = {
        rule.promise
        for store in STORES
        for table in map_of(group, store).tables.values()
        for rule in table.retention
    }
    assert len(bound) >= 9
    for promise in bound:
        assert policy.find(promise) is not None, promise


def test_what_the_law_keeps_is_kept_as_long_as_the_policy_says(group, policy):
    invoices = policy.retention["invoices"].period
    for table in map_of(group, "billing").tables.values():
        if table.erase and isinstance(table.erase.do, Retain):
            assert table.erase.do.period == invoices, table.name
            assert "L123-22" in table.erase.do.legal


def test_the_controller_of_each_store_is_a_company_of_the_policy(group, policy):
    companies = {entity.key for entity in policy.group.entities}
    assert {map_of(group, store).controller for store in STORES} <= companies


def test_the_project_is_copied_with_the_kind_that_its_crm_has(demo, tmp_path):
    import databases

    from troth.wiring import open_project

    urls = {store: f"sqlite:///{demo / store}.db" for store in STORES}
    project = open_project(databases.project(tmp_path / "copy", urls))
    assert project.maps["crm"].kind == "sqlite"
    assert len(project.policy.promises) > 80

    project = open_project(
        databases.project(tmp_path / "other", {**urls, "crm": "postgresql://localhost/crm"})
    )
    assert project.maps["crm"].kind == "postgresql"
