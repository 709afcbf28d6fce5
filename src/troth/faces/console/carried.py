"""What was typed into a form whose session had ended: the page to sign in carries it, and no server keeps it.

After signing in the form stands on its page again, filled; nothing is done before its button is pressed.  Passwords,
codes and files are not carried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from troth.faces.console import typed

BYTES_MAX = 64 * 1024
"""A larger form is not read for whoever is not signed in."""
SIGN_IN_BYTES_MAX = 4 * BYTES_MAX
"""So much comes back where each byte of a form with files is written as three."""
ACTION = "typed-for"
_BEFORE = "typed."
_SECRET = frozenset({"old", "new", "code", "new_code", "password", "secret"})
Form = Mapping[str, Sequence[Any]]


def is_small(length: str) -> bool:
    """Say whether a form of this length, as its header says it, is read for somebody who is not signed in."""
    return length.isdecimal() and len(length) < 10 and 0 < int(length) <= BYTES_MAX


def fields(form: Form, action: str, page: str) -> list[tuple[str, str]]:
    """Return the hidden fields that carry a form of an action, which stood on a page; none where nothing was typed."""
    told = [
        (f"{_BEFORE}{name}", one)
        for name, values in form.items()
        if name not in _SECRET and name != typed.CAME_FROM
        for one in values
        if isinstance(one, str)
    ]
    return [(ACTION, action), (f"{_BEFORE}{typed.CAME_FROM}", page), *told] if told and page else []


def again(given: Form) -> list[tuple[str, str]]:
    """Return the hidden fields that came with a try to sign in, for the next one."""
    return [
        (name, one)
        for name, values in given.items()
        if name == ACTION or name.startswith(_BEFORE)
        for one in values
        if isinstance(one, str)
    ]


def form(given: Form) -> tuple[str, dict[str, list[Any]]]:
    """Return the action that was carried, empty where none was, and its form as it was typed."""
    action = next((one for one in given.get(ACTION, ()) if isinstance(one, str)), "")
    told = {
        name.removeprefix(_BEFORE): list(values) for name, values in given.items() if name.startswith(_BEFORE)
    }
    return action, told
