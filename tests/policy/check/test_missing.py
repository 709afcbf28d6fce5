"""What is missing: the promises decide where there are any, and nothing is asked of a text that is no policy."""

from datetime import date

import pytest

from troth.policy.check import check
from troth.policy.loading import load

TODAY = date(2026, 11, 23)
COLLECTS = "collection:\n  forms: {how: direct, categories: {name: {title: Name}}%s}\n"
OTHERS = "collection:\n  forms: {how: indirect, categories: {name: {title: Name}}%s}\n"
NEWS = "purpose:\n  news: {does: send news, legal_basis: consent, marketing: true%s}\n"
FRAUD = "purpose:\n  fraud: {does: stop fraud, legal_basis: legitimate_interests, interest: safety}\n"
GROUP = "group:\n  title: Harbour\n  entities:\n    tools: {name: Harbour Tools, country: %s, role: %s}\n"
ANSWER = "answer:\n  within: 1 month\n  when_unfounded_or_excessive: [refuse]\n"
BREACH = "security:\n  breach: {authority_within: 72 hours, subjects_when_high_risk: true}\n"
CLAUSES = "transfer:\n  helpdesk: {country: MA, mechanism: standard_clauses, importer: Desk, module: '2'%s}\n"
WHOLE = """\
Privacy notice of Harbour Tools Ltd

1. Who we are

Harbour Tools Ltd, 1 Quay Street, Dover, is the controller. Our data protection officer is reached at
dpo@harbour.example.

2. What we collect

We collect your name, e-mail address, and how you use our site. You must provide your name to order; if you do
not provide it, we cannot deliver.

We also obtain your address from third parties; the source is the register of companies.

3. Why

We use your data for the following purposes:

- To deliver orders: performance of a contract;
- To send news: your consent, which you can withdraw at any time;
- To prevent fraud: our legitimate interest in safe payments.

4. Who receives it

Our processors: Hosting GmbH, Germany. We may transfer data outside the EU to the United States under standard
contractual clauses, a copy of which you may ask for.

5. How long

We keep orders for ten years and everything else for no longer than necessary.

6. Your rights

You have the right of access, with a copy of your data, rectification, erasure, restriction, portability in a
machine-readable format, and the right to object on grounds of your particular situation. You may lodge a
complaint with the ICO or complain to us; we acknowledge complaints in 30 days.

We answer your requests within one month. If we refuse a request we give our reasons and tell you of your
right to go to court. Where a request is manifestly unfounded, which we must demonstrate, we may charge a fee.

7. Right to object

You may object to direct marketing at any time.

8. Security

We ensure the security of your data and tell you of any breach that puts you at high risk.

9. Children, languages, changes

Our services are not for children. This notice is also available in German. We announce changes to this notice
by e-mail. No profiling takes place.

Last updated: 1 October 2026
"""


def notice(promises, prose="We process data."):
    blocks = f"```promise\n{promises}```\n" if promises else ""
    return f"# Notice\n\n## 1 Data\n\n{prose}\n\n{blocks}"


def rules(text, file="policy.md"):
    policy, problems = load({file: text}) if file == "policy.md" else (None, ())
    assert policy is not None or file != "policy.md", problems
    return {one.rule for one in check(text, file, today=TODAY, policy=policy)}


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        ("M04", NEWS % "", NEWS % "" + "right:\n  withdraw: {takes_effect: at_once}\n"),
        ("M05", FRAUD + "right:\n  access: {}\n", FRAUD + "right:\n  object: {}\n"),
        ("M06", "right:\n  restrict: {grounds: [a, b, c]}\n", "right:\n  restrict: {grounds: [a, b, c, d]}\n"),
        ("M07", "right:\n  erase: {grounds: [a, b]}\n", "right:\n  erase: {grounds: [a, b, c, d, e, f]}\n"),
        ("M07", "right:\n  erase: {exemptions: [a, b]}\n", "right:\n  erase: {exemptions: [a, b, c, d, e]}\n"),
        ("M09", "right:\n  port: {}\n", "right:\n  port: {formats: [json]}\n"),
        ("M10", ANSWER, ANSWER + "  refusal: {within: 1 month}\n"),
        ("M11", ANSWER, ANSWER + "  we_prove_it: true\n"),
        ("M12", NEWS % ", profiling: true", NEWS % ", profiling: true" + "right:\n  review_decision: {}\n"),
        (
            "M13",
            OTHERS % ", sources: {employer: {title: Your employer}}",
            OTHERS % ", sources: {employer: {title: Your employer}}, told_within: 1 month",
        ),
        ("M15", COLLECTS % "", COLLECTS % ", needed: 'no'"),
        ("M16", CLAUSES % "", CLAUSES % ", copy_from: us"),
        ("M18", "security: {passwords_disclosed: false}\n", BREACH),
        ("M20", GROUP % ("FR", "controller"), GROUP % ("DE", "controller")),
        ("M21", GROUP % ("FR", "joint_controller"), GROUP % ("FR", "controller")),
        ("M24", GROUP % ("GB", "controller"), GROUP % ("FR", "controller")),
    ],
)  # fmt: skip
def test_promises_decide(rule, bad, good):
    assert rule in rules(notice(bad))
    assert rule not in rules(notice(good))


def test_a_purpose_among_the_promises_has_its_legal_basis_there():
    prose = "We use data for the following purposes:\n\n- to stop fraud\n"
    assert {"M01", "M02"} <= rules(notice("", prose))
    assert not {"M01", "M02"} & rules(notice(FRAUD, prose))


def test_periods_and_countries_among_the_promises_are_given():
    prose = "We keep data for the time necessary. We transfer it outside the EU."
    promises = (
        "retention:\n  news: {period: 2 years, trigger: the last contact}\n"
        "transfer:\n  helpdesk: {country: MA, importer: X, mechanism: standard_clauses, module: '2', copy_from: us}\n"
    )
    assert {"M03", "M16"} <= rules(notice("", prose))
    assert not {"M03", "M16"} & rules(notice(promises, prose))


def test_a_note_that_is_no_policy_lacks_neither_children_nor_languages():
    assert not {"M19", "M23"} & rules("We met in France and spoke of personal data.", "note.txt")


@pytest.mark.parametrize(
    ("rule", "bad", "mended"),
    [
        (
            "M03",
            "Nous conservons vos données pendant la durée nécessaire.",
            "Les commandes sont conservées dix ans.",
        ),
        (
            "M09",
            "Vous avez un droit à la portabilité.\n\n## 2 Effacement\n\nÉcrivez.\n\n## 3 Opposition\n\nÉcrivez.",
            "Vos données vous sont remises sous forme lisible par machine.",
        ),
        (
            "M11",
            "Une demande infondée peut être refusée.",
            "Il nous incombe de démontrer qu'une demande est infondée.",
        ),
        (
            "M16",
            "Vos données peuvent être transférées hors de l'Union.",
            "Transfert au Maroc ; copie sur demande.",
        ),
        (
            "M18",
            "Nous assurons la sécurité de vos données.",
            "Nous vous informons des violations de données.",
        ),
    ],
)
def test_french_is_read(rule, bad, mended):
    top = "# Avis\n\n## 1 Données\n\n"
    assert rule in rules(f"{top}{bad}\n", "policy.fr.md")
    assert rule not in rules(f"{top}{bad}\n\n{mended}\n", "policy.fr.md")


def test_a_kind_of_cookie_is_no_vendor():
    prose = "1. Recipients\n\nOur processors.\n\n2. Cookies\n\n{}: {} cookies follow the links of our site.\n"
    assert "M17" in rules(prose.format("Trackwell", "Trackwell"), "policy.txt")
    assert "M17" not in rules(prose.format("Analytics", "Analytics"), "policy.txt")


def test_a_short_notice_that_says_everything_lacks_nothing():
    assert not {one for one in rules(WHOLE, "notice.txt") if one[0] in "KM"}
