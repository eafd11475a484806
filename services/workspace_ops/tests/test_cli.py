"""The command line: help for all, errors that say what, where and how to mend."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from workspace_ops.cli import COMMANDS
from workspace_ops.errors import OperationError
from workspace_ops.settings import load

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = {"WORKSPACE_DB_PASSWORD": "x", "WORKSPACE_DB_TOKEN": "y"}
NOWHERE = {
    "WORKSPACE_DB_PORT": "1",
    "WORKSPACE_PAGESERVER_HTTP_PORT": "1",
    "YARD_COMMAND": "false",
}


def run(
    directory: Path, *arguments: str, code: int = 0, **variables: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "workspace_ops", *arguments],
        cwd=directory,
        env={"PATH": os.defpath, "HOME": str(directory), **variables},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(tmp_path: Path, name: str) -> None:
    variables = SECRETS if name == "branchpg" else {}
    assert "Usage:" in run(tmp_path, name, "--help", **variables).stdout


def test_without_secrets_it_says_where_they_come_from(tmp_path: Path) -> None:
    told = run(tmp_path, "test", code=1).stderr

    assert "error: WORKSPACE_DB_PASSWORD is not set" in told
    assert "hint: run it as a command of the stack" in told


def test_a_stack_that_is_down_fails_every_test(tmp_path: Path) -> None:
    done = run(tmp_path, "test", "--json", code=1, **SECRETS, **NOWHERE)

    found = msgspec.json.decode(done.stdout)
    assert found["summary"] == {"total": 10, "passed": 0, "failed": 10}
    assert all(one["hint"] for one in found["tests"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("init",),
        ("dump", "file"),
        ("load", "nosuch"),
        ("rollback",),
        ("rehearse", "head"),
        ("migrate", "--from", "host=127.0.0.1 port=1"),
    ],
)
def test_what_cannot_be_reached_is_told(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    told = run(tmp_path, *arguments, code=1, **SECRETS, **NOWHERE).stderr

    assert told.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_wrong_use_is_exit_code_two(tmp_path: Path) -> None:
    run(tmp_path, "nosuch", code=2)
    run(tmp_path, "migrate", code=2, **SECRETS)


def test_a_port_that_is_none_is_told() -> None:
    with pytest.raises(OperationError, match="WORKSPACE_DB_PORT is no port: 'x'"):
        load({**SECRETS, "WORKSPACE_DB_PORT": "x"})


def test_passwords_stand_in_variables_only() -> None:
    found = load(SECRETS)

    assert found.libpq()["PGPASSWORD"] == "x"
    assert found.branchpg()["BRANCHPG_TOKEN"] == "y"
    assert "'x'" not in str(found.yard)
