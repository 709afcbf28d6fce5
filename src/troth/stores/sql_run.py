"""Running a plan in one SQL store: find, measure, act, verify, remember.

Danger: `act` destroys rows.  What prevents loss: the transaction that acts first writes its
step, then finds and measures again, compares with what was approved, changes, checks that
every row found is gone or holds its new values, and only then commits.  Whatever differs
rolls everything back.  Who comes second finds the step and changes nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date

from troth.errors import ConflictError, NotAllowedError
from troth.rules.change import Detach, Leave, Rehome, Remove, Unlist, Untie, Write, action
from troth.rules.map import Retain
from troth.rules.plan import copies_end, end_of
from troth.stores import sql_move
from troth.stores.contract import Acted, Count, Grade, Measured, Processed, Row, SideEffect, Spared, Verb, Who
from troth.stores.sql import Sql
from troth.stores.sql_selection import Answer, Call, Selection, Session, side_effects, whole
from troth.stores.sql_text import Bind, Statement

ROWS_MEASURED_MAX = 50_000
ROWS_AT_ONCE = 200
ROUNDS_MAX = 8
_DEEDS = ("insert", "update", "delete")

# Finding


def find(sql: Sql, session: Session, who: Who) -> Iterator[Row]:
    """Yield each row about one subject once, with the way to it and what that way conceals."""
    selection = Selection(sql, session)
    if not selection.give([who]):
        return
    sources = frozenset(hop.source for hop in sql.graph.hops)
    selection.reach(sources)
    known = selection.known()
    asked = [
        ((table, ""), statement)
        for table in (*sql.graph.reached(), *sql.graph.mentioned())
        if (statement := sql.rows(table, ROWS_AT_ONCE + 1, known)) is not None
    ]
    answers = selection.run(asked)
    for (table, _), answer in answers.items():
        rows: Iterator[tuple[object, ...]] = iter(answer.rows)
        if len(answer.rows) > ROWS_AT_ONCE:
            whole = sql.rows(table, None, known)
            assert whole is not None
            rows = session.stream(selection.bound(whole))
        yield from _told(sql, who.subject, table, rows)


def _told(sql: Sql, subject: str, table: str, rows: Iterator[tuple[object, ...]]) -> Iterator[Row]:
    ways = sql.ways(table)
    names = [column.name for column in sql.readable(table)]
    known: dict[object, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for row in rows:
        sum_ = row[0]
        if sum_ not in known:
            taken = [way for number, way in enumerate(ways) if whole(sum_) >> number & 1]
            path = min((way.path for way in taken), key=_directness)
            concealed = frozenset.intersection(*(frozenset(way.conceals) for way in taken))
            known[sum_] = path, tuple(name for name in names if name in concealed)
        path, concealed_names = known[sum_]
        yield Row(subject, table, dict(zip(names, row[1:], strict=True)), path, concealed_names)


def _directness(path: tuple[str, ...]) -> tuple[bool, int]:
    return path[-1].startswith("mentions"), len(path)


# Measuring and changing


@dataclass(frozen=True, slots=True)
class Done:
    """What a plan did, or would do."""

    counts: tuple[Count, ...]
    effects: tuple[SideEffect, ...]
    keys_checked: int
    until: date | None


def select(
    sql: Sql, session: Session, who: Sequence[Who], today: date, spared: Spared | None = None, step: str = ""
) -> Selection:
    """Find and decide, for a whole batch of subjects."""
    selection = Selection(sql, session, step=step, day=today.isoformat())
    if selection.give(who):
        if spared is not None:
            selection.spare(spared)
        selection.reach()
        selection.decide(today)
    return selection


def measure(
    sql: Sql,
    session: Session,
    who: Sequence[Who],
    today: date,
    spared: Spared | None = None,
    rows_max: int = ROWS_MEASURED_MAX,
) -> Measured:
    """Say what acting would do; the caller rolls back.

    More than `rows_max` rows are counted by reading, unless one round may leave more to do: reading
    does not see what a further round finds.
    """
    others = tuple(Processed(name, each.reached()) for name, each in processed(sql, session, who))
    selection = select(sql, session, who, today, spared)
    many = selection.reached() > rows_max
    if many and not sql.plan.in_rounds:
        counts, _ = _counted(selection)
        return Measured(sql.plan.store, sql.plan.sha256, counts, (), "counted", others)
    done = erase(selection, who, today, spared, many=many)
    return Measured(sql.plan.store, sql.plan.sha256, done.counts, done.effects, processed=others)


def processed(sql: Sql, session: Session, who: Sequence[Who]) -> Iterator[tuple[str, Selection]]:
    """Yield each other controller whose rows we only process, with what these identifiers lead to there."""
    map_ = sql.graph.map
    if any(subject.controller for subject in who) or not (map_.processor_for or map_.controllers):
        return
    names = [map_.processor_for] if map_.processor_for else []
    selection, statement = Selection(sql, session), sql.elsewhere()
    if not names and statement is not None and selection.give(who):
        (answer,) = session.many([selection.bound(statement)])
        names = sorted(str(row[0]) for row in answer.rows)
    for name in names:
        found = Selection(sql, session)
        if found.give([replace(subject, controller=name) for subject in who]):
            found.reach()
            if found.reached():
                yield name, found


def processed_keys(sql: Sql, session: Session, who: Who) -> Mapping[str, frozenset[tuple[str, ...]]]:
    """Return the keys, as text, of rows that are left alone for another controller, by table."""
    keys: dict[str, frozenset[tuple[str, ...]]] = {}
    for selection in _of_others(sql, session, who):
        asked = [
            (("keys", table), sql.reached_keys(table))
            for (set_, table), count in selection.counts.items()
            if set_ == "reach" and count and sql.graph.table(table).key
        ]
        for bind, answer in selection.run(asked).items():
            rows = frozenset(tuple(map(str, row)) for row in answer.rows)
            keys[bind[1]] = keys.get(bind[1], frozenset()) | rows
    return keys


def _of_others(sql: Sql, session: Session, who: Who) -> Iterator[Selection]:
    """Yield what these identifiers lead to in rows of each controller but the one they are looked for by."""
    ours = replace(who, controller="")
    if who.controller:
        found = Selection(sql, session)
        if found.give([ours]):
            found.reach()
            yield found
    for name, found in processed(sql, session, [ours]):
        if name != who.controller:
            yield found


def gone(sql: Sql, session: Session, who: Sequence[Who], today: date, spared: Spared | None = None) -> int:
    """Count the rows to which a change would still be made."""
    selection = select(sql, session, who, today, spared)
    if not selection.reached():
        return 0
    counts, _ = _counted(selection, after=True)
    return sum(count.rows for count in counts if count.verb != "retain")


def retained_keys(
    sql: Sql, session: Session, who: Who, today: date
) -> Mapping[str, frozenset[tuple[str, ...]]]:
    """Return the keys, as text, of rows that stay for a legal reason, by table."""
    if not sql.plan.retained():
        return {}
    selection = select(sql, session, [who], today)
    asked = [
        (("keys", table), sql.retained_keys(table))
        for table in sql.plan.retained()
        if selection.counts.get(("released", table), 0) and sql.graph.table(table).key
    ]
    return {
        bind[1]: frozenset(tuple(map(str, row)) for row in answer.rows)
        for bind, answer in selection.run(asked).items()
    }


def _choose(selection: Selection) -> tuple[dict[str, tuple[int, date | None]], dict[str, int]]:
    """Find what a Leave or Detach changes; return what is retained and how many rows are going."""
    sql, plan = selection.sql, selection.sql.plan
    asked: list[tuple[Bind, Statement]] = []
    later: list[tuple[Bind, Statement]] = []  # which rows lose a link is known once owners are replaced
    for number, change in enumerate(plan.changes):
        match change:
            case Leave(hop) | Unlist(hop) if selection.held(hop.to) > 0:
                asked.append(((f"chosen{number}", hop.to), sql.chosen(number)))
            case Detach(table, key=key) if selection.counts.get(("released", key.target), 0):
                later.append(((f"chosen{number}", table), sql.chosen(number)))
            case _:
                pass
    kept = [table for table in plan.retained() if selection.counts.get(("released", table), 0)]
    for table in kept:
        statement = sql.retained(table)
        if statement is not None:
            asked.append((("retained", table), statement))
    for table in sorted(_stand_ins(selection)):
        statement = sql.standing(table)
        if statement is not None:
            asked.append((("standing", table), statement))
    retained: dict[str, tuple[int, date | None]] = {}
    for bind, answer in selection.run(asked).items():
        match bind[0]:
            case "retained":
                retained[bind[1]] = _retained(selection, bind[1], answer)
            case "standing":
                if not answer.rows[0][0]:
                    raise NotAllowedError(
                        f"The store `{plan.store}` has no placeholder in `{bind[1]}` to give rows to. "
                        "Create the row that the map names under `placeholder`, then measure again."
                    )
            case _:
                selection.put(bind, answer)
    for bind, answer in selection.run(later).items():
        selection.put(bind, answer)
    going = {
        table: selection.counts.get(("released", table), 0) - retained.get(table, (0, None))[0]
        for table in plan.removed()
    }
    return retained, going


def _stand_ins(selection: Selection) -> set[str]:
    found = set()
    for change in selection.sql.plan.changes:
        match change:
            case Rehome(hop) if selection.counts.get(("released", hop.to), 0):
                found.add(hop.source)
            case Leave(hop, replaces=True) if selection.held(hop.to):
                found.add(hop.source)
            case _:
                pass
    return found


def _retained(selection: Selection, table: str, answer: Answer) -> tuple[int, date | None]:
    count, last = answer.rows[0]
    done = action(selection.sql.graph.mapped(table))
    assert isinstance(done, Retain)
    until = done.until
    if last is not None:
        ends = end_of(done.period, date.fromisoformat(str(last)))
        until = max(until, ends) if until else ends
    return whole(count), None if until == date.max else until


def _verb(change: object) -> Verb:
    match change:
        case Leave(replaces=True) | Rehome():
            return "replace_owner"
        case Detach() | Unlist():
            return "detach"
        case Remove():
            return "delete"
        case _:
            return "blank"


def apply(selection: Selection, *, many: bool = False) -> Done:
    """Make every change in order, then check every row; raises NotAllowedError when one is not as it must be.

    Of `many` rows, those whose table the engine itself says that nothing else has changed are checked by its
    count: as many rows were removed as there are keys, and none was written.
    """
    sql, session = selection.sql, selection.session
    if not selection.reached():
        return Done((), (), 0, None)
    retained, going = _choose(selection)
    archiving = [table for table, _ in sql.plan.archives if retained.get(table, (0, None))[0]]
    session.watch([*(table for table, rows in going.items() if rows > 0), *archiving])
    if sql.plan.deferred:
        session.defer()
    numbers = [number for number in range(len(sql.plan.changes)) if _wanted(selection, number, going)]
    calls: list[Call] = []
    looks: set[int] = set()  # whether somebody is still listed can be seen only while they are there
    for number in numbers:
        calls.append(selection.bound(sql.change(number)))
        listed = sql.still_listed(number)
        if listed is not None:
            looks.add(len(calls))
            calls.append(selection.bound(listed))
    told = session.many(calls)
    moved = _archived(selection, retained)
    session.settle()
    if any(told[at].rows[0][0] for at in looks):
        raise NotAllowedError(
            f"In the store `{sql.plan.store}`, a list still names somebody after they were taken out of it; "
            "a trigger may have put them back. Nothing was changed."
        )
    answers = [answer for at, answer in enumerate(told) if at not in looks]
    tally: dict[tuple[str, Verb], int] = {}
    ours: dict[tuple[str, str], int] = {}
    short: set[str] = set()  # tables of which fewer rows went than were to go
    for number, answer in zip(numbers, answers, strict=True):
        change = sql.plan.changes[number]
        if isinstance(change, Remove) and answer.changed != going[change.table]:
            short.add(change.table)
        deed = "delete" if isinstance(change, Remove) else "update"
        ours[change.table, deed] = ours.get((change.table, deed), 0) + answer.changed
        if isinstance(change, Untie):
            continue
        rows = going[change.table] if isinstance(change, Remove) else answer.changed
        if isinstance(change, Remove) and sql.keyless(change.table) and answer.changed != rows:
            raise NotAllowedError(_kept(sql, change.table))
        tally[change.table, _verb(change)] = tally.get((change.table, _verb(change)), 0) + rows
    for table, archive in sql.plan.archives:
        rows = moved.get(table, 0)
        ours[table, "delete"] = ours.get((table, "delete"), 0) + rows
        ours[archive, "insert"] = ours.get((archive, "insert"), 0) + rows
    seen = session.seen(ours)
    untouched = _untouched(sql, seen, ours) - short if many else frozenset[str]()
    leaving = {table: going.get(table, 0) + moved.get(table, 0) for table in (*going, *moved)}
    checked = _verify(selection, numbers, leaving, untouched)
    return Done(
        _listed(selection, tally, retained, moved), side_effects(seen, ours), checked, _last(retained)
    )


def _archived(selection: Selection, retained: Mapping[str, tuple[int, date | None]]) -> dict[str, int]:
    """Move what is retained to its archive, where its table has one and nothing in use needs it there."""
    moved: dict[str, int] = {}
    for table, archive in selection.sql.plan.archives:
        if not retained.get(table, (0, None))[0]:
            continue
        for _ in range(ROUNDS_MAX):  # more than once where rows of a table belong to one another
            rows = sql_move.archived(selection, table, archive, ("fresh", "released"))
            moved[table] = moved.get(table, 0) + rows
            if not rows:
                break
    return {table: rows for table, rows in moved.items() if rows}


def _untouched(
    sql: Sql, seen: Mapping[tuple[str, str], int], ours: Mapping[tuple[str, str], int]
) -> frozenset[str]:
    """Return the tables in which, by the engine's own count, nothing was changed but by us; none if in doubt."""
    if any(sql.graph.catalogue.table(table) is None for table, _ in seen):
        return frozenset()
    return frozenset(
        table
        for table in sql.graph.reached()
        if all(seen.get((table, verb), 0) == ours.get((table, verb), 0) for verb in _DEEDS)
    )


def erase(
    selection: Selection,
    who: Sequence[Who],
    today: date,
    spared: Spared | None = None,
    *,
    many: bool = False,
) -> Done:
    """Make every change; where that may release more, look again until there is nothing left to do."""
    sql, session = selection.sql, selection.session
    step, rounds = selection.step, [apply(selection, many=many)]
    while sql.plan.in_rounds and any(count.verb != "retain" for count in rounds[-1].counts):
        if len(rounds) > ROUNDS_MAX:
            raise NotAllowedError(
                f"In the store `{sql.plan.store}`, each round of an erasure leaves more to do; a trigger may put rows "
                "back. Nothing was changed."
            )
        rounds.append(apply(select(sql, session, who, today, spared, step), many=many))
    return rounds[0] if len(rounds) < 3 else _together(rounds)


def _together(rounds: Sequence[Done]) -> Done:
    """Add rounds up; a row that was retained until a later round removed it is not retained."""
    tally: Counter[tuple[str, Verb]] = Counter()
    effects: Counter[tuple[str, str]] = Counter()
    for each in rounds:
        tally.update({(c.table, c.verb): c.rows for c in each.counts if c.verb != "retain"})
        effects.update({(effect.table, effect.verb): effect.rows for effect in each.effects})
    later: Counter[str] = Counter()
    for each in rounds[1:]:
        later.update({count.table: count.rows for count in each.counts if count.verb == "delete"})
    counts = [Count(table, verb, rows) for (table, verb), rows in tally.items() if rows]
    counts += [
        replace(count, rows=count.rows - later[count.table])
        for count in rounds[0].counts
        if count.verb == "retain" and count.rows > later[count.table]
    ]
    return Done(
        tuple(sorted(counts, key=lambda count: (count.table, count.verb))),
        tuple(SideEffect(table, verb, rows) for (table, verb), rows in sorted(effects.items())),
        sum(each.keys_checked for each in rounds),
        max((each.until for each in rounds if each.until is not None), default=None),
    )


def _wanted(selection: Selection, number: int, going: Mapping[str, int]) -> bool:
    change = selection.sql.plan.changes[number]
    match change:
        case Leave() | Unlist() | Detach():
            return selection.counts.get((f"chosen{number}", change.table), 0) > 0
        case Remove(table) | Untie(table):
            return going.get(table, 0) > 0
        case Write() | Rehome():
            return selection.counts.get(("released", change.table), 0) > 0


def _last(retained: Mapping[str, tuple[int, date | None]]) -> date | None:
    ends = [until for count, until in retained.values() if count and until is not None]
    return max(ends, default=None)


def _listed(
    selection: Selection,
    tally: Mapping[tuple[str, Verb], int],
    retained: Mapping[str, tuple[int, date | None]],
    moved: Mapping[str, int],
) -> tuple[Count, ...]:
    counts = [Count(table, verb, rows) for (table, verb), rows in tally.items() if rows]
    for table, (rows, until) in retained.items():
        done = action(selection.sql.graph.mapped(table))
        if rows and isinstance(done, Retain):
            counts.append(Count(table, "retain", rows, until, done.legal))
        if moved.get(table) and isinstance(done, Retain):
            counts.append(Count(table, "archive", moved[table], until, done.legal))
    return tuple(sorted(counts, key=lambda count: (count.table, count.verb)))


def _counted(selection: Selection, *, after: bool = False) -> tuple[tuple[Count, ...], date | None]:
    """Count by reading what `apply` would do, or `after` it what is left to do.

    Before, whatever is retained may move to its archive once what belongs to it has gone.
    """
    sql = selection.sql
    retained, going = _choose(selection)
    tally: dict[tuple[str, Verb], int] = {}
    asked: list[tuple[Bind, Statement]] = []
    for number, change in enumerate(sql.plan.changes):
        if isinstance(change, Untie) or not _wanted(selection, number, going):
            continue
        if isinstance(change, Remove):
            tally[change.table, "delete"] = going[change.table]
        else:
            asked.append(((str(number), change.table), sql.pending(number)))
    for (number_, table), answer in selection.run(asked).items():
        key = table, _verb(sql.plan.changes[int(number_)])
        tally[key] = tally.get(key, 0) + whole(answer.rows[0][0])
    moved = {table: retained.get(table, (0, None))[0] for table, _ in sql.plan.archives}
    if after:
        still = [table for table, rows in moved.items() if rows]
        left = selection.run([((sql_move.MOVING, t), sql.movable(t, ("fresh", "released"))) for t in still])
        moved = {bind[1]: selection.put(bind, answer) for bind, answer in left.items()}
    return _listed(selection, tally, retained, moved), _last(retained)


def _verify(
    selection: Selection, numbers: Sequence[int], going: Mapping[str, int], untouched: Collection[str]
) -> int:
    """Check by key that what was to go is absent and what stays is there with its new values.

    In tables left `untouched` by anybody else, what is there follows from the rows that our own changes removed.
    """
    sql = selection.sql
    moved = {
        sql.plan.changes[number].table
        for number in numbers
        if not isinstance(sql.plan.changes[number], Remove)
    }
    tables = [
        table
        for table in sql.graph.reached()
        if selection.counts.get(("reach", table), 0) and not (sql.keyless(table) and table in moved)
    ]
    looked = [table for table in tables if table not in untouched]
    asked: list[tuple[Bind, Statement]] = [(("there", ""), sql.there(looked))] if looked else []
    for number in numbers:
        statement = sql.wrong(number)
        if statement is not None:
            asked.append(((str(number), sql.plan.changes[number].table), statement))
    answers = selection.run(asked)
    there = dict(zip(looked, answers.pop(("there", "")).rows[0], strict=True)) if looked else {}
    for table in looked:
        left = selection.counts["reach", table] - going.get(table, 0)
        if whole(there[table]) > left:
            raise NotAllowedError(_kept(sql, table))
        if whole(there[table]) < left:
            raise NotAllowedError(
                f"In the store `{sql.plan.store}`, rows of `{table}` that were to stay went with other rows, "
                "by a cascade or a trigger. Nothing was changed. Let the map say what becomes of them."
            )
    for (_, table), answer in answers.items():
        if answer.rows[0][0]:
            raise NotAllowedError(
                f"In the store `{sql.plan.store}`, rows of `{table}` do not hold their new values after the "
                "change; a trigger may have put others back. Nothing was changed."
            )
    return selection.reached()


def _kept(sql: Sql, table: str) -> str:
    return (
        f"In the store `{sql.plan.store}`, rows of `{table}` are still there after their removal; "
        "a trigger or a rule may prevent it. Nothing was changed."
    )


# Acting


def compare(approved: Measured, now: Done, tolerance: int) -> None:
    """Raise ConflictError when there is more to do than was approved, or something else."""
    allowed = {(count.table, count.verb): count.rows for count in approved.counts}
    more = 0
    for count in now.counts:
        if (count.table, count.verb) not in allowed:
            raise ConflictError(
                f"In the store `{approved.store}`, `{count.table}` now has rows to {_to_do(count.verb)}, which "
                "the approved plan does not. Nothing was changed. Measure and approve again."
            )
        more += max(0, count.rows - allowed[count.table, count.verb])
    if more > tolerance:
        raise ConflictError(
            f"The store `{approved.store}` now has {more} rows more than were approved, and {tolerance} were "
            "tolerated. Nothing was changed. Measure and approve again."
        )
    if approved.how == "counted":
        return
    expected = {(effect.table, effect.verb): effect.rows for effect in approved.side_effects}
    for effect in now.effects:
        if (effect.table, effect.verb) not in expected:
            raise ConflictError(
                f"In the store `{approved.store}`, a cascade or a trigger now changes `{effect.table}` too, "
                "which was not approved. Nothing was changed. Measure and approve again."
            )
        if effect.rows > expected[effect.table, effect.verb] + tolerance:
            raise ConflictError(
                f"In the store `{approved.store}`, a cascade or a trigger now changes more rows of "
                f"`{effect.table}` than were approved. Nothing was changed. Measure and approve again."
            )


def _to_do(verb: Verb) -> str:
    return {
        "delete": "delete",
        "blank": "blank",
        "replace_owner": "give to the placeholder",
        "retain": "retain",
        "detach": "detach",
        "archive": "move to its archive",
        "return": "bring back",
    }[verb]


def same_plan(sql: Sql, approved: Measured) -> None:
    """Raise ConflictError when the approval was given to another plan or another store."""
    if approved.store != sql.plan.store:
        raise ConflictError(
            f"What was approved is a plan for the store `{approved.store}`, and this is `{sql.plan.store}`."
        )
    if approved.plan_sha256 != sql.plan.sha256:
        raise ConflictError(
            f"The map or the tables of the store `{sql.plan.store}` have changed since the plan was measured. "
            "Nothing was changed. Measure and approve again."
        )


def acted(sql: Sql, step: str, done: Done, today: date, *, once: bool) -> Acted:
    """Say what was done, and how far it went."""
    map_ = sql.graph.map
    grade: Grade
    expires = None
    verbs = {count.verb for count in done.counts}
    if not verbs:
        grade = "nothing_found"
    elif verbs & {"retain", "archive"}:
        grade, expires = "archived", done.until
    elif "blank" in verbs or "replace_owner" in verbs:
        grade, expires = "blanked", copies_end(map_, today) if map_.versions_expire else None
    elif (expires := copies_end(map_, today)) is not None:
        grade = "deleted_until_backups_expire"
    else:
        grade = "deleted"
    return Acted(
        store=sql.plan.store,
        step=step,
        plan_sha256=sql.plan.sha256,
        counts=done.counts,
        keys_checked=done.keys_checked,
        grade=grade,
        certainty="exactly_once" if once else "at_least_once",
        expires=expires,
    )


def to_rows(done: Acted) -> str:
    """Write what a step did, as the store remembers it: names and numbers only."""
    written = asdict(done)
    for left_out in ("store", "step", "plan_sha256", "resumed"):
        written.pop(left_out)
    return json.dumps(written, default=str, sort_keys=True)


def from_rows(store: str, step: str, plan_sha256: str, rows: str) -> Acted:
    """Read what a step did."""
    read = json.loads(rows)
    counts = tuple(
        Count(
            table=count["table"],
            verb=count["verb"],
            rows=count["rows"],
            until=date.fromisoformat(count["until"]) if count["until"] else None,
            legal=count["legal"],
        )
        for count in read["counts"]
    )
    return Acted(
        store=store,
        step=step,
        plan_sha256=plan_sha256,
        counts=counts,
        keys_checked=read["keys_checked"],
        grade=read["grade"],
        certainty=read["certainty"],
        expires=date.fromisoformat(read["expires"]) if read["expires"] else None,
        resumed=True,
    )
