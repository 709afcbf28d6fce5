"""Values are corrected, set aside and put back exactly, or a conflict is told; nothing else changes."""

import sqlite3
from contextlib import closing

import pytest

from troth.errors import ConflictError, NotAllowedError
from troth.stores.amend import Amendment, Cell
from troth.stores.contract import Who

ADA = [Who("ada", (("email", "ada@example.org"),))]
SQLITE_TYPES = """
    CREATE TABLE kept (id integer PRIMARY KEY, email text, a text, b blob, c, d real, e numeric, f integer, g text);
    INSERT INTO kept VALUES
      (1, 'ada@example.org', '', x'00ff', 5, 0.1, 12345678901234567, -9223372036854775808, CAST(x'ff0041' AS TEXT)),
      (2, 'ada@example.org', 'é"''\\', x'', 'five', -1e308, 1.50, NULL, '5'),
      (3, 'bob@example.org', 'hers', x'01', 1, 1, 1, 1, '1');
"""
POSTGRESQL_TYPES = """
    CREATE TYPE mood AS ENUM ('calm', 'glad');
    CREATE DOMAIN short AS varchar(10) CHECK (length(VALUE) < 9);
    CREATE TABLE kept (id uuid PRIMARY KEY, email text, a text, b bytea, c json, d jsonb, e numeric(30, 10),
      f double precision, g timestamptz, h timestamp, i text[], j boolean, k interval, l mood, m inet, n date,
      o char(8), p int4range, q short, r real, s integer[][], t time with time zone, u bit(3), v tsvector, w money);
    SET TimeZone = 'Asia/Kathmandu';
    INSERT INTO kept VALUES
     ('00000000-0000-0000-0000-000000000001', 'ada@example.org', '', '\\x00ff', '{"b": 1,  "a": [null]}',
      '{"b": 1, "a": 2}', 1.50, 0.1, '2026-03-29 01:30:00.123456+01', 'infinity', ARRAY['', NULL, 'a,"b"'], true,
      '1 mon -3 days 04:05:06.7', 'glad', '10.0.0.1/8', '0044-03-15 BC', 'ab', '[1,5)', 'x', 1e-7,
      ARRAY[[1,2],[3,NULL]], '04:05:06+05:45', B'101', 'a:1 cat:2', 12.34),
     ('00000000-0000-0000-0000-000000000002', 'ada@example.org', NULL, '', 'null', 'null', 'NaN', '-infinity',
      '-infinity', '0001-01-01', '{}', false, '-1 day', 'calm', '::1', 'infinity', '', 'empty', '', 'NaN', '{}',
      '00:00+00', B'000', '', -0.01),
     ('00000000-0000-0000-0000-000000000003', 'bob@example.org', 'hers', NULL, NULL, NULL, NULL, NULL, NULL, NULL,
      NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
"""
LETTERS = {"sqlite": "abcdefg", "postgresql": "abcdefghijklmnopqrstuvw"}


def mapped(letters):
    columns = ", ".join(f"{letter}: identity" for letter in letters)
    return f"""
tables:
  kept:
    subject: {{key: id, identifiers: {{email: {{kind: email, one_person: false}}}}}}
    columns: {{id: key, email: contact, {columns}}}
    restriction: {{set_aside: [{", ".join(letters)}]}}
    erase: {{do: delete, by: dpo, because: a test}}
"""


def emptied(found):
    return [
        Amendment(
            each.table,
            each.key,
            tuple(Cell(name, value, None) for name, value in each.values.items() if value is not None),
            each.witness,
        )
        for each in found
    ]


def back(amendments):
    return [
        Amendment(
            each.table, each.key, tuple(Cell(c.column, c.after, c.before) for c in each.cells), each.witness
        )
        for each in amendments
    ]


def exactly(database):
    """Every value as the engine itself writes it, with its class."""
    if database.kind == "sqlite":
        with closing(sqlite3.connect(database.path)) as connection:
            connection.text_factory = bytes
            columns = ["id", "email", *LETTERS["sqlite"]]
            asked = ", ".join(f"typeof({name}), CAST({name} AS BLOB), {name}" for name in columns)
            return connection.execute(f"SELECT {asked} FROM kept ORDER BY id").fetchall()
    return database.query("SELECT kept::text FROM kept ORDER BY id")


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow])]
)
def kept(request):
    """A table with a column of each type, on each engine that can say values exactly."""
    database = request.getfixturevalue(f"{request.param}_database")
    database.run(SQLITE_TYPES if database.kind == "sqlite" else POSTGRESQL_TYPES)
    letters = LETTERS[database.kind]
    store = database.open(mapped(letters))
    return database, store, {"kept": tuple(letters)}


def test_every_type_is_set_aside_and_put_back_exactly(kept):
    database, store, wanted = kept
    before = exactly(database)
    saved = emptied(store.standing(ADA, wanted, copies=False))
    done = store.amend("aside", "p", saved, on_conflict="stop")
    assert sum(tally.rows for tally in done.counts) == sum(len(each.cells) for each in saved)
    left = store.standing(ADA, wanted, copies=False)
    assert [value for each in left for value in each.values.values() if value is not None] == []
    assert exactly(database)[2] == before[2]
    lifted = store.amend("back", "p", back(saved), on_conflict="leave")
    assert (lifted.conflicts, exactly(database)) == ((), before)


def test_said_again_a_step_changes_nothing_and_tells_the_same(kept):
    database, store, wanted = kept
    saved = emptied(store.standing(ADA, wanted, copies=False))
    first = store.amend("aside", "p", saved, on_conflict="stop")
    store.amend("back", "p", back(saved), on_conflict="leave")
    before = exactly(database)
    again = store.amend("aside", "p", saved, on_conflict="stop")
    assert again.resumed
    assert (again.counts, exactly(database)) == (first.counts, before)


def test_a_value_that_changed_since_it_was_read_stops_the_step(kept):
    database, store, wanted = kept
    saved = emptied(store.standing(ADA, wanted, copies=False))
    database.run("UPDATE kept SET a = 'newer' WHERE email = 'ada@example.org'")
    before = exactly(database)
    with pytest.raises(ConflictError, match="changed since they were read"):
        store.amend("aside", "p", saved, on_conflict="stop")
    assert exactly(database) == before


def test_what_changed_or_vanished_meanwhile_is_a_conflict_and_the_rest_is_put_back(kept):
    database, store, wanted = kept
    saved = emptied(store.standing(ADA, wanted, copies=False))
    store.amend("aside", "p", saved, on_conflict="stop")
    ids = [row[0] for row in database.query("SELECT id FROM kept ORDER BY id")]
    database.run(
        f"UPDATE kept SET a = 'newer' WHERE id = '{ids[0]}'", f"DELETE FROM kept WHERE id = '{ids[1]}'"
    )
    lifted = store.amend("back", "p", back(saved), on_conflict="leave")
    assert {(each.column, each.reason) for each in lifted.conflicts if each.reason == "changed"} == {
        ("a", "changed")
    }
    assert {each.column for each in lifted.conflicts if each.reason == "gone"} == {
        cell.column for cell in saved[1].cells
    }
    assert database.query(f"SELECT a FROM kept WHERE id = '{ids[0]}'") == [("newer",)]
    assert len(database.query("SELECT 1 FROM kept")) == 2


def test_another_row_that_got_the_key_meanwhile_is_left_alone(kept):
    database, store, wanted = kept
    saved = emptied(store.standing(ADA, wanted, copies=False))
    store.amend("aside", "p", saved, on_conflict="stop")
    ((first, *_),) = database.query("SELECT id FROM kept ORDER BY id LIMIT 1")
    database.run(
        f"DELETE FROM kept WHERE id = '{first}'",
        f"INSERT INTO kept (id, email) VALUES ('{first}', 'eve@example.org')",
    )
    lifted = store.amend("back", "p", back(saved), on_conflict="leave")
    assert {each.reason for each in lifted.conflicts} == {"gone"}
    assert database.query(f"SELECT email, a, b FROM kept WHERE id = '{first}'") == [
        ("eve@example.org", None, None)
    ]


def test_a_kind_that_cannot_says_so(database):
    database.run("CREATE TABLE kept (id integer PRIMARY KEY, email varchar(50), a varchar(50))")
    store = database.open(mapped("a"))
    if store.limits().amends:
        assert store.standing(ADA, {"kept": ("a",)}, copies=False) == ()
        return
    with pytest.raises(NotAllowedError, match="its kind cannot do that yet"):
        store.standing(ADA, {"kept": ("a",)}, copies=False)
