"""What a worker does now and then is done by whichever worker there is, and one failure holds up no other."""

from dataclasses import replace

import story
from troth.errors import UnreachableError
from troth.work.keep_time import KeepTime

DPO = "dpo@company.example"


class Away:
    """An inbox that does not answer."""

    def items(self):
        raise UnreachableError("The inbox did not answer.")


def test_the_day_s_letter_goes_out_once_although_the_inbox_is_away(project, clock, letters):
    story.ask(project, "access")
    clock.forward(days=28)
    made = replace(project, open_inbox=lambda _: Away())
    made.__dict__.update(project.__dict__)
    timed = KeepTime(made)
    timed.look()
    timed.look()
    KeepTime(made).look()
    assert [to for to, *_ in letters()].count(DPO) == 1
