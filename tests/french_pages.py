"""A walk through the console in French: what of it a person would read in English.

Every link of every page is followed, so that a part which is added later is held to the same.
"""

import re
from collections import deque
from html import unescape

from troth.faces.words import DAY

ENGLISH = re.compile(
    r"(?<![-/])\b(?:the|of|and|was|were|with|which|that|this|not|has|have|from|whose|is|are|been|yet|nobody|nothing|"
    r"says?|\d+ (?:years?|months?|days?|weeks?|hours?))\b(?![-/])"
)
AS_IT_IS = {
    "Données de personne : what the server did",  # the reason that the map gives
}
"""What is English on a French page, and stays so."""
UNREAD = re.compile(
    r"<(script|style|code|textarea|pre|title)\b.*?</\1>|<[^>]*\blang=\"en\"[^>]*>English</a>|<!--.*?-->",
    re.DOTALL,
)


def english_on(client, pages_max=140):
    """Walk through the console; return the pages that were seen, and what they say in English by page."""
    seen, waiting, english = {"/console"}, deque(["/console"]), {}
    while waiting and len(seen) < pages_max:
        path = waiting.popleft()
        answer = client.get(path, follow_redirects=False)
        assert answer.status_code < 500, path
        if "text/html" not in answer.headers.get("content-type", "") or "file/" in path:
            continue
        for line in english_of(answer.text):
            english.setdefault(line, path)
        for link in map(unescape, re.findall(r'href="(/console[^"#]*)', answer.text)):
            plain = re.sub(r"[?&]lang=\w\w", "", link)
            if plain not in seen and "/static/" not in plain and not plain.endswith("/live"):
                seen.add(plain)
                waiting.append(plain)
    return seen, english


def english_of(page):
    """Yield what a page shows in English, by words that French has not."""
    plain = UNREAD.sub(" ", page)
    for text in re.split(r"<[^>]*>", plain):
        said = unescape(text).strip()
        if (ENGLISH.search(said) or DAY.search(said)) and said not in AS_IT_IS:
            yield said
    yield from (
        f'lang="en": {one}' for one in re.findall(r'<(?!html|a )[^>]*\blang="en"[^>]*>([^<]*)', plain)
    )
