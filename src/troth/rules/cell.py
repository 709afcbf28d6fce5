"""Write the cells of an answer or a report: for people, and for programs that people open.

For people a day and a moment are written as people do, and in French a code by its word and what rules said in
English in French.  In a table to be sorted, days stay as ISO 8601 has them.  What people wrote stays as it is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from troth.law.sentence import cite
from troth.policy.words import words
from troth.rules.french import said
from troth.rules.plural import day, several
from troth.rules.question import Cell, text

SAID = frozenset({"figure", "checks", "often", "status", "lacks", "people_not_told_because", "ease"})
"""Columns in which rules speak, in English."""
NOTICE = frozenset({"right", "rights", "role", "class", "channel", "type", "what", "ground", "reason_code"})
"""Columns whose codes are words of the notice too."""
FREE = frozenset(
    {"reason", "advice", "said", "value", "why", "late_because", "title", "facts", "becomes", "was"}
)
"""Columns of what people wrote, or of what is shown as it is recorded."""
LACKING = frozenset({"lacks", "ease"})
"""Columns of what a consent or a message lacks."""
_RIGHTS = frozenset({"right", "rights"})
_CITED = frozenset({"article", "exemption", "exemptions", "people_not_told_because"})
_DAYS = re.compile(r"(?<![\w:./-])\d{4}-\d\d-\d\d(?![\w-])")
_CODE = re.compile(r"[a-z]+(?:_[a-z]+)*")


def written(code: str, cell: Cell, language: str) -> str:
    """Write a cell of a column for people.

    >>> written("status", "in_progress", "fr"), written("on", "2026-12-01", "fr"), written("rights", ("erase",), "fr")
    ('en cours', '1er décembre 2026', 'effacement')
    >>> written("status", "in_progress", "en"), written("aware_at", "2026-12-01T09:05:07.1+00:00", "en")
    ('in progress', '1 December 2026, 09:05 UTC')
    """
    return _written(code, cell, language, several(("", ""), language), days=True)


def spread(code: str, cell: Cell, language: str) -> str:
    r"""Write a cell for a spreadsheet: days stay as they sort, and several sayings stand below each other.

    >>> spread("on", "2026-12-01", "fr"), spread("rights", ("erase", "access"), "fr")
    ('2026-12-01', 'effacement\naccès')
    """
    return _written(code, cell, language, "\n", days=False)


def _written(code: str, cell: Cell, language: str, between: str, *, days: bool) -> str:
    if isinstance(cell, float) and language == "fr":
        return text(cell, language).replace(".", ",") if days else text(cell, language)
    if cell is None or isinstance(cell, bool | int | float) or code in FREE:
        return text(cell, language, between)
    if isinstance(cell, str):
        return _one(code, cell, language, days=days)
    return between.join(_one(code, one, language, days=days) for one in cell)


def _one(code: str, one: str, language: str, *, days: bool) -> str:
    """Write one saying of a cell; several codes of one, such as `erase: grant`, each by its word."""
    if days and (told := str(day(one, language))) != one:
        return told
    told = _turned(code, one) if language == "fr" else one
    if language != "fr" and code in _RIGHTS:
        told = words(language).word(one)
    elif language != "fr" and one in _codes().get(code, {}):
        told = one.replace("_", " ")
    return _DAYS.sub(lambda found: str(day(found[0], language)), told) if days else told


def _turned(code: str, one: str) -> str:
    """Say in French what is one code or several, what rules said, or a citation."""
    if code in _CITED:
        return cite(one, "fr")
    known = word_of(code, one)
    if known is None and code in LACKING and "; " in one:
        return several((_turned(code, part) for part in one.split("; ")), "fr")
    if known is None and code in _codes() and len(parts := re.split(r"(: ?|, | )", one)) > 1:
        turned = [word_of(code, part) or word_of("right", part) or part for part in parts[::2]]
        known = "".join(
            turned[at // 2] if at % 2 == 0 else " : " if part.startswith(":") else part
            for at, part in enumerate(parts)
        )
    if known is None and code in SAID:
        known = said(one, "fr")
    return known if known is not None else one


def word_of(code: str, one: str) -> str | None:
    """Return the French word of a code in a column, or None where it has none."""
    known = _codes().get("lacks" if code in LACKING else code, {}).get(one)
    if known is None and code in NOTICE and _CODE.fullmatch(one):
        word = words("fr").word(one, "recipient.class" if code == "class" else "")
        known = None if word == one.replace("_", " ") else word
    return known


@cache
def _codes() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((files("troth.rules") / "data" / "codes.toml").read_text("utf-8"))
