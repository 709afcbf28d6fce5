"""Values are corrected with their copies, set aside and put back, and every step is in the ledger."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime

import pytest

from naming import names
from shop_project import make, opened
from troth.errors import ConflictError, NotAllowedError
from troth.ledger import read, seal, vault
from troth.ledger.rebuild import rebuild
from troth.ledger.verify import verify
from troth.rules.rectification import Correction
from troth.rules.rectification import read as written
from troth.work import lift, rectify, restrict

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TOLD = date(2026, 11, 13)
ADA = [("email", "Ada@Example.org")]
MESSAGE = "    belongs_to: [{customer_id: customer.id, conceals: [author]}]\n"
COPIES = MESSAGE + "    copies: {author: customer.name via customer_id}\n"


def add_to_map(folder, old, new, store="shop"):
    path = folder / "stores" / f"{store}.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    make(tmp_path)
    add_to_map(tmp_path, MESSAGE, COPIES)
    customer = "    columns: {id: key, email: contact, name: identity, city: contact}\n"
    add_to_map(
        tmp_path, customer, customer + "    restriction: {set_aside: [name, city]}\n    supplement: city\n"
    )
    return tmp_path


@pytest.fixture
def project(folder):
    found = opened(folder, lambda: NOW)
    yield found
    found.close()
    found.ledger.close()


def rows(project, table, store="shop"):
    with closing(sqlite3.connect(project.settings.folder / f"{store}.db")) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()


def run(project, *statements):
    with closing(sqlite3.connect(project.settings.folder / "shop.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def corrected(project, *corrections, **more):
    found = rectify.measure(project, "shop", ADA, [written(each) for each in corrections], **more)
    rectify.approve(project, found.name, found.state["plan"]["sha256"], "marie")
    return rectify.rectify(project, found.name)


def restricted(project, **more):
    found = restrict.measure(project, ADA, "accuracy", **more)
    restrict.approve(project, found.name, found.state["plan"]["sha256"], "marie")
    return restrict.restrict(project, found.name)


# Rectifying


def test_a_correction_reaches_the_copies_and_nobody_else(project):
    before = rows(project, "customer"), rows(project, "message")
    found = corrected(project, "customer.name=Ada Lovelace")
    assert rows(project, "customer") == [(1, "ada@example.org", "Ada Lovelace", "Lyon"), before[0][1]]
    assert rows(project, "message") == [(1, 1, "Ada Lovelace", '=HYPERLINK("x")'), before[1][1]]
    assert found.state["stores"]["shop"]["done"] == [["customer", "name", 1], ["message", "author", 1]]
    assert found.state["stores"]["shop"]["remaining"] == 0


def test_the_values_before_and_after_are_in_the_vault_and_nowhere_in_clear(project):
    found = corrected(project, "customer.name=Ada Lovelace")
    events = read.stream(project.ledger, found.stream)
    kinds = [event.kind for event in events]
    assert kinds == ["plan_measured", "plan_approved", "act_begun", "rectified", "verified"]
    clear = b"".join(read.event_body(project.ledger, event.id) for event in events)
    assert not names(clear, "Ada")
    assert b"Colleague" not in clear
    told = str(vault.payload(project.ledger, events[2]))
    assert b"Ada Lovelace".hex() in told
    assert b"Ada Example".hex() in told


def test_measuring_changes_nothing_and_counts_originals_and_copies(project):
    before = rows(project, "customer"), rows(project, "message")
    found = rectify.measure(project, "shop", ADA, [written("customer.name=Ada Lovelace")])
    assert found.state["plan"]["stores"]["shop"]["counts"] == [
        ["customer", "name", "own", 1],
        ["message", "author", "copy", 1],
    ]
    assert (rows(project, "customer"), rows(project, "message")) == before


def test_what_is_right_already_is_not_counted(project):
    found = rectify.measure(project, "shop", ADA, [written("customer.name=Ada Example")])
    assert found.state["plan"]["stores"]["shop"]["counts"] == [["message", "author", "copy", 1]]


def test_nothing_is_done_before_it_is_approved_or_under_another_plan(project):
    found = rectify.measure(project, "shop", ADA, [written("customer.name=X")])
    with pytest.raises(NotAllowedError, match="not approved yet"):
        rectify.rectify(project, found.name)
    with pytest.raises(NotAllowedError, match="not the plan that was measured"):
        rectify.approve(project, found.name, "0" * 64, "marie")
    with pytest.raises(NotAllowedError, match="Somebody approves it"):
        rectify.approve(project, found.name, found.state["plan"]["sha256"], "")


def test_rows_that_came_after_the_approval_stop_it(project):
    found = rectify.measure(project, "shop", ADA, [written("customer.name=X")])
    rectify.approve(project, found.name, found.state["plan"]["sha256"], "marie")
    run(project, "INSERT INTO message VALUES (9, 1, 'Carl', 'new')")
    before = rows(project, "customer"), rows(project, "message")
    with pytest.raises(
        ConflictError, match=r"more to change now than was approved, in `message\.author` \(copies\)"
    ):
        rectify.rectify(project, found.name)
    assert (rows(project, "customer"), rows(project, "message")) == before


def test_one_row_alone_is_corrected_by_its_key(project):
    run(project, "INSERT INTO orders VALUES (3, 1, '2026-02-02', 'for my birthday')")
    corrected(project, "orders[3].note=for my sister")
    assert [note for *_, note in rows(project, "orders")] == ["for my birthday", None, "for my sister"]


def test_a_corrected_address_finds_the_subject_from_then_on(project):
    corrected(project, "customer.email=ada@lovelace.example")
    again = rectify.measure(
        project, "shop", [("email", "ADA@lovelace.example")], [written("customer.city=Paris")]
    )
    assert again.state["plan"]["stores"]["shop"]["counts"] == [["customer", "city", "own", 1]]


def test_done_again_it_changes_nothing(project):
    found = corrected(project, "customer.name=Ada Lovelace")
    run(project, "UPDATE customer SET name = 'Ada King' WHERE id = 1")
    assert rectify.rectify(project, found.name).version == found.version
    assert rows(project, "customer")[0][2] == "Ada King"


@pytest.mark.parametrize(
    ("correction", "said"),
    [
        ("customer.id=7", "says which row is whose"),
        ("orders.customer_id=2", "says which row is whose"),
        ("message.author=Ada", "is a copy of `customer.name`"),
        ("log.line=x", "knows no table of people called `log`"),
        ("customer.nmae=x", "no column `customer.nmae`"),
    ],
)
def test_what_cannot_be_corrected_is_said(project, correction, said):
    with pytest.raises(NotAllowedError, match=said):
        rectify.measure(project, "shop", ADA, [written(correction)])


def test_a_supplementary_statement_is_added_once_where_the_map_names_a_column(project):
    found = rectify.measure(project, "shop", ADA, [], supplement="moved in 2025")
    rectify.approve(project, found.name, found.state["plan"]["sha256"], "marie")
    rectify.rectify(project, found.name)
    assert rows(project, "customer")[0][3] == "Lyon\nmoved in 2025"
    again = rectify.measure(project, "shop", ADA, [], supplement="moved in 2025")
    assert again.state["plan"]["stores"]["shop"]["counts"] == []


def test_where_the_map_names_no_column_nothing_can_be_completed(project):
    with pytest.raises(NotAllowedError, match="names no column for a supplementary statement"):
        rectify.measure(project, "news", ADA, [], supplement="moved")


def test_two_people_are_never_corrected_at_once(project):
    for address in ("ada@example.org", "bob@example.org"):
        rectify.measure(project, "shop", [("email", address)], [written("customer.city=Paris")])
    with pytest.raises(NotAllowedError, match="name different people"):
        rectify.measure(
            project, "shop", [*ADA, ("email", "bob@example.org")], [Correction("customer", "city", "Paris")]
        )


# Restricting and lifting


def test_values_are_set_aside_and_put_back_and_the_key_goes_with_the_last(project):
    before = rows(project, "customer")
    found = restricted(project)
    assert found.state["status"] == "active"
    assert rows(project, "customer") == [(1, "ada@example.org", None, None), before[1]]
    (kept,) = [e for e in read.stream(project.ledger, found.stream) if e.kind == "values_set_aside"]
    assert b"Ada Example".hex() in str(vault.payload(project.ledger, kept))
    lifted = lift.lift(project, found.name, TOLD, "marie")
    assert lifted.state["status"] == "lifted"
    assert rows(project, "customer") == before
    assert [event.facts["file"] for event in read.events(project.ledger, kind="key_destroyed")] == [
        "restriction"
    ]


def test_what_the_map_says_no_way_for_is_told(project):
    found = restrict.measure(project, ADA, "claims")
    stores = found.state["plan"]["stores"]
    assert stores["shop"]["uncovered"] == [["message", 1], ["orders", 1]]
    assert stores["news"]["uncovered"] == [["subscriber", 1]]


def test_a_restriction_is_not_lifted_before_the_subject_was_informed(project):
    found = restricted(project)
    for told in (None, date(2026, 11, 24)):
        with pytest.raises(NotAllowedError):
            lift.lift(project, found.name, told, "marie")
    assert rows(project, "customer")[0][2] is None


def test_what_was_written_meanwhile_is_never_overwritten(project):
    found = restricted(project)
    run(project, "UPDATE customer SET name = 'Ada King' WHERE id = 1")
    _, (tried,) = lift.measure(project, found.name)
    assert [(each.column, each.reason) for each in tried.conflicts] == [("name", "changed")]
    lifted = lift.lift(project, found.name, TOLD, "marie")
    assert lift.conflicts(lifted) == [("shop", "customer", "name", "changed", 1)]
    assert rows(project, "customer")[0] == (1, "ada@example.org", "Ada King", "Lyon")
    assert not list(read.events(project.ledger, kind="key_destroyed"))


def test_one_subject_is_restricted_once_at_a_time(project):
    found = restricted(project)
    with pytest.raises(ConflictError, match="restricted already"):
        restrict.measure(project, ADA, "claims")
    lift.lift(project, found.name, TOLD, "marie")
    restricted(project)


def test_a_value_that_changes_after_it_was_saved_is_saved_anew(project):
    found = restrict.measure(project, ADA, "accuracy")
    restrict.approve(project, found.name, found.state["plan"]["sha256"], "marie")
    once = []

    def somebody_writes(boundary):
        if boundary == "saved shop" and not once:
            once.append(boundary)
            run(project, "UPDATE customer SET name = 'Ada King' WHERE id = 1")

    found = restrict.restrict(project, found.name, stop_at=somebody_writes)
    assert rows(project, "customer")[0][2:] == (None, None)
    outcomes = [
        e.facts["outcome"] for e in read.stream(project.ledger, found.stream) if e.kind == "act_ended"
    ]
    assert outcomes == ["rolled_back", "committed"]
    lift.lift(project, found.name, TOLD, "marie")
    assert rows(project, "customer")[0][2:] == ("Ada King", "Lyon")


def test_a_flag_is_set_and_gets_back_what_it_held(folder):
    with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        connection.execute("ALTER TABLE orders ADD held boolean DEFAULT 0")
    columns = "    columns: {id: key, customer_id: link, placed: order, note: order}\n"
    add_to_map(
        folder,
        columns,
        columns.replace("}", ", held: flag}")
        + "    restriction: {flag: held, active: true, lifted: false}\n",
    )
    project = opened(folder, lambda: NOW)
    before = rows(project, "orders")
    found = restricted(project)
    assert [held for *_, held in rows(project, "orders")] == [1, 0]
    lift.lift(project, found.name, TOLD, "marie")
    assert rows(project, "orders") == before
    project.close()
    project.ledger.close()


def test_state_is_folded_again_from_events_alone(project):
    found = restricted(project)
    corrected(project, "customer.name=Ada Lovelace")
    lift.lift(project, found.name, TOLD, "marie")
    before = {state.stream: state.body for family in ("restriction", "rectification")
              for state in read.states(project.ledger, family)}  # fmt: skip
    rebuild(project.ledger)
    after = {state.stream: state.body for family in ("restriction", "rectification")
             for state in read.states(project.ledger, family)}  # fmt: skip
    assert (len(before), after) == (2, before)
    seal.seal_all(project.ledger)
    assert verify(project.ledger).whole
