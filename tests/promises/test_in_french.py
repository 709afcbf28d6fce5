"""The example company's console in French: every verdict, purge, map and register of a whole policy is read there."""

from datetime import timedelta

import pytest

import story
from console_visits import admit_all, signed_in, visiting
from french_pages import english_on
from troth.faces.portal.application import application
from troth.rules.action import About
from troth.work import action, audit, draft_policy, hold, incident, sweep


@pytest.mark.slow
@pytest.mark.parametrize("role", ["auditor", "handler"])
def test_what_a_person_reads_of_a_whole_policy_is_french(company, role):
    story.ask(company, "erase", email="nobody@example.org")
    admit_all(company)
    sweep.look(company)
    sweep.mark(company, staff="marie", confirmed=True)
    hold.place(
        company, "4711", "Un juge.", company.clock().date() + timedelta(90), "counsel", what=["contact"]
    )
    number = incident.report(company, "Un disque est perdu.", "intake").number
    incident.certain(company, number, "Anne", company.clock(), "Il manque.", "handler")
    draft = draft_policy.begin(company, "handler", "printemps")
    words = "Nous gardons vos données aussi longtemps que nécessaire. {{ table: rien }}"
    draft_policy.write_prose(company, draft, "policy.fr.md", "5", words, "handler")
    broken = next(one for one in audit.audit(company) if one.word == "broken")
    due = company.clock().date() + timedelta(30)
    action.open_action(company, About("promise", broken.promise), "marie", due, "handler", why="À faire.")
    own = written_by_people(company)
    with signed_in(company, role, application(company), language="fr") as client:
        seen, english = english_on(client, pages_max=400)
    left = [f"{path}: {line}" for line, path in english.items() if not any(one in line for one in own)]
    assert not left, "\n".join(left)
    assert len(seen) > 40


@pytest.mark.slow
def test_what_a_visitor_of_the_portal_reads_is_french(company):
    with visiting(application(company), "fr") as client:
        seen, english = english_on(client, start="/")
    assert not english, "\n".join(f"{path}: {line}" for line, path in english.items())
    assert len(seen) > 8, seen


def written_by_people(company):
    """What the maps say in the words of those who drew them, which nobody turns."""
    tables = [table for map_ in company.maps.values() for table in map_.tables.values()]
    decided = [one for table in tables if table.erase for one in (table.erase.because, table.erase.by)]
    return {"nobody@example.org", *decided, *(table.impersonal for table in tables if table.impersonal)}
