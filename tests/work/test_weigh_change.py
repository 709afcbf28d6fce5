"""Before a version is published, what follows from it is counted: in stores, for consents, for people."""

import json
from datetime import date

import pytest

from commanding import troth
from shop_project import NEWS_MAP, opened
from troth.errors import NotFoundError
from troth.ledger import append, read
from troth.rules import purpose_scope
from troth.rules.event import Draft
from troth.work.may import scopes
from troth.work.open_request import open_request
from troth.work.policy_as_of import as_published
from troth.work.weigh_change import weigh
from versions import SHORTER, publish, write_next

BOUND = NEWS_MAP.replace(
    "columns: {email: contact, since: contact}",
    "columns: {email: contact, since: contact}\n    retention: [{promise: retention/prospects, trigger: since}]",
)


@pytest.fixture
def first(folder, clock):
    """The first version, published, and a map that binds the newsletter's retention."""
    (folder / "stores" / "news.yaml").write_text(BOUND, "utf-8")
    made = opened(folder, clock)
    publish(made)
    return made


def weighed(folder, clock, *changes, effective="2027-01-05"):
    write_next(folder, "0.2.0", effective, *changes)
    return weigh(opened(folder, clock))


def of(found, what):
    return [one for one in found.consequences if one.what == what]


def test_without_a_version_before_there_is_nothing_to_weigh(project):
    assert weigh(project) is None
    with pytest.raises(NotFoundError, match=r"Version '9' was never published\. There are: none\."):
        weigh(project, "9")


def test_nothing_is_asked_where_no_promise_changed(folder, clock, first):
    found = weighed(folder, clock, ("policy.md", "as easily as you gave it", "as easily as you said yes"))
    assert not found.asks
    assert found.reworded == ("7",)
    assert found.consequences == ()


def test_a_shorter_retention_says_how_many_rows_fall_due_on_its_day_and_which_sweep_takes_them(
    folder, clock, first
):
    found = weighed(folder, clock, SHORTER)
    (due,) = of(found, "rows_due")
    assert (due.count, due.command) == (2, "troth sweep mark news.subscriber.prospects")
    assert due.says == "news.subscriber: 2 rows due instead of 0, 2 more"
    assert read.states(first.ledger, "sweep") is not None
    assert not list(read.states(first.ledger, "sweep")), "weighing records nothing"


def test_the_rows_are_counted_on_the_day_the_version_takes_effect(folder, clock, first):
    """The subscribers are of 1 January 2025: two years on 1 January 2027."""
    two = (*SHORTER[:2], SHORTER[2].replace("1 year", "2 years"))
    assert [one.count for one in of(weighed(folder, clock, two, effective="2026-12-31"), "rows_due")] == []
    assert [one.count for one in of(weighed(folder, clock, effective="2027-01-01"), "rows_due")] == [2]


def test_rows_that_nobody_can_count_are_not_said_to_fall_due(folder, clock, first):
    blanked = SHORTER[2].replace("1 year", "1 year\n    then: anonymise")
    anonymised = (*SHORTER[:2], blanked)
    found = weighed(folder, clock, anonymised)
    assert of(found, "rows_due") == []
    (one,) = of(found, "rows_uncounted")
    assert (one.count, one.command) == (None, "")
    assert one.says == (
        "news.subscriber: what is due cannot be swept, nor counted: 5/retention/prospects says that data is "
        "anonymised, and the map deletes rows of subscriber"
    )
    assert "rows nobody can count" in troth(folder, "policy", "diff").out
    publish(opened(folder, clock))
    write_next(folder, "0.3.0", "2027-01-06", (SHORTER[0], blanked, SHORTER[2]))
    (due,) = of(weigh(opened(folder, clock)), "rows_due")
    assert due.says == "news.subscriber: 2 rows due; how many before cannot be counted"


def test_a_longer_retention_says_which_rows_stay(folder, clock, first):
    clock.forward(days=800)
    found = weighed(folder, clock, (SHORTER[0], SHORTER[1], SHORTER[1].replace("3 years", "9 years")),
                    effective="2029-03-01")  # fmt: skip
    (stays,) = of(found, "rows_stay")
    assert stays.count == 2


def test_a_category_that_is_no_longer_declared_names_its_columns_and_rows(folder, clock, first):
    mapped = (folder / "stores" / "news.yaml").read_text("utf-8")
    mapped = mapped.replace("email: contact, since: contact", "email: contact, since: usage")
    (folder / "stores" / "news.yaml").write_text(mapped, "utf-8")
    text = (
        (folder / "policy.md")
        .read_text("utf-8")
        .replace("\n      usage:\n", "\n      visits:\n")
        .replace("[usage]", "[visits]")
    )
    text = text.replace("retention: [visits]", "retention: [usage]")
    (folder / "policy.md").write_text(text, "utf-8")
    found = weighed(folder, clock)
    (gone,) = of(found, "undeclared")
    assert gone.count == 2
    assert gone.says == "news.subscriber.since holds `usage`, which is no longer declared"


def test_whoever_said_yes_to_less_is_asked_again_and_nobody_else(folder, clock, first):
    scope = purpose_scope.scope(first.policy, "newsletter")
    facts = {"purpose": "newsletter", "imprint": scope.imprint, "scope": scope.facts()}
    append.append(first.ledger, [Draft("purpose_stated", "purpose/newsletter", facts)])
    for name, said, proven in (
        ("a", "given", True),
        ("b", "given", True),
        ("c", "given", False),
        ("d", "refused", True),
    ):
        told = {"purpose": "newsletter", "purpose_version": "0.1.0", "given": said, "method": "form", "language": "en",
                "notice_sha256": "", "proven": proven, "scope": scope.imprint, "channel": "email"}  # fmt: skip
        append.append(
            first.ledger, [Draft("consent_recorded", f"choices/{name}", told, entity="main-entity")]
        )
    assert scopes(first)
    wider = (
        "policy.md",
        "channels: [email]\n    categories: [identity, contact]",
        "channels: [email]\n    categories: [identity, contact, usage]",
    )
    (again,) = of(weighed(folder, clock, wider), "consent")
    assert (again.promise, again.count) == ("3/purpose/newsletter", 2)
    assert again.says == "2 people said yes to less: usage came since"
    narrower = ("policy.md", "categories: [identity, contact, usage]", "categories: [contact]")
    assert not of(weighed(folder, clock, narrower), "consent")


def test_visitors_are_asked_again_where_a_line_of_the_table_changed_in_what_is_material(folder, clock, first):
    choices = {"analytics": "given"}
    told = {"purpose": "cookies", "purpose_version": "0.1.0", "given": "given", "method": "banner accept",
            "notice_sha256": "", "language": "en", "choices": choices, "valid_until": "2027-05-01"}  # fmt: skip
    append.append(first.ledger, [Draft("consent_recorded", "cookies/abcdefabcdef", told)])
    longer = (
        "policy.md",
        "lifetime: 13 months\n      data_kept: 13 months",
        "lifetime: 13 months\n      data_kept: 14 months",
    )
    (again,) = of(weighed(folder, clock, longer), "cookie_consent")
    assert again.count == 1


def test_a_new_purpose_is_told_to_people_and_its_recipients(folder, clock, first):
    survey = (
        "  audience:\n    does: {en: measure",
        "  survey:\n    does: {en: ask you, fr: vous interroger}\n    legal_basis: legitimate_interests\n"
        "    interest: {en: to do better, fr: mieux faire}\n    categories: [contact]\n    recipients: [hosting]\n"
        "    retention: [prospects]\n  audience:\n    does: {en: measure",
    )
    found = weighed(folder, clock, ("policy.md", *survey))
    (notice,) = of(found, "notice")
    assert (notice.promise, notice.count, notice.law) == ("3/purpose/survey", 3, "GDPR Arts. 13(3), 14(4)")
    assert [one.law for one in of(found, "objection_notice")] == ["GDPR Art. 21(4)"]
    (told,) = of(found, "recipient")
    assert told.says == "it processes for survey: its instructions change (by itself)"


def test_the_clock_of_an_open_request_stays_that_of_the_day_it_came(folder, clock, first):
    open_request(first, ["access"], "ada@example.org")
    text = (folder / "policy.md").read_text("utf-8")
    assert text.count("1 month") > 3
    (folder / "policy.md").write_text(text.replace("within: 1 month", "within: 2 weeks"), "utf-8")
    (kept,) = of(weighed(folder, clock), "clock")
    assert kept.count == 1
    assert "1 open request keep" in kept.says


def test_it_says_by_when_it_is_announced_and_when_that_is_too_late(folder, clock, first):
    found = weighed(folder, clock, SHORTER)
    (told,) = of(found, "announcement")
    assert told.says == "announced by site, email until 2026-12-06, 30 days ahead"
    assert told.count == 3  # ada is in both stores
    assert not found.too_soon
    write_next(folder, "0.2.0", "2026-12-01")
    found = weigh(opened(folder, clock))
    assert found.too_soon
    (late,) = of(found, "announcement")
    assert "it could take effect on 2026-12-23" in late.says


def test_two_published_versions_are_compared_as_they_were(folder, clock, first):
    write_next(folder, "0.2.0", "2026-11-24", SHORTER)
    second = opened(folder, clock)
    publish(second)
    write_next(folder, "0.3.0", "2026-11-25", (SHORTER[0], SHORTER[2], SHORTER[1]))
    found = weigh(opened(folder, clock), "0.1.0", "0.2.0")
    assert (found.was, found.becomes, found.effective) == ("0.1.0", "0.2.0", date(2026, 11, 24))
    assert [(one.was, one.becomes) for one in found.differences if one.field == "period"] == [
        ("3 years", "1 year")
    ]
    assert as_published(second, "0.1.0")[0].version == "0.1.0"


def test_a_version_that_is_coming_changes_nothing_before_its_day(folder, clock, first):
    write_next(folder, "0.2.0", "2027-01-05", SHORTER)
    coming = opened(folder, clock)
    assert coming.written.version == "0.2.0"
    assert coming.policy.version == "0.1.0"
    publish(coming)
    assert coming.policy.retention["prospects"].period.number == 3
    clock.forward(days=42, hours=14)  # 5 January in Paris
    assert clock().date() == date(2027, 1, 4)
    assert coming.policy.version == "0.2.0", (
        "the day begins where the controller is, also in a process that runs on"
    )
    clock.forward(days=2)
    assert coming.policy.retention["prospects"].period.number == 1


def test_publishing_shows_what_follows_and_asks(folder, clock, first):
    write_next(folder, "0.2.0", "2027-01-05", SHORTER)
    said = troth(folder, "publish")
    assert said.code == 2
    assert "Promises changed: nothing was published." in said.err
    assert "news.subscriber" in said.err
    assert "troth sweep mark news.subscriber.prospects" in " ".join(said.err.split())
    assert len(read.stream(first.ledger, "policy/main")) == 1
    done = json.loads(troth(folder, "publish", "--yes", "--json").out)
    assert done["version"] == "0.2.0"
    assert {one["what"] for one in done["consequences"]} >= {"rows_due", "announcement"}
    assert troth(folder, "publish").code == 0, "published already: there is nothing to ask"


def test_the_difference_is_told_as_text_json_and_a_page(folder, clock, first, tmp_path):
    write_next(folder, "0.2.0", "2027-01-05", SHORTER)
    text = troth(folder, "policy", "diff")
    assert text.code == 0
    assert "From version 0.1.0 to 0.2.0" in text.out
    told = json.loads(troth(folder, "policy", "diff", "--json").out)
    assert [one["field"] for one in told["differences"] if one["kind"] == "retention"] == ["period"]
    page = tmp_path / "change.html"
    assert troth(folder, "policy", "diff", "-f", "html", "-o", page).code == 0
    drawn = page.read_text("utf-8")
    assert "3 years" in drawn
    assert "<script" not in drawn
    assert troth(folder, "policy", "diff", "-f", "html", "-o", page).code == 2
