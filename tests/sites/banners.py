"""Sites that ask in many ways and then keep to what was said: whoever looks at sites must find each way.

Each has two pages and does the same: `session` from the start, `wanted` after a yes only, deleted
after a withdrawal, and `choice`, which remembers.  The truth of them all is in `truth.toml`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sites.serving import PLAIN, SCRIPT, Answer, Route, Site, serving

FOLDER = Path(__file__).parent / "banners"
WAYS: Mapping[str, str] = {
    "plain": "accept and refuse beside each other",
    "french": "in French, refusing by a link: Continuer sans accepter",
    "german": "in German",
    "shy": "hidden from whoever says that a program drives the browser",
    "two_layers": "no way to refuse before the second layer",
    "ticked": "no way to refuse but to untick what is ticked on the second layer",
    "shadow": "inside a shadow root",
    "framed": "inside a frame of the site's own",
    "framed_elsewhere": "inside a frame of somebody else",
    "late": "two seconds after the page",
    "fading": "fading in, and without the word cookie",
    "native": "a modal <dialog>, its buttons are links",
}
OURS = "ours"
OUR_WORDS = {"title": "Bonvenon", "text": "Ĉu ni rajtas?", "accept": "Jes, ĉion", "refuse": "Ne, nenion",
             "choose": "Elekti", "again": "Miaj elektoj", "notice": "Ĉio", "marketing": "reklamo"}  # fmt: skip
"""What `ours` says: in a language that a search by words knows nothing of, so that it must know the banner."""


@contextmanager
def banners(*names: str) -> Iterator[dict[str, Site]]:
    """Serve these sites, or all of them, with `ours` too, each at an address of its own."""
    asked = names or (*WAYS, "none", OURS)
    tables = {name: _ours() if name == OURS else _site(name) for name in asked}
    with serving(third=_third(), **tables) as sites:
        yield sites


def _site(name: str) -> dict[str, Route]:
    language = {"french": "fr", "german": "de"}.get(name, "en")
    again = {"fr": "Gérer mes cookies", "de": "Cookie-Einstellungen", "en": "Cookie settings"}[language]
    page = _file("page.html").format(language=language, name=name, again=again)
    told = {one: _file(f"{one}.js") for one in ("keeps", name)}
    return {
        **_pages(page),
        "/keeps.js": Answer(told["keeps"], SCRIPT),
        "/asks.js": Answer(told[name], SCRIPT),
        "/asks.html": Answer(_file("asks.html")),
    }


def _ours() -> dict[str, Route]:
    from troth.faces.banner.script import build
    from troth.policy.loading import load

    policy, problems = load({"policy.md": (FOLDER / "policy.md").read_text(encoding="utf-8")})
    assert policy is not None
    assert problems == ()
    return {
        **_pages(_file("ours.html")),
        "/choices/banner.en.js": Answer(
            build(policy, "en", post="", notice="/notice", own=OUR_WORDS).written, SCRIPT
        ),
        "/wanted.js": Answer('document.cookie = "wanted=1; path=/; max-age=7776000";', SCRIPT),
    }


def _pages(page: str) -> dict[str, Route]:
    answer = Answer(page, cookies=("session=1; Path=/; HttpOnly",))
    return {"/": answer, "/page": answer, "/robots.txt": Answer("User-agent: *\n", PLAIN)}


def _third() -> dict[str, Route]:
    return {"/asks.html": Answer(_file("asks.html"))}


def _file(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
