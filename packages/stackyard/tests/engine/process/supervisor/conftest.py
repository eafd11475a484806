"""A project that runs; when its test is over, `down` must leave nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from project_support import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path)
    try:
        yield project
        log = project.supervisor_log()
        if project.client.has_state:
            project.down(grace=1.0)
        left = project.marked()
        state = project.state.path.exists()
    finally:
        project.close()
    assert not log, log
    assert (left, state) == ([], False)
