"""A clause as plain text that flows: the lines of each paragraph joined, and the values of promises in their places.

It is for reading side by side and in differences; the notice itself is drawn by `notice_page`.
"""

from __future__ import annotations

import re

from troth.policy import form
from troth.policy.placeholder import PLACEHOLDER, filled
from troth.policy.policy import Policy
from troth.policy.words import words

_OWN_LINE = re.compile(r"\s*(?:[-*+] |\d+[.)] |#|\||>)")
_LINKED = re.compile(r"<((?:https?://|mailto:)?[\w.+-]+[@/.:][^<>\s]*)>")
_ESCAPED = re.compile(r"\\(?=[^\w\s])")


def flowing(text: str, policy: Policy, language: str) -> str:
    r"""Return prose as one reads it: each paragraph and each point of a list in a line of its own.

    >>> flowing("We answer\nwithin a month.\n\n- by post,\n  or\n- by telephone", Policy({}, {}), "en")
    'We answer within a month.\n\n- by post, or\n- by telephone'
    """
    out: list[str] = []
    for line in PLACEHOLDER.sub(lambda found: _value(found, policy, language), text).split("\n"):
        goes_on = out and out[-1].strip() and line.strip() and not _OWN_LINE.match(line)
        if goes_on and not out[-1].lstrip().startswith(("#", "|")):
            out[-1] = f"{out[-1]} {line.strip()}"
        else:
            out.append(line.rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip()


def _value(found: re.Match[str], policy: Policy, language: str) -> str:
    """Return the value in a place, or in brackets what stands there where that is a table, or nothing said yet."""
    said = filled(found[0], policy, words(language)).strip()
    if said and "\n" not in said and "|" not in said and "{{" not in said:
        return _ESCAPED.sub("", _LINKED.sub(r"\1", said))
    inside = found["inside"].strip()
    block = {"table": {"en": "table", "fr": "tableau"}, "list": {"en": "list", "fr": "liste"}}.get(
        inside.split(":")[0]
    )
    return f"[{block[language] if block else form.path_said(inside, language)}]"
