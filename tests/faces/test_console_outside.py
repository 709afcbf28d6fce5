"""Signing in by an OpenID provider: a real one, and one that lies in every way that is known."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from console_visits import PASSWORD, admit_one, signed_in, visiting
from identity_provider import CLIENT, SECRET, identity_provider, pass_through
from lying_provider import lying_provider
from shop_project import make, opened
from troth.faces.console.desk import SESSION
from troth.faces.console.outside_door import COOKIE
from troth.faces.portal.application import application
from troth.ledger import accounts
from troth.ledger.accounts import Account
from troth.work import admit, sign_in
from troth.work.project import SignIn

HERE = "http://testserver.local"
BACK = f"{HERE}/console/sign-in/outside/back"
GROUP = "privacy team"


class Clock:
    ahead = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.ahead


@pytest.fixture(scope="module")
def provider():
    with identity_provider(BACK, {GROUP: ["anne"]}) as found:
        yield found


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make_console(tmp_path, clock):
    """A function that opens a console whose staff sign in by an issuer."""
    made = []

    def make_one(issuer, **more):
        make(tmp_path)
        project = opened(tmp_path, clock)
        told = SignIn(issuer, CLIENT, lambda: SECRET, "Company account", **more)
        project = replace(project, settings=replace(project.settings, sign_in=told, public_url=HERE))
        made.append(project)
        admit_one(project, "root", "admin")
        return project

    yield make_one
    for one in made:
        one.ledger.close()


def there(client, path="/console/sign-in/outside"):
    """Begin a sign-in and return the address at the provider."""
    sent = client.get(path, follow_redirects=False)
    assert sent.status_code == 303, sent.text
    return sent.headers["location"]


def back(client, address):
    """Come back from the provider as a browser does: from another site."""
    parts = urlsplit(address)
    return client.get(
        f"{parts.path}?{parts.query}", headers={"sec-fetch-site": "cross-site"}, follow_redirects=False
    )


# With a real provider


@pytest.mark.slow
def test_an_invitation_is_taken_up_there_and_the_same_person_gets_in_again(provider, make_console):
    project = make_console(provider.issuer)
    link = admit.invite(project, "a.durand", "Anne Durand", "anne@staff.example", "root")
    path = urlsplit(link).path
    with visiting(application(project)) as client:
        assert "Join with Company account" in client.get(path).text
        done = back(client, pass_through(there(client, f"{path}/outside"), "anne"))
        assert done.headers["location"] == "/console", done.text
        assert done.cookies[SESSION]
        assert client.get("/console").status_code == 200
        client.post("/console/sign-out")
        assert client.get(path).status_code == 404  # used up

        page = client.get("/console/sign-in?to=/console/account").text
        assert "Sign in with Company account" in page
        address = there(client, "/console/sign-in/outside?to=/console/account")
        done = back(client, pass_through(address, "anne"))
        assert done.headers["location"] == "/console/account"
        assert "a.durand" in client.get("/console").text


@pytest.mark.slow
def test_nobody_gets_in_whom_nobody_invited_though_the_address_is_the_same(provider, make_console):
    project = make_console(provider.issuer)
    admit_one(project, "a.durand", "handler")
    account = accounts.read(project.ledger, "a.durand")
    accounts.write(project.ledger, "a.durand", replace_email(account, "anne@staff.example"))
    with visiting(application(project)) as client:
        done = back(client, pass_through(there(client), "anne"))
        assert done.status_code == 422, done.text
        assert "You were not invited with this account" in done.text
        assert SESSION not in done.cookies


def replace_email(account, email):
    import msgspec

    return msgspec.structs.replace(account, email=email)


@pytest.mark.slow
def test_a_group_there_admits_with_its_role_and_takes_it_back_when_it_is_gone(provider, make_console):
    scope = "openid profile email groups"
    project = make_console(provider.issuer, scope=scope, roles={GROUP: ("handler", "")})
    with visiting(application(project)) as client:
        assert back(client, pass_through(there(client), "anne")).status_code == 303
        assert admit.acting(project, "anne").roles == ("handler",)
        assert back(client, pass_through(there(client), "bob")).status_code == 422  # in no group
    admit.withdraw(project, "anne", "handler", "", "root")
    admit.grant(project, "anne", "reviewer", "", "root")
    with visiting(application(project)) as client:  # the two stay apart: what is not allowed is not given
        assert back(client, pass_through(there(client), "anne")).status_code == 303
    assert admit.acting(project, "anne").roles == ("reviewer",)


@pytest.mark.slow
def test_only_addresses_of_the_domains_that_are_named_are_let_in(provider, make_console):
    scope = "openid profile email groups"
    project = make_console(
        provider.issuer, scope=scope, roles={GROUP: ("handler", "")}, domains=("other.example",)
    )
    with visiting(application(project)) as client:
        done = back(client, pass_through(there(client), "anne"))
    assert done.status_code == 422
    assert "of no domain that is let in" in done.text


@pytest.mark.slow
def test_one_who_is_signed_in_binds_their_account_and_signs_out_there_too(provider, make_console):
    project = make_console(provider.issuer)
    admit_one(project, "b.example", "handler")
    secret = with_password(project, "b.example")
    with signed_in(project, "b.example") as client:
        done = back(client, pass_through(binding(client, project, secret), "bob"))
        assert done.headers["location"].startswith("/console/account?told="), done.text
    with visiting(application(project)) as client:
        assert back(client, pass_through(there(client), "bob")).status_code == 303
        client.post("/console/sign-out")
        assert "Sign out at Company account, too" in client.get("/console/sign-in?told=told.out").text
        away = client.get("/console/sign-out/outside", follow_redirects=False).headers["location"]
    assert httpx.get(away).status_code == 200
    asked = parse_qs(urlsplit(away).query)
    assert asked["post_logout_redirect_uri"] == [f"{HERE}/console/sign-in"]


@pytest.mark.slow
def test_a_code_that_was_used_is_not_taken_again_by_us_nor_by_the_provider(provider, make_console):
    project = make_console(provider.issuer, scope="openid profile email groups", roles={GROUP: ("dpo", "")})
    with visiting(application(project)) as client:
        address = there(client)
        cookie = client.cookies[COOKIE]
        answered = pass_through(address, "anne")
        assert back(client, answered).status_code == 303
        client.cookies.set(COOKIE, cookie, domain="testserver.local", path="/console/sign-in/outside")
        again = back(client, answered)  # the same answer with the same cookie
        assert again.status_code == 422
        assert "not the one that was begun in this browser" in again.text
        other = there(client)  # the used code, in a sign-in of its own
        state = parse_qs(urlsplit(other).query)["state"][0]
        code = parse_qs(urlsplit(answered).query)["code"][0]
        given = f"{BACK}?code={code}&state={state}&iss={provider.issuer}"
        refused = back(client, given)
        assert refused.status_code == 422
        assert "does not take its code" in refused.text


# With one that lies


@pytest.fixture(scope="module")
def lying():
    with lying_provider() as liar:
        yield liar


@pytest.fixture
def liar(lying):
    """The same liar, telling the truth again."""
    lying.claims, lying.header, lying.signer = {}, {"alg": "RS256", "kid": "one"}, None
    lying.discovery["issuer"] = lying.issuer
    lying.discovery.pop("authorization_response_iss_parameter_supported", None)
    lying.published = [lying.key.as_dict(private=False)]
    return lying


def answered(client, liar, state=None, **more):
    """Begin, and come back with the code `c` as the provider would."""
    asked = parse_qs(urlsplit(there(client)).query)
    liar.nonce = asked["nonce"][0]
    given = {"code": "c", "state": state or asked["state"][0], **more}
    return client.get("/console/sign-in/outside/back", params=given, follow_redirects=False)


@pytest.fixture
def client(make_console, liar):
    project = make_console(liar.issuer)
    admit_one(project, "anne", "handler")
    accounts.bind(project.ledger, "anne", liar.issuer, "s-1")
    with visiting(application(project)) as made:
        yield made


def test_the_truth_is_believed_and_the_code_goes_with_its_verifier(client, liar):
    done = answered(client, liar)
    assert done.status_code == 303, done.text
    sent = parse_qs(liar.codes[-1])
    assert len(sent["code_verifier"][0]) >= 43
    assert sent["redirect_uri"] == [BACK]


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"nonce": "another"}, "of another sign-in"),
        ({"nonce": None}, "of another sign-in"),
        ({"aud": "somebody-else"}, "for another client"),
        ({"aud": []}, "for another client"),
        ({"aud": ["troth", "other"]}, "given to another client"),
        ({"azp": "other"}, "given to another client"),
        ({"iss": "https://other.example"}, "of another issuer"),
        ({"exp": int(time.time()) - 3600}, "has ended"),
        ({"exp": None}, "has ended"),
        ({"iat": int(time.time()) + 86400}, "still to come"),
        ({"sub": ""}, "of nobody"),
        ({"sub": None}, "of nobody"),
        ({"sub": "s-2"}, "You were not invited with this account"),
    ],
)
def test_a_token_that_is_not_for_this_very_sign_in_is_not_believed(client, liar, claims, said):
    liar.claims = claims
    done = answered(client, liar)
    assert done.status_code == 422
    assert said in done.text
    assert SESSION not in done.cookies


@pytest.mark.parametrize(("verified", "status"), [(True, 303), (None, 422), (False, 422), ("false", 422)])
def test_an_address_that_the_provider_did_not_verify_is_of_no_domain(make_console, liar, verified, status):
    project = make_console(liar.issuer, domains=("staff.example",), roles={GROUP: ("handler", "")})
    liar.claims = {"sub": "s-9", "email": "root@staff.example", "email_verified": verified, "groups": [GROUP]}
    with visiting(application(project)) as client:
        assert answered(client, liar).status_code == status
    if status == 303:  # what stands for whoever runs the server is nobody's handle
        assert admit.acting(project, "root-2").roles == ("handler",)


def test_no_signature_and_a_shared_secret_are_not_believed(client, liar):
    liar.header = {"alg": "none"}
    assert "not signed by a key" in answered(client, liar).text
    liar.header = {"alg": "HS256", "kid": "one"}
    assert "not signed by a key" in answered(client, liar).text


def test_a_key_of_somebody_else_signs_nothing(client, liar):
    from joserfc.jwk import RSAKey

    liar.signer = RSAKey.generate_key(2048, {"kid": "one"})
    assert "not signed by a key" in answered(client, liar).text


@pytest.mark.parametrize("state", ["wrong", "é", "0" * 5000])
def test_an_answer_with_another_state_is_refused(client, liar, state):
    assert "not the one that was begun in this browser" in answered(client, liar, state).text


def test_an_answer_in_another_browser_is_refused(client, liar):
    asked = parse_qs(urlsplit(there(client)).query)
    client.cookies.clear()
    for cookie in ({}, {COOKIE: "A" * 300}):
        client.cookies.update(cookie)
        done = back(client, f"{BACK}?code=c&state={asked['state'][0]}")
        assert done.status_code == 422
        assert "not the one that was begun" in done.text


def test_an_answer_after_ten_minutes_is_refused(client, liar, clock):
    asked = parse_qs(urlsplit(there(client)).query)
    clock.ahead = timedelta(minutes=11)
    assert back(client, f"{BACK}?code=c&state={asked['state'][0]}").status_code == 422


def test_another_provider_cannot_answer_in_its_place(client, liar):
    assert "Another provider answered" in answered(client, liar, iss="https://evil.example").text


def test_a_provider_that_names_itself_must(make_console, liar):
    liar.discovery["authorization_response_iss_parameter_supported"] = True
    with visiting(application(make_console(liar.issuer))) as client:
        assert "Another provider answered" in answered(client, liar).text


def test_a_provider_that_is_another_than_it_says_is_not_asked(make_console, liar):
    liar.discovery["issuer"] = "https://other.example"
    with visiting(application(make_console(liar.issuer))) as client:
        refused = client.get("/console/sign-in/outside", follow_redirects=False)
    assert refused.status_code == 503
    assert "names another issuer" in refused.text


def test_an_error_of_the_provider_is_told_without_its_words(client, liar):
    done = answered(client, liar, error="access_denied", error_description="<b>evil</b>")
    assert "The provider did not sign you in" in done.text
    assert "evil" not in done.text


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "/ask", "/console/../ask"])
def test_signing_in_there_leads_nowhere_else(client, liar, to):
    asked = parse_qs(urlsplit(there(client, f"/console/sign-in/outside?to={to}")).query)
    liar.nonce = asked["nonce"][0]
    done = back(client, f"{BACK}?code=c&state={asked['state'][0]}")
    assert done.headers["location"] == "/console"


def test_somebody_whose_account_was_closed_stays_outside(make_console, liar):
    project = make_console(liar.issuer)
    admit_one(project, "anne", "handler")
    accounts.bind(project.ledger, "anne", liar.issuer, "s-1")
    admit.close(project, "anne", "root")
    with visiting(application(project)) as client:
        assert answered(client, liar).status_code == 422


def with_password(project, handle):
    """Give an account a password and a telephone; return the telephone's secret."""
    secret = sign_in.new_secret()
    held = accounts.read(project.ledger, handle)
    account = Account(held.name, held.email, sign_in._hashed(PASSWORD), secret)
    accounts.write(project.ledger, handle, account)
    return secret


def binding(client, project, secret):
    """Show password and code once more, and return the address at the provider that the page leads to."""
    form = {"old": PASSWORD, "code": sign_in.code_now(project, secret)}
    page = client.post("/console/account/outside", data=form)
    assert page.status_code == 200, page.text
    return unescape(page.text.split('class="button" href="', 1)[1].split('"', 1)[0])


def test_a_session_alone_binds_no_other_way_in(make_console, liar, clock):
    project = make_console(liar.issuer)
    admit_one(project, "anne", "handler")
    secret = with_password(project, "anne")
    with signed_in(project, "anne") as client:
        assert client.get("/console/account/outside").status_code in {404, 405}
        wrong = {"old": "another four words", "code": sign_in.code_now(project, secret)}
        refused = client.post("/console/account/outside", data=wrong)
        assert refused.status_code == 422
        assert COOKIE not in client.cookies
        asked = parse_qs(urlsplit(binding(client, project, secret)).query)
        liar.nonce = asked["nonce"][0]
        back(client, f"{BACK}?code=c&state={asked['state'][0]}")
        assert accounts.is_bound(project.ledger, "anne")
        assert "Unbind Company account" in client.get("/console/account").text
        clock.ahead = timedelta(minutes=1)
        form = {"old": PASSWORD, "code": sign_in.code_now(project, secret)}
        assert "by the provider any more" in client.post("/console/account/unbind", data=form).text
    assert not accounts.is_bound(project.ledger, "anne")


def test_another_password_leaves_no_other_way_in(make_console, liar):
    project = make_console(liar.issuer)
    admit_one(project, "anne", "handler")
    secret = with_password(project, "anne")
    accounts.bind(project.ledger, "anne", liar.issuer, "s-1")
    code = sign_in.code_now(project, secret)
    sign_in.change_password(project, "anne", PASSWORD, code, "four other plain words")
    assert not accounts.is_bound(project.ledger, "anne")


def test_without_a_provider_there_is_no_such_way_in(tmp_path, clock):
    make(tmp_path)
    project = opened(tmp_path, clock)
    with visiting(application(project)) as client:
        assert client.get("/console/sign-in/outside").status_code == 404
        assert "sign-in/outside" not in client.get("/console/sign-in").text
    project.ledger.close()
