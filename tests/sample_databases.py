"""Databases that nobody here designed, loaded from the folder of samples into a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg

LEFT_OUT = re.compile(
    r"\\|DROP DATABASE|CREATE DATABASE|(CREATE|ALTER) PROCEDURAL|ALTER .* OWNER TO|CREATE EXTENSION|COMMENT ON EXT"
)


def load(url: str, *files: Path) -> None:
    """Run SQL files as a dump tool wrote them: statements, and blocks of COPY from stdin."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "DO $$ BEGIN CREATE ROLE postgres; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
        for file in files:
            for statement, rows in _parts(file.read_text(encoding="utf-8")):
                if rows is None:
                    connection.execute(statement)
                else:
                    with connection.cursor() as cursor, cursor.copy(statement) as copy:
                        copy.write(rows)


def _parts(text: str) -> Iterator[tuple[str, str | None]]:
    lines = iter(text.splitlines(keepends=True))
    waiting: list[str] = []
    for line in lines:
        if LEFT_OUT.match(line):
            continue
        if line.startswith("COPY ") and "FROM stdin" in line:
            if "".join(waiting).strip():
                yield "".join(waiting), None
            waiting = []
            rows = []
            for row in lines:
                if row.rstrip("\n") == "\\.":
                    break
                rows.append(row)
            yield line.strip().rstrip(";"), "".join(rows)
        else:
            waiting.append(line)
    if "".join(waiting).strip():
        yield "".join(waiting), None
