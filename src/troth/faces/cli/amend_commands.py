"""Commands for staff: rectify values, restrict their use, lift a restriction.

Danger: these change rows.  What prevents loss: nothing is changed before somebody approves
the measured plan by its hash, and every value that goes is in the vault first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import typer

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.cli.console import as_json, err, out, table
from troth.faces.cli.context import project

if TYPE_CHECKING:
    from troth.stores.amend import Amended
    from troth.work.amend_rows import AmendmentFile
    from troth.work.project import Project

EMAIL = typer.Option([], "--email", help="An e-mail address of the subject.")
IDENTIFIER = typer.Option(
    [], "--identifier", metavar="KIND=VALUE", help="Another identifier, such as id=4711."
)
SHARED = typer.Option(False, "--shared", help="Change rows too that somebody else holds with the subject.")
CARRY = typer.Option("", "--carry", metavar="NAME", help="Carry on what was measured under this name.")
APPROVE = typer.Option("", "--approve", metavar="SHA", help="The plan that is approved, as it was measured.")
STAFF = typer.Option("", "--staff", envvar="TROTH_STAFF", help="Who does this.")
YES = typer.Option(False, "--yes", "-y", help="Do not ask.")
JSON = typer.Option(False, "--json", help="Print JSON.")


def rectify(
    store: str | None = typer.Argument(None, help="The store's name in its map.", metavar="STORE"),
    email: list[str] = EMAIL,
    identifier: list[str] = IDENTIFIER,
    set_: list[str] = typer.Option(
        [], "--set", metavar="TABLE.COLUMN=VALUE", help="What is right; TABLE[KEY].COLUMN for one row alone."
    ),
    empty: list[str] = typer.Option([], "--empty", metavar="TABLE.COLUMN", help="A column to be null."),
    complete: str = typer.Option("", "--complete", metavar="TEXT", help="A supplementary statement to add."),
    shared: bool = SHARED,
    carry: str = CARRY,
    approve: str = APPROVE,
    staff: str = STAFF,
    yes: bool = YES,
    json: bool = JSON,
) -> None:
    """Correct a subject's values in a store, and the copies of them.

    Example: troth rectify shop --email ada@example.org --set "customer.name=Ada Lovelace"
    """
    from troth.rules import rectification
    from troth.work import rectify as work

    with _project() as opened:
        if carry:
            if store or email or identifier or set_ or empty or complete:
                raise NotAllowedError("--carry names what was measured before; leave out what it measured.")
            _carry_on(opened, "rectification", carry, approve, staff, yes, json, work.approve, work.rectify)
            return
        if store is None:
            raise NotAllowedError(f"Name a store: {', '.join(opened.maps) or 'this project has none yet'}.")
        _known(opened, store)
        corrections = [rectification.read(each) for each in set_]
        corrections += [rectification.read(each, null=True) for each in empty]
        found = work.measure(
            opened,
            store,
            _identifiers(email, identifier),
            corrections,
            supplement=complete,
            shared=shared,
            staff=staff,
        )
        _print_plan(found, "rectify", json=json)


def restrict(
    email: list[str] = EMAIL,
    identifier: list[str] = IDENTIFIER,
    ground: str = typer.Option(
        "", "--ground", help="accuracy, unlawful, claims or objection: GDPR Art. 18(1)(a) to (d)."
    ),
    shared: bool = SHARED,
    carry: str = CARRY,
    approve: str = APPROVE,
    staff: str = STAFF,
    yes: bool = YES,
    json: bool = JSON,
) -> None:
    """Restrict a subject's data in every store: flag rows, or set values aside.

    Example: troth restrict --email ada@example.org --ground accuracy
    """
    from troth.work import restrict as work

    with _project() as opened:
        if carry:
            if email or identifier or ground:
                raise NotAllowedError("--carry names what was measured before; leave out what it measured.")
            _carry_on(opened, "restriction", carry, approve, staff, yes, json, work.approve, work.restrict)
            return
        found = work.measure(opened, _identifiers(email, identifier), ground, shared=shared, staff=staff)
        _print_plan(found, "restrict", json=json)


def lift(
    name: str | None = typer.Argument(
        None,
        help="The restriction, as it was named, or NUMBER/CLAIM where it changed no store; all of them without.",
        metavar="NAME",
    ),
    reason: str = typer.Option(
        "", "--reason", metavar="TEXT", help="Why it ends, in words for the person: a letter tells them."
    ),
    told: str = typer.Option(
        "",
        "--told",
        metavar="DATE",
        help="The day the subject was informed, where no letter of Troth did it.",
    ),
    staff: str = STAFF,
    yes: bool = YES,
    json: bool = JSON,
) -> None:
    """Lift a restriction: list those that stand; tell the person with --reason; five working days later, put back.

    Example: troth lift 3f9a1c2b7d --reason "We checked the address, and it is right." --staff marie
    """
    from troth.work import lift as work

    told_on = _day(told)
    with _project() as opened:
        if name is None:
            _print_standing(opened, json=json)
            return
        if "/" in name:
            _lift_claim(opened, name, reason, told_on, staff, json=json)
            return
        if reason:
            work.announce(opened, name, reason, staff)
        found, tried = work.measure(opened, name)
        informed = told_on or work.informed_on(opened, found)
        if reason or informed is None or (not told_on and not staff):
            _print_tried(found, tried, _when(opened, found, informed), json=json)
            return
        if not yes and found.state["status"] != "lifted":
            rows = sum(each.rows for one in tried for each in one.counts)
            _ask(f"Put {_many(rows, 'value', 'values')} back?")
        found = work.lift(opened, name, told_on, staff)
        left = work.conflicts(found)
    if json:
        as_json({**_state(found), "conflicts": [_conflict(*each) for each in left]})
    else:
        lines = [
            [store, where, f"{rows:,}"]
            for store, told_of in sorted(found.state["stores"].items())
            for where, rows, _ in told_of["back"] or []
        ]
        out().print(table("", ["store", "table", "values#"], lines))
        for each in left:
            out().print(_said_conflict(*each))
        out().print(f"The restriction {found.name} is {found.state['status']}.")
    if left:
        raise typer.Exit(1)


# What is asked for


@contextmanager
def _project() -> Iterator[Project]:
    opened = project()
    try:
        yield opened
    finally:
        opened.close()


def _identifiers(emails: Sequence[str], identifiers: Sequence[str]) -> list[tuple[str, str]]:
    from troth.faces.cli.store_commands import _who

    return list(_who(emails, identifiers, "").identifiers)


def _known(opened: Project, store: str) -> None:
    if store not in opened.maps:
        from troth.policy.reading import did_you_mean

        near = did_you_mean(store, list(opened.maps))
        raise NotFoundError(f"There is no store called `{store}` in this project. {near}")


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written) if written else None
    except ValueError:
        raise NotAllowedError("--told is a day, written such as 2026-11-23.") from None


def _ask(question: str) -> None:
    if not typer.confirm(question, err=True):
        raise typer.Exit(2)


def _carry_on(
    opened: Project,
    family: str,
    name: str,
    sha: str,
    staff: str,
    yes: bool,
    json: bool,
    approving: Callable[[Project, str, str, str], AmendmentFile],
    doing: Callable[[Project, str], AmendmentFile],
) -> None:
    from troth.work import amend_rows

    found = amend_rows.load(opened, family, name)
    if sha:
        if found.state["status"] == "measured" and not yes:
            _plan(found, err())
            _ask("Approve this and carry it out?")
        found = approving(opened, name, sha, staff)
    found = doing(opened, name)
    if json:
        as_json(_state(found))
        return
    lines = [
        [store, where, column, f"{rows:,}"]
        for store, told in sorted(found.state["stores"].items())
        for where, column, rows in told["done"] or []
    ]
    out().print(table("", ["store", "table", "column", "values#"], lines))
    left = sum(told["remaining"] or 0 for told in found.state["stores"].values())
    if left:
        out().print(
            f"{_many(left, 'value was', 'values were')} changed again since; somebody else writes there."
        )
    out().print(f"The {family} {name} is {'active' if family == 'restriction' else 'done'}.")
    if left:
        raise typer.Exit(1)


# What is said


def _many(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"


def _state(found: AmendmentFile) -> dict[str, Any]:
    stores = {
        name: {key: told[key] for key in ("step", "done", "remaining", "back")}
        for name, told in sorted(found.state["stores"].items())
    }
    return {
        "name": found.name,
        "status": found.state["status"],
        "ground": found.state["ground"],
        "plan_sha256": found.state["plan"]["sha256"],
        "plan": found.state["plan"]["stores"],
        "stores": stores,
    }


def _print_plan(found: AmendmentFile, command: str, *, json: bool) -> None:
    if json:
        as_json(_state(found))
        return
    some = _plan(found, out())
    if some:
        sha = found.state["plan"]["sha256"][:12]
        out().print(f"To carry it out: troth {command} --carry {found.name} --approve {sha}", soft_wrap=True)


def _plan(found: AmendmentFile, console: Any) -> bool:
    stores = sorted(found.state["plan"]["stores"].items())
    lines = [
        [store, where, column, "a copy" if how == "copy" else "", f"{rows:,}"]
        for store, told in stores
        for where, column, how, rows in told["counts"]
    ]
    if lines:
        console.print(table("", ["store", "table", "column", "", "values#"], lines))
    else:
        console.print("There is nothing to change.")
    for store, told in stores:
        for where, verb, rows in told["side_effects"]:
            console.print(
                f"Besides, {store} itself will {verb} {_many(rows, 'row', 'rows')} of {where}, by a trigger."
            )
        for where, rows in told["shared"]:
            console.print(
                f"{_many(rows, 'row', 'rows')} of {store} {where} somebody else holds too: left alone without --shared."
            )
        for where, rows in told["uncovered"]:
            console.print(
                f"{_many(rows, 'row', 'rows')} of {store} {where}: the map says no way to restrict them."
            )
        if told["by_hand"]:
            console.print(f"{store} is a manual store: its owner restricts there by hand.")
    console.print(f"Plan {found.state['plan']['sha256'][:12]}, {found.name}; nothing was changed.")
    return bool(lines)


REASONS = {
    "changed": "another value stands there now",
    "gone": "the row is gone, or its key is another row's now",
    "refused": "the database refuses",
}


def _said_conflict(store: str, where: str, column: str, reason: str, rows: int) -> str:
    return f"{_many(rows, 'value', 'values')} of {store} {where}.{column} not put back, but kept: {REASONS[reason]}."


def _conflict(store: str, where: str, column: str, reason: str, rows: int) -> dict[str, Any]:
    return {"store": store, "table": where, "column": column, "reason": reason, "values": rows}


def _print_standing(opened: Project, *, json: bool) -> None:
    """List the restrictions that stand, and from when each may be lifted."""
    from troth.work import lift_claim, restrict

    found, claimed = restrict.standing(opened), list(lift_claim.standing(opened))
    if json:
        shown = [{**_state(each), "told_on": each.state.get("told_on")} for each in found]
        as_json([*shown, *(_claimed(name, told) for name, told in claimed)])
        return
    lines = [
        [
            each.name,
            each.state["status"].replace("_", " "),
            each.state["ground"] or "",
            each.state.get("told_on") or "",
        ]
        for each in found
    ]
    for name, told in claimed:
        state = _claimed(name, told)
        lines.append([name, state["status"].replace("_", " "), state["ground"], state["told_on"] or ""])
    if lines:
        out().print(table("", ["restriction", "state", "ground", "informed on"], lines))
    out().print(f"{_many(len(lines), 'restriction stands', 'restrictions stand')}.")


def _claimed(name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands by a claim in words alone."""
    status = "lifted" if told.get("lifted_on") else told.get("lift") or "active"
    return {"name": name, "status": status, "ground": told["ground"], "told_on": told.get("told_on")}


def _lift_claim(
    opened: Project, name: str, reason: str, told_on: date | None, staff: str, *, json: bool
) -> None:
    """Tell the person, or lift what stands by their claim in words alone."""
    from troth.rules.amendment import lifted_from
    from troth.work import lift_claim, request_file
    from troth.work.establishment import establishment

    number, _, claim = name.partition("/")
    informed = (
        lift_claim.announce(opened, name, reason, staff)
        if reason
        else told_on or lift_claim.informed(opened, name)
    )
    lifting = bool(staff) and not reason and informed is not None
    if lifting:
        lift_claim.lift(opened, name, informed, staff)
    if json:
        as_json(_claimed(name, request_file.load(opened, number).claim(claim)["restriction"]))
    elif lifting:
        out().print(f"The restriction {name} is lifted.")
    elif informed is not None:
        first = lifted_from(informed, establishment(opened).place)
        out().print(f"The subject was informed on {informed}: lift it from {first} on, with --staff.")
    else:
        out().print(
            "The subject is not informed yet (GDPR Art. 18(3)): write to them with --reason and --staff, or say when "
            "that was, with --told DATE."
        )


def _when(opened: Project, found: AmendmentFile, informed: date | None) -> str:
    """Say what comes before a restriction is lifted."""
    from troth.rules.amendment import lifted_from
    from troth.work.establishment import establishment

    if informed is not None:
        first = lifted_from(informed, establishment(opened).place)
        return f"The subject was informed on {informed}: lift it from {first} on, with --staff."
    if found.state["status"] == "lift_decided":
        return "The letter to the subject has not gone out yet; say the same again, or --told DATE once they know."
    return (
        "The subject is informed before it is lifted (GDPR Art. 18(3)): write to them with --reason, or say when that "
        "was, with --told DATE."
    )


def _print_tried(found: AmendmentFile, tried: Sequence[Amended], when: str, *, json: bool) -> None:
    left = [
        (one.store, each.table, each.column, each.reason, each.rows)
        for one in tried
        for each in one.conflicts
    ]
    if json:
        back = [
            {"store": one.store, "table": each.table, "column": each.column, "values": each.rows}
            for one in tried
            for each in one.counts
        ]
        as_json({**_state(found), "puts_back": back, "conflicts": [_conflict(*each) for each in left]})
        return
    lines = [[one.store, each.table, each.column, f"{each.rows:,}"] for one in tried for each in one.counts]
    out().print(table("", ["store", "table", "column", "values#"], lines))
    for each in left:
        out().print(_said_conflict(*each))
    out().print(
        f"The restriction {found.name} is {found.state['status'].replace('_', ' ')}; nothing was changed. {when}",
        soft_wrap=True,
    )
