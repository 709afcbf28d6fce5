"""The policy in the console: drafts by clause, promises as forms, advice, approval, publishing."""

import html
import io
import re
from datetime import date

import pytest
from docx import Document

from console_visits import signed_in
from reviewed_documents import change, saved
from troth.policy import clause_text
from troth.work import accept_draft, admit, draft_policy, publish_policy, review_document
from troth.work.audit import audit

WORDS = "We ask again after {{ consent.valid_for }}, and never sooner."


@pytest.fixture
def draft(project):
    return draft_policy.begin(project, "handler", "spring")


def post(client, path, **form):
    return client.post(f"/console/policy{path}", data=form, follow_redirects=False)


def now(project):
    return draft_policy.opened(project, "spring")


def plain(page):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def form_of(page, kind):
    """Return what the form of a promise would send, as a browser does."""
    whole = page.text.split(f'name="kind" value="{kind}"', 1)[1].split("</form>", 1)[0]
    sent = {"seen": re.search(r'name="seen" value="(\w+)"', whole)[1]}
    for name, value in re.findall(
        r'<input type="(?:text|email|date)"[^>]* name="([^"]+)" value="([^"]*)"', whole
    ):
        sent[html.unescape(name)] = html.unescape(value)
    for name in re.findall(r'<input type="checkbox" name="([^"]+)" value="[^"]*" checked', whole):
        ticked = re.findall(rf'name="{re.escape(name)}" value="([^"]*)" checked', whole)
        sent[html.unescape(name)] = ticked
    for name, options in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', whole, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        sent[html.unescape(name)] = chosen[1] if chosen else ""
    return sent


def text_of(page, file):
    """Return what the form of a text would send, as a browser does."""
    whole = page.text.split(f'name="file" value="{file}"', 1)[1].split("</form>", 1)[0]
    title = re.search(r'name="title" value="([^"]*)"', whole)
    prose = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", whole, re.DOTALL)[1]
    sent = {"file": file, "prose": html.unescape(prose), "title": html.unescape(title[1])}
    return sent | {"seen": re.search(r'name="seen" value="(\w+)"', whole)[1]}


def test_a_handler_begins_a_draft_and_sees_its_clauses(project, app):
    with signed_in(project, "handler", app) as client:
        done = post(client, "/begin", name="spring")
        assert done.headers["location"] == "/console/policy/spring"
        page = client.get(done.headers["location"])
        assert "6.3 Telling those who received your data" in plain(page)
        assert "spring" in plain(client.get("/console/policy"))


@pytest.mark.parametrize("role", ["dpo", "auditor", "reviewer"])
def test_who_may_not_write_reads_and_is_refused(project, app, draft, role):
    with signed_in(project, role, app) as client:
        page = client.get("/console/policy/spring/clause/7")
        assert page.status_code == 200
        assert '<textarea id="prose-en"' not in page.text
        assert post(client, "/spring/clause/7/text", file="policy.md", prose=WORDS).status_code == 403
        assert post(client, "/spring/approve").status_code == 403
    assert now(project).changed == ()


def test_prose_is_written_in_both_languages_and_stale_is_marked(project, app, draft):
    with signed_in(project, "handler", app) as client:
        sent = text_of(client.get("/console/policy/spring/clause/7"), "policy.md")
        done = post(client, "/spring/clause/7/text", **sent | {"prose": WORDS, "title": "Your consent"})
        assert done.headers["location"] == "/console/policy/spring/clause/7?told=told.policy.saved"
        assert "stale" in plain(client.get("/console/policy/spring/clause/7"))
        assert "stale (fr)" in plain(client.get("/console/policy/spring"))
        changed = now(project)
        assert clause_text.prose(changed.main, "7") == WORDS
        assert changed.main.by_number["7"].title == "Your consent"
        french = clause_text.prose(changed.documents["policy.fr.md"], "7")
        sent = text_of(client.get("/console/policy/spring/clause/7"), "policy.fr.md")
        assert sent["prose"] == french
        sent |= {"prose": french + "\r\n\r\nJamais plus tôt.", "title": "Accord"}
        post(client, "/spring/clause/7/text", **sent)
        assert "stale" not in plain(client.get("/console/policy/spring"))


def test_check_looks_and_keeps_nothing(project, app, draft):
    with signed_in(project, "handler", app) as client:
        sent = {"file": "policy.md", "prose": "{{ consent.nothing }}", "do": "check"}
        page = post(client, "/spring/clause/7/text", **sent)
        assert "nothing" in plain(page)
        assert "{{ consent.nothing }}" in html.unescape(page.text)
        part = post(client, "/spring/clause/7/text", part="1", **sent)
        assert part.text.strip().startswith("<div data-findings")
        opened = text_of(client.get("/console/policy/spring/clause/7"), "policy.md")
        for do in ("check", "save"):
            typed = opened | {"prose": "Mine, long.\n\n```\nx", "do": do}
            spilling = post(client, "/spring/clause/7/text", **typed)
            assert spilling.status_code == 422
            assert re.search(r">\nMine, long\.\n\n```\nx</textarea>", spilling.text), do
            assert re.search(r'<p class="error">[^<]+</p>', spilling.text), do
            assert text_of(spilling, "policy.md")["seen"] == opened["seen"]
        spilling = post(client, "/spring/clause/7/text", file="policy.md", prose="```\nx", do="check")
        assert "would change clause" in plain(spilling)
    assert now(project).changed == ()


def test_checking_a_promise_looks_and_keeps_nothing(project, app, draft):
    here, sent = "/spring/clause/6.3", {"kind": "notify_recipients", "do": "check"}
    with signed_in(project, "handler", app) as client:
        page = client.get(f"/console/policy{here}")
        assert page.text.count("data-check") == 3  # two languages, one promise
        sent |= form_of(page, "notify_recipients") | {"notify_recipients::within.number": "soon"}
        part = post(client, f"{here}/promise", part="1", **sent)
        assert part.text.strip().startswith("<div data-findings")
        assert 'class="error"' in part.text
        assert 'value="soon"' in post(client, f"{here}/promise", **sent).text
        sent["notify_recipients::within.number"] = "3"
        assert 'class="error"' not in post(client, f"{here}/promise", part="1", **sent).text
    assert now(project).changed == ()


def test_every_clause_in_force_is_read_with_its_promises_in_words_and_their_verdicts(project, app):
    publish_policy.publish_policy(project.ledger, project.policy, None, project.clock().date())
    audit(project)
    for role, language, sees in (("dpo", "en", True), ("auditor", "fr", True), ("intake", "en", False)):
        with signed_in(project, role, app, language) as client:
            first = client.get("/console/policy").text
            assert f"/version/{project.policy.version}" in first
            links = re.findall(r"/console/policy/in\.force/([\d.]+)", first)
            assert list(dict.fromkeys(links)) == list(project.policy.document.by_number)
            said = 0
            for number in project.policy.document.by_number:
                page = client.get(f"/console/policy/in.force/{number}")
                assert page.status_code == 200
                assert "{{" not in page.text
                assert "```" not in page.text
                shown = page.text.partition('<div class="beside">')[2]
                assert "{}" not in shown
                assert language == "en" or not re.search(r"<dd>[^<]*[^\s\d]: ", shown)
                said += shown.count("<dd>")
                if (number, language) == ("6.3", "en"):
                    assert "one\u00a0week" in shown
                assert ('class="state' in shown) <= sees
            assert said > 20
            assert client.get("/console/policy/in.force/99.9").status_code == 404


def test_every_promise_of_every_clause_goes_through_its_form_unchanged(project, app, draft):
    with signed_in(project, "handler", app) as client:
        for number in draft.main.by_number:
            page = client.get(f"/console/policy/spring/clause/{number}")
            assert page.status_code == 200
            assert "```" not in page.text
            for kind, name in clause_text.promises(draft.main, number):
                if name:
                    continue
                page = client.get(f"/console/policy/spring/clause/{number}?promise={kind}/")
                done = post(
                    client, f"/spring/clause/{number}/promise", kind=kind, name="", **form_of(page, kind)
                )
                assert done.status_code == 303, plain(done)
    assert now(project).files == draft.files


def test_where_a_clause_has_many_promises_each_form_is_drawn_when_it_is_asked_for(project, app, draft):
    with signed_in(project, "handler", app) as client:
        found = []
        for number in draft.main.by_number:
            kept = list(clause_text.promises(draft.main, number))
            page = client.get(f"/console/policy/spring/clause/{number}").text
            assert page.count('name="kind" value=') == (len(kept) if len(kept) <= 3 else 0)
            links = [
                html.unescape(one) for one in re.findall(r'<p class="card promise"><a href="([^"]*)"', page)
            ]
            assert len(links) == (len(kept) if len(kept) > 3 else 0)
            for link in links:
                drawn = client.get(link.partition("#")[0]).text
                assert drawn.count('name="kind" value=') == 1
                assert f'id="{link.partition("#")[2]}"' in drawn
            found += links
        assert found


def test_a_promise_is_changed_and_a_wrong_field_is_told_beside_it(project, app, draft):
    with signed_in(project, "handler", app, language="fr") as client:
        sent = form_of(client.get("/console/policy/spring/clause/6.3"), "notify_recipients")
        sent["notify_recipients::within.number"] = "bientôt"
        wrong = post(client, "/spring/clause/6.3/promise", kind="notify_recipients", **sent)
        assert wrong.status_code == 422
        assert "Écrivez un nombre et choisissez son unité." in plain(wrong)
        assert 'value="bientôt"' in wrong.text
        sent |= {"notify_recipients::within.number": "3", "notify_recipients::within.unit": "days"}
        assert post(client, "/spring/clause/6.3/promise", kind="notify_recipients", **sent).status_code == 303
    files = now(project).files
    assert files["policy.md"] == draft.files["policy.md"].replace("within: 1 week", "within: 3 days")


def test_a_promise_is_added_and_removed(project, app, draft):
    with signed_in(project, "handler", app) as client:
        empty = client.get("/console/policy/spring/clause/5/add?kind=retention&called=visits")
        assert "retention · visits" in plain(empty).replace("Retention", "retention")
        sent = {"seen": form_of(empty, "retention")["seen"],
                "retention:visits:period.number": "2", "retention:visits:period.unit": "years",
                "retention:visits:trigger.en": "the visit", "retention:visits:trigger.fr": "la visite"}  # fmt: skip
        post(client, "/spring/clause/5/promise", kind="retention", name="visits", **sent)
        policy, problems = now(project).loaded
        assert problems == ()
        assert str(policy.retention["visits"].period) == "2 years"
        there = form_of(client.get("/console/policy/spring/clause/5?promise=retention/visits"), "retention")
        post(
            client,
            "/spring/clause/5/promise",
            kind="retention",
            name="visits",
            do="remove",
            seen=there["seen"],
        )
    assert now(project).files == draft.files


def test_the_whole_way_from_writing_to_publishing(project, app, clock, folder):
    accept_draft.put_in_force(project)
    draft_policy.begin(project, "handler", "spring")
    with signed_in(project, "handler", app) as client:
        sent = form_of(client.get("/console/policy/spring/clause/6.3"), "notify_recipients")
        sent |= {"notify_recipients::within.number": "3", "notify_recipients::within.unit": "days"}
        post(client, "/spring/clause/6.3/promise", kind="notify_recipients", **sent)
        assert post(client, "/spring/date", version="0.2.0", effective="2027-01-15").status_code == 303
        page = plain(client.get("/console/policy/spring/difference"))
        assert "6.3 Recipients are told of changes Within 1 week 3 days" in page
        assert "notify_recipients:" not in page
        assert "```" not in page
        assert post(client, "/spring/accept").status_code == 403
    with signed_in(project, "dpo", app) as client:
        assert (
            post(client, "/spring/clause/6.3/comment", text="Three days bind support too.").status_code == 303
        )
        assert post(client, "/spring/advise", outcome="agrees", text="It can be kept.").status_code == 303
        assert post(client, "/spring/approve").status_code == 403
    with signed_in(project, "counsel", app) as client:
        assert "Three days bind support too." in plain(client.get("/console/policy/spring/clause/6.3"))
        assert (
            post(client, "/spring/accept").status_code == 409
            or 400 <= post(client, "/spring/accept").status_code < 500
        )
        stale = post(client, "/spring/approve", sha256="0" * 64)
        assert "changed since you opened it" in plain(stale)
        post(client, "/spring/approve", sha256=now(project).state["sha256"])
        assert "Accept the draft" in plain(client.get("/console/policy/spring"))
        assert post(client, "/spring/accept").headers["location"].endswith("told.policy.accepted")
        assert post(client, "/spring/publish").headers["location"].endswith("told.policy.published")
    assert "within: 3 days" in (folder / "policy.md").read_text("utf-8")
    assert (project.written.version, project.written.effective) == ("0.2.0", date(2027, 1, 15))
    assert project.policy.version == "0.1.0"


def test_clauses_that_are_compared_or_only_read_flow_and_say_their_values(project, app, draft):
    said = "Write to {{ group.dpo.email }}\nwhen you want to.\n\n{{ table: recipients }}"
    draft_policy.write_prose(project, draft, "policy.md", "7", said, "handler")
    flows = f"Write to {project.policy.group.dpo.email} when you want to."
    with signed_in(project, "auditor", app) as client:
        for page in ("difference", "clause/7"):
            shown = plain(client.get(f"/console/policy/spring/{page}"))
            assert flows in shown if page == "clause/7" else str(project.policy.group.dpo.email) in shown
            assert "[table]" in shown
            assert "{{" not in shown


def test_a_stale_base_is_refused_both_are_shown_and_one_is_chosen(project, app, draft, folder):
    draft_policy.write_prose(project, draft, "policy.md", "7", WORDS, "handler")
    path = folder / "policy.md"
    path.write_text(
        path.read_text("utf-8").replace("as easily as you gave it", "as easily as you said yes"), "utf-8"
    )
    project.reread()
    with signed_in(project, "handler", app) as client:
        assert "The policy changed since this draft began: 7." in plain(client.get("/console/policy/spring"))
        shown = plain(client.get("/console/policy/spring/conflicts"))
        assert "gave it" in shown
        assert "said yes" in shown
        assert "never sooner" in shown
        assert "Consent – Valid for: 24 months" in shown
        french = plain(client.get("/console/policy/spring/conflicts?lang=fr"))
        assert re.search(r"Consentement – [^:]+ : 24 months", french)
        client.get("/console/policy/spring?lang=en")
        assert "```" not in shown
        assert post(client, "/spring/renew").status_code == 409
        assert post(client, "/spring/renew", **{"keep policy.md 7": "yours"}).status_code == 303
    assert clause_text.prose(now(project).main, "7") == WORDS
    assert "said yes" in now(project).base["policy.md"]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_of_two_who_save_one_text_the_second_sees_both_and_loses_nothing(project, app, draft, language):
    here, says = "/spring/clause/7", {"en": "Somebody wrote this otherwise", "fr": "Quelqu’un a écrit ceci"}
    over = {"en": "Save over what stands now", "fr": "Enregistrer par-dessus ce qui est écrit à présent"}
    with signed_in(project, "handler", app, language) as client:
        first = text_of(client.get(f"/console/policy{here}"), "policy.md")
        second = first | {"prose": "Ask <us> first.", "title": "Consent, asked"}
        assert post(client, f"{here}/text", **first | {"prose": WORDS}).status_code == 303
        refused = post(client, f"{here}/text", **second)
        assert refused.status_code == 409
        assert says[language] in plain(refused)
        assert over[language] in plain(refused)
        assert clause_text.prose(now(project).main, "7") == WORDS
        assert f"{first['title']} {WORDS}" in plain(refused)
        kept = text_of(refused, "policy.md")
        assert kept | {"seen": ""} == second | {"seen": ""}
        assert text_of(refused, "policy.fr.md")["prose"] != kept["prose"]
        checked = post(client, f"{here}/text", **second | {"do": "check"})
        assert text_of(checked, "policy.md") == second
        assert post(client, f"{here}/text", **second | {"prose": WORDS, "title": ""}).status_code == 303
        assert post(client, f"{here}/text", **kept).status_code == 303
    clause = now(project).main.by_number["7"]
    assert (clause.title, clause_text.prose(now(project).main, "7")) == ("Consent, asked", "Ask <us> first.")


def test_a_text_without_what_was_seen_is_saved_over_nothing(project, app, draft):
    with signed_in(project, "handler", app) as client:
        assert post(client, "/spring/clause/7/text", file="policy.md", prose=WORDS).status_code == 409
        opened = text_of(client.get("/console/policy/spring/clause/7"), "policy.md")
        draft_policy.write_prose(project, now(project), "policy.md", "1", "Another clause.", "counsel")
        assert post(client, "/spring/clause/7/text", **opened | {"prose": WORDS}).status_code == 303
    assert clause_text.prose(now(project).main, "1") == "Another clause."


@pytest.mark.parametrize("language", ["en", "fr"])
def test_of_two_who_save_one_promise_the_second_sees_both_and_loses_nothing(project, app, draft, language):
    here, stands = "/spring/clause/6.3", {"en": "Within three days", "fr": "trois jours"}
    with signed_in(project, "handler", app, language) as client:
        first = form_of(client.get(f"/console/policy{here}"), "notify_recipients") | {
            "kind": "notify_recipients"
        }
        first |= {"notify_recipients::within.number": "3", "notify_recipients::within.unit": "days"}
        second = first | {"notify_recipients::within.number": "5"}
        assert post(client, f"{here}/promise", **first).status_code == 303
        wrong = post(client, f"{here}/promise", **second | {"notify_recipients::within.number": "soon"})
        assert (wrong.status_code, form_of(wrong, "notify_recipients")["seen"]) == (422, first["seen"])
        for do in ("", "remove"):
            refused = post(client, f"{here}/promise", **second | {"do": do})
            assert refused.status_code == 409
            assert stands[language] in plain(refused).replace("\xa0", " ")
        kept = form_of(refused, "notify_recipients")
        assert kept["notify_recipients::within.number"] == "5"
        assert "within: 3 days" in now(project).files["policy.md"]
        assert post(client, f"{here}/promise", kind="notify_recipients", **kept).status_code == 303
        assert "within: 5 days" in now(project).files["policy.md"]
        third = form_of(client.get(f"/console/policy{here}"), "notify_recipients")
        draft_policy.write_promise(project, now(project), "6.3", "notify_recipients", "", None, "counsel")
        gone = post(client, f"{here}/promise", kind="notify_recipients", **third | {"do": ""}
                    | {"notify_recipients::within.number": "9"})  # fmt: skip
        assert gone.status_code == 409
        assert {"en": "somebody removed it", "fr": "quelqu’un l’a retirée"}[language] in plain(gone)
        kept = form_of(gone, "notify_recipients")
        assert (
            post(client, f"{here}/promise", kind="notify_recipients", **third, do="remove").status_code == 303
        )
        assert post(client, f"{here}/promise", kind="notify_recipients", **kept).status_code == 303
    assert "within: 9 days" in now(project).files["policy.md"]


def test_what_is_said_in_a_comment_is_shown_as_words(project, app, draft):
    with signed_in(project, "counsel", app) as client:
        post(client, "/spring/clause/7/comment", text="<script>alert(1)</script>")
        page = client.get("/console/policy/spring/clause/7")
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert" in page.text
        assert client.get("/console/policy/none").status_code == 404
        assert client.get("/console/policy/spring/clause/99").status_code == 404


def test_a_reviewed_document_comes_back_as_proposals_that_are_taken_or_declined(project, app, draft):
    with signed_in(project, "handler", app) as client:
        page = client.get("/console/policy/spring/notice/en")
        assert page.headers["content-disposition"] == 'attachment; filename="spring-en.docx"'
        document = Document(io.BytesIO(page.content))
        change(document, "as easily as you gave it", "as easily", "just as easily")
        change(document, "We protect your data against", "We protect", "We guard")
        sent = {"document": ("back.docx", saved(document))}
        assert (
            client.post("/console/policy/spring/review", files=sent, follow_redirects=False).status_code
            == 303
        )
        shown = client.get("/console/policy/spring/review")
        assert "Camille Baron 20 November 2026" in plain(shown)
        assert re.search(r"<ins>\s*just\s*</ins>", shown.text)
        first, second = review_document.kept(project, now(project))
        assert now(project).changed == ()
        assert post(client, "/spring/proposal", proposal=first.name, do="take").status_code == 303
        assert post(client, "/spring/proposal", proposal=second.name, do="decline").status_code == 303
        assert [one.state for one in review_document.kept(project, now(project))] == ["taken", "declined"]
        bad = client.post("/console/policy/spring/review", files={"document": ("x.docx", b"hello")})
        assert bad.status_code == 422
        assert "This is not a Word document" in plain(bad)
    assert "just as easily" in clause_text.prose(now(project).main, "7")


def test_a_small_office_with_a_derogation_needs_one_person(project, app, draft):
    draft = draft_policy.write_prose(project, draft, "policy.md", "7", WORDS, "counsel")
    draft_policy.approve(project, draft, "counsel")
    assert "somebody who wrote nothing" in accept_draft.approved(project, now(project)).lacks
    admit.derogate(project, "Two people work here, one of them half the week.", "admin")
    assert accept_draft.approved(project, now(project)).lacks == ""
