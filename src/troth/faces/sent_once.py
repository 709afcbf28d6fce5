"""A form that is sent twice does a thing once, and the same is said of it: what it said is kept by the form's own word.

The console does the same for every form of its pages (`troth.faces.console.desk`).
"""

from __future__ import annotations

from collections.abc import Callable

from troth.faces.in_turn import in_turn
from troth.ledger import forms
from troth.work.project import Project

WORD_MAX = 64


def sent_once(project: Project, what: str, word: str, do: Callable[[], str]) -> str:
    """Do what a form asks and return what is to be said of it; a form without a word is done each time."""
    if not word:
        return do()
    key = f"{what} {word[:WORD_MAX]}"
    with in_turn(project, key):
        said = forms.sent(project.ledger, key)
        if said:
            return said
        with forms.doing(project.ledger, key):
            said = do()
        forms.led(project.ledger, key, said)
        return said
