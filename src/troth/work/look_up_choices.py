"""Look up what is asked about consent, objection and marketing.

Law: GDPR Arts. 7(1), 7(3), 21(3), 21(4).
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from troth.errors import KeyDestroyedError, NotFoundError
from troth.rules import consent, consent_form
from troth.rules import question_choice as questions
from troth.rules.question import Answer
from troth.rules.question_choice import Evidence, Sent
from troth.work import record_form
from troth.work.look_up import Look
from troth.work.read_sent import read_sent


def marketing_after_no(look: Look) -> Answer:
    """What went out for marketing against a no, and how soon a no counts."""
    nos = look.past.events("consent_recorded", "objection_recorded")
    return questions.marketing_after_no(_sent(look), nos, look.asked)


def _sent(look: Look) -> Iterator[Sent]:
    for event, stoppable, no in read_sent(
        look.project, look.past.events("first_communication_sent"), by_address=True, past=look.past
    ):
        if stoppable:
            on = str(event.facts.get("on") or event.at.date().isoformat())
            yield Sent(event.id, "message", event.entity, on, str(event.facts["purpose"]), no)
    purposes = look.project.policy.purposes
    for event in look.past.events("disclosure_made"):
        purpose = str(event.facts["purpose"])
        if event.facts["class"] == "marketing" or (purpose in purposes and purposes[purpose].marketing):
            lacks = event.facts.get("lacks")
            no = "objected" if isinstance(lacks, list | tuple) and "objection" in lacks else ""
            on = str(event.facts.get("on") or event.at.date().isoformat())
            yield Sent(event.id, "disclosure", event.entity, on, purpose, no)


def proof_of_consent(look: Look) -> Answer:
    """What somebody said until a day, and whether what they saw can be shown again."""
    events = look.past.stream(consent.stream(look.known)) if look.known else ()
    shown = {str(event.facts.get("interface_sha256") or "") for event in events} - {""}
    forms = {one: found for one, found in look.past.states(consent_form.FAMILY).items() if one in shown}
    kept = {one: _evidence(look, one) for one in shown}
    marketing = [str(name) for name, one in look.project.policy.purposes.items() if one.marketing]
    return questions.proof_of_consent(events, forms, kept, marketing, look.asked)


def _evidence(look: Look, interface: str) -> Evidence:
    """Say whether what was shown is kept, by reading it and comparing its hash."""
    recorded = look.past.stream(f"{consent_form.FAMILY}/{interface}")
    wanted = str(recorded[0].facts.get("picture_sha256") or "") if recorded else ""
    try:
        found = record_form.evidence(look.project, interface)
    except (NotFoundError, KeyDestroyedError):
        return "gone"
    return "kept" if sha256(found).hexdigest() == wanted else "differs"


def consents(look: Look) -> Answer:
    """How many consents were given and taken back."""
    forms = tuple(look.past.states(consent_form.FAMILY).values())
    return questions.consents(look.past.events("consent_recorded"), forms, look.asked)


def first_communications(look: Look) -> Answer:
    """Which first messages lacked the separate notice."""
    return questions.first_communications(look.past.events("first_communication_sent"), look.asked)
