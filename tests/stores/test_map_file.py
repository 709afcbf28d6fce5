"""A store map is read whole, or every mistake in it is named with its place and its remedy."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.law.period import Period
from troth.rules.map import (
    Blank,
    BlankLink,
    Copy,
    Delete,
    Edge,
    Flag,
    Identifier,
    ReplaceOwner,
    Retain,
    Retention,
    RowController,
    SetAside,
    Subject,
)
from troth.stores.map_file import read
from troth.stores.map_notation import columns_of, target_of

SHOP = """\
store: shop
kind: postgresql
credentials: {find: env:SHOP_FIND, change: env:SHOP_CHANGE}
controller: main-entity
reviewed: {date: 2026-11-20, catalogue: sha256:9f2c}
backups_expire: 35 days
placeholder: {customer.id: 0}
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity, created: usage, address_id: link, restricted: flag}
    points_to: [{address_id: address.id}]
    restriction: {flag: restricted, active: true, lifted: false}
    retention: [{promise: retention/prospects, trigger: created}]
    erase: {do: blank, set: {email: null, name: former customer}, by: dpo, because: clause 7.4 (a)}
  address:
    columns: {id: key, street: address}
    erase: {do: delete, by: dpo, because: clause 7.4 (a)}
  orders:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, placed: usage, gift_note: free_text}
    erase: {do: retain, until: {period: 10 years, trigger: placed}, legal: C. com. L123-22,
            blank: {gift_note: null}, by: counsel, because: accounts}
  message:
    belongs_to:
      - {sender_id: customer.id, conceals: [recipient_id, recipient_name], leaving: replace_owner}
      - {recipient_id: customer.id, conceals: [sender_id], leaving: {blank: {recipient_name: null}}}
    mentions:
      - columns: [company_id, branch]
        target: branch
        target_columns: [company, "no"]
    columns: {id: key, sender_id: link, recipient_id: link, recipient_name: identity, company_id: link, branch: link}
    copies: {recipient_name: customer.name via recipient_id}
    restriction: {set_aside: [recipient_name]}
    erase: {do: replace_owner, by: dpo, because: threads survive}
  branch:
    subject: {key: [company, "no"], identifiers: {phone: {kind: phone, one_person: false}}}
    columns: {company: key, "no": key, phone: contact}
  product: {impersonal: a catalogue of goods, kept by staff}
"""


@pytest.fixture(scope="module")
def shop():
    found, problems = read(SHOP, "stores/shop.yaml")
    assert problems == ()
    return found


def problems(text):
    found, wrong = read(text, "shop.yaml")
    assert found is None
    return [str(problem) for problem in wrong]


def changed(old, new):
    assert old in SHOP
    return problems(SHOP.replace(old, new))


def test_what_is_said_of_the_whole_store(shop):
    assert (shop.store, shop.kind, shop.controller, shop.file) == (
        "shop",
        "postgresql",
        "main-entity",
        "stores/shop.yaml",
    )
    assert shop.credentials == {"find": "env:SHOP_FIND", "change": "env:SHOP_CHANGE"}
    assert (shop.reviewed.on, shop.reviewed.catalogue_sha256) == (date(2026, 11, 20), "9f2c")
    assert shop.backups_expire == Period(35, "days")
    assert shop.placeholder == {"customer.id": 0}


def test_a_table_of_people(shop):
    customer = shop.tables["customer"]
    assert customer.subject == Subject(("id",), (Identifier("email", "email", one_person=True),))
    assert customer.columns["restricted"] == "flag"
    assert customer.restriction == Flag("restricted", active=True, lifted=False)
    assert customer.retention == (Retention("retention/prospects", "created"),)
    assert customer.erase.do == Blank((("email", None), ("name", "former customer")))
    assert (customer.erase.by, customer.erase.because, customer.line) == ("dpo", "clause 7.4 (a)", 9)


def test_every_kind_of_edge_and_what_happens_when_an_owner_leaves(shop):
    assert shop.tables["message"].edges == (
        Edge("belongs_to", "message", ("sender_id",), "customer", ("id",), ("recipient_id", "recipient_name"),
             ReplaceOwner()),
        Edge("belongs_to", "message", ("recipient_id",), "customer", ("id",), ("sender_id",),
             BlankLink((("recipient_name", None),))),
        Edge("mentions", "message", ("company_id", "branch"), "branch", ("company", "no")),
    )  # fmt: skip
    assert shop.tables["customer"].edges == (
        Edge("points_to", "customer", ("address_id",), "address", ("id",)),
    )


def test_every_kind_of_action(shop):
    assert shop.tables["address"].erase.do == Delete()
    assert shop.tables["message"].erase.do == ReplaceOwner()
    assert shop.tables["orders"].erase.do == Retain(
        Period(10, "years"), "placed", "C. com. L123-22", (("gift_note", None),)
    )


def test_copies_and_values_set_aside(shop):
    message = shop.tables["message"]
    assert message.copies == (Copy("recipient_name", "customer", "name", "recipient_id"),)
    assert message.restriction == SetAside(("recipient_name",))


def test_the_column_of_a_supplementary_statement(shop):
    written = SHOP.replace(
        "    restriction: {set_aside: [recipient_name]}\n", "    supplement: recipient_name\n"
    )
    found, problems = read(written, "shop.yaml")
    assert problems == ()
    assert (found.tables["message"].supplement, shop.tables["message"].supplement) == ("recipient_name", "")


def test_words_after_a_comma_stay_in_the_sentence(shop):
    assert shop.tables["product"].impersonal == "a catalogue of goods, kept by staff"


def test_places_are_remembered_for_later_messages(shop):
    assert shop.place("orders", "columns", "gift_note") == (21, 58)
    assert shop.place("message", "edges", "1") == (27, 9)
    assert shop.place("orders", "columns", "nothing") == (21, 14)
    assert shop.place("product") == (39, 3)


def test_a_controller_may_be_a_column_or_somebody_else():
    for written, column, other in (
        ("{column: tenant_id, ours: [1, us]}", "tenant_id", ""),
        ("{processor_for: acme}", "", "acme"),
    ):
        found, _ = read(SHOP.replace("controller: main-entity", f"controller: {written}"), "shop.yaml")
        assert (found.controller, found.controller_column, found.processor_for) == ("", column, other)
    found, _ = read(SHOP.replace("controller: main-entity", "processor_for: acme"), "shop.yaml")
    assert found.processor_for == "acme"
    joined = "controller: {column: tenant_id, of: tenant.id, name: slug, ours: us}"
    found, _ = read(SHOP.replace("controller: main-entity", joined), "shop.yaml")
    assert found.controllers == RowController("tenant_id", ("us",), "tenant", "id", "slug")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{column: tenant_id}", "does not say by which values of its column we are meant ourselves"),
        ("{column: tenant_id, ours: []}", "`ours` needs values, and null is none"),
        ("{column: tenant_id, ours: [null]}", "`ours` needs values, and null is none"),
        ("{column: tenant_id, ours: us, of: tenant.id}", "`of` and `name` of `controller` go together"),
        ("{column: tenant_id, ours: us, of: tenant, name: slug}", "`of` must be a table and its column"),
        ("{ours: us}", "`controller` says either `column` or `processor_for`"),
    ],
)
def test_a_controller_that_cannot_be_told_is_a_problem(written, said):
    found, problems = read(SHOP.replace("controller: main-entity", f"controller: {written}"), "shop.yaml")
    assert found is None
    assert said in problems[0].what


@pytest.mark.parametrize(
    ("written", "columns"),
    [
        ("customer_id", ("customer_id",)),
        ("company_id + branch_no", ("company_id", "branch_no")),
        ("a+b+c", ("a", "b", "c")),
        ('"e-mail"', ("e-mail",)),
        ('"a.b" + "c + d"', ("a.b", "c + d")),
        ('"say ""x"""', ('say "x"',)),
        ("Naïve name", ("Naïve name",)),
        ("a.b", None), ("", None), ("a +", None), ("+", None), ('"open', None), ('a"b', None), ('""', None),
    ],
)  # fmt: skip
def test_the_columns_of_a_link(written, columns):
    assert columns_of(written) == columns


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("customer.id", ("customer", ("id",))),
        ("sales.customer.id", ("sales.customer", ("id",))),
        ("branch.company_id + no", ("branch", ("company_id", "no"))),
        ('"Odd.Table"."e-mail"', ("Odd.Table", ("e-mail",))),
        ('"Weird ""Table""".id', ('Weird "Table"', ("id",))),
        ("customer", None), ("customer.", None), (".id", None), ("a + b.c", None), ("a..b", None),
    ],
)  # fmt: skip
def test_what_a_link_refers_to(written, target):
    assert target_of(written) == target


@given(st.lists(st.text(min_size=1).filter(lambda name: name.strip() == name), min_size=1, max_size=3))
def test_any_names_can_be_written_in_quotes(names):
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    assert columns_of(" + ".join(quoted)) == tuple(names)
    assert target_of("t." + " + ".join(quoted)) == ("t", tuple(names))


def test_short_edges_of_several_columns_and_odd_names():
    text = SHOP.replace("mentions:\n      - columns: [company_id, branch]\n        target: branch\n"
                        '        target_columns: [company, "no"]',
                        "mentions: [{company_id + branch: branch.company + no}]")  # fmt: skip
    found, wrong = read(text, "shop.yaml")
    assert wrong == ()
    assert found.tables["message"].edges[-1] == Edge(
        "mentions", "message", ("company_id", "branch"), "branch", ("company", "no")
    )


def test_a_column_called_target_or_columns_is_a_link_like_any_other():
    text = SHOP.replace("belongs_to: [{customer_id: customer.id}]", "belongs_to: [{target: customer.id}]")
    found, wrong = read(text, "shop.yaml")
    assert wrong == ()
    assert found.tables["orders"].edges[0].columns == ("target",)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file():
    text = """\
store: my shop
kind: postgresql
credentials: {find: env:SHOP, chnge: env:SHOP}
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: yes}}}
    columns: {id: key, email: contact}
    erase: {do: blank, set: {}, by: dpo}
  orders:
    belongs_to: [{custmer_id: custmer.id}]
    columns: {id: key}
"""
    assert problems(text) == [
        "shop.yaml:1:1: A map lacks `controller`. Name the entity: `controller: main-entity`; "
        "or `controller: {column: …, ours: …}` where rows differ.",
        "shop.yaml:1:8: `store` is a name for plans and events: letters, digits, dots, dashes. "
        "Choose one such as `shop`; it is never renamed.",
        "shop.yaml:3:31: `credentials` has no field called `chnge`. Did you mean `change`?",
        "shop.yaml:6:37: There is no identifier: nobody could be found here. "
        "Name a column: `{email: {kind: email, one_person: true}}`.",
        "shop.yaml:6:71: `one_person` must be true or false. Write `true`.",
        "shop.yaml:8:12: `erase` lacks `because`. Add a line `because: …`.",
        "shop.yaml:8:29: `set` names no column. Name each column: `{email: null}`.",
        "shop.yaml:10:18: `custmer` is not a table of this map. Did you mean `customer`?",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("store: shop\n", "", "shop.yaml:1:1: A map lacks `store`. Add a line `store: …`."),
        (
            "find: env:SHOP_FIND",
            "find: postgresql://shop:hunter2@db/shop",
            "shop.yaml:3:21: This looks like a secret, and maps are kept in version control. "
            "Write `env:NAME` or `file:PATH`, and put the URL there; then change the secret.",
        ),
        (
            "catalogue: sha256:9f2c",
            "catalogue: 9f2c",
            "shop.yaml:5:41: `catalogue` must be `sha256:` and the hash's first digits, four or more, "
            "in small letters. `troth map --check` prints it.",
        ),
        (
            "placeholder: {customer.id: 0}",
            "placeholder: {custmer.id: 0}",
            "shop.yaml:7:15: There is no table `custmer` in this map. Did you mean `customer`?",
        ),
        (
            "belongs_to: [{customer_id: customer.id}]",
            "belongs_to: [{customer_id: customer}]",
            "shop.yaml:20:32: What `customer_id` refers to must be a table and its column. Write `customer.id`, "
            "or `branch.company_id + no`; odd names in quotes: '\"Odd.Table\".id'.",
        ),
        (
            "belongs_to: [{customer_id: customer.id}]",
            "belongs_to: [{a + b: customer.id}]",
            "shop.yaml:20:19: This edge has 2 columns on one side and 1 on the other. "
            "Write as many on both sides, in the same order.",
        ),
        (
            "belongs_to: [{customer_id: customer.id}]",
            "belongs_to: [{customer_id: customer.id}, {customer_id: customer.id}]",
            "shop.yaml:20:46: This edge is there twice. Keep one of the two.",
        ),
        (
            "belongs_to: [{customer_id: customer.id}]",
            "belongs_to: [{customer_id: product.id}]",
            "shop.yaml:20:18: `orders` belongs to `product`, which this map calls impersonal. "
            "Describe the owner's table, or leave the edge out.",
        ),
        (
            "points_to: [{address_id: address.id}]",
            "points_to: [{address_id: address.id, leaving: replace_owner}]",
            "shop.yaml:12:51: `leaving` says what happens when an owner leaves; `points_to` names no owner. "
            "Remove it, or use `belongs_to`.",
        ),
        (
            "{do: delete, by: dpo",
            "{do: delete, set: {street: null}, by: dpo",
            "shop.yaml:18:30: `set` means nothing with `do: delete`. Remove it, or write `do: blank`.",
        ),
        (
            "{do: delete, by: dpo",
            "{do: remove, by: dpo",
            "shop.yaml:18:17: `do` cannot be `remove`. There are: delete, blank, replace_owner, retain.",
        ),
        (
            " legal: C. com. L123-22,",
            "",
            "shop.yaml:22:12: `do: retain` lacks `legal`. Add `legal: C. com. L123-22`.",
        ),
        (
            "period: 10 years",
            "period: 10",
            "shop.yaml:22:41: `period` must be a length of time with its unit, not `10`. "
            "Write it like `10 months`; the units are hours, days, weeks, months and years.",
        ),
        (
            "{flag: restricted, active: true, lifted: false}",
            "{flag: restricted, active: true, lifted: true}",
            "shop.yaml:13:18: `active` and `lifted` are the same value. They must differ.",
        ),
        (
            "name: former customer",
            "name: 1.5",
            "shop.yaml:15:49: The value of `name` is a fraction. Put it in quotes: '1.5'.",
        ),
        (
            "name: former customer",
            "name: {year: only}",
            "shop.yaml:15:49: The value of `name` must be one value. "
            "Write null, text, a whole number, true or false.",
        ),
        (
            "customer.name via recipient_id",
            "customer.name",
            "shop.yaml:33:30: The source of `recipient_name` must be a column and the link that leads to it. "
            "Write `customer.name via recipient_id`.",
        ),
        (
            "product: {impersonal: a catalogue of goods, kept by staff}",
            "product:",
            "shop.yaml:39:3: Nothing is said of `product`. Describe its columns, or write `impersonal:` "
            "and why it is not about people.",
        ),
        (
            "product: {impersonal: a catalogue of goods, kept by staff}",
            "product: {impersonal: goods, mentions: []}",
            "shop.yaml:39:42: `product` is impersonal and has `mentions` too. Keep one of the two.",
        ),
        (
            "product: {impersonal: a catalogue of goods, kept by staff}",
            'product: {impersonal: ""}',
            "shop.yaml:39:25: `impersonal` is empty. Write something, or remove the key.",
        ),
    ],
)
def test_each_mistake_says_where_it_is_and_how_to_mend_it(old, new, said):
    assert said in changed(old, new)


def test_a_secret_is_never_repeated():
    said = " ".join(changed("find: env:SHOP_FIND", "find: postgresql://shop:hunter2@db/shop"))
    assert "hunter2" not in said


def test_an_empty_file_and_one_that_is_no_map():
    assert problems("") == [
        "shop.yaml:1:1: The map is empty. Write `store:`, `kind:`, `credentials:` and `tables:`."
    ]
    assert "must be fields" in problems("- a\n- b\n")[0]
    assert "already said on line 2" in " ".join(problems("store: a\ntables: {}\ntables: {}\n"))


def test_a_question_mark_is_read_and_left_for_the_check():
    found, wrong = read(SHOP.replace("gift_note: free_text", 'gift_note: "?"'), "shop.yaml")
    assert (wrong, found.tables["orders"].columns["gift_note"]) == ((), "?")


JUNK = ["", "{", "}", "[", "- ", ": ", "null", "'", '"', "{a: {b: c}}", "[1, [2]]", "?", "é"]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_text_whatever_ends_in_a_traceback(data):
    lines = SHOP.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    line = lines[at]
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, len(line)))
    junk = data.draw(
        st.sampled_from(
            ["", "{", "}", "[", "- ", ": ", "null", "'", '"', "{a: {b: c}}", "[1, [2]]", "?", "é"]
        )
    )
    lines[at] = line[:start] + junk + line[end:]
    found, wrong = read("".join(lines), "shop.yaml")
    assert (found is None) == bool(wrong)
    for problem in wrong:
        assert 1 <= problem.line <= len(lines) + 1
        assert problem.what.strip()
        assert problem.remedy.strip()


def test_the_map_of_the_design_reads_as_it_stands(samples):
    design = (samples / "design" / "DESIGN.md").read_text(encoding="utf-8")
    written = design.split("## 13.")[1].split("```yaml\n")[1].split("```")[0]
    found, wrong = read(written, "shop.yaml")
    assert wrong == ()
    assert len(found.tables) == 7
    assert [edge.kind for edge in found.edges()].count("belongs_to") == 4
