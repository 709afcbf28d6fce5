"""An HTTP API of our own for tests: tables as resources, and every way to misbehave, asked for by name."""

import json
import os
import signal
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


class Api:
    """The tables, what was asked, and how the server is to behave."""

    def __init__(self):
        self.tables = {}
        self.asked = []  # (method, path without values, headers)
        self.behave = {}  # a word -> what it needs
        self.jobs = {}
        self.tokens = 0
        self.seen = Counter()
        self.url = ""

    def methods(self):
        return [method for method, *_ in self.asked]


def _same(one, other):
    return str(one).strip().lower() == str(other).strip().lower()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_):
        pass

    def answer(self, status, said=None, headers=()):
        body = b"" if said is None else said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def handle_any(self):
        api = self.server.api
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        api.asked.append((self.command, self.path, dict(self.headers)))
        api.seen[self.command, self.path] += 1
        if parts.path == "/oauth/token":
            return self.token(api, raw)
        if not self.signed(api):
            return self.answer(401, {"error": "who are you"})
        if self.misbehaves(api):
            return None
        table, _, key = parts.path.removeprefix("/api/").partition("/")
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if table == "jobs":
            return self.job(api, key)
        if table not in api.tables:
            return self.answer(404, {"error": "no such thing"})
        return self.rows(api, table, unquote(key), query, json.loads(raw) if raw else None)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any

    def signed(self, api):
        wanted = api.behave.get("wants")
        return wanted is None or self.headers.get(wanted[0]) == wanted[1]

    def token(self, api, raw):
        api.tokens += 1
        form = {name: values[-1] for name, values in parse_qs(raw.decode()).items()}
        ok = form.get("grant_type") == "client_credentials" and self.headers["Authorization"].startswith(
            "Basic "
        )
        api.behave["wants"] = ("Authorization", f"Bearer token-{api.tokens}")
        said = {"access_token": f"token-{api.tokens}", "expires_in": 3600, "scope": form.get("scope")}
        return self.answer(200 if ok else 400, said if ok else {"error": "invalid_client"})

    def misbehaves(self, api):
        """Do what is asked of a bad server; True where nothing is left to be done."""
        ways, method = api.behave, self.command
        if ways.get("busy"):
            ways["busy"] -= 1
            self.answer(429, {"error": "slow down"}, [("Retry-After", str(ways.get("after", 1)))])
        elif ways.get("fails"):
            ways["fails"] -= 1
            self.answer(503, b"<html>ada@example.org cannot be served</html>")
        elif "down after" in ways and method != "GET":
            ways["down after"] -= 1
            if ways["down after"] >= 0:
                return False
            self.answer(500, {"error": "down"})
        elif ways.get("hangs"):
            time.sleep(ways["hangs"])
            self.close_connection = True
        elif ways.get("drops"):
            self.close_connection = True
        elif ways.get("short"):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"rows": [')
            self.close_connection = True
        elif ways.get("redirects"):
            self.answer(302, None, [("Location", ways["redirects"])])
        elif ways.get("not json"):
            self.answer(200, b"<html>hello ada@example.org</html>")
        elif ways.get("another shape"):
            self.answer(200, {"rows": ["ada@example.org"]})
        elif ways.get("refuses") and method in ways["refuses"]:
            self.answer(ways["refuses"][method], {"error": "ada@example.org may not"})
        else:
            return False
        return True

    def rows(self, api, table, key, query, body):
        rows, ways = api.tables[table], api.behave
        if not key and self.command == "GET":
            start, size = int(query.pop("after", "0").replace("again", "0")), int(query.pop("size", 2))
            if ways.get(
                "pattern happy"
            ):  # finds whatever contains what is asked for, and everything for a star
                found = [
                    row
                    for row in rows
                    if all(v in ("*", "%") or v.lower() in str(row.get(n)).lower() for n, v in query.items())
                ]
            elif ways.get("gives everybody"):
                found = rows
            else:
                found = [
                    row for row in rows if all(_same(row.get(name), value) for name, value in query.items())
                ]
            if ways.get("pages for ever"):
                return self.answer(200, {"rows": found[:size], "next": start + size})
            if ways.get("same page for ever"):
                return self.answer(200, {"rows": found[:size], "next": "again"})
            if ways.get("pages elsewhere"):
                return self.answer(200, {"rows": found[:size], "next_url": ways["pages elsewhere"]})
            if start and ways.get("page gone"):
                return self.answer(ways["page gone"], {"error": "this cursor is too old"})
            page, more = found[start : start + size], start + size < len(found)
            address = f"/api/{table}?{'&'.join(f'{n}={v}' for n, v in query.items())}&after={start + size}&size={size}"
            headers = [("Link", f'</first>; rel="first", <{address}>; rel="next"')] if more else []
            return self.answer(200, {"rows": page, "next": start + size if more else None}, headers)
        row = next((row for row in rows if str(row["id"]) == key.partition("/")[0]), None)
        if row is None:
            return self.answer(404, {"error": "gone"})
        mark = f'"{hash(json.dumps(row, sort_keys=True)) & 0xFFFFFF:x}"'
        if self.command == "GET":
            said = {**row}
            if ways.get("changes meanwhile") == (table, key):
                row["name"] = "Ada King"  # after it was read, before it is written
            return self.answer(200, {"rows": said}, [("ETag", mark)])
        if self.headers.get("If-Match") not in (None, mark):
            return self.answer(412, {"error": "changed"})
        if key.endswith("/forget"):
            number = str(len(api.jobs) + 1)
            job = api.jobs.setdefault(
                self.headers.get("Idempotency-Key") or number,
                {"id": number, "left": ways.get("slow", 0), "row": row, "table": table},
            )
            return self.answer(
                202, {"id": job["id"], "state": "waiting"}, [("Location", f"/api/jobs/{job['id']}")]
            )
        if self.command == "DELETE":
            if not ways.get("says it did"):
                rows.remove(row)
            self.kill(ways)
            return self.answer(204)
        row.update(body)
        self.kill(ways)
        return self.answer(200, row)

    def kill(self, ways):
        """Kill whoever asked, once so many changes are made and before the last is answered."""
        if "kills after" in ways:
            ways["kills after"] -= 1
            if not ways["kills after"]:
                os.kill(int(ways["victim"].read_text()), signal.SIGKILL)

    def job(self, api, number):
        job = next(job for job in api.jobs.values() if job["id"] == number)
        job["left"] -= 1
        if api.behave.get("job fails"):
            return self.answer(200, {"id": number, "state": "failed", "why": "ada@example.org is needed"})
        if job["left"] >= 0:
            return self.answer(200, {"id": number, "state": "waiting"})
        if job["row"] in api.tables[job["table"]]:
            api.tables[job["table"]].remove(job["row"])
        return self.answer(200, {"id": number, "state": "done"})


@contextmanager
def api_server():
    """Serve an API on a free loopback port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.api = Api()
    server.api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.api
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
