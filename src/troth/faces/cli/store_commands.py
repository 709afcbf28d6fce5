"""Commands on one store: find a subject, measure what an erasure would do, and do it.

Danger: `act` destroys rows.  What prevents loss: it carries out only a plan whose hash is
given with `--approve`, shows the rows first, and asks.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from troth.errors import ConflictError, NotAllowedError, NotFoundError, WrongFileError
from troth.faces.cli.console import as_json, err, out, progress, table
from troth.faces.cli.context import project
from troth.faces.cli.staff import refuse_nobody

if TYPE_CHECKING:
    from troth.rules.map import Erase, Map
    from troth.stores.contract import Acted, Count, Measured, Row, SideEffect, Store, Who

STORE = typer.Argument(None, help="The store's name in its map.", metavar="STORE")
EMAIL = typer.Option([], "--email", help="An e-mail address of the subject.")
IDENTIFIER = typer.Option(
    [], "--identifier", metavar="KIND=VALUE", help="Another identifier, such as id=4711."
)
CONTROLLER = typer.Option(
    "", "--controller", metavar="NAME", help="On whose instruction: rows of this controller alone."
)
MAP = typer.Option(None, "--map", metavar="FILE", help="A map outside a project; needs --url.")
URL = typer.Option(None, "--url", help="Where the store of --map is, such as sqlite:///shop.db.")
JSON = typer.Option(False, "--json", help="Print JSON.")


def find(
    store: str | None = STORE,
    email: list[str] = EMAIL,
    identifier: list[str] = IDENTIFIER,
    controller: str = CONTROLLER,
    show: bool = typer.Option(False, "--show", help="Print the values too; they are personal data."),
    map: Path | None = MAP,
    url: str | None = URL,
    json: bool = JSON,
    staff: str = typer.Option(
        "",
        "--staff",
        "-s",
        envvar="TROTH_STAFF",
        show_default=False,
        help="Who you are, as it stands in the record; required with --show.",
    ),
) -> None:
    """Find every row about a person in a store; whoever has the values shown is recorded to have read them.

    Example: troth find shop --email ada@example.org
    """
    who = _who(email, identifier, controller)
    if show and map is None:
        _record_reading(store or "", staff)
    with _store(store, map, url) as (opened, described, _):
        people = [name for name, each in described.tables.items() if each.subject is not None]
        tally: dict[tuple[str, str, str], int] = {}
        rows: list[Row] = []
        with progress(f"Looking in {opened.name}") as advance:
            for row in opened.find([who]):
                key = row.table, " → ".join(row.path), ", ".join(row.concealed)
                tally[key] = tally.get(key, 0) + 1
                if show:
                    rows.append(row)
                advance()
    found = sum(rows for (name, _, _), rows in tally.items() if name in people)
    if json:
        as_json(
            {
                "store": opened.name,
                "people": found,
                "rows": sum(tally.values()),
                "tables": [
                    {"table": name, "path": path.split(" → "), "conceals": _split(conceals), "rows": count}
                    for (name, path, conceals), count in tally.items()
                ],
                **({"values": [_shown(row, described) for row in rows]} if show else {}),
            }
        )
        return
    if not tally:
        out().print(f"Nobody goes by that in {opened.name}.")
        return
    lines = [[name, str(count), path, conceals] for (name, path, conceals), count in tally.items()]
    out().print(table("", ["table", "rows#", "found by", "conceals"], lines))
    out().print(
        f"{_many(found, 'row', 'rows')} of people, {_many(sum(tally.values()), 'row', 'rows')} in all."
    )
    for row in rows:
        out().print(f"\n{row.table}", style="bold")
        for name, value in _seen(row, described).items():
            out().print(f"  {name}: {value}", markup=False)


def _record_reading(store: str, staff: str) -> None:
    """Record that a member of staff looks at people's data in a store, before they do; whose is not said."""
    from troth.ledger import append
    from troth.rules.event import Draft

    refuse_nobody(staff)
    opened = project()
    if store and store not in opened.maps:
        return  # it is refused in a moment, by its name
    facts = {"staff": staff, "screen": f"find/{store}"}
    append.append(opened.ledger, [Draft("staff_read", "reading/find", facts, actor=staff)])
    opened.close()


def plan(
    store: str | None = STORE,
    email: list[str] = EMAIL,
    identifier: list[str] = IDENTIFIER,
    controller: str = CONTROLLER,
    map: Path | None = MAP,
    url: str | None = URL,
    json: bool = JSON,
) -> None:
    """Measure what erasing a person would do; change nothing.

    Example: troth plan shop --email ada@example.org
    """
    who = _who(email, identifier, controller)
    with _store(store, map, url) as (opened, described, today):
        measured = opened.measure([who], today)
    if json:
        as_json(_measured(measured, described))
        return
    _print(measured, described)
    if measured.counts:
        out().print(f"To carry it out: troth act {opened.name} … --approve {measured.plan_sha256[:12]}")


def act(
    store: str | None = STORE,
    email: list[str] = EMAIL,
    identifier: list[str] = IDENTIFIER,
    controller: str = CONTROLLER,
    approve: str = typer.Option(..., "--approve", metavar="SHA", help="The plan, as `troth plan` names it."),
    tolerance: int = typer.Option(0, "--tolerance", min=0, help="How many more rows are fine."),
    step: str = typer.Option("", "--step", help="A name to repeat this very act by, if it was cut short."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    map: Path | None = MAP,
    url: str | None = URL,
    json: bool = JSON,
) -> None:
    """Carry out a measured and approved plan: erase a person's rows from a store.

    Example: troth act shop --email ada@example.org --approve 3f9a1c2b7d64
    """
    from troth.stores.contract import PartlyDoneError

    who = _who(email, identifier, controller)
    with _store(store, map, url) as (opened, described, today):
        measured = opened.measure([who], today)
        if len(approve) < 8 or not measured.plan_sha256.startswith(approve.lower()):
            raise ConflictError(
                f"The plan of {opened.name} is {measured.plan_sha256[:12]} now, and not what --approve names. "
                "Look at it with `troth plan`, then approve that."
            )
        name = step or f"act {measured.plan_sha256[:12]} {secrets.token_hex(8)}"
        if not yes:
            _print(measured, described, err_too=True)
            rows = sum(count.rows for count in measured.counts if count.verb != "retain")
            if not typer.confirm(f"Change {_many(rows, 'row', 'rows')} of {opened.name} for good?", err=True):
                raise typer.Exit(2)
        try:
            done = opened.act(name, [who], today, measured, tolerance)
        except PartlyDoneError as part:
            _print_rows(part.acted.counts, err_too=True)  # what went; the sentence says why the rest stayed
            raise part.because from None
        left = opened.gone([who], today)
    if json:
        as_json({**_acted(done), "left": left})
    else:
        _print_done(done, left)
    if left:
        raise typer.Exit(1)


# What is asked for


def _who(emails: Sequence[str], identifiers: Sequence[str], controller: str) -> Who:
    from troth.stores.contract import Who

    given = [("email", email) for email in emails]
    for written in identifiers:
        kind, equals, value = written.partition("=")
        if not equals or not kind.strip() or not value.strip():
            raise NotAllowedError(
                "An --identifier is written KIND=VALUE, such as id=4711 or phone=+33123456789."
            )
        given.append((kind.strip(), value))
    if not given:
        raise NotAllowedError("Nobody is named. Give --email, or --identifier KIND=VALUE.")
    return Who("asked for", tuple(given), controller)


@contextmanager
def _store(name: str | None, map_: Path | None, url: str | None) -> Iterator[tuple[Store, Map, date]]:
    """Open the store that is named, or the one of `--map`; yields it with its map and today."""
    if map_ is not None or url is not None:
        if map_ is None or url is None:
            raise NotAllowedError("--map and --url go together: the map of a store, and where the store is.")
        described, today = _read(map_), datetime.now(UTC).date()
        if name is not None and name != described.store:
            raise NotFoundError(f"The map {map_.name} is of the store `{described.store}`, not `{name}`.")
        from troth.stores.connect import connect

        opened = connect(described, {"find": url, "change": url})
        try:
            yield opened, described, today
        finally:
            opened.close()
        return
    opened_project = project()
    names = list(opened_project.maps)
    if name is None:
        if len(names) != 1:
            raise NotAllowedError(f"Name a store: {', '.join(names) or 'this project has none yet'}.")
        name = names[0]
    if name not in opened_project.maps:
        from troth.policy.reading import did_you_mean

        raise NotFoundError(f"There is no store called `{name}` in this project. {did_you_mean(name, names)}")
    try:
        yield opened_project.stores[name], opened_project.maps[name], opened_project.clock().date()
    finally:
        opened_project.close()


def _read(file: Path) -> Map:
    from troth.stores.map_file import read

    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        raise NotFoundError(f"The map {file} cannot be read. Is it there?") from None
    except UnicodeDecodeError:
        raise NotAllowedError(f"The map {file} is not UTF-8 text. Save it as UTF-8.") from None
    found, problems = read(text, file.name)
    if found is None:
        raise WrongFileError(problems)
    return found


# What is said


def _many(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"


def _split(names: str) -> list[str]:
    return names.split(", ") if names else []


def _seen(row: Row, described: Map) -> dict[str, object]:
    """Return the values that may be seen: of a credential none, whoever asks."""
    from troth.rules.package import withheld

    mapped = described.tables.get(row.table)
    return withheld(row.values, mapped.columns if mapped is not None else {})


def _shown(row: Row, described: Map) -> dict[str, object]:
    return {
        "table": row.table,
        "path": list(row.path),
        "conceals": list(row.concealed),
        "row": _seen(row, described),
    }


def _decided(described: Map, name: str) -> Erase | None:
    found = described.tables.get(name)
    return found.erase if found is not None else None


def _print(measured: Measured, described: Map, *, err_too: bool = False) -> None:
    console = err() if err_too else out()
    if not measured.counts:
        console.print(f"There is nothing to erase in {measured.store}.")
    else:
        lines = []
        for count in measured.counts:
            erase = _decided(described, count.table)
            why = count.legal or (erase.because if erase is not None else "")
            until = (
                count.until.isoformat() if count.until else ("no end known" if count.verb == "retain" else "")
            )
            lines.append(
                [count.table, _said(count), f"{count.rows:,}", until, why, erase.by if erase else ""]
            )
        console.print(table("", ["table", "action", "rows#", "until", "because", "decided by"], lines))
    for effect in measured.side_effects:
        console.print(f"Besides, the database itself will {_effect(effect)}.")
    for other in measured.processed:
        rows = _many(other.rows, "row is", "rows are")
        console.print(f"{rows} left alone: there we only process for the controller {other.controller}.")
    if measured.how == "counted":
        console.print("So many rows were counted by reading; cascades and triggers were not tried out.")
    console.print(f"Plan {measured.plan_sha256[:12]} of {measured.store}; nothing was changed.")


def _said(count: Count) -> str:
    return count.verb.replace("_", " ")


def _effect(effect: SideEffect) -> str:
    return f"{effect.verb} {_many(effect.rows, 'row', 'rows')} of {effect.table}, by a cascade or a trigger"


def _print_rows(counts: Sequence[Count], *, err_too: bool = False) -> None:
    lines = [[count.table, _said(count), f"{count.rows:,}"] for count in counts]
    if lines:
        (err() if err_too else out()).print(table("", ["table", "action", "rows#"], lines))


def _print_done(done: Acted, left: int) -> None:
    if done.resumed:
        out().print(f"This step was done before; nothing was changed now in {done.store}.")
    _print_rows(done.counts)
    until = f" until {done.expires.isoformat()}" if done.expires is not None else ""
    out().print(
        f"{done.store}: {done.grade.replace('_', ' ')}{until}; {_many(done.keys_checked, 'row', 'rows')} checked, "
        f"{done.certainty.replace('_', ' ')}. Step: {done.step}"
    )
    out().print(
        "The identifiers lead nowhere now, but to what is retained."
        if not left
        else f"The identifiers still lead to {_many(left, 'row', 'rows')}; somebody may have added them. Look again."
    )


def _counted(count: Count, described: Map | None) -> dict[str, Any]:
    erase = _decided(described, count.table) if described is not None else None
    return {
        "table": count.table,
        "action": count.verb,
        "rows": count.rows,
        "until": count.until,
        "legal": count.legal or None,
        **({"by": erase.by, "because": erase.because} if erase is not None else {}),
    }


def _measured(measured: Measured, described: Map) -> dict[str, Any]:
    return {
        "store": measured.store,
        "plan_sha256": measured.plan_sha256,
        "how": measured.how,
        "counts": [_counted(count, described) for count in measured.counts],
        "side_effects": list(measured.side_effects),
        "processed": list(measured.processed),
    }


def _acted(done: Acted) -> dict[str, Any]:
    return {
        "store": done.store,
        "step": done.step,
        "plan_sha256": done.plan_sha256,
        "counts": [_counted(count, None) for count in done.counts],
        "keys_checked": done.keys_checked,
        "grade": done.grade,
        "certainty": done.certainty,
        "expires": done.expires,
        "resumed": done.resumed,
    }
