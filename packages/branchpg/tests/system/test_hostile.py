"""Bad input on the ports of the pageserver and the compute; others are undisturbed."""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING

import psycopg2
import pytest
from branchpg_harness.stack import Stack, wait_for

from branchpg.errors import BadRequest, BranchpgError, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKETS = {
    "nothing": b"",
    "half a length": b"\0\0",
    "huge length": struct.pack("!I", 0x7FFFFFFF) + b"x" * 100,
    "negative length": struct.pack("!i", -1),
    "length without a body": struct.pack("!I", 4),
    "unknown protocol": struct.pack("!II", 8, 0x00020000),
    "no terminator": struct.pack("!II", 18, 196608) + b"user\0x\0abc",
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "noise": os.urandom(4096),
}


def descriptors(stack: Stack, service: str) -> int:
    return len(os.listdir(f"/proc/{stack.children[service].pid}/fd"))


@pytest.mark.parametrize("packet", PACKETS.values(), ids=PACKETS)
def test_the_control_port_closes_on_what_no_client_sends(
    stack: Stack, packet: bytes
) -> None:
    before = descriptors(stack, "pageserver")
    port = stack.ports["pageserver"]["pg"]
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.sendall(packet)
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass
    wait_for(lambda: descriptors(stack, "pageserver") <= before + 1, "it is closed")
    assert control(stack, "list_branches")


@pytest.mark.parametrize(
    "command",
    [
        "DROP TABLE x",
        "create_branch 'main'",
        "create_branch 'main' 'a b'",
        "create_branch 'main' 'x' 'yesterday'",
        "create_branch 'no-such' 'x'",
        "drop_branch ''",
        "list_branches; drop_branch 'main'",
        "x" * 60_000,
    ],
)
def test_control_commands_that_make_no_sense_are_errors(
    stack: Stack, command: str
) -> None:
    with pytest.raises(psycopg2.Error):
        control(stack, command)
    assert control(stack, "list_branches")


def control(stack: Stack, command: str) -> list[tuple[str, ...]]:
    port = stack.ports["pageserver"]["pg"]
    connection = psycopg2.connect(host="127.0.0.1", port=port, user="x", dbname="x")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(command)
            return cursor.fetchall()
    finally:
        connection.close()


@pytest.fixture
def idle(stack: Stack) -> Iterator[list[socket.socket]]:
    port = stack.ports["pageserver"]["pg"]
    clients = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(200)]
    yield clients
    for client in clients:
        client.close()


def test_silent_clients_of_the_control_port_disturb_nobody(
    stack: Stack, idle: list[socket.socket]
) -> None:
    assert len(idle) == 200
    assert control(stack, "list_branches")
    assert stack.sql("SELECT 1") == 1


@pytest.mark.parametrize(
    ("method", "path", "content", "error"),
    [
        ("POST", "/timeline", "not json", BadRequest),
        ("POST", "/timeline", {"new_timeline_id": "../../x"}, BadRequest),
        ("POST", "/timeline", {"new_timeline_id": 7}, BadRequest),
        ("GET", "/timeline/..%2F..%2Fetc", None, BranchpgError),
        ("GET", f"/timeline/{'e' * 32}", None, NotFound),
        ("GET", "/timeline/XYZ", None, BadRequest),
        ("PUT", "/location_config", {"mode": "AttachedSingle", "x": 1}, BadRequest),
        ("POST", "/../../etc/passwd", None, BranchpgError),
    ],
)
def test_http_requests_that_make_no_sense_are_told_why(
    stack: Stack, method: str, path: str, content: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        stack.api(method, path, content)


def test_a_body_that_is_too_long_is_refused(stack: Stack) -> None:
    with pytest.raises(BranchpgError):
        stack.api("POST", "/timeline", {"new_timeline_id": "x" * 2_000_000})


def test_neons_and_compose_files_healthchecks_are_answered(stack: Stack) -> None:
    stack.sql("SELECT 1")
    assert stack.http("pageserver").raw("GET", "/v1/status") == b'{"id":1}'
    assert stack.http("safekeeper1").raw("GET", "/v1/status") == b'{"id":1}'
    assert b'"running"' in stack.http("compute").raw("GET", "/status")
    metrics = stack.http("pageserver").raw("GET", "/metrics").decode()
    assert "pageserver_last_record_lsn" in metrics
    timings = stack.http("compute").raw("GET", "/metrics.json")
    assert b"total_startup_ms" in timings
