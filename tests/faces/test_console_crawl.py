"""A crawler through the console, as each role: no error of the server, and nobody's data that was not recorded as read.

Every table that it comes by has its file, with the rows of the page.

It follows every link of every page, so that a part which is added later is held to the same.
"""

import csv
import io
import re
from collections import deque
from html import unescape
from importlib.resources import files

import pytest

import story
from console_visits import console_of, signed_in
from troth.faces.console.table import rows_of
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
                    if "csv=" in plain:
                        continue  # what a page gives away of itself: tried for every page below
                    if plain not in seen and "/static/" not in plain and not plain.endswith("/live"):
                        seen.add(plain)
                        waiting.append(plain)
    assert len(seen) > 5


def test_every_table_has_its_file_with_the_rows_of_the_page(project, app):
    for template in files("troth.faces.console").joinpath("templates").iterdir():
        assert ("<table" in template.read_text()) == (template.name == "parts.html"), template.name
    whole, drawn = 0, 0
    for role in ("dpo", "handler", "counsel", "admin"):
        with signed_in(project, role, app) as client:
            for path in sorted(_menu(client)):
                page = client.get(path).text
                tables = re.findall(
                    r"<table[^>]*>(.*?)</table>.*?<p class=\"file\"><a href=\"([^\"]+)", page, re.DOTALL
                )
                assert page.count("<table") == len(tables), path
                for table, address in tables:
                    shown, file = rows_of(table), client.get(unescape(address))
                    assert file.headers["content-type"].startswith("text/csv"), address
                    assert "attachment" in file.headers["content-disposition"]
                    given = list(csv.reader(io.StringIO(file.text.removeprefix("\ufeff"))))
                    if "csv=" in address:
                        assert _still(given) == _still(shown), address
                        drawn += 1
                    else:
                        assert len(given) >= len(shown), address
                        whole += 1
    assert whole > 10 and drawn > 10


def _still(rows):
    """Leave out what is measured anew each time: how many milliseconds a store took."""
    timed = {at for at, name in enumerate(rows[0]) if name == "ms"}
    return [[cell for at, cell in enumerate(row) if at not in timed] for row in rows]


def _menu(client):
    """Return the pages that somebody reaches by at most two links."""
    found = {"/console"}
    for _ in range(2):
        for path in sorted(found):
            answer = client.get(path)
            if "text/html" in answer.headers.get("content-type", ""):
                found |= {
                    link
                    for link in map(unescape, re.findall(r'href="(/console[^"#]*)', answer.text))
                    if not re.search(r"[?&](csv|format|lang)=|/static/|/live$|/file/|/receipts/", link)
                }
    return found


def _is_text(answer):
    kind = answer.headers.get("content-type", "")
    return kind.startswith("text/") or "json" in kind


def _readings(project):
    return sum(1 for _ in read.events(project.ledger, kind="staff_read"))
