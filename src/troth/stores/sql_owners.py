"""Whose rows are these: the statements that lead from the rows of a table to the addresses of their people."""

from __future__ import annotations

from troth.rules.owner_path import OwnerPath
from troth.stores.contract import Between
from troth.stores.sql_dialect import quoted
from troth.stores.sql_reach import SqlReach
from troth.stores.sql_text import Statement, Text

# Names come from the catalogue and are quoted; values are bound.
# ruff: noqa: S608


class SqlOwners(SqlReach):
    """The statements that read addresses, one for each path."""

    def addresses(self, table: str, path: OwnerPath, between: Between | None) -> Statement:
        """Read what stands at the end of a path from our own rows of a table, once for each row there."""
        text = Text(self)
        sources, where = [f"{self.name(table)} AS t"], [f"1 = 1{self._ours(text, table, 't', by_name=True)}"]
        if between is not None:
            first, last = text.place(("between", table), 2)
            day = self._day_in(table, between.column)
            where += [f"{day} >= {first}", f"{day} <= {last}"]
        alias, end = "t", table
        for number, hop in enumerate(path.hops, 1):
            owner, end = f"o{number}", hop.source
            sources.append(f"{self.name(end)} AS {owner}")
            where.append(f"{self._linked(hop, owner, alias, looked=owner)}{self._no_placeholder(end, owner)}")
            where[-1] += self._ours(text, end, owner, by_name=False)  # a row that names none is its owner's
            alias = owner
        rows = f"FROM {' CROSS JOIN '.join(sources)} WHERE {' AND '.join(where)}"
        named = path.named
        if not path.hops:
            own = self._no_placeholder(table, "t")
            return text.done(f"SELECT {self.named_in(table, 't', named.column, named.at)} {rows}{own}")
        return text.done(
            f"SELECT {self.named_in(end, 'e', named.column, named.at)} "
            f"FROM (SELECT DISTINCT {self._key_list(end, alias)} {rows}) AS n "
            f"CROSS JOIN {self.name(end)} AS e WHERE {self._key_equal(end, 'e', 'n')}"
        )

    def days_told(self, table: str, column: str) -> Statement:
        """Count the values of a column, and those of them that can be read as a day."""
        own = f"t.{quoted(column)}"
        return Statement(
            f"SELECT count({own}), count({self._day_in(table, column)}) FROM {self.name(table)} AS t", ()
        )

    def _day_in(self, table: str, column: str) -> str:
        found = self.graph.table(table).column(column)
        assert found is not None
        return self.dialect.day(found, f"t.{quoted(column)}")
