"""`troth logs`: server logs swept by age, and addresses in them truncated.

Danger: both rewrite files.  What prevents loss: without `--yes` they only count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, err, out, table
from troth.faces.cli.context import project

if TYPE_CHECKING:
    from troth.work.sweep_logs import Done

app = typer.Typer(no_args_is_help=True, help="Sweep server logs by age, and truncate the addresses in them.")
STORE = typer.Argument(..., help="The store's name in its map.", metavar="STORE")
YES = typer.Option(False, "--yes", "-y", help="Do it; without this it only counts.")
JSON = typer.Option(False, "--json", help="Print JSON.")


@app.command()
def sweep(store: str = STORE, yes: bool = YES, json: bool = JSON) -> None:
    """Remove the lines whose retention has ended, by the promise that the map names.

    Example: troth logs sweep web-logs
    """
    from troth.work import sweep_logs

    _tell(store, sweep_logs.sweep(project(), store, dry=not yes), json=json, dry=not yes)


@app.command()
def truncate(
    store: str = STORE,
    older_than: str = typer.Option("0 days", "--older-than", help="Only lines older than this."),
    yes: bool = YES,
    json: bool = JSON,
) -> None:
    """Truncate addresses: IPv4 to its first 24 bits, IPv6 to its first 48.

    Example: troth logs truncate web-logs --older-than "7 days" --yes
    """
    from troth.law.period import Period
    from troth.work import sweep_logs

    period = Period.parse(older_than)
    if period is None:
        raise NotAllowedError("--older-than is a period, such as 7 days or 3 months.")
    done = sweep_logs.truncate(project(), store, period, dry=not yes)
    _tell(store, done, json=json, dry=not yes)


def _tell(store: str, found: tuple[Done, ...], *, json: bool, dry: bool) -> None:
    refused = [sentence for one in found for sentence in one.swept.refused]
    if json:
        as_json({"store": store, "done": not dry, "logs": [
            {"log": one.log, "rule": one.rule, "before": one.before, "files": one.swept.files,
             "lines": one.swept.lines, "removed": one.swept.removed, "changed": one.swept.changed,
             "undated": one.swept.undated, "kept_back": one.swept.kept_back,
             "oldest": one.swept.oldest, "refused": list(one.swept.refused)}
            for one in found
        ]})  # fmt: skip
    else:
        rows = [
            [one.log, one.rule, one.before.date().isoformat(), str(one.swept.files), f"{one.swept.lines:,}",
             f"{one.swept.removed:,}", f"{one.swept.changed:,}", f"{one.swept.undated:,}", f"{one.swept.kept_back:,}"]
            for one in found
        ]  # fmt: skip
        names = [
            "log",
            "rule",
            "before",
            "files#",
            "lines#",
            "removed#",
            "truncated#",
            "undated#",
            "kept back#",
        ]
        out().print(table("", names, rows))
        out().print("Nothing was changed; say it with --yes." if dry else "Done.")
        for sentence in refused:
            err().print(sentence, markup=False)
    if refused:
        raise typer.Exit(1)
