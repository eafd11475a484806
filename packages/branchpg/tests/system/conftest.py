from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from branchpg_harness.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A project that the tests of a module share; each makes branches of its own."""
    with Stack() as started:
        yield started
