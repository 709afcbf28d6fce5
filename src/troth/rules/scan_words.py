"""The sentences of a scan, in the languages there are."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from troth.law.period import Period
from troth.policy.words import words as policy_words
from troth.rules.scan import Finding

LANGUAGES = ("en", "fr")


class Said(NamedTuple):
    """A finding in words: its verdict, the sentence, what to do, and the law."""

    title: str
    text: str
    remedy: str
    law: str


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(files("troth.rules").joinpath("scan.toml").read_text(encoding="utf-8"))


def said(finding: Finding, language: str = "en") -> Said:
    """Say a finding in whole sentences."""
    words, policy = _words(), policy_words(language)
    one = words[finding.verdict]
    told = {
        "known": "",
        **finding.told,
        "name": finding.name,
        "host": finding.host or ("the site" if language == "en" else "ce site"),
        "kind": words["kind"][language][finding.kind],
        "states": ", ".join(state_word(state, language) for state in finding.states),
    }
    if "asked" in told:
        told["asked"] = lasting(float(told["asked"]), language)
    limit = Period.parse(told.get("limit", ""))
    if limit is not None:
        told["limit"] = policy.period(limit)
    if told.get("category"):
        told["category"] = policy.word(told["category"])
    else:
        told["category"] = {"en": "not declared", "fr": "non déclaré"}[language]
    return Said(
        one[language]["title"], one[language]["text"].format(**told), one[language]["remedy"], one["law"]
    )


def lasting(seconds: float, language: str = "en") -> str:
    """Say a lifetime in days, or in hours or seconds where it is short.

    >>> lasting(34_128_000), lasting(5400), lasting(60, "fr")
    ('395 days', '1.5 hours', '60 secondes')
    >>> lasting(86_400)
    '1 day'
    """
    names = {"en": ("seconds", "hours", "days"), "fr": ("secondes", "heures", "jours")}[language]
    per, name = next(
        (one for one in zip((86_400, 3600), names[:0:-1], strict=True) if seconds >= one[0]), (1, names[0])
    )
    written = f"{seconds / per:.{0 if per == 1 else 1}f}".removesuffix(".0")
    if written == "1":
        name = name.removesuffix("s")
    return f"{written.replace('.', ',') if language == 'fr' else written} {name}"


def title(verdict: str, language: str = "en") -> str:
    """Return what a verdict is called."""
    return str(_words()[verdict][language]["title"])


def state_word(state: str, language: str = "en") -> str:
    """Say a state.

    >>> state_word("refused"), state_word("refused", "fr")
    ('after refusal', 'après refus')
    """
    return str(_words()["state"][language][state])


def note(code: str, told: Mapping[str, str], language: str = "en") -> str:
    """Say a note of a scan.

    >>> note("asked_again", {"states": "accepted,second"})
    'The dialog asks again after accepting, at a second visit.'
    """
    if "states" in told:
        told = {**told, "states": ", ".join(state_word(one, language) for one in told["states"].split(","))}
    return str(_words()["note"][language][code]).format(**told)


def told_states(states: Sequence[str], reached: Collection[str], language: str = "en") -> str:
    """Say in which states something was seen: in every one that was reached, or which."""
    if len(states) > 2 and set(reached) <= set(states):
        return str(_words()["page"][language]["every"])
    return ", ".join(state_word(state, language) for state in states)


def page(language: str = "en") -> Mapping[str, str]:
    """Return the words of a report."""
    words = _words()
    told = {"language": language, **words["page"][language]}
    for group in ("state", "kind"):
        told |= {f"{group}.{name}": word for name, word in words[group][language].items()}
    return told
