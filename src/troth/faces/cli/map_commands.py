"""Commands about the maps of where personal data is, and the kinds of store there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import typer

from troth.errors import NotAllowedError, NotFoundError, Problem, WrongFileError
from troth.faces.cli.console import as_json, err, out, table
from troth.faces.cli.context import project

if TYPE_CHECKING:
    from troth.policy.policy import Policy
    from troth.rules.map import Edge, Erase, Map, MapTable
    from troth.work.project import Project


def app(
    store: str | None = typer.Argument(None, help="One store's name; every store if left out."),
    check: bool = typer.Option(False, "--check", help="Compare the maps with the live databases."),
    explain: str | None = typer.Option(
        None, "--explain", metavar="TABLE", help="Print every path from a subject to this table."
    ),
    strict: bool = typer.Option(False, "--strict", help="With --check: let remarks fail too."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Check and explain the maps of where personal data is.

    Example: troth map --check            (exit code 1 when anything must be mended)

    Example: troth map --explain orders shop
    """
    if check and explain is not None:
        raise NotAllowedError("`--check` and `--explain` are two questions: ask one at a time.")
    if check:
        _check(store, strict=strict, json=json)
    elif explain is not None:
        _explain(store, explain, json=json)
    else:
        _list(_maps(project(), store), json=json)


def stores(json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """List the kinds of store and what each can do.

    Example: troth stores --json
    """
    from troth.stores.connect import Kind, kinds, limits

    found: list[dict[str, Any]] = []
    for name, kind in kinds().items():
        can = limits(kind)
        package = kind.package if isinstance(kind, Kind) else (kind.dist.name if kind.dist else kind.module)
        found.append({
            "kind": name,
            "what": kind.what if isinstance(kind, Kind) else "",
            "from": package,
            "ready": can is not None,
            "atomic": can.atomic if can else None,
            "measured_by_rollback": can.measured_by_rollback if can else None,
            "rows_measured_max": can.rows_measured_max if can else None,
        })  # fmt: skip
    if json:
        as_json({"kinds": found})
        return
    rows = [
        (
            str(each["kind"]),
            str(each["what"]),
            str(each["from"]),
            _yes(each["atomic"]),
            _yes(each["measured_by_rollback"]),
            f"{each['rows_measured_max']:,}" if each["rows_measured_max"] is not None else "?",
        )
        for each in found
    ]
    out().print(
        table("", ("kind", "what", "from", "atomic", "measured by rollback", "rows measured at most#"), rows)
    )


def _check(store: str | None, *, strict: bool, json: bool) -> None:
    from troth.rules.catalogue import sha256
    from troth.rules.map_check import check, remarks

    here = project()
    try:
        maps = _maps(here, store)
    except WrongFileError as error:  # a map that cannot be read is a finding, too
        _report([{"store": None, "problems": error.problems, "remarks": ()}], json=json)
        raise typer.Exit(1) from None
    policy = _policy(here)
    reports: list[dict[str, Any]] = []
    for name, found in maps.items():
        catalogue = here.stores[name].catalogue()
        reports.append({
            "store": name,
            "file": found.file,
            "catalogue_sha256": sha256(catalogue),
            "tables": len(catalogue.tables),
            "problems": check(found, catalogue, policy),
            "remarks": remarks(found, catalogue),
        })  # fmt: skip
    _report(reports, json=json)
    if any(each["problems"] or (strict and each["remarks"]) for each in reports):
        raise typer.Exit(1)


def _report(reports: list[dict[str, Any]], *, json: bool) -> None:
    if json:
        as_json({"stores": reports})
        return
    console = out()
    for each in reports:
        for problem in each["problems"]:
            console.print(str(problem), markup=False)
        for remark in each["remarks"]:
            console.print(f"{_place(remark)} remark: {remark.what} {remark.remedy}", markup=False)
        problems, noted = len(each["problems"]), len(each["remarks"])
        if each["store"] is None:
            console.print(f"{_count(problems, 'problem')}; no database was looked at.")
        elif problems:
            console.print(f"{each['store']}: {_count(problems, 'problem')}, {_count(noted, 'remark')}.")
        else:
            console.print(
                f"{each['store']}: the map is true of its database, {_count(each['tables'], 'table')}, "
                f"{_count(noted, 'remark')} (catalogue sha256:{each['catalogue_sha256'][:16]})."
            )


def _explain(store: str | None, name: str, *, json: bool) -> None:
    from troth.policy.reading import did_you_mean
    from troth.rules.map_path import paths

    maps = _maps(project(), store)
    having = {each: found for each, found in maps.items() if name in found.tables}
    if not having:
        known = [table for found in maps.values() for table in found.tables]
        raise NotFoundError(f"No map has a table `{name}`. {did_you_mean(name, known)}")
    explained: list[dict[str, Any]] = []
    for each, found in having.items():
        mapped = found.tables[name]
        explained.append({
            "store": each,
            "file": found.file,
            "line": mapped.line,
            "table": name,
            "impersonal": mapped.impersonal,
            "erase": _erase(mapped.erase),
            "paths": [
                {
                    "subject": path.subject,
                    "hops": [{"to": to, "edge": _edge(edge)} for edge, to in path.hops],
                    "conceals": list(path.conceals),
                    "erased_by_it": not path.mentions,
                }
                for path in paths(found, name)
            ],
            "edges": [_edge(edge) for edge in found.edges() if name in (edge.table, edge.target)],
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
        raise NotFoundError("This project has no store maps. Write one as stores/NAME.yaml.")
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


def _edge(edge: Edge) -> str:
    own, other = " + ".join(edge.columns), " + ".join(edge.target_columns)
    return f"{edge.kind} {edge.table}.{own} = {edge.target}.{other}"


def _place(problem: Problem) -> str:
    return f"{problem.file}:{problem.line}:{problem.column}:"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _yes(value: object) -> str:
    return "?" if value is None else "yes" if value else "no"


def _texts(values: object) -> list[str]:
    return [str(value) for value in values] if isinstance(values, Iterable) else []
