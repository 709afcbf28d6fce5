"""What attackers try on the portal: no page answers 5xx, leaks, leads elsewhere, or takes a form of another site."""

import re
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest
from litestar.testing import TestClient

import story
from faces.portal_client import BASE, portal
from troth.faces.brand import LOGO_BYTES_MAX
from troth.faces.portal import session
from troth.faces.portal.application import application
from troth.faces.portal.limits import Limit
from troth.ledger import read
from troth.work import message_link, preferences, request_file

PAGES_MAX, PAGE_BYTES_MAX = 150, 150_000
EVIL = "https://evil.example"
CRLF = "x\r\nSet-Cookie: planted=1\r\n\r\n<script>alert(1)</script>"
FROM_ANYWHERE = {
    "/unsubscribe/{token}": "mail programs post it (RFC 8058), and its sealed address is what opens it",
    "/preferences/{token}/say": "the sealed address of a message is what opens it",
}
BY_KEY = ("/api/", "/opendsr/")
"""Opened by a key or a signature in a header, which no form of another site can send."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with portal(tmp_path_factory.mktemp("shop")) as found:
        yield found


@pytest.fixture
def client(shop):
    shop[1].cookies.clear()
    return shop[1]


class Page(HTMLParser):
    """The links, the forms with their fields, and whatever a page must not have."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loads, self.forms, self.forbidden = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        if tag == "a":
            self.links.append(told.get("href", ""))
        if tag in {"link", "img", "script"}:
            self.loads.append(told.get("href") or told.get("src") or "")
        if tag == "form":
            self.forms.append((told.get("method", "get"), told.get("action", ""), []))
        if tag in {"input", "textarea", "select", "button"} and self.forms and told.get("name"):
            self.forms[-1][2].append(told["name"])
        if (
            "style" in told
            or any(name.startswith("on") for name in told)
            or tag in {"style", "iframe", "object"}
        ):
            self.forbidden.append((tag, told))
        if tag == "script" and not told.get("src"):
            self.forbidden.append((tag, told))


def crawl(client, beginnings):
    """Yield every page that links lead to, each once."""
    waiting, known = list(beginnings), set(beginnings)
    while waiting:
        assert len(known) < PAGES_MAX
        path = waiting.pop(0)
        answer = client.get(path)
        yield path, answer
        if answer.headers["content-type"].startswith("text/html"):
            for link in Page(answer.text).links:
                parts = urlsplit(link)
                if parts.scheme or parts.netloc or not parts.path:
                    continue
                plain = f"{parts.path}?{parts.query}".rstrip("?")
                if plain not in known:
                    known.add(plain)
                    waiting.append(plain)


def test_a_crawler_finds_every_page_whole_light_and_without_anything_inline(client, shop):
    project = shop[0]
    number = story.ask(project, "access", "erase", wording="All of it.")
    private = f"/follow/{request_file.token(project, number)}"
    client.cookies.set(session.NAME, session.issue(project, number))
    stop = message_link.stop_token(project, "crawl@example.org", "newsletter")
    linked = f"/unsubscribe/{stop}", f"/preferences/{stop}"
    seen = {}
    for path, answer in crawl(client, ["/", "/?lang=fr", private, *linked]):
        assert answer.status_code == 200, path
        assert "default-src 'none'" in answer.headers["content-security-policy"], path
        assert "unsafe" not in answer.headers["content-security-policy"], path
        assert answer.headers["x-content-type-options"] == "nosniff", path
        seen[path] = answer
    html = {path: one for path, one in seen.items() if one.headers["content-type"].startswith("text/html")}
    for known in (
        "/recipients",
        "/cookies",
        "/complain",
        "/verify",
        "/report",
        "/notice/fr/versions",
        "/choices/mine",
    ):
        assert known in {urlsplit(path).path for path in html}
    weights = {}
    for path, answer in html.items():
        page = Page(answer.text)
        assert page.forbidden == [], path
        loads = {urlsplit(one).path: one for one in page.loads}
        weights[path] = len(answer.content) + sum(len(client.get(one).content) for one in loads)
        assert all(one.startswith("/") and not one.startswith("//") for one in loads), path
    heaviest = max(weights, key=weights.get)
    assert weights[heaviest] + LOGO_BYTES_MAX < PAGE_BYTES_MAX, (heaviest, weights[heaviest])


def test_every_form_takes_rubbish_without_breaking(client, shop):
    fresh = TestClient(application(shop[0], asks=Limit(10_000, 1), codes=Limit(10_000, 1)), base_url=BASE)
    with fresh as strong:
        tried = 0
        for path in (
            "/",
            "/ask",
            "/report",
            "/verify",
            "/preferences",
            "/choices/mine",
            "/complain",
            "/notice/en/versions",
        ):
            for method, action, names in Page(strong.get(path).text).forms:
                for rubbish in ("", CRLF, "\0", "é" * 3000, "{{7*7}}", "' OR 1=1--"):
                    given = dict.fromkeys(names, rubbish)
                    named = {"file": (rubbish or "x", rubbish.encode())}
                    untyped = {"content": rubbish.encode(), "headers": {"Content-Type": "application/json"}}
                    kinds = {"data": given}, {"files": named, "data": given}, untyped
                    for sent in kinds if method == "post" else ({"params": given},):
                        answer = strong.request(
                            method.upper(), urlsplit(action).path, follow_redirects=False, **sent
                        )
                        assert answer.status_code < 500, (action, rubbish, sent)
                        assert "planted" not in answer.headers.get("set-cookie", "")
                        assert "<script>alert" not in answer.text
                        tried += 1
        assert tried > 80


def test_no_form_of_another_site_is_taken(client):
    posts = [one.path_format for one in client.app.routes if "POST" in getattr(one, "methods", ())]
    of_people = [one for one in posts if not one.startswith((*BY_KEY, "/console"))]
    assert set(FROM_ANYWHERE) < set(of_people)
    asked = [one for one in of_people if one not in FROM_ANYWHERE]
    assert len(asked) > 10
    for path in asked:
        where = re.sub(r"\{[^}]*\}", "2026-0001-made-up", path)
        for headers in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": EVIL},
            {"Origin": "null"},
        ):
            answer = client.post(where, data={"say": "give all", "right": "access", "email": "ada@example.org"},
                                 headers=headers, follow_redirects=False)  # fmt: skip
            assert answer.status_code == 403, (path, headers)
            assert "set-cookie" not in answer.headers


def test_an_origin_or_a_referer_that_is_no_address_is_refused_or_passed_over(client):
    broken = {"origin": "http://[x", "referer": "http://[x"}
    for place in ("/asked", "/report", "/console/sign-in", "/console/settings/invite"):
        assert client.post(place, data={"what": "x"}, headers=broken).status_code == 403, place
    for place in ("/nothing", "/console/nothing"):
        assert client.get(place, headers=broken).status_code == 404, place


def test_a_planted_session_opens_nothing_and_is_never_taken_up(client, shop):
    project = shop[0]
    number = story.ask(project, "access")
    page = f"/follow/{request_file.token(project, number)}"
    good = session.issue(project, number)
    until = good.split(".")[1]
    for planted in (
        "x",
        f"{number}.{until}.",
        f"{number}.99999999999.{good.split('.')[2]}",
        f"{number}.{until}.{'A' * 32}",
    ):
        client.cookies.set(session.NAME, planted)
        assert "Confirm by the code" in client.get(page).text
        assert client.post(f"{page}/withdraw", follow_redirects=False).status_code == 403
        client.cookies.set("troth_preferences", planted)
        assert "Send me a code" in client.get("/preferences").text
    client.cookies.clear()
    client.cookies.set(session.NAME, good)
    assert "Confirm by the code" not in client.get(page).text


def test_what_is_entered_gives_a_new_session_each_time(client, shop):
    project = shop[0]
    until = shop[0].clock()
    one, other = (
        preferences.seal(project, preferences.SESSION, ["a@example.org", until.isoformat(), name])
        for name in "ab"
    )
    assert one != other
    client.cookies.set("troth_preferences", one)
    assert "Send me a code" in client.get("/preferences").text  # over this very moment


def test_nobody_reaches_the_request_of_another(client, shop):
    project = shop[0]
    mine, theirs = story.ask(project, "access"), story.ask(project, "access", email="eve@example.org")
    client.cookies.set(session.NAME, session.issue(project, mine))
    other = f"/follow/{request_file.token(project, theirs)}"
    assert "Confirm by the code" in client.get(other).text
    for what in ("say", "withdraw", "narrow", "answer", "document"):
        sent = client.post(f"{other}/{what}", data={"claim": "c1", "wording": "x"}, follow_redirects=False)
        assert sent.status_code == 403, what
    for what in ("receipts", "letters"):
        for event in read.stream(project.ledger, f"request/{theirs}"):
            assert client.get(f"{other}/{what}/{event.id}").status_code == 403, what
            here = f"/follow/{request_file.token(project, mine)}/{what}/{event.id}"
            assert client.get(here).status_code == 404, what
    swapped = f"/follow/{theirs}-{request_file.token(project, mine).rpartition('-')[2]}"
    assert client.get(swapped).status_code == 404
    assert client.post(f"{swapped}/say", data={"wording": "x"}).status_code == 404
    assert (
        client.post(
            f"/follow/{request_file.token(project, mine)}/answer", data={"claim": "../../x"}
        ).status_code
        < 500
    )


@pytest.mark.parametrize("way", [EVIL, "//evil.example", "/\\evil.example", "javascript:alert(1)", CRLF])
def test_no_address_leads_elsewhere(client, shop, way):
    page = f"/follow/{request_file.token(shop[0], story.ask(shop[0], 'access'))}"
    tries = [
        client.get("/", params={"lang": way, "told": way, "next": way, "back": way}, follow_redirects=False),
        client.post(f"{page}/code", params={"lang": way, "told": way}, follow_redirects=False),
        client.post("/choices/say", params={"lang": way}, data={"say": "stop all"}, follow_redirects=False),
        client.post("/preferences/end", params={"lang": way}, follow_redirects=False),
        client.get("/", headers={"X-Forwarded-Host": "evil.example", "Accept-Language": "fr;q=" + "9" * 99}),
        client.get(f"/m/{'A' * 40}", params={"to": way}, follow_redirects=False),
    ]
    for answer in tries:
        assert answer.status_code < 500
        assert re.fullmatch(r"(/[a-z][^\\]*)?", answer.headers.get("location", ""))
        assert "evil.example" not in answer.text.replace(f'value="{way}"', "")
        assert "planted" not in str(answer.headers)


def test_a_header_is_never_made_of_what_was_typed(client, shop):
    form = {"right": "access", "name": CRLF, "wording": CRLF, "website": "", "once": CRLF}
    taken = client.post(
        "/asked", data={**form, "email": "ada@example.org\r\nBcc: eve@example.org"}, follow_redirects=False
    )
    assert taken.status_code == 422
    taken = client.post("/asked", data={**form, "email": "ada@example.org"}, follow_redirects=False)
    assert taken.status_code == 303
    assert parse_qs(urlsplit(taken.headers["location"]).query) == {"told": ["follow.new"]}
    box = shop[0].settings.folder / ".troth" / "outbox"
    for letter in box.glob("*.eml"):
        head = letter.read_bytes().partition(b"\n\n")[0]
        assert b"planted" not in head
        assert b"eve@example.org" not in head or b"To: eve@example.org" in head


BOUNDARY = {"Content-Type": "multipart/form-data; boundary=b"}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"--b", b"--b--", b"--b\r\n\r\n--b--", b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n',
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="../../x\0"\r\n\r\nx\r\n--b--',
        b'--b\r\nContent-Disposition: form-data; filename="x"\r\n\r\nx\r\n--b--', b"\xff" * 1000,
    ],
    ids=range(8),
)  # fmt: skip
def test_a_form_with_files_that_is_none_is_refused(client, shop, body):
    number = story.ask(shop[0], "access")
    client.cookies.set(session.NAME, session.issue(shop[0], number))
    for path in ("/verify", f"/follow/{request_file.token(shop[0], number)}/document", "/task/made-up"):
        for headers in (
            BOUNDARY,
            {"Content-Type": "text/plain"},
            {"Content-Type": 'multipart/form-data; boundary="'},
        ):
            answer = client.post(path, content=body, headers=headers, follow_redirects=False)
            assert answer.status_code in {303, 400, 404, 422}, (path, answer.status_code)
