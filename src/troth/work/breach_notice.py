"""The notice of a breach to the authority: its fields, as JSON and on paper, in English or French.

The fields are those of the form of the CNIL, which has them all; each other authority asks for some of them.
What nobody has said yet is named: it follows in a later phase.

Law: GDPR Art. 33(1), (3), (4); Art. 34(3).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from troth.errors import NotAllowedError
from troth.law.authority import authority
from troth.outside.pdf import typeset
from troth.policy.promise import Contact, Entity
from troth.policy.words import words as words_of
from troth.rules import incident as rules
from troth.work import send_letter
from troth.work.establishment import day_here, established
from troth.work.incident import hours, load, words
from troth.work.project import Project

TITLE = {
    "en": "Notice of a personal data breach (GDPR Art. 33)",
    "fr": "Notification d’une violation de données à caractère personnel (RGPD art. 33)",
}
MOMENTS = ("reported_at", "aware_at", "due")


def notice(project: Project, number: str, language: str = "", *, because: str = "") -> dict[str, Any]:
    """Return the notice to the authority by field, and under `follows_later` what nobody has said yet.

    `because` gives the reasons of a notice that leaves late, where they are not on record.
    """
    found, language = load(project, number), language_of(project, language)
    state, said = found.state, words(project, number)
    end = hours(project, state)
    if end is None:
        raise NotAllowedError(
            "Nobody has recorded yet that it was a breach: there is nothing to tell the authority."
        )
    company = established(project.policy, state["entity"] or None)
    known = authority(company.place, day_here(project, state["entity"] or None))
    group, told_before = project.policy.group, state["authority"]
    entity = group.entity(company.entity) if group else None
    touched = [
        project.policy.categories[one] for one in state["categories"] if one in project.policy.categories
    ]
    late = bool(told_before[0]["late"]) if told_before else project.clock() > end.due
    told: dict[str, Any] = {
        "law": "GDPR Art. 33(3), (4)",
        "to": {"authority": known.called, "web": known.web},
        "phase": "complementary" if told_before else "initial",
        "incident": number,
        "earlier": [one["at"] for one in told_before],
        "earlier_reference": said.get("reference", "") if told_before else "",
        "controller": _controller(project, entity, language),
        "contact": _contact(project, language),
        "controllers_told": state["controllers"],
        "occurred": said.get("occurred", ""),
        "reported_at": state["reported_at"],
        "reported_by": state["channel"],
        "aware_at": state["aware_at"],
        "due": end.due.isoformat(),
        "late": late,
        "late_because": (said.get("because", "") or because.strip()) if late else "",
        "types": state["types"],
        "nature": said.get("nature") or said.get("what", ""),
        "cause": said.get("cause", ""),
        "categories_of_data": [
            one.title.said(language) if one.title else str(one.key) for one in touched
        ],
        "special_categories": [
            one.title.said(language) if one.title else str(one.key) for one in touched if one.special
        ],
        "records": state["records"],
        "subjects": said.get("subjects", ""),
        "people": state["people"],
        "consequences": said.get("consequences", ""),
        "risk": state["risk"],
        "measures_before": [said["measures_before"]] if said.get("measures_before") else _measures(project, language),
        "measures": said.get("measures", ""),
        "people_told": state["people_told"],
        "people_not_told_because": state["exempt"],
        "elsewhere": said.get("elsewhere", ""),
    }  # fmt: skip
    stated = {**told, "nature": said.get("nature"), "address": told["controller"]["address"]}
    return told | {"follows_later": rules.missing_in_notice(stated)}


def language_of(project: Project, language: str = "") -> str:
    """Return the language of a notice: the one named, else the policy's; raises NotAllowedError for others."""
    if language and language not in TITLE:
        raise NotAllowedError(f"A notice is written in {' or '.join(TITLE)}, not in {language[:10]!r}.")
    return language or (project.policy.language if project.policy.language in TITLE else "en")


def types(told: Mapping[str, Any], language: str) -> str:
    """Say of what it was a breach."""
    return ", ".join(_table()["word"]["types"][one][language] for one in told["types"])


def lacking(told: Mapping[str, Any], language: str) -> str:
    """Say in words what a notice does not say yet; empty where it says everything."""
    between = " ; " if language == "fr" else "; "
    return between.join(_table()["lacks"][name][language] for name in told["follows_later"])


def parts(told: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    """Return a notice part by part, as the form has them: `title`, and `rows` of a field's name and its lines."""
    fields = {**told, **told["controller"]}
    found = []
    for part in _table()["part"]:
        rows = [
            [_table()["field"][name][language], *said]
            for name in part["fields"]
            if (said := _said(name, fields[name], language))
        ]
        found += [{"title": part["title"][language], "rows": rows}] if rows else []
    return found


def pdf(project: Project, told: Mapping[str, Any], language: str = "") -> bytes:
    """Set a notice on paper (PDF/UA-1), in parts as the form has them."""
    now, language = project.clock(), language_of(project, language)
    data = {
        "language": language,
        "title": f"{TITLE[language]}",
        "on": f"{told['incident']} · {send_letter.day(now.date().isoformat(), language)}",
        "parts": parts(told, language),
    }
    template = (files("troth.work") / "breach_notice.typ").read_text(encoding="utf-8")
    return typeset(template, data, now)


def _controller(project: Project, entity: Entity | None, language: str) -> dict[str, Any]:
    """Return who the controller is: its registered name, its number, where it is and how it is reached."""
    organisation = send_letter.organisation(project, language)
    if entity is None:
        return {
            "company": "", "name": organisation, "organisation": "", "registration": "", "address": "", "country": "",
            "email": project.settings.mail_from, "phone": "", "website": "", "representative": "",
        }  # fmt: skip
    country = words_of(language).country(str(entity.country)) if language in TITLE else str(entity.country)
    return {
        "company": str(entity.key), "name": entity.name,
        "organisation": organisation if organisation != entity.name else "",
        "registration": entity.registration or "", "address": entity.address or "", "country": country,
        "email": str(entity.email or ""), "phone": entity.phone or "", "website": str(entity.website or ""),
        "representative": send_letter.contact(entity.representative, language),
    }  # fmt: skip


def _contact(project: Project, language: str) -> dict[str, str]:
    """Return who knows more: the officer, or whoever answers requests, or the address that mail comes from."""
    group = project.policy.group
    found: Contact | None = (group.dpo or group.requests) if group else None
    if found is None:
        return {"email": project.settings.mail_from}
    ways = asdict(found) | {"name": found.name.said(language) if found.name else None}
    return {name: str(ways[name]) for name in ("name", "email", "phone", "form", "address") if ways[name]}


def _measures(project: Project, language: str) -> list[str]:
    """Return the measures that the policy promises: they stood before the breach."""
    security = project.policy.security
    return [one.said(language) for one in (security.measures if security else ())]


def _said(name: str, value: Any, language: str) -> list[list[str]]:
    """Say a field as the lines of its cell; none where there is nothing to say."""
    if value in (None, "", [], {}) or (name in ("controllers_told", "people_told") and not value):
        return []
    chosen = _table()["word"].get(name, {})
    match value:
        case Mapping():
            lines = [str(one) for one in value.values() if one]
        case list() if name == "earlier":
            lines = [_moment(str(one), language) for one in value]
        case list() if name == "measures_before":
            lines = [f"– {one}" for one in value]
        case list() if name == "follows_later":
            lines = [_table()["lacks"][one][language] for one in value]
        case list():
            lines = [", ".join(chosen[one][language] if one in chosen else str(one) for one in value)]
        case str() if name in MOMENTS:
            lines = [_moment(value, language)]
        case _:
            lines = [chosen[value][language] if value in chosen else str(value)]
    return [lines]


def _moment(written: str, language: str) -> str:
    """Write a moment (ISO 8601) as people do, in UTC beside its own time."""
    at = datetime.fromisoformat(written)
    utc = at.astimezone(UTC)
    when = f"{send_letter.day(at.date().isoformat(), language)}, {at:%H:%M} ({at:%Z}, {utc:%H:%M} UTC)"
    return when if at.utcoffset() else f"{send_letter.day(at.date().isoformat(), language)}, {at:%H:%M} UTC"


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads((files("troth.rules") / "data" / "breach_notice.toml").read_text("utf-8"))
