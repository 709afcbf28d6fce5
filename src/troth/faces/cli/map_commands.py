"""Commands about the maps of where personal data is, and the kinds of store there are."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import typer

from troth.errors import NotAllowedError, NotFoundError, Problem, UnreachableError, WrongFileError
from troth.faces.cli import sarif
from troth.faces.cli.console import as_json, err, out, progress, table
from troth.faces.cli.context import project

if TYPE_CHECKING:
    from troth.policy.policy import Policy
    from troth.rules.map import Edge, Erase, Map, MapTable
    from troth.rules.map_finding import Found
    from troth.stores.draft import Drafted
    from troth.work.project import Project


class Format(StrEnum):
    """The forms of what a check found."""

    text = "text"
    json = "json"
    sarif = "sarif"


def app(
    store: str | None = typer.Argument(
        None, metavar="[STORE|URL]", help="One store's name, or every store; or a database to draft a map of."
    ),
    check: bool = typer.Option(False, "--check", help="Compare the maps with the live databases."),
    explain: str | None = typer.Option(
        None, "--explain", metavar="TABLE", help="Print every path from a subject to this table."
    ),
    picture: bool = typer.Option(False, "--picture", help="Draw the graph: as text, or with -o as SVG."),
    reviewed: bool = typer.Option(
        False, "--reviewed", help="Print what to write under `reviewed:` once you have looked."
    ),
    policy: Path | None = typer.Option(
        None, "--policy", metavar="FILE", help="With --check: compare with this policy, purpose by purpose."
    ),
    format: Format = typer.Option(Format.text, "--format", "-f", help="With --check: text, json or sarif."),
    output: Path | None = typer.Option(
        None, "--output", "-o", metavar="FILE", help="Write the draft, or the picture, into this new file."
    ),
    name: str | None = typer.Option(None, "--name", help="With a URL: what to call the store."),
    strict: bool = typer.Option(False, "--strict", help="With --check: let remarks fail too."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Draft, check, explain and draw the maps of where personal data is.

    Example: troth map env:SHOP_FIND -o stores/shop.yaml     (the URL stands in the variable)

    Example: troth map --check            (exit code 1 when anything must be mended)

    Example: troth map --check --policy policy.md --format sarif > map.sarif

    Example: troth map --explain orders shop          (or a URL, and the paths are guesses)

    Example: troth map --picture shop -o shop.svg
    """
    asked = [f"`{option}`" for option, given in (("--check", check), ("--explain", explain is not None),
             ("--picture", picture), ("--reviewed", reviewed)) if given]  # fmt: skip
    if len(asked) > 1:
        raise NotAllowedError(f"{asked[0]} and {asked[1]} are two questions: ask one at a time.")
    drafting = store is not None and ("://" in store or store.startswith(("env:", "file:")))
    if (policy is not None or format is not Format.text) and not check:
        raise NotAllowedError("`--policy` and `--format` are for `--check`: say that, too.")
    if drafting and (check or reviewed or picture):
        raise NotAllowedError("A URL is for drafting a map. Name the store of a map instead, such as `shop`.")
    if name is not None and not drafting:
        raise NotAllowedError("`--name` says what a drafted map calls its store: give a URL, too.")
    if output is not None and not (drafting or picture):
        raise NotAllowedError("`-o` is for a draft (give a URL) or for `--picture`.")
    if drafting and explain is not None:
        _explain_draft(store or "", explain, json=json)
    elif drafting:
        _draft(store or "", output, name, json=json)
    elif check:
        _check(store, policy, Format.json if json else format, strict=strict)
    elif reviewed:
        _reviewed(store, json=json)
    elif explain is not None:
        _explain(store, explain, json=json)
    elif picture:
        _picture(store, output, json=json)
    else:
        _list(_maps(project(), store), json=json)


_ABILITIES = {
    "atomic": "all at once",
    "measured_by_rollback": "tries out first",
    "amends": "corrects and sets aside",
    "replays": "replays on backups",
}


def stores(json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """List the kinds of store and what each can do.

    Example: troth stores --json
    """
    from troth.stores.connect import Kind, besides, kinds, lacking, limits

    found: list[dict[str, Any]] = []
    for name, kind in kinds().items():
        can = limits(kind)
        missing = lacking(kind)
        package = kind.package if isinstance(kind, Kind) else (kind.dist.name if kind.dist else kind.module)
        found.append({
            "kind": name,
            "what": kind.what if isinstance(kind, Kind) else "",
            "from": package,
            "ready": missing is None,
            "lacks": missing or "",
            "extra": kind.extra if isinstance(kind, Kind) else "",
            "besides": besides(kind),
            "atomic": can.atomic if can else None,
            "measured_by_rollback": can.measured_by_rollback if can else None,
            "rows_measured_max": can.rows_measured_max if can else None,
            "amends": can.amends if can else None,
            "amends_where": can.amends_where if can else None,
            "replays": can.replays if can else None,
            "replays_where": can.replays_where if can else None,
            "remembers": can.remembers if can else None,
        })  # fmt: skip
    if json:
        as_json({"kinds": found})
        return
    rows = [(str(each["kind"]), str(each["what"]), _can(each), _installed(each)) for each in found]
    out().print(table("", ("kind", "what it is", "what it can", "installed"), rows))
    out().print(
        "Every kind finds, counts, erases and searches for residue. What only people reach is of kind `manual`."
    )


def _can(kind: dict[str, Any]) -> str:
    """Say in words what a kind can besides."""
    if kind["atomic"] is None:
        return "?"
    said = [
        f"{word} {where}" if (where := kind.get(f"{name}_where")) else word
        for name, word in _ABILITIES.items()
        if kind[name]
    ]
    return ", ".join(said) or "one row, file or key at a time"


def _installed(kind: dict[str, Any]) -> str:
    if kind["ready"]:
        more = [f"{extra}: {'yes' if there else 'no'}" for extra, there in kind["besides"].items()]
        return ", ".join(["yes", *more] if kind["from"] == "troth" else ["yes", kind["from"], *more])
    return (
        f"no: pip install 'troth[{kind['extra']}]'"
        if kind["extra"]
        else f"no: {kind['lacks']} cannot be loaded"
    )


def _draft(written: str, output: Path | None, name: str | None, *, json: bool) -> None:
    from datetime import UTC, datetime

    from troth.stores.draft import draft_map

    url, reference = _followed(written)
    called = _store_name(name, output, url)
    if output is not None and output.exists():
        raise NotAllowedError(
            f"There is already a file {output.name}, which somebody may have corrected. Choose another name."
        )
    variable = "".join(c if c.isascii() and c.isalnum() else "_" for c in called).upper()
    find = reference or f"env:{variable}_FIND"
    change = f"env:{variable}_CHANGE"
    with progress("tables sampled") as advance:
        drafted = draft_map(
            url, called, find=find, change=change, today=datetime.now(UTC).date(), advance=advance
        )
    if output is not None:
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(drafted.text, encoding="utf-8")
        except OSError as error:
            raise NotAllowedError(
                f"{output.name} cannot be written ({error.strerror}). Choose another place."
            ) from None
    summary = _summary(drafted, called, output)
    if json:
        as_json(summary if output is not None else {**summary, "map": drafted.text})
        return
    if output is None:
        sys.stdout.write(drafted.text)
    counted = summary["columns"]
    err().print(
        f"{called}: {_count(summary['tables'], 'table')}; people in {', '.join(summary['people']) or 'none'}. "
        f"Columns: {counted['sure']} sure, {counted['likely']} likely, {counted['unknown']} for you to say. "
        "Correct the draft, then run `troth map --check`.",
        markup=False,
    )


def _followed(written: str) -> tuple[str, str | None]:
    """Return the URL that is meant, and the reference it was given as, if it was."""
    if written.startswith("env:"):
        variable = written.removeprefix("env:")
        found = os.environ.get(variable, "")
        if not found:
            raise NotFoundError(
                f"The environment has no variable `{variable}`. Set it to the URL of the database."
            )
        return found, written
    if written.startswith("file:"):
        path = written.removeprefix("file:")
        try:
            return Path(path).read_text(encoding="utf-8").strip(), written
        except (OSError, UnicodeDecodeError):
            raise NotFoundError(f"The file {path}, in which the URL should stand, cannot be read.") from None
    return written, None


def _store_name(name: str | None, output: Path | None, url: str) -> str:
    """Return the store's name: as said, or as the file's, or as the database's."""
    if name is not None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", name, re.ASCII):
            raise NotAllowedError(
                "A store's name is made of letters, digits, dots and dashes, such as `shop`; it is never renamed."
            )
        return name
    try:
        path = urlsplit(url).path
    except ValueError:
        path = ""
    own = output.stem if output is not None else "" if "@" in path else Path(path).stem
    own = re.sub(r"[^A-Za-z0-9_.-]", "-", own).lstrip("_.-")[:60]
    return own or "store"


def _summary(drafted: Drafted, called: str, output: Path | None) -> dict[str, Any]:
    roles: dict[str, list[str]] = {}
    for each in drafted.draft.tables:
        asked = each.role == "impersonal" and each.sure == "unknown"
        roles.setdefault("unknown" if asked else each.role, []).append(each.table.name)
    return {
        "store": called,
        "kind": drafted.kind,
        "file": str(output) if output is not None else None,
        "tables": len(drafted.draft.tables),
        "people": roles.get("subject", []),
        "questions": roles.get("unknown", []),
        "impersonal": len(roles.get("impersonal", [])),
        "edges": sum(len(each.edges) for each in drafted.draft.tables),
        "columns": {
            "sure": drafted.draft.count("sure"),
            "likely": drafted.draft.count("likely"),
            "unknown": drafted.draft.count("unknown"),
        },
    }


def _picture(store: str | None, output: Path | None, *, json: bool) -> None:
    from troth.rules.picture import svg, written

    maps = _maps(project(), store)
    if output is not None:
        if len(maps) > 1:
            raise NotAllowedError(f"A picture shows one store: name one of {', '.join(maps)}.")
        try:
            output.write_text("".join(map(svg, maps.values())), encoding="utf-8")
        except OSError as error:
            raise NotAllowedError(
                f"{output.name} cannot be written ({error.strerror}). Choose another place."
            ) from None
        err().print(f"Drawn: {output.name}", markup=False)
        return
    if json:
        as_json({"pictures": [{"store": name, "lines": written(found)} for name, found in maps.items()]})
        return
    for name, found in maps.items():
        out().print(name, style="bold", markup=False)
        for line in written(found):
            out().print(f"  {line}", markup=False)


def _check(store: str | None, policy_file: Path | None, format: Format, *, strict: bool) -> None:
    from troth.rules.catalogue import sha256
    from troth.rules.map_finding import Found
    from troth.work.check_map import check_map

    here = project()
    policy = _policy(here) if policy_file is None else _policy_of(policy_file)
    try:
        maps = _maps(here, store)
    except WrongFileError as error:  # a map that cannot be read is a finding, too
        _report([{"store": None, "found": [Found(each, "unreadable") for each in error.problems]}], format)
        raise typer.Exit(1) from None
    reports: list[dict[str, Any]] = []
    unreachable: list[UnreachableError] = []
    for name, found in maps.items():
        try:
            checked = check_map(here, name, policy, by_purpose=policy_file is not None)
        except UnreachableError as error:  # the others are checked all the same
            unreachable.append(error)
            continue
        reports.append({
            "store": name,
            "file": found.file,
            "catalogue_sha256": sha256(checked.catalogue),
            "tables": len(checked.catalogue.tables),
            "found": checked.found,
        })  # fmt: skip
    if reports or not unreachable:
        _report(reports, format)
    for each in unreachable[1:]:
        err().print(str(each), markup=False)
    if unreachable:
        raise unreachable[0]
    failing = {"problem", "remark"} if strict else {"problem"}
    if any(found.level in failing for each in reports for found in each["found"]):
        raise typer.Exit(1)


def _policy_of(file: Path) -> Policy:
    """Read a policy with the register beside it; raises WrongFileError with every mistake of them."""
    from troth.policy.loading import load

    if not file.is_file():
        raise NotFoundError(
            f"There is no policy {str(file)!r} to compare with. Name a file such as policy.md."
        )
    texts = {}
    for path in (file, *sorted(file.parent.glob("register/*.yaml"))):
        try:
            texts[path.relative_to(file.parent).as_posix()] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise NotAllowedError(f"{path.name} cannot be read as UTF-8 text. Save it as such.") from None
    policy, problems = load(texts)
    if policy is None or problems:
        raise WrongFileError(problems)
    return policy


def _report(reports: list[dict[str, Any]], format: Format) -> None:
    if format is Format.sarif:
        as_json(_sarif([found for each in reports for found in each["found"]]))
        return
    if format is Format.json:
        told = [{**{key: value for key, value in each.items() if key != "found"}, **_plain(each["found"])}
                for each in reports]  # fmt: skip
        as_json({"stores": told})
        return
    console = out()
    for each in reports:
        problems = [found.problem for found in each["found"] if found.level == "problem"]
        noted = [found.problem for found in each["found"] if found.level == "remark"]
        for problem in problems:
            console.print(_line(str(problem)), markup=False)
        for remark in noted:
            console.print(_line(f"{_place(remark)} remark: {remark.what} {remark.remedy}"), markup=False)
        if each["store"] is None:
            console.print(f"{_count(len(problems), 'problem')}; no database was looked at.")
        elif problems:
            console.print(
                f"{each['store']}: {_count(len(problems), 'problem')}, {_count(len(noted), 'remark')}."
            )
        else:
            console.print(
                f"{each['store']}: the map is true of its database, {_count(each['tables'], 'table')}, "
                f"{_count(len(noted), 'remark')} (catalogue sha256:{each['catalogue_sha256'][:16]})."
            )


def _plain(found: Sequence[Found]) -> dict[str, Any]:
    told = [(each.level, {**asdict(each.problem), "rule": each.rule}) for each in found]
    return {f"{level}s": [fields for of, fields in told if of == level] for level in ("problem", "remark")}


def _sarif(found: Sequence[Found]) -> dict[str, Any]:
    from troth.rules.map_finding import RULES

    names = sorted({each.rule for each in found})
    rules = [
        {
            "id": f"map/{name}",
            "shortDescription": {"text": RULES[name]},
        }
        for name in names
    ]
    results = [
        {
            "ruleId": f"map/{each.rule}",
            "ruleIndex": names.index(each.rule),
            "level": "error" if each.level == "problem" else "note",
            "message": {"text": f"{each.problem.what} {each.problem.remedy}"},
            "locations": [sarif.place(each.problem.file, each.problem.line, each.problem.column)],
        }
        for each in found
    ]
    return sarif.log(rules, results)


def _reviewed(store: str | None, *, json: bool) -> None:
    """Print the review of each map as its file says it; nothing is written into a map."""
    from datetime import UTC, datetime

    from troth.rules.catalogue import sha256
    from troth.rules.draft_text import scalar
    from troth.rules.map_drift import outlines

    here = project()
    today = datetime.now(UTC).date()
    reviews: list[dict[str, Any]] = []
    for name in _maps(here, store):
        catalogue = here.stores[name].catalogue()
        written = f"sha256:{sha256(catalogue)[:16]}"
        reviews.append(
            {"store": name, "date": today, "catalogue": written, "tables": dict(outlines(catalogue))}
        )
    if json:
        as_json({"reviews": reviews})
        return
    for each in reviews:
        if len(reviews) > 1:
            sys.stdout.write(f"# {each['store']}\n")
        sys.stdout.write(f"reviewed:\n  date: {each['date']}\n  catalogue: {each['catalogue']}\n  tables:\n")
        for table_name, outline in each["tables"].items():
            sys.stdout.write(f'    {scalar(table_name)}: "{outline}"\n')


def _explain(store: str | None, name: str, *, json: bool) -> None:
    """Explain a table of the maps, with what the database declares where it answers."""
    from troth.policy.reading import did_you_mean
    from troth.rules.map_path import declared

    here = project()
    maps = _maps(here, store)
    having = {each: found for each, found in maps.items() if name in found.tables}
    if not having:
        known = [table for found in maps.values() for table in found.tables]
        raise NotFoundError(f"No map has a table `{name}`. {did_you_mean(name, known)}")
    told = []
    for each, found in having.items():
        try:
            catalogue = here.stores[each].catalogue()
        except UnreachableError:
            err().print(f"The store {each!r} does not answer, so nothing is said of its foreign keys.")
            catalogue = None
        told.append((found, partial(declared, catalogue=catalogue)))
    _explained(told, name, json=json)


def _explain_draft(written: str, name: str, *, json: bool) -> None:
    """Explain a table of a database that has no map yet, with what each guess rests on."""
    from datetime import UTC, datetime

    from troth.policy.reading import did_you_mean
    from troth.stores.draft import draft_map
    from troth.stores.map_file import read

    url, reference = _followed(written)
    find = reference or "env:FIND"
    with progress("tables sampled") as advance:
        drafted = draft_map(
            url, "draft", find=find, change="env:CHANGE", today=datetime.now(UTC).date(), advance=advance
        )
    found, problems = read(drafted.text, "a draft")
    if found is None:
        raise WrongFileError(problems)
    if name not in found.tables:
        raise NotFoundError(f"The database has no table `{name}`. {did_you_mean(name, list(found.tables))}")
    guessed = {
        (guess.kind, each.table.name, guess.columns, guess.target): f"{guess.sure}: {guess.why}"
        for each in drafted.draft.tables
        for guess in each.edges
    }

    def resting_on(edge: Edge) -> str:
        return guessed.get((edge.kind, edge.table, edge.columns, edge.target), "")

    _explained([(found, resting_on)], name, json=json)


def _explained(maps: Sequence[tuple[Map, Callable[[Edge], str]]], name: str, *, json: bool) -> None:
    from troth.rules.map_path import paths, sentence, written_edge

    having = {found.store: found for found, _ in maps}
    explained: list[dict[str, Any]] = []
    for found, resting_on in maps:
        mapped = found.tables[name]
        explained.append({
            "store": found.store,
            "file": found.file,
            "line": mapped.line,
            "table": name,
            "impersonal": mapped.impersonal,
            "erase": _erase(mapped.erase),
            "paths": [
                {
                    "subject": path.subject,
                    "hops": [
                        {"to": to, "edge": written_edge(edge), "words": sentence(edge, resting_on(edge))}
                        for edge, to in path.hops
                    ],
                    "conceals": list(path.conceals),
                    "erased_by_it": not path.mentions,
                }
                for path in paths(found, name)
            ],
            "edges": [written_edge(edge) for edge in found.edges() if name in (edge.table, edge.target)],
        })  # fmt: skip
    if json:
        as_json({"tables": explained})
        return
    console = out()
    for told in explained:
        console.print(f"{told['store']}.{name} ({told['file']}:{told['line']})", style="bold", markup=False)
        console.print(f"  {_sentence(having[told['store']].tables[name])}", markup=False)
        for number, path in enumerate(told["paths"], 1):
            steps = "".join(f" → {hop['to']} ({hop['edge']})" for hop in path["hops"])
            console.print(f"  {number}. {path['subject']}{steps}", markup=False)
            for hop in path["hops"]:
                console.print(f"     {_line(hop['words'])}", markup=False)
            if path["conceals"]:
                console.print(f"     an answer conceals {', '.join(path['conceals'])}", markup=False)
            if not path["erased_by_it"]:
                console.print("     seen in an access answer; not erased by this path", markup=False)
        if not told["paths"] and told["impersonal"] is None:
            console.print("  No path leads here from a subject.", markup=False)


def _list(maps: Mapping[str, Map], *, json: bool) -> None:
    rows = [
        {
            "store": name,
            "kind": found.kind,
            "file": found.file,
            "tables": len(found.tables),
            "subjects": [each.name for each in found.tables.values() if each.subject is not None],
            "impersonal": sum(each.impersonal is not None for each in found.tables.values()),
            "reviewed": found.reviewed.on if found.reviewed is not None else None,
        }
        for name, found in maps.items()
    ]
    if json:
        as_json({"maps": rows})
        return
    shown = [
        (
            str(each["store"]),
            str(each["kind"]),
            str(each["file"]),
            str(each["tables"]),
            ", ".join(_texts(each["subjects"])),
            str(each["impersonal"]),
            str(each["reviewed"] or "never"),
        )
        for each in rows
    ]
    out().print(
        table("", ("store", "kind", "file", "tables#", "people in", "impersonal#", "reviewed"), shown)
    )


def _maps(here: Project, store: str | None) -> Mapping[str, Map]:
    from troth.policy.reading import did_you_mean

    maps = here.maps
    if not maps:
        raise NotFoundError("This project has no store maps. Draft one: `troth map URL -o stores/NAME.yaml`.")
    if store is None:
        return maps
    if store not in maps:
        raise NotFoundError(f"There is no store called {store!r}. {did_you_mean(store, list(maps))}")
    return {store: maps[store]}


def _policy(here: Project) -> Policy | None:
    """Return the policy; without one, say that its categories are not compared."""
    try:
        return here.policy
    except NotFoundError:
        err().print("There is no policy here, so categories and retention promises are not compared.")
    except WrongFileError:
        err().print("The policy has mistakes (see `troth check`), so categories are not compared.")
    return None


def _sentence(mapped: MapTable) -> str:
    if mapped.impersonal is not None:
        return f"impersonal: {mapped.impersonal}"
    if mapped.erase is None:
        return "nothing is erased here"
    return f"{_erase(mapped.erase)}; decided by {mapped.erase.by}, because {mapped.erase.because}"


def _erase(erase: Erase | None) -> str | None:
    from troth.rules.map import Blank, Delete, ReplaceOwner, Retain

    match erase.do if erase is not None else None:
        case Delete():
            return "deleted on erasure"
        case Blank(values):
            return f"blanked on erasure: {', '.join(name for name, _ in values)}"
        case ReplaceOwner():
            return "given to the placeholder on erasure"
        case Retain(period, trigger, legal, blank):
            besides = f"; blanked at once: {', '.join(name for name, _ in blank)}" if blank else ""
            return f"retained for {period} after {trigger} ({legal}){besides}"
        case _:
            return None


def _line(text: str) -> str:
    """Keep on one line what may hold any name: no name of a database moves a cursor."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _place(problem: Problem) -> str:
    return f"{problem.file}:{problem.line}:{problem.column}:"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _texts(values: object) -> list[str]:
    return [str(value) for value in values] if isinstance(values, Iterable) else []
