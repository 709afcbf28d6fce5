"""Somebody of the example is found by name and one thing more, in each of its stores."""

import sqlite3
from contextlib import closing

import pytest

import story
from shop_project import opened
from troth.rules.staff import Grant, Staff
from troth.work import find_people

DPO = Staff("dpo", (Grant("dpo"),))
TABLES = {"crm": "contact", "billing": "customer", "support": "account"}


@pytest.fixture
def company(demo, tmp_path, clock, monkeypatch):
    import databases

    urls = {store: f"sqlite:///{demo / store}.db" for store in databases.STORES}
    for name, url in databases.environment(urls).items():
        monkeypatch.setenv(name, url)
    made = opened(databases.project(tmp_path / "project", urls), clock)
    yield made
    made.close()
    made.ledger.close()


def find(company, name, other):
    number = story.ask(company, "access", email="somebody@example.org")
    return find_people.by_name_and(company, name, other, number, "A letter came by hand.", DPO)


def test_a_name_and_an_address_find_somebody_in_every_store(company):
    found = find(company, "Trévalenne maëlle", "maelle.trevalenne@ateliers-loriots.example")
    assert {
        store: table
        for store, table in TABLES.items()
        if (store, table) in {(one.store, one.table) for one in found}
    } == TABLES
    assert "Maëlle" not in str(found)


def test_a_company_is_known_beside_a_name_and_is_none(company, demo):
    with closing(sqlite3.connect(demo / "billing.db")) as database:
        [(name, works_for)] = database.execute("SELECT contact_name, company_name FROM customer WHERE id = 1")
    assert [one.table for one in find(company, name, works_for)] == ["customer"]
    assert find(company, works_for, name) == ()
