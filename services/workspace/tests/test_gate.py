"""Limits, addresses, origins, roles, probes, metrics, logs: the service as a whole."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workspace_harness.client import Client
    from workspace_harness.service import ServiceThread

SECRET = "x" * 40
KEYS = """\
# name:role:key
ann:viewer:viewer-key-0123456789
bob:editor:editor-key-0123456789
eve:admin:admin-key-0123456789
"""


def test_too_many_requests_are_refused_counted_and_logged(
    start: Callable[..., ServiceThread],
) -> None:
    service = start(rate_limit_max=3)
    client = service.client()
    for left in (2, 1, 0):
        found = client.get("/items")
        assert found.status == 200
        assert found.headers["ratelimit-policy"] == "3;w=60"
        assert found.headers["ratelimit-limit"] == "3"
        assert found.headers["ratelimit-remaining"] == str(left)
        assert 0 < int(found.headers["ratelimit-reset"]) <= 60
    refused = client.get("/items")
    assert (refused.status, refused.error) == (429, "RATE_LIMITED")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit-remaining"] == "0"
    # Probes and metrics are not limited: load made the container "unhealthy".
    for path in ("//health", "//ready", "//healthz", "//metrics"):
        answer = client.get(path)
        assert answer.status == 200, path
        assert "ratelimit-limit" not in answer.headers
    metrics = client.get("//metrics").body.decode()
    assert "workspace_api_rate_limited_total 1.0" in metrics
    assert any(one["status"] == 429 for one in service.events("http_request"))
    client.close()


def test_clients_behind_a_trusted_proxy_are_told_apart(
    start: Callable[..., ServiceThread],
) -> None:
    client = start(rate_limit_max=1, trusted_proxies="127.0.0.0/8").client()
    assert client.get("/items", X_Forwarded_For="10.0.0.1").status == 200
    assert client.get("/items", X_Forwarded_For="10.0.0.1").status == 429
    assert client.get("/items", X_Forwarded_For="10.0.0.2").status == 200
    # What the client itself wrote stands on the left.
    forged = "10.9.9.9, 10.0.0.1"
    assert client.get("/items", X_Forwarded_For=forged).status == 429
    client.close()


def test_an_untrusted_proxy_is_the_client(start: Callable[..., ServiceThread]) -> None:
    client = start(rate_limit_max=1).client()
    assert client.get("/items", X_Forwarded_For="10.0.0.1").status == 200
    assert client.get("/items", X_Forwarded_For="10.0.0.2").status == 429
    client.close()


def test_the_allow_list(start: Callable[..., ServiceThread]) -> None:
    client = start(allowed_ips="10.0.0.0/8", trusted_proxies="127.0.0.1").client()
    refused = client.get("/items")
    assert (refused.status, refused.error) == (403, "FORBIDDEN")
    assert client.get("/items", X_Forwarded_For="10.1.2.3").status == 200
    assert client.get("//health").status == 200
    client.close()


def test_cross_origin(client: Client) -> None:
    ours = "http://localhost:3103"
    found = client.get("/items", Origin=ours)
    assert found.headers["access-control-allow-origin"] == ours
    for name in ("ETag", "RateLimit-Remaining", "Retry-After", "Location"):
        assert name in found.headers["access-control-expose-headers"]
    other = client.get("/items", Origin="http://evil.example")
    assert "access-control-allow-origin" not in other.headers
    asked = {"Origin": ours, "Access_Control_Request_Method": "PATCH"}
    preflight = client("OPTIONS", "/items/1", **asked)
    assert preflight.status == 204
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    for name in ("If-Match", "X-Branch", "Idempotency-Key", "Last-Event-ID"):
        assert name in preflight.headers["access-control-allow-headers"]
    asked["Origin"] = "http://evil.example"
    preflight = client("OPTIONS", "/items/1", **asked)
    assert "access-control-allow-origin" not in preflight.headers
    # An error can be read by our pages too.
    found = client.get("/items/x", Origin=ours)
    assert found.headers["access-control-allow-origin"] == ours


def allowed(client: Client, **headers: str) -> list[int]:
    """Return the statuses of what a viewer, an editor and an admin may do."""
    body = {"title": "t", "description": "d", "category": "dashboard"}
    return [
        client.get("/items", **headers).status,
        client.post("/items", body, **headers).status,
        client.get("/audit", **headers).status,
        client.post("/branches", {"name": "x"}, **headers).status,
        client.get("//api/audit", **headers).status,
    ]


def test_open_is_said_in_the_log(service: ServiceThread, client: Client) -> None:
    assert allowed(client) == [200, 201, 200, 501, 200]
    told = {"name": "anonymous", "role": "admin", "auth_mode": "open"}
    assert client.get("/me").data == told
    (told,) = service.events("auth_open")
    assert told["level"] == "warning"


def test_api_keys(start: Callable[..., ServiceThread]) -> None:
    service = start(auth_mode="api-key", api_keys=KEYS)
    client = service.client()
    assert allowed(client) == [401] * 5
    assert client.get("/items").error == "UNAUTHORIZED"
    assert allowed(client, X_API_Key="wrong-key-0123456789") == [401] * 5
    roles = {
        "viewer": [200, 403, 403, 403, 403],
        "editor": [200, 201, 403, 403, 403],
        "admin": [200, 201, 200, 501, 200],
    }
    for role, statuses in roles.items():
        assert allowed(client, X_API_Key=f"{role}-key-0123456789") == statuses
        bearer = f"Bearer {role}-key-0123456789"
        assert allowed(client, Authorization=bearer) == statuses
    asked = client.get("/me", Origin="http://localhost:3103")
    assert asked.headers["www-authenticate"].startswith("ApiKey ")
    assert "WWW-Authenticate" in asked.headers["access-control-expose-headers"]
    key = {"X_API_Key": "editor-key-0123456789"}
    told = {"name": "bob", "role": "editor", "auth_mode": "api-key"}
    assert client.get("/me", **key).data == told
    made = client.get("/items?limit=1", X_API_Key="viewer-key-0123456789").data[0]
    assert made["created_by"] in {"bob", "eve"}
    changed = client.put(f"/items/{made['id']}", {"title": "x"}, **key)
    assert changed.data["updated_by"] == "bob"
    client.delete(f"/items/{made['id']}", **key)
    entry = client.get("/audit?limit=1", X_API_Key="admin-key-0123456789").data[0]
    assert (entry["action"], entry["actor"]) == ("item.deleted", "bob")
    for path in ("//health", "//metrics", "//openapi.json", "//docs"):
        assert client.get(path).status == 200
    assert b"key-0123456789" not in service.output.getvalue()
    client.close()


def token(key: str, algorithm: str, **claims: object) -> dict[str, str]:
    whole = {"sub": "zoe", "exp": time.time() + 60, "role": "editor", **claims}
    kept = {name: value for name, value in whole.items() if value is not None}
    return {"Authorization": f"Bearer {jwt.encode(kept, key, algorithm)}"}


def test_tokens_with_a_secret(start: Callable[..., ServiceThread]) -> None:
    service = start(auth_mode="jwt", jwt_secret=SECRET, jwt_audience="workspace")
    client = service.client()

    def status(key: str = SECRET, algorithm: str = "HS256", **claims: object) -> int:
        given = token(key, algorithm, **{"aud": "workspace", **claims})
        return client.get("/audit", **given).status

    assert status(role="admin") == 200
    assert status(role=None, roles=["viewer", "admin"]) == 200
    assert status() == 403
    assert status(role="root") == 401
    assert status(role=None) == 401
    assert status(exp=time.time() - 60) == 401
    assert status(exp=None) == 401
    assert status(sub=None) == 401
    assert status(aud="other") == 401
    assert status("y" * 40) == 401
    assert status(SECRET + "x" * 40, "HS512") == 401
    none = jwt.encode({"sub": "x", "role": "admin", "exp": 9e9}, None, "none")
    assert client.get("/items", Authorization=f"Bearer {none}").status == 401
    assert client.get("/items", Authorization="Bearer x.y.z").status == 401
    assert client.get("/items", Authorization="Basic eDp5").status == 401
    assert client.get("/me").headers["www-authenticate"].startswith("Bearer ")
    told = {"name": "zoe", "role": "editor", "auth_mode": "jwt"}
    assert client.get("/me", **token(SECRET, "HS256", aud="workspace")).data == told
    made = client.post(
        "/items",
        {"title": "t", "description": "d", "category": "dashboard"},
        **token(SECRET, "HS256", aud="workspace"),
    )
    assert made.data["created_by"] == "zoe"
    client.close()


def test_tokens_with_a_key_pair(start: Callable[..., ServiceThread]) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    service = start(
        auth_mode="jwt", jwt_algorithm="RS256", jwt_public_key=public.decode()
    )
    client = service.client()
    assert client.get("/items", **token(pem, "RS256")).status == 200
    # The public key is no secret to sign with.
    assert client.get("/items", **token("x" * 40, "HS256")).status == 401
    client.close()


@pytest.mark.parametrize("path", ["//health", "//ready"])
def test_health_names_every_dependency(client: Client, path: str) -> None:
    found = client.get(path).json
    assert set(found) == {
        "status",
        "service",
        "version",
        "timestamp",
        "uptime",
        "checks",
        "responseTime",
    }
    assert (found["status"], found["service"]) == ("healthy", "workspace-api")
    assert found["uptime"] > 0
    (name,) = found["checks"]
    check = found["checks"][name]
    assert (name, check["status"]) == ("database", "healthy")
    assert check["message"] == "postgresql connected"
    assert check["responseTime"] >= 0


def test_alive(client: Client) -> None:
    found = client.get("//healthz").json
    assert found["status"] == "healthy"
    assert found["service"] == "workspace-api"


def test_metrics_have_whole_routes_and_few_labels(client: Client) -> None:
    item = client.item()["id"]
    client.get(f"/items/{item}")
    client.get("/categories/dashboard")
    client.get("//api/categories/dashboard")
    client.get("/categories/dashboard/x")
    for number in range(5):
        client.get(f"//nothing/{number}")
    client("PROPFIND", "/items")
    text = client.get("//metrics").body.decode()
    total = "workspace_api_requests_total"
    for labels, count in (
        ('method="GET",route="/api/v1/items/{id}",status="200"', 1),
        ('method="POST",route="/api/v1/items",status="201"', 1),
        ('method="GET",route="/api/v1/categories/{name}",status="200"', 2),
        ('method="GET",route="unmatched",status="404"', 6),
    ):
        assert f"{total}{{{labels}}} {count}.0" in text, text
    assert 'method="OTHER"' in text
    assert "PROPFIND" not in text
    assert 'request_duration_seconds_bucket{le="0.001"' in text
    assert "process_resident_memory_bytes" in text


def test_pool_gauges(client: Client) -> None:
    client.get("/items")

    def gauge(name: str) -> float:
        text = client.get("//metrics").body.decode()
        start = f'workspace_api_db_pool_{name}{{pool="main"}} '
        (line,) = (line for line in text.splitlines() if line.startswith(start))
        return float(line.rpartition(" ")[2])

    assert gauge("max") == 20
    assert gauge("size") >= 1
    assert gauge("idle") == gauge("size")
    assert (gauge("in_use"), gauge("waiting")) == (0, 0)


def test_a_request_is_a_line_of_the_log(service: ServiceThread, client: Client) -> None:
    client.get("/items?q=private", X_Correlation_Id="seen-1")
    (told,) = (
        one
        for one in service.events("http_request")
        if one["correlation_id"] == "seen-1"
    )
    assert (told["method"], told["path"], told["status"]) == (
        "GET",
        "/api/v1/items",
        200,
    )
    assert told["route"] == "/api/v1/items"
    assert told["duration_ms"] > 0
    assert told["client"] == "127.0.0.1"
    assert b"private" not in service.output.getvalue()


def test_secrets_come_from_files(
    start: Callable[..., ServiceThread], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys").write_text(KEYS)
    monkeypatch.setenv("API_KEYS_FILE", str(tmp_path / "keys"))
    client = start(auth_mode="api-key").client()
    assert client.get("/items", X_API_Key="viewer-key-0123456789").status == 200
    client.close()
