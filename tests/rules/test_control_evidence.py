"""What must be on record beside a promise: without it none is kept, and what does not hold breaks it."""

import re
from datetime import date
from pathlib import Path

import pytest

from troth.policy.loading import load
from troth.rules import control
from troth.rules.map import Map
from troth.rules.register import Source
from troth.rules.register_activity import processing
from troth.rules.register_document import due
from troth.rules.verdict import Facts, judge

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "group"
TODAY = date(2026, 11, 23)
STORES = ("crm", "billing", "support")
PAPERS = "register/documents.yaml"


def files():
    found = {path.name: path.read_text("utf-8") for path in EXAMPLE.glob("policy*.md")}
    return found | {
        f"register/{path.name}": path.read_text("utf-8") for path in EXAMPLE.glob("register/*.yaml")
    }


def policy(without=(), replace=(), more="", *, activities=()):
    """The example, with documents struck out, with others written otherwise, with more of them."""
    texts = files()
    for name in without:
        texts[PAPERS], times = re.subn(rf"  {name}:\n(?:    .*\n)+", "", texts[PAPERS])
        assert times == 1, name
    for file, changes in ((PAPERS, replace), ("register/activities.yaml", activities)):
        for was, becomes in changes:
            assert was in texts[file], was
            texts[file] = texts[file].replace(was, becomes)
    if more:
        texts["register/more.yaml"] = f"document:\n{more}"
    found, wrong = load(texts)
    assert wrong == ()
    return found


def judged(found, name, today=TODAY):
    maps = {store: Map(store, "sqlite", "", {}, {}, {}) for store in STORES}
    facts = Facts(today, (), {}, {}, maps, None, None)
    return next(one for one in judge(found, facts) if one.promise == name)


def test_a_processor_without_a_contract_breaks_its_promise_and_one_command_puts_it_on_record():
    found = policy(without=["contract-processors"])
    one = judged(found, "6/recipient/processors")
    assert (one.word, one.figure) == ("broken", "no contract is on record (Art. 28(3), (9))")
    assert one.remedy == (
        "troth document contract-processors --type processor_contract --about processors --says abcdefgh"
    )
    assert judged(policy(), "6/recipient/processors").word == "unproven"


def test_where_no_documents_are_kept_at_all_nothing_shows_a_contract():
    texts = {name: text for name, text in files().items() if not name.startswith("register/")}
    found, wrong = load(texts)
    assert wrong == ()
    one = judged(found, "6/recipient/processors")
    assert one.word == "unproven"
    assert one.broken_by == ("no contract is on record (Art. 28(3), (9))",)


def test_a_contract_that_ended_breaks_it_until_another_holds():
    ended = [("until: 2027-12-31", "until: 2026-06-30")]
    one = judged(policy(replace=ended), "6/recipient/processors")
    assert (one.word, one.broken_by) == ("broken", ("contract-processors: ended on 2026-06-30",))
    assert one.remedy.startswith("troth policy set register/documents/document/contract-processors until ")
    renewed = (
        "  contract-renewed:\n    type: processor_contract\n    title: Renewed\n    dated: 2026-07-01\n"
        "    recipients: [processors]\n    says: [a, b, c, d, e, f, g, h]\n"
    )
    assert judged(policy(replace=ended, more=renewed), "6/recipient/processors").word == "unproven"


def test_a_legitimate_interest_that_nobody_weighed_is_unproven_and_one_not_weighed_again_is_broken():
    assert judged(policy(), "5/purpose/protection").word == "kept"
    one = judged(policy(without=["interests-protection"]), "5/purpose/protection")
    assert one.word == "unproven"
    assert one.figure.endswith("no assessment of the legitimate interest is on record (Arts. 5(2), 6(1)(f))")
    assert one.remedy == "troth document interests-protection --type interest_assessment --about protection"
    late = policy(replace=[("review_by: 2028-02-11", "review_by: 2026-02-11")])
    one = judged(late, "5/purpose/protection")
    assert (one.word, one.broken_by) == (
        "broken",
        ("interests-protection: its review was due on 2026-02-11",),
    )
    assert one.remedy.startswith(
        "troth policy set register/documents/document/interests-protection review_by "
    )


def test_companies_that_decide_together_need_an_arrangement():
    one = judged(policy(without=["joint-arrangement"]), "3/group")
    assert one.word == "broken"
    assert one.broken_by == ("no arrangement between the joint controllers is on record (Art. 26(1))",)
    assert one.remedy.startswith("troth document arrangement-vaubrelle-")
    some = [("    dated: 2024-03-01\n", "    dated: 2024-03-01\n    entities: [vaubrelle-uk]\n")]
    assert judged(policy(replace=some), "3/group").word == "broken"
    assert judged(policy(), "3/group").word == "unproven"  # nobody adopted it here


def test_a_joint_activity_needs_an_arrangement_about_its_purposes():
    joint = [
        (
            "    purposes: [surveys]\n",
            "    role: joint_controller\n    joint_with: [Sondage SA]\n    purposes: [surveys]\n",
        )
    ]
    name = "register/activities/activity/surveys"
    one = judged(policy(activities=joint), name)
    assert one.broken_by == ("no arrangement between the joint controllers is on record (Art. 26(1))",)
    assert one.remedy == "troth document arrangement-surveys --type joint_arrangement --about surveys"
    paper = "  sondage:\n    type: joint_arrangement\n    title: S\n    dated: 2026-01-05\n    purposes: [surveys]\n"
    assert judged(policy(activities=joint, more=paper), name).word == "kept"


@pytest.mark.parametrize(
    ("paper", "said"),
    [
        (
            "needed: true",
            "screening concluded on 2026-10-01 that an impact assessment is needed, and there is none (Art. 35(1))",
        ),
        (
            "needed: true\n    says: [a, b]\n    risk: low\n    advice: Go on",
            "its impact assessment screening: does not cover Art. 35(7) (c), (d)",
        ),
    ],
)
def test_an_examination_that_says_an_assessment_is_needed_asks_for_it(paper, said):
    more = (
        "  screening:\n    type: dpia\n    title: Screening\n    dated: 2026-10-01\n    purposes: [surveys]\n"
        f"    criteria: [large_scale, matching]\n    {paper}\n"
    )
    one = judged(policy(more=more), "register/activities/activity/surveys")
    assert (one.word, one.broken_by) == ("broken", (said,))
    if "none" in said:
        assert one.remedy.startswith("troth document dpia-surveys --type dpia --about surveys --says abcd")


def test_an_examination_that_none_is_needed_is_enough_until_a_later_one_says_otherwise():
    paper = "  {0}:\n    type: dpia\n    title: S\n    dated: {1}\n    purposes: [surveys]\n    needed: {2}\n"
    none = paper.format("first", "2025-10-01", "false")
    name = "register/activities/activity/surveys"
    assert judged(policy(more=none), name).word == "kept"
    assert judged(policy(more=none + paper.format("second", "2026-10-01", "true")), name).word == "broken"


def test_access_rights_are_reviewed_for_each_store():
    name = "register/security/security"
    assert judged(policy(), name).word == "kept"
    some = policy(replace=[("stores: [crm, billing, support]", "stores: [crm, support]")])
    one = judged(some, name)
    assert one.word == "unproven"
    assert one.broken_by == ("billing: no review of access rights is on record (Art. 32(1)(d))",)
    assert one.remedy == "troth document access-review-billing --type access_review --about billing"
    one = judged(policy(), name, date(2027, 2, 1))
    assert (one.word, len(one.broken_by)) == ("broken", 3)
    assert "crm: its review of access rights was due on 2027-01-31 (Art. 32(1)(d))" in one.broken_by
    assert one.remedy.startswith("troth policy set register/documents/document/access-review review_by ")
    again = (
        "  access-review-2:\n    type: access_review\n    title: A\n    dated: 2027-01-20\n    stores: [{}]\n"
    )
    one = judged(policy(more=again.format("crm, billing, support")), name, date(2027, 2, 1))
    assert one.word == "kept"
    old = judged(policy(more=again.format("crm, billing, support")), "register/documents/document/access-review",
                 date(2027, 2, 1))  # fmt: skip
    assert old.word == "kept"  # it was made anew
    reminded = due(policy(more=again.format("crm, billing, support")), date(2027, 2, 1))
    assert "access-review" not in [str(one.key) for one, _ in reminded]
    assert "access-review" in [str(one.key) for one, _ in due(policy(), date(2027, 2, 1))]
    one = judged(policy(more=again.format("crm, billing")), name, date(2027, 2, 1))
    assert one.broken_by == ("support: its review of access rights was due on 2027-01-31 (Art. 32(1)(d))",)
    one = judged(policy(more=again.format("crm, billing, support")), name, date(2028, 1, 21))
    assert (one.word, len(one.broken_by)) == ("unproven", 3)


def test_breaches_and_measures_said_in_one_promise_are_both_judged_and_the_worst_counts():
    name = "register/security/security"

    def said(paper=(), day=TODAY, breaches=()):
        texts = files()
        file = "register/security.yaml"
        texts[file] += "  breach: {authority_within: 72 hours, subjects_when_high_risk: true}\n"
        for was, becomes in paper:
            assert was in texts[PAPERS]
            texts[PAPERS] = texts[PAPERS].replace(was, becomes)
        texts["policy.md"] = texts["policy.md"].replace(
            "  breach: {authority_within: 72 hours, subjects_when_high_risk: true}\n", ""
        )
        texts["policy.md"] = texts["policy.md"].replace("{{ security.breach.authority_within }}", "72 hours")
        found, wrong = load(texts)
        assert wrong == ()
        maps = {store: Map(store, "sqlite", "", {}, {}, {}) for store in STORES}
        facts = Facts(day, (), {}, {}, maps, None, None, incidents=breaches)
        names = [one.control.name for one in control.checked(found) if one.promise.id == name]
        assert names == ["security-breach", "security-measures"]
        return next(one for one in judge(found, facts) if one.promise == name)

    told = {"number": "I-2026-001", "aware_at": "2026-10-01T08:00:00+00:00", "late": False, "risk": "risk",
            "status": "closed", "authority": "2026-10-01", "people_told": 0, "exempt": ""}  # fmt: skip
    one = said(breaches=[told])
    assert one.word == "kept"
    assert one.figure.startswith("1 breach told in time, or not to be told; 9 measures; ")
    assert one.looked_at.startswith("incidents on record: 1; the register and its documents")
    one = said()
    assert (one.word, one.remedy) == ("unproven", "troth incident list --all")
    assert one.figure.startswith("no breach is on record: nothing was to be told; 9 measures; ")
    one = said([("stores: [crm, billing, support]", "stores: [crm, support]")], breaches=[told])
    assert one.word == "unproven"
    assert one.remedy == "troth document access-review-billing --type access_review --about billing"
    one = said(day=date(2027, 2, 1), breaches=[told])
    assert (one.word, len(one.broken_by)) == ("broken", 3)
    one = said(
        [("stores: [crm, billing, support]", "stores: [crm, support]")], breaches=[told | {"late": True}]
    )
    assert (one.word, one.remedy) == ("broken", "troth incident list --all")
    assert one.broken_by == ("I-2026-001: the authority was not told in time",)


def test_a_transfer_needs_an_assessment_on_record_that_is_not_past_its_review():
    one = judged(policy(), "7.2.4/transfer/group-us")
    assert one.word == "kept"
    one = judged(
        policy(replace=[("review_by: 2027-06-15", "review_by: 2026-11-15")]), "7.2.4/transfer/group-us"
    )
    assert (one.word, one.broken_by) == (
        "unproven", ("assessment-united-states: its review was due on 2026-11-15",)
    )  # fmt: skip
    one = judged(policy(), "7.2.4/transfer/group-morocco")
    assert one.word == "unproven"
    assert one.remedy == (
        "troth document assessment-group-morocco --type transfer_assessment --about group-morocco"
    )
    old = judged(policy(replace=[("review_by: 2027-06-15", "review_by: 2028-06-15")]), "7.2.4/transfer/group-us",
                 date(2027, 6, 16))  # fmt: skip
    assert (old.word, old.remedy) == (
        "unproven",
        "troth policy set 7.2.4/transfer/group-us assessed 2027-06-16",
    )
    assert judged(policy(), "7.2.4/transfer/group-uk").word == "kept"  # of an adequacy decision none is asked


def test_what_is_missing_is_said_in_french_in_the_register():
    joint = [
        (
            "    purposes: [surveys]\n",
            "    role: joint_controller\n    joint_with: [Sondage SA]\n    purposes: [surveys]\n",
        )
    ]
    lines = processing(Source(policy(activities=joint), {}, TODAY, "fr"))
    lacks = next(line["lacks"] for line in lines if line["reference"] == ("surveys",))
    assert lacks == ("aucun accord entre les responsables conjoints n’est consigné (art. 26(1))",)
