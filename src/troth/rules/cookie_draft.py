"""A cookie table proposed from what a scan saw, for a person to correct.

A category stands there only where a name is known for one; any other is `?`, which `check`
refuses until somebody has said what it is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from troth.rules import tracker
from troth.rules.scan_words import lasting, state_word
from troth.rules.trace import Seen

_NUMBERED = re.compile(
    r"^(?P<stem>.{3,}?[._-])[0-9A-Fa-f]{6,}(?:[._-][0-9A-Za-z]+)*$|^(?P<word>\D{3,}?)\d{3,}$"
)
_DAY, _HOUR = 86_400, 3600
WROTE_MAX = 2


@dataclass(frozen=True, slots=True)
class _Proposed:
    """One line of the table, and what was seen of it."""

    name: str
    seen: tuple[Seen, ...]


def drafted(seen: Iterable[Seen], site: str) -> str:
    """Write the promise block that declares what was seen, with its evidence in comments.

    >>> drafted((), "shop.example").splitlines()[-1]
    '  table: []'
    """
    lines = [
        f'# Proposed from a scan of {site}. Correct it: each "?" must be answered, and a purpose said.',
        "cookies:",
    ]
    proposed = list(_proposed(seen))
    lines.append("  table:" if proposed else "  table: []")
    for one in proposed:
        lines += _line(one)
    return "\n".join(lines) + "\n"


def written_as(name: str) -> str:
    """Return a name as a table would write it, a star for what changes from visitor to visitor.

    >>> written_as("_ga_X1Y2"), written_as("_pk_id.1.1fff"), written_as("cart_0a1b2c3d"), written_as("lang")
    ('_ga_*', '_pk_id*', 'cart_*', 'lang')
    """
    known = tracker.by_name(name)
    if known is not None:
        return known.written
    found = _NUMBERED.match(name)
    if found is not None:
        return f"{found['stem'] or found['word']}*"
    return name.replace("‹address›", "*")


def _proposed(seen: Iterable[Seen]) -> Iterator[_Proposed]:
    found: dict[tuple[str, str, str], list[Seen]] = {}
    for one in seen:
        if any(not trace.never_stored for trace in one.traces):
            host = "" if one.party == "first" else one.host
            found.setdefault((one.kind, written_as(one.name), host), []).append(one)
    for (_, name, _), some in sorted(found.items(), key=lambda one: (one[0][2], one[0][0], one[0][1])):
        yield _Proposed(name, tuple(some))


def _line(one: _Proposed) -> Iterator[str]:
    first = one.seen[0]
    states = [state for each in one.seen for state in each.states]
    wrote = list(dict.fromkeys(who for each in one.seen for who in each.wrote))
    known = tracker.by_name(first.name)
    told = ", ".join(state_word(state) for state in dict.fromkeys(states))
    seconds = max((each.seconds for each in one.seen if each.seconds is not None), default=None)
    yield f"    # seen {told}"
    if wrote:
        yield f"    # set by {', '.join(wrote[:WROTE_MAX])}"
    if seconds is not None:
        yield f"    # asked for {lasting(seconds)}"
    yield f"    - name: {_quoted(one.name)}"
    yield f"      party: {first.party}"
    if first.party == "third":
        yield f"      host: {_quoted(first.host)}"
    yield f"      category: {known.category if known else _quoted('?')}"
    yield f"      lifetime: {_lifetime(one.seen, seconds)}"
    if first.kind != "cookie":
        yield f"      storage: {first.kind}"
    if known is not None:
        yield f"      set_by: {_quoted(known.tool)}"
    yield '      purpose: "?"'


def _lifetime(seen: Sequence[Seen], seconds: float | None) -> str:
    """Write a lifetime; what has none of its own must be given one by whoever deletes it."""
    if seen[0].kind in {"local_storage", "indexed_db", "other"}:
        return '"?"  # it has no end of its own: say when you delete it'
    if seconds is None:
        return "session"
    if seconds >= _DAY:
        days = -(-int(seconds + 0.5) // _DAY) if seconds % _DAY > _HOUR else int(seconds // _DAY)
        return f"{days} day{'' if days == 1 else 's'}"
    hours = max(1, -(-int(seconds) // _HOUR))
    return f"{hours} hour{'' if hours == 1 else 's'}"


def _quoted(word: str) -> str:
    """Write a word so that YAML reads it as text, whatever it holds."""
    if re.fullmatch(r"[A-Za-z_][\w.-]*", word, re.ASCII) and word.lower() not in {
        "null",
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
    }:
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
