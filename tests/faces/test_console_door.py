"""The console's door: the first link, joining, signing in and out, being locked out."""

import base64
import html
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from console_visits import PASSWORD, admit_one, signed_in, visiting
from troth.errors import ConflictError, NotAllowedError
from troth.faces.console.desk import SESSION
from troth.faces.portal.application import application
from troth.ledger import accounts, read
from troth.ledger.accounts import Account
from troth.work import admit, sign_in


@pytest.fixture
def client(project):
    with visiting(application(project)) as made:
        yield made


def path_of(link):
    return link[link.index("/console/") :]


def join(client, project, link, **changed):
    page = client.get(path_of(link)).text
    secret = page.split('name="secret" value="', 1)[1].split('"', 1)[0]
    code = sign_in.code_now(project, base64.b32decode(secret))
    form = {"handle": "anne", "name": "Anne Durand", "email": "anne@staff.example", "password": PASSWORD,
            "secret": secret, "code": code} | changed  # fmt: skip
    return client.post(path_of(link), data=form, follow_redirects=False), base64.b32decode(secret)


def enter(client, project, secret, handle="anne", password=PASSWORD, **more):
    form = {"handle": handle, "password": password, "code": sign_in.code_now(project, secret), **more}
    return client.post("/console/sign-in", data=form, follow_redirects=False)


def test_the_first_one_joins_by_the_link_and_administers(client, project):
    done, _ = join(client, project, admit.first_link(project))
    assert done.status_code == 303, done.text
    assert "HttpOnly" in done.headers["set-cookie"]
    assert "SameSite=lax" in done.headers["set-cookie"]
    assert "Welcome" in client.get(done.headers["location"]).text
    assert admit.acting(project, "anne").roles == ("admin",)
    assert admit.first_link(project) is None


def test_a_link_works_once_and_an_older_one_not_at_all(client, project):
    older, link = admit.first_link(project), admit.first_link(project)
    assert client.get(path_of(older)).status_code == 404
    join(client, project, link)
    again = client.get(path_of(link))
    assert again.status_code == 404
    assert "used already" in again.text


def test_a_link_is_worth_nothing_after_two_days(client, project, clock):
    link = admit.first_link(project)
    clock.now += timedelta(hours=49)
    assert client.get(path_of(link)).status_code == 404


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"password": "short"}, "12 to 200 characters"),
        ({"password": "anne anne anne"}, "too easy to guess"),
        ({"code": "000000"}, "not the code"),
        ({"handle": "Anne@example.org"}, "A handle has"),
        ({"email": "nobody"}, "e-mail address is none"),
    ],
)
def test_what_will_not_do_is_said_and_the_link_still_works(client, project, changed, said):
    link = admit.first_link(project)
    refused, _ = join(client, project, link, **changed)
    assert refused.status_code == 422
    assert said in refused.text
    assert join(client, project, link)[0].status_code == 303


def test_signing_in_takes_password_and_code_and_leads_where_one_was_going(client, project, clock):
    _, secret = join(client, project, admit.first_link(project))
    client.post("/console/sign-out")
    asked = client.get("/console?x=1", follow_redirects=False)
    assert asked.headers["location"] == "/console/sign-in?to=%2Fconsole%3Fx%3D1"
    clock.now += timedelta(minutes=1)
    done = enter(client, project, secret, to="/console?x=1")
    assert done.headers["location"] == "/console?x=1"
    assert client.get("/console").status_code == 200


def hidden(page):
    """The hidden fields of the form to sign in."""
    form = page.split('action="/console/sign-in"', 1)[1].split("</form>", 1)[0]
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    return {html.unescape(name): html.unescape(value) for name, value in found}


def test_what_was_typed_when_a_session_had_ended_stands_in_its_form_after_signing_in(client, project, clock):
    _, secret = join(client, project, admit.first_link(project))
    clock.now += timedelta(hours=11)
    page = {"referer": "http://testserver.local/console/settings"}
    typed = {
        "handle": "no good!",
        "name": 'N "N" <b>',
        "email": "n@staff.example",
        "password": "not to be shown",
    }
    ended = client.post("/console/settings/invite", data=typed, headers=page, follow_redirects=False)
    assert ended.status_code == 403
    assert "What you typed is kept in this page" in ended.text
    assert "<b>" not in ended.text
    assert "not to be shown" not in ended.text
    wrong = enter(client, project, secret, password="another one", **hidden(ended.text))
    assert wrong.status_code == 422
    assert hidden(wrong.text) == hidden(ended.text)
    early = client.post("/console/sign-in", data={**hidden(ended.text), "already": "yes"})
    assert (early.status_code, hidden(early.text)) == (422, hidden(ended.text))
    done = enter(client, project, secret, **hidden(ended.text))
    assert done.status_code == 200
    assert done.cookies[SESSION]
    for again in (done, client.post("/console/sign-in", data={**hidden(ended.text), "already": "yes"})):
        assert "Nothing was done yet" in again.text
        assert 'value="no good!"' in again.text
        assert 'value="N &quot;N&quot; &lt;b&gt;"' in again.text
    assert admit.state(project, "no good!") is None
    elsewhere = hidden(ended.text) | {"typed.came-from": "//evil.example/console", "to": "//evil.example"}
    lost = client.post("/console/sign-in", data={**elsewhere, "already": "yes"}, follow_redirects=False)
    assert lost.headers["location"] == "/console?told=told.bad.lost"


def test_what_is_too_large_to_carry_or_from_another_site_is_not_read_without_a_session(client):
    page = {"referer": "http://testserver.local/console/settings"}
    much = client.post(
        "/console/settings/invite", data={"name": "x" * 70_000}, headers=page, follow_redirects=False
    )
    assert much.headers["location"] == "/console/sign-in?to=%2Fconsole%2Fsettings&told=told.bad.too_much"
    assert "too large to be kept" in client.get(much.headers["location"]).text
    for where in ("/console/settings/invite", "/console/sign-in"):
        foreign = client.post(
            where, data={"name": "typed by nobody"}, headers={"sec-fetch-site": "cross-site"}
        )
        assert foreign.status_code == 403
        assert "typed by nobody" not in foreign.text


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "/ask", "/console/../ask", "/console\\evil"]
)
def test_signing_in_leads_nowhere_else(client, project, clock, to):
    _, secret = join(client, project, admit.first_link(project))
    clock.now += timedelta(minutes=1)
    assert enter(client, project, secret, to=to).headers["location"] == "/console"


def test_a_session_is_another_one_after_signing_in(client, project, clock):
    _, secret = join(client, project, admit.first_link(project))
    client.cookies.set(SESSION, "chosen-by-somebody-else", path="/console")
    clock.now += timedelta(minutes=1)
    given = enter(client, project, secret).cookies[SESSION]
    assert given != "chosen-by-somebody-else"
    assert sign_in.who(project, "chosen-by-somebody-else") is None


def test_a_code_works_once(client, project):
    _, secret = join(client, project, admit.first_link(project))
    assert enter(client, project, secret).status_code == 422


def test_a_wrong_handle_password_and_code_are_told_alike(client, project, clock):
    _, secret = join(client, project, admit.first_link(project))
    clock.now += timedelta(minutes=1)
    told = [
        enter(client, project, secret, handle="nobody"),
        enter(client, project, secret, password="another four words"),
        enter(client, project, b"another secret here!"),
    ]
    assert {one.status_code for one in told} == {422}
    assert all("is not right" in one.text for one in told)


def test_too_many_tries_wait_though_the_last_is_right(client, project, clock):
    _, secret = join(client, project, admit.first_link(project))
    for _ in range(sign_in.TRIES_MAX):
        enter(client, project, secret, password="another four words")
    clock.now += timedelta(minutes=1)
    assert "Wait 15 minutes" in enter(client, project, secret).text
    assert [e.facts["move"] for e in read.stream(project.ledger, "staff/anne")][-1] == "locked"
    clock.now += timedelta(minutes=16)
    assert enter(client, project, secret).status_code == 303


def test_a_stranger_elsewhere_locks_nobody_out_and_nothing_typed_is_kept(client, project, clock):
    _, secret = join(client, project, admit.first_link(project))
    for _ in range(sign_in.TRIES_MAX + 2):
        with pytest.raises(NotAllowedError):
            sign_in.sign_in(project, "anne", "another four words", "000000", "192.0.2.9")
    clock.now += timedelta(minutes=1)
    assert enter(client, project, secret).status_code == 303
    with pytest.raises(NotAllowedError):
        sign_in.sign_in(project, "canary@typed.example", "another four words", "000000", "192.0.2.9")
    with project.ledger.looking() as connection:
        names = [row.name for row in connection.execute(text("SELECT name FROM tries"))]
    assert names
    assert not [name for name in names if "canary" in name or "anne" in name or "192.0.2.9" in name]


def test_what_is_old_is_forgotten_daily(project, clock):
    admit_one(project, "anne", "admin")
    accounts.begin(project.ledger, "anne")
    with pytest.raises(NotAllowedError):
        sign_in.sign_in(project, "nobody.here", "another four words", "000000")
    clock.now += timedelta(minutes=46)
    assert accounts.sessions(project.ledger, "anne", "", sign_in.IDLE, sign_in.LONGEST) == []
    sign_in.forget_old(project)
    with project.ledger.looking() as connection:
        left = [
            connection.execute(text(f"SELECT count(*) FROM {name}")).scalar()
            for name in ("tries", "sessions")
        ]
    assert left == [0, 0]


def test_an_account_that_changed_while_its_code_was_looked_at_keeps_what_it_has(project):
    first = Account("Anne", "anne@staff.example", "old", b"1" * 20)
    accounts.write(project.ledger, "anne", first)
    accounts.write(project.ledger, "anne", Account("Anne", "anne@staff.example", "new", b"1" * 20))
    assert not accounts.take_step(project.ledger, "anne", first, 9)
    assert not accounts.renew(project.ledger, "anne", first, first)
    assert accounts.read(project.ledger, "anne").password == "new"
    assert not accounts.add(project.ledger, "anne", first)


def test_more_passwords_than_there_is_memory_for_wait_and_then_say_so(client, project, monkeypatch):
    monkeypatch.setattr(sign_in, "HASH_WAIT_SECONDS", 0.01)
    with sign_in._one_of_few(), sign_in._one_of_few():
        form = {"handle": "anne", "password": PASSWORD, "code": "000000"}
        refused = client.post("/console/sign-in", data=form)
    assert refused.status_code == 503
    assert "Too many people sign in" in refused.text


@pytest.mark.parametrize("handle", ["troth", "requester", "sign_in", "root"])
def test_what_stands_for_troth_itself_is_nobodys_handle(project, handle):
    with pytest.raises(NotAllowedError, match="Choose another handle"):
        admit.invite(project, handle, "A B", "a@staff.example", "anne")


def test_two_administrators_do_not_withdraw_each_other_at_once(project):
    admit_one(project, "anne", "admin")
    admit_one(project, "bob", "admin")
    seen = admit._refuse_last(project, "bob")
    admit.withdraw(project, "anne", "admin", "", "bob")
    with pytest.raises(ConflictError):
        admit.record(project, "bob", {"move": "withdrawn", "role": "admin", "entity": ""}, "anne", seen)
    assert admit.acting(project, "bob").may("settings")


def test_a_link_made_on_the_server_signs_in_once_and_the_record_says_who_made_it(client, project):
    admit_one(project, "anne", "admin")
    path = path_of(sign_in.enter_link(project, "anne", "root"))
    for _ in range(2):  # whoever only looks uses up nothing
        assert "Sign in as anne" in client.get(path).text
    assert client.post(path, follow_redirects=False).headers["location"] == "/console"
    assert client.post(path).status_code == 404
    assert client.get(path).status_code == 404
    made = [
        event for event in read.stream(project.ledger, "staff/anne") if event.facts["move"] == "enter_link"
    ]
    assert [event.actor for event in made] == ["root"]


def test_a_link_that_signs_in_is_no_invitation_and_ends(client, project, clock):
    admit_one(project, "anne", "admin")
    path = path_of(sign_in.enter_link(project, "anne", "root"))
    assert client.get(path.replace("/enter/", "/join/")).status_code == 404
    clock.now += timedelta(minutes=16)
    assert client.post(path).status_code == 404
    with pytest.raises(NotAllowedError, match="from 1 to 1440"):
        sign_in.enter_link(project, "anne", "root", 0)


@pytest.mark.parametrize("later", [timedelta(minutes=46), timedelta(hours=11)])
def test_a_session_ends(project, clock, later):
    admit_one(project, "anne", "admin")
    with signed_in(project, "anne") as client:
        assert client.get("/console", follow_redirects=False).status_code == 200
        clock.now += later
        assert client.get("/console", follow_redirects=False).status_code == 303


def test_closing_an_account_ends_its_sessions_and_erases_name_and_address(project):
    admit_one(project, "anne", "admin")
    admit_one(project, "bob", "handler")
    with signed_in(project, "bob") as client:
        admit.close(project, "bob", "anne")
        assert client.get("/console", follow_redirects=False).status_code == 303
    assert accounts.read(project.ledger, "bob") is None
    with pytest.raises(NotAllowedError, match="Choose another handle"):
        admit.invite(project, "bob", "Robert", "bob@staff.example", "anne")


def test_the_last_administrator_stays(project):
    admit_one(project, "anne", "admin")
    with pytest.raises(NotAllowedError, match="last administrator"):
        admit.close(project, "anne", "anne")
    with pytest.raises(NotAllowedError, match="last administrator"):
        admit.withdraw(project, "anne", "admin", "", "anne")


def test_nobody_is_handler_and_reviewer_but_where_a_derogation_says_why(project):
    admit_one(project, "anne", "handler")
    with pytest.raises(NotAllowedError, match="who decides is not who reviews"):
        admit.grant(project, "anne", "reviewer", "", "root")
    admit.derogate(project, "There is one person in the office.", "root")
    admit.grant(project, "anne", "reviewer", "", "root")
    assert admit.acting(project, "anne").may("review")


def test_a_deputy_is_refused_roles_that_stay_apart_from_their_own(project):
    admit_one(project, "anne", "reviewer")
    admit_one(project, "bob", "handler")
    admit_one(project, "carl", "intake")
    with pytest.raises(NotAllowedError, match="bob cannot stand in for anne"):
        admit.away(project, "anne", project.clock().date(), None, "bob", "root")
    admit.away(project, "anne", project.clock().date(), None, "carl", "root")
    assert admit.acting(project, "carl").may("review")
    admit.back(project, "anne", "root")
    assert not admit.acting(project, "carl").may("review")


def test_a_deputy_of_two_gets_no_roles_that_stay_apart(project):
    admit_one(project, "anne", "reviewer")
    admit_one(project, "bob", "handler")
    admit_one(project, "carl", "intake")
    admit.away(project, "anne", project.clock().date(), None, "carl", "root")
    with pytest.raises(NotAllowedError, match="carl cannot stand in for bob"):
        admit.away(project, "bob", project.clock().date() + timedelta(days=9), None, "carl", "root")
    admit.grant(project, "carl", "handler", "", "root")
    assert admit.acting(project, "carl").may("decide")
    assert not admit.acting(project, "carl").may("review")


def test_nothing_of_an_account_lies_in_the_ledger_in_clear(client, project, tmp_path):
    join(client, project, admit.first_link(project))
    for one in tmp_path.joinpath(".troth").iterdir():
        if one.is_file():
            body = one.read_bytes()
            assert b"Anne Durand" not in body
            assert b"anne@staff.example" not in body


def test_a_form_of_another_site_is_refused(project):
    admit_one(project, "anne", "admin")
    with signed_in(project, "anne") as client:
        for path in ("/console/sign-in", "/console/sign-out", "/console/join/x"):
            refused = client.post(path, data={"a": "b"}, headers={"sec-fetch-site": "cross-site"})
            assert refused.status_code == 403
            assert "not yours to do" in refused.text


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_sentence_is_there_in_both_languages(language):
    from troth.faces.words import catalogues

    words = catalogues(face="console")
    assert set(words["en"].sentences) == set(words["fr"].sentences)
    assert all(words[language].sentences.values())


def test_the_console_is_made_once_however_many_come_first_and_only_below_its_address(app):
    with ThreadPoolExecutor(8) as together, visiting(app) as client:
        came = list(together.map(lambda _: client.get("/console/sign-in"), range(8)))
        assert {one.status_code for one in came} == {200}
        assert (
            client.get("/console/", follow_redirects=False).headers["location"].startswith("/console/sign-in")
        )
        assert client.get("/console/sign-in/").status_code == 200
        for other in ("/consoles", "/console-sign-in"):
            answer = client.get(other)
            assert answer.status_code == 404
            assert "portal.css" in answer.text
        assert "console.css" in client.get("/console/nothing/here").text
