"""Take what a controller tells us as its processor, say how far it is, and tell it when that changes.

Each instruction is a request about that controller's rows alone, asked for by the controller:
its letters and its answer go there.  Staff look at it as at any other: a processor says so
when it believes an instruction unlawful, and does not carry it out meanwhile.

Law: GDPR Art. 28(3)(a), (e) and last paragraph.  Source: OpenDSR specification 1.0.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import date

from troth.errors import ConflictError, NotAllowedError, NotFoundError
from troth.ledger import append, read
from troth.outside.post import post
from troth.rules import instruction
from troth.rules.event import Draft, Fact
from troth.rules.instruction import Instruction
from troth.work import check_authority, open_request, request_file, send_letter
from troth.work.project import Controller, Project

CHANNEL = "controller"
TRIES_MAX = 8


@dataclass(frozen=True, slots=True)
class Known:
    """A controller that showed its token: how it is set, and under which name."""

    name: str
    settings: Controller


def known(project: Project, token: str) -> Known:
    """Return whose token it is; raises NotAllowedError where it is nobody's."""
    given, found = token.strip().encode(), None
    for name, one in project.settings.controllers.items():
        if hmac.compare_digest(one.token().strip().encode(), given):
            found = Known(name, one)
    if found is None or not given:
        raise NotAllowedError("No token that is known was shown. Send `Authorization: Bearer TOKEN`.")
    return found


def take(project: Project, who: Known, body: bytes) -> bytes:
    """Take a message in and return what we say to it; the same message again opens no second request.

    Raises NotAllowedError where it is none we can take, ConflictError where its id named
    another before.
    """
    told = instruction.read(body, who.settings.callbacks)
    once = _once(who, told.message)
    again = read.said(project.ledger, once)
    opened = open_request.open_request(
        project, [told.right], who.settings.email, name=who.name, identifiers=told.identifiers,
        channel=CHANNEL, language=project.policy.language, acting=open_request.Acting(CHANNEL),
        instructed=open_request.Instructed(who.name, who.settings.rows, told.message, told.callbacks),
        once=once,
    )  # fmt: skip
    found = request_file.load(project, opened.number)
    if again and not _is_same(project, found, told):
        raise ConflictError("Another message was sent under this `subject_request_id` before.")
    if not found.state["acting"]["checked"] and not found.state["ended"]:
        seen = f"The controller's own message, under the agreement {who.settings.agreement}."
        check_authority.check_authority(project, opened.number, "troth", seen, sufficient=True, receives=True)
        found = request_file.load(project, opened.number)
    received = read.stream(project.ledger, found.stream)[0].at
    return instruction.accepted(who.name, body, told.message, received, _due(found))


def status(project: Project, who: Known, message: str) -> bytes:
    """Return how far an instruction is; raises NotFoundError where this controller gave none of that id."""
    found = _found(project, who, message)
    return instruction.told(who.name, message, instruction.status(found.state), _due(found))


def cancel(project: Project, who: Known, message: str) -> bytes:
    """Take an instruction back; raises NotAllowedError once it is being carried out."""
    found = _found(project, who, message)
    if instruction.status(found.state) != "cancelled":
        carried = any(claim["stores"] or claim["done"] for claim in found.state["claims"].values())
        request_file.refuse_unless(["It is being carried out and cannot be taken back."] if carried else [])
        request_file.move(
            project, found.number, "withdrawn", "controller", staff=who.name, expect=found.version
        )
    return instruction.cancelled(who.name, message, project.clock())


def report(project: Project, number: str) -> None:
    """Tell the controller how far its instruction is, where that changed; what fails is said again later."""
    found = request_file.load(project, number)
    told = found.state.get("instruction")
    controller = project.settings.controllers.get(str(told["by"])) if told else None
    if not told or controller is None:
        return
    word = instruction.status(found.state)
    urls = request_file.requester(project, number).get("callbacks") or ()
    if not urls or word == told.get("reported", "pending"):
        return
    failed = [
        event
        for event in read.stream(project.ledger, found.stream)
        if event.kind == "instruction_reported"
        and (event.facts["status"], event.facts["outcome"]) == (word, "failed")
    ]
    if len(failed) >= TRIES_MAX:
        return
    if failed and project.clock() < send_letter.again_at(failed[-1].at, len(failed)):
        return
    certificate, key = project.settings.own_certificate(), project.settings.own_key()
    sent = True
    for url in urls:
        body = instruction.told(str(told["by"]), str(told["message"]), word, _due(found), callback=str(url))
        headers = {"Content-Type": "application/json", **instruction.signed(body, certificate, key)}
        sent &= 200 <= post(str(url), body, headers).status < 300
    facts: dict[str, Fact] = {"status": word, "outcome": "told" if sent else "failed"}
    draft = Draft("instruction_reported", found.stream, facts, **request_file.about(found))
    append.append(project.ledger, [draft], once=f"reported {number} {word}" if sent else None)


def _found(project: Project, who: Known, message: str) -> request_file.RequestFile:
    events = read.said(project.ledger, _once(who, message.lower()))
    if not events:
        raise NotFoundError("There is no such request.")
    return request_file.load(project, str(events[0].facts["request"]))


def _once(who: Known, message: str) -> str:
    return f"instruction {who.name} {message}"


def _due(found: request_file.RequestFile) -> date:
    return date.fromisoformat(str(found.state["safe_due"] or found.state["received"]))


def _is_same(project: Project, found: request_file.RequestFile, told: Instruction) -> bool:
    asked = [claim["right"] for claim in found.state["claims"].values()]
    return asked == [told.right] and sorted(request_file.who(project, found).identifiers) == sorted(
        told.identifiers
    )
