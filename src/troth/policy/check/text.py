"""Rules on the text itself: what was lost, merged or left open in editing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from troth.policy.check.finding import Spot
from troth.policy.check.prose import Paragraph, Prose, Section
from troth.policy.check.rule import rule
from troth.policy.plain import numbered

ADDRESSEES_MIN = 3
"""How many paragraphs must speak to the reader, and how many of somebody else, before both are a fault."""

DRIFT_MIN = 3
"""How many times more often the small letters must stand: else the capitals may be meant."""

_BARE_ENUMERATOR = re.compile(r"\((?:i{1,3}|iv|v|[a-z])\)\s*$")
_LABEL = re.compile(r"(?:^|\n)[ \t]*(?:[a-z]|[ivx]{1,4}|\d{1,2})\)|(?<=[;,:]\s)(?:[a-z]|[ivx]{2,4})\)")
_SMILEY = re.compile(r"[:;]-?[()]")
_REFERENCE = re.compile(
    r"\bparagraphs?\s+(?P<first>\d{1,2})(?:\s*(?:and|or|to|-|,)\s*(?P<second>\d{1,2}))?\b(?!\s+of\b)",
    re.IGNORECASE,
)
_SPEAKING_TO = re.compile(r"\byou(?:rs?|rself)?\b(?![’']re\s+(?:his|her|a)\b)", re.IGNORECASE)
_SPEAKING_OF = re.compile(r"\b(?:data\s+subjects?|he/she|his/her|he\s+or\s+she)\b", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(?:he/she|his/her)\b", re.IGNORECASE)
_ANTECEDENT = re.compile(r"\b(?:data\s+subjects?|the\s+users?|requesters?|holders?)\b", re.IGNORECASE)
_TERMS = tuple(
    (
        re.compile(rf"\b{small}s?\b"),
        # At the head of a sentence only the article-less singular counts: it is used as a name.
        re.compile(rf"(?<=[a-z,] ){drifted}s?\b|(?<=\bThe ){drifted}s?\b|(?:(?<=^)|(?<=[.] )){name}"),
    )
    for small, drifted, name in (
        ("data subject", "Data [Ss]ubject", "Data [Ss]ubject(?= (?:may|can|has|have|is|shall|also|must)\\b)"),
        ("supervisory authority", "Supervisory [Aa]uthority", "Supervisory Authority\\b"),
        ("personal data", "Personal Data", "Personal Data\\b"),
    )
)
_FALSE_FRIENDS = (
    r"\bto precise\b|\bhow is (?:used|made|done|processed)\b|\b(?:data subject|user|customer) request otherwise\b|"
    r"\bstructural measures\b|\bseemed to be (?:hacked|stolen|compromised)\b|\binformations\b|\bdatas\b|"
    r"\bpersonal datas?\b(?= is are)|\bactually (?:in force|applicable)\b|\beventual (?:transfer|recipient)s?\b"
)
_TOPICS = (
    (
        r"\baccess to (?:your |the )?(?:personal )?(?:data|information)\b|\bright (?:of|to) access\b",
        r"\bcop(?:y|ies)\b|\bconfirm",
    ),
    (
        r"\bretention\b|\bstorage period|\bhow long\b",
        r"\bretain|\bretention\b|\bkept\b|\bkeep (?:your|personal|the|this|that|all) \w*|"
        r"\bkeep data\b|\bstored?\b|\bperiod|\bdelet",
    ),
    (r"\btraffic data\b", r"\btraffic\b"),
    (r"\bportability\b", r"\bportab|\bmachine-readable\b|\bformat\b"),
    (r"\brectification\b", r"\brectif|\bcorrect|\binaccurate"),
    (r"\bchildren\b|\bminors\b", r"\bchild|\bminor|\bage\b|\byears\b"),
    (r"\bcomplaints?\b", r"\bcomplain|\bauthority"),
    (r"\btransfers?\b", r"\btransfer|\bdisclos|\bshar|\bpass\b|\bcountr"),
)


@rule("T01", "en")
def merge_residue(prose: Prose) -> Iterator[Spot]:
    """Find "you're his/her": two wordings of one sentence left side by side."""
    return prose.find(
        r"\byou're (?:his/her|his or her|their|your|an? \w+'s?|a \w+)(?= \w)(?! (?:new|member|child|user of))"
    )


@rule("T02")
def ends_with_a_bare_enumerator(prose: Prose) -> Iterator[Spot]:
    """Find paragraphs that end with "(ii)" and nothing after it."""
    return prose.find(_BARE_ENUMERATOR)


@rule("T03")
def colon_before_nothing(prose: Prose) -> Iterator[Spot]:
    """Find a colon with nothing after it but a heading, or the end."""
    following: list[Paragraph | None] = [*prose.paragraphs[1:], None]
    blocks = {block.line for clause in prose.document.clauses for block in clause.blocks}
    for one, after in zip(prose.paragraphs, following, strict=False):
        end = after.line if after is not None else len(prose.lines) + 1
        if one.kind == "heading" or any(one.line < line <= end for line in blocks):
            continue
        if (after is None or _leaves(prose, one, after)) and (match := re.search(r":\s*$", one.text)):
            yield one.spot(match)


@rule("T04")
def parenthesis_left_open(prose: Prose) -> Iterator[Spot]:
    """Find parentheses that are opened and not closed within a paragraph, or the other way round."""
    for one in prose.paragraphs:
        text = _SMILEY.sub("  ", _LABEL.sub(lambda match: " " * len(match[0]), one.text))
        if text.count("(") != text.count(")"):
            at = max(text.rfind("("), text.rfind(")"))
            match = re.compile(r"[()]").search(one.text, max(at, 0))
            if match is not None:
                yield one.spot(match)


@rule("T05", "en")
def lost_object(prose: Prose) -> Iterator[Spot]:
    """Find "such as and", "other than If": what stood between is lost."""
    return prose.find(re.compile(r"\b(?:such\s+as|other\s+than|including)\s+(?:and|or|[Ii]f)\b"))


@rule("T06", "en")
def two_verbs_one_subject(prose: Prose) -> Iterator[Spot]:
    """Find a sentence that goes on with a second verb and no subject of its own."""
    return prose.find(
        r"\b(?:may|can|must|shall|should) (?:send|write|address|submit|contact)[^.;:]{0,80}"
        r"\band/or to the [^.;:,]{3,80}?"
        r"\b(?:can|may|must|shall) be (?:contacted|reached|sent|addressed)"
    )


@rule("T07")
def list_cut_off(prose: Prose) -> Iterator[Spot]:
    """Find a lettered list whose last item ends as if another followed."""
    for items in prose.lettered_lists():
        if match := re.search(r";\s*$", items[-1].text):
            yield items[-1].spot(match)


@rule("T08")
def items_without_an_end(prose: Prose) -> Iterator[Spot]:
    """Find items of a lettered list that end with nothing where the others end with a mark."""
    for items in prose.lettered_lists():
        bare = [one for one in items if not re.search(r"(?:[.;,:]|\b(?:and|or|et|ou))\s*$", one.text)]
        if 0 < len(bare) < len(items):
            yield from (one.whole for one in bare)


@rule("T09", "en")
def reference_to_nowhere(prose: Prose) -> Iterator[Spot]:
    """Find "paragraph 2" in a section that has no paragraph 2."""
    paths = {one.path for one in numbered(list(prose.lines))}
    for one in prose.paragraphs:
        section = prose.section_of(one.line)
        if one.kind == "heading" or section is None:
            continue
        path = tuple(map(int, section.number.split(".")))
        for match in _REFERENCE.finditer(one.text):
            wanted = [int(number) for number in match.groups() if number]
            there = all((*path, number) in paths for number in wanted)
            after = one.text[match.end() : match.end() + 30]
            if not there and not re.match(
                r"\s*\(?[a-z]?\)?\s*(?:of|in)\s+(?:Art|Reg|section|clause|the\s+GDPR)", after
            ):
                yield one.spot(match)


@rule("T10", "en")
def table_that_is_not_there(prose: Prose) -> Iterator[Spot]:
    """Find "the table below" where there is no table."""
    for section in prose.sections:
        if any(one.kind == "row" or "{{" in one.text or "<table" in one.text for one in section.inside):
            continue
        for one in section.own:
            yield from one.find(r"\btables? (?:below|above)\b|\b(?:following|preceding) table\b")


@rule("T11", "en")
def title_without_its_topic(prose: Prose) -> Iterator[Spot]:
    """Find a heading that announces what its section never speaks of."""
    for section in prose.sections:
        if any("{{" in one.text for one in section.inside) or not section.text.strip():
            continue
        for title, body in _TOPICS:
            if (
                _mentions(section.title, title)
                and not section.says(body)
                and not _below(prose, section, title)
            ):
                yield section.heading
                break


@rule("T12")
def numbers_that_start_again(prose: Prose) -> Iterator[Spot]:
    """Find numbers that start again below a heading, so that one number means several clauses."""
    lines = [one for one in numbered(list(prose.lines)) if one.path and "." not in one.leaf]
    if prose.document.file.endswith(".md"):
        return
    previous: tuple[int, ...] = ()
    for one in lines:
        deeper = len(one.path) > 1 and one.path[-1] == 1 and len(one.path) > len(previous)
        back = 1 < len(one.path) < len(previous)
        if deeper or back:
            yield Spot(one.line, 1, len(one.leaf) + 1)
        previous = one.path


@rule("T13")
def heading_behind_a_blank(prose: Prose) -> Iterator[Spot]:
    """Find headings that begin with a blank."""
    for clause in prose.document.clauses:
        line = prose.document.lines[clause.line - 1]
        if line[:1] in (" ", "\u00a0", "\t"):
            yield Spot(clause.line, 1, len(line) - len(line.lstrip(" \u00a0\t")))


@rule("T14", "en")
def now_you_now_the_data_subject(prose: Prose) -> Iterator[Spot]:
    """Find a document that speaks to its reader in one sentence and of them in the next."""
    speaking = [one for one in prose.paragraphs if _speaks_to(one)]
    others = [one for one in prose.paragraphs if one.says(_SPEAKING_OF)]
    if min(len(speaking), len(others)) < ADDRESSEES_MIN:
        return
    if len(speaking) > len(others):
        speaking, pattern = others, _SPEAKING_OF
    else:
        speaking += [one for one in others if one.says(_PRONOUN) and not one.says(_ANTECEDENT)]
        pattern = re.compile(rf"\byou\w*|{_PRONOUN.pattern}", re.IGNORECASE)
    for one in speaking:
        yield from list(one.find(pattern))[:1]


@rule("T15", "en")
def capitals_that_drift(prose: Prose) -> Iterator[Spot]:
    """Find a term written now with capitals and now without."""
    paragraphs = [one for one in prose.paragraphs if one.kind != "heading"]
    for small, drifted in _TERMS:
        found = [(one, match) for one in paragraphs for match in drifted.finditer(one.text)]
        written_small = sum(len(small.findall(one.text)) for one in paragraphs)
        if len(found) * DRIFT_MIN <= written_small:
            yield from (one.spot(match) for one, match in found)


@rule("T16", "en")
def false_friends(prose: Prose) -> Iterator[Spot]:
    """Find words that came through translation wrong."""
    return prose.find(_FALSE_FRIENDS)


def _leaves(prose: Prose, one: Paragraph, after: Paragraph) -> bool:
    """Tell whether what follows is the heading of another section, not of one below this."""
    here, there = prose.section_of(one.line), prose.section_of(after.line)
    below = here is not None and there is not None and there.number.startswith(here.number + ".")
    return after.kind == "heading" and not below


def _speaks_to(one: Paragraph) -> bool:
    """Tell whether a paragraph says you; a "you're his" left by editing counts where it speaks of somebody too."""
    return one.says(_SPEAKING_TO) or (
        one.says(r"\byou're (?:his|her|a)\b") and one.says(r"\b(?:data subjects?|users?)\b")
    )


def _mentions(title: str, pattern: str) -> bool:
    return re.search(pattern, title, re.IGNORECASE) is not None


def _below(prose: Prose, section: Section, pattern: str) -> bool:
    """Tell whether a clause below has the topic in its own heading."""
    below = (one for one in prose.sections if one.number.startswith(section.number + "."))
    return any(_mentions(one.title, pattern) for one in below)
