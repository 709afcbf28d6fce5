"""What became of the recipients of choices is counted once each, in whichever order they are met."""

from troth.rules.telling import NAMED_MAX, Tellings


def test_those_that_wait_are_named_first_though_met_last():
    found = Tellings()
    for number in range(NAMED_MAX + 5):
        found.take(f"e{number:03}", {"action": "objection", "status": "over", "on": "2026-01-01",
                                     "recipients": {"mailer": "failed"}})  # fmt: skip
    found.take(
        "z", {"action": "objection", "status": "open", "on": "2026-05-01", "recipients": {"crm": "waiting"}}
    )
    found.take(
        "zz", {"action": "objection", "status": "done", "on": "2026-05-02", "recipients": {"crm": "told"}}
    )
    assert found.untold[0] == "objection z: crm is not told yet (waiting)"
    assert (len(found.untold), found.untold_besides) == (NAMED_MAX, 6)
    assert (found.oldest, found.last[-1]) == ("2026-05-01", "zz")
    assert dict(found.outcomes) == {"failed": NAMED_MAX + 5, "waiting": 1, "told": 1}
