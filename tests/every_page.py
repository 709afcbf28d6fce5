"""A walk over every page of portal and console: each route of the application, by an example address that answers.

An example is found by following links, as each of the staff and as a person who asked for something; what no page
leads to is named.  In a real browser each page is read in English on a wide light screen and in French on a dark
telephone.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

import pictures
from accessible import script, too_wide, violations
from troth import wiring
from troth.faces.console.application import console_application
from troth.faces.console.desk import ROOT, SESSION
from troth.faces.console.request_pages import ACTS
from troth.faces.portal import preference_pages, session
from troth.faces.portal.application import application
from troth.ledger import accounts, read
from troth.work import admit, message_link, preferences, request_file, sign_in

ACT = "/console/requests/{number:str}/do/{act:str}"
REGISTER = "/console/registers/{name:str}"
PERSON = "a person"
"""Who asked for something and proved it; everybody else is one of the staff, or nobody."""
STREAMED = ("/live", "/progress")
ELSEWHERE: Mapping[str, str] = {
    "/task/{token:str}": "test_task_in_a_browser",  # the example has no store that somebody answers for by hand
    "/preferences/receipts/{event:str}": "test_messages",  # who walks gave no consent to a message
    "/m/{token:str}": "test_messages",  # it leads on to an address of a message
    "/static/{name:str}": "test_reading_pages",
    "/console/static/{name:str}": "test_reading_pages",
    "/choices/page/{name:str}": "test_choice_pages",
    "/choices/{name:str}": "test_banner",
    "/.well-known/gpc.json": "test_banner",
    "/health": "test_serve_commands",
    "/safeguards/{name:str}": "test_reading_pages",
    "/calendar/{name:str}": "test_portal",
    "/console/requests/bulk": "test_console_story_in_a_browser",  # only after something was done to many
    "/console/sweeps/{name:str}/archive": "test_console_story_in_a_browser",  # only a week after a mark
}
"""What is no page of the example, and which test looks at it."""
SEEN_MAX = {"/console/requests/{number:str}": 14}  # they stand in every state
SEEN_OF_ONE_MAX = 2
KILOBYTES_MAX = 150
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 780}
_TRANSFERRED = """
["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
  .reduce((sum, one) => sum + one.encodedBodySize, 0)
"""
"""The bytes of a page and of all that it fetches, also what the browser had already."""
_LINK = re.compile(r'<(?:a|img)\b[^>]*\s(?:href|src)="(/[^"#]*)"')


@dataclass(frozen=True, slots=True)
class Example:
    """An address that stands for its kind, and who sees it; `status` is what it answers."""

    who: str
    path: str
    status: int = 200
    is_page: bool = True


@dataclass(slots=True)
class Routes:
    """The addresses that an application answers a GET at, by their templates."""

    templates: list[str]
    _known: list[tuple[re.Pattern[str], str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for one in sorted(self.templates, key=lambda one: (one.count("{"), -len(one))):
            self._known.append((re.compile(re.sub(r"\\{\w+:str\\}", "[^/]+", re.escape(one)) + r"\Z"), one))

    def key(self, address: str) -> str:
        """Return what an address is an example of: its template, with the act or the register that is meant."""
        path = urlsplit(address).path
        found = next((template for known, template in self._known if known.match(path)), "")
        if found in {ACT, REGISTER}:
            return f"{found.rpartition('/')[0]}/{path.rpartition('/')[2]}"
        return found

    def wanted(self) -> list[str]:
        """Return every key that needs an example."""
        acts = [f"{ACT.rpartition('/')[0]}/{one}" for one in ACTS]
        left = [
            one for one in self.templates
            if one not in ELSEWHERE and not one.endswith(STREAMED) and one not in {ACT, REGISTER}
        ]  # fmt: skip
        return [*left, *acts]


def routes(project: Any) -> Routes:
    """Return the routes of the portal and of the console, as the applications have them."""
    every = (*application(project).routes, *console_application(project).routes)
    return Routes([one.path for one in every if "GET" in getattr(one, "methods", ())])


def named(project: Any) -> Iterator[Example]:
    """Yield the addresses to begin with, and those that no page leads to."""
    yield from (Example(who, ROOT) for who in STAFF)
    yield from (Example("", one) for one in ("/", "/console/sign-in", "/choices/mine", "/report", "/verify"))
    follow = f"/follow/{request_file.token(project, _asked(project))}"
    yield from (
        Example(who, one) for one in (follow, "/preferences", "/choices/mine") for who in ("", PERSON)
    )
    stop = message_link.stop_token(project, "ask.again@example.org", "marketing")
    yield from (Example("", f"/{part}/{stop}") for part in ("unsubscribe", "preferences"))
    yield Example("", f"/notice/en/changes/{project.policy.version}")
    link = admit.invite(project, "new.one", "New One", "new.one@vaubrelle.example", "odile")
    yield Example("", urlsplit(link).path)
    yield Example("", urlsplit(sign_in.enter_link(project, "odile", "tests", sign_in.ENTER_MINUTES_MAX)).path)
    kept = (
        one for one in read.events(project.ledger, kind="consent_recorded") if one.facts["method"] == "web"
    )
    asked = next(one for one in kept if one.facts.get("interface_sha256"))
    yield Example("marie", f"{ROOT}/consents/receipts/{asked.id}")
    yield Example("marie", f"{ROOT}/consents/forms/{asked.facts['interface_sha256']}")
    yield Example("marie", f"{ROOT}/policy/spring/conflicts")
    yield Example("marie", f"{ROOT}/policy/spring/clause/7/add?kind=answer")


def acts(project: Any) -> Iterator[Example]:
    """Yield each act of a request, also where nothing is to be done by it: its page says why."""
    for one in ACTS.values():
        claim = "?claim=c1" if one.of_claim else ""
        path = f"{ROOT}/requests/{_asked(project)}/do/{one.name}{claim}"
        yield Example(DOES.get(one.duty, "marie"), path)


STAFF = ("marie", "paul", "ines", "basile", "zoe", "remi", "odile")
DOES = {"review": "paul", "advise": "ines"}
REFUSED = {
    "nothing": Example("", "/nothing/here", 404),
    "nothing wrong country": Example("", "/complain?country=XX", 422),
    "console nothing": Example("marie", f"{ROOT}/nothing/here", 404),
    "console no such request": Example("marie", f"{ROOT}/requests/2001-0001", 404),
    "console not yours": Example("odile", f"{ROOT}/requests", 403),
    "console cannot be done": Example("marie", f"{ROOT}/policy/spring/clause/7/add", 422),
}
"""Pages that say what went wrong, by the name of their picture."""


def _asked(project: Any) -> str:
    """Return the number of an open request, the newest."""
    states = read.states(project.ledger, "request")
    return max(
        one.stream.partition("/")[2] for one in states if one.body["status"] not in {"closed", "withdrawn"}
    )


def cookies(project: Any, who: str) -> dict[tuple[str, str], str]:
    """Return the cookies of somebody, by path and name."""
    if who == PERSON:
        until = (project.clock() + timedelta(hours=1)).isoformat()
        said = ["ask.again@example.org", until, "walk"]
        return {
            ("/follow", session.NAME): session.issue(project, _asked(project)),
            ("/preferences", preference_pages.COOKIE): preferences.seal(project, preferences.SESSION, said),
        }
    return {(ROOT, SESSION): accounts.begin(project.ledger, who)} if who else {}


@contextmanager
def visitors(project: Any, url: str) -> Iterator[Mapping[str, httpx.Client]]:
    """Everybody who looks, by name."""
    made = {}
    for who in (*STAFF, PERSON, ""):
        client = httpx.Client(base_url=url, headers={"sec-fetch-site": "same-origin"}, timeout=60)
        for (path, name), value in cookies(project, who).items():
            client.cookies.set(name, value, domain=urlsplit(url).hostname or "", path=path)
        made[who] = client
    made[PERSON].post("/choices/say", data={"say": "give all"})
    yield made
    for client in made.values():
        client.close()


def find(
    clients: Mapping[str, httpx.Client], known: Routes, begin: Iterator[Example], otherwise: Iterator[Example]
) -> dict[str, Example]:
    """Follow links, a few of each kind, until no kind is new; return an example of each, by its key.

    What is there otherwise is an example where no link led to one.  What a person sees is an example of its own where
    it is another page than everybody's, letter by letter.
    """
    found: dict[str, Example] = {}
    texts: dict[str, str] = {}
    waiting, seen, often = deque(begin), set[Example](), Counter[tuple[str, str]]()
    while one := waiting.popleft() if waiting else next(otherwise, None):
        key = known.key(one.path)
        at_most = SEEN_MAX.get(key, SEEN_OF_ONE_MAX)
        if one in seen or not key or often[one.who, key] >= at_most:
            continue
        seen.add(one)
        often[one.who, key] += 1
        if key.endswith(STREAMED):
            continue
        answer = clients[one.who].get(one.path)
        assert answer.status_code < 500, (one, answer.status_code)
        if answer.status_code != 200:
            continue
        kind, given = (answer.headers.get(one, "") for one in ("content-type", "content-disposition"))
        is_page = "html" in kind and not given
        theirs = f"{key} {PERSON}" if one.who == PERSON and not found.get(key, one).who else key
        if theirs == key or not is_page or texts.get(key) != answer.text:
            found.setdefault(theirs, Example(one.who, one.path, is_page=is_page))
        if is_page:
            texts.setdefault(key, answer.text)
            for link in map(unescape, _LINK.findall(answer.text)):
                plain = re.sub(r"(?<=[?&])lang=\w\w&?", "", link).rstrip("?&")
                waiting.append(Example(one.who, plain))
    return found


def wrong(browser: Any, url: str, project: Any, examples: Mapping[str, Example]) -> list[str]:
    """Look at every example in a real browser; return what stands in anybody's way, as sentences."""
    found = []
    for language, colours, size in (("en", "light", WIDE), ("fr", "dark", NARROW)):
        for who in dict.fromkeys(one.who for one in examples.values()):
            context = browser.new_context(
                locale={"en": "en-GB", "fr": "fr-CH"}[language],
                base_url=url,
                viewport=size,
                color_scheme=colours,
            )
            context.add_cookies([
                {"name": name, "value": value, "domain": urlsplit(url).hostname, "path": path}
                for (path, name), value in cookies(project, who).items()
            ])  # fmt: skip
            context.add_init_script(script())
            page, noted = context.new_page(), list[str]()
            page.set_default_timeout(60_000)
            page.on("pageerror", lambda error, noted=noted: noted.append(str(error)))
            page.on(
                "console", lambda said, noted=noted: noted.append(said.text) if said.type == "error" else None
            )
            page.on(
                "request",
                lambda sent, noted=noted: None if sent.url.startswith(url) else noted.append(sent.url),
            )
            for name, one in examples.items():
                if one.who == who and one.is_page:
                    picture = f"pages/{language}-{colours}/{_file(name)}"
                    found += [
                        f"{language} {one.path}: {said}"
                        for said in _look(page, one, language, picture, noted)
                    ]
            context.close()
    return found


def _look(page: Any, one: Example, language: str, picture: str, noted: list[str]) -> Iterator[str]:
    answer = page.goto(one.path, wait_until="load")
    if answer.status != one.status:
        yield f"it answers {answer.status}, not {one.status}"
    if page.evaluate("document.querySelector('[data-live]') !== null"):  # what takes long comes by itself
        page.wait_for_selector("[data-live]", state="detached")
        page.wait_for_load_state("load")
    named = re.search(r"/notice/(en|fr)\b", one.path)  # an address of a notice says in which language it is
    if page.evaluate("document.documentElement.lang") != (named[1] if named else language):
        yield "it is in another language"
    page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
    pictures.keep_if_asked(page, picture)
    if (transferred := page.evaluate(_TRANSFERRED)) > KILOBYTES_MAX * 1024:
        yield f"{transferred // 1024} KB are transferred"
    yield from (f"{rule}: {element}" for rule, element in violations(page))
    size = page.viewport_size
    if size != NARROW:
        page.set_viewport_size(NARROW)
    if wider := too_wide(page):
        yield f"it is {wider} pixels wider than a telephone"
    if size != NARROW:
        page.set_viewport_size(size)
    expected = "Failed to load resource" if one.status != 200 else "\0"
    yield from (said for said in noted if not said.startswith(expected))
    noted.clear()


def _file(key: str) -> str:
    """Name the picture of a key.

    >>> _file("/console/requests/{number:str}/do/decide")
    'console-requests-NUMBER-do-decide'
    """
    named_ = re.sub(r"{(\w+):str}", lambda found: found[1].upper(), key).strip("/")
    return re.sub(r"[^A-Za-z0-9]+", "-", named_) or "first"


def walk(folder: Path, url: str, browser: Any) -> dict[str, Any]:
    """Walk through the project of a folder that is served at an address."""
    project = wiring.open_project(folder)
    try:
        known = routes(project)
        with visitors(project, url) as clients:
            found = find(clients, known, named(project), acts(project))
        looked = {**found, **REFUSED}
        return {
            "without an example": [one for one in known.wanted() if one not in found],
            "wrong": wrong(browser, url, project, looked),
            "pages": sum(one.is_page for one in looked.values()),
        }
    finally:
        project.close()
        project.ledger.close()
