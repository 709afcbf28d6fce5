"""Personal data in a lake: a folder of Parquet files or JSON lines, a table for each file or folder of files.

The plan runs on a stage (`lake_stage`) with the engine that every SQL store has; what it
changed there is then written into the files it touches, and into no others.

Danger: `act` replaces files.  What prevents loss: a file that cannot be read stops everything
before anything is changed; new files are verified beside the old ones (`lake_file`); a file
that was written meanwhile is left alone; the step is written down before the first file is
replaced and finished by whoever comes next (`lake_swap`).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from troth.errors import ConflictError, NotAllowedError, UnreachableError
from troth.rules.catalogue import Catalogue
from troth.rules.map import Map
from troth.stores import lake_file, lake_lines, lake_stage, lake_swap, sql_run
from troth.stores.contract import Acted, Limits, Measured, Row, Scanned, Store, Who
from troth.stores.lake_stage import Stage
from troth.stores.lake_swap import HIDDEN, Intent
from troth.stores.sql_run import ROWS_MEASURED_MAX
from troth.stores.sql_store import SqlStore
from troth.stores.sqlite import LIMITS as SQLITE_LIMITS
from troth.stores.sqlite import Sqlite

LIMITS = Limits(atomic=False, measured_by_rollback=True, rows_measured_max=ROWS_MEASURED_MAX)
WAIT_SECONDS = 10.0


def open_store(map: Map, credentials: Mapping[str, str]) -> Store:  # noqa: A002
    """Open a lake; nothing is touched before the first verb."""
    return Lake(map, credentials)


class Lake:
    """A folder of Parquet files or JSON lines."""

    def __init__(self, map_: Map, credentials: Mapping[str, str], wait_seconds: float = WAIT_SECONDS) -> None:
        self._map = map_
        self._root = Path(credentials["find"].removeprefix("lake://"))
        self._may_change = "change" in credentials
        self._wait_seconds = wait_seconds
        self._stage: Stage | None = None
        self._staged: SqlStore[object] | None = None

    def __repr__(self) -> str:
        """Name the store and nothing of where it is."""
        return f"<store {self._map.store}>"

    @property
    def name(self) -> str:
        """The store's name in plans, events and screens."""
        return self._map.store

    def limits(self) -> Limits:
        """Say what this kind of store can do."""
        return LIMITS

    def catalogue(self) -> Catalogue:
        """Read what is really there."""
        with self._alone():
            return self._laid_out()[1].catalogue()

    def find(self, who: Sequence[Who]) -> Iterator[Row]:
        """Yield every row about these subjects, one row once per subject, in bounded memory."""
        with self._alone():
            staged = self._laid_out()[1]
        yield from staged.find(who)

    def measure(self, who: Sequence[Who], today: date) -> Measured:
        """Say exactly what erasing these subjects would do; no file is changed."""
        with self._alone():
            return self._laid_out()[1].measure(who, today)

    def act(
        self, step: str, who: Sequence[Who], today: date, approved: Measured, tolerance: int = 0
    ) -> Acted:
        """Erase as approved, once per `step`; raises ConflictError when there is more to do."""
        if not self._may_change:
            raise NotAllowedError(f"The store `{self.name}` has no credentials to change files with.")
        with self._alone():
            known = lake_swap.remembered(self._root, step)
            if known is not None:
                return sql_run.from_rows(self.name, step, *known)
            stage, staged = self._laid_out()
            shutil.copyfile(stage.database, stage.before)
            try:
                acted = staged.act(step, who, today, approved, tolerance)
                self._swap(stage, acted)
            finally:
                self.close()
            return acted

    def gone(self, who: Sequence[Who], today: date) -> int:
        """Count the rows to which these identifiers still lead and which no rule retains today."""
        with self._alone():
            return self._laid_out()[1].gone(who, today)

    def scan(self, who: Sequence[Who], today: date) -> Scanned:
        """Search every column of every file for these subjects' identifiers."""
        with self._alone():
            return self._laid_out()[1].scan(who, today)

    def close(self) -> None:
        """Remove the stage."""
        if self._staged is not None:
            self._staged.close()
        if self._stage is not None:
            self._stage.remove()
        self._stage = self._staged = None

    def _swap(self, stage: Stage, acted: Acted) -> None:
        """Write what changed on the stage into the files, all of it or nothing."""
        made: dict[str, lake_file.Mark] = {}
        try:
            for path, changes in lake_stage.changes(stage):
                made[str(path.relative_to(self._root))] = stage.marks[path]
                form = lake_lines if lake_lines.is_lines(path) else lake_file
                form.rewrite(path, lake_swap.beside(path), changes, self.name)
            if not lake_stage.current(stage, self._root, self.name):
                raise ConflictError(
                    f"Files of the store `{self.name}` were written while the new ones were made. Nothing was changed. "
                    "Measure again."
                )
            lake_swap.intend(self._root, Intent(acted.step, acted.plan_sha256, sql_run.to_rows(acted), made))
        except BaseException:
            if not (self._root / HIDDEN / lake_swap.INTENT).exists():
                for name in made:
                    lake_swap.beside(self._root / name).unlink(missing_ok=True)
            raise
        if not lake_swap.finish(self._root):
            raise ConflictError(
                f"A file of the store `{self.name}` was written while files were replaced, and was left as it is. "
                "The others are done. Measure and approve what is left."
            )

    def _laid_out(self) -> tuple[Stage, SqlStore[object]]:
        """Return the stage of the files as they are now."""
        if self._stage is not None and self._staged is not None:
            if lake_stage.current(self._stage, self._root, self.name):
                return self._stage, self._staged
            self.close()
        stage = lake_stage.lay_out(self._root, self._map)
        url = f"sqlite:///{stage.database}"
        urls = {"find": url, "change": url} if self._may_change else {"find": url}
        engine: Sqlite = Sqlite()
        staged: SqlStore[object] = SqlStore(self._map, urls, engine, SQLITE_LIMITS)  # type: ignore[arg-type]
        self._stage, self._staged = stage, staged
        if not lake_stage.current(stage, self._root, self.name):
            self.close()
            raise UnreachableError(
                f"Files of the store `{self.name}` were written while they were read. Nothing was changed; try again."
            )
        return stage, staged

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only one of ours in this lake, with nothing left half done."""
        try:
            (self._root / HIDDEN).mkdir(mode=0o700, exist_ok=True)
            handle = os.open(self._root / HIDDEN / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            raise UnreachableError(
                f"The folder of the store `{self.name}` is not there, or Troth may not write its own folder in it. "
                "Nothing was changed."
            ) from None
        try:
            self._wait(handle)
            lake_swap.finish(self._root)
            yield
        finally:
            os.close(handle)

    def _wait(self, handle: int) -> None:
        end = time.monotonic() + self._wait_seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise UnreachableError(
                        f"Another process works on the store `{self.name}`. Nothing was changed; try again."
                    ) from None
                time.sleep(0.05)
            else:
                return
