"""A register is drawn as it was on any day, from what was recorded then and from nothing since."""

from datetime import date, timedelta
from hashlib import sha256

import pytest

from shop_project import opened
from troth.errors import NotAllowedError, NotFoundError
from troth.policy import publishing
from troth.work import adopt_policy, draw_register
from troth.work.audit import audit
from troth.work.policy_as_of import as_of, versions
from troth.work.publish_policy import publish_policy
from troth.work.record_register import record_register

ACTIVITY = """
activity:
  shop:
    title: The shop
    purposes: [orders]
    owner: shop manager
    reviewed: 2026-11-01
    measures: [access by role]
"""


def publish(folder, clock):
    made = opened(folder, clock)
    path = folder / publishing.LOCK
    last = publishing.read_lock(path.read_text("utf-8"))[0] if path.exists() else None
    published = publish_policy(made.ledger, made.written, last, clock().date())
    path.write_text(publishing.write_lock(published.lock), "utf-8")
    record_register(made)
    return made


@pytest.fixture
def two_versions(folder, clock):
    """One version from 23 November, the next from 1 December; an activity since 25 November."""
    publish(folder, clock)
    clock.forward(days=2)
    (folder / "register" / "activities.yaml").write_text(ACTIVITY, "utf-8")
    made = publish(folder, clock)
    clock.forward(days=3)
    for language in ("policy", "policy.fr"):
        path = folder / f"{language}.md"
        text = path.read_text("utf-8").replace("version: 0.1.0", "version: 0.2.0")
        path.write_text(text.replace("date: 2026-11-23", "date: 2026-12-01"), "utf-8")
    made = publish(folder, clock)
    clock.forward(days=10)
    return made


def test_each_version_is_in_force_from_its_day_until_the_next(two_versions):
    assert [(one.version, one.from_, one.until) for one in versions(two_versions)] == [
        ("0.1.0", date(2026, 11, 23), date(2026, 12, 1)),
        ("0.2.0", date(2026, 12, 1), None),
    ]
    assert as_of(two_versions, date(2026, 11, 30)).policy.version == "0.1.0"
    assert as_of(two_versions, date(2026, 12, 1)).policy.version == "0.2.0"
    with pytest.raises(NotFoundError, match="was in force on 2026-11-22"):
        as_of(two_versions, date(2026, 11, 22))


def test_the_register_is_what_it_was_on_the_day(two_versions):
    then = draw_register.draw(two_versions, "processing", on=date(2026, 11, 24))
    later = draw_register.draw(two_versions, "processing", on=date(2026, 11, 25))
    assert "shop" not in [line["reference"][0] for line in then.register.lines]
    assert "shop" in [line["reference"][0] for line in later.register.lines]
    assert then.recorded != later.recorded
    found = draw_register.changes(two_versions, "processing", date(2026, 11, 24), date(2026, 11, 25))
    assert ("shop", "added") in [(one.reference, one.what) for one in found]
    assert ("orders", "removed") in [(one.reference, one.what) for one in found]
    assert draw_register.changes(two_versions, "processing", date(2026, 12, 1)) == ()


def test_the_register_changes_without_a_new_version_of_the_policy(folder, clock):
    made = publish(folder, clock)
    (folder / "register" / "activities.yaml").write_text(ACTIVITY, "utf-8")
    again = publish(folder, clock)
    assert [one.version for one in versions(again)] == ["0.1.0"]
    assert record_register(again) is None
    assert made.policy.version == again.policy.version


def test_a_day_to_come_and_a_register_that_is_none_are_refused(folder, clock):
    made = publish(folder, clock)
    with pytest.raises(NotAllowedError, match="still to come"):
        draw_register.draw(made, "processing", on=clock().date() + timedelta(days=1))
    with pytest.raises(NotAllowedError, match="There is no register 'breaches'"):
        draw_register.draw(made, "breaches")


def test_a_document_whose_file_was_changed_is_told(folder, clock):
    (folder / "contract.txt").write_text("as signed", "utf-8")
    digest = sha256(b"as signed").hexdigest()
    entry = (
        f"document:\n  paper: {{type: training, title: Paper, dated: 2026-01-01, location: contract.txt,"
        f" sha256: {digest}}}\n  away: {{type: training, title: Away, dated: 2026-01-01, location: ../x,"
        f" sha256: {digest}}}\n"
    )
    (folder / "register" / "documents.yaml").write_text(entry, "utf-8")

    def wrong():
        made = opened(folder, clock)
        return dict(draw_register.files_wrong(made, made.policy))

    assert wrong() == {"away": "missing"}
    (folder / "contract.txt").write_text("as changed", "utf-8")
    assert wrong() == {"paper": "differs", "away": "missing"}
    found = {one.promise: one for one in audit(opened(folder, clock), record=False)}
    assert found["register/documents/document/paper"].broken_by == ("its file is not the one recorded",)


def test_a_version_binds_the_companies_that_adopted_it(folder, clock):
    made = publish(folder, clock)
    company = str(made.policy.group.main_entity.key)

    def verdict():
        return next(one for one in audit(made, record=False) if one.promise.endswith("/group"))

    assert verdict().word == "unproven"
    first = adopt_policy.adopt(made, company, "the board")
    assert adopt_policy.adopt(made, company, "the board").id == first.id
    assert verdict().word == "kept"
    assert adopt_policy.adopted(made) == {company: {"0.1.0": date(2026, 11, 23)}}
    assert "board" not in str(first.facts)
    for entity, by, version, said in (
        ("nobody", "x", "", "has no company"),
        (company, " ", "", "Say who adopted it"),
        (company, "x", "9.9", "was never published"),
    ):
        with pytest.raises((NotAllowedError, NotFoundError), match=said):
            adopt_policy.adopt(made, entity, by, version)


def test_a_version_that_takes_effect_earlier_replaces_one_that_never_did(folder, clock):
    for version, effective in (("0.1.0", "2026-12-20"), ("0.2.0", "2026-11-23")):
        for language in ("policy", "policy.fr"):
            path = folder / f"{language}.md"
            lines = path.read_text("utf-8").splitlines()
            lines = [
                f"version: {version}"
                if one.startswith("version:")
                else f"date: {effective}"
                if one.startswith("date:")
                else one
                for one in lines
            ]
            path.write_text("\n".join(lines) + "\n", "utf-8")
        made = publish(folder, clock)
    assert [one.version for one in versions(made)] == ["0.2.0"]


def test_on_the_day_an_adequacy_decision_lapses_its_promise_is_broken_by_itself(folder, clock):
    text = (
        "\n```promise\ntransfer:\n  to-brit: {country: GB, mechanism: adequacy, importer: Brit Ltd}\n"
        "  to-lyra: {country: US, mechanism: standard_clauses, module: '2', importer: Lyra Inc.,"
        " signed: 2025-01-01}\n```\n"
    )
    path = folder / "policy.md"
    path.write_text(path.read_text("utf-8") + text, "utf-8")

    def words(made):
        judged = {one.promise: one.word for one in audit(made, record=False)}
        return [judged[name] for name in sorted(judged) if "/to-" in name or "transfer/" in name]

    # the decision on the United Kingdom holds until 27 December 2031: (EU) 2021/1772 as renewed on 2025-12-19
    clock.forward(days=(date(2031, 12, 27) - clock().date()).days)
    made = opened(folder, clock)
    before = words(made)
    assert sorted(before) == [
        "broken",
        "kept",
    ]  # clauses without an assessment of the country are no safeguard
    assert draw_register.draw(made, "transfers").register.lines[0]["lacks"] == ()
    clock.forward(hours=24)
    assert words(made) == ["broken", "broken"]
    assert "2031-12-27" in draw_register.draw(made, "transfers").register.lines[0]["lacks"][0]
