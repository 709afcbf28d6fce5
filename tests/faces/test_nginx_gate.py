"""The gate in a real nginx does to each header what the gate in Python does."""

import http.client
import json
import os
import shutil
import subprocess
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from rules.test_cookie import TABLE
from servers import free_port
from troth.faces.middleware.nginx import nginx_module
from troth.rules.cookie import accept, write_choice
from troth.rules.set_cookie import Gate, brought, filtered

pytestmark = pytest.mark.slow

MODULE = Path("/usr/lib/nginx/modules/ngx_http_js_module.so")
CONFIG = """
load_module {module};
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log warn;
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    js_path {folder}; js_import gate from gate.js;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            set $troth_gate enforce;
            js_header_filter gate.filter;
            proxy_pass http://127.0.0.1:{behind};
            proxy_set_header Host $http_host;
        }}
        location /report {{
            set $troth_gate report;
            js_header_filter gate.filter;
            proxy_pass http://127.0.0.1:{behind};
        }}
    }}
}}
"""
SET = [
    "session=1; Path=/; HttpOnly; SameSite=Lax",
    "_ga_exact=GS1.1; Max-Age=63072000; Secure; Partitioned; Priority=High",
    "_ga_1=1; max-age = 60; Path=/",
    "_ga_2=2; Expires=Fri, 31 Dec 2099 23:59:59 GMT",
    "_ga_3=3; expires=Thursday, 01-Jan-1970 00:00:00 GMT",
    '_ga_4={"a": 1, "b": "x; y"}; Max-Age=1; Max-Age=99999999999',
    "session=2; Max-Age=60",
    "_ga_old=1; Max-Age=60",
    "ads=1",
    "unknown=1; Max-Age=5",
    "_ga_5",
]


class Behind(BaseHTTPRequestHandler):
    """An application that sets what it sets, whoever asks."""

    def do_GET(self):
        self.send_response(200)
        for one in SET:
            self.send_header("Set-Cookie", one)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not MODULE.exists():
        pytest.skip("There is no nginx with njs here; as root, `make setup` installs it.")
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    if os.geteuid() == 0:
        folder.chmod(0o755)
    behind = HTTPServer(("127.0.0.1", 0), Behind)
    threading.Thread(target=behind.serve_forever, daemon=True).start()
    (folder / "gate.js").write_text(nginx_module(TABLE))
    (folder / "nginx.conf").write_text(
        CONFIG.format(module=MODULE, folder=folder, port=port, behind=behind.server_port)
    )
    command = [program, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        for _ in range(400):
            try:
                fetched(port, "")
                break
            except OSError:
                assert process.poll() is None, (folder / "error.log").read_text()
                time.sleep(0.02)
        yield port, folder / "error.log"
    finally:
        process.terminate()
        process.wait(timeout=20)
        behind.shutdown()
        behind.server_close()


def fetched(port, cookies, path="/", host="www.shop.example"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={"Host": host, "Cookie": cookies} if cookies else {"Host": host})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return [value for name, value in answer.getheaders() if name == "Set-Cookie"]


def choices():
    now = int(time.time())
    yes = accept(TABLE, frozenset({"analytics"}), now - 86_400, None, "proof1")
    changed = accept(TABLE, frozenset({"analytics"}), now, None, "proof1")
    return {
        "none": "",
        "yes": f"troth_choice={write_choice(yes)}",
        "no": f"troth_choice={write_choice(accept(TABLE, frozenset(), now, None, ''))}",
        "old": f"troth_choice={write_choice(accept(TABLE, frozenset({'marketing'}), now - 86_400 * 400, None, 'p'))}",
        "changed": f"troth_choice={write_choice(changed)}".replace(sorted(changed.imprints)[0], "00000"),
        "unsent": f"troth_choice={write_choice(replace(yes, unsent=True))}.a.proof1",
        "nonsense": "troth_choice=1.zz",
    }


@pytest.mark.parametrize("name", choices())
@pytest.mark.parametrize("host", ["www.shop.example", "127.0.0.1:80"])
def test_it_answers_as_the_gate_in_python_does(nginx, name, host):
    port, _ = nginx
    cookies = "; ".join(one for one in (choices()[name], "_ga_old=1; _ga_2=x; ads=9; other=1") if one)
    raws = [one.encode() for one in SET]
    for _ in range(5):  # a second may pass between the two clocks
        now = int(time.time())
        ours = filtered(
            Gate(TABLE), raws, brought([cookies.encode()]), now, host=host, secure=False
        ).set_cookies
        theirs = fetched(port, cookies, host=host)
        if int(time.time()) == now:
            break
    assert theirs == [one.decode() for one in ours]


def test_it_reports_first_by_name_and_never_by_value(nginx):
    port, log = nginx
    assert fetched(port, "", "/report") == SET
    said = [line for line in log.read_text().splitlines() if "troth gate" in line]
    assert "_ga_1: dropped (not_asked)" in said[-1]
    assert "GS1.1" not in said[-1]


def test_the_table_stands_in_the_module_as_data():
    written = nginx_module(TABLE, drop_unknown=True)
    told = json.loads(written.split("var table = ", 1)[1].split(";\n", 1)[0])
    assert [line["name"] for line in told["lines"]] == ["session", "_ga_exact", "ads", "_ga*"]
    assert told["drop"] is True
