"""Fixtures of the tests that load files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import Workspace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "demo"
    root.mkdir()
    return Workspace(root)
