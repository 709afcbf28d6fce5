"""Admit staff: invite them by a one-time link, give and take roles, record absences, close accounts.

Who gave whom what, and when, is an event each; names, addresses and secrets are no part of the record.

Law: GDPR Arts. 5(2), 24, 32(4), 38(6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import accounts, append, read
from troth.ledger.accounts import Account
from troth.rules import own_record
from troth.rules import staff as rules
from troth.rules.event import Draft, Fact
from troth.rules.staff import DEROGATION, FAMILY, HANDLE_MAX, RESERVED, ROLES, Grant, Role, Staff
from troth.work.establishment import day_here
from troth.work.project import Project

INVITATION_HOURS = 48
FIRST = "admin"
_HANDLE = re.compile(rf"[a-z][a-z0-9._-]{{1,{HANDLE_MAX - 1}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Member:
    """One of the staff as a page shows them: the record's state; name and address while they have an account."""

    state: Mapping[str, Any]
    name: str
    email: str
    outside: bool  # whether they sign in elsewhere only

    @property
    def handle(self) -> str:
        """What stands in the record."""
        return str(self.state["handle"])


def first_link(project: Project, served_at: str = "") -> str | None:
    """Return a one-time link that makes the first administrator; None once there is an account.

    `served_at` is where the console is served, if elsewhere than at the public address.
    """
    if accounts.exist(project.ledger):
        return None
    token = accounts.invite(project.ledger, FIRST, "admin", timedelta(hours=INVITATION_HOURS))
    return join_link(project, token, served_at)


def join_link(project: Project, token: str, served_at: str = "") -> str:
    """Return the address at which an invitation is taken up."""
    return f"{served_at or project.settings.public_url}/console/join/{token}"


def invite(project: Project, handle: str, name: str, email: str, staff: str) -> str:
    """Invite somebody, or let them begin anew with another password; return their one-time link.

    Raises NotAllowedError for a handle, name or address that is none.
    """
    wrong = [*wrong_handle(handle), *wrong_name(name, email)]
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    found = state(project, handle)
    if found is not None and found["status"] == "closed":
        raise NotAllowedError(
            f"{handle} is in the record as somebody who left. Choose another handle: one name is one person there."
        )
    held = accounts.read(project.ledger, handle)
    if held is None:
        accounts.write(project.ledger, handle, Account(name.strip(), email.strip()))
    record(project, handle, {"move": "invited" if found is None else "reset"}, staff)
    return join_link(project, accounts.invite(project.ledger, handle, "", timedelta(hours=INVITATION_HOURS)))


def wrong_handle(handle: str) -> Iterator[str]:
    """Say what is wrong with a handle."""
    if not _HANDLE.fullmatch(handle):
        yield (
            f"A handle has 2 to {HANDLE_MAX} small letters, digits, dots, dashes and underscores, and begins with a "
            "letter, such as a.durand. It stands in the record for ever, so no address may be one."
        )
    elif handle in RESERVED:
        yield f"{handle} stands in the record for Troth itself or for people outside. Choose another handle."


def wrong_name(name: str, email: str) -> Iterator[str]:
    """Say what is wrong with a name and an address."""
    from troth.outside.mail import is_address

    if not name.strip() or len(name) > 200:
        yield "A name is missing, or has over 200 characters."
    if not is_address(email.strip()):
        yield "The e-mail address is none."


def state(project: Project, handle: str) -> Mapping[str, Any] | None:
    """Return what the record says of somebody, or None."""
    found = read.state(project.ledger, f"{FAMILY}/{handle}")
    return None if found is None else found.body


def known(project: Project, handle: str) -> Mapping[str, Any]:
    """Return what the record says of somebody; raises NotFoundError where it says nothing."""
    found = state(project, handle)
    if found is None:
        raise NotFoundError(
            f"Nobody here is called {handle[:HANDLE_MAX]!r}. `troth staff list` shows who is."
        )
    return found


def every(project: Project) -> tuple[Mapping[str, Any], ...]:
    """Return what the record says of each of the staff, in the order of their handles."""
    return tuple(
        sorted((one.body for one in read.states(project.ledger, FAMILY)), key=lambda one: one["handle"])
    )


def members(project: Project) -> Sequence[Member]:
    """Return each of the staff with their name and address, those who left without."""
    held = dict(accounts.every(project.ledger))
    return [
        Member(
            one,
            held[one["handle"]].name if one["handle"] in held else "",
            held[one["handle"]].email if one["handle"] in held else "",
            one["handle"] in held and not held[one["handle"]].password,
        )
        for one in every(project)
    ]


def acting(project: Project, handle: str) -> Staff:
    """Return somebody as they may act today, with the roles of whom they stand in for; raises NotFoundError."""
    found = every(project)
    own = next((one for one in found if one["handle"] == handle), None) or known(project, handle)
    return rules.acting(own, found, day_here(project), alone=derogates(project))


def grant(project: Project, handle: str, role: str, entity: str, staff: str) -> None:
    """Give somebody a role for an entity, or for the whole group.

    Raises NotAllowedError where it is no role, no entity, or must stay apart from one they have.
    """
    found = known(project, handle)
    given = Grant(_role(role), entity)
    refuse_unknown_entity(project, entity)
    if found["status"] == "closed":
        raise NotAllowedError(f"{handle} has left; nobody who left has a role.")
    wrong = [] if derogates(project) else list(rules.joined(rules.grants(found), given))
    if wrong:
        raise NotAllowedError(wrong[0])
    record(project, handle, {"move": "granted", "role": given.role, "entity": entity}, staff)


def withdraw(project: Project, handle: str, role: str, entity: str, staff: str) -> None:
    """Take a role from somebody; raises NotAllowedError where they have none such, or the last admin would go."""
    found = known(project, handle)
    gone = Grant(_role(role), entity)
    if gone not in rules.grants(found):
        raise NotAllowedError(f"{handle} has no such role: {role}{' for ' + entity if entity else ''}.")
    rests = _refuse_last(project, handle) if gone == Grant("admin") else None
    record(project, handle, {"move": "withdrawn", "role": gone.role, "entity": entity}, staff, rests)


def away(project: Project, handle: str, begins: date, until: date | None, deputy: str, staff: str) -> None:
    """Record when somebody is away and who stands in; they keep their own name in what they do.

    Raises NotAllowedError where the deputy would get roles that must stay apart from their own, or
    from those that others who are away at the same time lend them.
    """
    found, standing_in = known(project, handle), known(project, deputy)
    if until is not None and until < begins:
        raise NotAllowedError("The absence ends before it begins.")
    if until is not None and until < day_here(project):
        raise NotAllowedError("The absence is over already.")
    if deputy == handle or standing_in["status"] != "active":
        raise NotAllowedError(f"{deputy} cannot stand in: a deputy is somebody else, who is here.")
    others = [one for one in every(project) if one["handle"] != handle]
    held = [*rules.grants(standing_in), *rules.to_be_lent(others, deputy, begins, until)]
    wrong = [
        said for lent in rules.grants(found) for said in rules.joined(held, lent) if not derogates(project)
    ]
    if wrong:
        raise NotAllowedError(f"{deputy} cannot stand in for {handle}. {wrong[0]}")
    facts: dict[str, Fact] = {"move": "away", "begins": begins.isoformat(), "deputy": deputy}
    if until is not None:
        facts["until"] = until.isoformat()
    record(project, handle, facts, staff)


def back(project: Project, handle: str, staff: str) -> None:
    """Record that somebody is back: their deputy has their duties no more."""
    if not known(project, handle)["absences"]:
        raise NotAllowedError(f"No absence of {handle} is recorded.")
    record(project, handle, {"move": "back"}, staff)


def close(project: Project, handle: str, staff: str) -> None:
    """Close an account: sessions end, roles go, name and address are erased; the handle stays in the record."""
    if known(project, handle)["status"] == "closed":
        return
    rests = _refuse_last(project, handle)
    record(project, handle, {"move": "closed"}, staff, rests)
    accounts.remove(project.ledger, handle)


def derogate(project: Project, reason: str, staff: str) -> None:
    """Record that one person here does what two should, and why; raises NotAllowedError without a reason."""
    if len(reason.strip()) < 10:
        raise NotAllowedError(
            "A derogation says why one person does what two should, such as: there is one person in the office."
        )
    draft = Draft("staff_moved", DEROGATION, {"staff": staff, "move": "derogation_recorded"}, actor=staff,
                  payload={"why": reason.strip()}, file=own_record.dated("office", project.clock().date()))  # fmt: skip
    append.append(project.ledger, [draft])


def end_derogation(project: Project, staff: str) -> None:
    """Record that the derogation is over.

    Raises NotAllowedError where none is in force, or while somebody holds roles that only it allows.
    """
    if not derogates(project):
        raise NotAllowedError("No derogation is in force.")
    holding = [str(one["handle"]) for one in every(project) if any(rules.joined_already(rules.grants(one)))]
    if holding:
        raise NotAllowedError(
            f"The derogation still lets {', '.join(holding)} hold roles that must stay apart. Take one of the roles "
            "from each of them first."
        )
    facts = {"staff": staff, "move": "derogation_ended"}
    append.append(project.ledger, [Draft("staff_moved", DEROGATION, facts, actor=staff)])


def derogates(project: Project) -> bool:
    """Say whether a derogation is in force."""
    return derogation(project) is not None


def derogation(project: Project) -> str | None:
    """Return the event that recorded the derogation in force, or None where there is none."""
    found = read.state(project.ledger, DEROGATION)
    if found is None or not rules.derogates(found.body):
        return None
    return str(found.body["event"])


def joined(project: Project, handle: str, role: str) -> None:
    """Record that somebody took an invitation up, with the role that came with it."""
    moves: list[dict[str, Fact]] = [{"move": "joined"}]
    if role:
        moves.append({"move": "granted", "role": role, "entity": ""})
    drafts = [
        Draft("staff_moved", f"{FAMILY}/{handle}", {"staff": handle, **one}, actor=handle) for one in moves
    ]
    append.append(project.ledger, drafts)


def reset(project: Project, handle: str) -> None:
    """Record that somebody signs in by another password, telephone or account elsewhere from now on."""
    record(project, handle, {"move": "reset"}, handle)


def _role(role: str) -> Role:
    for one in ROLES:
        if one == role:
            return one
    raise NotAllowedError(f"There is no role {role[:20]!r}. There are: {', '.join(ROLES)}.")


def refuse_unknown_entity(project: Project, entity: str) -> None:
    """Raise NotAllowedError for an entity that the policy does not name; empty is the whole group."""
    group = project.policy.group
    names = [one.key for one in group.entities] if group else []
    if entity and entity not in names:
        raise NotAllowedError(f"The policy names no entity {entity[:40]!r}. It names: {', '.join(names)}.")


def _refuse_last(project: Project, handle: str) -> Mapping[str, int]:
    """Raise NotAllowedError where nobody but `handle` could administer afterwards.

    Return the version of the record of one who remains, so that two never withdraw each other at once.
    """
    others = [
        one
        for one in read.states(project.ledger, FAMILY)
        if one.body["handle"] != handle
        and one.body["status"] == "active"
        and Grant("admin") in rules.grants(one.body)
    ]
    if Grant("admin") not in rules.grants(known(project, handle)):
        return {}
    if not others:
        raise NotAllowedError(f"{handle} is the last administrator. Give somebody else that role first.")
    return {others[0].stream: others[0].version}


def record(
    project: Project,
    handle: str,
    facts: Mapping[str, Fact],
    staff: str,
    expect: Mapping[str, int] | None = None,
) -> None:
    """Record what happened to somebody's account; raises ConflictError where what it rests on changed."""
    draft = Draft("staff_moved", f"{FAMILY}/{handle}", {"staff": handle, **facts}, actor=staff)
    append.append(project.ledger, [draft], expect=expect)
