"""A real OpenID provider, Canaille, run in a process of its own on a free loopback port, with people in it.

As a script it serves; `identity_provider` starts it, and `pass_through` signs somebody in there as a browser would.
"""

import json
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

PASSWORD = "a long word of theirs"
CLIENT, SECRET = "troth", "the secret of the console, kept elsewhere"
PEOPLE = {"anne": ("Anne Durand", "anne@staff.example"), "bob": ("Bob Example", "bob@elsewhere.example")}


@dataclass(frozen=True)
class Provider:
    """Where it is."""

    issuer: str


@contextmanager
def identity_provider(redirect_uri, groups=None, client=CLIENT):
    """Run the provider for a console that is sent back to `redirect_uri`; `groups` are members by name."""
    from servers import free_port

    port = free_port()
    told = {"port": port, "redirect_uri": redirect_uri, "groups": groups or {}, "client": client}
    with subprocess.Popen(
        [sys.executable, __file__, json.dumps(told)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as server:
        try:
            issuer = f"http://127.0.0.1:{port}"
            for _ in range(300):
                assert server.poll() is None, server.stderr.read()[-2000:]
                try:
                    httpx.get(f"{issuer}/.well-known/openid-configuration").raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.1)
            else:
                raise AssertionError("The provider does not answer.")
            yield Provider(issuer)
        finally:
            server.terminate()
            server.wait(timeout=20)


def pass_through(address, handle):
    """Follow an authorisation address as a browser does, sign in there, and return where it leads back to."""
    with httpx.Client(follow_redirects=True, timeout=20) as browser:
        provider = httpx.URL(address).netloc
        answer = _until_elsewhere(browser, browser.build_request("GET", address), provider)
        for _ in range(6):
            if isinstance(answer, str):
                return answer
            form = dict(re.findall(r'name="([^"]+)"[^>]*?value="([^"]*)"', answer.text))
            named = set(re.findall(r'<(?:input|button)[^>]*?name="([^"]+)"', answer.text))
            if "password" in named:
                form["password"] = PASSWORD
            if "login" in named:
                form["login"] = handle
            if "answer" in named:
                form["answer"] = "accept"
            sent = browser.build_request("POST", answer.url, data=form)
            answer = _until_elsewhere(browser, sent, provider)
    raise AssertionError(answer.text[:2000])


def _until_elsewhere(browser, request, provider):
    answer = browser.send(request, follow_redirects=False)
    while answer.is_redirect:
        onward = answer.next_request
        if onward.url.netloc != provider:
            return str(onward.url)
        answer = browser.send(onward, follow_redirects=False)
    return answer


def _serve(told):
    import datetime

    from canaille import create_app
    from canaille.app import models
    from canaille.backends import Backend
    from werkzeug.serving import make_server

    app = create_app(
        {
            "SECRET_KEY": "only for this test", "SERVER_NAME": f"127.0.0.1:{told['port']}",
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False, "HTMX": False, "ENABLE_INTRUDER_LOCKOUT": False},
            "CANAILLE_OIDC": {"DYNAMIC_CLIENT_REGISTRATION_OPEN": False},
        }
    )  # fmt: skip
    with app.app_context(), Backend.instance.session():
        people = {}
        for handle, (name, email) in PEOPLE.items():
            people[handle] = models.User(
                user_name=handle, formatted_name=name, family_name=name.split()[-1], emails=[email], password=PASSWORD
            )  # fmt: skip
            Backend.instance.save(people[handle])
        for name, members in told["groups"].items():
            Backend.instance.save(models.Group(display_name=name, members=[people[one] for one in members]))
        client = models.Client(
            client_id=told["client"], client_secret=SECRET, client_name="Troth",
            client_id_issued_at=datetime.datetime.now(datetime.UTC), client_uri="http://127.0.0.1/",
            redirect_uris=[told["redirect_uri"]], grant_types=["authorization_code"], response_types=["code"],
            scope=["openid", "profile", "email", "groups"], token_endpoint_auth_method="client_secret_basic",
            post_logout_redirect_uris=[told["redirect_uri"].rpartition("/sign-in/")[0] + "/sign-in"],
        )  # fmt: skip
        Backend.instance.save(client)
        client.audience = [client]  # what its id tokens are for
        Backend.instance.save(client)
    make_server("127.0.0.1", told["port"], app, threaded=True).serve_forever()


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]))
