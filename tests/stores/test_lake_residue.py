"""In a lake, an identifier is found in a column of whatever type can hold it, in every batch of rows."""

import pickle
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from troth.rules.catalogue import Catalogue
from troth.stores import lake_residue
from troth.stores.connect import connect
from troth.stores.contract import Who
from troth.stores.map_file import read

TODAY = date(2026, 11, 23)
ADA, PHONE = "ada@example.org", "+33612345678"
WHO = [Who("ada", (("email", ADA), ("phone", PHONE)))]
MAP = """
store: shop
kind: lake
credentials: {find: "lake:///lake"}
controller: shop
tables:
  people:
    subject: {key: email, identifiers: {email: {kind: email, one_person: true}, phone: {kind: phone, one_person: true}}}
    columns: {email: contact, phone: contact}
    erase: {do: delete, by: dpo, because: a test}
"""
COLUMNS = {
    "text": pa.array(["", f"from {ADA}", None]),
    "wide": pa.array([None, ADA.upper(), "x"], pa.large_string()),
    "coded": pa.array([ADA, ADA, None]).dictionary_encode(),
    "number": pa.array([33612345678, 4, None]),
    "rounded": pa.array([33612345678.0, 0.5, None]),
    "exact": pa.array([Decimal("33612345678.00"), None, Decimal(0)], pa.decimal128(20, 2)),
    "several": pa.array([["a", ADA], None, []]),
    "document": pa.array([{"to": {"mail": ADA}}, None, {"to": {"mail": "x"}}]),
    "raw": pa.array([b"\xff" + ADA.encode("utf-16"), None, b""], pa.binary()),
    "at": pa.array([datetime(2026, 1, 2, 3, 4), None, None]),
    "open": pa.array([True, None, False]),
    "nothing": pa.array([None, None, None], pa.string()),
}


@pytest.fixture
def lake(tmp_path):
    found, problems = read(MAP, "shop.yaml")
    assert not problems
    nobody = pa.table({"email": ["eve@example.org"], "phone": ["+33700000001"]})
    pq.write_table(nobody, tmp_path / "people.parquet")
    yield connect(found, {"find": f"lake://{tmp_path}"})


def found_in(lake):
    return {(hit.column, hit.rows, hit.verdict) for hit in lake.scan(WHO, TODAY).hits}


def test_every_type_that_can_hold_an_identifier_is_searched(lake, tmp_path):
    pq.write_table(pa.table(COLUMNS), tmp_path / "note.parquet")
    assert found_in(lake) == {
        ("text", 1, "copy"),
        ("wide", 1, "copy"),
        ("coded", 2, "copy"),
        ("number", 1, "doubtful"),
        ("rounded", 1, "doubtful"),
        ("exact", 1, "doubtful"),
        ("several", 1, "copy"),
        ("document", 1, "copy"),
        ("raw", 1, "copy"),
    }


def test_rows_are_counted_across_batches_and_row_groups(lake, tmp_path):
    rows = lake_residue.ROWS_AT_ONCE * 2 + 7
    words = [ADA if number % 10_000 == 0 else "nobody" for number in range(rows)]
    pq.write_table(pa.table({"note": words}), tmp_path / "note.parquet", row_group_size=rows - 3)
    assert found_in(lake) == {("note", len(range(0, rows, 10_000)), "copy")}


def test_a_value_as_long_as_a_batch_is_read_whole(lake, tmp_path):
    long = "x" * (lake_residue.BYTES_AT_ONCE - 5) + f" {ADA} " + "x" * 100
    pq.write_table(pa.table({"note": [long, "short", long]}), tmp_path / "note.parquet")
    assert found_in(lake) == {("note", 2, "copy")}


def test_separators_inside_values_do_not_move_a_hit_to_another_column(lake, tmp_path):
    pq.write_table(
        pa.table({"a": ["\x1f" * 5], "b": [f"\x1f{ADA}\x1f"], "c": ["\x1f"]}), tmp_path / "note.parquet"
    )
    assert found_in(lake) == {("b", 1, "copy")}


def test_what_is_sought_travels_as_what_it_is_made_of_and_is_prepared_once_there():
    sought = lake_residue.Sought(Catalogue("shop", "sqlite", ()), {"email"}, WHO)
    first, second = (pickle.loads(pickle.dumps(sought)) for _ in range(2))
    assert first is second
    assert first.forms == sought.forms
