"""Reports of scans, as the scanner writes them: used by the tests of what is made of them."""

from troth.rules.scan import held_to, judge
from troth.rules.scan_report import Reached, Report
from troth.rules.trace import STATES, Trace, gathered

ALL = {state: Reached("reached", 1) for state in STATES}


def reported(project, *names, states=ALL, at=None, host="company.example"):
    """Return the report of a scan that saw these cookies before any choice."""
    expected = held_to(project.policy, project.clock())
    seen = gathered(
        Trace("cookie", name, host, "first", "before", "header", f"https://{host}/", picture=f"{name}.jpg")
        for name in names
    )
    return Report(
        f"https://{host}/", host, at or project.clock(), states, (f"https://{host}/",), seen, (), (), 6, 2.0,
        judge(expected, seen, ()), {}, expected.table.sha256,
        pictures={"visits.jpg": b"\xff\xd8x", "other.jpg": b"\xff\xd8y"},
    )  # fmt: skip
