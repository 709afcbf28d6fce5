"""What letters say: templates with required fields, in the language of the request.

A letter whose required fields are not all there cannot be written, so a refusal without its
reason, its article, the authority and the way to court is never sent.  A project words any
letter otherwise with its own template; the required fields stay required.

Law: GDPR Art. 12(1) to (4), Art. 19.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, TemplateError
from markupsafe import escape

from troth.errors import NotAllowedError

LANGUAGES = ("en", "fr")
WIDE = 75
"""A line of a letter at least this long was broken to fit, where it ends no sentence."""


@dataclass(frozen=True, slots=True)
class Written:
    """A letter's subject and text."""

    subject: str
    text: str


@lru_cache(maxsize=1)
def _told() -> Mapping[str, Any]:
    return tomllib.loads((files("troth.rules") / "letters.toml").read_text(encoding="utf-8"))


def kinds() -> tuple[str, ...]:
    """Return every kind of letter."""
    return tuple(_told()["required"])


def missing(kind: str, fields: Mapping[str, object]) -> list[str]:
    """Return the required fields that are absent or empty."""
    lacking = [name for name in _told()["required"][kind] if not fields.get(name)]
    for name in _told()["claim"].get(kind, {}).get("fields", ()):
        claims: Any = fields.get("claims") or ()
        if any(not claim.get(name) for claim in claims):
            lacking.append(f"claims.{name}")
    return lacking


def write(kind: str, language: str, fields: Mapping[str, object], own: str | None = None) -> Written:
    """Write a letter; `own` is the project's template for it.

    Raises NotAllowedError naming the required fields that are missing, and the law; also
    where the project's template leaves out what must be said.
    """
    if kind not in _told()["required"]:
        raise NotAllowedError(f"There is no kind of letter called {kind!r}.")
    lacking = missing(kind, fields)
    if lacking:
        law = _told()["law"][kind]
        raise NotAllowedError(f"The letter {kind!r} cannot be sent: it lacks {', '.join(lacking)} ({law}).")
    language = language if language in LANGUAGES else "en"
    template = own or (files("troth.rules") / "letters" / f"{kind}.{language}.txt").read_text(
        encoding="utf-8"
    )
    try:
        told = _compiled(template).render(dict(fields))
    except TemplateError as error:
        raise NotAllowedError(
            f"The project's template of the letter {kind!r} does not work: {error}."
        ) from None
    unsaid = _unsaid(kind, fields, told) if own else []
    if unsaid:
        raise NotAllowedError(
            f"The project's template of the letter {kind!r} does not say {', '.join(unsaid)}, and it must "
            f"({_told()['law'][kind]}). Put it back."
        )
    subject, _, text = told.partition("\n")
    return Written(" ".join(subject.split()), text.strip() + "\n")


@lru_cache(maxsize=256)
def _compiled(template: str) -> Template:
    engine = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701
    return engine.from_string(template)


def _unsaid(kind: str, fields: Mapping[str, object], told: str) -> list[str]:
    """Return the required fields whose words are not in a letter."""
    flat = " ".join(told.split())
    wanted = {name: fields.get(name) for name in _told()["required"][kind]}
    for name in _told()["claim"].get(kind, {}).get("fields", ()):
        claims: Any = fields.get("claims") or ()
        wanted |= {f"claims.{name} ({place})": claim.get(name) for place, claim in enumerate(claims, 1)}
    return [
        name
        for name, value in wanted.items()
        if isinstance(value, str) and " ".join(value.split()) not in flat
    ]


def as_html(written: Written, language: str) -> str:
    r"""Return a letter as a page for mail programs: the same words, paragraphs, lists and links.

    >>> as_html(Written("Hello", "One\ntwo.\n\n  - a < b\n  - https://example.org/x\n"), "en").count("<li>")
    2
    """
    blocks = re.split(r"\n\s*\n", written.text.strip())
    body = "\n".join(_block(block) for block in blocks)
    return (
        f'<!doctype html>\n<html lang="{escape(language)}"><head><meta charset="utf-8"><title>{escape(written.subject)}'
        f"</title></head>\n<body>\n{body}\n</body></html>\n"
    )


def _block(block: str) -> str:
    out: list[str] = []
    items: list[str] = []
    before = ""
    for line in (one.strip() for one in block.split("\n")):
        if line.startswith("- "):
            items.append(line[2:])
        elif items and line:
            items[-1] += f" {line}"
        elif out and _goes_on(before, line):
            out[-1] += f" {line}"
        elif line:
            out.append(line)
        before = line
    said = [f"<p>{_linked(line)}</p>" for line in out]
    shown = "".join(f"<li>{_linked(line)}</li>" for line in items)
    return "\n".join([*said, f"<ul>{shown}</ul>"] if items else said)


def _goes_on(before: str, line: str) -> bool:
    """Tell whether a line is the rest of a sentence that was broken to fit, and not a line of its own."""
    return bool(line) and (line[0].islower() or (len(before) >= WIDE and before[-1] not in ".:;!?"))


def _linked(text: str) -> str:
    parts = re.split(r"(https?://[^\s<>]+[^\s<>.,;:)])", text)
    return "".join(
        f'<a href="{escape(part)}">{escape(part)}</a>' if place % 2 else str(escape(part))
        for place, part in enumerate(parts)
    )


def phrase(name: str, language: str, **gaps: object) -> str:
    """Return one of the phrases letters are made of, with its gaps filled.

    >>> phrase("residue", "en", places=1, reason="it is a log")
    'A search of every table afterwards found 1 other place; it stays because: it is a log'
    """
    phrases = _told()["phrase"][language if language in LANGUAGES else "en"]
    one = gaps.get("rows", gaps.get("places")) == 1
    text: str = phrases.get(f"{name}_one", phrases[name]) if one else phrases[name]
    return text.format(**gaps)


def has_phrase(name: str) -> bool:
    """Say whether there is a phrase of that name."""
    return name in _told()["phrase"]["en"]
