"""redis-cli without Redis' own programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Run


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"+PONG\r\n", "PONG\n"),
        (b"$5\r\nvalue\r\n", "value\n"),
        (b"$-1\r\n", "\n"),
        (b":7\r\n", "7\n"),
        (b"*2\r\n$1\r\na\r\n*1\r\n:2\r\n", "a\n2\n"),
        (b"-NOAUTH required\r\n", "NOAUTH required\n"),
    ],
)
def test_answers(
    run: Run, answering: Callable[[bytes], Any], answer: bytes, text: str
) -> None:
    with answering(answer) as (port, seen):
        completed = run("redis_cli", "-p", port, "get", "a key")

    assert (completed.returncode, completed.stdout) == (0, text)
    assert seen == [b"*2\r\n$3\r\nget\r\n$5\r\na key\r\n"]


def test_an_error_as_an_exit_code(run: Run, answering: Callable[[bytes], Any]) -> None:
    with answering(b"-LOADING\r\n") as (port, _):
        assert run("redis_cli", "-e", "-p", port, "ping").returncode == 1


def test_a_password(run: Run, answering: Callable[[bytes], Any]) -> None:
    with answering(b"+OK\r\n+PONG\r\n") as (port, seen):
        completed = run(
            "redis_cli",
            "--no-auth-warning",
            "-u",
            f"redis://:pw@127.0.0.1:{port}",
            "ping",
        )

    assert completed.stdout == "PONG\n"
    assert seen[0].startswith(b"*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n")


def test_nobody_there(run: Run, closed_port: int) -> None:
    completed = run("redis_cli", "-h", "127.0.0.1", "-p", str(closed_port), "ping")

    assert completed.returncode == 1
    assert completed.stderr.strip().endswith("Connection refused")
    assert run("redis_cli").returncode == 1


def test_a_closed_connection(run: Run, answering: Callable[[bytes], Any]) -> None:
    with answering(b"") as (port, _):
        assert run("redis_cli", "-p", port, "ping").returncode == 1
