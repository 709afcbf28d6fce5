"""What was seen, held against the table: each verdict, and only where it is true."""

from datetime import date, datetime

import pytest

from troth.law.ceiling import ceiling
from troth.policy.loading import load
from troth.rules import cookie
from troth.rules.cookie_draft import drafted
from troth.rules.scan import Expected, counts, judge
from troth.rules.scan_report import Note, Reached, Report, as_json
from troth.rules.scan_words import said
from troth.rules.trace import Trace, gathered, name_of, place_of, read_line

NOW = 1_796_000_000
DAY = 86_400
POLICY = """# Privacy policy

## 9 Cookies

```promise
cookies:
  lifetime_max: 13 months
  choice_in: choice
  signals: [gpc]
  table:
    - {name: sid, party: first, category: necessary, lifetime: session}
    - {name: stats, party: first, category: analytics, lifetime: 30 days}
    - {name: kept, party: first, category: analytics, lifetime: 13 months, sliding: true}
    - {name: _fbp, party: first, category: necessary, lifetime: 90 days}
    - {name: note, party: first, category: preferences, lifetime: 1 year, storage: local_storage}
    - {name: ad, party: third, host: ads.example, category: marketing, lifetime: 30 days}
    - {name: dot, party: third, host: px.example, category: analytics, lifetime: session, storage: pixel}
```
"""


@pytest.fixture(scope="module")
def expected():
    policy, problems = load({"policy.md": POLICY})
    assert problems == ()
    return Expected(
        policy.cookies, cookie.table(policy.cookies), ceiling("tracker", ["FR"], date(2026, 12, 1)), NOW
    )


def trace(name, state="before", how="script", kind="cookie", party="first", **told):
    host = told.pop("host", "shop.example" if party == "first" else "ads.example")
    return Trace(kind, name, host, party, state, how, "https://shop.example/", **told)


def asked(host, state="before", path="/x", **told):
    return trace(
        host,
        state,
        "request",
        told.pop("kind", "other"),
        "third",
        host=host,
        wrote=f"https://{host}{path}",
        **told,
    )


def verdicts(expected, traces=(), requests=()):
    found = judge(expected, gathered(traces), list(requests))
    return {(one.verdict, one.name) for one in found if one.verdict != "never_seen"}


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (trace("sid"), set()),
        (trace("stats", "accepted", seconds=30 * DAY), set()),
        (trace("stats", "second", "device"), set()),
        (trace("stats"), {("before_consent", "stats")}),
        (trace("stats", "gpc"), {("survives_refusal", "stats")}),
        (trace("stats", "refused", "device"), {("survives_refusal", "stats")}),
        (trace("stats", "withdrawn", "device"), {("survives_withdrawal", "stats")}),
        (trace("note", kind="local_storage"), {("before_consent", "note")}),
        (trace("note", "accepted"), {("undeclared", "note")}),
        (trace("other", "accepted"), {("undeclared", "other")}),
        (trace("_ga", "accepted"), {("undeclared", "_ga")}),
        (trace("_ga"), {("undeclared", "_ga"), ("before_consent", "_ga")}),
        (trace("stats", "accepted", seconds=31 * DAY), {("longer_than_declared", "stats")}),
        (trace("stats", "accepted", seconds=30 * DAY + 600), set()),
        (trace("sid", seconds=60), {("longer_than_declared", "sid")}),
        (trace("kept", "accepted", seconds=397 * DAY), set()),
        (trace("other", "accepted", seconds=398 * DAY), {("undeclared", "other"), ("longer_than_ceiling", "other")}),
        (trace("ad", "accepted", party="third"), set()),
        (trace("ad", "accepted", party="third", host="eu.ads.example"), set()),
        (trace("ad", "accepted"), {("wrong_party", "ad")}),
        (trace("sid", party="third"), {("wrong_party", "sid")}),
        (trace("_fbp"), {("wrong_category", "_fbp")}),
        (trace("stats", why_not=("SecureOnly",)), set()),
        (trace("stats", why_not=("SameSiteLax",)), {("before_consent", "stats")}),
    ],
)  # fmt: skip
def test_a_thing_that_was_seen_has_this_verdict_and_no_other(expected, told, found):
    assert verdicts(expected, [told]) == found


@pytest.mark.parametrize(
    ("name", "first", "again", "slides"),
    [
        ("stats", (NOW, 30 * DAY), (NOW + 5, 30 * DAY), True),
        ("stats", (NOW, 30 * DAY), (NOW + 5, 30 * DAY - 5), False),
        ("stats", (NOW, 30 * DAY), (NOW + 1, 30 * DAY), False),
        ("stats", (NOW, 3), (NOW + 5, 3), False),
        ("kept", (NOW, 30 * DAY), (NOW + 5, 30 * DAY), False),
    ],
    ids=["anew", "the same end", "too near to tell", "it had ended", "declared to slide"],
)
def test_a_renewal_is_told_from_an_end_that_stays(expected, name, first, again, slides):
    traces = [
        trace(name, state, asked_at=at, seconds=seconds, order=order)
        for order, (state, (at, seconds)) in enumerate((("accepted", first), ("second", again)))
    ]
    assert (("sliding", name) in verdicts(expected, traces)) is slides


def test_a_renewal_is_told_from_the_last_request_that_is_long_enough_ago(expected):
    visits = (("accepted", 0), ("accepted", 99), ("second", 100))
    for start_again, slides in ((True, True), (False, False)):
        traces = [
            trace("stats", state, asked_at=NOW + at, seconds=9 * DAY - (0 if start_again else at), order=at)
            for state, at in visits
        ]
        assert (("sliding", "stats") in verdicts(expected, traces)) is slides


def test_requests_to_those_who_follow_visitors_need_consent_too(expected):
    assert verdicts(expected, (), [asked("ads.example")]) == {("tracker_request", "ads.example")}
    assert verdicts(expected, (), [asked("ads.example", "accepted")]) == set()
    assert verdicts(expected, (), [asked("px.example", path="/a/dot")]) == {("tracker_request", "dot")}
    assert verdicts(expected, (), [asked("px.example", path="/fonts")]) == set()
    assert verdicts(expected, (), [asked("fonts.example")]) == set()
    both = {("tracker_request", "www.google-analytics.com"), ("undeclared", "www.google-analytics.com")}
    assert verdicts(expected, (), [asked("www.google-analytics.com")]) == both
    assert verdicts(expected, (), [asked("b.example", "accepted", kind="pixel")]) == {
        ("undeclared", "b.example")
    }


def test_who_sets_a_declared_cookie_of_a_third_party_is_known_for_it_without_any_cookie(expected):
    cookies = [trace("ad", "accepted", party="third", host="eu.ads.example")]
    assert verdicts(expected, cookies, [asked("eu.ads.example", "refused")]) == {
        ("tracker_request", "eu.ads.example")
    }


def test_lines_that_nobody_saw_are_told_and_break_nothing(expected):
    found = judge(expected, gathered([trace("sid")]), [asked("px.example", "accepted", path="/dot")])
    assert {one.name for one in found} == {"stats", "kept", "_fbp", "note", "ad"}
    assert not any(one.breaks for one in found)
    assert counts(found) == {"never_seen": 5}


def test_every_finding_is_a_whole_sentence_in_both_languages(expected):
    traces = [
        trace("stats", seconds=500 * DAY), trace("stats", "withdrawn"), trace("stats", "refused"), trace("_fbp"),
        trace("_ga", party="third"), trace("ad", party="first"),
        trace("kept", "accepted", asked_at=NOW, seconds=9, order=1),
    ]  # fmt: skip
    found = judge(expected, gathered(traces), [asked("ads.example")])
    for language in ("en", "fr"):
        for one in found:
            words = said(one, language)
            assert all(words[:3]), one
            assert not any("{" in word for word in words)
    longest = next(one for one in found if one.verdict == "longer_than_declared")
    assert (
        said(longest).text.replace("\xa0", " ")
        == "The cookie `stats` of shop.example asks for 500 days; declared is 30 days."
    )
    assert said(longest, "fr").text.replace("\xa0", " ") == (
        "Le cookie `stats` de shop.example demande 500 jours ; la durée déclarée est 30 jours."
    )


def test_no_value_reaches_a_trace():
    line = read_line(
        "id=ada@example.org|secret; Path=/a; Domain=.Shop.example; SameSite=None; x=hidden; Partitioned", NOW
    )
    assert line.line == "id=‹text, 22›; Path=/a; Domain=.Shop.example; SameSite=None; …; Partitioned"
    assert (line.domain, line.path, line.partitioned, line.seconds) == ("shop.example", "/a", True, None)
    assert name_of("cart-eve@example.org-1") == "‹address›"
    assert place_of("https://ads.example/p?uid=77#x") == "https://ads.example/p?…"
    assert read_line(";", NOW) is None


def report(**told):
    made = {
        "url": "https://shop.example/", "site": "shop.example", "at": datetime(2026, 12, 1),
        "states": {"before": Reached("reached", 1)}, "pages": ("https://shop.example/",), "seen": (), "requests": (),
        "notes": (), "visits": 1, "seconds": 0.5,
    }  # fmt: skip
    return Report(**{**made, **told})


def test_a_report_says_what_a_default_browser_would_have_kept():
    seen = gathered(
        [
            trace("ad", party="third", seconds=500 * DAY), trace("own", seconds=500 * DAY), trace("end"),
            trace("chips", party="third", seconds=9 * DAY, partitioned=True),
        ]
    )  # fmt: skip
    told = {one["name"]: one for one in as_json(report(seen=seen))["seen"]}
    assert {name: one["default_browser_keeps"] for name, one in told.items()} == {
        "ad": False, "own": True, "end": True, "chips": True,
    }  # fmt: skip
    assert (told["own"]["lifetime_days"], told["own"]["default_browser_days"]) == (500, 400)
    assert (told["end"]["lifetime_days"], told["ad"]["default_browser_days"]) == (None, None)


def test_a_report_is_complete_only_where_every_state_was_reached():
    assert report().complete
    assert not report(states={"before": Reached("reached"), "refused": Reached("no_refuse")}).complete
    assert report(states={"before": Reached("reached"), "refused": Reached("not_needed")}).complete
    assert as_json(report(notes=(Note("robots", {"number": "3"}),)))["notes"] == [
        {"code": "robots", "text": "Pages that robots.txt leaves out: 3."}
    ]


def test_a_drafted_table_is_one_that_check_reads_once_its_questions_are_answered():
    seen = gathered(
        [
            trace("_ga_X1", seconds=400 * DAY), trace("_ga_X2", seconds=10 * DAY), trace('odd "name"', seconds=5400),
            trace("note", kind="local_storage", how="device"), trace("uid", party="third", seconds=DAY),
            trace("never", why_not=("InvalidDomain",)),
        ]
    )  # fmt: skip
    text = drafted(seen, "shop.example")
    assert "never" not in text.replace("never seen", "")
    answered = text.replace('category: "?"', "category: preferences").replace(
        'lifetime: "?"', "lifetime: 1 year"
    )
    policy, problems = load({"policy.md": f"# P\n\n## 9 C\n\n```promise\n{answered}```\n"})
    assert problems == ()
    assert {(one.name, one.party, str(one.lifetime), one.storage) for one in policy.cookies.table} == {
        ("_ga_*", "first", "400 days", "cookie"), ('odd "name"', "first", "2 hours", "cookie"),
        ("note", "first", "1 year", "local_storage"), ("uid", "third", "1 day", "cookie"),
    }  # fmt: skip
    _, problems = load({"policy.md": f"# P\n\n## 9 C\n\n```promise\n{text}```\n"})
    assert problems
