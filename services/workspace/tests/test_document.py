"""The OpenAPI document is true: requests made from it, answers checked against it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS

from workspace_api.app import assemble
from workspace_api.settings import Settings

if TYPE_CHECKING:
    from workspace_harness.service import ServiceThread

pytestmark = pytest.mark.timeout(180)  # a busy machine starts processes slowly


document = assemble(Settings(library_db_strategy="postgresql")).document.openapi()
schema = schemathesis.openapi.from_dict(document)


@pytest.fixture(scope="module")
def service(shared_service: ServiceThread) -> ServiceThread:
    client = shared_service.client()
    for _ in range(3):
        client.item()
    client.close()
    return shared_service


@schema.exclude(path_regex="/events$").parametrize()
@settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_conforms(case: Any, service: ServiceThread) -> None:
    response = case.call(base_url=f"http://127.0.0.1:{service.port}", timeout=30)
    # That a database has no branches is an answer, and no failure.
    assert response.status_code < 500 or response.status_code == 501
    case.validate_response(
        response,
        checks=[
            CHECKS.get_one("status_code_conformance"),
            CHECKS.get_one("content_type_conformance"),
            CHECKS.get_one("response_schema_conformance"),
            CHECKS.get_one("response_headers_conformance"),
        ],
    )


def test_it_is_served(service: ServiceThread) -> None:
    client = service.client()
    assert client.get("//openapi.json").json == json.loads(json.dumps(document))
    assert client.get("//docs").headers["content-type"].startswith("text/html")
    client.close()


def test_it_has_every_route_and_the_names_of_the_contract() -> None:
    found = {
        f"{method.upper()} {re.sub(r'^/api/v1', '', path)}"
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert found == set(
        """GET /me
GET /items|POST /items|GET /items/stats|GET /items/{id}|PUT /items/{id}
PATCH /items/{id}|DELETE /items/{id}|POST /items/{id}/move|POST /items/{id}/restore
POST /items/bulk|GET /categories|POST /categories|GET /categories/stats
GET /categories/{name}|PUT /categories/{name}|PATCH /categories/{name}
DELETE /categories/{name}|PATCH /categories/{name}/toggle|POST /categories/reorder
GET /events|GET /audit|GET /branches|POST /branches|POST /branches/{name}/reset
DELETE /branches/{name}|GET /branches/{name}/diff""".replace("\n", "|").split("|")
    )
    item = document["components"]["schemas"]["Item"]["properties"]
    assert not [name for name in item if name != name.lower()]
