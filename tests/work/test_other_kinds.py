"""Values are corrected, set aside and put back, and erasures repeated, on every kind of SQL server and file.

What is told of SQLite next door holds there too: one way through the whole work for each kind.
"""

from datetime import UTC, date, datetime

import pytest

import story
from shop_project import opened
from troth.ledger import read
from troth.rules.rectification import read as written
from troth.work import carry_on, lift, rectify, replay, restrict

BEFORE = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
pytestmark = pytest.mark.slow
TABLES = {
    "postgresql": """
CREATE TABLE customer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text, name text);
CREATE TABLE visit (customer_id bigint REFERENCES customer (id), day date, place text, PRIMARY KEY (customer_id, day));
CREATE TABLE ticket (number text, branch int, email text, body text, opened date, held int,
  PRIMARY KEY (number, branch));
INSERT INTO customer (email, name) SELECT 'p' || n || '@example.org', 'P' || n FROM generate_series(1, 1200) AS n;
INSERT INTO visit SELECT id, '2026-01-01'::date + (id % 300)::int, 'Lyon' FROM customer;
INSERT INTO ticket SELECT 't' || n, n % 7, 'p' || n || '@example.org', 'help', '2026-02-01', 0
  FROM generate_series(1, 1200) AS n
""",
    "mariadb": """
CREATE TABLE customer (id bigint AUTO_INCREMENT PRIMARY KEY, email varchar(99), name varchar(99));
CREATE TABLE visit (customer_id bigint, day date, place text, PRIMARY KEY (customer_id, day),
  FOREIGN KEY (customer_id) REFERENCES customer (id));
CREATE TABLE ticket (number varchar(9), branch int, email varchar(99), body text, opened date, held int,
  PRIMARY KEY (number, branch));
INSERT INTO customer (email, name) SELECT concat('p', seq, '@example.org'), concat('P', seq) FROM seq_1_to_1200;
INSERT INTO visit SELECT id, '2026-01-01' + INTERVAL (id % 300) DAY, 'Lyon' FROM customer;
INSERT INTO ticket SELECT concat('t', seq), seq % 7, concat('p', seq, '@example.org'), 'help', '2026-02-01', 0
  FROM seq_1_to_1200
""",
    "duckdb": """
CREATE SEQUENCE IF NOT EXISTS ids START 1201;
CREATE TABLE customer (id bigint DEFAULT nextval('ids') PRIMARY KEY, email text, name text);
CREATE TABLE visit (customer_id bigint, day date, place text, PRIMARY KEY (customer_id, day));
CREATE TABLE ticket (number text, branch int, email text, body text, opened date, held int,
  PRIMARY KEY (number, branch));
INSERT INTO customer SELECT n, 'p' || n || '@example.org', 'P' || n FROM range(1, 1201) AS t(n);
INSERT INTO visit SELECT id, '2026-01-01'::date + (id % 300)::int, 'Lyon' FROM customer;
INSERT INTO ticket SELECT 't' || n, n % 7, 'p' || n || '@example.org', 'help', '2026-02-01', 0
  FROM range(1, 1201) AS t(n)
""",
}
MAP = """
store: shop
kind: {kind}
credentials: {find: "env:REPLAY_URL", change: "env:REPLAY_URL"}
controller: main-entity
backups_expire: 35 days
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity}
    restriction: {set_aside: [name]}
    erase: {do: delete, by: dpo, because: no longer needed}
  visit:
    belongs_to: [{customer_id: customer.id}]
    columns: {customer_id: link, day: usage, place: usage}
    retention: [{promise: retention/visits, trigger: day}]
    erase: {do: delete, by: dpo, because: no longer needed}
  ticket:
    belongs_to: [{email: customer.email}]
    columns: {number: key, branch: key, email: contact, body: usage, opened: usage, held: flag}
    restriction: {flag: held, active: 1, lifted: 0}
    retention: [{promise: retention/tickets, trigger: opened}]
    erase: {do: delete, by: dpo, because: no longer needed}
"""


def running(kind, url):
    """Return what runs a statement behind the store's back."""
    if kind == "postgresql":
        import psycopg

        held = psycopg.connect(url, autocommit=True)

        def run(statement):
            found = held.execute(statement)
            return found.fetchall() if found.description else []

        return run, held.close
    if kind == "mariadb":
        import pymysql

        port, name = url.rsplit(":", 1)[1].split("/")
        held = pymysql.connect(host="127.0.0.1", port=int(port), user="root", database=name, autocommit=True)

        def run(statement):
            cursor = held.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall())

        return run, held.close
    import duckdb

    def run(statement):
        with duckdb.connect(url.removeprefix("duckdb:///")) as connection:
            return connection.execute(statement).fetchall()

    return run, lambda: None


@pytest.fixture(
    params=[
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
        "duckdb",
    ]
)
def elsewhere(request, folder, clock, monkeypatch):
    """The project with its shop in a database of another kind, whose rows are as before an erasure."""
    kind = request.param
    if kind == "duckdb":
        import duckdb

        url = f"duckdb:///{folder / 'shop.duckdb'}"
        duckdb.connect(str(folder / "shop.duckdb")).close()
    else:
        url = request.getfixturevalue(kind)
    monkeypatch.setenv("REPLAY_URL", url)
    run, close = running(kind, url)

    def build():
        for statement in TABLES[kind].split(";\n"):
            run(statement)

    build()
    (folder / "stores" / "shop.yaml").write_text(MAP.replace("{kind}", kind))
    (folder / "stores" / "news.yaml").unlink()
    project = opened(folder, clock)
    yield kind, project, run, build
    project.close()
    project.ledger.close()
    close()


def count(planned):
    return {(one.table, one.verb): one.rows for one in planned.counts}


def test_a_correction_reaches_what_links_by_value_and_nobody_else(elsewhere):
    _, project, run, _ = elsewhere
    wanted = [written("customer.email=new17@example.org"), written("customer.name=New")]
    found = rectify.measure(project, "shop", [("email", "P17@example.org")], wanted)
    rectify.approve(project, found.name, found.state["plan"]["sha256"], "marie")
    assert run("SELECT count(*) FROM customer WHERE name = 'New'") == [(0,)]
    rectify.rectify(project, found.name)
    assert run("SELECT id, email, name FROM customer WHERE id IN (16, 17) ORDER BY id") == [
        (16, "p16@example.org", "P16"),
        (17, "new17@example.org", "New"),
    ]
    assert run("SELECT number FROM ticket WHERE email = 'new17@example.org'") == [("t17",)]
    assert run("SELECT count(*) FROM ticket WHERE email = 'p17@example.org'") == [(0,)]


def test_a_restriction_sets_aside_and_flags_and_its_lifting_overwrites_nothing_newer(elsewhere):
    _, project, run, _ = elsewhere
    run("UPDATE ticket SET email = 'p17@example.org' WHERE number = 't18'")
    before = run("SELECT * FROM ticket ORDER BY number"), run("SELECT * FROM customer ORDER BY id")
    found = restrict.measure(project, [("email", "p17@example.org")], "accuracy")
    restrict.approve(project, found.name, found.state["plan"]["sha256"], "marie")
    restrict.restrict(project, found.name)
    assert run("SELECT id FROM customer WHERE name IS NULL") == [(17,)]
    assert run("SELECT number FROM ticket WHERE held = 1 ORDER BY 1") == [("t17",), ("t18",)]
    run("UPDATE ticket SET held = 7 WHERE number = 't18'")
    lifted = lift.lift(project, found.name, date(2026, 11, 2), "marie")
    assert lift.conflicts(lifted) == [("shop", "ticket", "held", "changed", 1)]
    run("UPDATE ticket SET held = 0 WHERE number = 't18'")
    assert (run("SELECT * FROM ticket ORDER BY number"), run("SELECT * FROM customer ORDER BY id")) == before


def test_every_sql_kind_is_replayed_and_newer_rows_of_every_table_are_left(elsewhere, clock):
    kind, project, run, build = elsewhere
    for email in ("p17@example.org", "p18@example.org"):
        number = story.ask(project, "erase", email=email)
        story.grant_erasure(project, number)
        carry_on.carry_on(project, number)
    assert run("SELECT count(*) FROM customer") == [(1198,)]
    for table in ("visit", "ticket", "customer", "troth_step"):
        run(f"DROP TABLE {table}")
    build()
    clock.forward(days=3)
    run("UPDATE customer SET email = 'other@example.org' WHERE id = 18")  # changed since the backup
    run("INSERT INTO customer (email, name) VALUES ('p17@example.org', 'back')")
    ((back,),) = run("SELECT max(id) FROM customer")
    run(f"INSERT INTO visit VALUES ({back}, '2026-11-25', 'new')")
    run("INSERT INTO ticket VALUES ('t9000', 1, 'p17@example.org', 'new', '2026-11-25', 0)")
    planned = replay.plan(project, "shop", BEFORE)
    if kind == "postgresql":  # an identity is given once, so that the key alone tells whose row it was
        assert count(planned) == {("customer", "delete"): 2, ("ticket", "delete"): 2, ("visit", "delete"): 2}
        assert planned.left == {"customer": 1, "ticket": 1, "visit": 1}
    else:
        assert count(planned) == {("customer", "delete"): 1, ("ticket", "delete"): 2, ("visit", "delete"): 1}
        assert planned.left == {"customer": 2, "ticket": 1, "visit": 1}
    assert (planned.erasures, planned.blocked, planned.unrecorded) == (2, (), ())
    run("INSERT INTO visit VALUES (17, '2026-11-25', 'new')")  # so the old account is in use, and may not go
    planned = replay.plan(project, "shop", BEFORE)
    assert planned.left["visit"] == 2
    if kind == "duckdb":  # nothing enforces a link there: the newer visit is left without its customer
        assert planned.blocked == ()
    else:
        assert [("visit" in said, "17" in said) for said in planned.blocked] == [(True, False)]
    assert replay.repeat(project, planned).remaining == 0
    kept = run(f"SELECT id, email FROM customer WHERE id IN (17, 18, {back}) ORDER BY id")
    assert kept == [
        *([] if kind == "duckdb" else [(17, "p17@example.org")]),
        *([] if kind == "postgresql" else [(18, "other@example.org")]),
        (back, "p17@example.org"),
    ]
    assert run("SELECT number FROM ticket WHERE number IN ('t17', 't18', 't9000') ORDER BY 1") == [
        *([] if kind == "duckdb" else [("t17",)]),
        ("t9000",),
    ]
    assert replay.plan(project, "shop", BEFORE).again == ()


def test_on_every_sql_kind_a_replay_that_was_cut_short_is_taken_up(elsewhere):
    _, project, run, build = elsewhere
    number = story.ask(project, "erase", email="p17@example.org")
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    for table in ("visit", "ticket", "customer", "troth_step"):
        run(f"DROP TABLE {table}")
    build()

    def stop(at):
        if at == "acted":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        replay.repeat(project, replay.plan(project, "shop", BEFORE), stop_at=stop)
    replay.repeat(project, replay.plan(project, "shop", BEFORE))
    ended = [event for event in read.stream(project.ledger, "replay/shop") if event.kind == "act_ended"]
    rows_told = {tuple(each[:2]): each[2] for event in ended for each in event.facts["rows"]}
    assert rows_told == {("customer", "delete"): 1, ("ticket", "delete"): 1, ("visit", "delete"): 1}
    assert run("SELECT count(*) FROM customer") == [(1199,)]
