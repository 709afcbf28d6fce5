"""`troth webhook`: the systems that are told of choices by messages, and how far each is."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, out, table
from troth.faces.cli.context import project

app = typer.Typer(no_args_is_help=True, help="Tell other systems of consents, withdrawals and objections.")
JSON = typer.Option(False, "--json", help="Write the result as JSON.")
NAME = typer.Argument(..., help="The receiver, by its name in troth.toml.")


@app.command("list")
def list_(json: bool = JSON) -> None:
    """List the receivers, how many sealed events each is behind, and how its last message went.

    Example: troth webhook list
    """
    from troth.ledger import delivery, seal

    opened = project()
    newest = seal.checkpoint(opened.ledger)
    size = newest.size if newest else 0
    found = []
    for name, receiver in opened.settings.webhooks.items():
        at = delivery.of(opened.ledger, name)
        aside = sum(1 for _ in delivery.put_aside(opened.ledger, name))
        found.append({
            "name": name, "events": list(receiver.events), "identifiers": receiver.identifiers,
            "behind": max(0, size - at.next), "tries": at.attempts, "status": at.status, "aside": aside,
        })  # fmt: skip
    if json:
        as_json(found)
        return
    if not found:
        out().print("There are no receivers. Write [webhook.NAME] in troth.toml.", markup=False)
        return
    rows = [[str(one[name]) for name in ("name", "behind", "tries", "status", "aside")] for one in found]
    out().print(table("", ["receiver", "events behind#", "tries#", "last answer", "put aside#"], rows))


@app.command()
def test(name: str = NAME, json: bool = JSON) -> None:
    """Send a signed message that says nothing, and show what was answered.

    Example: troth webhook test crm
    """
    from troth.work.send_webhooks import test as send

    status = send(project(), name)
    if json:
        as_json({"name": name, "status": status})
    else:
        out().print(f"{name} answered: {status}.", markup=False)
    if not status.startswith("2"):
        raise typer.Exit(3)


@app.command()
def retry(name: str = NAME, json: bool = JSON) -> None:
    """Send what was put aside once more.

    Example: troth webhook retry crm
    """
    from troth.work.send_webhooks import retry as again

    took, left = again(project(), name)
    if json:
        as_json({"name": name, "taken": took, "left": left})
    else:
        out().print(f"Taken: {took}; still put aside: {left}.")
    if left:
        raise typer.Exit(3)


@app.command()
def resume(
    name: str = NAME,
    since: str = typer.Option(
        "", help="Go back to what happened from then on, such as 2026-11-20 or 2026-11-20T08:00Z."
    ),
    json: bool = JSON,
) -> None:
    """Let a receiver be told again at once: one that was gone or is waited for, or from an earlier moment.

    Example: troth webhook resume crm --since 2026-11-20
    """
    from troth.work.send_webhooks import resume as go_on

    try:
        moment = datetime.fromisoformat(since) if since else None
    except ValueError:
        raise NotAllowedError("--since is a day or a moment, such as 2026-11-20T08:00Z.") from None
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    number = go_on(project(), name, since=moment)
    if json:
        as_json({"name": name, "next": number})
    else:
        out().print(f"{name} is told from sealed event {number} on.", markup=False)
