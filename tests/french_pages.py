"""A walk through the console in French: what of it a person would read in English.

Every link of every page is followed, so that a part which is added later is held to the same.
"""

import re
from collections import deque
from html import unescape
from html.parser import HTMLParser

from troth.faces.words import DAY

ENGLISH = re.compile(
    r"(?<![-/])\b(?:the|of|and|was|were|with|which|that|this|not|has|have|from|whose|is|are|been|yet|nobody|nothing|"
    r"says?|\d+ (?:years?|months?|days?|weeks?|hours?))\b(?![-/])"
)
POLICY = re.compile("/console/policy/(?:in.force|[^/]+/clause)/")
"""Where the promises of the policy stand as they are written, with their words in every language."""
PASSED_BY = re.compile(r"/static/|/live$|/en(?:/|$)")
"""What is no page, and what is a page in English by its address."""
AS_IT_IS = {
    "Federal Data Protection and Information Commissioner (EDÖB, PFPDT, IFPDT) (FDPIC)",  # its name
    "Office of the Information and Data Protection Commissioner (IDPC)",  # its name
    "Données de personne : what the server did",  # the reason that the map gives
}
"""What is English on a French page, and stays so."""
UNREAD = {"script", "style", "code", "textarea", "pre", "title"}
OWN_WORDS = {"div", "section", "blockquote"}
"""A block that says its language is prose as somebody wrote it: a clause, a letter, a proposal."""
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


def english_on(client, pages_max=140, start="/console"):
    """Walk through the pages below a start; return those that were seen, and what they say in English by page."""
    seen, waiting, english = {start}, deque([start]), {}
    while waiting and len(seen) < pages_max:
        path = waiting.popleft()
        answer = client.get(path, follow_redirects=False)
        assert answer.status_code < 500, path
        if "text/html" not in answer.headers.get("content-type", "") or "file/" in path:
            continue
        for line in english_of(answer.text, all_of_it=not POLICY.match(path)):
            english.setdefault(line, path)
        for link in map(unescape, re.findall(rf'href="({start}[^"#]*)', answer.text)):
            plain = re.sub(r"[?&]lang=\w\w", "", link)
            if plain not in seen and not PASSED_BY.search(plain):
                seen.add(plain)
                waiting.append(plain)
    return seen, english


def english_of(page, *, all_of_it=True):
    """Return what a page shows in English, by words that French has not and days that are not written out.

    Without `all_of_it`, only what is marked as English: a sentence of ours that has no French.
    """
    reader = Reader(all_of_it)
    reader.feed(page)
    return [one for one in reader.english if one not in AS_IT_IS]


class Reader(HTMLParser):
    """A reader of one page, who passes by code and what somebody wrote in a language of its own."""

    def __init__(self, all_of_it):
        super().__init__()
        self.open, self.english, self.all_of_it = [], [], all_of_it

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            language = dict(attrs).get("lang")
            marked = language == "en" and tag == "span"
            unread = tag in UNREAD or (language == "en" and tag in OWN_WORDS)
            self.open.append((tag, unread, marked))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        said = data.strip()
        if not said or any(unread for _, unread, _ in self.open):
            return
        is_english = self.all_of_it and (ENGLISH.search(said) or DAY.search(said))
        if is_english or any(marked for *_, marked in self.open):
            self.english.append(said)
