"""The example company's console in French: every verdict, purge, map and register of a whole policy is read there."""

import pytest

import story
from console_visits import admit_all, signed_in
from french_pages import english_on
from troth.faces.portal.application import application
from troth.work import audit, sweep


@pytest.mark.slow
@pytest.mark.parametrize("role", ["auditor", "handler"])
def test_what_a_person_reads_of_a_whole_policy_is_french(company, role):
    story.ask(company, "erase", email="nobody@example.org")
    admit_all(company)
    sweep.look(company)
    audit.audit(company)
    own = written_by_people(company)
    with signed_in(company, role, application(company), language="fr") as client:
        seen, english = english_on(client, pages_max=400)
    left = [f"{path}: {line}" for line, path in english.items() if not any(one in line for one in own)]
    assert not left, "\n".join(left)
    assert len(seen) > 40


def written_by_people(company):
    """What the maps say in the words of those who drew them, which nobody turns."""
    tables = [table for map_ in company.maps.values() for table in map_.tables.values()]
    decided = [one for table in tables if table.erase for one in (table.erase.because, table.erase.by)]
    return {"nobody@example.org", *decided, *(table.impersonal for table in tables if table.impersonal)}
