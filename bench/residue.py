"""The residue search beside a plain sequential scan, for a thousand people at once."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ahocorasick_rs
import psycopg

from bench.database import TODAY, emails, open_store, who
from bench.measure import Line, milliseconds
from troth.rules.catalogue import Catalogue
from troth.rules.residue_form import forms
from troth.stores.contract import Store
from troth.stores.residue_reading import Table, postgresql_batches
from troth.stores.searcher import Searcher, beginnings

SUBJECTS = 1000


def run(url: str, rows: int, customers: int) -> list[Line]:
    """Search for people who are not there any more, as after an erasure, in the store and in its bytes alone."""
    sought = emails(3 * customers, SUBJECTS)
    store, part = open_store(url), f"residue: {SUBJECTS:,} erased subjects, {rows:,} rows on PostgreSQL"
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as folder, psycopg.connect(url) as connection:
        plain = [milliseconds(lambda: _plainly(connection, store.catalogue(), sought)) for _ in range(3)]
        scanned = [store.scan([who(email) for email in sought], TODAY) for _ in range(3)]
        if any(each.hits for each in scanned):
            raise SystemExit("Somebody who is not there was found: the measurement means nothing.")
        dumped = Path(folder) / "bytes"
        size = _dump(connection, store, dumped)
        program, alone = _by_others(dumped, sought)
        prepared: list[Searcher] = []
        preparing = milliseconds(lambda: prepared.append(_prepared(sought)))
        ours = sorted(milliseconds(lambda: _searched(dumped, prepared[0])) for _ in range(3))[1]
    store.close()
    passed = sorted(each.seconds * 1000 for each in scanned)[1]
    megabytes = f"{scanned[0].bytes / 1e6:,.0f} MB"
    return [
        Line(part, f"a pass in every written form, {megabytes}", passed, "ms", sorted(plain)[1], 2),
        Line(part, f"  its search alone, beside {program}, {size / 1e6:,.0f} MB", ours, "ms", alone, 2),
        Line(part, "  preparing it, whatever the size", preparing, "ms"),
        Line(part, "  speed of a pass", scanned[0].bytes / 1e6 / passed * 1000, "MB/s"),
    ]


def _texts(catalogue: Catalogue) -> Iterator[tuple[str, list[str]]]:
    """Yield the tables with the columns that may hold an address."""
    for table in catalogue.tables:
        columns = [f'"{column.name}"' for column in table.columns if column.shape == "text"]
        if columns:
            yield f'"{table.name}"', columns


def _plainly(connection: psycopg.Connection, catalogue: Catalogue, sought: list[str]) -> int:
    """Copy out the columns of text and look for the addresses as they are."""
    automaton = ahocorasick_rs.BytesAhoCorasick([email.encode() for email in sought])
    found = 0
    for table, columns in _texts(catalogue):
        buffer = bytearray()
        with connection.cursor().copy(f"COPY (SELECT {', '.join(columns)} FROM {table}) TO STDOUT") as copy:
            for block in copy:
                buffer += block
                if len(buffer) > 1 << 20:
                    found += len(automaton.find_matches_as_indexes(bytes(buffer)))
                    buffer.clear()
        found += len(automaton.find_matches_as_indexes(bytes(buffer)))
    connection.commit()
    return found


def _dump(connection: psycopg.Connection, store: Store, file: Path) -> int:
    """Write down the bytes that a pass reads."""
    with file.open("wb") as written:
        for table in store.catalogue().tables:
            columns = tuple(column for column in table.columns if column.shape == "text")
            if columns:
                for batch in postgresql_batches(connection, Table(table, columns, 400, [])):
                    written.write(batch.buffer)
    connection.commit()
    return file.stat().st_size


def _by_others(file: Path, sought: list[str]) -> tuple[str, float]:
    """Time ripgrep over the bytes, or grep where there is none, for the addresses as they are."""
    listed = file.with_name("addresses")
    listed.write_text("\n".join(sought) + "\n", encoding="utf-8")
    program = "ripgrep" if shutil.which("rg") else "grep"
    command = ["rg", "-a", "--no-config"] if program == "ripgrep" else ["grep", "-a"]
    command += ["-c", "-F", "-f", str(listed), str(file)]
    times = [
        milliseconds(lambda: subprocess.run(command, check=False, stdout=subprocess.DEVNULL))
        for _ in range(3)
    ]
    return program, sorted(times)[1]


def _prepared(sought: list[str]) -> Searcher:
    """Prepare to look for every form of the addresses."""
    written = [(form.pattern, form.caseless) for email in sought for form in forms("email", email)]
    begun = beginnings([each for each, _ in written])
    return Searcher(list(dict.fromkeys(zip(begun, (caseless for _, caseless in written), strict=True))))


def _searched(file: Path, searcher: Searcher) -> int:
    """Look for every form of the addresses in the bytes."""
    found = 0
    with file.open("rb") as read:
        while block := read.read(1 << 20):
            found += len(searcher.find(block))
    return found
