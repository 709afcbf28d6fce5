"""The copies of safeguards that anybody may have: what was agreed with an importer outside the EEA.

They lie in the folder `safeguards/` of the project, each a PDF named after its transfer, with what is a business
secret blacked out by whoever put it there.  Nothing else of the register is ever given out so.

Law: GDPR Art. 13(1)(f), Art. 14(1)(f); Decision (EU) 2021/914, clause 8.3 (module 1 and 2).
"""

from __future__ import annotations

from pathlib import Path

from troth.errors import NotFoundError
from troth.policy.promise import Transfer
from troth.work.project import Project

FOLDER = "safeguards"
COPY_BYTES_MAX = 20 << 20
OWED = ("standard_clauses", "binding_rules", "code", "certification", "own_clauses")
"""The mechanisms that are safeguards (Arts. 46, 47): of a decision or a derogation there is no copy to give."""


def safeguarded(project: Project) -> tuple[Transfer, ...]:
    """Return the transfers that the policy tells people of and that stand on a safeguard."""
    return tuple(one for one in project.policy.transfers.values() if one.public and one.mechanism in OWED)


def has_copy(project: Project, transfer: Transfer) -> bool:
    """Say whether a copy of what a transfer stands on lies ready."""
    return _file(project, transfer) is not None


def copy_of(project: Project, name: str) -> bytes:
    """Return the copy of what a transfer stands on; raises NotFoundError where there is none."""
    found = next((one for one in safeguarded(project) if str(one.key) == name), None)
    file = _file(project, found) if found else None
    if file is None:
        raise NotFoundError("No copy of such a safeguard lies ready here.")
    return file.read_bytes()


def _file(project: Project, transfer: Transfer) -> Path | None:
    folder = (project.settings.folder / FOLDER).resolve()
    file = (folder / f"{transfer.key}.pdf").resolve()
    fits = file.is_relative_to(folder) and file.is_file() and file.stat().st_size <= COPY_BYTES_MAX
    return file if fits else None
