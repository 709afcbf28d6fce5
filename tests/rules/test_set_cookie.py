"""The gate in the headers: raw bytes in, the same bytes out but for what the table forbids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.test_cookie import NO, NOW, TABLE, YES, promise, row
from troth.rules.cookie import accept, table, write_choice
from troth.rules.set_cookie import Gate, asked_seconds, brought, elsewhere, filtered, stripped

DAY = 86_400
CAP = 393 * DAY


def passed(*set_cookies, choice=None, cookies=b"", now=NOW + 1, known=TABLE, drop_unknown=False, host=""):
    chosen = b"" if choice is None else b"troth_choice=" + write_choice(choice).encode() + b"; "
    gate = Gate(known, drop_unknown=drop_unknown)
    return filtered(gate, set_cookies, brought([chosen + cookies]), now, host=host)


@pytest.mark.parametrize(
    "raw",
    [
        b"_ga=1; Path=/; Max-Age=86400; Secure; SameSite=None; Partitioned; Priority=High",
        b'_ga="a, b"; HttpOnly',
        b"_ga={\"a\":1,\"b\":[2]}; max-age = 10",
        b"_ga=" + b"x" * 4090,
        b"_ga=\xff\xfe\x00; Path=/",
        b"_ga==a=b; Expires=never",
        b'_ga="x; Max-Age=63072000"; Path=/',
        b"  _ga =1 ;Secure",
        b"_ga=1; Expires=Wed, 01 Jan 2020 00:00:00 GMT",
    ],
)  # fmt: skip
def test_what_is_allowed_goes_on_to_the_byte(raw):
    assert passed(raw, choice=YES).set_cookies == (raw,)


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b"_ga=1; Max-Age=63072000; Secure", b"_ga=1; Secure; Max-Age=%d" % CAP),
        (b"_ga=1;max-age=9999999999999;Path=/", b"_ga=1;Path=/; Max-Age=%d" % CAP),
        (b"_ga=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT", b"_ga=1; Max-Age=%d" % CAP),
        (b"_ga=1; EXPIRES=Sunday, 31-Dec-28 23:59:59 GMT; HttpOnly", b"_ga=1; HttpOnly; Max-Age=%d" % CAP),
        (b"_ga=1; Max-Age=1; Max-Age=63072000", b"_ga=1; Max-Age=%d" % CAP),
        (b"_ga=1; Max-Age=+63072000", b"_ga=1; Max-Age=%d" % CAP),
        (b"_ga=1; Max-Age=" + b"9" * 5000, b"_ga=1; Max-Age=%d" % CAP),
        (b"_ga=1; Expires=Fri, 31 Dec 12026 23:59:59 GMT", b"_ga=1; Max-Age=%d" % CAP),
        (b"session=1; Max-Age=60; Path=/", b"session=1; Path=/"),
    ],
)
def test_what_asks_for_longer_than_declared_is_capped_and_all_else_stands(raw, kept):
    done = passed(raw, choice=YES)
    assert done.set_cookies == (kept,)
    assert done.deeds[0].did == "capped"


@pytest.mark.parametrize(("choice", "because"), [(None, "not_asked"), (NO, "refused")])
def test_what_needs_a_yes_is_dropped_without_one(choice, because):
    done = passed(b"_ga=1", b"session=2", choice=choice)
    assert done.set_cookies == (b"session=2",)
    assert [(one.name, one.did, one.because) for one in done.deeds] == [("_ga", "dropped", because)]


@pytest.mark.parametrize("raw", [b"=_ga=1; Path=/", b"_ga", b" = _ga=1"])
def test_a_cookie_without_a_name_is_what_browsers_send_back(raw):
    assert passed(raw, choice=NO).set_cookies == ()
    assert passed(raw, choice=YES).set_cookies == (raw,)


def test_a_yes_to_one_category_is_none_to_another():
    assert passed(b"_ga=1", b"ads=1", choice=YES).set_cookies == (b"_ga=1",)


def test_a_deletion_always_goes_on():
    raw = b"_ga=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", b"ads=; Max-Age=0", b"x=; Max-Age=-1"
    assert passed(*raw, choice=NO, drop_unknown=True).set_cookies == raw


@pytest.mark.parametrize(("drop", "kept"), [(False, (b"new=1",)), (True, ())])
def test_what_nobody_declared_is_told_of_or_dropped(drop, kept):
    done = passed(b"new=1", choice=YES, drop_unknown=drop)
    assert done.set_cookies == kept
    assert done.deeds[0].because == "undeclared"


def test_a_cookie_that_the_browser_has_is_not_renewed():
    assert passed(b"_ga=1; Max-Age=86400", choice=YES, cookies=b"_ga=1").set_cookies == ()


def test_another_value_ends_when_the_first_would_have_at_the_earliest_yes():
    done = passed(b"_ga=2; Max-Age=31536000", choice=YES, cookies=b"_ga=1", now=NOW + 100 * DAY)
    assert done.set_cookies == (b"_ga=2; Max-Age=%d" % (293 * DAY),)
    exempt = table(promise(row("kept", "necessary")))
    done = passed(b"kept=2; Path=/; Max-Age=60", known=exempt, cookies=b"kept=1")
    assert done.set_cookies == (b"kept=2; Path=/",)


def test_a_cookie_that_the_table_renews_is_renewed():
    renewed = table(promise(row("kept", "necessary", sliding=True)))
    raw = b"kept=1; Max-Age=60"
    assert passed(raw, known=renewed, cookies=b"kept=1").set_cookies == (raw,)


def test_what_the_browser_brings_and_may_not_keep_is_deleted_everywhere():
    done = passed(choice=NO, cookies=b"_ga=1; session=2; else=3", host="www.shop.example")
    assert {raw.partition(b"=")[0] for raw in done.set_cookies} == {b"_ga"}
    domains = {part for raw in done.set_cookies for part in raw.split(b"; ") if part.startswith(b"Domain=")}
    assert domains == {b"Domain=www.shop.example", b"Domain=shop.example"}
    assert any(b"Partitioned" in raw for raw in done.set_cookies)
    assert all(asked_seconds(raw, NOW) == 0 for raw in done.set_cookies)


def test_what_other_paths_have_is_deleted_too_unless_it_is_allowed():
    rows = row("basket", "marketing", path="/shop"), row("steps*", "marketing", path="/shop"), row("_ga")
    known = table(promise(*rows, row("kept", "necessary", path="/shop")))

    def gone(choice):
        brought_in = {b"troth_choice": write_choice(choice).encode()}
        return set(elsewhere(Gate(known), brought_in, NOW + 1, host="shop.example"))

    assert {one.partition(b"; Max")[0] for one in gone(NO)} == {
        b"basket=; Path=/shop", b"basket=; Path=/shop; Domain=shop.example",
        b"basket=; Path=/", b"basket=; Path=/; Domain=shop.example",
    }  # fmt: skip
    assert gone(accept(known, frozenset({"marketing"}), NOW, None, "0123456789ab")) == set()


def test_a_host_cookie_is_deleted_as_its_prefix_wants():
    known = table(promise(row("__Host-v", path="/shop")))
    done = passed(choice=NO, cookies=b"__Host-v=1", known=known, host="www.shop.example")
    assert all(b"Domain" not in raw and b"Path=/;" in raw and b"Secure" in raw for raw in done.set_cookies)


def test_what_was_refused_does_not_reach_the_application():
    gate = Gate(TABLE)
    headers, deeds = stripped(gate, [b"_ga =1; session=2", b"ads=3", b"else=4"], NOW)
    assert headers == (b"session=2", b"else=4")
    assert [one.name for one in deeds] == ["_ga", "ads"]


def test_no_deed_holds_a_value():
    done = passed(b"_ga=secret", b"new=secret", choice=NO, cookies=b"_ga=secret")
    assert "secret" not in repr(done.deeds)


@given(st.lists(st.binary(max_size=60), max_size=4), st.binary(max_size=80))
def test_any_bytes_give_an_answer_and_nothing_refused_gets_through(raws, cookies):
    raws = [*raws, b"_ga=1; " + cookies]
    for one in passed(*raws, choice=NO, cookies=cookies, drop_unknown=True, host="a.example").set_cookies:
        name = one.partition(b";")[0].partition(b"=")[0].strip()
        assert name == b"session" or asked_seconds(one, NOW) == 0
