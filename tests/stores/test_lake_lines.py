"""A lake of JSON lines keeps the store's promises, and every other byte of its files."""

import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pytest

from stores.stopping import Stopping, killed_everywhere
from troth.errors import ConflictError, NotAllowedError, UnreachableError
from troth.stores.connect import connect
from troth.stores.contract import Who
from troth.stores.lake import Lake
from troth.stores.lake_form import Asked, Changes
from troth.stores.lake_lines import Lines
from troth.stores.lake_place import NEW, File, Folder
from troth.stores.lake_source import Tables
from troth.stores.map_file import read
from troth.testing import ADA, COLUMNS, ROWS, TODAY, AmendingTests, StoreTests, map_of

ENDINGS = ("jsonl", "ndjson.gz", "jsonl.zst")


def pack(name, data):
    if name.endswith(".gz"):
        return gzip.compress(data)
    if name.endswith(".zst"):
        held = pa.BufferOutputStream()
        with pa.CompressedOutputStream(held, "zstd") as out:
            out.write(data)
        return held.getvalue().to_pybytes()
    return data


def unpack(path):
    data = path.read_bytes()
    if path.name.endswith(".gz"):
        return gzip.decompress(data)
    if path.name.endswith(".zst"):
        with pa.CompressedInputStream(io.BytesIO(data), "zstd") as file:
            return file.read()
    return data


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(pack(path.name, lines.encode()))


class LinesWorld:
    """The tables of `troth.testing`, each a folder with a file for every two rows, packed in turn."""

    def __init__(self, root):
        self.root = root
        for table, rows in ROWS.items():
            for number in range(0, len(rows), 2):
                ending = ENDINGS[number // 2 % 3]
                write(root / table / f"part-{number}.{ending}", self.whole(table, rows[number : number + 2]))
        self.store = self.opened()

    @staticmethod
    def whole(table, rows):
        return [{name: row.get(name) for name in COLUMNS[table]} for row in rows]

    def opened(self):
        url = f"lake://{self.root}"
        return connect(map_of("lake"), {"find": url, "change": url})

    def rows(self, table):
        lines = [
            line for path in (self.root / table).glob("part-*") for line in unpack(path).splitlines() if line
        ]
        return sorted((json.loads(line) for line in lines), key=lambda row: row["id"])

    def add(self, table, row):
        write(self.root / table / f"part-added-{row['id']}.jsonl", self.whole(table, [row]))

    def files(self):
        return {path: path.read_bytes() for path in sorted(self.root.glob("*/part-*"))}


@pytest.fixture
def world(tmp_path):
    made = LinesWorld(tmp_path)
    yield made
    made.store.close()


class TestLakeOfLines(StoreTests, AmendingTests):
    @pytest.fixture
    def world(self, world):
        return world


MAP = """
store: shop
kind: lake
credentials: {find: "lake:///lake", change: "lake:///lake"}
controller: shop
tables:
  people:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, paid: usage, active: usage, name: identity}
    erase: {do: blank, set: {email: null, paid: 0, active: false, name: gone}, by: dpo, because: a test}
  visits:
    belongs_to: [{person: people.id}]
    columns: {person: link, page: usage}
    erase: {do: delete, by: dpo, because: a test}
"""
EVE = [Who("eve", (("email", "eve@example.org"),))]
PEOPLE = (
    b'\xef\xbb\xbf{ "id" : 1,"email":"ben@example.org", "paid":1.10, "active":true, "name":"B\\u00e9n"}\r\n'
    b"\r\n"
    b'{"name":"\\u00c8ve", "active" :  true,"paid": 1e2 ,"id":2, "big": 1.2300, "email":"eve@example.org" }\r\n'
    b'{"id":4,"email":"eve@example.org","paid":null,"active":null}\n'
    b'{"id":3,"email":"zo\xc3\xab@example.org","note":{"z":1.0, "a":[ ]}}'
)
PEOPLE_AFTER = (
    b'\xef\xbb\xbf{ "id" : 1,"email":"ben@example.org", "paid":1.10, "active":true, "name":"B\\u00e9n"}\r\n'
    b"\r\n"
    b'{"name":"gone", "active" :  false,"paid": 0.0 ,"id":2, "big": 1.2300, "email":null }\r\n'
    b'{"id":4,"email":null,"paid":0.0,"active":false, "name": "gone"}\n'
    b'{"id":3,"email":"zo\xc3\xab@example.org","note":{"z":1.0, "a":[ ]}}'
)
VISITS = (
    b'{"person":1,"page":"/"}\n{"person":2,"page":"/2"}\n{"person":1,"page":"/"}\n{"person":4,"page":"/3"}'
)


def opened(root, written=MAP):
    found, problems = read(written, "shop.yaml")
    assert not problems
    return connect(found, {"find": f"lake://{root}", "change": f"lake://{root}"})


def erase(store, who):
    return store.act("one", who, TODAY, store.measure(who, TODAY))


@pytest.mark.parametrize("ending", ENDINGS)
def test_only_the_values_and_lines_that_go_are_changed(tmp_path, ending):
    people, visits = tmp_path / f"people.{ending}", tmp_path / f"visits.{ending}"
    people.write_bytes(pack(people.name, PEOPLE))
    visits.write_bytes(pack(visits.name, VISITS))
    people.chmod(0o640)
    store = opened(tmp_path)
    erase(store, EVE)
    assert unpack(people) == PEOPLE_AFTER
    assert unpack(visits) == b'{"person":1,"page":"/"}\n{"person":1,"page":"/"}\n'
    assert people.stat().st_mode & 0o777 == 0o640
    assert store.gone(EVE, TODAY) == 0
    assert store.scan(EVE, TODAY).hits == ()
    store.close()
    assert not list(tmp_path.rglob(f"*{NEW}"))


def test_a_table_whose_last_row_went_is_still_proven_clean(tmp_path):
    (tmp_path / "people.jsonl").write_bytes(b'{"id":1,"email":"eve@example.org"}\n')
    (tmp_path / "visits.jsonl").write_bytes(b'{"person":1,"page":"/"}\n')
    store = opened(
        tmp_path,
        MAP.replace("{do: blank, set: {email: null, paid: 0, active: false, name: gone},", "{do: delete,"),
    )
    erase(store, EVE)
    assert (tmp_path / "people.jsonl").read_bytes() == (tmp_path / "visits.jsonl").read_bytes() == b""
    assert store.gone(EVE, TODAY) == 0
    assert store.scan(EVE, TODAY).hits == ()
    store.close()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("part-9.jsonl", b'{"id": 9, "person": 1, "body": "torn'),
        ("part-9.jsonl", b"[1, 2]\n"),
        ("part-9.jsonl", b'{"id": 9, "body": "a", "body": "hidden"}\n'),
        ("part-9.jsonl", b'{"id": 9, "body": "\xff"}\n'),
        ("part-9.jsonl", b'{"id": 9, "body": "\\ud800"}\n'),
        ("part-9.jsonl", b'{"id": 9, "\\ud800": 1}\n'),
        ("part-9.jsonl", b'{"id": 9, "a\\u0000b": 1}\n'),
        ("part-9.jsonl", b'{"id": NaN}\n'),
        ("part-9.jsonl", b"[" * 100_000),
        ("part-9.jsonl.gz", gzip.compress(b'{"id": 9}\n')[:-6]),
        ("part-9.jsonl.gz", gzip.compress(b'{"id": 9}\n')[:12] + b"\x00\xff" * 9),
        ("part-9.jsonl.gz", b'{"id": 9}\n'),
        ("part-9.jsonl.zst", pack("x.zst", b'{"id": 9}\n' * 9)[:-3]),
        ("part-9.jsonl.zst", b'{"id": 9}\n'),
    ],
    ids=[
        "torn line",
        "no object",
        "key twice",
        "not UTF-8",
        "half a character",
        "half a character in a key",
        "an end of text in a key",
        "no number",
        "too deep",
        "gzip cut short",
        "gzip torn",
        "no gzip",
        "zstd cut short",
        "no zstd",
    ],
)
def test_a_file_that_cannot_be_read_stops_everything(world, name, data):
    approved = world.store.measure([ADA], TODAY)
    (world.root / "notes" / name).write_bytes(data)
    before = world.files()
    with pytest.raises(
        UnreachableError, match=rf"`notes: {name}` .* cannot be read as JSON lines \(line \d\)"
    ):
        world.store.act("one", [ADA], TODAY, approved)
    assert world.files() == before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"id": "nine", "person": 1}\n', "values of several types"),
        (b'{"id": true}\n', "values of several types"),
        (b'{"id": 9, "far": 123456789012345678901}\n', "more than 64 bits"),
        (b'{"id": 9, "BODY": "x"}\n', "differ in case"),
        (b"{" + b", ".join(b'"k%d": 1' % number for number in range(1001)) + b"}", "more than 1,000 keys"),
    ],
    ids=["text and number", "truth and number", "large number", "case of keys", "many keys"],
)
def test_what_a_search_could_miss_is_refused(world, line, said):
    (world.root / "notes" / "part-9.jsonl").write_bytes(line)
    with pytest.raises(NotAllowedError, match=said):
        world.store.measure([ADA], TODAY)


def test_a_key_that_the_map_does_not_name_may_be_personal_and_is_not_told(world):
    (world.root / "notes" / "part-9.jsonl").write_bytes(
        b'{"id": 8, "eve@example.org": 1}\n{"id": 9, "eve@example.org": "x"}\n'
    )
    with pytest.raises(
        NotAllowedError, match="A key that the map does not name of the table `notes`"
    ) as told:
        world.store.measure([ADA], TODAY)
    assert "eve@" not in str(told.value)


def test_one_table_has_one_format(world):
    (world.root / "notes" / "part-9.parquet").write_bytes(b"PAR1")
    with pytest.raises(NotAllowedError, match="JSON lines and of Parquet"):
        world.store.measure([ADA], TODAY)


def test_a_value_of_another_type_is_refused_and_nothing_is_changed(tmp_path):
    path = tmp_path / "people.jsonl"
    path.write_bytes(PEOPLE)
    (tmp_path / "visits.jsonl").write_bytes(VISITS)
    store = opened(tmp_path, MAP.replace("paid: 0", "paid: nothing"))
    with pytest.raises(NotAllowedError, match=r"`paid` .* another type"):
        erase(store, EVE)
    store.close()
    assert path.read_bytes() == PEOPLE
    assert not list(tmp_path.rglob(f"*{NEW}"))


def test_what_was_written_meanwhile_is_left_alone(world):
    approved = world.store.measure([ADA], TODAY)
    world.add("notes", {"id": 9, "person": 1, "body": "meanwhile"})
    before = world.files()
    with pytest.raises(ConflictError):
        world.store.act("one", [ADA], TODAY, approved)
    assert world.files() == before


class PeopleWorld:
    """People and visits of one file each, packed."""

    def __init__(self, root):
        self.root = root
        root.mkdir()
        for table, data in (("people", PEOPLE), ("visits", VISITS)):
            (root / f"{table}.jsonl.gz").write_bytes(pack("x.gz", data))

    def opened(self):
        return opened(self.root)

    def stopping(self, after):
        found, _ = read(MAP, "shop.yaml")
        place = Stopping(Folder(self.root, "shop"), after)
        return Lake(found, {"find": f"lake://{self.root}", "change": "lake://"}, source=Tables(place))


def test_a_step_killed_anywhere_is_finished_by_the_next_and_counted_once(tmp_path):
    approved = PeopleWorld(tmp_path / "looked").opened().measure(EVE, TODAY)
    whole = erase(PeopleWorld(tmp_path / "whole").opened(), EVE)

    def check(world, again):
        assert again.counts == whole.counts
        assert unpack(world.root / "people.jsonl.gz") == PEOPLE_AFTER
        assert world.opened().gone(EVE, TODAY) == 0

    stops = killed_everywhere(
        lambda after: PeopleWorld(tmp_path / f"cut-{after}"),
        lambda store: store.act("one", EVE, TODAY, approved),
        check,
    )
    assert stops >= 7


def test_a_document_is_searched_in_every_form_of_its_letters(tmp_path):
    (tmp_path / "people.jsonl").write_bytes(
        b'{"id":2,"email":"eve@example.org"}\n{"id":3,"email":null,"note":{"from":"\\u0065ve@example.org"}}\n'
    )
    (tmp_path / "visits.jsonl").write_bytes(VISITS)
    store = opened(tmp_path)
    erase(store, EVE)
    assert {(hit.table, hit.column) for hit in store.scan(EVE, TODAY).hits} == {("people", "note")}
    store.close()


def test_a_line_that_was_torn_since_it_was_read_is_said_in_a_sentence(tmp_path):
    path = tmp_path / "people.jsonl"
    path.write_bytes(b'{"id": 1, "name')
    changes = Changes(frozenset(), {0: {"name": None}}, pa.schema([("name", pa.string())]))
    with pytest.raises(UnreachableError, match=r"line 1"):
        Lines().rewrite(
            File(Folder(tmp_path, "shop"), path.name), tmp_path / "new", changes, Asked("shop", "people")
        )


def test_a_rewrite_that_changes_nothing_gives_the_same_lines(tmp_path):
    for ending in ENDINGS:
        path, new = tmp_path / f"people.{ending}", tmp_path / "new"
        path.write_bytes(pack(path.name, PEOPLE))
        file = File(Folder(tmp_path, "shop"), path.name)
        assert (
            Lines().rewrite(file, new, Changes(frozenset(), {}, pa.schema([])), Asked("shop", "people")) == 4
        )
        path.write_bytes(new.read_bytes())
        assert unpack(path) == PEOPLE


def test_the_page_has_a_map_of_lines_that_erases(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "stores" / "lake.md").read_text(encoding="utf-8")
    written = page.split("## JSON lines")[1].split("~~~yaml\n")[1].split("~~~")[0]
    write(
        tmp_path / "visitor.jsonl",
        [{"id": n, "email": f"p{n}@example.org", "name": f"P {n}"} for n in (1, 2)],
    )
    for number in (0, 1):
        visits = [{"visitor_id": n % 2 + 1, "page": "/"} for n in range(number, 10, 2)]
        write(tmp_path / "visit" / f"{number}.jsonl.gz", visits)
    store = opened(tmp_path, written)
    who = [Who("p1", (("email", "P1@example.org"),))]
    counted = {(count.table, count.verb, count.rows) for count in erase(store, who).counts}
    assert counted == {("visit", "delete", 5), ("visitor", "blank", 1)}
    assert (store.gone(who, TODAY), store.scan(who, TODAY).hits) == (0, ())
    store.close()
