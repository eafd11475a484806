"""pg_isready without PostgreSQL's own programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Run

AUTHENTICATE = b"R\0\0\0\x0c\0\0\0\x0a"
STARTING = b"E\0\0\0\x20SFATAL\0C57P03\0Mstarting up\0\0"
NO_ROLE = b"E\0\0\0\x20SFATAL\0C28000\0Mno such role\0\0"


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        (AUTHENTICATE, 0, "accepting connections"),
        (NO_ROLE, 0, "accepting connections"),
        (STARTING, 1, "rejecting connections"),
        (b"", 2, "no response"),
        (b"HTTP/1.0 400 Bad Request", 2, "no response"),
    ],
)
def test_answers(
    run: Run, answering: Callable[[bytes], Any], answer: bytes, code: int, text: str
) -> None:
    with answering(answer) as (port, seen):
        completed = run("pg_isready", "-h", "127.0.0.1", "-p", port, "-U", "me", "-dx")

    assert completed.returncode == code
    assert completed.stdout == f"127.0.0.1:{port} - {text}\n"
    assert b"user\0me\0\0" in seen[0]


def test_the_environment(run: Run, answering: Callable[[bytes], Any]) -> None:
    with answering(AUTHENTICATE) as (port, _):
        quiet = run("pg_isready", "-q", PGHOST="127.0.0.1", PGPORT=port)

    assert (quiet.returncode, quiet.stdout) == (0, "")


def test_nobody_there(run: Run, closed_port: int) -> None:
    assert run("pg_isready", "-p", str(closed_port)).returncode == 2
    assert run("pg_isready", "-h", "/no/such/socket").returncode == 2
    assert run("pg_isready", "-p", "x").returncode == 3
    assert run("pg_isready", "--nonsense").returncode == 3
