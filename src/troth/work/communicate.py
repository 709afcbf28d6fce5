"""Ask before a first communication what must be said with it, and record that it was sent.

Whoever sends asks first: may it be sent at all, which objections must be brought to the person's
attention with it, in which words, and is the notice of Art. 14 owed before.  Afterwards it says that
it was sent, with the token of the notice it carried; a communication that carried none is recorded
all the same, and is a finding of the audit.

Law: GDPR Art. 21(4), Art. 14(3)(b).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from troth.errors import KeyDestroyedError, NotAllowedError
from troth.ledger import append, read, subjects, vault
from troth.outside.mail import is_address
from troth.rules import first_communication as rules
from troth.rules import letter
from troth.rules.event import Draft, Event, Fact
from troth.work import inform, objection_notice
from troth.work.establishment import day_here, establishment
from troth.work.project import Project

CHANNELS = ("email", "sms", "phone", "post", "banner", "app")


@dataclass(frozen=True, slots=True)
class Due:
    """What a communication must carry: the notice, where one is due; and the notices of Art. 14 owed before it."""

    first: bool
    notice: objection_notice.Notice | None
    owed: tuple[str, ...] = ()
    subject: str | None = field(default=None, repr=False)


def ask(project: Project, email: str, purpose: str, *, language: str = "") -> Due:
    """Say what a communication to somebody must carry; nothing is recorded, and nobody is opened.

    Raises NotAllowedError for what is no address, purpose or language.
    """
    address = _address(email)
    rules.purpose_of(project.policy, purpose)
    subject = subjects.find_subject(project.ledger, "email", address)
    state = objection_notice.state_of(project, subject) if subject else None
    rights = rules.owed(project.policy, purpose, tuple(state.body["presented"]) if state else ())
    about = list(_collected(project, subject)) if subject else []
    spoken = _language(project, language, about)
    return Due(
        first=state is None,
        notice=objection_notice.notice(project, rights, spoken) if rights else None,
        owed=tuple(one.ident for one in about if one.state["status"] == "owed"),
        subject=subject,
    )


def sent(
    project: Project,
    email: str,
    purpose: str,
    *,
    channel: str = "email",
    token: str = "",
    on: date | None = None,
    actor: str = "troth",
) -> Event | None:
    """Record that a communication was sent; None where nothing new follows from it.

    `token` is what `ask` gave with the notice that it carried.  An owed notice of Art. 14 is due
    that day.  Raises NotAllowedError for what was never given out.
    """
    address = _address(email)
    if channel not in CHANNELS:
        raise NotAllowedError(f"There is no channel {channel[:20]!r}. There are: {', '.join(CHANNELS)}.")
    today = day_here(project)
    day = on or today
    if day > today:
        raise NotAllowedError(f"Nothing can have been sent on {day}, which is still to come.")
    version, language, rights, digest = (
        objection_notice.given(project, token) if token else (project.policy.version, "", (), None)
    )
    rules.purpose_of(project.policy, purpose)
    subject = subjects.subject_for(project.ledger, "email", address)
    stream = f"{rules.FAMILY}/{subject}"
    state = objection_notice.state_of(project, subject)
    before = tuple(state.body["presented"]) if state else ()
    owed = rules.owed(project.policy, purpose, before)
    new = [name for name in rights if name not in before]
    drafts: list[Draft] = []
    if state is None or new:
        facts: dict[str, Fact] = {
            "purpose": purpose, "notice_version": version, "language": language or project.policy.language,
            "channel": channel, "presented": new, "lacks": [name for name in owed if name not in new],
            "notice_sha256": digest, "on": day.isoformat(),
        }  # fmt: skip
        drafts.append(
            Draft("first_communication_sent", stream, facts, entity=establishment(project).entity, actor=actor,
                  subject=subject, policy=version or None)
        )  # fmt: skip
    for one in _collected(project, subject):
        if one.state["status"] == "owed" and str(one.state["owed_by"]) > day.isoformat():
            forward: dict[str, Fact] = {"on": day.isoformat(), "because": "first_communication"}
            drafts.append(
                Draft(
                    "notice_brought_forward",
                    f"{inform.FAMILY}/{one.ident}",
                    forward,
                    actor=actor,
                    subject=subject,
                )
            )
    if not drafts:
        return None
    said = append.append(project.ledger, drafts, expect={stream: state.version if state else 0})
    return next((event for event in said if event.kind == "first_communication_sent"), None)


def _address(email: str) -> str:
    if not is_address(email.strip()):
        raise NotAllowedError("That is no e-mail address. Write it as name@example.org.")
    return email.strip()


def _collected(project: Project, subject: str) -> Iterator[inform.Owed]:
    """Yield what came in about somebody."""
    for event in read.events(project.ledger, kind="collected", subject=subject):
        yield inform.load(project, event.stream.partition("/")[2])


def _language(project: Project, asked: str, about: Sequence[inform.Owed]) -> str:
    """Choose a language: the one asked for, else one recorded with the person's data, else the policy's own."""
    if asked:
        if asked not in letter.LANGUAGES:
            raise NotAllowedError(
                f"Notices are written in {' or '.join(letter.LANGUAGES)}, not {asked[:10]!r}."
            )
        return asked
    for one in about:
        if not one.state["indirect"]:
            continue
        (collected, *_) = read.stream(project.ledger, f"{inform.FAMILY}/{one.ident}")
        try:
            known: Mapping[str, str] = vault.payload(project.ledger, collected)
        except KeyDestroyedError:
            continue
        if known.get("language") in letter.LANGUAGES:
            return str(known["language"])
    return project.policy.language
