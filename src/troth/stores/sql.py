"""A plan as SQL: the statements by which rows are found, held back, changed and checked.

Everything is set-based.  A set of rows travels as the engine itself wrote it down (an array
on PostgreSQL, JSON on SQLite), bound as one parameter a key column and never looked into, so
a read-only connection that may not make temporary tables can use it, and forty thousand
rows cost no more than a long text.  Identifiers are bound and never patterns.  Names come
from the catalogue and are quoted; constants come from the map and are escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from troth.errors import NotFoundError
from troth.rules.change import Change, Detach, Leave, Rehome, Remove, Unlist, Untie, Write, action
from troth.rules.graph import Hop
from troth.rules.map import Blank, Delete, Flag, InList, Retain
from troth.rules.plan import first_kept_day
from troth.stores.contract import Expiry
from troth.stores.sql_archive import SqlArchive
from troth.stores.sql_dialect import collation, quoted
from troth.stores.sql_inside import Elements, by_column, rewritten
from troth.stores.sql_text import Spot, Statement, Text

# ruff: noqa: S608


_DAYS = ("date ", "timestamp ", "timestamp(")
"""How the types of PostgreSQL begin that are compared with a day as they stand."""


_RANGES = {"postgresql": "{}::bigint", "sqlite": "{}"}
"""The engines on which rows go by the range of their keys, and how each writes a bound of it."""


class Sql(SqlArchive):
    """The statements of one plan in one dialect, each written when first asked for."""

    # Deciding

    def fresh(self, table: str) -> Statement | None:
        """Find the rows whose retention has not ended: keys, count."""
        return self._once(("fresh", table), lambda: self._fresh(table))

    def _fresh(self, table: str) -> Statement | None:
        text = Text(self)
        (cutoff,) = text.place(("cutoff", table), 1)
        done = action(self.graph.mapped(table))
        assert isinstance(done, Retain)
        if done.until is None:
            kept = f"coalesce({self._day(table)} >= {cutoff}, {self.dialect.true})"
        elif done.only_held:
            kept = f"{cutoff} = ''"  # never, of itself
        else:
            kept = f"'{done.until.isoformat()}' >= {cutoff}"
        return text.done(
            f"SELECT {self._gathered(table)} FROM (SELECT {self._key_list(table, 't')} "
            f"FROM {text.rows('reach', table)} AS n CROSS JOIN {self.name(table)} AS t "
            f"WHERE {self._key_equal(table, 't', 'n')} AND {kept}) AS x"
        )

    def _day(self, table: str) -> str:
        done = action(self.graph.mapped(table))
        assert isinstance(done, Retain)
        column = self.graph.table(table).column(done.trigger)
        assert column is not None
        return self.dialect.day(column, f"t.{quoted(done.trigger)}")

    def day_of(self, table: str, column: str) -> str:
        """Write the day in a column of a row, called t; raises NotFoundError where the table has no such column."""
        found = self.graph.table(table).column(column)
        if found is None:
            raise NotFoundError(
                f"The table `{table}` of the store `{self.plan.store}` has no column `{column}`, which its map names "
                "under `retention`. Mend the map."
            )
        return self.dialect.day(found, f"t.{quoted(column)}")

    def _earlier(self, table: str, column: str, day: date) -> str:
        """Write that the day in a column lies before another; never true where there is none to be told."""
        found = self.graph.table(table).column(column)
        own = f"t.{quoted(column)}"
        if self.dialect.name == "postgresql" and found is not None and (found.type + " ").startswith(_DAYS):
            # as it stands, so that an index may know it; the session counts in UTC
            return f"{own} < '{day.isoformat()}' AND isfinite({own})"
        return f"{self.day_of(table, column)} < '{day.isoformat()}'"

    def alone(self, table: str) -> bool:
        """Tell whether no row of another table, nor another row of this one, goes with a row of this table."""
        return not any(
            hop.source == table and hop.kind in ("belongs_to", "points_to") for hop in self.graph.hops
        )

    def due(self, text: Text, expiry: Expiry, today: date, *, spared: bool) -> str:
        """Write whether the retention of a row, called t, has ended.

        Left out is what the law keeps longer (but not from its archive), what is restricted,
        what an erasure has emptied already, and where some rows are `spared`, those.
        """
        table = expiry.table
        described = self.graph.mapped(table)
        where = [self._ended(expiry)]
        match action(described):
            case _ if expiry.archive:
                pass
            case Retain(period, law_trigger, until=None) if law_trigger:
                where.append(self._earlier(table, law_trigger, first_kept_day(period, today)))
            case Retain():
                where.append("1 = 0")
            case Blank(values, parts):
                where.append(self._differs(table, "t", values, parts))
            case _:
                pass
        if isinstance(described.restriction, Flag):
            flag = self._constant(table, "t", described.restriction.column, described.restriction.active)
            where.append(f"({flag}) IS NOT TRUE")
        if spared:
            where.append(f"NOT ({text.within('t', 'spared', table)})")
        where.append(f"1 = 1{self._live(table, 't')}{self._ours(text, table, 't', by_name=True)}")
        return " AND ".join(where)

    def _ended(self, expiry: Expiry) -> str:
        """Write that the retention of a row has ended, by the day of its own controller where those differ."""
        table, trigger = expiry.table, expiry.trigger
        own = self._controller(table, "t") if expiry.of else None
        first = min((expiry.before, *(day for _, day in expiry.of)))
        ways = [self._earlier(table, trigger, first)]
        if own is None:
            return ways[0]
        for day in sorted({day for _, day in expiry.of} - {first}):
            pairs = [
                self._alike(own, "text", self.literal(name), "text") for name, its in expiry.of if its == day
            ]
            named = " OR ".join(f"{one} = {other}" for one, other in pairs)
            ways.append(f"{self._earlier(table, trigger, day)} AND ({named})")
        return (
            f"{self._earlier(table, trigger, expiry.before)} AND ({' OR '.join(f'({way})' for way in ways)})"
        )

    def all_due(self, part: str, expiry: Expiry, today: date, *, spared: bool) -> Statement:
        """Count the rows of a part of a table, and those of them whose retention has ended."""
        text = Text(self)
        due = self.due(text, expiry, today, spared=spared)
        return text.done(f"SELECT count(*), count(*) FILTER (WHERE {due}) FROM {part} AS t")

    def plain(self, table: str) -> bool:
        """Tell whether rows of a table go alone and unseen: nothing belongs or points to them, nothing fires."""
        found = self.graph.table(table)
        referred = any(
            key.target == table for other in self.graph.catalogue.tables for key in other.foreign_keys
        )
        fires = any("DELETE" in trigger.event.upper() or not trigger.event for trigger in found.triggers)
        return (
            isinstance(action(self.graph.mapped(table)), Delete)
            and self.alone(table)
            and not self.graph.pointers(table)
            and not referred
            and not fires
        )

    def keys_of(self, table: str, rows: str, limit: int, offset: int) -> str:
        """Write a select that gathers the keys of some rows, in their order."""
        numbers = ", ".join(f"k{number}" for number in range(1, len(self.keys(table)) + 1))
        inner = f"SELECT {self._key_list(table, 't')} {rows} ORDER BY {numbers} LIMIT {limit} OFFSET {offset}"
        return f"SELECT {self._gathered(table)} FROM ({inner}) AS x"

    def counted_on(self, table: str) -> bool:
        """Tell whether rows of a table are told apart by one whole number, so that a range of them can be removed."""
        keys = self.keys(table)
        return self.dialect.name in _RANGES and len(keys) == 1 and self.dialect.family(keys[0][1]) == "int"

    def range_of(self, text: Text, table: str, rows: str, limit: int) -> str:
        """Write a look for the lowest and the highest key of the next rows above a number, and how many they are."""
        own = self.keys(table)[0][0].format("t")
        (after,) = (_RANGES[self.dialect.name].format(one) for one in text.place(("after", table), 1))
        chunk = f"SELECT {own} AS k1 {rows} AND {own} > {after} ORDER BY k1 LIMIT {limit}"
        return f"SELECT min(k1), max(k1), count(*) FROM ({chunk}) AS x"

    def removal(self, text: Text, table: str, rows: str) -> str:
        """Write what removes the rows within a range of keys."""
        first, last = (_RANGES[self.dialect.name].format(one) for one in text.place(("range", table), 2))
        return f"DELETE {rows} AND {self.keys(table)[0][0].format('t')} BETWEEN {first} AND {last}"

    def kept(self, table: str) -> Statement | None:
        """Find the rows whose retention has ended, and to which a retained row belongs: keys, count."""
        hops = [
            hop
            for hop in self.graph.hops
            if hop.kind == "belongs_to" and hop.source == table and hop.to in self.plan.retained()
        ]
        return self._once(("kept", table), lambda: self._kept(table, hops)) if hops else None

    def _kept(self, table: str, hops: Sequence[Hop]) -> Statement | None:
        text = Text(self)
        kept = []
        for hop in hops:
            match = self._linked(hop, "t", "c", looked="c")
            inside = f"{text.within('c', 'released', hop.to)} AND {text.within('c', 'fresh', hop.to)}"
            kept.append(f"EXISTS (SELECT 1 FROM {self.name(hop.to)} AS c WHERE {match} AND {inside})")
        return text.done(
            f"SELECT {self._gathered(table)} FROM (SELECT {self._key_list(table, 't')} "
            f"FROM {text.rows('released', table)} AS n CROSS JOIN {self.name(table)} AS t "
            f"WHERE {self._key_equal(table, 't', 'n')} AND NOT ({text.within('t', 'fresh', table)}) "
            f"AND ({' OR '.join(kept)})) AS x"
        )

    def released(self, table: str, *, due: bool = False) -> Statement | None:
        """Find which rows nobody who stays owns or points to; those that are `due` go whoever owns them."""
        return self._once(("released", table, due), lambda: self._released(table, due))

    def _released(self, table: str, due: bool) -> Statement | None:
        text = Text(self)
        free, loose = [], []
        for hop in self.graph.owners(table):
            match = self._linked(hop, "o", "t", looked="o")
            stays = self._stays(text, hop.source, "o", points=False)
            free.append(f"NOT EXISTS (SELECT 1 FROM {self.name(hop.source)} AS o WHERE {match}{stays})")
        for hop in self.graph.pointers(table):
            match = self._linked(hop, "p", "t", looked="p")
            stays = self._stays(text, hop.source, "p", points=True)
            loose.append(f"NOT EXISTS (SELECT 1 FROM {self.name(hop.source)} AS p WHERE {match}{stays})")
        own = [
            f"EXISTS (SELECT 1 FROM {text.given(named.kind)} AS v "
            f"WHERE {self._given_match(named, table, 't', named.column, named.at)})"
            for named in self.graph.names(table)
        ]
        own += [
            f"EXISTS ({self._named_by(named, table, 't', 'a')} AND EXISTS (SELECT 1 FROM "
            f"{text.given(named.kind)} AS v "
            f"WHERE {self._given_match(named, named.table, 'a', named.column, named.at)}))"
            for named in self.graph.naming(table)
        ]
        if due:
            own.append(f"({' AND '.join([text.within('t', 'due', table), *loose])})")
        condition = " OR ".join([*own, f"({' AND '.join([*free, *loose] or ['1 = 1'])})"])
        return text.done(
            f"SELECT {self._gathered(table)} FROM (SELECT {self._key_list(table, 't')} "
            f"FROM {text.rows('released', table)} AS n CROSS JOIN {self.name(table)} AS t "
            f"WHERE {self._key_equal(table, 't', 'n')} AND ({condition})) AS x"
        )

    def _stays(self, text: Text, table: str, alias: str, *, points: bool) -> str:
        """Write that an owner or a pointer stays: not released, or retained and pointing."""
        condition = self._live(table, alias)
        if table not in self.graph.reached():
            return condition
        stays = f"NOT ({text.within(alias, 'released', table)})"
        if points and table in self.plan.retained():
            stays = f"({stays} OR {text.within(alias, 'fresh', table)})"
        return f"{condition} AND {stays}"

    def retained(self, table: str) -> Statement | None:
        """Count the rows that are retained, and find the last day that started a retention."""
        return self._once(("retained", table), lambda: self._retained(table))

    def _retained(self, table: str) -> Statement | None:
        text, done = Text(self), action(self.graph.mapped(table))
        last = f"max({self._day(table)})" if isinstance(done, Retain) and done.trigger else "NULL"
        return text.done(
            f"SELECT count(*), {last} FROM {self.name(table)} AS t "
            f"WHERE {text.within('t', 'released', table)} AND {text.within('t', 'fresh', table)}"
        )

    def retained_keys(self, table: str) -> Statement:
        """Read the keys of the rows that are retained, as text."""
        found = self._once(("keys", table), lambda: self._retained_keys(table))
        assert found is not None
        return found

    def _retained_keys(self, table: str) -> Statement:
        text = Text(self)
        keys = ", ".join(
            f"CAST(t.{quoted(name)} AS {self.dialect.text})" for name in self.graph.table(table).key
        )
        return text.done(
            f"SELECT {keys} FROM {self.name(table)} AS t "
            f"WHERE {text.within('t', 'released', table)} AND {text.within('t', 'fresh', table)}"
        )

    # Changing

    def chosen(self, number: int) -> Statement:
        """Find the rows that a Leave or a Detach changes: keys, count."""
        found = self._once(("chosen", number), lambda: self._chosen(number))
        assert found is not None
        return found

    def _chosen(self, number: int) -> Statement | None:
        text, change = Text(self), self.plan.changes[number]
        match change:
            case Leave(hop):
                found = self._leaving(text, change, hop)
            case Unlist(hop):
                found = (
                    f"SELECT {self._key_list(hop.to, 't')} FROM {text.rows('reach', hop.to)} AS n "
                    f"CROSS JOIN {self.name(hop.to)} AS t WHERE {self._key_equal(hop.to, 't', 'n')} "
                    f"AND NOT ({text.within('t', 'released', hop.to)}) AND {self._listing(text, hop)}"
                )
            case Detach():
                found = self._detaching(text, change)
            case _:
                return None
        return text.done(f"SELECT {self._gathered(change.table)} FROM ({found}) AS x")

    def _detaching(self, text: Text, change: Detach) -> str:
        """Write which rows stay and refer to rows that go, and get no other owner instead."""
        table, key = change.table, change.key
        equal = " AND ".join(
            f"c.{quoted(own)} = t.{quoted(other)}"
            for own, other in zip(key.columns, key.target_columns, strict=True)
        )
        stays = f"NOT ({self._going(text, table, 'c')})"
        for number, other in enumerate(self.plan.changes):
            if isinstance(other, Leave) and other.table == table:
                if change.column in dict(other.values):
                    stays += f" AND NOT ({text.within('c', f'chosen{number}', table)})"
            elif isinstance(other, Rehome) and other.table == table and change.column in dict(other.values):
                given = f"{text.within('c', 'released', table)} AND {self._tied(other.hop, 'c')}"
                stays += f" AND ({given}) IS NOT TRUE"
        return (
            f"SELECT DISTINCT {self._key_list(table, 'c')} FROM {text.rows('released', key.target)} AS n "
            f"CROSS JOIN {self.name(key.target)} AS t CROSS JOIN {self.name(table)} AS c "
            f"WHERE {self._key_equal(key.target, 't', 'n')} AND {self._going(text, key.target, 't')} "
            f"AND {equal} AND c.{quoted(change.column)} IS NOT NULL AND {stays}"
        )

    def _leaving(self, text: Text, change: Leave, hop: Hop) -> str:
        """Write which rows stay with somebody while their owner by this hop leaves, and no other by it stays."""
        match = self._linked(hop, "o", "t", looked="o")
        leaves = f"EXISTS (SELECT 1 FROM {self.name(hop.source)} AS o WHERE {match} AND "
        leaves += f"{text.within('o', 'released', hop.source)})"
        if hop.named is not None:
            given = self._given_match(hop.named, hop.to, "t", hop.to_columns[0], hop.to_at)
            leaves = f"({leaves} OR EXISTS (SELECT 1 FROM {text.given(hop.named.kind)} AS v WHERE {given}))"
        stays = self._stays(text, hop.source, "o", points=False)
        differs = self._differs(hop.to, "t", change.values, change.parts)
        match action(self.graph.mapped(hop.to)):
            case Blank(values) | Retain(blank=values):
                blanked = dict(values)
            case _:
                blanked = {}
        if (
            change.values
            and not change.parts
            and not change.replaces
            and set(dict(change.values)) <= set(blanked)
        ):
            # what an erasure has emptied already is not written over with other words
            emptied = tuple((name, blanked[name]) for name, _ in change.values)
            differs += f" AND {self._differs(hop.to, 't', emptied)}"
        return (
            f"SELECT {self._key_list(hop.to, 't')} FROM {text.rows('reach', hop.to)} AS n "
            f"CROSS JOIN {self.name(hop.to)} AS t WHERE {self._key_equal(hop.to, 't', 'n')} "
            f"AND NOT ({text.within('t', 'released', hop.to)}) AND {leaves} "
            f"AND NOT EXISTS (SELECT 1 FROM {self.name(hop.source)} AS o WHERE {match}{stays}) "
            f"AND {differs}"
        )

    def _who_leaves(self, text: Text, hop: Hop, element: Elements) -> str:
        """Write that an element of a list links to somebody who leaves."""
        kind = hop.named.kind if hop.named is not None else ""
        value = Spot(self._exact(kind, element.value), "text")
        somebody = self._somebody(hop.named, value.text, "text") if hop.named is not None else ""
        owner = self._same(
            self._looked(kind, hop.source, "o", hop.source_columns[0], hop.source_at), value, somebody
        )
        conditions = [owner, *self._when(hop.source, "o", hop.source_at.when)]
        leaves = (
            f"EXISTS (SELECT 1 FROM {self.name(hop.source)} AS o WHERE {' AND '.join(conditions)} "
            f"AND {text.within('o', 'released', hop.source)})"
        )
        if hop.named is None:
            return leaves
        return (
            f"({leaves} OR {somebody} AND EXISTS (SELECT 1 FROM {text.given(hop.named.kind)} AS v "
            f"WHERE v.x = {value.text}))"
        )

    def _listed(self, hop: Hop, alias: str) -> tuple[Elements, InList]:
        inside = hop.to_at.inside
        assert isinstance(inside, InList)
        bare = f"t.{quoted(hop.to_columns[0])}"
        return self._elements(hop.to, bare, hop.to_columns[0], inside, alias), inside

    def _listing(self, text: Text, hop: Hop) -> str:
        """Write that a row lists somebody who leaves."""
        elements, _ = self._listed(hop, "eu")
        some = f"EXISTS (SELECT 1 FROM {elements.source} WHERE {self._who_leaves(text, hop, elements)})"
        return " AND ".join([some, *self._when(hop.to, "t", hop.to_at.when)])

    def _unlisted(self, text: Text, hop: Hop) -> str:
        """Write the list without those who leave."""
        elements, inside = self._listed(hop, "eu")
        column = self.graph.table(hop.to).column(hop.to_columns[0])
        assert column is not None
        leaves = self._who_leaves(text, hop, elements)
        bare = f"t.{quoted(column.name)}"
        return self.dialect.insides.without(bare, column, inside, elements, "eu", leaves)

    def still_listed(self, number: int) -> Statement | None:
        """Count the rows that list somebody who leaves, after an Unlist and before anybody is gone."""
        return self._once(("listed", number), lambda: self._still_listed(number))

    def _still_listed(self, number: int) -> Statement | None:
        text, change = Text(self), self.plan.changes[number]
        if not isinstance(change, Unlist):
            return None
        where = f"{text.within('t', f'chosen{number}', change.table)} AND {self._listing(text, change.hop)}"
        return text.done(f"SELECT count(*) FROM {self.name(change.table)} AS t WHERE {where}")

    def _assigned(self, text: Text, change: Change, of: str = "") -> str:
        """Write what is set."""
        match change:
            case Unlist(hop):
                return f"{of}{quoted(hop.to_columns[0])} = {self._unlisted(text, hop)}"
            case Detach(column=column) | Untie(column=column):
                return f"{of}{quoted(column)} = NULL"
            case Leave() | Write() | Rehome():
                written = [f"{of}{quoted(name)} = {self.literal(value)}" for name, value in change.values]
                for name, parts in by_column(change.parts):
                    column_ = self.graph.table(change.table).column(name)
                    assert column_ is not None
                    new = rewritten(self.dialect.insides, f"t.{quoted(name)}", column_, parts)
                    written.append(f"{of}{quoted(name)} = {new}")
                return ", ".join(written)
            case Remove():
                return ""

    def change(self, number: int) -> Statement:
        """Make a change."""
        found = self._once(("change", number), lambda: self._change(number))
        assert found is not None
        return found

    def _change(self, number: int) -> Statement:
        text, change = Text(self), self.plan.changes[number]
        if self.dialect.name == "mariadb":
            return text.done(self._mariadb_change(text, number, change))
        if isinstance(change, Remove) and self.dialect.name == "postgresql":
            # joined rather than compared with IN: the keys of a set differ, and the server need not see to that
            released = text.rows("released", change.table)
            going = self._key_equal(change.table, "t", "n")
            if change.table in self.plan.retained():
                going += f" AND NOT ({text.within('t', 'fresh', change.table)})"
            return text.done(
                f"DELETE FROM {self.name(change.table)} AS t USING {released} AS n WHERE {going}"
            )
        if isinstance(change, Remove):
            going = self._going(text, change.table, "t")
            return text.done(f"DELETE FROM {self.name(change.table)} AS t WHERE {going}")
        written = self._assigned(text, change)
        where = self.where(text, number, change)
        return text.done(f"UPDATE {self.name(change.table)} AS t SET {written} WHERE {where}")

    def _mariadb_change(self, text: Text, number: int, change: Change) -> str:
        """Write a change as a join with its set: what follows IN would be read anew for each row."""
        table, others, values = change.table, "", ""
        set_ = f"chosen{number}" if isinstance(change, Leave | Unlist | Detach) else "released"
        kept = table in self.plan.retained()
        match change:
            case Write(_, written, parts):
                values = f" AND {self._differs(table, 't', written, parts)}"
                others = " IN " if kept else ""
            case Rehome(hop, written, parts):
                values = f" AND {self._tied(hop, 't')} AND {self._differs(table, 't', written, parts)}"
            case Untie(_, column):
                values, others = f" AND t.{quoted(column)} IS NOT NULL", " NOT IN " if kept else ""
            case Remove():
                others = " NOT IN " if kept else ""
            case _:
                pass
        rows = text.rows(set_, table)
        if others:
            own = ", ".join(f"r.k{number}" for number in range(1, len(self.keys(table)) + 1))
            rows = (
                f"(SELECT DISTINCT {own} FROM {rows} AS r WHERE ({own}){others}{text.rows('fresh', table)})"
            )
        joined = f"{rows} AS n STRAIGHT_JOIN {self.name(table)} AS t"
        where = f"{self._key_equal(table, 't', 'n')}{values}"
        if isinstance(change, Remove):
            return f"DELETE t FROM {joined} WHERE {where}"
        return f"UPDATE {joined} SET {self._assigned(text, change, 't.')} WHERE {where}"

    def where(self, text: Text, number: int, change: Change) -> str:
        """Write which rows a change is made to."""
        match change:
            case Leave() | Unlist() | Detach():
                return text.within("t", f"chosen{number}", change.table)
            case Write(table, values, parts):
                rows = text.within("t", "released", table)
                if table in self.plan.retained():
                    rows += f" AND {text.within('t', 'fresh', table)}"
                return f"{rows} AND {self._differs(table, 't', values, parts)}"
            case Rehome(hop, values, parts):
                rows = text.within("t", "released", hop.to)
                return f"{rows} AND {self._tied(hop, 't')} AND {self._differs(hop.to, 't', values, parts)}"
            case Untie(table, column):
                return f"{self._going(text, table, 't')} AND t.{quoted(column)} IS NOT NULL"
            case Remove(table):
                return self._going(text, table, "t")

    def pending(self, number: int) -> Statement:
        """Count the rows to which a change is still to be made."""
        found = self._once(("pending", number), lambda: self._pending(number))
        assert found is not None
        return found

    def _pending(self, number: int) -> Statement:
        text, change = Text(self), self.plan.changes[number]
        where = self.where(text, number, change)
        for before in self.plan.changes[:number]:  # a row that is given away already is given away once
            match before, change:
                case Rehome(hop), Rehome() if (before.table, before.values, before.parts) == (
                    change.table,
                    change.values,
                    change.parts,
                ):
                    where += f" AND ({self._tied(hop, 't')}) IS NOT TRUE"
                case _:
                    pass
        return text.done(f"SELECT count(*) FROM {self.name(change.table)} AS t WHERE {where}")

    def wrong(self, number: int) -> Statement | None:
        """Count the rows that a change was made to and that do not hold its values."""
        return self._once(("wrong", number), lambda: self._wrong(number))

    def _wrong(self, number: int) -> Statement | None:
        text, change = Text(self), self.plan.changes[number]
        if isinstance(change, Untie | Unlist | Remove) or self.keyless(change.table):
            return None
        where = self.where(text, number, change)
        if isinstance(change, Leave):
            where += f" AND {self._differs(change.table, 't', change.values, change.parts)}"
        if isinstance(change, Detach):
            where += f" AND t.{quoted(change.column)} IS NOT NULL"
        return text.done(f"SELECT count(*) FROM {self.name(change.table)} AS t WHERE {where}")

    def there(self, tables: Sequence[str]) -> Statement:
        """Count which of the rows reached are there, for each of these tables."""
        found = self._once(("there", *tables), lambda: self._there(tables))
        assert found is not None
        return found

    def _there(self, tables: Sequence[str]) -> Statement:
        text = Text(self)
        counts = [
            f"(SELECT count(*) FROM {text.rows('reach', table)} AS n CROSS JOIN {self.name(table)} AS t "
            f"WHERE {self._key_equal(table, 't', 'n')})"
            for table in tables
        ]
        return text.done(f"SELECT {', '.join(counts)}")

    def standing(self, table: str) -> Statement | None:
        """Count the placeholder's rows of a table; there must be one."""
        marks = self.graph.placeholder(table)
        if not marks:
            return None
        same = " AND ".join(self._constant(table, "t", name, value) for name, value in marks)
        return Statement(f"SELECT count(*) FROM {self.name(table)} AS t WHERE {same}", ())

    def reading(self, set_: str, table: str, expressions: Sequence[str]) -> Statement:
        """Read expressions over the rows (`t`) of a set."""
        text = Text(self)
        return text.done(
            f"SELECT {', '.join(expressions)} FROM {text.rows(set_, table)} AS n "
            f"CROSS JOIN {self.name(table)} AS t WHERE {self._key_equal(table, 't', 'n')}"
        )

    def reading_linked(self, set_: str, table: str, hop: Hop, expressions: Sequence[str]) -> Statement:
        """Read expressions over the rows of a set and those a hop links to them: from `s`, to `t`."""
        text = Text(self)
        own, looked = ("s", "t") if hop.source == table else ("t", "s")
        return text.done(
            f"SELECT DISTINCT {', '.join(expressions)} FROM {text.rows(set_, table)} AS n "
            f"CROSS JOIN {self.name(hop.source)} AS s CROSS JOIN {self.name(hop.to)} AS t "
            f"WHERE {self._key_equal(table, own, 'n')} AND {self._linked(hop, 's', 't', looked=looked)}"
        )

    def loose_writings(self) -> tuple[tuple[str, str, str], ...]:
        """Return the columns looked through in which an identifier may stand in several writings."""
        found: dict[tuple[str, str, str], None] = {}
        for named in self.graph.named:
            if named.at.inside is None:
                found[named.table, named.column, named.kind] = None
        for hop in self.graph.hops:
            if hop.named is not None and hop.to_at.inside is None:
                found[hop.to, hop.to_columns[0], hop.named.kind] = None
        return tuple(each for each in found if self.written_apart(each[2], each[0], each[1]))

    def strays(self, table: str, column: str, kind: str) -> Statement:
        """Tell whether a column holds an identifier that is not in its exact form."""
        bare = f"t.{quoted(column)}"
        found = self.graph.table(table).column(column)
        charset = collation(found.type) if found is not None else None
        if self.dialect.name == "mariadb" and charset is not None:
            exact = f"CONVERT({self._exact(kind, bare)} USING {charset[0]}) COLLATE {charset[1]}"
            return Statement(
                f"SELECT EXISTS (SELECT 1 FROM {self.name(table)} AS t WHERE {bare} <> {exact})", ()
            )
        return Statement(
            f"SELECT EXISTS (SELECT 1 FROM {self.name(table)} AS t WHERE {bare} <> {self._exact(kind, bare)})",
            (),
        )

    def looked_up(self, table: str, column: str, kind: str) -> Statement:
        """Look one identifier up in its exact form, for the engine to say how it would."""
        exact = self._exact(kind, f"t.{quoted(column)}")
        return Statement(f"SELECT 1 FROM {self.name(table)} AS t WHERE {exact} = 'x'", ())
