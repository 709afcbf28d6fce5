"""YAML is read as it is written: with its place, once, and without surprises."""

# ruff: noqa: E501  (whole sentences stand in these tables)

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.policy.reading import Reading
from troth.policy.yaml_text import Fields, Items, Scalar, read


def value(text):
    node, problems = read(f"a: {text}", "x.yaml")
    assert problems == ()
    return node.get("a").value


@pytest.mark.parametrize(
    "word", ["NO", "no", "yes", "on", "off", "y", "12:30:45", "2026-11-23", "1_000", "0o9"]
)
def test_a_word_that_older_yaml_would_change_stays_a_word(word):
    assert value(word) == word


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-7", -7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("'010'", "010"),
        ('"true"', "true"),
    ],
)
def test_the_core_schema_reads_the_rest(written, meant):
    assert value(written) == meant
    assert type(value(written)) is type(meant)


def test_every_value_knows_its_line_and_column():
    node, _ = read("one: 1\nmore:\n  - {deep: x}\n", "x.yaml", line_offset=40)
    deep = node.get("more").items[0].get("deep")
    assert (deep.line, deep.column) == (43, 12)


@pytest.mark.parametrize(
    ("text", "line", "column", "what", "remedy"),
    [
        ("a: 1\na: 2", 2, 1, "`a` is already said on line 1.", "Keep one of the two."),
        ("a: &x 1", 1, 4, "An anchor (`&`) is not allowed here.", "Write values out where used."),
        ("a: !!str 1", 1, 4, "A tag (`!`) is not allowed here.", "Remove it; put text in quotes."),
        ("<<: {a: 1}", 1, 1, "A merge key (`<<`) is not allowed.", "Write the fields out."),
        ("a: 1\n---\nb: 2", 2, 1, "A second document starts here.", "Put it into its own file."),
        ("a:\n\tb: 1", 2, 1, "The indentation has a tab in it.", "Indent with spaces."),
        ("[a]: 1", 1, 1, "A key must be one word or text.", "Name it with plain text."),
        ("a: b: c", 1, 5, "There is a second colon and space in this line, or the indentation is off.", "Put text with a colon in quotes."),
        ("a: @b", 1, 4, "A value cannot begin with '@'.", "Put the text in quotes."),
        ("a: {b: c", 1, 9, "A bracket or a comma is missing.", "Close the { or [, or put a comma between."),
        ("a: 'b", 1, 6, "A quotation mark is not closed.", "Close it, or double it inside the text."),
        ("a: \x07", 1, 4, "There is a control character here (number 7).", "Remove it."),
        ("a: \ud800", 1, 4, "There is half of a character here.", "Save the file as UTF-8."),
    ],
)  # fmt: skip
def test_a_mistake_has_its_place_its_cause_and_its_remedy(text, line, column, what, remedy):
    _, problems = read(text, "x.yaml")
    assert [(p.line, p.column, p.what, p.remedy) for p in problems] == [(line, column, what, remedy)]


def test_an_alias_is_refused_so_nothing_can_be_multiplied():
    laughs = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    _, problems = read(laughs, "x.yaml")
    assert sum("alias" in p.what for p in problems) == 4


def test_all_mistakes_are_told_at_once():
    _, problems = read("a: &x 1\na: 2\nb: *x\n", "x.yaml")
    assert [p.line for p in problems] == [1, 2, 3]


def test_deep_nesting_is_a_problem_and_not_a_crash():
    node, problems = read("a: " + "[" * 3000 + "]" * 3000, "x.yaml")
    assert [p.what for p in problems] == ["This is nested more than 32 deep."]
    assert isinstance(node, Fields)


def test_carriage_returns_and_a_byte_order_mark_do_not_matter():
    node, problems = read("\ufeffa: 1\r\nb: NO\r\n", "x.yaml")
    assert (node.get("a").value, node.get("b").value, problems) == (1, "NO", ())
    assert node.get("b").line == 2


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "\ufeff"])
def test_an_empty_text_is_nothing(text):
    assert read(text, "x.yaml") == (None, ())


@settings(max_examples=400, deadline=None)
@given(
    st.text(max_size=200)
    | st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%@`?,~<\n \t01.x\ufeff"), max_size=120)
)
def test_any_text_at_all_gives_nodes_or_problems(text):
    node, problems = read(text, "x.yaml")
    assert node is None or isinstance(node, Scalar | Items | Fields)
    lines = text.count("\n") + len([c for c in text if c in "\r\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e"]) + 2
    assert all(1 <= p.line <= lines and p.column >= 1 and p.what and p.remedy for p in problems)


def told(text, read_it):
    reading = Reading("x.yaml")
    node, problems = read(text, "x.yaml")
    assert problems == ()
    found = read_it(reading, node.get("a") if isinstance(node, Fields) else node)
    return found, [f"{p.line}:{p.column} {p.what} {p.remedy}" for p in reading.problems]


def test_an_unknown_key_names_the_one_that_was_meant():
    _, said = told("a: {withn: 1 month}", lambda r, n: r.fields(n, "`answer`", ["within", "extend_by"]))
    assert said == ["1:5 `answer` has no field called `withn`. Did you mean `within`?"]


def test_a_missing_field_is_named():
    _, said = told("a: {x: 1, y: }", lambda r, n: r.fields(n, "`answer`", ["x", "y"], ["y"]))
    assert said == ["1:4 `answer` lacks `y`. Add a line `y: …`."]


@pytest.mark.parametrize(
    ("text", "method", "arguments", "sentence"),
    [
        ("a: 13", "period", (), "1:4 It must be a length of time with its unit, not `13`. Write it like `13 months`; the units are hours, days, weeks, months and years."),
        ("a: one month", "period", (), "1:4 It must be a length of time with its unit, not `one month`. Write it like `13 months`; the units are hours, days, weeks, months and years."),
        ("a: [1 month]", "period", (), "1:4 It must be a length of time with its unit. Write it like `13 months`; the units are hours, days, weeks, months and years."),
        ("a: yes", "boolean", (), "1:4 It must be true or false. Write `true`."),
        ("a: 1", "boolean", (), "1:4 It must be true or false. Write `true` or `false`."),
        ("a: true", "integer", (), "1:4 It must be a whole number. Write digits, without quotes."),
        ("a: -1", "integer", (), "1:4 It must be from 0 to 1000000000000, not -1. Write a number in between."),
        ("a: UK", "country", (), "1:4 It must be the code of a country (ISO 3166-1). Did you mean `GB`?"),
        ("a: France", "country", (), "1:4 It must be the code of a country (ISO 3166-1). Write two capitals, as in FR, NO or US."),
        ("a: 2026-02-30", "date", (), "1:4 It is not a day of the calendar. Mend the month or the day."),
        ("a: 30/01/2026", "date", (), "1:4 It must be a date. Write year, month and day, as in 2026-11-23."),
        ("a: contrat", "choice", (["contract", "consent"],), "1:4 It cannot be `contrat`. Did you mean `contract`?"),
        ("a: [x, x]", "choices", (["x", "y"],), "1:8 It has `x` twice. Keep one of the two."),
        ("a: {b: c}", "text", (), "1:4 It must be text. Write one value, in quotes if it has a colon."),
        ("a: ' '", "text", (), "1:4 It is empty. Write something, or remove the key."),
        ("a: {b: c}", "texts", (), "1:4 It must be a list. Write [one, two], or one `- item` a line."),
    ],
)  # fmt: skip
def test_a_wrong_value_says_what_is_wanted(text, method, arguments, sentence):
    found, said = told(text, lambda r, n: getattr(r, method)(n, "It", *arguments))
    assert said == [sentence]
    assert found in (None, (), ("x",))


def test_norway_is_a_country():
    assert told("a: NO", lambda r, n: r.country(n, "It")) == ("NO", [])
