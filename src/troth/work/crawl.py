"""Which pages of a site a scan visits: its sitemap, then its links, the same each time, and what robots.txt allows."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from html import unescape
from itertools import islice
from urllib.parse import urljoin, urlsplit, urlunsplit
from urllib.robotparser import RobotFileParser

from troth.rules.trace import party_of

AGENT = "Troth"
TEXT_BYTES_MAX = 4 * 1024 * 1024
SITEMAPS_MAX = 12
LOCATIONS_MAX = 5000
DELAY_SECONDS_MAX = 10.0
LINES_MAX = 5000
# No two parts of it can take the same characters: whatever a sitemap holds, it is read in one go.
_LOCATION = re.compile(
    r"<(?:\w{1,40}:)?loc>(?:\s*<!\[CDATA\[)?([^<\]]{1,2100})(?:\]\]>\s*)?</", re.IGNORECASE
)
_NO_PAGE = re.compile(
    r"\.(?:pdf|zip|gz|tgz|rar|7z|docx?|xlsx?|pptx?|od[tsp]|csv|json|xml|rss|atom|ics|jpe?g|png|gif|webp|avif|svg|ico|"
    r"mp[34]|m4[av]|webm|ogg|wav|avi|mov|exe|dmg|apk|msi|iso|js|mjs|css|map|woff2?|ttf|txt)$",
    re.IGNORECASE,
)
_LEAVES = re.compile(r"(?:^|[/_-])(?:log-?out|sign-?out|deconnexion|abmelden)(?:$|[/._-])", re.IGNORECASE)


class Robots:
    """What robots.txt says to us; one that is not there allows everything."""

    def __init__(self, text: bytes | None, *, ignored: bool = False) -> None:
        lines = (text or b"").decode("utf-8", "replace").splitlines()[:LINES_MAX]
        self._read = RobotFileParser()
        self._read.parse([] if ignored else [line for line in lines if _can_be_read(line)])
        self._read.modified()
        self.sitemaps = [
            line.partition(":")[2].strip() for line in lines if line.lower().lstrip().startswith("sitemap:")
        ]

    def allows(self, url: str) -> bool:
        """Say whether a page may be visited; one whose address cannot be read may not.

        >>> robots = Robots(b"User-agent: *")
        >>> robots.allows("https://shop.example/a"), robots.allows("https://[/")
        (True, False)
        """
        try:
            return self._read.can_fetch(AGENT, url)
        except ValueError:
            return False

    @property
    def delay(self) -> float:
        """How many seconds it wants between two pages."""
        told = self._read.crawl_delay(AGENT)
        return float(min(int(told), DELAY_SECONDS_MAX)) if told else 0.0


def _can_be_read(line: str) -> bool:
    """Say whether the parser takes a line: it raises for an address that is none, and a number in no usual digits."""
    try:
        RobotFileParser().parse(["User-agent: *", line])
    except ValueError:
        return False
    return True


def page_url(url: str, base: str = "") -> str | None:
    """Return the address of a page as it is compared; None where it is no page to visit.

    >>> page_url("../a#top", "https://shop.example/b/c")
    'https://shop.example/a'
    >>> page_url("https://shop.example/logout") is None
    True
    """
    try:
        read = urlsplit(urljoin(base, url.strip()))
        if read.scheme not in {"http", "https"} or not read.hostname or read.username:
            return None
    except ValueError:
        return None
    path = read.path or "/"
    if _NO_PAGE.search(path) or _LEAVES.search(path):
        return None
    return urlunsplit((read.scheme, read.netloc.lower(), path, read.query, ""))


def of_site(urls: Iterable[str], site: str, base: str = "") -> Iterator[str]:
    """Yield the pages of a site among some addresses, each once."""
    known: set[str] = set()
    for url in urls:
        page = page_url(url, base)
        if (
            page is not None
            and page not in known
            and party_of(urlsplit(page).hostname or "", site) == "first"
        ):
            known.add(page)
            yield page


def locations(written: bytes) -> tuple[list[str], bool]:
    """Read a sitemap, packed or not; return its addresses, and whether they are other sitemaps.

    >>> locations(b"<urlset><url><loc>https://shop.example/a&amp;b</loc></url></urlset>")
    (['https://shop.example/a&b'], False)
    """
    if written[:2] == b"\x1f\x8b":
        try:
            written = zlib.decompressobj(wbits=31).decompress(written, TEXT_BYTES_MAX)
        except (zlib.error, gzip.BadGzipFile):
            return [], False
    text = written.decode("utf-8", "replace")
    found = [unescape(one[1].strip()) for one in islice(_LOCATION.finditer(text), LOCATIONS_MAX)]
    return found, "<sitemapindex" in text[:2000]


def is_address(url: str) -> bool:
    """Say whether a URL can be asked for over HTTP.

    >>> is_address("https://shop.example/sitemap.xml"), is_address("http://["), is_address("ftp://shop.example")
    (True, False, False)
    """
    try:
        read = urlsplit(url)
        return read.scheme in {"http", "https"} and bool(read.hostname)
    except ValueError:
        return False


def spread(urls: Iterable[str]) -> list[str]:
    """Order pages so that each part of a site comes early: one of each first folder, then the second of each.

    >>> spread(["https://a.example/x/1", "https://a.example/x/2", "https://a.example/y/1"])
    ['https://a.example/x/1', 'https://a.example/y/1', 'https://a.example/x/2']
    """
    parts: dict[str, list[str]] = {}
    for url in urls:
        parts.setdefault(
            urlsplit(url).path.split("/")[1] if "/" in urlsplit(url).path[1:] else "", []
        ).append(url)
    rows = list(parts.values())
    return [row[at] for at in range(max(map(len, rows), default=0)) for row in rows if at < len(row)]
