"""When rows leave daily use, and when they leave the archive, from which event."""

from datetime import date

import pytest

from troth.policy.loading import load
from troth.policy.starting import project_files
from troth.rules.sweep import bound, changed
from troth.stores.map_file import read

TODAY = date(2026, 11, 23)
PROMISES = """
```promise
retention:
  contracts:
    criteria: {en: the term of the contract}
    trigger: {en: its signature}
    archive: {period: 5 years, trigger: {en: its end}, legal: {en: a law}}
  bills:
    period: 1 year
    trigger: {en: the close}
    archive: {period: 9 years, legal: {en: a law}}
```
"""
MAP = """
store: erp
kind: postgresql
credentials: {find: env:F}
controller: main-entity
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact}
    erase: {do: blank, set: {email: null}, by: a, because: b}
  contract:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, signed: contact, ended: contact}
    retention: [{promise: retention/contracts, trigger: signed, archive_trigger: ended}]
    archive: {table: archive.contract, readers: [law], step: put_by}
    erase: {do: retain, until: {period: 5 years, trigger: ended}, legal: x, by: a, because: b}
  bill:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, closed: contact}
    retention: [{promise: retention/bills, trigger: closed}]
    archive: {table: archive.bill, readers: [law], step: put_by}
    erase: {do: retain, until: {period: 10 years, trigger: closed}, legal: x, by: a, because: b}
  line:
    belongs_to: [{bill_id: bill.id}]
    columns: {id: key, bill_id: link, closed: contact}
    retention: [{promise: retention/bills, trigger: closed}]
    archive: {table: archive.line, readers: [law], step: put_by}
    erase: {do: retain, until: {period: 10 years, trigger: closed}, legal: x, by: a, because: b}
"""


@pytest.fixture
def policy():
    files = project_files("shop", TODAY)
    found, problems = load({"policy.md": files["policy.md"] + PROMISES})
    assert not problems
    return found


def bounds(policy, written=MAP):
    mapped, problems = read(written, "m.yaml")
    assert not problems, [str(one) for one in problems]
    return {one.name: one for one in bound(policy, {"erp": mapped})}


def test_a_contract_is_in_use_until_it_ends_and_then_archived_for_five_years(policy):
    found = bounds(policy)
    moves, ends = found["erp.contract.contracts"], found["erp.archive.contract.contracts"]
    assert (moves.trigger, moves.archive, moves.before(TODAY)) == (
        "ended",
        "archive.contract",
        date(2026, 11, 24),
    )
    assert (ends.trigger, ends.archive_of, ends.before(TODAY)) == ("ended", "contract", date(2021, 11, 24))
    assert not any(one.why_not or one.merely_left for one in found.values())


def test_the_archive_begins_when_the_time_in_use_ends_and_lines_move_before_their_bill(policy):
    found = bounds(policy)
    assert found["erp.bill.bills"].before(TODAY) == date(2025, 11, 24)
    assert found["erp.archive.bill.bills"].before(TODAY) == date(2016, 11, 24)
    names = list(found)
    assert names.index("erp.line.bills") < names.index("erp.bill.bills")
    assert all(found[name].archive for name in names[:3])


def test_without_the_column_of_that_event_it_says_what_to_write(policy):
    found = bounds(policy, MAP.replace(", archive_trigger: ended", ""))
    assert "bind its column as `archive_trigger`" in found["erp.contract.contracts"].why_not


def test_where_the_map_names_no_archive_rows_are_merely_left(policy):
    written = MAP.replace("    archive: {table: archive.bill, readers: [law], step: put_by}\n", "")
    one = bounds(policy, written)["erp.bill.bills"]
    assert (one.merely_left, one.before(TODAY)) == (True, date(2016, 11, 24))


def test_a_promise_or_a_column_that_changed_since_the_marking_is_told(policy):
    one = bounds(policy)["erp.bill.bills"]
    state = {"rule_version": "as it was", "trigger": "closed"}
    assert changed(one, "as it was", state) == ""
    assert changed(one, "another", state) == f"{one.rule.id} says something else than when it was marked"
    assert "from another column of bill" in changed(one, "as it was", {**state, "trigger": "sent"})
