"""Looking for people by name: which columns hold names of people, and a map that only finds."""

import pytest

from troth.rules import by_name
from troth.rules.catalogue import Catalogue
from troth.rules.map import Map, MapTable, Subject
from troth.rules.plan import compile_plan


def table(**columns):
    return MapTable("people", {"id": "key", **columns}, Subject(("id",), ()))


@pytest.mark.parametrize(
    "column",
    ["name", "first_name", "lastName", "surname", "contact_name", "nom", "nom_naissance", "fullname", "user_name",
     "Prénom", "company_contact_name"],
)  # fmt: skip
def test_a_column_that_is_called_a_name_holds_names_whatever_its_category(column):
    assert by_name.name_columns(table(**{column: "contact"})) == (column,)


@pytest.mark.parametrize(
    "column",
    ["company_name", "companyName", "file_name", "filename", "hostname", "nom_societe", "product_name", "HOST_NAME",
     "nom_de_la_société"],
)  # fmt: skip
def test_the_name_of_a_company_or_a_file_is_no_persons(column):
    assert by_name.name_columns(table(**{column: "work"})) == ()


def test_what_identifies_somebody_is_a_name_but_for_what_is_known_beside_it():
    people = table(signatory="identity", born_on="identity", nationality="identity", city="contact")
    assert by_name.name_columns(people) == ("signatory",)
    assert by_name.meant(
        {"signatory": "Ada Example", "born_on": "1990-02-03"}, ("signatory",), "ada", "1990-02-03"
    )


def test_what_is_not_in_the_database_is_still_said():
    map_ = Map("shop", "sqlite", "us", {}, {"people": table(name="identity")}, {})
    derived = by_name.by_name(map_)
    plan, problems = compile_plan(derived, Catalogue("shop", "sqlite", ()))
    assert plan is None
    assert "no table `people`" in problems[0].what
