"""The schema for editors accepts what the reader accepts and refuses what it refuses."""

import pytest
import yaml
from jsonschema import Draft202012Validator

from troth.policy.document import parse
from troth.policy.reference import markdown
from troth.policy.schema import schema
from writing_policies import first_project

VALIDATOR = Draft202012Validator(schema())


class Core(yaml.SafeLoader):
    """PyYAML with the core schema's words, as an editor for YAML 1.2 reads."""


Core.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in found
        if not tag.endswith((":bool", ":timestamp", ":float", ":int"))
    ]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Core.add_implicit_resolver("tag:yaml.org,2002:bool", __import__("re").compile("true|false"), list("tf"))
Core.add_implicit_resolver("tag:yaml.org,2002:int", __import__("re").compile("[0-9]+$"), list("0123456789"))


def blocks():
    files = first_project()
    for clause in parse(files["policy.md"], "policy.md").clauses:
        yield from (pytest.param(block.text, id=clause.number) for block in clause.blocks)
    yield pytest.param(files["register/internal.yaml"], id="register")


def wrong(text):
    return [error.message for error in VALIDATOR.iter_errors(yaml.load(text, Core))]


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("text", list(blocks()))
def test_what_the_reader_accepts_is_accepted(text):
    assert wrong(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "answr: {within: 1 month}",
        "answer: {withn: 1 month}",
        "answer: {within: 13}",
        "answer: {within: one month}",
        "answer: {free_of_charge: yes}",
        "answer: {extend_for: [complexity, mood]}",
        "answer: {extend_for: [number, number]}",
        "answer: []",
        "right: {acess: {}}",
        "right: {erase: {grounds: [z]}}",
        "purpose: {a: {legal_basis: contract}}",
        "purpose: {a: {does: x, legal_basis: contrct}}",
        "purpose: {Big Name: {does: x, legal_basis: contract}}",
        "purpose: {a: {does: {english: x}, legal_basis: contract}}",
        "group: {title: x, entities: {a: {name: A, country: UK}}}",
        "security: {incident_contact: {email: nobody}}",
        "cookies: {table: [{name: a, party: first, category: analytics, lifetime: 13}]}",
        "cookies: {table: [{name: a, party: second, category: analytics, lifetime: session}]}",
        "cookies: {choice_kept: {given: 1 month}}",
        "change: {updated: 23/11/2026}",
        "{}",
        "[]",
    ],
)
def test_what_the_reader_refuses_is_refused(text):
    assert wrong(text) != []


@pytest.mark.parametrize(
    "text",
    [
        "cookies: {choice_kept: 6 months}",
        "cookies: {choice_kept: {given: 6 months, refused: 12 months}}",
        "cookies: {signals: gpc}",
        "collection: {a: {how: direct, channels: {fair: , shop: a shop, site: {title: {en: a site}, notice: shown}}}}",
        "transfer: {us: {country: US, mechanism: standard_clauses, module: 2, importer: x}}",
    ],
)
def test_short_forms_are_accepted(text):
    assert wrong(text) == []


def test_the_page_about_promises_is_what_the_code_says():
    from pathlib import Path

    page = (Path(__file__).resolve().parents[2] / "docs" / "promises.md").read_text("utf-8")
    marker = "<!-- from here on: troth schema --format md -->\n\n"
    assert page.partition(marker)[2] == markdown()
