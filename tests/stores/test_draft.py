"""A map drafted from a live database: what it guesses, what it leaves, and what it never says."""

import hashlib
import re
from datetime import date

import pytest

from sample_databases import load
from stores.shop import ROWS, TABLES
from stores.test_engine import ENFORCING
from troth.errors import NotAllowedError, NotFoundError, UnreachableError
from troth.rules.catalogue import Catalogue, CatalogueTable, Column, ForeignKey
from troth.rules.draft import draft
from troth.rules.draft_link import candidate_links
from troth.rules.map_check import check
from troth.stores.draft import draft_map
from troth.stores.map_file import read
from troth.stores.sample import ROWS_MAX, open_sampler

TODAY = date(2026, 11, 23)
SECRET = "hunter2-is-not-read"


def drafted(database, name="shop"):
    return draft_map(database.url, name, find="env:SHOP_FIND", change="env:SHOP_CHANGE", today=TODAY)


def map_of(text):
    found, problems = read(text, "stores/shop.yaml")
    assert problems == (), [str(problem) for problem in problems]
    return found


def complaints(database, text):
    with open_sampler(database.url, "shop") as sampler:
        return [problem.what for problem in check(map_of(text), sampler.catalogue())]


def guesses(found, table):
    return next(each for each in found.draft.tables if each.table.name == table)


@pytest.fixture
def shop(database):
    database.run(*TABLES, *ROWS)
    return database


def test_a_shop_without_foreign_keys_is_drafted_as_people_would(shop):
    found = drafted(shop)
    map_ = map_of(found.text)
    assert {name for name, table in map_.tables.items() if table.subject} == {"customer", "employee"}
    edges = {(e.kind, e.table, e.columns, e.target, e.target_columns) for e in map_.edges()}
    assert edges >= {
        ("belongs_to", "login", ("customer_id",), "customer", ("id",)),
        ("belongs_to", "orders", ("customer_id",), "customer", ("id",)),
        ("belongs_to", "payment_card", ("customer_id",), "customer", ("id",)),
        ("belongs_to", "order_item", ("order_id",), "orders", ("id",)),
        ("belongs_to", "visit", ("email",), "customer", ("email",)),
        ("belongs_to", "service_request", ("email",), "customer", ("email",)),
        ("mentions", "service_request", ("employee_id",), "employee", ("id",)),
        ("points_to", "customer", ("address_id",), "address", ("id",)),
        ("points_to", "employee", ("address_id",), "address", ("id",)),
        ("points_to", "orders", ("shipping_address_id",), "address", ("id",)),
        ("points_to", "payment_card", ("billing_address_id",), "address", ("id",)),
    }
    assert map_.tables["customer"].columns == {
        "id": "key", "email": "contact", "name": "identity", "created": "usage", "address_id": "link",
    }  # fmt: skip
    assert map_.tables["payment_card"].columns["code"] == "credential"
    assert map_.tables["payment_card"].columns["name"] == "?"
    assert (
        "customer_id: customer.id}         # likely: no foreign key; its name; 3 of 3 values are found there"
        in re.sub(" +#", "         #", found.text)
    )


def test_the_check_fails_until_a_person_has_looked(shop):
    said = " ".join(complaints(shop, drafted(shop).text))
    for complaint in (
        "Nobody has said yet who decides.",
        "Nobody has said yet what `payment_card.name` is.",
        "What becomes of `visit` on erasure is proposed, and nobody has decided it.",
        "Rows of `orders` are reached by an erasure, and nobody decided what becomes of them.",
    ):
        assert complaint in said


def test_a_corrected_draft_passes_the_check(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT UNIQUE, full_name TEXT)",
        "CREATE TABLE letter (id INTEGER PRIMARY KEY, customer_id INT NOT NULL REFERENCES customer ON DELETE CASCADE,"
        " body TEXT)",
        "CREATE TABLE colour (id INTEGER PRIMARY KEY, hex TEXT)",
        "INSERT INTO customer VALUES (1, 'ada@shop.example', 'Ada One'), (2, 'ben@shop.example', 'Ben Two')",
        "INSERT INTO letter VALUES (1, 1, 'with many kind regards to you all')",
        "INSERT INTO colour VALUES (1, 'ff0000')",
    )
    text = drafted(sqlite_database).text
    assert complaints(sqlite_database, text)
    corrected = text.replace('controller: "?"', "controller: us").replace(
        'by: "?", because: "?"', "by: dpo, because: 7.4"
    )
    assert complaints(sqlite_database, corrected) == []


@pytest.mark.parametrize(
    ("replaced", "by", "said"),
    [
        ("controller: us", 'controller: "?"', "Nobody has said yet who decides."),
        (
            "by: dpo",
            'by: "?"',
            "What becomes of `customer` on erasure is proposed, and nobody has decided it.",
        ),
        (
            "because: owed",
            'because: "?"',
            "What becomes of `customer` on erasure is proposed, and nobody has decided it.",
        ),
        ("impersonal: goods", 'impersonal: "?"', "Nobody has said yet whether `thing` is about people."),
    ],
)
def test_each_question_mark_stops_the_check(sqlite_database, replaced, by, said):
    sqlite_database.run(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT UNIQUE)",
        "CREATE TABLE thing (id INTEGER PRIMARY KEY)",
    )
    text = (
        "store: shop\nkind: sqlite\ncredentials: {find: env:A}\ncontroller: us\ntables:\n  customer:\n"
        "    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}\n"
        "    columns: {id: key, email: contact}\n    erase: {do: delete, by: dpo, because: owed}\n"
        "  thing: {impersonal: goods}\n"
    )
    assert complaints(sqlite_database, text) == []
    assert complaints(sqlite_database, text.replace(replaced, by)) == [said]


def test_the_same_database_gives_the_same_draft(shop):
    assert drafted(shop).text == drafted(shop).text


def test_drafting_changes_nothing(shop):
    names = [statement.split()[2] for statement in TABLES]
    before = shop.everything(*names)
    drafted(shop)
    assert shop.everything(*names) == before


CANARIES = {
    "email": "canary.mail{n}@nest.example",
    "full_name": "Canarina Birdwood{n}",
    "phone": "+331426853{n:02}",
    "iban": "FR1420041010050500013M02606",
    "ip": "198.51.100.{n}",
    "born": "1984-02-{n:02}",
    "note": "canary text that sings {n} times a day at least",
    "password": SECRET,
    "api_token": SECRET,
    "extra": '{{"canary.key{n}@nest.example": "canary json"}}',
    "weird": "'; DROP TABLE canary; -- {n}",
}


@pytest.fixture
def cage(database):
    columns = ", ".join(f"{name} text" for name in CANARIES)
    gaps = ", ".join(
        "('" + "', '".join([str(n), *(v.format(n=n).replace("'", "''") for v in CANARIES.values())]) + "')"
        for n in range(1, 9)
    )
    database.run(
        f"CREATE TABLE customer (id text PRIMARY KEY, {columns})",
        f"INSERT INTO customer VALUES {gaps}",
        "CREATE TABLE visit (email text, ip text, owner_id text)",
        "INSERT INTO visit SELECT email, ip, id FROM customer",
        "CREATE TABLE setting (name text PRIMARY KEY, value text)",
        "INSERT INTO setting SELECT id, note FROM customer",
    )
    return database


def test_no_sampled_value_is_in_the_draft(cage, caplog, capfd):
    caplog.set_level(0)
    found = drafted(cage)
    said = found.text + repr(found.draft) + caplog.text + "".join(capfd.readouterr())
    assert "8 of 8 values are e-mail addresses" in found.text  # they were read
    for canary in (
        "canary.",
        "Canar",
        "nest.example",
        "33142",
        "FR14",
        "198.51",
        "1984",
        "sings",
        "DROP",
        SECRET,
    ):
        assert canary not in said


def test_credentials_are_never_asked_for(cage):
    with open_sampler(cage.url, "shop") as sampler:
        table = sampler.catalogue().table("customer")
        values = sampler.values(table)
    assert "email" in values
    assert not {"password", "api_token"} & set(values)
    found = guesses(drafted(cage), "customer")
    assert found.columns["password"].what == "credential"
    assert found.columns["password"].why == "its name; its values were not read"


def test_credentials_with_french_and_other_names_are_never_asked_for(sqlite_database):
    named = ("cle_api", "jeton", "bearer", "session", "recovery", "jeton_acces", "jetonApi")
    texts = ", ".join(f"{name} TEXT" for name in named)
    sqlite_database.run(
        f"CREATE TABLE client (id INTEGER PRIMARY KEY, email TEXT, session_date TEXT, {texts})",
        f"INSERT INTO client VALUES (1, 'p@nest.example', '2026-01-01', {', '.join([repr(SECRET)] * len(named))})",
    )
    with open_sampler(sqlite_database.url, "shop") as sampler:
        assert set(sampler.values(sampler.catalogue().table("client"))) == {"id", "email", "session_date"}
    columns = guesses(drafted(sqlite_database), "client").columns
    assert {columns[name].what for name in named} == {"credential"}
    assert columns["session_date"].what != "credential"


def test_credentials_are_told_by_their_shape_and_their_names(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, name TEXT, a TEXT, b TEXT, c TEXT, hash TEXT,"
        " auth_digest TEXT, etag TEXT, api_key TEXT, otp TEXT, pwd TEXT, passwd TEXT, client_secret TEXT)",
        "CREATE TABLE document (id INTEGER PRIMARY KEY, customer_id INT, file_hash TEXT)",
    )
    for n in range(6):
        digest = hashlib.sha256(str(n).encode()).hexdigest()
        shapes = (
            f"$2b$12${digest[:53]}",
            f"pbkdf2_sha256$600000$salt{n}${digest[:43]}=",
            f"eyJhbGciOi{n}.{digest}.{digest}",
        )
        rest = (digest, digest, f'W/"{n}"', *[f"{SECRET}{n}"] * 5)
        texts = ", ".join("'" + text + "'" for text in (f"p{n}@nest.example", "Ada", *shapes, *rest))
        sqlite_database.run(f"INSERT INTO customer VALUES ({n}, {texts})")
        sqlite_database.run(f"INSERT INTO document VALUES ({n}, {n}, '{digest}')")
    found = drafted(sqlite_database)
    columns = {name: guess.what for name, guess in guesses(found, "customer").columns.items()}
    named = {"a", "b", "c", "hash", "auth_digest", "api_key", "otp", "pwd", "passwd", "client_secret"}
    assert {name for name, what in columns.items() if what == "credential"} == named
    assert guesses(found, "document").columns["file_hash"].what != "credential"
    assert "6 of 6 values are written like hashed passwords, tokens or keys" in found.text
    for said in (SECRET, "$2b$", "eyJ", hashlib.sha256(b"1").hexdigest()[:12]):
        assert said not in found.text + repr(found.draft)
    with open_sampler(sqlite_database.url, "shop") as sampler:
        assert set(sampler.values(sampler.catalogue().table("customer"))) == {
            "id", "email", "name", "a", "b", "c", "auth_digest", "etag",
        }  # fmt: skip


@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_what_else_a_map_may_say_is_suggested_with_what_it_rests_on(database):
    database.run(
        "CREATE TABLE customer (id INT PRIMARY KEY, email VARCHAR(80) NOT NULL, name VARCHAR(80), blocked BOOLEAN,"
        " created TIMESTAMP NULL, last_login TIMESTAMP NULL)",
        "CREATE TABLE message (id INT PRIMARY KEY, sender_id INT NOT NULL REFERENCES customer (id),"
        " recipient_id INT NOT NULL REFERENCES customer (id), recipient_name VARCHAR(80), recipient_email VARCHAR(80),"
        " body VARCHAR(200), sent TIMESTAMP NULL)",
        "CREATE TABLE attachment (id INT PRIMARY KEY, owner_type VARCHAR(20), owner_id INT, path VARCHAR(80))",
        "CREATE TABLE attribute (id INT PRIMARY KEY, customer_id INT NOT NULL REFERENCES customer (id),"
        " name VARCHAR(20), value VARCHAR(80))",
    )
    for n in range(1, 7):
        mail, name = f"p{n}@nest.example", f"Kanarie Vogel{'abcdefg'[n]}"
        database.run(
            f"INSERT INTO customer VALUES ({n}, '{mail}', '{name}', false, NULL, NULL)",
            f"INSERT INTO message VALUES ({n}, {n}, {n}, '{name}', '{mail}', 'kanarie sings', NULL)",
            f"INSERT INTO attachment VALUES ({n}, 'kanarie', {n}, 'x')",
            f"INSERT INTO attribute VALUES ({n}, {n}, 'kanarie', '{mail}')",
        )
    found = drafted(database)
    told = {each.table.name: [(s.written, s.sure) for s in each.suggestions] for each in found.draft.tables}
    active, lifted = ("1", "0") if database.kind == "mariadb" else ("true", "false")
    assert told["customer"] == [
        (f"restriction: {{flag: blocked, active: {active}, lifted: {lifted}}}", "unknown"),
        ("retention: [{promise: retention/?, trigger: last_login}]", "unknown"),
    ]
    assert set(told["message"][:4]) == {
        ("belongs_to sender_id: conceals: [recipient_id, recipient_name, recipient_email]", "likely"),
        ("belongs_to recipient_id: conceals: [sender_id]", "likely"),
        ("copies: {recipient_name: customer.name via recipient_id}", "likely"),
        ("copies: {recipient_email: customer.email via recipient_id}", "likely"),
    }
    assert ("belongs_to: [{owner_id: customer.id, when: {owner_type: ?}}]", "unknown") in told["attachment"]
    assert told["attribute"][0][0] == (
        "in customer: identifiers: {attribute.value: {kind: email, one_person: ?, via: customer_id, when: {name: ?}}}"
    )
    assert "    #   likely: its name repeats both; the values of both are e-mail addresses\n" in found.text
    assert "anarie" not in found.text + repr(found.draft)
    assert map_of(found.text)


def test_columns_are_told_by_their_values_whatever_they_are_called(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, name TEXT, f1 TEXT, f2 TEXT, f3 TEXT, f4 TEXT,"
        " religion TEXT, f5 TEXT)",
        *(
            f"INSERT INTO customer VALUES ({n}, 'p{n}@shop.example', 'Ada', 'q{n}@shop.example', '192.0.2.{n}',"
            f" '+3314268530{n}', 'FR1420041010050500013M02606', 'x', 'word{n}')"
            for n in range(1, 8)
        ),
    )
    found = guesses(drafted(sqlite_database), "customer").columns
    told = {name: (guess.what, guess.sure) for name, guess in found.items()}
    assert told["f1"] == ("contact", "sure")
    assert told["f2"] == ("connection", "sure")
    assert told["f3"] == ("contact", "sure")
    assert told["f5"] == ("?", "unknown")
    assert told["religion"] == ("?", "unknown")
    assert "Art. 9" in found["religion"].why


def test_a_name_that_its_values_deny_is_left_to_a_person(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, mail TEXT, name TEXT)",
        *(f"INSERT INTO customer VALUES ({n}, 'p{n}@shop.example', 'parcel {n}', 'Ada')" for n in range(9)),
    )
    guess = guesses(drafted(sqlite_database), "customer").columns["mail"]
    assert (guess.what, guess.why) == ("?", "its name says e-mail, and 0 of 9 values are e-mail addresses")


def test_values_that_are_nowhere_make_no_link(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, name TEXT)",
        "CREATE TABLE parcel (id INTEGER PRIMARY KEY, customer_id INT, weight INT)",
        "INSERT INTO customer VALUES (1, 'ada@shop.example', 'Ada'), (2, 'ben@shop.example', 'Ben')",
        "INSERT INTO parcel VALUES (1, 900, 2), (2, 901, 3), (3, 902, 4)",
    )
    found = guesses(drafted(sqlite_database), "parcel")
    assert found.edges == ()


def test_a_pointer_that_may_be_null_makes_no_owner(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT UNIQUE, name TEXT)",
        "CREATE TABLE version (id INTEGER PRIMARY KEY, customer_id INT NOT NULL REFERENCES customer, body TEXT)",
        "CREATE TABLE page (id INTEGER PRIMARY KEY, latest_id INT REFERENCES version, slug TEXT)",
        "CREATE TABLE part (id INTEGER PRIMARY KEY, version_id INT NOT NULL REFERENCES version, slug TEXT)",
    )
    found = drafted(sqlite_database)
    assert [(edge.kind, edge.target) for edge in guesses(found, "page").edges] == [("mentions", "version")]
    assert [(edge.kind, edge.target) for edge in guesses(found, "part").edges] == [("belongs_to", "version")]


def test_an_identifier_links_only_where_no_key_does(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT UNIQUE, name TEXT)",
        "CREATE TABLE letter (id INTEGER PRIMARY KEY, customer_id INT NOT NULL REFERENCES customer, email TEXT)",
        "CREATE TABLE alert (id INTEGER PRIMARY KEY, email TEXT, other_email TEXT)",
        "CREATE TABLE template (id INTEGER PRIMARY KEY, email_template TEXT, email_count INT, max_user_things INT)",
    )
    found = drafted(sqlite_database)
    assert [edge.columns for edge in guesses(found, "letter").edges] == [("customer_id",)]
    assert guesses(found, "letter").columns["email"].what == "contact"
    assert [edge.columns for edge in guesses(found, "alert").edges] == [("email",)]
    assert guesses(found, "template").edges == ()


def test_who_only_dealt_with_a_row_does_not_own_it(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE staff (id INTEGER PRIMARY KEY, email TEXT UNIQUE, name TEXT)",
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT UNIQUE, name TEXT, rep_id INT REFERENCES staff)",
        "CREATE TABLE rental (id INTEGER PRIMARY KEY, customer_id INT NOT NULL REFERENCES customer,"
        " staff_id INT NOT NULL REFERENCES staff, created_by INT REFERENCES customer)",
        "CREATE TABLE shop (id INTEGER PRIMARY KEY, manager_id INT REFERENCES staff, opened DATE)",
    )
    found = drafted(sqlite_database)
    assert {(edge.kind, edge.columns[0]) for edge in guesses(found, "rental").edges} == {
        ("belongs_to", "customer_id"), ("mentions", "staff_id"), ("mentions", "created_by"),
    }  # fmt: skip
    assert [(edge.kind, edge.target) for edge in guesses(found, "customer").edges] == [("mentions", "staff")]
    assert (guesses(found, "shop").role, guesses(found, "shop").erase) == ("mentioned", None)


def test_erasure_is_proposed_only_where_nothing_that_stays_is_in_the_way(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT UNIQUE, name TEXT)",
        "CREATE TABLE invoice (id INTEGER PRIMARY KEY, customer_id INT NOT NULL REFERENCES customer, total INT)",
        "CREATE TABLE patient (id INTEGER PRIMARY KEY, phone TEXT, name TEXT, email TEXT)",
        "CREATE TABLE payment (id INTEGER PRIMARY KEY, patient_id INT NOT NULL REFERENCES patient, total INT)",
        "CREATE TABLE member (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT)",
        "CREATE TABLE refund (id INTEGER PRIMARY KEY, member_id INT NOT NULL REFERENCES member, total INT)",
        "CREATE TABLE visit (id INTEGER PRIMARY KEY, patient_id INT NOT NULL REFERENCES patient, at TIMESTAMP)",
    )
    found = drafted(sqlite_database)
    assert guesses(found, "invoice").erase.do is None  # accounts: a person's decision
    assert guesses(found, "customer").erase.blank == ("email", "name")
    assert guesses(found, "patient").erase.do == "blank"
    assert guesses(found, "patient").erase.blank == ("phone", "name", "email")
    assert guesses(found, "visit").erase.do == "delete"
    assert guesses(found, "member").erase.do is None
    assert guesses(found, "member").erase.why.endswith("`email` may not be null")
    said = complaints(sqlite_database, found.text)
    assert not [each for each in said if "blanked" in each or "cannot" in each]  # no proposal is refused


def test_several_owners_are_left_open_and_said(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT UNIQUE, name TEXT)",
        "CREATE TABLE message (id INTEGER PRIMARY KEY, sender_id INT NOT NULL REFERENCES customer,"
        " recipient_id INT NOT NULL REFERENCES customer, body TEXT)",
    )
    text = drafted(sqlite_database).text
    assert "several owners: each needs `leaving: replace_owner`" in text
    assert any("several owners" in said for said in complaints(sqlite_database, text))


def test_odd_names_are_read_back_as_they_are(database):
    odd = [
        'Weird "Table"',
        "no",
        "a.b",
        "sélect",
        "tab\tle",
        "# not a comment",
        "line\nbreak",
        "💥",
        "1st",
        "null",
        "100%s",
    ]
    if database.kind == "mariadb":
        odd.remove("💥")  # its names have letters of three bytes at most
    quoted = [name.replace('"', '""') for name in odd]
    database.run(
        'CREATE TABLE "customer" ("id" INTEGER PRIMARY KEY, "e-mail" TEXT NOT NULL UNIQUE, "full name" TEXT)',
        *(
            f'CREATE TABLE "{name}" ("id" INTEGER PRIMARY KEY, "customer: id" INTEGER REFERENCES "customer" ("id"),'
            f' "{name}_id%s" INTEGER, "{name}" TEXT)'
            for name in quoted
        ),
    )
    map_ = map_of(drafted(database).text)
    assert set(odd) <= set(map_.tables)
    for name in odd:
        assert list(map_.tables[name].columns) == ["id", "customer: id", f"{name}_id%s", name]
        assert [edge.target for edge in map_.tables[name].edges] == ["customer"]


def test_a_sample_is_bounded_and_shows_both_ends(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, note TEXT)",
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000)"
        " INSERT INTO customer SELECT n, 'p' || n || '@shop.example', hex(zeroblob(5000)) FROM n",
    )
    with open_sampler(sqlite_database.url, "shop") as sampler:
        values = sampler.values(sampler.catalogue().table("customer"))
    assert len(values["id"]) == ROWS_MAX
    assert {"1", "5000"} <= set(values["id"])
    assert max(map(len, values["note"])) == 400


def test_what_cannot_be_drafted_says_why_and_never_the_url(tmp_path):
    def try_(url):
        draft_map(url, "shop", find="env:A", change="env:B", today=TODAY)

    with pytest.raises(
        NotAllowedError, match="begins with `sqlite:///`, `duckdb:///`, `postgresql://` or"
    ) as raised:
        try_(f"oracle://find:{SECRET}@db/shop")
    assert SECRET not in str(raised.value)
    with pytest.raises(UnreachableError) as unreachable:
        try_(f"postgresql://find:{SECRET}@127.0.0.1:1/shop")
    assert SECRET not in str(unreachable.value)
    assert unreachable.value.__cause__ is None
    with pytest.raises(UnreachableError):
        try_(f"sqlite:///{tmp_path}/nowhere.db")
    (tmp_path / "text.db").write_text("this is no database, and it is long enough to be read as one" * 20)
    with pytest.raises(NotFoundError, match="not a database of SQLite"):
        try_(f"sqlite:///{tmp_path}/text.db")
    (tmp_path / "empty.db").write_bytes(b"")
    with pytest.raises(NotFoundError, match="has no tables"):
        try_(f"sqlite:///{tmp_path}/empty.db")


def test_a_catalogue_without_tables_is_an_empty_draft():
    nothing = Catalogue("shop", "sqlite", ())
    assert candidate_links(nothing, {}) == ()
    assert draft(nothing, {}, {}).tables == ()


@pytest.mark.slow
def test_two_hundred_tables_are_drafted(sqlite_database):
    columns = "customer_id INT, email TEXT, title TEXT, phone TEXT, ip TEXT, note TEXT, status TEXT"
    one = (
        "n, 'p' || n || '@shop.example', 'Some Thing', "
        "'+3314268' || (1000 + n), '192.0.2.' || n, 'a b c d e f g', 'open'"
    )
    numbers = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)"
    sqlite_database.run(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT UNIQUE, name TEXT)",
        f"{numbers} INSERT INTO customer SELECT n, 'p' || n || '@shop.example', 'Ada' FROM n",
        *(f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY, {columns})" for n in range(199)),
        *(f"{numbers} INSERT INTO t{n} SELECT n, {one} FROM n" for n in range(199)),
    )
    found = drafted(sqlite_database)
    assert len(found.draft.tables) == 200
    assert guesses(found, "t7").edges[0].target == "customer"


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("files", "people", "owned", "impersonal"),
    [
        (
            ("chinook_postgres.sql",),
            {"customer", "employee"},
            {"invoice": "customer", "invoice_line": "invoice"},
            {"album", "genre", "media_type", "playlist", "playlist_track", "track"},
        ),
        (
            ("pagila-schema.sql", "pagila-data.sql"),
            {"actor", "customer", "staff"},
            {"rental": "customer", "payment": "customer", "film_actor": "actor"},
            {"category", "city", "country", "film", "film_category", "inventory", "language"},
        ),
        (
            ("peer_shop.sql",),
            {"customer", "employee", "backup_schema.customer", "backup_schema.employee"},
            {"orders": "customer", "order_item": "orders", "visit": "customer", "login": "customer"},
            {"type_link_test"},
        ),
    ],
)
def test_databases_that_nobody_here_designed(postgresql, samples, files, people, owned, impersonal):
    load(postgresql, *(samples / "data" / file for file in files))
    found = draft_map(postgresql, "sample", find="env:A", change="env:B", today=TODAY)
    map_ = map_of(found.text)
    assert {name for name, table in map_.tables.items() if table.subject} == people
    for table, owner in owned.items():
        assert ("belongs_to", owner) in {(edge.kind, edge.target) for edge in map_.tables[table].edges}
    for table in impersonal:
        assert map_.tables[table].impersonal


# Links that nothing names

SPARSE = tuple(10_000 + n * 7_919 % 80_000 for n in range(300))
"""Keys with gaps: next to one of them there is hardly ever another."""


def people(table, keys, *, kind="INT"):
    rows = ", ".join(f"('{key}', 'Ada', 'One', 'p{n}@nest.example')" for n, key in enumerate(keys))
    return (
        f"CREATE TABLE {table} (id {kind} PRIMARY KEY, nom VARCHAR(80), prenom VARCHAR(80), email VARCHAR(80))",
        f"INSERT INTO {table} VALUES {rows}",
    )


def of(table, column, values, *, kind="INT"):
    rows = ", ".join(f"({n}, '{value}', 'closed')" for n, value in enumerate(values, start=1))
    return (
        f"CREATE TABLE {table} (id INT PRIMARY KEY, {column} {kind}, state VARCHAR(8))",
        f"INSERT INTO {table} VALUES {rows}",
    )


@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_a_column_leads_to_people_by_its_values_whatever_it_is_called(database):
    some = [SPARSE[n * 13 % 300] for n in range(200)]
    database.run(
        *people("adherent", SPARSE),
        *of("vente", "acheteur_id", some),
        *of("cotisation", "acheteur", some),
        *of("tbl3", "adh", some, kind="VARCHAR(20)"),
        *of("lot", "numero", [10_001 + n * 397 % 79_000 for n in range(200)]),
    )
    found = drafted(database)
    for table, column in (("vente", "acheteur_id"), ("cotisation", "acheteur"), ("tbl3", "adh")):
        (edge,) = guesses(found, table).edges
        assert (edge.kind, edge.columns, edge.target, edge.sure) == (
            "belongs_to", (column,), "adherent", "likely",
        )  # fmt: skip
        assert edge.why.startswith("no foreign key; 100 of 100 values are found there, and ")
        assert guesses(found, table).columns[column].what == "link"
    assert (guesses(found, "lot").role, guesses(found, "lot").sure) == ("impersonal", "likely")
    said = complaints(database, found.text)
    assert "What becomes of `tbl3` on erasure is proposed, and nobody has decided it." in said
    assert not [each for each in said if "compared" in each]


def test_values_among_keys_without_gaps_are_a_question_and_no_edge(sqlite_database):
    numbers = [1 + n * 7 % 199 for n in range(200)]
    sqlite_database.run(
        *people("client", range(1, 301)),
        *of("vente", "acheteur", numbers),
        *of("avoir", "vendeur_id", [1 + n % 5 for n in range(200)]),
        *of("lot", "quantity", numbers),
        *of("etat", "code", [1 + n % 5 for n in range(200)]),
        *of("plan", "parcelle", [n * 40 for n in range(200)]),
        *of("rappel", "client", numbers),
    )
    found = drafted(sqlite_database)
    for table in ("vente", "avoir"):
        assert (guesses(found, table).role, guesses(found, table).sure) == ("impersonal", "unknown")
        assert guesses(found, table).edges == ()
    assert guesses(found, "vente").why == (
        "`acheteur` may lead to `client`: 100 of 100 values are found there, and 100 of 100 that come next to them"
    )
    for table in ("lot", "etat", "plan"):
        assert (guesses(found, table).role, guesses(found, table).sure) == ("impersonal", "likely")
    assert [edge.target for edge in guesses(found, "rappel").edges] == ["client"]
    said = complaints(sqlite_database, found.text)
    asked = [each for each in said if each.endswith("is about people.")]
    assert asked == [
        f"Nobody has said yet whether `{table}` is about people." for table in ("avoir", "vente")
    ]


def test_values_decide_among_several_kinds_of_people(sqlite_database):
    keys = [f"K{n * 7 % 901:03}x" for n in range(100)]
    sqlite_database.run(
        *people("client", SPARSE),
        *people("patient", keys, kind="TEXT"),
        *of("soin", "pour", keys[:60], kind="TEXT"),
        *of("bon", "acheteur", SPARSE[200:300]),
        *of("niveau", "niveau", [SPARSE[n % 6] for n in range(90)]),
    )
    found = drafted(sqlite_database)
    assert [edge.target for edge in guesses(found, "soin").edges] == ["patient"]
    assert [edge.target for edge in guesses(found, "bon").edges] == ["client"]
    assert guesses(found, "niveau").edges == ()


def test_a_members_number_that_is_no_key_leads_to_its_member(sqlite_database):
    sqlite_database.run(
        *people("membre", range(1, 301)),
        "ALTER TABLE membre ADD COLUMN numero INT",
        *(f"UPDATE membre SET numero = {number} WHERE id = {n}" for n, number in enumerate(SPARSE, start=1)),
        *of("cotisation", "adh", SPARSE[::2]),
    )
    assert guesses(drafted(sqlite_database), "cotisation").edges == ()
    sqlite_database.run("CREATE UNIQUE INDEX alone ON membre (numero)")
    sqlite_database.run(
        "ALTER TABLE membre ADD COLUMN carte_lue INT",
        "ALTER TABLE membre ADD COLUMN parrain INT",
        "UPDATE membre SET carte_lue = numero, parrain = (SELECT numero FROM membre a WHERE a.id = membre.id / 9 + 1)",
    )
    found = drafted(sqlite_database)
    (edge,) = guesses(found, "cotisation").edges
    assert (edge.columns, edge.target, edge.target_columns) == (("adh",), "membre", ("numero",))
    (edge,) = guesses(found, "membre").edges  # and no number leads from a row to itself
    assert (edge.kind, edge.columns, edge.target_columns) == ("mentions", ("parrain",), ("numero",))


def test_what_there_is_no_room_to_compare_is_a_question(sqlite_database):
    columns = [f"c{n}" for n in range(6)]
    sqlite_database.run(
        *(each for table in ("client", "patient", "membre") for each in people(table, range(1, 11))),
        *(f"CREATE TABLE t{n} (id INT PRIMARY KEY, {' INT, '.join(columns)} INT)" for n in range(60)),
        *(f"INSERT INTO t{n} VALUES (1, 2, 3, 4, 5, 6, 7), (2, 3, 4, 5, 6, 7, 8)" for n in range(60)),
    )
    found = drafted(sqlite_database)
    asked = [each for each in found.draft.tables if (each.role, each.sure) == ("impersonal", "unknown")]
    assert len(asked) == 60
    assert [each.table.name for each in asked if "for there was too much to compare" in each.why]
    assert [each.table.name for each in asked if "2 of 2 values are found there" in each.why]


@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_a_text_leads_to_the_number_that_it_writes(database):
    numbers = [1 + n * 7 % 199 for n in range(200)]
    database.run(
        *people("client", range(1, 201)),
        *of("visite", "num_client", numbers, kind="VARCHAR(20)"),
        *of("appel", "client_id", numbers, kind="VARCHAR(20)"),
        *of("badge", "client_no", [f"{n:05}" for n in numbers], kind="VARCHAR(20)"),
        *of("lettre", "recipient", [f"p{n}@nest.example" for n in range(90)], kind="VARCHAR(80)"),
        *of("vide", "num_client", [], kind="VARCHAR(20)")[:1],
    )
    found = drafted(database)
    for table, column in (("visite", "num_client"), ("appel", "client_id")):
        (edge,) = guesses(found, table).edges
        assert (edge.kind, edge.columns, edge.target) == ("belongs_to", (column,), "client")
        assert "100 of 100 values are found there" in edge.why
    assert [edge.target_columns for edge in guesses(found, "lettre").edges] == [("email",)]
    for table in ("badge", "vide"):  # `00007` is not how 7 is written; without a row nothing is known
        assert guesses(found, table).edges == ()
    assert not [each for each in complaints(database, found.text) if "compared" in each]


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_text_leads_to_the_uuid_that_it_writes(postgresql_database):
    keys = [f"{n * 7_919_000_000 % 2**32:08x}-0000-4000-8000-{n:012x}" for n in range(1, 41)]
    postgresql_database.run(
        *people("client", keys, kind="UUID"),
        *of("visite", "qui", keys, kind="VARCHAR(40)"),
        *of("bruit", "qui", ["not-a-uuid", *keys[1:]], kind="TEXT"),
    )
    found = drafted(postgresql_database)
    assert [edge.target for edge in guesses(found, "visite").edges] == ["client"]
    assert guesses(found, "bruit").edges[0].why.startswith("no foreign key; 39 of 40 values are found there")
    assert not [each for each in complaints(postgresql_database, found.text) if "compared" in each]


@pytest.mark.parametrize("name", ["naissance", "date_naissance", "dob"])
@pytest.mark.parametrize(
    "written", ["{day:02}/{month:02}/{year}", "{day}.{month}.{year}", "{day:02}-{month:02}-{year}"]
)
def test_a_birth_date_is_told_however_it_is_written(sqlite_database, name, written):
    days = [written.format(day=1 + n % 28, month=1 + n % 12, year=1950 + n % 50) for n in range(100)]
    rows = ", ".join(f"({n}, 'Ada', 'p{n}@nest.example', '{day}')" for n, day in enumerate(days))
    sqlite_database.run(
        f"CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT, {name} TEXT)",
        f"INSERT INTO customer VALUES {rows}",
    )
    guess = guesses(drafted(sqlite_database), "customer").columns[name]
    assert (guess.what, guess.sure) == ("identity", "sure")
    assert guess.why == "its name; 100 of 100 values are dates on which somebody alive may be born"


# What other people's schemas have taught: each in a small one of our own


def column_of(found, table, column):
    return guesses(found, table).columns[column].what


def test_a_host_a_counter_and_a_colour_name_nobody(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE users (id integer PRIMARY KEY, username varchar(128), mail_host varchar(128), "
        "failed_login_counter integer, text_color varchar(8))"
    )
    found = drafted(sqlite_database)
    assert [one.column for one in guesses(found, "users").identifiers] == ["username"]
    assert {column_of(found, "users", name) for name in ("mail_host", "text_color")} == {"?"}


def test_the_name_of_a_guest_is_a_name_wherever_it_stands(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email text UNIQUE, name text)",
        "CREATE TABLE ticket (id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES customer (id), "
        "attendee_name_cached text, name text, seat_order integer)",
    )
    found = drafted(sqlite_database)
    assert column_of(found, "ticket", "attendee_name_cached") == "identity"
    assert column_of(found, "ticket", "name") == "?"
    assert column_of(found, "ticket", "seat_order") == "usage"


def test_the_number_of_a_row_of_tokens_is_a_link_and_a_yes_or_no_about_a_password_a_flag(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE api_token (id integer PRIMARY KEY, token text)",
        "CREATE TABLE users (id integer PRIMARY KEY, email text UNIQUE, name text, needs_password_change boolean)",
        "CREATE TABLE log (id integer PRIMARY KEY, user_id integer NOT NULL REFERENCES users (id), "
        "api_token_id integer REFERENCES api_token (id), session_id integer, session_key text)",
    )
    found = drafted(sqlite_database)
    assert column_of(found, "log", "api_token_id") == "link"
    assert column_of(found, "log", "session_id") == "?"
    assert column_of(found, "log", "session_key") == "credential"
    assert column_of(found, "users", "needs_password_change") == "flag"


def test_people_who_go_with_somebody_in_the_database_belong_to_them(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE users (id integer PRIMARY KEY, email text UNIQUE, name text)",
        "CREATE TABLE contacts (id integer PRIMARY KEY, email text, name text, "
        "user_id integer NOT NULL REFERENCES users (id) ON DELETE CASCADE)",
        "CREATE TABLE persons (id integer PRIMARY KEY, email text, name text, "
        "user_id integer REFERENCES users (id))",
    )
    found = drafted(sqlite_database)
    assert [edge.kind for edge in guesses(found, "contacts").edges] == ["belongs_to"]
    assert [edge.kind for edge in guesses(found, "persons").edges] == ["mentions"]


def test_who_created_a_thing_does_not_own_all_that_stands_below_it(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE users (id integer PRIMARY KEY, email text UNIQUE, name text)",
        "CREATE TABLE events (id integer PRIMARY KEY, title text, "
        "creator_id integer NOT NULL REFERENCES users (id), last_session_id integer)",
        "CREATE TABLE sessions (id integer PRIMARY KEY, event_id integer NOT NULL REFERENCES events (id))",
        "CREATE TABLE chairs (id integer PRIMARY KEY, session_id integer REFERENCES sessions (id), "
        "user_id integer NOT NULL REFERENCES users (id))",
    )
    found = drafted(sqlite_database)
    assert {name: guesses(found, name).role for name in ("events", "sessions", "chairs")} == {
        "events": "mentioned",
        "sessions": "impersonal",
        "chairs": "owned",
    }
    # a schema that declares its links has none where it declares none, unless values say otherwise
    assert [edge.columns for edge in guesses(found, "events").edges] == [("creator_id",)]


def test_rows_that_may_be_somebodys_are_a_question(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE users (id integer PRIMARY KEY, email text UNIQUE, name text)",
        "CREATE TABLE orders (id integer PRIMARY KEY, user_id integer NOT NULL REFERENCES users (id))",
        "CREATE TABLE answers (id integer PRIMARY KEY, order_id integer REFERENCES orders (id), answer text)",
    )
    found = guesses(drafted(sqlite_database), "answers")
    assert (found.role, found.why) == (
        "unknown",
        "`order_id` leads to `orders`, which is somebody's, and may be null",
    )


def test_addresses_that_stand_in_a_table_of_their_own_are_suggested_as_identifiers(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE users (id integer PRIMARY KEY, first_name text, last_name text)",
        "CREATE TABLE emails (id integer PRIMARY KEY, user_id integer NOT NULL REFERENCES users (id), email text)",
    )
    found = drafted(sqlite_database)
    assert (
        "# perhaps in users: identifiers: {emails.email: {kind: email, one_person: ?, via: user_id}}"
        in found.text
    )


def test_an_address_to_reply_to_is_one_and_the_subject_of_a_mail_is_none(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE users (id integer PRIMARY KEY, email text UNIQUE, name text)",
        "CREATE TABLE reminders (id integer PRIMARY KEY, user_id integer NOT NULL REFERENCES users (id), "
        "reply_to_address text, mail_subject text, invoice_to_name text, invoice_total integer)",
    )
    found = drafted(sqlite_database)
    assert [
        column_of(found, "reminders", name)
        for name in ("reply_to_address", "mail_subject", "invoice_to_name", "invoice_total")
    ] == ["contact", "free_text", "?", "orders"]


def test_an_empty_table_is_not_linked_by_an_address_where_a_key_leads_to_people():
    def table(name, columns, keys=()):
        listed = tuple(
            Column(column, "text", "number" if column.endswith("id") else "text", True) for column in columns
        )
        return CatalogueTable(name, listed, ("id",), keys, parts=tuple(name.split(".")))

    to_users = ForeignKey(("user_id",), "users.users", ("id",))
    catalogue = Catalogue(
        "shop",
        "postgresql",
        (
            table("users.users", ("id", "email", "first_name", "last_name")),
            table("event.invitations", ("id", "email", "first_name", "last_name")),
            table("event.registrations", ("id", "email", "user_id"), (to_users,)),
        ),
    )
    found = next(each for each in draft(catalogue, {}, {}).tables if each.table.name == "event.registrations")
    assert [edge.columns for edge in found.edges] == [("user_id",)]
