"""`troth staff`: who works in the console, with which roles, and who stands in for whom."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, out, table
from troth.faces.cli.context import project
from troth.faces.cli.staff import STAFF

if TYPE_CHECKING:
    from troth.rules.staff import Grant

app = typer.Typer(no_args_is_help=True, help="Admit staff to the console, give roles, record absences.")
JSON = typer.Option(False, "--json", help="Write the result as JSON.")
HANDLE = typer.Argument(..., help="Whom it is about, by their handle.")
ROLE = typer.Argument(..., help="intake, handler, reviewer, dpo, counsel, auditor or admin.")
ENTITY = typer.Option("", "--entity", help="For one entity of the policy alone; by default for the group.")


@app.command("list")
def list_(json: bool = JSON) -> None:
    """List the staff: handle, name, roles, and who is away.

    Example: troth staff list
    """
    from troth.rules.staff import absences, grants
    from troth.work import admit

    members = admit.members(project())
    if json:
        as_json([{**one.state, "name": one.name, "email": one.email} for one in members])
        return
    if not members:
        out().print(
            "Nobody is here yet. `troth staff first` prints the first administrator's link.", markup=False
        )
        return
    rows = [
        [one.handle, one.name or "–", str(one.state["status"]),
         ", ".join(_said(grant) for grant in grants(one.state)) or "–",
         "; ".join(f"{away.begins} to {away.until or '…'}, {away.deputy} stands in" for away in absences(one.state))
         or "–"]
        for one in members
    ]  # fmt: skip
    out().print(table("", ["handle", "name", "state", "roles", "away"], rows))


def _said(grant: Grant) -> str:
    return f"{grant.role} ({grant.entity})" if grant.entity else grant.role


@app.command()
def first(json: bool = JSON) -> None:
    """Print the one-time link that makes the first administrator; a link printed before works no more.

    Example: troth staff first
    """
    from troth.work import admit

    link = admit.first_link(project())
    if link is None:
        raise NotAllowedError(
            "There are accounts already. Whoever administers invites: `troth staff invite`."
        )
    _link(link, json)


@app.command()
def invite(
    handle: str = typer.Argument(
        ..., help="What stands in the record beside what they do, such as a.durand."
    ),
    name: str = typer.Option(..., help="Their name."),
    email: str = typer.Option(..., help="Their e-mail address."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Invite somebody, or let them choose another password and telephone; print their one-time link.

    Example: troth staff invite a.durand --name "Anne Durand" --email anne@example.org --staff root
    """
    from troth.work import admit

    _link(admit.invite(project(), handle, name, email, staff), json)


def _link(link: str, json: bool) -> None:
    from troth.work.admit import INVITATION_HOURS

    if json:
        as_json({"link": link, "hours": INVITATION_HOURS})
        return
    out().print(link, markup=False, soft_wrap=True)
    out().print(f"It works once, within {INVITATION_HOURS} hours. Give it to nobody else.", markup=False)


@app.command()
def enter(
    handle: str = HANDLE,
    minutes: int = typer.Option(15, help="How long the link lasts, at most a day."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Print a link that signs somebody in once, without password and code; the record says who made it.

    Example: troth staff enter a.durand --staff root
    """
    from troth.work.sign_in import enter_link

    link = enter_link(project(), handle, staff, minutes)
    if json:
        as_json({"link": link, "minutes": minutes})
        return
    out().print(link, markup=False, soft_wrap=True)
    out().print(f"It signs {handle} in once, within {minutes} minutes.", markup=False)


@app.command()
def grant(handle: str = HANDLE, role: str = ROLE, entity: str = ENTITY, staff: str = STAFF) -> None:
    """Give somebody a role; roles that must stay apart are refused.

    Example: troth staff grant a.durand handler --staff root
    """
    from troth.work import admit

    admit.grant(project(), handle, role, entity, staff)
    out().print(f"{handle} is {role} now{' for ' + entity if entity else ''}.", markup=False)


@app.command()
def withdraw(handle: str = HANDLE, role: str = ROLE, entity: str = ENTITY, staff: str = STAFF) -> None:
    """Take a role from somebody.

    Example: troth staff withdraw a.durand handler --staff root
    """
    from troth.work import admit

    admit.withdraw(project(), handle, role, entity, staff)
    out().print(f"{handle} is {role} no more{' for ' + entity if entity else ''}.", markup=False)


@app.command()
def away(
    handle: str = HANDLE,
    deputy: str = typer.Option(..., help="Who stands in, by their handle; they act under their own."),
    begins: datetime = typer.Option(
        None, "--from", formats=["%Y-%m-%d"], help="The first day; by default today."
    ),
    until: datetime = typer.Option(
        None, formats=["%Y-%m-%d"], help="The last day; by default until they are back."
    ),
    staff: str = STAFF,
) -> None:
    """Record that somebody is away and who stands in; one person never decides and reviews the same thing.

    Example: troth staff away a.durand --deputy b.martin --until 2026-12-24 --staff root
    """
    from troth.work import admit
    from troth.work.establishment import day_here

    opened = project()
    first_day: date = begins.date() if begins else day_here(opened)
    admit.away(opened, handle, first_day, until.date() if until else None, deputy, staff)
    out().print(f"{deputy} stands in for {handle} from {first_day}.", markup=False)


@app.command()
def back(handle: str = HANDLE, staff: str = STAFF) -> None:
    """Record that somebody is back: their deputy has their duties no more.

    Example: troth staff back a.durand --staff root
    """
    from troth.work import admit

    admit.back(project(), handle, staff)
    out().print(f"{handle} is back.", markup=False)


@app.command()
def close(handle: str = HANDLE, staff: str = STAFF) -> None:
    """Close an account: sessions end, roles go, name and address are erased; the handle stays in the record.

    Example: troth staff close a.durand --staff root
    """
    from troth.work import admit

    admit.close(project(), handle, staff)
    out().print(f"The account of {handle} is closed.", markup=False)


@app.command()
def derogate(
    reason: str = typer.Option("", help="Why one person does what two should."),
    end: bool = typer.Option(False, "--end", help="It is over: roles are apart again."),
    staff: str = STAFF,
) -> None:
    """Record that one person here holds roles that should be apart, and why; or that this is over.

    Example: troth staff derogate --reason "There is one person in the office." --staff root
    """
    from troth.work import admit

    if end:
        admit.end_derogation(project(), staff)
        out().print("The derogation is over.", markup=False)
        return
    admit.derogate(project(), reason, staff)
    out().print("It is recorded. Whoever decides may review as well, and the record says so.", markup=False)
