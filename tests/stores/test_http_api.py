"""An HTTP API keeps the store's promises, also where it fails, hangs, lies, pages for ever or leads elsewhere."""

import logging
import os
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from api_server import api_server
from servers import roundup_server
from troth.errors import ConflictError, NotAllowedError, UnreachableError, WrongFileError
from troth.rules.map_check import check
from troth.stores import http_call
from troth.stores.amend import Amendment, Cell
from troth.stores.connect import connect
from troth.stores.contract import Batch, PartlyDoneError, Who
from troth.stores.gather import PREFIX
from troth.stores.http_api import opened
from troth.stores.http_call import Pace
from troth.stores.http_map import Call
from troth.stores.map_file import read
from troth.stores.staged import LISTED_SECONDS
from troth.testing import (
    ADA,
    COLUMNS,
    DUE,
    OBRIEN,
    ROWS,
    TODAY,
    AmendingTests,
    StoreTests,
    SweepingTests,
    described,
    ids,
    map_of,
)

LOOKED_UP = {"people": ("id", "email", "home"), "homes": ("id",), "notes": ("id", "person"),
             "invoices": ("id", "person"), "visits": ("id", "email", "seen_by")}  # fmt: skip


class Clock:
    """A clock that passes only when somebody waits."""

    def __init__(self):
        self.at = 0.0
        self.pauses = []

    def pace(self):
        return Pace(lambda: self.at, self.pause)

    def pause(self, seconds):
        self.pauses.append(seconds)
        self.at += seconds


def resource(table, more=""):
    looked = ", ".join(
        f'{name}: "GET /{table}/{{{name}}}"'
        if name == "id"
        else f'{name}: "GET /{table}?size=2&{name}={{{name}}}"'
        for name in LOOKED_UP[table]
    )
    return (
        f'{{key: id, list: "GET /{table}?size=2", look_up: {{{looked}}}, rows: rows, '
        "pages: {cursor: next, as: after}, "
        f'erase: "DELETE /{table}/{{id}}", update: "PATCH /{table}/{{id}}"{more}}}'
    )


def map_at(url, own=None, **tables):
    host = url.rpartition("/")[2]
    return described(
        map_of("http"),
        {table: tables.get(table) or resource(table) for table in COLUMNS},
        own or f"hosts: ['{host}']",
    )


class ApiWorld:
    """The tables of `troth.testing` behind an API."""

    def __init__(self, api, map_=None):
        self.api, self.clock = api, Clock()
        api.tables = {table: [dict(row) for row in rows] for table, rows in ROWS.items()}
        url = api.url.replace("://", "://secret-token@") + "/api"
        api.behave = {"wants": ("Authorization", "Bearer secret-token")}
        self.store = opened(map_ or map_at(api.url), {"find": url, "change": url}, self.clock.pace())

    def rows(self, table):
        return sorted(self.api.tables[table], key=lambda row: row["id"])

    def add(self, table, row):
        self.api.tables[table].append(dict(row))


@pytest.fixture(scope="module")
def server():
    with api_server() as api:
        yield api


@pytest.fixture
def world(server):
    server.asked.clear()
    server.jobs.clear()
    made = ApiWorld(server)
    yield made
    made.store.close()


class TestHttp(StoreTests, AmendingTests, SweepingTests):
    @pytest.fixture
    def world(self, world):
        return world


def laid_out():
    """Count the folders of rows that this process holds."""
    held = 0
    for handle in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the handle by which they are listed is gone by then
            held += PREFIX in os.readlink(f"/proc/self/fd/{handle}")
    return held


def test_a_sweep_goes_on_for_a_while_with_the_rows_it_listed_until_it_is_over(world):
    for number in range(10, 20):
        world.add("invoices", {"id": number, "person": 2, "issued": "2001-01-01", "gift": None})

    def batch(number):
        world.api.asked.clear()
        portion = Batch(2, 0, {("invoices", "delete")})
        assert world.store.sweep(f"sweep/1/{number}", DUE, (), TODAY, portion).looked == 2
        return sum(path.startswith("/api/invoices?size") for _, path, _ in world.api.asked)

    first, before = batch(1), laid_out()
    assert first
    assert [batch(2), batch(3), laid_out() - before] == [0, 0, 0]
    world.clock.at += LISTED_SECONDS
    assert [batch(4) > 0, batch(5), laid_out() - before] == [True, 0, 0]
    world.store.sweep_over()
    assert laid_out() == before - 1
    assert ids(world, "invoices") == [1, 3, 19]


def erase(store, who=(ADA,), step="one"):
    return store.act(step, list(who), TODAY, store.measure(list(who), TODAY))


def everything(world):
    return {table: [dict(row) for row in world.rows(table)] for table in COLUMNS}


# What is asked


def test_only_what_the_identifiers_lead_to_is_asked_for(world):
    list(world.store.find([OBRIEN]))
    paths = [path for _, path, _ in world.api.asked]
    assert len(paths) < 40
    assert not any(path.endswith("/people?size=2") for path in paths)


def test_an_identifier_is_escaped_and_compared_here_whatever_the_api_says_it_found(world):
    world.api.behave["pattern happy"] = True
    for written in ("*", "%", "example.org", "/../people", "a&email=ada@example.org", "#", "?"):
        assert not list(world.store.find([Who("x", (("email", written),))])), written
    world.api.behave["gives everybody"] = True
    assert {row.values["id"] for row in world.store.find([OBRIEN]) if row.table == "people"} == {2}
    before = [row for row in world.rows("people") if row["id"] != 1]
    erase(world.store)
    assert [row for row in world.rows("people") if row["id"] != 1] == before


def test_a_value_is_never_empty_and_never_leads_upwards():
    for value in ("", " ", ".", "..", None):
        with pytest.raises(NotAllowedError, match="has nothing for `id`"):
            http_call.filled(Call("DELETE", "/people/{id}"), {"id": value}, "crm")
    assert (
        http_call.filled(Call("DELETE", "/people/{id}"), {"id": "../x?y#z"}, "crm")
        == "/people/..%2Fx%3Fy%23z"
    )


def test_every_call_that_changes_something_has_the_same_key_when_it_is_made_again(world):
    world.api.behave["down after"] = 3
    approved = world.store.measure([ADA], TODAY)
    with pytest.raises(PartlyDoneError):
        world.store.act("one", [ADA], TODAY, approved)
    keys = {}
    for method, path, headers in world.api.asked:
        if method != "GET":
            keys.setdefault((method, path), set()).add(headers["Idempotency-Key"])
    assert len(keys) == 4
    assert all(len(each) == 1 for each in keys.values())
    assert len(set.union(*keys.values())) == 4


@pytest.mark.parametrize("calls", range(6))
def test_an_erasure_that_was_cut_short_tells_what_went_and_is_finished_by_the_next(world, calls):
    world.api.behave["down after"] = calls
    approved = world.store.measure([ADA], TODAY)
    with pytest.raises(
        (UnreachableError, PartlyDoneError),
        match=r"does not answer `(DELETE|PATCH) .*\{id\}` \(it last answered 500\)",
    ) as caught:
        world.store.act("one", [ADA], TODAY, approved)
    del world.api.behave["down after"]
    first = Counter()
    if calls:  # where nothing was done, there is nothing to tell
        assert isinstance(caught.value.because, UnreachableError)
        first = tally(caught.value.acted)
    assert first.total() == calls
    acted = world.store.act("one", [ADA], TODAY, approved)
    assert acted.certainty == "at_least_once"
    assert first + tally(acted) == tally(approved)
    assert world.store.gone([ADA], TODAY) == 0
    assert [row["id"] for row in world.rows("notes")] == [3]
    assert [row["id"] for row in world.rows("visits")] == [2, 3]


@pytest.mark.parametrize("calls", range(3))
def test_values_set_aside_by_a_step_that_was_cut_short_are_set_aside_and_counted_by_the_next(world, calls):
    store, before = world.store, everything(world)
    found = store.standing([ADA], {"people": ("name", "email"), "invoices": ("gift",)}, copies=True)
    amendments = [
        Amendment(
            each.table, each.key, tuple(Cell(n, v, None) for n, v in each.values.items() if v), each.witness
        )
        for each in found
        if any(each.values.values())
    ]
    world.api.behave["down after"] = calls
    with pytest.raises(UnreachableError):
        store.amend("aside", "plan", amendments, on_conflict="stop")
    del world.api.behave["down after"]
    again = store.amend("aside", "plan", amendments, on_conflict="stop")
    assert {(each.table, each.column): each.rows for each in again.counts} == {
        ("invoices", "gift"): 1, ("people", "email"): 1, ("people", "name"): 1, ("visits", "email"): 1,
    }  # fmt: skip
    assert (again.conflicts, again.certainty) == ((), "at_least_once")
    back = [
        Amendment(
            each.table, each.key, tuple(Cell(c.column, None, c.before) for c in each.cells), each.witness
        )
        for each in amendments
    ]
    store.amend("back", "plan", back, on_conflict="leave")
    assert everything(world) == before


def test_what_has_a_type_comes_back_with_it(world):
    odd = {"name": True, "home": ["a", {"b": None}]}
    for row in world.api.tables["people"]:
        row |= odd if row["id"] == 1 else {}
    before = everything(world)
    found = world.store.standing([ADA], {"people": ("name", "home")}, copies=False)
    (one,) = found
    aside = [
        Amendment("people", one.key, tuple(Cell(n, v, None) for n, v in one.values.items()), one.witness)
    ]
    world.store.amend("aside", "plan", aside, on_conflict="stop")
    assert world.rows("people")[0]["home"] is None
    back = [Amendment("people", one.key, tuple(Cell(n, None, v) for n, v in one.values.items()), one.witness)]
    world.store.amend("back", "plan", back, on_conflict="stop")
    assert everything(world) == before
    world.api.tables["people"][0]["name"] = "[a text]"
    (one,) = world.store.standing([ADA], {"people": ("name",)}, copies=False)
    aside = [Amendment("people", one.key, (Cell("name", one.values["name"], None),), one.witness)]
    world.store.amend("aside again", "plan", aside, on_conflict="stop")
    back = [Amendment("people", one.key, (Cell("name", None, one.values["name"]),), one.witness)]
    world.store.amend("back again", "plan", back, on_conflict="stop")
    assert world.rows("people")[0]["name"] == "[a text]"


def test_what_no_call_writes_is_refused_and_nothing_is_changed(server):
    body = resource("people").replace(
        'update: "PATCH /people/{id}"', 'update: {call: "PATCH /people/{id}", body: {name: gone}}'
    )
    world = ApiWorld(server, map_at(server.url, people=body))
    before = everything(world)
    (one,) = world.store.standing([OBRIEN], {"people": ("name",)}, copies=False)
    aside = [Amendment("people", one.key, (Cell("name", one.values["name"], None),), one.witness)]
    with pytest.raises(NotAllowedError, match=r"`people.name` cannot be emptied\. Nothing was changed"):
        world.store.try_out(aside, on_conflict="stop")
    with pytest.raises(NotAllowedError, match=r"`people.name` cannot be emptied\. Nothing was changed"):
        world.store.amend("aside", "plan", aside, on_conflict="stop")
    assert everything(world) == before
    world.store.close()


def tally(told):
    """The rows by table and action, but for those retained."""
    return Counter({(one.table, one.verb): one.rows for one in told.counts if one.verb != "retain"})


def test_what_is_about_to_be_done_is_told_before_the_first_call(world):
    told, approved = [], world.store.measure([ADA], TODAY)
    before = everything(world)

    def killed(acted):
        told.append(acted)
        assert everything(world) == before
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.store.act("one", [ADA], TODAY, approved, about_to=killed)
    assert everything(world) == before
    assert tally(told[0]) == tally(approved)


# Signing in


def signed(server, own, url):
    host = server.url.rpartition("/")[2]
    server.tables = {table: [dict(row) for row in rows] for table, rows in ROWS.items()}
    map_ = map_at(server.url, f"{{hosts: ['{host}'], {own}}}")
    return opened(map_, {"find": url}, Clock().pace())


@pytest.mark.parametrize(
    ("own", "user", "wants"),
    [
        ("sign_in: bearer", "tok%2Fen@", ("Authorization", "Bearer tok/en")),
        ("sign_in: basic", "ada:p%40ss@", ("Authorization", "Basic YWRhOnBAc3M=")),
        ("sign_in: header, header: X-Api-Key", ":k3y@", ("X-Api-Key", "k3y")),
        ("sign_in: none", "", None),
        ("headers: {X-Tenant: blue}", "", ("X-Tenant", "blue")),
    ],
)
def test_it_signs_in_as_the_map_says(server, own, user, wants):
    server.behave = {"wants": wants} if wants else {}
    store = signed(server, own, server.url.replace("://", f"://{user}") + "/api")
    assert len(list(store.find([OBRIEN]))) == 5
    store.close()


def test_a_token_of_client_credentials_is_got_once_and_again_when_it_no_longer_holds(server):
    server.tokens, server.behave = 0, {"wants": ("Authorization", "nobody yet")}
    url = server.url.replace("://", "://client:secret@") + "/api"
    store = signed(server, f"sign_in: oauth2, token: '{server.url}/oauth/token', scope: people", url)
    assert len(list(store.find([OBRIEN]))) == 5
    assert server.tokens == 1
    server.behave["wants"] = ("Authorization", "revoked")
    assert len(list(store.find([OBRIEN]))) == 5
    assert server.tokens == 2
    store.close()


def test_wrong_credentials_are_said_without_repeating_them(world):
    world.api.behave["wants"] = ("Authorization", "Bearer another")
    with pytest.raises(NotAllowedError) as caught:
        list(world.store.find([ADA]))
    assert str(caught.value) == (
        "The store `tested` refuses `GET /people?size=2&email={email}` (401). See whether the credentials are right, "
        "and what they may do."
    )


# Servers that fail


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(world):
    world.api.behave |= {"busy": 2, "after": 7}
    assert list(world.store.find([ADA]))
    assert world.clock.pauses == [7.0, 7.0]


def test_a_server_that_asks_for_too_long_is_not_waited_for(world):
    world.api.behave |= {"busy": 1, "after": 4000}
    with pytest.raises(UnreachableError, match="asks to be left alone for 4000 seconds"):
        list(world.store.find([ADA]))


def test_a_server_that_fails_is_asked_again_ever_later_and_not_for_ever(world):
    world.api.behave["fails"] = 3
    assert list(world.store.find([ADA]))
    assert world.clock.pauses == [0.5, 1.0, 2.0]
    world.api.behave["fails"] = 99
    with pytest.raises(UnreachableError, match=r"\(it last answered 503\), asked 5 times"):
        list(world.store.find([ADA]))


def test_not_more_is_asked_in_a_second_than_the_map_allows(server):
    server.behave, clock = {}, Clock()
    server.tables = {table: [dict(row) for row in rows] for table, rows in ROWS.items()}
    host = server.url.rpartition("/")[2]
    map_ = map_at(server.url, f"{{hosts: ['{host}'], sign_in: none, per_second: 4}}")
    store = opened(map_, {"find": f"{server.url}/api"}, clock.pace())
    server.asked.clear()
    list(store.find([OBRIEN]))
    assert clock.at == pytest.approx((len(server.asked) - 1) / 4)
    store.close()


@pytest.mark.parametrize("way", ["drops", "short"])
def test_an_answer_that_breaks_off_is_no_answer(world, way):
    world.api.behave[way] = True
    with pytest.raises(UnreachableError, match="does not answer `GET /people"):
        list(world.store.find([ADA]))


def test_a_server_that_hangs_is_given_up(server):
    server.behave = {"hangs": 1.5}
    host = server.url.rpartition("/")[2]
    map_ = map_at(server.url, f"{{hosts: ['{host}'], sign_in: none, seconds: 1, tries: 1}}")
    store = opened(map_, {"find": f"{server.url}/api"}, Clock().pace())
    with pytest.raises(UnreachableError, match="asked 1 times"):
        list(store.find([ADA]))
    store.close()
    server.behave = {}


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ({"not json": True}, "with something else than JSON"),
        ({"another shape": True}, "without rows where its map says they are"),
        (
            {"redirects": "http://elsewhere.example/?ada@example.org"},
            "with a redirect, which is not followed",
        ),
        ({"refuses": {"GET": 403}}, r"refuses `GET /people\?size=2&email=\{email\}` \(403\)"),
    ],
)
def test_what_an_api_says_wrong_is_said_without_a_value(world, way, said):
    world.api.behave |= way
    with pytest.raises(NotAllowedError, match=said) as caught:
        list(world.store.find([ADA]))
    assert "ada@" not in str(caught.value).lower()


def test_a_row_without_its_key_stops_everything(world):
    approved = world.store.measure([ADA], TODAY)
    before = everything(world)
    world.api.tables["notes"].append({"id": None, "person": 1, "body": "x"})
    with pytest.raises(NotAllowedError, match=r"a row of `notes` without its key"):
        world.store.act("one", [ADA], TODAY, approved)
    world.api.tables["notes"].pop()
    assert everything(world) == before


@pytest.mark.parametrize("way", ["pages for ever", "same page for ever"])
def test_pages_without_end_come_to_one(world, way):
    world.api.behave[way] = True
    with pytest.raises(NotAllowedError, match="with pages that come again, or never end"):
        world.store.scan([ADA], TODAY)
    assert len(world.api.asked) < 10


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://169.254.169.254/latest",
        "//elsewhere.example/x",
        "http://127.0.0.1:1/x",
        "file:///etc/passwd",
        "http://[",
    ],
)
def test_a_page_that_is_elsewhere_is_not_asked_for(server, elsewhere):
    server.behave = {"pages elsewhere": elsewhere}
    host = server.url.rpartition("/")[2]
    people = resource("people").replace("{cursor: next, as: after}", "{next: next_url}")
    map_ = map_at(server.url, f"{{hosts: ['{host}'], sign_in: none}}", people=people)
    server.tables = {table: [dict(row) for row in rows] for table, rows in ROWS.items()}
    store = opened(map_, {"find": f"{server.url}/api"}, Clock().pace())
    with pytest.raises(
        NotAllowedError, match=r"an address that its map does not allow|an address to ask next that is none"
    ):
        list(store.find([ADA]))
    store.close()


def test_a_host_that_the_map_does_not_name_is_not_asked(server):
    store = opened(map_at("http://api.shop.example"), {"find": f"{server.url}/api"}, Clock().pace())
    with pytest.raises(NotAllowedError, match="at a host that its map does not name"):
        list(store.find([ADA]))


def test_nobody_is_asked_unencrypted_but_this_machine():
    store = opened(map_at("http://api.shop.example"), {"find": "http://api.shop.example/x"}, Clock().pace())
    with pytest.raises(NotAllowedError, match="not encrypted"):
        list(store.find([ADA]))


@pytest.mark.parametrize("status", [404, 410, 412])
def test_a_page_that_is_gone_is_not_the_end_of_a_list(world, status):
    world.api.behave["page gone"] = status
    with pytest.raises(NotAllowedError, match=f"{status} in the midst of its pages"):
        world.store.scan([ADA], TODAY)


def test_the_page_after_the_last_may_be_none_where_pages_are_counted(server):
    server.behave = {"page gone": 404}
    host = server.url.rpartition("/")[2]
    paged = "{number: after, first: 0, step: 2}"
    tables = {table: resource(table).replace("{cursor: next, as: after}", paged) for table in COLUMNS}
    server.tables = {table: [dict(row) for row in rows[:2]] for table, rows in ROWS.items()}
    store = opened(
        map_at(server.url, f"{{hosts: ['{host}'], sign_in: none}}", **tables),
        {"find": f"{server.url}/api"},
        Clock().pace(),
    )
    assert store.scan([ADA], TODAY).bytes > 0
    server.behave = {"page gone": 410}
    with pytest.raises(NotAllowedError, match="410 in the midst"):
        store.scan([ADA], TODAY)
    store.close()


def test_values_are_put_into_a_body_once_and_no_value_fills_another_gap():
    call = {"note": "of {name}, {email} {unknown}", "id": "{id}"}
    row = {"name": "{email}{id}", "email": "{id}", "id": 7}
    assert http_call._in_body(call, row) == {"note": "of {email}{id}, {id} {unknown}", "id": 7}
    assert http_call._in_body({"name": "{name}"}, {"name": b"\xed\xa0\x80x"}) == {"name": "\ud800x"}


def test_links_in_a_header_are_followed(server):
    server.behave = {}
    host = server.url.rpartition("/")[2]
    tables = {table: resource(table).replace("{cursor: next, as: after}", "link") for table in COLUMNS}
    server.tables = {table: [dict(row) for row in rows] for table, rows in ROWS.items()}
    store = opened(
        map_at(server.url, f"{{hosts: ['{host}'], sign_in: none}}", **tables),
        {"find": f"{server.url}/api"},
        Clock().pace(),
    )
    assert len([row for row in store.find([ADA]) if row.table == "notes"]) == 2
    server.asked.clear()
    assert store.scan([ADA], TODAY).bytes > 0
    assert any(path.startswith("/api/notes?") and "after=2" in path for _, path, _ in server.asked)
    store.close()


def test_pages_are_counted_where_the_api_wants_that(server):
    server.behave = {}
    host = server.url.rpartition("/")[2]
    paged = "{number: after, first: 0, step: 2}"
    tables = {table: resource(table).replace("{cursor: next, as: after}", paged) for table in COLUMNS}
    server.tables = {table: [dict(row) for row in rows] for table, rows in ROWS.items()}
    store = opened(
        map_at(server.url, f"{{hosts: ['{host}'], sign_in: none}}", **tables),
        {"find": f"{server.url}/api"},
        Clock().pace(),
    )
    assert {row.values["id"] for row in store.find([ADA]) if row.table == "invoices"} == {1, 2}
    store.close()


# Changing


def test_a_row_that_changed_since_it_was_read_is_left_alone(world):
    approved = world.store.measure([ADA], TODAY)
    source = world.store._source
    carry_out = source.carry_out

    def meanwhile(*given):
        changes = list(given[-1])
        world.api.tables["people"][0]["name"] = "Ada King"
        return carry_out(*given[:-1], changes)

    source.carry_out = meanwhile
    with pytest.raises(PartlyDoneError, match="rows changed since they were read") as caught:
        world.store.act("one", [ADA], TODAY, approved)
    assert tally(approved) - tally(caught.value.acted) == Counter({("people", "blank"): 1})
    assert world.rows("people")[0]["name"] == "Ada King"
    assert [row["id"] for row in world.rows("notes")] == [3]


def test_a_row_that_changes_between_reading_and_writing_is_refused_by_its_mark(world):
    world.api.behave["changes meanwhile"] = ("people", "1")
    with pytest.raises(ConflictError, match="rows changed"):
        erase(world.store)
    assert world.rows("people")[0]["email"] == "ada@example.org"


def test_an_api_that_only_says_it_did_is_found_out(world):
    world.api.behave["says it did"] = True
    with pytest.raises(NotAllowedError, match="and the row is still there"):
        erase(world.store)
    assert world.store.gone([ADA], TODAY) > 0  # what leads to the rest goes last


def test_an_api_that_takes_a_while_is_given_it(world):
    world.api.behave["says it did"] = True
    notes = world.api.tables["notes"]
    pause = world.clock.pause

    def passing(seconds):
        pause(seconds)
        notes[:] = [row for row in notes if row["person"] != 1]
        world.api.behave.pop("says it did", None)

    world.clock.pause = passing
    world.store._source._pace = world.clock.pace()
    erase(world.store)
    assert world.store.gone([ADA], TODAY) == 0


FORGET = (', erase: {call: "POST /notes/{id}/forget", body: {person: "{person}"}, '
          'wait: {poll: "%s", until: {state: done}, failed: {state: [failed]}, seconds: 60, every: 5}}')  # fmt: skip


def accepting(server, poll="GET /jobs/{id}"):
    server.jobs.clear()
    notes = resource("notes").replace(', erase: "DELETE /notes/{id}"', FORGET % poll)
    return ApiWorld(server, map_at(server.url, notes=notes))


@pytest.mark.parametrize("poll", ["GET /jobs/{id}", "GET {location}"])
def test_an_erasure_that_is_only_accepted_is_waited_for(server, poll):
    world = accepting(server, poll)
    world.api.behave["slow"] = 3
    erase(world.store)
    assert [row["id"] for row in world.rows("notes")] == [3]
    assert world.clock.pauses.count(5) == 8  # two notes, each asked about four times
    world.store.close()


def test_an_erasure_that_takes_too_long_is_told_and_not_begun_anew(server):
    world = accepting(server)
    world.api.behave["slow"] = 99
    approved = world.store.measure([ADA], TODAY)
    with pytest.raises(UnreachableError, match="had not done it after 60 seconds"):
        world.store.act("one", [ADA], TODAY, approved)
    for job in server.jobs.values():
        job["left"] = 0
    world.api.behave["slow"] = 0
    world.store.act("one", [ADA], TODAY, approved)
    assert len(server.jobs) == 2  # one for each note: the key told the server that it is the same
    assert world.store.gone([ADA], TODAY) == 0
    world.store.close()


def test_an_erasure_that_fails_is_said(server):
    world = accepting(server)
    world.api.behave["job fails"] = True
    with pytest.raises(
        NotAllowedError, match=r"took `POST /notes/\{id\}/forget` on and says that it failed"
    ) as caught:
        erase(world.store)
    assert "ada@" not in str(caught.value)
    world.store.close()


ODD = ("\ud800x", 2**63, [1, "\udfff"], 1e400)


def test_odd_values_of_others_stop_nobody_and_stay_as_they_are(world):
    for number, value in enumerate(ODD):
        world.add(
            "people", {"id": 90 + number, "email": f"odd{number}@example.org", "name": value, "home": None}
        )
    world.add("visits", {"id": 90, "email": "\ud800", "seen_by": 1, "\ud801": "a column"})
    erase(world.store)
    assert world.store.gone([ADA], TODAY) == 0
    assert world.store.scan([ADA], TODAY).hits == ()
    assert world.store.catalogue().tables
    assert [row["name"] for row in world.rows("people") if row["id"] >= 90] == list(ODD)


def test_odd_values_are_given_back_as_they_were_where_a_row_is_written_whole(server):
    people = resource("people").replace(
        'update: "PATCH /people/{id}"', 'update: {call: "PUT /people/{id}", whole: true}'
    )
    world = ApiWorld(server, map_at(server.url, people=people))
    world.api.tables["people"][0] |= {"home": 2**70, "nickname": "kept"}
    erase(world.store)
    assert world.rows("people")[0] | {"id": 1} == {
        "id": 1, "email": None, "name": None, "home": 2**70, "nickname": "kept",
    }  # fmt: skip
    world.store.close()


def test_a_value_that_is_no_text_is_not_put_into_an_address():
    for value in ("\ud800", b"\xed\xa0\x80"):
        with pytest.raises(NotAllowedError, match="has something for `id` that is no text"):
            http_call.filled(Call("DELETE", "/people/{id}"), {"id": value}, "crm")


# Keeping quiet


def test_no_log_names_an_address_or_a_value(world, caplog):
    caplog.set_level(logging.DEBUG)
    world.api.behave["fails"] = 1
    erase(world.store)
    assert "ada" not in caplog.text.lower()
    assert "/people" not in caplog.text


# The map


def test_the_check_of_a_map_finds_columns_that_nobody_described_and_nothing_else(world):
    map_ = map_at(world.api.url)
    assert [str(problem) for problem in check(map_, world.store.catalogue())] == []
    world.api.tables["people"][0]["nickname"] = "A"
    assert [problem.what for problem in check(map_, world.store.catalogue())] == [
        "`people` has columns without a category: `nickname`."
    ]


def problems_of(text):
    return [problem.what for problem in read(text, "crm.yaml")[1]]


MAP = """
store: crm
kind: http
credentials: {find: env:FIND, change: env:CHANGE}
controller: main-entity
http: {hosts: [api.shop.example]}
tables:
  person:
    http: {list: GET /people, look_up: {email: "GET /people?email={email}"}, erase: "DELETE /people/{id}"}
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact}
    erase: {do: delete, by: dpo, because: a test}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("http: {hosts: [api.shop.example]}\n", "", "Nothing is said of the API"),
        ("hosts: [api.shop.example]", "hosts: [https://x]", "is no host"),
        ("hosts: [api.shop.example]", "hosts: [x.example], sign_in: oauth2", "does not say where tokens are"),
        ("hosts: [api.shop.example]", "hosts: [x.example], sign_in: header", "does not say which"),
        ("list: GET /people,", "list: people,", "A call is a method and a path"),
        ("list: GET /people,", "list: 'GET /people/{id}',", "has a gap, and all rows are asked for"),
        ("?email={email}", "?email={mail}", "has no gap `{email}`"),
        (
            'erase: "DELETE /people/{id}"',
            'erase: "DELETE /people/{no}"',
            "needs `no`, which is none of its columns",
        ),
        (', erase: "DELETE /people/{id}"', "", "no call is named that does it"),
        ("do: delete", "do: blank, set: {email: null}", "no call is named that does it"),
        ("list: GET /people,", "list: GET /people, pages: {cursor: next},", "as which parameter"),
    ],
)
def test_each_mistake_in_what_is_said_of_an_api_is_told(old, new, said):
    assert old in MAP
    assert problems_of(MAP) == []
    assert any(said in what for what in problems_of(MAP.replace(old, new, 1)))


def test_a_store_is_not_opened_with_a_map_that_says_nothing_of_the_api():
    with pytest.raises(WrongFileError):
        connect(map_of("http"), {"find": "https://api.shop.example"})


# A real application


@pytest.mark.slow
def test_a_real_application_is_searched_and_erased_as_the_page_says(tmp_path):
    """Roundup, an issue tracker: addresses found by parts, links as documents, pages, marks that must be shown."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "stores" / "http.md").read_text(encoding="utf-8")
    with roundup_server(tmp_path) as (url, post):
        host = url.rpartition("/")[2]
        text = re.search(r"~~~yaml\n(store: tracker.*?)~~~", page, re.DOTALL)[1]
        text = text.replace("https://tracker.shop.example", url).replace("tracker.shop.example", host)
        found, problems = read(text, "tracker.yaml")
        assert found is not None, problems
        people = {
            name: post(
                "user", username=name, address=f"{name}@shop.example", realname=name.title(), phone="1"
            )
            for name in ("ada", "nevada")
        }
        mine = post("issue", title="late parcel of Ada", assignedto=people["ada"])
        other = post("issue", title="late parcel of Ben", assignedto=people["nevada"])
        post("issue", title="nothing")  # a second page
        ada = [Who("ada", (("email", "ADA@shop.example"),))]
        full = url.replace("://", "://admin:admin-secret@") + "/rest/data"
        store = connect(found, {"find": full, "change": full})
        acted = store.act("one", ada, TODAY, store.measure(ada, TODAY))
        assert {(count.table, count.verb, count.rows) for count in acted.counts} == {
            ("user", "blank", 1),
            ("issue", "blank", 1),
        }
        assert store.gone(ada, TODAY) == 0
        with httpx.Client(base_url=full) as client:
            kinds = {"user": ("address", "realname", "phone"), "issue": ("title",)}
            seen = {
                (kind, one["id"]): [one[name] for name in names]
                for kind, names in kinds.items()
                for one in client.get(f"/{kind}?@fields={','.join(names)}").json()["data"]["collection"]
            }
        assert seen["user", people["ada"]] == [f"erased-{people['ada']}@shop.invalid", "erased", None]
        assert seen["user", people["nevada"]] == ["nevada@shop.example", "Nevada", "1"]
        assert (seen["issue", mine], seen["issue", other]) == (["(erased)"], ["late parcel of Ben"])
        store.close()
