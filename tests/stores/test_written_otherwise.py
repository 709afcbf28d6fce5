"""Who is in a store in another writing is found, and nobody else."""

import pytest

from troth.stores.contract import Who

MAP = """
region: FR
tables:
  people:
    subject:
      key: id
      identifiers: {phone: {kind: phone, one_person: true}, name: {kind: name, one_person: false}}
    columns: {id: key, phone: contact, name: identity}
    erase: {do: delete, by: dpo, because: a test}
"""
WRITTEN = (
    "01 23 45 67 89",
    "01.23.45.67.89",
    "0033 1 23 45 67 89",
    "+33-1-23-45-67-89",
    "+33 (0)1 23456789",
    "0123456789",
)


@pytest.fixture
def people(sqlite_database):
    rows = ", ".join(f"({number}, '{written}', NULL)" for number, written in enumerate(WRITTEN))
    sqlite_database.run(
        "CREATE TABLE people (id integer PRIMARY KEY, phone text, name text)",
        f"INSERT INTO people VALUES {rows}, (90, '+44 1 23 45 67 89', 'Rene\u0301'), (91, '0123456780', 'Ren\u00e9')",
    )
    return sqlite_database.open(MAP)


@pytest.mark.parametrize("given", ["+33123456789", *WRITTEN])
def test_a_number_is_found_in_every_writing(people, given):
    found = {row.values["id"] for row in people.find([Who("ada", (("phone", given),))])}
    assert found == set(range(len(WRITTEN)))


def test_a_name_is_found_composed_or_not(people):
    for written in ("Rene\u0301", "Ren\u00e9"):
        assert {row.values["id"] for row in people.find([Who("r", (("name", written),))])} == {90, 91}
