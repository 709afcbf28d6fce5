"""Settings of the console: staff and their roles, one's own account, configuration and health."""

import ast
import re
from datetime import timedelta
from pathlib import Path

import pytest

from conftest import SetClock
from console_visits import PASSWORD, START, admit_all, admit_one, signed_in, visiting
from shop_project import make, opened
from troth.faces.portal.application import application
from troth.faces.words import catalogues
from troth.ledger import accounts, read
from troth.ledger.accounts import Account
from troth.rules import staff
from troth.work import admit, sign_in


@pytest.fixture
def clock():
    return SetClock(START)


@pytest.fixture
def project(project):
    admit_all(project)
    return project


@pytest.fixture
def admin(project):
    with signed_in(project, "admin") as client:
        yield client


def entities(project):
    return [str(one.key) for one in project.policy.group.entities]


def test_the_list_shows_everybody_with_their_roles(admin):
    page = admin.get("/console/settings").text
    assert "Reviewer Example" in page
    assert "data protection officer" in page
    assert "handle,account,roles,since" in admin.get("/console/settings?format=csv").text


def test_a_link_is_shown_once_and_opens_the_account(admin, project):
    form = {"handle": "a.durand", "name": "Anne Durand", "email": "anne@staff.example"}
    made = admin.post("/console/settings/invite", data=form)
    link = re.search(r"/console/join/[\w-]+", made.text)[0]
    assert "shown here once" in made.text
    assert link not in admin.get("/console/settings/staff/a.durand").text
    with visiting(application(project)) as other:
        page = other.get(link)
    assert "a.durand" in page.text
    assert '<svg class="square-code"' in page.text


def test_what_is_wrong_with_an_invitation_is_said(admin):
    form = {"handle": "X", "name": "", "email": "nobody"}
    refused = admin.post("/console/settings/invite", data=form)
    assert refused.status_code == 422
    assert "A handle has 2 to 40" in refused.text


def test_roles_are_given_and_taken_and_what_stays_apart_says_why(admin, project):
    page = admin.get("/console/settings/staff/handler").text
    assert "reviewer: they are handler already, and who decides is not who reviews." in page
    refused = admin.post("/console/settings/staff/handler/grant", data={"role": "reviewer", "entity": ""})
    assert refused.status_code == 422
    assert "who decides is not who reviews" in refused.text
    given = admin.post("/console/settings/staff/handler/grant", data={"role": "intake", "entity": ""})
    assert "The role is given." in given.text
    assert admit.acting(project, "handler").roles == ("intake", "handler")
    assert read.stream(project.ledger, "staff/handler")[-1].actor == "admin"
    admin.post("/console/settings/staff/handler/withdraw", data={"role": "intake", "entity": ""})
    assert admit.acting(project, "handler").roles == ("handler",)


def test_an_absence_lends_the_roles_and_a_deputy_who_would_decide_and_review_is_refused(admin, project):
    form = {"begins": "2026-12-01", "until": "", "deputy": "reviewer"}
    refused = admin.post("/console/settings/staff/handler/away", data=form)
    assert "reviewer cannot stand in for handler" in refused.text
    admin.post("/console/settings/staff/handler/away", data=form | {"deputy": "intake"})
    assert admit.acting(project, "intake").may("decide")
    page = admin.get("/console/settings/staff/handler").text
    assert "Since 1 December 2026, until they are back; intake stands in." in page
    assert ">away</span>" in admin.get("/console/settings").text
    admin.post("/console/settings/staff/handler/back")
    assert not admit.acting(project, "intake").may("decide")
    to_come = {"begins": "2026-12-20", "until": "", "deputy": "intake"}
    assert "20 December 2026" in admin.post("/console/settings/staff/handler/away", data=to_come).text
    assert ">away</span>" not in admin.get("/console/settings").text
    for_a_week = {"begins": "2026-12-01", "until": "2026-12-08", "deputy": "intake"}
    admin.post("/console/settings/staff/reviewer/away", data=for_a_week)
    assert admin.get("/console/settings").text.count(">away</span>") == 1


def test_a_derogation_is_recorded_with_its_reason(admin, project):
    assert admin.post("/console/settings/derogation", data={"reason": "no"}).status_code == 422
    admin.post("/console/settings/derogation", data={"reason": "There is one person in the office."})
    assert "A derogation has been in force since 1 December 2026" in admin.get("/console/settings").text
    admin.post("/console/settings/derogation/end")
    assert not admit.derogates(project)


def test_closing_erases_the_name_and_leaves_the_handle(admin, project):
    admin.post("/console/settings/staff/intake/close")
    page = admin.get("/console/settings/staff/intake").text
    assert "This account is closed" in page
    assert "Intake Example" not in page


def test_who_administers_one_entity_changes_nobody_beyond_it(project):
    here = entities(project)[0]
    admit_one(project, "local", "admin", entity=here)
    admit_one(project, "near", "intake", entity=here)
    with signed_in(project, "local") as client:
        assert "near" in client.get("/console/settings").text
        assert "Admin Example" not in client.get("/console/settings").text
        assert client.get("/console/settings/staff/admin").status_code == 403
        for what in ("link", "close", "back", "grant", "withdraw", "away"):
            form = {"role": "dpo", "entity": "", "begins": "2026-12-01", "deputy": "near"}
            assert client.post(f"/console/settings/staff/admin/{what}", data=form).status_code == 403, what
        invited = {"handle": "admin", "name": "A B", "email": "a@staff.example"}
        assert client.post("/console/settings/invite", data=invited).status_code == 403
        grant = "/console/settings/staff/near/grant"
        assert client.post(grant, data={"role": "handler", "entity": ""}).status_code == 403
        assert client.post(grant, data={"role": "admin", "entity": here}).status_code == 200
        assert client.post("/console/settings/derogation", data={"reason": "x" * 20}).status_code == 403


# One's own account


@pytest.fixture
def secret(project):
    """Give the handler a password and a telephone; return its secret."""
    made = sign_in.new_secret()
    held = Account("Handler Example", "handler@staff.example", sign_in._hashed(PASSWORD), made)
    accounts.write(project.ledger, "handler", held)
    return made


def test_a_password_is_changed_by_the_old_one_and_a_code_and_other_sessions_end(project, secret, clock):
    other = accounts.begin(project.ledger, "handler")
    with signed_in(project, "handler") as client:
        form = {"old": PASSWORD, "code": "000000", "new": "four other plain words"}
        assert client.post("/console/account/password", data=form).status_code == 422
        form["code"] = sign_in.code_now(project, secret)
        assert client.post("/console/account/password", data=form | {"new": "short"}).status_code == 422
        done = client.post("/console/account/password", data=form)
        assert "Your password is changed" in done.text
        assert client.post("/console/account/password", data=form).status_code == 422  # the code was used
    assert sign_in.who(project, other) is None
    clock.now += timedelta(minutes=1)
    code = sign_in.code_now(project, secret)
    assert sign_in.sign_in(project, "handler", "four other plain words", code)


def test_too_many_wrong_passwords_wait(project, secret):
    with signed_in(project, "handler") as client:
        form = {"old": "wrong words for this", "code": "000000", "new": "four other plain words"}
        for _ in range(sign_in.TRIES_MAX):
            client.post("/console/account/password", data=form)
        form |= {"old": PASSWORD, "code": sign_in.code_now(project, secret)}
        assert "too many tries" in client.post("/console/account/password", data=form).text


def test_another_telephone_is_bound_by_a_code_of_each(project, secret, clock):
    with signed_in(project, "handler") as client:
        page = client.get("/console/account").text
        written = re.search(r'name="secret" value="([A-Z2-7]+)"', page)[1]
        import base64

        new = base64.b32decode(written)
        form = {
            "old": PASSWORD, "code": sign_in.code_now(project, secret), "secret": written,
            "new_code": sign_in.code_now(project, secret),
        }  # fmt: skip
        assert (
            "not the code of the new telephone" in client.post("/console/account/telephone", data=form).text
        )
        form["new_code"] = sign_in.code_now(project, new)
        assert "come from your new telephone" in client.post("/console/account/telephone", data=form).text
    clock.now += timedelta(minutes=1)
    assert sign_in.sign_in(project, "handler", PASSWORD, sign_in.code_now(project, new))


def test_signing_out_everywhere_ends_every_session(project):
    other = accounts.begin(project.ledger, "dpo")
    with signed_in(project, "dpo") as client:
        assert "this one" in client.get("/console/account").text
        client.post("/console/account/end")
        assert client.get("/console/account", follow_redirects=False).status_code == 303
    assert sign_in.who(project, other) is None


def test_one_records_ones_own_absence(project):
    with signed_in(project, "dpo") as client:
        form = {"begins": "2026-12-01", "until": "2026-12-05", "deputy": "intake"}
        assert client.post("/console/account/away", data=form).status_code == 200
        assert (
            "From 1 December 2026 to 5 December 2026; intake stands in."
            in client.get("/console/account").text
        )
        assert client.post("/console/account/back").status_code == 200


# Configuration and health


def test_the_configuration_shows_no_secret(tmp_path, clock, monkeypatch):
    make(tmp_path)
    toml = tmp_path / "troth.toml"
    toml.write_text(
        toml.read_text()
        + '\n[sign_in]\nissuer = "https://id.example"\nclient_id = "troth"\nclient_secret = "env:TOP_SECRET_NAME"\n'
        'domains = ["shop.example"]\n[sign_in.roles]\n"privacy team" = "handler"\n'
        '[webhook.crm]\nurl = "https://hook:word@crm.example/in?token=abc"\nsecret = "env:HOOK_SECRET"\n'
    )
    monkeypatch.setenv("TOP_SECRET_NAME", "the very secret")
    project = opened(tmp_path, clock)
    admit_one(project, "admin", "admin")
    with signed_in(project, "admin") as client:
        page = client.get("/console/settings/configuration").text
    project.ledger.close()
    assert "https://id.example" in page
    assert "https://…@crm.example/in" in page
    for hidden in ("the very secret", "TOP_SECRET_NAME", "HOOK_SECRET", "word", "abc"):
        assert hidden not in page


def test_health_tells_what_answers_and_what_does_not(admin, project, tmp_path, clock):
    (tmp_path / "shop.db").unlink()
    (tmp_path / "shop.db").mkdir()
    clock.now += timedelta(minutes=5)
    page = admin.get("/console/settings/health").text
    assert page.count("does not answer") == 1
    assert page.count("answers") >= 3  # the ledger, the mail and the other store
    assert "does not come" in page  # nobody sealed for five minutes


def test_every_move_of_somebody_is_said_in_both_languages():
    tree = ast.parse(Path(staff.__file__).read_text(encoding="utf-8"))
    fold = next(one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == "fold")
    moves = {one.value.value for one in ast.walk(fold) if isinstance(one, ast.MatchValue)}
    assert {"invited", "enter_link"} <= moves
    for words in catalogues(face="console").values():
        assert [one for one in sorted(moves) if not words.has(f"settings.move.{one}")] == []


def test_the_page_of_somebody_is_shown_after_a_link_that_signs_in(project, admin):
    sign_in.enter_link(project, "handler", "root")
    for language, said in (("en", "signs in once"), ("fr", "une seule fois")):
        page = admin.get(f"/console/settings/staff/handler?lang={language}")
        assert page.status_code == 200
        assert said in page.text
