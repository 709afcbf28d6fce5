"""Reading tables for the residue search: given up halfway, failing halfway, and what is found of a beginning only."""

import sqlite3
import time

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.rules.catalogue import CatalogueTable, Column
from troth.stores.catalogue import read_sqlite
from troth.stores.contract import Who
from troth.stores.residue import scan
from troth.stores.residue_reading import BATCH_MIN, Table, postgresql_batches
from troth.stores.searcher import Searcher, beginnings

LETTERS = st.text("ab@.", max_size=40).map(str.encode)


@given(st.lists(LETTERS.filter(bool), max_size=6), LETTERS)
def test_a_beginning_is_found_wherever_its_whole_is(patterns, text):
    begun = beginnings(patterns)
    assert all(whole.startswith(part) for whole, part in zip(patterns, begun, strict=True))
    found = {number for number, _ in Searcher([(part, True) for part in begun]).find(text)}
    assert {number for number, whole in enumerate(patterns) if whole in text} <= found


def test_what_all_have_in_common_at_the_end_is_cut_off():
    patterns = [f"someone.{number:04}@provider.example".encode() for number in range(500)]
    assert {part[-8:] for part in beginnings(patterns)}.isdisjoint({b".example", b"provider"})
    assert len(set(beginnings(patterns))) == 500


def test_a_beginning_that_goes_on_otherwise_is_no_hit():
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)")
    connection.executemany(
        "INSERT INTO note (body) VALUES (?)",
        [("ada.lovelace.of.london@example.net",), ("ada.lovelace.of.london@example.org",), ("ada.lovelace",)],
    )
    who = [Who("one", (("email", "ada.lovelace.of.london@example.org"),))]
    hits = scan(connection, read_sqlite(connection, "shop"), ["email"], who).hits
    assert [(hit.rows, hit.verdict) for hit in hits] == [(1, "copy")]


@pytest.fixture
def big(postgresql):
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE big AS SELECT i AS id, repeat('x', 1000) AS body FROM generate_series(1, 30000) i"
        )
        connection.execute(
            "CREATE VIEW failing AS SELECT id, (1 / (25000 - id))::text || body AS body FROM big"
        )
        yield connection


def table(name):
    columns = (Column("id", "integer", "number", True), Column("body", "text", "text", True))
    return Table(CatalogueTable(name, columns, (), parts=("public", name)), columns, 100, [])


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_reading_given_up_halfway_leaves_a_connection_that_works(big):
    started = time.perf_counter()
    batches = postgresql_batches(big, table("big"))
    assert len(next(batches).buffer) >= BATCH_MIN
    batches.close()
    assert big.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert big.execute("SELECT count(*) FROM big").fetchone() == (30_000,)
    assert time.perf_counter() - started < 10


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_reading_that_fails_halfway_raises_what_the_server_said(big):
    read = 0
    with pytest.raises(psycopg.errors.DivisionByZero):
        for batch in postgresql_batches(big, table("failing")):
            read += len(batch.buffer)
    assert read > BATCH_MIN
    assert big.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_server_that_goes_away_is_an_error_and_no_silence(big, postgresql):
    batches = postgresql_batches(big, table("big"))
    next(batches)
    with psycopg.connect(postgresql, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (big.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        list(batches)
