"""Reading what a store map says of CSV: how the files of a table are written.

Nothing is guessed from the files: a wrong guess would read one column as another.
"""

from __future__ import annotations

import codecs

from troth.policy.yaml_text import Node
from troth.rules.map import CsvForm
from troth.stores.map_erasure import ErasureReading

_KEYS = ("delimiter", "quote", "escape", "encoding", "null", "header", "columns")


class CsvReading(ErasureReading):
    """Reads the dialect of CSV in one map file."""

    def csv(self, node: Node | None) -> CsvForm | None:
        """Read how a table of CSV is written."""
        if node is None:
            return None
        fields = self.fields(node, "`csv`", _KEYS)
        usual = CsvForm()
        header = self.boolean(fields.get("header"), "`header`") if "header" in fields else True
        columns = self.texts(fields.get("columns"), "`columns` of `csv`")
        if header is False and not columns:
            self.problem(
                node,
                "`csv` says that there is no header, and names no columns.",
                "Add `columns: [id, email]`.",
            )
        if header is True and columns:
            self.problem(
                fields["columns"],
                "`columns` of `csv` are for files without a header.",
                "Add `header: false`, or leave it out.",
            )
        if len(set(columns)) < len(columns):
            self.problem(
                fields["columns"], "`columns` of `csv` names a column twice.", "Give each its own name."
            )
        return CsvForm(
            self.mark(fields.get("delimiter"), "`delimiter`", usual.delimiter),
            self.mark(fields.get("quote"), "`quote`", usual.quote, optional=True),
            self.mark(fields.get("escape"), "`escape`", usual.escape, optional=True),
            self.encoding(fields.get("encoding")) or usual.encoding,
            self.written(fields.get("null")),
            columns,
        )

    def mark(self, node: Node | None, what: str, usual: str, *, optional: bool = False) -> str:
        """Read one character; an empty text says that there is none."""
        if node is None:
            return usual
        found = self.written(node)
        if (len(found) != 1 and not (optional and not found)) or found in {"\r", "\n", "\0"}:
            self.problem(node, f"{what} must be one character.", 'Write it in quotes, such as ";" or "\\t".')
            return usual
        return found

    def written(self, node: Node | None) -> str:
        """Read a text that may be empty."""
        value = getattr(node, "value", None)
        return value if isinstance(value, str) else ""

    def encoding(self, node: Node | None) -> str:
        """Read an encoding in which the end of a line is one byte."""
        name = self.text(node, "`encoding`") if node is not None else None
        if name is None or node is None:
            return ""
        try:
            known = codecs.lookup(name).name
            plain = all(chr(each).encode(known) == bytes([each]) for each in range(128))
        except (LookupError, UnicodeError, TypeError):
            plain = False
        if not plain:
            self.problem(
                node,
                "`encoding` must be one that writes plain letters as ASCII does.",
                "Write for example utf-8, iso-8859-1 or windows-1252; rewrite files of UTF-16 first.",
            )
            return ""
        return known
