"""The shops of the documentation run as they stand there: against a real server, told by real webhooks."""

import hashlib
import importlib
import os
import sys
import threading
import time
import urllib.request
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from servers import free_port
from serving import serving, settle
from shop_project import make, opened
from troth.rules.consent_form import Form
from troth.wiring import now
from troth.work import declare_refusals, record_form

pytestmark = pytest.mark.slow

SHOPS = Path(__file__).resolve().parents[2] / "examples" / "sending"
KEY, SECRET = "shop-" + "k" * 40, "whsec_" + "c2VjcmV0" * 6
FORM = hashlib.sha256(b"the form").hexdigest()


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def shop():
    """The Django shop, as a program imports it, with its mails kept in memory."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "django_shop", "TROTH_KEY": KEY, "TROTH_HOOK_SECRET": SECRET, "TROTH_FORM": FORM,
        "EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend",
    }  # fmt: skip
    sys.path.insert(0, str(SHOPS))
    import django

    module = importlib.import_module("django_shop")
    django.setup()
    yield module
    sys.path.remove(str(SHOPS))


@pytest.fixture(scope="module")
def hooks(shop):
    """The address of the shop's hook, served."""
    from django.core.wsgi import get_wsgi_application

    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hooks/privacy"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory, hooks):
    folder = tmp_path_factory.mktemp("shop")
    make(folder)
    port = free_port()
    settle(folder, port)
    with (folder / "troth.toml").open("a") as file:
        file.write(
            '\n[api.shop]\nsecret = "env:TROTH_KEY"\nscope = ["choices", "may", "messages", "preferences"]\n'
        )
        file.write(
            f'\n[webhook.shop]\nurl = "{hooks}"\nsecret = "env:TROTH_HOOK_SECRET"\nidentifiers = true\n'
        )
    project = opened(folder, now)
    record_form.record_form(project, Form("sign-up", "en", FORM, {"newsletter": FORM}))
    declare_refusals.declare_refusals(project, "main-entity", "email", staff="marie")
    project.ledger.close()
    with serving(folder, port=port) as running:
        os.environ["TROTH_URL"] = running.url
        yield running


def until(what):
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end, "It did not happen within 20 seconds."
        time.sleep(0.05)


def test_the_shop_in_django_signs_up_sends_and_hears_of_the_withdrawal(server, shop):
    from django.core import mail
    from django.test import Client

    visitor = Client()
    email = "django@example.org"
    assert shop.send_newsletter([email], "News", "Hello") == []
    until(lambda: visitor.post("/sign-up", {"email": email, "newsletter": "yes"}).status_code == 201)
    until(lambda: shop.send_newsletter([email, "nobody@example.org"], "News", "Hello") == [email])
    (sent,) = mail.outbox
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "You may object to our messages at any time" in sent.body
    link = sent.extra_headers["List-Unsubscribe"].strip("<>")
    urllib.request.urlopen(
        urllib.request.Request(link, data=b"List-Unsubscribe=One-Click"), timeout=10
    ).read()
    assert shop.send_newsletter([email], "News", "Hello") == []
    until(lambda: email in shop.STOPPED)
    assert visitor.post("/hooks/privacy", b"{}", content_type="application/json").status_code == 400


def test_the_shop_in_litestar_signs_up_asks_and_hears(server, shop):
    from litestar.testing import TestClient

    module = importlib.import_module("litestar_shop")
    with TestClient(module.app) as visitor:
        email = "litestar@example.org"
        assert visitor.get("/may", params={"email": email}).json()["may"] is False
        assert visitor.post("/sign-up", json={"email": email, "newsletter": True}).json() == {"proven": True}
        until(lambda: visitor.get("/may", params={"email": email}).json()["may"])
        assert visitor.post("/sign-up", json={"email": email, "newsletter": False}).status_code == 201
        until(lambda: not visitor.get("/may", params={"email": email}).json()["may"])
        assert visitor.post("/hooks/privacy", content=b"{}").status_code == 400
