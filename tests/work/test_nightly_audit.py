"""The audit runs once a day by itself, and the officer reads what turned."""

from dataclasses import replace
from datetime import date, timedelta

from shop_project import opened
from troth.ledger import append, read
from troth.rules import promise_trend
from troth.rules.event import Draft
from troth.rules.promise_trend import Day, trend
from troth.work.audit import audit
from troth.work.audit_trend import nightly, turned
from troth.work.publish_policy import publish_policy
from troth.work.remind import remind


def test_it_runs_once_a_day_from_the_small_hours(project, clock):
    clock.now = clock.now.replace(hour=9)
    assert not nightly(project)  # nothing was promised yet
    publish_policy(project.ledger, project.policy, None, clock().date())
    clock.now = clock.now.replace(hour=0)
    assert not nightly(project)
    clock.forward(hours=3)
    assert nightly(project)
    assert not nightly(project)
    clock.forward(days=1)
    assert nightly(project)


def test_what_somebody_audited_by_day_leaves_the_night_its_run(project, clock):
    publish_policy(project.ledger, project.policy, None, clock().date())
    clock.now = clock.now.replace(hour=1)
    audit(project)
    clock.forward(hours=4)
    assert nightly(project)
    assert list(read.states(project.ledger, promise_trend.QUESTIONS))


def test_what_is_no_longer_proven_stands_in_the_letter(project, clock, letters):
    facts = {"promise": "7/answer", "verdict": "kept", "figure": "one of one", "evidence": []}
    draft = Draft("control_ran", f"{promise_trend.FAMILY}/7/answer", facts)
    append.append(project.ledger, [draft])
    clock.forward(days=1)
    facts = {**facts, "verdict": "unproven", "figure": "nothing looked"}
    append.append(project.ledger, [Draft("control_ran", draft.stream, facts)])
    assert remind(project)
    assert "No longer proven since yesterday: 7/answer (nothing looked)" in letters()[-1][2]


def test_what_broke_overnight_stands_in_the_letter_and_what_is_mended_too(project, folder, clock, letters):
    audit(project)
    clock.forward(days=1)
    path = folder / "stores" / "news.yaml"
    good = path.read_text("utf-8")
    path.write_text(good.replace("since: contact", "since: health"), "utf-8")
    worse = opened(folder, clock)
    audit(worse)
    found = turned(worse, clock().date())
    assert {one.becomes for one in found} == {"broken"}
    assert remind(worse)
    assert "Broken since yesterday: 2/collection/direct" in letters()[-1][2]
    path.write_text(good, "utf-8")
    clock.forward(days=2)
    audit(opened(folder, clock))
    assert turned(worse, clock().date())[0].was == "broken"
    assert turned(worse, clock().date() + timedelta(days=1)) == ()


def test_a_day_is_counted_at_its_end():
    first, second = date(2026, 11, 1), date(2026, 11, 2)
    runs = [(first, "a", "kept"), (first, "b", "broken"), (first, "b", "kept"), (second, "a", "broken")]
    assert trend(runs) == (Day(first, 2, 0, 0), Day(second, 1, 1, 0))


def test_the_letter_of_a_french_policy_says_the_figure_in_french(project, clock, letters):
    documents = dict(reversed(project.policy.documents.items()))
    policy = replace(project.policy, documents=documents)
    french = replace(project, open_policy=lambda settings: policy)
    facts = {"promise": "7/answer", "verdict": "kept", "figure": "one of one", "evidence": []}
    draft = Draft("control_ran", f"{promise_trend.FAMILY}/7/answer", facts)
    append.append(french.ledger, [draft])
    clock.forward(days=1)
    figure = "nobody was asked and nothing was sent yet"
    append.append(
        french.ledger,
        [Draft("control_ran", draft.stream, {**facts, "verdict": "unproven", "figure": figure})],
    )
    assert remind(french)
    said = (
        "N’est plus prouvé depuis hier : 7/answer (personne n’a été sollicité et rien n’a encore été envoyé)"
    )
    assert said in letters()[-1][2]
