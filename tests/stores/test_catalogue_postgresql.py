"""The catalogue says of a PostgreSQL database what is really there."""

import time

import psycopg
import pytest

from sample_databases import load
from troth.rules.catalogue import ForeignKey, Trigger, sha256
from troth.stores.catalogue import read_postgresql
from troth.stores.reach import Function, Reach, reaches

pytestmark = [pytest.mark.postgresql, pytest.mark.slow]

SHOP = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN email AS varchar(200) CHECK (VALUE LIKE '%@%');
CREATE DOMAIN must AS text NOT NULL;
CREATE TABLE customer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email email NOT NULL UNIQUE, name varchar(80), code char(4),
    born date, seen timestamptz, tags text[], extra jsonb, raw bytea, active boolean, mood mood, key uuid,
    n numeric(9, 2), must must,
    lower_name text GENERATED ALWAYS AS (lower(name)) STORED, boss bigint REFERENCES customer,
    CHECK (name IS NOT NULL OR code IS NOT NULL), CHECK (n > 0));
CREATE TABLE branch (company int, no int, city text, PRIMARY KEY (company, no));
CREATE TABLE sale (
    id int PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer ON DELETE CASCADE, company int, no int,
    single int UNIQUE NULLS NOT DISTINCT,
    FOREIGN KEY (company, no) REFERENCES branch ON DELETE SET NULL DEFERRABLE);
CREATE UNIQUE INDEX ON sale (company) WHERE no IS NOT NULL;
CREATE UNIQUE INDEX ON sale (abs(no));
CREATE UNIQUE INDEX ON sale (no) INCLUDE (company);
CREATE VIEW everyone AS SELECT * FROM customer;
CREATE MATERIALIZED VIEW copies AS SELECT email, name FROM customer;
CREATE SCHEMA hr;
CREATE TABLE hr.customer (id int PRIMARY KEY, manager bigint REFERENCES public.customer);
CREATE TABLE troth_step (step text PRIMARY KEY);
"""


@pytest.fixture
def connection(postgresql):
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(SHOP)
        yield connection


def table(connection, name):
    found = read_postgresql(connection, "shop").table(name)
    assert found is not None
    return found


def test_tables_of_every_schema_are_there_and_views_and_our_own_steps_are_not(connection):
    catalogue = read_postgresql(connection, "shop")
    assert [each.name for each in catalogue.tables] == ["branch", "customer", "hr.customer", "sale"]
    assert [each.name for each in catalogue.derived] == ["copies"]
    assert table(connection, "hr.customer").parts == ("hr", "customer")


def test_each_column_has_its_shape(connection):
    shapes = {column.name: column.shape for column in table(connection, "customer").columns}
    assert shapes == {
        "id": "number", "email": "text", "name": "text", "code": "text", "born": "date", "seen": "moment",
        "tags": "array", "extra": "json", "raw": "bytes", "active": "boolean", "mood": "other", "key": "other",
        "n": "number", "must": "text", "lower_name": "text", "boss": "number",
    }  # fmt: skip


def test_what_may_be_null_how_long_it_may_be_and_what_is_computed(connection):
    found = table(connection, "customer")
    assert [each.name for each in found.columns if not each.nullable] == ["id", "email", "must"]
    assert [each.name for each in found.columns if each.generated] == ["id", "lower_name"]
    lengths = {each.name: each.length_max for each in found.columns if each.length_max}
    assert lengths == {"email": 200, "name": 80, "code": 4}


def test_constraints_of_the_table_and_of_its_domains(connection):
    found = table(connection, "customer")
    assert found.checks == (("code", "name"), ("email",), ("n",))
    assert found.null_refused == ("name", "code")
    assert found.unique == (("email",), ("id",))


def test_partial_and_expression_indexes_make_nothing_unique_and_included_columns_are_no_part(connection):
    found = table(connection, "sale")
    assert found.unique == (("id",), ("no",), ("single",))
    assert found.null_refused == ("single",)


def test_foreign_keys_with_what_happens_on_delete(connection):
    assert table(connection, "sale").foreign_keys == (
        ForeignKey(("company", "no"), "branch", ("company", "no"), "SET NULL", deferrable=True),
        ForeignKey(("customer_id",), "customer", ("id",), "CASCADE"),
    )
    assert table(connection, "hr.customer").foreign_keys == (ForeignKey(("manager",), "customer", ("id",)),)


def test_partitions_are_one_table_with_the_foreign_keys_of_each(connection):
    connection.execute("""
        CREATE TABLE visit (id int, at date, customer_id bigint, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
        CREATE TABLE visit_2 PARTITION OF visit FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
        ALTER TABLE visit_2 ADD FOREIGN KEY (customer_id) REFERENCES customer ON DELETE RESTRICT;
        CREATE TABLE note (id int PRIMARY KEY, visit int, at date, FOREIGN KEY (visit, at) REFERENCES visit);
    """)
    catalogue = read_postgresql(connection, "shop")
    assert [each.name for each in catalogue.tables if "visit" in each.name] == ["visit"]
    assert catalogue.table("visit").key == ("id", "at")
    assert catalogue.table("visit").foreign_keys == (
        ForeignKey(("customer_id",), "customer", ("id",), "RESTRICT"),
    )
    assert catalogue.table("note").foreign_keys == (ForeignKey(("visit", "at"), "visit", ("id", "at")),)


def test_rows_of_partitions_are_counted_once_and_dropped_columns_are_gone(connection):
    connection.execute("""
        CREATE TABLE visit (id int, gone text, at date) PARTITION BY RANGE (at);
        CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
        CREATE TABLE visit_2 PARTITION OF visit FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
        INSERT INTO visit SELECT n, '', date '2026-01-01' + n FROM generate_series(0, 299) AS n;
        ALTER TABLE visit DROP COLUMN gone;
        ANALYZE visit;
    """)
    assert table(connection, "visit").rows_about == 300
    assert [column.name for column in table(connection, "visit").columns] == ["id", "at"]


def test_children_that_inherit_every_column_are_partitions_and_others_are_tables(connection):
    connection.execute("""
        CREATE TABLE payment (id int PRIMARY KEY, customer_id bigint);
        CREATE TABLE payment_old (FOREIGN KEY (customer_id) REFERENCES customer) INHERITS (payment);
        CREATE TABLE payment_card (number text) INHERITS (payment);
    """)
    catalogue = read_postgresql(connection, "shop")
    assert [each.name for each in catalogue.tables if "payment" in each.name] == ["payment", "payment_card"]
    assert catalogue.table("payment").foreign_keys == (ForeignKey(("customer_id",), "customer", ("id",)),)


@pytest.mark.parametrize(
    ("body", "how", "notifies"),
    [
        ("BEGIN NEW.name := lower(NEW.name); RETURN NEW; END", "", False),
        ("BEGIN INSERT INTO branch VALUES (1, 2); RETURN NEW; END", "", False),
        ("BEGIN PERFORM pg_notify('gone', OLD.name); RETURN NEW; END", "", True),
        ("BEGIN NOTIFY gone; RETURN NEW; END", "", True),
        ("BEGIN PERFORM dblink_exec('host=other', 'DELETE FROM x'); RETURN NEW; END", "dblink", False),
        ("BEGIN COPY branch TO PROGRAM 'mail root'; RETURN NEW; END", "COPY … PROGRAM", False),
        ("BEGIN COPY branch TO '/var/x'; RETURN NEW; END", "COPY to a file", False),
        ("BEGIN PERFORM http_post('http://x', ''); RETURN NEW; END", "http", False),
        ("BEGIN PERFORM through(); RETURN NEW; END", "lo_export", True),
        ("BEGIN -- pg_notify('gone', '')\n RETURN NEW; END", "", False),
    ],
)
def test_a_trigger_calls_out_by_what_its_function_says_itself_or_through_another(
    connection, body, how, notifies
):
    connection.execute("""
        CREATE FUNCTION deep() RETURNS void LANGUAGE sql AS $f$ SELECT pg_notify('a', 'b') $f$;
        CREATE FUNCTION through() RETURNS void LANGUAGE plpgsql AS
            $f$ BEGIN PERFORM deep(); PERFORM lo_export(1, 'x'); END $f$;
    """)
    connection.execute(f"CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $f$ {body} $f$")
    connection.execute(
        "CREATE TRIGGER told AFTER UPDATE OR DELETE ON customer FOR EACH ROW EXECUTE FUNCTION told()"
    )
    (trigger,) = table(connection, "customer").triggers
    assert trigger == Trigger("told", "AFTER DELETE OR UPDATE", bool(how), how, notifies)


def test_a_trigger_calls_out_through_a_table_it_writes_into_and_a_rule_by_its_text(connection):
    connection.execute("""
        CREATE SCHEMA log; CREATE TABLE log.far (id int);
        CREATE FUNCTION mails() RETURNS trigger LANGUAGE plpgsql AS
            $f$ BEGIN PERFORM dblink_exec('x', 'y'); RETURN NEW; END $f$;
        CREATE TRIGGER mails AFTER INSERT ON log.far FOR EACH ROW EXECUTE FUNCTION mails();
        CREATE FUNCTION notes() RETURNS void LANGUAGE plpgsql AS
            $f$ BEGIN INSERT INTO log.far VALUES (1); END $f$;
        CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN PERFORM notes(); RETURN OLD; END $f$;
        CREATE TRIGGER told AFTER DELETE ON customer FOR EACH ROW EXECUTE FUNCTION told();
        CREATE RULE told AS ON DELETE TO branch DO ALSO SELECT pg_notify('a', OLD.city);
    """)
    (trigger,) = table(connection, "customer").triggers
    assert (trigger.calls_out, trigger.how) == (True, "the trigger mails of far")
    (rule,) = table(connection, "branch").triggers
    assert (rule.calls_out, rule.notifies) == (False, True)


def test_a_function_in_c_reaches_out_unless_postgresql_trusts_its_extension():
    found = reaches([
        Function(1, "digest", "c", False, "pg_digest", "pgcrypto", True),
        Function(2, "send", "c", False, "send", "mailer", False),
        Function(3, "moddatetime", "c", False, "moddatetime", "moddatetime", False),
        Function(4, "triggered_change_notification", "c", False, "x", "tcn", False),
        Function(5, "calls_one", "plpgsql", True, "BEGIN NEW.a := digest(NEW.a, 'sha256'); END"),
        Function(6, "calls_two", "plpgsql", True, "BEGIN PERFORM send(OLD.a); END"),
        Function(7, "loose", "plpython3u", False, "import os"),
    ])  # fmt: skip
    assert found == {
        1: Reach(), 2: Reach("a function in c"), 3: Reach(), 4: Reach(notifies=True), 5: Reach(),
        6: Reach("a function in c"), 7: Reach("a function in plpython3u"),
    }  # fmt: skip


def test_triggers_that_are_switched_off_are_left_out_and_rules_are_there(connection):
    connection.execute("""
        CREATE FUNCTION quiet() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RETURN OLD; END $f$;
        CREATE TRIGGER quiet BEFORE DELETE ON branch FOR EACH ROW EXECUTE FUNCTION quiet();
        ALTER TABLE branch DISABLE TRIGGER quiet;
        CREATE RULE kept AS ON DELETE TO branch DO INSTEAD NOTHING;
    """)
    assert [(each.name, each.event) for each in table(connection, "branch").triggers] == [
        ("kept", "RULE DELETE")
    ]


def test_rights_and_row_security_are_those_of_the_connection(connection):
    connection.execute(
        """
        CREATE ROLE clerk; GRANT USAGE ON SCHEMA public TO clerk;
        GRANT SELECT (company, city) ON branch TO clerk; GRANT SELECT ON sale, customer TO clerk;
        ALTER TABLE customer ENABLE ROW LEVEL SECURITY;
    """.replace("(id, city)", "(city)")
    )
    try:
        assert not table(connection, "customer").row_security  # a superuser sees all
        connection.execute("SET ROLE clerk")
        catalogue = read_postgresql(connection, "shop")
        assert catalogue.table("customer").row_security
        assert catalogue.table("sale").unreadable == ()
        assert catalogue.table("branch").unreadable == ("no",)
        assert catalogue.table("hr.customer").unreadable == ("id", "manager")
    finally:
        connection.execute("RESET ROLE")
        connection.execute("DROP OWNED BY clerk; DROP ROLE clerk")


def test_odd_names_are_read_as_they_are(connection):
    odd = ['Weird ""Table""', "sélect", "a.b", "user", "x'y"]
    for name in odd:
        connection.execute(f'CREATE TABLE "{name}" ("e-mail ""x""" text NOT NULL UNIQUE, "order" int)')
    found = {each.name: each.parts for each in read_postgresql(connection, "odd").tables}
    for name in odd:
        plain = name.replace('""', '"')
        assert found[plain] == ("public", plain)


def test_a_table_that_is_called_like_one_of_another_schema_is_told_apart(connection):
    connection.execute('CREATE TABLE "hr.customer" (id int PRIMARY KEY)')
    found = {each.name: each.parts for each in read_postgresql(connection, "odd").tables}
    assert found["hr.customer"] == ("hr", "customer")
    assert found["public.hr.customer"] == ("public", "hr.customer")


def test_the_hash_changes_with_the_structure_and_with_nothing_else(connection):
    first = sha256(read_postgresql(connection, "shop"))
    connection.execute("INSERT INTO branch VALUES (1, 1, 'x'); CREATE INDEX ON branch (city); ANALYZE")
    assert sha256(read_postgresql(connection, "another")) == first
    connection.execute("ALTER TABLE branch ALTER city SET NOT NULL")
    assert sha256(read_postgresql(connection, "shop")) != first


def test_two_hundred_tables_take_no_time(connection):
    for number in range(200):
        connection.execute(
            f"CREATE TABLE t{number} (id int PRIMARY KEY, a text UNIQUE, b text CHECK (b > ''), "
            "c bigint REFERENCES customer)"
        )
    started = time.perf_counter()
    assert len(read_postgresql(connection, "many").tables) == 204
    assert time.perf_counter() - started < 2  # 50 ms on a quiet machine


def test_a_music_shop(samples, postgresql):
    load(postgresql, samples / "data" / "chinook_postgres.sql")
    with psycopg.connect(postgresql) as connection:
        catalogue = read_postgresql(connection, "chinook")
    assert len(catalogue.tables) == 11
    assert sum(len(each.foreign_keys) for each in catalogue.tables) == 11
    assert catalogue.table("playlist_track").key == ("playlist_id", "track_id")
    assert (
        ForeignKey(("reports_to",), "employee", ("employee_id",)) in catalogue.table("employee").foreign_keys
    )


def test_a_film_rental_with_inherited_payments_rules_and_a_circle(samples, postgresql):
    load(postgresql, samples / "data" / "pagila-schema.sql", samples / "data" / "pagila-data.sql")
    with psycopg.connect(postgresql) as connection:
        (constraints,) = connection.execute(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f'"
        ).fetchone()
        catalogue = read_postgresql(connection, "pagila")
    keys = [key for each in catalogue.tables for key in each.foreign_keys]
    assert constraints == 40
    assert len(keys) == 25  # six parts of `payment` say the same three things
    assert sum(key.on_delete == "RESTRICT" for key in keys) == 20
    assert sum(len(each.triggers) for each in catalogue.tables) == 15
    assert not any(trigger.calls_out for each in catalogue.tables for trigger in each.triggers)
    assert len(catalogue.tables) == 15
    assert {key.target for key in catalogue.table("payment").foreign_keys} == {"customer", "rental", "staff"}
    assert catalogue.table("film").column("fulltext").shape == "other"


def test_a_shop_without_a_single_foreign_key(samples, postgresql):
    load(postgresql, samples / "data" / "peer_shop.sql")
    with psycopg.connect(postgresql) as connection:
        catalogue = read_postgresql(connection, "shop")
    assert sum(len(each.foreign_keys) for each in catalogue.tables) == 0
    assert catalogue.table("order_item").key == ("order_id", "item_no")
    assert catalogue.table("visit").key == ("email", "last_visit")
