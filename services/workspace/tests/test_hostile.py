"""What nobody sends by accident."""

from __future__ import annotations

import http.client
import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from workspace_harness.client import Client
    from workspace_harness.service import ServiceThread


@pytest.fixture(scope="module")
def service(shared_service: ServiceThread) -> ServiceThread:
    """One service for all of these tests: none of them needs an empty database."""
    return shared_service


INJECTIONS = (
    "'; DROP TABLE workspace.workspace_items; --",
    "' OR '1'='1",
    "1) OR (1=1",
    "\\'; SELECT pg_sleep(10); --",
    "$1",
    "%s%(x)s",
    '"; DELETE FROM workspace.workspace_items; --',
    "x'::int",
)


@pytest.mark.parametrize("text", INJECTIONS)
def test_sql_in_values_is_text(client: Client, text: str) -> None:
    made = client.item(title=text, description=text, tags=[text[:50]])
    assert (made["title"], made["tags"]) == (text, [text[:50].strip()])
    encoded = quote(text)
    assert client.get(f"/items?q={encoded}").json["total"] == 1
    assert client.get(f"/items?tag={quote(text[:50])}").json["total"] == 1
    assert client.get(f"/items?category={encoded}").json["total"] == 0
    for name in ("status", "priority", "sort", "cursor", "limit", "offset"):
        assert client.get(f"/items?{name}={encoded}").status == 400, name
    assert client.get(f"/categories?order_by={encoded}").status == 400
    assert client.get(f"/categories/{quote(text, safe='')}").status == 404
    assert client.get(f"/items/{made['id']}").data == made


def test_sql_in_keys_changes_nothing(client: Client) -> None:
    # `{"priority = 'low', title": "X"}` changed both columns.
    item = client.item(priority="high")
    for key in (
        "priority = 'low', title",
        'title" = title, "priority',
        "id",
        "version",
        "created_by",
    ):
        answer = client.put(f"/items/{item['id']}", {key: "low"})
        assert (answer.status, answer.error) == (400, "VALIDATION_FAILED"), key
        answer = client.put("/categories/dashboard", {key: "low"})
        assert answer.status == 400, key
        assert client.get(f"/items?{quote(key)}=low").status == 400
    assert client.get(f"/items/{item['id']}").data == item


def test_script_is_stored_as_text_and_served_as_json(client: Client) -> None:
    text = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    made = client.item(title=text, description=text)
    answer = client.get(f"/items/{made['id']}")
    assert answer.data["title"] == text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"{'title': 1}",
        b'{"title": "\xff"}',
        b"[" * 100_000,
        b'{"metadata": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
        b"\x00",
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_no_json_is_400(client: Client, body: bytes) -> None:
    for method, path in (
        ("POST", "/items"),
        ("PUT", "/items/1"),
        ("POST", "/items/bulk"),
    ):
        answer = client(method, path, body)
        assert (answer.status, answer.error) == (400, "VALIDATION_FAILED"), method
    assert client.post("/categories", body).status == 400


def raw(field: str, text: str) -> bytes:
    wanted = {"title": "t", "description": "d", "category": "dashboard"}
    wanted.pop(field, None)
    return (json.dumps(wanted)[:-1] + f', "{field}": {text}}}').encode()


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("title", '"a\\u0000b"'),
        ("title", '"\\ud800"'),
        ("title", '"\\udc00\\ud800"'),
        ("description", '"\\u0000"'),
        ("tags", '["\\u0000"]'),
        ("metadata", '{"a": "\\u0000"}'),
        ("metadata", '{"\\u0000": 1}'),
        ("metadata", '{"a": "\\ud800"}'),
        ("metadata", '{"a": NaN}'),
        ("metadata", '{"a": 1e999}'),
        ("category", '"\\u0000"'),
    ],
)
def test_what_no_database_can_hold_is_400(
    client: Client, field: str, text: str
) -> None:
    answer = client.post("/items", raw(field, text))
    assert (answer.status, answer.error) == (400, "VALIDATION_FAILED"), answer


@pytest.mark.parametrize(
    "text",
    ["Ünïcödé", "日本語", "🏳️‍🌈", "\u202eleft", "a\u0301", "\u200b.", "\x7f\x1b["],
)
def test_unicode_comes_back_as_it_was(client: Client, text: str) -> None:
    made = client.item(title=text, tags=[text], metadata={text: text})
    found = client.get(f"/items/{made['id']}").data
    assert (found["title"], found["tags"]) == (text, [text])
    assert found["metadata"] == {text: text}
    assert client.get(f"/items?q={quote(text)}").json["total"] == 1


def test_large_numbers_in_metadata(client: Client) -> None:
    made = client.post("/items", raw("metadata", '{"n": ' + "9" * 300 + "}"))
    assert made.data["metadata"] == {"n": int("9" * 300)}


def test_a_body_has_one_megabyte_at_most(client: Client) -> None:
    big = b'{"title": "' + b"x" * (1 << 20) + b'"}'
    answer = client.post("/items", big)
    assert (answer.status, answer.error) == (413, "PAYLOAD_TOO_LARGE")
    assert client.post("/items", big[: 1 << 20]).status == 400
    client.close()
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as sent:
        sent.sendall(
            b"POST /api/v1/items HTTP/1.1\r\nHost: x\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(20):
            sent.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        assert sent.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_in_pieces_is_read(service: ServiceThread) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    body = raw("priority", '"low"')
    pieces = (body[n : n + 7] for n in range(0, len(body), 7))
    connection.request("POST", "/api/v1/items", pieces, encode_chunked=True)
    assert connection.getresponse().status == 201
    connection.close()


def test_correlation_ids(client: Client) -> None:
    # What was given was echoed, whatever it was.
    given = client.get("/items", x_correlation_id="abc-123.x:y_z")
    assert given.headers["x-correlation-id"] == "abc-123.x:y_z"
    for bad in ("", " ", "a b", "x" * 129, "<script>", "a;b", "é", "-x", '"'):
        found = client.get("/items", x_correlation_id=bad).headers["x-correlation-id"]
        assert found != bad
        assert len(found) == 32
    one, other = (client.get("/items").headers["x-correlation-id"] for _ in "12")
    assert one != other


def talk(service: ServiceThread, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as sent:
        sent.sendall(request)
        return sent.recv(65536)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /api/v1/items HTTP/1.1\r\nHost: x\r\nX-Big: "
        + b"x" * 200_000
        + b"\r\n\r\n",
        b"GET /api/v1/items HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /api/v1/items HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
    ],
)
def test_tricks_with_http_do_no_harm(
    service: ServiceThread, client: Client, request_: bytes
) -> None:
    answer = talk(service, request_)
    assert not answer.startswith(b"HTTP/1.1 5"), answer[:100]
    assert client.get("/items").status == 200


def test_headers_that_come_twice(service: ServiceThread) -> None:
    answer = talk(
        service,
        b"GET /api/v1/items HTTP/1.1\r\nHost: x\r\nX-Correlation-Id: one\r\n"
        b"X-Correlation-Id: t<o\r\nX-Branch: a b\r\nX-Branch: main\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"t<o" not in answer


def test_branches_have_names_of_branches(client: Client) -> None:
    for bad in ("", "a b", "../x", "a;b", "x" * 64, "a@b", "'", "%00"):
        answer = client.get("/items", X_Branch=bad)
        assert (answer.status, answer.fields) == (400, ["branch"]), bad
    assert client.get("/items?branch=%40").status == 400
    both = client.get("/items?branch=one", X_Branch="two")
    assert (both.status, both.fields) == (400, ["branch"])
    answer = client.get("/items", X_Branch="other")
    assert (answer.status, answer.error) == (404, "BRANCH_NOT_FOUND")
    assert client.get("/items", X_Branch="main").status == 200


def test_unknown_routes_and_methods(client: Client) -> None:
    for path in ("//", "//api", "//api/v2/items", "/items/1/x", "/items/"):
        answer = client.get(path)
        assert (answer.status, answer.error) == (404, "NOT_FOUND"), path
    answer = client.delete("/items")
    assert (answer.status, answer.error) == (405, "METHOD_NOT_ALLOWED")
    for path in ("/categories/invalidate-cache", "/categories/validate"):
        assert client.post(path).status == 405
