"""How a name is written down so that two writings of one are the same: no accents, no capitals, blanks for hyphens.

Engines fold by the same tables in their own words (`troth.stores.name_folding`), as far as these go: letters of Latin
with marks, and ligatures.  It only finds candidates for a person to look at; nobody is told apart by it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

FOLDED = "name, folded"
"""The kind of an identifier that is compared so; no map can say it."""
LIGATURES: Mapping[str, str] = {
    "\u00df": "ss", "\u1e9e": "ss", "\u00e6": "ae", "\u00c6": "ae", "\u0153": "oe", "\u0152": "oe", "\u00fe": "th",
    "\u00de": "th",
}  # fmt: skip
"""Letters that are written as two."""
_BARRED: Mapping[str, str] = {
    "\u00f8": "o", "\u00d8": "o", "\u0111": "d", "\u0110": "d", "\u00f0": "d", "\u00d0": "d", "\u0142": "l",
    "\u0141": "l", "\u0131": "i", "\u0127": "h", "\u0126": "h", "\u0167": "t", "\u0166": "t",
}  # fmt: skip
"""Letters whose mark is part of them, so that Unicode takes none off."""
APART = " \t\n\r\u00a0\u202f'\u2019\u02bc`\u00b4-\u2010\u2011\u2013"
"""What stands between the words of a name."""
MARKS = "\u0300-\u036f"
"""Marks that are written after their letter: the first and the last of them."""
_APART = re.compile(f"[{re.escape(APART)}]+")
_MARKS = re.compile(f"[{MARKS}]+")


def marked_letters() -> Mapping[str, str]:
    """Return the letters of Latin that carry a mark, each with the plain small letter under it.

    >>> marked_letters()["\u00c9"], marked_letters()["\u0142"], len(marked_letters()) > 500
    ('e', 'l', True)
    """
    found = dict(_BARRED)
    for first, last in ((0xC0, 0x24F), (0x1E00, 0x1EFF)):
        for letter in map(chr, range(first, last + 1)):
            written = unicodedata.normalize("NFD", letter)
            plain = written[0]
            if len(written) > 1 and plain.isascii() and plain.isalpha():
                found[letter] = plain.lower()
    return found


_FOLDS = str.maketrans({**marked_letters(), **LIGATURES})


def folded(name: str) -> str:
    """Return a name without accents, capitals, hyphens and apostrophes.

    >>> folded("Tr\u00c9VALENNE"), folded("Jean-Pierre  D\u2019Aubign\u00e9"), folded("Stra\u00dfe")
    ('trevalenne', 'jean pierre d aubigne', 'strasse')
    """
    plain = _MARKS.sub("", unicodedata.normalize("NFC", name).translate(_FOLDS))
    return _APART.sub(" ", plain.lower()).strip(" ")
