"""The value at a path such as `answer.within`, and how it is said in a sentence.

What comes out is Markdown: text that somebody wrote is escaped, so that a name with an
asterisk stays a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from troth.errors import NotFoundError
from troth.law.authority import authority
from troth.law.period import Period
from troth.policy.kinds import KINDS, OF_A_POLICY
from troth.policy.promise import Contact, Letter, Promise
from troth.policy.reading import did_you_mean
from troth.policy.shape import (
    REFERENCES,
    AuthorityOf,
    Country,
    Email,
    Jurisdiction,
    Language,
    Text,
    Url,
    fields_of,
    is_part,
    item_of,
    words_of,
)
from troth.policy.words import Words

if TYPE_CHECKING:
    from troth.policy.policy import Policy

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~])")
_AT_START = re.compile(r"^(\d{1,9}[.)]|[#>+=-])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """A value, its type, and its path without the names its writer chose."""

    value: Any
    hint: Any
    path: str


@dataclass(frozen=True, slots=True)
class Missing:
    """That a path leads nowhere: what was wrong about it, and the remedy.

    `absent` when the promise is not there, and not when the path could never be.
    """

    what: str
    remedy: str
    absent: bool = False


def find(policy: Policy, path: str) -> Found | Missing:
    """Follow a path to its value."""
    first, *rest = path.split(".")
    of_policy: Mapping[str, Any] = {
        "title": policy.title or None,
        "version": policy.version or None,
        "date": policy.updated,
        "effective": policy.effective,
    }
    if first in of_policy and not rest:
        if of_policy[first] is None:
            return Missing(
                f"The policy has no {first}.", "Say it at the top of the file, or in `change`.", True
            )
        return Found(of_policy[first], type(of_policy[first]), first)
    kind = KINDS.get(first) if first in OF_A_POLICY else None
    if kind is None:
        return Missing(
            f"There is nothing called `{_cut(first)}`.", did_you_mean(first, [*of_policy, *OF_A_POLICY])
        )
    if not kind.many:
        promise = next((one for one in policy.promises.values() if one.kind == first and one.public), None)
        if promise is None:
            return Missing(
                f"No clause has a promise `{first}`.", "Write that promise, or the words by hand.", True
            )
        return _follow(promise, rest, first)
    named = {one.name: one for one in policy.promises.values() if one.kind == first and one.public}
    if not rest or rest[0] not in named:
        called = f" called `{_cut(rest[0])}`" if rest else ": the name is missing"
        return Missing(f"There is no {first}{called}.", did_you_mean(rest[0] if rest else "", named), True)
    return _follow(named[rest[0]], rest[1:], f"{first}.{rest[0]}" if kind.names else first)


def _follow(value: Any, path: list[str], said: str) -> Found | Missing:
    """Go down from a promise or a part of one."""
    hint: Any = type(value)
    while path:
        name, *path = path
        if isinstance(value, tuple) and value and hasattr(value[0], "key"):
            parts = {part.key: part for part in value}
            if name not in parts:
                return Missing(
                    f"`{said}` has nothing called `{_cut(name)}`.", did_you_mean(name, parts), True
                )
            value, hint = parts[name], type(parts[name])
            continue
        if not is_part(hint):
            return Missing(f"`{said}` is one value and has no `{_cut(name)}`.", "Leave that out.")
        field = next((one for one in fields_of(hint) if one.name == name), None)
        if field is None:
            known = [one.name for one in fields_of(hint)]
            return Missing(f"`{said}` has no field `{_cut(name)}`.", did_you_mean(name, known))
        value, hint, said = getattr(value, field.attribute), field.type, f"{said}.{name}"
        if value is None or value == ():
            return Missing(f"`{said}` is not said in any promise.", f"Add `{name}:` to that promise.", True)
    return Found(value, hint, said)


def say(found: Found, policy: Policy, words: Words) -> str | None:
    """Say a value in a sentence, as Markdown; None when it is more than one can hold."""
    value, hint = found.value, found.hint
    if isinstance(value, tuple):
        item = item_of(hint)
        said = [say(Found(one, item, found.path), policy, words) for one in value]
        return None if None in said else words.listed(one for one in said if one is not None)
    plain = _plain(value, hint, found.path, words)
    if plain is not None:
        return plain
    if hint is AuthorityOf:
        return authority_of(value, policy, words)
    if hint in REFERENCES:
        return title_of(policy, REFERENCES[hint], value, words)
    if isinstance(value, Contact):
        return contact(value, words)
    if isinstance(value, Promise) or is_part(type(value)):
        return _titled(value, words)
    return escaped(str(value))


def _plain(value: Any, hint: Any, path: str, words: Words) -> str | None:
    if isinstance(value, Period):
        return words.period(value)
    if isinstance(value, Text):
        return escaped(value.said(words.language))
    if isinstance(value, bool):
        return words.yes_no(value)
    if isinstance(value, date):
        return words.date(value)
    if hint == Letter:
        return words.letter(value, path)
    if words_of(hint):
        return words.word(value, path)
    if hint in (Country, Jurisdiction):
        return words.country(value.partition("-")[0])
    if hint in (Email, Url):
        return link(value)
    if hint is Language:
        return str(words.table["language"].get(value, value))
    return None


def title_of(policy: Policy, kind: str, name: str, words: Words) -> str:
    """Return what the notice calls what a reference names."""
    if kind == "category":
        found: Any = policy.categories.get(name)
    elif kind == "entity":
        found = (
            next((one for one in policy.group.entities if one.key == name), None) if policy.group else None
        )
    else:
        found = policy.find(f"{kind}/{name}")
    return escaped(name) if found is None else _titled(found, words) or escaped(name)


def _titled(value: Any, words: Words) -> str | None:
    """Return the title of a promise or a part, else what it does, else its name."""
    if getattr(value, "kind", "") == "right":
        return words.word(value.key)
    for attribute in ("short", "title", "name", "does", "country"):
        found = getattr(value, attribute, None)
        if isinstance(found, Text):
            return escaped(found.said(words.language))
        if attribute == "country" and found:
            return words.country(found)
        if attribute == "name" and found and not isinstance(value, Promise):
            return escaped(found)
    key = getattr(value, "key", None)
    return escaped(str(key).replace("_", " ").replace("-", " ")) if key else None


def authority_of(place: str, policy: Policy, words: Words) -> str:
    """Return the authority of a place on the day the policy takes effect, by name, with its address."""
    if policy.effective is not None:
        try:
            found = authority(place, policy.effective)
        except NotFoundError:
            return words.country(place.partition("-")[0])
        return f"{escaped(found.called)}, {link(found.web)}"
    return words.country(place.partition("-")[0])


def contact(value: Contact, words: Words) -> str:
    """Return the ways of reaching somebody, one after the other."""
    ways = [
        escaped(value.name.said(words.language)) if value.name else "",
        link(value.email) if value.email else "",
        link(value.form) if value.form else "",
        escaped(value.phone) if value.phone else "",
        escaped(value.address) if value.address else "",
    ]
    return ", ".join(way for way in ways if way)


def link(target: str) -> str:
    """Write an e-mail or web address as a link.

    >>> link("dpo@northwind.example"), link("/privacy")
    ('<dpo@northwind.example>', '[/privacy](</privacy>)')
    """
    return f"[{escaped(target)}](<{target}>)" if target.startswith("/") else f"<{target}>"


def escaped(text: str) -> str:
    r"""Write text so that Markdown shows it as it is, in one line.

    >>> escaped("_ga*")
    '\\_ga\\*'
    """
    line = " ".join(text.split()).replace("&", "&amp;")
    return _AT_START.sub(r"\\\1", _SPECIAL.sub(r"\\\1", line)) if not line[:1].isdigit() else _numbered(line)


def _numbered(line: str) -> str:
    return re.sub(r"^(\d{1,9})([.)])(?=\s|$)", r"\1\\\2", _SPECIAL.sub(r"\\\1", line))


def bullets(items: Iterable[str]) -> str:
    """Write items as a list."""
    return "\n".join(f"- {item}" for item in items)


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
