"""A token for a mailbox is fetched, used until shortly before its end, and fetched anew; secrets are in no sentence."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from commanding import troth
from servers import free_port
from troth.errors import NotAllowedError, UnreachableError
from troth.outside.access_token import AccessToken, Grant


class Giving:
    """A server that gives tokens, answers as it is told, and remembers what it was asked."""

    def __init__(self):
        self.asked, self.status, self.answer = [], 200, None
        outer = self

        class Asked(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.asked.append({name: value[0] for name, value in parse_qs(body).items()})
                given = outer.answer
                if given is None:
                    given = json.dumps({"access_token": f"t{len(outer.asked)}", "expires_in": 3600})
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(given)))
                self.end_headers()
                self.wfile.write(given.encode())

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", free_port()), Asked)
        self.url = f"http://127.0.0.1:{self.server.server_port}/token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def giving():
    found = Giving()
    yield found
    found.server.shutdown()
    found.server.server_close()


class Ticking:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_program_gets_a_token_by_its_own_credentials_and_uses_it_to_a_minute_before_its_end(giving):
    clock = Ticking()
    token = AccessToken(Grant(giving.url, "troth", lambda: "canary-secret", scope="mail"), clock)
    assert [token(), token()] == ["t1", "t1"]
    assert giving.asked == [
        {"grant_type": "client_credentials", "client_id": "troth", "client_secret": "canary-secret", "scope": "mail"}
    ]  # fmt: skip
    clock.now = 3600 - 59
    assert token() == "t2"
    assert "canary" not in repr(token)


def test_a_refresh_token_is_used_and_what_replaces_it_after(giving):
    clock = Ticking()
    token = AccessToken(Grant(giving.url, "troth", refresh_token=lambda: "r1"), clock)
    giving.answer = json.dumps({"access_token": "a", "refresh_token": "r2"})
    assert token() == "a"
    clock.now = 299.0  # it did not say when it ends
    token()
    assert [one["refresh_token"] for one in giving.asked] == ["r1", "r2"]
    token.forget()
    token()
    assert len(giving.asked) == 3


@pytest.mark.parametrize(
    ("status", "answer", "sentence"),
    [
        (400, '{"error": "invalid_grant", "error_description": "canary"}', "said invalid_grant"),
        (401, '{"error": "canary! <b>"}', "said 401"),
        (200, "[]", "said 200"),
        (200, '{"access_token": "a\\r\\nX: y"}', "said 200"),
        (500, "", "said 500"),
    ],
)
def test_where_none_is_given_a_sentence_says_so_without_a_secret(giving, status, answer, sentence):
    giving.status, giving.answer = status, answer
    with pytest.raises(UnreachableError, match=sentence) as told:
        AccessToken(Grant(giving.url, "troth", lambda: "canary"))()
    assert "canary" not in str(told.value)


def test_a_server_that_is_away_or_not_encrypted_is_a_sentence():
    with pytest.raises(UnreachableError, match="did not answer"):
        AccessToken(Grant(f"http://127.0.0.1:{free_port()}/t", "troth", lambda: "s"))()
    with pytest.raises(NotAllowedError, match="https://"):
        AccessToken(Grant("http://mail.example/t", "troth", lambda: "s"))()


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ('inbox_login = "oauth2"\ninbox_token_url = "https://x.example/t"\n', "needs inbox_client"),
        ('inbox_token_url = "https://x.example/t"\ninbox_secret = "env:HOME"\n', "goes with inbox_login"),
        ('inbox_login = "oauth2"\ninbox_secret = "a-token"\n', "inbox_secret is a reference"),
        (
            'inbox_login = "oauth2"\ninbox_token_url = "https://x.example/t"\ninbox_client = "c"\n'
            'inbox_client_secret = "plain"\n',
            "inbox_client_secret is a reference",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_told(folder, lines, sentence):
    settings = folder / "troth.toml"
    inbox = f'[mail]\ninbox = "imaps://privacy@mail.example/INBOX"\n{lines}'
    settings.write_text(settings.read_text().replace("[mail]\n", inbox, 1))
    said = troth(folder, "mail", "fetch")
    assert said.code == 2
    assert sentence in said.err
    assert "Traceback" not in said.err
