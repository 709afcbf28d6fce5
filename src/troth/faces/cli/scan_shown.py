"""The report of a scan as people and programs read it: text, a page, SARIF."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from troth.faces.cli import sarif
from troth.faces.cli.console import out, table
from troth.rules.scan import VERDICTS
from troth.rules.scan_report import Report
from troth.rules.scan_report import as_json as told
from troth.rules.scan_words import lasting, title, told_states
from troth.rules.scan_words import page as words

if TYPE_CHECKING:
    from troth.policy.policy import Policy

LINES_MAX = 400
_COLUMNS = ("name", "host", "kind", "party", "states", "lifetime", "set_by", "declared")


def show(report: Report, language: str) -> None:
    """Show the report in a terminal."""
    from rich.markup import escape

    said, facts = words(language), told(report, language)
    out().print(f"[bold]{escape(said['title'].format(site=report.site))}[/bold]")
    for one in facts["findings"]:
        style = "bold red" if one["breaks"] else "yellow"
        out().print(f"\n[{style}]{escape(one['title'])}[/]  {escape(one['message'])}")
        for trace in one["evidence"]:
            out().print(escape(_trace(trace, said)), style="dim", soft_wrap=True)
        out().print(escape(f"  {said['remedy']} {one['remedy']}"))
    if not facts["findings"]:
        out().print(said["nothing"])
    rows = [[escape(cell) for cell in row] for row in _rows(facts, said)]
    out().print()
    out().print(table(said["seen"], [said[name] for name in _COLUMNS], rows))
    for line in _foot(report, facts, said):
        out().print(escape(line))


def _rows(facts: Mapping[str, Any], said: Mapping[str, str]) -> list[list[str]]:
    reached = [state for state, one in facts["states"].items() if one["outcome"] == "reached"]
    return [
        [
            one["name"], one["host"], said[f"kind.{one['kind']}"], said[one["party"]],
            told_states(one["states"], reached, said["language"]), _lifetime(one, said),
            " ".join(one["set_by"][:1]) + (" …" if len(one["set_by"]) > 1 else ""), one["declared_as"] or "–",
        ]
        for one in facts["seen"][:LINES_MAX]
    ]  # fmt: skip


def _lifetime(one: Mapping[str, Any], said: Mapping[str, str]) -> str:

    if one["lifetime_days"] is not None:
        return lasting(one["lifetime_days"] * 86_400, said["language"])
    return said["session"] if one["kind"] in {"cookie", "session_storage"} else said["no_end"]


def _trace(trace: Mapping[str, Any], said: Mapping[str, str]) -> str:
    parts = [said[f"state.{trace['state']}"], trace["page"], trace["line"] or trace["how"]]
    parts += [trace["stack"][0]] if trace["stack"] else ([trace["set_by"]] if trace["set_by"] else [])
    return "    " + " · ".join(part for part in parts if part)


def _foot(report: Report, facts: Mapping[str, Any], said: Mapping[str, str]) -> list[str]:
    lines = []
    for state, one in facts["states"].items():
        pressed = f" ({one['pressed']})" if one["pressed"] else ""
        lines.append(f"{said[f'state.{state}']}{said['colon']}{said[one['outcome']]}{pressed}")
    lines += [one["text"] for one in facts["notes"]]
    lines.append(_sum(report, said))
    if not report.complete:
        lines.append(said["not_whole"])
    return lines


def _sum(report: Report, said: Mapping[str, str]) -> str:
    return said["sum"].format(
        breaks=report.breaks, remarks=len(report.findings) - report.breaks, seen=len(report.seen),
        visits=report.visits, pages=len(report.pages), seconds=f"{report.seconds:.1f}".replace(".", said["point"]),
    )  # fmt: skip


def plain(report: Report, language: str) -> str:
    """Write the report as lines of text."""
    said, facts = words(language), told(report, language)
    lines = [said["title"].format(site=report.site)]
    for one in facts["findings"]:
        lines += [
            f"{one['title']}{said['colon']}{one['message']}",
            *(_trace(trace, said) for trace in one["evidence"]),
        ]
    lines += [
        "",
        said["seen"],
        *("\t".join(row) for row in _rows(facts, said)),
        "",
        *_foot(report, facts, said),
    ]
    return "\n".join(lines) + "\n"


def page(report: Report, language: str) -> str:
    """Draw the report as a page of its own, pictures and all."""
    from jinja2 import Environment

    said, facts = words(language), told(report, language)
    template = (files("troth.faces") / "scan.html").read_text(encoding="utf-8")
    shown = {trace["picture"] for one in facts["findings"] for trace in one["evidence"]}
    return Environment(autoescape=True).from_string(template).render(
        said=said, report=report, facts=facts, language=language, sum=_sum(report, said),
        lifetime=lambda one: _lifetime(one, said),
        pictures={name: b64encode(taken).decode() for name, taken in report.pictures.items() if name in shown},
    )  # fmt: skip


def in_sarif(report: Report, policy: Policy | None, file: Path | None, language: str) -> dict[str, Any]:
    """Return findings in SARIF, at the line of the policy that declares the table."""
    where = _table_place(policy, file)
    there: Sequence[str] = [
        verdict for verdict in VERDICTS if any(one.verdict == verdict for one in report.findings)
    ]
    results = [
        {
            "ruleId": one["verdict"],
            "ruleIndex": there.index(one["verdict"]),
            "level": "error" if one["breaks"] else "note",
            "message": {"text": f"{one['message']} {one['remedy']}"},
            "locations": [{**where, "logicalLocations": [{"name": one["name"], "kind": one["kind"],
                                                          "fullyQualifiedName": f"{one['host']}/{one['name']}"}]}],
            "partialFingerprints": {"cookie/v1": f"{one['verdict']}:{one['kind']}:{one['host']}:{one['name']}"},
            "properties": {"states": one["states"], "evidence": one["evidence"]},
        }
        for one in told(report, language)["findings"]
    ]  # fmt: skip
    rules = [{"id": verdict, "shortDescription": {"text": title(verdict, language)}} for verdict in there]
    return sarif.log(rules, results)


def _table_place(policy: Policy | None, file: Path | None) -> dict[str, Any]:
    lines = [
        (one.file, one.line)
        for one in (policy.promises.values() if policy is not None else ())
        if one.kind == "cookies" and "table" in one.said
    ]
    name, line = lines[0] if lines else ("policy.md", 1)
    return sarif.place(str(file.parent / name) if file is not None else name, line, 1)
