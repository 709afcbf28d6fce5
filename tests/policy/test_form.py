"""Every promise of the example policy goes into a form and comes back the same, in both languages."""

import tomllib
from pathlib import Path

import pytest

from troth.policy import form
from troth.policy.called import Called
from troth.policy.kinds import KINDS
from troth.policy.loading import load
from troth.policy.promise_writing import written
from troth.policy.schema import schema
from troth.policy.yaml_text import read

ROOT = Path(__file__).resolve().parents[2]
GROUP = ROOT / "examples" / "group"
SCHEMA = schema()
POLICY, _ = load(
    {
        path.relative_to(GROUP).as_posix(): path.read_text("utf-8")
        for path in [*GROUP.glob("policy*.md"), *GROUP.glob("register/*.yaml")]
    }
)
NAMES = {
    "purpose": list(POLICY.purposes),
    "recipient": list(POLICY.recipients),
    "retention": list(POLICY.retention),
    "transfer": list(POLICY.transfers),
    "category": list(POLICY.categories),
    "document": list(POLICY.register_documents),
    "entity": [one.key for one in POLICY.group.entities],
}
BLOCKS = [block.text for clause in POLICY.document.clauses for block in clause.blocks]
BLOCKS += [text for name, text in POLICY.files.items() if name.endswith(".yaml")]


def promises():
    """Yield every promise with its block: kind, name, node."""
    for block in BLOCKS:
        for kind, node in read(block, "")[0]:
            for name, one in node if KINDS[kind].many else [("", node)]:
                yield pytest.param(block, kind, name, one, id=f"{kind} {name}".strip())


def described(kind, name="", language="en"):
    return form.fields(
        SCHEMA, kind, language, ["en", "fr"], Called(POLICY, language).choices(NAMES), name=name
    )


def inner(fields):
    """Yield every field, those inside of others too."""
    for one in fields:
        yield one
        widget = one.widget
        while isinstance(widget, form.Rows):
            widget = widget.item
        if isinstance(widget, form.Part):
            yield from inner(widget.fields)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("block", "kind", "name", "node"), list(promises()))
def test_a_promise_goes_into_its_form_and_comes_back(block, kind, name, node, language):
    fields, value = described(kind, name, language), form.said(node)
    value.pop("id", None)
    back, wrong = form.read(fields, form.filled(fields, value), language)
    assert (back, wrong) == ({**value, **{k: int(v) for k, v in value.items() if k == "minimum_age"}}, ())


@pytest.mark.parametrize(("block", "kind", "name", "node"), list(promises()))
def test_a_promise_written_back_unchanged_keeps_every_byte(block, kind, name, node):
    fields = described(kind, name)
    back, _ = form.read(fields, form.filled(fields, form.said(node)), "en")
    assert written(block, kind, name, fields, back) == block


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_and_every_field_is_said_in_french(kind):
    catalogue = tomllib.loads((ROOT / "src/troth/policy/data/form.fr.toml").read_text("utf-8"))
    fields = tuple(inner(described(kind)))
    assert [one.name for one in fields if one.name not in catalogue["label"]] == []
    assert [one.help for one in fields if one.help not in catalogue["help"]] == []
    assert form.kind_said(kind, "fr") != form.kind_said(kind, "en") or kind in ("cookies",)


def test_a_form_knows_units_choices_rows_and_what_is_nested():
    cookies = {one.name: one for one in described("cookies", language="fr")}
    length = cookies["lifetime_max"].widget
    assert isinstance(length, form.Length)
    assert ("months", "mois") in length.units
    assert cookies["lifetime_max"].label == "Durée de vie maximale"
    kept = cookies["choice_kept"].widget
    assert kept.short == ("given", "refused")
    row = {one.name: one for one in cookies["table"].widget.item.fields}
    assert row["lifetime"].widget.instead == (("session", "jusqu’à la fermeture du navigateur"),)
    assert row["category"].required
    assert ("analytics", "mesure d’audience") in row["category"].widget.choices
    assert row["recipient"].widget.choices[0][0] in POLICY.recipients
    entities = next(one for one in described("group") if one.name == "entities").widget
    assert entities.named
    assert isinstance(entities.item, form.Part)


def test_what_a_promise_does_not_say_fills_no_input():
    assert form.filled(described("cookies"), {"before_consent": ["necessary"]}) == {
        "before_consent": ["necessary"]
    }


def test_short_forms_are_written_out_and_stay_as_they_were_written():
    text = "cookies:\n  choice_kept: 6 months  # both\n  lifetime_max: 13 months\n"
    fields = described("cookies")
    inputs = form.filled(fields, {"choice_kept": "6 months", "lifetime_max": "13 months"})
    assert inputs["choice_kept.refused.number"] == ["6"]
    same, _ = form.read(fields, inputs, "en")
    assert written(text, "cookies", "", fields, same) == text
    inputs["choice_kept.refused.number"] = ["1"]
    new, _ = form.read(fields, inputs, "en")
    assert written(text, "cookies", "", fields, new) == text.replace(
        "choice_kept: 6 months ", "choice_kept: {given: 6 months, refused: 1 month} "
    )


@pytest.mark.parametrize(
    ("kind", "inputs", "name", "says"),
    [
        ("retention", {"period.number": ["three"], "period.unit": ["years"]}, "period.number",
         "Write a number and choose its unit."),
        ("retention", {"period.number": ["3"], "period.unit": ["years"]}, "trigger", "This is needed."),
        ("transfer", {"country": ["Norway"]}, "country", "Choose one of the list."),
        ("group", {"dpo.email": ["nobody"]}, "dpo.email",
         "Write an e-mail address, such as privacy@company.example."),
        ("group", {"entities.0.key": ["Our Shop"], "entities.0.name": ["S"], "entities.0.country": ["FR"]},
         "entities.0.key",
         "Write a name with small letters, digits, - and _ only, such as order-history."),
        ("answer", {"fee.amount_max": ["ten"]}, "fee.amount_max", "Write a whole number, in digits."),
        ("change", {"effective": ["2026-13-01"]}, "effective", "Write year, month and day, as in 2026-11-23."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_input(kind, inputs, name, says):
    _, wrong = form.read(described(kind), inputs, "en")
    assert form.Wrong(name, says) in wrong


def test_a_row_goes_by_its_box_and_an_empty_one_is_none():
    fields = described("cookies")
    inputs = {}
    for at, called in enumerate(["a", "b", ""]):
        inputs |= {f"table.{at}.name": [called], f"table.{at}.party": ["first" if called else ""]}
        inputs |= {f"table.{at}.category": ["analytics" if called else ""]}
        inputs |= {f"table.{at}.lifetime.unit": ["session" if called else "months"]}
    inputs["table.0.remove"] = ["yes"]
    value, wrong = form.read(fields, inputs, "en")
    assert wrong == ()
    assert value == {
        "table": [{"name": "b", "party": "first", "category": "analytics", "lifetime": "session"}]
    }


def test_comments_and_other_promises_stay_when_a_row_is_changed_added_and_removed():
    text = (
        "# the table\n"
        "cookies:\n"
        "  lifetime_max: 13 months   # CNIL\n"
        "  table:\n"
        "    # ours\n"
        "    - {name: a, party: first, category: analytics, lifetime: 13 months}  # kept\n"
        "    - {name: b, party: first, category: analytics, lifetime: 6 months}\n"
        "    # theirs\n"
        "    - {name: c, party: third, category: marketing, lifetime: session}\n"
        "consent:\n"
        "  valid_for: 2 years  # ours too\n"
    )
    fields = described("cookies")
    value = form.said(read(text, "")[0].get("cookies"))
    value["table"][0]["lifetime"] = "12 months"
    del value["table"][1]
    value["table"].append({"name": "d: e", "party": "third", "category": "marketing", "lifetime": "1 day"})
    assert written(text, "cookies", "", fields, value) == (
        "# the table\n"
        "cookies:\n"
        "  lifetime_max: 13 months   # CNIL\n"
        "  table:\n"
        "    # ours\n"
        "    - {name: a, party: first, category: analytics, lifetime: 12 months}  # kept\n"
        "    # theirs\n"
        "    - {name: c, party: third, category: marketing, lifetime: session}\n"
        '    - {name: "d: e", party: third, category: marketing, lifetime: 1 day}\n'
        "consent:\n"
        "  valid_for: 2 years  # ours too\n"
    )


def test_a_named_promise_is_added_and_removed():
    text = "retention:\n  # one\n  orders: {period: 2 years, trigger: the order}\n"
    fields = described("retention", "visits")
    more = written(text, "retention", "visits", fields, {"period": "1 year", "trigger": "NO"})
    assert more == text + "  visits:\n    period: 1 year\n    trigger: NO\n"
    assert written(more, "retention", "orders", described("retention"), None) == (
        "retention:\n  # one\n  visits:\n    period: 1 year\n    trigger: NO\n"
    )
    assert written(text, "retention", "orders", described("retention"), None).strip() == ""


@pytest.mark.parametrize(
    "word", ["true", "2.0", "null", "~", "a: b", "- x", "[y", "#z", 'say "no"', "'", "é\u202f!", "x #y"]
)
def test_words_are_quoted_where_yaml_would_read_something_else(word):
    text = "retention:\n  a: {period: 1 year, trigger: t}\n"
    fields = described("retention")
    out = written(text, "retention", "a", fields, {"period": "1 year", "trigger": word})
    assert read(out, "")[0].get("retention").get("a").get("trigger").text == word
    assert read(out, "")[1] == ()
