"""What the tables cover on a day: places, their clocks, and what is pending or unverified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from troth.law.jurisdiction import jurisdictions, lineage, rule
from troth.law.table import read


@dataclass(frozen=True, slots=True)
class Covered:
    """One place: the period for answering, the extension, what an identity ask does to the clock."""

    code: str
    name: str
    answer: str
    extension: str | None
    identity: str
    pending: tuple[str, ...]
    verify: tuple[str, ...]


def covered(on: date) -> tuple[Covered, ...]:
    """Return every place whose law on answering is known on a day; `verify` names topics to check first."""
    rows = read("clocks.toml")["rule"]
    topics = sorted({row.text("topic") for row in rows})
    places = []
    for place in jurisdictions():
        answer, extension = rule(place.code, "answer", on), rule(place.code, "extension", on)
        if answer is None:
            continue
        identity = rule(place.code, "identity", on)
        codes = {each.code for each in lineage(place.code)}
        unsure = []
        for topic in topics:
            says = rule(place.code, topic, on)
            if says is not None and says.confidence == "verify":
                unsure.append(topic)
        if place.confidence == "verify":
            unsure.append("holidays")
        pending = {row.pack for row in rows if row.pack and row.says["jurisdiction"] in codes}
        places.append(
            Covered(
                code=place.code,
                name=place.en,
                answer=answer.text("period"),
                extension=extension.text("by") if extension else None,
                identity=identity.text("model") if identity else "none",
                pending=tuple(sorted(pending)),
                verify=tuple(unsure),
            )
        )
    return tuple(places)
