"""A form of the console that is pressed twice does a thing once; one that somebody else overtook is told so."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from console_visits import admit_one, signed_in
from troth.ledger import forms, read
from troth.work import admit, draft_policy, hold, incident, inspection


def marks(page):
    """The hidden fields that every form of a page has."""
    return {
        name: found[1]
        for name in ("once", "stood")
        if (found := re.search(f'name="{name}" value="([^"]+)"', page))
    }


def _hold(project, clock):
    return {"matter": "26/0417", "reason": "our defence", "what": ["contact"], "owner": "counsel",
            "review": str(clock().date() + timedelta(days=90))}  # fmt: skip


NEW = {
    "a hold": (
        "counsel", "/sweeps/holds", "/sweeps/holds", _hold, lambda project: len(list(hold.every(project))),
    ),
    "an inspection": (
        "counsel", "/audit/inspections", "/audit/inspections",
        lambda *_: {"authority": "CNIL", "entity": "main-entity", "scope": ["contact"]},
        lambda project: len(inspection.every(project)),
    ),
    "an incident": (
        "handler", "/incidents/new", "/incidents/new", lambda *_: {"what": "A disk is gone", "channel": "phone"},
        lambda project: len(list(incident.every(project))),
    ),
    "a draft": (
        "handler", "/policy", "/policy/begin", lambda *_: {"name": ""},
        lambda project: len(draft_policy.every(project)),
    ),
    "a disclosure": (
        "handler", "/recipients/disclosures", "/recipients/disclosures",
        lambda *_: {"kind": "email", "identifier": "ada@example.org", "recipient": "tax-office", "categories": "order",
                    "purpose": "accounts", "on": "2026-11-20", "legal_reference": "LPF"},
        lambda project: len(list(read.events(project.ledger, kind="disclosure_made"))),
    ),
    "a consent": (
        "handler", "/consents", "/consents",
        lambda *_: {"kind": "email", "identifier": "ada@example.org", "purpose": "newsletter", "said": "refused",
                    "method": "oral", "language": "en", "reason": "by telephone"},
        lambda project: len(list(read.events(project.ledger, kind="consent_recorded"))),
    ),
    "an absence": (
        "handler", "/account", "/account/away", lambda *_: {"begins": "2026-12-01", "until": "", "deputy": "intake"},
        lambda project: len(admit.state(project, "handler")["absences"]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("made", NEW)
def test_what_is_made_by_a_button_pressed_twice_is_one_and_both_are_led_to_it(project, app, clock, made):
    handle, page, action, given, count = NEW[made]
    with signed_in(project, handle, app) as client:
        opened, before = client.get(f"/console{page}").text, count(project)
        form = given(project, clock) | marks(opened)

        def send(_):
            return client.post(f"/console{action}", data=form, follow_redirects=False)

        with ThreadPoolExecutor(3) as pressed:
            answers = list(pressed.map(send, range(3)))
        assert {one.status_code for one in answers} == {303}, answers[0].text
        assert len({one.headers["location"] for one in answers}) == 1
        assert send(0).headers["location"] == answers[0].headers["location"]
        assert count(project) == before + 1


def test_the_same_again_from_a_page_that_was_drawn_anew_is_done_again_as_is_what_is_mended(project, app):
    with signed_in(project, "handler", app) as client:
        form = {"what": "A disk is gone", "channel": "phone"}
        sent = []
        for more in ({}, {}, {"what": "Two disks"}):
            marked = marks(client.get("/console/incidents/new").text)
            sent.append(client.post("/console/incidents/new", data=form | more | marked).url.path)
        sent.append(client.post("/console/incidents/new", data=form | marked).url.path)
        assert len(set(sent)) == 4


def test_what_only_shows_shows_it_however_often_and_what_was_refused_can_be_sent_again(project, app):
    with signed_in(project, "handler", app) as client:
        form = marks(client.get("/console/recipients/disclosures").text)
        form |= {"kind": "email", "identifier": "nobody@example.org"}
        for _ in range(2):
            found = client.post("/console/recipients/disclosures/about", data=form)
            assert "Nothing was recorded" in found.text
        form = marks(client.get("/console/incidents/new").text) | {"what": " ", "channel": "phone"}
        for _ in range(2):
            assert client.post("/console/incidents/new", data=form).status_code == 422


def test_a_form_that_was_cut_short_by_a_killed_server_is_told_and_then_can_be_sent_again(project, app):
    with signed_in(project, "handler", app) as client:
        form = marks(client.get("/console/policy").text) | {"name": ""}
        with forms.doing(
            project.ledger, "somebody else's"
        ):  # what a first writing leaves when nothing follows
            draft_policy.begin(project, "handler", "")
        assert forms.sent(project.ledger, "somebody else's") == ""
        with pytest.raises(KeyboardInterrupt), forms.doing(project.ledger, "cut"):
            incident.report(project, "gone", "handler", channel="phone")
            raise KeyboardInterrupt
        assert forms.sent(project.ledger, "cut") == ""
        sent = client.post("/console/policy/begin", data=form, follow_redirects=False)
        (key,) = [one for one in _keys(project) if one.startswith("form handler")]
        forms.forget(project.ledger, key)
        with forms.doing(project.ledger, key):
            incident.report(project, "gone", "handler", channel="phone")
        again = client.post("/console/policy/begin", data=form, follow_redirects=False)
        assert (sent.status_code, again.status_code) == (303, 409)
        assert "was sent before, and cut short" in again.text
        assert client.post("/console/policy/begin", data=form, follow_redirects=False).status_code == 303


def _keys(project):
    from sqlalchemy import text

    with project.ledger.looking() as connection:
        return list(connection.execute(text("SELECT key FROM forms")).scalars())


def test_forms_are_remembered_for_three_days(project, clock):
    forms.led(project.ledger, "old", "/console")
    clock.now += timedelta(days=2)
    forms.led(project.ledger, "newer", "/console")
    assert forms.sent(project.ledger, "old") == "/console"
    clock.now += timedelta(days=2)
    forms.led(project.ledger, "newest", "/console")
    assert (forms.sent(project.ledger, "old"), forms.sent(project.ledger, "newer")) == (None, "/console")


def _incident(project, clock):
    number = incident.report(project, "a laptop is gone", "intake").number
    return (
        "handler", f"/incidents/{number}", f"/incidents/{number}/dismiss", {"reason": "mine: <encrypted>"},
        lambda: incident.certain(project, number, "Dana", clock(), "the log", "second"), "recorded as certain",
    )  # fmt: skip


def _of_hold(project, clock):
    placed = hold.place(
        project, "26/0417", "our defence", clock().date() + timedelta(days=90), "counsel", what=["contact"]
    )
    name, until = placed.state["name"], clock().date() + timedelta(days=100)
    return (
        "counsel", f"/sweeps/holds/{name}", f"/sweeps/holds/{name}/end", {"reason": "mine: <encrypted>"},
        lambda: hold.review(project, name, until, "still on", "second"), "Legal hold moved on",
    )  # fmt: skip


def _of_inspection(project, _):
    number = inspection.open_inspection(project, "CNIL", ["contact"], "counsel").number
    here = f"/audit/inspections/{number}"
    return (
        "counsel", here, f"{here}/close", {"reason": "mine: <encrypted>"},
        lambda: inspection.add_document(project, number, "c.txt", b"a contract", "asked for", "second"),
        "Inspection moved on",
    )  # fmt: skip


def _of_staff(project, _):
    admit_one(project, "new.one")
    return (
        "admin", "/settings/staff/new.one", "/settings/staff/new.one/grant", {"role": "intake", "entity": ""},
        lambda: admit.grant(project, "new.one", "auditor", "", "second"), "Account of staff changed",
    )  # fmt: skip


def _of_draft(project, _):
    draft = draft_policy.begin(project, "handler", "spring")
    return (
        "handler", f"/policy/{draft.name}", f"/policy/{draft.name}/drop", {},
        lambda: draft_policy.comment(project, draft, next(iter(draft.documents.values())).clauses[0].number,
                                     "Wait.", "second"),
        "Draft of the policy moved on",
    )  # fmt: skip


@pytest.mark.parametrize("thing", [_incident, _of_hold, _of_inspection, _of_staff, _of_draft])
def test_what_somebody_else_did_since_the_page_was_drawn_is_shown_before_anything_is_done(
    project, app, clock, thing
):
    handle, page, action, form, theirs, said = thing(project, clock)
    with signed_in(project, handle, app) as client:
        marked = marks(client.get(f"/console{page}").text)
        assert marked["stood"]
        theirs()
        stream = f"/console{page}"
        headers = {"referer": f"http://testserver.local{stream}"}
        before = _events(project)
        told = client.post(f"/console{action}", data=form | marked, headers=headers, follow_redirects=False)
        assert told.status_code == 409
        assert f"second did something here. What was done last: “{said}”" in told.text
        assert [one for one in _events(project)[len(before) :] if one.kind != "staff_read"] == []
        if "reason" in form:
            assert "mine: &lt;encrypted&gt;" in told.text
        again = client.post(
            f"/console{action}", data=form | marks(told.text), headers=headers, follow_redirects=False
        )
        assert again.status_code in {200, 303, 422}
        assert "did something here" not in again.text


def _events(project):
    return list(read.events(project.ledger))


@pytest.mark.parametrize(
    ("handle", "path", "most"),
    [("counsel", "/audit/inspections/I-2026-1/document", 64), ("handler", "/incidents/new", 1)],
)
def test_a_form_that_is_too_large_says_how_much_is_taken_and_leads_back(project, app, handle, path, most):
    for language, says in (("en", f"takes {most} MB at once"), ("fr", f"accepte {most} Mo à la fois")):
        with signed_in(project, handle, app, language) as client:
            headers = {
                "content-length": str((most << 20) + 1), "content-type": "application/x-www-form-urlencoded",
                "referer": "http://testserver.local/console/incidents", "host": "testserver.local",
            }  # fmt: skip
            refused = client.post(f"/console{path}", content=b"what=x", headers=headers)
            assert refused.status_code == 413
            assert says in refused.text
            assert 'href="/console/incidents"' in refused.text
