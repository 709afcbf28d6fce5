"""What was typed into a form, kept when the form is refused: its page is drawn again with the words in it.

The page is the one the form stood on; its HTML is our own, and nothing is put into it unescaped.  What is hidden, is
a password or was chosen as a file is as the page has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape, unescape
from itertools import chain, repeat
from typing import Any
from urllib.parse import unquote

CAME_FROM = "came-from"
"""The field of a form that names the page it stood on, once it was drawn again at the address of what it does."""
ANCHOR = "refused"
_FORM = re.compile(r"(<form\b[^>]*>)(.*?)</form>", re.DOTALL)
_OWN = re.compile(r"<form\b(?![^>]*\saction=)(?=[^>]*\smethod=)")
"""A form that goes to the address of its page, which is another once it is drawn again."""
_CONTROL = re.compile(
    r"<input\b[^>]*>|(<textarea\b[^>]*>).*?</textarea>|(<select\b[^>]*>)(.*?)</select>", re.DOTALL
)
_OPTION = re.compile(r"<option\b[^>]*>")
_FOLD = re.compile(r"<details\b[^>]*>|</details>")
_CHOSEN = re.compile(r"\s(?:checked|selected)(?=[\s>])")
Form = Mapping[str, Sequence[Any]]


def kept(page: str, action: str, form: Form, note: str, at: str = "") -> str | None:
    """Return a page with what was typed in its form of an action, opened, under a note; None where it has none.

    Of several forms it is the one whose hidden fields are as they were sent.  `at` is the page's own address, to
    which the form leads back when it is refused once more.

    >>> form = '<form method="post" action="/a"><input name="x" value=""></form>'
    >>> page = f'<main id="main" tabindex="-1">{form}</main>'
    >>> print(kept(page, "/a", {"x": ["<b>"]}, "No.").partition("No.")[2])
    <form method="post" action="/a"><input name="x" value="&lt;b&gt;"></form></main>
    """
    page = _OWN.sub(f'<form action="{escape(at)}"', page) if at else page
    found = [
        one
        for one in _FORM.finditer(page)
        if _attribute(one[1], "method") == "post"
        and unquote(unescape(_attribute(one[1], "action"))).partition("?")[0] == action
    ]
    if not found:
        return None
    one = max(found, key=lambda one: _alike(one[2], form))  # the first of those that are equally alike
    start, end = one.span(2)
    back = (
        f'<input type="hidden" name="{CAME_FROM}" value="{escape(at)}"><span id="{ANCHOR}"></span>'
        if at
        else ""
    )
    page = page[:start] + back + filled(one[2], form) + page[end:]
    for fold in reversed(list(_folds(page[: one.start()]))):
        if " open" not in page[fold.start() : fold.end()]:
            page = page[: fold.end() - 1] + " open" + page[fold.end() - 1 :]
    before, main, after = page.partition('<main id="main" tabindex="-1">')
    return before + main + note + after


def filled(controls: str, form: Form) -> str:
    """Return the controls of a form with what was typed in them."""
    left = {
        name: chain((one for one in values if isinstance(one, str)), repeat(""))
        for name, values in form.items()
    }

    def fill(found: re.Match[str]) -> str:
        tag = found[1] or found[2] or found[0]
        name, kind = unescape(_attribute(tag, "name")), _attribute(tag, "type")
        secret = kind in {"hidden", "password", "file", "submit", "button"}
        if not name or secret or _attribute(tag, "autocomplete") == "one-time-code":
            return found[0]
        if kind in {"checkbox", "radio"}:
            said = unescape(_attribute(tag, "value")) or "on"
            return _set(tag, "checked", said in form.get(name, ()))
        if name not in form:
            return found[0]
        if found[1]:
            return f"{tag}\n{escape(next(left[name]))}</textarea>"
        if found[2]:
            chosen = _OPTION.sub(
                lambda option: _set(
                    option[0], "selected", unescape(_attribute(option[0], "value")) in form[name]
                ),
                found[3],
            )
            return f"{tag}{chosen}</select>"
        bare = re.sub(r'\svalue="[^"]*"', "", tag)
        return f'{bare.rstrip(">").rstrip()} value="{escape(next(left[name]))}">'

    return _CONTROL.sub(fill, controls)


def _alike(controls: str, form: Form) -> int:
    """Count the hidden fields of a form that are as they were sent, those that are otherwise against it."""
    score = 0
    for found in _CONTROL.finditer(controls):
        if _attribute(found[0], "type") == "hidden" and not (found[1] or found[2]):
            name, value = unescape(_attribute(found[0], "name")), unescape(_attribute(found[0], "value"))
            score += 1 if value in form.get(name, ()) else -1
    return score


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\s{name}="([^"]*)"', tag)
    return found[1] if found else ""


def _set(tag: str, mark: str, on: bool) -> str:
    bare = _CHOSEN.sub("", tag)
    return f"{bare[:-1].rstrip()} {mark}>" if on else bare


def _folds(before: str) -> list[re.Match[str]]:
    """Return the folds that are still open where a text ends, the outermost first."""
    open_: list[re.Match[str]] = []
    for found in _FOLD.finditer(before):
        if found[0] != "</details>":
            open_.append(found)
        elif open_:
            open_.pop()
    return open_
