"""What the commands on requests share: their arguments, and how a request and a plan are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import typer

from troth.faces.cli.console import out, table
from troth.faces.cli.context import project

if TYPE_CHECKING:
    from troth.work.project import Project

NUMBER = typer.Argument(..., help="The number of the request, such as 2026-0001.")


CLAIM = typer.Option("c1", "--claim", "-c", help="The claim, such as c1.")


POSTED = typer.Option(
    "", help="The proof that the letter went by post today, for somebody without an e-mail address."
)


PURPOSE = typer.Option(
    [], help="For an objection or a withdrawal: the purpose of the policy it is about. May be repeated."
)


JSON = typer.Option(False, "--json", help="Write the result as JSON.")


def show_answer(opened: Project, number: str, staff: str) -> None:
    """Show the answer as it would be sent now; that somebody read it is recorded first."""
    from troth.work import request_file, send_letter
    from troth.work.answer import said

    request_file.record_reading(opened, number, staff, "preview")
    kind, fields = said(opened, number)
    written = send_letter.write(opened, number, kind, fields)
    out().print(f"{written.subject}\n\n{written.text}", markup=False)


def show_request(number: str) -> None:
    """Show where a request stands, its claims, and what to do next."""
    from troth.law.sentence import cite
    from troth.rules import request, request_guard
    from troth.work import cover, hold, request_file
    from troth.work.send_letter import to_post

    opened = project()
    found = request_file.load(opened, number)
    state = found.state
    today = request_file.today(opened, found) if request.is_open(state) else None
    console = out()
    console.print(
        f"\n[bold]{number}[/bold]  {state['status'].replace('_', ' ')}  ·  received {state['received']} by "
        f"{state['channel']}  ·  answer by {state['safe_due'] or '–'} (safe), {state['legal_due'] or '–'} (legal)"
    )
    if state.get("acting"):
        checked = state["acting"]["checked"]
        rights = ", ".join(checked["rights"]) or "everything asked for" if checked else ""
        until = f" until {checked['until']}" if checked and checked["until"] else ""
        told = (
            f"authority seen for {rights}{until}"
            if checked
            else "nobody has looked yet at what shows the authority"
        )
        console.print(f"Asked for somebody else, as {state['acting']['kind']}: {told}.")
        hint = age_hint(state) if state["acting"]["kind"] in {"parent", "guardian"} else ""
        if hint:
            console.print(hint, soft_wrap=True)
    if state.get("imported"):
        came = state["imported"]
        console.print(
            f"Imported on {came['on']} by {came['by']}: nothing of before that day is proven.", markup=False
        )
    if state.get("instruction"):
        told_by = state["instruction"]
        console.print(
            f"On the instruction of {told_by['by']}, by its message {told_by['message']}.", markup=False
        )
    for held in hold.in_force(opened):
        if held.about(str(state["subject"])):
            console.print(f"Under legal hold {held.name}: what it is about is not erased.", markup=False)
    for line in _stands(state):
        console.print(line, markup=False, soft_wrap=True)
    for flag in request.deadline(state, today).flags:
        said = f"{flag.sentence.say('en')} ({cite(flag.law, 'en')})"
        console.print(f"Look at this: {said}", markup=False, soft_wrap=True)
    if state.get("read_back") is False:
        console.print("What was said was not read back: confirm it in writing before anything is decided.")
    rows = []
    for name, claim in state["claims"].items():
        decision = claim["outcome"] or "open"
        if claim["decided_by"]:
            decision += f" by {claim['decided_by']}" + (
                f", reviewed by {claim['reviewed_by']}" if claim["reviewed_by"] else ""
            )
        stores = ", ".join(
            f"{store}: {told.get('grade', 'begun')}" for store, told in claim["stores"].items()
        )
        rows.append([name, claim["right"], decision, stores or ("done" if claim["done"] else "–")])
    console.print(table("", ["claim", "right", "decision", "carried out"], rows))
    for one in to_post(state):
        console.print(
            f"To post: the letter {one['letter']}. Print it with `troth request letter {number} {one['letter']} --to "
            f"letter.pdf`, then say `troth request posted {number} {one['letter']} --proof …`."
        )
    for name, claim in state["claims"].items():
        if claim.get("tasks"):
            covered = cover.coverage(opened, claim)
            said = ", ".join(f"{store} {how}{' on ' + on if on else ''}" for store, how, on in covered)
            console.print(f"Coverage of {name}: {said}.")
    if state.get("said_more"):
        times = state["said_more"]
        console.print(
            f"The person added something ({times}): `troth request dossier {number}` has the words."
        )
    for step in request_guard.next_steps(state):
        console.print(f"Next: {step}.")


def age_hint(state: Mapping[str, Any]) -> str:
    """Say from which age a child acts alone online where the controller is: the rights are the child's own."""
    from troth.errors import NotFoundError
    from troth.law.age import consent_age

    try:
        found = consent_age(str(state["jurisdiction"]), date.fromisoformat(state["received"]))
    except NotFoundError:
        return ""
    return (
        f"The rights are the child's own. From {found.years} years a child consents alone to online services here "
        f"({found.law}): the older they are, the more their own wish counts, so ask for it."
    )


def _stands(state: Mapping[str, Any]) -> Iterator[str]:
    """Say what stands around a request: what it takes up again, what is marked, what holds its data."""
    from troth.rules.request_moves import MARKS, REOPENED_FOR

    again = state.get("reopens")
    if again:
        yield f"It takes up {again['request']} again: {REOPENED_FOR[again['because']]}."
    for one in state.get("reopened") or ():
        yield f"It is taken up again as {one['as']}, since {one['on']}: {REOPENED_FOR[one['because']]}."
    for name, one in (state.get("documents") or {}).items():
        if not one["gone"]:
            until = f"{one['until'][:16].replace('T', ' ')} UTC"
            yield (
                f"A document was handed in ({name}, {one['type'].upper()}, {one['bytes']:,} bytes): look at it by "
                f"{until} (troth request document), then say what you saw (troth request answer-ask)."
            )
    for mark, on in (state.get("marks") or {}).items():
        yield f"Marked {mark} on {on}: {MARKS[mark]}."


def show_plan(facts: Mapping[str, Any]) -> None:
    """Show a measured plan as a table."""
    words = {"delete": "erase", "blank": "blank", "retain": "archive", "replace_owner": "give to the placeholder",
             "detach": "unlink", "archive": "move to its archive"}  # fmt: skip
    rows = [
        [store, name, words.get(verb, verb), str(rows), f"{legal} until {until}" if until else legal]
        for store, told in facts["stores"].items()
        for name, verb, rows, until, legal in told["counts"]
    ]
    rows += [
        [store, name, f"side effect: {verb}", str(rows_), ""]
        for store, told in facts["stores"].items()
        for name, verb, rows_ in told["side_effects"]
    ]
    title = f"Plan {facts['plan_sha256'][:12]}, {facts['how']}; nothing is changed yet"
    out().print(table(title, ["store", "table", "what happens", "rows#", "why it stays"], rows))
    for store, told in facts["stores"].items():
        if told.get("processed"):
            out().print(
                f"{told['processed']:,} rows of {store} are other controllers', for whom we process: pass the request "
                "on (troth request forward --part).",
                soft_wrap=True,
            )
    if not rows:
        out().print("Nothing about this person is held in any store.")
