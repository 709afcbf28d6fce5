"""`troth task`: what owners of manual stores are asked, and what they attest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from troth.errors import NotFoundError
from troth.faces.cli.console import as_json, out, table
from troth.faces.cli.context import project
from troth.faces.cli.staff import STAFF

if TYPE_CHECKING:
    from troth.work.task import Task, Upload

app = typer.Typer(no_args_is_help=True, help="Ask the owners of manual stores, and record what they attest.")
TASK = typer.Argument(..., help="The task, as `troth task list` names it.")
BY = typer.Option(..., "--by", help="The name of the owner who attests it.")
NOTE = typer.Option("", "--note", help="What they said; it is kept encrypted.")
JSON = typer.Option(False, "--json", help="Write the result as JSON.")


@app.command("list")
def list_(
    every: bool = typer.Option(False, "--all", help="Answered ones too."),
    json: bool = JSON,
) -> None:
    """List the open tasks, those of the most urgent request first.

    Example: troth task list
    """
    from troth.work import task

    found = list(task.tasks(project(), every=every))
    if json:
        as_json([_told(one) for one in found])
        return
    if not found:
        out().print("No task is open.")
        return
    rows = [
        [one.id, one.right, one.store, one.told["state"].replace("_", " "), one.told["due"]] for one in found
    ]
    out().print(table("", ["task", "right", "store", "state", "due"], rows))


@app.command()
def show(
    task: str = TASK,
    link: bool = typer.Option(
        False, "--link", help="Print the address at which the owner answers; it works once."
    ),
    json: bool = JSON,
) -> None:
    """Show where a task stands; no personal data is in it.

    Example: troth task show 2026-0001.c1.mailboxes
    """
    from troth.work import task as work

    opened = project()
    one = work.by_id(opened, task)
    told = _told(one)
    if link and one.told["state"] == "open":
        told["link"] = f"{opened.settings.public_url}/task/{work.token(opened, one.id)}"
    if json:
        as_json(told)
        return
    out().print(
        f"{one.id}: {one.right} in {one.store}, {told['state'].replace('_', ' ')}, due {told['due']}; "
        f"{len(told['letters'])} letters, {told['files']} files."
    )
    for letter in told["letters"]:
        out().print(f"  {letter['on']}  {letter['kind'].replace('_', ' ')}: {letter['outcome']}")
    if "link" in told:
        out().print(str(told["link"]), soft_wrap=True)


@app.command()
def done(
    task: str = TASK,
    by: str = BY,
    file: list[Path] = typer.Option([], "--file", help="What they hand in; may be repeated."),
    note: str = NOTE,
    staff: str = STAFF,
) -> None:
    """Record that an owner attests: found, and done or handed in.

    Example: troth task done 2026-0001.c1.mailboxes --by "Jo Doe" --file export.zip --staff dana
    """
    _answer(task, "done", by, note, staff, [_upload(each) for each in file])


@app.command("not-found")
def not_found(task: str = TASK, by: str = BY, note: str = NOTE, staff: str = STAFF) -> None:
    """Record that an owner attests: there is nothing about this person.

    Example: troth task not-found 2026-0001.c1.mailboxes --by "Jo Doe" --staff dana
    """
    _answer(task, "not_found", by, note, staff, [])


@app.command()
def silent(
    task: str = TASK,
    because: str = typer.Option(..., "--because", help="Why the answer goes out without it; kept encrypted."),
    staff: str = STAFF,
) -> None:
    """Go on although an owner is silent past the due day; the answer then says that it is not complete.

    Example: troth task silent 2026-0001.c1.mailboxes --because "on leave until May" --staff dana
    """
    from troth.work import task as work

    opened = project()
    one = work.by_id(opened, task)
    work.go_on_without(opened, one, staff, because)
    out().print(f"Request {one.number} goes on without {one.store}; its answer says so.")


def _answer(task: str, outcome: str, by: str, note: str, staff: str, files: list[Upload]) -> None:
    from troth.work import task as work

    opened = project()
    one = work.by_id(opened, task)
    work.answer(opened, one, outcome, by, note=note, files=files, channel="account", staff=staff)
    out().print(f"Recorded for {one.id}: {outcome.replace('_', ' ')}, {len(files)} files.")


def _upload(file: Path) -> Upload:
    from troth.work.task import Upload

    try:
        return Upload(file.name, file.read_bytes())
    except OSError:
        raise NotFoundError("One of the files cannot be read. Is it there?") from None


def _told(one: Task) -> dict[str, Any]:
    return {
        "task": one.id,
        "request": one.number,
        "claim": one.claim,
        "right": one.right,
        "store": one.store,
        "state": one.told["state"],
        "given": one.told["on"],
        "due": one.told["due"],
        "ended": one.told.get("ended"),
        "files": len(one.told["files"]),
        "letters": one.told["letters"],
    }
