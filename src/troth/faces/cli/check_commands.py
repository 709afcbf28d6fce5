"""The linter: `troth check`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.cli import sarif
from troth.faces.cli.console import as_json, out
from troth.faces.cli.policy_commands import read_text

if TYPE_CHECKING:
    from troth.errors import Problem
    from troth.policy.check import Finding

EXCERPT = 96
"""How many characters of a line are shown around what was found."""

_RANK = {"error": 0, "warn": 1, "info": 2}
_LEVEL = {"error": "error", "warn": "warning", "info": "note"}
_COLOUR = {"error": "bold red", "warn": "bold yellow", "info": "bold cyan"}
_WORDS = {
    "en": {
        "error": "error",
        "warn": "warning",
        "info": "note",
        "medium": "probably",
        "low": "perhaps",
        "remedy": "Remedy:",
        "clean": "Nothing was found.",
        "silenced": "{rule} is silenced at {place}: {why}",
        "explain": "`troth check --explain {rule}` says more of a rule.",
    },
    "fr": {
        "error": "erreur",
        "warn": "avertissement",
        "info": "remarque",
        "medium": "probable",
        "low": "à vérifier",
        "remedy": "Remède :",
        "clean": "Rien n'a été trouvé.",
        "silenced": "{rule} est tue à {place} : {why}",
        "explain": "`troth check --explain {rule} --language fr` en dit plus sur une règle.",
    },
}


class Format(StrEnum):
    """The forms of findings."""

    text = "text"
    json = "json"
    sarif = "sarif"


class Least(StrEnum):
    """How severe a finding must be to be shown."""

    error = "error"
    warn = "warn"
    info = "info"


@dataclass(frozen=True, slots=True)
class Checked:
    """A file, its lines, and what was found in it; `language` is that of the words."""

    file: str
    language: str
    lines: Sequence[str]
    findings: tuple[Finding, ...]


def check(
    files: list[Path] | None = typer.Argument(
        None,
        metavar="[FILE]…",
        help="Policies: .md or plain text; - reads standard input (default: the project's).",
    ),
    format: Format = typer.Option(Format.text, "--format", "-f", help="text, json or sarif."),
    severity: Least = typer.Option(
        Least.info, "--severity", help="Show findings from this on: error, warn or info."
    ),
    strict: bool = typer.Option(False, "--strict", help="Fail on warnings too, not only on errors."),
    language: str = typer.Option(
        "", "--language", "-l", metavar="LANG", help="en or fr (default: the policy's)."
    ),
    today: datetime | None = typer.Option(
        None, "--today", formats=["%Y-%m-%d"], metavar="DATE", help="Check as on this day."
    ),
    explain: str = typer.Option("", "--explain", metavar="RULE", help="Say what a rule is for, and stop."),
    rules: bool = typer.Option(False, "--rules", help="List every rule, and stop."),
) -> None:
    """Find what is wrong, missing or contradictory in a policy, with the law and the remedy.

    Exit code 1 where there is an error (with --strict: or a warning). To silence a rule, write
    `<!-- troth: disable T15 because … -->` in the policy (`# troth: disable …` in plain text):
    under a heading for that clause, above all headings for the whole file.

    Example: troth check policy.md --format sarif > findings.sarif
    """
    if language not in ("", "en", "fr"):
        raise NotFoundError(f"There are no words in `{language[:20]}`. Choose en or fr.")
    if explain:
        _explain(explain, language or "en", format)
        return
    if rules:
        _list(language or "en", format)
        return
    day = today.date() if today else datetime.now(UTC).date()
    checked = [
        Checked(
            one.file,
            one.language,
            one.lines,
            tuple(found for found in one.findings if _RANK[found.severity] <= _RANK[severity.value]),
        )
        for one in _all_checked(files or [], day, language)
    ]
    if format is Format.json:
        as_json({"findings": _plain(checked, silenced=False), "silenced": _plain(checked, silenced=True)})
    elif format is Format.sarif:
        as_json(_sarif(checked, language or "en"))
    else:
        _show(checked)
    failing = {"error", "warn"} if strict else {"error"}
    if any(found.severity in failing for one in checked for found in one.findings if not found.silenced):
        raise typer.Exit(1)


def _plain(checked: Iterable[Checked], *, silenced: bool) -> list[dict[str, Any]]:
    return [
        {
            "file": one.file,
            **{name: value for name, value in asdict(found).items() if name != "silenced" or value},
        }
        for one in checked
        for found in one.findings
        if bool(found.silenced) == silenced
    ]


def _all_checked(files: Sequence[Path], day: date, language: str) -> Iterator[Checked]:
    if not files:
        from troth.faces.cli.context import project

        folder = project().settings.folder
        files = sorted(folder.glob("policy*.md"), key=lambda path: (path.name != "policy.md", path.name))
        if not files:
            raise NotFoundError(
                f"There is no policy.md in {folder.name}/. Name a file, or start with `troth init`."
            )
    for file in files:
        if file.is_dir():
            raise NotFoundError(f"{file} is a folder. Name the policy in it, such as {file / 'policy.md'}.")
        yield _checked(file, day, language)


def _checked(file: Path, day: date, language: str) -> Checked:
    from troth.policy.check import check_all
    from troth.policy.document import language_of, plain_lines
    from troth.policy.plain import language_of as guessed

    text = _standard_input() if str(file) == "-" else read_text(file)
    name = "policy.txt" if str(file) == "-" else file.name
    policy = None
    beside = _beside(file) if file.suffix == ".md" else {}
    if any("```promise" in words for words in beside.values()):
        from troth.policy.loading import load

        policy, problems = load(beside)
        if policy is None:
            found = _unread(problems, name, language)
            return Checked(_shown(file), language or "en", plain_lines(text).split("\n"), found)
    findings = check_all(text, name, today=day, policy=policy, language=language or None)
    told = language or (language_of(name) if name.endswith(".md") else guessed(text))
    return Checked(_shown(file), told if told in _WORDS else "en", plain_lines(text).split("\n"), findings)


def _shown(file: Path) -> str:
    """Return how a file is called from here."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_absolute() and file.is_relative_to(here) else file)


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotAllowedError("Standard input is not UTF-8 text.") from None


def _beside(file: Path) -> dict[str, str]:
    """Read the main document, its other languages and the register, for a document of any language."""
    stem = file.name.split(".")[0]
    main = file.with_name(f"{stem}.md")
    names = [main if main.exists() else file, *sorted(file.parent.glob(f"{stem}.*.md"))]
    names += sorted(file.parent.glob("register/*.yaml"))
    return {path.relative_to(file.parent).as_posix(): read_text(path) for path in dict.fromkeys(names)}


def _unread(problems: Iterable[Problem], name: str, language: str) -> tuple[Finding, ...]:
    """Return problems of a policy that does not load as findings; those of files beside it say their file."""
    from troth.policy.check import Finding, about

    told = about("P00", language or "en")
    return tuple(
        Finding(
            rule="P00",
            line=one.line if one.file == name else 1,
            column=one.column if one.file == name else 1,
            length=1,
            severity="error",
            message=one.what if one.file == name else f"{one.file}:{one.line}: {one.what}",
            law=told.law,
            remedy=one.remedy,
            confidence="high",
        )
        for one in problems
    )


def _show(checked: Sequence[Checked]) -> None:
    every = [(one, found) for one in checked for found in one.findings]
    open_ones = [found for _, found in every if not found.silenced]
    lines = [line for one, found in every if not found.silenced for line in _told(one, found)]
    lines += [_told_silenced(one, found) for one, found in every if found.silenced]
    said = _WORDS[checked[0].language if checked else "en"]
    if open_ones:
        counts = {level: sum(found.severity == level for found in open_ones) for level in _RANK}
        summed = [f"{count} {said[level]}{'s' * (count > 1)}" for level, count in counts.items() if count]
        lines += [f"{', '.join(summed)}.", f"[dim]{said['explain'].format(rule=open_ones[0].rule)}[/dim]"]
    else:
        lines.append(said["clean"])
    out().print("\n".join(lines), soft_wrap=True)


def _told(one: Checked, found: Finding) -> Iterator[str]:
    """Yield the lines that tell of a finding, in Rich's markup."""
    from rich.markup import escape

    said = _WORDS[one.language]
    head = f"[{_COLOUR[found.severity]}]{said[found.severity]} {found.rule}[/]"
    sure = f" ({said[found.confidence]})" if found.confidence != "high" else ""
    yield f"{escape(one.file)}:{found.line}:{found.column}: {head}{sure} {escape(found.message)}"
    for shown in excerpt(one.lines, found):
        yield f"  [dim]{escape(shown)}[/dim]"
    law = f"  [dim]({escape(found.law)})[/dim]" if found.law else ""
    yield f"  {said['remedy']} {escape(found.remedy)}{law}\n"


def _told_silenced(one: Checked, found: Finding) -> str:
    from rich.markup import escape

    words = _WORDS[one.language]["silenced"]
    return escape(words.format(rule=found.rule, place=f"{one.file}:{found.line}", why=found.silenced))


def excerpt(lines: Sequence[str], found: Finding) -> tuple[str, ...]:
    """Return the line of a finding, cut around it, and a line of carets under what was found."""
    if not 1 <= found.line <= len(lines) or not lines[found.line - 1].strip():
        return ()
    line = "".join(letter if letter.isprintable() else " " for letter in lines[found.line - 1])
    start = min(max(found.column - 1, 0), len(line))
    first = 0 if len(line) <= EXCERPT else max(0, min(start - EXCERPT // 3, len(line) - EXCERPT))
    cut = line[first : first + EXCERPT]
    before, after = "…" if first else "", "…" if first + EXCERPT < len(line) else ""
    carets = "^" * max(1, min(found.length, first + len(cut) - start))
    number = f"{found.line} | "
    return (
        f"{number}{before}{cut}{after}",
        f"{' ' * (len(number) - 2)}| {' ' * (len(before) + start - first)}{carets}",
    )


def _explain(name: str, language: str, format: Format) -> None:
    from troth.policy.check import about, rule_ids

    known = rule_ids()
    if name.upper() not in known:
        near = get_close_matches(name.upper(), known, 1)
        more = f"Did you mean {near[0]}? " if near else ""
        raise NotFoundError(f"There is no rule {name[:20]}. {more}`troth check --rules` lists them all.")
    told = about(name.upper(), language)
    if format is not Format.text:
        as_json(asdict(told))
        return
    said, console = _WORDS[language], out()
    console.print(f"[bold]{told.rule}[/bold] ({told.group}; {said[told.severity]})", highlight=False)
    for words in (told.message, told.why, f"{said['remedy']} {told.remedy}", told.law):
        if words:
            console.print(words, markup=False)


def _list(language: str, format: Format) -> None:
    from troth.faces.cli.console import table
    from troth.policy.check import about, rule_ids

    every = [about(name, language) for name in rule_ids()]
    if format is not Format.text:
        as_json([asdict(told) for told in every])
        return
    rows = [
        (told.rule, _WORDS[language][told.severity], told.confidence, told.message, told.law)
        for told in every
    ]
    out().print(table("", ("Rule", "Severity", "Confidence", "What it finds", "Law"), rows))


def _sarif(checked: Sequence[Checked], language: str) -> dict[str, Any]:
    """Return findings in SARIF, as code hosts read it."""
    from troth.policy.check import about

    names = sorted({found.rule for one in checked for found in one.findings})
    return sarif.log(
        [_sarif_rule(asdict(about(name, language))) for name in names],
        [
            _sarif_result(one.file, found, names.index(found.rule))
            for one in checked
            for found in one.findings
        ],
    )


def _sarif_rule(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": told["rule"],
        "shortDescription": {"text": told["message"]},
        "fullDescription": {"text": told["why"]},
        "help": {"text": " ".join(filter(None, (told["remedy"], told["law"])))},
        "defaultConfiguration": {"level": _LEVEL[told["severity"]]},
        "properties": {"confidence": told["confidence"], "tags": [told["group"]]},
    }


def _sarif_result(file: str, found: Finding, index: int) -> dict[str, Any]:
    return {
        "ruleId": found.rule,
        "ruleIndex": index,
        "level": _LEVEL[found.severity],
        "message": {"text": f"{found.message} {found.remedy}"},
        "locations": [sarif.place(file, found.line, found.column, found.length)],
        **(
            {"suppressions": [{"kind": "inSource", "justification": found.silenced}]}
            if found.silenced
            else {}
        ),
    }
