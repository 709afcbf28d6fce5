"""Tell a controller, whose processor we are, of a breach of the data that we process for it.

Each controller is written to once, however often it is said; more is said by a letter of your own, and recorded
with its proof.

Law: GDPR Art. 33(2); Art. 28(3)(f).
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from troth.errors import NotAllowedError, NotFoundError, UnreachableError
from troth.ledger import append, lease, read
from troth.outside.mail import Letter
from troth.policy.register import ServedController
from troth.policy.words import words as words_of
from troth.rules import letter
from troth.rules.event import Draft, Fact
from troth.work import breach_notice, send_letter
from troth.work.establishment import established
from troth.work.incident import load, why_no_more
from troth.work.project import Project

LEASE_SECONDS = 300.0
SAME = ("nature", "occurred", "subjects", "people", "records", "consequences", "measures")
"""What the letter says as the notice to the authority does."""


def tell_controller(
    project: Project, number: str, controller: str, staff: str, *, language: str = ""
) -> tuple[str, bool]:
    """Write to a controller of the register by its name there; returns its address, and whether it left now.

    Raises NotFoundError where no activity has it, NotAllowedError where it has no e-mail address, it is not certain
    yet or somebody writes to it at this moment, UnreachableError where the letter could not leave.
    """
    found = load(project, number)
    address, written, served = letter_to(project, number, controller, language)
    language = breach_notice.language_of(project, language)
    once = f"breach {number} controller {controller}"
    taken = lease.claim(project.ledger, once, LEASE_SECONDS)
    if taken is None:
        raise NotAllowedError(
            f"Somebody is writing to {controller} of {number} at this moment. Look again in some minutes."
        )
    try:
        if read.said(project.ledger, once):
            return address, False
        went = project.mailer.send(Letter(address, written.subject, written.text, language))
        if went.outcome != "sent":
            raise UnreachableError(
                f"The letter to {controller} could not leave now; nothing is recorded. Say it again."
            )
        digest = sha256(f"{written.subject}\n{written.text}".encode()).hexdigest()
        payload: dict[str, Fact] = {"controller": served, "proof": f"e-mail to {address}, SHA-256 {digest}"}
        draft = Draft("incident_moved", found.stream, {"stage": "controller_told", "letter_sha256": digest},
                      entity=found.state["entity"], actor=staff, payload=payload)  # fmt: skip
        append.append(project.ledger, [draft], once=once)
    finally:
        lease.release(project.ledger, taken)
    return address, True


def letter_to(
    project: Project, number: str, controller: str, language: str = ""
) -> tuple[str, letter.Written, str]:
    """Return what a controller of the register would be written: its address, the letter, its registered name.

    Raises as `tell_controller` does, and sends nothing.
    """
    found = load(project, number)
    wrong = why_no_more(found)
    if found.state["aware_at"] is None:
        wrong.append("Say first since when it is certain that it was a breach.")
    language = breach_notice.language_of(project, language)
    served, activities = _served(project, controller, language)
    address = next((str(one.email) for one in (served.contact, served.dpo) if one and one.email), "")
    if not address:
        wrong.append(
            f"The register has no e-mail address of {controller}: tell it by other means, and record that with --name "
            "and --proof."
        )
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    told = breach_notice.notice(project, number, language)
    place = established(project.policy, found.state["entity"] or None)
    aware = datetime.fromisoformat(told["aware_at"])
    fields: dict[str, object] = {
        **{name: told[name] for name in SAME},
        "number": number,
        "controller": served.name,
        "activities": activities,
        "aware": f"{send_letter.day(aware.date().isoformat(), language)}, {aware:%H:%M} {aware:%Z}".strip(),
        "types": breach_notice.types(told, language),
        "categories": ", ".join(told["categories_of_data"]),
        "organisation": _company(project, place.entity, language),
        "dpo": send_letter.dpo(project, language),
    }  # fmt: skip
    own = send_letter.own_template(project, "breach_controller", language)
    return address, letter.write("breach_controller", language, fields, own), served.name


def served_controllers(project: Project) -> tuple[ServedController, ...]:
    """Return the controllers of the register for whom we process, each once."""
    found = {
        str(one.key): one for activity in project.policy.activities.values() for one in activity.controllers
    }
    return tuple(found.values())


def was_told(project: Project, number: str, controller: str) -> bool:
    """Say whether a controller of the register was written to of an incident."""
    return bool(read.said(project.ledger, f"breach {number} controller {controller}"))


def _served(project: Project, name: str, language: str) -> tuple[ServedController, str]:
    """Return a controller of the register, and the activities we do for it in words."""
    found: ServedController | None = None
    titles = []
    known: list[str] = []
    for activity in project.policy.activities.values():
        for one in activity.controllers:
            known.append(str(one.key))
            if str(one.key) == name:
                found = found or one
                titles.append(activity.title.said(language))
    if found is None:
        raise NotFoundError(
            f"The register has no controller {name[:40]!r} for whom we process. It has: "
            f"{', '.join(dict.fromkeys(known)) or 'none'}."
        )
    return found, words_of(language).listed(titles)


def _company(project: Project, entity: str, language: str) -> str:
    """Return the registered name of the company that processes, with its address."""
    group = project.policy.group
    if group is None:
        return send_letter.organisation(project, language)
    acting = group.entity(entity)
    return ", ".join(part for part in (acting.name, acting.address) if part)
