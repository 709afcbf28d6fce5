"""`troth audit`: every promise kept, broken or unproven."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from troth.errors import NotAllowedError
from troth.faces.cli.console import as_json, err, out, table
from troth.faces.cli.context import project

if TYPE_CHECKING:
    from troth.rules.verdict import Verdict

STYLE = {"kept": "green", "broken": "bold red", "unproven": "dim"}


def audit(
    format: str = typer.Option("text", "--format", help="text, json or html."),
    json: bool = typer.Option(False, "--json", help="The same as --format json."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Write to this file."),
    strict: bool = typer.Option(False, help="Exit 1 for unproven promises too."),
) -> None:
    """Say of every promise whether it is kept, broken or unproven, with its figure and its evidence.

    Exit 1 when one is broken (with --strict also when one is unproven).

    Example: troth audit --format html -o audit.html
    """
    from troth.ledger.seal import seal_all
    from troth.rules.verdict import exit_code
    from troth.work.audit import audit as auditing

    shape = "json" if json else format
    if shape not in {"text", "json", "html"}:
        raise NotAllowedError(f"There is no format {shape[:20]!r}. There are: text, json, html.")
    opened = project()
    verdicts = auditing(opened)
    checkpoint = seal_all(opened.ledger)
    head = {
        "policy": opened.policy.title,
        "version": opened.policy.version,
        "at": opened.clock().isoformat(timespec="seconds"),
        "sealed": checkpoint.size if checkpoint else 0,
        "root": checkpoint.root.hex() if checkpoint else "",
    }
    if shape == "text" and output is None:
        _print(verdicts, head)
    elif shape == "json" and output is None:
        as_json({**head, "promises": [asdict(one) for one in verdicts]})
    else:
        _write(verdicts, head, shape, output)
    code = exit_code(verdicts, strict=strict)
    if code:
        raise typer.Exit(code)


def _print(verdicts: Sequence[Verdict], head: dict[str, Any]) -> None:
    rows = [
        [
            one.clause,
            one.promise,
            f"[{STYLE[one.word]}]{one.word}[/]",
            "\n".join([one.figure, *(f"– {by}" for by in one.broken_by)]),
        ]
        for one in verdicts
    ]
    out().print(
        table(
            f"Audit of {head['policy']}, version {head['version']}",
            ["clause", "promise", "verdict", "figure"],
            rows,
        )
    )
    counts = Counter(one.word for one in verdicts)
    out().print(f"{counts['kept']} kept, {counts['broken']} broken, {counts['unproven']} unproven.")
    out().print(f"Sealed with {head['sealed']} events; root {head['root']}.", style="dim")


def _write(verdicts: Sequence[Verdict], head: dict[str, Any], shape: str, output: Path | None) -> None:
    if shape == "html":
        text = page(verdicts, head)
    elif shape == "json":
        import json

        text = (
            json.dumps({**head, "promises": [asdict(one) for one in verdicts]}, indent=2, ensure_ascii=False)
            + "\n"
        )
    else:
        text = "".join(f"{one.clause}\t{one.promise}\t{one.word}\t{one.figure}\n" for one in verdicts)
    if output is None:
        sys.stdout.write(text)
        return
    output.write_text(text, encoding="utf-8")
    err().print(f"Written to {output}.")


def page(verdicts: Sequence[Verdict], head: dict[str, Any]) -> str:
    """Draw the audit as a page of its own."""
    from importlib.resources import files

    from jinja2 import Environment

    template = (files("troth.faces") / "audit.html").read_text(encoding="utf-8")
    sealed = f"sealed with {head['sealed']} events, root {head['root'][:16]}"
    return Environment(autoescape=True).from_string(template).render(
        title=head["policy"], version=head["version"], at=head["at"], sealed=sealed, verdicts=verdicts,
        counts=Counter(one.word for one in verdicts),
    )  # fmt: skip
