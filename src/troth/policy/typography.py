"""The spaces and quotation marks that each language wants.

French puts no-break spaces before high punctuation and inside its quotation marks, so
that a line never begins with a colon.
"""

from __future__ import annotations

import re

QUOTES = {"en": "“”‘’", "fr": ["«\u00a0", "\u00a0»", "‹\u00a0", "\u00a0›"]}
"""What straight quotation marks become."""

_FRENCH = (
    (re.compile(r"(?<=[\w)»”%’])[ \u00a0]?([;!?])(?=\s|$|[)»])"), "\u202f\\1"),
    (re.compile(r"[ ]+([;!?])"), "\u202f\\1"),
    (re.compile(r"(?<=[^\W\d_])[ \u00a0]?:(?=\s|$)"), "\u00a0:"),
    (re.compile(r"[ ]+:(?=\s|$)"), "\u00a0:"),
    (re.compile(r"«[ \u00a0]*"), "«\u00a0"),
    (re.compile(r"[ \u00a0]*»"), "\u00a0»"),
    (re.compile(r"(?<=\d) (?=[%€$£])"), "\u00a0"),
    (re.compile(r"\b(art|n)\. (?=\d)"), "\\1.\u00a0"),
    (re.compile(r"(?<=n°) (?=\d)"), "\u00a0"),
)
_ENGLISH = ((re.compile(r"\b(Art|Arts|No)\. (?=\d)"), "\\1.\u00a0"),)
_RULES = {"fr": _FRENCH, "en": _ENGLISH}


def set_spaces(text: str, language: str) -> str:
    r"""Put no-break spaces where the language wants them.

    >>> set_spaces("Que faire ? Écrivez : « ici »", "fr")
    'Que faire\u202f? Écrivez\xa0: «\xa0ici\xa0»'
    """
    for pattern, instead in _RULES.get(language, ()):
        text = pattern.sub(instead, text)
    return text
