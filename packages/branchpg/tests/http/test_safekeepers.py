"""What several safekeepers' positions say together."""

from __future__ import annotations

import socket

import pytest

from branchpg.http.client import Address, address, http_address
from branchpg.http.safekeepers import (
    Position,
    Safekeepers,
    addresses_of,
    precedence,
    settled,
)
from branchpg.lsn import Lsn


def at(lsn: int | None, generation: int = 1) -> Position:
    return Position(None if lsn is None else Lsn(lsn), generation)


@pytest.mark.parametrize(
    ("answers", "quorum", "expected"),
    [
        ([at(100)], 1, 100),
        ([at(None, 0)], 1, None),
        ([at(100), at(300), at(200)], 2, 200),
        ([at(100), at(300), at(None, 0)], 2, 100),
        ([at(100), at(None, 0), at(None, 0)], 2, None),
        # The longer log of an older generation may be dropped by an election.
        ([at(900, 1), at(300, 2), at(200, 2)], 2, 200),
        ([at(900, 1), at(300, 2), at(800, 1)], 2, None),
        ([], 1, None),
    ],
)
def test_what_a_quorum_has(
    answers: list[Position], quorum: int, expected: int | None
) -> None:
    assert settled(answers, quorum) == expected


def test_newer_generations_go_before_longer_logs() -> None:
    assert max([at(900, 1), at(100, 2)], key=precedence) == at(100, 2)


def test_why_one_does_not_answer_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken:  # and nobody listens there
        taken.bind(("127.0.0.1", 0))
        keepers = Safekeepers([Address(*taken.getsockname())])
        for _ in range(3):
            assert keepers.positions("a" * 32, "b" * 32) == {}

    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_the_ports_of_compose_files_made_for_neon_are_understood() -> None:
    assert addresses_of("a:5454, b:7676,c") == [Address(host, 7676) for host in "abc"]
    found = http_address("pageserver:6400", http_port=9898, pg_port=6400)
    assert found == Address("pageserver", 9898)
    assert http_address("p:1234", http_port=9898, pg_port=6400).port == 1234


def test_addresses() -> None:
    assert address("localhost:5") == Address("localhost", 5)
    assert address(":5") == Address("127.0.0.1", 5)
    assert address("http://[::1]:5/") == Address("::1", 5)
    assert address("db", default_port=7) == Address("db", 7)
    assert str(Address("::1", 5)) == "[::1]:5"
