"""`troth audit`: every promise kept, broken or unproven."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, out, table
from troth.faces.cli.context import project
from troth.faces.cli.taking import give, refuse_over, shape_of

if TYPE_CHECKING:
    from troth.rules.verdict import Verdict
    from troth.work.project import Project

FORMATS = ("text", "json", "html", "pdf", "sarif")
TO_READ = ("html", "pdf")
DAYS_MAX = 60
"""How many days the page draws."""
STYLE = {"kept": "green", "broken": "bold red", "unproven": "dim"}


def audit(
    format: str = typer.Option(
        "",
        "--format",
        show_default=False,
        help="text, json, html, pdf or sarif (default: as the file is named, else text).",
    ),
    json: bool = typer.Option(False, "--json", help="The same as --format json."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Write to this file."),
    since: datetime | None = typer.Option(
        None, "--since", formats=["%Y-%m-%d"], help="Only say what changed from this day on; nothing is run."
    ),
    trend: bool = typer.Option(False, "--trend", help="Count the verdicts of each day; nothing is run."),
    strict: bool = typer.Option(False, help="Exit 1 for unproven promises too."),
    language: str = typer.Option(
        "", "--language", "-l", help="en or fr, for html and pdf (default: the policy's)."
    ),
    force: bool = typer.Option(False, "--force", help="Write over the file."),
) -> None:
    """Say of every promise whether it is kept, broken or unproven, with its figure and its evidence.

    Exit 1 when one is broken (with --strict also when one is unproven).

    Example: troth audit --format html -o audit.html
    """
    from troth.rules.verdict import exit_code
    from troth.work.audit import audit as auditing
    from troth.work.audit_trend import trend as trended

    shape = shape_of("json" if json else format, output, FORMATS)
    if language and (shape not in TO_READ or since is not None or trend):
        raise NotAllowedError(
            "--language is for an audit as html or pdf; what is for a terminal or a program is English."
        )
    opened = project()
    if since is not None or trend:
        _tell_past(opened, since.date() if since else None, shape)
        return
    refuse_over(output, force=force)
    verdicts = auditing(opened)
    head = heading(opened)
    if shape == "text" and output is None:
        _print(verdicts, head)
    elif shape == "json" and output is None:
        head["trend"] = trended(opened)
        as_json({**_told(head), "promises": [asdict(one) for one in verdicts]})
    else:
        head["trend"] = trended(opened)
        give(written(opened, verdicts, head, shape, language), output, shape, "audit", force=force)
    code = exit_code(verdicts, strict=strict)
    if code:
        raise typer.Exit(code)


def heading(opened: Project) -> dict[str, Any]:
    """Return what stands above the verdicts, and beside each: the policy, the checkpoint, actions and replies."""
    from troth.ledger.seal import seal_all
    from troth.rules import control
    from troth.work.action import beside
    from troth.work.reply import replies

    checkpoint = seal_all(opened.ledger)
    return {
        "policy": opened.policy.title,
        "version": opened.policy.version,
        "at": opened.clock().isoformat(timespec="seconds"),
        "sealed": checkpoint.size if checkpoint else 0,
        "root": checkpoint.root.hex() if checkpoint else "",
        "actions": beside(opened),
        "replies": replies(opened),
        "without_control": [one.promise.id for one in control.checked(opened.policy) if one.control is None],
        "without_promise": [one.name for one in control.idle(opened.policy)],
    }


def _print(verdicts: Sequence[Verdict], head: dict[str, Any]) -> None:
    rows = [
        [
            f"[{STYLE[one.word]}]{one.word}[/]",
            f"[bold]{escape(one.promise)}[/]\n"
            + escape("\n".join([one.figure, *(f"– {by}" for by in one.broken_by), *_beside(one, head)]))
            + f"\n[dim]{escape(_scope(one))}[/]",
        ]
        for one in verdicts
    ]
    out().print(
        table(
            f"Audit of {head['policy']}, version {head['version']}",
            ["verdict", "promise, and the figure that says so"],
            rows,
        )
    )
    counts = Counter(one.word for one in verdicts)
    out().print(f"{counts['kept']} kept, {counts['broken']} broken, {counts['unproven']} unproven.")
    for said in _unguarded(head):
        out().print(said, markup=False)
    out().print(f"Sealed with {head['sealed']} events; root {head['root']}.", style="dim")


def _beside(one: Verdict, head: dict[str, Any]) -> list[str]:
    """Say what mends a promise, which action is open about it, and what its owner replied."""
    action, reply = head["actions"].get(one.promise), head["replies"].get(one.promise)
    told = [f"→ {one.remedy}"] if one.remedy and one.word == "broken" else []
    told += [action["said"]] if action else []
    return told + ([replied(reply)] if reply else [])


def _scope(one: Verdict) -> str:
    """Say what a verdict is about."""
    return f"looked at: {one.looked_at}"


def _unguarded(head: Mapping[str, Any]) -> list[str]:
    """Say which promises no control checks, and which controls guard no promise: both are findings."""
    alone, idle = head["without_control"], head["without_promise"]
    told = [f"No control checks: {', '.join(alone)}."] if alone else []
    return told + ([f"Controls that guard no promise here: {', '.join(idle)}."] if idle else [])


def replied(reply: Mapping[str, str]) -> str:
    """Say what the owner of a promise replied, on which day and to which verdict.

    >>> replied({"owner": "Marie", "on": "2026-12-01", "verdict": "broken", "says": "Mended in January."})
    'Marie, 2026-12-01, on “broken”: Mended in January.'
    """
    return f"{reply['owner']}, {reply['on']}, on “{reply['verdict']}”: {reply['says']}"


def reply(
    promise: str = typer.Argument(..., metavar="PROMISE", help="Its id, as `troth audit` shows it."),
    says: str = typer.Option(..., "--says", help="The reply, in words; kept encrypted."),
    owner: str = typer.Option(..., "--owner", help="Who answers for the promise."),
    staff: str = typer.Option(
        "troth", "--staff", "-s", help="Who you are, as it stands in the record.", envvar="TROTH_STAFF"
    ),
    json: bool = typer.Option(False, "--json", help="Write the result as JSON."),
) -> None:
    """Record what the owner of a promise says to its verdict; audits show it beside the verdict, which stays.

    Example: troth reply 9.5/cookies --owner "head of marketing" --says "The new tool comes in January."
    """
    from troth.work.reply import reply as replying

    event = replying(project(), promise, says, owner, staff)
    if json:
        as_json({"promise": promise, "verdict": event.facts["verdict"], "event": event.id})
        return
    out().print(f"The reply stands beside the verdict “{event.facts['verdict']}” on {promise}: event {event.id}.",
                markup=False)  # fmt: skip


def _tell_past(opened: Project, since: date | None, shape: str) -> None:
    """Say what changed, or how many promises stood how on each day."""
    from troth.work.audit_trend import trend, turned

    if since is None:
        days = trend(opened)
        if shape == "json":
            as_json(days)
            return
        rows = [[str(one.on), str(one.kept), str(one.broken), str(one.unproven)] for one in days]
        out().print(table("", ["day", "kept#", "broken#", "unproven#"], rows))
        return
    found = turned(opened, since)
    if shape == "json":
        as_json(found)
    elif not found:
        out().print(f"No verdict changed since {since}.")
    else:
        rows = [
            [
                str(one.on),
                escape(one.promise),
                one.was,
                f"[{STYLE[one.becomes]}]{one.becomes}[/]",
                escape(one.figure),
            ]
            for one in found
        ]
        out().print(table("", ["day", "promise", "was", "is", "figure"], rows))


def written(
    opened: Project, verdicts: Sequence[Verdict], head: dict[str, Any], shape: str, language: str = ""
) -> bytes:
    """Write an audit as html or pdf, in a language or in that of the policy; or as json, sarif or lines of text."""
    import json

    if shape in TO_READ:
        from troth.work import audit_paper

        ours = next((one for one in opened.policy.documents if one in audit_paper.LANGUAGES), "en")
        found = shown(opened, verdicts, head, language or ours)
        return audit_paper.pdf(opened, found) if shape == "pdf" else page(found).encode()
    if shape == "json":
        told = {**_told(head), "promises": [asdict(one) for one in verdicts]}
        return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()
    if shape == "sarif":
        return (json.dumps(_sarif(opened, verdicts, head), indent=2, ensure_ascii=False) + "\n").encode()
    lines = [
        "\t".join([one.clause, one.promise, one.word, one.figure, _scope(one), *_beside(one, head)])
        for one in verdicts
    ]
    return "".join(f"{line}\n" for line in [*lines, *_unguarded(head)]).encode()


def _told(head: dict[str, Any]) -> dict[str, Any]:
    return {**head, "trend": [{**asdict(one), "on": one.on.isoformat()} for one in head["trend"]]}


def _sarif(opened: Project, verdicts: Sequence[Verdict], head: dict[str, Any]) -> dict[str, Any]:
    """Return what is not kept, each at the line of its promise."""
    from troth.faces.cli.sarif import log, place

    promises = {one.promise: opened.policy.promises[one.promise] for one in verdicts}
    rules = [
        {"id": f"promise/{kind}", "shortDescription": {"text": f"Promises of the kind {kind} are kept."}}
        for kind in sorted({one.kind for one in promises.values()})
    ]
    results = [
        {
            "ruleId": f"promise/{promises[one.promise].kind}",
            "level": "error" if one.word == "broken" else "note",
            "message": {
                "text": "; ".join(
                    [
                        f"{one.promise} is {one.word}: {one.figure}",
                        *one.broken_by,
                        *_beside(one, head),
                        _scope(one),
                    ]
                )
            },
            "properties": {
                "looked_at": one.looked_at,
                "remedy": one.remedy,
                "reply": head["replies"].get(one.promise),
            },
            "locations": [place(promises[one.promise].file, promises[one.promise].line, 1)],
            "partialFingerprints": {"promise/v1": one.promise},
        }
        for one in verdicts
        if one.word != "kept"
    ]
    return log(rules, results)


def shown(
    opened: Project, verdicts: Sequence[Verdict], head: Mapping[str, Any], language: str
) -> dict[str, Any]:
    """Return an audit as people read it, in English or French; NotAllowedError for another language."""
    from troth.rules.french import in_french
    from troth.work import audit_paper

    if language not in audit_paper.LANGUAGES:
        raise NotAllowedError(f"An audit is written in one of: {', '.join(audit_paper.LANGUAGES)}.")
    return audit_paper.shown(opened, verdicts, head, language, in_french if language == "fr" else str)


def page(audit: Mapping[str, Any]) -> str:
    """Draw the audit, as it is `shown`, as a page of its own."""
    from importlib.resources import files

    from jinja2 import Environment

    before = max(0, len(audit["days"]) - DAYS_MAX)
    label = audit["labels"]["left_out_one" if before == 1 else "left_out_many"].format(count=before)
    template = (files("troth.faces") / "audit.html").read_text(encoding="utf-8")
    made = Environment(autoescape=True).from_string(template)
    return made.render(**{**audit, "days": audit["days"][-DAYS_MAX:], "left_out": label if before else ""})
