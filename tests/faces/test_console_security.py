"""Every page and form of the console, made from its routes: nobody without a session, no role without the duty."""

import html
import re

import pytest

from console_visits import console_of, signed_in, visiting
from troth.faces.console.application import console, make_desk
from troth.faces.portal.application import application
from troth.rules.staff import DUTIES, ROLES

OURS = ("account_pages", "audit_pages", "ledger_pages", "register_pages", "settings_pages", "store_pages")
ENDS_THE_SESSION = {"/console/account/end", "/console/sign-out"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with console_of(tmp_path_factory.mktemp("security")) as made:
        yield made


@pytest.fixture(scope="module")
def app(project):
    return application(project)


@pytest.fixture(scope="module")
def desk(project):
    made = make_desk(project)
    console(made)
    return made


def addressed(path):
    """An address of a route, with something in every gap."""
    return re.sub(r"\{(\w+):\w+\}", lambda gap: {"name": "processing"}.get(gap[1], "X-2026-0001"), path)


def test_there_are_many_routes_and_each_says_which_duty_it_needs(desk):
    assert len(desk.needed) > 60
    for_anybody = {path for (_, path), duty in desk.needed.items() if duty is None}
    assert all(path == "/console" or path.startswith("/console/account") for path in for_anybody), for_anybody


def test_without_a_session_every_route_leads_to_the_sign_in_and_shows_nothing(app, desk):
    with visiting(app) as client:
        for method, path in desk.needed:
            answer = client.request(method, addressed(path), follow_redirects=False)
            assert answer.status_code == 303, (method, path)
            assert answer.headers["location"].startswith("/console/sign-in?to=%2Fconsole"), path
            assert not answer.content, path


@pytest.mark.parametrize("role", ROLES)
def test_a_role_without_the_duty_is_refused(app, project, desk, role):
    tried = 0
    with signed_in(project, role, app) as client:
        for (method, path), duty in desk.needed.items():
            if duty is None or duty in DUTIES[role]:
                continue
            answer = client.request(method, addressed(path), follow_redirects=False)
            assert answer.status_code == 403, (method, path, duty)
            assert "This is not yours to do" in answer.text
            tried += 1
    assert tried > 10


@pytest.mark.parametrize("role", ROLES)
def test_a_role_with_the_duty_meets_no_error_of_the_server_and_strict_headers(app, project, desk, role):
    with signed_in(project, role, app) as client:
        for (method, path), duty in desk.needed.items():
            if method != "GET" or (duty is not None and duty not in DUTIES[role]):
                continue
            answer = client.get(addressed(path), follow_redirects=False)
            assert answer.status_code < 500 or answer.status_code == 503, (path, answer.text[:2000])
            assert answer.status_code != 403, path
            policy = answer.headers.get("content-security-policy", "")
            if answer.status_code != 303:
                assert policy.startswith("default-src 'none'"), path
                assert "unsafe" not in policy, path
                assert answer.headers["x-content-type-options"] == "nosniff", path
                assert answer.headers["cache-control"] == "no-store", path
            if "text/html" in answer.headers.get("content-type", ""):
                assert "frame-ancestors 'none'" in policy
                assert len(answer.content) < 150_000, path
                assert not re.search(r"<script(?! src)|\son\w+=|\sstyle=|javascript:", answer.text), path


def test_a_form_of_another_site_does_nothing(app, project, desk):
    for role in ROLES:
        with signed_in(project, role, app) as client:
            for (method, path), duty in desk.needed.items():
                if method == "POST" and (duty is None or duty in DUTIES[role]):
                    for sent in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}):
                        answer = client.post(addressed(path), headers=sent, follow_redirects=False)
                        assert answer.status_code == 403, path


@pytest.mark.parametrize("role", ["admin", "handler", "auditor"])
def test_an_empty_form_is_refused_in_words_and_never_an_error(app, project, desk, role):
    ours = {
        ("POST", path)
        for route in desk.routes
        for path in route.paths
        if any(f".{part}." in str(route.name) for part in OURS)
    }
    with signed_in(project, role, app) as client:
        for key in sorted(ours & set(desk.needed)):
            duty = desk.needed[key]
            if key[1] in ENDS_THE_SESSION or (duty is not None and duty not in DUTIES[role]):
                continue
            answer = client.post(addressed(key[1]), follow_redirects=False)
            assert answer.status_code in {303, 403, 404, 409, 422}, (key[1], answer.status_code)


@pytest.mark.parametrize(
    "path",
    [
        "/console/sign-in?to=/console%0d%0aSet-Cookie:%20evil=1",
        "/console?lang=fr%0d%0aX-Evil:%201",
        "/console?told=told.%0d%0aX-Evil",
        "/console/registers/processing?format=csv%0d%0aX-Evil:1",
        "/console/ledger/events/%0d%0aX-Evil:1/receipt",
        "/console/audit/file/html%0d%0aX-Evil:1",
        "/console/stores/x%0d%0aX-Evil:1",
    ],
)
def test_nothing_that_is_asked_becomes_a_header(app, project, path):
    with signed_in(project, "auditor", app) as client:
        answer = client.get(path, follow_redirects=False)
    assert answer.status_code < 500
    for name, value in answer.headers.items():
        assert "evil" not in f"{name}{value}".lower() or name == "location"
        assert "\n" not in value
        assert "\r" not in value


def test_what_is_asked_is_never_drawn_as_markup(app, project):
    asked = "%3Cscript%3Ealert(1)%3C/script%3E"
    with signed_in(project, "auditor", app) as client:
        for path in (
            f"/console/ledger/events?stream={asked}", f"/console/ledger/events/{asked}",
            f"/console/registers/processing?on={asked}", f"/console/stores/{asked}",
            f"/console/audit/questions/times?jurisdiction={asked}", f"/console/audit/trend?since={asked}",
        ):  # fmt: skip
            assert "<script>alert" not in client.get(path).text, path


def test_a_host_that_is_not_ours_is_in_no_link_that_is_given(app, project):
    with signed_in(project, "admin", app) as client:
        form = {"handle": "x.y", "name": "X Y", "email": "x@staff.example"}
        page = client.post(
            "/console/settings/invite", data=form, headers={"x-forwarded-host": "evil.example"}
        ).text
    assert "/console/join/" in page
    assert "evil.example" not in page


def test_a_form_that_is_refused_stands_on_its_page_again_with_what_was_typed(app, project):
    tried = (
        ("handler", "/sweeps/holds", "/sweeps/holds",
         {"matter": 'A "claim" <b>', "reason": "It goes to court.", "review": "soon", "owner": "legal"}),
        ("handler", "/consents?purpose=x", "/consents",
         {"kind": "email", "identifier": "a@b.example", "said": "withdrawn", "purpose": "newsletter", "reason": ""}),
        ("admin", "/settings", "/settings/invite", {"handle": "no good!", "name": 'N "N"', "email": "n@staff.example"}),
    )  # fmt: skip
    for handle, page, here, form in tried:
        with signed_in(project, handle, app) as client:
            sent = {"referer": f"http://testserver.local/console{page}"}
            for headers in (sent, {}):
                answer = client.post(f"/console{here}", data=form, headers=headers)
                assert answer.status_code == 422, here
                assert 'role="alert"' in answer.text, here
                for name, value in form.items():
                    shown = re.escape(html.escape(value))
                    kept = rf'name="{name}"[^>]*(value="{shown}"|>\s*{shown}</textarea>)|value="{shown}" selected'
                    assert re.search(kept, answer.text), (here, name)
                assert "<b>" not in answer.text
                assert f'name="came-from" value="/console{page}"' in answer.text
                form = form | {"came-from": f"/console{page}"}  # sent again, at the address of what it does
            for elsewhere in (
                "/console/requests/new",
                "//evil.example/console",
                "/console/../x",
                "/console/static/x",
            ):
                answer = client.post(f"/console{here}", data=form | {"came-from": elsewhere})
                assert answer.status_code == 422
                assert 'name="came-from"' not in answer.text
                assert "evil" not in answer.text
