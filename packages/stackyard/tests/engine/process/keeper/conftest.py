"""A keeper for a test; whatever it started ends with the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from keeper_support import KeeperProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[KeeperProcess]:
    """A keeper that runs; it must not have complained of anything."""
    keeper = KeeperProcess(tmp_path)
    try:
        keeper.start()
        yield keeper
    finally:
        keeper.close()
    assert keeper.complaints == ""
