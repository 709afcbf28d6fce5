"""Whatever happens to rows while values are set aside: each comes back exactly, or is told as a conflict."""

import sqlite3
from contextlib import closing

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from troth.rules.map import Delete, Erase, Identifier, Map, MapTable, SetAside, Subject
from troth.stores.amend import Amendment, Cell
from troth.stores.connect import connect
from troth.stores.contract import Who

VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8"), max_size=4),
    st.binary(max_size=3),
)
WHOSE = st.sampled_from(["ada@example.org", "bob@example.org"])
ROWS = st.lists(st.tuples(WHOSE, VALUES, VALUES), min_size=1, max_size=4)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 4), st.sampled_from(["a", "b"]), VALUES),
        st.tuples(st.just("delete"), st.integers(1, 4)),
        st.tuples(st.just("insert"), st.integers(1, 4), WHOSE, VALUES, VALUES),
    ),
    max_size=5,
)
MAP = Map(
    store="kept",
    kind="sqlite",
    controller="main-entity",
    credentials={},
    placeholder={},
    tables={
        "kept": MapTable(
            "kept",
            {"id": "key", "email": "contact", "a": "identity", "b": "identity"},
            subject=Subject(("id",), (Identifier("email", "email", one_person=False),)),
            erase=Erase(Delete(), "dpo", "a test"),
            restriction=SetAside(("a", "b")),
        )
    },
)
ADA = [Who("ada", (("email", "ada@example.org"),))]


def read(path):
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(
            "SELECT id, email, typeof(a), a, typeof(b), b FROM kept ORDER BY id"
        ).fetchall()
    return {id_: (email, (kind_a, a), (kind_b, b)) for id_, email, kind_a, a, kind_b, b in found}


def change(path, changes):
    with closing(sqlite3.connect(path)) as connection, connection:
        for each in changes:
            match each:
                case "write", id_, column, value:
                    connection.execute(f"UPDATE kept SET {column} = ? WHERE id = ?", (value, id_))
                case "delete", id_:
                    connection.execute("DELETE FROM kept WHERE id = ?", (id_,))
                case "insert", id_, email, a, b:
                    connection.execute("INSERT OR IGNORE INTO kept VALUES (?, ?, ?, ?)", (id_, email, a, b))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, changes=CHANGES)
def test_each_value_comes_back_exactly_or_is_a_conflict(tmp_path, rows, changes):
    path = tmp_path / "kept.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY, email TEXT, a, b)")
        connection.executemany(
            "INSERT INTO kept VALUES (?, ?, ?, ?)", [(number, *row) for number, row in enumerate(rows, 1)]
        )
    url = f"sqlite:///{path}"
    store = connect(MAP, {"find": url, "change": url})
    try:
        start = read(path)
        saved = [
            Amendment(
                each.table,
                each.key,
                tuple(Cell(name, value, None) for name, value in each.values.items() if value is not None),
                each.witness,
            )
            for each in store.standing(ADA, {"kept": ("a", "b")}, copies=False)
        ]
        store.amend("aside", "p", saved, on_conflict="stop")
        change(path, changes)
        meanwhile = read(path)
        back = [
            Amendment(
                each.table, each.key, tuple(Cell(c.column, None, c.before) for c in each.cells), each.witness
            )
            for each in saved
        ]
        told = store.amend("back", "p", back, on_conflict="leave")
        after = read(path)
    finally:
        store.close()
    restored, left = 0, 0
    for id_, row in meanwhile.items():
        for at, column in ((1, "a"), (2, "b")):
            was = start[id_][at] if id_ in start else ("null", None)
            mine = id_ in start and start[id_][0] == row[0] == "ada@example.org" and was != ("null", None)
            if mine and row[at] in (("null", None), was):
                assert after[id_][at] == was, column
                restored += row[at] != was
            else:
                assert after[id_][at] == row[at], column
    assert {id_: row[0] for id_, row in after.items()} == {id_: row[0] for id_, row in meanwhile.items()}
    cells = sum(len(each.cells) for each in saved)
    already = sum(
        1
        for id_, row in meanwhile.items()
        for at in (1, 2)
        if id_ in start
        and start[id_][0] == row[0] == "ada@example.org"
        and start[id_][at] != ("null", None)
        and row[at] == start[id_][at]
    )
    left = sum(each.rows for each in told.conflicts)
    assert sum(each.rows for each in told.counts) == restored
    assert restored + already + left == cells
