"""The rows that some identifiers lead to in one open transaction: found, then decided, as sets.

A set of rows is what the engine itself wrote down, and is never looked into.

Danger: what is decided here is what an erasure destroys.  A row is released only when nobody
who stays holds it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Protocol

from troth.errors import NotAllowedError
from troth.rules.change import action
from troth.rules.map import Retain
from troth.rules.plan import first_kept_day
from troth.stores.contract import SideEffect, Spared, Who
from troth.stores.sql import Sql
from troth.stores.sql_dialect import forms
from troth.stores.sql_inside import told
from troth.stores.sql_text import BY_DUE, CONTROLLER, Bind, Statement

Call = tuple[str, Sequence[object]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave: its rows, or how many it changed."""

    rows: Sequence[tuple[object, ...]]
    changed: int = 0


class Session(Protocol):
    """One open transaction of one engine."""

    def many(self, calls: Sequence[Call]) -> Sequence[Answer]:
        """Run statements in order, in as few journeys as the engine allows."""
        ...

    def stream(self, call: Call) -> Iterator[tuple[object, ...]]:
        """Yield the rows of a statement without holding them all."""
        ...

    def texts(self, values: Sequence[str]) -> object:
        """Write a list of texts as one parameter."""
        ...

    def watch(self, going: Collection[str]) -> None:
        """Begin counting what changes in every table; rows are about to go from those in `going`."""
        ...

    def seen(self, ours: Mapping[tuple[str, str], int]) -> Mapping[tuple[str, str], int]:
        """Return the rows changed since `watch`, `ours` among them, by table and verb (insert, update, delete)."""
        ...

    def defer(self) -> None:
        """Let foreign keys wait."""
        ...

    def settle(self) -> None:
        """Check every constraint now; raises NotAllowedError when one does not hold."""
        ...


@dataclass
class Selection:
    """The rows that some identifiers lead to, as sets that are never looked into."""

    sql: Sql
    session: Session
    sets: dict[Bind, tuple[object, ...]] = field(default_factory=dict, repr=False)
    counts: dict[Bind, int] = field(default_factory=dict)
    step: str = ""  # what an archive remembers of how a row came there
    day: str = ""

    def give(self, who: Sequence[Who]) -> bool:
        """Take the identifiers to look for; False when none of them can name anybody here."""
        kinds = dict.fromkeys(named.kind for named in self.sql.graph.named)
        for kind in kinds:
            given = [
                form
                for subject in who
                for of, value in subject.identifiers
                if of == kind
                for form in forms(kind, value, self.sql.graph.map.region)
            ]
            if given:
                self.sets["given", kind] = (self.session.texts(list(dict.fromkeys(given))),)
                self.counts["given", kind] = len(given)
        return bool(self.sets) and self.on_behalf(who)

    def on_behalf(self, who: Sequence[Who]) -> bool:
        """Take whose rows are looked for, ours or another controller's; False when this store has none of them."""
        map_, controllers = self.sql.graph.map, {subject.controller for subject in who}
        if len(controllers) > 1:
            raise NotAllowedError(
                "Each controller's instruction is carried out by itself; give one at a time."
            )
        (controller,) = controllers
        if map_.controllers is None:
            return controller == map_.processor_for or (controller == map_.controller and bool(controller))
        known = [_written(self.sql, value) for value in map_.controllers.ours]
        looked = [controller] if controller and controller not in known else [*known, ""]
        self.sets["given", CONTROLLER] = (self.session.texts(looked),)
        self.counts["given", CONTROLLER] = len(looked)
        return True

    def spare(self, spared: Spared) -> None:
        """Pass by what is newer than the erasure that is repeated: these rows are not even walked through."""
        for table, rows in spared.places.items():
            if rows:
                self.sets["spared", table] = self._places(rows)
                self.counts["spared", table] = len(rows)
        for table in self.sql.graph.reached():
            if self.sql.dated(table) is not None:
                self.sets["newer", table] = (spared.after.isoformat(), spared.today.isoformat())
                self.counts["newer", table] = 1

    def _places(self, rows: Sequence[tuple[object, ...]]) -> tuple[object, ...]:
        """Write places as the engine writes a set: a parameter a column, or all in one."""
        if self.sql.dialect.name == "postgresql":
            return tuple(self.session.texts([str(row[at]) for row in rows]) for at in range(len(rows[0])))
        return (json.dumps([row[0] if len(row) == 1 else list(row) for row in rows], ensure_ascii=False),)

    def bound(self, statement: Statement) -> Call:
        """Bind the sets of a statement; one that is not known is empty."""
        parameters: list[object] = []
        for bind in statement.binds:
            known = self.sets.get(bind)
            parameters.extend(known if known is not None else self._empty(bind))
        return statement.text, parameters

    def _empty(self, bind: Bind) -> Sequence[object]:
        if bind[0] == "given":
            return (self.session.texts([]),)
        empty = "[]" if self.sql.dialect.one_set else "{}"
        return (empty,) * self.sql.slots(bind)

    def known(self) -> frozenset[Bind]:
        """Return the sets that are not empty."""
        return frozenset(bind for bind, count in self.counts.items() if count)

    def run(self, asked: Sequence[tuple[Bind, Statement]]) -> dict[Bind, Answer]:
        """Run statements together, by the set each is to fill."""
        if not asked:
            return {}
        answers = self.session.many([self.bound(statement) for _, statement in asked])
        return {bind: answer for (bind, _), answer in zip(asked, answers, strict=True)}

    def put(self, bind: Bind, answer: Answer) -> int:
        """Fill a set from keys and their count; return the count."""
        slots = self.sql.slots(bind)
        row = answer.rows[0]
        count = whole(row[slots])
        if count:
            self.sets[bind] = row[:slots]
        else:
            self.sets.pop(bind, None)
        self.counts[bind] = count
        return count

    # Looking

    def reach(self, tables: frozenset[str] | None = None) -> None:
        """Find every row the identifiers lead to, stage by stage (of these tables only)."""
        for stage in self.sql.graph.stages:
            known = self.known()
            asked = [
                (("reach", table), statement)
                for table in stage.tables
                if tables is None or table in tables
                if (statement := self.sql.enter(table, known)) is not None
            ]
            fresh: dict[str, bool] = {}
            for bind, answer in self.run(asked).items():
                if self.put(bind, answer):
                    fresh[bind[1]] = self._names_anew(answer.rows[0])
            named = {table for table, unknown in fresh.items() if unknown}
            if stage.loops and fresh:
                self._circle(stage.tables, fresh)
                named = {table for set_, table in self.sets if set_ == "named"}
            for table in stage.tables:
                if table not in named and self.counts.get(("reach", table), 0):
                    self.counts["all given", table] = 1

    def _circle(self, tables: Sequence[str], fresh: dict[str, bool]) -> None:
        """Go round until nothing new is found; `fresh` says which new rows name their subject anew."""
        for table in fresh:
            self._mark(table, self.sets["reach", table], self.counts["reach", table], unknown=fresh[table])
        while fresh:
            known = self.known()
            asked = [
                (("new", table), statement)
                for table in tables
                if (statement := self.sql.again(table, known)) is not None
            ]
            answers = self.run(asked)
            for table in tables:
                for set_ in ("new", "unknown"):
                    self.counts.pop((set_, table), None)
                    self.sets.pop((set_, table), None)
            fresh = {}
            for (_, table), answer in answers.items():
                slots = self.sql.slots(("new", table))
                row = answer.rows[0]
                count = whole(row[slots])
                if count:
                    fresh[table] = self._names_anew(row)
                    self._mark(table, row[:slots], count, unknown=fresh[table])
                    self._add(("reach", table), row[:slots], count)

    def _names_anew(self, row: Sequence[object]) -> bool:
        """Tell whether rows found name somebody by what was not given; in a sweep that leads nowhere."""
        return whole(row[-1]) > 0 and BY_DUE not in self.counts

    def _mark(self, table: str, keys: tuple[object, ...], count: int, *, unknown: bool) -> None:
        self.sets["new", table], self.counts["new", table] = keys, count
        if unknown:
            self.sets["unknown", table], self.counts["unknown", table] = keys, count
            self._add(("named", table), keys, count)

    def _add(self, bind: Bind, keys: tuple[object, ...], count: int) -> None:
        known = self.sets.get(bind)
        self.sets[bind] = keys if known is None else tuple(map(_joined, known, keys))
        self.counts[bind] = self.counts.get(bind, 0) + count

    def reached(self) -> int:
        """Count the rows found."""
        return sum(count for (set_, _), count in self.counts.items() if set_ == "reach")

    # Deciding

    def decide(self, today: date) -> None:
        """Tell which rows nobody else holds, and which of those are retained."""
        graph, plan = self.sql.graph, self.sql.plan
        for table in graph.reached():
            if ("reach", table) in self.sets:
                self.sets["released", table] = self.sets["reach", table]
                self.counts["released", table] = self.counts["reach", table]
        retained = [table for table in plan.retained() if self._some(table)]
        self._fresh(retained, today)
        held = graph.shared | graph.met
        self._release([table for table in graph.reached() if table in held and self._some(table)])
        waiting = retained
        while waiting:  # a retained row keeps its owner's row, and with it what that one points to
            changed = self._keep(waiting)
            waiting = [hop.source for hop in graph.hops if hop.kind == "belongs_to" and hop.to in changed]
            waiting = [table for table in dict.fromkeys(waiting) if table in retained]
            self._release([table for table in graph.reached() if self._leads(table, changed)])

    def share(self) -> None:
        """Tell which rows nobody else holds, whatever an erasure would retain of them."""
        for table in self.sql.graph.reached():
            if ("reach", table) in self.sets:
                self.sets["released", table] = self.sets["reach", table]
                self.counts["released", table] = self.counts["reach", table]
        self._release([t for t in self.sql.graph.reached() if t in self.sql.graph.shared and self._some(t)])

    def _release(self, waiting: list[str]) -> None:
        """Take from the released rows those that somebody holds, until no more are taken."""
        graph = self.sql.graph
        while waiting:
            asked = [
                (("released", table), statement)
                for table in waiting
                if (statement := self.sql.released(table, due=("due", table) in self.sets)) is not None
            ]
            changed = set()
            for bind, answer in self.run(asked).items():
                before = self.counts[bind]
                if self.put(bind, answer) < before:
                    changed.add(bind[1])
            waiting = [table for table in graph.reached() if self._leads(table, changed)]

    def _leads(self, table: str, changed: set[str]) -> bool:
        """Tell whether rows of a table may be held by rows of tables that changed."""
        graph = self.sql.graph
        return (
            table in graph.shared | graph.heirs | graph.met
            and self._some(table)
            and any(hop.source in changed for hop in graph.into(table, "belongs_to", "points_to"))
        )

    def _some(self, table: str) -> bool:
        return self.counts.get(("released", table), 0) > 0

    def _fresh(self, retained: Sequence[str], today: date) -> None:
        asked = []
        for table in retained:
            done, statement = action(self.sql.graph.mapped(table)), self.sql.fresh(table)
            if isinstance(done, Retain) and statement is not None:
                kept = today + timedelta(days=1) if done.until else first_kept_day(done.period, today)
                self.sets["cutoff", table] = (kept.isoformat(),)
                asked.append((("fresh", table), statement))
        for bind, answer in self.run(asked).items():
            self.put(bind, answer)

    def _keep(self, waiting: Sequence[str]) -> set[str]:
        asked = [
            (("kept", table), statement)
            for table in waiting
            if self.counts.get(("fresh", table), 0) < self.counts[("reach", table)]
            if (statement := self.sql.kept(table)) is not None
        ]
        changed = set()
        for bind, answer in self.run(asked).items():
            if self.put(bind, answer):
                self._add(("fresh", bind[1]), self.sets[bind], self.counts[bind])
                changed.add(bind[1])
        return changed

    def held(self, table: str) -> int:
        """Count the rows that stay because of somebody else."""
        return self.counts.get(("reach", table), 0) - self.counts.get(("released", table), 0)


def _written(sql: Sql, value: str | int | bool) -> str:
    """Return a constant as the engine writes it as text."""
    return str(int(value)) if isinstance(value, bool) and sql.dialect.name != "postgresql" else told(value)


def side_effects(
    seen: Mapping[tuple[str, str], int], ours: Mapping[tuple[str, str], int]
) -> tuple[SideEffect, ...]:
    """Return what a session has seen change, by table and verb, that is not `ours`."""
    return tuple(
        SideEffect(table, verb, rows - ours.get((table, verb), 0))
        for (table, verb), rows in sorted(seen.items())
        if rows > ours.get((table, verb), 0)
    )


def whole(value: object) -> int:
    """Return a number that an engine may give as a decimal or as text."""
    return int(str(value))


def _joined(first: object, second: object) -> object:
    """Join two sets as the engine wrote them down."""
    one, other = str(first), str(second)
    return f"{one[:-1]},{other[1:]}"
