"""Clause 7.2: access says all that Art. 15 lists, with the whole copy, and shows nobody else's data."""

import csv
import io
import json
import zipfile

import pytest

import story
from promises.proving import MAELLE, SEVERIN, kept, proven, verdict
from troth.errors import NotAllowedError
from troth.work import build_package, carry_on, decide

ROWS = {
    "crm/contact": 1, "crm/interaction": 17, "crm/direct_message": 8, "billing/invoice": 7, "billing/payment": 6,
    "support/ticket": 8, "support/survey_answer": 1,
}  # fmt: skip
"""Some of what docs/example.md says there is about Maëlle."""


@pytest.fixture
def answered(company):
    number = story.ask(company, "access", email=MAELLE)
    data = story.grant_access(company, number)
    carry_on.carry_on(company, number)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return number, {name: archive.read(name) for name in archive.namelist()}


def test_the_copy_is_whole_as_json_and_as_csv(company, answered):
    _, files = answered
    for place, rows in ROWS.items():
        assert len(json.loads(files[f"data/{place}.json"])) == rows, place
        assert len(list(csv.reader(io.StringIO(files[f"data/{place}.csv"].decode())))) == rows + 1, place


def test_every_item_the_policy_promises_is_on_the_page(company, answered):
    _, files = answered
    page = files["index.html"].decode()
    promised = company.policy.promises["7.2.2/right/access"].contents
    assert list(promised) == ["a", "b", "c", "d", "e", "f", "g", "h"]
    for item in promised:
        assert f"Art. 15(1)({item})" in page
    assert "Art. 15(2)" in page  # the safeguards of transfers
    assert "https://www.cnil.fr" in page


def test_nobody_elses_address_is_in_what_the_maps_conceal(company, answered):
    _, files = answered
    messages = json.loads(files["data/crm/direct_message.json"])
    assert len(messages) == 8
    assert SEVERIN not in files["data/crm/direct_message.json"].decode()


def test_nothing_leaves_before_somebody_has_looked(company, letters):
    number = story.ask(company, "access", email=MAELLE)
    decide.decide(company, number, "c1", "grant", "marie")
    carry_on.carry_on(company, number)
    with pytest.raises(NotAllowedError, match="A handler looks at it before it leaves"):
        build_package.release(company, number, "c1", staff="marie")
    assert len(letters()) == 1


def test_the_person_fetches_it_with_a_code_and_it_is_proven(company, answered, code):
    number, _ = answered
    with pytest.raises(NotAllowedError, match="not confirmed"):
        build_package.take_answer(company, number)
    story.prove(company, number, code)
    assert len(b"".join(build_package.take_answer(company, number))) > 10_000
    assert kept(company, "7.2.2/right/access", number)
    told = proven(company, number)
    assert [event["kind"] for event in told["events"]].count("answer_taken") == 1


def test_before_anybody_asked_nothing_is_claimed(company):
    assert verdict(company, "7.2.2/right/access").word == "unproven"
