"""Whatever is sent to the HTTP interface, as described or against it, is answered as described and never by 5xx."""

import json
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
import schemathesis
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from processors import certified
from servers import free_port
from shop_project import make, opened
from troth.faces.front import front
from troth.settings_file import API_SCOPES
from troth.wiring import now
from troth.work import declare_refusals
from troth.work.project import ApiKey, Controller

KEY = "shop-" + "a" * 40
EXAMPLES = 6
DESCRIBED = schemathesis.openapi.from_dict(
    json.loads((Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text("utf-8"))
)
TOKEN = "token-of-acme-0123456789-0123456789"
TEXT = {"type": "string"}
MESSAGE = {
    "type": "object",
    "required": ["regulation", "subject_request_id", "subject_request_type", "subject_identities"],
    "properties": {
        "regulation": {"enum": ["gdpr", "ccpa", ""]}, "subject_request_id": TEXT,
        "subject_request_type": {"enum": ["erasure", "access", "portability", "rectification"]},
        "submitted_time": {"type": "string", "format": "date-time"}, "api_version": TEXT,
        "subject_identities": {"type": "array", "maxItems": 4, "items": {
            "type": "object", "properties": {
                "identity_type": {"enum": ["email", "controller_customer_id"]}, "identity_value": TEXT,
                "identity_format": {"enum": ["raw", "sha256"]}}}},
        "status_callback_urls": {"type": "array", "maxItems": 2, "items": TEXT}, "extensions": {"type": "object"},
    },
}  # fmt: skip
"""What a controller sends its processor, as OpenDSR 3.0 says: this test's own, for no file of ours describes it."""
BODY = {"content": {"application/json": {"schema": MESSAGE}}}
NAMED = [{"name": "id", "in": "path", "required": True, "schema": TEXT}]
ANY: dict[str, object] = {"responses": {"default": {"description": "what is answered"}}}
BETWEEN_PROCESSORS = schemathesis.openapi.from_dict(
    {
        "openapi": "3.1.0", "info": {"title": "OpenDSR", "version": "3.0"},
        "paths": {
            "/opendsr/requests": {"post": {"requestBody": BODY, **ANY}},
            "/opendsr/requests/{id}": {"get": {"parameters": NAMED, **ANY}, "delete": {"parameters": NAMED, **ANY}},
            "/opendsr/callbacks": {"post": {"requestBody": BODY, **ANY}},
            "/opendsr/discovery": {"get": ANY}, "/opendsr/certificate.pem": {"get": ANY},
        },
    }
)  # fmt: skip
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """Serve everything a server serves, the hot routes included, to a key that may do all."""
    folder = tmp_path_factory.mktemp("api")
    make(folder)
    project = opened(folder, now)
    declare_refusals.declare_refusals(project, "main-entity", "email", staff="marie")
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = certified(key, "us.example")
    told = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    project = replace(
        project,
        settings=replace(
            project.settings, api={"shop": ApiKey(lambda: KEY, tuple(API_SCOPES))},
            controllers={"acme": Controller(lambda: TOKEN, "privacy@acme.example", "DPA 7", "acme")},
            own_certificate=lambda: certificate, own_key=lambda: told,
        ),
    )  # fmt: skip
    served, port = front(project), free_port()
    server = uvicorn.Server(uvicorn.Config(served, port=port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        served.wait(30)
        _answers(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        served.close()
        project.close()
        project.ledger.close()


def _answers(url):
    for _ in range(400):
        try:
            urllib.request.urlopen(url, timeout=5).read()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("The server did not begin to answer.")


def operations(described=DESCRIBED):
    return [found.ok() for found in described.get_all_operations()]


@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        pytest.param(one, mode, id=f"{one.method} {one.path} {mode.value}")
        for one in operations(BETWEEN_PROCESSORS)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        if one.method == "post"
        or mode is GenerationMode.POSITIVE  # there is nothing against a call without a body
    ],
)
def test_nothing_that_a_controller_or_a_recipient_sends_breaks_the_server(url, operation, mode):
    answered = set()

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    def tried(case):
        answer = case.call_and_validate(
            base_url=url, headers={"Authorization": f"Bearer {TOKEN}"},
            checks=[schemathesis.checks.not_a_server_error],
        )  # fmt: skip
        answered.add(answer.status_code)

    tried()
    assert answered - {401, 429}, answered


@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as described", "against it"]
)
@pytest.mark.parametrize("operation", operations(), ids=lambda one: f"{one.method} {one.path}")
def test_every_answer_is_one_that_is_described(url, operation, mode):
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    def tried(case):
        case.call_and_validate(
            base_url=url, headers={"Authorization": f"Bearer {KEY}"},
            checks=[
                schemathesis.checks.not_a_server_error, schemathesis.checks.status_code_conformance,
                schemathesis.checks.content_type_conformance, schemathesis.checks.response_schema_conformance,
            ],
        )  # fmt: skip

    tried()


def test_every_call_of_the_description_is_tried():
    assert len(operations()) >= 8
