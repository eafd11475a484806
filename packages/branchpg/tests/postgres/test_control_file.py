"""The control file names another timeline, and says the same otherwise."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from branchpg.errors import BranchpgError
from branchpg.postgres import cluster, control_file

if TYPE_CHECKING:
    from branchpg.postgres.programs import Programs


CHANGED = ("Latest checkpoint's TimeLineID:", "Latest checkpoint's REDO WAL file:")


def told(found: Programs, data: str) -> list[str]:
    """Return what pg_controldata says, but for the number and what it makes of it."""
    words = found.output("pg_controldata", "-D", data).splitlines()
    return [line for line in words if not line.startswith(CHANGED)]


def test_only_the_timeline_changes(found: Programs, data: str) -> None:
    before = told(found, data)
    control_file.recover_to(data, 7, instead_of=1)
    assert cluster.control_data(found, data).postgres_timeline == 7
    # It would warn of a wrong checksum, on a line more.
    assert told(found, data) == before
    control_file.recover_to(data, 1, instead_of=7)
    assert cluster.control_data(found, data).postgres_timeline == 1


def test_what_is_no_control_file_is_left_alone(data: str) -> None:
    path = os.path.join(data, "global", "pg_control")
    with open(path, "r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 8)
    with open(path, "rb") as file:
        broken = file.read()
    with pytest.raises(BranchpgError, match="no control file with a valid checksum"):
        control_file.recover_to(data, 7, instead_of=1)
    with open(path, "rb") as file:
        assert file.read() == broken


def test_a_copy_of_another_timeline_is_left_alone(found: Programs, data: str) -> None:
    with pytest.raises(BranchpgError, match="names timeline 1, not 2"):
        control_file.recover_to(data, 3, instead_of=2)
    assert cluster.control_data(found, data).postgres_timeline == 1
