"""The ground truth: a shop that does nearly everything wrong, and a third party inside it.

What it does is written down in `truth.toml`, each cookie and each key; the table it declares
stands in `policy.md`.  Its scripts and pages are in `shop/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sites.serving import IMAGE, PIXEL, PLAIN, SCRIPT, Answer, Asked, Route, Site, serving

FOLDER = Path(__file__).parent / "shop"
POLICY = Path(__file__).parent / "policy.md"
TRUTH = Path(__file__).parent / "truth.toml"
PAGES = ("/", "/shop", "/blog", "/about", "/contact")
"""Every page that a scan should visit: three stand in the sitemap, two are found by links."""

DAY = 86_400
THIRD = "; Path=/; Secure; SameSite=None"


@contextmanager
def shop() -> Iterator[dict[str, Site]]:
    """Serve the shop as `first`, and what it includes as `third`, until the block ends."""
    with serving(first=_first(), third=_third()) as sites:
        yield sites


@cache
def _file(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _page(name: str, *cookies: str) -> Route:
    def page(asked: Asked) -> Answer:
        steady = () if "steady" in asked.cookies else (f"steady=1; Path=/; Max-Age={30 * DAY}",)
        every = ("session=5b1f0c9a; Path=/; HttpOnly; SameSite=Lax", f"renewed=1; Path=/; Max-Age={30 * DAY}")
        body = _file("frame.html").replace("<!-- here -->", _file(f"{name}.html"))
        return Answer(body, cookies=(*every, *steady, *cookies))

    return page


def _first() -> dict[str, Route]:
    return {
        "/": _page(
            "home",
            f"lang=en; Path=/; Max-Age={395 * DAY}",
            f"device=d1; Path=/; Max-Age={730 * DAY}; HttpOnly",
            "__Host-csrf=c1; Path=/; Secure",
            'odd="a, b"; Path=/; Priority=High; SameSite=Lax',
            f"big={'x' * 3900}; Path=/",
        ),
        "/shop": _page("shop", f"shop_only=1; Path=/shop; Max-Age={10 * DAY}"),
        "/blog": _page("blog"),
        "/about": _page("about", "dated=1; path=/; expires=Thu, 31-Dec-2099 23:59:59 GMT"),
        "/go": Answer(to="{first}/contact", status=302, cookies=(f"redirected=1; Path=/; Max-Age={DAY}",)),
        "/contact": _page("contact"),
        "/members": _page("contact", f"members=1; Path=/; Max-Age={DAY}"),
        "/sent": _page("contact", f"form_sent=1; Path=/; Max-Age={DAY}"),
        "/api/ping": Answer("{}", "application/json", (f"pinged=1; Path=/; Max-Age={7 * DAY}",)),
        "/api/worker": Answer("{}", "application/json", (f"from_worker=1; Path=/; Max-Age={7 * DAY}",)),
        "/site.js": Answer(_file("site.js"), SCRIPT),
        "/worker.js": Answer('fetch("/api/worker").then((one) => one.text())', SCRIPT),
        "/robots.txt": Answer("User-agent: *\nDisallow: /members\nSitemap: {first}/sitemap.xml\n", PLAIN),
        "/sitemap.xml": Answer(_file("sitemap.xml"), "application/xml"),
        "/manual.pdf": Answer(b"%PDF-1.4\n%%EOF\n", "application/pdf"),
    }


def _third() -> dict[str, Route]:
    pixel = f"tp_px=p1; Max-Age={730 * DAY}{THIRD}"
    return {
        "/frame": Answer(
            _file("third_frame.html"),
            cookies=(
                f"tp_http=h1; Max-Age={365 * DAY}; HttpOnly{THIRD}",
                f"chips=1; Max-Age={30 * DAY}{THIRD}; Partitioned",
            ),
        ),
        "/inner": Answer(_file("third_inner.html")),
        "/tag.js": Answer(_file("third_tag.js"), SCRIPT),
        "/px.gif": Answer(PIXEL, IMAGE, (pixel,)),
        "/collect": Answer(PIXEL, IMAGE),
        "/ad": Answer(
            "<!doctype html><title>An ad</title>", cookies=(f"tp_ad=a1; Max-Age={90 * DAY}{THIRD}",)
        ),
        "/elsewhere": Answer("<!doctype html><title>Elsewhere</title>", cookies=("elsewhere=1; Path=/",)),
    }
