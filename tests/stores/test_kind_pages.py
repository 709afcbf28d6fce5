"""The page of each kind of store: its worked map runs on its worked tables, as the page says."""

import re
from datetime import date
from pathlib import Path

import pytest

from troth.rules.catalogue import Catalogue
from troth.stores.contract import Who
from troth.stores.map_file import read

PAGES = Path(__file__).resolve().parents[2] / "docs" / "stores"
TODAY = date(2026, 11, 23)
ADA = [Who("ada", (("email", "Ada@shop.example"),))]
ROWS = (
    "INSERT INTO customer VALUES (1, 'ada@shop.example', 'Ada'), (2, 'ben@shop.example', 'Ben')",
    "INSERT INTO invoice VALUES (1, 1, '2026-01-31', 'roses'), (2, 1, '2010-01-31', NULL), (3, 2, '2026-01-31', 'x')",
    "INSERT INTO visit VALUES (1, 'ADA@shop.example', '/'), (2, 'ben@shop.example', '/')",
)


def block(kind, language):
    text = (PAGES / f"{kind}.md").read_text(encoding="utf-8")
    return re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)[1]


@pytest.mark.parametrize(
    "kind",
    [
        "sqlite",
        pytest.param("duckdb", marks=pytest.mark.slow),
        pytest.param("mariadb", marks=[pytest.mark.mariadb, pytest.mark.slow]),
        pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow]),
    ],
)
def test_the_worked_map_of_a_kind_erases_as_its_page_says(request, kind):
    database = request.getfixturevalue(f"{kind}_database")
    made = [statement.strip() for statement in block(kind, "sql").split(";") if statement.strip()]
    if kind == "duckdb":  # with its foreign keys, which `run` leaves out
        with database.connect() as connection:
            for statement in made:
                connection.execute(statement)
    else:
        database.run(*made)
    database.run(*ROWS)
    found, problems = read(block(kind, "yaml"), "stores/shop.yaml")
    assert problems == ()
    assert found.kind == kind
    store = database.open(found)
    assert isinstance(store.catalogue(), Catalogue)
    assert {(row.table, row.values["id"]) for row in store.find(ADA)} == {
        ("customer", 1), ("invoice", 1), ("invoice", 2), ("visit", 1),
    }  # fmt: skip
    done = store.act("one", ADA, TODAY, store.measure(ADA, TODAY))
    assert (done.grade, done.expires) == ("archived", date(2036, 1, 31))
    assert database.query("SELECT email, name FROM customer ORDER BY id") == [
        (None, None),
        ("ben@shop.example", "Ben"),
    ]
    assert database.query("SELECT id, gift_note FROM invoice ORDER BY id") == [(1, None), (3, "x")]
    assert database.query("SELECT id FROM visit") == [(2,)]
    assert store.gone(ADA, TODAY) == 0
