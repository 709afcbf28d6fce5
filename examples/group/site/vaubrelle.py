"""The web site of the example company, as an ASGI application: pages in two languages, and cookies.

Its pages hold back by the banner what needs consent.  What sets cookies behind their back is the
software of the site, in headers: a form that came with a cookie of its own, a counter that was
never told of any choice.  `troth scan` finds it, and the gate, once it enforces, mends it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from pathlib import Path
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

HERE = Path(__file__).parent
PAGES = {"en": ("home", "contact", "products"), "fr": ("accueil", "produits", "contact")}
TITLES = {
    "home": "Software for workshops", "products": "What we make", "contact": "Write to us",
    "accueil": "Des logiciels pour les ateliers", "produits": "Ce que nous faisons", "fr/contact": "Écrivez-nous",
}  # fmt: skip
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FILES = ("site.css", "mark.svg", "mirevisite.js", "sillagys.js", "display.js")
CSP = b"default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
DAY = 86_400

ALWAYS = (
    "vb_session=7d1c52a09be4; Path=/; HttpOnly; SameSite=Lax",
    "vb_node=b2; Path=/; SameSite=Lax",
)
COUNTED = f"mrv_id_0=GS1.0.3917; Path=/; Max-Age={760 * DAY}; SameSite=Lax"
"""Set on every page, before any choice, for 25 months, and again at each visit."""
FORM = f"slg_visitor_44=4411-902; Path=/; Max-Age={730 * DAY}; HttpOnly; SameSite=Lax"
"""Comes with the form, for two years, out of every script's reach: no banner can take it back."""
SPRING = f"spring_offer=seen; Path=/; Max-Age={90 * DAY}; SameSite=Lax"
"""Left over from a campaign; nobody declared it."""


async def application(scope: MutableMapping[str, Any], _: Receive, send: Send) -> None:
    """Answer one request."""
    path = str(scope["path"])
    cookies = dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")
    if path == "/":
        await _send(send, 302, b"", "text/plain", [("location", f"/{_language(scope)}/")])
    elif path == "/robots.txt":
        await _send(send, 200, f"User-agent: *\nSitemap: {_root(scope)}/sitemap.xml\n".encode(), "text/plain")
    elif path == "/sitemap.xml":
        await _send(send, 200, _sitemap(_root(scope)), "application/xml")
    elif path.lstrip("/") in FILES:
        name = path.lstrip("/")
        await _send(send, 200, (HERE / name).read_bytes(), KINDS[Path(name).suffix])
    elif page := _page(path, sent=scope["method"] == "POST"):
        set_ = [*(one for one in ALWAYS if one.partition("=")[0] not in cookies), COUNTED]
        set_ += [FORM] if path.endswith("/contact") else []
        set_ += [SPRING] if path in {"/en/", "/fr/"} else []
        await _send(send, 200, page, "text/html", [("set-cookie", one) for one in set_])
    else:
        await _send(send, 404, b"Nothing here. / Rien ici.", "text/plain")


def paths() -> list[str]:
    """Return the path of every page."""
    return [
        f"/{language}/{'' if name in {'home', 'accueil'} else name}"
        for language, names in PAGES.items()
        for name in names
    ]


@cache
def _page(path: str, *, sent: bool) -> bytes | None:
    language, _, name = path.strip("/").partition("/")
    name = name or {"en": "home", "fr": "accueil"}.get(language, "")
    if name not in PAGES.get(language, ()):
        return None
    frame = (HERE / language / "page.html").read_text(encoding="utf-8")
    title = TITLES.get(f"{language}/{name}", TITLES[name])
    inside = (HERE / language / f"{'sent' if sent else name}.html").read_text(encoding="utf-8")
    here = f'href="{path}"'
    return (
        frame.replace("{title}", title)
        .replace("{inside}", inside)
        .replace(f"<a {here}>", f'<a {here} aria-current="page">')
        .encode()
    )


def _language(scope: MutableMapping[str, Any]) -> str:
    wanted = dict(scope["headers"]).get(b"accept-language", b"en").decode("latin-1")
    return "fr" if wanted.lower().startswith("fr") else "en"


def _root(scope: MutableMapping[str, Any]) -> str:
    return f"{scope['scheme']}://{dict(scope['headers']).get(b'host', b'').decode('latin-1')}"


def _sitemap(root: str) -> bytes:
    places = "".join(f"<url><loc>{root}{path}</loc></url>" for path in paths())
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{places}</urlset>'.encode()


async def _send(
    send: Send, status: int, body: bytes, kind: str, more: list[tuple[str, str]] | None = None
) -> None:
    headers = [
        (b"content-type", f"{kind}; charset=utf-8".encode()),
        (b"content-security-policy", CSP),
        (b"x-content-type-options", b"nosniff"),
        *((name.encode(), value.encode("latin-1")) for name, value in more or []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
