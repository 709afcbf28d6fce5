"""Values are corrected and put back in tables of every shape: parts, schemas, triggers; views are left alone."""

from datetime import date

import duckdb
import pytest

from stores.test_amend import ADA, back, emptied
from troth.errors import NotAllowedError
from troth.stores.amend import Amendment, Cell
from troth.stores.contract import SideEffect

pytestmark = pytest.mark.slow
TODAY = date(2026, 11, 23)
MAP = """
tables:
  NAME:
    subject: {key: [id, day], identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, day: key, email: contact, a: identity}
    restriction: {set_aside: [a]}
    erase: {do: delete, by: dpo, because: a test}
"""
COLUMNS = "(id integer, day date, email varchar(90), a varchar(90), PRIMARY KEY (id, day))"
ROWS = (
    "(1, '2025-03-01', 'ada@example.org', 'x'), (1, '2026-03-01', 'ada@example.org', 'y'), "
    "(2, '2026-03-01', 'b@x.example', 'z')"
)
SHAPES = {
    "sqlite": ("kept", [f"CREATE TABLE kept {COLUMNS} WITHOUT ROWID"]),
    "duckdb": ("crm.kept", ["CREATE SCHEMA crm", f"CREATE TABLE crm.kept {COLUMNS}"]),
    "mariadb": (
        "kept",
        [
            f"CREATE TABLE kept {COLUMNS} PARTITION BY RANGE (year(day)) "
            "(PARTITION a VALUES LESS THAN (2026), PARTITION b VALUES LESS THAN MAXVALUE)"
        ],
    ),
    "postgresql": (
        "crm.kept",
        [
            "CREATE SCHEMA crm",
            f"CREATE TABLE crm.kept {COLUMNS} PARTITION BY RANGE (day)",
            "CREATE TABLE crm.kept_a PARTITION OF crm.kept FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
            "CREATE TABLE crm.kept_b PARTITION OF crm.kept DEFAULT",
        ],
    ),
}


@pytest.fixture
def shaped(database):
    """A table in parts or in another schema, a view of it, and the store."""
    name, made = SHAPES[database.kind]
    database.run(
        *made, f"INSERT INTO {name} VALUES {ROWS}", f"CREATE VIEW everybody AS SELECT email, a FROM {name}"
    )
    return database, name, database.open(MAP.replace("NAME", name))


def test_the_catalogue_has_the_table_once_and_no_view(shaped):
    _, name, store = shaped
    assert [table.name for table in store.catalogue().tables] == [name]


def test_in_parts_and_schemas_values_are_set_aside_and_put_back(shaped):
    database, name, store = shaped
    before = database.everything(name)
    saved = emptied(store.standing(ADA, {name: ("a",)}, copies=False))
    done = store.amend("aside", "p", saved, on_conflict="stop")
    assert ([(each.column, each.rows) for each in done.counts], done.side_effects) == ([("a", 2)], ())
    assert [row[0] for row in database.query(f"SELECT a FROM {name} ORDER BY id, day")] == [None, None, "z"]
    assert store.amend("back", "p", back(saved), on_conflict="leave").conflicts == ()
    assert database.everything(name) == before


def test_in_parts_and_schemas_an_erasure_takes_every_row_of_one_person(shaped):
    database, name, store = shaped
    acted = store.act("one", ADA, TODAY, store.measure(ADA, TODAY))
    assert [(each.table, each.verb, each.rows) for each in acted.counts] == [(name, "delete", 2)]
    assert database.query(f"SELECT id, a FROM {name}") == [(2, "z")]
    assert store.gone(ADA, TODAY) == 0


PLAIN = MAP.replace("NAME", "kept").replace("[id, day]", "id").replace("day: key, ", "")


def noting(database):
    """A table whose trigger notes each change in another."""
    database.run(
        "CREATE TABLE kept (id integer PRIMARY KEY, email varchar(90), a varchar(90))",
        "CREATE TABLE noted (what varchar(90))",
        "INSERT INTO kept VALUES (1, 'ada@example.org', 'x'), (2, 'b@x.example', 'z')",
    )
    if database.kind == "postgresql":
        database.run(
            "CREATE FUNCTION noting() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN INSERT INTO noted VALUES ('changed'); RETURN NEW; END $$",
            "CREATE TRIGGER noting AFTER UPDATE ON kept FOR EACH ROW EXECUTE FUNCTION noting()",
        )
    else:
        body = "INSERT INTO noted VALUES ('changed')"
        body = f"BEGIN {body}; END" if database.kind == "sqlite" else f"FOR EACH ROW {body}"
        database.run(f"CREATE TRIGGER noting AFTER UPDATE ON kept {body}")
    return database.open(PLAIN + "  noted: {impersonal: what happened}\n")


def test_what_a_trigger_writes_when_values_change_is_told_beforehand(database):
    if database.kind == "duckdb":  # it has no triggers
        with pytest.raises(duckdb.Error):
            noting(database)
        return
    store = noting(database)
    saved = emptied(store.standing(ADA, {"kept": ("a",)}, copies=False))
    _, tried = store.try_out(saved, on_conflict="stop")
    assert tried.side_effects == (SideEffect("noted", "insert", 1),)
    assert database.query("SELECT count(*) FROM noted") == [(0,)]
    assert store.amend("aside", "p", saved, on_conflict="stop").side_effects == tried.side_effects
    assert database.query("SELECT count(*) FROM noted") == [(1,)]


@pytest.mark.mariadb
def test_a_trigger_that_writes_another_value_undoes_the_change_on_mariadb(mariadb_database):
    mariadb_database.run(
        "CREATE TABLE kept (id integer PRIMARY KEY, email varchar(90), a varchar(90))",
        "INSERT INTO kept VALUES (1, 'ada@example.org', 'x')",
        "CREATE TRIGGER louder BEFORE UPDATE ON kept FOR EACH ROW SET NEW.a = concat(coalesce(NEW.a, ''), '!')",
    )
    store = mariadb_database.open(PLAIN)
    (row,) = store.standing(ADA, {"kept": ("a",)}, copies=False)
    change = Amendment("kept", row.key, (Cell("a", row.values["a"], None),), row.witness)
    with pytest.raises(NotAllowedError, match="a trigger may have put others there"):
        store.amend("aside", "p", [change], on_conflict="stop")
    assert mariadb_database.query("SELECT a FROM kept") == [("x",)]
