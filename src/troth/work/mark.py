"""Note on a request what stands around it: a complaint, a court, or why it was answered late.

Law: GDPR Art. 5(2), Art. 17(3)(e), Arts. 77 to 79; law.md sections 3.2 and 3.3.
"""

from __future__ import annotations

from troth.errors import NotAllowedError
from troth.rules import request_move_guard
from troth.work import request_file
from troth.work.project import Project


def mark(project: Project, number: str, name: str, staff: str, *, note: str, over: bool = False) -> None:
    """Mark a request, or take the mark off when it is over; its file is kept while one stands."""
    found = request_file.load(project, number)
    wrong = list(request_move_guard.why_not_mark(found.state, name, over=over))
    if not note.strip():
        wrong.append("Write down which: the reference of the complaint or the case, or how it ended.")
    request_file.refuse_unless(wrong)
    request_file.move(
        project, number, "unmarked" if over else "marked", name, staff=staff, note=note.strip(),
        expect=found.version, again=True,
    )  # fmt: skip


def explain_delay(project: Project, number: str, staff: str, why: str) -> None:
    """Record why a request was, or will be, answered after its legal date; the last words count."""
    if not why.strip():
        raise NotAllowedError("Say why, in words.")
    found = request_file.load(project, number)
    today = request_file.today(project, found)
    request_file.refuse_unless(request_move_guard.why_not_explain(found.state, today))
    request_file.move(
        project, number, "late_explained", "late", staff=staff, note=why.strip(), expect=found.version,
        again=True,
    )  # fmt: skip
