"""A legal hold keeps its scope and no more; the answer says so; what it kept back goes when it ends."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest

import story
from commanding import troth
from naming import names
from shop_project import opened
from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import read
from troth.ledger.rebuild import rebuild
from troth.work import carry_on, hold, plan_erasure, release, replay

ADA = [("email", "ada@example.org")]
REVIEW = date(2027, 3, 1)


def placed(project, *what, about=ADA):
    found = hold.place(project, "Tribunal 26/0417", "our defence", REVIEW, "marie", about=about, what=what)
    return found.state["name"]


def erased(project, email="ada@example.org"):
    number = story.ask(project, "erase", email=email)
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    return number


def done(project, number):
    return story.state(project, number)["claims"]["c1"]["stores"]


def left(rows):
    return rows("shop", "SELECT id FROM message ORDER BY id"), rows("news", "SELECT email FROM subscriber")


def test_its_scope_stays_and_the_rest_goes_and_the_answer_says_so(project, rows, letters):
    name = placed(project, "shop.message")
    number = erased(project)
    assert left(rows) == ([(1,), (2,)], [("eve@example.org",)])
    assert done(project, number)["shop"]["deferred"] == [name]
    assert list(hold.deferred(project, name)) == [hold.Deferred(number, "c1", "shop")]
    assert list(hold.deferred(project, name[:-1])) == []
    assert "deferred" not in done(project, number)["news"]
    (told,) = [text for to, _, text in letters() if to == "ada@example.org" and "was erased" in text]
    assert "A legal hold keeps data in shop (GDPR Art. 17(3)(e)): it is erased when the hold ends." in told
    assert "We look at it again by 1 March 2027." in told
    assert "Tribunal" not in told
    assert not names(repr([dict(event.facts) for event in read.events(project.ledger)]), "Tribunal")


def test_when_it_ends_what_it_kept_back_goes_even_after_the_request_closed(project, rows, clock):
    name = placed(project, "shop.message")
    number = erased(project)
    clock.forward(days=60)
    carry_on.one_round(project)
    assert story.state(project, number)["status"] == "closed"
    assert left(rows)[0] == [(1,), (2,)]
    hold.end(project, name, "the judgment is final", "paul")
    carry_on.one_round(project)
    assert left(rows)[0] == [(2,)]
    state = done(project, number)["shop"]
    assert "deferred" not in state
    assert list(hold.deferred(project)) == []
    assert state["verified"] == 0
    assert story.state(project, number)["status"] == "closed"
    before = read.version(project.ledger, f"request/{number}")
    carry_on.one_round(project)
    assert read.version(project.ledger, f"request/{number}") == before  # and no more
    states = [(one.stream, one.body) for one in read.states(project.ledger, "hold")]
    rebuild(project.ledger)
    assert [(one.stream, one.body) for one in read.states(project.ledger, "hold")] == states


def test_two_holds_keep_it_until_both_have_ended(project, rows):
    first, second = placed(project, "shop.message"), placed(project, "shop.message", about=())
    erased(project)
    hold.end(project, first, "over", "paul")
    assert release.release(project) == 0
    assert left(rows)[0] == [(1,), (2,)]
    hold.end(project, second, "over", "paul")
    assert release.release(project) == 1
    assert left(rows)[0] == [(2,)]


def test_a_hold_about_others_or_about_nothing_here_changes_nothing(project, rows):
    placed(project, about=[("email", "bob@example.org")])
    number = erased(project)
    assert left(rows)[0] == [(2,)]
    assert all("deferred" not in one for one in done(project, number).values())


def test_whoever_asks_by_another_address_of_the_same_row_erases_nothing_that_is_held(folder, clock, rows):
    file = folder / "stores" / "shop.yaml"
    both = "identifiers: {email: {kind: email, one_person: true}, city: {kind: email, one_person: true}}"
    file.write_text(
        file.read_text().replace("identifiers: {email: {kind: email, one_person: true}}", both, 1)
    )
    with closing(sqlite3.connect(folder / "shop.db")) as shop, shop:
        shop.execute("UPDATE customer SET city = 'ada@home.example' WHERE id = 1")
    project = opened(folder, clock)
    name = placed(project)
    number = erased(project, "ada@home.example")
    assert left(rows)[0] == [(1,), (2,)]
    assert done(project, number)["shop"]["deferred"] == [name]
    project.close()
    project.ledger.close()


def test_one_about_everything_of_everybody_stops_the_whole_erasure(project, rows):
    name = placed(project, about=())
    number = erased(project)
    assert left(rows) == ([(1,), (2,)], [("ada@example.org",), ("eve@example.org",)])
    assert rows("shop", "SELECT email FROM customer WHERE id = 1") == [("ada@example.org",)]
    assert {store: one["deferred"] for store, one in done(project, number).items()} == {
        "news": [name], "shop": [name],
    }  # fmt: skip
    hold.end(project, name, "over", "paul")
    release.release(project)
    assert left(rows) == ([(2,)], [("eve@example.org",)])


def test_one_placed_after_the_approval_has_the_plan_measured_and_approved_again(project, rows):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    placed(project, "shop.message")
    carry_on.one_round(project)
    assert left(rows)[0] == [(1,), (2,)]
    if story.state(project, number)["claims"]["c1"]["plan"] is None:
        plan = plan_erasure.measure(project, number, "c1", staff="marie")
        plan_erasure.approve(project, number, "c1", plan.facts["plan_sha256"], "paul")
        carry_on.one_round(project)
    assert left(rows) == ([(1,), (2,)], [("eve@example.org",)])
    assert done(project, number)["shop"]["deferred"]


@pytest.mark.parametrize("place", ["begun shop", "acted shop", "ended shop", "verified shop"])
def test_a_release_that_is_killed_anywhere_is_taken_up_by_the_next(project, rows, place):
    name = placed(project, "shop.message")
    number = erased(project)
    hold.end(project, name, "over", "paul")

    def stop(at):
        if at == place:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        release.release(project, stop_at=stop)
    release.release(project)
    assert left(rows)[0] == [(2,)]
    told = [e for e in read.stream(project.ledger, f"request/{number}") if e.kind == "act_ended"]
    assert sum(row[2] for e in told for row in e.facts["rows"] if row[:2] == ["message", "delete"]) == 1


def test_a_restored_backup_leaves_what_a_hold_kept(project, rows, folder, clock):
    placed(project, "shop.message")
    taken = clock()
    erased(project)
    with closing(sqlite3.connect(folder / "shop.db")) as shop, shop:
        shop.execute("UPDATE customer SET email = 'ada@example.org', name = 'Ada' WHERE id = 1")
    planned = replay.plan(project, "shop", taken, untouched=True)
    replay.repeat(project, planned)
    assert left(rows)[0] == [(1,), (2,)]


def test_it_is_looked_at_again_within_six_months_and_ends_once(project, clock):
    with pytest.raises(NotAllowedError, match="within six months: by 2027-05-25"):
        hold.place(project, "a", "b", date(2028, 1, 1), "marie")
    with pytest.raises(
        NotAllowedError, match=r"Name the matter.*Say why.*lies in the future.*No map has data called 'x'"
    ):
        hold.place(project, " ", "", date(2026, 1, 1), "marie", what=["x"])
    name = placed(project)
    with pytest.raises(NotAllowedError, match="Say why the hold is still needed"):
        hold.review(project, name, date(2027, 4, 1), "", "marie")
    assert (
        hold.review(project, name, date(2027, 4, 1), "it goes on", "marie").state["review_on"] == "2027-04-01"
    )
    with pytest.raises(NotAllowedError, match="Say why the hold ends"):
        hold.end(project, name, "", "marie")
    hold.end(project, name, "over", "marie")
    with pytest.raises(NotAllowedError, match="ended on 2026-11-23"):
        hold.end(project, name, "over", "marie")
    with pytest.raises(NotFoundError, match="There is no hold 'nope'"):
        hold.load(project, "nope")
    assert hold.told(project, name) == {"matter": "Tribunal 26/0417", "reason": "our defence"}


def test_the_file_of_a_request_is_not_destroyed_while_one_stands(project, clock):
    name = placed(project, "shop.message")
    number = erased(project)
    clock.forward(days=60)
    carry_on.one_round(project)
    clock.forward(days=366 * 6)
    carry_on.one_round(project)
    assert not story.state(project, number).get("file_destroyed")
    hold.end(project, name, "over", "paul")
    carry_on.one_round(project)
    carry_on.one_round(project)
    assert story.state(project, number)["file_destroyed"]


def test_the_commands(project, folder):
    review, later = (str(datetime.now(UTC).date() + timedelta(days=days)) for days in (20, 21))
    said = troth(folder, "hold", "place", "--matter", "Tribunal", "--reason", "defence", "--review", review,
                 "--about", "email=ada@example.org", "--what", "shop", "--staff", "marie")  # fmt: skip
    assert said.code == 0, said.err
    name = said.out.split()[2].strip(",.")
    assert name in troth(folder, "hold", "list").out
    assert "marie" in troth(folder, "hold", "list").out
    shown = troth(folder, "hold", "show", name, "--staff", "marie").out
    assert "matter: Tribunal" in shown
    assert (
        troth(folder, "hold", "review", name, "--until", later, "--note", "on", "--staff", "marie").code == 0
    )
    assert "Nothing was ended" in troth(folder, "hold", "end", name, "--dry-run", "--staff", "paul").out
    assert "Ended." in troth(folder, "hold", "end", name, "--reason", "over", "--staff", "paul").out
    assert "No hold stands." in troth(folder, "hold", "list").out
    assert "written kind=value" in troth(folder, "hold", "place", "--matter", "a", "--reason", "b", "--review",
                                         review, "--about", "ada", "--staff", "m").err  # fmt: skip
