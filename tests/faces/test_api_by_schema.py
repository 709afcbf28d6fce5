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
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from servers import free_port
from shop_project import make, opened
from troth.faces.front import front
from troth.wiring import API_SCOPES, now
from troth.work import declare_refusals
from troth.work.project import ApiKey

KEY = "shop-" + "a" * 40
EXAMPLES = 6
DESCRIBED = schemathesis.openapi.from_dict(
    json.loads((Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text("utf-8"))
)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """Serve everything a server serves, the hot routes included, to a key that may do all."""
    folder = tmp_path_factory.mktemp("api")
    make(folder)
    project = opened(folder, now)
    declare_refusals.declare_refusals(project, "main-entity", "email", staff="marie")
    project = replace(
        project, settings=replace(project.settings, api={"shop": ApiKey(lambda: KEY, tuple(API_SCOPES))})
    )
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


def operations():
    return [found.ok() for found in DESCRIBED.get_all_operations()]


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
