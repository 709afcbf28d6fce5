"""Walking a graph of two hundred tables, beside two hundred statements written by hand."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from bench.database import TODAY, who
from bench.measure import Line, in_turns
from troth.stores.connect import connect
from troth.stores.contract import Store
from troth.stores.map_file import read

TABLES = 200
BRANCHES = 3
SUBJECTS = 2_000
ROWS = 2  # of each table below each row of the table above it, until a subject has this many
PART = f"graph: {TABLES} tables in a tree, PostgreSQL"


def run(url: str, rounds: int) -> list[Line]:
    """Read and plan with and without knowing the tree by heart."""
    store = _open(url)
    with psycopg.connect(url) as connection:
        connection.prepare_threshold = 1
        ids = range(1, 2 * rounds + 1)
        hand = _by_hand(connection, "SELECT * FROM {}")
        ours = [len(list(store.find([who(f"{number}@x.example")]))) for number in ids[:3]]
        if ours != [hand(number) for number in ids[:3]]:
            raise SystemExit("The two sides do not find the same rows: the measurement means nothing.")
        find = in_turns(
            [lambda n=number: list(store.find([who(f"{n}@x.example")])) for number in ids[:rounds]],
            [lambda n=number: hand(n) for number in ids[rounds:]],
        )
        away = _by_hand(connection, "DELETE FROM {}")
        plan = in_turns(
            [lambda n=number: store.measure([who(f"{n}@x.example")], TODAY) for number in ids[:rounds]],
            [lambda n=number: away(n) for number in ids[rounds:]],
        )
    store.close()
    return [
        Line(PART, f"access, one subject with {ours[0]} rows", find[0], "ms", find[1], 4),
        Line(PART, "plan: the erasure measured and undone", plan[0], "ms", plan[1], 5),
    ]


def _above(number: int) -> int:
    return (number - 1) // BRANCHES


def _condition(number: int) -> str:
    """Write which rows of a table are a subject's, from table to table up to the customer."""
    if number == 0:
        return "id = %s"
    if _above(number) == 0:
        return "parent = %s"
    return f"parent IN (SELECT id FROM t{_above(number)} WHERE {_condition(_above(number))})"


def _by_hand(connection: psycopg.Connection, verb: str) -> Callable[[int], int]:
    """Run one statement for each table, the lowest first, and undo what it changed."""
    statements = [
        f"{verb.format(f't{number}')} WHERE {_condition(number)}" for number in reversed(range(TABLES))
    ]

    def run_all(subject: int) -> int:
        found = connection.execute("SELECT id FROM t0 WHERE email = %s", (f"{subject}@x.example",)).fetchone()
        assert found is not None
        rows = sum(connection.execute(statement, found).rowcount for statement in statements)
        connection.rollback()
        return rows

    return run_all


def _open(url: str) -> Store:
    """Build the tables, and open them through a map."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE t0 (id integer PRIMARY KEY, email text, word text)")
        connection.execute(
            "INSERT INTO t0 SELECT i, i || '@x.example', 'word' FROM generate_series(1, %s) AS i", (SUBJECTS,)
        )
        connection.execute("CREATE INDEX ON t0 (email)")
        for number in range(1, TABLES):
            connection.execute(f"CREATE TABLE t{number} (id integer PRIMARY KEY, parent integer, word text)")
            connection.execute(
                f"INSERT INTO t{number} SELECT i, (i - 1) / {ROWS} + 1, 'word' "
                f"FROM generate_series(1, {SUBJECTS * ROWS}) AS i"
            )
            connection.execute(f"CREATE INDEX ON t{number} (parent)")
        connection.execute("VACUUM ANALYZE")
    written = """
store: tree
kind: postgresql
credentials: {find: env:BENCH, change: env:BENCH}
controller: shop
tables:
  t0:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, word: usage}
    erase: {do: delete, by: dpo, because: nothing is owed}
"""
    for number in range(1, TABLES):
        written += f"""
  t{number}:
    belongs_to: [{{parent: t{_above(number)}.id}}]
    columns: {{id: key, parent: link, word: usage}}
    erase: {{do: delete, by: dpo, because: nothing is owed}}
"""
    found, problems = read(written, "tree.yaml")
    if found is None or problems:
        raise SystemExit("\n".join(map(str, problems)))
    return connect(found, {"find": url, "change": url})
