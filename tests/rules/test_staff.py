"""Who may do what: roles by entity, what must stay apart, deputies under their own handle."""

from datetime import date

import pytest

from troth.rules.staff import APART, DUTIES, ROLES, Grant, Staff, acting, joined

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


def test_who_left_may_nothing():
    assert acting(member("eve", ("admin", ""), status="closed"), [], TODAY).every == ()
