"""Canary values are planted everywhere in a real run, and nothing but letters and answers to the person has one.

They stand in every column of a store, in forms, headers, paths, names of files, odd encodings
and the words of the database's own errors.  Then every map, log, report, error, event and
database file is searched for them, in every form that bytes can take.
"""

import base64
import contextlib
import email
import http.client
import json
import re
import sqlite3
import unicodedata
import urllib.parse
from contextlib import closing

import psycopg
import pymysql
import pytest

import story
from commanding import troth as called
from servers import free_port
from serving import serving, settle
from shop_project import opened
from troth.ledger import read, seal
from troth.rules.event import encode
from troth.stores.contract import Entry, Row, Who
from troth.wiring import now
from troth.work import carry_on, decide, task

pytestmark = pytest.mark.slow

WORD, ODD, NUMBER = "kanarie", "Kanárïënvogel", "693482716"
ADDRESS = f"{WORD}1@{WORD}.example"
IBAN = f"FR76{NUMBER}0000000000000"
ROWS = f"""
INSERT INTO guest VALUES (1, '{ADDRESS}', '{WORD} {ODD}', '+33{NUMBER}', '{IBAN}', '1961-02-03', '203.0.113.77',
  {{notes}}, '{{{{"who": "{WORD}", "inner": ["{ODD}"]}}}}', {{photo}}, {NUMBER}.{NUMBER}),
  (2, 'other@example.org', 'Other', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO stay VALUES (1, 1, '{WORD} suite', 'allergic to {ODD}'), (2, 2, 'two', NULL);
INSERT INTO audit VALUES (1, 'login of {ADDRESS} from 203.0.113.77'), (2, '{urllib.parse.quote(ADDRESS)}');
"""
TABLES = """
CREATE TABLE guest (id integer PRIMARY KEY, email varchar(99), name varchar(99), phone varchar(99), iban varchar(99),
  born date, ip varchar(99), notes {notes}, doc {json}, photo {bytes}, amount {amount});
CREATE TABLE stay (id integer PRIMARY KEY, guest_id integer REFERENCES guest (id), room varchar(99) UNIQUE, note text,
  CHECK (note <> 'forbidden'));
CREATE TABLE audit (id integer PRIMARY KEY, line text);
"""
PHOTO = WORD.encode("utf-16-le").hex()
SQLITE = {"notes": "text", "json": "json", "bytes": "blob", "amount": "numeric"}
POSTGRESQL = {"notes": "text", "json": "jsonb", "bytes": "bytea", "amount": "numeric"}
MARIADB = {
    "notes": "varchar(99) CHARACTER SET latin1",
    "json": "json",
    "bytes": "blob",
    "amount": "decimal(30, 9)",
}
MAP = """
store: hotel
kind: {kind}
credentials: {find: "env:HOTEL_URL", change: "env:HOTEL_URL"}
controller: main-entity
backups_expire: 35 days
tables:
  guest:
    subject:
      key: id
      identifiers: {email: {kind: email, one_person: true}, phone: {kind: phone, one_person: true}}
    columns: {id: key, email: contact, name: identity, phone: contact, iban: financial, born: identity, ip: usage,
              notes: free_text, doc: free_text, photo: identity, amount: financial}
    erase: {do: delete, by: dpo, because: no longer needed}
  stay:
    belongs_to: [{guest_id: guest.id}]
    columns: {id: key, guest_id: link, room: usage, note: free_text}
    erase: {do: delete, by: dpo, because: no longer needed}
  audit: {impersonal: what the desk did}
"""


def forms():
    """Every form in which a canary may stand in bytes, folded to lower case."""
    found = set()
    for word in (WORD, ODD, NUMBER):
        for text in {word, unicodedata.normalize("NFD", word)}:
            for encoding in ("utf-8", "utf-16-le", "utf-16-be", "latin-1"):
                with contextlib.suppress(UnicodeEncodeError):
                    data = text.encode(encoding)
                    found |= {data.lower(), data.hex().encode()}
                    for cut in range(3):  # base64 of the word wherever it begins
                        whole = base64.b64encode(b"\0" * cut + data)
                        found.add(whole[-(-cut * 8 // 6) : (cut + len(data)) * 8 // 6])
            found.add(urllib.parse.quote(text).lower().encode())
            found.add(json.dumps(text).strip('"').lower().encode())
            found.add(text.encode("ascii", "xmlcharrefreplace").lower())
            found.add("".join(f"={b:02x}" if b > 126 else chr(b) for b in text.encode()).encode())
    return {form for form in found if len(form) >= 7}


FORMS = forms()
FOUND = re.compile(b"|".join(re.escape(form) for form in sorted(FORMS)), re.IGNORECASE)


def canaries(data):
    """The canaries in some bytes, with a little of what stands around them."""
    data = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
    return [data[max(0, one.start() - 30) : one.end() + 30] for one in FOUND.finditer(data)]


class Hotel:
    """A hotel's database of one kind, with a trigger that can be set and would say a canary in its error."""

    def __init__(self, folder, kind, url, run):
        self.folder, self.kind, self.url, self.run = folder, kind, url, run
        self.map = MAP.replace("{kind}", kind)
        self.write(self.map)

    def write(self, map_):
        (self.folder / "stores" / "hotel.yaml").write_text(map_)

    @contextlib.contextmanager
    def watched(self, table):
        """Let the database refuse what is deleted there, in words of its own."""
        said = f"no, not {WORD} {ODD}"
        match self.kind:
            case "sqlite":
                self.run(
                    f"CREATE TRIGGER watch BEFORE DELETE ON {table} BEGIN SELECT raise(ABORT, '{said}'); END"
                )
            case "mariadb":
                self.run(
                    f"CREATE TRIGGER watch BEFORE DELETE ON {table} FOR EACH ROW "
                    f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{said}'"
                )
            case _:
                self.run(
                    "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                    f"$$BEGIN RAISE EXCEPTION '{said}' USING DETAIL = OLD::text, HINT = '{said}'; END$$"
                )
                self.run(
                    f"CREATE TRIGGER watch BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
                )
        yield
        self.run("DROP TRIGGER watch" + (f" ON {table}" if self.kind == "postgresql" else ""))


def run_in_sqlite(folder):
    def run(statement):
        with closing(sqlite3.connect(folder / "hotel.db")) as connection, connection:
            connection.execute(statement)

    return f"sqlite:///{folder}/hotel.db", run


def run_in_postgresql(url):
    def run(statement):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)

    return url, run


def run_in_mariadb(url):
    port, name = url.rsplit(":", 1)[1].split("/")

    def run(statement):
        with pymysql.connect(
            host="127.0.0.1", port=int(port), user="root", database=name, autocommit=True, charset="utf8mb4"
        ) as connection:
            connection.cursor().execute(statement)

    return url, run


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
def hotel(request, folder, monkeypatch):
    latin = ODD.encode("latin-1").hex()
    match request.param:
        case "sqlite":
            (url, run), types, notes, photo = (
                run_in_sqlite(folder), SQLITE, f"CAST(x'{latin}' AS text)", f"x'{PHOTO}'"
            )  # fmt: skip
        case "postgresql":
            opened_ = run_in_postgresql(request.getfixturevalue("postgresql"))
            (url, run), types, notes, photo = (
                opened_, POSTGRESQL, f"convert_from('\\x{latin}', 'latin1')", f"'\\x{PHOTO}'"
            )  # fmt: skip
        case _:
            opened_ = run_in_mariadb(request.getfixturevalue("mariadb"))
            (url, run), types, notes, photo = opened_, MARIADB, f"'{ODD}'", f"x'{PHOTO}'"
    for statement in (TABLES.format(**types) + ROWS.format(notes=notes, photo=photo)).split(";\n"):
        if statement.strip():
            run(statement)
    monkeypatch.setenv("HOTEL_URL", url)
    (folder / "stores" / "desk.yaml").write_text(
        "store: desk\nkind: manual\nwhat: the paper of the desk\nowner: {name: Jo, email: jo@company.example}\n"
    )
    return Hotel(folder, request.param, url, run)


def test_the_net_catches_what_it_is_for():
    for caught in (
        WORD.upper(),
        f"x{ODD}y",
        base64.b64encode(f"ab{WORD}1@{WORD}".encode()),
        f"'{ADDRESS}'".encode("utf-16-le"),
        json.dumps({"a": ODD}),
        urllib.parse.quote(ODD),
        f"33{NUMBER}",
    ):
        assert canaries(caught), caught
    assert not canaries("an ordinary sentence about a shop, 2026-11-23 and 1234567890")


class Heard:
    """What commands said, each with the words it was called by."""

    def __init__(self, folder):
        self.folder, self.said = folder, []

    def __call__(self, *words, files=()):
        said = called(self.folder, *words)
        self.said.append((" ".join(map(str, words)), said.out + said.err))
        for file in files:
            self.said.append((str(file), (self.folder / file).read_bytes()))
        return said

    def leaks(self):
        return {words: found[:3] for words, said in self.said if (found := canaries(said))}


def given_back(words):
    """The words a command was called with, which its error may repeat."""
    return any(canaries(str(word)) for word in words)


def test_no_command_prints_a_canary(hotel):
    folder = hotel.folder
    say = Heard(folder)
    who = ("--email", ADDRESS, "--identifier", f"phone=+33{NUMBER}")
    say(
        "map",
        "env:HOTEL_URL",
        "--name",
        "draft",
        "-o",
        folder / "draft.yaml",
        files=["draft.yaml"],
    )
    say("map", "env:HOTEL_URL", "--name", "draft", "--json")
    say("map", "--check", "--json")
    say("map", "--check")
    say("map", "--explain", "stay", "hotel")
    say("map", "--picture", "hotel", "-o", folder / "hotel.svg", files=["hotel.svg"])
    say("find", "hotel", *who)
    say("find", "hotel", *who, "--json")
    plan = json.loads(say("plan", "hotel", *who, "--json").out)
    say("plan", "hotel", *who)
    say("act", "hotel", *who, "--approve", "00000000", "--yes")
    with hotel.watched("guest"):
        assert say("plan", "hotel", *who).code == 2
    blanked = hotel.map.replace(
        "{do: delete, by: dpo, because: no longer needed}\n  audit",
        "{do: blank, set: {note: forbidden, room: two}, by: dpo, because: x}\n  audit",
    )
    assert blanked != hotel.map
    hotel.write(blanked)
    assert say("plan", "hotel", *who).code == 2  # a CHECK and a UNIQUE refuse it
    hotel.write(hotel.map)
    say("act", "hotel", *who, "--approve", plan["plan_sha256"], "--yes", "--json")
    for form in ("text", "json", "sarif"):
        say("check", folder / "policy.md", "--format", form)
        say("map", "--check", "--policy", folder / "policy.md", "--format", form)
    assert len(say.said) > 15
    assert say.leaks() == {}


def post(url, path, fields, headers=(), multipart=False):
    host = urllib.parse.urlparse(url).netloc
    connection = http.client.HTTPConnection(host, timeout=20)
    kind, body = "application/x-www-form-urlencoded", urllib.parse.urlencode(fields, doseq=True).encode()
    if multipart:
        kind = "multipart/form-data; boundary=b"
        body = (
            "".join(
                f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{WORD}.exe"\r\n\r\n{value}\r\n'
                for name, value in fields.items()
            ).encode()
            + b"--b--\r\n"
        )
    connection.putrequest("POST", path)
    for name, value in {"Content-Type": kind, "Content-Length": len(body), **dict(headers)}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    told = answer.status, answer.getheader("Location") or "", answer.read()
    connection.close()
    return told


def test_a_served_run_leaves_no_canary_outside_letters_and_answers(hotel):
    folder = hotel.folder
    settle(folder, port := free_port(), mail_to=f"smtp://127.0.0.1:{free_port()}")  # nobody takes its mail
    odd = ODD.encode("utf-8").decode("latin-1")
    headers = {
        "User-Agent": f"{WORD}/1 {odd}",
        "Referer": f"http://127.0.0.1:{port}/{WORD}",
        "Cookie": f"{WORD}={WORD}; session={WORD}",
        "Accept-Language": f"{WORD};q=0.9,fr",
        "X-Forwarded-For": "203.0.113.77",
        f"X-{WORD}": WORD,
    }
    with serving(folder, port=port) as server:
        fields = {
            "right": ["access", "erase"],
            "email": ADDRESS,
            "name": f"{WORD} {ODD}",
            "wording": f"Ich bin {WORD}\u2028 {ODD} \0 {{{{ {WORD} }}}} +33{NUMBER}",
            "once": f"once-{WORD}-00000000001",
            WORD: WORD,
        }
        status, where, _ = post(server.url, "/asked", fields, headers)
        assert status == 303
        page = where.partition("?")[0]
        for path in (
            f"/{WORD}?{WORD}={urllib.parse.quote(ODD)}",
            f"/follow/{WORD}",
            f"{page}/{WORD}",
            f"/notice/{WORD}",
            "/asked",
        ):
            post(server.url, path, fields, headers)
        post(server.url, "/asked", {**fields, "email": f"{WORD} no address"}, headers)
        post(server.url, "/asked", {**fields, "right": WORD}, headers)
        post(server.url, "/asked", {"email": ADDRESS, "file": ODD}, headers, multipart=True)
        post(server.url, f"{page}/prove", {"code": WORD}, headers)
        post(server.url, f"{page}/code", {WORD: WORD}, headers)
    log = server.log.read_bytes()
    assert canaries(log) == []

    def at(*words):
        return say("request", *words)

    say = Heard(folder)
    number = "2026-0001" if now().year == 2026 else f"{now().year}-0001"
    project = opened(folder, now)
    assert story.state(project, number)["claims"].keys() == {"c1", "c2"}
    carry_on.one_round(project)
    settle(folder, port)  # letters go to a folder now
    project.close()
    project.ledger.close()
    for command in ("list", "due", "show", "timeline"):
        at(command, *([] if command in ("list", "due") else [number]))
        at(command, *([] if command in ("list", "due") else [number]), "--json")
    project = opened(folder, now)
    decide.decide(project, number, "c1", "grant", "marie")
    carry_on.carry_on(project, number)
    files = [task.Upload(f"{WORD} {ODD}.txt", f"{WORD} {ODD}".encode())]
    task.answer(
        project, task.by_id(project, f"{number}.c1.desk"), "done", f"Jo {WORD}", note=ODD, files=files
    )
    story.grant_access(project, number)
    story.grant_erasure(project, number, "c2")
    with hotel.watched("stay"):
        at("fulfil", number, "--yes")
    at("plan", number, "-c", "c2", "--staff", "marie")
    at("plan", number, "-c", "c2", "--staff", "marie", "--json")
    sha = story.state(project, number)["claims"]["c2"]["plan"]["sha256"]
    at("approve", number, "-c", "c2", sha, "--staff", "paul")
    at("fulfil", number, "--yes")
    say("task", "list")
    say("task", "show", f"{number}.c2.desk", "--json")
    assert say("task", "not-found", f"{number}.c2.desk", "--by", f"Jo {WORD}", "--staff", "dana").code == 0
    at("fulfil", number, "--yes")
    at("residue", number, "-c", "c2")
    at("residue", number, "-c", "c2", "--accept", "the desk keeps it", "--staff", "marie")
    at("fulfil", number, "--yes")
    at("answer", number)
    at("show", number)
    at("timeline", number)
    at("timeline", number, "--json")
    say("replay", "hotel", "--taken-at", "2026-01-01", "--json")
    say("replay", "hotel", "--taken-at", "2026-01-01")
    for form in ("text", "json", "html"):
        say("audit", "--format", form)
    say("ledger", "verify", "--json")
    say("ledger", "destroyed")
    say("ledger", "settle")
    say("ledger", "export", folder / "ledger.jsonl", files=["ledger.jsonl"])
    say("worker", "--once")
    assert story.state(project, number)["claims"]["c2"]["stores"]["hotel"]["step"]
    assert say.leaks() == {}

    seal.seal_all(project.ledger)
    assert [event.kind for event in read.events(project.ledger) if canaries(encode(event))] == []
    project.close()
    project.ledger.close()
    files = [
        file
        for file in folder.rglob("*")
        if file.is_file() and file.suffix != ".eml" and file.name not in ("hotel.db", "hotel.db-journal")
    ]
    assert {"ledger.db", "keys.db"} <= {file.name for file in files}
    assert {file.name: found[:2] for file in files if (found := canaries(file.read_bytes()))} == {}
    others, letters = [], 0
    for file in (folder / ".troth" / "outbox").glob("*.eml"):
        message = email.message_from_bytes(file.read_bytes())
        letters += 1
        if message["To"] != ADDRESS:
            whole = file.read_bytes() + b"".join(
                part.get_payload(decode=True) or b"" for part in message.walk()
            )
            named = b"Who: " + ADDRESS.encode()  # a recipient must know whose data; by the address alone
            others += canaries(whole.replace(named, b""))
    assert letters >= 2
    assert others == []


def test_values_show_in_no_repr():
    held = [
        Who("s1", (("email", ADDRESS),)),
        Row("s1", "guest", {"email": ADDRESS}),
        Entry("guest", (WORD,), (WORD,), (("email", ADDRESS),)),
    ]
    assert canaries(repr(held)) == []
