"""`troth policy draft`: write the policy clause by clause, have it advised on, approved, accepted and published."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, out, table
from troth.faces.cli.context import project
from troth.faces.cli.staff import STAFF, refuse_nobody

if TYPE_CHECKING:
    from troth.policy.merging import Side
    from troth.work.draft_policy import PolicyDraft

app = typer.Typer(
    no_args_is_help=True, help="Write a draft of the policy by clause; approve, accept and publish it."
)
NAME = typer.Argument(..., metavar="DRAFT", help="What the draft is called.")
CLAUSE = typer.Argument(
    ..., metavar="CLAUSE", help="The number of the clause, such as 7.1; `top` is the preamble."
)
PROPOSAL = typer.Argument(
    ..., metavar="PROPOSAL", help="Its name, as `troth policy draft proposals` shows it."
)
JSON = typer.Option(False, "--json", help="Write the result as JSON.")
WRITER = typer.Option(
    "",
    "--staff",
    "-s",
    help="Who you are, as it stands in the record; required to write.",
    envvar="TROTH_STAFF",
)
LANGUAGE = typer.Option(
    "", "--language", "-l", metavar="LANG", help="In which language (default: the policy's)."
)
AUTHOR = typer.Option(
    "", "--author", help="Who accepts, as `Name <address>`, for the commit (default: the name in the record)."
)


@app.command()
def begin(
    name: str = typer.Option("", "--name", help="What the draft is called (default: a short code)."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Begin a draft from the files as they stand; they stay as they are until the draft is accepted.

    Example: troth policy draft begin --name spring-review --staff l.weiss
    """
    from troth.work import draft_policy

    _say(draft_policy.begin(project(), staff, name), json)


@app.command("list")
def list_drafts(json: bool = JSON) -> None:
    """List the drafts, those that are open first.

    Example: troth policy draft list
    """
    from troth.work import draft_policy

    found = draft_policy.every(project())
    if json:
        as_json(found)
        return
    rows = [
        [one["name"], one["status"], one["begun_by"], one["moved_on"], ", ".join(one["writers"]) or "–"]
        for one in found
    ]
    out().print(table("Drafts of the policy", ["draft", "state", "begun by", "moved on", "writers"], rows))


@app.command()
def show(name: str = NAME, json: bool = JSON) -> None:
    """Show a draft: what it changes by clause, stale clauses, findings, comments, advice and approvals.

    Exit 1 when it has mistakes.

    Example: troth policy draft show spring-review
    """
    from troth.work import draft_policy

    here = project()
    draft = draft_policy.opened(here, name)
    found = draft_policy.findings(here, draft)
    told = draft_policy.texts(here, draft, [*draft.state["comments"], *draft.state["advice"]])
    if json:
        as_json(
            {**_told(draft), "stale": draft_policy.stale_clauses(draft), "findings": found, "texts": told}
        )
    else:
        _shown(draft, told)
        for number, files in draft_policy.stale_clauses(draft).items():
            out().print(
                f"Clause {number} is stale: {', '.join(files)} still says it as before.", markup=False
            )
        for one in found:
            out().print(f"{one.file}:{one.line}: {one.severity}: {one.says} {one.remedy}", markup=False)
    if any(one.severity == "error" for one in found):
        raise typer.Exit(1)


@app.command()
def text(
    name: str = NAME,
    clause: str = CLAUSE,
    file: Path | None = typer.Option(
        None, "--file", "-f", help="The new prose, as Markdown; - reads standard input."
    ),
    title: str = typer.Option("", "--title", help="Another title."),
    language: str = LANGUAGE,
    staff: str = WRITER,
    json: bool = JSON,
) -> None:
    """Write the prose or the title of a clause otherwise, in one language; promises and other clauses stay.

    Without --file and --title the prose is shown.

    Example: troth policy draft text spring-review 7.1 --language fr --file clause.md
    """
    from troth.policy import clause_text
    from troth.work import draft_policy

    here = project()
    draft = draft_policy.opened(here, name)
    number = _number(clause)
    spoken = _file(draft, language)
    if file is None and not title:
        words = clause_text.prose(draft.documents[spoken], number)
        if json:
            as_json({"file": spoken, "clause": number, "prose": words})
        else:
            sys.stdout.write(words + "\n")
        return
    refuse_nobody(staff)
    if title:
        draft = draft_policy.write_title(here, draft, spoken, number, title, staff)
    if file is not None:
        draft = draft_policy.write_prose(here, draft, spoken, number, _read(file), staff)
    _say(draft, json)


@app.command()
def promise(
    name: str = NAME,
    clause: str = CLAUSE,
    kind: str = typer.Argument(..., metavar="KIND", help="Its kind, such as retention."),
    called: str = typer.Argument("", metavar="[NAME]", help="Its name, for kinds that have one."),
    field: list[str] = typer.Option(
        [],
        "--field",
        metavar="INPUT=VALUE",
        help="What an input of its form says; empty takes it out. Repeatable.",
    ),
    remove: bool = typer.Option(False, "--remove", help="Remove the promise."),
    language: str = LANGUAGE,
    staff: str = WRITER,
    json: bool = JSON,
) -> None:
    """Write a promise otherwise, as the values of its form; a new name adds one. Comments in the file stay.

    Without --field and --remove the inputs of its form are shown, with what they hold.

    Example: troth policy draft promise spring-review 7.1 answer --field within.number=3 --field within.unit=weeks
    """
    from troth.policy import clause_text, form
    from troth.work import draft_policy

    here = project()
    draft = draft_policy.opened(here, name)
    spoken = draft.documents[_file(draft, language)].language
    fields = draft_policy.promise_form(draft, clause, kind, called, spoken)
    value = clause_text.promise_value(draft.main, clause, kind, called)
    inputs = form.filled(fields, value or {})
    if not field and not remove:
        if json:
            as_json({"fields": fields, "inputs": inputs})
        else:
            out().print(
                table(
                    f"{form.kind_said(kind, spoken)} {called}".strip(),
                    ["input", "holds", "label"],
                    [[one, escape(", ".join(said)), _label(fields, one)] for one, said in inputs.items()],
                )
            )
        return
    refuse_nobody(staff)
    for one in field:
        path, equals, said = one.partition("=")
        if not equals:
            raise NotAllowedError("--field is written INPUT=VALUE, such as within.number=3.")
        inputs[path] = [part for part in said.split("|") if part]
    new, wrong = form.read(fields, inputs, spoken)
    if wrong and not remove:
        raise NotAllowedError("\n".join(f"{one.name}: {one.says}" for one in wrong))
    made = draft_policy.write_promise(here, draft, clause, kind, called, None if remove else new, staff)
    _say(made, json)


@app.command()
def date(
    name: str = NAME,
    version: str = typer.Option(..., "--version", help="The number of the version it makes."),
    effective: datetime = typer.Option(
        ..., "--effective", formats=["%Y-%m-%d"], help="The day from which it is in force."
    ),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Give a draft its version and the day from which it is in force, wherever the files say them.

    Example: troth policy draft date spring-review --version 2.1 --effective 2027-02-01
    """
    from troth.work import draft_policy

    here = project()
    _say(draft_policy.set_date(here, draft_policy.opened(here, name), version, effective.date(), staff), json)


@app.command()
def comment(
    name: str = NAME,
    clause: str = CLAUSE,
    words: str = typer.Argument(..., metavar="TEXT", help="What you have to say; kept encrypted."),
    about: str = typer.Option("", "--about", help="The comment it answers, by its event."),
    settle: bool = typer.Option(False, "--settle", help="Settle the comment that it answers."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Comment on a clause of a draft, answer a comment, settle it.

    Example: troth policy draft comment spring-review 7.1 "Three weeks bind support too." --staff j.roux
    """
    from troth.work import draft_policy

    here = project()
    event = draft_policy.comment(here, draft_policy.opened(here, name), _number(clause), words, staff, about)
    if settle:
        if not about:
            raise NotAllowedError("Say which comment is settled with --about EVENT.")
        draft_policy.settle(here, draft_policy.opened(here, name), about, staff)
    _event(event.id, "Commented", json)


@app.command()
def advise(
    name: str = NAME,
    outcome: str = typer.Argument(..., metavar="OUTCOME", help="agrees, objects or asks_for_changes."),
    words: str = typer.Argument(..., metavar="TEXT", help="The advice; kept encrypted."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Record what the data protection officer advises on the text as it stands. Advice is no approval.

    Example: troth policy draft advise spring-review agrees "The shorter term can be kept." --staff dpo.lenoir
    """
    from troth.work import draft_policy

    here = project()
    event = draft_policy.advise(here, draft_policy.opened(here, name), outcome, words, staff)
    _event(event.id, "Advice recorded", json)


@app.command()
def approve(name: str = NAME, staff: str = STAFF, json: bool = JSON) -> None:
    """Approve the text of a draft as it stands. Who wrote does not approve alone; who advised does not approve.

    Example: troth policy draft approve spring-review --staff c.baron
    """
    from troth.work import draft_policy

    here = project()
    _say(draft_policy.approve(here, draft_policy.opened(here, name), staff), json)


@app.command()
def diff(
    name: str = NAME,
    language: str = typer.Option("", "--language", "-l", help="In whose words values are shown: en or fr."),
    json: bool = JSON,
) -> None:
    """Say what a draft changes, in words and in promises, and what follows: rows swept, consents, letters.

    Nothing is recorded or changed.

    Example: troth policy draft diff spring-review
    """
    from troth.faces.cli.change_commands import show as show_weighed
    from troth.work import draft_policy
    from troth.work.weigh_change import weigh_draft

    here = project()
    draft = draft_policy.opened(here, name)
    weighed = weigh_draft(here, draft, language)
    if json:
        as_json({"words": draft.changed, "weighed": weighed})
        return
    for one in draft.changed:
        out().print(f"{one.file}, clause {one.clause or 'top'}: {one.title}", style="bold", markup=False)
        for line in _lines(one.base, one.yours):
            out().print(f"  {line}", markup=False)
    show_weighed(weighed, out())


@app.command()
def conflicts(name: str = NAME, json: bool = JSON) -> None:
    """Show what changed in the files since a draft began: the text of then, of now, and of the draft, by clause.

    Exit 1 when both sides changed a clause.

    Example: troth policy draft conflicts spring-review
    """
    from troth.work import draft_policy

    here = project()
    found = [one for one in draft_policy.three_ways(here, draft_policy.opened(here, name)) if one.moved]
    if json:
        as_json([{"file": one.file, "clause": one.clause, "title": one.title, "base": one.base, "theirs": one.theirs,
                  "yours": one.yours, "disagree": one.disagree} for one in found])  # fmt: skip
    elif not found:
        out().print("The files say what they said when the draft began.")
    else:
        for one in found:
            said = "both changed it" if one.disagree else "only the file changed"
            out().print(f"{one.file}, clause {one.clause or 'top'} ({said})", style="bold", markup=False)
            for head, words in (("then", one.base), ("now", one.theirs), ("the draft", one.yours)):
                out().print(f"--- {head}\n{words.rstrip()}", markup=False)
    if any(one.disagree for one in found):
        raise typer.Exit(1)


@app.command()
def renew(
    name: str = NAME,
    keep: list[str] = typer.Option(
        [], "--keep", metavar="FILE:CLAUSE=SIDE", help="Whose text holds where both changed: theirs or yours."
    ),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Let a draft begin from the files as they stand now, its own changes on top.

    Example: troth policy draft renew spring-review --keep policy.md:7.1=yours
    """
    from troth.work import draft_policy

    here = project()
    chosen = dict(_kept(one) for one in keep)
    _say(draft_policy.renew(here, draft_policy.opened(here, name), chosen, staff), json)


@app.command()
def accept(name: str = NAME, author: str = AUTHOR, staff: str = STAFF, json: bool = JSON) -> None:
    """Write an approved draft into the files: a commit where there is git, a numbered version beside otherwise.

    Files that changed since the draft began are never written over: that is refused, and both are shown by
    `troth policy draft conflicts`.

    Example: troth policy draft accept spring-review --author "Camille Baron <c.baron@company.example>" --staff c.baron
    """
    from troth.work import accept_draft, draft_policy

    here = project()
    done = accept_draft.accept(here, draft_policy.opened(here, name), staff, author)
    if json:
        as_json(done)
        return
    where = (
        f"commit {done.commit[:12]}" if done.commit else f"version {done.number} in {accept_draft.VERSIONS}/"
    )
    out().print(
        f"{', '.join(done.files)} written: {where}. Next: troth policy draft publish {name}.", markup=False
    )


@app.command()
def undo(name: str = NAME, staff: str = STAFF, json: bool = JSON) -> None:
    """Put back the text before a draft that was accepted as a numbered version; where there is git, use git revert.

    Example: troth policy draft undo spring-review --staff c.baron
    """
    from troth.work import accept_draft, draft_policy

    here = project()
    number = accept_draft.undo(here, draft_policy.opened(here, name), staff)
    if json:
        as_json({"draft": name, "number": number})
    else:
        out().print(f"The text before is back, as version {number}.", markup=False)


@app.command()
def publish(name: str = NAME, author: str = AUTHOR, staff: str = STAFF, json: bool = JSON) -> None:
    """Publish an accepted draft; it comes into force on its day, and `troth policy announce` tells people.

    Example: troth policy draft publish spring-review --staff c.baron
    """
    from troth.work import accept_draft, draft_policy

    here = project()
    done = accept_draft.publish(here, draft_policy.opened(here, name), staff, author)
    told = {"event": done.event.id, "version": done.lock.version, "effective": done.lock.effective}
    if json:
        as_json(told)
    else:
        out().print(
            f"Version {told['version']} is published, in force from {told['effective']}.", markup=False
        )


@app.command("proposals")
def list_proposals(name: str = NAME, json: bool = JSON) -> None:
    """Show what reviewed documents propose for a draft (troth review --draft), and what became of each.

    Example: troth policy draft proposals spring-review
    """
    from troth.faces.cli.review_commands import show as show_proposal
    from troth.work import draft_policy, review_document

    here = project()
    found = review_document.kept(here, draft_policy.opened(here, name))
    if json:
        as_json(found)
        return
    for one in found:
        show_proposal(one.proposal, f"{one.name} ({one.state})", out())
    if not found:
        out().print("No reviewed document was taken in for this draft.")


@app.command()
def take(name: str = NAME, proposal: str = PROPOSAL, staff: str = STAFF, json: bool = JSON) -> None:
    """Turn one proposal of a reviewed document into a change of the draft.

    Example: troth policy draft take spring-review 01JD7Y2R3K4M5N6P7Q8R9S0T1V/3 --staff l.weiss
    """
    from troth.work import draft_policy, review_document

    here = project()
    _say(review_document.take(here, draft_policy.opened(here, name), proposal, staff), json)


@app.command()
def decline(name: str = NAME, proposal: str = PROPOSAL, staff: str = STAFF, json: bool = JSON) -> None:
    """Record that a proposal of a reviewed document is not wanted.

    Example: troth policy draft decline spring-review 01JD7Y2R3K4M5N6P7Q8R9S0T1V/4 --staff l.weiss
    """
    from troth.work import draft_policy, review_document

    here = project()
    _say(review_document.decline(here, draft_policy.opened(here, name), proposal, staff), json)


@app.command()
def drop(name: str = NAME, staff: str = STAFF, json: bool = JSON) -> None:
    """End a draft that is not wanted; what it said stays on record.

    Example: troth policy draft drop spring-review --staff l.weiss
    """
    from troth.work import draft_policy

    here = project()
    _event(draft_policy.drop(here, draft_policy.opened(here, name), staff).id, f"{name} is dropped", json)


def _number(clause: str) -> str:
    return "" if clause == "top" else clause


def _file(draft: PolicyDraft, language: str) -> str:
    for file, document in draft.documents.items():
        if not language or document.language == language:
            return file
    there = ", ".join(one.language for one in draft.documents.values())
    raise NotAllowedError(f"The policy is not written in {language[:10]!r}. There are: {there}.")


def _read(file: Path) -> str:
    from troth.faces.cli.policy_commands import read_text

    return sys.stdin.read() if str(file) == "-" else read_text(file)


def _kept(written: str) -> tuple[tuple[str, str], Side]:
    place, _, side = written.partition("=")
    file, _, clause = place.partition(":")
    if side == "theirs":
        return (file, _number(clause)), "theirs"
    if side == "yours":
        return (file, _number(clause)), "yours"
    raise NotAllowedError("--keep is written FILE:CLAUSE=SIDE, such as policy.md:7.1=yours.")


def _label(fields: Any, path: str) -> str:
    return next((str(one.label) for one in fields if one.name == path.partition(".")[0]), "")


def _lines(before: str, after: str) -> list[str]:
    from difflib import unified_diff

    found = list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1))
    return found[2:]


def _told(draft: PolicyDraft) -> dict[str, Any]:
    return {
        **draft.state,
        "clauses_changed": [{"file": one.file, "clause": one.clause} for one in draft.changed],
    }


def _say(draft: PolicyDraft, json: bool) -> None:
    if json:
        as_json(_told(draft))
    else:
        _shown(draft, {})


def _shown(draft: PolicyDraft, told: dict[str, str]) -> None:
    from troth.rules.policy_draft import approved

    state, console = draft.state, out()
    dated = f", version {state['version']} from {state['effective']}" if state["version"] else ""
    console.print(
        f"Draft {draft.name}: {state['status']}, begun by {state['begun_by']}{dated}.", markup=False
    )
    for one in draft.changed:
        console.print(f"  changed: {one.file}, clause {one.clause or 'top'}: {one.title}", markup=False)
    for entry in state["comments"] if told else ():
        done = " (settled)" if entry["event"] in state["settled"] else ""
        where = entry["clause"] or "top"
        console.print(
            f"  {entry['by']} on clause {where}{done}: {told[entry['event']]} [{entry['event']}]",
            markup=False,
        )
    for entry in state["advice"] if told else ():
        old = "" if entry["sha256"] == state["sha256"] else ", on an earlier text"
        console.print(
            f"  {entry['by']} {entry['outcome'].replace('_', ' ')}{old}: {told[entry['event']]}", markup=False
        )
    if state["status"] == "open":
        is_approved = approved(state)
        console.print(is_approved.lacks or f"Approved by {', '.join(is_approved.by)}.", markup=False)


def _event(event: str, said: str, json: bool) -> None:
    if json:
        as_json({"event": event})
    else:
        out().print(f"{said}. Event {event}.", markup=False)
