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
MARIADB_TYPES = """
    CREATE TABLE kept (id binary(2) PRIMARY KEY, email varchar(50), a varchar(20) CHARACTER SET latin1, b varbinary(9),
      c double, d float, e decimal(40, 20), f bit(9), g enum('calm', 'glad'), h set('x', 'y'), i year, j time(6),
      k datetime(6), l timestamp(3) NULL, m date, n json, o inet6, p point, q longtext, r bigint unsigned, s tinyint(1),
      t int zerofill, u uuid, v char(8), w longblob);
    INSERT INTO kept VALUES
     (x'0001', 'ada@example.org', 'é€', x'00ff', 0.30000000000000004, 0.1, 1.50, b'100000001', 'glad', 'x,y', 2026,
      '-838:59:59', '2026-03-29 01:30:00.123456', '2026-03-29 02:30:00.5', '1000-01-01', '{"b":  1, "a": [null]}',
      '::1', ST_GeomFromText('POINT(1 2)', 4326), 'a\\b"''', 18446744073709551615, 1, 42,
      '00000000-0000-0000-0000-00000000000a', 'ab', x'00'),
     (x'00ff', 'ada@example.org', '', '', -1.7976931348623157e308, 16777216, 0, b'0', 'calm', '', 1999, '00:00:00',
      NULL, NULL, '9999-12-31', 'null', '::ffff:10.0.0.1', NULL, ' ', 0, 0, 0, NULL, '', ''),
     (x'0300', 'bob@example.org', 'hers', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
      NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
"""
DUCKDB_TYPES = """
    CREATE TABLE kept (id uuid PRIMARY KEY, email text, a text, b blob, c json, d double, e decimal(30, 10), f float,
      g timestamptz, h timestamp, i text[], j boolean, k interval, l enum ('calm', 'glad'), m hugeint, n date,
      o struct(x integer, y varchar), p map(varchar, integer), q integer[3], r timestamp_ns, s integer[][],
      t time with time zone, u bit, v union(n integer, w varchar), w struct(t timestamptz, l varchar[])[]);
    SET TimeZone = 'Asia/Kathmandu';
    INSERT INTO kept VALUES
     ('00000000-0000-0000-0000-000000000001', 'ada@example.org', '', '\\x00\\xFF\\x5C'::BLOB, '{"b": 1,  "a": [null]}',
      0.1, 1.50, 1e-7, '2026-03-29 01:30:00.123456+01', 'infinity', ['', NULL, 'a,"b', 'NULL', ' x '], true,
      INTERVAL '-1 month -3 days 04:05:06.7', 'glad', -170141183460469231731687303715884105728, '0044-03-15 (BC)',
      {'x': 1, 'y': 'a, "b" NULL'}, MAP {'a=b': 1, 'c': NULL}, [1, NULL, 3], '2026-01-01 00:00:00.123456789',
      [[1], [NULL], NULL, []], '04:05:06+05:45', '0101', union_value(w := '5'),
      [{'t': '2026-03-29 01:30:00+01', 'l': ['"', '''']}]),
     ('00000000-0000-0000-0000-000000000002', 'ada@example.org', 'é', '', 'null', 'nan', 0, '-inf', '-infinity',
      '0001-01-01', [], false, '-1 day', 'calm', 0, 'infinity', NULL, MAP {}, NULL, NULL, [], '00:00:00+00', '1',
      union_value(n := 5), []),
     ('00000000-0000-0000-0000-000000000003', 'bob@example.org', 'hers', NULL, NULL, NULL, NULL, NULL, NULL, NULL,
      NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
"""
TYPES = {
    "sqlite": SQLITE_TYPES,
    "postgresql": POSTGRESQL_TYPES,
    "mariadb": MARIADB_TYPES,
    "duckdb": DUCKDB_TYPES,
}
LETTERS = {kind: "abcdefg" if kind == "sqlite" else "abcdefghijklmnopqrstuvw" for kind in TYPES}


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
    if database.kind == "mariadb":
        bare = ", ".join(
            f"{name}, HEX(CAST({name} AS BINARY))" for name in LETTERS["mariadb"] if name not in "fd"
        )
        return database.query(f"SELECT HEX(id), email, f + 0, d + 0e0, {bare} FROM kept ORDER BY id")
    if database.kind == "duckdb":
        return database.query("SELECT kept::text, v::text FROM kept ORDER BY id")
    return database.query("SELECT kept::text FROM kept ORDER BY id")


def keys(database):
    """The keys of every row, as they are written in a statement."""
    if database.kind == "mariadb":
        return [f"x'{key}'" for (key,) in database.query("SELECT HEX(id) FROM kept ORDER BY id")]
    return [f"'{key}'" for (key,) in database.query("SELECT id FROM kept ORDER BY id")]


@pytest.fixture
def kept(database):
    """A table with a column of each type, on each engine."""
    statements = TYPES[database.kind]
    database.run(*(statements.split(";\n") if database.kind == "mariadb" else [statements]))
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
    first, second, _ = keys(database)
    database.run(f"UPDATE kept SET a = 'newer' WHERE id = {first}", f"DELETE FROM kept WHERE id = {second}")
    lifted = store.amend("back", "p", back(saved), on_conflict="leave")
    assert {(each.column, each.reason) for each in lifted.conflicts if each.reason == "changed"} == {
        ("a", "changed")
    }
    assert {each.column for each in lifted.conflicts if each.reason == "gone"} == {
        cell.column for cell in saved[1].cells
    }
    assert database.query(f"SELECT a FROM kept WHERE id = {first}") == [("newer",)]
    assert len(database.query("SELECT 1 FROM kept")) == 2


def test_another_row_that_got_the_key_meanwhile_is_left_alone(kept):
    database, store, wanted = kept
    saved = emptied(store.standing(ADA, wanted, copies=False))
    store.amend("aside", "p", saved, on_conflict="stop")
    first, *_ = keys(database)
    database.run(
        f"DELETE FROM kept WHERE id = {first}",
        f"INSERT INTO kept (id, email) VALUES ({first}, 'eve@example.org')",
    )
    lifted = store.amend("back", "p", back(saved), on_conflict="leave")
    assert {each.reason for each in lifted.conflicts} == {"gone"}
    assert database.query(f"SELECT email, a, b FROM kept WHERE id = {first}") == [
        ("eve@example.org", None, None)
    ]


UNIQUE = """
tables:
  kept:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, a: identity, b: identity}
    restriction: {set_aside: [a, b]}
    erase: {do: delete, by: dpo, because: a test}
"""


def test_what_the_database_refuses_stays_aside_and_the_rest_is_put_back(database):
    database.run(
        "CREATE TABLE kept (id integer PRIMARY KEY, email varchar(50), a varchar(50) UNIQUE, b varchar(50))",
        "INSERT INTO kept VALUES (1, 'ada@example.org', 'x', 'y'), (2, 'ADA@example.org', 'z', 'z'), "
        "(3, 'bob@example.org', NULL, NULL), (4, 'ada@example.org', 'w', 'w')",
    )
    store = database.open(UNIQUE)
    saved = emptied(store.standing(ADA, {"kept": ("a", "b")}, copies=False))
    store.amend("aside", "p", saved, on_conflict="stop")
    database.run("UPDATE kept SET a = 'x' WHERE id = 3")
    _, tried = store.try_out(back(saved), on_conflict="leave")
    lifted = store.amend("back", "p", back(saved), on_conflict="leave")
    assert tried.conflicts == lifted.conflicts
    assert {(each.column, each.reason, each.rows) for each in lifted.conflicts} == {
        ("a", "refused", 1),
        ("b", "refused", 1),
    }
    assert database.query("SELECT id, a, b FROM kept ORDER BY id") == [
        (1, None, None),
        (2, "z", "z"),
        (3, "x", None),
        (4, "w", "w"),
    ]


def test_a_value_that_its_column_does_not_take_is_refused_with_a_sentence(database):
    database.run(
        "CREATE TABLE kept (id integer PRIMARY KEY, email varchar(50), a integer, b date)",
        "INSERT INTO kept VALUES (1, 'ada@example.org', 5, '2026-01-01')",
    )
    store = database.open(UNIQUE)
    (row,) = store.standing(ADA, {"kept": ("a", "b")}, copies=False)
    before = database.query("SELECT * FROM kept")
    for column, given in (("a", "five"), ("b", "yesterday week")):
        change = Amendment("kept", row.key, (Cell(column, row.values[column], store.coded(given)),))
        if database.kind == "sqlite":  # a column takes whatever it is given there
            ((settled,), _) = store.try_out([change], on_conflict="stop")
            assert store.shown(settled.cells[0].after) == given
            continue
        with pytest.raises(NotAllowedError, match="a column does not take the new value") as raised:
            store.try_out([change], on_conflict="stop")
        assert given not in str(raised.value)
    assert database.query("SELECT * FROM kept") == before


def test_what_an_engine_cannot_say_exactly_is_refused(duckdb_database):
    duckdb_database.run(
        "CREATE TABLE kept (id integer PRIMARY KEY, email text, a variant)",
        "INSERT INTO kept VALUES (1, 'ada@example.org', {'x': 1}::VARIANT)",
    )
    with pytest.raises(NotAllowedError, match=r"`kept\.a` can be neither corrected nor set aside"):
        duckdb_database.open(mapped("a")).standing(ADA, {"kept": ("a",)}, copies=False)


@pytest.mark.mariadb
@pytest.mark.slow
def test_a_writing_in_which_two_texts_are_one_is_refused(mariadb_database):
    mariadb_database.run(
        "CREATE TABLE kept (id integer PRIMARY KEY, email varchar(50), a varchar(9) CHARACTER SET sjis)",
        "INSERT INTO kept VALUES (1, 'ada@example.org', x'5C7E')",
    )
    with pytest.raises(NotAllowedError, match="two values may be written alike"):
        mariadb_database.open(mapped("a")).standing(ADA, {"kept": ("a",)}, copies=False)


@pytest.mark.mariadb
@pytest.mark.slow
def test_rows_whose_keys_differ_by_case_alone_are_told_apart(mariadb_database):
    """A collation may take two copies for one; each is corrected for all that."""
    mariadb_database.run(
        "CREATE TABLE kept (id integer PRIMARY KEY, email varchar(50))",
        "CREATE TABLE note (id varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, of_email varchar(50))",
        "INSERT INTO kept VALUES (1, 'ada@example.org')",
        "INSERT INTO note VALUES ('x', 'ada@example.org'), ('X', 'ada@example.org')",
    )
    store = mariadb_database.open(
        """
tables:
  kept:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact}
    erase: {do: delete, by: dpo, because: a test}
  note:
    belongs_to: [{of_email: kept.email}]
    columns: {id: key, of_email: contact}
    erase: {do: delete, by: dpo, because: a test}
"""
    )
    found = store.standing(ADA, {"kept": ("email",)}, copies=True)
    assert sorted((each.table, each.key) for each in found) == [
        ("kept", ("t1",)),
        ("note", ("tX",)),
        ("note", ("tx",)),
    ]
