"""People are looked for by a name as each engine folds it: without accents, capitals and hyphens."""

import pytest

from stores.conftest import KINDS
from troth.rules import by_name, name_form
from troth.stores.contract import Who

MAP = """
tables:
  person:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, first_name: identity, last_name: identity, city: contact}
    erase: {do: delete, by: dpo, because: nothing is owed}
"""
PEOPLE = (
    ("Maëlle", "Trévalenne"),
    ("Mae\u0308lle", "Tre\u0301valenne"),
    ("MAËLLE", "TRÉVALENNE"),
    ("maelle", "trevalenne"),
    ("Jean-Pierre", "de la Tour d’Aubigné"),
    ("jean  pierre", "DE LA TOUR D'AUBIGNE"),
    ("Łukasz", "Strauß"),
    ("Trev", "Alenne"),
    ("Zoë", "Œrstedt"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_is_found_however_it_is_accented_cased_and_hyphened(kind, request):
    database = request.getfixturevalue(f"{kind}_database")
    text = "varchar(200)"
    rows = ", ".join(
        f"""({number}, 'p{number}@shop.example', '{first.replace("'", "''")}', '{last.replace("'", "''")}', 'Lyon')"""
        for number, (first, last) in enumerate(PEOPLE, 1)
    )
    database.run(
        f"CREATE TABLE person (id integer PRIMARY KEY, email {text}, first_name {text}, last_name {text}, city {text})",
        f"INSERT INTO person VALUES {rows}",
    )
    map_ = by_name.by_name(database.map(MAP))
    store = database.open(map_)

    def found(name):
        who = Who("asked", tuple((by_name.NAME, one) for one in by_name.asked(name)))
        return sorted(row.values["id"] for row in store.find([who]))

    for name in ("Trevalenne", "Trévalenne", "Tre\u0301valenne", "TRÉVALENNE Maelle", "maëlle"):
        assert found(name) == [1, 2, 3, 4], name
    for name in ("Jean Pierre de la Tour d'Aubigné", "d'Aubigne jean-pierre", "de La Tour d’aubigne"):
        assert found(name) == [5, 6], name
    assert found("lukasz") == found("STRAUSS") == [7]
    assert found("Oerstedt zoe") == [9]
    assert found("Trev") == [8]
    assert found("alen") == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_letter_of_latin_is_folded_by_an_engine_as_by_us(kind, request):
    database = request.getfixturevalue(f"{kind}_database")
    letters = sorted({*name_form.marked_letters(), *name_form.LIGATURES})
    names = [f"x{one}y" for one in letters]
    rows = ", ".join(f"({number}, 'p{number}', '{name}', 'b', 'c')" for number, name in enumerate(names, 1))
    database.run(
        "CREATE TABLE person (id integer PRIMARY KEY, email varchar(9), first_name varchar(9), last_name varchar(9), "
        "city varchar(9))",
        f"INSERT INTO person VALUES {rows}",
    )
    store = database.open(by_name.by_name(database.map(MAP)))
    folded = sorted({name_form.folded(one) for one in names})
    who = Who("asked", tuple((by_name.NAME, one) for one in folded))
    assert len(list(store.find([who]))) == len(names)
