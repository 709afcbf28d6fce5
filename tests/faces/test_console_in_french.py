"""The console in French, without a browser: no error of the server, and nothing that a person reads is English."""

import pytest

import story
from console_visits import console_of, signed_in
from french_pages import english_of, english_on
from troth.faces.portal.application import application
from troth.work import incident
from troth.work.audit import audit


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with console_of(tmp_path_factory.mktemp("french")) as made:
        story.ask(
            made, "access", email="adelheid.zweig@example.org", name="Adelheid Zweig", wording="Bonjour !"
        )
        incident.report(made, "Un disque est perdu.", "intake")
        audit(made)
        yield made


@pytest.fixture(scope="module")
def app(project):
    return application(project)


@pytest.mark.parametrize("role", ["handler", "auditor", "admin"])
def test_what_a_person_reads_on_a_french_page_is_french(project, app, role):
    with signed_in(project, role, app, language="fr") as client:
        seen, english = english_on(client)
    assert not english, "\n".join(f"{path}: {line}" for line, path in english.items())
    assert len(seen) > 5


def test_a_refusal_is_said_in_french_with_what_it_is_about(project, app):
    with signed_in(project, "handler", app, language="fr") as client:
        page = client.get("/console/requests/2099-0001").text
        closed = client.post("/console/requests/2026-0001/do/close", data={}).text
    assert "Il n’y a pas de demande «\N{NO-BREAK SPACE}2099-0001\N{NO-BREAK SPACE}»." in page
    assert '<a href="/console/requests">La page Demandes les montre toutes</a>.' in page
    assert "troth request" not in page  # who stands in the console has no command line before them
    assert "Il n’en est plus question. Regardez de nouveau la demande." in closed
    assert not [*english_of(page), *english_of(closed)]
