"""Say that a member of staff carried a claim out, and what they did, in words for the person.

Rectification, completion, restriction, a human review, directives for after death and
complaints are acts of people; Troth sees that they were decided, done, told and proven.

Law: GDPR Arts. 16, 18, 22(3); Loi 78-17 Arts. 84-86; DPA 2018 s. 164A.
"""

from __future__ import annotations

from troth.rules import request
from troth.work import request_file
from troth.work.project import Project

SAID_MAX = 10_000


def carry_out(project: Project, number: str, claim: str, staff: str, said: str) -> None:
    """Record that a claim is carried out; `said` goes to the person with the answer, and to the vault.

    Raises NotAllowedError when it may not be, or when nothing is said.
    """
    found = request_file.load(project, number)
    found.claim(claim)
    wrong = list(request.why_not_carry_out(found.state, claim))
    if not said.strip():
        wrong.append("Say what was done, in words for the person: the answer tells it (GDPR Art. 12(3)).")
    if len(said) > SAID_MAX:
        wrong.append(f"That is too long for a letter: {SAID_MAX} characters at most.")
    request_file.refuse_unless(wrong)
    request_file.move(
        project, number, "claim_done", claim, staff=staff, note=said.strip(), expect=found.version
    )
