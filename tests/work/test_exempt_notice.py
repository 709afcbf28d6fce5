"""Where Art. 14(5) says that nobody need be told, the clock stops with that reason, and never without one."""

from datetime import date

import pytest

from commanding import troth
from troth.errors import NotAllowedError
from troth.ledger import read, vault
from troth.ledger.rebuild import rebuild
from troth.rules.collection import is_late
from troth.work import communicate, inform
from troth.work.exempt_notice import exempt, withdraw

ON = date(2026, 11, 20)


@pytest.fixture
def source(project):
    return next(
        str(one.sources[0].key) for one in project.policy.collections.values() if one.how == "indirect"
    )


@pytest.fixture
def owed(project, source):
    return [
        inform.record(project, f"{name}@example.org", source, ON, "marie").ident for name in ("lise", "noor")
    ]


def test_one_that_is_exempt_is_never_late_nor_sent_and_its_reason_is_kept(project, owed, clock, letters):
    (one,) = exempt(project, owed[:1], "a", "she signed for it at the fair", "the officer", "marie")
    assert (one.state["status"], one.state["exempt"]) == ("exempt", "a")
    assert [found.ident for found in inform.owed(project)] == owed[1:]
    assert inform.tell(project, owed[0]) is None
    assert letters() == []
    clock.forward(days=60)
    today = clock.now.date()
    assert [is_late(inform.load(project, name).state, today) for name in owed] == [False, True]
    (event,) = read.events(project.ledger, kind="notice_exempted")
    assert dict(event.facts) == {"ground": "a", "on": "2026-11-23"}
    assert vault.payload(project.ledger, event)["reason"] == "she signed for it at the fair"
    before = inform.load(project, owed[0]).state
    rebuild(project.ledger)
    assert inform.load(project, owed[0]).state == before
    clock.forward(days=365 * 6)
    assert inform.forget_old(project) == 1
    assert not is_late(inform.load(project, owed[0]).state, clock.now.date())


def test_all_of_a_source_are_exempt_at_once(project, owed, source):
    found = exempt(
        project, (), "b", "addresses of 1998", "the officer", "marie", source=source, made_public="our site"
    )
    assert [one.state["exempt"] for one in found] == ["b", "b"]
    assert list(inform.owed(project)) == []


@pytest.mark.parametrize(
    ("ground", "reason", "by", "more", "why"),
    [
        ("a", " ", "the officer", {}, "Without a reason the notice stays owed"),
        ("a", "told", "", {}, "Say who decided so"),
        ("e", "told", "the officer", {}, "has no letter 'e'"),
        ("b", "too many", "the officer", {}, "made public instead"),
        ("a", "told", "the officer", {"source": "employer"}, "or the one source"),
    ],
)
def test_it_is_refused_without_what_must_be_said(project, owed, ground, reason, by, more, why):
    with pytest.raises(NotAllowedError, match=why):
        exempt(project, owed[:1], ground, reason, by, "marie", **more)
    assert len(list(inform.owed(project))) == 2


def test_one_that_was_sent_is_exempt_of_nothing(project, owed):
    inform.tell(project, owed[0])
    with pytest.raises(NotAllowedError, match="is told"):
        exempt(project, owed[:1], "a", "told", "the officer", "marie")


def test_the_command_stops_the_clock_and_the_question_shows_the_letter(project, folder, owed, source):
    project.close()
    project.ledger.close()
    words = ["inform", "exempt", "--source", source, "--ground", "c", "--by", "counsel", "--staff", "marie"]
    assert troth(folder, *words, "--reason", "").code == 2
    said = troth(folder, *words, "--reason", "Code of commerce, Art. L123-1")
    assert (said.code, said.out.strip()) == (0, "2 notices are owed no more, by Art. 14(5)(c).")
    assert "exempt (c)" in troth(folder, "inform", "list", "--all").out
    asked = troth(folder, "ask", "indirect-notices", "--for", "authority", "--format", "csv")
    assert asked.out.count("Art. 14(5)(c)") == 2


def test_one_that_is_withdrawn_is_owed_from_the_first_day_on_and_late_where_that_is_over(
    project, owed, clock, letters
):
    due = inform.load(project, owed[0]).state["owed_by"]
    exempt(project, owed[:1], "a", "she signed for it", "the officer", "marie")
    clock.forward(days=60)
    assert not is_late(inform.load(project, owed[0]).state, clock.now.date())
    with pytest.raises(NotAllowedError, match="Say why the exemption is withdrawn"):
        withdraw(project, owed[:1], " ", "the officer", "marie")
    with pytest.raises(NotAllowedError, match="exempt of nothing"):
        withdraw(project, owed, "it was another fair", "the officer", "marie")
    (one,) = withdraw(project, owed[:1], "it was another fair", "the officer", "marie")
    assert (one.state["status"], one.state["exempt"], one.state["owed_by"]) == ("owed", None, due)
    assert is_late(one.state, clock.now.date())
    before = dict(one.state)
    rebuild(project.ledger)
    assert inform.load(project, owed[0]).state == before
    exempt(project, owed[:1], "d", "professional secrecy", "the officer", "marie")
    assert inform.load(project, owed[0]).state["exempt"] == "d"
    withdraw(project, owed[:1], "it is none", "the officer", "marie")
    assert inform.tell(project, owed[0]) is not None
    assert len(letters()) == 1
    assert is_late(inform.load(project, owed[0]).state, clock.now.date())


def test_whoever_was_written_to_meanwhile_should_have_been_told_by_then(project, owed, clock):
    exempt(project, owed[:1], "a", "she signed for it", "the officer", "marie")
    clock.forward(days=2)
    marketing = next(str(name) for name, one in project.policy.purposes.items() if one.marketing)
    communicate.sent(project, "lise@example.org", marketing, actor="marie")
    (one,) = withdraw(project, owed[:1], "it was another fair", "the officer", "marie")
    assert one.state["owed_by"] == "2026-11-25"
