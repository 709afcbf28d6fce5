"""The graph of a map, drawn."""

from xml.etree import ElementTree

from stores.shop import MAP
from troth.rules.picture import layout, svg, written
from troth.stores.map_file import read

HEAD = "store: shop\nkind: sqlite\ncredentials: {find: env:A}\ncontroller: us\n"
SVG = "{http://www.w3.org/2000/svg}"


def shop(text=MAP):
    found, problems = read(HEAD + text, "stores/shop.yaml")
    assert problems == ()
    return found


def test_people_stand_first_and_what_they_lead_to_after_them():
    layers = {box.table: box.layer for box in layout(shop())}
    assert layers["customer"] == layers["employee"] == 0
    assert layers["orders"] == layers["visit"] == layers["address"] == 1
    assert layers["order_item"] == 2
    assert "product" not in layers  # impersonal, and nothing refers to it


def test_no_two_tables_stand_on_one_another():
    places = [(box.left, box.top) for box in layout(shop())]
    assert len(set(places)) == len(places)


def test_the_picture_is_one_svg_with_every_table_and_every_edge():
    root = ElementTree.fromstring(svg(shop()))
    assert root.tag == f"{SVG}svg"
    said = [each.text for each in root.iter(f"{SVG}title")]
    assert "belongs to – orders.customer_id = customer.id" in said
    assert "points to – customer.address_id = address.id" in said
    assert "mentions – service_request.employee_id = employee.id" in said
    assert sum(" = " in each for each in said) == len(shop().edges())
    assert "1 impersonal table left out" in [each.text for each in root.iter(f"{SVG}text")]


def test_names_are_text_and_never_markup():
    evil = '"<script>&\\"": {columns: {id: key}, mentions: [{id: customer.id}]}'
    drawn = svg(shop(f"tables:\n  customer:\n    subject: {{key: id, identifiers: {{email: {{kind: email, "
                     f"one_person: true}}}}}}\n    columns: {{id: key, email: contact}}\n  {evil}\n"))  # fmt: skip
    ElementTree.fromstring(drawn)
    assert "<script" not in drawn


def test_the_text_tells_each_way_once():
    lines = written(shop())
    assert lines[0] == "customer"
    assert "├─ orders (belongs to by customer_id)" in lines
    assert any(line.endswith("order_item (belongs to by order_id)") for line in lines)
    assert any("service_request (mentions by employee_id)" in line for line in lines)
    assert lines[-1] == "(1 impersonal)"


def test_a_circle_ends():
    lines = written(shop("""
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, boss: link}
    belongs_to: [{boss: customer.id}]
  note:
    columns: {id: key, customer_id: link, reply_to: link}
    belongs_to: [{customer_id: customer.id}, {reply_to: note.id}]
"""))  # fmt: skip
    assert lines == (
        "customer",
        "├─ customer (belongs to by boss) ↑",
        "└─ note (belongs to by customer_id)",
        "   └─ note (belongs to by reply_to) ↑",
    )


def test_the_picture_and_its_text_are_french_on_a_french_page():
    drawn, lines = svg(shop(), "fr"), written(shop(), "fr")
    said = {each.text for each in ElementTree.fromstring(drawn).iter(f"{SVG}text")}
    assert {
        "appartient à",
        "renvoie à",
        "mentionne",
        "supprimée",
        "1 table sans données personnelles, non montrée",
    } <= said
    assert "├─ orders (appartient à, par customer_id)" in lines
    assert lines[-1] == "(sans données personnelles : 1)"
    assert not any(word in f"{drawn}{lines}" for word in ("belongs to", "points to", "impersonal", "erased"))
