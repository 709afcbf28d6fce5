"""Take over disclosures that were made, from a table: each once, as something that happened.

Law: GDPR Arts. 5(2), 19; Case C-154/21.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from troth.rules import disclosure as rules
from troth.rules.disclosure import Disclosure
from troth.rules.import_sheet import Cells, Fault
from troth.work import disclose
from troth.work.disclose import Line
from troth.work.establishment import day_here
from troth.work.importing import Import, Taken
from troth.work.project import Project


def faults(project: Project, one: Cells) -> Iterator[Fault]:
    """Say what is wrong with a row beyond its cells; what breaks the policy is recorded, and told by the audit."""
    on = one.day("on")
    if on is not None and on > day_here(project):
        yield one.fault("on", "that day is still to come.")
    if any("@" in name for name in (one.text("document"), *one.several("approved_by"))):
        yield one.fault(
            "document", "a reference and who approved stand in clear for ever: no e-mail address."
        )
    codes = ("recipient", "party", "purpose")
    if any("@" in one.text(name) for name in codes) or any("@" in name for name in one.several("categories")):
        yield one.fault(
            "recipient", "recipients, categories and purposes are named as the policy names them."
        )


def take(project: Project, made: Import, portion: Sequence[Cells]) -> Taken:
    """Record the rows that are not known; one that was taken by `troth disclosure import` is known too."""
    done = Taken()
    for one in portion:
        on = one.day("on")
        assert on is not None
        found = Disclosure(
            one.text("recipient"), one.several("categories"), one.text("purpose"), on,
            {name: one.text(name) for name in rules.WORDS if one.text(name)}, one.several("approved_by"),
            one.text("party"), one.text("document"),
        )  # fmt: skip
        line = Line(one.row, ((one.text("kind"), one.text("identifier")),), found, ())
        new = disclose.take(project, line, staff=made.staff, imported=made.origin(one))
        done.taken += new
        done.known += not new
    return done
