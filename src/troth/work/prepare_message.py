"""Everything a sending tool needs to know of one message to one person, in one answer.

May it be sent, and why; which notice about objecting it must carry; which notice of Art. 14 comes first; the
headers and links by which it is stopped; and the links whose following is measured only with consent.

Law: GDPR Arts. 6, 7(3), 14(3)(b), 21(2) to (4); Directive 2002/58/EC Arts. 5(3), 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from troth.errors import NotAllowedError
from troth.rules import purpose_scope
from troth.rules.first_communication import purpose_of
from troth.rules.may import sentence
from troth.work import communicate, message_link
from troth.work.communicate import Due
from troth.work.may import may
from troth.work.project import Project

LINKS_MAX = 50


@dataclass(frozen=True, slots=True)
class Measured:
    """What of a message is measured, with consent: for which purpose, by which picture, on the way to which pages.

    `links` has, by a name of the tool's own, the page a link leads to and the address that measures on the way.
    """

    purpose: str
    picture: str = ""
    links: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prepared:
    """One message to one person, ready to be sent or not."""

    allowed: bool
    code: str
    why: str
    due: Due
    headers: Mapping[str, str] = field(repr=False)
    unsubscribe: str = field(repr=False)
    preferences: str = field(repr=False)
    picture: str = field(default="", repr=False)
    links: Mapping[str, str] = field(default_factory=dict, repr=False)


def prepare(
    project: Project,
    email: str,
    purpose: str,
    *,
    channel: str = "email",
    language: str = "",
    measured: Measured | None = None,
) -> Prepared:
    """Prepare a message; nothing is recorded.  Raises NotAllowedError for what the policy does not have."""
    if channel not in communicate.CHANNELS:
        raise NotAllowedError(
            f"There is no channel {channel[:20]!r}. There are: {', '.join(communicate.CHANNELS)}."
        )
    due = communicate.ask(project, email, purpose, language=language)
    found = purpose_of(project.policy, purpose)
    address = email.strip()
    of_channels = found.channels or purpose_scope.is_marketing(project.policy, purpose)
    answer = may(project, [("email", address)], purpose, channel=channel if of_channels else None)
    token = ""
    if message_link.stoppable(found):
        token = message_link.stop_token(project, address, purpose)
    picture, links = _measured(project, address, purpose, measured) if measured else ("", {})
    spoken = due.notice.language if due.notice else (language or project.policy.language)
    return Prepared(
        answer.allowed, answer.reason.code, sentence(answer.reason, spoken), due,
        message_link.headers(project, token) if token and channel == "email" else {},
        message_link.stop_url(project, token) if token else "",
        message_link.preferences_url(project, token) if token else "",
        picture, links,
    )  # fmt: skip


def check_measured(project: Project, purpose: str, measured: Measured) -> None:
    """See that what of a message is to be measured can be; raises NotAllowedError where it cannot."""
    _measured(project, "nobody@example.org", purpose, measured)


def _measured(
    project: Project, email: str, purpose: str, measured: Measured
) -> tuple[str, Mapping[str, str]]:
    """Return the addresses of the picture and of the links that are measured only with consent."""
    if measured.purpose == purpose:
        raise NotAllowedError(
            "Measuring who opens or follows what is a purpose of its own, with a consent of its own: name another than "
            f"{purpose} (CNIL, délibération 2026-042)."
        )
    if len(measured.links) > LINKS_MAX:
        raise NotAllowedError(f"A message has {LINKS_MAX} measured links at most.")
    picture = ""
    if measured.picture:
        token = message_link.followed_token(
            project, email, measured.purpose, target="", measured=measured.picture
        )
        picture = message_link.picture_url(project, token)
    links = {
        name: message_link.follow_url(
            project, message_link.followed_token(project, email, measured.purpose, target=target, measured=way)
        )
        for name, (target, way) in measured.links.items()
    }  # fmt: skip
    return picture, links
