"""A lake of CSV keeps the store's promises, and every other byte of its files."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from stores.stopping import Stopping, killed_everywhere
from stores.test_lake_lines import pack, unpack
from troth.errors import ConflictError, NotAllowedError, UnreachableError
from troth.rules.map import CsvForm
from troth.stores.connect import connect
from troth.stores.contract import Who
from troth.stores.lake import Lake
from troth.stores.lake_place import Folder
from troth.stores.lake_source import Tables
from troth.stores.map_file import read
from troth.testing import COLUMNS, ROWS, TODAY, AmendingTests, StoreTests, map_of

ENDINGS = ("csv", "csv.gz", "tsv.zst")
FORM = CsvForm(delimiter=";", encoding="iso8859-1", null="\\N")


def written(table, rows):
    held = io.StringIO()
    out = csv.writer(held, delimiter=";", lineterminator="\r\n")
    out.writerow(COLUMNS[table])
    for row in rows:
        out.writerow(["\\N" if row.get(name) is None else row[name] for name in COLUMNS[table]])
    return held.getvalue().encode("iso8859-1")


class Numbered:
    """A store of texts, whose keys are told as numbers to tests that have numbers."""

    def __init__(self, store):
        self.store = store

    def __getattr__(self, name):
        return getattr(self.store, name)

    def find(self, who):
        for row in self.store.find(who):
            yield replace(row, values=numbered(row.values))


def numbered(values):
    return {
        name: int(value) if value is not None and name in ("id", "person", "home", "seen_by") else value
        for name, value in values.items()
    }


class CsvWorld:
    """The tables of `troth.testing`, each a folder with a file for every two rows, packed in turn."""

    def __init__(self, root):
        self.root = root
        for table, rows in ROWS.items():
            (root / table).mkdir(parents=True)
            for number in range(0, len(rows), 2):
                path = root / table / f"part-{number}.{ENDINGS[number // 2 % 3]}"
                path.write_bytes(pack(path.name, written(table, rows[number : number + 2])))
        map_ = map_of("lake")
        self.map = replace(
            map_, tables={name: replace(table, csv=FORM) for name, table in map_.tables.items()}
        )
        self.store = Numbered(connect(self.map, {"find": f"lake://{root}", "change": f"lake://{root}"}))

    def rows(self, table):
        found = []
        for path in (self.root / table).glob("part-*"):
            text = unpack(path).decode("iso8859-1")
            for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=";"):
                found.append(
                    numbered({name: None if value == "\\N" else value for name, value in row.items()})
                )
        return sorted(found, key=lambda row: row["id"])

    def add(self, table, row):
        (self.root / table / f"part-added-{row['id']}.csv").write_bytes(written(table, [row]))


class TestLakeOfCsv(StoreTests, AmendingTests):
    @pytest.fixture
    def world(self, tmp_path):
        made = CsvWorld(tmp_path)
        yield made
        made.store.close()


MAP = """
store: shop
kind: lake
credentials: {find: "lake:///lake", change: "lake:///lake"}
controller: shop
tables:
  people:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity, note: usage}
    csv: CSV
    erase: {do: blank, set: {email: null, name: "gone, by law"}, by: dpo, because: a test}
"""
EVE = [Who("eve", (("email", "eve@example.org"),))]
PLAIN = (
    b'\xef\xbb\xbfid,email,"name",note\r\n'
    b'1 , ben@example.org,Ben,"two\nlines, and ""quotes"""\r\n'
    b"\r\n"
    b'2,"eve@example.org",Eve,"a, b"\n'
    b"03,zo\xc3\xab@example.org,,x\r\n"
    b'4,Eve@Example.org,"Eve",last'
)
PLAIN_AFTER = (
    b'\xef\xbb\xbfid,email,"name",note\r\n'
    b'1 , ben@example.org,Ben,"two\nlines, and ""quotes"""\r\n'
    b"\r\n"
    b'2,"","gone, by law","a, b"\n'
    b"03,zo\xc3\xab@example.org,,x\r\n"
    b'4,,"gone, by law",last'
)
BARE = b'1|ben@example.org|B\xe9n|a "b\n2|eve@example.org|Eve|c\n'
BARE_AFTER = b'1|ben@example.org|B\xe9n|a "b\n2|NULL|gone, by law|c\n'
ESCAPED = b"id\temail\tname\tnote\n1\teve@example.org\t'E\\'ve'\t'a\tb\\\\'\n2\tben@example.org\tBen\t'\\''\n"
ESCAPED_AFTER = b"id\temail\tname\tnote\n1\t\t'gone, by law'\t'a\tb\\\\'\n2\tben@example.org\tBen\t'\\''\n"
DIALECTS = {
    "as usual": ("{}", PLAIN, PLAIN_AFTER),
    "no header, no quotes, bars, Latin-1": (
        '{delimiter: "|", quote: "", header: false, columns: [id, email, name, note], encoding: latin-1, '
        'null: "NULL"}',
        BARE,
        BARE_AFTER,
    ),
    "tabs, single quotes, escapes": (
        r"""{delimiter: "\t", quote: "'", escape: "\\"}""",
        ESCAPED,
        ESCAPED_AFTER,
    ),
}


def opened(root, dialect="{}", place=None):
    found, problems = read(MAP.replace("CSV", dialect), "shop.yaml")
    assert not problems, problems
    urls = {"find": f"lake://{root}", "change": f"lake://{root}"}
    return Lake(found, urls, source=Tables(place or Folder(root, "shop")))


def erase(store, who):
    return store.act("one", who, TODAY, store.measure(who, TODAY))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_only_the_fields_and_records_that_go_are_changed(tmp_path, dialect, ending):
    said, before, after = DIALECTS[dialect]
    path = tmp_path / f"people.{ending}"
    path.write_bytes(pack(path.name, before))
    store = opened(tmp_path, said)
    erase(store, EVE)
    assert unpack(path) == after
    assert (store.gone(EVE, TODAY), store.scan(EVE, TODAY).hits) == (0, ())


def test_a_record_that_goes_takes_all_its_lines_and_no_other(tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes(PLAIN)
    found, _ = read(
        MAP.replace("CSV", "{}").replace(
            '{do: blank, set: {email: null, name: "gone, by law"},', "{do: delete,"
        ),
        "x",
    )
    store = Lake(found, {"find": f"lake://{tmp_path}", "change": f"lake://{tmp_path}"})
    erase(store, [Who("ben", (("email", "ben@example.org"),))])
    assert path.read_bytes() == PLAIN.replace(
        b'1 , ben@example.org,Ben,"two\nlines, and ""quotes"""\r\n', b""
    )
    erase(store, [])
    store.act("two", EVE, TODAY, store.measure(EVE, TODAY))
    assert b"eve" not in path.read_bytes().lower()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"id,email,name,note\n1,a@b.example,x\n", "record at line 2"),
        (b"id,email,name,note\n1,a@b.example,x,y,z\n", "record at line 2"),
        (b'id,email,name,note\n1,"open\n2,x,y,z\n', "record at line 2"),
        (b'id,email,name,note\n1,"a"b,x,y\n', "record at line 2"),
        (b"id,email,name,note\n1,\xff,x,y\n", "record at line 2"),
        (b"id,email,name,note\n1,a\0b,x,y\n", "record at line 2"),
        (b"id,email,name,note\r1,a,x,y\r", "record at line 1"),
        (b"id,email,,note\n", "record at line 1"),
        (b"id,email,email,note\n", "record at line 1"),
        (b"", "record at line 1"),
    ],
    ids=["short", "long", "open quotes", "torn quotes", "encoding", "zero", "old ends", "no name", "twice", "empty"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_stops_everything(tmp_path, data, said):
    (tmp_path / "people").mkdir()
    good, bad = tmp_path / "people" / "a.csv", tmp_path / "people" / "b.csv"
    good.write_bytes(b"id,email,name,note\n1,eve@example.org,Eve,x\n")
    store = opened(tmp_path)
    approved = store.measure(EVE, TODAY)
    bad.write_bytes(data)
    if not data:
        bad.write_bytes(b"\n")
    with pytest.raises(UnreachableError, match=rf"`people: b.csv` .* cannot be read as CSV \({said}\)"):
        store.act("one", EVE, TODAY, approved)
    assert b"eve@example.org" in good.read_bytes()


def test_files_with_other_headers_are_refused(tmp_path):
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "a.csv").write_bytes(b"id,email,name,note\n")
    (tmp_path / "people" / "b.csv").write_bytes(b"id,name,email,note\n1,Eve,eve@example.org,\n")
    with pytest.raises(NotAllowedError, match="same header"):
        opened(tmp_path).measure(EVE, TODAY)


def test_what_its_encoding_or_its_missing_quotes_cannot_hold_is_refused(tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes(BARE)
    said = DIALECTS["no header, no quotes, bars, Latin-1"][0]
    for value, error in (("gone|by law", NotAllowedError), ("gone \N{SNOWMAN}", ConflictError)):
        found, _ = read(MAP.replace("CSV", said).replace("gone, by law", value), "shop.yaml")
        store = Lake(found, {"find": f"lake://{tmp_path}", "change": f"lake://{tmp_path}"})
        with pytest.raises(error):
            erase(store, EVE)
        assert path.read_bytes() == BARE


def test_a_step_killed_anywhere_is_finished_by_the_next(tmp_path):
    class World:
        def __init__(self, after):
            self.root = tmp_path / str(after)
            self.root.mkdir()
            (self.root / "people.csv").write_bytes(PLAIN)

        def opened(self):
            return opened(self.root)

        def stopping(self, after):
            return opened(self.root, place=Stopping(Folder(self.root, "shop"), after))

    approved = World("looked").opened().measure(EVE, TODAY)
    killed_everywhere(
        World,
        lambda store: store.act("one", EVE, TODAY, approved),
        lambda world, again: (
            (again.counts, (world.root / "people.csv").read_bytes()) == (approved.counts, PLAIN_AFTER)
            or pytest.fail()
        ),
    )


@pytest.mark.parametrize(
    ("dialect", "what"),
    [
        ('{delimiter: ";;"}', "`delimiter` must be one character"),
        ('{quote: "\\n"}', "`quote` must be one character"),
        ("{encoding: utf-16}", "`encoding` must be one"),
        ("{encoding: nonsense}", "`encoding` must be one"),
        ("{header: false}", "names no columns"),
        ("{columns: [id]}", "without a header"),
        ("{header: false, columns: [id, id]}", "names a column twice"),
        ("{separator: x}", "separator"),
    ],
)
def test_a_dialect_that_is_none_is_a_problem_of_the_map(dialect, what):
    found, problems = read(MAP.replace("CSV", dialect), "shop.yaml")
    assert found is None
    assert what in str(problems[0])


def test_the_page_has_a_map_of_csv_that_erases(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "stores" / "lake.md").read_text(encoding="utf-8")
    written = page.split("## CSV")[1].split("~~~yaml\n")[1].split("~~~")[0]
    found, problems = read(written, "orders.yaml")
    assert not problems
    (tmp_path / "customer.csv").write_bytes(
        "id;email;name\n1;p1@example.org;É\n2;p2@example.org;B\n".encode("latin-1")
    )
    for year in (2025, 2026):
        (tmp_path / f"order/year={year}").mkdir(parents=True)
        (tmp_path / f"order/year={year}/a.csv.gz").write_bytes(pack("x.gz", b"1,tea\n2,\\N\n1,cake\n"))
    store = Lake(found, {"find": f"lake://{tmp_path}", "change": f"lake://{tmp_path}"})
    who = [Who("p1", (("email", "P1@example.org"),))]
    items = {(row.values["item"], row.values["year"]) for row in store.find(who) if row.table == "order"}
    assert items == {("tea", 2025), ("cake", 2025), ("tea", 2026), ("cake", 2026)}
    counted = {(count.table, count.verb, count.rows) for count in erase(store, who).counts}
    assert counted == {("order", "delete", 4), ("customer", "blank", 1)}
    assert (tmp_path / "customer.csv").read_bytes() == b"id;email;name\n1;;\n2;p2@example.org;B\n"
    assert (store.gone(who, TODAY), store.scan(who, TODAY).hits) == (0, ())
