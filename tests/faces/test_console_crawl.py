"""A crawler through the console, as each role: no error of the server, and nobody's data that was not recorded as read.

It follows every link of every page, so that a part which is added later is held to the same.
"""

import re
from collections import deque
from html import unescape

import pytest

import story
from console_visits import console_of, signed_in
from troth.faces.portal.application import application
from troth.ledger import read
from troth.rules.staff import ROLES
from troth.work import incident
from troth.work.audit import audit

NAME, EMAIL, WORDS = "Adelheid Zweig", "adelheid.zweig@example.org", "What do you know about my allotment?"
PERSONAL = (NAME, EMAIL, "allotment", "a disk of the allotments")
PAGES_MAX = 140


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with console_of(tmp_path_factory.mktemp("crawl")) as made:
        story.ask(made, "access", email=EMAIL, name=NAME, wording=WORDS)
        incident.report(made, "Somebody lost a disk of the allotments.", "intake")
        audit(made)
        yield made


@pytest.fixture(scope="module")
def app(project):
    return application(project)


@pytest.mark.parametrize("role", ROLES)
def test_no_page_fails_and_none_shows_somebody_without_a_record_of_it(project, app, role):
    seen, waiting = {"/console"}, deque(["/console"])
    with signed_in(project, role, app) as client:
        while waiting and len(seen) < PAGES_MAX:
            path = waiting.popleft()
            before = _readings(project)
            answer = client.get(path, follow_redirects=False)
            assert answer.status_code < 500, path
            shown = [one for one in PERSONAL if one in answer.text] if _is_text(answer) else []
            assert not shown or _readings(project) > before, (path, shown)
            if "text/html" in answer.headers.get("content-type", ""):
                for link in map(unescape, re.findall(r'(?:href|src)="(/console[^"#]*)', answer.text)):
                    plain = re.sub(r"[?&]lang=\w\w", "", link)
                    if plain not in seen and "/static/" not in plain and not plain.endswith("/live"):
                        seen.add(plain)
                        waiting.append(plain)
    assert len(seen) > 5


def _is_text(answer):
    kind = answer.headers.get("content-type", "")
    return kind.startswith("text/") or "json" in kind


def _readings(project):
    return sum(1 for _ in read.events(project.ledger, kind="staff_read"))
