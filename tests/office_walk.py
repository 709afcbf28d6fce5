"""The example's office as its staff enter it, and the pictures of it for the README.

The pictures go to `build/screenshots/example/`; `make pictures` puts them into `docs/pictures/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

from pictures import FOLDER

PICTURES = FOLDER / "example"
SHOWN = (  # who, where, as what
    ("handler", "/console", "console-today"),
    ("reviewer", "/console/requests", "console-requests"),
    ("dpo", "/console/audit", "console-audit"),
    ("counsel", "/", "portal"),
)


def office(said: str) -> dict[str, str]:
    """Return the links that the tour printed, by role."""
    found = re.findall(r"^    .+? +(\w+) +(http://\S+/console/enter/\S+)$", said, re.MULTILINE)
    return dict(found)


def enter(link: str) -> tuple[OpenerDirector, str, Any]:
    """Sign in by a link, as a browser would; return the visitor, the first page, and the jar of cookies."""
    kept = HTTPCookieProcessor()
    visitor = build_opener(kept)
    visitor.addheaders = [("Sec-Fetch-Site", "same-origin")]
    with visitor.open(link, data=b"", timeout=30) as answered:
        return visitor, answered.read().decode(), kept.cookiejar


def pictures(browser: Any, links: Mapping[str, tuple[str, Any]]) -> list[Path]:
    """Take the pictures, by role: an address of the server, and the cookies of a session."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    taken = []
    for role, path, name in SHOWN:
        link, jar = links[role]
        context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
        address = f"{urlsplit(link).scheme}://{urlsplit(link).netloc}"
        kept = [{"name": one.name, "value": one.value, "url": f"{address}/console"} for one in jar]
        context.add_cookies(kept)
        page = context.new_page()
        page.goto(f"{address}{path}")
        assert page.title(), path
        taken.append(PICTURES / f"{name}.png")
        page.screenshot(path=taken[-1])
        context.close()
    return taken


@contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    from troth.outside.chromium import program

    with sync_playwright() as driven:
        browser = driven.chromium.launch(executable_path=str(program()), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
