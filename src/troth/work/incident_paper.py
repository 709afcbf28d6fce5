"""The notice of a breach to the authority, on paper.

Law: GDPR Art. 33(3).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from troth.outside.pdf import typeset
from troth.work import send_letter
from troth.work.project import Project

SAID = {
    "en": {
        "to": "To", "phase": "Phase", "incident": "Incident", "controller": "Controller", "aware_at": "Aware since",
        "due": "Due by", "occurred": "Occurred", "discovered_by": "Told by", "types": "Breach of",
        "nature": "Nature", "cause": "Cause", "categories_of_data": "Categories of data", "people": "People, about",
        "records": "Records, about", "consequences": "Likely consequences", "risk": "Risk to people",
        "measures": "Measures taken or proposed", "people_told": "People told so far",
        "people_not_told_because": "People not told because", "follows_later": "Follows later (Art. 33(4))",
    },
    "fr": {
        "to": "À", "phase": "Phase", "incident": "Incident", "controller": "Responsable du traitement",
        "aware_at": "Connaissance depuis", "due": "Échéance", "occurred": "Période", "discovered_by": "Signalé par",
        "types": "Violation de", "nature": "Nature", "cause": "Cause", "categories_of_data": "Catégories de données",
        "people": "Personnes, environ", "records": "Enregistrements, environ",
        "consequences": "Conséquences probables", "risk": "Risque pour les personnes",
        "measures": "Mesures prises ou envisagées", "people_told": "Personnes informées à ce jour",
        "people_not_told_because": "Personnes non informées car", "follows_later": "Suivra (art. 33(4))",
    },
}  # fmt: skip
TITLE = {
    "en": "Notice of a personal data breach",
    "fr": "Notification d’une violation de données personnelles",
}


def pdf(project: Project, told: Mapping[str, Any]) -> bytes:
    """Set a notice on paper (PDF/UA-1), in the language of the policy."""
    now, language = project.clock(), project.policy.language
    language = language if language in SAID else "en"
    data = {
        "language": language,
        "title": f"{TITLE[language]} {told['incident']} (RGPD art. 33)"
        if language == "fr"
        else f"{TITLE[language]} {told['incident']} (GDPR Art. 33)",
        "on": send_letter.day(now.date().isoformat(), language),
        "rows": [[called, _said(told[name])] for name, called in SAID[language].items()],
    }
    template = (files("troth.work") / "incident.typ").read_text(encoding="utf-8")
    return typeset(template, data, now)


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(str(one) for one in value.values() if one)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value in (None, "") else str(value)
