"""Who may do what: roles by entity, what must stay apart, deputies under their own handle."""

from datetime import date

import pytest

from troth.rules.staff import APART, DUTIES, ROLES, Grant, Staff, acting, joined, to_be_lent

TODAY = date(2026, 12, 1)
DECIDING = {"decide", "review", "approve_policy", "publish_policy", "approve_sweeps", "hold", "settings"}


def member(handle, *grants, status="active", absences=()):
    return {
        "handle": handle,
        "status": status,
        "grants": [list(one) for one in grants],
        "absences": list(absences),
    }


def away(deputy, begins="2026-11-30", until=None):
    return {"begins": begins, "until": until, "deputy": deputy}


def test_the_officer_decides_approves_and_sets_nothing():
    assert not DUTIES["dpo"] & DECIDING
    assert "advise" in DUTIES["dpo"]


def test_whoever_administers_sees_no_request():
    assert not {"read_requests", "find_people", "read_consents"} & DUTIES["admin"]


def test_no_role_decides_and_reviews():
    assert [role for role in ROLES if {"decide", "review"} <= DUTIES[role]] == []


@pytest.mark.parametrize(("one", "other"), APART)
def test_roles_that_stay_apart_are_refused_either_way(one, other):
    assert list(joined([Grant(one)], Grant(other)))
    assert list(joined([Grant(other, "a")], Grant(one)))
    assert not list(joined([Grant(one, "a")], Grant(other, "b")))


def test_a_role_for_one_entity_is_none_for_another():
    staff = Staff("a", (Grant("handler", "one"),))
    assert staff.may("decide", "one")
    assert not staff.may("decide", "two")
    assert staff.entities("decide") == {"one"}
    assert Staff("a", (Grant("handler", "one"), Grant("handler"))).entities("decide") is None


def test_a_deputy_has_the_duties_under_a_handle_of_their_own():
    absent = member("rita", ("reviewer", ""), absences=[away("sam")])
    sam = acting(member("sam", ("intake", "")), [absent], TODAY)
    assert sam.handle == "sam"
    assert sam.may("review")
    assert sam.lent == (("rita", Grant("reviewer")),)


@pytest.mark.parametrize(
    "absence", [away("sam", "2026-12-02"), away("sam", "2026-11-01", "2026-11-30"), away("tom")]
)
def test_nobody_stands_in_outside_the_absence(absence):
    absent = member("rita", ("reviewer", ""), absences=[absence])
    assert not acting(member("sam", ("intake", "")), [absent], TODAY).may("review")


def test_what_two_lend_is_not_joined_but_where_a_derogation_says_why():
    absent = [
        member("hana", ("handler", ""), absences=[away("sam")]),
        member("rita", ("reviewer", ""), absences=[away("sam")]),
    ]
    sam = acting(member("sam", ("intake", "")), absent, TODAY)
    assert sam.lent == (("hana", Grant("handler")),)
    assert not (sam.may("decide") and sam.may("review"))
    assert acting(member("sam", ("intake", "")), absent, TODAY, alone=True).may("review")


def test_ones_own_role_goes_before_one_that_is_lent():
    absent = member("rita", ("reviewer", ""), absences=[away("sam")])
    assert not acting(member("sam", ("handler", "")), [absent], TODAY).may("review")


@pytest.mark.parametrize(
    ("begins", "until", "lent"),
    [
        ("2026-12-01", "2026-12-04", 0),
        ("2026-12-09", None, 1),
        ("2026-12-11", None, 0),
        ("2026-12-01", None, 1),
    ],
)
def test_a_deputy_has_what_others_lend_on_the_same_days(begins, until, lent):
    absent = member("rita", ("reviewer", ""), absences=[away("sam", "2026-12-05", "2026-12-10")])
    last = date.fromisoformat(until) if until else None
    assert len(list(to_be_lent([absent], "sam", date.fromisoformat(begins), last))) == lent


def test_who_left_may_nothing():
    assert acting(member("eve", ("admin", ""), status="closed"), [], TODAY).every == ()
