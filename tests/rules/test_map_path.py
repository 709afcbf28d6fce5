"""Every way from a subject to a table is told, and none twice."""

from troth.rules.map_path import Path, paths
from troth.stores.map_file import read

WRITTEN = """\
store: shop
kind: sqlite
credentials: {find: env:SHOP}
controller: us
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    points_to: [{address_id: address.id}]
    mentions: [{friend_id: customer.id}]
    columns: {id: key}
  orders:
    belongs_to: [{customer_id: customer.id, conceals: [note]}]
    points_to: [{address_id: address.id}]
    columns: {id: key}
  item:
    belongs_to: [{order_id: orders.id}]
    columns: {id: key}
  ticket:
    mentions: [{customer_id: customer.id, conceals: [email, phone]}]
    columns: {id: key}
  reply:
    belongs_to: [{ticket_id: ticket.id}]
    columns: {id: key}
  address: {columns: {id: key}}
  product: {impersonal: goods}
"""

MAP, PROBLEMS = read(WRITTEN, "shop.yaml")


def told(table):
    return [
        " ".join((path.subject, *(f"{edge.kind} {to}" for edge, to in path.hops)))
        for path in paths(MAP, table)
    ]


def test_the_subject_itself_is_reached_at_once():
    assert PROBLEMS == ()
    assert paths(MAP, "customer") == (Path("customer", ()),)


def test_owned_rows_are_reached_from_their_owner_and_addresses_from_their_pointers():
    assert told("item") == ["customer belongs_to orders belongs_to item"]
    assert told("address") == ["customer points_to address", "customer belongs_to orders points_to address"]


def test_a_mention_ends_the_way_and_says_what_it_conceals():
    (path,) = paths(MAP, "ticket")
    assert (path.mentions, path.conceals) == (True, ("email", "phone"))
    assert told("reply") == []


def test_nothing_leads_to_what_is_impersonal():
    assert told("product") == []


def test_a_circle_of_edges_is_walked_once():
    circle = WRITTEN.replace(
        "{order_id: orders.id}]", "{order_id: orders.id}]\n    points_to: [{order: orders.id}]"
    )
    found, problems = read(
        circle.replace("impersonal: goods", "columns: {id: key}, belongs_to: [{p: product.id}]"), "s"
    )
    assert problems == ()
    assert len(paths(found, "orders")) == 1
    assert len(paths(found, "item")) == 1
    assert len(paths(found, "address")) == 2


def test_a_map_full_of_ways_is_told_in_part():
    tables = ""
    for number in range(1, 30):
        edges = ", ".join(f"{{c{other}: t{other}.id}}" for other in range(30) if other != number)
        tables += f"  t{number}: {{columns: {{id: key}}, belongs_to: [{edges}]}}\n"
    subject = (
        "  t0: {subject: {key: id, identifiers: {e: {kind: email, one_person: true}}}, columns: {id: key}}\n"
    )
    found, problems = read(WRITTEN.partition("  customer:")[0] + subject + tables, "shop.yaml")
    assert problems == ()
    assert len(paths(found, "t29")) == 200
    assert paths(found, "t29")[0].hops[0][1] == "t29"
